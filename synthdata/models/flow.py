"""A normalising flow over rows: the distribution function of each column, given those before, maps it to a uniform.

On a number line the function is a spline (Durkan et al. 2019, "Neural spline flows", arXiv 1906.04032); at codes it
makes a step, as high as the code is probable. A step's height is known, so that codes need no dequantisation: instead
of a bound there is an exact probability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

import numpy as np
import torch

from synthdata.encoders.base import UNSEEN, AllowedCells, Encoded, State
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.models.abilities import DensityMixin, ImputationMixin
from synthdata.models.networks.flow import FlowNetwork, Shape
from synthdata.models.networks.level_groups import (
    Groups,
    group_levels,
    groups_from_state,
    groups_state,
    log_within,
    narrow_rows,
    widen_rows,
)
from synthdata.models.neural import NeuralSynthesizer, put_weights, weights_of
from synthdata.progress import Progress
from synthdata.training.device import choose_device, torch_generator
from synthdata.training.objective import Player

#: how often the unknown cells of an incomplete row are drawn to average over them, and to choose a completion
MARGINAL_DRAWS, FILL_DRAWS = 32, 16
#: how many rows at least are drawn for those kept under conditions, and for each one wanted
_LEAST_POOL, _POOL = 2_000, 4
_PART = 16_384
#: how many codes the network tells apart at most over all columns, before rarer ones of a column share groups
_MOST_CODES = 32_768


class _Records:
    """The objective, and its one player: minus the log-probability of every record."""

    sees_real_rows = True
    quality_name = "held-out nats per row"

    def __init__(self, network: FlowNetwork, encoded: Encoded) -> None:
        self.modules: FlowNetwork = network
        self.players: Sequence[Player] = (self,)
        self.codes = torch.from_numpy(encoded.codes.astype(np.int64))
        self.values = torch.from_numpy(encoded.values.astype(np.float32))

    def to(self, device: torch.device) -> None:
        """Move network and table to a device."""
        self.modules.to(device)
        self.codes, self.values = self.codes.to(device), self.values.to(device)

    def losses(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Minus the log-probabilities (b,) of records."""
        return -self.modules.log_probs(self.codes[rows], self.values[rows], generator).sum(1)

    def private_losses(
        self, rows: torch.Tensor, generator: torch.Generator, share: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The same; no record has anything to do with another."""
        return self.losses(rows, generator), rows

    def quality(self, rows: torch.Tensor) -> float:
        """The mean of minus the log-probability of rows, in nats."""
        total = 0.0
        for part in torch.split(rows, 2048):
            total -= float(self.modules.log_probs(self.codes[part], self.values[part]).double().sum())
        return total / max(len(rows), 1)


class Flow(NeuralSynthesizer, DensityMixin, ImputationMixin):
    """A masked autoregressive flow with splines for values and exact steps for codes.

    `log_prob` is exact for rows without unknown cells; those of others are averaged out over draws.

    Args:
        epochs: how often the table is gone through at most; training stops earlier when held-out rows say so.
        width: how many units each layer has.
        blocks: how many residual blocks of two layers.
        pieces: of how many pieces a spline is made.
        cell_width: how many numbers stand for a cell.
        dropout: which share of a layer's units is left out at random in training.
        most_levels: how many levels of a column are told apart; beyond, rarer ones share groups.
        time_budget: seconds that training may take; the learning rate is paced to it.
        device: ``auto``, ``cpu`` or ``cuda``.
        checkpoint: a folder to save the state of training to, and to resume from.
        rare_threshold: in how many rows a value must occur to be stored.
    """

    name: ClassVar[str] = "flow"
    summary: ClassVar[str] = "a neural spline flow; exact densities of numbers and categories, quick to draw from"

    private_settings = MappingProxyType({"epochs": 15, "learning_rate": 4e-3, "dropout": 0.0})

    groups_: list[Groups]
    network_: FlowNetwork

    def __init__(
        self,
        epochs: int = 60,
        batch_size: int = 512,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.1,
        width: int = 512,
        blocks: int = 2,
        pieces: int = 24,
        cell_width: int = 16,
        dropout: float = 0.1,
        most_levels: int = 300,
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
        self.pieces = pieces
        self.cell_width = cell_width
        self.dropout = dropout
        self.most_levels = most_levels
        self.time_budget = time_budget
        self.device = device
        self.checkpoint = checkpoint
        self.rare_threshold = rare_threshold

    def make_encoder(self) -> TableEncoder:
        """Values are shares of rows: on these a flow begins as the product of the columns' distributions."""
        return TableEncoder(transform="uniform", rare_threshold=self.rare_threshold, max_atoms=128, knots=1000)

    def _learn(self, encoded: Encoded, guide: Encoded, generator: np.random.Generator, progress: Progress) -> None:
        counts = [column.counts for column in self.encoder_.columns]
        most = int(np.clip(_MOST_CODES // max(len(counts), 1), 64, self.most_levels))
        self.groups_ = group_levels(guide, counts, most, generator)
        narrow, told = narrow_rows(encoded, self.groups_), narrow_rows(guide, self.groups_)
        self.network_ = self._network(torch_generator(generator))
        self.network_.start_from_frequencies(
            [
                torch.from_numpy(np.bincount(told.codes[:, j], minlength=slot.cardinality).astype(np.float64))
                for j, slot in enumerate(told.slots)
            ]
        )
        if any(slot.varies for slot in told.slots):
            self._train(_Records(self.network_, narrow), len(encoded), generator, progress)
        self.network_.eval()

    def _network(self, generator: torch.Generator) -> FlowNetwork:
        shape = Shape(self.width, self.blocks, self.pieces, self.cell_width, self._setting("dropout"))
        return FlowNetwork([grouping.slot for grouping in self.groups_], shape, generator)

    def _sample(self, n: int, generator: np.random.Generator) -> Encoded:
        rows = self._unknown(n)
        self._complete(rows, {}, generator)
        return widen_rows(rows, self.groups_, generator)

    def _sample_given(
        self, n: int, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
    ) -> Encoded | None:
        """Draw conditioned columns within their conditions; keep rows as probable as what came before makes those."""
        rows = self._unknown(max(_POOL * n, _LEAST_POOL))
        log_weight = self._complete(rows, allowed, generator)
        if not np.isfinite(log_weight).any():
            return widen_rows(rows.take(np.empty(0, dtype=np.int64)), self.groups_, generator)
        kept = np.flatnonzero(np.log(generator.random(len(rows))) < log_weight - log_weight.max())
        return widen_rows(rows.take(kept), self.groups_, generator, allowed)

    def _fill(self, encoded: Encoded, generator: np.random.Generator) -> Encoded:
        """Unknown cells are drawn a few times; one draw is taken, by how probable it makes the known cells."""
        narrow = narrow_rows(encoded, self.groups_)
        limits = {}
        for j, slot in enumerate(encoded.slots):
            if slot.missing_code is not None and slot.cardinality > 1:
                limits[j] = AllowedCells(np.arange(slot.cardinality) != slot.missing_code)
        gaps = np.flatnonzero((encoded.codes == UNSEEN).any(axis=1))
        drawn = narrow.take(np.repeat(gaps, FILL_DRAWS))
        log_weight = self._complete(drawn, limits, generator).reshape(len(gaps), FILL_DRAWS)
        # The largest of weights with Gumbel noise is a draw by weight.
        chosen = np.argmax(log_weight + generator.gumbel(size=log_weight.shape), axis=1)
        drawn = drawn.take(np.arange(len(gaps)) * FILL_DRAWS + chosen)
        filled = widen_rows(drawn, self.groups_, generator, limits)
        codes, values = encoded.codes.copy(), encoded.values.copy()
        unknown = codes[gaps] == UNSEEN
        codes[gaps] = np.where(unknown, filled.codes, codes[gaps])
        values[gaps] = np.where(unknown, filled.values, values[gaps])
        return Encoded(encoded.slots, codes, values)

    def _log_prob(self, encoded: Encoded) -> np.ndarray:
        if not self.network_.columns:
            return np.zeros(len(encoded))
        narrow, out = narrow_rows(encoded, self.groups_), np.zeros(len(encoded))
        device = self._on_device()
        whole = np.flatnonzero((encoded.codes != UNSEEN).all(axis=1))
        with torch.no_grad():
            for part in np.array_split(whole, max(-(-len(whole) // 4096), 1)):
                codes, values = self._tensors(narrow.take(part), device)
                out[part] = self.network_.log_probs(codes, values, exact=True).double().sum(1).cpu().numpy()
        gaps = np.flatnonzero((encoded.codes == UNSEEN).any(axis=1))
        if len(gaps):
            drawn = narrow.take(np.repeat(gaps, MARGINAL_DRAWS))
            # The same draws at each call, so that equal rows score equally.
            log_weight = self._complete(drawn, {}, np.random.default_rng(0)).reshape(len(gaps), -1)
            out[gaps] = np.logaddexp.reduce(log_weight, axis=1) - np.log(MARGINAL_DRAWS)
        return out + log_within(encoded, self.groups_)

    def _unknown(self, n: int) -> Encoded:
        shape = (n, self.network_.columns)
        slots = tuple(grouping.slot for grouping in self.groups_)
        return Encoded(slots, np.full(shape, UNSEEN, dtype=np.int32), np.full(shape, np.nan))

    def _on_device(self) -> torch.device:
        device = choose_device(self.device)
        self.network_.to(device).eval()
        return device

    def _tensors(self, rows: Encoded, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        codes = torch.from_numpy(rows.codes.astype(np.int64)).to(device)
        return codes, torch.from_numpy(rows.values.astype(np.float32)).to(device)

    def _complete(
        self, rows: Encoded, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
    ) -> np.ndarray:
        """Draw the `UNSEEN` cells in place; the log-weights (n,) of cells known before, and of conditions."""
        device = self._on_device()
        noise = torch_generator(generator, device)
        limits = {
            j: (torch.from_numpy(self.groups_[j].allowed(wanted)).to(device), wanted.low, wanted.high)
            for j, wanted in allowed.items()
        }
        log_weight = np.zeros(len(rows))
        with torch.no_grad():
            for start in range(0, len(rows), _PART):
                part = slice(start, start + _PART)
                codes, values = self._tensors(rows.take(np.arange(len(rows))[part]), device)
                weight = self.network_.draw(codes, values, limits, noise)
                rows.codes[part] = codes.cpu().numpy()
                rows.values[part] = values.double().cpu().numpy()
                log_weight[part] = weight.double().cpu().numpy()
        return log_weight

    def _state(self) -> State:
        return State.merge(groups=groups_state(self.groups_), network=State({}, weights_of(self.network_)))

    def _restore(self, state: State) -> None:
        self.groups_ = groups_from_state(state.nested("groups"), self.encoder_.slots)
        self.network_ = self._network(torch.Generator().manual_seed(0))
        put_weights(self.network_, state.nested("network").arrays)
        self.network_.eval()
