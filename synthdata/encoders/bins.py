"""Encoded rows as one whole number a cell: for families that know categories only.

A slot's codes stay what they are, except that code 0 of a continuous slot is split into bins of equally many rows.
The table must have been encoded with ``transform="uniform"``, on which such bins are equally wide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from synthdata.encoders.base import UNSEEN, AllowedCells, Encoded, Slot


@dataclass(frozen=True)
class Bins:
    """How a slot is cut: into ``count`` bins first (0 for a slot without values), then its other codes.

    >>> Bins(Slot("x", 2, True, missing_code=1), 10).cardinality
    11
    """

    slot: Slot
    count: int

    @property
    def cardinality(self) -> int:
        """How many different cells there are."""
        return self.count + self.slot.cardinality - (1 if self.count else 0)

    def cells(self, codes: np.ndarray, values: np.ndarray) -> np.ndarray:
        """The cells (n,) of codes and values; `UNSEEN` stays."""
        if not self.count:
            return codes.astype(np.int64)
        bins = np.clip(np.nan_to_num(values) * self.count, 0, self.count - 1).astype(np.int64)
        others = np.where(codes == UNSEEN, UNSEEN, codes.astype(np.int64) + self.count - 1)
        return np.where(codes == 0, bins, others)

    def codes(
        self, cells: np.ndarray, generator: np.random.Generator, wanted: AllowedCells | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Codes and values (n,) for cells; of a bin every place that is wanted is equally likely."""
        if not self.count:
            return cells.astype(np.int32), np.full(len(cells), np.nan)
        on_line = cells < self.count
        codes = np.where(on_line, 0, cells - self.count + 1).astype(np.int32)
        low, high = cells / self.count, (cells + 1) / self.count
        if wanted is not None:
            # Both ends: a point at a bin's edge may lie beyond it by rounding.
            low, high = np.clip(low, wanted.low, wanted.high), np.clip(high, wanted.low, wanted.high)
        places = low + generator.random(len(cells)) * (high - low)
        return codes, np.where(on_line, places, np.nan)

    def covered(self, low: float, high: float) -> np.ndarray:
        """Which share of each bin (count,) a stretch of the line covers; of a point's bin all.

        >>> Bins(Slot("x", 1, True), 4).covered(0.125, 0.5).tolist()
        [0.5, 1.0, 0.0, 0.0]
        """
        low, high = np.clip((low, high), 0.0, 1.0)
        if low == high:
            return (np.arange(self.count) == min(int(low * self.count), self.count - 1)).astype(np.float64)
        edges = np.arange(self.count + 1) / self.count
        return np.asarray(np.clip((np.minimum(edges[1:], high) - np.maximum(edges[:-1], low)) * self.count, 0.0, 1.0))

    def allowed(self, wanted: AllowedCells) -> np.ndarray:
        """Which share of each cell (cardinality,) meets a condition."""
        shares = wanted.codes.astype(np.float64)
        return np.concatenate([shares[0] * self.covered(wanted.low, wanted.high), shares[1:]]) if self.count else shares


def cut(slots: tuple[Slot, ...], count: int) -> list[Bins]:
    """Bins for every slot, ``count`` of them where a slot carries values."""
    return [Bins(slot, count if slot.continuous else 0) for slot in slots]


def to_cells(encoded: Encoded, bins: list[Bins]) -> np.ndarray:
    """All cells (n, d) of encoded rows as whole numbers."""
    columns = [cutting.cells(encoded.codes[:, j], encoded.values[:, j]) for j, cutting in enumerate(bins)]
    return np.column_stack(columns) if columns else np.empty((len(encoded), 0), dtype=np.int64)


def from_cells(
    cells: np.ndarray,
    bins: list[Bins],
    generator: np.random.Generator,
    allowed: Mapping[int, AllowedCells] | None = None,
) -> Encoded:
    """Encoded rows for whole-number cells (n, d), whose values meet conditions by column position."""
    codes, values = np.empty(cells.shape, dtype=np.int32), np.empty(cells.shape)
    for j, cutting in enumerate(bins):
        codes[:, j], values[:, j] = cutting.codes(cells[:, j], generator, (allowed or {}).get(j))
    return Encoded(tuple(cutting.slot for cutting in bins), codes, values)


def allowed_cells(allowed: Mapping[int, AllowedCells], bins: list[Bins]) -> dict[int, np.ndarray]:
    """Conditions by column position as the share of each whole-number cell that meets them."""
    return {j: bins[j].allowed(wanted) for j, wanted in allowed.items()}
