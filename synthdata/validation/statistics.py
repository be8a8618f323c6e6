"""The arithmetic of judging: distances between distributions, intervals, exact tests and their correction."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy import sparse, stats

#: the two-sided 95 % point of the normal distribution
NORMAL_95 = 1.959963984540054


def kolmogorov_smirnov(real: np.ndarray, synthetic: np.ndarray) -> float:
    """The Kolmogorov–Smirnov distance of two samples (n,), (m,) in which NaN counts as a value of its own.

    It is the largest difference in share over all sets ``{x <= t}``, with and without the nulls added to the set.
    Without nulls that is the ordinary two-sample statistic; with equal present values it is the difference in the
    share of nulls.

    >>> kolmogorov_smirnov(np.array([1.0, 2.0]), np.array([1.0, np.nan]))
    0.5
    """
    if not len(real) or not len(synthetic):
        return float("nan")
    a, b = np.sort(real), np.sort(synthetic)  # NaN goes last
    a_present, b_present = len(a) - int(np.isnan(a).sum()), len(b) - int(np.isnan(b).sum())
    nulls = (len(a) - a_present) / len(a) - (len(b) - b_present) / len(b)
    if a_present + b_present == 0:
        return 0.0
    grid = np.concatenate([a[:a_present], b[:b_present]])
    below = np.searchsorted(a[:a_present], grid, "right") / len(a) - np.searchsorted(
        b[:b_present], grid, "right"
    ) / len(b)
    return float(max(np.abs(below).max(), np.abs(below + nulls).max()))


def total_variation(real: np.ndarray, synthetic: np.ndarray) -> float:
    """The total variation distance of two vectors of counts (k,): half the sum of the differences in share.

    >>> total_variation(np.array([1, 1]), np.array([2, 0]))
    0.5
    """
    if not real.sum() or not synthetic.sum():
        return float("nan")
    return float(np.abs(real / real.sum() - synthetic / synthetic.sum()).sum() / 2)


def wilson(successes: float, trials: int) -> tuple[float, float]:
    """The 95 % interval for a share after Wilson (1927).

    >>> low, high = wilson(5, 10)
    >>> round(low, 3), round(high, 3)
    (0.237, 0.763)
    """
    if trials == 0:
        return 0.0, 1.0
    z2 = NORMAL_95**2
    centre = (successes + z2 / 2) / (trials + z2)
    share = successes / trials
    half = NORMAL_95 / (trials + z2) * np.sqrt(max(trials * share * (1 - share) + z2 / 4, 0.0))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def clopper_pearson(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """The exact interval for a share after Clopper and Pearson (1934).

    >>> round(clopper_pearson(0, 59)[1], 3)
    0.061
    """
    tail = (1 - level) / 2
    low = 0.0 if successes == 0 else float(stats.beta.ppf(tail, successes, trials - successes + 1))
    high = 1.0 if successes == trials else float(stats.beta.ppf(1 - tail, successes + 1, trials - successes))
    return low, high


def binomial_excess(successes: int, trials: int, chance: float) -> float:
    """The one-sided exact p-value of at least ``successes`` in ``trials`` when each has probability ``chance``.

    >>> round(binomial_excess(5, 5, 0.5), 5)
    0.03125
    """
    return 1.0 if trials == 0 else float(stats.binom.sf(successes - 1, trials, chance))


def poisson_binomial_excess(successes: int, chances: np.ndarray) -> float:
    """The one-sided p-value of at least ``successes`` among independent trials with own ``chances`` (n,).

    Exact by convolution of the binomials of equal chances (the few distinct chances that occur here make it cheap).
    """
    if not len(chances):
        return 1.0
    distribution = np.ones(1)
    for chance, trials in zip(*np.unique(chances, return_counts=True), strict=True):
        distribution = np.convolve(distribution, stats.binom.pmf(np.arange(trials + 1), trials, chance))
    return float(min(1.0, distribution[successes:].sum()))


def holm(p_values: Sequence[float], weights: Sequence[float] | None = None) -> list[float]:
    """The p-values corrected for having looked several times, after Holm (1979).

    ``weights`` say how the family's error is shared out beforehand (section 4 there); alike where none are given.

    >>> [float(round(p, 2)) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    >>> [float(round(p, 3)) for p in holm([0.01, 0.01], [3, 1])]
    [0.013, 0.013]
    """
    share = np.ones(len(p_values)) if weights is None else np.asarray(weights, float)
    scaled = np.asarray(p_values, float) / share
    corrected = np.empty(len(p_values))
    worst, left = 0.0, float(share.sum())
    for index in np.argsort(scaled):
        worst = max(worst, min(1.0, left * float(scaled[index])))
        corrected[index] = worst
        left -= float(share[index])
    return [float(p) for p in corrected]


def bootstrap_weights(rows: int, replicates: int, generator: np.random.Generator) -> np.ndarray:
    """How often each bootstrap sample draws each row: (replicates, rows) float32, each line summing to ``rows``."""
    weights = np.empty((replicates, rows), np.float32)
    for replicate in range(replicates):
        weights[replicate] = np.bincount(generator.integers(0, rows, rows), minlength=rows)
    return weights


def weighted_counts(weights: np.ndarray, codes: np.ndarray, sizes: Sequence[int]) -> list[np.ndarray]:
    """Counts of every code of every column under every bootstrap sample.

    ``weights`` is (r, n), ``codes`` (n, c) with values below ``sizes[c]``; the result is one (r, sizes[c]) array a
    column.
    """
    rows, columns = codes.shape
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    flat = (codes + starts[:-1]).ravel()
    indicator = sparse.csr_matrix(
        (np.ones(rows * columns, np.float32), flat, np.arange(0, rows * columns + 1, columns)),
        shape=(rows, int(starts[-1])),
    )
    counts = np.asarray(indicator.T @ weights.T).T
    return [counts[:, start:stop] for start, stop in pairwise(starts)]


def around(value: float, deviation: float, low: float = 0.0, high: float = 1.0) -> tuple[float, float]:
    """The 95 % interval ``value ± 1.96 deviation``, cut to the range in which the figure can lie."""
    return max(low, value - NORMAL_95 * deviation), min(high, value + NORMAL_95 * deviation)


def interval_by_parts(value: float, of_parts: Sequence[float], share: float, high: float = 1.0) -> tuple[float, float]:
    """The 95 % interval of a measure that is 0 to ``high``, from how it varies over disjoint parts of the rows.

    ``of_parts`` are its values on parts that each have this ``share`` of the rows that ``value`` has; deviations fall
    with the root of the rows (the method of batch means, with Student's quantile).

    >>> interval_by_parts(0.5, [0.4, 0.6], 0.5)[0]
    0.0
    """
    deviation = float(np.std(of_parts, ddof=1)) * np.sqrt(share)
    half = float(stats.t.ppf(0.975, len(of_parts) - 1)) * deviation
    return max(0.0, value - half), min(high, value + half)


def auc_with_deviation(positive: np.ndarray, guess: np.ndarray) -> tuple[float, float]:
    """The area under the ROC curve and its standard deviation after DeLong et al. (1988), ties half.

    >>> auc_with_deviation(np.array([False, True]), np.array([0.1, 0.9]))[0]
    1.0
    """
    m, n = int(positive.sum()), int((~positive).sum())
    ranks = stats.rankdata(guess)
    above = (ranks[positive] - stats.rankdata(guess[positive])) / n
    below = 1 - (ranks[~positive] - stats.rankdata(guess[~positive])) / m
    spread = (above.var(ddof=1) / m if m > 1 else 0.0) + (below.var(ddof=1) / n if n > 1 else 0.0)
    return float(above.mean()), float(np.sqrt(spread))
