"""The two networks of `ctgan`: one that makes rows, and one that tells packs of them from real ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from synthdata.models.networks.marks import Layout
from synthdata.models.networks.nets import Vectors
from synthdata.models.networks.row_heads import dense

#: how far from its centre a number may lie, in widths of its mode
REACH = 4.0
#: how wide the vector is that stands for a condition
_CONDITION = 32


class Generator(nn.Module):
    """Rows from noise and a condition: marks (b, width), nearly one-hot in each column, and places (b, numbers)."""

    starts: torch.Tensor

    def __init__(self, layout: Layout, noise: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.layout, self.noise = layout, noise
        self.register_buffer("starts", torch.from_numpy(layout.starts), persistent=False)
        self.conditions = nn.ParameterDict(
            {"embedding": nn.Parameter(torch.randn(layout.width, _CONDITION, generator=generator) * 0.3)}
        )
        self.first = dense(noise + _CONDITION, width, generator)
        self.second = dense(width + noise + _CONDITION, width, generator)
        inputs = 2 * width + noise + _CONDITION
        self.norms = nn.ModuleList([nn.BatchNorm1d(width), nn.BatchNorm1d(width)])
        self.codes = dense(inputs, layout.width, generator, 0.5)
        self.places = dense(inputs, len(layout.numbers), generator, 0.5)
        with torch.no_grad():
            self.codes.bias[torch.from_numpy(~layout.used)] = -1e4

    def forward(self, noise: torch.Tensor, conditions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (b, width) and places (b, numbers) in widths of a mode; ``conditions`` (b,) are positions of marks."""
        x = torch.cat([noise, functional.embedding(conditions, self.conditions["embedding"])], dim=-1)
        x = torch.cat([functional.relu(self.norms[0](self.first(x))), x], dim=-1)
        x = torch.cat([functional.relu(self.norms[1](self.second(x))), x], dim=-1)
        return self.codes(x).float(), REACH * torch.tanh(self.places(x).float() / REACH)

    def start_from_frequencies(self, frequencies: Sequence[np.ndarray]) -> None:
        """Let every column begin with how frequent each code is; one array (cardinality,) a column."""
        with torch.no_grad():
            for start, wanted in zip(self.layout.starts, frequencies, strict=True):
                self.codes.bias[start : start + len(wanted)] = torch.from_numpy(np.log(wanted)).float()

    def marks(self, logits: torch.Tensor, generator: torch.Generator, temperature: float) -> torch.Tensor:
        """One-hot marks (b, width) drawn by logits; gradients pass straight through (Jang et al. 2017)."""
        noisy = (logits + _gumbel(logits, generator)) / temperature
        parts = []
        for group, at, widest in self.layout.groups:
            block = noisy[:, at : at + widest * len(group)].view(len(logits), len(group), widest)
            soft = functional.softmax(block, dim=-1)
            hard = torch.zeros_like(soft).scatter_(-1, soft.argmax(-1, keepdim=True), 1.0)
            parts.append((hard - soft.detach() + soft).flatten(1))
        return torch.cat(parts, dim=-1) if parts else logits

    def draw(self, logits: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Codes (b, d) drawn by logits."""
        noisy = logits + _gumbel(logits, generator)
        out = torch.zeros(len(logits), len(self.layout.sizes), dtype=torch.long, device=logits.device)
        for group, at, widest in self.layout.groups:
            block = noisy[:, at : at + widest * len(group)].view(len(logits), len(group), widest)
            out[:, group] = block.argmax(-1)
        return out


class Discriminator(nn.Module):
    """How real packs of rows look (b / pack,): a perceptron over marks, places and number lines, side by side."""

    positions: torch.Tensor
    widths: torch.Tensor

    def __init__(self, layout: Layout, width: int, pack: int, dropout: float, generator: torch.Generator) -> None:
        super().__init__()
        self.layout, self.pack, self.dropout = layout, pack, dropout
        self.register_buffer("positions", torch.from_numpy(layout.positions), persistent=False)
        self.register_buffer("widths", torch.from_numpy(layout.widths), persistent=False)
        self.conditions = Vectors(layout.width, _CONDITION, generator, 0.3)
        inputs = layout.width + len(layout.numbers) + len(layout.sizes) + _CONDITION
        self.row = dense(inputs, width // 2, generator)
        self.first = dense(width // 2 * pack, width, generator)
        self.second = dense(width, width, generator)
        self.last = dense(width, 1, generator, 1.0)

    def features(self, marks: torch.Tensor, places: torch.Tensor, conditions: torch.Tensor) -> torch.Tensor:
        """What rows (b, inputs) are seen by."""
        numbers = self.layout.numbers
        line = (marks @ self.positions).float()
        within = places * (marks @ self.widths[:, numbers]).float()
        line = line.index_add(1, torch.tensor(numbers, dtype=torch.long, device=marks.device), within)
        on_line = (marks @ (self.widths[:, numbers] > 0).float()).float()
        told = self.conditions(conditions)
        return torch.cat([marks, places * on_line, line, told], dim=-1)

    def forward(self, features: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """A number (b / pack,) for each pack of rows (b, inputs), higher the more real it looks."""
        h = functional.leaky_relu(self.row(features), 0.2).view(len(features) // self.pack, -1)
        h = self._drop(functional.leaky_relu(self.first(h), 0.2), generator)
        h = self._drop(functional.leaky_relu(self.second(h), 0.2), generator)
        return self.last(h)[:, 0].float()

    def _drop(self, h: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        if not self.dropout or not self.training:
            return h
        keep = torch.rand(h.shape, generator=generator, device=h.device) >= self.dropout
        return h * keep / (1 - self.dropout)


def _gumbel(like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Numbers which, added to logits, make the largest of them a draw by their probabilities."""
    uniform = torch.rand(like.shape, generator=generator, device=like.device).clamp(1e-9, 1 - 1e-7)
    return -torch.log(-torch.log(uniform))
