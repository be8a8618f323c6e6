"""MST: a spanning tree of pairs of columns, chosen and measured with noise."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from synthdata.models.marginal.adaptive import Fitted, spanning_tree
from synthdata.models.marginal.marginals import MarginalSynthesizer
from synthdata.models.marginal.measured_cells import MeasuredCells
from synthdata.progress import Progress


class MST(MarginalSynthesizer):
    """A maximum spanning tree of marginals (McKenna, Miklau and Sheldon 2021, "Winning the NIST contest").

    A third of the budget each goes to the columns by themselves, to the choice of the tree, and to its pairs.

    Args:
        bins: about how many bins a number line is cut into.
        iterations: how many steps the model takes to the measurements.
        rare_threshold: in how many rows a value must occur to be stored, where no privacy is asked for.
    """

    name: ClassVar[str] = "mst"
    summary: ClassVar[str] = "a tree of pairs of columns, measured with differential privacy; quick"

    def __init__(self, bins: int = 32, iterations: int = 200, rare_threshold: int = 5) -> None:
        self.bins = bins
        self.iterations = iterations
        self.rare_threshold = rare_threshold

    def _measure(self, cells: MeasuredCells, mu: float, generator: np.random.Generator, progress: Progress) -> Fitted:
        return spanning_tree(cells, mu, generator, progress, iterations=self.iterations)
