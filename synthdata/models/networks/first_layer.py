"""The first layer of a network for every column, which reads the cells of the others that are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import nn

from synthdata.privacy.per_record import Part, Products, Sums


class Shape(NamedTuple):
    """How large the networks are."""

    width: int
    blocks: int
    cell_width: int
    dropout: float


class FirstLayer(nn.Module):
    """The first layers of all columns' networks: from vectors of the cells in their contexts that are known.

    A cell that is not known is replaced by a vector of its own. In the first rows of a batch each of the p columns that
    are predicted sees those before it in the fixed order, ``before`` (p, d); in the others it differs from row to row.
    """

    contexts: torch.Tensor
    before: torch.Tensor

    def __init__(self, contexts: torch.Tensor, before: torch.Tensor, shape: Shape, generator: torch.Generator) -> None:
        super().__init__()
        p, c = contexts.shape
        self.register_buffer("contexts", contexts, persistent=False)
        self.register_buffer("before", before, persistent=False)
        self.cell_width = shape.cell_width
        inputs = c * shape.cell_width
        scale = math.sqrt(2) / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.randn(p, inputs, shape.width, generator=generator) * scale)
        self.bias = nn.Parameter(torch.zeros(p, 1, shape.width))
        #: what stands for unknown cells
        self.embedding = nn.Parameter(torch.zeros(p, c, shape.width))
        #: whether every column is in every context
        self.whole = c == before.shape[1]

    def forward(self, vectors: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """(p, b, width) by vectors (b, d, w) and what is known (m, p, d) in the last m of the rows."""
        in_order = len(vectors) - len(known)
        parts = [self._ordered(vectors[:in_order])] if in_order or not len(vectors) else []
        parts += [self._masked(vectors[in_order:], known)] if len(known) else []
        return torch.cat(parts, dim=1)

    def _shown(self, vectors: torch.Tensor, known: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What is seen (p, b, inputs) and which cells are (p, b, c), where that differs from row to row."""
        seen = known.transpose(0, 1)
        if self.whole:
            inputs = vectors.flatten(1)
        else:
            seen = seen.gather(2, self.contexts[:, None].expand(-1, len(known), -1))
            inputs = vectors[:, self.contexts].transpose(0, 1).flatten(2)
        return inputs * seen.to(inputs.dtype).repeat_interleave(self.cell_width, 2), seen

    def _masked(self, vectors: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        inputs, seen = self._shown(vectors, known)
        unknown = self.embedding.to(inputs.dtype)
        bias, weight = self.bias.to(inputs.dtype), self.weight.to(inputs.dtype)
        return torch.baddbmm(bias, inputs, weight) + torch.bmm((~seen).to(unknown), unknown)

    def _ordered(self, vectors: torch.Tensor) -> torch.Tensor:
        """Where the same inputs are missing in all rows, weights are left out, and one product does for all columns."""
        b = len(vectors)
        if not self.whole:
            return self._masked(vectors, self.before.expand(b, -1, -1))
        (p, d), unknown = self.before.shape, self.embedding
        weight = self.weight.view(p, d, self.cell_width, -1) * self.before[..., None, None]
        flat = weight.flatten(1, 2).transpose(0, 1).flatten(1).to(vectors.dtype)
        start = self.bias + ((~self.before).to(unknown)[..., None] * unknown).sum(1, keepdim=True)
        return (vectors.flatten(1) @ flat).view(b, p, -1).transpose(0, 1) + start

    def per_record(self, inputs: Sequence[Any], slopes: torch.Tensor) -> list[Part]:
        """What the gradients of single records are made of."""
        vectors, known = inputs[0], inputs[1]
        in_order = len(vectors) - len(known)
        if self.whole:
            return [_FirstGradients(self, vectors, known, slopes.transpose(0, 1))]
        known = torch.cat([self.before.expand(in_order, -1, -1), known])
        shown, seen = self._shown(vectors, known)
        return [
            Products(self.weight, self.bias, shown, slopes),
            Products(self.embedding, None, (~seen).to(slopes), slopes),
        ]


@dataclass(frozen=True)
class _FirstGradients:
    """The gradients of a `FirstLayer` that sees whole rows: of vectors (b, d, w), for slopes (b, p, width)."""

    layer: FirstLayer
    vectors: torch.Tensor
    known: torch.Tensor
    slopes: torch.Tensor

    def squares(self) -> torch.Tensor:
        """Squared norms (b,): each slope counts with the cells seen, once for each unknown one, and for the bias."""
        sizes, in_order = self.vectors.square().sum(-1), len(self.vectors) - len(self.known)
        before, known = self.layer.before.to(sizes), self.known.to(sizes)
        some = sizes[:in_order] @ before.T + (1 - before).sum(1) + 1
        rest = torch.einsum("bkj,bj->bk", known, sizes[in_order:]) + (1 - known).sum(2) + 1
        return (self.slopes.square().sum(-1) * torch.cat([some, rest])).sum(1)

    def sums(self, factors: torch.Tensor) -> Sums:
        """The weighted sums; those of rows in the fixed order take one product for all columns."""
        layer, in_order = self.layer, len(self.vectors) - len(self.known)
        slopes = self.slopes * factors[:, None, None]
        (p, d), w = layer.before.shape, layer.cell_width
        flat = self.vectors[:in_order].flatten(1).T @ slopes[:in_order].flatten(1)
        weight = flat.view(d, w, p, -1).permute(2, 0, 1, 3) * layer.before[..., None, None]
        total = slopes[:in_order].sum(0)
        unknown = (~layer.before).to(total)[..., None] * total[:, None]
        weight = weight.reshape(layer.weight.shape)
        if len(self.known):
            shown, seen = layer._shown(self.vectors[in_order:], self.known)
            rest = slopes[in_order:].transpose(0, 1)
            weight = weight + torch.bmm(shown.transpose(1, 2), rest)
            unknown = unknown + torch.bmm((~seen).to(rest).transpose(1, 2), rest)
        return [(layer.weight, weight), (layer.bias, slopes.sum(0)[:, None]), (layer.embedding, unknown)]
