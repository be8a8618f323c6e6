"""The steps that a column's numbers lie on: whole numbers, digits after the point, or the unit of a date."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from synthdata.encoders.datetime import from_steps, ticks_per_step, to_steps
from synthdata.table.schema import Column

#: beyond this many steps the neighbours of a float cannot be told apart
_FURTHEST = 2.0**53


@dataclass(frozen=True)
class Grid:
    """Between a column's plain numbers and steps (int64); ``stepped`` is False where any float may occur."""

    column: Column
    stepped: bool
    unsigned: bool = False

    @classmethod
    def of(cls, column: Column, numbers: np.ndarray) -> Grid:
        """The grid of a column, given its numbers (m,)."""
        if np.issubdtype(numbers.dtype, np.integer):
            return cls(column, True, numbers.dtype == np.uint64)
        decimals = column.decimals
        if decimals is None:
            return cls(column, False)
        largest = float(np.abs(numbers).max()) if len(numbers) else 0.0
        return cls(column, largest * 10.0**decimals < _FURTHEST)

    def steps(self, numbers: np.ndarray) -> np.ndarray:
        """Plain numbers (m,) as steps, or as floats where there is no grid."""
        if not self.stepped:
            return numbers.astype(np.float64)
        if self.column.kind != "numerical":
            return to_steps(numbers, self.column)
        if self.unsigned:
            # The same order, moved down by 2**63, fits into signed integers.
            return (numbers.astype(np.uint64) ^ np.uint64(2**63)).view(np.int64)
        if np.issubdtype(numbers.dtype, np.integer):
            return numbers.astype(np.int64)
        return np.rint(np.clip(numbers * 10.0 ** (self.column.decimals or 0), -(2.0**62), 2.0**62)).astype(np.int64)

    def numbers(self, steps: np.ndarray) -> np.ndarray:
        """Steps (m,) as plain numbers."""
        if not self.stepped:
            return steps
        if self.column.kind != "numerical":
            return from_steps(steps, self.column)
        if self.unsigned:
            return steps.view(np.uint64) ^ np.uint64(2**63)
        decimals = self.column.decimals or 0
        return np.round(steps / 10.0**decimals, decimals) if decimals else steps

    def interval(self, low: float, high: float) -> tuple[float, float]:
        """The first and the last step within plain bounds; bounds are kept as they are where there is no grid."""
        if not self.stepped:
            return low, high
        return self._bound(low, math.ceil), self._bound(high, math.floor)

    def _bound(self, bound: float, rounded: object) -> float:
        if not math.isfinite(bound):
            return bound
        if self.unsigned:
            return int(bound) - 2**63
        if self.column.kind == "numerical":
            decimals = self.column.decimals or 0
            exact = bound * 10**decimals
            # A bound such as 0.3 is meant as the step 3 although 0.3 * 10 is not 3 in floats.
            if decimals and abs(exact - round(exact)) <= max(5e-7, 2**-50 * abs(exact)):
                return round(exact)
            return math.ceil(exact) if rounded is math.ceil else math.floor(exact)
        tick = int(np.clip(bound, -(2**62), 2**62))
        step = int(to_steps(np.array([tick]), self.column)[0])
        starts = int(from_steps(np.array([step]), self.column)[0]) if ticks_per_step(self.column) > 1 else tick
        return step + 1 if rounded is math.ceil and starts < tick else step
