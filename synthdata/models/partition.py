"""Trees that cut a table's rows into leaves, and keep a split only where rows that it was not made from confirm it.

A tree grown until its leaves are small follows noise, and what is drawn from its leaves then leans towards the rows it
was grown on. So each tree is grown on one half of the rows, and pruned from below by the likelihood of each half under
the other's shares (Esposito, Malerba and Semeraro 1997, "A comparative analysis of methods for pruning decision
trees", reduced error pruning). Several trees, each grown on another half, make up what that costs in sharpness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

#: how many imagined rows with the shares of the whole table stand in each node when the other half is predicted
PRIOR_ROWS = 10.0
#: how many nats a split must gain over both halves
LEAST_GAIN = 6.0


@dataclass(frozen=True)
class Splits:
    """The questions of grown trees, one entry per node: ``feature`` is -1 in a leaf, whose number ``leaf`` gives.

    A node sends features at or below ``threshold`` to the node ``left``, others to ``right``; tree t starts at node
    ``roots[t]``, and parents come before their children.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    roots: np.ndarray

    @cached_property
    def leaf(self) -> np.ndarray:
        """The number (nodes,) of each leaf, in the order of nodes."""
        return np.cumsum(self.feature < 0) - 1

    def leaves(self, x: np.ndarray, trees: np.ndarray) -> np.ndarray:
        """The leaf (n,) that each row of features (n, f) falls into in its one of the trees (n,)."""
        node = self.roots[trees]
        rows = np.arange(len(x))
        while len(rows):
            rows = rows[self.feature[node[rows]] >= 0]
            at = node[rows]
            goes_left = x[rows, self.feature[at]] <= self.threshold[at]
            node[rows] = np.where(goes_left, self.left[at], self.right[at])
        return self.leaf[node]


def grow(
    x: np.ndarray, target: np.ndarray, groups: np.ndarray, min_leaf: int, trees: int, generator: np.random.Generator
) -> Splits:
    """Trees over features (n, f) that tell the targets (n, t) apart, pruned by the shares of ``groups`` (n,).

    Each leaf holds at least ``min_leaf`` of the n rows. Of two trees in a row the second is grown on the half of the
    rows that the first was pruned by.
    """
    parts = []
    half = np.zeros(len(x), dtype=bool)
    for tree in range(trees):
        half = ~half if tree % 2 else generator.permutation(len(x)) < len(x) // 2
        splits = _fit_splits(x[half], target[half], -(-min_leaf // 2), int(generator.integers(2**31)))
        parts.append(_prune(splits, x, half, groups, min_leaf))
    return _join(parts)


def _fit_splits(x: np.ndarray, target: np.ndarray, min_leaf: int, seed: int) -> Splits:
    from sklearn.tree import DecisionTreeRegressor

    root = np.zeros(1, dtype=np.int64)
    if len(x) < 2 * min_leaf or not np.ptp(target, axis=0).any():
        alone = np.array([-1])
        return Splits(alone, np.zeros(1, dtype=np.float32), alone, alone, root)
    grown = DecisionTreeRegressor(min_samples_leaf=min_leaf, random_state=seed).fit(x, target).tree_
    feature = np.where(grown.children_left < 0, -1, grown.feature).astype(np.int64)
    return Splits(feature, grown.threshold.astype(np.float32), grown.children_left, grown.children_right, root)


def _prune(splits: Splits, x: np.ndarray, half: np.ndarray, groups: np.ndarray, min_leaf: int) -> Splits:
    """Make a node a leaf where the splits below it do not help, or leave too few rows on a side."""
    inner = np.flatnonzero(splits.feature >= 0)
    if not len(inner):
        return splits
    counts = _counts(splits, x, half, groups)
    rows = counts.sum(axis=(0, 2))
    apart, joined = np.zeros(len(rows)), _crossed(counts)
    kept = np.zeros(len(rows), dtype=bool)
    for node in range(len(rows) - 1, -1, -1):
        below = [splits.left[node], splits.right[node]]
        if splits.feature[node] >= 0:
            apart[node] = apart[below].sum()
            kept[node] = rows[below].min() >= min_leaf and apart[node] > joined[node] + LEAST_GAIN
        if not kept[node]:
            apart[node] = joined[node]
    order, waiting = [], [0]
    while waiting:
        node = waiting.pop()
        order.append(node)
        if kept[node]:
            waiting += [int(splits.right[node]), int(splits.left[node])]
    new = np.full(len(rows), -1)
    new[order] = np.arange(len(order))
    left, right = (np.where(kept, new[side], -1)[order] for side in (splits.left, splits.right))
    return Splits(np.where(kept, splits.feature, -1)[order], splits.threshold[order], left, right, splits.roots)


def _counts(splits: Splits, x: np.ndarray, half: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """How many rows (2, nodes, groups) each node has of each group, in either half."""
    nodes, width = len(splits.feature), int(groups.max()) + 1
    at = np.flatnonzero(splits.feature < 0)[splits.leaves(x, np.zeros(len(x), dtype=np.int64))]
    flat = (half * nodes + at) * width + groups
    counts = np.bincount(flat, minlength=2 * nodes * width).reshape(2, nodes, width).astype(float)
    for node in np.flatnonzero(splits.feature >= 0)[::-1]:
        counts[:, node] = counts[:, splits.left[node]] + counts[:, splits.right[node]]
    return counts


def _crossed(counts: np.ndarray) -> np.ndarray:
    """The log-likelihood (nodes,) of each half's groups under the other half's smoothed shares."""
    overall = counts[:, 0].sum(axis=0)
    prior = PRIOR_ROWS * np.maximum(overall, 1e-9) / overall.sum()
    shares = np.log((counts + prior) / (counts.sum(axis=2, keepdims=True) + PRIOR_ROWS))
    return np.asarray((counts[0] * shares[1] + counts[1] * shares[0]).sum(axis=1))


def _join(parts: Sequence[Splits]) -> Splits:
    first = np.cumsum([0, *(len(part.feature) for part in parts)])[:-1]
    left, right = (
        np.concatenate([getattr(part, side) + start for part, start in zip(parts, first, strict=True)])
        for side in ("left", "right")
    )
    feature = np.concatenate([part.feature for part in parts])
    threshold = np.concatenate([part.threshold for part in parts])
    return Splits(feature, threshold, left, right, first)
