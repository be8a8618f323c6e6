"""What `diffusion` learns: to find hidden codes, and the values behind noisy ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from synthdata.encoders.base import Encoded
from synthdata.errors import PrivacyError
from synthdata.models.networks.diffusion import Denoiser
from synthdata.models.networks.diffusion_sampler import denoised
from synthdata.models.networks.nets import scores
from synthdata.training.objective import Player

#: the logarithm of a value's noise level in training: mean and standard deviation
_LEVEL_MEAN, _LEVEL_SPREAD = -1.5, 1.4
#: in which share of the records some values are known while others are drawn
_KNOWN = 0.3


class Records:
    """The objective, and its one player: how badly hidden codes and noised values of every record are found again."""

    sees_real_rows = True
    quality_name = "held-out loss per row"

    def __init__(self, network: Denoiser, encoded: Encoded, ordered: float, uncut: Sequence[int]) -> None:
        self.modules: Denoiser = network
        self.ordered = ordered
        self.players: Sequence[Player] = (self,)
        self.codes = torch.from_numpy(encoded.codes.astype(np.int64))
        lines = encoded.values[:, network.lines]
        self.there = torch.from_numpy(~np.isnan(lines))
        self.values = scores(torch.from_numpy(np.nan_to_num(lines, nan=0.5))).float()
        # Columns without a number line need no denoising, and rarely a table has no codes to find.
        # On a line that is cut there is less to find, since the bin is known.
        coded = len(network.coded)
        effort = torch.tensor([3.0 if j in uncut else 1.0 for j in network.lines])
        lined = float((self.there.float().mean(0) * effort).sum())
        self.share = 1.0 if not lined else min(max(coded / (coded + lined), 0.1), 0.9) if coded else 0.0

    def to(self, device: torch.device) -> None:
        """Move network and table to a device."""
        self.modules.to(device)
        self.codes, self.values, self.there = (part.to(device) for part in (self.codes, self.values, self.there))

    def losses(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """The losses (b,): some records hide codes, the others have their values noised."""
        cut = round(self.share * len(rows))
        parts = []
        if cut:
            parts.append(self._codes_loss(rows[:cut], generator, generator) / self.share)
        if cut < len(rows):
            parts.append(self._values_loss(rows[cut:], generator, generator) / (1 - self.share))
        return torch.cat(parts)

    def private_losses(
        self, rows: torch.Tensor, generator: torch.Generator, share: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The losses (b,) of rows without number lines, each record's share of hidden codes drawn for itself.

        Raises:
            PrivacyError: there are number lines, whose denoising spreads noise levels evenly over a batch.
        """
        if self.modules.lines:
            raise PrivacyError("Denoising of values has no private form.", "Cut number lines into bins.")
        return self._codes_loss(rows, generator, generator, even=False), rows

    def quality(self, rows: torch.Tensor) -> float:
        """The mean loss of rows in nats and squared units, with the same hiding and noise at each call."""
        noise = torch.Generator(rows.device).manual_seed(0)
        total = 0.0
        for part in torch.split(rows.repeat(2), 2048):
            if self.share > 0:
                total += float(self._codes_loss(part, noise).double().sum())
            if self.share < 1:
                total += float(self._values_loss(part, noise).double().sum())
        return total / max(2 * len(rows), 1)

    def _known(
        self, n: int, generator: torch.Generator, often: float, even: bool = True
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """For each record a random share of what is known, if wanted ``even``, and whether values are among it."""
        device = self.codes.device
        if even:
            share = (torch.randperm(n, generator=generator, device=device) + 0.5) / max(n, 1)
        else:
            share = torch.rand(n, generator=generator, device=device)
        return share, torch.rand(n, 1, generator=generator, device=device) < often

    def _codes_loss(
        self,
        rows: torch.Tensor,
        noise: torch.Generator,
        dropout: torch.Generator | None = None,
        *,
        even: bool = True,
    ) -> torch.Tensor:
        """Minus the log-probability of hidden codes, weighed so that it is that of the whole row in random order."""
        network, n, codes = self.modules, len(rows), self.codes[rows]
        share, with_values = self._known(n, noise, 0.5, even)
        columns = len(network.coded)
        count = (share * columns).long() + 1
        # Ranks count from the end: the code of the highest hidden one would be drawn next.
        ranks = torch.rand(n, columns, generator=noise, device=codes.device).argsort(1).argsort(1)
        in_turn = torch.rand(n, 1, generator=noise, device=codes.device) < self.ordered
        ranks = torch.where(in_turn, torch.arange(columns - 1, -1, -1, device=codes.device), ranks)
        hide = torch.zeros_like(codes, dtype=torch.bool)
        hide[:, network.coded] = ranks < count[:, None]
        weight = torch.zeros(codes.shape, device=codes.device)
        weight[:, network.coded] = torch.where(
            in_turn,
            0.5 * columns * (ranks + 1 == count[:, None]) + 0.5 * columns / count[:, None],
            columns / count[:, None],
        )
        weight = torch.where(hide, weight, 0.0)
        # A value may only be known where its code is.
        known = with_values & ~in_turn & self.there[rows] & ~hide[:, network.lines]
        known &= torch.rand(known.shape, generator=noise, device=codes.device) >= share[:, None]
        hidden = network.hidden(
            torch.where(hide, -1, codes), self.values[rows], 2 * known.long(), torch.zeros_like(share), dropout
        )
        logits = network.logits(hidden)
        total = torch.zeros(n, device=codes.device)
        for j, part in zip(network.coded, network.split(logits), strict=True):
            total = total + functional.cross_entropy(part, codes[:, j], reduction="none") * weight[:, j]
        return total

    def _values_loss(
        self, rows: torch.Tensor, noise: torch.Generator, dropout: torch.Generator | None = None
    ) -> torch.Tensor:
        """Half the squared error of denoising, in units of what there is to find at each level."""
        network, n, values, there = self.modules, len(rows), self.values[rows], self.there[rows]
        share, some = self._known(n, noise, _KNOWN)
        ranks = torch.rand(there.shape, generator=noise, device=values.device).argsort(1).argsort(1)
        known = some & there & (ranks < (share * there.shape[1]).long()[:, None])
        # Evenly spread levels make the loss steadier.
        spread = (torch.randperm(n, generator=noise, device=values.device) + 0.5) / n
        sigma = torch.exp(_LEVEL_MEAN + _LEVEL_SPREAD * torch.special.ndtri(spread))
        eps = torch.randn(values.shape, generator=noise, device=values.device)
        noised = torch.where(known, values, values + sigma[:, None] * eps)
        state = torch.where(known, 2, there.long())
        found = denoised(network, self.codes[rows], noised, state, sigma, dropout)
        error = (found - values) * (torch.sqrt(1 + sigma * sigma) / sigma)[:, None]
        return 0.5 * (error * error * (state == 1)).sum(1)
