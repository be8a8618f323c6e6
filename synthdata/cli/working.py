"""What commands have in common: a console and a progress bar around the work, the model's own options, the end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from typing import TYPE_CHECKING, Any

import typer

from synthdata.cli.options import Device
from synthdata.errors import Cancelled, PrivacyError

if TYPE_CHECKING:
    from rich.console import Console

    from synthdata.privacy.ledger import Privacy
    from synthdata.progress import Progress
    from synthdata.reporting.report import Report


@contextmanager
def working() -> Iterator[tuple[Console, Progress]]:
    """A console and a progress bar around long work; Ctrl-C and SIGTERM cancel it cleanly."""
    from rich.console import Console

    from synthdata.progress import Progress
    from synthdata.progress_bar import ProgressBar

    def stop(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        with ProgressBar(Console(stderr=True)) as bar:
            yield Console(), Progress([bar])
    except KeyboardInterrupt:
        raise Cancelled() from None
    finally:
        signal.signal(signal.SIGTERM, previous)


def finish(console: Console, report: Report) -> None:
    """Print a report's summary and leave with 1 where the policy failed."""
    from synthdata.reporting.terminal import terminal_summary

    console.print(terminal_summary(report))
    if report.facts["verdict"] == "fail":
        raise typer.Exit(1)


def privacy_of(
    epsilon: float | None, delta: float | None, rows_per_person: int | None = None, split: str | None = None
) -> Privacy | None:
    """The budget that the options ask for; None where they ask for none.

    Raises:
        PrivacyError: a budget that promises nothing, or one of the others without an ε.
    """
    from synthdata.privacy.ledger import Privacy

    if epsilon is None:
        if delta is not None:
            raise PrivacyError("--delta says nothing without --epsilon.", "Give both: --epsilon 1 --delta 1e-6.")
        if rows_per_person is not None:
            raise PrivacyError("--rows-per-person says nothing without --epsilon.", "Give both, or leave it away.")
        if split is not None:
            raise PrivacyError("--split says nothing without --epsilon.", "Give both, or leave it away.")
        return None
    given = {"delta": delta, "rows_per_person": rows_per_person, "split": None if split is None else split_of(split)}
    return Privacy(epsilon, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


def split_of(text: str) -> dict[str, float]:
    """The shares of a budget by stage, as ``rows=0.005,structure=0.02,domain=0.095,training=0.88``.

    >>> split_of("rows=0.01, training=0.99")
    {'rows': 0.01, 'training': 0.99}

    Raises:
        PrivacyError: it is not of that form.
    """
    shares = {}
    for part in text.split(","):
        stage, equals, share = part.partition("=")
        try:
            shares[stage.strip()] = float(share)
        except ValueError:
            equals = ""
        if not equals:
            raise PrivacyError(
                f"The share {part.strip()!r} of the budget is not of the form STAGE=SHARE.",
                "For example: --split rows=0.005,structure=0.02,domain=0.095,training=0.88.",
            )
    return shares


def settings_of(model: str, device: Device, time_budget: float | None) -> list[str]:
    """The model's own settings for options that not every model has.

    Raises:
        ModelError: the model is unknown, or has no such option.
    """
    from synthdata.errors import ModelError
    from synthdata.models.registry import model_class

    known = signature(model_class(model).__init__).parameters
    settings = []
    if "device" in known:
        settings.append(f"device={device.value}")
    elif device is Device.cuda:
        raise ModelError(f"The model {model!r} computes on the CPU only.", "Leave --device away.")
    if time_budget is not None:
        if "time_budget" not in known:
            raise ModelError(f"The model {model!r} takes the time it needs.", "Leave --time-budget away.")
        settings.append(f"time_budget={time_budget}")
    return settings
