"""Learning a mixture: a first guess by k-means, expectation maximisation, and the number of components by BIC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from synthdata.encoders.base import Encoded
from synthdata.models.mixture import Mixture, Moments, Rows

#: the numbers of components that are tried, up to the most that is allowed
LADDER = (1, 4, 16, 32, 64, 128, 256, 512, 1024)
#: how many patterns of values carried are told apart in learning
PATTERNS = 64
#: rows worked on at once
CHUNK = 40_000
#: expectation maximisation ends when a pass gains less than this per row, in nats
TOLERANCE = 5e-4
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

    Numbers of components are tried upwards until the score falls; a component that is left with fewer than ``least``
    rows is dropped.
    """
    n = len(encoded)
    prior = Prior.of(encoded)
    chosen = np.sort(generator.choice(n, sample_rows, replace=False)) if n > sample_rows else np.arange(n)
    part = encoded.take(chosen) if len(chosen) < n else encoded
    rows = Rows.of(part, PATTERNS)
    sizes = [size for size in LADDER if size <= max_components and (size == 1 or size * ROWS_EACH <= len(part))]
    if sizes[-1] < max_components and max_components * ROWS_EACH <= len(part):
        sizes.append(max_components)
    work, done = sum(sizes) * (1 + (n > len(part)) * n / len(part) / 3), 0.0
    best = start(part, rows, np.ones((len(part), 1)), prior)
    scores: dict[int, float] = {}
    for size in sizes:
        mixture = start(part, rows, first_guess(part, size, prior, generator), prior)
        said = partial(report, done / work, f"up to {size} components")
        mixture, moments = improve(mixture, [rows], prior, least * len(part) / n, passes, said)
        score = information(mixture, moments, n) / n
        done += size
        if scores and score <= max(scores.values()):
            scores[mixture.size] = score
            break
        best, scores[mixture.size] = mixture, score
    if len(part) < n:
        parts = [encoded.take(np.arange(first, min(first + CHUNK, n))) for first in range(0, n, CHUNK)]
        best, _ = improve(best, parts, prior, least, max(2, passes // 8), partial(report, done / work, "all rows"))
    return Learnt(best, scores, len(part))


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
            moments.add(mixture, part if isinstance(part, Rows) else Rows.of(part, PATTERNS))
        fed = moments.weights >= min(least, moments.weights.max())
        moments = moments.keep(fed)
        mixture = maximise(mixture.keep(fed), moments, prior)
        if fed.all() and moments.log_likelihood - before < TOLERANCE * moments.rows:
            break
        before = moments.log_likelihood
    return mixture, moments


def information(mixture: Mixture, moments: Moments, n: int) -> float:
    """The Bayesian information criterion as an approximate log-evidence of ``n`` rows: higher is better.

    What a component's parameters are estimated from is its own share of the rows, so each component is charged half the
    logarithm of *its* rows per parameter, as in Figueiredo and Jain (2002), "Unsupervised learning of finite mixture
    models", section 3. A code that a component expects in less than one row is no parameter of it.
    """
    c = mixture.means.shape[1]
    used = (moments.codes >= 1).astype(float)
    per_slot = np.add.reduceat(used, mixture.starts[:-1], axis=0) if len(mixture.slots) else np.zeros((1, mixture.size))
    free = np.maximum(per_slot - 1, 0).sum(axis=0) + (moments.carried >= 1) * c * (c + 3) / 2
    scale = n / max(moments.rows, 1)
    own = np.log(np.maximum(moments.weights * scale, 1.0))
    return float(moments.log_likelihood * scale - 0.5 * (free * own).sum() - 0.5 * (mixture.size - 1) * np.log(n))


@dataclass(frozen=True)
class Prior:
    """What keeps parameters away from the edge: pseudo-rows that follow the whole table.

    ``codes`` pseudo-rows per component with the table's own code shares ``shares`` (sum of cardinalities,), ``values``
    pseudo-rows with the variances ``variances`` (c,) times ``shrink``.
    """

    shares: np.ndarray
    means: np.ndarray
    variances: np.ndarray
    codes: float = 2.0
    values: float = 1.0
    shrink: float = 0.05

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
    spread = np.diag(prior.variances * prior.shrink)
    across = moments.first[:, :, None] * means[:, None, :]
    second = moments.second - across - across.transpose(0, 2, 1)
    second += moments.carried[:, None, None] * means[:, :, None] * means[:, None, :]
    covariances = (second + prior.values * spread) / counts[:, None, None] + 1e-6 * np.diag(prior.variances)
    return Mixture(mixture.slots, weights, shares, means, (covariances + covariances.transpose(0, 2, 1)) / 2)


def first_guess(encoded: Encoded, components: int, prior: Prior, generator: np.random.Generator) -> np.ndarray:
    """Responsibilities (n, k) of a k-means partition of the rows' places on number lines and their categories."""
    x = embedding(encoded, prior, generator)
    return np.eye(components)[k_means(x, components, generator)]


def embedding(encoded: Encoded, prior: Prior, generator: np.random.Generator, width: int = 24) -> np.ndarray:
    """Rows as points (n, e): ordered columns on their number line, the others through a random projection."""
    line = encoded.number_line()
    ordered = [j for j, slot in enumerate(encoded.slots) if slot.ordered or slot.continuous]
    x = line[:, ordered]
    count = np.maximum((~np.isnan(x)).sum(axis=0), 1)
    centre = np.nansum(x, axis=0) / count
    spread = np.sqrt(np.nansum((x - centre) ** 2, axis=0) / count)
    parts = [np.nan_to_num((x - centre) / np.where(spread > 1e-8, spread, 1.0))]
    for j, slot in enumerate(encoded.slots):
        if j not in ordered:
            directions = generator.normal(size=(slot.cardinality, width)) / np.sqrt(width)
            parts.append(directions[encoded.codes[:, j]])
    unordered = sum(parts[1:]) if len(parts) > 1 else np.empty((len(encoded), 0))
    return np.column_stack([parts[0], unordered])


def k_means(x: np.ndarray, k: int, generator: np.random.Generator, passes: int = 8) -> np.ndarray:
    """A partition (n,) of points (n, e) by k-means, seeded as in Arthur and Vassilvitskii (2007), "k-means++"."""
    from scipy.sparse import csr_matrix

    n = len(x)
    norm = (x**2).sum(axis=1)
    centres = [x[generator.integers(n)]]
    near = norm - 2 * x @ centres[0] + centres[0] @ centres[0]
    for _ in range(k - 1):
        near = np.maximum(near, 0.0)
        chosen = generator.choice(n, p=near / near.sum()) if near.sum() > 0 else generator.integers(n)
        centres.append(x[chosen])
        near = np.minimum(near, norm - 2 * x @ x[chosen] + x[chosen] @ x[chosen])
    centre = np.array(centres)
    label = np.zeros(n, dtype=np.int64)
    for _ in range(passes if k > 1 else 0):
        label = np.argmin((centre**2).sum(axis=1) - 2 * x @ centre.T, axis=1)
        count = np.bincount(label, minlength=k)
        total = csr_matrix((np.ones(n), label, np.arange(n + 1)), shape=(n, k)).T @ x
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
