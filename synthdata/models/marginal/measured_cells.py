"""Cells whose marginals can be measured: with noise that is paid for, or exactly where no privacy is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from synthdata.models.marginal.junction_tree import Group
from synthdata.privacy.charges import choosing_cost, counting_cost
from synthdata.privacy.private_table import Guarded


@dataclass(frozen=True, eq=False)
class Comparison:
    """By how much the true counts of groups (m,) miss estimates: ``weights * (|counts - estimate|_1 - penalties)``.

    Comparing is the dear part, so that one comparison can be asked again, each time among other groups.
    """

    groups: Sequence[Group]
    estimate: Callable[[Group], np.ndarray]
    penalties: np.ndarray
    weights: np.ndarray


class MeasuredCells(Protocol):
    """What the marginal models see of a table: whole-number cells, ``sizes`` (d,) of them in each column."""

    sizes: tuple[int, ...]

    @property
    def left(self) -> float:
        """The squared Gaussian parameter that is left to spend."""
        ...

    def measure(self, group: Group, sigma: float) -> np.ndarray:
        """The counts of a marginal, with noise of this standard deviation, an axis per column."""
        ...

    def choose(self, comparison: Comparison, epsilon: float, among: np.ndarray | None = None) -> int:
        """The place of the group that misses its estimate most; ``among`` are the places (k,) to choose from."""
        ...


class ExactCells:
    """Cells (n, d) without privacy: the same looks at the same imagined budget, answered without noise."""

    def __init__(self, cells: np.ndarray, sizes: Sequence[int], mu: float) -> None:
        self.sizes, self.left = tuple(sizes), mu**2
        self._counts = _Counts(cells, self.sizes)

    def measure(self, group: Group, sigma: float) -> np.ndarray:
        """The counts as they are."""
        self.left -= counting_cost(sigma)
        return self._counts.of(group).astype(np.float64)

    def choose(self, comparison: Comparison, epsilon: float, among: np.ndarray | None = None) -> int:
        """The group with the largest score."""
        self.left -= choosing_cost(epsilon)
        places = _places(comparison, among)
        return int(places[np.argmax(self._counts.scores(comparison)[places])])


class PrivateCells:
    """Cells (n, d) behind a guard; everything is paid from the ledger's reservation ``stage``."""

    def __init__(self, rows: Guarded[np.ndarray], sizes: Sequence[int], stage: str, names: Sequence[str]) -> None:
        self.sizes, self._stage, self._names = tuple(sizes), stage, names
        # One added or removed row changes one cell of each marginal by one. Where a unit has several rows they are
        # counted as parts of it, so that one unit changes the counts by no more than one here, too.
        self._part = rows.ledger.rows_per_unit
        self._rows = rows.map(lambda cells: _Counts(cells, self.sizes, self._part))

    @property
    def left(self) -> float:
        """What the reservation still has."""
        return self._rows.ledger.left_of(self._stage)

    def measure(self, group: Group, sigma: float) -> np.ndarray:
        """The counts with discrete Gaussian noise."""
        note = " × ".join(self._names[j] for j in group)
        noisy = self._rows.counts(
            lambda counts: counts.of(group), "marginal", sigma=sigma * self._part, part_of=self._stage, note=note
        )
        return noisy.astype(np.float64) / self._part

    def choose(self, comparison: Comparison, epsilon: float, among: np.ndarray | None = None) -> int:
        """One of the groups, those with larger scores likelier."""
        places = _places(comparison, among)
        chosen = self._rows.choose(
            lambda counts: counts.scores(comparison)[places],
            "choice of a marginal",
            epsilon=epsilon,
            # The sum of absolute differences moves by one at most.
            sensitivity=float(np.max(comparison.weights[places])) / self._part,
            part_of=self._stage,
            note=f"one of {len(places)}",
        )
        return int(places[chosen])


def _places(comparison: Comparison, among: np.ndarray | None) -> np.ndarray:
    """The places to choose from, all of them if none are named."""
    return np.arange(len(comparison.groups)) if among is None else among


class _Counts:
    """True counts of marginals, each made once; ``part`` rows count as one where they are compared."""

    def __init__(self, cells: np.ndarray, sizes: tuple[int, ...], part: int = 1) -> None:
        self._part = part
        self._cells, self._sizes = np.ascontiguousarray(cells.T), sizes
        # Tables of a wide table's pairs are many: each is kept in the fewest bytes that hold the number of rows.
        self._kind = np.min_scalar_type(len(cells))
        self._known: dict[Group, np.ndarray] = {}
        self._last: tuple[Comparison, np.ndarray] | None = None

    def of(self, group: Group) -> np.ndarray:
        if group not in self._known:
            self._known[group] = count_cells(self._cells, group, self._sizes).astype(self._kind)
        return self._known[group].astype(np.int64)

    def scores(self, comparison: Comparison) -> np.ndarray:
        if self._last is None or self._last[0] is not comparison:
            away = [np.abs(self.of(g) / self._part - comparison.estimate(g)).sum() for g in comparison.groups]
            self._last = comparison, comparison.weights * (np.array(away) - comparison.penalties)
        return self._last[1]


def count_cells(columns: np.ndarray, group: Group, sizes: Sequence[int]) -> np.ndarray:
    """How many rows have each combination of cells, an axis per column of the group; ``columns`` is (d, n)."""
    shape = [sizes[j] for j in group]
    flat = np.zeros(columns.shape[1], dtype=np.int64)
    for j in group:
        flat = flat * sizes[j] + columns[j]
    return np.bincount(flat, minlength=math.prod(shape)).reshape(shape)
