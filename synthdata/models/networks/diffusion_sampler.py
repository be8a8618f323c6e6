"""How `diffusion` draws: hidden codes one column after the other, then values by a few steps down the noise levels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch.nn import functional

from synthdata.models.networks.diffusion import Denoiser
from synthdata.models.networks.even import even_uniform

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
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """The values (b, l) expected behind noised ones at noise levels (b,), preconditioned for unit variance.

    Karras, Aittala, Aila and Laine 2022, "Elucidating the design space of diffusion-based generative models", table 1.
    Known values (``state`` 2) stand in ``noised`` as they are.
    """
    s = sigma[:, None]
    scaled = torch.where(state == 2, noised, noised / torch.sqrt(1 + s * s))
    hidden = network.hidden(codes, scaled, state, torch.log(sigma), generator)
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


def draw_codes(
    network: Denoiser,
    codes: torch.Tensor,
    values: torch.Tensor,
    state: torch.Tensor,
    order: Sequence[int],
    allowed: Mapping[int, torch.Tensor],
    generator: torch.Generator,
) -> torch.Tensor:
    """Draw hidden codes (-1) of (n, d) in place, column by column in ``order``; each given all that is known by then.

    ``allowed`` has for some columns which share (size,) of each code may occur. Gives the log-probability (n,) with
    which free draws would have been allowed.
    """
    log_weight = torch.zeros(len(codes), device=codes.device)
    for j in order:
        rows = torch.nonzero(codes[:, j] < 0)[:, 0]
        if not len(rows):
            continue
        p = code_probabilities(network, j, codes[rows], values[rows], state[rows])
        if j in allowed:
            p = p * allowed[j].to(p.dtype)
            log_weight[rows] += p.sum(1).log()
        along = p.cumsum(1)
        uniform = even_uniform((along / along[:, -1:]).sum(1), generator) * along[:, -1]
        drawn = (along <= uniform[:, None]).sum(1)
        # Rounding may point past the last code that can occur.
        last = p.shape[1] - 1 - (p.flip(1) > 0).to(torch.uint8).argmax(1)
        codes[rows, j] = torch.minimum(drawn, last)
    return log_weight


def settle_codes(
    network: Denoiser, counts: Sequence[torch.Tensor], n: int, generator: torch.Generator, rounds: int = 3
) -> None:
    """Shift the logits of codes so that over ``n`` rows as they are drawn each is as frequent as ``counts`` say.

    Small errors would else add up along the columns.
    """
    device = network.turns.device
    codes = torch.full((n, len(network.sizes)), -1, device=device)
    for j, size in enumerate(network.sizes):
        if size == 1:
            codes[:, j] = 0
    empty = torch.zeros(n, len(network.lines), device=device)
    for j in network.coded:
        p = code_probabilities(network, j, codes, empty, empty.long())
        share = (counts[j].to(device) + 0.5) / (counts[j] + 0.5).sum().to(device)
        shift = torch.zeros_like(share)
        for _ in range(rounds):
            shifted = functional.softmax(p.double().clamp(min=1e-30).log() + shift, dim=1)
            shift = (shift + torch.log(share / shifted.mean(0).clamp(min=1e-30))).clamp(-1.0, 1.0)
        network.split(network.codes_head.bias.data[None])[network.coded.index(j)][0] += shift.to(p.dtype)
        draw_codes(network, codes, empty, empty.long(), [j], {}, generator)


def code_probabilities(
    network: Denoiser, j: int, codes: torch.Tensor, values: torch.Tensor, state: torch.Tensor
) -> torch.Tensor:
    """The probabilities (n, size) of a column's codes given what is known of other columns."""
    noise = torch.zeros(len(codes), device=codes.device)
    hidden = network.hidden(codes, values, state if bool(state.any()) else None, noise)
    return functional.softmax(network.codes_head.of_one(hidden, network.coded.index(j)), 1)
