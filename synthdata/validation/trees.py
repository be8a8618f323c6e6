"""Boosted trees as all metrics use them: one core each, no early stopping, seeded, unbothered by empty columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor


def fit_classifier(
    data: np.ndarray, label: np.ndarray, categorical: np.ndarray, seed: int, **settings: Any
) -> HistGradientBoostingClassifier:
    """Fit on rows (n, c) and their labels (n,); ``categorical`` (c,) says which columns hold codes of categories."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        early_stopping=False, categorical_features=categorical, random_state=seed % 2**32, **settings
    )
    return model.fit(_filled(data), label)


def fit_regressor(
    data: np.ndarray, numbers: np.ndarray, categorical: np.ndarray, seed: int, **settings: Any
) -> HistGradientBoostingRegressor:
    """Fit on rows (n, c) and their numbers (n,)."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(
        early_stopping=False, categorical_features=categorical, random_state=seed % 2**32, **settings
    )
    return model.fit(_filled(data), numbers)


def _filled(data: np.ndarray) -> np.ndarray:
    """The rows with every wholly empty column set to 0: scikit-learn cannot bin a column without values."""
    empty = np.isnan(data).all(axis=0)
    return np.where(empty, 0.0, data) if empty.any() else data
