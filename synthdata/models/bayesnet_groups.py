"""Which groups a Bayesian network puts the cells of a column into, so that tables by them stay small."""

from __future__ import annotations

import numpy as np

from synthdata.encoders.bins import Bins


def groups_of(counts: np.ndarray, cutting: Bins, most: int) -> np.ndarray:
    """Which group (cardinality,) each cell is in: neighbours on a number line; elsewhere the rare ones together."""
    return _gathered(counts, _along(cutting), most)


def merged(counts: np.ndarray, group: np.ndarray, cutting: Bins, most: int) -> np.ndarray:
    """Which of ``most`` coarser groups (groups,) each group is in, by how many rows (groups,) each has."""
    place = _along(cutting)
    if place is None:
        return _gathered(counts, None, most)
    first = np.full(len(counts), np.inf)
    np.minimum.at(first, group, place)
    return _gathered(counts, first, most)


def _gathered(counts: np.ndarray, place: np.ndarray | None, most: int) -> np.ndarray:
    """At most ``most`` groups (k,) of what has ``counts`` (k,) rows, by its place (k,) on a line, if there is one."""
    if len(counts) <= most:
        return np.arange(len(counts))
    group = np.full(len(counts), most - 1, dtype=np.int64)
    if place is not None:
        along = np.argsort(place, kind="stable")
        group[along] = even_runs(counts[along], most)
    else:
        common = np.argsort(-counts, kind="stable")[: most - 1]
        group[common] = np.arange(most - 1)
    return np.unique(group, return_inverse=True)[1]


def _along(cutting: Bins) -> np.ndarray | None:
    """Where each cell (cardinality,) is on its column's line, nulls last; None where there is no line or order."""
    slot, place = cutting.slot, np.arange(cutting.cardinality, dtype=float)
    if slot.positions.size:
        lines = slot.positions if not cutting.count else slot.positions[1:]
        place[cutting.cardinality - len(lines) :] = np.where(np.isnan(lines), np.inf, lines)
    if cutting.count:
        place[: cutting.count] = (np.arange(cutting.count) + 0.5) / cutting.count
    return place if cutting.count or slot.ordered or slot.positions.size else None


def even_runs(counts: np.ndarray, most: int) -> np.ndarray:
    """At most ``most`` runs (cells,) of neighbours with about equally many rows; a cell with more stands alone."""
    target = counts.sum() / most
    for _ in range(most):
        alone = counts > target
        target = counts[~alone].sum() / max(most - int(alone.sum()), 1)
    while True:
        run, filled, out = 0, 0.0, np.empty(len(counts), dtype=np.int64)
        for cell, count in enumerate(counts):
            # A run ends where one more cell would take it further past its size than it falls short of it.
            if filled and filled + count - target > target - filled:
                run, filled = run + 1, 0.0
            out[cell], filled = run, filled + count
        if run < most:
            return out
        target = max(target, 0.5) * 1.1
