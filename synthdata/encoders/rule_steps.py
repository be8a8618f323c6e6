"""Columns of numbers learnt as steps away from others: a distance that is never negative, or what a sum leaves over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from synthdata.encoders.base import State
from synthdata.encoders.grid import Grid
from synthdata.table.schema import Column
from synthdata.table.storage import Cells, resolution
from synthdata.table.stored_moments import PER_SECOND

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

    def highest(self, bound: float) -> list[tuple[Column, float]]:
        """What each of ``lows`` can be at most, in its own plain units, in rows in which the column is at most so much.

        >>> low, high = (Column(name=name, kind="numerical", dtype="int64") for name in ("low", "high"))
        >>> [(column.name, most) for column, most in Gap(high, (low,), (False,), Grid(high, True)).highest(9)]
        [('low', 9)]
        """
        if self.column.kind == "numerical":
            return [(low, bound) for low in self.lows]
        own = PER_SECOND[resolution(self.column)]
        # Of the moments that a coarser unit writes the same, the last one counts.
        return [(low, (int(bound) + 1) * PER_SECOND[resolution(low)] // own) for low in self.lows]

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
