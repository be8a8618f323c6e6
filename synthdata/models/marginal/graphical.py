"""A graphical model over whole-number cells: log-potentials on groups of columns, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from synthdata.models.marginal.junction_tree import Group, JunctionTree, junction_tree


class GraphicalModel:
    """Probabilities proportional to exp of the sum of ``potentials``, one array per group of columns.

    Args:
        sizes: how many cells each column (d,) has.
        potentials: for each group an array with one axis per column of it, in the group's order (ascending).
        tree: a junction tree that holds every group; made if not given.

    Beliefs are passed along the tree once (Lauritzen and Spiegelhalter 1988; Koller and Friedman 2009, chapter 10).
    """

    def __init__(
        self, sizes: Sequence[int], potentials: Mapping[Group, np.ndarray], tree: JunctionTree | None = None
    ) -> None:
        self.sizes = tuple(sizes)
        self.tree = tree or junction_tree(sizes, potentials)
        self._set_up(potentials)
        self._collect()
        self._distribute()

    def _set_up(self, potentials: Mapping[Group, np.ndarray]) -> None:
        self._beliefs = [np.zeros([self.sizes[j] for j in clique]) for clique in self.tree.cliques]
        for group, potential in potentials.items():
            place = self.tree.holder(group)
            if place is None:
                raise ValueError(f"The junction tree holds no clique with the columns {group}.")
            self._beliefs[place] += _spread(potential, group, self.tree.cliques[place])

    def _collect(self) -> None:
        """From the leaves up: each clique becomes the unnormalised conditional of what it does not share."""
        tree, self.log_total = self.tree, 0.0
        self._sums: list[np.ndarray] = [np.empty(0)] * len(tree.cliques)
        for place in reversed(range(len(tree.cliques))):
            clique, shared = tree.cliques[place], tree.separators[place]
            belief, axes = self._beliefs[place], _without(clique, shared)
            most = belief.max(axis=axes, keepdims=True)
            # Where nothing is possible at all, nothing stays possible.
            most = np.where(np.isfinite(most), most, 0.0)
            belief -= most
            np.exp(belief, out=belief)
            total = belief.sum(axis=axes, keepdims=True)
            with np.errstate(divide="ignore"):
                message = np.log(total) + most
            self._sums[place] = total
            if tree.parents[place] < 0:
                self.log_total += float(message.ravel()[0])
            else:
                parent = tree.parents[place]
                self._beliefs[parent] += _spread(message.squeeze(axes), shared, tree.cliques[parent])

    def _distribute(self) -> None:
        """From the root down: each clique becomes its own joint distribution."""
        tree = self.tree
        for place, clique in enumerate(tree.cliques):
            shared, total = tree.separators[place], self._sums[place]
            above = np.ones_like(total)
            if tree.parents[place] >= 0:
                joint = self._beliefs[tree.parents[place]]
                part = joint.sum(axis=_without(tree.cliques[tree.parents[place]], shared))
                above = _spread(part, shared, clique)
            with np.errstate(divide="ignore", invalid="ignore"):
                self._beliefs[place] *= np.where(total > 0, above / total, 0.0)

    @property
    def possible(self) -> bool:
        """Whether any row has a probability above 0."""
        return bool(np.isfinite(self.log_total))

    def marginal(self, group: Group) -> np.ndarray | None:
        """The joint distribution of a group of columns (ascending), or None where it is not a product of cliques' own.

        Columns that nothing connects are independent.
        """
        parts: dict[int, list[int]] = {}
        for j in group:
            parts.setdefault(self.tree.part_of[j], []).append(j)
        out: np.ndarray | None = None
        for columns in parts.values():
            place = self.tree.holder(columns)
            if place is None:
                return None
            found = self._beliefs[place].sum(axis=_without(self.tree.cliques[place], tuple(columns)))
            out = found if out is None else np.multiply.outer(out, found)
        if out is None or len(parts) == 1:
            return out
        order = [j for columns in parts.values() for j in columns]
        return np.asarray(out.transpose(np.argsort(order)))

    def log_prob(self, cells: np.ndarray) -> np.ndarray:
        """The log-probability (n,) of rows of cells (n, d), by the cliques' and separators' joint distributions."""
        out = np.zeros(len(cells))
        with np.errstate(divide="ignore"):
            for belief, clique, shared in zip(self._beliefs, self.tree.cliques, self.tree.separators, strict=True):
                out += np.log(belief[tuple(cells[:, j] for j in clique)])
                if shared:
                    above = belief.sum(axis=_without(clique, shared))
                    # Where the separator is impossible the clique is, too, and the row stays so.
                    out -= np.log(np.maximum(above[tuple(cells[:, j] for j in shared)], 1e-300))
        return out

    def draw(self, n: int, generator: np.random.Generator) -> np.ndarray:
        """Rows (n, d) int64; each cell of a clique comes as often, given what is known, as expected up to a row."""
        rows = np.zeros((n, len(self.sizes)), dtype=np.int64)
        for place, clique in enumerate(self.tree.cliques):
            shared = self.tree.separators[place]
            new = tuple(j for j in clique if j not in shared)
            if not new:
                continue
            axes = [clique.index(j) for j in (*shared, *new)]
            table = self._beliefs[place].transpose(axes)
            shape = table.shape
            groups = int(np.prod(shape[: len(shared)], dtype=np.int64))
            given = np.zeros(n, dtype=np.int64)
            for j in shared:
                given = given * self.sizes[j] + rows[:, j]
            drawn = draw_by_table(table.reshape(groups, -1), given, generator)
            for j, values in zip(new, np.unravel_index(drawn, shape[len(shared) :]), strict=True):
                rows[:, j] = values
        return rows


def draw_by_table(table: np.ndarray, given: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """One column of the table for each row (n,), by the weights of the table's row that ``given`` names.

    Each comes as often as expected up to a row. A row of the table without any weight gives even draws.
    """
    n, width = len(given), table.shape[1]
    # One sum is sorted much sooner than two keys; chance in steps of 2^-24 keeps it exact.
    along = np.argsort(given + generator.random(n, dtype=np.float32).astype(np.float64))
    ordered = given[along]
    used, first, size = np.unique(ordered, return_index=True, return_counts=True)
    part = table[used]
    empty = ~(part.sum(axis=1) > 0)
    part[empty] = 1.0
    cumulative = np.cumsum(part, axis=1)
    cumulative /= cumulative[:, -1:]
    place = np.repeat(np.arange(len(used)), size)
    # One draw in each of as many equal parts of the unit interval as there are rows.
    where = (np.arange(n) - np.repeat(first, size) + generator.random(n)) / np.repeat(size, size)
    flat = (cumulative + np.arange(len(used))[:, None]).ravel()
    found = np.searchsorted(flat, place + np.minimum(where, 1 - 1e-9), side="right") - place * width
    out = np.empty(n, dtype=np.int64)
    out[along] = np.minimum(found, width - 1)
    return out


def _without(clique: Group, kept: Group) -> tuple[int, ...]:
    """The axes of a clique's columns that are not kept."""
    return tuple(axis for axis, j in enumerate(clique) if j not in kept)


def _spread(array: np.ndarray, group: Group, clique: Group) -> np.ndarray:
    """An array over a group with axes of length 1 for the other columns of a clique."""
    shape = [array.shape[group.index(j)] if j in group else 1 for j in clique]
    return array.reshape(shape)
