"""Every column as target: is what can be predicted of a real row as well learnt from synthetic rows, on average?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from synthdata.random import SeedTree
from synthdata.validation.base import Comparison, Figure, NotComputable, Side, View
from synthdata.validation.parallel import side_by_side
from synthdata.validation.statistics import bootstrap_weights
from synthdata.validation.utility.learning import Task

#: columns that are predicted, and of wide tables; above how many columns a table is wide
TARGETS, WIDE_TARGETS, WIDE = 12, 6, 40
#: most rows a model is trained and tested on, its rounds of boosting, bootstrap samples of the test rows
TRAIN_ROWS, TEST_ROWS, ROUNDS, REPLICATES = 5_000, 2_500, 25, 40
MINIMUM = 20
SIDES: tuple[Side, Side] = ("train", "synthetic")


@dataclass(frozen=True)
class AllTargets:
    """The figure, and each column's skill."""

    figure: Figure
    targets: list[dict[str, Any]] = field(default_factory=list)


def all_targets(comparison: Comparison, seed: SeedTree) -> AllTargets:
    """The mean skill over columns of models trained on synthetic rows, with that of models trained on real ones.

    Raises:
        NotComputable: there is no holdout, there are too few columns or rows, or none can be predicted.
    """
    if comparison.holdout is None:
        raise NotComputable("There is no holdout, so there are no real rows to test models on.")
    if len(comparison.views) < 2:
        raise NotComputable("Fewer than two columns are judged, so there is nothing to predict one from.")
    views = _chosen(comparison, seed.generator("columns"))
    outcomes = side_by_side(lambda view: _skills(comparison, view, seed.child(view.name)), views)
    entries: list[dict[str, Any]] = []
    samples = []
    for view, outcome in zip(views, outcomes, strict=True):
        if isinstance(outcome, str):
            entries.append({"name": view.name, "real": None, "synthetic": None, "text": outcome})
        else:
            samples.append(outcome)
            entries.append({"name": view.name, "real": float(outcome[0, 0]), "synthetic": float(outcome[1, 0])})
    if not samples:
        raise NotComputable(f"No column can be predicted: {entries[0]['text']}")
    means = np.mean(samples, axis=0)
    low, high = np.quantile(means[1, 1:], [0.025, 0.975])
    left = len(comparison.views) - len(views)
    text = f"{len(views)} columns drawn at random, the other {left} were not predicted." if left else None
    figure = Figure(
        float(means[1, 0]),
        (float(low), float(high)),
        float(means[0, 0]),
        "higher",
        n=min(comparison.rows("synthetic"), TRAIN_ROWS),
        text=text,
    )
    entries.sort(key=lambda entry: entry["synthetic"] - entry["real"] if entry["real"] is not None else 2.0)
    return AllTargets(figure, entries)


def _chosen(comparison: Comparison, generator: np.random.Generator) -> list[View]:
    count = len(comparison.views)
    most = TARGETS if count <= WIDE else WIDE_TARGETS
    kept = np.arange(count) if count <= most else np.sort(generator.choice(count, most, replace=False))
    return [comparison.views[i] for i in kept]


def _skills(comparison: Comparison, view: View, seed: SeedTree) -> np.ndarray | str:
    """The skills (2, 1 + replicates) of models of real and of synthetic rows, or why there are none."""
    try:
        task = Task.of(comparison, view)
        test = task.rows("holdout", TEST_ROWS, seed.generator("test"))
        rows = {side: task.rows(side, TRAIN_ROWS, seed.generator(side)) for side in SIDES}
        for side, drawn in (*rows.items(), ("holdout", test)):
            if len(drawn) < MINIMUM:
                raise NotComputable(f"It is known in {len(drawn)} rows of the {side} table; {MINIMUM} are needed.")
        truth, features = task.truth("holdout", test), comparison.features("holdout", test, view.name)
        weights = bootstrap_weights(len(test), REPLICATES, seed.generator("bootstrap"))
        return np.array(
            [
                task.skills(
                    truth, task.learn(comparison, side, rows[side], seed.integer("trees"), ROUNDS)(features), weights
                )
                for side in SIDES
            ]
        )
    except NotComputable as reason:
        return str(reason)
