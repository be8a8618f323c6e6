"""Detection: can boosted trees tell synthetic rows from real ones, and by which columns?

Equally many real and synthetic rows, three folds, the AUC of the predictions for rows a tree has not seen; the score
is 1 where it finds nothing (AUC .5) and 0 where it is never wrong: ``1 - (2 max(.5, AUC) - 1)``. Trees, because a
linear classifier finds nothing even in independent columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synthdata.random import SeedTree
from synthdata.validation.base import Comparison, Figure, NotComputable, Side
from synthdata.validation.parallel import side_by_side
from synthdata.validation.statistics import NORMAL_95, auc_with_deviation
from synthdata.validation.trees import fit_classifier

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

#: most rows taken of each side; the most rows on which a column is shuffled to see what it gives away
ROWS, IMPORTANCE_ROWS = 30_000, 2_000
FOLDS = 3
#: rows that each side needs
MINIMUM = 20


@dataclass(frozen=True)
class Detection:
    """The figure, and by how much the AUC falls when a column is shuffled, most telling first."""

    figure: Figure
    columns: list[tuple[str, float]]


def detection(comparison: Comparison, seed: SeedTree) -> Detection:
    """The detection score of the synthetic table, with the holdout's beside it.

    Raises:
        NotComputable: there are too few rows or no columns.
    """
    if not comparison.views:
        raise NotComputable("No column is judged, so there is nothing to tell the tables apart by.")
    rows = min(comparison.rows("train"), comparison.rows("synthetic"))
    if rows < MINIMUM:
        raise NotComputable(f"A classifier needs at least {MINIMUM} rows of each table; there are {rows}.")
    auc, deviation, columns, n = _detect(comparison, "synthetic", seed.child("synthetic"), importance=True)
    reference, text = None, comparison.no_reference
    if text is None:
        reference_auc, *_ = _detect(comparison, "holdout", seed.child("holdout"), importance=False)
        reference = score(reference_auc)
    interval = (score(auc + NORMAL_95 * deviation), score(auc - NORMAL_95 * deviation))
    return Detection(Figure(score(auc), interval, reference, "higher", n=n, text=text), columns)


def score(auc: float) -> float:
    """1 for a coin toss, 0 for perfect detection.

    >>> score(0.5), score(0.75), score(0.4)
    (1.0, 0.5, 1.0)
    """
    return float(1 - (2 * min(max(0.5, auc), 1.0) - 1))


def _detect(
    comparison: Comparison, side: Side, seed: SeedTree, *, importance: bool
) -> tuple[float, float, list[tuple[str, float]], int]:
    """The AUC, its standard deviation, the columns' importances, and the rows used of each side."""
    from sklearn.model_selection import StratifiedKFold

    n = min(comparison.rows("train"), comparison.rows(side), ROWS)
    real = comparison.features("train", comparison.draw("train", n, seed.generator("train rows")))
    other = comparison.features(side, comparison.draw(side, n, seed.generator("other rows")))
    data, label = np.vstack([real, other]), np.repeat([0, 1], n)
    guess = np.empty(2 * n)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed.integer("folds") % 2**32)

    def fit(fold: tuple[np.ndarray, np.ndarray]) -> HistGradientBoostingClassifier:
        categories = comparison.categorical_features()
        model = fit_classifier(data[fold[0]], label[fold[0]], categories, seed.integer("trees"), learning_rate=0.2)
        guess[fold[1]] = model.decision_function(data[fold[1]])
        return model

    splits = list(folds.split(data, label))
    models = side_by_side(fit, splits)
    columns: list[tuple[str, float]] = []
    if importance:
        test = splits[0][1]
        columns = _importances(models[0], data[test], label[test], comparison.names, seed.child("shuffle"))
    auc, deviation = auc_with_deviation(label == 1, guess)
    return auc, deviation, columns, n


def _importances(
    model: HistGradientBoostingClassifier, data: np.ndarray, label: np.ndarray, names: tuple[str, ...], seed: SeedTree
) -> list[tuple[str, float]]:
    """How much the AUC falls when one column is shuffled (Breiman 2001), on rows that the model has not seen."""
    chosen = seed.generator("rows").permutation(len(data))[:IMPORTANCE_ROWS]
    data, label = data[chosen], label[chosen] == 1
    whole, _ = auc_with_deviation(label, model.decision_function(data))

    def fall(column: int) -> float:
        shuffled = data.copy()
        shuffled[:, column] = data[seed.generator(f"column {column}").permutation(len(data)), column]
        return max(0.0, whole - auc_with_deviation(label, model.decision_function(shuffled))[0])

    falls = side_by_side(fall, range(len(names)))
    return sorted(zip(names, falls, strict=True), key=lambda entry: -entry[1])
