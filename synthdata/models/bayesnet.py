"""A Bayesian network: each column depends on a few others, and the graph can be looked at.

The structure is found greedily by minimum description length, starting from the Chow–Liu tree (Chow and Liu 1968,
"Approximating discrete probability distributions with dependence trees"), whose order of columns is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from synthdata.encoders.base import UNSEEN, AllowedCells, Encoded, State
from synthdata.encoders.bins import Bins, allowed_cells, cut, from_cells, to_cells
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.models.abilities import DensityMixin, ImputationMixin
from synthdata.models.draws import even_draws_by_group
from synthdata.progress import Progress

#: at most so many rows decide which columns depend on which
STRUCTURE_ROWS = 20_000
#: how often the unknown cells of an incomplete row are drawn to average over them
MARGINAL_DRAWS = 64


class BayesNet(DensityMixin, ImputationMixin):
    """A directed graph over columns with a table of probabilities for each.

    Args:
        bins: into how many bins of equally many rows a number line is cut.
        groups: how many groups of cells a column is told apart by where it is a parent.
        max_parents: how many columns one may depend on.
        smoothing: how many imagined rows, distributed like the column as a whole, are added to each table row.
        rare_threshold: in how many rows a value must occur to be stored.
    """

    name: ClassVar[str] = "bayesnet"
    summary: ClassVar[str] = "a graph of which column depends on which; to explain, with exact probabilities"

    #: the parents of each column, by position, in the order in which columns are drawn
    order_: list[int]
    parents_: list[list[int]]

    def __init__(
        self, bins: int = 50, groups: int = 16, max_parents: int = 2, smoothing: float = 2.0, rare_threshold: int = 5
    ) -> None:
        self.bins = bins
        self.groups = groups
        self.max_parents = max_parents
        self.smoothing = smoothing
        self.rare_threshold = rare_threshold

    def make_encoder(self) -> TableEncoder:
        """Values are shares of rows, so that bins of equal width hold equally many."""
        return TableEncoder(transform="uniform", rare_threshold=self.rare_threshold)

    @property
    def edges(self) -> list[tuple[str, str]]:
        """The graph: (parent, child) by column name."""
        names = [slot.name for slot in self.encoder_.slots]
        return [(names[parent], names[child]) for child in self.order_ for parent in self.parents_[child]]

    def _fit(self, encoded: Encoded, generator: np.random.Generator, progress: Progress) -> None:
        self.cuts_ = cut(encoded.slots, self.bins)
        cells = to_cells(encoded, self.cuts_)
        self.group_of_ = [
            _groups(np.bincount(cells[:, j], minlength=c.cardinality), c, self.groups) for j, c in enumerate(self.cuts_)
        ]
        grouped = self._grouped(cells)
        rows = generator.permutation(len(cells))[:STRUCTURE_ROWS]
        self.order_, self.parents_ = _structure(cells[rows], grouped[rows], self.max_parents, progress)
        self.tables_ = []
        for j, cutting in enumerate(self.cuts_):
            combos = self._combos(grouped, j)
            shape = (self._combo_count(j), cutting.cardinality)
            counts = (
                np.bincount(combos * shape[1] + cells[:, j], minlength=shape[0] * shape[1]).reshape(shape).astype(float)
            )
            whole = counts.sum(axis=0) / len(cells)
            counts += self.smoothing * whole
            self.tables_.append(counts / counts.sum(axis=1, keepdims=True))

    def _grouped(self, cells: np.ndarray) -> np.ndarray:
        columns = [group[cells[:, j]] for j, group in enumerate(self.group_of_)]
        return np.column_stack(columns) if columns else np.empty((len(cells), 0), dtype=np.int64)

    def _combos(self, grouped: np.ndarray, j: int) -> np.ndarray:
        """Which row of column j's table each row (n,) uses, by the groups of its parents."""
        combos = np.zeros(len(grouped), dtype=np.int64)
        for parent in self.parents_[j]:
            combos = combos * (int(self.group_of_[parent].max()) + 1) + grouped[:, parent]
        return combos

    def _combo_count(self, j: int) -> int:
        return int(np.prod([int(self.group_of_[parent].max()) + 1 for parent in self.parents_[j]], dtype=np.int64))

    def _sample(self, n: int, generator: np.random.Generator) -> Encoded:
        cells = np.full((n, len(self.cuts_)), UNSEEN, dtype=np.int64)
        self._draw(cells, {}, generator)
        return from_cells(cells, self.cuts_, generator)

    def _sample_given(
        self, n: int, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
    ) -> Encoded | None:
        """Rows weighted by how likely they make the conditions, then drawn by that weight (likelihood weighting)."""
        masks = allowed_cells(allowed, self.cuts_)
        cells = np.full((max(4 * n, 1000), len(self.cuts_)), UNSEEN, dtype=np.int64)
        log_weight = self._draw(cells, masks, generator)
        weight = np.exp(log_weight - log_weight.max(initial=-np.inf)) if np.isfinite(log_weight).any() else None
        if weight is None:
            return from_cells(cells[:0], self.cuts_, generator)
        chosen = generator.choice(len(cells), size=n, p=weight / weight.sum())
        return from_cells(cells[chosen], self.cuts_, generator)

    def _draw(self, cells: np.ndarray, masks: Mapping[int, np.ndarray], generator: np.random.Generator) -> np.ndarray:
        """Draw every `UNSEEN` cell in place, parents first; the log-probability (n,) of the cells that were given."""
        grouped = np.zeros_like(cells)
        log_weight = np.zeros(len(cells))
        for j in self.order_:
            table = self.tables_[j]
            combos = self._combos(grouped, j)
            if j in masks:
                table = table * masks[j]
                share = table.sum(axis=1)
                with np.errstate(divide="ignore"):
                    log_weight += np.log(share)[combos]
                table = np.where(share[:, None] > 0, table / np.maximum(share, 1e-300)[:, None], self.tables_[j])
            unknown = cells[:, j] == UNSEEN
            known = np.flatnonzero(~unknown)
            with np.errstate(divide="ignore"):
                log_weight[known] += np.log(table[combos[known], cells[known, j]])
            rows = np.flatnonzero(unknown)
            cells[rows, j] = even_draws_by_group(table, combos[rows], generator)
            grouped[:, j] = self.group_of_[j][cells[:, j]]
        return log_weight

    def _log_prob(self, encoded: Encoded) -> np.ndarray:
        cells = to_cells(encoded, self.cuts_)
        total = np.zeros(len(cells))
        for j, cutting in enumerate(self.cuts_):
            if cutting.count:
                on_line = (cells[:, j] >= 0) & (cells[:, j] < cutting.count)
                total += np.where(on_line, np.log(cutting.count), 0.0)
        # Rows known in full are drawn nowhere, so one pass is exact; for the others the unknown cells are averaged out.
        gaps = (cells == UNSEEN).any(axis=1)
        total[~gaps] += self._draw(cells[~gaps], {}, np.random.default_rng(0))
        if gaps.any():
            generator = np.random.default_rng(0)
            passes = [self._draw(cells[gaps].copy(), {}, generator) for _ in range(MARGINAL_DRAWS)]
            total[gaps] += np.logaddexp.reduce(passes, axis=0) - np.log(MARGINAL_DRAWS)
        return total

    def _fill(self, encoded: Encoded, generator: np.random.Generator, draws: int = 16) -> Encoded:
        """Each row is completed ``draws`` times and one is kept by how likely it makes the known cells."""
        cells = to_cells(encoded, self.cuts_)
        masks = {}
        for j, cutting in enumerate(self.cuts_):
            missing = cutting.slot.missing_code
            if missing is not None:
                mask = np.ones(cutting.cardinality, dtype=bool)
                mask[missing + (cutting.count - 1 if cutting.count else 0)] = False
                if mask.any():
                    masks[j] = mask
        best, best_key = cells.copy(), np.full(len(cells), -np.inf)
        for _ in range(draws):
            trial = cells.copy()
            log_weight = self._draw(trial, masks, generator)
            # The largest of log-weight plus Gumbel noise is a draw in proportion to the weights.
            key = log_weight + generator.gumbel(size=len(cells))
            better = (key > best_key) | np.isneginf(best_key)
            best[better], best_key[better] = trial[better], key[better]
        filled = from_cells(best, self.cuts_, generator)
        known = encoded.codes != UNSEEN
        return Encoded(
            encoded.slots, np.where(known, encoded.codes, filled.codes), np.where(known, encoded.values, filled.values)
        )

    def _state(self) -> State:
        arrays = {f"table {j}": table for j, table in enumerate(self.tables_)}
        arrays |= {f"groups {j}": group for j, group in enumerate(self.group_of_)}
        return State({"order": self.order_, "parents": self.parents_}, arrays)

    def _restore(self, state: State) -> None:
        self.cuts_ = cut(self.encoder_.slots, self.bins)
        self.order_, self.parents_ = list(state.config["order"]), [list(parents) for parents in state.config["parents"]]
        self.tables_ = [state.arrays[f"table {j}"] for j in range(len(self.cuts_))]
        self.group_of_ = [state.arrays[f"groups {j}"] for j in range(len(self.cuts_))]


def _groups(counts: np.ndarray, cutting: Bins, most: int) -> np.ndarray:
    """Which group (cardinality,) each cell is in: neighbours on a number line; elsewhere the rare ones together."""
    cells = len(counts)
    if cells <= most:
        return np.arange(cells)
    group = np.empty(cells, dtype=np.int64)
    if cutting.count or cutting.slot.ordered or cutting.slot.positions.size:
        # Cells in their order along the line; those without a place (nulls) come last.
        place = np.arange(cells, dtype=float)
        if cutting.count == 0 and cutting.slot.positions.size:
            place = np.where(np.isnan(cutting.slot.positions), np.inf, cutting.slot.positions)
        along = np.argsort(place, kind="stable")
        before = np.cumsum(counts[along]) - counts[along]
        group[along] = np.minimum(before * most // max(counts.sum(), 1), most - 1)
    else:
        common = np.argsort(-counts, kind="stable")[: most - 1]
        group[:] = most - 1
        group[common] = np.arange(most - 1)
    return np.unique(group, return_inverse=True)[1]


def _structure(
    cells: np.ndarray, grouped: np.ndarray, max_parents: int, progress: Progress
) -> tuple[list[int], list[list[int]]]:
    """The order of columns and the parents of each: Chow–Liu's tree, then more parents while they earn their cost."""
    d = cells.shape[1]
    if d == 0:
        return [], []
    gains = np.zeros((d, d))
    for child in range(d):
        for parent in range(d):
            if parent != child:
                gains[parent, child] = _gain(cells[:, child], grouped[:, parent], np.zeros(len(cells), dtype=np.int64))
        progress.step(0.6 * (child + 1) / d, "Which columns depend on which")
    both = np.maximum(gains, gains.T)
    order = [int(np.argmax(both.sum(axis=0)))]
    parents: list[list[int]] = [[] for _ in range(d)]
    while len(order) < d:
        rest = [j for j in range(d) if j not in order]
        inside = both[np.ix_(order, rest)]
        best = np.unravel_index(int(np.argmax(inside)), inside.shape)
        parent, child = order[int(best[0])], rest[int(best[1])]
        if gains[parent, child] > 0 and max_parents > 0:
            parents[child].append(parent)
        order.append(child)
    for place, child in enumerate(order):
        while 0 < len(parents[child]) < max_parents:
            base = np.zeros(len(cells), dtype=np.int64)
            for parent in parents[child]:
                base = base * (int(grouped[:, parent].max()) + 1) + grouped[:, parent]
            others = [j for j in order[:place] if j not in parents[child]]
            found = [(_gain(cells[:, child], grouped[:, j], base), j) for j in others]
            gain, parent = max(found, default=(0.0, -1))
            if gain <= 0:
                break
            parents[child].append(parent)
        progress.step(0.6 + 0.4 * (place + 1) / d, "Which columns depend on which")
    return order, parents


def _gain(child: np.ndarray, parent: np.ndarray, base: np.ndarray) -> float:
    """How many nats shorter the column is described once the parent is known beside ``base``, tables included."""
    joint = base * (int(parent.max(initial=0)) + 1) + parent
    return _description(child, base) - _description(child, joint)


def _description(child: np.ndarray, given: np.ndarray) -> float:
    """The description length in nats of a column given another: n·H(child | given) + ½ ln n per probability."""
    width = int(child.max(initial=0)) + 1
    pairs = np.unique(given * width + child, return_counts=True)[1]
    groups = np.unique(given, return_counts=True)[1]
    entropy = float((groups * np.log(groups)).sum() - (pairs * np.log(pairs)).sum())
    return entropy + 0.5 * np.log(max(len(child), 2)) * (len(pairs) - len(groups))
