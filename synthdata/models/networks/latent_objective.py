"""What `tvae` learns: the evidence lower bound of every record."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np
import torch

from synthdata.encoders.base import UNSEEN, Encoded
from synthdata.models.networks.latent import LatentNetworks
from synthdata.training.device import half_precision
from synthdata.training.objective import Player

#: over which share of training a latent place gets its full price
WARM_UP = 0.2


class Bound:
    """The objective, and its one player: minus the evidence lower bound of every record.

    In ``masked`` of the records some cells are hidden, and the bound is that of the others: so the encoder learns what
    to make of gaps. Over the first ``warm_up`` batches what a latent place costs rises from nothing to its full price,
    or some dimensions would never come into use (Bowman et al. 2016, arXiv 1511.06349).
    """

    sees_real_rows = True
    quality_name = "held-out nats per row (bound)"

    def __init__(self, networks: LatentNetworks, encoded: Encoded, masked: float, warm_up: float) -> None:
        self.modules: LatentNetworks = networks
        self.players: Sequence[Player] = (self,)
        self.masked = masked
        self.price, self.rise = torch.zeros(()), 1 / max(warm_up, 1.0)
        self.codes = torch.from_numpy(encoded.codes.astype(np.int64))
        self.values = torch.from_numpy(encoded.values.astype(np.float32))

    def to(self, device: torch.device) -> None:
        """Move networks and table to a device."""
        self.modules.to(device)
        self.codes, self.values, self.price = (each.to(device) for each in (self.codes, self.values, self.price))

    def losses(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Minus the bounds (b,) of records."""
        log_p, log_ratio = self._terms(rows, generator)
        self.price = (self.price + self.rise).clamp(max=1.0)
        return -(log_p + self.price * log_ratio)

    def private_losses(
        self, rows: torch.Tensor, generator: torch.Generator, share: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Minus the bounds (b,) of records, at the price that a latent place has by then.

        In full precision: half of it makes ready for each size of a batch anew, and these sizes are drawn.
        """
        log_p, log_ratio = self._terms(rows, generator, half=False)
        return -(log_p + min(share / WARM_UP, 1.0) * log_ratio), rows

    def _terms(
        self, rows: torch.Tensor, generator: torch.Generator, *, half: bool = True
    ) -> tuple[torch.Tensor, torch.Tensor]:
        codes, values = self.codes[rows], self.values[rows]
        chance = torch.rand(len(rows), 2, generator=generator, device=rows.device)
        share = torch.where(chance[:, :1] < self.masked, chance[:, 1:], 0.0)
        hidden = torch.rand(codes.shape, generator=generator, device=rows.device) < share
        codes = torch.where(hidden, UNSEEN, codes)
        with half_precision(rows.device) if half else nullcontext():
            _, log_p, log_ratio = self.modules.log_weights(codes, values, 1, generator)
        return log_p[:, 0], log_ratio[:, 0]

    def quality(self, rows: torch.Tensor) -> float:
        """The mean of minus the bound of rows, in nats."""
        noise = torch.Generator(rows.device).manual_seed(0)
        total = 0.0
        for part in torch.split(rows, 2048):
            _, log_p, log_ratio = self.modules.log_weights(self.codes[part], self.values[part], 1, noise)
            total -= float((log_p + log_ratio).double().sum())
        return total / max(len(rows), 1)
