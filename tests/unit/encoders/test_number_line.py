"""The number line: monotone, invertible where rows lie, and made of nothing but means over several rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from synthdata.encoders.number_line import NumberLine


def line(numbers: np.ndarray, transform: str = "quantile", minimum: int = 5, knots: int = 500) -> NumberLine:
    return NumberLine.fit(numbers, transform=transform, minimum=minimum, knots=knots)  # type: ignore[arg-type]


def test_every_knot_is_a_mean_over_neighbours_and_no_row_is_in_two() -> None:
    numbers = np.random.default_rng(0).lognormal(0, 2, 3000)
    found = line(numbers)
    knots = found.at * found.scale + found.origin
    ordered = np.sort(numbers)
    means = np.convolve(ordered, np.ones(5) / 5, mode="valid")
    first = np.array([np.abs(means - knot).argmin() for knot in knots])
    np.testing.assert_allclose(means[first], knots, rtol=1e-9)
    assert (np.diff(first) >= 5).all()
    assert first[0] == 0
    assert first[-1] == 2995
    assert np.abs(ordered[:, None] - knots).min() > 0


def test_extremes_are_drawn_in() -> None:
    numbers = np.append(np.random.default_rng(1).normal(size=500), [1e6, -1e6])
    far = line(numbers).numbers(np.array([-50.0, 50.0]))
    np.testing.assert_allclose(far, [np.sort(numbers)[:5].mean(), np.sort(numbers)[-5:].mean()])


@pytest.mark.parametrize("transform", ["quantile", "uniform"])
def test_rows_have_the_distribution_that_the_transform_promises(transform: str) -> None:
    numbers = np.random.default_rng(2).gamma(0.5, 2.0, 20_000)
    placed = line(numbers, transform).place(numbers)
    assert stats.kstest(placed, "norm" if transform == "quantile" else "uniform").statistic < 0.005


def test_standard_is_one_straight_line() -> None:
    numbers = np.random.default_rng(3).normal(30, 4, 5000)
    found = line(numbers, "standard")
    assert len(found.at) == 2
    placed = found.place(numbers)
    assert abs(placed.mean()) < 0.01
    assert abs(placed.std() - 1) < 0.02


@pytest.mark.parametrize(
    "numbers",
    [
        np.random.default_rng(4).standard_cauchy(4000),
        np.random.default_rng(4).normal(size=4000) * 1e307,
        np.random.default_rng(4).normal(size=4000) * 1e-300,
        2**62 + np.random.default_rng(4).integers(0, 10_000, 4000),
        np.random.default_rng(4).integers(-(2**63), 2**63 - 1, 4000),
        np.repeat(np.random.default_rng(4).normal(size=40), 100),
    ],
    ids=["cauchy", "huge", "tiny", "large integers", "all integers", "ties"],
)
def test_there_and_back(numbers: np.ndarray) -> None:
    found = line(numbers)
    assert (np.diff(found.at) > 0).all()
    assert (np.diff(found.to) > 0).all()
    placed = found.place(numbers)
    assert np.isfinite(placed).all()
    back = found.numbers(placed)
    assert back.dtype == numbers.dtype
    low, high = found.numbers(found.to[[0, -1]])
    spread = float(high) / 2 - float(low) / 2
    slack = 1e-12 * spread
    inside = (numbers >= float(low) - slack) & (numbers <= float(high) + slack)
    np.testing.assert_allclose(
        back[inside].astype(float) / spread, numbers[inside].astype(float) / spread, atol=1e-9, rtol=1e-12
    )
    assert inside.mean() > 0.99
    assert np.isfinite(found.log_slope(placed)).all()


def test_the_slope_is_the_derivative() -> None:
    numbers = np.random.default_rng(5).normal(100, 20, 3000)
    found = line(numbers)
    x = np.linspace(50.0, 150.0, 501)
    step = 1e-6
    derivative = (found.place(x + step) - found.place(x - step)) / (2 * step)
    assert np.median(np.abs(np.exp(found.log_slope(found.place(x))) / derivative - 1)) < 1e-4


def test_what_lies_beyond_is_placed_beyond_but_not_endlessly() -> None:
    numbers = np.random.default_rng(6).normal(size=1000)
    placed = line(numbers).place(np.array([4.0, 5.0, 1e300]))
    assert placed[0] < placed[1] < placed[2] < 20


@pytest.mark.parametrize("m", [5, 7, 9, 10, 11, 14, 23])
def test_few_rows(m: int) -> None:
    numbers = np.random.default_rng(m).normal(10, 1, m)
    found = line(numbers)
    drawn = found.numbers(np.random.default_rng(0).normal(size=4000))
    assert abs(drawn.mean() - numbers.mean()) < numbers.std()
    assert np.isfinite(found.place(numbers)).all()
    assert np.abs(numbers[:, None] - (found.at * found.scale + found.origin)).min() > 0


def test_numbers_without_negatives_get_none() -> None:
    numbers = np.array([0.1, 0.2, 0.3, 0.1, 9.0, 0.2])
    assert line(numbers).numbers(np.array([-50.0]))[0] >= 0
