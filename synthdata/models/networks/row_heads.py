"""From one hidden vector to a whole row: the cells' distributions, independent of each other given the vector."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from synthdata.encoders.base import AllowedCells, Slot
from synthdata.models.networks.nets import UnitDensity

_PIECES, _BUMPS = 32, 8
#: in how many parts a warp of the unit interval is cut
_WARP = 64
#: columns whose numbers of codes lie between the same two of these are computed together
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


def dense(inputs: int, outputs: int, generator: torch.Generator, gain: float = math.sqrt(2)) -> nn.Linear:
    """A linear layer that starts from numbers of ``generator``."""
    # Made without numbers of its own: those would come from the global generator.
    layer = nn.Linear(1, 1, device="meta")
    layer.in_features, layer.out_features = inputs, outputs
    scale = gain / math.sqrt(max(inputs, 1))
    layer.weight = nn.Parameter(torch.randn(outputs, inputs, generator=generator) * scale)
    layer.bias = nn.Parameter(torch.zeros(outputs))
    return layer


class RowHeads(nn.Module):
    """Softmaxes over codes and densities on the unit interval for every column, by a hidden vector (b, width).

    `calibrate` lets the marginals over many hidden vectors be those of the training rows: the softmaxes are shifted,
    and each number line is warped by a piecewise linear map. Both leave every row a distribution that adds up to one.
    """

    warp: torch.Tensor

    def __init__(self, slots: Sequence[Slot], width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.sizes = [slot.cardinality for slot in slots]
        self.numbers = [j for j, slot in enumerate(slots) if slot.continuous]
        groups: dict[int, list[int]] = {}
        for j, size in enumerate(self.sizes):
            if size > 1:
                groups.setdefault(next((limit for limit in _SIZES if size <= limit), -size), []).append(j)
        #: columns of like sizes, where their logits start, and how many each has
        self.groups: list[tuple[list[int], int, int]] = []
        at = 0
        for group in groups.values():
            widest = max(self.sizes[j] for j in group)
            self.groups.append((group, at, widest))
            at += widest * len(group)
        self.starts = {j: at + k * widest for group, at, widest in self.groups for k, j in enumerate(group)}
        self.codes = dense(width, at, generator, 0.1)
        self.density = UnitDensity(_PIECES, _BUMPS)
        self.line = dense(width, len(self.numbers) * self.density.size, generator, 0.3)
        self.register_buffer("warp", torch.linspace(0, 1, _WARP + 1).repeat(len(self.numbers), 1))
        self.warped = False
        with torch.no_grad():
            self.line.bias.copy_(self.density.first_bias().repeat(len(self.numbers)))
            for j, start in self.starts.items():
                group, _, widest = next(entry for entry in self.groups if j in entry[0])
                self.codes.bias[start + self.sizes[j] : start + widest] = -1e4

    def start_from_frequencies(self, frequencies: Sequence[np.ndarray]) -> None:
        """Let every softmax begin with how frequent each code is; one array (cardinality,) a column."""
        with torch.no_grad():
            for j, start in self.starts.items():
                self.codes.bias[start : start + self.sizes[j]] = torch.from_numpy(np.log(frequencies[j])).float()

    def log_probs(self, h: torch.Tensor, codes: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """Log-probabilities (b, d) of cells by hidden vectors; what stands at `UNSEEN` cells means nothing."""
        b, d = codes.shape
        out = torch.zeros(b, d, device=h.device)
        targets = codes.clamp(min=0)
        logits = self.codes(h).float()
        for group, at, widest in self.groups:
            block = logits[:, at : at + widest * len(group)].view(b, len(group), widest)
            index = torch.tensor(group, device=h.device)
            log_p = functional.log_softmax(block, dim=-1).gather(-1, targets[:, index][..., None])[..., 0]
            out = out.index_add(1, index, log_p)
        if self.numbers:
            index = torch.tensor(self.numbers, device=h.device)
            u = values[:, index]
            on_line = (targets[:, index] == 0) & ~torch.isnan(u)
            u, slope = self._unwarped(torch.where(on_line, u, 0.5).clamp(0.0, 1.0))
            density = self.density.log_density(self.line(h).view(b, len(self.numbers), self.density.size), u) - slope
            out = out.index_add(1, index, torch.where(on_line, density, 0.0))
        return out

    def probabilities(self, h: torch.Tensor, j: int, wanted: AllowedCells | None = None) -> torch.Tensor:
        """The probability (b, cardinality) of each code of a column, times that of meeting a condition.

        Where a code stands for several, ``wanted.codes`` may be the share of it that meets the condition.
        """
        if j in self.starts:
            part = slice(self.starts[j], self.starts[j] + self.sizes[j])
            p = functional.softmax(functional.linear(h, self.codes.weight[part], self.codes.bias[part]), dim=-1)
        else:
            p = torch.ones(len(h), 1, device=h.device)
        if wanted is not None:
            p = p * torch.from_numpy(wanted.codes).to(h.device, p.dtype)
            if j in self.numbers and wanted.codes[0] and (wanted.low > 0 or wanted.high < 1):
                raw, (low, high), slopes = self._line_of(h, j), *self._ends(j, wanted)
                if low == high:
                    here = torch.exp(
                        self.density.log_density(raw, torch.full((len(h),), low, device=h.device)) - slopes
                    )
                else:
                    here = self.density.probability(raw, low, high)
                p[:, 0] *= here
        return p

    def log_meets(self, h: torch.Tensor, allowed: Mapping[int, AllowedCells]) -> torch.Tensor:
        """The log-probability (b,) that a row meets all conditions, by hidden vectors."""
        total = torch.zeros(len(h), device=h.device)
        for j, wanted in allowed.items():
            total = total + self.probabilities(h, j, wanted).sum(-1).log()
        return total

    def draw(
        self, h: torch.Tensor, allowed: Mapping[int, AllowedCells], generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Codes and values (b, d) drawn by hidden vectors, under conditions."""
        n, d = len(h), len(self.sizes)
        codes = torch.zeros(n, d, dtype=torch.long, device=h.device)
        values = torch.full((n, d), torch.nan, device=h.device)
        for j in range(d):
            wanted = allowed.get(j)
            p = self.probabilities(h, j, wanted)
            if p.shape[1] > 1:
                uniform = torch.rand(n, generator=generator, device=h.device)
                cumulative = p.cumsum(-1)
                drawn = (cumulative <= (uniform * cumulative[:, -1])[:, None]).sum(-1)
                # Rounding may point past the last code that can occur.
                last = p.shape[1] - 1 - (p.flip(-1) > 0).to(torch.uint8).argmax(-1)
                codes[:, j] = torch.minimum(drawn, last)
            if j in self.numbers:
                low, high = self._ends(j, wanted)[0] if wanted else (0.0, 1.0)
                which, where = torch.rand(2, n, generator=generator, device=h.device)
                u = self.density.draw(self._line_of(h, j), which, where, low, high)
                placed = self._warp(u, j)
                if wanted:
                    placed = placed.clamp(max(wanted.low, 0.0), min(wanted.high, 1.0))
                values[:, j] = torch.where(codes[:, j] == 0, placed, torch.nan)
        return codes, values

    def likeliest(self, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The likeliest code of every cell (b, d), and the mean place of those on a number line."""
        columns = range(len(self.sizes))
        codes = torch.stack([self.probabilities(h, j).argmax(-1) for j in columns], dim=1)
        values = torch.full(codes.shape, torch.nan, device=h.device)
        for j in self.numbers:
            placed = self._warp(self.density.mean(self._line_of(h, j)).clamp(0.0, 1.0), j)
            values[:, j] = torch.where(codes[:, j] == 0, placed, torch.nan)
        return codes, values

    def calibrate(self, h: torch.Tensor, frequencies: Sequence[np.ndarray], passes: int = 20) -> None:
        """Let the marginals over hidden vectors (m, width) be ``frequencies`` for codes, and even on number lines.

        Shifting log-odds by log(wanted / found) until they agree is iterative proportional fitting, one column at a
        time.
        """
        with torch.no_grad():
            for j, start in self.starts.items():
                part = slice(start, start + self.sizes[j])
                wanted = torch.from_numpy(np.log(frequencies[j])).float().to(h.device)
                # A wide column is calibrated on fewer rows, or it would take long.
                some = h[: max(1_000, 2_000_000 // self.sizes[j])]
                logits = functional.linear(some, self.codes.weight[part], self.codes.bias[part])
                shift = torch.zeros_like(wanted)
                for _ in range(passes):
                    found = functional.softmax(logits + shift, dim=-1).mean(0)
                    shift += wanted - found.clamp(min=1e-12).log()
                self.codes.bias[part] += shift - shift.mean()
            for k, j in enumerate(self.numbers):
                raw, weight = self._line_of(h, j), self.probabilities(h, j)[:, 0]
                edges = torch.linspace(0, 1, _WARP + 1)[1:-1].tolist()
                below = (weight[:, None] * self.density.below(raw, edges)).sum(0) / weight.sum()
                steps = torch.tensor([0.0, *below.tolist(), 1.0]).diff().clamp(min=1e-4)
                self.warp[k, 1:] = (steps.cumsum(0) / steps.sum()).to(h.device)
        self.warped = True

    def _line_of(self, h: torch.Tensor, j: int) -> torch.Tensor:
        k, size = self.numbers.index(j), self.density.size
        part = slice(k * size, (k + 1) * size)
        return functional.linear(h, self.line.weight[part], self.line.bias[part])

    def _warp(self, u: torch.Tensor, j: int) -> torch.Tensor:
        """Places (n,) on the table's scale for the density's own."""
        knots = self.warp[self.numbers.index(j)]
        step = u * _WARP
        left = step.floor().clamp(max=_WARP - 1)
        return torch.lerp(knots[left.long()], knots[left.long() + 1], step - left)

    def _unwarped(self, v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The density's own places (b, k) for the table's, and the log-slopes of the warp there."""
        if not self.warped:
            return v, torch.zeros_like(v)
        turned = v.T.contiguous()
        left = (torch.searchsorted(self.warp, turned, right=True) - 1).clamp(0, _WARP - 1)
        first, after = self.warp.gather(1, left), self.warp.gather(1, left + 1)
        u = (left + (turned - first) / (after - first)) / _WARP
        return u.clamp(0.0, 1.0).T, torch.log((after - first) * _WARP).T

    def _ends(self, j: int, wanted: AllowedCells) -> tuple[tuple[float, float], float]:
        """A condition's range on the density's own scale, and the log-slope of the warp at its lower end."""
        ends = torch.zeros(2, len(self.numbers), device=self.warp.device)
        ends[:, self.numbers.index(j)] = torch.tensor([max(wanted.low, 0.0), min(wanted.high, 1.0)])
        places, slopes = self._unwarped(ends.clamp(0.0, 1.0))
        low, high = places[:, self.numbers.index(j)].tolist()
        return (low, high), float(slopes[0, self.numbers.index(j)])
