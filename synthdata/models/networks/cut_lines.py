"""Number lines cut into bins whose codes are learnt like categories, with the place inside the bin as the value.

What numbers have to do with categories is learnt sooner between codes; so is that two columns hold the same number,
which two noisy ones hardly show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from synthdata.encoders.base import UNSEEN, AllowedCells, Encoded, Slot
from synthdata.encoders.bins import Bins


def cut_lines(slots: Sequence[Slot], least: Mapping[int, int], rows: Sequence[int], most: int) -> list[Bins]:
    """How every slot is cut: columns in ``least`` into at most ``most`` bins of so many rows or more, others into one.

    ``rows`` (d,) is how many rows of each column lie on its number line.
    """
    counts = [max(min(most, on_line // least[j]), 1) if j in least else 1 for j, on_line in enumerate(rows)]
    return [Bins(slot, count if slot.continuous else 0) for slot, count in zip(slots, counts, strict=True)]


def cut_slot(cutting: Bins) -> Slot:
    """The slot of a column that has been cut: its first codes are the bins."""
    slot, count = cutting.slot, cutting.count
    if count <= 1:
        return slot
    middles = (np.arange(count) + 0.5) / count
    others = slot.positions[1:] if slot.positions.size else np.full(slot.cardinality - 1, np.nan)
    missing = None if slot.missing_code is None else slot.missing_code + count - 1
    return replace(
        slot, cardinality=cutting.cardinality, missing_code=missing, positions=np.concatenate([middles, others])
    )


def cut_rows(rows: Encoded, cuts: Sequence[Bins]) -> Encoded:
    """Encoded rows with bins for codes and places inside them, between 0 and 1, for values."""
    codes, values = rows.codes.copy(), rows.values.copy()
    for j, cutting in enumerate(cuts):
        if cutting.count > 1:
            codes[:, j] = cutting.cells(rows.codes[:, j], rows.values[:, j])
            inside = rows.values[:, j] * cutting.count - codes[:, j]
            values[:, j] = np.where(np.isnan(rows.values[:, j]), np.nan, np.clip(inside, 0.0, 1.0))
    return Encoded(tuple(cut_slot(cutting) for cutting in cuts), codes, values)


def coded_slot(cutting: Bins) -> Slot:
    """The same slot for whom bins are codes like others, without places inside them; a line of one bin stays one."""
    slot = cut_slot(cutting)
    return replace(slot, continuous=False) if cutting.count > 1 else slot


def join_rows(rows: Encoded, cuts: Sequence[Bins]) -> Encoded:
    """What `cut_rows` was given."""
    codes, values = rows.codes.copy(), rows.values.copy()
    for j, cutting in enumerate(cuts):
        if cutting.count > 1:
            cells = rows.codes[:, j]
            on_line = (cells != UNSEEN) & (cells < cutting.count)
            codes[:, j] = np.where(on_line, 0, np.where(cells == UNSEEN, UNSEEN, cells - cutting.count + 1))
            values[:, j] = np.where(on_line, (cells + rows.values[:, j]) / cutting.count, np.nan)
    return Encoded(tuple(cutting.slot for cutting in cuts), codes, values)


def on_lines(codes: np.ndarray, cuts: Sequence[Bins]) -> np.ndarray:
    """Which cells (n, d) of cut codes carry a value."""
    counts = np.array([cutting.count for cutting in cuts], dtype=np.int64)
    return (codes != UNSEEN) & (codes < counts)


def allowed_shares(shares: np.ndarray, wanted: AllowedCells, cutting: Bins) -> np.ndarray:
    """The share of each cut code that meets a condition, by the ``shares`` of uncut ones; of a bin as is covered."""
    if cutting.count <= 1:
        return shares
    covered = cutting.covered(wanted.low, wanted.high)
    return np.concatenate([covered * shares[0], shares[1:]])


def log_bins(rows: Encoded, cuts: Sequence[Bins]) -> np.ndarray:
    """What to add (n,) to log-densities of places inside bins to have them per share of rows."""
    counts = np.array([max(cutting.count, 1) for cutting in cuts], dtype=np.float64)
    return np.asarray((~np.isnan(rows.values) * np.log(counts)).sum(axis=1))


def counts_of(cuts: Sequence[Bins]) -> np.ndarray:
    """How many bins (d,) each column has, to be stored."""
    return np.array([cutting.count for cutting in cuts], dtype=np.int64)


def cuts_from(slots: Sequence[Slot], counts: np.ndarray) -> list[Bins]:
    """What `counts_of` gave, as cuts again."""
    return [Bins(slot, int(count)) for slot, count in zip(slots, counts, strict=True)]
