"""Layers that neural families share: cells as vectors, one small network per column, densities on the unit interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from synthdata.encoders.base import Slot
from synthdata.errors import PrivacyError
from synthdata.privacy.per_record import Lookups, Part, Products, Whole

#: by how much the unit interval is narrowed before shares become normal scores, which therefore end at ±EDGE
MARGIN = 5e-4
EDGE = float(torch.special.ndtri(torch.tensor(1 - MARGIN, dtype=torch.float64)))

#: how large the vectors of codes with a place usually are to begin with, beside those of codes without
OWN_START = 0.2


def scores(u: torch.Tensor) -> torch.Tensor:
    """Normal scores, between -EDGE and EDGE, of shares between 0 and 1."""
    return torch.special.ndtri(MARGIN + (1 - 2 * MARGIN) * u)


def shares(z: torch.Tensor) -> torch.Tensor:
    """Shares between 0 and 1 of normal scores between -EDGE and EDGE."""
    return ((torch.special.ndtr(z) - MARGIN) / (1 - 2 * MARGIN)).clamp(0.0, 1.0)


class ColumnLinear(nn.Module):
    """Linear layers side by side, one for each of ``groups`` columns: (groups, b, inputs) to (groups, b, outputs)."""

    def __init__(
        self, groups: int, inputs: int, outputs: int, generator: torch.Generator, gain: float = math.sqrt(2)
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(
            torch.randn(groups, inputs, outputs, generator=generator) * (gain / math.sqrt(inputs))
        )
        self.bias = nn.Parameter(torch.zeros(groups, 1, outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """All groups at once: (groups, b, inputs) to (groups, b, outputs)."""
        return torch.baddbmm(self.bias.to(x.dtype), x, self.weight.to(x.dtype))

    def per_record(self, inputs: Sequence[Any], slopes: torch.Tensor) -> list[Part]:
        """What the gradients of single records are made of, all groups at once."""
        return [Products(self.weight, self.bias, inputs[0], slopes)]

    def of_one(self, x: torch.Tensor, group: int) -> torch.Tensor:
        """One of the groups: (b, inputs) to (b, outputs)."""
        return torch.addmm(self.bias[group].to(x.dtype), x, self.weight[group].to(x.dtype))


class Start(nn.Module):
    """What each of ``groups`` columns starts from where it is predicted from nothing: (groups, b, width)."""

    def __init__(self, groups: int, width: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(groups, 1, width))

    def forward(self, rows: int) -> torch.Tensor:
        """The same for each of ``rows`` rows."""
        return self.bias.expand(-1, rows, -1)

    def per_record(self, inputs: Sequence[Any], slopes: torch.Tensor) -> list[Part]:
        """The slopes themselves."""
        return [Whole(self.bias, slopes.transpose(0, 1)[:, :, None])]


class Vectors(nn.Module):
    """A learnt vector for each of ``count`` things: (b,) to (b, width)."""

    def __init__(self, count: int, width: int, generator: torch.Generator, gain: float) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(count, width, generator=generator) * gain)

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        """The vectors of some of them."""
        return functional.embedding(index, self.embedding)

    def per_record(self, inputs: Sequence[Any], slopes: torch.Tensor) -> list[Part]:
        """What the gradients of single records are made of."""
        return [Lookups(self.embedding, inputs[0][:, None], slopes[:, None], distinct=True)]


class CellVectors(nn.Module):
    """Cells as vectors: a learnt one for each code; on the number line in between the learnt ones of ``knots`` places.

    Where a cell has a place on the number line, whether by its value or its code, a linear function of the place, its
    normal score and some of its harmonics is added, so that what is learnt of a number is learnt of its neighbours too;
    codes with a place start from that, and ``own_start`` of a vector of their own.
    """

    places: torch.Tensor
    starts: torch.Tensor
    lines: torch.Tensor
    continuous: torch.Tensor
    turns: torch.Tensor

    def __init__(
        self,
        slots: Sequence[Slot],
        width: int,
        knots: int,
        harmonics: int,
        generator: torch.Generator,
        own_start: float = OWN_START,
    ) -> None:
        super().__init__()
        self.knots, self.lined = knots, any(slot.continuous for slot in slots)
        self.sizes = [slot.cardinality for slot in slots]
        sizes = [slot.cardinality + (knots + 1 if slot.continuous else 0) for slot in slots]
        learnt = torch.randn(sum(sizes), width, generator=generator) * 0.5
        self.weight = nn.Parameter(torch.randn(len(slots), 2 + 2 * harmonics, width, generator=generator) * 0.2)
        most = max((slot.cardinality for slot in slots), default=1)
        places = torch.full((len(slots), most), math.nan)
        for j, slot in enumerate(slots):
            if slot.positions.size:
                places[j, : slot.cardinality] = torch.as_tensor(slot.positions, dtype=torch.float32)
        starts = torch.tensor([0, *sizes[:-1]], dtype=torch.long).cumsum(0)
        # A vector of its own from the start would tell rows by their number before there is anything to learn from it.
        for j, slot in enumerate(slots):
            own = learnt[starts[j] : starts[j] + slot.cardinality]
            own[~torch.isnan(places[j, : slot.cardinality])] *= own_start
        self.embedding = nn.Parameter(learnt)
        self.register_buffer("places", places, persistent=False)
        self.register_buffer("starts", starts, persistent=False)
        lines = starts + torch.tensor([slot.cardinality for slot in slots], dtype=torch.long)
        self.register_buffer("lines", lines, persistent=False)
        self.register_buffer(
            "continuous", torch.tensor([slot.continuous for slot in slots], dtype=torch.bool), persistent=False
        )
        self.register_buffer("turns", math.pi * 2.0 ** torch.arange(harmonics), persistent=False)

    def forward(self, codes: torch.Tensor, values: torch.Tensor, column: int | None = None) -> torch.Tensor:
        """Vectors (b, d, width) of codes and values (b, d); with ``column`` those (b, width) of one column's (b,)."""
        if column is not None:
            codes, values = codes[:, None], values[:, None]
        first, second, between, features = self._read(codes, values, column)
        learnt = torch.lerp(
            functional.embedding(first, self.embedding), functional.embedding(second, self.embedding), between
        )
        at = slice(None) if column is None else slice(column, column + 1)
        vectors = learnt + torch.einsum("bdf,dfw->bdw", features, self.weight[at])
        return vectors if column is None else vectors[:, 0]

    def of_one(self, codes: torch.Tensor, values: torch.Tensor, column: int) -> torch.Tensor:
        """What `forward` gives for one column, sooner: vectors of codes are computed once, and looked up."""
        size = self.sizes[column]
        if size > len(codes):
            return self.forward(codes, values, column)
        every = torch.arange(size, device=codes.device)
        out = functional.embedding(
            codes, self.forward(every, torch.full_like(values[:1], math.nan).expand(size), column)
        )
        if self.continuous[column]:
            on_line = torch.nonzero(codes == 0)[:, 0]
            out[on_line] = self.forward(codes[on_line], values[on_line], column)
        return out

    def _read(
        self, codes: torch.Tensor, values: torch.Tensor, column: int | None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Which two learnt vectors (b, d) stand for a cell, how far between them (b, d, 1) it is, and its features."""
        at = slice(None) if column is None else slice(column, column + 1)
        # A cell that is not known has the code UNSEEN; what stands for it is masked out later.
        codes = codes.clamp(min=0)
        # A number of which only that it is one is known is a code like others.
        on_line = self.continuous[at] & (codes == 0) & ~torch.isnan(values)
        columns = torch.arange(len(self.starts), device=codes.device)[at]
        place = torch.where(on_line, values, self.places[columns, codes])
        placed = ~torch.isnan(place)
        place = torch.where(placed, place, 0.5).clamp(0.0, 1.0)
        angle = place[..., None] * self.turns
        features = torch.cat(
            [(2 * place - 1)[..., None], scores(place)[..., None] / 2, torch.sin(angle), torch.cos(angle)], dim=-1
        )
        features = torch.where(placed[..., None], features, 0.0)
        step = place * self.knots
        left = step.floor().clamp(max=self.knots - 1)
        first = torch.where(on_line, self.lines[at] + left.long(), self.starts[at] + codes)
        between = torch.where(on_line, step - left, 0.0)
        return first, first + on_line.long(), between[..., None], features

    def per_record(self, inputs: Sequence[Any], slopes: torch.Tensor) -> list[Part]:
        """What the gradients of single records are made of; no two columns share a learnt vector."""
        if len(inputs) > 2:
            raise PrivacyError("Gradients of single records are known for all columns together only.")
        first, second, between, features = self._read(inputs[0], inputs[1], None)
        if self.lined:
            index = torch.cat([first, second], dim=1)
            halves = torch.cat([slopes * (1 - between), slopes * between], dim=1)
        else:
            index, halves = first, slopes
        return [
            Lookups(self.embedding, index, halves, distinct=True),
            Products(self.weight, None, features.transpose(0, 1).to(slopes), slopes.transpose(0, 1)),
        ]


class UnitDensity(nn.Module):
    """Densities on the unit interval by ``size`` parameters: a continuous histogram and logistic bumps, mixed.

    The histogram's density is linear between ``pieces + 1`` evenly spaced heights. The bumps are logistic in normal
    scores and cut off at ±EDGE; they can be as narrow as near-copies of another column need.
    """

    def __init__(self, pieces: int, bumps: int) -> None:
        super().__init__()
        self.pieces, self.bumps = pieces, bumps

    @property
    def size(self) -> int:
        """How many parameters a density takes."""
        return 1 + self.pieces + 1 + 3 * self.bumps

    def first_bias(self) -> torch.Tensor:
        """Parameters (size,) of an even density to start from."""
        middles = torch.special.ndtri((torch.arange(self.bumps) + 0.5) / max(self.bumps, 1))
        start = math.log(max(self.bumps, 1)) * torch.ones(1)
        return torch.cat(
            [start, torch.zeros(self.pieces + 1), torch.zeros(self.bumps), middles, -torch.ones(self.bumps)]
        )

    def _parts(self, raw: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Log-shares of histogram and bumps, log-heights of mean mass 1, and the bumps' middles and log-widths."""
        raw = raw.float()
        sizes = [1, self.pieces + 1, self.bumps, self.bumps, self.bumps]
        first, heights, weights, middles, widths = torch.split(raw, sizes, dim=-1)
        log_shares = functional.log_softmax(torch.cat([first, weights], dim=-1), dim=-1)
        ends = torch.full((self.pieces + 1,), -math.log(self.pieces), device=raw.device)
        ends[0] = ends[-1] = -math.log(2 * self.pieces)
        heights = heights - torch.logsumexp(heights + ends, dim=-1, keepdim=True)
        return log_shares, heights, EDGE * torch.tanh(middles / EDGE), widths.clamp(-6.0, 1.0)

    def log_density(self, raw: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        """Log-densities (...,) at ``u`` (...,) by parameters (..., size)."""
        log_shares, heights, middles, widths = self._parts(raw)
        step = u * self.pieces
        left = step.floor().clamp(max=self.pieces - 1)
        index = left.long()[..., None]
        ends = heights.gather(-1, torch.cat([index, index + 1], dim=-1)).exp()
        histogram = torch.lerp(ends[..., 0], ends[..., 1], step - left).clamp(min=1e-20).log()
        z = scores(u)
        t = (z[..., None] - middles) * torch.exp(-widths)
        lower, upper = self._cut(middles, widths)
        bumps = -t - widths - 2 * functional.softplus(-t) - torch.log(upper - lower)
        slope = math.log(1 - 2 * MARGIN) + 0.5 * z * z + 0.5 * math.log(2 * math.pi)
        return torch.logsumexp(torch.cat([histogram[..., None], bumps + slope[..., None]], dim=-1) + log_shares, dim=-1)

    def draw(
        self, raw: torch.Tensor, which: torch.Tensor, where: torch.Tensor, low: float = 0.0, high: float = 1.0
    ) -> torch.Tensor:
        """Places (n,) between ``low`` and ``high`` by parameters (n, size) and two uniform numbers (n,) each."""
        log_shares, heights, middles, widths = self._parts(raw)
        mass = torch.exp(log_shares) * self._mass(heights, middles, widths, low, high)
        cumulative = mass.cumsum(-1)
        part = (cumulative < (which * cumulative[:, -1])[:, None]).sum(-1).clamp(max=self.bumps)
        out = self._draw_histogram(heights, where, low, high)
        if self.bumps:
            bump = (part - 1).clamp(min=0)[:, None]
            middle, width = middles.gather(-1, bump)[:, 0], widths.gather(-1, bump)[:, 0].exp()
            ends = [
                torch.sigmoid((scores(torch.tensor(end, device=raw.device)) - middle) / width) for end in (low, high)
            ]
            p = torch.lerp(ends[0], ends[1], where).clamp(1e-7, 1 - 1e-7)
            out = torch.where(part > 0, shares(middle + width * torch.logit(p)), out)
        return out.clamp(max(low, 0.0), min(high, 1.0))

    def probability(self, raw: torch.Tensor, low: float, high: float) -> torch.Tensor:
        """How much mass (n,) lies between ``low`` and ``high``."""
        log_shares, heights, middles, widths = self._parts(raw)
        return (torch.exp(log_shares) * self._mass(heights, middles, widths, low, high)).sum(-1)

    def below(self, raw: torch.Tensor, places: Sequence[float]) -> torch.Tensor:
        """How much mass (n, m) lies below each of several places."""
        log_shares, heights, middles, widths = self._parts(raw)
        of_parts, knots = torch.exp(log_shares), self._cumulative(heights)
        lower, upper = self._cut(middles, widths)
        scale = torch.exp(-widths)
        found = []
        for place in places:
            bumps = (torch.sigmoid((scores(torch.tensor(place)).item() - middles) * scale) - lower) / (upper - lower)
            parts = torch.cat([self._at(heights, knots, place)[:, None], bumps], dim=-1).clamp(min=0.0)
            found.append((of_parts * parts).sum(-1))
        return torch.stack(found, dim=-1)

    def mean(self, raw: torch.Tensor) -> torch.Tensor:
        """Roughly the expected place (n,), to sort by."""
        log_shares, heights, middles, _ = self._parts(raw)
        grid = torch.linspace(0, 1, self.pieces + 1, device=raw.device)
        flat = (heights.exp() * grid).sum(-1) / self.pieces
        return (torch.exp(log_shares) * torch.cat([flat[:, None], shares(middles)], dim=-1)).sum(-1)

    def _cut(self, middles: torch.Tensor, widths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        scale = torch.exp(-widths)
        return torch.sigmoid((-EDGE - middles) * scale), torch.sigmoid((EDGE - middles) * scale)

    def _mass(
        self, heights: torch.Tensor, middles: torch.Tensor, widths: torch.Tensor, low: float, high: float
    ) -> torch.Tensor:
        """The mass (n, 1 + bumps) of each part between ``low`` and ``high``."""
        low, high = max(low, 0.0), min(high, 1.0)
        if (low, high) == (0.0, 1.0):
            return torch.ones(len(heights), 1 + self.bumps, device=heights.device)
        knots = self._cumulative(heights)
        flat = self._at(heights, knots, high) - self._at(heights, knots, low)
        lower, upper = self._cut(middles, widths)
        scale = torch.exp(-widths)
        a, b = (
            torch.sigmoid((scores(torch.tensor(end, device=heights.device)) - middles) * scale) for end in (low, high)
        )
        return torch.cat([flat[:, None], (b - a) / (upper - lower)], dim=-1).clamp(min=0.0)

    def _cumulative(self, heights: torch.Tensor) -> torch.Tensor:
        density = heights.exp()
        steps = (density[:, 1:] + density[:, :-1]).cumsum(-1) / (2 * self.pieces)
        return functional.pad(steps, (1, 0))

    def _at(self, heights: torch.Tensor, knots: torch.Tensor, u: float) -> torch.Tensor:
        """The histogram's distribution function (n,) at one place."""
        left = min(int(u * self.pieces), self.pieces - 1)
        f = u * self.pieces - left
        a, b = heights[:, left].exp(), heights[:, left + 1].exp()
        return knots[:, left] + (a * f + (b - a) * f * f / 2) / self.pieces

    def _draw_histogram(self, heights: torch.Tensor, where: torch.Tensor, low: float, high: float) -> torch.Tensor:
        knots = self._cumulative(heights)
        start = self._at(heights, knots, max(low, 0.0))
        target = torch.lerp(start, self._at(heights, knots, min(high, 1.0)), where)
        left = (torch.searchsorted(knots, target[:, None], right=True) - 1).clamp(0, self.pieces - 1)
        a, b = heights.gather(-1, left)[:, 0].exp(), heights.gather(-1, left + 1)[:, 0].exp()
        rest = (target - knots.gather(-1, left)[:, 0]).clamp(min=0.0) * self.pieces
        # The positive root of (b - a)/2·f² + a·f = rest, in the form that does not cancel.
        f = 2 * rest / (a + torch.sqrt((a * a + 2 * (b - a) * rest).clamp(min=0.0))).clamp(min=1e-20)
        return (left[:, 0] + f.clamp(0.0, 1.0)) / self.pieces
