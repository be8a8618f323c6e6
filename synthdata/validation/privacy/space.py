"""One space in which rows of all tables are points, and the nearest neighbours in it.

Numbers are centred at train's median, scaled by train's spread from the 5 % to the 95 % quantile and their tails
compressed by asinh; a null lies at the median with one more coordinate that says so. Two different categories are one
apart. Distances are Euclidean.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from synthdata.validation.base import Comparison, Side, View
from synthdata.validation.parallel import side_by_side

#: up to so many coordinates every category gets its own
EXACT_WIDTH = 384
#: beyond, a column's categories are random directions in so many dimensions, nearly one apart
DIRECTIONS = 16
#: up to so many nearest ones are found one after the other
FEW = 8
#: bytes of one block of distances
BLOCK = 32 * 2**20


@dataclass(frozen=True)
class Space:
    """How each judged column becomes coordinates; made from train alone."""

    comparison: Comparison
    centres: dict[str, float]
    scales: dict[str, float]
    directions: dict[str, np.ndarray]

    @classmethod
    def of(cls, comparison: Comparison, generator: np.random.Generator) -> Space:
        """Learn medians, spreads and the categories' directions."""
        centres, scales, directions = {}, {}, {}
        width = sum(1 if view.continuous else len(view.categories or ()) + 1 for view in comparison.views)
        for view in comparison.views:
            if view.continuous:
                centres[view.name], scales[view.name] = _spread(view)
            else:
                directions[view.name] = _directions(len(view.categories or ()) + 1, width > EXACT_WIDTH, generator)
        return cls(comparison, centres, scales, directions)

    @property
    def width(self) -> int:
        """How many coordinates a point has."""
        return self.encode("train", np.arange(1)).shape[1]

    @property
    def spans(self) -> dict[str, slice]:
        """Which coordinates each judged column has."""
        found, start = {}, 0
        for view in self.comparison.views:
            width = (1 + self._marked(view)) if view.continuous else self.directions[view.name].shape[1]
            found[view.name] = slice(start, start + width)
            start += width
        return found

    @staticmethod
    def _marked(view: View) -> bool:
        """Whether a number has a second coordinate that says where it is null."""
        return any(view.missing(side).any() for side in view.sides)

    def encode(self, side: Side, rows: np.ndarray, only: Collection[str] | None = None) -> np.ndarray:
        """Some rows of a side as points (n, d), float32, by all judged columns or ``only`` some of them."""
        return self.place([view.values(side, rows) for view in self.comparison.views], only)

    def place(self, cells: Sequence[np.ndarray], only: Collection[str] | None = None) -> np.ndarray:
        """Rows given by every judged column's cells (n,) as points (n, d)."""
        parts = []
        for view, values in zip(self.comparison.views, cells, strict=True):
            if only is not None and view.name not in only:
                continue
            if not view.continuous:
                parts.append(self.directions[view.name][values])  # -1, the null, is the last
                continue
            missing = np.isnan(values)
            scaled = np.arcsinh(
                (np.where(missing, self.centres[view.name], values) - self.centres[view.name]) / self.scales[view.name]
            )
            parts.append(scaled.astype(np.float32)[:, None])
            if self._marked(view):
                parts.append(missing.astype(np.float32)[:, None])
        return np.hstack(parts) if parts else np.zeros((len(cells[0]) if cells else 0, 1), np.float32)


def _spread(view: View) -> tuple[float, float]:
    present = view.values("train")
    present = present[~np.isnan(present)]
    if not len(present):
        return 0.0, 1.0
    low, middle, high = np.quantile(present, [0.05, 0.5, 0.95])
    return float(middle), float(high - low) or float(present.max() - present.min()) or 1.0


def _directions(size: int, compress: bool, generator: np.random.Generator) -> np.ndarray:
    """Points (size, d) that are one apart: scaled unit vectors, or random unit vectors where that would be wide."""
    if not compress or size <= DIRECTIONS:
        return (np.eye(size) / np.sqrt(2)).astype(np.float32)
    drawn = generator.standard_normal((size, DIRECTIONS))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True) / np.sqrt(2)).astype(np.float32)


@dataclass(frozen=True)
class Neighbours:
    """For each of n points, a nearest other point: its distance (n,) and its position (n,) among the others."""

    distances: np.ndarray
    positions: np.ndarray


def nearest(points: np.ndarray, others: np.ndarray, groups: Sequence[np.ndarray] = ()) -> list[Neighbours]:
    """The nearest of ``others`` (m, d) for each of ``points`` (n, d); the next nearest; the nearest within each group.

    ``groups`` hold positions in ``others``. Of equally near ones the first counts. Products in float32 find a
    neighbour, its distance is then taken anew without their rounding. With fewer than two others the next nearest is
    the nearest.
    """
    found = [np.empty(len(points), np.int64) for _ in range(2 + len(groups))]
    half_norms = (others**2).sum(axis=1) / 2
    step = max(1, BLOCK // (4 * max(1, len(others))))
    transposed = np.ascontiguousarray(others.T)

    def search(start: int) -> None:
        part = slice(start, start + step)
        closeness = points[part] @ transposed
        closeness -= half_norms
        for group, positions in zip(groups, found[2:], strict=True):
            positions[part] = group[closeness[:, group].argmax(axis=1)]
        found[0][part] = closeness.argmax(axis=1)
        if len(others) > 1:
            closeness[np.arange(len(closeness)), found[0][part]] = -np.inf
        found[1][part] = closeness.argmax(axis=1)

    side_by_side(search, range(0, len(points), step))
    return [Neighbours(_distances(points, others, positions), positions) for positions in found]


def nearest_without(points: np.ndarray, others: np.ndarray, left_out: Sequence[slice]) -> np.ndarray:
    """The position (n, k) of the nearest of ``others`` (m, d) by all coordinates but each of k spans.

    The products by all coordinates are formed once, and those of each span taken from them.
    """
    squares = others**2 / 2
    half_norms = squares.sum(axis=1)
    step = max(1, BLOCK // (8 * max(1, len(others))))
    transposed = np.ascontiguousarray(others.T)
    found = np.empty((len(points), len(left_out)), np.int64)

    def search(start: int) -> None:
        part = slice(start, start + step)
        whole = points[part] @ transposed
        whole -= half_norms
        for column, span in enumerate(left_out):
            own = points[part, span] @ transposed[span]
            own -= squares[:, span].sum(axis=1)
            found[part, column] = np.subtract(whole, own, out=own).argmax(axis=1)

    side_by_side(search, range(0, len(points), step))
    return found


def nearest_by_part(points: np.ndarray, others: np.ndarray, parts: int, *, same: bool = False) -> np.ndarray:
    """The position (n, parts) of the nearest of ``others`` (m, d) in each of some parts of about equal size.

    The nearest of all is among them; with ``others`` in random order the rest are random near ones, in a fraction of
    the time that the next nearest would take. With ``same`` the two are the same rows and no row is its own neighbour.
    """
    edges = np.linspace(0, len(others), min(parts, len(others)) + 1).astype(int)
    half_norms = (others**2).sum(axis=1) / 2
    step = max(1, BLOCK // (4 * max(1, len(others))))
    transposed = np.ascontiguousarray(others.T)
    found = np.empty((len(points), len(edges) - 1), np.int64)

    def search(start: int) -> None:
        part = slice(start, start + step)
        closeness = points[part] @ transposed
        closeness -= half_norms
        if same:
            closeness[np.arange(len(closeness)), start + np.arange(len(closeness))] = -np.inf
        for column, (low, high) in enumerate(pairwise(edges)):
            found[part, column] = low + closeness[:, low:high].argmax(axis=1)

    side_by_side(search, range(0, len(points), step))
    return found


def nearest_distances(points: np.ndarray, others: np.ndarray, k: int, *, skip: int = 0) -> np.ndarray:
    """The distances (n, k) to the ``k`` nearest of ``others`` (m, d), ascending, after ``skip`` nearer ones.

    ``skip=1`` leaves a point itself out where ``points`` and ``others`` are the same rows. With too few others the
    farthest distance stands for those that are missing.
    """
    take = min(k + skip, len(others))
    half_norms = (others**2).sum(axis=1) / 2
    step = max(1, BLOCK // (4 * max(1, len(others))))
    transposed = np.ascontiguousarray(others.T)
    found = np.empty((len(points), take))

    def search(start: int) -> None:
        part = slice(start, start + step)
        closeness = points[part] @ transposed
        closeness -= half_norms
        best = _largest(closeness, take)
        apart = points[part][:, None, :].astype(np.float64) - others[best]
        found[part] = np.sort(np.sqrt((apart**2).sum(axis=2)), axis=1)

    side_by_side(search, range(0, len(points), step))
    kept = found[:, skip:] if take > skip else found[:, -1:]
    return kept if kept.shape[1] == k else np.hstack([kept, np.repeat(kept[:, -1:], k - kept.shape[1], axis=1)])


def _largest(closeness: np.ndarray, take: int) -> np.ndarray:
    """The positions (n, take) of the largest entries of each row (n, m), which is overwritten for few of them."""
    if take > FEW:
        return np.argpartition(-closeness, take - 1, axis=1)[:, :take]
    # One look for the largest is so much quicker than a partition that some of them still are.
    best = np.empty((len(closeness), take), np.int64)
    every = np.arange(len(closeness))
    for position in range(take):
        best[:, position] = closeness.argmax(axis=1)
        closeness[every, best[:, position]] = -np.inf
    return best


def _distances(points: np.ndarray, others: np.ndarray, positions: np.ndarray, step: int = 8192) -> np.ndarray:
    result = np.empty(len(points))
    for start in range(0, len(points), step):
        part = slice(start, start + step)
        result[part] = np.sqrt(((points[part].astype(np.float64) - others[positions[part]]) ** 2).sum(axis=1))
    return result
