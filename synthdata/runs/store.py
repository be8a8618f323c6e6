"""Run folders: where one pass along the pipeline leaves its results, and how to find them again.

    runs/<name>/  run.json  schema.json  expectations.json  model/  synthetic.parquet
                  report.json  report.html  events.jsonl  unfinished/ (while a fit that can be resumed goes on)

No row of the real table is ever written here.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from synthdata.atomic import write_text
from synthdata.errors import SynthdataError

RUN_VERSION = 1
#: what has to be the same in a run that is taken up again
_SAME = ("fingerprint", "model", "parameters", "seed", "split_seed", "holdout")
STATUSES = ("running", "done", "failed", "cancelled")


@dataclass(frozen=True)
class RunInfo:
    """What a list of runs shows of one; ``status`` is ``broken`` where run.json cannot be read, ``message`` says why."""

    folder: Path
    name: str
    status: str
    source: str = ""
    model: str | None = None
    started: str = ""
    finished: str | None = None
    message: str = ""
    record: dict[str, Any] = field(default_factory=dict, compare=False)


class RunFolder:
    """One run's folder, while it is being filled and afterwards."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(
        cls, path: Path, record: dict[str, Any], *, overwrite: bool = False, resume: bool = False
    ) -> RunFolder:
        """Make the folder and write its ``run.json`` with the status ``running``.

        With ``resume``, take up a run there that was stopped, if it is the same; with ``overwrite`` as well, replace
        it if it is not.

        Raises:
            SynthdataError: something else is there already, or the place cannot be written to.
        """
        folder = cls(path)
        if folder.require_place(record, overwrite=overwrite, resume=resume):
            shutil.rmtree(path)
        folder.write_record({"version": RUN_VERSION, "name": path.name, "status": "running", "process": os.getpid(), **record})
        return folder

    def require_place(self, record: dict[str, Any], *, overwrite: bool = False, resume: bool = False) -> bool:
        """Whether what is there is to be replaced before a run with this record begins.

        Raises:
            SynthdataError: it must not be replaced, or the run there cannot be taken up.
        """
        path = self.path
        if not path.exists() or (path.is_dir() and not any(path.iterdir())):
            return False
        there = (path / "run.json").exists()
        hindered = self._not_resumed(record) if resume and there else None
        if not (there and (overwrite or (resume and hindered is None))):
            raise hindered or SynthdataError(
                f"{path} exists already and is not empty.",
                "Choose another --out, or pass --resume to go on with a run there that was stopped, or --overwrite "
                "to replace it.",
            )
        replaced = not resume or hindered is not None
        if replaced:
            _refuse_released(path)
        return replaced

    def _not_resumed(self, record: dict[str, Any]) -> SynthdataError | None:
        """Why the run that is there cannot be taken up by one with this record; None where it can."""
        try:
            status, earlier = self.info().status, self.record()
        except SynthdataError as error:
            return error
        wanted = json.loads(json.dumps(record))
        other = [key.replace("_", " ") for key in _SAME if earlier.get(key) != wanted.get(key)]
        if status == "done":
            why, what = "is complete: there is nothing to go on with", "start afresh without --resume"
        elif status == "running" and earlier.get("process") != os.getpid():
            why, what = "is still being worked on by another process", "wait for it, or stop that first"
        elif other:
            why = f"is a run with another {', another '.join(other)}"
            what = "call it as it was called before, or start afresh without --resume"
        else:
            return None
        return SynthdataError(f"{self.path} {why}.", f"{what[0].upper()}{what[1:]}.")

    def seeds(self) -> tuple[int | None, int | None]:
        """The seeds of the run and of its split; None each where there is no run yet."""
        if not self.file("run.json").exists():
            return None, None
        record = self.record()
        return record.get("seed"), record.get("split_seed")

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.path)

    @property
    def unfinished(self) -> Path:
        """Where a fit keeps what it can go on from, weights and no rows, until the run is complete."""
        return self.file("unfinished")

    def file(self, name: str) -> Path:
        """The path of a file of this run."""
        return self.path / name

    def record(self) -> dict[str, Any]:
        """What ``run.json`` holds.

        Raises:
            SynthdataError: there is none, or it is damaged.
        """
        try:
            data = json.loads(self.file("run.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise SynthdataError(f"{self.path} is not a run folder: it has no run.json.") from None
        except (json.JSONDecodeError, UnicodeDecodeError, OSError):
            raise SynthdataError(f"{self.path.name}/run.json is damaged and cannot be read.", "Run it again.") from None
        if not isinstance(data, dict) or data.get("version") != RUN_VERSION:
            raise SynthdataError(f"{self.path.name}/run.json is not of version {RUN_VERSION}.", "Use a newer synthdata.")
        return data

    def write_record(self, record: dict[str, Any]) -> None:
        """Replace ``run.json``."""
        write_text(self.file("run.json"), json.dumps(record, indent=2, ensure_ascii=False))

    def update(self, **changes: Any) -> None:
        """Change some entries of ``run.json``."""
        self.write_record({**self.record(), **changes})

    def finish(self, status: str, message: str = "") -> None:
        """Close the run with a status; when it is done nothing is left to go on from."""
        if status == "done" and self.unfinished.exists():
            shutil.rmtree(self.unfinished)
        self.update(status=status, message=message, finished=now())

    def info(self) -> RunInfo:
        """The run as a list shows it; a damaged one is reported, not raised."""
        try:
            record = _unchanged(self.path, _stamp(self.file("run.json")))
        except SynthdataError as error:
            return RunInfo(self.path, self.path.name, "broken", message=str(error))
        status = record.get("status", "broken")
        message = record.get("message") or ""
        if status == "running" and not _alive(record.get("process")):
            status, message = "failed", "The process that was working on this run has ended."
        return RunInfo(
            self.path,
            self.path.name,
            status,
            str(record.get("source", "")),
            record.get("model"),
            str(record.get("started", "")),
            record.get("finished"),
            message,
            record,
        )

    def events(self) -> Iterator[dict[str, Any]]:
        """The events logged so far; a line that is still being written is passed over."""
        path = self.file("events.jsonl")
        if not path.exists():
            return
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):
                    yield json.loads(line)


def _stamp(path: Path) -> tuple[int, int, int]:
    """What changes when a file is replaced; zeros where there is none."""
    try:
        about = path.stat()
    except OSError:
        return (0, 0, 0)
    return (about.st_ino, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=4096)
def _unchanged(path: Path, stamp: tuple[int, int, int]) -> dict[str, Any]:
    """What ``run.json`` holds, read again only when its stamp is another; not to be changed."""
    return RunFolder(path).record()


def list_runs(root: Path) -> list[RunInfo]:
    """All runs below ``root``, the newest first; broken folders are among them."""
    if not root.is_dir():
        return []
    runs = [RunFolder(path).info() for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return sorted(runs, key=lambda run: (run.started, run.name), reverse=True)


def new_name(root: Path, source: str, model: str) -> Path:
    """A folder below ``root`` that is not taken: the source, the model, and a number if need be."""
    stem = re.sub(r"[^\w.-]+", "-", f"{source}-{model}").strip("-.") or "run"
    path, number = root / stem, 1
    while path.exists():
        number += 1
        path = root / f"{stem}-{number}"
    return path


def now() -> str:
    """The present moment, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _refuse_released(path: Path) -> None:
    """A log of reviews that once released a run is not replaced: others may hold its rows and look for its seal."""
    from synthdata.runs.audit_log import verify

    review = verify(path)
    if review.state == "broken" or any(entry.action == "approve" for entry in review.entries):
        raise SynthdataError(
            f"{path} was released by a reviewer, so it is not replaced.",
            "Choose another --out, or delete the run in the dashboard first.",
        )


def _alive(process: Any) -> bool:
    if not isinstance(process, int):
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
