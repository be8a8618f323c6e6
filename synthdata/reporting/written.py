"""Reports as files: what is said of the run itself, and the editions that are written, whole or for sharing."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from synthdata.atomic import write_text
from synthdata.connectors import Loaded
from synthdata.models.base import Synthesizer
from synthdata.progress import Progress
from synthdata.random import SeedTree
from synthdata.reporting.html import render
from synthdata.reporting.report import Report
from synthdata.runs.store import now
from synthdata.table.table import Table
from synthdata.validation.noised import NoisedFigures, with_noised
from synthdata.validation.share import shareable


def describe_run(
    name: str,
    loaded: Loaded,
    real: Table,
    rows: tuple[int, int, int],
    synthesizer: Synthesizer | None,
    seeds: SeedTree,
    progress: Progress,
) -> dict[str, Any]:
    """The ``run`` part of a report: where everything came from."""
    libraries = ("synthdata", "numpy", "pandas", "scikit-learn")
    train, held, synthetic = rows
    return {
        "name": name,
        "title": loaded.name,
        "source": loaded.display,
        "model": synthesizer.name if synthesizer else None,
        "model_summary": synthesizer.summary if synthesizer else "",
        "parameters": synthesizer.parameters() if synthesizer else {},
        "seed": seeds.seed,
        "device": "cpu",
        "rows": {"source": train + held, "train": train, "holdout": held, "synthetic": synthetic},
        "columns": len(real.schema),
        "target": real.schema.target,
        "created": now(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in libraries}},
        "durations": {stage: round(seconds, 3) for stage, seconds in progress.durations.items()},
    }


def write_report(
    facts: Mapping[str, Any], folder: Path, share: Table | None = None, noised: NoisedFigures | None = None
) -> Report:
    """Write a report as JSON and HTML, and hand back the whole one.

    Where the synthetic table is given as ``share``, what is written says nothing of real rows but the ``noised``
    figures.
    """
    report = Report({"version": 1, "edition": "internal", **facts})
    written = report if share is None else share_edition(report, share, noised)
    written.save(folder / "report.json")
    write_text(folder / "report.html", render(written))
    return report


def share_edition(report: Report, made: Table, noised: NoisedFigures | None = None) -> Report:
    """The edition that says nothing of real rows but the ``noised`` figures; ``made`` is the synthetic table."""
    shared = shareable(report.facts, made, SeedTree(report.run["seed"]).child("share"))
    return Report(with_noised(shared, noised) if noised else shared)
