"""What networks of columns learn: to predict each column of a record from others, in a fixed order or in any."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from synthdata.encoders.base import Encoded
from synthdata.models.networks.column_rows import rows_at_once
from synthdata.models.networks.columns import ColumnNetworks
from synthdata.training.device import free_bytes
from synthdata.training.objective import Player


class ColumnRecords:
    """The objective, and its one player: minus the log-probability of every record, each column given others.

    Where the networks learn no densities, places on number lines are drawn after all codes. They are then unknown in
    the fixed order, and some of them in half of the records that are taken in a random order.
    """

    sees_real_rows = True
    quality_name = "held-out nats per row"

    def __init__(self, networks: ColumnNetworks, encoded: Encoded, ordered: float, batch_share: float = 1.0) -> None:
        self.modules: ColumnNetworks = networks
        self.batch_share = batch_share
        self.players: Sequence[Player] = (self,)
        self.ordered = ordered
        self.codes = torch.from_numpy(encoded.codes.astype(np.int64))
        self.values = torch.from_numpy(encoded.values.astype(np.float32))

    def to(self, device: torch.device) -> None:
        """Move networks and table to a device."""
        self.modules.to(device)
        if self.codes.nbytes + self.values.nbytes < free_bytes(device) / 2:
            self.codes, self.values = self.codes.to(device), self.values.to(device)

    def losses(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Minus the log-probabilities (b,) of records, columns being taken in the fixed order or at random."""
        known = self._shuffled(len(rows) - round(len(rows) * self.ordered), generator)
        return -self._log_probs(rows, known, generator, generator)

    def private_losses(
        self, rows: torch.Tensor, generator: torch.Generator, share: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The same, in another order of records, with every record's order of columns drawn for itself.

        How many of a batch are taken at random must not depend on how many records there are.
        """
        shuffled = torch.rand(len(rows), generator=generator, device=rows.device) >= self.ordered
        rows = torch.cat([rows[~shuffled], rows[shuffled]])
        known = self._shuffled(int(shuffled.sum()), generator)
        return -self._log_probs(rows, known, generator, generator), rows

    def quality(self, rows: torch.Tensor) -> float:
        """The mean of minus the log-probability of rows, in the same mixture of orders, in nats."""
        # The same orders are drawn at each call, so that only the weights make a difference.
        orders = torch.Generator(rows.device).manual_seed(0)
        total = 0.0
        for part in torch.split(rows, rows_at_once(self.modules.sizes)):
            known = self._shuffled(len(part) - round(len(part) * self.ordered), orders)
            total -= float(self._log_probs(part, known, orders).double().sum())
        return total / max(len(rows), 1)

    def _log_probs(
        self,
        rows: torch.Tensor,
        known: torch.Tensor,
        hiding: torch.Generator,
        dropout: torch.Generator | None = None,
    ) -> torch.Tensor:
        """Log-probabilities (b,) of rows by their positions; a table that does not fit on the device travels in parts.

        Of the last m rows what is ``known`` (m, p, d) is told.
        """
        at = rows.to(self.codes.device)
        codes, values = self.codes[at].to(rows.device), self.values[at].to(rows.device)
        if not self.modules.densities and self.modules.cells.lined:
            # In half of the records all are shown that are known, in the others any share of them.
            share = 2 * torch.rand(len(known), 1, generator=hiding, device=values.device)
            shown = torch.rand(len(known), values.shape[1], generator=hiding, device=values.device) < share
            free = len(rows) - len(known)
            values[:free] = torch.nan
            values[free:] = torch.where(shown, values[free:], torch.nan)
        return self.modules.log_probs(codes, values, known, dropout).sum(1)

    def _shuffled(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """What is known to the predicted columns (n, p, d) in rows that are each taken in an order of its own."""
        networks = self.modules
        return networks.seen_before(torch.rand(n, networks.columns, generator=generator, device=networks.places.device))
