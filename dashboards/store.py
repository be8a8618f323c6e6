"""What the pages know of run folders; nothing in it looks above the folder of runs, or shows where that lies."""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboards import starting
from dashboards.launch import runs_folder
from synthdata.errors import SynthdataError
from synthdata.reporting.model_facts import curves
from synthdata.reporting.report import Report
from synthdata.reporting.words import tone
from synthdata.runs.audit_log import RELEASED, SHARE, Review, fingerprints, verify
from synthdata.runs.store import RunFolder, RunInfo, list_runs

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

PREVIEW_ROWS = 500

_FOLDERS = (
    re.compile(r"(?<=')~?/(?:[^/'\n]+/)+"),  # in quotes a path may have spaces
    re.compile(r"(?<=[a-z]:///)/(?:[^/\s'\"]+/)+"),  # a file behind sqlite:/// or duckdb:///
    re.compile(r"(?<![\w:/.~…])~?/(?:[^/\s'\"]+/)+(?=[^/\s'\"])"),
)


_UPLOADS = re.compile(r"(?:…/)?\.uploads/[0-9a-f]+/")


def root() -> Path:
    """The folder of runs that the dashboard was started with."""
    return runs_folder()


def runs() -> list[RunInfo]:
    """All runs, the newest first, with paths outside of them taken out of what they say."""
    listed = [run for run in list_runs(root()) if run.status != "broken" or not _is_other(run.folder)]
    found = [*listed, *starting.begun(root())]
    return [_shown(run) for run in sorted(found, key=lambda run: (run.started, run.name), reverse=True)]


def find(name: str | None) -> RunInfo | None:
    """A run by its name, which is one folder below the runs and no path.

    No other run is read, so that it takes as long among thousands as among a few.
    """
    if not name or name.startswith(".") or Path(name).name != name or "\\" in name:
        return None
    path = root() / name
    if path.is_dir():
        run = RunFolder(path).info()
        return _shown(run) if run.status != "broken" or not _is_other(path) else None
    return next((_shown(run) for run in starting.begun(root()) if run.name == name), None)


def review(run: RunInfo) -> Review:
    """What the run's review log says, its files held against it."""
    try:
        return verify(run.folder, files=lambda: _hashes(run.folder, _stamps(run.folder)))
    except SynthdataError as error:
        return Review("broken", (), (without_paths(str(error)),))


def _stamps(folder: Path) -> tuple[tuple[str, int, int, int], ...]:
    found = []
    for name in RELEASED:
        try:
            about = (folder / name).stat()
        except OSError:
            continue
        found.append((name, about.st_mtime_ns, about.st_ctime_ns, about.st_size))
    return tuple(found)


@lru_cache(maxsize=2048)
def _hashes(folder: Path, stamps: tuple[tuple[str, int, int, int], ...]) -> dict[str, str]:
    """The hashes of a run's files, computed again only when one of them has changed."""
    return fingerprints(folder)


def epsilon(run: RunInfo) -> float | None:
    """The ε that a run's model was fitted with, or None where it was not private."""
    path = run.folder / "ledger.json"
    try:
        spent = json.loads(path.read_text(encoding="utf-8")).get("epsilon_spent")
    except (OSError, ValueError, AttributeError):
        return None
    return float(spent) if isinstance(spent, int | float) else None


def models() -> list[str]:
    """The names of the folders below the runs that hold a saved model, in alphabetical order."""
    here = root()
    if not here.is_dir():
        return []
    return sorted(
        path.name
        for path in here.iterdir()
        if not path.name.startswith(".")
        and ((path / "model" / "manifest.json").is_file() or (path / "manifest.json").is_file())
    )


def comparisons() -> dict[str, dict[str, Any]]:
    """What `synthdata compare` left below the runs: facts by the folder's name; damaged ones are left out."""
    found = {}
    for path in sorted(root().glob("*/comparison.json")):
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(facts, dict) and facts.get("version") == 1 and isinstance(facts.get("models"), list):
            found[path.parent.name] = facts
    return found


def _is_other(folder: Path) -> bool:
    """Whether a folder without a run is a comparison or a saved model, which have pages of their own."""
    return any((folder / name).is_file() for name in ("comparison.json", "plan.json", "manifest.json"))


def report(run: RunInfo) -> Report:
    """A run's report, read again only when its file has changed.

    Raises:
        SynthdataError: it is missing, damaged or of a newer version.
    """
    path = run.folder / "report.json"
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        changed = 0
    try:
        return _load(path, changed)
    except SynthdataError as error:
        raise SynthdataError(without_paths(str(error))) from None


@lru_cache(maxsize=64)
def _load(path: Path, changed: int) -> Report:
    loaded = Report.load(path)
    source = without_paths(str(loaded.run.get("source") or ""))
    return Report({**loaded.facts, "run": {**loaded.run, "source": source}})


def tone_of(run: RunInfo) -> str:
    """How a run's answer is coloured: ``pass``, ``warn`` or ``fail``; empty where it has no report."""
    path = run.folder / "report.json"
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        return ""
    return _tone(path, changed) if run.status == "done" else ""


@lru_cache(maxsize=2048)
def _tone(path: Path, changed: int) -> str:
    try:
        return tone(Report.load(path))
    except SynthdataError:
        return ""


def share_edition(run: RunInfo, report: Report) -> Report | None:
    """The edition for sharing that lies ready, with noised figures or as the run was made; None where there is none.

    Raises:
        SynthdataError: it is damaged.
    """
    if report.shared:
        return report
    stamp = share_stamp(run)
    return _load(run.folder / SHARE, stamp) if stamp else None


def share_stamp(run: RunInfo) -> int:
    """When the edition with noised figures was made, 0 where there is none."""
    try:
        return (run.folder / SHARE).stat().st_mtime_ns
    except OSError:
        return 0


def last_event(run: RunInfo) -> dict[str, Any]:
    """The newest line of a run's log, or an empty mapping."""
    try:
        newest = deque(RunFolder(run.folder).events(), maxlen=1)
    except (OSError, ValueError):
        return {}
    return newest[0] if newest else {}


def quality(run: RunInfo) -> dict[str, list[list[float]]]:
    """What fitting has told of held-out rows so far: by the figure's name, how much was done and the value."""
    try:
        return curves(RunFolder(run.folder).events())
    except (OSError, ValueError):
        return {}


def preview(run: RunInfo, sought: str = "") -> tuple[pd.DataFrame, int]:
    """The first synthetic rows of a run, of those with the ``sought`` text in a cell, and how many rows it has in all.

    Raises:
        SynthdataError: there is no synthetic table, or it cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(run.folder / "synthetic.parquet") as file:
            found = pa.Table.from_batches([], schema=file.schema_arrow)
            for batch in file.iter_batches():
                rows = batch.filter(_holding(batch, sought)) if sought else batch
                found = pa.concat_tables([found, pa.Table.from_batches([rows])])
                if len(found) >= PREVIEW_ROWS:
                    break
            return found.slice(0, PREVIEW_ROWS).to_pandas(), file.metadata.num_rows
    except FileNotFoundError:
        raise SynthdataError("This run has no synthetic table.", "It ended before drawing rows.") from None
    except (OSError, pa.ArrowException):
        raise SynthdataError("synthetic.parquet is damaged and cannot be read.", "Run it again.") from None


def _holding(batch: pa.RecordBatch, sought: str) -> pa.Array:
    """Which rows of a batch have a text in one of their cells, whatever its case; numbers as they are written."""
    import pyarrow as pa
    import pyarrow.compute as pc

    held = pa.array([False] * len(batch))
    for column in batch.columns:
        if pa.types.is_duration(column.type):  # as text these would be nanoseconds
            texts = pa.array([None if cell is None else str(cell) for cell in column.to_pylist()], pa.string())
        else:
            texts = column.cast(pa.string())
        held = pc.or_(held, pc.fill_null(pc.match_substring(texts, sought, ignore_case=True), False))
    return held


def without_paths(text: str) -> str:
    """A text with the folders of absolute paths left out; URLs stay.

    >>> without_paths("Cannot write /home/ann/runs/a/report.json: the disk is full.")
    'Cannot write …/report.json: the disk is full.'
    >>> without_paths("postgresql://ann:***@db/shop has no table 'a'")
    "postgresql://ann:***@db/shop has no table 'a'"
    >>> without_paths(".uploads/0123456789abcdef/a.csv")
    'a.csv'
    """
    return _without(text, root()) if text else text


@lru_cache(maxsize=8192)
def _without(text: str, runs: Path) -> str:
    """The same for one folder of runs; a list of runs says the same few texts at every page change."""
    here = runs.resolve()
    for known in (here, here.parent, Path.home()):
        if len(known.parts) > 1:
            text = text.replace(f"{known}/", "…/")
    for folders in _FOLDERS:
        text = folders.sub("…/", text)
    return _UPLOADS.sub("", text)


def _shown(run: RunInfo) -> RunInfo:
    return replace(run, source=without_paths(run.source), message=without_paths(run.message))
