"""Column by column, as if no column knew of another: the baseline that every report can show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from synthdata.encoders.base import UNSEEN, AllowedCells, Encoded, State
from synthdata.encoders.bins import Bins
from synthdata.encoders.private_encoder import PrivateDomain, lay_out
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.models.abilities import DensityMixin, ImputationMixin
from synthdata.models.draws import even_draws, even_places
from synthdata.models.noisy_marginals import noisy_marginals
from synthdata.privacy.private_table import Guarded
from synthdata.progress import Progress
from synthdata.table.schema import Schema
from synthdata.table.table import Table

#: about how many bins a number line is counted in under differential privacy
PRIVATE_BINS = 48
#: what the ledger says of how the model sees rows
METHOD = "Counts of the cells of each column were measured with discrete Gaussian noise; columns are drawn by them."


class Independent(DensityMixin, ImputationMixin):
    """Each column's own distribution: frequencies of codes, and the number line as it is.

    Args:
        rare_threshold: in how many rows a value must occur to be stored.
    """

    name: ClassVar[str] = "independent"
    summary: ClassVar[str] = "each column by itself; the baseline that ignores every relation"

    #: the share of each code, one array per slot
    shares_: list[np.ndarray]

    def __init__(self, rare_threshold: int = 5) -> None:
        self.rare_threshold = rare_threshold

    def make_encoder(self) -> TableEncoder:
        """Values are shares of rows, on which every column is uniform."""
        return TableEncoder(transform="uniform", rare_threshold=self.rare_threshold)

    def _fit(self, encoded: Encoded, generator: np.random.Generator, progress: Progress) -> None:
        n = len(encoded)
        self.shares_ = [
            np.bincount(encoded.codes[:, j], minlength=slot.cardinality) / n for j, slot in enumerate(encoded.slots)
        ]

    def _fit_privately(
        self, rows: Guarded[Table], schema: Schema, generator: np.random.Generator, progress: Progress
    ) -> None:
        """Noisy counts of each column's cells; number lines are laid so that their bins hold the shares counted."""
        encoder, ledger = PrivateDomain(rows, schema, PRIVATE_BINS).encoder(), rows.ledger
        self.schema_, self.encoder_, self.rows_ = encoder.schema, encoder, encoder.rows
        self.shares_, ledger.method = [], METHOD
        mu = ledger.mu_of("training")
        if encoder.slots:
            ledger.reserve("training", mu)
        cuts, counts = noisy_marginals(rows, encoder, "training")
        for j, (cut, count) in enumerate(zip(cuts, counts, strict=True)):
            share = (count + 1e-6) / (count + 1e-6).sum()
            if cut.count:
                lay_out(encoder, j, share[: cut.count])
                share = np.concatenate([[share[: cut.count].sum()], share[cut.count :]])
            self.shares_.append(share)

    def _sample(self, n: int, generator: np.random.Generator) -> Encoded:
        slots = self.encoder_.slots
        empty = Encoded(slots, np.full((n, len(slots)), UNSEEN, dtype=np.int32), np.full((n, len(slots)), np.nan))
        return self._draw(empty, self.shares_, generator)

    def _sample_given(
        self, n: int, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
    ) -> Encoded | None:
        """Each conditioned column by what its own distribution leaves."""
        rows = self._sample(n, generator)
        for j, wanted in allowed.items():
            # One bin is the whole line.
            cutting = Bins(rows.slots[j], int(rows.slots[j].continuous))
            shares = self.shares_[j] * cutting.allowed(wanted)
            if not shares.any():
                return rows.take(np.empty(0, dtype=np.int64))
            cells = even_draws(shares, n, generator)
            rows.codes[:, j], rows.values[:, j] = cutting.codes(cells, generator, wanted)
        return rows

    def _log_prob(self, encoded: Encoded) -> np.ndarray:
        total = np.zeros(len(encoded))
        with np.errstate(divide="ignore"):
            for j, share in enumerate(self.shares_):
                codes = encoded.codes[:, j]
                total += np.where(codes == UNSEEN, 0.0, np.log(share)[codes])
        return total

    def _fill(self, encoded: Encoded, generator: np.random.Generator) -> Encoded:
        known = []
        for slot, share in zip(encoded.slots, self.shares_, strict=True):
            present = share.copy()
            if slot.missing_code is not None and share[: slot.missing_code].any():
                present[slot.missing_code] = 0.0
            known.append(present / present.sum())
        return self._draw(encoded, known, generator)

    def _draw(self, encoded: Encoded, shares: list[np.ndarray], generator: np.random.Generator) -> Encoded:
        """Draw every cell that is not known."""
        codes, values = encoded.codes.copy(), encoded.values.copy()
        for j, slot in enumerate(encoded.slots):
            rows = np.flatnonzero(codes[:, j] == UNSEEN)
            codes[rows, j] = even_draws(shares[j], len(rows), generator)
            if slot.continuous:
                on_line = rows[codes[rows, j] == 0]
                values[on_line, j] = even_places(len(on_line), generator)
        return Encoded(encoded.slots, codes, values)

    def _state(self) -> State:
        return State({}, {str(j): share for j, share in enumerate(self.shares_)})

    def _restore(self, state: State) -> None:
        self.shares_ = [state.arrays[str(j)] for j in range(len(self.encoder_.slots))]
