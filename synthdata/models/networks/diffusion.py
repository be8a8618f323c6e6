"""The network of `diffusion` that finds the values behind noisy ones, given the codes of a row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from synthdata.encoders.base import Slot
from synthdata.models.networks.nets import scores
from synthdata.training.device import half_precision

#: features of a value, and of the place of a code, beside itself: sines and cosines of so many frequencies
_HARMONICS, _PLACE_HARMONICS = 6, 4
_ALONG = 2 + 2 * _PLACE_HARMONICS
#: at most so many differences of two values are features too
_MOST_PAIRS = 128
#: in how many numbers the noise level is told to the network
_LEVELS = 32


class Shape(NamedTuple):
    """How large the network is."""

    width: int
    blocks: int


class CodeVectors(nn.Module):
    """The sum (b, width) of vectors of a row's codes (b, c), of columns of ``sizes`` (c,).

    ``features`` hold, for the columns of which codes have places, what there is to know of each place (size, along);
    a smooth function of it is added.
    """

    starts: torch.Tensor

    def __init__(
        self, sizes: Sequence[int], features: Mapping[int, torch.Tensor], width: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.sizes, self.placed = list(sizes), list(features)
        for k, table in features.items():
            self.register_buffer(f"places{k}", table, persistent=False)
        spread = 1 / math.sqrt(max(len(sizes), 1))
        starts = torch.tensor([0, *sizes], dtype=torch.long).cumsum(0)
        self.register_buffer("starts", starts[:-1], persistent=False)
        self.embedding = nn.Parameter(torch.randn(int(starts[-1]), width, generator=generator) * spread)
        along = torch.randn(len(features), _ALONG, width, generator=generator)
        self.along = nn.Parameter(along * spread * 0.5)

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """(b, c) to (b, width)."""
        vectors: torch.Tensor = self.embedding
        if self.placed:
            parts = list(torch.split(vectors, self.sizes))
            for k, along in zip(self.placed, self.along, strict=True):
                parts[k] = parts[k] + self.get_buffer(f"places{k}") @ along
            vectors = torch.cat(parts)
        return functional.embedding_bag(self.starts + codes, vectors, mode="sum")


class Denoiser(nn.Module):
    """A residual network over all columns of a row at once.

    A value is noised, known as it is, or absent, where its code says that the cell is not on the number line.
    """

    turns: torch.Tensor

    def __init__(
        self,
        slots: Sequence[Slot],
        shape: Shape,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.shape = shape
        self.sizes = [slot.cardinality for slot in slots]
        #: the columns whose codes can be told apart, and those with a number line
        self.coded = [j for j, size in enumerate(self.sizes) if size > 1]
        self.lines = [j for j, slot in enumerate(slots) if slot.continuous]
        self.register_buffer("turns", math.pi / 4 * 2.0 ** torch.arange(_HARMONICS), persistent=False)
        width, features = shape.width, 3 + 2 * _HARMONICS
        places = {k: _place_features(slots[j]) for k, j in enumerate(self.coded) if _has_places(slots[j])}
        self.cells = CodeVectors([self.sizes[j] for j in self.coded], places, width, generator)
        contrast = _differences(len(self.lines), generator)
        self.contrast = nn.ParameterDict({"embedding": nn.Parameter(contrast)})
        inputs = len(self.lines) * features + len(contrast)
        self.inward = _linear(inputs, width, generator, 1.0)
        self.level = _linear(2 * _LEVELS, 2 * _LEVELS, generator, math.sqrt(2))
        self.levels = nn.ModuleList(_linear(2 * _LEVELS, width, generator, 0.5) for _ in range(shape.blocks))
        self.rise = nn.ModuleList(_linear(width, width, generator, math.sqrt(2)) for _ in range(shape.blocks))
        self.fall = nn.ModuleList(_linear(width, width, generator, 0.5) for _ in range(shape.blocks))
        self.values_head = _linear(width, len(self.lines), generator, 0.1)

    def hidden(
        self,
        codes: torch.Tensor,
        values: torch.Tensor,
        state: torch.Tensor,
        noise: torch.Tensor,
    ) -> torch.Tensor:
        """The last layer (b, width), by codes (b, d) and values (b, l) scaled to about unit variance.

        ``state`` (b, l) is 0 where a value is absent, 1 where it is noised, 2 where it is known; ``noise`` (b,) is the
        logarithm of the noise level.
        """
        # In full precision: where noise is low, half precision would be a noise of its own.
        angle = values[..., None] * self.turns
        there = (state > 0).to(values.dtype)[..., None]
        sigma = torch.exp(noise)[:, None]
        plain = torch.where(state == 2, values, values * torch.sqrt(1 + sigma * sigma)) * there[..., 0]
        features = torch.cat([values[..., None], torch.sin(angle), torch.cos(angle)], dim=-1) * there
        flags = torch.stack([state == 1, state == 2], dim=-1).to(values.dtype)
        # Whether two values are near each other has to be seen ever more sharply as noise gets lower.
        near = torch.tanh((plain @ self.contrast["embedding"].T) / (2 * sigma))
        h: torch.Tensor = self.inward(torch.cat([torch.cat([features, flags], dim=-1).flatten(1), near], dim=1))
        if self.coded:
            h = h + self.cells(codes[:, self.coded])
        steps = torch.arange(_LEVELS, device=codes.device) / _LEVELS
        turn = noise[:, None] * (0.25 * 16.0**steps)
        level = functional.silu(self.level(torch.cat([torch.sin(turn), torch.cos(turn)], dim=1)))
        with half_precision(codes.device):
            for rise, fall, shift in zip(self.rise, self.fall, self.levels, strict=True):
                h = h + fall(functional.silu(rise(functional.silu(h)) + shift(level)))
        return functional.silu(h).float()


def _has_places(slot: Slot) -> bool:
    return slot.cardinality > 4 and int(torch.isfinite(torch.as_tensor(slot.positions)).sum()) > 4


def _place_features(slot: Slot) -> torch.Tensor:
    """Features (cardinality, 2 + harmonics) of where a slot's codes lie; 0 for codes that lie nowhere."""
    places = torch.as_tensor(slot.positions, dtype=torch.float32)
    placed = torch.isfinite(places)[:, None]
    at = torch.where(placed[:, 0], places, 0.5).clamp(0.0, 1.0)
    angle = at[:, None] * math.pi * 2.0 ** torch.arange(_PLACE_HARMONICS)
    features = torch.cat([(2 * at - 1)[:, None], scores(at)[:, None] / 2, torch.sin(angle), torch.cos(angle)], dim=1)
    return torch.where(placed, features, 0.0)


def _differences(lines: int, generator: torch.Generator) -> torch.Tensor:
    """Differences (m, lines) of two values each, of all pairs or of some taken at random."""
    pairs = torch.combinations(torch.arange(lines), 2)
    chosen = pairs[torch.randperm(len(pairs), generator=generator)[:_MOST_PAIRS].sort().values]
    out = torch.zeros(len(chosen), lines)
    out.scatter_(1, chosen, torch.tensor([[1.0, -1.0]]).expand(len(chosen), -1))
    return out


def _linear(inputs: int, outputs: int, generator: torch.Generator, gain: float) -> nn.Linear:
    # torch's own start would move its global generator.
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        layer.weight.copy_(torch.randn(outputs, inputs, generator=generator) * (gain / math.sqrt(inputs)))
        layer.bias.zero_()
    return layer
