"""Whether synthetic rows help a model, measured on a run's real table by a process of its own, `synthdata augment`.

    runs/<name>/augmentation/start.json               what was started, and by which process
    runs/<name>/augmentation/events.jsonl             how far it is
    runs/<name>/augmentation/log.txt                  what the process said
    runs/<name>/augmentation/rows.parquet             rows to train on
    runs/<name>/augmentation/rows.augmentation.json   what they gain

It lies in the run's folder and goes with it; a bundle takes nothing of it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dashboards import starting
from dashboards.access import Person
from dashboards.real_table import source_of
from synthdata.errors import SynthdataError
from synthdata.runs.store import RunInfo

FOLDER = "augmentation"
ROWS = "rows.parquet"
#: parts of the cross-validation, and how often it is repeated
FOLDS, REPEATS = 5, 2


@dataclass(frozen=True)
class Measurement:
    """How a measurement stands; ``facts`` are what it found, ``event`` the newest of its progress."""

    state: Literal["none", "running", "failed", "done"]
    message: str = ""
    event: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    rows: Path | None = None


def start(root: Path, run: RunInfo, person: Person, *, target: str, balance: bool) -> None:
    """Start to measure, in place of an earlier measurement.

    Raises:
        SynthdataError: the person may not, one is under way, or the real table cannot be opened from here.
    """
    if not person.may("runner"):
        raise SynthdataError("Only a runner may measure on real rows.")
    if standing(run).state == "running":
        raise SynthdataError("It is being measured already.", "Stop it first.")
    source = source_of(root.resolve(), run, person)
    folder = run.folder / FOLDER
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise SynthdataError(f"The run's folder cannot be written to: {error.strerror}.") from None
    here = f"{run.name}/{FOLDER}"
    arguments = ["augment", source, "--target", target, "--model", str(run.model), "-o", f"{here}/{ROWS}"]
    arguments += ["--folds", str(FOLDS), "--repeats", str(REPEATS)]
    arguments += ["--events", f"{here}/events.jsonl", "--schema", f"{run.name}/schema.json", "--drop-text"]
    for name in ("table", "query"):
        if run.record.get(name):
            arguments += [f"--{name}", str(run.record[name])]
    if balance:
        arguments.append("--balance")
    starting.begin(root, arguments, folder, {"target": target, "balance": balance})


def standing(run: RunInfo) -> Measurement:
    """How the measurement of a run stands."""
    folder = run.folder / FOLDER
    about = starting.noted(folder / "start.json")
    if not folder.is_dir():
        return Measurement("none")
    if works_on(about.get("process"), run.name):
        return Measurement("running", event=_newest(folder / "events.jsonl"))
    facts = starting.noted(folder / "rows.augmentation.json")
    if facts.get("version") == 1 and isinstance(facts.get("gains"), dict):
        rows = folder / ROWS
        return Measurement("done", facts=facts, rows=rows if rows.is_file() else None)
    return Measurement("failed", starting.last_word(folder / "log.txt") or "It ended before it had measured anything.")


def cancel(run: RunInfo) -> None:
    """Ask the process to stop."""
    process = starting.noted(run.folder / FOLDER / "start.json").get("process")
    if isinstance(process, int) and works_on(process, run.name):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGTERM)


def works_on(process: Any, name: str) -> bool:
    """Whether a process is a `synthdata augment` for the run of this name."""
    if not isinstance(process, int) or process <= 1:
        return False
    words = starting.words_of(process)
    return "augment" in words and f"{name}/{FOLDER}/{ROWS}" in words


def _newest(path: Path) -> dict[str, Any]:
    """The last whole line of a file of events."""
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
        return dict(json.loads(lines[-1])) if lines else {}
    except (OSError, ValueError):
        return {}
