"""Draws without much of their sampling noise: numbers spread evenly over rows alike, places evenly over a line."""

from __future__ import annotations

import torch

#: how many rows that look alike share out their random numbers evenly
_STRATA = 32
#: how many stretches of a line get equal numbers of places at most, and how many places each has at least
_STRETCHES, _FEWEST = 128, 32


def even_uniform(key: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Uniform numbers (n,), of which rows with neighbouring keys (n,) get evenly spread ones (stratified draws).

    Each number by itself is uniform; within a run of rows with like keys they fall into different strata at random,
    which takes sampling noise out of counts.
    """
    n = len(key)
    shuffle = torch.randperm(n, generator=generator, device=key.device)
    along = shuffle[torch.argsort(key[shuffle], stable=True)]
    runs = -(-n // _STRATA)
    strata = torch.rand(runs, _STRATA, generator=generator, device=key.device).argsort(1)
    jitter = torch.rand(runs, _STRATA, generator=generator, device=key.device)
    uniform = ((strata + jitter) / _STRATA).flatten()[:n]
    out = torch.empty(n, device=key.device)
    out[along] = uniform
    return out.clamp(1e-7, 1 - 1e-7)


def even_out(places: torch.Tensor) -> torch.Tensor:
    """Places (n,) on the unit interval moved, in their order, until equal stretches of it hold equal numbers of them.

    For columns whose places are shares of rows, so that they should be even. NaN stays NaN, and too few places to
    tell chance from what is meant stay where they are.

    >>> places = torch.linspace(0, 1, 1001, dtype=torch.float64) ** 2
    >>> round(float(places.median()), 2), round(float(even_out(places).median()), 2)
    (0.25, 0.5)
    """
    there = torch.nonzero(~torch.isnan(places))[:, 0]
    stretches = min(_STRETCHES, len(there) // _FEWEST)
    if stretches < 2:
        return places
    found = places[there].double()
    shares = torch.linspace(0, 1, stretches + 1, dtype=found.dtype, device=found.device)
    ends = torch.quantile(found, shares)
    ends[0], ends[-1] = 0.0, 1.0
    at = (torch.searchsorted(ends, found, right=True) - 1).clamp(0, stretches - 1)
    within = (found - ends[at]) / (ends[at + 1] - ends[at]).clamp(min=1e-12)
    out = places.clone()
    out[there] = ((at + within.clamp(0, 1)) / stretches).to(places.dtype)
    return out
