"""The arithmetic: distances, intervals and tests against brute force and known values."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from synthdata.validation.statistics import (
    binomial_excess,
    bootstrap_weights,
    clopper_pearson,
    holm,
    kolmogorov_smirnov,
    poisson_binomial_excess,
    total_variation,
    weighted_counts,
    wilson,
)

numbers = arrays(float, st.integers(1, 30), elements=st.sampled_from([-2.0, 0.0, 0.5, 3.0, np.nan]))


@given(numbers, numbers)
def test_ks_is_a_distance_and_counts_nulls(a: np.ndarray, b: np.ndarray) -> None:
    value = kolmogorov_smirnov(a, b)
    assert 0 <= value <= 1
    assert value == pytest.approx(kolmogorov_smirnov(b, a))
    assert kolmogorov_smirnov(a, a) == 0
    nulls = abs(np.isnan(a).mean() - np.isnan(b).mean())
    assert value >= nulls - 1e-12
    points = np.array([-2.0, 0.0, 0.5, 3.0])
    sets = [[(x <= p) | (null & np.isnan(x)) for x in (a, b)] for p in points for null in (False, True)]
    assert value == pytest.approx(max([nulls, *(abs(x.mean() - y.mean()) for x, y in sets)]))


def test_ks_without_nulls_is_scipys() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=500), np.round(generator.normal(0.2, 1, 300), 1)
    assert kolmogorov_smirnov(a, b) == pytest.approx(stats.ks_2samp(a, b).statistic, abs=1e-12)


def test_ks_of_equal_null_shares_is_the_present_share_times_scipys() -> None:
    a, b = np.array([1.0, 2.0, np.nan, np.nan]), np.array([3.0, np.nan])
    assert kolmogorov_smirnov(a, b) == pytest.approx(0.5)


def test_ks_of_all_nulls() -> None:
    nothing, something = np.full(3, np.nan), np.array([1.0, 2.0])
    assert kolmogorov_smirnov(nothing, nothing) == 0
    assert kolmogorov_smirnov(nothing, something) == 1


def test_total_variation_is_symmetric_and_bounded() -> None:
    a, b = np.array([5, 0, 5]), np.array([0, 7, 7])
    assert total_variation(a, b) == total_variation(b, a) == pytest.approx(0.5)
    assert total_variation(np.array([1, 0]), np.array([0, 9])) == 1


def test_intervals_hold_their_known_values() -> None:
    assert clopper_pearson(0, 10)[0] == 0
    assert clopper_pearson(10, 10)[1] == 1
    exact = stats.binomtest(7, 50).proportion_ci(method="exact")
    assert clopper_pearson(7, 50) == pytest.approx((exact.low, exact.high))
    scipys = stats.binomtest(7, 50).proportion_ci(method="wilson")
    assert wilson(7, 50) == pytest.approx((scipys.low, scipys.high), abs=1e-9)
    assert wilson(0, 0) == (0.0, 1.0)


def test_holm_by_hand() -> None:
    assert holm([]) == []
    assert holm([0.5, 0.001]) == pytest.approx([0.5, 0.002])
    assert holm([0.9, 0.9]) == [1.0, 1.0]


def test_binomial_excess_is_scipys() -> None:
    assert binomial_excess(9, 12, 0.4) == pytest.approx(stats.binomtest(9, 12, 0.4, "greater").pvalue)
    assert binomial_excess(0, 0, 0.5) == 1


def test_poisson_binomial_is_exact() -> None:
    chances = np.array([0.2, 0.5, 0.5, 0.9])
    outcomes = itertools.product([0, 1], repeat=4)
    brute = dict.fromkeys(range(5), 0.0)
    for outcome in outcomes:
        brute[sum(outcome)] += float(np.prod([c if hit else 1 - c for hit, c in zip(outcome, chances, strict=True)]))
    for successes in range(5):
        expected = sum(share for k, share in brute.items() if k >= successes)
        assert poisson_binomial_excess(successes, chances) == pytest.approx(expected)
    assert poisson_binomial_excess(0, np.empty(0)) == 1


def test_bootstrap_counts_are_counts() -> None:
    generator = np.random.default_rng(0)
    weights = bootstrap_weights(50, 8, generator)
    assert (weights.sum(axis=1) == 50).all()
    codes = np.column_stack([generator.integers(0, 3, 50), generator.integers(0, 5, 50)])
    counts = weighted_counts(weights, codes, [3, 5])
    for column, size in ((0, 3), (1, 5)):
        by_hand = [np.bincount(codes[:, column], weights=line, minlength=size) for line in weights]
        assert np.allclose(counts[column], by_hand)
