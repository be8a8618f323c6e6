"""The restricted Boltzmann machine of `rbm`: energies, Gibbs sweeps, and the sum over all states.

Visible units are softmaxes over a column's codes (Salakhutdinov, Mnih and Hinton 2007) and, for cells in a mode of a
number line, normal ones of unit variance; hidden units are binary. With h the hidden units, a row of codes k and
places x has the energy  -Σ a[k] - Σ h (c + Σ W[k] + Σ S x) + Σ (x² + log 2π) / 2,  the sums over places being those of
cells in modes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from synthdata.encoders.base import AllowedCells
from synthdata.models.networks.marks import Layout
from synthdata.models.networks.modes import Modes
from synthdata.privacy.per_record import Lookups, Part, Products, Whole
from synthdata.training.device import half_precision

_HALF_LOG_2_PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True)
class Limit:
    """A condition on a column: ``log_share`` (cardinality,) of each code that meets it, and the ends of its range.

    ``low`` and ``high`` (modes,) are in places of each mode; None where the whole line is allowed.
    """

    log_share: torch.Tensor
    low: torch.Tensor | None = None
    high: torch.Tensor | None = None
    log_widths: torch.Tensor | None = None

    @classmethod
    def of(cls, modes: Modes, wanted: AllowedCells, device: torch.device) -> Limit:
        """A condition on encoded cells, whose ``codes`` may be shares, as one on modes."""
        share = wanted.codes.astype(np.float64)
        if modes.count:
            share = np.concatenate([np.full(modes.count, share[0]), share[1:]])
        with np.errstate(divide="ignore"):
            log_share = torch.from_numpy(np.log(share)).float().to(device)
        if not modes.count or (wanted.low == -np.inf and wanted.high == np.inf):
            return cls(log_share)
        ends = [torch.from_numpy((end - modes.centres) / modes.widths).float() for end in (wanted.low, wanted.high)]
        widths = torch.from_numpy(np.log(modes.widths)).float()
        return cls(log_share, ends[0].to(device), ends[1].to(device), widths.to(device))


class BoltzmannMachine(nn.Module):
    """Weights and what follows from them; rows are codes (b, d) and places (b, numbers), 0 outside of modes."""

    starts: torch.Tensor
    in_mode: torch.Tensor

    def __init__(self, modes: Sequence[Modes], hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.layout = Layout(modes)
        self.modes, self.hidden = modes, hidden
        width, numbers = self.layout.width, self.layout.numbers
        self.weight = nn.Parameter(torch.randn(width, hidden, generator=generator) * 0.05)
        self.lines = nn.ParameterDict(
            {"weight": nn.Parameter(torch.randn(len(numbers), hidden, generator=generator) * 0.05)}
        )
        self.visible = nn.ParameterDict({"bias": nn.Parameter(torch.full((width,), -1e4))})
        self.inner = nn.ParameterDict({"bias": nn.Parameter(torch.zeros(hidden))})
        self.register_buffer("starts", torch.from_numpy(self.layout.starts), persistent=False)
        marks = np.zeros((width, len(numbers)), dtype=np.float32)
        for k, j in enumerate(numbers):
            marks[self.layout.starts[j] : self.layout.starts[j] + modes[j].count, k] = 1.0
        #: which marks are modes of which number line (width, numbers)
        self.register_buffer("in_mode", torch.from_numpy(marks), persistent=False)

    def start_from_frequencies(self, frequencies: Sequence[np.ndarray]) -> None:
        """Let visible units begin with how frequent each code is; one array (cardinality,) a column."""
        with torch.no_grad():
            for start, wanted in zip(self.layout.starts, frequencies, strict=True):
                self.visible["bias"][start : start + len(wanted)] = torch.from_numpy(np.log(wanted)).float()

    def inputs(self, codes: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """The log-odds (b, hidden) of hidden units, as precise as places are."""
        weight, lines, bias = (p.to(places.dtype) for p in (self.weight, self.lines["weight"], self.inner["bias"]))
        return functional.embedding_bag(codes + self.starts, weight, mode="sum") + places @ lines + bias

    def forward(self, codes: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """The log of a row's weight (b,) less half of what goes into its hidden units: for private training.

        Taken of rows and of chains alike, the difference moves no fixed point: that of the halves is nothing where both
        have the same frequencies. But the gradients say by how much units are more often on than off instead of how
        often they are on, so that much less of them is clipped (centring: Montavon and Müller 2012).
        """
        return self.log_weight(codes, places) - 0.5 * self.inputs(codes, places).sum(1)

    def per_record(self, inputs: Sequence[Any], slopes: torch.Tensor) -> list[Part]:
        """What the gradients of single records are made of: by how much likelier each hidden unit is on than off."""
        codes, places = inputs[0] + self.starts, inputs[1]
        with torch.no_grad():
            on = (torch.sigmoid(self.inputs(inputs[0], places)) - 0.5) * slopes[:, None]
        each = slopes[:, None, None].expand(-1, codes.shape[1], 1)
        return [
            Lookups(self.weight, codes, on[:, None].expand(-1, codes.shape[1], -1), distinct=True),
            Lookups(self.visible["bias"], codes, each, distinct=True),
            Products(self.lines["weight"], None, places[None], on[None]),
            Whole(self.inner["bias"], on),
        ]

    def log_weight(self, codes: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """The log of a row's weight (b,), summed over hidden states: its log-probability plus log Z."""
        on_line = self.on_line(codes)
        visible = self.visible["bias"].to(places.dtype)[codes + self.starts].sum(1)
        normal = (on_line * (0.5 * places * places + _HALF_LOG_2_PI)).sum(1)
        return visible - normal + functional.softplus(self.inputs(codes, places)).sum(1)

    def on_line(self, codes: torch.Tensor) -> torch.Tensor:
        """Which numbers (b, numbers) are in a mode, as 0 and 1."""
        counts = torch.tensor([self.modes[j].count for j in self.layout.numbers], device=codes.device)
        return (codes[:, self.layout.numbers] < counts).float()

    def hidden_states(self, inputs: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Hidden units (b, hidden) drawn by their log-odds."""
        uniform = torch.rand(inputs.shape, generator=generator, device=inputs.device)
        return (uniform < torch.sigmoid(inputs)).float()

    def logits(self, h: torch.Tensor, *, exact: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-weights (b, width) of codes and means (b, numbers) of places, given hidden units."""
        with nullcontext() if exact else half_precision(h.device):
            told = (h @ self.weight.T).float()
        means = h @ self.lines["weight"].T
        return self.visible["bias"] + told + 0.5 * (means * means) @ self.in_mode.T, means

    def visible_states(
        self,
        logits: torch.Tensor,
        means: torch.Tensor,
        generator: torch.Generator,
        limits: Mapping[int, Limit] | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Codes (b, d) and places (b, numbers) drawn by what `logits` gave, under conditions."""
        b, layout, limits = len(logits), self.layout, limits or {}
        for j, limit in limits.items():
            part = slice(int(layout.starts[j]), int(layout.starts[j]) + layout.sizes[j])
            logits[:, part] += limit.log_share
            if limit.low is not None:
                modes = slice(part.start, part.start + self.modes[j].count)
                logits[:, modes] += self._log_within(means[:, layout.numbers.index(j)], limit)
        codes = torch.zeros(b, len(layout.sizes), dtype=torch.long, device=logits.device)
        for group, at, widest in layout.groups:
            block = logits[:, at : at + widest * len(group)].view(b, len(group), widest)
            along = functional.softmax(block, dim=-1).cumsum(-1)
            uniform = torch.rand(b, len(group), 1, generator=generator, device=logits.device) * along[..., -1:]
            drawn = (along <= uniform).sum(-1)
            # Rounding may point past the last code that can occur.
            last = widest - 1 - (block.flip(-1) > -5e3).to(torch.uint8).argmax(-1)
            codes[:, group] = torch.minimum(drawn, last)
        places = means + torch.randn(means.shape, generator=generator, device=means.device)
        for j, limit in limits.items():
            if limit.low is not None and limit.high is not None:
                k = layout.numbers.index(j)
                mode = codes[:, j].clamp(max=self.modes[j].count - 1)
                places[:, k] = _between(means[:, k], limit.low[mode], limit.high[mode], generator)
        return codes, places * self.on_line(codes)

    def _log_within(self, means: torch.Tensor, limit: Limit) -> torch.Tensor:
        """The log-probability (b, modes) that a place lies in the range, or its log-density where that is a point."""
        assert limit.low is not None and limit.high is not None and limit.log_widths is not None  # noqa: S101, PT018
        low, high = limit.low - means[:, None], limit.high - means[:, None]
        if bool((limit.low == limit.high).all()):
            return -0.5 * low * low - limit.log_widths
        # On the side where the normal distribution function keeps its digits.
        flip = low > 0
        a, b = torch.where(flip, -high, low).double(), torch.where(flip, -low, high).double()
        mass = torch.special.ndtr(b) - torch.special.ndtr(a)
        return mass.clamp(min=1e-30).log().float()

    def sweep(
        self,
        codes: torch.Tensor,
        places: torch.Tensor,
        generator: torch.Generator,
        limits: Mapping[int, Limit] | None = None,
        fixed: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One sweep of Gibbs sampling; cells that are ``fixed`` (b, d) stay."""
        h = self.hidden_states(self.inputs(codes, places), generator)
        drawn, placed = self.visible_states(*self.logits(h), generator, limits)
        if fixed is None:
            return drawn, placed
        return torch.where(fixed, codes, drawn), torch.where(fixed[:, self.layout.numbers], places, placed)

    def first(
        self, n: int, generator: torch.Generator, limits: Mapping[int, Limit] | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows (n) to start a chain from: each column by itself, under conditions."""
        device = self.weight.device
        logits = self.visible["bias"].expand(n, -1).clone()
        means = torch.zeros(n, len(self.layout.numbers), device=device)
        return self.visible_states(logits, means, generator, limits)


def _between(means: torch.Tensor, low: torch.Tensor, high: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Normal numbers (b,) of unit variance around means, cut off at ``low`` and ``high`` (b,)."""
    uniform = torch.rand(means.shape, generator=generator, device=means.device, dtype=torch.float64)
    a, b = (low - means).double(), (high - means).double()
    flip = a > 0
    left, right = torch.where(flip, -b, a), torch.where(flip, -a, b)
    share = torch.lerp(torch.special.ndtr(left), torch.special.ndtr(right), uniform)
    drawn = torch.special.ndtri(share.clamp(1e-300, 1 - 1e-16))
    drawn = torch.where(torch.isfinite(drawn), drawn, left)
    drawn = torch.where(flip, -drawn, drawn).float() + means
    return torch.minimum(torch.maximum(drawn, low), high)


def log_partition(machine: BoltzmannMachine, generator: torch.Generator, steps: int = 1000, chains: int = 200) -> float:
    """log Z: the log of the sum of all rows' weights.

    Exact where there are few hidden units or few possible rows; otherwise by annealed importance sampling from the
    machine without weights (Salakhutdinov and Murray 2008, "On the quantitative analysis of deep belief networks").
    """
    layout = machine.layout
    rows = math.prod(layout.sizes)
    with torch.no_grad():
        if not layout.numbers and rows <= 20_000:
            grid = np.stack(np.unravel_index(np.arange(rows), layout.sizes), axis=1)
            codes = torch.from_numpy(grid.astype(np.int64)).to(machine.weight.device)
            places = torch.zeros(rows, 0, dtype=torch.float64, device=codes.device)
            return float(torch.logsumexp(machine.log_weight(codes, places), 0))
        if machine.hidden <= 14:
            states = torch.from_numpy((np.arange(2**machine.hidden)[:, None] >> np.arange(machine.hidden)) & 1)
            h = states.to(machine.weight.device, torch.float32)
            sums = h @ machine.inner["bias"] + _log_sums(machine, machine.logits(h, exact=True)[0])
            return float(torch.logsumexp(sums.double(), 0))
        return _annealed(machine, generator, steps, chains)


def _log_sums(machine: BoltzmannMachine, logits: torch.Tensor) -> torch.Tensor:
    """The log-weight (b,) of all rows together, by log-weights (b, width) of their codes."""
    total = torch.zeros(len(logits), device=logits.device)
    for group, at, widest in machine.layout.groups:
        block = logits[:, at : at + widest * len(group)].view(len(logits), len(group), widest)
        total = total + torch.logsumexp(block, dim=-1).sum(-1)
    return total


def _annealed(machine: BoltzmannMachine, generator: torch.Generator, steps: int, chains: int) -> float:
    """Rows are taken from weights of 0 to the machine's own; what each step adds is summed up."""
    codes, places = machine.first(chains, generator)
    start = _log_sums(machine, machine.visible["bias"][None])[0] + machine.hidden * math.log(2)
    total = torch.zeros(chains, dtype=torch.float64, device=codes.device)
    scales = np.linspace(0.0, 1.0, steps + 1)
    for before, after in pairwise(scales.tolist()):
        told = machine.inputs(codes, places)
        total += (functional.softplus(after * told) - functional.softplus(before * told)).double().sum(1)
        h = machine.hidden_states(after * told, generator)
        logits, means = machine.logits(after * h, exact=True)
        codes, places = machine.visible_states(logits, means, generator)
    return float(start.double() + torch.logsumexp(total, 0) - math.log(chains))
