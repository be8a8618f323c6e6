"""AIM: the marginals that the model gets most wrong are measured, one after the other, as far as the budget goes."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from synthdata.errors import ModelError
from synthdata.models.marginal.adaptive import Fitted, adaptive
from synthdata.models.marginal.marginals import MarginalSynthesizer
from synthdata.models.marginal.measured_cells import MeasuredCells
from synthdata.progress import Progress
from synthdata.table.schema import Schema

#: with so many columns a round takes some seconds
MOST_COLUMNS = 200


class AIM(MarginalSynthesizer):
    """Adaptive and iterative measurement of marginals (McKenna, Mullins, Sheldon and Miklau 2022).

    Args:
        degree: the widest marginals that are measured, in columns.
        bins: about how many bins a number line is cut into.
        rounds: into how many rounds per column the budget is planned; fewer are needed.
        measuring: which share of a round's budget is for measuring, the rest for choosing what to measure.
        model_size: how large the model may become, in MB.
        iterations: how many steps the model takes after each measurement.
        rare_threshold: in how many rows a value must occur to be stored, where no privacy is asked for.
    """

    name: ClassVar[str] = "aim"
    summary: ClassVar[str] = "marginals chosen and measured with differential privacy; the best at small epsilon"

    def __init__(
        self,
        degree: int = 2,
        bins: int = 32,
        rounds: int = 12,
        measuring: float = 0.9,
        model_size: float = 4.0,
        iterations: int = 40,
        rare_threshold: int = 5,
    ) -> None:
        self.degree = degree
        self.bins = bins
        self.rounds = rounds
        self.measuring = measuring
        self.model_size = model_size
        self.iterations = iterations
        self.rare_threshold = rare_threshold

    def check_schema(self, schema: Schema) -> None:
        """Refuse tables with so many columns that looking at all their pairs in each round would take hours."""
        super().check_schema(schema)
        if (found := len(schema.modelled)) > MOST_COLUMNS:
            raise ModelError(
                f"The model 'aim' weighs every pair of columns in each of its rounds, and {found:,} columns are more "
                f"than the {MOST_COLUMNS} with which it ends in minutes.",
                "Choose mst, which weighs each pair once, or leave columns out ('drop': true in the schema).",
            )

    def _measure(self, cells: MeasuredCells, mu: float, generator: np.random.Generator, progress: Progress) -> Fitted:
        return adaptive(
            cells,
            mu,
            generator,
            progress,
            degree=self.degree,
            rounds=self.rounds,
            measuring=self.measuring,
            model_cells=self.model_size * 2**20 / 8,
            iterations=self.iterations,
        )
