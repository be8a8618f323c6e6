"""The form in which every model sees a table: a code for each cell, and a number where the cell lies on a number line.

A column becomes a *slot*. Its codes 0 … cardinality-1 say which case a cell is: a category, an exact value that
many rows share (an *atom*, such as a capital gain of 0), missing, or "somewhere on the number line". Only in the
last case does the cell carry a value as well. A model that learns codes and values has therefore learnt spikes,
missingness and categories in one way, whatever the column's kind.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

#: the code of a cell that is not known: to be filled in, or of a category that the model has never met
UNSEEN = -1


@dataclass(frozen=True)
class Slot:
    """How one column is encoded.

    If ``continuous``, code 0 means "on the number line" and carries a value; the other codes are atoms or "missing".
    ``positions`` (cardinality,) places codes on the number line in the same units as the values (NaN where a code
    has no place there, such as "missing" and categories without order).
    """

    name: str
    cardinality: int
    continuous: bool
    ordered: bool = False
    #: the code that stands for a null, or None where the column has none
    missing_code: int | None = None
    positions: np.ndarray = field(default_factory=lambda: np.empty(0), compare=False)

    @property
    def varies(self) -> bool:
        """Whether cells of the column can differ at all."""
        return self.continuous or self.cardinality > 1


@dataclass(frozen=True)
class Encoded:
    """A table as models see it: ``codes`` (n, d) int32 and ``values`` (n, d) float64, NaN wherever no value is carried.

    In what a model is fitted on and what it draws every code is at least 0. When rows are scored or filled in, a
    code may be `UNSEEN`: such a cell counts as not observed.
    """

    slots: tuple[Slot, ...]
    codes: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: np.ndarray) -> Encoded:
        """The encoded form of some rows."""
        return Encoded(self.slots, self.codes[rows], self.values[rows])

    def number_line(self) -> np.ndarray:
        """Every cell as one number (n, d): its value or its code's position; NaN where missing or unordered."""
        out = self.values.copy()
        for j, slot in enumerate(self.slots):
            if slot.positions.size:
                at = np.where(self.codes[:, j] >= 0, slot.positions[self.codes[:, j]], np.nan)
                out[:, j] = np.where(np.isnan(out[:, j]), at, out[:, j])
        return out


@dataclass(frozen=True)
class State:
    """What a model file holds of one object: JSON-able settings and named arrays."""

    config: dict[str, Any]
    arrays: dict[str, np.ndarray]

    def nested(self, prefix: str) -> State:
        """The part that was put under ``prefix`` with `merge`."""
        start = prefix + "/"
        arrays = {name[len(start) :]: array for name, array in self.arrays.items() if name.startswith(start)}
        return State(self.config[prefix], arrays)

    @classmethod
    def merge(cls, **parts: State) -> State:
        """One state out of several, each under its own name."""
        config = {name: part.config for name, part in parts.items()}
        arrays = {f"{name}/{key}": array for name, part in parts.items() for key, array in part.arrays.items()}
        return cls(config, arrays)


@dataclass(frozen=True)
class AllowedCells:
    """A condition on one slot in encoded form: which codes may occur, and for code 0 of a continuous slot which values.

    ``codes`` (cardinality,) is True where a code may occur. ``low == high`` asks for one point on the number line.
    """

    codes: np.ndarray
    low: float = -np.inf
    high: float = np.inf

    def rounded(self, values: np.ndarray) -> np.ndarray:
        """Values (n,) of which those that miss the stretch by no more than the rounding of 32 bits lie on its ends."""
        ends = np.clip(values, self.low, self.high)
        return np.where(np.isclose(values, ends, rtol=1e-6, atol=1e-7), ends, values)

    def matches(self, codes: np.ndarray, values: np.ndarray, continuous: bool) -> np.ndarray:
        """Which cells (n,) meet the condition."""
        allowed = self.codes[codes]
        if continuous:
            on_line = codes == 0
            allowed = allowed & (~on_line | ((values >= self.low) & (values <= self.high)))
        return allowed
