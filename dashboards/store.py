"""What the pages know of run folders; nothing in it looks above the folder of runs, or shows where that lies."""

from __future__ import annotations

import os
import re
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards.launch import RUNS_VARIABLE
from synthdata.errors import SynthdataError
from synthdata.reporting.report import Report
from synthdata.runs.store import RunFolder, RunInfo, list_runs

if TYPE_CHECKING:
    import pandas as pd

PREVIEW_ROWS = 500

_FOLDERS = (
    re.compile(r"(?<=')~?/(?:[^/'\n]+/)+"),  # in quotes a path may have spaces
    re.compile(r"(?<=[a-z]:///)/(?:[^/\s'\"]+/)+"),  # a file behind sqlite:/// or duckdb:///
    re.compile(r"(?<![\w:/.~…])~?/(?:[^/\s'\"]+/)+(?=[^/\s'\"])"),
)


def root() -> Path:
    """The folder of runs that the dashboard was started with."""
    return Path(os.environ.get(RUNS_VARIABLE, "runs"))


def runs() -> list[RunInfo]:
    """All runs, the newest first, with paths outside of them taken out of what they say."""
    return [_shown(run) for run in list_runs(root())]


def find(name: str | None) -> RunInfo | None:
    """A run by its name, which is looked up among the runs there are and never used as a path."""
    return next((run for run in runs() if run.name == name), None)


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


@st.cache_resource(show_spinner=False, max_entries=64)
def _load(path: Path, changed: int) -> Report:
    loaded = Report.load(path)
    source = without_paths(str(loaded.run.get("source") or ""))
    return Report({**loaded.facts, "run": {**loaded.run, "source": source}})


def last_event(run: RunInfo) -> dict[str, Any]:
    """The newest line of a run's log, or an empty mapping."""
    try:
        newest = deque(RunFolder(run.folder).events(), maxlen=1)
    except (OSError, ValueError):
        return {}
    return newest[0] if newest else {}


def preview(run: RunInfo) -> tuple[pd.DataFrame, int]:
    """The first synthetic rows of a run, and how many there are.

    Raises:
        SynthdataError: there is no synthetic table, or it cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(run.folder / "synthetic.parquet") as file:
            first = next(file.iter_batches(batch_size=PREVIEW_ROWS), None)
            table = pa.Table.from_batches([first] if first is not None else [], schema=file.schema_arrow)
            return table.to_pandas(), file.metadata.num_rows
    except FileNotFoundError:
        raise SynthdataError("This run has no synthetic table.", "It ended before drawing rows.") from None
    except (OSError, pa.ArrowException):
        raise SynthdataError("synthetic.parquet is damaged and cannot be read.", "Run it again.") from None


def without_paths(text: str) -> str:
    """A text with the folders of absolute paths left out; URLs stay.

    >>> without_paths("Cannot write /home/ann/runs/a/report.json: the disk is full.")
    'Cannot write …/report.json: the disk is full.'
    >>> without_paths("postgresql://ann:***@db/shop has no table 'a'")
    "postgresql://ann:***@db/shop has no table 'a'"
    """
    here = root().resolve()
    for known in (here, here.parent, Path.home()):
        if len(known.parts) > 1:
            text = text.replace(f"{known}/", "…/")
    for folders in _FOLDERS:
        text = folders.sub("…/", text)
    return text


def _shown(run: RunInfo) -> RunInfo:
    return replace(run, source=without_paths(run.source), message=without_paths(run.message))
