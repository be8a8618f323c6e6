"""Distances between two samples, beyond those of `statistics`: Wasserstein, Jensen–Shannon, mutual information."""

from __future__ import annotations

import numpy as np


def wasserstein(real: np.ndarray, synthetic: np.ndarray) -> float:
    """The first Wasserstein distance of two samples (n,), (m,) without nulls: the area between the cumulative curves.

    >>> wasserstein(np.array([0.0, 1.0]), np.array([1.0, 2.0]))
    1.0
    """
    if not len(real) or not len(synthetic):
        return float("nan")
    a, b = np.sort(real), np.sort(synthetic)
    if len(a) == len(b):
        return float(np.abs(a - b).mean())
    grid = np.sort(np.concatenate([a, b]))
    gap = np.searchsorted(a, grid[:-1], "right") / len(a) - np.searchsorted(b, grid[:-1], "right") / len(b)
    return float((np.abs(gap) * np.diff(grid)).sum())


def jensen_shannon(real: np.ndarray, synthetic: np.ndarray) -> float:
    """The Jensen–Shannon distance (0 to 1, base 2) of two vectors of counts (k,); Endres and Schindelin 2003.

    >>> jensen_shannon(np.array([1, 0]), np.array([0, 1]))
    1.0
    """
    if not real.sum() or not synthetic.sum():
        return float("nan")
    p, q = real / real.sum(), synthetic / synthetic.sum()
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    return float(np.sqrt(np.clip(divergence / np.log(2), 0.0, 1.0)))


def _relative_entropy(p: np.ndarray, q: np.ndarray) -> float:
    there = p > 0
    return float((p[there] * np.log(p[there] / q[there])).sum())


def mutual_information(a: np.ndarray, b: np.ndarray, *, corrected: bool = True) -> float:
    """The mutual information (nats) of two columns of codes (n,); less its bias after Miller (1955) if ``corrected``.

    >>> round(mutual_information(np.array([0, 1] * 50), np.array([0, 1] * 50), corrected=False), 6)
    0.693147
    """
    size = int(b.max()) + 1
    joint = _present_counts(a.astype(np.int64) * size + b)
    rows, columns, n = _present_counts(a), _present_counts(b), len(a)
    value = _entropy(rows, n) + _entropy(columns, n) - _entropy(joint, n)
    if corrected:
        value -= (len(joint) - len(rows) - len(columns) + 1) / (2 * n)
    return max(0.0, value)


def dependence(information: float) -> float:
    """Mutual information (nats) on the scale of a correlation (0 to 1), as of two normal variables; Linfoot 1957.

    >>> round(dependence(-0.5 * np.log(1 - 0.6**2)), 9)
    0.6
    """
    return float(np.sqrt(-np.expm1(-2 * information)))


def _present_counts(codes: np.ndarray) -> np.ndarray:
    highest = int(codes.max())
    counts = np.bincount(codes) if highest < 65_536 else np.unique(codes, return_counts=True)[1]
    return counts[counts > 0]


def _entropy(counts: np.ndarray, n: int) -> float:
    return float(np.log(n) - (counts * np.log(counts)).sum() / n)
