"""Is the holdout a random part of the real table? All privacy tests and every reference figure rest on that."""

from __future__ import annotations

import numpy as np
from scipy import stats

from synthdata.validation.base import Comparison, View
from synthdata.validation.statistics import holm, kolmogorov_smirnov

#: the family-wise error of calling a random holdout different
ALPHA = 0.001


def columns_that_differ(comparison: Comparison) -> list[str]:
    """The judged columns in which the holdout differs from train beyond chance (Holm-corrected), worst first."""
    if comparison.holdout is None or not comparison.views:
        return []
    p_values = [_p_value(view) for view in comparison.views]
    corrected = holm(p_values)
    order = np.argsort(p_values)
    return [comparison.views[i].name for i in order if corrected[i] < ALPHA]


def _p_value(view: View) -> float:
    """Kolmogorov–Smirnov on a number line, chi-square on categories; a null is a value of its own in both."""
    train, holdout = view.values("train"), view.values("holdout")
    if view.continuous:
        size = len(train) * len(holdout) / (len(train) + len(holdout))
        return float(stats.kstwobign.sf(kolmogorov_smirnov(train, holdout) * np.sqrt(size)))
    width = len(view.categories or ()) + 1
    counts = np.array([np.bincount(side + 1, minlength=width) for side in (train, holdout)])
    expected = counts.sum(axis=0) * len(holdout) / counts.sum()
    rare = expected < 5
    counts = np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1)])
    counts = counts[:, counts.sum(axis=0) > 0]
    if counts.shape[1] < 2:
        return 1.0
    return float(stats.chi2_contingency(counts, correction=False).pvalue)
