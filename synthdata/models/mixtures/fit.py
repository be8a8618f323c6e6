"""Learning a mixture: a first guess by k-means, expectation maximisation, and the number of components by BIC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from synthdata.encoders.base import Encoded
from synthdata.models.mixtures.mixture import Mixture, Moments, Rows

#: the numbers of components that are tried, up to the most that is allowed
LADDER = (1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 128, 256, 512, 1024)
#: on tables of more rows than this the steps between them are wide and one first guess is made for each
SMALL = 5_000
#: how many pseudo-rows of the covariance that all components share are tried, per dimension
POOLED = (1.0, 8.0, 1000.0)
#: how many patterns of values carried are told apart in learning, and while the number of components is looked for
PATTERNS, SEARCH_PATTERNS = 64, 16
#: rows worked on at once
CHUNK = 40_000
#: expectation maximisation ends when a pass gains less than this per row, in nats
TOLERANCE = 5e-4
#: passes while the number of components is looked for
SEARCH_PASSES = 10
#: a component must have this many rows on average for a number of components to be tried
ROWS_EACH = 20


@dataclass(frozen=True)
class Learnt:
    """A mixture, what was tried on the way (the score of each number of components), and how many rows decided."""

    mixture: Mixture
    scores: dict[int, float]
    deciding_rows: int


Report = Callable[[float, str], None]


def learn(
    encoded: Encoded,
    *,
    max_components: int,
    least: int,
    sample_rows: int,
    passes: int,
    generator: np.random.Generator,
    report: Report,
) -> Learnt:
    """Choose the number of components on at most ``sample_rows`` rows and fit all rows (n, d).

    Numbers of components are tried upwards until the score has fallen twice, each with covariances of their own and
    with such as are drawn towards a common one; a component that is left with fewer than ``least`` rows is dropped.
    """
    n = len(encoded)
    prior = Prior.of(encoded)
    chosen = np.sort(generator.choice(n, sample_rows, replace=False)) if n > sample_rows else np.arange(n)
    part = encoded.take(chosen) if len(chosen) < n else encoded
    rows = Rows.of(part, min(SEARCH_PATTERNS, 1 + len(part) // 50), np.float32)
    sizes = ladder(len(part), max_components)
    work, done = 1.5 * sum(sizes), 0.0
    guesses = Guesses(part, generator)
    best, best_prior, scores = start(part, rows, np.ones((len(part), 1)), prior), prior, dict[int, float]()
    falls = 0
    for size in sizes:
        score, found = -np.inf, None
        for option in options(prior, size, part, best_prior, len(scores) > 2):
            for guess in guesses.of(size):
                report(done / work, f"up to {size} components")
                mixture = start(part, rows, np.eye(size, dtype=np.float32)[guess], option)
                limit = least * len(part) / n
                mixture, moments = improve(mixture, [rows], option, limit, min(passes, SEARCH_PASSES))
                value = information(mixture, moments, n, option) / n
                if value > score:
                    score, found = value, (mixture, option)
        done += size
        falls = falls + 1 if scores and score <= max(scores.values()) else 0
        if found is not None and not falls:
            best, best_prior = found
        scores[size] = score
        if falls == 2 or (falls and size > max(LADDER[:8])):
            break
    parts = [encoded.take(np.arange(first, min(first + CHUNK, n))) for first in range(0, n, CHUNK)]
    said = partial(report, done / work, "all rows")
    laid = [Rows.of(parts[0], PATTERNS, np.float32)] if len(parts) == 1 else parts
    best, _ = improve(best, laid, best_prior, least, passes if len(parts) == 1 else max(3, passes // 4), said)
    return Learnt(best, scores, len(part))


def ladder(n: int, most: int) -> list[int]:
    """The numbers of components to try on ``n`` rows."""
    steps = LADDER if n <= SMALL else tuple(size for size in LADDER if size in (1, 4) or size >= 16)
    sizes = [size for size in steps if size <= most and (size == 1 or size * ROWS_EACH <= n)]
    return [*sizes, most] if sizes[-1] < most and most * ROWS_EACH <= n else sizes


def options(prior: Prior, size: int, part: Encoded, best: Prior, settled: bool) -> list[Prior]:
    """The priors to try for a number of components: how strongly covariances are drawn towards a common one."""
    c = len(prior.means)
    if size == 1 or c < 2:
        return [prior]
    if settled and len(part) > SMALL:
        return [best]
    return [replace(prior, pooled=strength * c) for strength in POOLED]


def improve(
    mixture: Mixture,
    parts: list[Rows] | list[Encoded],
    prior: Prior,
    least: float,
    passes: int,
    report: Callable[[], None] = lambda: None,
) -> tuple[Mixture, Moments]:
    """Passes of expectation maximisation until hardly anything is gained; starved components are dropped on the way."""
    before, moments = -np.inf, Moments.empty(mixture)
    for _ in range(max(passes, 1)):
        moments = Moments.empty(mixture)
        for part in parts:
            report()
            moments.add(mixture, part if isinstance(part, Rows) else Rows.of(part, PATTERNS, np.float32))
        fed = moments.weights >= min(least, moments.weights.max())
        moments = moments.keep(fed)
        mixture = maximise(mixture.keep(fed), moments, prior)
        if fed.all() and moments.log_likelihood - before < TOLERANCE * moments.rows:
            break
        before = moments.log_likelihood
    return mixture, moments


def information(mixture: Mixture, moments: Moments, n: int, prior: Prior) -> float:
    """The Bayesian information criterion as an approximate log-evidence of ``n`` rows: higher is better.

    What a component's parameters are estimated from is its own share of the rows, so each component is charged half the
    logarithm of *its* rows per parameter, as in Figueiredo and Jain (2002), "Unsupervised learning of finite mixture
    models", section 3. A code that a component expects in less than one row is no parameter of it, and a covariance
    that is drawn towards a common one is paid by the component only as far as it is its own. Where the likelihood is
    that of fewer than ``n`` rows, it flatters by half a nat per parameter and row that one of them stands for.
    """
    c = mixture.means.shape[1]
    used = (moments.codes >= 1).astype(float)
    per_slot = np.add.reduceat(used, mixture.starts[:-1], axis=0) if len(mixture.slots) else np.zeros((1, mixture.size))
    own = moments.carried / np.maximum(moments.carried + prior.pooled, 1e-12)
    shape = c * (c + 1) / 2
    free = np.maximum(per_slot - 1, 0).sum(axis=0) + (moments.carried >= 1) * (c + own * shape)
    scale = n / max(moments.rows, 1)
    rows = np.log(np.maximum(moments.weights * scale, 1.0))
    common = float(mixture.weights @ (1 - own)) * shape
    charge = (free * (rows + scale - 1)).sum() + (common + mixture.size - 1) * (np.log(n) + scale - 1)
    return float(moments.log_likelihood * scale - 0.5 * charge)


@dataclass(frozen=True)
class Prior:
    """What keeps parameters away from the edge: pseudo-rows that follow the whole table.

    ``codes`` pseudo-rows per component with the table's own code shares ``shares`` (sum of cardinalities,), ``values``
    pseudo-rows with the variances ``variances`` (c,) times ``shrink``, and ``pooled`` pseudo-rows with the covariance
    that is common to the components.
    """

    shares: np.ndarray
    means: np.ndarray
    variances: np.ndarray
    codes: float = 2.0
    values: float = 1.0
    shrink: float = 0.05
    pooled: float = 0.0

    @classmethod
    def of(cls, encoded: Encoded) -> Prior:
        """The prior that a table (n, d) gives."""
        parts = []
        for j, slot in enumerate(encoded.slots):
            counts = np.bincount(encoded.codes[:, j], minlength=slot.cardinality) + 0.5
            parts.append(counts / counts.sum())
        values = encoded.values[:, [j for j, slot in enumerate(encoded.slots) if slot.continuous]]
        count = np.maximum((~np.isnan(values)).sum(axis=0), 1)
        mean = np.nansum(values, axis=0) / count
        spread = np.nansum((values - mean) ** 2, axis=0) / count
        return cls(np.concatenate([*parts, np.empty(0)]), mean, np.where(spread > 1e-8, spread, 1.0))


def maximise(mixture: Mixture, moments: Moments, prior: Prior) -> Mixture:
    """The parameters that fit expected sufficient statistics best, given the prior."""
    weights = moments.weights / moments.weights.sum()
    codes = moments.codes + prior.codes * prior.shares[:, None]
    total = np.add.reduceat(codes, mixture.starts[:-1], axis=0) if len(mixture.slots) else codes
    shares = codes / np.repeat(total, np.diff(mixture.starts), axis=0)
    counts = moments.carried + prior.values
    means = (moments.first + prior.values * prior.means) / counts[:, None]
    across = moments.first[:, :, None] * means[:, None, :]
    scatter = moments.second - across - across.transpose(0, 2, 1)
    scatter += moments.carried[:, None, None] * means[:, :, None] * means[:, None, :]
    scatter += prior.values * np.diag(prior.variances * prior.shrink)
    drawn_to = prior.pooled * common_covariance(scatter, moments.carried.sum())
    covariances = (scatter + drawn_to) / (counts + prior.pooled)[:, None, None] + 1e-6 * np.diag(prior.variances)
    return Mixture(mixture.slots, weights, shares, means, (covariances + covariances.transpose(0, 2, 1)) / 2)


def common_covariance(scatter: np.ndarray, rows: float) -> np.ndarray:
    """The covariance (c, c) within components of scatter matrices (k, c, c), drawn towards its diagonal.

    The pull is that of a tenth of a pseudo-row per dimension; it keeps the matrix regular where rows are few.
    """
    k, c = len(scatter), scatter.shape[1]
    common = scatter.sum(axis=0) / (rows + k)
    kept = (rows + 1) / (rows + 1 + 0.1 * c)
    return np.asarray(kept * common + (1 - kept) * np.diag(np.diag(common)))


class Guesses:
    """First guesses of which rows belong together, by k-means on rows as points.

    On small tables there are two: as the columns come, and with as much spread in the categories together as in the
    numbers together, so that a class which few columns stand for still seeds components.
    """

    def __init__(self, encoded: Encoded, generator: np.random.Generator) -> None:
        coded, lines = embedding(encoded, generator)
        self.generator = generator
        spread = [float((x - x.mean(axis=0)).var(axis=0).sum()) if x.size else 0.0 for x in (coded, lines)]
        both = spread[0] > 0 and spread[1] > 0
        balance = np.sqrt(spread[1] / spread[0]) if both else 1.0
        self.points = [np.column_stack([coded * balance, lines]).astype(np.float32)]
        if both and len(encoded) <= SMALL:
            self.points.append(np.column_stack([coded, lines]).astype(np.float32))

    def of(self, size: int) -> list[np.ndarray]:
        """Partitions (n,) of the rows into ``size`` parts."""
        if size == 1:
            return [np.zeros(len(self.points[0]), dtype=np.int64)]
        return [k_means(x, size, self.generator) for x in self.points]


def embedding(encoded: Encoded, generator: np.random.Generator, width: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Rows as points (n, e) by their codes and (n, c) by their values.

    Ordered columns are on their number line with variance 1, the others go through a random projection.
    """
    line = encoded.number_line()
    coded, lines = [np.zeros((len(encoded), 0))], [np.zeros((len(encoded), 0))]
    unordered = np.zeros((len(encoded), width))
    for j, slot in enumerate(encoded.slots):
        if slot.ordered or slot.continuous:
            x = line[:, j]
            known = ~np.isnan(x)
            centre, spread = (x[known].mean(), x[known].std()) if known.any() else (0.0, 0.0)
            scaled = np.where(known, (x - centre) / (spread if spread > 1e-8 else 1.0), 0.0)
            (lines if slot.continuous else coded).append(scaled[:, None])
        else:
            directions = generator.normal(size=(slot.cardinality, width)) / np.sqrt(width)
            unordered += directions[encoded.codes[:, j]]
    return np.column_stack([*coded, unordered]), np.column_stack(lines)


def k_means(x: np.ndarray, k: int, generator: np.random.Generator, passes: int = 8) -> np.ndarray:
    """A partition (n,) of points (n, e) by k-means, seeded as in Arthur and Vassilvitskii (2007), "k-means++"."""
    from scipy.sparse import csr_matrix

    n = len(x)
    norm = (x**2).sum(axis=1)
    centres = [x[generator.integers(n)]]
    near = norm - 2 * x @ centres[0] + centres[0] @ centres[0]
    for _ in range(k - 1):
        near = np.maximum(near, 0.0)
        total = np.cumsum(near, dtype=np.float64)
        chosen = min(int(np.searchsorted(total, generator.random() * total[-1])), n - 1)
        centres.append(x[chosen])
        near = np.minimum(near, norm - 2 * x @ x[chosen] + x[chosen] @ x[chosen])
    centre = np.array(centres)
    label = np.zeros(n, dtype=np.int64)
    for _ in range(passes if k > 1 else 0):
        label = np.argmin((centre**2).sum(axis=1) - 2 * x @ centre.T, axis=1)
        count = np.bincount(label, minlength=k)
        total = csr_matrix((np.ones(n, x.dtype), label, np.arange(n + 1)), shape=(n, k)).T @ x
        centre = np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], centre)
    return label


def start(encoded: Encoded, rows: Rows, responsibilities: np.ndarray, prior: Prior) -> Mixture:
    """The mixture that responsibilities (n, k) give."""
    k = responsibilities.shape[1]
    flat = Mixture(
        encoded.slots,
        np.full(k, 1 / k),
        np.repeat(prior.shares[:, None], k, axis=1),
        np.repeat(prior.means[None], k, axis=0),
        np.repeat(np.diag(prior.variances)[None], k, axis=0),
    )
    moments = Moments.empty(flat)
    moments.add(flat, rows, responsibilities)
    return maximise(flat, moments, prior)
