"""Columns whose values belong together: learnt as one column, or looked up from those that determine them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from synthdata.encoders.base import State
from synthdata.table.rule_kinds import Combination, Dependence
from synthdata.table.schema import Column
from synthdata.table.storage import Cells

#: how a column that follows from others is written where it does
FOLLOWS = "*"

Outer = Mapping[str, Cells]


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
        return State({"part": "joint", "columns": list(self.replaced)}, {"kept": packed(sorted(self.kept))})


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
        return State(config, {"lookup": packed(sorted(self.lookup.items()))})


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


def packed(data: Any) -> np.ndarray:
    """Plain data as JSON in an array of bytes."""
    return np.frombuffer(json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass"), dtype=np.uint8)


def unpacked(array: np.ndarray) -> Any:
    """What `packed` made an array of."""
    return json.loads(array.tobytes().decode("utf-8", "surrogatepass"))
