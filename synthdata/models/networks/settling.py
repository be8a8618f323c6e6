"""Marginals put right after training: codes of drawn rows become as frequent as in the table.

Each column's network is right on average where it sees real cells of the columns before it. In drawing it sees drawn
ones, and small errors add up along the columns. A constant for each code takes them out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from synthdata.encoders.base import UNSEEN, Encoded
from synthdata.models.networks.columns import ColumnNetworks
from synthdata.training.device import half_precision, torch_generator

#: over how many drawn rows at most the constants are found, and how many imagined ones are among them
TRIAL_ROWS, PRIOR_ROWS = 40_000, 20.0
#: columns of more codes are left as they are: most of their codes would be drawn too seldom
MOST_CODES = 500
#: the largest number of cells that a trial may hold
_MOST_NUMBERS = 2**25
_ROUNDS = 8
#: for how many rows a second of a time budget marginals are put right
_ROWS_A_SECOND = 500


def settle_like(
    networks: ColumnNetworks, encoded: Encoded, time_budget: float | None, generator: np.random.Generator
) -> None:
    """Move the networks' biases until drawn codes are as frequent as those of encoded rows, as far as time allows."""
    if max(networks.sizes, default=1) == 1:
        # Where numbers alone are predicted there are no codes to put right.
        return
    rows = max(2 * len(encoded), 2_000)
    if time_budget is not None:
        rows = min(rows, int(time_budget * _ROWS_A_SECOND))
        if rows < len(encoded) / 2:
            # Over so few rows chance would do more harm than good.
            return
    shares = [
        np.bincount(codes, minlength=slot.cardinality) / len(encoded)
        for codes, slot in zip(encoded.codes.T, encoded.slots, strict=True)
    ]
    settle(networks, shares, rows, torch_generator(generator, networks.places.device))


def settle(networks: ColumnNetworks, shares: Sequence[np.ndarray], rows: int, generator: torch.Generator) -> None:
    """Move the networks' biases until ``rows`` drawn rows have the ``shares`` (cardinality,) of each column's codes."""
    device = generator.device
    widest = max([size for size in networks.sizes if size <= MOST_CODES] + [networks.columns * 16, 1])
    n = min(rows, TRIAL_ROWS, _MOST_NUMBERS // widest)
    if max(networks.sizes, default=0) * n > _MOST_NUMBERS * 4:
        # A column of very many codes would be drawn in full for each of the rows.
        return
    codes = torch.full((n, networks.columns), UNSEEN, device=device)
    values = torch.full((n, networks.columns), torch.nan, device=device)

    def look(j: int, logits: torch.Tensor) -> None:
        if networks.sizes[j] <= MOST_CODES:
            bias = networks.code_bias(j)
            bias += _constants(logits, torch.from_numpy(shares[j]).to(logits))

    with torch.no_grad(), half_precision(device):
        networks.draw(codes, values, networks.order, {}, generator, look)


def _constants(logits: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """What to add to logits (n, k) for their mean probabilities (k,) to become ``shares``, by iterative scaling."""
    n = len(logits)
    out = torch.zeros_like(shares)
    for _ in range(_ROUNDS):
        mean = functional.softmax(logits + out, dim=-1).mean(0)
        out += torch.log((n * shares + PRIOR_ROWS * shares) / (n * mean + PRIOR_ROWS * shares).clamp(min=1e-30))
        out = torch.where(shares > 0, out, 0.0)
    return out
