"""Networks of which every column has one of its own, which predicts it from the others' cells, known or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from synthdata.encoders.base import UNSEEN, AllowedCells, Slot
from synthdata.models.networks.even import even_out, even_uniform
from synthdata.models.networks.first_layer import FirstLayer, Shape
from synthdata.models.networks.nets import OWN_START, CellVectors, ColumnLinear, Start, UnitDensity
from synthdata.training.device import half_precision

#: columns whose numbers of codes lie between the same two of these are computed together
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_KNOTS, _HARMONICS, _PIECES, _BUMPS = 8, 3, 64, 16

#: what is shown a column's position and the logits (n, cardinality) of its codes while rows are drawn
Look = Callable[[int, torch.Tensor], None]


class _Told(NamedTuple):
    """Of which columns (d,) all cells are known, and of which none."""

    whole: list[bool]
    none: list[bool]


class ColumnNetworks(nn.Module):
    """One residual network per column of which there is something to predict, computed side by side.

    ``contexts`` (d, c) names the columns that each one is predicted from. A cell that is not known is replaced by a
    vector that says so, so that a column can be predicted from any subset. Where every column is in every context,
    its own stands there too, and is never known.

    Without ``densities`` only codes are predicted. Places on number lines are then seen where they are known.
    """

    contexts: torch.Tensor
    places: torch.Tensor
    own: torch.Tensor

    def __init__(
        self,
        slots: Sequence[Slot],
        contexts: np.ndarray,
        shape: Shape,
        generator: torch.Generator,
        *,
        order: Sequence[int] | None = None,
        densities: bool = True,
        own_start: float = OWN_START,
    ) -> None:
        super().__init__()
        self.columns, self.shape = len(slots), shape
        self.sizes = [slot.cardinality for slot in slots]
        #: the columns in the order in which rows are drawn
        self.order = list(range(len(slots)) if order is None else order)
        #: the columns of which places on the number line are predicted too
        self.numbers = [j for j, slot in enumerate(slots) if slot.continuous and densities]
        #: the columns that are predicted: not those of one code alone
        self.predicted = [j for j in range(len(slots)) if self.sizes[j] > 1 or j in self.numbers]
        #: at which place among them each stands
        self.place_of = {j: k for k, j in enumerate(self.predicted)}
        self.densities = densities
        d, p = self.columns, len(self.predicted)
        self.register_buffer("contexts", torch.as_tensor(contexts, dtype=torch.long), persistent=False)
        self.register_buffer("own", torch.tensor(self.predicted, dtype=torch.long), persistent=False)
        places = torch.empty(d)
        places[torch.tensor(self.order, dtype=torch.long)] = (torch.arange(d) + 0.5) / max(d, 1)
        self.register_buffer("places", places, persistent=False)
        self.cells = CellVectors(slots, shape.cell_width, _KNOTS, _HARMONICS, generator, own_start)
        seen = self.seen_before(places[None])[0]
        self.inward = FirstLayer(self.contexts[self.own], seen, shape, generator) if contexts.shape[1] else None
        self.start = Start(p, shape.width)
        self.rise = nn.ModuleList(ColumnLinear(p, shape.width, shape.width, generator) for _ in range(shape.blocks))
        self.fall = nn.ModuleList(
            ColumnLinear(p, shape.width, shape.width, generator, 0.5) for _ in range(shape.blocks)
        )
        self.groups = _by_size(self.sizes, self.predicted)
        self.codes = nn.ModuleList(
            ColumnLinear(len(group), shape.width, max(self.sizes[j] for j in group), generator, 0.1)
            for group in self.groups
        )
        self.density = UnitDensity(_PIECES, _BUMPS)
        self.line = ColumnLinear(len(self.numbers), shape.width, self.density.size, generator, 0.3)
        with torch.no_grad():
            self.line.bias[:] = self.density.first_bias()
            for group, head in zip(self.groups, self._heads, strict=True):
                for k, j in enumerate(group):
                    head.bias[k, 0, self.sizes[j] :] = -1e4

    @property
    def _heads(self) -> list[ColumnLinear]:
        return [head for head in self.codes if isinstance(head, ColumnLinear)]

    @property
    def _blocks(self) -> list[tuple[ColumnLinear, ColumnLinear]]:
        pairs = zip(self.rise, self.fall, strict=True)
        return [(a, b) for a, b in pairs if isinstance(a, ColumnLinear) and isinstance(b, ColumnLinear)]

    def start_from_frequencies(self, codes: np.ndarray) -> None:
        """Let every column's network begin with how frequent each code (n, d) is."""
        with torch.no_grad():
            for group, head in zip(self.groups, self._heads, strict=True):
                for k, j in enumerate(group):
                    counts = np.bincount(codes[:, j], minlength=self.sizes[j]) + 1.0
                    head.bias[k, 0, : self.sizes[j]] = torch.from_numpy(np.log(counts / counts.sum()))

    def code_bias(self, j: int) -> torch.Tensor:
        """The constants (cardinality,) of a column's codes, as a view of the parameters."""
        group = next(k for k, members in enumerate(self.groups) if j in members)
        return self._heads[group].bias[self.groups[group].index(j), 0, : self.sizes[j]]

    def _code_logits(self, j: int, h: torch.Tensor) -> torch.Tensor:
        group = next(k for k, members in enumerate(self.groups) if j in members)
        with torch.autocast(h.device.type, enabled=False):
            return self._heads[group].of_one(h, self.groups[group].index(j))[:, : self.sizes[j]]

    def seen_before(self, places: torch.Tensor) -> torch.Tensor:
        """Which columns (b, p, d) each predicted one may see, taken in the order of ``places`` (b, d)."""
        return places[:, None, :] < places[:, self.own, None]

    def _hidden(
        self,
        vectors: torch.Tensor,
        known: torch.Tensor,
        generator: torch.Generator | None = None,
    ) -> torch.Tensor:
        """The last layer (p, b, width) by vectors (b, d, w) and what is known (m, p, d) in the last m of the rows."""
        kind = vectors.device.type
        if torch.is_autocast_enabled(kind):
            vectors = vectors.to(torch.get_autocast_dtype(kind))
        h = self.start(len(vectors)) if self.inward is None else self.inward(vectors, known)
        for rise, fall in self._blocks:
            h = h + fall(functional.relu(rise(functional.relu(h))))
            if generator is not None and self.shape.dropout:
                h = h * _kept(h.shape, self.shape.dropout, generator, h.dtype)
        return functional.relu(h).float()

    def log_probs(
        self,
        codes: torch.Tensor,
        values: torch.Tensor,
        known: torch.Tensor,
        generator: torch.Generator | None = None,
        *,
        exact: bool = False,
    ) -> torch.Tensor:
        """Log-probabilities (b, d) of cells, of each column given others; 0 of a column of one code.

        In the last m rows those that are ``known`` (m, p, d) to it, in the rows before those before it in the fixed
        order. With a generator as in training, with dropout; ``exact`` computes in full precision.
        """
        with nullcontext() if exact else half_precision(codes.device):
            h = self._hidden(self.cells(codes, values), known, generator)
        out = torch.zeros(self.columns, len(codes), device=codes.device)
        targets = codes.clamp(min=0).T
        # Taken apart all at once: each selection by itself would fill a gradient of its own for all columns.
        groups = [*self.groups, self.numbers]
        at = [torch.tensor(group, dtype=torch.long, device=h.device) for group in groups]
        places = [self.place_of[j] for group in groups for j in group]
        taken = h.index_select(0, torch.tensor(places, dtype=torch.long, device=h.device))
        hidden = torch.split(taken, [len(group) for group in groups])
        for k, head in enumerate(self._heads):
            if head.bias.shape[2] > 1:
                log_p = functional.log_softmax(head(hidden[k]), dim=-1)
                out = out.index_add(0, at[k], log_p.gather(-1, targets[groups[k]][..., None])[..., 0])
        if self.numbers:
            u = values.T[self.numbers]
            on_line = (targets[self.numbers] == 0) & ~torch.isnan(u)
            raw = self.line(hidden[-1])
            densities = self.density.log_density(raw, torch.where(on_line, u, 0.5))
            out = out.index_add(0, at[-1], torch.where(on_line, densities, 0.0))
        return out.T

    def draw(
        self,
        codes: torch.Tensor,
        values: torch.Tensor,
        order: Sequence[int],
        allowed: Mapping[int, AllowedCells],
        generator: torch.Generator,
        look: Look | None = None,
    ) -> torch.Tensor:
        """Fill the `UNSEEN` cells of columns in place; the log-probability (n,) that free draws meet ``allowed``.

        ``look`` is shown each column's logits (n, cardinality) before it is drawn, and may change its `code_bias`.
        """
        log_weight = torch.zeros(len(codes), device=codes.device)
        seen = codes != UNSEEN
        told = _Told(seen.all(0).tolist(), (~seen).all(0).tolist())
        vectors = torch.zeros(*codes.shape, self.shape.cell_width, device=codes.device)
        # Marginals are those of the table only where nothing was known or asked for.
        free = not allowed and all(told.none)
        if not all(told.none):
            vectors = self.cells(codes, values)
        kind = codes.device.type
        if torch.is_autocast_enabled(kind):
            vectors = vectors.to(torch.get_autocast_dtype(kind))
        for j in order:
            if told.whole[j]:
                continue
            if told.none[j]:
                drawn, placed, weight = self._draw_column(j, seen, told, vectors, allowed.get(j), generator, look)
                if free:
                    # At once, so that what is drawn after it goes by where it came to stand.
                    placed = even_out(placed)
                codes[:, j], values[:, j] = drawn, placed
                vectors[:, j] = self.cells.of_one(drawn, placed, j).to(vectors.dtype)
                log_weight += weight
            else:
                rows = torch.nonzero(~seen[:, j])[:, 0]
                drawn, placed, weight = self._draw_column(
                    j, seen[rows], told, vectors[rows], allowed.get(j), generator, look
                )
                codes[rows, j], values[rows, j] = drawn, placed
                log_weight[rows] += weight
                vectors[rows, j] = self.cells(drawn, placed, j).to(vectors.dtype)
            seen[:, j], told.whole[j], told.none[j] = True, True, False
        return log_weight

    def _hidden_of(self, j: int, seen: torch.Tensor, told: _Told, vectors: torch.Tensor) -> torch.Tensor:
        """The last layer (n, width) of column ``j``'s network; columns that no row knows cost nothing.

        ``seen`` (n, d) is which cells are known, and ``told`` of which columns all are or none.
        """
        context, own = self.contexts[j].tolist(), self.place_of[j]
        h: torch.Tensor = self.start.bias[own].expand(len(vectors), -1)
        if self.inward is not None:
            weight = self.inward.weight[own].view(len(context), self.shape.cell_width, -1)
            used = [k for k, column in enumerate(context) if not told.none[column]]
            patchy = [k for k in used if not told.whole[context[k]]]
            unused = [k for k in range(len(context)) if told.none[context[k]]]
            h = self.inward.bias[own] + self.inward.embedding[own][unused].sum(0)
            if patchy:
                gaps = ~seen[:, [context[k] for k in patchy]]
                h = h + gaps.float() @ self.inward.embedding[own][patchy]
            if used:
                columns = [context[k] for k in used]
                first, count = columns[0], len(columns)
                # Neighbouring columns need not be gathered.
                neighbours = columns[-1] - first == count - 1
                inputs = vectors.narrow(1, first, count) if neighbours else vectors[:, columns]
                if patchy:
                    inputs = inputs * seen[:, columns, None]
                h = torch.addmm(h.to(inputs.dtype), inputs.flatten(1), weight[used].flatten(0, 1).to(inputs.dtype))
            else:
                h = h.expand(len(vectors), -1)
        for rise, fall in self._blocks:
            # In place: rows pass through memory as seldom as can be.
            h = fall.of_one(rise.of_one(functional.relu(h), own).relu_(), own).add_(h)
        return h.relu_().float() if self._blocks else functional.relu(h).float()

    def _draw_column(
        self,
        j: int,
        seen: torch.Tensor,
        told: _Told,
        vectors: torch.Tensor,
        wanted: AllowedCells | None,
        generator: torch.Generator,
        look: Look | None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Codes, values and log-probabilities of the condition, each (n,), for one column."""
        n, device = len(vectors), vectors.device
        h = self._hidden_of(j, seen, told, vectors) if j in self.place_of else vectors[:, 0]
        low, high = (max(wanted.low, 0.0), min(wanted.high, 1.0)) if wanted else (0.0, 1.0)
        drawn = torch.zeros(n, dtype=torch.long, device=device)
        log_weight = torch.zeros(n, device=device)
        with torch.autocast(device.type, enabled=False):
            raw = self.line.of_one(h, self.numbers.index(j)) if j in self.numbers else None
            if self.sizes[j] > 1:
                if look is not None:
                    look(j, self._code_logits(j, h))
                p = functional.softmax(self._code_logits(j, h), dim=-1)
            else:
                p = torch.ones(n, 1, device=device)
            if wanted is not None:
                p = p * torch.from_numpy(wanted.codes).to(device)
                if raw is not None and wanted.codes[0] and (low > 0 or high < 1):
                    p[:, 0] *= (
                        self.density.log_density(raw, torch.full((n,), low, device=device)).exp()
                        if low == high
                        else self.density.probability(raw, low, high)
                    )
                log_weight = p.sum(-1).log()
            cumulative = p.cumsum(-1)
            if p.shape[1] > 1:
                key = cumulative.sum(-1) / cumulative[:, -1] if raw is None else p[:, 0]
                uniform = even_uniform(key, generator) * cumulative[:, -1]
                drawn = torch.searchsorted(cumulative, uniform[:, None], right=True)[:, 0]
                # Rounding may point past the last code that can occur.
                past = torch.nonzero(drawn >= p.shape[1])[:, 0]
                last = p.shape[1] - 1 - (p[past].flip(-1) > 0).to(torch.uint8).argmax(-1)
                drawn[past] = torch.minimum(drawn[past], last)
            placed = torch.full((n,), torch.nan, device=device)
            if raw is not None:
                on_line = torch.nonzero(drawn == 0)[:, 0]
                raw = raw[on_line]
                key = self.density.mean(raw)
                within = torch.rand(len(key), generator=generator, device=device)
                placed[on_line] = self.density.draw(raw, even_uniform(key, generator), within, low, high)
        return drawn, placed, log_weight


def _kept(shape: torch.Size, dropout: float, generator: torch.Generator, dtype: torch.dtype) -> torch.Tensor:
    """Factors of units: 0 for a share of ``dropout``, rounded to 1/256, and for the rest what makes up for them."""
    lost = min(round(dropout * 256), 255)
    # One random number of 64 bits does for eight units.
    words = torch.empty(-(-shape.numel() // 8), dtype=torch.int64, device=generator.device)
    drawn = words.random_(-(2**63), None, generator=generator).view(torch.uint8)[: shape.numel()].view(shape)
    return (drawn >= lost).to(dtype).mul_(256 / (256 - lost))


def _by_size(sizes: Sequence[int], columns: Sequence[int]) -> list[list[int]]:
    """Columns in groups of similar numbers of codes."""
    groups: dict[int, list[int]] = {}
    for j in columns:
        groups.setdefault(next((limit for limit in _SIZES if sizes[j] <= limit), -sizes[j]), []).append(j)
    return list(groups.values())
