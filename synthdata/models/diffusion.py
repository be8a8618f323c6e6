"""Diffusion over tables: codes are hidden and found again column by column, values are noised and denoised.

Codes follow masked diffusion (Shi, Han, Wang, Doucet and Titsias 2024, arXiv 2406.04329), which drawn one column at a
time is a model in any order, by a small network for each column; values follow Gaussian diffusion (Karras et al. 2022,
arXiv 2206.00364) given the codes, by one network. In tables of mixed types the part of its line that a number lies in
is a code, too, and its place there the value. Any cells can be known beforehand: both learn to go on from those.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import numpy as np
import torch

from synthdata.encoders.base import UNSEEN, AllowedCells, Encoded, State
from synthdata.encoders.bins import Bins
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.models.abilities import DensityMixin, ImputationMixin, Kind
from synthdata.models.networks.column_records import ColumnRecords
from synthdata.models.networks.column_rows import draw_cells, log_cells
from synthdata.models.networks.columns import ColumnNetworks
from synthdata.models.networks.contexts import choose_contexts
from synthdata.models.networks.cut_lines import (
    allowed_shares,
    coded_slot,
    counts_of,
    cut_lines,
    cut_rows,
    cut_slot,
    cuts_from,
    join_rows,
    log_bins,
    on_lines,
)
from synthdata.models.networks.diffusion import Denoiser, Shape
from synthdata.models.networks.diffusion_density import log_known
from synthdata.models.networks.diffusion_objective import CodesAndValues, Values
from synthdata.models.networks.diffusion_sampler import draw_values
from synthdata.models.networks.first_layer import Shape as ColumnShape
from synthdata.models.networks.level_groups import (
    Groups,
    group_levels,
    groups_from_state,
    groups_state,
    log_within,
    narrow_rows,
    widen_rows,
)
from synthdata.models.networks.nets import OWN_START, scores, shares
from synthdata.models.networks.same_scale import same_scale_pairs
from synthdata.models.networks.settling import settle_like
from synthdata.models.neural import NeuralSynthesizer, put_weights, weights_of
from synthdata.progress import Progress
from synthdata.training.device import choose_device, torch_generator

#: how many codes the network tells apart at most over all columns, before it lets rare ones of a column be one
_MOST_CODES = 32_768
#: into how many bins all number lines together are cut at most; the fewest rows in a bin, and where lines are tied
_MOST_BINS, _BIN_ROWS, _TIED_ROWS = 4_096, 250, 50
#: from so many rows on codes of bins begin with whole vectors of their own: there is enough to learn them from, and on
#: Default, where columns hold the same numbers, rows are told from real ones a little less for it
_MANY_ROWS = 20_000
#: how much longer training takes where most columns are number lines left whole
_WHOLE = 2.5
#: how many times wider than networks that find codes the denoiser is, their fewest units, and the numbers of a cell
_WIDER, _NARROWEST, _CELL_WIDTH = 4, 8, 16
#: on which share of a batch places inside bins are learnt, of which there is little to know once the bins are; and the
#: least share for codes, where many lines are left whole
_INSIDE, _LEAST_SHARE = 0.25, 0.5
#: in how many steps values are drawn, and places inside bins
_STEPS, _STEPS_INSIDE = 28, 10
#: how many rows are drawn at once
_PART = 16_384
#: how many rows are scored at once
_SCORED = 2_048
#: how many rows are drawn for each one wanted under several conditions, and how many at least
_POOL, _LEAST_POOL = 8, 2_000
#: from how many values on they are spread evenly
_LEAST_SETTLED = 1_000


class Diffusion(NeuralSynthesizer, DensityMixin, ImputationMixin):
    """A network for each column that finds hidden codes, and one for all that denoises values.

    `log_prob` is exact where a row has no values; densities of values are estimates, since a flow is followed in steps.

    Args:
        epochs: how often the table is gone through at most, and two and a half times as often where most columns are
            number lines left whole: values behind noise take longer than codes. Held-out rows may end it earlier.
            Left at 40 it goes on for as long again where, half done, they were modelled better at every check, and
            still much so.
        width: how many units each layer of the denoiser has; those of the columns' networks have a quarter, and so has
            a denoiser of which no more is asked than places inside bins.
        blocks: how many residual blocks of two layers the denoiser has.
        dropout: which share of a layer's units is left out at random in training of the columns' networks.
        ordered: which share of the records finds hidden codes in the columns' order, as rows are drawn.
        bins: into how many bins a number line is cut at most: every line where at most half of the columns are numbers,
            else those whose numbers often occur in another column too.
        sampling_steps: in how many steps values are drawn; without it 10, and 28 where some number lines are whole.
        most_levels: how many levels of a column are told apart; beyond, rarer ones share groups.
        context: from how many other columns at most each column's codes are found; very wide tables have fewer.
        time_budget: seconds that training may take; the learning rate is paced to it.
        device: ``auto``, ``cpu`` or ``cuda``.
        checkpoint: a folder to save the state of training to, and to resume from.
        rare_threshold: in how many rows a value must occur to be stored.
    """

    name: ClassVar[str] = "diffusion"
    summary: ClassVar[str] = "masked diffusion of codes, Gaussian of numbers; faithful, conditions on any cells"

    log_prob_kind: ClassVar[Kind] = "estimate"
    longer: ClassVar[bool] = True

    # There are no values then, and this is how networks of columns learn best.
    private_settings = MappingProxyType({"epochs": 15, "learning_rate": 8e-3, "dropout": 0.0})

    groups_: list[Groups]
    #: what finds codes, and what finds values where there are any
    columns_: ColumnNetworks
    network_: Denoiser | None
    #: into how many bins each column's number line is cut
    cuts_: list[Bins]

    def __init__(
        self,
        epochs: int = 40,
        batch_size: int = 512,
        learning_rate: float = 2e-3,
        weight_decay: float = 1.0,
        width: int = 512,
        blocks: int = 3,
        dropout: float = 0.2,
        ordered: float = 0.7,
        bins: int = 64,
        sampling_steps: int | None = None,
        most_levels: int = 300,
        context: int = 48,
        time_budget: float | None = None,
        device: str = "auto",
        checkpoint: str | None = None,
        rare_threshold: int = 5,
    ) -> None:
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.width = width
        self.blocks = blocks
        self.dropout = dropout
        self.ordered = ordered
        self.bins = bins
        self.sampling_steps = sampling_steps
        self.most_levels = most_levels
        self.context = context
        self.time_budget = time_budget
        self.device = device
        self.checkpoint = checkpoint
        self.rare_threshold = rare_threshold

    def make_encoder(self) -> TableEncoder:
        """Values are shares of rows, between 0 and 1; the network sees their normal scores."""
        return TableEncoder(transform="uniform", rare_threshold=self.rare_threshold, max_atoms=128, knots=1000)

    def _learn(self, encoded: Encoded, guide: Encoded, generator: np.random.Generator, progress: Progress) -> None:
        counts = [column.counts for column in self.encoder_.columns]
        most = int(np.clip(_MOST_CODES // max(len(counts), 1), 64, self.most_levels))
        self.groups_ = group_levels(guide, counts, most, generator)
        slots = [grouping.slot for grouping in self.groups_]
        lines = [j for j, slot in enumerate(slots) if slot.continuous]
        tied = np.unique(same_scale_pairs(self.encoder_, guide, generator)).tolist()
        least = dict.fromkeys(lines, _BIN_ROWS) if len(lines) <= len(slots) / 2 else {}
        least |= dict.fromkeys(tied, _TIED_ROWS)
        there = (~np.isnan(guide.values)).sum(axis=0).tolist()
        self.cuts_ = cut_lines(slots, least, there, max(min(self.bins, _MOST_BINS // max(len(least), 1)), 1))
        narrow = narrow_rows(guide, self.groups_)
        own_start = OWN_START if len(encoded) < _MANY_ROWS else 1.0
        self._build(choose_contexts(narrow, self.context, generator), torch_generator(generator), own_start)
        told = cut_rows(narrow, self.cuts_)
        self.columns_.start_from_frequencies(told.codes)
        players = self._players(self._inner(encoded))
        if players:
            self._train(CodesAndValues(players), len(encoded), generator, progress)
            settle_like(self._columns(), told, self.time_budget, generator)

    def _players(self, inner: Encoded) -> list[ColumnRecords | Values]:
        """What there is to learn."""
        players: list[ColumnRecords | Values] = []
        coded = sum(size > 1 for size in self.columns_.sizes)
        if coded:
            share = max(coded / (coded + len(self._uncut())), _LEAST_SHARE)
            players.append(ColumnRecords(self.columns_, inner, self.ordered, share))
        if self.network_:
            players.append(Values(self.network_, inner, 1.0 if self._uncut() else _INSIDE))
        return players

    def _steps(self, rows: int) -> int:
        steps = super()._steps(rows)
        return steps if self._privately or 2 * len(self._uncut()) <= len(self.cuts_) else round(_WHOLE * steps)

    def _uncut(self) -> list[int]:
        """The columns whose number line is left whole."""
        return [j for j, cutting in enumerate(self.cuts_) if cutting.count == 1]

    def _build(self, contexts: np.ndarray, generator: torch.Generator, own_start: float = OWN_START) -> None:
        coded, slots = map(coded_slot, self.cuts_), [cut_slot(cutting) for cutting in self.cuts_]
        shape = ColumnShape(max(self.width // _WIDER, _NARROWEST), 1, _CELL_WIDTH, self._setting("dropout"))
        self.columns_ = ColumnNetworks(list(coded), contexts, shape, generator, densities=False, own_start=own_start)
        # Inside of bins there is little to know.
        units = self.width if self._uncut() else shape.width
        self.network_ = Denoiser(slots, Shape(units, self.blocks), generator) if len(self._lines) else None

    def _inner(self, encoded: Encoded) -> Encoded:
        """Encoded rows as the network sees them."""
        return cut_rows(narrow_rows(encoded, self.groups_), self.cuts_)

    def _outer(
        self, rows: Encoded, generator: np.random.Generator, allowed: Mapping[int, AllowedCells] | None = None
    ) -> Encoded:
        """What the network drew as encoded rows."""
        return widen_rows(join_rows(rows, self.cuts_), self.groups_, generator, allowed)

    # Drawing.

    def _sample(self, n: int, generator: np.random.Generator) -> Encoded:
        rows = self._unknown(n)
        self._draw_codes(rows, {}, generator)
        self._draw_values(rows, generator)
        drawn = self._outer(rows, generator)
        self._settle(drawn, generator)
        return drawn

    def _settle(self, rows: Encoded, generator: np.random.Generator) -> None:
        """Spread the values of every column evenly over its number line, in the order in which they were drawn."""
        for j in self._lines:
            on_line = np.flatnonzero(rows.codes[:, j] == 0)
            order = on_line[np.argsort(rows.values[on_line, j], kind="stable")]
            if len(order) >= _LEAST_SETTLED:
                rows.values[order, j] = (np.arange(len(order)) + generator.random(len(order))) / len(order)

    def _sample_given(
        self, n: int, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
    ) -> Encoded | None:
        """One conditioned column is drawn by its own distribution; rows are kept as probable as it makes the others.

        Further conditions on codes are weighed in; of those on values points are taken as they are, ranges hoped for.
        """
        spans = {j: self._marginal(j, wanted) for j, wanted in allowed.items()}
        lined = [j for j in allowed if self.encoder_.slots[j].continuous and allowed[j].codes[0]]
        first = min(lined or allowed, key=lambda j: spans[j].sum())
        start = self._unknown(n if len(allowed) == 1 else max(_POOL * n, _LEAST_POOL))
        if not spans[first].sum():
            return start.take(np.empty(0, dtype=np.int64))
        self._start(start, first, spans[first], allowed[first], generator)
        for j in lined:
            if allowed[j].low == allowed[j].high and allowed[j].codes.sum() == 1 and j != first:
                start.codes[:, j], start.values[:, j] = 0, allowed[j].low
        rows = cut_rows(start, self.cuts_)
        log_weight = self._draw_codes(rows, allowed, generator)
        if len(allowed) > 1:
            if not np.isfinite(log_weight).any():
                return start.take(np.empty(0, dtype=np.int64))
            kept = np.flatnonzero(np.log(generator.random(len(rows))) < log_weight - log_weight.max())
            rows = rows.take(kept[: 2 * n])
        self._draw_values(rows, generator)
        return self._outer(rows, generator, allowed)

    def _marginal(self, j: int, wanted: AllowedCells) -> np.ndarray:
        """The shares (cardinality,) of the rows that have each code of a column and meet a condition on it."""
        shares = self.encoder_.columns[j].counts / self.encoder_.columns[j].counts.sum() * wanted.codes
        if self.encoder_.slots[j].continuous and wanted.low < wanted.high:
            shares[0] *= max(min(wanted.high, 1.0) - max(wanted.low, 0.0), 0.0)
        return np.asarray(shares)

    def _start(
        self, rows: Encoded, j: int, span: np.ndarray, wanted: AllowedCells, generator: np.random.Generator
    ) -> None:
        """Draw a column by its own distribution under a condition, in place."""
        drawn = generator.choice(len(span), len(rows), p=span / span.sum())
        rows.codes[:, j] = self.groups_[j].narrow(drawn)
        if self.encoder_.slots[j].continuous:
            placed = generator.uniform(max(wanted.low, 0.0), min(wanted.high, 1.0), len(rows))
            rows.values[:, j] = np.where(drawn == 0, placed, np.nan)

    def _fill(self, encoded: Encoded, generator: np.random.Generator) -> Encoded:
        rows = self._inner(encoded)
        limits = {}
        for j, slot in enumerate(encoded.slots):
            if slot.missing_code is not None and slot.cardinality > 1:
                limits[j] = AllowedCells(np.arange(slot.cardinality) != slot.missing_code)
        self._draw_codes(rows, limits, generator)
        self._draw_values(rows, generator)
        filled = self._outer(rows, generator, limits)
        return Encoded(encoded.slots, np.where(encoded.codes == UNSEEN, filled.codes, encoded.codes), filled.values)

    def _log_prob(self, encoded: Encoded) -> np.ndarray:
        """Rows with unknown cells are completed by a draw, whose own density given the rest is taken off again."""
        inner = self._inner(encoded)
        out = log_within(encoded, self.groups_) + log_bins(inner, self.cuts_)
        out += log_cells(self._columns(), Encoded(inner.slots, inner.codes, np.full(inner.values.shape, np.nan)))
        if self.network_ is None:
            return out
        drawn = Encoded(inner.slots, inner.codes.copy(), inner.values.copy())
        generator = np.random.default_rng(0)
        self._draw_codes(drawn, {}, generator)
        self._draw_values(drawn, generator)
        network, lines = self._denoiser(self.network_), self._lines
        gaps = np.isnan(inner.values[:, lines]) & ~np.isnan(drawn.values[:, lines])
        for start in range(0, len(encoded), _SCORED):
            part = slice(start, start + _SCORED)
            codes, values, there = self._tensors(network, drawn, part)
            open_ = torch.from_numpy(gaps[part]).to(codes.device)
            with torch.no_grad():
                found = log_known(network, codes, values, there, open_, self.sampling_steps or _STEPS)
            out[part] += found.cpu().numpy()
        return out

    def _unknown(self, n: int) -> Encoded:
        slots = tuple(grouping.slot for grouping in self.groups_)
        shape = (n, len(slots))
        return Encoded(slots, np.full(shape, UNSEEN, dtype=np.int32), np.full(shape, np.nan))

    def _draw_codes(
        self, rows: Encoded, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
    ) -> np.ndarray:
        """Draw hidden codes in place, conditioned ones first; the log-probability (n,) of conditions."""
        networks = self._columns()
        limits = {
            j: AllowedCells(allowed_shares(self.groups_[j].allowed(wanted), wanted, self.cuts_[j]))
            for j, wanted in allowed.items()
        }
        for j, size in enumerate(networks.sizes):
            if size == 1:
                rows.codes[:, j] = 0
        values = rows.values.copy()
        log_weight = draw_cells(
            networks, rows, limits, generator, sorted(networks.order, key=lambda j: j not in limits)
        )
        # What is drawn has no values yet.
        rows.values[:] = values
        return log_weight

    def _draw_values(self, rows: Encoded, generator: np.random.Generator) -> None:
        """Draw the values that codes ask for and that are not there, in place."""
        if self.network_ is None:
            return
        network, lines = self._denoiser(self.network_), self._lines
        noise = torch_generator(generator, network.turns.device)
        on_line = on_lines(rows.codes, self.cuts_)[:, lines]
        gaps = on_line & np.isnan(rows.values[:, lines])
        wanted = np.flatnonzero(gaps.any(axis=1))
        for start in range(0, len(wanted), _PART):
            part = wanted[start : start + _PART]
            codes, values, known = self._tensors(network, rows, part)
            state = torch.where(known, 2, torch.from_numpy(on_line[part]).long().to(codes.device))
            with torch.no_grad():
                z = draw_values(network, codes, values, state, self._sampling_steps(), noise)
            drawn = shares(z.double()).cpu().numpy()
            rows.values[np.ix_(part, lines)] = np.where(gaps[part], drawn, rows.values[np.ix_(part, lines)])

    def _sampling_steps(self) -> int:
        return self.sampling_steps or (_STEPS if self._uncut() else _STEPS_INSIDE)

    @property
    def _lines(self) -> np.ndarray:
        """The columns (l,) with a number line."""
        return np.array([j for j, cutting in enumerate(self.cuts_) if cutting.count], dtype=np.int64)

    def _columns(self) -> ColumnNetworks:
        return self.columns_.to(choose_device(self.device)).eval()

    def _denoiser(self, network: Denoiser) -> Denoiser:
        return network.to(choose_device(self.device)).eval()

    def _tensors(
        self, network: Denoiser, rows: Encoded, part: slice | np.ndarray
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Codes (b, d), normal scores (b, l) of the lines' values, and which of these are known (b, l)."""
        device = network.turns.device
        lines = rows.values[part][:, network.lines]
        codes = torch.from_numpy(rows.codes[part].astype(np.int64)).to(device)
        values = scores(torch.from_numpy(np.nan_to_num(lines, nan=0.5))).float().to(device)
        return codes, values, torch.from_numpy(~np.isnan(lines)).to(device)

    def _state(self) -> State:
        arrays = {"bins": counts_of(self.cuts_), "contexts": self.columns_.contexts.cpu().numpy()}
        values = weights_of(self.network_) if self.network_ else {}
        return State.merge(
            groups=groups_state(self.groups_),
            columns=State({}, {**arrays, **weights_of(self.columns_)}),
            network=State({}, values),
        )

    def _restore(self, state: State) -> None:
        self.groups_ = groups_from_state(state.nested("groups"), self.encoder_.slots)
        arrays = dict(state.nested("columns").arrays)
        self.cuts_ = cuts_from([grouping.slot for grouping in self.groups_], arrays.pop("bins"))
        self._build(arrays.pop("contexts"), torch.Generator().manual_seed(0))
        put_weights(self.columns_, arrays)
        if self.network_:
            put_weights(self.network_, dict(state.nested("network").arrays))
