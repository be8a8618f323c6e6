"""Families that have a private form by what they learn from: rows drawn from a model that is private already."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from synthdata.models.aim import AIM, MOST_COLUMNS
from synthdata.models.base import Synthesizer
from synthdata.models.marginal.marginals import MarginalSynthesizer
from synthdata.models.mst import MST
from synthdata.privacy.private_table import Guarded
from synthdata.progress import Progress
from synthdata.table.schema import Schema
from synthdata.table.table import Table

#: so many rows are drawn at least, and at most; between these as many as there are, up to noise
FEWEST, MOST = 1_000, 100_000


class FittedToPrivateRows(Synthesizer):
    """A family that under a privacy budget learns from rows drawn from `aim`, as it would from any rows.

    The whole budget goes to `aim`, or to `mst` where there are too many columns for that, the only one to see real
    rows. What is made of its rows costs nothing more, since differential privacy is closed under post-processing (Dwork
    and Roth 2014, proposition 2.1): the family's own figures, densities and draws stand under the same promise. Nothing
    can be learnt that the first model has not, so the family is for what it can do besides drawing rows.
    """

    #: the model that sees the rows
    private_stage: ClassVar[type[MarginalSynthesizer]] = AIM

    def _fit_privately(
        self, rows: Guarded[Table], schema: Schema, generator: np.random.Generator, progress: Progress
    ) -> None:
        first = (self.private_stage if len(schema.modelled) <= MOST_COLUMNS else MST)()
        first._fit_privately(rows, schema, generator, progress)
        count = int(np.clip(first.rows_, FEWEST, MOST))
        drawn = Table.of(first.sample(count, seed=int(generator.integers(2**62))), first.schema_.kept, strict=False)
        rows.ledger.method = (
            f"{rows.ledger.method} {self.name} was then fitted to {count:,} rows drawn from that model, which looks at "
            "no real row and costs nothing more (post-processing)."
        )
        self.schema_, self.rows_ = drawn.schema, first.rows_
        self.encoder_ = self.make_encoder().fit(drawn, generator)
        self._fit(self.encoder_.encode(drawn, generator), generator, progress)
