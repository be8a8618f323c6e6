"""The arithmetic of normal scores that are known up to boxes: drawing them, and their probability."""

from __future__ import annotations

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
