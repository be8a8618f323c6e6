"""A Gaussian copula: every column keeps its own distribution, and normal scores behind the cells are correlated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from synthdata.encoders.base import UNSEEN, AllowedCells, Encoded, State
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.errors import ModelError
from synthdata.models.abilities import DensityMixin, ImputationMixin, Kind
from synthdata.models.copulas.gaussian import constrained, sweep
from synthdata.models.copulas.latent import Choices, Column, shares_of
from synthdata.models.copulas.matching import Blocks, matched
from synthdata.models.draws import even_draws, even_places
from synthdata.models.private_rows import FittedToPrivateRows
from synthdata.progress import Progress

#: with fewer rows than this, making scores even would move each too far from where the correlations put it
EVEN_FROM = 1000
#: numbers with more distinct values than this lie on a number line
EXACT_VALUES = 32
#: for each row so many are simulated at most, and so many in all at least, while correlations are looked for
SIMULATED_EACH, LEAST_SIMULATED = 10, 2_000
#: by so many simulated rows thresholds are set in the end
CALIBRATED_ON = 100_000


class GaussianCopula(FittedToPrivateRows, DensityMixin, ImputationMixin):
    """Normal scores, correlated across columns, behind numbers, categories and nulls.

    A number has one score; an unordered category has one for each of its frequent levels, and a null one of its own
    (see `copulas.latent`). Correlations are those by which simulated rows have the pairs of real ones (see
    `copulas.matching`). What a Gaussian copula cannot say is anything that involves three columns at once, or a curved
    relation between two numbers.

    Args:
        sample_rows: from how many rows the correlations are learnt where there are more.
        passes: how often rows are simulated and correlations moved.
        simulated: how many rows that are at most, and a quarter of it in the first half of the passes; no more than ten
            for each row of the table, whose own chance is greater then.
        draws: over how many simulated rows the probability of a row is averaged.
        rare_threshold: in how many rows a value must occur to be stored.
    """

    name: ClassVar[str] = "copula"
    summary: ClassVar[str] = "correlated normal scores: every column right, pairs roughly, nothing beyond pairs"
    log_prob_kind: ClassVar[Kind] = "estimate"

    columns_: list[Column]
    #: the correlations (scores, scores)
    correlations_: np.ndarray

    def __init__(
        self,
        sample_rows: int = 50_000,
        passes: int = 40,
        simulated: int = 20_000,
        draws: int = 32,
        rare_threshold: int = 5,
    ) -> None:
        self.sample_rows = sample_rows
        self.passes = passes
        self.simulated = simulated
        self.draws = draws
        self.rare_threshold = rare_threshold

    def make_encoder(self) -> TableEncoder:
        """Values are normal scores."""
        return TableEncoder(transform="quantile", rare_threshold=self.rare_threshold, exact_values=EXACT_VALUES)

    def _fit(self, encoded: Encoded, generator: np.random.Generator, progress: Progress) -> None:
        for key in ("sample_rows", "passes", "simulated", "draws"):
            if getattr(self, key) < 1:
                raise ModelError(f"{key} must be 1 or more, found {getattr(self, key)}.")
        self.counts_ = [
            np.bincount(encoded.codes[:, j], minlength=slot.cardinality) for j, slot in enumerate(encoded.slots)
        ]
        self._set_columns([Column.of(slot, of) for slot, of in zip(encoded.slots, self.counts_, strict=True)])
        rows = encoded.take(np.sort(generator.permutation(len(encoded))[: self.sample_rows]))
        most = min(self.simulated, max(SIMULATED_EACH * len(rows), LEAST_SIMULATED))
        first = self.columns_
        blocks = Blocks([column.width for column in first], [column.free for column in first])

        def simulate(correlations: np.ndarray, few: bool) -> np.ndarray:
            scores = generator.standard_normal((max(most // 4, 1) if few else most, len(correlations)))
            scores @= np.linalg.cholesky(correlations).T
            self._calibrate(scores)
            return _expectations(first, self._cells(scores))

        self.correlations_ = matched(
            _expectations(first, rows),
            blocks,
            simulate,
            self.passes,
            lambda share: progress.step(share, "Correlations"),
        )
        scores = generator.standard_normal((CALIBRATED_ON, len(self.correlations_)))
        self._calibrate(scores @ np.linalg.cholesky(self.correlations_).T)

    def _set_columns(self, columns: list[Column]) -> None:
        self.columns_ = columns
        self.starts_ = np.concatenate([[0], np.cumsum([column.width for column in columns])]).astype(int)

    def _calibrate(self, scores: np.ndarray) -> None:
        """Set thresholds by simulated scores (n, d), so that every column has its own frequencies."""
        columns = []
        for column, counts, start in zip(self.columns_, self.counts_, self.starts_[:-1], strict=True):
            own = scores[:, start : start + column.width]
            columns.append(column.calibrated(own, shares_of(counts)) if column.free else column)
        self.columns_ = columns

    def _bounds(self, encoded: Encoded) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The boxes (n, scores) that rows stand for, and the log-rate (n,) of scores with values."""
        n, d = len(encoded), int(self.starts_[-1])
        low, high, slope = np.empty((n, d)), np.empty((n, d)), np.zeros(n)
        for j, column in enumerate(self.columns_):
            own = slice(self.starts_[j], self.starts_[j + 1])
            low[:, own], high[:, own], rate = column.bounds(encoded.codes[:, j], encoded.values[:, j])
            slope += rate
        return low, high, slope

    def _cells(self, scores: np.ndarray) -> Encoded:
        slots = self.encoder_.slots
        codes, values = np.empty((len(scores), len(slots)), dtype=np.int32), np.empty((len(scores), len(slots)))
        for j, column in enumerate(self.columns_):
            codes[:, j], values[:, j] = column.cells(scores[:, self.starts_[j] : self.starts_[j + 1]])
        return Encoded(slots, codes, values)

    def _constrained(self, low: np.ndarray, high: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scores (n, d) inside boxes, and the log-probabilities (n,) that they estimate; columns with lines go first,
        because where scores are known as points nothing has to be simulated.
        """
        first = [j for j, column in enumerate(self.columns_) if column.slot.continuous]
        last = [j for j, column in enumerate(self.columns_) if not column.slot.continuous]
        parts = [np.arange(self.starts_[j], self.starts_[j + 1]) for j in [*first, *last]]
        order = np.concatenate([np.arange(0), *parts])
        lower = np.linalg.cholesky(self.correlations_[np.ix_(order, order)])
        scores = np.empty_like(low)
        scores[:, order], log_weight = constrained(lower, low[:, order], high[:, order], places)
        return scores, log_weight

    def _sample(self, n: int, generator: np.random.Generator) -> Encoded:
        return self._cells(_even_scores(self.correlations_, n, generator))

    def _sample_given(
        self, n: int, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
    ) -> Encoded | None:
        """Rows drawn inside the conditions' boxes, weighted, chosen by weight, and moved on by Gibbs sampling."""
        drawn, d = max(4 * n, 1000), int(self.starts_[-1])
        low, high, log_weight = np.full((drawn, d), -np.inf), np.full((drawn, d), np.inf), np.zeros(drawn)
        for j, wanted in allowed.items():
            found: Choices = self.columns_[j].choices(wanted)
            if not found.share.sum() > 0:
                return self._cells(np.zeros((0, d)))
            chosen = even_draws(found.share, drawn, generator)
            own = slice(self.starts_[j], self.starts_[j + 1])
            low[:, own], high[:, own] = found.low[chosen], found.high[chosen]
            log_weight += found.slope[chosen] - np.log(found.share[chosen])
        scores, inside = self._constrained(low, high, generator.random(low.shape))
        log_weight += inside
        if not np.isfinite(log_weight).any():
            return self._cells(np.zeros((0, d)))
        kept = even_draws(np.exp(log_weight - log_weight.max()), n, generator)
        scores, low, high = scores[kept], low[kept], high[kept]
        self._move(scores, low, high, generator)
        encoded = self._cells(scores)
        values = encoded.values.copy()
        for j, wanted in allowed.items():
            if wanted.low == wanted.high:
                values[encoded.codes[:, j] == 0, j] = wanted.low
            elif self.columns_[j].slot.continuous:
                values[:, j] = np.clip(values[:, j], wanted.low, wanted.high)
        return Encoded(encoded.slots, encoded.codes, values)

    def _move(
        self, scores: np.ndarray, low: np.ndarray, high: np.ndarray, generator: np.random.Generator, passes: int = 3
    ) -> None:
        precision = np.linalg.inv(self.correlations_)
        for _ in range(passes):
            sweep(precision, scores, low, high, generator)

    def _log_prob(self, encoded: Encoded) -> np.ndarray:
        # The same simulated places for every row: a row's figure is its own, and those of all rows add up to one.
        d, generator = int(self.starts_[-1]), np.random.default_rng(0)
        places = np.column_stack([even_places(self.draws, generator) for _ in range(d)] or [np.empty((self.draws, 0))])
        out = np.empty(len(encoded))
        step = max(1, 4_000_000 // max(d, 1))
        for first in range(0, len(encoded), step):
            rows = np.arange(first, min(first + step, len(encoded)))
            low, high, slope = self._bounds(encoded.take(rows))
            drawn = [self._constrained(low, high, np.broadcast_to(place, low.shape))[1] for place in places]
            out[rows] = np.logaddexp.reduce(drawn, axis=0) - np.log(self.draws) + slope
        return out

    def _fill(self, encoded: Encoded, generator: np.random.Generator, draws: int = 8) -> Encoded:
        """Each row's scores are drawn ``draws`` times, one is kept by its weight and moved on by Gibbs sampling."""
        low, high, _ = self._bounds(encoded)
        for j, column in enumerate(self.columns_):
            if len(column.singles) and column.singles[0] == column.slot.missing_code:
                unknown = encoded.codes[:, j] == UNSEEN
                low[unknown, self.starts_[j]] = column.thresholds[0]
        best, best_key = np.zeros_like(low), np.full(len(low), -np.inf)
        for _ in range(draws):
            scores, log_weight = self._constrained(low, high, generator.random(low.shape))
            # The largest of log-weight plus Gumbel noise is a draw in proportion to the weights.
            key = log_weight + generator.gumbel(size=len(low))
            better = (key > best_key) | np.isneginf(best_key)
            best[better], best_key[better] = scores[better], key[better]
        self._move(best, low, high, generator)
        filled, known = self._cells(best), encoded.codes != UNSEEN
        return Encoded(
            encoded.slots, np.where(known, encoded.codes, filled.codes), np.where(known, encoded.values, filled.values)
        )

    def _state(self) -> State:
        arrays = {"correlations": self.correlations_}
        for j, column in enumerate(self.columns_):
            arrays |= {f"counts {j}": self.counts_[j], f"edges {j}": column.edges, f"thresholds {j}": column.thresholds}
        return State({}, arrays)

    def _restore(self, state: State) -> None:
        self.correlations_ = state.arrays["correlations"]
        slots, arrays = self.encoder_.slots, state.arrays
        self.counts_ = [arrays[f"counts {j}"] for j in range(len(slots))]
        made = [Column.of(slot, counts) for slot, counts in zip(slots, self.counts_, strict=True)]
        self._set_columns(
            [
                replace(column, edges=arrays[f"edges {j}"], thresholds=arrays[f"thresholds {j}"])
                for j, column in enumerate(made)
            ]
        )


def _expectations(columns: list[Column], encoded: Encoded) -> np.ndarray:
    """What cells say of their scores (n, d)."""
    parts = [column.expectations(encoded.codes[:, j], encoded.values[:, j]) for j, column in enumerate(columns)]
    return np.hstack([np.zeros((len(encoded), 0)), *parts])


def _even_scores(correlations: np.ndarray, n: int, generator: np.random.Generator) -> np.ndarray:
    """Correlated scores (n, d), each column's as evenly spread as a normal distribution can be."""
    from scipy.special import ndtri

    scores = generator.standard_normal((n, len(correlations))) @ np.linalg.cholesky(correlations).T
    if n >= EVEN_FROM:
        # Latin hypercube sampling with dependence (Packham and Schmidt 2010).
        for i in range(scores.shape[1]):
            scores[np.argsort(scores[:, i]), i] = ndtri(np.sort(even_places(n, generator)))
    return np.asarray(scores)
