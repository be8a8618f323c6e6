"""Numbers, dates and durations as codes and values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from synthdata.encoders.base import UNSEEN
from synthdata.encoders.grid import Grid
from synthdata.encoders.numeric import NumericEncoder, NumericOptions
from synthdata.errors import SchemaError
from synthdata.table.schema import Column
from synthdata.table.storage import Cells, to_cells

WHOLE = Column(name="x", kind="numerical", dtype="int64", decimals=0)
FLOAT = Column(name="x", kind="numerical", dtype="float64")


def fit(numbers: np.ndarray, column: Column = FLOAT, missing: np.ndarray | None = None, **options: object) -> tuple:
    cells = Cells(numbers, np.zeros(len(numbers), bool) if missing is None else missing)
    encoder = NumericEncoder.fit(column, cells, NumericOptions(**options), np.random.default_rng(0))  # type: ignore[arg-type]
    return encoder, cells


def test_few_distinct_numbers_are_kept_exactly() -> None:
    encoder, cells = fit(np.repeat([3.5, -1.0, 7.25], 20))
    assert not encoder.slot.continuous
    assert encoder.slot.ordered
    assert encoder.atoms.tolist() == [-1.0, 3.5, 7.25]
    codes, values = encoder.encode(cells, np.random.default_rng(1))
    assert np.isnan(values).all()
    assert encoder.decode(codes, values).values.tolist() == cells.values.tolist()


def test_a_rare_number_among_few_moves_to_the_nearest_and_is_said() -> None:
    encoder, cells = fit(np.append(np.repeat([10, 20, 30], 200), [31, 90]), WHOLE)
    codes, values = encoder.encode(cells, np.random.default_rng(1))
    assert encoder.decode(codes, values).values[-2:].tolist() == [30, 30]
    assert encoder.describe()["rare_cells"] == 2
    assert "nearest" in encoder.describe()["note"]
    assert not any(word in encoder.describe()["note"] for word in ("31", "90"))
    codes, _ = encoder.encode(cells, None)
    assert codes[-2:].tolist() == [UNSEEN, UNSEEN]


def test_a_spike_is_a_code_and_the_rest_a_value() -> None:
    generator = np.random.default_rng(2)
    numbers = np.where(generator.random(2000) < 0.4, 0.0, generator.exponential(5, 2000))
    encoder, cells = fit(numbers)
    codes, values = encoder.encode(cells, generator)
    assert encoder.atoms.tolist() == [0.0]
    assert (np.isnan(values) == (numbers == 0)).all()
    assert ((codes == 0) == (numbers != 0)).all()
    assert encoder.counts.tolist() == [(numbers != 0).sum(), (numbers == 0).sum()]
    np.testing.assert_allclose(encoder.decode(codes, values).values[numbers == 0], 0)


def test_on_a_grid_only_what_stands_out_is_a_spike() -> None:
    generator = np.random.default_rng(3)
    numbers = np.where(generator.random(20_000) < 0.1, 500, generator.integers(0, 1000, 20_000))
    encoder, _ = fit(numbers, WHOLE)
    assert encoder.atoms.tolist() == [500]
    assert encoder.slot.continuous


def test_whole_numbers_come_back_evenly_to_the_very_ends() -> None:
    """Every number of a uniform column is equally frequent after the round trip, the first and the last too."""
    numbers = np.random.default_rng(4).integers(0, 400, 200_000)
    encoder, _ = fit(numbers, WHOLE, exact_values=10)
    assert encoder.slot.continuous
    drawn = encoder.decode(np.zeros(200_000, np.int32), np.random.default_rng(5).standard_normal(200_000)).values
    counts = np.bincount(drawn, minlength=400)
    assert len(counts) == 400
    # Both the sample that was learnt and the one that was drawn vary, so the variance is twice that of counts.
    statistic = ((counts[5:-5] - 500.0) ** 2 / 1000.0).sum()
    assert stats.chi2(389).sf(statistic) > 1e-4
    assert counts[:5].min() > 380
    assert counts[-5:].min() > 380


def test_decimals_are_kept() -> None:
    column = Column(name="x", kind="numerical", dtype="float64", decimals=2)
    numbers = np.round(np.random.default_rng(6).lognormal(3, 1, 5000), 2)
    encoder, cells = fit(numbers, column)
    back = encoder.decode(*encoder.encode(cells, np.random.default_rng(7))).values
    assert np.abs(back * 100 - np.round(back * 100)).max() < 1e-6
    assert np.abs(np.sort(back)[5:-5] - np.sort(numbers)[5:-5]).max() < 0.02


def test_nothing_shared_and_too_few_rows_is_declined() -> None:
    with pytest.raises(SchemaError, match="only 4 rows with a number"):
        fit(np.array([1.0, 2.0, 3.0, 4.0]))


def test_a_few_numbers_among_nulls_become_nulls() -> None:
    encoder, cells = fit(np.arange(100.0), missing=np.arange(100) >= 3)
    assert encoder.slot.cardinality == 1
    assert encoder.decode(*encoder.encode(cells, np.random.default_rng(0))).missing.all()
    assert "treated as missing" in encoder.describe()["note"]
    assert encoder.counts.tolist() == [100.0]


def test_all_null() -> None:
    encoder, cells = fit(np.zeros(30), missing=np.ones(30, dtype=bool))
    assert encoder.slot.missing_code == 0
    assert encoder.decode(*encoder.encode(cells, None)).missing.all()


def test_unsigned_integers_of_all_sizes() -> None:
    numbers = np.random.default_rng(8).integers(0, 2**64 - 1, 500, dtype=np.uint64)
    column = Column(name="x", kind="numerical", dtype="uint64", decimals=0)
    encoder, cells = fit(numbers, column)
    back = encoder.decode(*encoder.encode(cells, None)).values
    assert back.dtype == np.uint64
    order = np.argsort(numbers)[5:-5]
    np.testing.assert_allclose(back[order].astype(float), numbers[order].astype(float), rtol=1e-9)


@pytest.mark.parametrize("zone", [None, "America/New_York"])
def test_days_stay_days(zone: str | None) -> None:
    days = pd.Series(pd.date_range("2023-01-01", periods=365, tz=zone).repeat(2), name="x").reset_index(drop=True)
    column = Column(name="x", kind="datetime", dtype=str(days.dtype), unit="day", timezone=zone)
    encoder = NumericEncoder.fit(column, to_cells(days, column), NumericOptions(), np.random.default_rng(0))
    back = encoder.decode(*encoder.encode(to_cells(days, column), None)).values
    inside = slice(10, -10)
    assert back[inside].tolist() == to_cells(days, column).values[inside].tolist()


def test_conditions_become_codes_and_intervals() -> None:
    generator = np.random.default_rng(9)
    numbers = np.where(generator.random(3000) < 0.3, 0, generator.integers(1, 5000, 3000))
    encoder, cells = fit(numbers, WHOLE)
    codes, values = encoder.encode(cells, generator)
    for low, high in ((0, 100), (1, 100), (2000, np.inf), (-np.inf, 50)):
        allowed = encoder.allowed(None, low, high)
        picked = allowed.matches(codes, values, continuous=True)
        decoded = encoder.decode(codes, values).values
        assert ((decoded >= low) & (decoded <= high) == picked).mean() > 0.9999
    exact = encoder.allowed((0,), -np.inf, np.inf)
    assert exact.codes.tolist() == [False, True]
    assert not encoder.allowed((0.5,), -np.inf, np.inf).codes.any()
    assert not encoder.allowed(None, 10_000, 20_000).codes.any()


@pytest.mark.parametrize("number", [1283.2459834, 0.3, 54321.1234567])
def test_a_number_with_decimals_is_one_step(number: float) -> None:
    grid = Grid(Column(name="x", kind="numerical", dtype="float64", decimals=7), stepped=True)
    assert grid.interval(number, number) == (round(number * 10**7), round(number * 10**7))
    assert grid.interval(number + 2e-8, number + 8e-8)[0] > round(number * 10**7)


def test_the_jacobian_makes_probabilities_of_whole_numbers() -> None:
    """On a grid the density in the middle of a step stands for its probability; over all steps that adds up to 1."""
    numbers = np.random.default_rng(10).poisson(4000, 50_000)
    encoder, _ = fit(numbers, WHOLE, exact_values=1, atom_share=1.0)
    every = Cells(np.arange(3000, 5000), np.zeros(2000, dtype=bool))
    codes, values = encoder.encode(every, None)
    total = np.exp(stats.norm.logpdf(values) + encoder.log_jacobian(codes, values)).sum()
    assert total == pytest.approx(1.0, abs=0.01)
