"""Sequential trees: every column from the ones before it, drawn from the smoothed distribution of a tree's leaf.

The scheme is that of synthesis by classification and regression trees (Reiter 2005, "Using CART to generate partially
synthetic public use microdata"), except that no leaf holds cells of real rows: a number is known by its bin of equally
many rows only, and is drawn from the leaf's quantile function, which runs straight between neighbouring bins. A tree's
splits are chosen by a part of the rows and its leaves filled with all of them, which leans less towards the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from synthdata.encoders.base import AllowedCells, Encoded, Slot, State
from synthdata.encoders.bins import Bins, cut, to_cells
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.models.base import Synthesizer
from synthdata.models.draws import even_places_in_groups
from synthdata.progress import Progress

#: a category with at most so many cells is split by its shares, one with more by where it lies on average
MOST_CLASSES = 12
#: the arrays of `Splits`
SPLITS = ("feature", "threshold", "left", "right")
#: which share of the rows, drawn anew for each column, chooses a tree's splits
CHOOSING = 0.75
#: by default a leaf has no fewer than one row in so many, and no fewer than so many rows
ROWS_PER_LEAF, FEWEST_ROWS = 360, 100
#: the same where more than this share of the columns are number lines, whose smooth draws lean less
MOSTLY_LINES, FEWEST_ROWS_OF_LINES = 0.8, 60
#: how far, in bins, a leaf's cell is spread at most towards its neighbours
REACH = 4.0


@dataclass(frozen=True)
class Splits:
    """The questions of a grown tree, one entry per node: ``feature`` is -1 in a leaf, whose number ``leaf`` gives."""

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray

    @cached_property
    def leaf(self) -> np.ndarray:
        """The number (nodes,) of each leaf, in the order of nodes."""
        return np.cumsum(self.feature < 0) - 1

    def leaves(self, x: np.ndarray) -> np.ndarray:
        """The leaf (n,) that each row of features (n, f) falls into."""
        node = np.zeros(len(x), dtype=np.int64)
        rows = np.arange(len(x))
        while len(rows):
            rows = rows[self.feature[node[rows]] >= 0]
            at = node[rows]
            goes_left = x[rows, self.feature[at]] <= self.threshold[at]
            node[rows] = np.where(goes_left, self.left[at], self.right[at])
        return self.leaf[node]


@dataclass(frozen=True)
class Tree:
    """A tree over earlier columns, and in each leaf the cells that its rows had, sorted.

    Leaf l's distinct cells are ``cells[start[l]:start[l + 1]]``, as often as ``counts`` says. ``ranks`` holds, for each
    earlier column without a number line, the place (cardinality,) of its codes in this tree.
    """

    splits: Splits
    ranks: dict[int, np.ndarray]
    start: np.ndarray
    cells: np.ndarray
    counts: np.ndarray


class Trees(Synthesizer):
    """One tree per column on the columns before it, in ascending order of distinct cells.

    The result leans a little towards the training rows. On tables of tens of thousands of rows that is seen, and the
    report may say so; larger leaves lean less.

    Args:
        min_leaf: the fewest rows in a leaf, those that chose no splits not counted; fewer follows the table closer
            and protects single rows less. By default 1 row in 360, and at least 100, or 60 where nearly all columns are
            continuous.
        bins: into how many bins of equally many rows a number line is cut.
        rare_threshold: in how many rows a value must occur to be stored.
    """

    name: ClassVar[str] = "trees"
    summary: ClassVar[str] = (
        "a tree per column on those before it; quick, leans a little towards the rows of large tables"
    )

    not_private_because: ClassVar[str] = (
        "A leaf holds too few rows to hide them in noise, and fitted to rows of a private model it would repeat that."
    )

    order_: list[int]
    trees_: list[Tree]

    def __init__(self, min_leaf: int | None = None, bins: int = 500, rare_threshold: int = 5) -> None:
        self.min_leaf = min_leaf
        self.bins = bins
        self.rare_threshold = rare_threshold

    def make_encoder(self) -> TableEncoder:
        """Values are shares of rows, so that bins of equal width hold equally many."""
        return TableEncoder(transform="uniform", rare_threshold=self.rare_threshold)

    def _fit(self, encoded: Encoded, generator: np.random.Generator, progress: Progress) -> None:
        slots = encoded.slots
        self.cuts_ = cut(slots, self.bins)
        cells = to_cells(encoded, self.cuts_)
        line = _places(encoded)
        distinct = [len(np.unique(cells[:, j])) for j in range(len(slots))]
        self.order_ = [int(j) for j in np.argsort(distinct, kind="stable")]
        self.trees_ = []
        for place, j in enumerate(self.order_):
            before = self.order_[:place]
            self.trees_.append(self._grow(j, before, cells, line, encoded.codes, slots, generator))
            progress.step((place + 1) / len(slots))

    def _grow(
        self,
        j: int,
        before: list[int],
        cells: np.ndarray,
        line: np.ndarray,
        codes: np.ndarray,
        slots: tuple[Slot, ...],
        generator: np.random.Generator,
    ) -> Tree:
        target = _target(cells[:, j], line[:, j], self.cuts_[j])
        ranks = {i: _ranks(codes[:, i], slots[i], target) for i in before if not _on_a_line(slots[i])}
        x = _features(before, line, codes, ranks)
        least = self.min_leaf or _fewest_rows(len(cells), slots)
        chooses = generator.permutation(len(x))[: int(np.ceil(len(x) * CHOOSING))]
        seed = int(generator.integers(2**31))
        splits = _fit_splits(x[chooses], target[chooses], least, seed)
        width = self.cuts_[j].cardinality
        keys, counts = np.unique(splits.leaves(x) * width + cells[:, j], return_counts=True)
        start = np.searchsorted(keys // width, np.arange(splits.leaf[-1] + 2))
        return Tree(splits, ranks, start, keys % width, counts)

    def _sample(self, n: int, generator: np.random.Generator) -> Encoded:
        return self._draw(n, {}, generator)[0]

    def _sample_given(
        self, n: int, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
    ) -> Encoded | None:
        """Rows drawn with the conditions kept at each step, weighted by how likely that was (likelihood weighting)."""
        encoded, weight = self._draw(max(4 * n, 1000), allowed, generator)
        total = weight.sum()
        chosen = generator.choice(len(weight), size=n, p=weight / total) if total > 0 else np.empty(0, dtype=np.int64)
        return encoded.take(chosen)

    def _draw(
        self, n: int, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
    ) -> tuple[Encoded, np.ndarray]:
        slots = self.encoder_.slots
        codes, values = np.zeros((n, len(slots)), dtype=np.int32), np.full((n, len(slots)), np.nan)
        line, weight = np.zeros((n, len(slots))), np.ones(n)
        for place, j in enumerate(self.order_):
            tree, cutting = self.trees_[place], self.cuts_[j]
            leaves = tree.splits.leaves(_features(self.order_[:place], line, codes, tree.ranks))
            counts, spans = tree.counts.astype(float), _spans(tree, cutting)
            if j in allowed:
                counts, spans = _within(tree, spans, cutting, allowed[j])
                held = np.add.reduceat(counts, tree.start[:-1]) / np.add.reduceat(tree.counts, tree.start[:-1])
                weight *= held[leaves]
            codes[:, j], values[:, j] = _draw_in_leaves(tree, counts, spans, leaves, cutting, generator)
            one = Encoded((slots[j],), codes[:, [j]], values[:, [j]])
            line[:, j] = _places(one)[:, 0]
        return Encoded(slots, codes, values), weight

    def _state(self) -> State:
        arrays: dict[str, np.ndarray] = {}
        for place, tree in enumerate(self.trees_):
            arrays |= {f"{place}/{name}": getattr(tree.splits, name) for name in SPLITS}
            arrays |= {f"{place}/{name}": getattr(tree, name) for name in ("start", "cells", "counts")}
            arrays |= {f"{place}/ranks/{i}": ranks for i, ranks in tree.ranks.items()}
        return State({"order": self.order_}, arrays)

    def _restore(self, state: State) -> None:
        self.cuts_ = cut(self.encoder_.slots, self.bins)
        self.order_ = list(state.config["order"])
        self.trees_ = []
        for place in range(len(self.order_)):
            part = {name.split("/", 1)[1]: a for name, a in state.arrays.items() if name.startswith(f"{place}/")}
            ranks = {int(name.split("/")[1]): array for name, array in part.items() if name.startswith("ranks/")}
            splits = Splits(*[part[name] for name in SPLITS])
            self.trees_.append(Tree(splits, ranks, part["start"], part["cells"], part["counts"]))


def _fewest_rows(rows: int, slots: tuple[Slot, ...]) -> int:
    lines = sum(slot.continuous for slot in slots) > MOSTLY_LINES * len(slots)
    return max(FEWEST_ROWS_OF_LINES if lines else FEWEST_ROWS, rows // ROWS_PER_LEAF)


def _on_a_line(slot: Slot) -> bool:
    return slot.continuous or bool(np.isfinite(slot.positions).any())


def _places(encoded: Encoded) -> np.ndarray:
    """Every cell as one number (n, d) that a split can ask for: its place on the line, below it where it is missing."""
    return np.nan_to_num(encoded.number_line(), nan=-1.0)


def _features(before: list[int], line: np.ndarray, codes: np.ndarray, ranks: Mapping[int, np.ndarray]) -> np.ndarray:
    """What a tree sees (n, f) of the columns before."""
    columns = [ranks[i][codes[:, i]] if i in ranks else line[:, i] for i in before]
    return np.column_stack(columns).astype(np.float32) if columns else np.zeros((len(line), 1), dtype=np.float32)


def _target(cells: np.ndarray, line: np.ndarray, cutting: Bins) -> np.ndarray:
    """What a tree is to tell apart (n, t): shares of few classes, or the place on the line and the common spikes."""
    present, codes, counts = np.unique(cells, return_inverse=True, return_counts=True)
    if not _on_a_line(cutting.slot) or len(present) <= MOST_CLASSES:
        kept = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
        shares = np.column_stack([codes == k for k in kept]).astype(float)
        return np.asarray(shares / np.sqrt(shares.mean(axis=0)))
    rank = np.empty(len(line))
    _, inverse, times = np.unique(line, return_inverse=True, return_counts=True)
    rank = (np.cumsum(times) - times / 2)[inverse] / len(line)
    spikes = [k for k in np.argsort(-counts)[:3] if counts[k] > 0.02 * len(cells)]
    return np.column_stack([rank / rank.std() if rank.std() else rank, *[(codes == k).astype(float) for k in spikes]])


def _ranks(codes: np.ndarray, slot: Slot, target: np.ndarray) -> np.ndarray:
    """A place (cardinality,) for codes without an order: by what the target is for them on average."""
    counts = np.bincount(codes, minlength=slot.cardinality)
    centred = target - target.mean(axis=0)
    means = (
        np.column_stack([np.bincount(codes, weights=column, minlength=slot.cardinality) for column in centred.T])
        / np.maximum(counts, 1)[:, None]
    )
    # The direction in which the codes' means differ most (weighted by rows) is one number per code.
    _, _, directions = np.linalg.svd(means * np.sqrt(counts)[:, None], full_matrices=False)
    return np.asarray(np.argsort(np.argsort(means @ directions[0], kind="stable")), dtype=np.float64)


def _fit_splits(x: np.ndarray, target: np.ndarray, min_leaf: int, seed: int) -> Splits:
    """Splits (see `Splits`) that tell the target apart."""
    from sklearn.tree import DecisionTreeRegressor

    if len(x) < 2 * min_leaf or not np.ptp(target, axis=0).any():
        alone = np.array([-1])
        return Splits(alone, np.zeros(1, dtype=np.float32), alone, alone)
    grown = DecisionTreeRegressor(min_samples_leaf=min_leaf, random_state=seed).fit(x, target).tree_
    feature = np.where(grown.children_left < 0, -1, grown.feature).astype(np.int64)
    return Splits(feature, grown.threshold.astype(np.float32), grown.children_left, grown.children_right)


def _draw_in_leaves(
    tree: Tree,
    weights: np.ndarray,
    spans: tuple[np.ndarray, np.ndarray],
    leaves: np.ndarray,
    cutting: Bins,
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Codes and values (n,), each cell of a leaf as often as expected by the weights (cells,) up to a row."""
    share = even_places_in_groups(leaves, generator)
    # One running total over all leaves: a row's place in its leaf is a place in that total.
    total = np.concatenate([[0.0], np.cumsum(weights)])
    low, high = total[tree.start[leaves]], total[tree.start[leaves + 1]]
    at = low + share * (high - low)
    entry = np.clip(np.searchsorted(total, at, side="right") - 1, tree.start[leaves], tree.start[leaves + 1] - 1)
    cells = tree.cells[entry]
    if not cutting.count:
        return cells.astype(np.int32), np.full(len(cells), np.nan)
    on_line = cells < cutting.count
    codes = np.where(on_line, 0, cells - cutting.count + 1).astype(np.int32)
    inside = (at - total[entry]) / np.maximum(weights[entry], 1e-12)
    return codes, np.where(on_line, spans[0][entry] + inside * (spans[1] - spans[0])[entry], np.nan)


def _spans(tree: Tree, cutting: Bins) -> tuple[np.ndarray, np.ndarray]:
    """From where to where (cells,) on the line each leaf's cells are spread: half-way to the cell before and the next.

    The spread is no wider than ``REACH`` bins on either side, so that real gaps stay.
    """
    here, count = tree.cells, max(cutting.count, 1)
    before, after = np.roll(here, 1), np.roll(here, -1)
    first, last = tree.start[:-1], tree.start[1:] - 1
    before[first], after[last] = here[first] - 1, here[last] + 1
    after = np.where(after >= count, here + 1, after)
    down, up = np.minimum((here - before) / 2, REACH), np.minimum((after - here) / 2, REACH)
    return np.clip((here + 0.5 - down) / count, 0.0, 1.0), np.clip((here + 0.5 + up) / count, 0.0, 1.0)


def _within(
    tree: Tree, spans: tuple[np.ndarray, np.ndarray], cutting: Bins, wanted: AllowedCells
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """How much (cells,) of each leaf's cells meets a condition, and what is left of their spans.

    Of a single point it is how densely a cell is spread there.
    """
    if not cutting.count:
        return tree.counts * wanted.codes[tree.cells], spans
    low, high = np.clip(spans[0], wanted.low, wanted.high), np.clip(spans[1], wanted.low, wanted.high)
    length = np.maximum(spans[1] - spans[0], 1e-12)
    if wanted.low == wanted.high:
        share = ((spans[0] <= wanted.low) & (wanted.low < spans[1] + (spans[1] == 1.0))) / (length * cutting.count)
    else:
        share = (high - low) / length
    others = wanted.codes[np.maximum(tree.cells - cutting.count + 1, 0)]
    on_line = tree.cells < cutting.count
    return tree.counts * np.where(on_line, share * bool(wanted.codes[0]), others), (low, high)
