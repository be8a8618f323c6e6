"""The fidelity part of a report: every metric of likeness, run in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from synthdata.random import SeedTree
from synthdata.validation.associations import pair_details
from synthdata.validation.base import Comparison, Figure, attempted
from synthdata.validation.fidelity.coverage import NAMES as COVERAGE
from synthdata.validation.fidelity.coverage import coverage
from synthdata.validation.fidelity.detection import detection
from synthdata.validation.fidelity.shape import shape
from synthdata.validation.fidelity.trend import trend


@dataclass(frozen=True)
class Fidelity:
    """The figures by metric name, each column's shape, and the details that go beside them."""

    figures: dict[str, Figure]
    columns: dict[str, Figure]
    details: dict[str, Any]


def fidelity_part(comparison: Comparison, seed: SeedTree, step: Callable[[float, str], None]) -> Fidelity:
    """Measure likeness; ``step`` is told the share done of this part."""
    n = comparison.rows("synthetic")
    step(0.0, "Distribution of each column")
    shapes, shape_figure = attempted(lambda: shape(comparison, seed.child("shape")), n)
    step(0.25, "Relations between columns")
    trends, trend_figure = attempted(lambda: trend(comparison, seed.child("trend")), n)
    step(0.4, "Plausible rows, and their variety")
    covered, no_coverage = attempted(lambda: coverage(comparison, seed.child("coverage")), n, "higher")
    coverages = covered.figures if covered else dict.fromkeys(COVERAGE, no_coverage)
    step(0.5, "Can a classifier tell them apart?")
    detected, detection_figure = attempted(lambda: detection(comparison, seed.child("detection")), n, "higher")
    telling = [{"name": name, "importance": fall} for name, fall in (detected.columns if detected else [])]
    return Fidelity(
        {"shape": shape_figure, "trend": trend_figure, "detection": detection_figure, **coverages},
        shapes.columns if shapes else {},
        {"pairs": pair_details(comparison, trends, seed.child("pairs")), "detection": {"columns": telling}},
    )
