"""Long fits that were stopped: where they keep what they can go on from, and by which seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from synthdata.errors import Cancelled, PrivacyError, SynthdataError
from synthdata.runs.store import RunFolder


class Resumable(Protocol):
    """A model of which a fit may be told where to keep what it can go on from."""

    unfinished: Path | None


@contextmanager
def kept(model: Resumable, folder: RunFolder) -> Iterator[None]:
    """Fit inside: what the fit can go on from lies in the run's folder.

    Raises:
        Cancelled: somebody asked to stop; it says so where there is something to go on from.
    """
    model.unfinished = folder.unfinished
    try:
        yield
    except (Cancelled, KeyboardInterrupt):
        if folder.unfinished.exists():
            raise Cancelled(advice="Training goes on from where it was with the same call and --resume.") from None
        raise
    finally:
        model.unfinished = None


def seeds_to_resume(
    out: str | Path | None, seed: int | None, split_seed: int | None, private: bool
) -> tuple[int | None, int | None]:
    """The seeds of the run in ``out``, where none are given; None each where there is no run yet.

    Raises:
        SynthdataError: no folder is named, or what lies there is damaged.
        PrivacyError: the fit is private.
    """
    if private:
        raise PrivacyError(
            "A private fit cannot be resumed: whoever goes on from a state of it would pay for half of the steps only.",
            "Pass --overwrite to start afresh. What the stopped fit had reserved stays spent.",
        )
    if out is None:
        raise SynthdataError("It is not said which run to go on with.", "Name its folder with --out.")
    found, found_split = RunFolder(Path(out)).seeds()
    return found if seed is None else seed, found_split if split_seed is None else split_seed


@contextmanager
def beside(save: Path, model: Resumable, record: Mapping[str, Any], resume: bool) -> Iterator[None]:
    """Fit and save inside: what the fit can go on from lies in a hidden folder beside ``save`` until it is saved.

    Raises:
        SynthdataError: with ``resume``, a fit that was stopped there was another one.
    """
    folder = RunFolder.create(unfinished_fit(save), dict(record), overwrite=not resume, resume=resume)
    try:
        with kept(model, folder):
            yield
    except BaseException:
        folder.finish("cancelled", "Stopped before the model was saved.")
        raise
    folder.remove()


def unfinished_fit(save: Path) -> Path:
    """The folder beside ``save`` in which a fit keeps what it can go on from.

    >>> unfinished_fit(Path("models/adult")).as_posix()
    'models/.adult.unfinished'
    """
    return save.with_name(f".{save.name}.unfinished")
