"""What the models that measure marginals share: cells, drawing, conditions and files."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np
import pandas as pd

from synthdata.encoders.base import AllowedCells, Encoded, State
from synthdata.encoders.bins import Bins, allowed_cells, from_cells, to_cells
from synthdata.encoders.private_encoder import PrivateDomain, bin_counts, encode_privately
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.models.base import Synthesizer
from synthdata.models.marginal.adaptive import Fitted
from synthdata.models.marginal.graphical import GraphicalModel
from synthdata.models.marginal.junction_tree import Group
from synthdata.models.marginal.measured_cells import ExactCells, MeasuredCells, PrivateCells
from synthdata.privacy.private_table import Guarded
from synthdata.progress import Progress
from synthdata.table.schema import Schema
from synthdata.table.table import Table

#: the Gaussian parameter of the imagined budget where no privacy is asked for
_EXACT_MU = 1.0
#: what the ledger says of how such a model sees rows
METHOD = (
    "Counts of cells, of single columns and of some together, were measured with discrete Gaussian noise; which ones "
    "was chosen by the exponential mechanism. A graphical model was fitted to the noisy counts, and draws the rows."
)


class MarginalSynthesizer(Synthesizer):
    """A graphical model whose marginals are near measured ones.

    A family sets ``bins``, ``rare_threshold`` and fills in `_measure`. With a privacy budget every measurement is paid
    from the ledger's stage ``training``; without one the same is done with exact counts.
    """

    bins: int
    rare_threshold: int

    #: log-potentials by group of columns, and the marginals that were measured
    potentials_: dict[Group, np.ndarray]
    measured_: list[Group]

    @abstractmethod
    def _measure(self, cells: MeasuredCells, mu: float, generator: np.random.Generator, progress: Progress) -> Fitted:
        """Measure marginals within the budget and fit the model to them."""

    def make_encoder(self) -> TableEncoder:
        """Values are shares of rows, so that bins of equal width hold equally many."""
        return TableEncoder(transform="uniform", rare_threshold=self.rare_threshold)

    def _fit(self, encoded: Encoded, generator: np.random.Generator, progress: Progress) -> None:
        self.cuts_ = [Bins(slot, self.bins if slot.continuous else 0) for slot in encoded.slots]
        cells = ExactCells(to_cells(encoded, self.cuts_), [cut.cardinality for cut in self.cuts_], _EXACT_MU)
        self._learn(cells, _EXACT_MU, generator, progress)

    def _fit_privately(
        self, rows: Guarded[Table], schema: Schema, generator: np.random.Generator, progress: Progress
    ) -> None:
        domain = PrivateDomain(rows, schema, self.bins)
        encoder = domain.encoder()
        self.schema_, self.encoder_, self.rows_ = encoder.schema, encoder, encoder.rows
        self.cuts_ = [Bins(slot, count) for slot, count in zip(encoder.slots, bin_counts(encoder), strict=True)]
        cuts, ledger = self.cuts_, rows.ledger
        ledger.method = METHOD
        mu = ledger.mu_of("training")
        if cuts:
            ledger.reserve("training", mu)
        cells = rows.map(lambda table: to_cells(encode_privately(encoder, table, ledger.entropy.generator()), cuts))
        sizes, names = [cut.cardinality for cut in cuts], [cut.slot.name for cut in cuts]
        self._learn(PrivateCells(cells, sizes, "training", names), mu, generator, progress)

    def _learn(self, cells: MeasuredCells, mu: float, generator: np.random.Generator, progress: Progress) -> None:
        self.model_, self.potentials_, self.measured_ = GraphicalModel((), {}), {}, []
        if cells.sizes:
            self.model_, self.potentials_, measured = self._measure(cells, mu, generator, progress)
            self.measured_ = list(measured)

    @property
    def marginals(self) -> list[tuple[str, ...]]:
        """Which columns were measured together, by name."""
        names = [slot.name for slot in self.encoder_.slots]
        return [tuple(names[j] for j in group) for group in self.measured_]

    def record_loss(self, table: Table | pd.DataFrame) -> np.ndarray:
        """Minus the log-probability (n,) of each row's cells, for audits; a cell without a code counts as the first."""
        cells = to_cells(self.encoder_.encode(self._rows_of(table), None), self.cuts_)
        return -np.maximum(self.model_.log_prob(np.maximum(cells, 0)), -1e6)

    def _sample(self, n: int, generator: np.random.Generator) -> Encoded:
        return from_cells(self.model_.draw(n, generator), self.cuts_, generator)

    def _sample_given(
        self, n: int, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
    ) -> Encoded | None:
        """Rows of the model conditioned exactly on the cells that are allowed."""
        potentials = dict(self.potentials_)
        for j, shares in allowed_cells(allowed, self.cuts_).items():
            with np.errstate(divide="ignore"):
                potentials[(j,)] = potentials.get((j,), np.zeros(len(shares))) + np.log(shares)
        model = GraphicalModel(self.model_.sizes, potentials, self.model_.tree)
        return from_cells(model.draw(n if model.possible else 0, generator), self.cuts_, generator, allowed)

    def _state(self) -> State:
        arrays = {"-".join(map(str, group)): potential for group, potential in self.potentials_.items()}
        return State(
            {"bins": [cut.count for cut in self.cuts_], "measured": [list(group) for group in self.measured_]}, arrays
        )

    def _restore(self, state: State) -> None:
        slots = self.encoder_.slots
        self.cuts_ = [Bins(slot, count) for slot, count in zip(slots, state.config["bins"], strict=True)]
        self.measured_ = [tuple(group) for group in state.config["measured"]]
        self.potentials_ = {tuple(map(int, name.split("-"))): array for name, array in state.arrays.items()}
        self.model_ = GraphicalModel([cut.cardinality for cut in self.cuts_], self.potentials_)
