"""What a model may be able to do besides sampling: say how probable rows are, fill in nulls, place rows in a space.

The protocols say what callers may rely on; the mixins do everything but the family's own arithmetic.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from synthdata.encoders.base import Encoded
from synthdata.errors import ModelError
from synthdata.models.base import Synthesizer
from synthdata.models.conditioning import Conditions
from synthdata.models.drawing import Keeper
from synthdata.models.imputing import fill_nulls
from synthdata.random import SeedTree
from synthdata.table.table import Table

Kind = Literal["exact", "bound", "estimate"]


@runtime_checkable
class HasLogProb(Protocol):
    """A model that says how probable a row is; ``log_prob_kind`` is ``exact``, ``bound`` or ``estimate``."""

    log_prob_kind: ClassVar[Kind]

    def log_prob(self, table: Table | pd.DataFrame) -> np.ndarray:
        """The log-density (n,) in nats, in the table's own units."""
        ...


@runtime_checkable
class HasRecordLoss(Protocol):
    """A model that says, to whoever audits it, the loss that it minimises, for each row by itself."""

    def record_loss(self, table: Table | pd.DataFrame) -> np.ndarray:
        """One number (n,) per row, lower where the model accounts for the row better; any scale will do."""
        ...


@runtime_checkable
class ScoresAnomalies(Protocol):
    """A model that says how unusual a row is."""

    def anomaly_score(self, table: Table | pd.DataFrame) -> np.ndarray:
        """One number (n,) per row, higher where the row is less usual."""
        ...


@runtime_checkable
class Imputes(Protocol):
    """A model that fills nulls given the rest of the row."""

    def impute(self, table: Table | pd.DataFrame, *, seed: int | None = None) -> pd.DataFrame:
        """The table with every null replaced by a draw from its conditional distribution."""
        ...


@runtime_checkable
class HasLatent(Protocol):
    """A model in which every row has a place in a space of fewer or other dimensions."""

    def latent(self, table: Table | pd.DataFrame) -> np.ndarray:
        """The places (n, d) of rows; nulls and unknown values are left out of account."""
        ...


@runtime_checkable
class Interpolates(Protocol):
    """A model that knows the rows between two rows."""

    def interpolate(self, a: Table | pd.DataFrame, b: Table | pd.DataFrame, steps: int = 5) -> pd.DataFrame:
        """For each row of ``a`` and the same row of ``b`` the likeliest rows at ``steps`` places between them."""
        ...


#: the abilities by the name that lists of models show
ABILITIES: dict[str, type] = {
    "log_prob": HasLogProb,
    "anomaly_score": ScoresAnomalies,
    "impute": Imputes,
    "latent": HasLatent,
    "interpolate": Interpolates,
}


class DensityMixin(Synthesizer):
    """`log_prob` and `anomaly_score` for a family that fills in `_log_prob`."""

    log_prob_kind: ClassVar[Kind] = "exact"

    @abstractmethod
    def _log_prob(self, encoded: Encoded) -> np.ndarray:
        """The log-density (n,) of codes and values; `UNSEEN` cells are integrated out."""

    def log_prob(self, table: Table | pd.DataFrame) -> np.ndarray:
        """The log-density (n,) in nats, in the table's own units, of the modelled columns.

        A column on a grid (whole numbers, fixed decimals, dates of a unit) counts with the probability of its value,
        by the density in the middle of its step; a number of unlimited decimals with its density, or its probability
        where it is a value that many rows share. A category that was too rare to be stored, or never seen, counts
        with the share of such cells in the training rows, and the rest of its row as usual. A number beyond those
        learnt counts with less the further it lies beyond them.

        Raises:
            SchemaError: a column is missing or of another kind.
        """
        encoder = self.encoder_
        learnt = encoder.layout.forward(self._rows_of(table))
        encoded = encoder.encode_learnt(learnt, None)
        known = self._log_prob(encoded) + encoder.log_jacobian(encoded)
        return known + encoder.log_unseen(encoded) + encoder.log_tails(learnt)

    def anomaly_score(self, table: Table | pd.DataFrame) -> np.ndarray:
        """Minus the log-density (n,): higher where the row is less usual."""
        return -self.log_prob(table)


class ImputationMixin(Synthesizer):
    """`impute` for a family that fills in `_fill`."""

    @abstractmethod
    def _fill(self, encoded: Encoded, generator: np.random.Generator) -> Encoded:
        """The same rows with every `UNSEEN` cell drawn given the others, and not as missing if it can be helped."""

    def impute(self, table: Table | pd.DataFrame, *, seed: int | None = None) -> pd.DataFrame:
        """The table with every null of a modelled column drawn from its conditional distribution; the index is kept.

        Columns that are made up afresh stay as they are, and so does one in which the model has never seen a value. The
        schema's rules hold in the rows that are filled; where nothing drawn keeps them, the row's nulls in columns that
        rules speak of stay, and ``attrs["rows_left"]`` of the frame counts such rows.

        Raises:
            SchemaError: a column is missing or of another kind.
        """
        rows = self._rows_of(table)
        frame = (table.frame if isinstance(table, Table) else table).copy()
        seeds = SeedTree(seed).child("impute")
        generator, own = seeds.generator("rows"), seeds.generator("combinations")
        return fill_nulls(frame, rows, self.schema_, self.encoder_, lambda encoded: self._fill(encoded, generator), own)


class LatentMixin(Synthesizer):
    """`latent` and `interpolate` for a family that fills in `_latent` and `_rows_at`."""

    @abstractmethod
    def _latent(self, encoded: Encoded) -> np.ndarray:
        """The places (n, d) of encoded rows; `UNSEEN` cells are left out of account."""

    @abstractmethod
    def _rows_at(self, latent: np.ndarray) -> Encoded:
        """The likeliest rows at places (n, d), without chance."""

    def latent(self, table: Table | pd.DataFrame) -> np.ndarray:
        """The places (n, d) of rows in the model's latent space, of the modelled columns.

        Raises:
            SchemaError: a column is missing or of another kind.
        """
        return self._latent(self.encoder_.encode(self._rows_of(table), None))

    def interpolate(self, a: Table | pd.DataFrame, b: Table | pd.DataFrame, steps: int = 5) -> pd.DataFrame:
        """The likeliest rows (n * steps, modelled columns) on the straight way from rows ``a`` (n, …) to rows ``b``.

        The ``steps`` rows of each pair follow each other; the first and the last are what the model makes of the
        pair itself, which need not be the pair. Rows that break a rule of the schema are left out: the index tells the
        place of each row as if none were, and ``attrs["rows_left_out"]`` how many are.

        Raises:
            ModelError: ``steps`` is no whole number of 2 or more, or the tables have different lengths.
            SchemaError: a column is missing or of another kind.
        """
        if not hasattr(steps, "__index__") or steps < 2:
            raise ModelError(f"steps must be a whole number of 2 or more, found {steps}.")
        if len(a) != len(b):
            raise ModelError(f"Rows are taken in pairs, but there are {len(a):,} and {len(b):,}.")
        start, end = self.latent(a), self.latent(b)
        way = np.linspace(0.0, 1.0, steps)[:, None]
        places = start[:, None] * (1 - way) + end[:, None] * way
        rows = self._rows_at(places.reshape(len(start) * steps, start.shape[1]))
        frame, sound = self.encoder_.decode_sound(rows)
        kept = Keeper(self.schema_, Conditions(), self.encoder_).keep(frame[sound], [])
        if len(kept) < len(frame):
            kept.attrs["rows_left_out"] = len(frame) - len(kept)
        return kept
