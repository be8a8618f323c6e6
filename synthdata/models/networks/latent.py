"""The networks of `tvae`: from a row to a place in the latent space, and from a place to a distribution of rows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from synthdata.encoders.base import UNSEEN, Slot
from synthdata.models.networks.mixture_prior import LOG_2_PI, MixturePrior
from synthdata.models.networks.nets import CellVectors
from synthdata.models.networks.row_heads import RowHeads, dense

_CELL, _KNOTS, _HARMONICS = 8, 8, 3


class LatentNetworks(nn.Module):
    """Encoder, prior and decoder: q(z | row), p(z), p(row | z), for z (b, latent)."""

    def __init__(
        self, slots: Sequence[Slot], latent: int, width: int, components: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.latent, self.columns = latent, len(slots)
        self.cells = CellVectors(slots, _CELL, _KNOTS, _HARMONICS, generator)
        self.inward = dense(self.columns * (_CELL + 1), width, generator)
        self.inner = dense(width, width, generator)
        self.posterior = dense(width, 2 * latent, generator, 0.3)
        self.outward = dense(latent, width, generator)
        self.outer = dense(width, width, generator)
        self.heads = RowHeads(slots, width, generator)
        self.prior = MixturePrior(latent, components, generator)
        with torch.no_grad():
            self.posterior.bias[latent:] = -1.0

    def encode(self, codes: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Means and log-deviations (b, latent) of q(z | row); cells that are `UNSEEN` are left out."""
        seen = (codes != UNSEEN)[..., None].float()
        vectors = torch.cat([self.cells(codes, values) * seen, 1 - seen], dim=-1)
        h = functional.relu(self.inward(vectors.flatten(1)))
        mean, log_width = self.posterior(functional.relu(self.inner(h))).float().chunk(2, dim=-1)
        return mean, log_width.clamp(-6.0, 2.0)

    def hidden(self, z: torch.Tensor) -> torch.Tensor:
        """The decoder's last layer (b, width)."""
        return functional.relu(self.outer(functional.relu(self.outward(z))))

    def draw_prior(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """Places (n, latent) from the prior, its components as often as their shares say, up to one."""
        centres, log_widths = self.prior.parts()
        along = functional.softmax(self.prior.bias, dim=0).cumsum(0)
        device = centres.device
        strata = torch.randperm(n, generator=generator, device=device)
        strata = (strata + torch.rand(n, generator=generator, device=device)) / max(n, 1)
        which = torch.searchsorted(along, strata.clamp(max=1 - 1e-6)).clamp(max=len(along) - 1)
        noise = torch.randn(n, self.latent, generator=generator, device=device)
        return centres[which] + torch.exp(log_widths[which]) * noise

    def log_weights(
        self, codes: torch.Tensor, values: torch.Tensor, repeats: int, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Places z (b, repeats, latent) from q, and log p(row | z) and log p(z) - log q(z | row), both (b, repeats).

        Of a row, only the cells seen count.
        """
        mean, log_width = self.encode(codes, values)
        shape = (len(codes), repeats, self.latent)
        noise = torch.randn(shape, generator=generator, device=codes.device)
        z = mean[:, None] + torch.exp(log_width)[:, None] * noise
        log_q = (-0.5 * noise * noise - log_width[:, None]).sum(-1) - 0.5 * self.latent * LOG_2_PI
        flat = z.flatten(0, 1)
        spread = codes.repeat_interleave(repeats, 0)
        log_p = self.heads.log_probs(self.hidden(flat), spread, values.repeat_interleave(repeats, 0))
        log_p = torch.where(spread != UNSEEN, log_p, 0.0).sum(1).view(len(codes), repeats)
        return z, log_p, self.prior(flat).view(len(codes), repeats) - log_q
