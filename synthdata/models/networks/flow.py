"""The network of `flow`: for every column a distribution function of its cells, given the columns before it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from synthdata.encoders.base import UNSEEN, Slot
from synthdata.models.networks.even import even_uniform
from synthdata.models.networks.nets import CellVectors
from synthdata.models.networks.splines import Spline
from synthdata.privacy.per_record import Part, Sums
from synthdata.training.device import half_precision

_KNOTS, _HARMONICS = 8, 4


class Shape(NamedTuple):
    """How large the network is."""

    width: int
    blocks: int
    pieces: int
    cell_width: int
    dropout: float


class MaskedLinear(nn.Module):
    """A linear layer some of whose weights are held at nothing."""

    mask: torch.Tensor

    def __init__(self, mask: torch.Tensor, generator: torch.Generator, gain: float) -> None:
        super().__init__()
        # Each output sums over as many inputs as its mask leaves it.
        inputs = mask.sum(1, keepdim=True).clamp(min=1)
        self.weight = nn.Parameter(torch.randn(mask.shape, generator=generator) * gain / torch.sqrt(inputs))
        self.bias = nn.Parameter(torch.zeros(len(mask)))
        self.register_buffer("mask", mask.float(), persistent=False)

    def forward(self, x: torch.Tensor, outputs: slice = slice(None)) -> torch.Tensor:
        """(b, inputs) to (b, outputs), or to a slice of them."""
        return functional.linear(x, self.weight[outputs] * self.mask[outputs], self.bias[outputs])

    def per_record(self, inputs: Sequence[Any], slopes: torch.Tensor) -> list[Part]:
        """What the gradients of single records are made of, of the whole layer."""
        return [_MaskedProducts(self, inputs[0], slopes)]


@dataclass(frozen=True)
class _MaskedProducts:
    """The gradients of a `MaskedLinear`: products of inputs (b, n) and slopes (b, m) where the mask has them."""

    layer: MaskedLinear
    inputs: torch.Tensor
    slopes: torch.Tensor

    def squares(self) -> torch.Tensor:
        """Squared norms (b,)."""
        squares = self.slopes.square()
        return ((squares @ self.layer.mask.to(squares)) * self.inputs.square()).sum(1) + squares.sum(1)

    def sums(self, factors: torch.Tensor) -> Sums:
        """The weighted sums."""
        slopes = self.slopes * factors[:, None]
        return [(self.layer.weight, slopes.T @ self.inputs * self.layer.mask), (self.layer.bias, slopes.sum(0))]


class FlowNetwork(nn.Module):
    """A masked autoregressive network (Papamakarios, Pavlakou and Murray 2017, arXiv 1705.07057).

    Columns are taken in their order. What comes out for a column are the steps of its distribution function at codes,
    and a spline for how its values spread over the number line; both depend on nothing but the columns before it.
    """

    def __init__(self, slots: Sequence[Slot], shape: Shape, generator: torch.Generator) -> None:
        super().__init__()
        self.shape, self.columns = shape, len(slots)
        self.sizes = [slot.cardinality for slot in slots]
        self.lines = [j for j, slot in enumerate(slots) if slot.continuous]
        self.cells = CellVectors(slots, shape.cell_width, _KNOTS, _HARMONICS, generator)
        d = self.columns
        # A hidden unit of degree k knows the first k + 1 columns.
        degrees = torch.arange(shape.width) % max(d - 1, 1)
        inputs = torch.arange(d).repeat_interleave(shape.cell_width)
        within = degrees[:, None] >= degrees[None]
        self.inward = MaskedLinear(degrees[:, None] >= inputs[None], generator, math.sqrt(2))
        self.rise = nn.ModuleList(MaskedLinear(within, generator, math.sqrt(2)) for _ in range(shape.blocks))
        self.fall = nn.ModuleList(MaskedLinear(within, generator, 0.5) for _ in range(shape.blocks))
        code_owner = torch.arange(d).repeat_interleave(torch.tensor(self.sizes, dtype=torch.long))
        line_owner = torch.tensor(self.lines, dtype=torch.long).repeat_interleave(self.spline_size)
        self.codes_head = MaskedLinear(code_owner[:, None] > degrees[None], generator, 0.1)
        self.lines_head = MaskedLinear(line_owner[:, None] > degrees[None], generator, 0.1)
        self.code_starts = [sum(self.sizes[:j]) for j in range(d)]

    @property
    def spline_size(self) -> int:
        """How many parameters a spline takes."""
        return 3 * self.shape.pieces + 1

    def start_from_frequencies(self, counts: Sequence[torch.Tensor]) -> None:
        """Let the network begin with how frequent each code is, by the counts (cardinality,) of every column."""
        with torch.no_grad():
            for j, count in enumerate(counts):
                part = self.codes_head.bias[self.code_starts[j] : self.code_starts[j] + self.sizes[j]]
                part.copy_(torch.log((count + 1) / (count + 1).sum()))

    def hidden(self, vectors: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """The last layer (b, width) by the vectors (b, d, w) of cells; with a generator as in training."""
        h = self.inward(vectors.flatten(1))
        for rise, fall in zip(self.rise, self.fall, strict=True):
            h = h + fall(functional.relu(rise(functional.relu(h))))
            if generator is not None and self.shape.dropout:
                keep = torch.rand(h.shape, generator=generator, device=h.device) >= self.shape.dropout
                h = h * keep / (1 - self.shape.dropout)
        return functional.relu(h).float()

    def log_probs(
        self,
        codes: torch.Tensor,
        values: torch.Tensor,
        generator: torch.Generator | None = None,
        *,
        exact: bool = False,
    ) -> torch.Tensor:
        """Log-probabilities (b, d) of cells, each given those before it; values count with their density.

        With a generator as in training, with dropout; ``exact`` computes in full precision.
        """
        if exact:
            h = self.hidden(self.cells(codes, values), generator)
        else:
            with half_precision(codes.device):
                h = self.hidden(self.cells(codes, values), generator)
        columns = []
        targets = codes.clamp(min=0)
        for j, logits in enumerate(torch.split(self.codes_head(h), self.sizes, dim=1)):
            flat = torch.zeros(len(codes), device=codes.device)
            columns.append(
                -functional.cross_entropy(logits, targets[:, j], reduction="none") if self.sizes[j] > 1 else flat
            )
        if self.lines:
            u = values[:, self.lines]
            on_line = (targets[:, self.lines] == 0) & ~torch.isnan(u)
            raw = self.lines_head(h).view(len(codes), len(self.lines), self.spline_size)
            _, density = Spline.of(raw).forward(torch.where(on_line, u, 0.5))
            for k, j in enumerate(self.lines):
                columns[j] = columns[j] + torch.where(on_line[:, k], density[:, k], 0.0)
        return torch.stack(columns, dim=1)

    def column(self, j: int, vectors: torch.Tensor) -> tuple[torch.Tensor, Spline | None]:
        """Probabilities (b, size) of a column's codes, and the splines (b,) of its values, given cells before it."""
        with half_precision(vectors.device):
            h = self.hidden(vectors)
        p = functional.softmax(self.codes_head(h, slice(self.code_starts[j], self.code_starts[j] + self.sizes[j])), 1)
        if j not in self.lines:
            return p, None
        start = self.lines.index(j) * self.spline_size
        return p, Spline.of(self.lines_head(h, slice(start, start + self.spline_size)))

    def draw(
        self,
        codes: torch.Tensor,
        values: torch.Tensor,
        allowed: dict[int, tuple[torch.Tensor, float, float]],
        generator: torch.Generator,
    ) -> torch.Tensor:
        """Draw the `UNSEEN` cells of (n, d) in place, in the order of columns; gives log-weights (n,).

        A weight is the probability (or density) of the cells that were there already and, for those drawn, of meeting
        ``allowed``: by column the share (size,) of each code that may occur, and the lowest and highest value.
        """
        n, device = len(codes), codes.device
        log_weight = torch.zeros(n, device=device)
        vectors = self.cells(codes, values) * (codes != UNSEEN)[..., None]
        for j in range(self.columns):
            p, spline = self.column(j, vectors)
            unknown = codes[:, j] == UNSEEN
            there = torch.nonzero(~unknown)[:, 0]
            if len(there):
                here = p[there].gather(1, codes[there, j : j + 1])[:, 0].log()
                if spline is not None:
                    u = values[there, j]
                    on_line = ~torch.isnan(u)
                    density = _rows(spline, there).forward(torch.where(on_line, u, 0.5))[1]
                    here = here + torch.where(on_line, density, 0.0)
                log_weight[there] += here
            rows = torch.nonzero(unknown)[:, 0]
            if not len(rows):
                continue
            part = None if spline is None else _rows(spline, rows)
            drawn, placed, weight = _draw_cells(p[rows], part, allowed.get(j), generator)
            codes[rows, j], values[rows, j] = drawn, placed
            log_weight[rows] += weight
            vectors[rows, j] = self.cells(drawn, placed, j).to(vectors.dtype)
        return log_weight


def _rows(spline: Spline, rows: torch.Tensor) -> Spline:
    return Spline(*(part[rows] for part in spline))


def _draw_cells(
    p: torch.Tensor,
    spline: Spline | None,
    wanted: tuple[torch.Tensor, float, float] | None,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Codes, values and log-probabilities of the condition, each (n,), of one column."""
    n, device = len(p), p.device
    ends = torch.zeros(n, device=device), torch.ones(n, device=device)
    log_weight = torch.zeros(n, device=device)
    if wanted is not None:
        share, low, high = wanted
        p = p * share.to(p.dtype)
        if spline is not None and (low > 0 or high < 1):
            at = [torch.full((n,), min(max(end, 0.0), 1.0), device=device) for end in (low, high)]
            (lower, density), (upper, _) = spline.forward(at[0]), spline.forward(at[1])
            ends = lower, upper
            p = torch.cat([p[:, :1] * (density.exp() if low == high else upper - lower)[:, None], p[:, 1:]], dim=1)
        log_weight = p.sum(1).log()
    along = p.cumsum(1)
    uniform = even_uniform((along / along[:, -1:].clamp(min=1e-30)).sum(1), generator) * along[:, -1]
    # Rounding may point past the last code that can occur.
    last = p.shape[1] - 1 - (p.flip(1) > 0).to(torch.uint8).argmax(1)
    drawn = torch.minimum((along <= uniform[:, None]).sum(1), last)
    placed = torch.full((n,), math.nan, device=device)
    if spline is not None:
        on_line = torch.nonzero(drawn == 0)[:, 0]
        chosen = _rows(spline, on_line)
        middle = chosen.inverse(torch.full((len(on_line),), 0.5, device=device))
        where = torch.lerp(ends[0][on_line], ends[1][on_line], even_uniform(middle, generator))
        u = chosen.inverse(where)
        if wanted is not None:
            u = u.clamp(max(wanted[1], 0.0), min(wanted[2], 1.0))
        placed[on_line] = u
    return drawn, placed, log_weight
