"""Do models of synthetic rows lean on the same columns as models of real rows do?

Permutation importances (Breiman 2001): by how much the skill on the same holdout rows falls when a column is shuffled.
The agreement is the cosine of the two lists of falls. The mark beside it is the agreement of two models that were
trained on two separate parts of the real rows, all three of one size.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from synthdata.random import SeedTree
from synthdata.validation.base import Comparison, Figure, NotComputable, Side
from synthdata.validation.parallel import side_by_side
from synthdata.validation.statistics import bootstrap_weights
from synthdata.validation.utility.learning import Learner, Task
from synthdata.validation.utility.tstr import choose_target

#: most rows a model is trained on, rows on which columns are shuffled and the fewer of wide tables, rounds, samples
TRAIN_ROWS, TEST_ROWS, WIDE_ROWS, WIDE, ROUNDS, REPLICATES = 8_000, 2_000, 500, 40, 40, 40
MINIMUM = 40
MODELS = ("real", "again", "synthetic")


@dataclass(frozen=True)
class Importance:
    """The figure, the agreement of ranks beside it, and each column's falls, the most important first."""

    figure: Figure
    rank_agreement: float | None = None
    columns: list[dict[str, Any]] = field(default_factory=list)


def importance_agreement(comparison: Comparison, seed: SeedTree, target: str | None = None) -> Importance:
    """How far models of real and of synthetic rows lean on the same columns to predict the target.

    Raises:
        SchemaError: the named target does not exist.
        NotComputable: there is no holdout, no target, too few rows, or no column matters.
    """
    chosen = choose_target(comparison, target)
    if comparison.holdout is None:
        raise NotComputable("There is no holdout, so there are no real rows to test models on.")
    if len(comparison.views) < 3:
        raise NotComputable("Fewer than two columns are left to predict the target from.")
    task = Task.of(comparison, chosen.view)
    rows = _rows(comparison, task, seed)
    wide = len(comparison.views) > WIDE
    test = task.rows("holdout", WIDE_ROWS if wide else TEST_ROWS, seed.generator("test"))
    if min(len(test), *(len(drawn) for _, drawn in rows.values())) < MINIMUM / 2:
        raise NotComputable(f"The target must be known in at least {MINIMUM} rows of each table.")

    def learn(model: str) -> Learner:
        side, drawn = rows[model]
        return task.learn(comparison, side, drawn, seed.integer("trees"), ROUNDS)

    learners = side_by_side(learn, MODELS)
    weights = bootstrap_weights(len(test), REPLICATES, seed.generator("bootstrap"))
    falls = dict(zip(MODELS, _falls(comparison, task, learners, test, weights, seed), strict=True))
    if not (falls["real"][:, 0] > 0).any():
        raise NotComputable(f"No column helps to predict “{chosen.view.name}”, so there is nothing to agree on.")
    agreement = cosine(falls["real"], falls["synthetic"])
    low, high = np.quantile(agreement[1:], [0.025, 0.975])
    figure = Figure(
        float(agreement[0]),
        (float(min(low, agreement[0])), float(max(high, agreement[0]))),
        float(cosine(falls["real"], falls["again"])[0]),
        "higher",
        n=len(rows["synthetic"][1]),
    )
    names = [name for name in comparison.names if name != chosen.view.name]
    entries: list[dict[str, Any]] = [
        {"name": name, **{model: float(falls[model][i, 0]) for model in ("real", "synthetic")}}
        for i, name in enumerate(names)
    ]
    entries.sort(key=lambda entry: -entry["real"])
    return Importance(figure, _rank_agreement(falls["real"][:, 0], falls["synthetic"][:, 0]), entries)


def _rows(comparison: Comparison, task: Task, seed: SeedTree) -> dict[str, tuple[Side, np.ndarray]]:
    """Equally many rows for each model: two separate parts of train, and synthetic ones."""
    real = seed.generator("train").permutation(task.rows("train", 2 * TRAIN_ROWS, seed.generator("train rows")))
    synthetic = seed.generator("synthetic").permutation(
        task.rows("synthetic", TRAIN_ROWS, seed.generator("synthetic rows"))
    )
    size = min(len(real) // 2, len(synthetic))
    return {
        "real": ("train", real[:size]),
        "again": ("train", real[size : 2 * size]),
        "synthetic": ("synthetic", synthetic[:size]),
    }


def _falls(
    comparison: Comparison,
    task: Task,
    learners: list[Learner],
    test: np.ndarray,
    weights: np.ndarray,
    seed: SeedTree,
) -> list[np.ndarray]:
    """For each model, by how much its skill falls for each column shuffled, (c, 1 + replicates), at least 0."""
    truth, features = task.truth("holdout", test), comparison.features("holdout", test, task.view.name)
    whole = [task.skills(truth, learner(features), weights) for learner in learners]

    def shuffled(column: int) -> list[np.ndarray]:
        changed = features.copy()
        changed[:, column] = features[seed.generator(f"column {column}").permutation(len(features)), column]
        return [
            np.maximum(0.0, own - task.skills(truth, learner(changed), weights))
            for own, learner in zip(whole, learners, strict=True)
        ]

    by_column = side_by_side(shuffled, range(features.shape[1]))
    return [np.array([each[model] for each in by_column]) for model in range(len(learners))]


def cosine(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The cosines (r,) of the columns of two arrays (c, r); 0 where one of the two is all zeros.

    >>> cosine(np.array([[1.0], [0.0]]), np.array([[1.0], [1.0]])).round(4).tolist()
    [0.7071]
    """
    lengths = np.linalg.norm(first, axis=0) * np.linalg.norm(second, axis=0)
    return np.divide((first * second).sum(axis=0), lengths, out=np.zeros(first.shape[1]), where=lengths > 0).clip(0, 1)


def _rank_agreement(first: np.ndarray, second: np.ndarray) -> float | None:
    """Spearman's correlation of two lists (c,), None where one does not vary."""
    from scipy.stats import spearmanr

    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(spearmanr(first, second).statistic)
