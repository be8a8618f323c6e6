"""How `diffusion` draws values given codes: by a few steps down the noise levels."""

from __future__ import annotations

import math

import torch

from synthdata.models.networks.diffusion import Denoiser

#: the noise levels between which values are drawn, in units of their normal scores
HIGHEST, LOWEST = 20.0, 0.005
#: how the levels are spread (Karras et al. 2022, equation 5)
_RHO = 10.0


def denoised(
    network: Denoiser,
    codes: torch.Tensor,
    noised: torch.Tensor,
    state: torch.Tensor,
    sigma: torch.Tensor,
) -> torch.Tensor:
    """The values (b, l) expected behind noised ones at noise levels (b,), preconditioned for unit variance.

    Karras, Aittala, Aila and Laine 2022, "Elucidating the design space of diffusion-based generative models", table 1.
    Known values (``state`` 2) stand in ``noised`` as they are.
    """
    s = sigma[:, None]
    scaled = torch.where(state == 2, noised, noised / torch.sqrt(1 + s * s))
    hidden = network.hidden(codes, scaled, state, torch.log(sigma))
    return noised / (1 + s * s) + s / torch.sqrt(1 + s * s) * network.values_head(hidden)


def draw_values(
    network: Denoiser,
    codes: torch.Tensor,
    values: torch.Tensor,
    state: torch.Tensor,
    steps: int,
    generator: torch.Generator,
) -> torch.Tensor:
    """Values (n, l) drawn where ``state`` (n, l) is 1, given codes (n, d) and the values (n, l) where it is 2.

    A second-order multistep solver of the probability flow from the highest noise level to none, one evaluation of the
    network a step (DPM-Solver++, Lu et al. 2022, arXiv 2211.01095, algorithm 2).
    """
    ramp = torch.linspace(0, 1, steps, device=values.device, dtype=torch.float64)
    levels = (HIGHEST ** (1 / _RHO) + ramp * (LOWEST ** (1 / _RHO) - HIGHEST ** (1 / _RHO))) ** _RHO
    known, free = state == 2, state == 1
    x = HIGHEST * torch.randn(values.shape, generator=generator, device=values.device)
    x = torch.where(free, x, torch.where(known, values, 0.0))
    before = None
    for i, level in enumerate(levels.tolist()):
        sigma = torch.full((len(codes),), level, device=values.device)
        target = denoised(network, codes, x, state, sigma)
        if i + 1 == steps:
            x = torch.where(free, target, x)
            break
        step = math.log(level / float(levels[i + 1]))
        ahead = target
        if before is not None:
            ratio = math.log(float(levels[i - 1]) / level) / step
            ahead = target + (target - before) / (2 * ratio)
        moved = float(levels[i + 1]) / level * x - math.expm1(-step) * ahead
        x, before = torch.where(free, moved, x), target
    return x
