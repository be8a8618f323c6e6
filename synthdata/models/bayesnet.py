"""A Bayesian network: each column depends on a few others, and the graph can be looked at.

Columns are drawn in the order of the Chow–Liu tree (Chow and Liu 1968, "Approximating discrete probability
distributions with dependence trees"); each takes as parents those before it by which rows that were not
counted are better predicted.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from synthdata.encoders.base import UNSEEN, AllowedCells, Encoded, State
from synthdata.encoders.bins import allowed_cells, cut, from_cells, to_cells
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.models.abilities import DensityMixin, ImputationMixin
from synthdata.models.bayesnet_groups import groups_of, merged
from synthdata.models.bayesnet_tables import ColumnTables, backed_off, choose_parents, combinations
from synthdata.models.mixtures.mixture import grouped
from synthdata.models.private_rows import FittedToPrivateRows
from synthdata.progress import Progress

#: into how many groups besides a parent's cells may be put: with fewer of each, a table has room for more parents
COARSER = (12, 6, 3)
#: at most so many rows decide which columns depend on which
STRUCTURE_ROWS = 30_000
#: how many other columns the cell within a group may depend on
FINE_PARENTS = 1
#: how many columns, by how much each tells alone, are tried as parents
CANDIDATES = 12
#: how many rows are imagined in each bin of a number line, so that none is impossible where few rows are (Krichevsky
#: and Trofimov 1981)
IMAGINED = 0.5
#: how often the unknown cells of an incomplete row are drawn to average over them where they are many
MARGINAL_DRAWS = 64
#: over up to so many ways to fill in what is not known the probability of a row is summed
MOST_WAYS = 512


class BayesNet(FittedToPrivateRows, DensityMixin, ImputationMixin):
    """A directed graph over columns with a table of probabilities for each.

    Args:
        bins: into how many bins of equally many rows a number line is cut.
        groups: into how many groups of cells a column is told apart at most; as a parent also into fewer, `COARSER`.
        max_parents: how many columns one may depend on.
        smoothing: how many imagined rows, distributed as without the last parent, are added to each table row.
        rare_threshold: in how many rows a value must occur to be stored, and a combination of parents to have
            probabilities of its own.
    """

    name: ClassVar[str] = "bayesnet"
    summary: ClassVar[str] = "a graph of which column depends on which; to explain, with exact probabilities"

    #: the columns by position in the order in which they are drawn
    order_: list[int]
    tables_: list[ColumnTables]
    #: which coarser group each group of a column is in, for each of `COARSER`
    levels_: list[list[np.ndarray]]
    #: how many groups there are: of each column, then of each with coarser groups, level by level
    sizes_: list[int]

    def __init__(
        self, bins: int = 50, groups: int = 24, max_parents: int = 6, smoothing: float = 5.0, rare_threshold: int = 5
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
        group_of = [
            groups_of(np.bincount(cells[:, j], minlength=c.cardinality), c, self.groups)
            for j, c in enumerate(self.cuts_)
        ]
        self._set_levels(
            group_of,
            [
                [
                    merged(np.bincount(group[cells[:, j]], minlength=group.max(initial=-1) + 1), group, cutting, most)
                    for most in COARSER
                ]
                for j, (group, cutting) in enumerate(zip(group_of, self.cuts_, strict=True))
            ],
        )
        grouped = np.zeros((len(cells), len(self.sizes_)), dtype=np.int64)
        for j, group in enumerate(group_of):
            self._put_groups(grouped, j, group[cells[:, j]])
        rows = generator.permutation(len(cells))[:STRUCTURE_ROWS]
        self.order_, candidates = _order(grouped[rows, : len(group_of)], progress)
        tables: dict[int, ColumnTables] = {}
        for place, j in enumerate(self.order_):
            tables[j] = self._learn(j, group_of[j], cells, grouped, rows, candidates[j])
            progress.step(0.4 + 0.6 * (place + 1) / len(self.order_), "Which columns depend on which")
        self.tables_ = [tables[j] for j in range(len(group_of))]

    def _set_levels(self, group_of: list[np.ndarray], levels: list[list[np.ndarray]]) -> None:
        self.levels_ = levels
        self.sizes_ = [int(group.max(initial=0)) + 1 for group in group_of]
        for level in range(len(COARSER)):
            self.sizes_ += [int(maps[level].max(initial=0)) + 1 for maps in levels]

    def _put_groups(self, grouped: np.ndarray, j: int, group: np.ndarray) -> None:
        """Set a column's groups (n,) in place, the coarser ones with it."""
        d = len(self.cuts_)
        grouped[:, j] = group
        for level, coarser in enumerate(self.levels_[j]):
            grouped[:, (level + 1) * d + j] = coarser[group]

    def _learn(
        self, j: int, group: np.ndarray, cells: np.ndarray, grouped: np.ndarray, rows: np.ndarray, candidates: list[int]
    ) -> ColumnTables:
        """Choose the parents of column j on some rows and count its tables on all."""
        sizes, width, own = self.sizes_, len(group), (grouped[:, j], self.sizes_[j])
        settings = (self.smoothing, self.rare_threshold)
        part = grouped[rows]
        d = len(self.cuts_)
        # Each column may be a parent with all its groups or with coarser ones, whichever tells more.
        options = [level * d + parent for parent in candidates for level in range(len(COARSER) + 1)]
        parents = choose_parents(part[:, j], own[1], [], part, sizes, options, self.max_parents, *settings, columns=d)
        fine_parents: list[int] = []
        if width > own[1]:
            fixed = [(part[:, j], own[1])]
            most = min(self.max_parents, FINE_PARENTS)
            fine_parents = choose_parents(
                cells[rows, j], width, fixed, part, sizes, options, most, *settings, columns=d
            )
        coarse_given = [grouped[:, parent] for parent in parents]
        fine_given = [own[0], *(grouped[:, parent] for parent in fine_parents)]
        fine_sizes = [own[1], *(sizes[parent] for parent in fine_parents)]
        imagined = np.zeros(width)
        imagined[: self.cuts_[j].count] = IMAGINED
        shared = np.bincount(group, weights=imagined, minlength=own[1])
        coarse = backed_off(grouped[:, j], coarse_given, [sizes[p] for p in parents], own[1], *settings, shared)
        # Within a group its own cells only: nothing is drawn towards the cells of others.
        fine = np.stack([np.where(group == g, 1.0, 0.0) for g in range(own[1])])
        fine *= np.bincount(cells[:, j], minlength=width) + np.maximum(imagined, 1e-9)
        fine = fine / fine.sum(axis=1, keepdims=True)
        if fine_parents:
            found = backed_off(cells[:, j], fine_given, fine_sizes, width, *settings, imagined)
            inside = found * np.repeat(fine > 0, len(found) // own[1], axis=0)
            total = inside.sum(axis=1, keepdims=True)
            fine = np.where(
                total > 0, inside / np.maximum(total, 1e-300), np.repeat(fine, len(found) // own[1], axis=0)
            )
        return ColumnTables(group, parents, fine_parents, coarse, fine)

    def _combos(self, grouped: np.ndarray, j: int) -> tuple[np.ndarray, np.ndarray]:
        """Which combination of its parents' groups each row (n,) has for column j's group, and for its cell."""
        table = self.tables_[j]
        return (
            combinations(grouped, table.parents, self.sizes_),
            combinations(grouped, table.fine_parents, self.sizes_),
        )

    def _sample(self, n: int, generator: np.random.Generator) -> Encoded:
        cells = np.full((n, len(self.cuts_)), UNSEEN, dtype=np.int64)
        self._draw(cells, {}, generator)
        return from_cells(cells, self.cuts_, generator)

    def _sample_given(
        self, n: int, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
    ) -> Encoded | None:
        """Rows weighted by how likely they make the conditions, then drawn by that weight (likelihood weighting)."""
        shares = allowed_cells(allowed, self.cuts_)
        cells = np.full((max(4 * n, 1000), len(self.cuts_)), UNSEEN, dtype=np.int64)
        log_weight = self._draw(cells, shares, generator)
        weight = np.exp(log_weight - log_weight.max(initial=-np.inf)) if np.isfinite(log_weight).any() else None
        if weight is None:
            return from_cells(cells[:0], self.cuts_, generator)
        chosen = generator.choice(len(cells), size=n, p=weight / weight.sum())
        return from_cells(cells[chosen], self.cuts_, generator, allowed)

    def _draw(self, cells: np.ndarray, masks: Mapping[int, np.ndarray], generator: np.random.Generator) -> np.ndarray:
        """Draw every `UNSEEN` cell in place, parents first; the log-probability (n,) of the cells that were given."""
        groups = np.zeros((len(cells), len(self.sizes_)), dtype=np.int64)
        log_weight = np.zeros(len(cells))
        for j in self.order_:
            table, (combos, fine_combos) = self.tables_[j], self._combos(groups, j)
            unknown = cells[:, j] == UNSEEN
            known, rows = np.flatnonzero(~unknown), np.flatnonzero(unknown)
            log_weight[known] += table.log_probability(cells[known, j], combos[known], fine_combos[known])
            if len(rows):
                drawn, inside = table.draw(combos[rows], fine_combos[rows], masks.get(j), generator)
                cells[rows, j] = drawn
                log_weight[rows] += inside
            self._put_groups(groups, j, table.group[cells[:, j]])
        return log_weight

    def _log_prob(self, encoded: Encoded) -> np.ndarray:
        cells = to_cells(encoded, self.cuts_)
        total = np.zeros(len(cells))
        for j, cutting in enumerate(self.cuts_):
            if cutting.count:
                on_line = (cells[:, j] >= 0) & (cells[:, j] < cutting.count)
                total += np.where(on_line, np.log(cutting.count), 0.0)
        for rows, unknown in grouped(cells == UNSEEN) if cells.size else []:
            total[rows] += self._log_sum(cells[rows], unknown)
        return total

    def _log_sum(self, cells: np.ndarray, unknown: np.ndarray) -> np.ndarray:
        """The log-probability (n,) of rows with the same cells unknown: summed over all these can be, or where that is
        too many, averaged over draws.
        """
        generator = np.random.default_rng(0)
        ways = int(np.prod([float(self.cuts_[j].cardinality) for j in unknown]))
        if ways > MOST_WAYS:
            passes = [self._draw(cells.copy(), {}, generator) for _ in range(MARGINAL_DRAWS)]
            return np.asarray(np.logaddexp.reduce(passes, axis=0) - np.log(MARGINAL_DRAWS))
        passes = []
        for way in itertools.product(*(range(self.cuts_[j].cardinality) for j in unknown)):
            filled = cells.copy()
            filled[:, unknown] = way
            passes.append(self._draw(filled, {}, generator))
        return np.asarray(np.logaddexp.reduce(passes, axis=0))

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
        parents = [table.parents for table in self.tables_]
        fine_parents = [table.fine_parents for table in self.tables_]
        arrays = {f"level {level} {j}": m for j, maps in enumerate(self.levels_) for level, m in enumerate(maps)}
        for j, table in enumerate(self.tables_):
            arrays |= {f"groups {j}": table.group, f"coarse {j}": table.coarse, f"fine {j}": table.fine}
        return State({"order": self.order_, "parents": parents, "fine_parents": fine_parents}, arrays)

    def _restore(self, state: State) -> None:
        self.cuts_ = cut(self.encoder_.slots, self.bins)
        self.order_, arrays = list(state.config["order"]), state.arrays
        self.tables_ = [
            ColumnTables(
                arrays[f"groups {j}"],
                list(state.config["parents"][j]),
                list(state.config["fine_parents"][j]),
                arrays[f"coarse {j}"],
                arrays[f"fine {j}"],
            )
            for j in range(len(self.cuts_))
        ]
        levels = [[arrays[f"level {level} {j}"] for level in range(len(COARSER))] for j in range(len(self.cuts_))]
        self._set_levels([table.group for table in self.tables_], levels)

    @property
    def parents_(self) -> list[list[int]]:
        """The parents of each column, by position."""
        d = max(len(self.cuts_), 1)
        return [
            list(dict.fromkeys(parent % d for parent in [*table.parents, *table.fine_parents]))
            for table in self.tables_
        ]


def _order(grouped: np.ndarray, progress: Progress) -> tuple[list[int], list[list[int]]]:
    """The order of columns in Chow and Liu's tree, and for each those before it, the most telling first."""
    d = grouped.shape[1]
    gains = np.zeros((d, d))
    nothing = np.zeros(len(grouped), dtype=np.int64)
    for child in range(d):
        for parent in range(child):
            gains[parent, child] = gains[child, parent] = _gain(grouped[:, child], grouped[:, parent], nothing)
        progress.step(0.4 * (child + 1) / max(d, 1), "Which columns depend on which")
    order = [int(np.argmax(gains.sum(axis=0)))] if d else []
    candidates: list[list[int]] = [[] for _ in range(d)]
    while len(order) < d:
        rest = [j for j in range(d) if j not in order]
        inside = gains[np.ix_(order, rest)]
        child = rest[int(np.unravel_index(int(np.argmax(inside)), inside.shape)[1])]
        candidates[child] = sorted(order, key=lambda j: -gains[j, child])[:CANDIDATES]
        order.append(child)
    return order, candidates


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
