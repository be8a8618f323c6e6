"""Columns learnt in another form, such that whatever is drawn keeps a rule.

    Gap        a column that is never below others (`Inequality`) is learnt as its distance from the highest of them
    Remainder  a total (`Total`) is learnt as what its parts leave over: nothing, unless a part is null
    Joint      columns in fixed combinations (`Combination`) are learnt as one column
    Follows    a column that follows from others (`Dependence`) is looked up

Each is exact in both directions and has the Jacobian 1, so densities stay those of the table. What is stored of the
real table are values that enough rows share, and a mean.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from synthdata.encoders.base import State
from synthdata.encoders.grid import Grid
from synthdata.table.rule_kinds import Combination, Dependence
from synthdata.table.schema import Column
from synthdata.table.storage import Cells, resolution
from synthdata.table.stored_moments import PER_SECOND

#: how a column that follows from others is written where it does
FOLLOWS = "*"
#: distances beyond this many steps might not fit into whole numbers
FURTHEST = 2.0**61

Outer = Mapping[str, Cells]


@dataclass(frozen=True)
class Gap:
    """``column`` as its distance, in steps of its grid, from the highest of ``lows``: 0 or more where one is there.

    Where all of them are null the distance is from ``anchor``, and free.
    """

    column: Column
    lows: tuple[Column, ...]
    strict: tuple[bool, ...]
    grid: Grid
    anchor: int | float = 0

    @property
    def replaced(self) -> tuple[str, ...]:
        """The columns of the table that it takes the place of."""
        return (self.column.name,)

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns of the table from which it is read back."""
        return tuple(low.name for low in self.lows)

    @property
    def inner(self) -> Column:
        """The column that is learnt instead."""
        return _steps_column(self.column, self.grid)

    def base(self, outer: Outer) -> tuple[np.ndarray, np.ndarray]:
        """The lowest step (n,) that the column may take, and where there is such a limit (n,)."""
        n = len(outer[self.lows[0].name])
        base = np.full(n, self.anchor, dtype=np.int64 if self.grid.stepped else np.float64)
        bound = np.zeros(n, dtype=bool)
        for low, strict in zip(self.lows, self.strict, strict=True):
            cells = outer[low.name]
            here = ~cells.missing
            least = _least_step(cells.values[here], low, strict, self.grid)
            base[here] = np.where(bound[here], np.maximum(base[here], least), least)
            bound |= here
        return base, bound

    def forward(self, outer: Outer) -> Cells:
        """The distances (n,)."""
        cells = outer[self.column.name]
        base, _ = self.base(outer)
        steps = self.grid.steps(np.where(cells.missing, cells.values.dtype.type(0), cells.values))
        return Cells(steps - base, cells.missing)

    def inverse(self, inner: Cells, outer: Outer) -> tuple[dict[str, Cells], np.ndarray]:
        """The column again, and which rows (n,) can be used: all."""
        base, bound = self.base(outer)
        away = np.where(inner.missing, 0, inner.values).astype(base.dtype)
        steps = base + np.where(bound, np.maximum(away, 0), away)
        return {self.column.name: Cells(self.grid.numbers(steps), inner.missing)}, np.ones(len(inner), dtype=bool)

    def unknown(self, missing: Mapping[str, np.ndarray]) -> np.ndarray:
        """In which rows (n,) the distance is not known: a null in the column itself or in one that limits it."""
        return np.logical_or.reduce([missing[name] for name in (*self.replaced, *self.needs)])

    def state(self) -> State:
        """Settings and arrays of what was learnt."""
        config = {
            "part": "gap",
            "column": self.column.name,
            "lows": list(self.needs),
            "strict": list(self.strict),
            "stepped": self.grid.stepped,
            "anchor": self.anchor,
        }
        return State(config, {})


@dataclass(frozen=True)
class Remainder:
    """``column``, a total, as what is left of it without its ``parts``: within ``tolerance`` if all parts are there."""

    column: Column
    parts: tuple[Column, ...]
    tolerance: float
    grid: Grid

    @property
    def replaced(self) -> tuple[str, ...]:
        """The columns of the table that it takes the place of."""
        return (self.column.name,)

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns of the table from which it is read back."""
        return tuple(part.name for part in self.parts)

    @property
    def inner(self) -> Column:
        """The column that is learnt instead."""
        return _steps_column(self.column, self.grid)

    def base(self, outer: Outer) -> tuple[np.ndarray, np.ndarray]:
        """What the parts that are there add up to, in steps (n,), and where all are there (n,)."""
        cells = [outer[part.name] for part in self.parts]
        exact = all(np.issubdtype(found.values.dtype, np.integer) for found in cells)
        kind = np.int64 if exact else np.float64
        total = np.sum([np.where(found.missing, 0, found.values).astype(kind) for found in cells], axis=0)
        whole = ~np.logical_or.reduce([found.missing for found in cells])
        if self.grid.stepped and exact and not self.column.decimals:
            return total, whole
        return self.grid.steps(total.astype(np.float64)), whole

    def forward(self, outer: Outer) -> Cells:
        """What is left over (n,)."""
        cells = outer[self.column.name]
        base, whole = self.base(outer)
        left = self.grid.steps(np.where(cells.missing, cells.values.dtype.type(0), cells.values)) - base
        return Cells(self._within(left, whole), cells.missing)

    def inverse(self, inner: Cells, outer: Outer) -> tuple[dict[str, Cells], np.ndarray]:
        """The total again, and which rows (n,) can be used: all."""
        base, whole = self.base(outer)
        left = self._within(np.where(inner.missing, 0, inner.values).astype(base.dtype), whole)
        return {self.column.name: Cells(self.grid.numbers(base + left), inner.missing)}, np.ones(len(inner), dtype=bool)

    def _within(self, left: np.ndarray, whole: np.ndarray) -> np.ndarray:
        most = self.tolerance * 10.0 ** (self.column.decimals or 0) if self.grid.stepped else self.tolerance
        most = np.floor(most + 1e-9) if self.grid.stepped else most
        return np.where(whole, np.clip(left, -most, most), left).astype(left.dtype)

    def unknown(self, missing: Mapping[str, np.ndarray]) -> np.ndarray:
        """In which rows (n,) the remainder is not known: a null in the total or in a part."""
        return np.logical_or.reduce([missing[name] for name in (*self.replaced, *self.needs)])

    def state(self) -> State:
        """Settings and arrays of what was learnt."""
        config = {
            "part": "remainder",
            "column": self.column.name,
            "parts": list(self.needs),
            "tolerance": self.tolerance,
            "stepped": self.grid.stepped,
        }
        return State(config, {})


@dataclass(frozen=True)
class Joint:
    """Several columns as one, whose categories are their combinations, nulls included.

    ``kept`` are the combinations that enough rows share, or that the schema allows.
    """

    columns: tuple[Column, ...]
    kept: frozenset[str] = field(repr=False)

    def __str__(self) -> str:
        return str(Combination(self.columns))

    @property
    def replaced(self) -> tuple[str, ...]:
        """The columns of the table that it takes the place of."""
        return tuple(column.name for column in self.columns)

    needs: tuple[str, ...] = ()

    @property
    def inner(self) -> Column:
        """The column that is learnt instead; it has the name of the target, if that is among them."""
        named = next((column for column in self.columns if column.role == "target"), self.columns[0])
        return Column(name=named.name, kind="categorical", dtype="object", role=named.role)

    def forward(self, outer: Outer) -> Cells:
        """The combinations (n,), written as text."""
        words = written_rows([outer[name] for name in self.replaced])
        return Cells(words, np.zeros(len(words), dtype=bool))

    def inverse(self, inner: Cells, outer: Outer) -> tuple[dict[str, Cells], np.ndarray]:
        """The columns again, and which rows (n,) can be used: all."""
        codes, known = _factorized(inner.values)
        rows = [json.loads(word) for word in known]
        columns = {
            column.name: _cells([row[j] for row in rows], column).take(codes) for j, column in enumerate(self.columns)
        }
        return columns, np.ones(len(inner), dtype=bool)

    def read(self, name: str, inner: Cells) -> Cells:
        """One of the columns (n,) of combinations."""
        return self.inverse(inner, {})[0][name]

    def values(self, name: str) -> set[Any]:
        """The values that a column may take."""
        position = self.replaced.index(name)
        return {json.loads(word)[position] for word in self.kept} - {None}

    def unknown(self, missing: Mapping[str, np.ndarray]) -> np.ndarray:
        """In which rows (n,) the combination is not known: a null in one of the columns."""
        return np.logical_or.reduce([missing[name] for name in self.replaced])

    def sound(self, outer: Outer) -> np.ndarray:
        """Which rows (n,) hold a combination that is known, or a null."""
        cells = [outer[name] for name in self.replaced]
        known = np.array([word in self.kept for word in written_rows(cells)], dtype=bool)
        return known | np.logical_or.reduce([found.missing for found in cells])

    def state(self) -> State:
        """Settings and arrays of what was learnt."""
        return State({"part": "joint", "columns": list(self.replaced)}, {"kept": _packed(sorted(self.kept))})


@dataclass(frozen=True)
class Follows:
    """``column`` as "follows from ``on``", or its own value where that is null; ``lookup`` says what follows."""

    column: Column
    on: tuple[Column, ...]
    lookup: Mapping[str, Any] = field(repr=False)

    def __str__(self) -> str:
        return str(Dependence(self.on, self.column))

    @property
    def replaced(self) -> tuple[str, ...]:
        """The columns of the table that it takes the place of."""
        return (self.column.name,)

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns of the table from which it is read back."""
        return tuple(column.name for column in self.on)

    @property
    def inner(self) -> Column:
        """The column that is learnt instead."""
        return Column(
            name=self.column.name,
            kind="categorical",
            dtype="object",
            nullable=self.column.nullable,
            role=self.column.role,
        )

    def forward(self, outer: Outer) -> Cells:
        """A mark where the column follows (n,), its own value as text where it does not, and nulls."""
        cells, on = outer[self.column.name], [outer[name] for name in self.needs]
        own, keys = written_rows([cells]), written_rows(on)
        given = ~np.logical_or.reduce([found.missing for found in on])
        words = own.copy()
        for row in np.flatnonzero(given & ~cells.missing):
            known = self.lookup.get(keys[row])
            if known is None or written_key([known]) == own[row]:
                words[row] = FOLLOWS
        return Cells(words, cells.missing)

    def inverse(self, inner: Cells, outer: Outer) -> tuple[dict[str, Cells], np.ndarray]:
        """The column again, and which rows (n,) can be used: those in which it is known what follows."""
        on = [outer[name] for name in self.needs]
        given = ~np.logical_or.reduce([found.missing for found in on])
        keys = written_rows(on)
        values: list[Any] = [None] * len(inner)
        sound = np.ones(len(inner), dtype=bool)
        for row in np.flatnonzero(~inner.missing):
            if given[row]:
                values[row] = self.lookup.get(keys[row])
                sound[row] = values[row] is not None
            elif inner.values[row] != FOLLOWS:
                values[row] = json.loads(inner.values[row])[0]
            else:
                sound[row] = self.column.nullable
        return {self.column.name: _cells(values, self.column)}, sound

    def read(self, name: str, on: Cells) -> Cells:
        """What follows from cells (n,) of the one column that determines it; null where nothing is known to."""
        marks = Cells(np.full(len(on), FOLLOWS, dtype=object), np.zeros(len(on), dtype=bool))
        return self.inverse(marks, {self.needs[0]: on})[0][name]

    def values(self, name: str) -> set[Any]:
        """The values that the column may take."""
        return set(self.lookup.values())

    def unknown(self, missing: Mapping[str, np.ndarray]) -> np.ndarray:
        """In which rows (n,) it is not known whether the column follows: a null in it or in what determines it."""
        return np.logical_or.reduce([missing[name] for name in (*self.replaced, *self.needs)])

    def sound(self, outer: Outer) -> np.ndarray:
        """Which rows (n,) hold what follows from the others, or a null."""
        cells, on = outer[self.column.name], [outer[name] for name in self.needs]
        found, _ = self.inverse(Cells(np.full(len(cells), FOLLOWS, dtype=object), cells.missing), outer)
        null = cells.missing | np.logical_or.reduce([known.missing for known in on])
        same = np.array([a == b for a, b in zip(found[self.column.name].values, cells.values, strict=True)], dtype=bool)
        return null | (same & ~found[self.column.name].missing)

    def state(self) -> State:
        """Settings and arrays of what was learnt."""
        config = {"part": "follows", "column": self.column.name, "on": list(self.needs)}
        return State(config, {"lookup": _packed(sorted(self.lookup.items()))})


Part = Gap | Remainder | Joint | Follows


def restore_part(state: State, columns: Mapping[str, Column]) -> Part:
    """What a part's `state` gave, as a part again."""
    config = state.config
    if config["part"] == "joint":
        return Joint(tuple(columns[name] for name in config["columns"]), frozenset(_unpacked(state.arrays["kept"])))
    column = columns[config["column"]]
    if config["part"] == "follows":
        lookup = dict(_unpacked(state.arrays["lookup"]))
        return Follows(column, tuple(columns[name] for name in config["on"]), lookup)
    grid = Grid(column, config["stepped"])
    if config["part"] == "gap":
        lows = tuple(columns[name] for name in config["lows"])
        return Gap(column, lows, tuple(config["strict"]), grid, config["anchor"])
    return Remainder(column, tuple(columns[name] for name in config["parts"]), config["tolerance"], grid)


def _steps_column(column: Column, grid: Grid) -> Column:
    return Column(
        name=column.name,
        kind="numerical",
        dtype="Int64" if grid.stepped else "float64",
        nullable=column.nullable,
        decimals=0 if grid.stepped else None,
        role=column.role,
    )


def _least_step(values: np.ndarray, low: Column, strict: bool, grid: Grid) -> np.ndarray:
    """The lowest steps (m,) of a grid at which it is at least, or more than, ``values`` (m,) of another column."""
    column = grid.column
    if column.kind != "numerical":
        first, second = PER_SECOND[resolution(low)], PER_SECOND[resolution(column)]
        if second >= first:
            values = values * (second // first)
        else:
            coarse = first // second
            values = values // coarse if strict else -(-values // coarse)
    if not grid.stepped:
        floats = values.astype(np.float64)
        return np.nextafter(floats, np.inf) if strict else floats
    whole = column.kind != "numerical" or not column.decimals
    if whole and not np.issubdtype(values.dtype, np.integer):
        values = (np.floor(values) if strict else np.ceil(values)).astype(np.int64)
    near = grid.steps(values)
    out = near + 1
    for step in (near, near - 1):
        numbers = grid.numbers(step)
        out = np.where(numbers > values if strict else numbers >= values, step, out)
    return out


def written_key(row: Sequence[Any]) -> str:
    """One row's values as text; a whole number is written alike whether it was stored with a point or not."""
    plain = [int(value) if isinstance(value, float) and value.is_integer() else value for value in row]
    return json.dumps(plain, ensure_ascii=False)


def written_rows(cells: Sequence[Cells]) -> np.ndarray:
    """Rows of plain values (n,) as text, each different row once."""
    columns = []
    for found in cells:
        values = found.values.astype(object)
        values[found.missing] = None
        columns.append(values)
    codes = [_factorized(values) for values in columns]
    index = np.zeros(len(cells[0]), dtype=np.int64)
    for code, known in codes:
        _, index = np.unique(index * len(known) + code, return_inverse=True)
    _, first = np.unique(index, return_index=True)
    words = np.empty(len(first), dtype=object)
    words[:] = [written_key([values[row] for values in columns]) for row in first]
    return words[index]


def _factorized(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import pandas as pd

    codes, known = pd.factorize(values, use_na_sentinel=False)
    return np.asarray(codes), np.asarray(known, dtype=object)


def _cells(values: list[Any], column: Column) -> Cells:
    """Plain values (n,), None for nulls, as the cells of a column."""
    missing = np.array([value is None for value in values], dtype=bool)
    if not column.continuous:
        objects = np.empty(len(values), dtype=object)
        objects[:] = values
        return Cells(objects, missing)
    filled = [0 if value is None else value for value in values]
    whole = all(isinstance(value, int) for value in filled)
    return Cells(np.array(filled, dtype=None if whole and filled else np.float64), missing)


def _packed(data: Any) -> np.ndarray:
    return np.frombuffer(json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass"), dtype=np.uint8)


def _unpacked(array: np.ndarray) -> Any:
    return json.loads(array.tobytes().decode("utf-8", "surrogatepass"))
