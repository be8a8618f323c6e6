"""All measurements of one synthetic table, as the facts that report.json holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from synthdata.progress import Progress, silent
from synthdata.random import SeedTree
from synthdata.table.table import Table
from synthdata.validation.alerts import alerts
from synthdata.validation.base import Comparison, plain
from synthdata.validation.expectations import check_synthetic
from synthdata.validation.fairness.part import fairness_part
from synthdata.validation.fidelity.part import fidelity_part
from synthdata.validation.holdout import columns_that_differ
from synthdata.validation.policy import Policy
from synthdata.validation.policy_judgement import judge
from synthdata.validation.privacy.attacks import LogProb
from synthdata.validation.privacy.panel import privacy_part
from synthdata.validation.summaries import column_details
from synthdata.validation.utility.part import utility_part


def validate(
    train: Table,
    holdout: Table | None,
    synthetic: Table,
    *,
    seed: SeedTree,
    target: str | None = None,
    protected: Sequence[str] = (),
    policy: Policy | None = None,
    progress: Progress | None = None,
    source_checks: Sequence[dict[str, Any]] = (),
    log_prob: LogProb | None = None,
) -> dict[str, Any]:
    """Measure fidelity, usefulness and privacy of a synthetic table, judge it by a policy, and say what matters.

    ``train`` is what the generator was fitted on, ``holdout`` real rows that it never saw, of the same origin.
    ``protected`` names the columns whose groups are compared (by default those called sex, race and the like).
    ``log_prob`` gives the generator's own log-density of rows, where it is at hand and has one: the strongest attack
    looks at it. The result holds everything of report.json but ``run`` and ``notes``.

    Raises:
        TableError: a table is empty.
        SchemaError: the tables do not belong together, or the target or a protected column does not exist.
        Cancelled: the observer of ``progress`` asked to stop.
    """
    policy = policy or Policy.shipped()
    progress = progress or silent()
    progress.step(0.0, "Comparing the tables")
    compared = Comparison.of(train, holdout, synthetic)
    progress.step(0.05, "Checking the synthetic table")
    checks = check_synthetic(synthetic, train.schema, train)
    fidelity = fidelity_part(compared, seed, _share(progress, 0.2, 0.6))
    progress.step(0.6, "Training on synthetic, testing on real")
    useful = utility_part(compared, seed, target)
    fair = fairness_part(compared, seed.child("fairness"), target, protected)
    differs = columns_that_differ(compared)
    privacy = privacy_part(compared, seed, differs, _share(progress, 0.7, 0.95), log_prob)
    progress.step(0.95, "Details of columns and pairs")
    report: dict[str, Any] = {
        "fidelity": {name: figure.to_json() for name, figure in fidelity.figures.items()},
        "utility": {name: figure.to_json() for name, figure in useful.figures.items()},
        "privacy": privacy,
        "fairness": fair,
        "columns": column_details(compared, fidelity.columns, fidelity.likeness),
        **fidelity.details,
        **useful.details,
        "checks": {"source": list(source_checks), "synthetic": checks},
    }
    outcome, rules = judge(policy, report)
    report["policy"] = {"name": policy.name, "rules": rules}
    report["verdict"] = outcome
    report["alerts"] = alerts(compared, report, fidelity.columns, differs)
    progress.step(1.0, "Measured")
    return dict(plain(report))


def _share(progress: Progress, low: float, high: float) -> Callable[[float, str], None]:
    """Where a part's own share done lies in the whole."""
    return lambda share, what: progress.step(low + share * (high - low), what)
