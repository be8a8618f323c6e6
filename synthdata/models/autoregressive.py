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
from synthdata.models.networks.columns import ColumnNetworks
from synthdata.models.networks.contexts import choose_contexts
from synthdata.models.networks.first_layer import Shape
from synthdata.models.networks.settling import settle
from synthdata.models.neural import NeuralSynthesizer, put_weights, weights_of
from synthdata.progress import Progress
from synthdata.training.device import choose_device, free_bytes, half_precision, torch_generator
from synthdata.training.objective import Player

#: how many numbers a step of sampling may hold at once
_MOST_NUMBERS = 2**26
#: how many rows are drawn at once on a CPU: so many that they stay in its cache, and rows alike are among them
_CACHED = 4096
#: how many contexts the columns of a wide table may have in all, and the fewest that each has
_MOST_CONTEXTS, _FEWEST_CONTEXTS = 8_000, 8
#: for how many rows a second of a time budget the marginals are settled
_ROWS_A_SECOND = 500


class _Records:
    """The objective, and its one player: minus the log-probability of every record, each column given others."""

    sees_real_rows = True
    quality_name = "held-out nats per row"

    def __init__(self, networks: ColumnNetworks, encoded: Encoded, ordered: float) -> None:
        self.modules: ColumnNetworks = networks
        self.players: Sequence[Player] = (self,)
        self.ordered = ordered
        self.codes = torch.from_numpy(encoded.codes.astype(np.int64))
        self.values = torch.from_numpy(encoded.values.astype(np.float32))

    def to(self, device: torch.device) -> None:
        """Move networks and table to a device."""
        self.modules.to(device)
        if self.codes.nbytes + self.values.nbytes < free_bytes(device) / 2:
            self.codes, self.values = self.codes.to(device), self.values.to(device)

    def _rows(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Codes and values of rows by their positions; a table that does not fit on the device travels in parts."""
        at = rows.to(self.codes.device)
        return self.codes[at].to(rows.device), self.values[at].to(rows.device)

    def losses(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Minus the log-probabilities (b,) of records, columns being taken in the fixed order or at random."""
        known = self._known(len(rows), generator)
        return -self.modules.log_probs(*self._rows(rows), known, generator).sum(1)

    def private_losses(
        self, rows: torch.Tensor, generator: torch.Generator, share: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The same, in another order of records, with every record's order of columns drawn for itself.

        How many of a batch are taken at random must not depend on how many records there are.
        """
        shuffled = torch.rand(len(rows), generator=generator, device=rows.device) >= self.ordered
        rows = torch.cat([rows[~shuffled], rows[shuffled]])
        known = self._shuffled(int(shuffled.sum()), generator)
        return -self.modules.log_probs(*self._rows(rows), known, generator).sum(1), rows

    def quality(self, rows: torch.Tensor) -> float:
        """The mean of minus the log-probability of rows, in the same mixture of orders, in nats."""
        # The same orders are drawn at each call, so that only the weights make a difference.
        orders = torch.Generator(rows.device).manual_seed(0)
        total = 0.0
        for part in torch.split(rows, _at_once(self.modules.sizes)):
            known = self._known(len(part), orders)
            total -= float(self.modules.log_probs(*self._rows(part), known).double().sum())
        return total / max(len(rows), 1)

    def _known(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """What the columns know of each other (m, d, d) in rows that are taken in a random order, the last of ``n``."""
        return self._shuffled(n - round(n * self.ordered), generator)

    def _shuffled(self, n: int, generator: torch.Generator) -> torch.Tensor:
        networks = self.modules
        return networks.seen_before(torch.rand(n, networks.columns, generator=generator, device=networks.places.device))


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
        self.time_budget = time_budget
        self.device = device
        self.checkpoint = checkpoint
        self.rare_threshold = rare_threshold

    def make_encoder(self) -> TableEncoder:
        """Values are shares of rows, between 0 and 1."""
        return TableEncoder(transform="uniform", rare_threshold=self.rare_threshold)

    def _learn(self, encoded: Encoded, guide: Encoded, generator: np.random.Generator, progress: Progress) -> None:
        most = min(self.context, max(_FEWEST_CONTEXTS, _MOST_CONTEXTS // max(len(guide.slots), 1)))
        contexts = choose_contexts(guide, most, generator)
        self.networks_ = self._networks(contexts, torch_generator(generator))
        self.networks_.start_from_frequencies(guide.codes)
        if any(slot.varies for slot in guide.slots):
            # Of its own, so that what is drawn afterwards does not depend on how long training went on.
            source = np.random.default_rng(int(generator.integers(2**62)))
            self._train(_Records(self.networks_, encoded, self.ordered), len(encoded), source, progress)
            self._settle(guide, generator)
        self.networks_.eval()

    def _settle(self, encoded: Encoded, generator: np.random.Generator) -> None:
        shares = [
            np.bincount(codes, minlength=slot.cardinality) / len(encoded)
            for codes, slot in zip(encoded.codes.T, encoded.slots, strict=True)
        ]
        rows = max(2 * len(encoded), 2_000)
        if self.time_budget is not None:
            rows = min(rows, int(self.time_budget * _ROWS_A_SECOND))
            if rows < len(encoded) / 2:
                # Over so few rows chance would do more harm than good.
                return
        settle(self.networks_, shares, rows, torch_generator(generator, self._on_device()))

    def _networks(self, contexts: np.ndarray, generator: torch.Generator) -> ColumnNetworks:
        shape = Shape(self.width, self.blocks, self.cell_width, self._setting("dropout"))
        return ColumnNetworks(self.encoder_.slots, contexts, shape, generator)

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
        if not self.networks_.columns:
            return np.zeros(len(encoded))
        device = self._on_device()
        out = [np.zeros(0)]
        with torch.no_grad():
            size = _at_once(self.networks_.sizes)
            for start in range(0, len(encoded), size):
                part = slice(start, start + size)
                codes = torch.from_numpy(encoded.codes[part].astype(np.int64)).to(device)
                values = torch.from_numpy(encoded.values[part].astype(np.float32)).to(device)
                observed = codes != UNSEEN
                known = self.networks_.seen_before(self.networks_.places.expand(len(codes), -1)) & observed[:, None, :]
                here = self.networks_.log_probs(codes, values, known, exact=True)
                out.append(torch.where(observed, here, 0.0).double().sum(1).cpu().numpy())
        return np.concatenate(out)

    def _unknown(self, n: int) -> Encoded:
        shape = (n, self.networks_.columns)
        return Encoded(self.encoder_.slots, np.full(shape, UNSEEN, dtype=np.int32), np.full(shape, np.nan))

    def _on_device(self) -> torch.device:
        device = choose_device(self.device)
        self.networks_.to(device).eval()
        return device

    def _draw(
        self, rows: Encoded, allowed: Mapping[int, AllowedCells], generator: np.random.Generator, order: list[int]
    ) -> np.ndarray:
        """Draw the `UNSEEN` cells of columns in place, in turn, each given all cells known by then.

        Gives the log-probability (n,) with which free draws would have met the conditions ``allowed``.
        """
        device = self._on_device()
        noise = torch_generator(generator, device)
        log_weight = np.zeros(len(rows))
        widest = max([slot.cardinality for slot in rows.slots] + [self.networks_.columns * self.cell_width, 512])
        size = max(256, min(_MOST_NUMBERS // widest, _CACHED if device.type == "cpu" else _MOST_NUMBERS))
        with torch.no_grad(), half_precision(device):
            for start in range(0, len(rows), size):
                part = slice(start, start + size)
                codes = torch.from_numpy(rows.codes[part].astype(np.int64)).to(device)
                values = torch.from_numpy(rows.values[part].astype(np.float32)).to(device)
                weight = self.networks_.draw(codes, values, order, allowed, noise)
                rows.codes[part] = codes.cpu().numpy()
                rows.values[part] = values.double().cpu().numpy()
                log_weight[part] = weight.double().cpu().numpy()
        return log_weight

    def _state(self) -> State:
        return State({}, {"contexts": self.networks_.contexts.cpu().numpy(), **weights_of(self.networks_)})

    def _restore(self, state: State) -> None:
        arrays = dict(state.arrays)
        contexts = arrays.pop("contexts")
        self.networks_ = self._networks(contexts, torch.Generator().manual_seed(0))
        put_weights(self.networks_, arrays)
        self.networks_.eval()


def _at_once(sizes: Sequence[int]) -> int:
    """How many rows are scored at once, by the numbers of codes of all columns."""
    return max(64, min(2048, _MOST_NUMBERS // max([512, *sizes]) // 2))
