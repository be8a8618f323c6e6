"""Noise: discrete Gaussian and discrete Laplace drawn exactly, and the choice of one of several answers.

The samplers follow Canonne, Kamath and Steinke 2020, "The discrete Gaussian for differential privacy", algorithms 1 to
3, for many draws at once: every coin is an integer compared with an integer, so no rounding of floats shapes the noise.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from synthdata.errors import PrivacyError
from synthdata.privacy.entropy import Entropy

#: up to this σ the integers of the exact sampler fit into 64 bits
_WIDEST = 4000.0


def discrete_gaussian(sigma: float, n: int, entropy: Entropy) -> np.ndarray:
    """Integers (n,) int64 with probability proportional to exp(-x² / 2σ²).

    σ² is taken as the next fraction above with a denominator that keeps the integers small, so the noise is never less
    than asked for. Beyond σ = 4,000 integers of any size are used, at some 400 µs a draw.

    Raises:
        PrivacyError: σ is not a number above 0.
    """
    if not (math.isfinite(sigma) and sigma > 0):
        raise PrivacyError(f"The noise needs a standard deviation above 0, found {sigma}.")
    if sigma > _WIDEST:
        return _scalar_gaussian(sigma, n, entropy)
    scale = 1 if sigma >= 100 else 2**8 if sigma >= 4 else 2**16
    square = math.ceil(sigma * sigma * scale)
    width = math.isqrt(square // scale) + 1
    step = scale * width
    out = np.empty(n, dtype=np.int64)
    todo = np.arange(n)
    while len(todo):
        drawn = _discrete_laplace(width, 1, len(todo), entropy)
        # Accepted with probability exp(-(|x| - σ²/t)² / 2σ²), t the width: (|x| s t - S)² / (2 S s t²) for σ² = S/s.
        away = np.abs(np.abs(drawn) * step - square)
        near = away < 2**31
        good = np.zeros(len(todo), dtype=bool)
        good[near] = _coins_exp(away[near] ** 2, np.full(int(near.sum()), 2 * square * step * width), entropy)
        for place in np.flatnonzero(~near):
            good[place] = _coin_exp(Fraction(int(away[place]) ** 2, 2 * square * step * width), entropy)
        out[todo[good]] = drawn[good]
        todo = todo[~good]
    return out


def discrete_laplace(epsilon: float, sensitivity: int, n: int, entropy: Entropy) -> np.ndarray:
    """Integers (n,) int64 with probability proportional to exp(-|x| ε / sensitivity); two-sided geometric noise.

    ε is taken as the next fraction of 2**20 below, so the noise is never less than asked for.

    Raises:
        PrivacyError: ε is not above 2**-20, or the sensitivity below 1.
    """
    over = math.floor(min(epsilon, 2.0**10) * 2**20)
    if over < 1 or sensitivity < 1:
        raise PrivacyError(
            f"Laplace noise needs an epsilon above 1e-6 and a sensitivity of 1 or more, found {epsilon}."
        )
    return _discrete_laplace(sensitivity * 2**20, over, n, entropy)


def gaussian(sigma: float, n: int, entropy: Entropy) -> np.ndarray:
    """Normal noise (n,) float64 by Box and Muller's transform, on a grid of σ / 2**20.

    The grid hides the low bits of floats, through which Mironov (2012) found an answer to show; answers should be
    rounded to the same grid.
    """
    radius = np.sqrt(-2 * np.log(entropy.uniform(n)))
    grid = 2.0 ** math.floor(math.log2(sigma) - 20)
    return np.rint(sigma * radius * np.cos(2 * np.pi * entropy.uniform(n)) / grid) * grid


def choose(scores: np.ndarray, sensitivity: float, epsilon: float, entropy: Entropy) -> int:
    """The index of one of the scores (m,), better ones likelier: the exponential mechanism of McSherry and Talwar 2007.

    Drawn as the largest of the scores with Gumbel noise, which is the same distribution.

    Raises:
        PrivacyError: there is nothing to choose from.
    """
    if not len(scores):
        raise PrivacyError("There is nothing to choose from.")
    gumbel = -np.log(-np.log(entropy.uniform(len(scores))))
    return int(np.argmax(epsilon * np.asarray(scores, dtype=np.float64) / (2 * sensitivity) + gumbel))


def threshold_for(sigma: float, delta: float, rows: int = 1) -> float:
    """The noisy count from which a category may be named, if one that a single row has may be with probability δ.

    Whoever has several ``rows`` may have a category to themselves with all of them, or one with each: all of these
    together are named with probability δ at most.

    >>> round(threshold_for(10.0, 1e-6), 1)
    49.5
    """
    from scipy.special import ndtri

    # Discrete noise reaches m no more often than continuous noise reaches m - 1 (Canonne, Kamath and Steinke 2020).
    return float(1.0 + rows + sigma * -ndtri(delta / rows))


def _discrete_laplace(over: int, under: int, n: int, entropy: Entropy) -> np.ndarray:
    """Integers (n,) with probability proportional to exp(-|x| under / over)."""
    out = np.empty(n, dtype=np.int64)
    todo = np.arange(n)
    while len(todo):
        m = len(todo)
        rest = entropy.below(np.full(m, over))
        good = _coins_exp(rest, np.full(m, over), entropy)
        rest, places = rest[good], todo[good]
        whole = _geometric(len(rest), entropy)
        size = (rest + over * whole) // under
        negative = entropy.below(np.full(len(rest), 2)) == 1
        fine = ~(negative & (size == 0))
        out[places[fine]] = np.where(negative, -size, size)[fine]
        todo = np.concatenate([todo[~good], places[~fine]])
    return out


def _geometric(n: int, entropy: Entropy) -> np.ndarray:
    """How many coins (n,) with probability 1/e fall well before the first that does not."""
    out = np.zeros(n, dtype=np.int64)
    going = np.arange(n)
    while len(going):
        one = np.ones(len(going), dtype=np.int64)
        going = going[_coins_exp(one, one, entropy)]
        out[going] += 1
    return out


def _coins_exp(over: np.ndarray, under: np.ndarray, entropy: Entropy) -> np.ndarray:
    """Coins (n,) that fall well with probability exp(-over/under), exactly; all int64, under below 2**55."""
    whole, rest = over // under, over % under
    well = np.ones(len(over), dtype=bool)
    # exp(-k) is k coins of 1/e; beyond 60 of them nothing is left in any sample that ends.
    for turn in range(int(whole.max(initial=0))):
        asked = np.flatnonzero(well & (whole > turn))
        if not len(asked):
            break
        well[asked] = _coins_small(np.ones(len(asked), dtype=np.int64), np.ones(len(asked), dtype=np.int64), entropy)
    asked = np.flatnonzero(well)
    well[asked] = _coins_small(rest[asked], under[asked], entropy)
    return well


def _coins_small(over: np.ndarray, under: np.ndarray, entropy: Entropy) -> np.ndarray:
    """Coins (n,) with probability exp(-γ), γ = over/under in [0, 1]: whether a run of coins γ/k ends at an odd k."""
    odd = np.zeros(len(over), dtype=bool)
    going, k = np.arange(len(over)), 1
    while len(going):
        stopped = entropy.below(under[going] * k) >= over[going]
        odd[going[stopped]] = k % 2 == 1
        going, k = going[~stopped], k + 1
    return odd


def _coin_exp(gamma: Fraction, entropy: Entropy) -> bool:
    """One coin with probability exp(-γ), with integers of any size."""
    while gamma > 1:
        if not _coin_small(Fraction(1), entropy):
            return False
        gamma -= 1
    return _coin_small(gamma, entropy)


def _coin_small(gamma: Fraction, entropy: Entropy) -> bool:
    k = 1
    while _below(gamma.denominator * k, entropy) < gamma.numerator:
        k += 1
    return k % 2 == 1


def _below(bound: int, entropy: Entropy) -> int:
    """One uniform integer in [0, bound), of any size."""
    words = (bound.bit_length() + 63) // 64
    while True:
        number = 0
        for word in entropy.words(words):
            number = number << 64 | int(word)
        number >>= 64 * words - bound.bit_length()
        if number < bound:
            return number


def _scalar_gaussian(sigma: float, n: int, entropy: Entropy) -> np.ndarray:
    """The exact sampler with integers of any size, one draw after the other."""
    square = math.ceil(sigma * sigma)
    width = math.isqrt(square) + 1
    out = np.empty(n, dtype=np.int64)
    for i in range(n):
        while True:
            drawn = int(_discrete_laplace(width, 1, 1, entropy)[0])
            if _coin_exp(Fraction((abs(drawn) * width - square) ** 2, 2 * square * width * width), entropy):
                out[i] = drawn
                break
    return out
