"""All measurements of one synthetic table, as the facts that report.json holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from synthdata.progress import Progress, silent
from synthdata.random import SeedTree
from synthdata.table.table import Table
from synthdata.validation.alerts import alerts
from synthdata.validation.associations import pair_details
from synthdata.validation.base import Comparison, Figure, NotComputable, plain
from synthdata.validation.expectations import check_synthetic
from synthdata.validation.fidelity.detection import detection
from synthdata.validation.fidelity.shape import shape
from synthdata.validation.fidelity.trend import trend
from synthdata.validation.holdout import columns_that_differ
from synthdata.validation.policy import Policy, judge
from synthdata.validation.privacy.copies import copies
from synthdata.validation.privacy.dcr import nearness
from synthdata.validation.privacy.panel import privacy_part
from synthdata.validation.privacy.replay import replays
from synthdata.validation.privacy.verdict import verdict
from synthdata.validation.summaries import column_details
from synthdata.validation.utility.tstr import tstr

Result = TypeVar("Result")


def validate(
    train: Table,
    holdout: Table | None,
    synthetic: Table,
    *,
    seed: SeedTree,
    target: str | None = None,
    policy: Policy | None = None,
    progress: Progress | None = None,
    source_checks: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Measure fidelity, usefulness and privacy of a synthetic table, judge it by a policy, and say what matters.

    ``train`` is what the generator was fitted on, ``holdout`` real rows that it never saw, of the same origin. The
    result holds everything of report.json but ``run`` and ``notes``.

    Raises:
        TableError: a table is empty.
        SchemaError: the tables do not belong together, or the target does not exist.
        Cancelled: the observer of ``progress`` asked to stop.
    """
    policy = policy or Policy.shipped()
    step = (progress or silent()).step
    step(0.0, "Comparing the tables")
    compared = Comparison.of(train, holdout, synthetic)
    rows = compared.rows("synthetic")

    def attempt(compute: Callable[[], Result]) -> tuple[Result | None, Figure]:
        """What a metric gives, or None and an empty figure with the reason."""
        try:
            return compute(), Figure(None)
        except NotComputable as reason:
            return None, Figure(None, n=rows, text=str(reason))

    step(0.05, "Checking the synthetic table")
    checks = check_synthetic(synthetic, train.schema, train)
    step(0.2, "Distribution of each column")
    shapes, no_shape = attempt(lambda: shape(compared, seed.child("shape")))
    by_column = shapes.columns if shapes else {}
    step(0.3, "Relations between columns")
    trends, no_trend = attempt(lambda: trend(compared, seed.child("trend")))
    step(0.4, "Can a classifier tell them apart?")
    detected, no_detection = attempt(lambda: detection(compared, seed.child("detection")))
    step(0.6, "Training on synthetic, testing on real")
    useful, no_use = attempt(lambda: tstr(compared, seed.child("tstr"), target))
    step(0.75, "Exact copies")
    copied, no_copies = attempt(lambda: copies(compared))
    step(0.8, "Distance to the closest record")
    near, no_nearness = attempt(lambda: nearness(compared, seed.child("nearness")))
    differs = columns_that_differ(compared)
    judged = verdict(compared, copied, near, replays(compared), differs)
    step(0.9, "Details of columns and pairs")
    report: dict[str, Any] = {
        "fidelity": {
            "shape": (shapes.figure if shapes else no_shape).to_json(),
            "trend": (trends.figure if trends else no_trend).to_json(),
            "detection": (detected.figure if detected else _turned(no_detection, "higher")).to_json(),
        },
        "utility": {"tstr": (useful.figure if useful else _turned(no_use, "higher")).to_json()},
        "privacy": privacy_part(
            copied.figure if copied else no_copies,
            near.figure if near else _turned(no_nearness, "target", 0.5),
            near,
            judged,
        ),
        "columns": column_details(compared, by_column),
        "pairs": pair_details(compared, trends, seed.child("pairs")),
        "detection": {
            "columns": [{"name": name, "importance": fall} for name, fall in (detected.columns if detected else [])]
        },
        "utility_details": useful.details
        if useful
        else {"target": target or train.schema.target, "reason": no_use.text},
        "checks": {"source": list(source_checks), "synthetic": checks},
    }
    outcome, rules = judge(policy, report)
    report["policy"] = {"name": policy.name, "rules": rules}
    report["verdict"] = outcome
    report["alerts"] = alerts(compared, report, by_column, differs)
    step(1.0, "Measured")
    return dict(plain(report))


def _turned(figure: Figure, direction: Any, target: float | None = None) -> Figure:
    return Figure(None, direction=direction, target=target, n=figure.n, text=figure.text)
