"""Uniform numbers of which rows that look alike get evenly spread ones."""

from __future__ import annotations

import torch

#: how many rows that look alike share out their random numbers evenly
_STRATA = 32


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
