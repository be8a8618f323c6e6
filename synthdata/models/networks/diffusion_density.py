"""How probable the values of rows are under `diffusion` given their codes: by the flow that the sampler follows."""

from __future__ import annotations

import itertools
import math

import torch

from synthdata.models.networks.diffusion import Denoiser
from synthdata.models.networks.diffusion_sampler import HIGHEST, LOWEST, denoised
from synthdata.models.networks.nets import MARGIN

_LOG_2_PI = math.log(2 * math.pi)


def log_known(
    network: Denoiser,
    codes: torch.Tensor,
    values: torch.Tensor,
    there: torch.Tensor,
    open_: torch.Tensor,
    steps: int,
) -> torch.Tensor:
    """Log-densities (n,) per share of rows of the values (n, l) that are ``there`` (n, l), but for those ``open_``.

    Open ones were drawn given the rest: the density of all less theirs is left.
    """
    found = _log_shares(network, codes, values, there.long(), steps)
    odd = torch.nonzero(open_.any(1))[:, 0]
    state = torch.where(open_, 1, 2 * there.long())
    found[odd] -= _log_shares(network, codes[odd], values[odd], state[odd], steps)
    return found


def _log_shares(
    network: Denoiser, codes: torch.Tensor, values: torch.Tensor, state: torch.Tensor, steps: int
) -> torch.Tensor:
    """`log_values` per share of rows instead of per normal score."""
    slope = math.log(1 - 2 * MARGIN) + 0.5 * values.double() ** 2 + 0.5 * _LOG_2_PI
    return log_values(network, codes, values, state, steps) + torch.where(state == 1, slope, 0.0).sum(1)


def log_values(
    network: Denoiser, codes: torch.Tensor, values: torch.Tensor, state: torch.Tensor, steps: int
) -> torch.Tensor:
    """Log-densities (n,) of the values (n, l) where ``state`` is 1, given codes and the values where it is 2.

    The probability flow is followed from the lowest to the highest noise level by Heun's method, with the divergence
    worked out exactly (Chen et al. 2018, equation 8; Song et al. 2021, section 4.3); an estimate, as steps are finite.
    """
    free = (state == 1).to(torch.float64)
    x, gained = values.double(), torch.zeros(len(values), dtype=torch.float64, device=values.device)
    levels = torch.linspace(math.log(LOWEST), math.log(HIGHEST), steps + 1, dtype=torch.float64).tolist()
    slope, spread = _slope(network, codes, x, state, levels[0])
    for here, there in itertools.pairwise(levels):
        step = there - here
        ahead, ahead_spread = _slope(network, codes, x + step * slope, state, there)
        x = x + 0.5 * step * (slope + ahead)
        gained += 0.5 * step * (spread + ahead_spread)
        slope, spread = _slope(network, codes, x, state, there)
    # At the highest level next to nothing is left of the data, whose variance is about one.
    variance = HIGHEST**2 + 1
    end = -0.5 * (x * x / variance + math.log(variance) + _LOG_2_PI)
    return (end * free).sum(1) + gained


def _slope(
    network: Denoiser, codes: torch.Tensor, x: torch.Tensor, state: torch.Tensor, log_level: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """How values (n, l) move with the logarithm of the noise level, and the divergence (n,) of that."""
    sigma = torch.full((len(x),), math.exp(log_level), device=x.device)
    free = state == 1
    with torch.enable_grad():
        at = x.float().detach().requires_grad_()
        found = denoised(network, codes, at, state, sigma)
        own = torch.zeros_like(at)
        for k in range(x.shape[1]):
            if bool(free[:, k].any()):
                own[:, k] = torch.autograd.grad(found[:, k].sum(), at, retain_graph=True)[0][:, k]
    slope = torch.where(free, x - found.detach().double(), 0.0)
    return slope, torch.where(free, 1.0 - own.double(), 0.0).sum(1)
