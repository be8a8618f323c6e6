"""Noise has the distribution it should have, and neighbouring tables cannot be told apart better than was promised."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import beta, binom, chisquare, kstest, norm

from synthdata.errors import PrivacyError
from synthdata.privacy.entropy import Entropy
from synthdata.privacy.mechanisms import choose, discrete_gaussian, discrete_laplace, gaussian, threshold_for

DRAWS = 20_000
ALPHA = 1e-4


@pytest.mark.parametrize("sigma", [0.6, 2.3, 12.0, 150.0])
def test_discrete_gaussian_noise_has_its_probabilities(sigma: float) -> None:
    drawn = discrete_gaussian(sigma, DRAWS, Entropy(seed=3))
    reach = math.ceil(6 * sigma)
    k = np.arange(-reach, reach + 1)
    mass = np.exp(-(k**2) / (2 * sigma**2))
    mass /= mass.sum()
    groups = np.minimum((np.cumsum(mass) * 40).astype(int), 39)
    assert np.abs(drawn).max() <= reach
    counts = np.bincount(groups[drawn + reach], minlength=40)
    wanted = np.bincount(groups, mass, minlength=40) * DRAWS
    kept = wanted > 5
    assert chisquare(counts[kept], wanted[kept] * counts[kept].sum() / wanted[kept].sum()).pvalue > ALPHA
    assert counts[~kept].sum() < 100


def test_wide_discrete_gaussian_noise_uses_integers_of_any_size() -> None:
    drawn = discrete_gaussian(7000.0, 1500, Entropy(seed=1))
    assert kstest(drawn / 7000.0, norm.cdf).pvalue > ALPHA


@pytest.mark.parametrize(("epsilon", "sensitivity"), [(0.5, 1), (1.3, 2), (0.01, 1)])
def test_discrete_laplace_noise_has_its_probabilities(epsilon: float, sensitivity: int) -> None:
    drawn = discrete_laplace(epsilon, sensitivity, DRAWS, Entropy(seed=9))
    rate = epsilon / sensitivity
    reach = int(6 / rate)
    k = np.arange(-reach, reach + 1)
    mass = np.tanh(rate / 2) * np.exp(-np.abs(k) * rate)
    groups = np.minimum((np.cumsum(mass) / mass.sum() * 30).astype(int), 29)
    inside = drawn[np.abs(drawn) <= reach]
    counts = np.bincount(groups[inside + reach], minlength=30)
    wanted = np.bincount(groups, mass, minlength=30)
    kept = wanted * DRAWS > 5
    assert chisquare(counts[kept], wanted[kept] * counts[kept].sum() / wanted[kept].sum()).pvalue > ALPHA


def test_gaussian_noise_is_normal_and_lies_on_a_grid() -> None:
    drawn = gaussian(3.0, DRAWS, Entropy(seed=2))
    assert kstest(drawn / 3.0, norm.cdf).pvalue > ALPHA
    assert np.array_equal(drawn * 2**19, np.rint(drawn * 2**19))


def test_better_answers_are_chosen_as_often_as_they_should_be() -> None:
    scores, entropy = np.array([0.0, 1.0, 2.0, 2.0]), Entropy(seed=7)
    chosen = np.bincount([choose(scores, 1.0, 1.5, entropy) for _ in range(DRAWS)], minlength=4)
    weights = np.exp(1.5 * scores / 2)
    assert chisquare(chosen, DRAWS * weights / weights.sum()).pvalue > ALPHA


@pytest.mark.parametrize("mechanism", ["discrete gaussian", "discrete laplace", "choice"])
@pytest.mark.parametrize("broken", [False, True])
def test_neighbouring_tables_cannot_be_told_apart_better_than_promised(mechanism: str, broken: bool) -> None:
    """The best event for a given threshold, on fresh draws; noise ten times too small must be found out."""
    fault = 10.0 if broken else 1.0

    def answers(count: int, seed: int) -> np.ndarray:
        entropy = Entropy(seed=seed)
        if mechanism == "discrete gaussian":
            return count + discrete_gaussian(8.0 / fault, DRAWS, entropy)
        if mechanism == "discrete laplace":
            return count + discrete_laplace(0.5 * fault, 1, DRAWS, entropy)
        scores = np.array([float(count), 100.0])
        return np.array([choose(scores, 1.0, 0.5 * fault, entropy) for _ in range(DRAWS)])

    with_row, without = answers(101, 1), answers(100, 2)
    epsilon, delta = {"discrete gaussian": (0.3, 0.02), "discrete laplace": (0.5, 0.0), "choice": (0.5, 0.0)}[mechanism]
    if mechanism == "discrete gaussian":
        # P(loss > 0.3) for μ = 1/8, Balle and Wang 2018.
        mu = 1 / 8.0
        delta = float(norm.cdf(mu / 2 - epsilon / mu) - math.exp(epsilon) * norm.cdf(-mu / 2 - epsilon / mu))
    split = 0 if mechanism == "choice" else 100
    more, less = (with_row <= split, without <= split) if mechanism == "choice" else (with_row > split, without > split)
    # Clopper and Pearson's limits: at least this often with the row, at most that often without.
    low = float(beta.ppf(ALPHA / 2, more.sum(), DRAWS - more.sum() + 1)) if more.any() else 0.0
    high = float(beta.ppf(1 - ALPHA / 2, less.sum() + 1, DRAWS - less.sum())) if not less.all() else 1.0
    violated = low > math.exp(epsilon) * high + delta
    assert violated == broken


def test_a_category_of_one_person_is_named_as_rarely_as_promised() -> None:
    sigma, delta = 5.0, 1e-3
    noisy = 1 + discrete_gaussian(sigma, 200_000, Entropy(seed=6))
    named = int((noisy > threshold_for(sigma, delta)).sum())
    assert binom.sf(named - 1, len(noisy), delta) > ALPHA
    too_low = int((noisy > threshold_for(sigma, delta) - sigma).sum())
    assert binom.sf(too_low - 1, len(noisy), delta) < ALPHA


def test_integers_below_a_bound_are_uniform() -> None:
    drawn = Entropy(seed=1).below(np.full(DRAWS, 7))
    assert chisquare(np.bincount(drawn, minlength=7)).pvalue > ALPHA
    assert Entropy().below(np.full(1000, 2**62)).max() < 2**62
    assert not Entropy().below(np.ones(5)).any()


@pytest.mark.parametrize(
    "ask",
    [
        lambda e: discrete_gaussian(0.0, 1, e),
        lambda e: discrete_gaussian(math.nan, 1, e),
        lambda e: discrete_laplace(0.0, 1, 1, e),
        lambda e: choose(np.empty(0), 1.0, 1.0, e),
    ],
)
def test_noise_that_is_none_is_refused(ask: object) -> None:
    with pytest.raises(PrivacyError):
        ask(Entropy())
