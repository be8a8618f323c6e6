"""The tables of a Bayesian network: how one column's cells depend on groups of other columns' cells.

A column is told in two steps: first which group of cells a row is in, given the groups of the parents, then which cell
of the group, given the groups of fewer parents. The first step carries the dependence, so it can afford more parents
than a table over all cells could.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthdata.models.draws import even_draws_by_group

#: how many entries a table may have
LARGEST = 500_000
#: how many candidates are tried again once there is one parent more
MOST_TRIED = 16


@dataclass(frozen=True)
class ColumnTables:
    """One column: the ``group`` (cells,) of each cell, the columns whose groups its group and its cell depend on, and
    the probabilities ``coarse`` (combinations, groups) and ``fine`` (groups · combinations, cells).
    """

    group: np.ndarray
    parents: list[int]
    fine_parents: list[int]
    coarse: np.ndarray
    fine: np.ndarray

    def log_probability(self, cells: np.ndarray, combos: np.ndarray, fine_combos: np.ndarray) -> np.ndarray:
        """The log-probability (n,) of cells (n,) by the combination of the parents' groups in each row."""
        group = self.group[cells]
        with np.errstate(divide="ignore"):
            coarse = np.log(self.coarse[combos, group])
            return np.asarray(coarse + np.log(self.fine[self._fine_row(group, fine_combos), cells]))

    def draw(
        self, combos: np.ndarray, fine_combos: np.ndarray, mask: np.ndarray | None, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cells (n,) by the combinations of the parents' groups, only those that ``mask`` (cells,) allows, and the
        log-probability (n,) that it allows one. Where it allows none the cell is drawn without it.
        """
        if mask is None:
            group = even_draws_by_group(self.coarse, combos, generator)
            return even_draws_by_group(self.fine, self._fine_row(group, fine_combos), generator), np.zeros(len(combos))
        fine = self.fine * mask
        inside = fine.sum(axis=1).reshape(self.coarse.shape[1], -1)
        # What the mask leaves of each group depends on both combinations.
        pairs, row = np.unique(np.column_stack([combos, fine_combos]), axis=0, return_inverse=True)
        joint = self.coarse[pairs[:, 0]] * inside[:, pairs[:, 1]].T
        share = joint.sum(axis=1)
        with np.errstate(divide="ignore"):
            log_weight = np.log(share)[row.ravel()]
        joint = np.where(share[:, None] > 0, joint, self.coarse[pairs[:, 0]])
        group = even_draws_by_group(joint, row.ravel(), generator)
        fine = np.where(fine.sum(axis=1)[:, None] > 0, fine, self.fine)
        return even_draws_by_group(fine, self._fine_row(group, fine_combos), generator), log_weight

    def _fine_row(self, group: np.ndarray, fine_combos: np.ndarray) -> np.ndarray:
        return np.asarray(group * (len(self.fine) // self.coarse.shape[1]) + fine_combos)


def combinations(grouped: np.ndarray, parents: Sequence[int], sizes: Sequence[int]) -> np.ndarray:
    """Which combination of the parents' groups each row (n,) has; the first parent counts most."""
    out = np.zeros(len(grouped), dtype=np.int64)
    for parent in parents:
        out = out * sizes[parent] + grouped[:, parent]
    return out


def backed_off(
    child: np.ndarray,
    given: Sequence[np.ndarray],
    sizes: Sequence[int],
    width: int,
    smoothing: float,
    least: int,
    imagined: np.ndarray | None = None,
) -> np.ndarray:
    """Probabilities (combinations, width) of a child (n,) by the groups ``given``, each (n,) with its own size.

    Each further parent's table is drawn towards the one without it by ``smoothing`` imagined rows, and is that one
    where fewer than ``least`` rows have the combination: no figure rests on the rows of a few. The first table has
    the rows ``imagined`` (width,) beside the real ones.
    """
    combos = np.zeros(len(child), dtype=np.int64)
    first = np.bincount(child, minlength=width) + (0.0 if imagined is None else imagined)
    table = first[None] / max(first.sum(), 1e-300)
    for groups, size in zip(given, sizes, strict=True):
        combos = combos * size + groups
        without = np.repeat(table, size, axis=0)
        counts = np.bincount(combos * width + child, minlength=without.size).reshape(without.shape).astype(float)
        total = counts.sum(axis=1, keepdims=True)
        mixed = (counts + smoothing * without) / np.maximum(total + smoothing, 1e-300)
        table = np.where(total >= max(least, 1), mixed, without)
    return table


def choose_parents(
    child: np.ndarray,
    width: int,
    fixed: list[tuple[np.ndarray, int]],
    grouped: np.ndarray,
    sizes: Sequence[int],
    candidates: Sequence[int],
    most: int,
    smoothing: float,
    least: int,
    columns: int | None = None,
) -> list[int]:
    """Up to ``most`` of the candidate columns, one after another while rows not counted are better predicted by it.

    The first half of the rows (n,) is counted and the other scored; a parent must gain ``log n`` nats in all. Where
    the candidates are ``columns`` columns one after another in several gradations, only one of each is taken.
    """
    half = len(child) // 2
    found: list[int] = []

    def score(parents: list[int]) -> float:
        given = [groups for groups, _ in fixed] + [grouped[:, parent] for parent in parents]
        table = backed_off(
            child[:half],
            [groups[:half] for groups in given],
            [size for _, size in fixed] + [sizes[parent] for parent in parents],
            width,
            max(smoothing, 0.5),
            least,
        )
        combos = np.zeros(len(child) - half, dtype=np.int64)
        for groups, size in zip(given, [s for _, s in fixed] + [sizes[parent] for parent in parents], strict=True):
            combos = combos * size + groups[half:]
        return float(np.log(np.maximum(table[combos, child[half:]], 1e-9)).sum())

    best = score([])
    while len(found) < most:
        entries = width * int(
            np.prod([size for _, size in fixed] + [sizes[parent] for parent in found], dtype=np.int64)
        )
        taken = {j % (columns or len(sizes)) for j in found}
        options = [j for j in candidates if j % (columns or len(sizes)) not in taken and entries * sizes[j] <= LARGEST]
        scores = [(score([*found, j]), j) for j in options]
        top, parent = max(scores, default=(-np.inf, -1))
        if top <= best + np.log(max(len(child), 2)):
            break
        best, found = top, [*found, parent]
        # What was of little use beside fewer parents will hardly be beside more.
        candidates = [j for _, j in sorted(scores, reverse=True)[:MOST_TRIED]]
    return found
