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


@pytest.mark.parametrize("transform", ["quantile", "uniform", "standard"])
@pytest.mark.parametrize("kind", ["positive", "both signs", "whole", "one group far off"])
def test_numbers_of_many_powers_of_ten_keep_their_order_of_magnitude(kind: str, transform: str) -> None:
    generator = np.random.default_rng(6)
    numbers = np.exp(generator.normal(0, 8, 4_000))
    if kind == "both signs":
        numbers *= generator.choice([-1.0, 1.0], 4_000)
    elif kind == "whole":
        numbers = np.rint(np.minimum(numbers**1.5, 2.0**61)).astype(np.int64)
    elif kind == "one group far off":
        numbers = np.append(generator.normal(size=3_990), np.full(10, 1e200) * generator.uniform(1, 2, 10))
    found = line(numbers, transform)
    assert found.bend
    # The outermost knots are means of five rows.
    inside = np.sort(numbers)[10:-10]
    back = found.numbers(found.place(inside))
    assert back.dtype == inside.dtype
    if transform == "standard":
        np.testing.assert_allclose(back, inside, rtol=1e-6, atol=1 if kind == "whole" else 0)
    quantiles = np.linspace(0.01, 0.99, 99)
    wanted, got = (np.sort(each.astype(np.float64))[(quantiles * len(inside)).astype(int)] for each in (inside, back))
    np.testing.assert_allclose(got, wanted, rtol=0.3, atol=1 if kind == "whole" else 1e-3)


def test_densities_on_a_bent_line_are_those_of_numbers() -> None:
    found = line(np.exp(np.random.default_rng(7).normal(0, 20, 2_000)), "quantile", knots=100)
    z = np.linspace(found.to[0] + 1e-6, found.to[-1] - 1e-6, 9)
    numbers = found.numbers(z)
    step = numbers * 1e-6
    slopes = (found.place(numbers + step) - found.place(numbers - step)) / (2 * step)
    np.testing.assert_allclose(np.log(slopes), found.log_slope(z), atol=1e-5)


def test_the_tail_beyond_a_bent_line_holds_no_more_than_its_last_segment() -> None:
    found = line(np.exp(np.random.default_rng(8).normal(0, 20, 2_000)), "uniform", knots=100)
    end, before = (float(_straight(found, at)) for at in (found.at[-1], found.at[-2]))
    far = np.geomspace(end, end * 1e30, 200_000)
    density = np.exp(found.log_tail(far) + found.log_slope(np.ones(1))[0])
    mass = float(np.sum((density[1:] + density[:-1]) / 2 * np.diff(far)))
    assert 0.9 * (1 - found.to[-2]) < mass < 1.01 * (1 - found.to[-2])
    assert before < end


def _straight(found: NumberLine, at: float) -> np.ndarray:
    return found.numbers(np.interp([at], found.at, found.to))[0]
