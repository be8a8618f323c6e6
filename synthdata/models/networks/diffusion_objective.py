"""What `diffusion` learns: to find hidden codes, and the values behind noisy ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from synthdata.encoders.base import Encoded
from synthdata.models.networks.column_records import ColumnRecords
from synthdata.models.networks.diffusion import Denoiser
from synthdata.models.networks.diffusion_sampler import denoised
from synthdata.models.networks.nets import scores

#: the logarithm of a value's noise level in training: mean and standard deviation
_LEVEL_MEAN, _LEVEL_SPREAD = -1.5, 1.4
#: in which share of the records some values are known while others are drawn
_KNOWN = 0.3


class Values:
    """A player: how badly the values behind noised ones are found, given a record's codes."""

    sees_real_rows = True
    # Beside the networks of columns, which are smaller and soon know single rows, it learns slowly and forgets little.
    relative_rate, weight_decay = 0.5, 0.05

    def __init__(self, network: Denoiser, encoded: Encoded, batch_share: float = 1.0) -> None:
        self.modules: Denoiser = network
        self.batch_share = batch_share
        self.codes = torch.from_numpy(encoded.codes.astype(np.int64))
        lines = encoded.values[:, network.lines]
        self.there = torch.from_numpy(~np.isnan(lines))
        self.values = scores(torch.from_numpy(np.nan_to_num(lines, nan=0.5))).float()

    def to(self, device: torch.device) -> None:
        """Move network and table to a device."""
        self.modules.to(device)
        self.codes, self.values, self.there = (part.to(device) for part in (self.codes, self.values, self.there))

    def quality(self, rows: torch.Tensor) -> float:
        """The mean loss of rows in squared units, with the same noise at each call."""
        noise = torch.Generator(rows.device).manual_seed(0)
        total = sum(float(self.losses(part, noise).double().sum()) for part in torch.split(rows.repeat(2), 2048))
        return total / max(2 * len(rows), 1)

    def losses(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Half the squared errors (b,) of denoising, in units of what there is to find at each level."""
        n, values, there = len(rows), self.values[rows], self.there[rows]
        device = values.device
        share = (torch.randperm(n, generator=generator, device=device) + 0.5) / max(n, 1)
        some = torch.rand(n, 1, generator=generator, device=device) < _KNOWN
        ranks = torch.rand(there.shape, generator=generator, device=device).argsort(1).argsort(1)
        known = some & there & (ranks < (share * there.shape[1]).long()[:, None])
        # Evenly spread levels make the loss steadier.
        spread = (torch.randperm(n, generator=generator, device=device) + 0.5) / n
        sigma = torch.exp(_LEVEL_MEAN + _LEVEL_SPREAD * torch.special.ndtri(spread))
        eps = torch.randn(values.shape, generator=generator, device=device)
        noised = torch.where(known, values, values + sigma[:, None] * eps)
        state = torch.where(known, 2, there.long())
        found = denoised(self.modules, self.codes[rows], noised, state, sigma)
        error = (found - values) * (torch.sqrt(1 + sigma * sigma) / sigma)[:, None]
        return 0.5 * (error * error * (state == 1)).sum(1)


class CodesAndValues:
    """The objective: the networks of columns learn codes, and beside them the denoiser learns values."""

    quality_name = "held-out loss per row"

    def __init__(self, players: Sequence[ColumnRecords | Values]) -> None:
        self.players = players
        #: the last figures of codes, in nats, and of values, in squared units
        self.parts: list[float] = []

    def to(self, device: torch.device) -> None:
        """Move networks and table to a device."""
        for player in self.players:
            player.to(device)

    def quality(self, rows: torch.Tensor) -> float:
        """The mean loss of rows: nats of codes and squared units of values."""
        self.parts = [player.quality(rows) for player in self.players]
        return sum(self.parts)
