"""How many rows have each cell of each column, bought with noise: where private models start from, and come back to."""

from __future__ import annotations

from functools import partial

import numpy as np

from synthdata.encoders.base import Encoded, Slot
from synthdata.encoders.bins import Bins, to_cells
from synthdata.encoders.private_encoder import bin_counts, encode_privately
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.models.draws import even_draws
from synthdata.privacy.private_table import Guarded
from synthdata.table.table import Table


def noisy_marginals(rows: Guarded[Table], encoder: TableEncoder, stage: str) -> tuple[list[Bins], list[np.ndarray]]:
    """How every slot is cut into cells, and about how many rows (cells,) have each, none of them below 0.

    Each column gets an equal share of what is left of the reservation ``stage``. Counts add up to the noisy number of
    rows; of all such counts they are the nearest to what was measured.
    """
    cuts = [Bins(slot, count) for slot, count in zip(encoder.slots, bin_counts(encoder), strict=True)]
    if not cuts:
        return [], []
    sigma = rows.ledger.noise_for(rows.ledger.left_of(stage) / len(cuts))
    entropy = rows.ledger.entropy
    cells = rows.map(lambda table: to_cells(encode_privately(encoder, table, entropy.generator()), cuts))
    counts = []
    for j, cut in enumerate(cuts):
        counted = partial(_counted, position=j, cardinality=cut.cardinality)
        noisy = cells.counts(counted, "marginal", sigma=sigma, part_of=stage, note=cut.slot.name)
        counts.append(nearest_counts(noisy.astype(np.float64), float(encoder.rows)))
    return cuts, counts


def nearest_counts(noisy: np.ndarray, total: float) -> np.ndarray:
    """The counts (k,) of at least 0 and sum ``total`` that are nearest to noisy ones (Duchi et al. 2008, figure 1).

    >>> nearest_counts(np.array([5.0, -3.0, 1.0]), 4.0).tolist()
    [4.0, 0.0, 0.0]
    """
    falling = -np.sort(-noisy)
    excess = (np.cumsum(falling) - total) / np.arange(1, len(noisy) + 1)
    last = int(np.flatnonzero(falling > excess)[-1])
    return np.asarray(np.maximum(noisy - excess[last], 0.0))


def unrelated_rows(
    slots: tuple[Slot, ...], counts: list[np.ndarray], n: int, generator: np.random.Generator
) -> Encoded:
    """Made-up rows (n, d) with the marginals ``counts``, every column by itself, for slots without values."""
    codes = [even_draws(count, n, generator) for count in counts]
    table = np.column_stack(codes).astype(np.int32) if codes else np.empty((n, 0), dtype=np.int32)
    return Encoded(slots, table, np.full(table.shape, np.nan))


def _counted(cells: np.ndarray, position: int, cardinality: int) -> np.ndarray:
    """How many rows have each cell (cardinality,) of a column."""
    return np.bincount(cells[:, position], minlength=cardinality)
