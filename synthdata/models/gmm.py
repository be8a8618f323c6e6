"""A Gaussian mixture over encoded rows, in which every question about a row has an exact answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from synthdata.encoders.base import AllowedCells, Encoded, State
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.errors import ModelError, did_you_mean
from synthdata.models.abilities import DensityMixin, ImputationMixin
from synthdata.models.mixtures.draw import draw, draw_given, fill
from synthdata.models.mixtures.fit import learn
from synthdata.models.mixtures.marginals import evened, laid_to_fit
from synthdata.models.mixtures.mixture import Mixture, Rows, joint_log_density, log_sum
from synthdata.models.mixtures.variational import learn_variational
from synthdata.models.private_rows import FittedToPrivateRows
from synthdata.progress import Progress
from synthdata.table.table import Table

#: numbers with more distinct values than this lie on a number line, on which they can be correlated with others
EXACT_VALUES = 32


class GaussianMixture(FittedToPrivateRows, DensityMixin, ImputationMixin):
    """A mixture whose components are categorical in codes and jointly normal in values, fitted by EM.

    Their number is the one that an information criterion prefers (see `mixture_fit.information`), or what a Dirichlet
    process leaves (see `mixture_variational`). Number lines are laid so that every column keeps its own distribution
    (see `mixture_marginals`).

    Args:
        max_components: the largest number of components tried.
        components: how their number is found. ``bic`` tries growing numbers under an information criterion,
            ``variational`` starts from the largest and lets a Dirichlet process empty those that are not needed.
        rare_threshold: in how many rows a value must occur to be stored, and how many rows a component must have.
        sample_rows: on how many rows the number of components is chosen where there are more.
        passes: at most how many passes of expectation maximisation.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"x": np.arange(200.0) % 7, "y": np.arange(200.0) % 7 > 3})
    >>> model = GaussianMixture().fit(table, seed=0)
    >>> model.sample(3, given={"y": True}, seed=1)["x"].between(4, 6).all()
    np.True_
    """

    name: ClassVar[str] = "gmm"
    summary: ClassVar[str] = "a Gaussian mixture: fast, with exact densities, conditions and imputation"

    mixture_: Mixture
    #: per row in nats, for each number of components tried: the information criterion, or the part of the variational
    #: bound that the rows make up; higher is better
    scores_: dict[int, float]
    #: how many rows the number of components was chosen on
    deciding_rows_: int

    def __init__(
        self,
        max_components: int = 256,
        components: Literal["bic", "variational"] = "bic",
        rare_threshold: int = 5,
        sample_rows: int = 12_000,
        passes: int = 30,
    ) -> None:
        self.max_components = max_components
        self.components = components
        self.rare_threshold = rare_threshold
        self.sample_rows = sample_rows
        self.passes = passes

    def make_encoder(self) -> TableEncoder:
        """Values are normal scores."""
        return TableEncoder(transform="quantile", rare_threshold=self.rare_threshold, exact_values=EXACT_VALUES)

    @property
    def components_(self) -> int:
        """The number of components."""
        return self.mixture_.size

    @property
    def notes(self) -> list[str]:
        """What was done to the table in learning it that a user should know of, in plain words."""
        notes = super().notes
        if self.deciding_rows_ < self.rows_:
            notes = [
                *notes,
                f"The {self.components_} components were chosen on {self.deciding_rows_:,} of the {self.rows_:,} rows.",
            ]
        return notes

    def _fit(self, encoded: Encoded, generator: np.random.Generator, progress: Progress) -> None:
        for key in ("max_components", "sample_rows", "passes"):
            if getattr(self, key) < 1:
                raise ModelError(f"{key} must be 1 or more, found {getattr(self, key)}.")
        if self.components not in ("bic", "variational"):
            raise ModelError(
                f"components must be 'bic' or 'variational', found {self.components!r}.",
                did_you_mean(str(self.components), ["bic", "variational"]),
            )
        fit = learn_variational if self.components == "variational" else learn
        learnt = fit(
            encoded,
            max_components=self.max_components,
            least=self.rare_threshold,
            sample_rows=self.sample_rows,
            passes=self.passes,
            generator=generator,
            report=progress.step,
        )
        self.mixture_, self.scores_, self.deciding_rows_ = learnt.mixture, learnt.scores, learnt.deciding_rows
        self.encoder_.columns = laid_to_fit(self.encoder_, self.mixture_)
        self.mixture_ = replace(self.mixture_, slots=self.encoder_.slots)

    def _sample(self, n: int, generator: np.random.Generator) -> Encoded:
        return evened(self.mixture_, draw(self.mixture_, n, generator), generator)

    def _sample_given(
        self, n: int, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
    ) -> Encoded | None:
        return draw_given(self.mixture_, n, allowed, generator)

    def _log_prob(self, encoded: Encoded) -> np.ndarray:
        step = max(1, 4_000_000 // self.mixture_.size)
        parts = [encoded.take(np.arange(i, min(i + step, len(encoded)))) for i in range(0, len(encoded), step)]
        return np.concatenate(
            [np.empty(0), *(log_sum(joint_log_density(self.mixture_, Rows.of(part))) for part in parts)]
        )

    def memberships(self, table: Table | pd.DataFrame) -> np.ndarray:
        """The probabilities (n, components) that each component made each row of a table; rows add up to 1.

        Raises:
            SchemaError: a column is missing or of another kind.
        """
        encoded = self.encoder_.encode(self._rows_of(table), None)
        joint = joint_log_density(self.mixture_, Rows.of(encoded))
        shares: np.ndarray = np.exp(joint - log_sum(joint)[:, None])
        return shares

    def _fill(self, encoded: Encoded, generator: np.random.Generator) -> Encoded:
        return fill(self.mixture_, encoded, generator)

    def _state(self) -> State:
        scores = {str(size): score for size, score in self.scores_.items()}
        mixture = self.mixture_
        return State(
            {"scores": scores, "deciding_rows": self.deciding_rows_},
            {
                "weights": mixture.weights,
                "shares": mixture.shares,
                "means": mixture.means,
                "covariances": mixture.covariances,
            },
        )

    def _restore(self, state: State) -> None:
        self.scores_ = {int(size): score for size, score in state.config["scores"].items()}
        self.deciding_rows_ = state.config["deciding_rows"]
        self.mixture_ = Mixture(slots=self.encoder_.slots, **state.arrays)
