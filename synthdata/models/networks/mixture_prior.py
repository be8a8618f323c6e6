"""A mixture of normals over latent places, learnt with the rest of `tvae`, and the gradients of single records."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from synthdata.privacy.per_record import Part, Sums, Whole

LOG_2_PI = math.log(2 * math.pi)


class MixturePrior(nn.Module):
    """A mixture of normal distributions with diagonal covariances: the log-density (b,) of places (b, latent)."""

    def __init__(self, latent: int, components: int, generator: torch.Generator) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(components))
        #: centres and log-widths
        self.embedding = nn.Parameter(torch.randn(components, 2 * latent, generator=generator))
        with torch.no_grad():
            self.embedding[:, latent:] = 0.0

    def parts(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The centres and log-widths (components, latent)."""
        centres, log_widths = self.embedding.chunk(2, dim=-1)
        return centres, log_widths.clamp(-5.0, 2.0)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """log p(z) (b,)."""
        return torch.logsumexp(self._joint(z), dim=-1)

    def _joint(self, z: torch.Tensor) -> torch.Tensor:
        """The log-densities (b, components) of places together with each component."""
        centres, log_widths = self.parts()
        precision = torch.exp(-2 * log_widths)
        # The square is multiplied out, so that it takes two products of matrices.
        square = (z * z) @ precision.T - 2 * z @ (centres * precision).T + (centres * centres * precision).sum(-1)
        log_p = -0.5 * square - log_widths.sum(-1) - 0.5 * z.shape[-1] * LOG_2_PI
        return log_p + functional.log_softmax(self.bias, dim=0)

    def per_record(self, inputs: Sequence[Any], slopes: torch.Tensor) -> list[Part]:
        """What the gradients of single records are made of, in double precision."""
        with torch.no_grad():
            z, centres, log_widths = (each.double() for each in (inputs[0], *self.parts()))
            taken = functional.softmax(self._joint(inputs[0]), dim=-1)
            odds = (taken - functional.softmax(self.bias, dim=0)) * slopes[:, None]
            free = (self.parts()[1] == self.embedding[:, z.shape[-1] :]).double()
            share = taken.double() * slopes[:, None]
        return [_PriorGradients(self.embedding, z, share, centres, log_widths, free), Whole(self.bias, odds)]


@dataclass(frozen=True)
class _PriorGradients:
    """The gradients of centres and log-widths at places z (b, latent), of which components have shares (b, components).

    With p the precisions they are r (z - c) p and r ((z - c)² p - 1); both are multiplied out, so that neither them nor
    their norms take more than products of matrices. ``free`` is 0 where a width is held at its limit.
    """

    weight: nn.Parameter
    z: torch.Tensor
    share: torch.Tensor
    centres: torch.Tensor
    log_widths: torch.Tensor
    free: torch.Tensor

    def squares(self) -> torch.Tensor:
        """Squared norms (b,)."""
        z, c, p = self.z, self.centres, torch.exp(-2 * self.log_widths)
        # The sums over dimensions of (z - c)² p² and of ((z - c)² p - 1)², by powers of z.
        second, fourth = p * p - 2 * p * self.free, p * p * self.free
        powers = torch.cat([z, z**2, z**3, z**4], dim=1)
        factors = torch.cat(
            [-2 * c * second - 4 * c**3 * fourth, second + 6 * c**2 * fourth, -4 * c * fourth, fourth], dim=1
        )
        constant = (c**2 * second + c**4 * fourth + self.free).sum(1)
        sizes = (powers @ factors.T + constant).clamp(min=0.0)
        return (self.share.square() * sizes).sum(1).float()

    def sums(self, factors: torch.Tensor) -> Sums:
        """The weighted sums."""
        share, c, p = self.share * factors[:, None], self.centres, torch.exp(-2 * self.log_widths)
        total, first, second = share.sum(0)[:, None], share.T @ self.z, share.T @ (self.z * self.z)
        centres = (first - c * total) * p
        widths = ((second - 2 * c * first + c * c * total) * p - total) * self.free
        return [(self.weight, torch.cat([centres, widths], dim=1).to(self.weight.dtype))]
