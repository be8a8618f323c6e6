"""Column by column: each is predicted by a small network of its own from any of the others.

One pass trains every column's network, each on a random set of the other columns or on those before it in a fixed
order; the chain rule along that order is the model. Predicting from random sets makes any order possible (Uria, Murray
and Larochelle 2014, "A deep and tractable density estimator"), so that conditions and gaps need no further training.
A network a column, sharing nothing but how cells are read, is the way of TabularARGN (Tiwald et al. 2025, arXiv
2501.12012).
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
from synthdata.models.networks.column_records import ColumnRecords
from synthdata.models.networks.column_rows import draw_cells, log_cells
from synthdata.models.networks.columns import ColumnNetworks
from synthdata.models.networks.contexts import choose_contexts
from synthdata.models.networks.first_layer import Shape
from synthdata.models.networks.settling import settle_like
from synthdata.models.neural import NeuralSynthesizer, put_weights, weights_of
from synthdata.progress import Progress
from synthdata.training.device import choose_device, torch_generator


class Autoregressive(NeuralSynthesizer, DensityMixin, ImputationMixin):
    """A network for each column, which predicts it from any set of the others.

    Args:
        epochs: how often the table is gone through at most; training stops earlier when held-out rows say so.
        width: how many units each layer of a column's network has.
        blocks: how many residual blocks of two layers.
        cell_width: how many numbers stand for a cell.
        dropout: which share of a layer's units is left out at random in training.
        ordered: which share of the records is trained along the fixed order, in which rows are drawn; the rest in any.
        lean: how much of that by which rows seen in training are modelled better than held-out ones counts against
            going on. At .5 training ends earlier, and what is drawn leans less towards the rows.
        context: from how many other columns at most each is predicted: those most associated with it; tables of more
            than 166 columns have fewer, for the sake of memory.
        target_first: whether the table's target is drawn first and all other columns given it, instead of all in the
            table's order. Densities are better for it: a target that is drawn last is soon learnt by heart.
        time_budget: seconds that training may take; the learning rate is paced to it.
        device: ``auto``, ``cpu`` or ``cuda``.
        checkpoint: a folder to save the state of training to, and to resume from.
        rare_threshold: in how many rows a value must occur to be stored.
    """

    name: ClassVar[str] = "autoregressive"
    summary: ClassVar[str] = "a small network per column given the others; the most faithful on mixed tables"

    # Noise does what dropout is for, and hides small steps: fewer passes at a higher rate get further.
    private_settings = MappingProxyType({"epochs": 15, "learning_rate": 8e-3, "dropout": 0.0})

    def __init__(
        self,
        epochs: int = 40,
        batch_size: int = 512,
        learning_rate: float = 2e-3,
        weight_decay: float = 1.0,
        width: int = 128,
        blocks: int = 1,
        cell_width: int = 16,
        dropout: float = 0.2,
        ordered: float = 0.7,
        lean: float = 0.0,
        context: int = 48,
        target_first: bool = False,
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
        self.cell_width = cell_width
        self.dropout = dropout
        self.ordered = ordered
        self.lean = lean
        self.context = context
        self.target_first = target_first
        self.time_budget = time_budget
        self.device = device
        self.checkpoint = checkpoint
        self.rare_threshold = rare_threshold

    def make_encoder(self) -> TableEncoder:
        """Values are shares of rows, between 0 and 1."""
        return TableEncoder(transform="uniform", rare_threshold=self.rare_threshold)

    def _learn(self, encoded: Encoded, guide: Encoded, generator: np.random.Generator, progress: Progress) -> None:
        contexts = choose_contexts(guide, self.context, generator)
        self.networks_ = self._networks(contexts, torch_generator(generator))
        self.networks_.start_from_frequencies(guide.codes)
        if any(slot.varies for slot in guide.slots):
            # Of its own, so that what is drawn afterwards does not depend on how long training went on.
            source = np.random.default_rng(int(generator.integers(2**62)))
            self._train(ColumnRecords(self.networks_, encoded, self.ordered), len(encoded), source, progress)
            settle_like(self._ready(), guide, self.time_budget, generator)
        self.networks_.eval()

    def _networks(self, contexts: np.ndarray, generator: torch.Generator) -> ColumnNetworks:
        shape = Shape(self.width, self.blocks, self.cell_width, self._setting("dropout"))
        return ColumnNetworks(self.encoder_.slots, contexts, shape, generator, order=self._order())

    def _order(self) -> list[int]:
        """The columns in the order in which rows are drawn."""
        target = self.schema_.target if self.target_first else None
        return sorted(range(len(self.encoder_.slots)), key=lambda j: self.encoder_.slots[j].name != target)

    def _sample(self, n: int, generator: np.random.Generator) -> Encoded:
        rows = self._unknown(n)
        self._draw(rows, {}, generator, self.networks_.order)
        return rows

    def _sample_given(
        self, n: int, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
    ) -> Encoded | None:
        """Conditioned columns are drawn first and weighted by how likely they make the conditions, then all others."""
        first = [j for j in self.networks_.order if j in allowed]
        rows = self._unknown(n if len(first) == 1 else max(4 * n, 1000))
        log_weight = self._draw(rows, allowed, generator, first)
        if len(first) > 1 and np.isfinite(log_weight).any():
            weight = np.exp(log_weight - log_weight.max())
            # Systematic resampling: every row as often as its weight says, up to one.
            along = np.cumsum(weight) / weight.sum()
            chosen = np.searchsorted(along, (np.arange(n) + generator.random()) / max(n, 1))
            rows = rows.take(generator.permutation(np.minimum(chosen, len(rows) - 1)))
        elif not np.isfinite(log_weight).any():
            return rows.take(np.empty(0, dtype=np.int64))
        self._draw(rows, {}, generator, [j for j in self.networks_.order if j not in allowed])
        return rows

    def _fill(self, encoded: Encoded, generator: np.random.Generator) -> Encoded:
        rows = Encoded(encoded.slots, encoded.codes.copy(), encoded.values.copy())
        limits = {}
        for j, slot in enumerate(encoded.slots):
            if slot.missing_code is not None and slot.cardinality > 1:
                limits[j] = AllowedCells(np.arange(slot.cardinality) != slot.missing_code)
        self._draw(rows, limits, generator, self.networks_.order)
        return rows

    def _log_prob(self, encoded: Encoded) -> np.ndarray:
        return log_cells(self._ready(), encoded)

    def _unknown(self, n: int) -> Encoded:
        shape = (n, self.networks_.columns)
        return Encoded(self.encoder_.slots, np.full(shape, UNSEEN, dtype=np.int32), np.full(shape, np.nan))

    def _ready(self) -> ColumnNetworks:
        return self.networks_.to(choose_device(self.device)).eval()

    def _draw(
        self, rows: Encoded, allowed: Mapping[int, AllowedCells], generator: np.random.Generator, order: Sequence[int]
    ) -> np.ndarray:
        return draw_cells(self._ready(), rows, allowed, generator, order)

    def _state(self) -> State:
        return State({}, {"contexts": self.networks_.contexts.cpu().numpy(), **weights_of(self.networks_)})

    def _restore(self, state: State) -> None:
        arrays = dict(state.arrays)
        contexts = arrays.pop("contexts")
        self.networks_ = self._networks(contexts, torch.Generator().manual_seed(0))
        put_weights(self.networks_, arrays)
        self.networks_.eval()
