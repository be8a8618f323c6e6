"""The network of `diffusion`: from codes, some of them hidden, and noisy values to the codes and values behind them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from synthdata.encoders.base import Slot
from synthdata.models.networks.nets import scores
from synthdata.training.device import half_precision

#: features of a value, and of the place of a code, beside itself: sines and cosines of so many frequencies
_HARMONICS, _PLACE_HARMONICS = 6, 4
#: at most so many differences of two values are features too
_MOST_PAIRS = 128
#: in how many numbers the noise level is told to the network
_LEVELS = 32


class Shape(NamedTuple):
    """How large the network is."""

    width: int
    blocks: int
    dropout: float


class Denoiser(nn.Module):
    """A residual network over all columns of a row at once.

    A hidden code is one more code of its column. A value is noised, known as it is, or absent (its code says that the
    cell is not on the number line, or is itself hidden).
    """

    starts: torch.Tensor
    lasts: torch.Tensor
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
        starts = torch.tensor([0, *(self.sizes[j] + 1 for j in self.coded)], dtype=torch.long).cumsum(0)
        self.register_buffer("starts", starts[:-1], persistent=False)
        lasts = torch.tensor([self.sizes[j] for j in self.coded], dtype=torch.long)
        self.register_buffer("lasts", lasts, persistent=False)
        self.register_buffer("turns", math.pi / 4 * 2.0 ** torch.arange(_HARMONICS), persistent=False)
        width, features = shape.width, 3 + 2 * _HARMONICS
        spread = 1 / math.sqrt(max(len(self.coded), 1))
        self.code_vectors = nn.ParameterDict(
            {"embedding": nn.Parameter(torch.randn(int(starts[-1]), width, generator=generator) * spread)}
        )
        self.ordered = [j for j in self.coded if _has_places(slots[j])]
        for j in self.ordered:
            self.register_buffer(f"places{j}", _place_features(slots[j]), persistent=False)
        along = 2 + 2 * _PLACE_HARMONICS
        self.place_in = nn.Parameter(torch.randn(len(self.ordered), along, width, generator=generator) * spread * 0.5)
        self.place_out = nn.Parameter(torch.zeros(len(self.ordered), along, width))
        contrast = _differences(len(self.lines), generator)
        self.contrast = nn.ParameterDict({"embedding": nn.Parameter(contrast)})
        inputs = len(self.lines) * features + len(contrast)
        self.inward = _linear(max(inputs, 1), width, generator, 1.0)
        self.level = _linear(2 * _LEVELS, 2 * _LEVELS, generator, math.sqrt(2))
        self.levels = nn.ModuleList(_linear(2 * _LEVELS, width, generator, 0.5) for _ in range(shape.blocks))
        self.rise = nn.ModuleList(_linear(width, width, generator, math.sqrt(2)) for _ in range(shape.blocks))
        self.fall = nn.ModuleList(_linear(width, width, generator, 0.5) for _ in range(shape.blocks))
        self.codes_head = _linear(width, max(sum(self.sizes[j] for j in self.coded), 1), generator, 0.1)
        self.values_head = _linear(width, max(len(self.lines), 1), generator, 0.1)

    def start_from_frequencies(self, counts: Sequence[torch.Tensor]) -> None:
        """Let the network begin with how frequent each code is, by the counts (cardinality,) of every column."""
        with torch.no_grad():
            for logits, j in zip(self.split(self.codes_head.bias[None]), self.coded, strict=True):
                logits[0] = torch.log((counts[j] + 1) / (counts[j] + 1).sum())

    def _with_places(self, weights: torch.Tensor, along: torch.Tensor, extra: int) -> torch.Tensor:
        """Weights (codes, width), to which for ordered codes a smooth function of their place is added.

        ``extra`` is how many codes more a column has in ``weights`` than in the table.
        """
        if not self.ordered:
            return weights
        parts = list(torch.split(weights, [self.sizes[j] + extra for j in self.coded]))
        for k, j in enumerate(self.ordered):
            smooth = self.get_buffer(f"places{j}") @ along[k]
            at = self.coded.index(j)
            parts[at] = parts[at] + (functional.pad(smooth, (0, 0, 0, extra)) if extra else smooth)
        return torch.cat(parts)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits (b, all) of the codes of all coded columns, one column after the other."""
        weight = self._with_places(self.codes_head.weight, self.place_out, 0)
        return functional.linear(hidden, weight, self.codes_head.bias)

    def split(self, logits: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Logits (b, all) as one (b, size) for every coded column."""
        return torch.split(logits, [self.sizes[j] for j in self.coded], dim=1) if self.coded else ()

    def hidden(
        self,
        codes: torch.Tensor,
        values: torch.Tensor,
        state: torch.Tensor,
        noise: torch.Tensor,
        generator: torch.Generator | None = None,
    ) -> torch.Tensor:
        """The last layer (b, width), by codes (b, d) (-1: hidden) and values (b, l) scaled to about unit variance.

        ``state`` (b, l) is 0 where a value is absent, 1 where it is noised, 2 where it is known; ``noise`` (b,) is the
        logarithm of the noise level. With a generator as in training, with dropout.
        """
        b = len(codes)
        h = torch.zeros(b, self.shape.width, device=codes.device)
        if self.coded:
            coded = codes[:, self.coded]
            vectors = self._with_places(self.code_vectors["embedding"], self.place_in, 1)
            h = functional.embedding_bag(self.starts + torch.where(coded < 0, self.lasts, coded), vectors, mode="sum")
        if self.lines:
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
