"""Which cell the generator of `ctgan` is told, and rows drawn for such cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from synthdata.encoders.base import Encoded
from synthdata.models.networks.adversarial import Generator
from synthdata.models.networks.marks import Layout
from synthdata.models.networks.modes import Modes, join_rows

_MOST_NUMBERS = 2**24


class Conditions:
    """Which cell a row is made for: a column at random, and in it a code, by frequency or by its logarithm."""

    def __init__(self, layout: Layout, counts: Sequence[np.ndarray]) -> None:
        widest = max([len(count) for count in counts], default=1)
        self.starts, self.sizes = torch.from_numpy(layout.starts), torch.tensor(layout.sizes)
        plain, even = np.zeros((len(counts), widest)), np.zeros((len(counts), widest))
        for j, count in enumerate(counts):
            plain[j, : len(count)], even[j, : len(count)] = count, np.log1p(count)
        self.plain = torch.from_numpy(plain / np.maximum(plain.sum(1, keepdims=True), 1e-9)).float()
        self.even = torch.from_numpy(even / np.maximum(even.sum(1, keepdims=True), 1e-9)).float()
        last = [int(np.flatnonzero(count > 0)[-1]) if (count > 0).any() else 0 for count in counts]
        self.last = torch.tensor(last, dtype=torch.long)
        #: by how much a row with a code is to be preferred (d, widest) for codes to come by log-frequency
        self.weights = (self.even / self.plain.clamp(min=1e-9)).clamp(max=1e4)

    def to(self, device: torch.device) -> None:
        """Move what is held to a device."""
        self.starts, self.sizes, self.last = (each.to(device) for each in (self.starts, self.sizes, self.last))
        self.plain, self.even, self.weights = (each.to(device) for each in (self.plain, self.even, self.weights))

    def draw(self, n: int, generator: torch.Generator, *, even: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Columns and codes (n,), each column as often as any other."""
        device = self.starts.device
        column = torch.randperm(n, generator=generator, device=device) % len(self.starts)
        along = (self.even if even else self.plain).cumsum(1)[column]
        at = torch.rand(n, 1, generator=generator, device=device) * along[:, -1:]
        # Rounding may point past the last code that occurs.
        return column, torch.minimum(torch.searchsorted(along, at, right=True)[:, 0], self.last[column])


def draw_rows(
    net: Generator,
    conditions: Conditions,
    modes: Sequence[Modes],
    n: int,
    noise: torch.Generator,
    fixed: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> Encoded:
    """Encoded rows (n, d) drawn from the generator, for cells by frequency or those that are ``fixed``."""
    column, code = fixed or conditions.draw(n, noise, even=False)
    parts = []
    with torch.no_grad():
        for some, told in zip(torch.split(column, _batch(net)), torch.split(code, _batch(net)), strict=True):
            z = torch.randn(len(some), net.noise, generator=noise, device=some.device)
            logits, places = net(z, conditions.starts[some] + told)
            codes = net.draw(logits, noise).cpu().numpy()
            whole = np.zeros(codes.shape)
            whole[:, net.layout.numbers] = places.double().cpu().numpy()
            parts.append((codes, whole))
    empty = np.zeros((0, len(modes)))
    codes = np.concatenate([empty.astype(np.int64), *(part[0] for part in parts)])
    return join_rows(codes, np.concatenate([empty, *(part[1] for part in parts)]), modes)


def _batch(net: Generator) -> int:
    return max(16, _MOST_NUMBERS // max(4 * net.layout.width, 1))
