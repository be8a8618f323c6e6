"""Canaries: invented rows within a table's domain, whose combinations of values are as rare as can be.

Each cell is drawn by itself, evenly over what the schema declares public (bounds, categories), or else over what the
column holds; of many such rows those are taken whose pairs of values real rows share least. No cell of one is taken
from a single real row, and none is written anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from synthdata.errors import InfeasibleError
from synthdata.table.constraints import parse_rules
from synthdata.table.declared import plain_bound
from synthdata.table.schema import Column, Schema
from synthdata.table.storage import Cells, from_cells, integral, restore
from synthdata.table.table import Table

#: so many rows are drawn for each canary that is taken
_CANDIDATES = 8
#: number lines are compared in so many parts
PARTS = 24
#: pairs of columns that are compared at most
MOST_PAIRS = 120


def canaries(table: Table, count: int, generator: np.random.Generator) -> Table:
    """``count`` canaries for a table, of its modelled columns.

    Raises:
        InfeasibleError: hardly any drawn row keeps the table's rules.
    """
    schema = modelled_schema(table)
    drawn = {column.name: _draw(table.cells(column.name), column, count * _CANDIDATES, generator) for column in schema}
    candidates = of_cells(drawn, schema)
    keeps = np.ones(len(candidates), dtype=bool)
    for rule in parse_rules(schema):
        keeps &= ~rule.broken(*[drawn[column.name] for column in rule.columns], reference=None)
    kept = np.flatnonzero(keeps)
    if len(kept) < count:
        raise InfeasibleError(
            f"Only {len(kept)} of {len(keeps)} invented rows keep the table's rules, too few for {count} canaries.",
            "Ask for fewer canaries, or audit with a schema without rules.",
        )
    cells = Pairs(table, schema)
    rare = cells.commonness(candidates.take(kept), table)
    return candidates.take(np.sort(kept[np.argsort(rare, kind="stable")[:count]]))


def modelled_schema(table: Table) -> Schema:
    """The part of a table's schema that a model learns, without roles."""
    names = {column.name for column in table.schema.modelled}
    rules = tuple(
        rule
        for rule, parsed in zip(table.schema.rules, parse_rules(table.schema), strict=True)
        if {column.name for column in parsed.columns} <= names
    )
    return Schema(columns=table.schema.modelled, rules=rules, public=table.schema.public)


def of_cells(cells: Mapping[str, Cells], schema: Schema) -> Table:
    """A table of plain cells."""
    return Table(restore({column.name: from_cells(cells[column.name], column) for column in schema}, schema), schema)


def joined(table: Table, more: Table) -> Table:
    """The modelled columns of a table with further rows below."""
    cells = {}
    for column in more.schema:
        above, below = table.cells(column.name), more.cells(column.name)
        cells[column.name] = Cells(
            np.concatenate([above.values, below.values.astype(above.values.dtype)]),
            np.concatenate([above.missing, below.missing]),
        )
    return of_cells(cells, more.schema)


class Pairs:
    """How often pairs of values of two columns occur together, number lines cut in parts; fixed in advance.

    Pairs are those of all columns or, where there are more than `MOST_PAIRS`, of columns near each other.
    """

    def __init__(self, table: Table, schema: Schema) -> None:
        self._columns = list(schema)
        self._edges: dict[str, np.ndarray] = {}
        self._names: dict[str, dict[object, int]] = {}
        for column in self._columns:
            cells = table.cells(column.name)
            if column.continuous:
                low, high = _ends(cells, column)
                self._edges[column.name] = np.linspace(low, high, PARTS + 1)[1:-1]
            else:
                self._names[column.name] = {value: code for code, value in enumerate(_categories(cells, column))}
        self._sizes = [PARTS + 1 if c.continuous else len(self._names[c.name]) + 2 for c in self._columns]
        near = sorted(combinations(range(len(self._columns)), 2), key=lambda pair: pair[1] - pair[0])
        self._pairs = near[:MOST_PAIRS] or [(0, 0)]

    def _codes(self, table: Table) -> np.ndarray:
        """The part of each cell (n, d)."""
        out = []
        for column in self._columns:
            cells = table.cells(column.name)
            if column.continuous:
                numbers = np.where(cells.missing, 0, cells.values).astype(np.float64)
                part = np.searchsorted(self._edges[column.name], numbers, side="right")
                out.append(np.where(cells.missing, PARTS, part))
            else:
                names = self._names[column.name]
                unknown, null = len(names), len(names) + 1
                out.append(
                    np.array(
                        [
                            null if gone else names.get(value, unknown)
                            for value, gone in zip(cells.values, cells.missing, strict=True)
                        ]
                    )
                )
        return np.column_stack(out)

    def logs(self, rows: Table, among: Table) -> np.ndarray:
        """The log-share (n, pairs) of each row's pairs among other rows, half a row added to each."""
        codes, counted = self._codes(rows), self._codes(among)
        out = []
        for a, b in self._pairs:
            size = self._sizes[b]
            counts = np.bincount(counted[:, a] * size + counted[:, b], minlength=self._sizes[a] * size)
            out.append(np.log(counts[codes[:, a] * size + codes[:, b]] + 0.5) - np.log(len(counted)))
        return np.column_stack(out)

    def commonness(self, rows: Table, among: Table) -> np.ndarray:
        """How common each row's (n,) pairs are among other rows."""
        return np.asarray(self.logs(rows, among).mean(axis=1))

    def nearness(self, rows: Table, synthetic: Table, known: Table) -> np.ndarray:
        """How much denser synthetic rows lie about each row (n,) than known real ones do, by pairs of values."""
        return np.asarray((self.logs(rows, synthetic) - self.logs(rows, known)).sum(axis=1))


def _ends(cells: Cells, column: Column) -> tuple[float, float]:
    """The declared bounds of a number line, or between which the middle 98 % of its numbers lie."""
    if column.public and column.public.bounds:
        low, high = (float(plain_bound(column, limit)) for limit in column.public.bounds)
        return low, high
    present = cells.values[~cells.missing].astype(np.float64)
    if not len(present):
        return 0.0, 1.0
    low, high = np.quantile(present, [0.01, 0.99])
    return float(low), float(high)


def _categories(cells: Cells, column: Column) -> list[object]:
    """The declared categories, or those that five rows or more have."""
    if column.public and column.public.categories:
        return list(column.public.categories)
    if column.kind == "boolean":
        return [False, True]
    values, counts = np.unique(cells.values[~cells.missing].astype(str), return_counts=True)
    often = set(values[counts >= 5].tolist())
    present = {value for value in cells.values[~cells.missing].tolist() if str(value) in often}
    return sorted(present, key=str)


def _draw(cells: Cells, column: Column, n: int, generator: np.random.Generator) -> Cells:
    """``n`` cells, evenly over what the column may hold."""
    missing = np.zeros(n, dtype=bool)
    if not column.continuous:
        known = _categories(cells, column)
        if not known:
            return Cells(np.full(n, None, dtype=object), np.ones(n, dtype=bool))
        out = np.empty(n, dtype=object)
        out[:] = [known[place] for place in generator.integers(0, len(known), n)]
        return Cells(out, missing)
    low, high = _ends(cells, column)
    if column.kind != "numerical" or integral(column):
        whole = generator.integers(int(np.ceil(low)), max(int(np.floor(high)), int(np.ceil(low))) + 1, n)
        return Cells(whole.astype(np.int64), missing)
    places = low + (high - low) * generator.random(n)
    return Cells(places if column.decimals is None else np.round(places, column.decimals), missing)
