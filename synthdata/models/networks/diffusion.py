"""The network of `diffusion`: from codes, some of them hidden, and noisy values to the codes and values behind them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from synthdata.encoders.base import Slot
from synthdata.models.networks.nets import scores
from synthdata.privacy.per_record import Lookups, Part, Products
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
    dropout: float


class _Placed(nn.Module):
    """Vectors for the codes of columns of ``sizes`` (c,), to which a smooth function of the code's place is added.

    ``features`` hold, for the columns of which codes have places, what there is to know of each place (size, along).
    """

    starts: torch.Tensor

    def __init__(self, sizes: Sequence[int], features: Mapping[int, torch.Tensor]) -> None:
        super().__init__()
        self.sizes, self.placed = list(sizes), list(features)
        for k, table in features.items():
            self.register_buffer(f"places{k}", table, persistent=False)

    def _smooth(self, along: torch.Tensor) -> list[tuple[int, torch.Tensor]]:
        """For columns with places their position and what is added (size, width), by ``along`` (c, along, width)."""
        return [(k, self.get_buffer(f"places{k}") @ part) for k, part in zip(self.placed, along, strict=True)]


class CodeVectors(_Placed):
    """The sum (b, width) of the vectors of a row's codes (b, c); a hidden code, -1, is one more code of its column."""

    lasts: torch.Tensor

    def __init__(
        self, sizes: Sequence[int], features: Mapping[int, torch.Tensor], width: int, generator: torch.Generator
    ) -> None:
        super().__init__(sizes, features)
        spread = 1 / math.sqrt(max(len(sizes), 1))
        starts = torch.tensor([0, *(size + 1 for size in sizes)], dtype=torch.long).cumsum(0)
        self.register_buffer("starts", starts[:-1], persistent=False)
        self.register_buffer("lasts", torch.tensor(sizes, dtype=torch.long), persistent=False)
        self.embedding = nn.Parameter(torch.randn(int(starts[-1]), width, generator=generator) * spread)
        along = torch.randn(len(features), _ALONG, width, generator=generator)
        self.along = nn.Parameter(along * spread * 0.5)

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """(b, c) to (b, width)."""
        vectors: torch.Tensor = self.embedding
        if self.placed:
            parts = list(torch.split(vectors, [size + 1 for size in self.sizes]))
            for k, smooth in self._smooth(self.along):
                parts[k] = parts[k] + functional.pad(smooth, (0, 0, 0, 1))
            vectors = torch.cat(parts)
        return functional.embedding_bag(self._index(codes), vectors, mode="sum")

    def _index(self, codes: torch.Tensor) -> torch.Tensor:
        return self.starts + torch.where(codes < 0, self.lasts, codes)

    def per_record(self, inputs: Sequence[Any], slopes: torch.Tensor) -> list[Part]:
        """What the gradients of single records are made of: every code has the same slope."""
        codes = inputs[0]
        parts: list[Part] = [
            Lookups(self.embedding, self._index(codes), slopes[:, None].expand(-1, codes.shape[1], -1), distinct=True)
        ]
        if self.placed:
            tables = [functional.pad(self.get_buffer(f"places{k}"), (0, 0, 0, 1)) for k in self.placed]
            seen = [table[codes[:, k]] for k, table in zip(self.placed, tables, strict=True)]
            parts.append(Products(self.along, None, torch.stack(seen), slopes.expand(len(seen), -1, -1)))
        return parts


class CodesHead(_Placed):
    """Logits (b, all) of all columns' codes, one column after the other, by a hidden vector (b, width)."""

    def __init__(
        self, sizes: Sequence[int], features: Mapping[int, torch.Tensor], width: int, generator: torch.Generator
    ) -> None:
        super().__init__(sizes, features)
        outputs = max(sum(sizes), 1)
        self.weight = nn.Parameter(torch.randn(outputs, width, generator=generator) * (0.1 / math.sqrt(width)))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.along = nn.Parameter(torch.zeros(len(features), _ALONG, width))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(b, width) to (b, all)."""
        weight: torch.Tensor = self.weight
        if self.placed:
            parts = list(torch.split(weight, self.sizes))
            for k, smooth in self._smooth(self.along):
                parts[k] = parts[k] + smooth
            weight = torch.cat(parts)
        return functional.linear(hidden, weight, self.bias)

    def of_one(self, hidden: torch.Tensor, k: int) -> torch.Tensor:
        """Logits (b, size) of the codes of one column, by its position."""
        start = sum(self.sizes[:k])
        part = slice(start, start + self.sizes[k])
        weight = self.weight[part]
        if k in self.placed:
            weight = weight + self.get_buffer(f"places{k}") @ self.along[self.placed.index(k)]
        return functional.linear(hidden, weight, self.bias[part])

    def per_record(self, inputs: Sequence[Any], slopes: torch.Tensor) -> list[Part]:
        """What the gradients of single records are made of."""
        hidden = inputs[0]
        parts: list[Part] = [Products(self.weight, self.bias, hidden[None], slopes[None], turned=True)]
        if self.placed:
            split = torch.split(slopes, self.sizes, dim=1)
            told = torch.stack([split[k] @ self.get_buffer(f"places{k}") for k in self.placed])
            parts.append(Products(self.along, None, told, hidden.expand(len(told), -1, -1)))
        return parts


class Denoiser(nn.Module):
    """A residual network over all columns of a row at once.

    A hidden code is one more code of its column. A value is noised, known as it is, or absent (its code says that the
    cell is not on the number line, or is itself hidden).
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
        #: the columns whose codes have to be told apart, and those with a number line
        self.coded = [j for j, size in enumerate(self.sizes) if size > 1]
        self.lines = [j for j, slot in enumerate(slots) if slot.continuous]
        self.register_buffer("turns", math.pi / 4 * 2.0 ** torch.arange(_HARMONICS), persistent=False)
        width, features = shape.width, 3 + 2 * _HARMONICS
        places = {k: _place_features(slots[j]) for k, j in enumerate(self.coded) if _has_places(slots[j])}
        self.cells = CodeVectors([self.sizes[j] for j in self.coded], places, width, generator)
        contrast = _differences(len(self.lines), generator)
        self.contrast = nn.ParameterDict({"embedding": nn.Parameter(contrast)})
        inputs = len(self.lines) * features + len(contrast)
        self.inward = _linear(max(inputs, 1), width, generator, 1.0)
        self.level = _linear(2 * _LEVELS, 2 * _LEVELS, generator, math.sqrt(2))
        self.levels = nn.ModuleList(_linear(2 * _LEVELS, width, generator, 0.5) for _ in range(shape.blocks))
        self.rise = nn.ModuleList(_linear(width, width, generator, math.sqrt(2)) for _ in range(shape.blocks))
        self.fall = nn.ModuleList(_linear(width, width, generator, 0.5) for _ in range(shape.blocks))
        self.codes_head = CodesHead([self.sizes[j] for j in self.coded], places, width, generator)
        self.values_head = _linear(width, max(len(self.lines), 1), generator, 0.1)

    def start_from_frequencies(self, counts: Sequence[torch.Tensor]) -> None:
        """Let the network begin with how frequent each code is, by the counts (cardinality,) of every column."""
        with torch.no_grad():
            for logits, j in zip(self.split(self.codes_head.bias[None]), self.coded, strict=True):
                logits[0] = torch.log((counts[j] + 1) / (counts[j] + 1).sum())

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits (b, all) of the codes of all coded columns, one column after the other."""
        logits: torch.Tensor = self.codes_head(hidden)
        return logits

    def split(self, logits: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Logits (b, all) as one (b, size) for every coded column."""
        return torch.split(logits, [self.sizes[j] for j in self.coded], dim=1) if self.coded else ()

    def hidden(
        self,
        codes: torch.Tensor,
        values: torch.Tensor,
        state: torch.Tensor | None,
        noise: torch.Tensor,
        generator: torch.Generator | None = None,
    ) -> torch.Tensor:
        """The last layer (b, width), by codes (b, d) (-1: hidden) and values (b, l) scaled to about unit variance.

        ``state`` (b, l) is 0 where a value is absent, 1 where it is noised, 2 where it is known, and None where all are
        absent; ``noise`` (b,) is the logarithm of the noise level. With a generator as in training, with dropout.
        """
        b = len(codes)
        h = torch.zeros(b, self.shape.width, device=codes.device)
        if self.coded:
            h = self.cells(codes[:, self.coded])
        if self.lines and state is None:
            # All features are 0.
            h = h + self.inward.bias
        elif self.lines and state is not None:
            # In full precision: where noise is low, half precision would be a noise of its own.
            angle = values[..., None] * self.turns
            there = (state > 0).to(values.dtype)[..., None]
            sigma = torch.exp(noise)[:, None]
            plain = torch.where(state == 2, values, values * torch.sqrt(1 + sigma * sigma)) * there[..., 0]
            features = torch.cat([values[..., None], torch.sin(angle), torch.cos(angle)], dim=-1) * there
            flags = torch.stack([state == 1, state == 2], dim=-1).to(values.dtype)
            # Whether two values are near each other has to be seen ever more sharply as noise gets lower.
            near = torch.tanh((plain @ self.contrast["embedding"].T) / (2 * sigma))
            h = h + self.inward(torch.cat([torch.cat([features, flags], dim=-1).flatten(1), near], dim=1))
        steps = torch.arange(_LEVELS, device=codes.device) / _LEVELS
        turn = noise[:, None] * (0.25 * 16.0**steps)
        level = functional.silu(self.level(torch.cat([torch.sin(turn), torch.cos(turn)], dim=1)))
        with half_precision(codes.device):
            for rise, fall, shift in zip(self.rise, self.fall, self.levels, strict=True):
                h = h + fall(functional.silu(rise(functional.silu(h)) + shift(level)))
                if generator is not None and self.shape.dropout:
                    keep = torch.rand(h.shape, generator=generator, device=h.device) >= self.shape.dropout
                    h = h * keep / (1 - self.shape.dropout)
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
