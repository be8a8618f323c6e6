"""The arithmetic of one normal distribution: conditionals, intervals, and draws from within an interval."""

from __future__ import annotations

from typing import Any

import numpy as np


def conditional(
    mean: np.ndarray, covariance: np.ndarray, given: np.ndarray, wanted: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How dimensions ``wanted`` (w,) depend on ``given`` (g,): slopes (w, g), intercept (w,), what is left (w, w)."""
    left = covariance[np.ix_(wanted, wanted)]
    if not len(given):
        return np.zeros((len(wanted), 0)), mean[wanted], left
    across = covariance[np.ix_(wanted, given)]
    slopes = np.linalg.solve(covariance[np.ix_(given, given)], across.T).T
    left = left - slopes @ across.T
    # Rounding may take a little too much away where dimensions nearly determine each other.
    floor = 1e-12 * np.diag(covariance)[wanted]
    left = (left + left.T) / 2 + np.diag(np.maximum(floor - np.diag(left), 0.0) + floor)
    return slopes, mean[wanted] - slopes @ mean[given], left


def log_density(x: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> float:
    """The log-density of one point (o,); 0 where o is 0."""
    if not len(x):
        return 0.0
    lower = np.linalg.cholesky(covariance)
    y = np.linalg.solve(lower, x - mean)
    return float(-0.5 * y @ y - np.log(np.diag(lower)).sum() - 0.5 * len(x) * np.log(2 * np.pi))


def interval_log_probability(low: Any, high: Any) -> Any:
    """log P(low < z < high) of a standard normal z, also far out in the tails."""
    from scipy.special import log_ndtr

    low, high = _towards_left(np.asarray(low, dtype=float), np.asarray(high, dtype=float))[:2]
    with np.errstate(divide="ignore", invalid="ignore"):
        top, bottom = log_ndtr(high), log_ndtr(low)
        inside = top + np.log(-np.expm1(np.minimum(bottom - top, 0.0)))
        return np.where(high > low, inside, -np.inf)[()]


def truncated_mean(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The mean of a standard normal z given ``low`` <= z <= ``high``; of intervals without width the place itself."""
    left, right, flipped = _towards_left(low, high)
    mass = interval_log_probability(left, right)
    with np.errstate(invalid="ignore"):
        mean = (np.exp(-0.5 * left**2 - mass) - np.exp(-0.5 * right**2 - mass)) / np.sqrt(2 * np.pi)
    # Where nothing is left but rounding, or no width.
    mean = np.clip(np.where(np.isfinite(mean), mean, right), left, right)
    return np.asarray(np.where(flipped, -mean, mean))


def truncated_normal(low: np.ndarray, high: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Standard normal draws (n,) from between ``low`` (n,) and ``high`` (n,)."""
    return truncated_quantile(low, high, generator.random(len(low)))


def truncated_quantile(low: np.ndarray, high: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The points (n,) below which a ``share`` (n,) of the standard normal between ``low`` and ``high`` (n,) lies.

    In the right tail the share is counted from above, where the distribution function is too near to 1.
    """
    from scipy.special import log_ndtr, ndtr, ndtri, ndtri_exp

    left, right, flipped = _towards_left(low, high)
    if len(left) and right.min() > -5:
        # Nothing is far out: shares themselves are exact enough, and several times quicker.
        bottom = ndtr(left)
        z = np.clip(ndtri(bottom + share * (ndtr(right) - bottom)), left, right)
        return np.asarray(np.where(flipped, -z, z))
    bottom, top = log_ndtr(left), log_ndtr(right)
    with np.errstate(divide="ignore"):
        z = ndtri_exp(np.logaddexp(bottom + np.log1p(-share), top + np.log(share)))
    z = np.clip(z, left, right)
    return np.asarray(np.where(flipped, -z, z))


def _towards_left(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mirror image of intervals in the right tail, where the distribution function is too near to 1."""
    flipped = low > 0
    return np.where(flipped, -high, low), np.where(flipped, -low, high), flipped
