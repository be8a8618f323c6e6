"""Number lines as bins: how families that learn privately see numbers, as categories that have an order.

Where each bin of a line was bought with noise, a density inside it would be learnt from noise as well. Inside a bin
every place is equally likely.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from synthdata.encoders.base import UNSEEN, AllowedCells, State
from synthdata.encoders.numeric import NumericEncoder, NumericOptions
from synthdata.table.schema import Column
from synthdata.table.storage import Cells


class BinnedEncoder(NumericEncoder):
    """One column whose bins are codes; it has a number line of bins of equal width and no atoms.

    ``counts`` (cardinality,) is how many rows each bin, and then "missing", has. Places inside bins are drawn when
    cells are decoded, by the codes alone, so that the same codes decode alike.
    """

    @classmethod
    def of(cls, column: NumericEncoder, counts: np.ndarray) -> BinnedEncoder:
        """A column with its line cut, and how many rows each of its cells has (cardinality,).

        Raises:
            ValueError: it has no line, or atoms beside it.
        """
        if column.line is None or len(column.atoms):
            raise ValueError(f"The column {column.slot.name!r} is no plain number line.")
        nullable = column.slot.missing_code is not None
        made = cls(column.grid, column.atoms, counts, column.line, nullable, column.moved, column.options)
        made._cut()
        return made

    def _cut(self) -> None:
        self.bins = len(self.counts) - int(self.slot.missing_code is not None)
        counts = self.counts[: self.bins] + 0.5
        positions = np.full(len(self.counts), np.nan)
        positions[: self.bins] = (np.cumsum(counts) - counts / 2) / counts.sum()
        self.slot = replace(
            self.slot,
            cardinality=len(self.counts),
            continuous=False,
            missing_code=None if self.slot.missing_code is None else self.bins,
            positions=positions,
        )

    def encode(self, cells: Cells, generator: np.random.Generator | None) -> tuple[np.ndarray, np.ndarray]:
        """Codes (n,) int32, and no values (n,)."""
        nothing = np.full(len(cells), np.nan)
        codes = np.full(len(cells), UNSEEN if self.slot.missing_code is None else self.bins, dtype=np.int32)
        present = np.flatnonzero(~cells.missing)
        if self.line is not None:
            jitter = generator.uniform(-0.5, 0.5, len(present)) if generator and self.grid.stepped else 0.0
            places = self.line.place(self.grid.steps(cells.values[present]), jitter)
            codes[present] = np.clip(np.floor(places * self.bins), 0, self.bins - 1)
        return codes, nothing

    def decode(self, codes: np.ndarray, values: np.ndarray | None = None) -> Cells:
        """The cells that codes (n,) stand for, numbers spread evenly over their bins."""
        generator = np.random.default_rng([len(codes), *np.bincount(codes, minlength=len(self.counts)).tolist()])
        missing = codes == self.slot.missing_code if self.slot.missing_code is not None else np.zeros(len(codes), bool)
        places = np.where(missing, np.nan, (codes + generator.random(len(codes))) / self.bins)
        return super().decode(np.where(missing, self.bins, 0), places)

    def log_jacobian(self, codes: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Minus the log-width (n,) of bins in steps, 0 for cells that lie on no line."""
        out = np.zeros(len(codes))
        if self.line is not None:
            on_line = (codes != UNSEEN) & (codes < self.bins)
            out[on_line] = self.line.log_slope((codes[on_line] + 0.5) / self.bins) + np.log(self.bins)
        return out

    def allowed(self, values: tuple[Any, ...] | None, low: float, high: float) -> AllowedCells:
        """Which bins hold one of ``values``, or reach into the bounds; rows beyond them have to be left out later."""
        codes = np.zeros(self.slot.cardinality, dtype=bool)
        spans = [(value, value) for value in values] if values is not None else [(low, high)]
        edges = np.arange(self.bins + 1) / self.bins
        for first, last in spans:
            wanted = super().allowed(None, first, last)
            if wanted.codes[0]:
                apart = 1e-9 if wanted.high > wanted.low else -1e-9
                codes[: self.bins] |= (edges[1:] > wanted.low + apart) & (edges[:-1] < wanted.high - apart)
        return AllowedCells(codes)

    def describe(self) -> dict[str, Any]:
        """What a person may want to know about how the column is encoded."""
        return {"atoms": 0, "rare_cells": 0, "note": f"numbers in {self.bins} bins, evenly spread inside each"}

    def state(self) -> State:
        """Settings and arrays of what was learnt."""
        state = super().state()
        return State({**state.config, "binned": True}, state.arrays)

    @classmethod
    def from_state(cls, column: Column, state: State, options: NumericOptions) -> BinnedEncoder:
        """What `state` gave, as an encoder again."""
        plain = NumericEncoder.from_state(column, state, options)
        return cls.of(plain, plain.counts)
