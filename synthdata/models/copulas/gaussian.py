"""The arithmetic of normal scores that are known up to boxes: drawing them, their probability, their correlations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from synthdata.models.mixtures.normal import interval_log_probability, truncated_normal, truncated_quantile

#: how far from 0 a score may lie
FARTHEST = 12.0


def constrained(
    lower: np.ndarray, low: np.ndarray, high: np.ndarray, places: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Scores (n, d) inside boxes by uniform ``places`` (n, d), and the logarithm (n,) of each box's probability.

    The probability is an unbiased estimate.

    The simulator of Geweke, Hajivassiliou and Keane: scores are drawn one after another by the Cholesky factor
    ``lower`` (d, d), each from its normal distribution cut off at its bounds, and the chances to lie within them are
    multiplied (Hajivassiliou, McFadden and Ruud 1996, section 3). Where ``low == high`` the density takes the place of
    the chance, so boxes without any width in between have their exact density. With the same places for all boxes the
    estimates of boxes that fill the space add up to one, whatever the places are.
    """
    from scipy.special import ndtri

    n, d = low.shape
    noise, log_weight = np.zeros((n, d)), np.zeros(n)
    scores = np.zeros((n, d))
    for i in range(d):
        centre = noise[:, :i] @ lower[i, :i]
        a, b = (low[:, i] - centre) / lower[i, i], (high[:, i] - centre) / lower[i, i]
        point = low[:, i] == high[:, i]
        free = np.isneginf(low[:, i]) & np.isposinf(high[:, i])
        boxed = np.flatnonzero(~point & ~free)
        noise[free, i] = ndtri(np.clip(places[free, i], 1e-300, 1 - 1e-16))
        if len(boxed):
            log_weight[boxed] += interval_log_probability(a[boxed], b[boxed])
            drawn = truncated_quantile(a[boxed], b[boxed], places[boxed, i])
            noise[boxed, i] = np.clip(np.nan_to_num(drawn), -FARTHEST, FARTHEST)
        noise[point, i] = a[point]
        log_weight[point] -= 0.5 * a[point] ** 2 + 0.5 * np.log(2 * np.pi) + np.log(lower[i, i])
        scores[:, i] = centre + lower[i, i] * noise[:, i]
    return np.clip(scores, low, high), log_weight


def sweep(
    precision: np.ndarray, scores: np.ndarray, low: np.ndarray, high: np.ndarray, generator: np.random.Generator
) -> None:
    """One pass of Gibbs sampling, in place: each score (n,) is drawn given all others, inside its bounds."""
    for i in range(scores.shape[1]):
        loose = np.flatnonzero(low[:, i] < high[:, i])
        if not len(loose):
            continue
        spread = 1.0 / np.sqrt(precision[i, i])
        centre = (scores[:, i] - scores @ (precision[i] / precision[i, i]))[loose]
        a, b = (low[loose, i] - centre) / spread, (high[loose, i] - centre) / spread
        free = np.isneginf(a) & np.isposinf(b)
        drawn = np.empty(len(loose))
        drawn[free] = generator.standard_normal(int(free.sum()))
        drawn[~free] = truncated_normal(a[~free], b[~free], generator)
        drawn = centre + spread * np.nan_to_num(drawn)
        scores[loose, i] = np.clip(np.clip(drawn, -FARTHEST, FARTHEST), low[loose, i], high[loose, i])


def correlations(
    boxes: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    widths: list[int],
    sweeps: int,
    generator: np.random.Generator,
    report: Callable[[float], None],
) -> np.ndarray:
    """The correlations (d, d) of scores that are known up to boxes, by stochastic expectation maximisation.

    Scores are drawn by Gibbs sampling given the correlations, and correlations are taken from the scores; the last half
    of the passes is averaged (Hoff 2007, "Extending the rank likelihood for semiparametric copula estimation", section
    3). ``boxes`` gives the bounds (n, d) that belong to correlations, whose thresholds keep every column's frequencies.
    The scores of each block of ``widths`` in turn stay independent.
    """
    d = sum(widths)
    current, total, kept = np.eye(d), np.zeros((d, d)), 0
    low, high = boxes(current)
    scores = constrained(current, low, high, generator.random(low.shape))[0]
    for i in range(sweeps):
        sweep(np.linalg.inv(current), scores, low, high, generator)
        current = between_columns(scores.T @ scores, len(scores), widths)
        if i >= sweeps // 2:
            total, kept = total + current, kept + 1
        low, high = boxes(current)
        report((i + 1) / sweeps)
    return between_columns(total / max(kept, 1) * len(scores), len(scores), widths)


def between_columns(products: np.ndarray, n: int, widths: list[int]) -> np.ndarray:
    """Correlations (d, d) from sums of products of ``n`` rows, the identity within each column's own scores.

    A twentieth of a pseudo-row per score, independent of all others, keeps the matrix regular.
    """
    d = len(products)
    pseudo = 0.05 * d
    covariance = (products + pseudo * np.eye(d)) / (n + pseudo)
    whiten, start = np.zeros((d, d)), 0
    for width in widths:
        own = slice(start, start + width)
        values, vectors = np.linalg.eigh(covariance[own, own])
        whiten[own, own] = (vectors / np.sqrt(np.maximum(values, 1e-9))) @ vectors.T
        start += width
    out = whiten @ covariance @ whiten.T
    return np.asarray((out + out.T) / 2 + 1e-6 * np.eye(d))
