"""The fidelity part of a report: every metric of likeness, run in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from synthdata.random import SeedTree
from synthdata.validation.associations import further_measures, pair_details
from synthdata.validation.base import Comparison, Figure, attempted
from synthdata.validation.fidelity.coverage import NAMES as COVERAGE
from synthdata.validation.fidelity.coverage import coverage
from synthdata.validation.fidelity.cross_tables import CrossTables
from synthdata.validation.fidelity.dependencies import dependencies
from synthdata.validation.fidelity.detection import detection
from synthdata.validation.fidelity.landscape import landscape
from synthdata.validation.fidelity.likeness import likeness
from synthdata.validation.fidelity.rules import rules
from synthdata.validation.fidelity.shape import shape
from synthdata.validation.fidelity.sliced import sliced_wasserstein
from synthdata.validation.fidelity.three_way import three_way
from synthdata.validation.fidelity.trend import trend


@dataclass(frozen=True)
class Fidelity:
    """The figures by metric name, each column's shape and further measures, and the details that go beside them."""

    figures: dict[str, Figure]
    columns: dict[str, Figure]
    likeness: dict[str, dict[str, Any]]
    details: dict[str, Any]


def fidelity_part(comparison: Comparison, seed: SeedTree, step: Callable[[float, str], None]) -> Fidelity:
    """Measure likeness; ``step`` is told the share done of this part."""
    n = comparison.rows("synthetic")
    step(0.0, "Distribution of each column")
    shapes, shape_figure = attempted(lambda: shape(comparison, seed.child("shape")), n)
    step(0.25, "Relations between columns")
    trends, trend_figure = attempted(lambda: trend(comparison, seed.child("trend")), n)
    step(0.35, "Plausible rows, and their variety")
    covered, no_coverage = attempted(lambda: coverage(comparison, seed.child("coverage")), n, "higher")
    coverages = covered.figures if covered else dict.fromkeys(COVERAGE, no_coverage)
    step(0.45, "Can a classifier tell them apart?")
    detected, detection_figure = attempted(lambda: detection(comparison, seed.child("detection")), n, "higher")
    telling = [{"name": name, "importance": fall} for name, fall in (detected.columns if detected else [])]
    step(0.75, "Three columns at a time, and whole rows")
    triples, triples_figure = attempted(lambda: three_way(comparison, seed.child("three way")), n)
    _, sliced_figure = attempted(lambda: sliced_wasserstein(comparison, seed.child("sliced")), n)
    step(0.85, "What determines what, and the schema's rules")
    determined, determined_figure = attempted(lambda: dependencies(comparison, seed.child("dependencies")), n)
    stated, rules_figure = attempted(lambda: rules(comparison), n)
    step(0.9, "Details of columns and pairs")
    pairs = pair_details(comparison, trends, seed.child("pairs"))
    pairs["further"] = further_measures(comparison, pairs["worst"], seed.child("further pairs"))
    tables = CrossTables.of(comparison, seed.child("cross tables"))
    pairs["tables"] = tables.of_pairs(trends.error) if trends else []
    worst = [{**triple, "table": tables.of_triple(triple["columns"])} for triple in (triples.worst if triples else [])]
    return Fidelity(
        {
            "shape": shape_figure,
            "trend": trend_figure,
            "detection": detection_figure,
            **coverages,
            "three_way": triples_figure,
            "sliced_wasserstein": sliced_figure,
            "dependencies": determined_figure,
            "rules": rules_figure,
        },
        shapes.columns if shapes else {},
        likeness(comparison, seed.child("likeness")),
        {
            "pairs": pairs,
            "detection": {"columns": telling},
            "fidelity_details": {
                "triples": worst,
                "dependencies": determined.worst if determined else [],
                "dependencies_found": determined.found if determined else 0,
                "rules": stated.rules if stated else [],
                "landscape": landscape(comparison, seed.child("landscape")),
            },
        },
    )
