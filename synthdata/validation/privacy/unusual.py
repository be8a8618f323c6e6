"""Real rows that have most to lose: outliers, and rows in strata that few share, whoever was trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthdata.validation.base import View

#: the share of real rows that count as outliers, and the share of rows below which a stratum is rare
OUTLIERS, RARE = 0.05, 0.01
#: strata are combinations of so many columns, of at most so many categories each
STRATA, CATEGORIES = 2, 30


def outliers(views: Sequence[View], cells: Sequence[np.ndarray]) -> np.ndarray:
    """The twentieth of the rows (m,) bool whose values are the least likely ones, column by column.

    ``cells`` holds each view's cells (m,). A row's score is the sum of minus the logarithms of how many rows have its
    category, or lie as far out as its number.
    """
    m = len(cells[0])
    score = np.zeros(m)
    for view, values in zip(views, cells, strict=True):
        score -= np.log(_tails(values) if view.continuous else _shares(values))
    chosen = np.zeros(m, dtype=bool)
    chosen[np.argsort(-score, kind="stable")[: max(1, round(OUTLIERS * m))]] = True
    return chosen


def rare_strata(views: Sequence[View], cells: Sequence[np.ndarray]) -> np.ndarray:
    """The rows (m,) bool whose values in the two most telling columns of few categories are shared by under 1 %."""
    m = len(cells[0])
    few = [
        values + 1
        for view, values in zip(views, cells, strict=True)
        if not view.continuous and 1 < len(view.categories or ()) <= CATEGORIES
    ]
    if len(few) < STRATA:
        return np.zeros(m, dtype=bool)
    telling = sorted(few, key=_entropy)[-STRATA:]
    joint = telling[0].astype(np.int64) * (CATEGORIES + 2) + telling[1]
    return _shares(joint - 1) < RARE


def _shares(codes: np.ndarray) -> np.ndarray:
    """The share of rows (m,) that hold the same code, -1 for nulls included."""
    counts = np.bincount(codes + 1)
    return counts[codes + 1] / len(codes)


def _tails(values: np.ndarray) -> np.ndarray:
    """The share of rows (m,) that lie as far out as each number, on either side; of nulls, the share of nulls."""
    m = len(values)
    missing = np.isnan(values)
    present = np.sort(values[~missing])
    shares = np.full(m, max(1, int(missing.sum())) / m)
    below = np.searchsorted(present, values[~missing], "right")
    above = len(present) - np.searchsorted(present, values[~missing], "left")
    shares[~missing] = np.minimum(1.0, 2 * np.minimum(below, above) / m)
    return shares


def _entropy(codes: np.ndarray) -> float:
    shares = np.bincount(codes) / len(codes)
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())
