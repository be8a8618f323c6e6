"""Checks that what goes in comes out: dtypes, nulls, categories, dates, keys."""

# Checks are assertions, whoever runs them; pytest is not needed for it.
# ruff: noqa: S101, PT018
from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd

from synthdata.testing.basics import Factory
from synthdata.testing.tables import MIXED_SCHEMA, mixed, storages


def check_every_storage(factory: Factory) -> None:
    """Each dtype comes out as it went in, with cells of the same Python type."""
    frame, schema = storages()
    sample = factory().fit(frame, schema=schema, seed=0).sample(80, seed=1)
    pd.testing.assert_series_equal(sample.dtypes, frame.dtypes)
    for name in frame.columns:
        kinds = [{type(cell) for cell in table[name].dropna().tolist()} for table in (frame, sample)]
        assert kinds[1] <= kinds[0], name


def check_nulls(factory: Factory) -> None:
    """Nulls come out as often as they went in, and only where they went in."""
    table = mixed(2000)
    sample = factory().fit(table, schema=MIXED_SCHEMA, seed=0).sample(2000, seed=1)
    before, after = table.isna().mean(), sample.isna().mean()
    assert (after[before == 0] == 0).all()
    assert (before - after).abs().max() < 0.05


def check_all_null_column(factory: Factory) -> None:
    """A column of nulls stays one."""
    table = mixed()[["age", "sex"]].assign(
        number=np.nan, text=pd.Series([None] * 400, dtype=object), whole=pd.array([None] * 400, dtype="Int64")
    )
    schema = {
        "columns": [
            *MIXED_SCHEMA["columns"][:1],
            MIXED_SCHEMA["columns"][3],
            {"name": "number", "kind": "numerical", "nullable": True},
            {"name": "text", "kind": "categorical", "nullable": True},
            {"name": "whole", "kind": "numerical", "nullable": True},
        ]
    }
    sample = factory().fit(table, schema=schema, seed=0).sample(30, seed=1)
    assert sample[["number", "text", "whole"]].isna().all(axis=None)
    pd.testing.assert_series_equal(sample.dtypes, table.dtypes)


def check_constant_column(factory: Factory) -> None:
    """A column of one value keeps it, beside others and alone."""
    table = mixed()[["age"]].assign(number=3.25, word="same", big=2**60 + 1)
    schema = {
        "columns": [
            MIXED_SCHEMA["columns"][0],
            {"name": "number", "kind": "numerical"},
            {"name": "word", "kind": "categorical"},
            {"name": "big", "kind": "numerical"},
        ]
    }
    sample = factory().fit(table, schema=schema, seed=0).sample(30, seed=1)
    assert (sample["number"] == 3.25).all()
    assert (sample["word"] == "same").all()
    assert (sample["big"] == 2**60 + 1).all()


def check_thousand_categories(factory: Factory) -> None:
    """A thousand categories come out as they went in."""
    codes = np.tile(np.arange(1000), 6)
    table = pd.DataFrame({"city": [f"city {code}" for code in codes], "half": codes < 500})
    schema = {"columns": [{"name": "city", "kind": "categorical"}, {"name": "half", "kind": "boolean"}]}
    sample = factory().fit(table, schema=schema, seed=0).sample(3000, seed=1)
    assert set(sample["city"]) <= set(table["city"])
    assert sample["city"].nunique() > 700


def check_category_order(factory: Factory) -> None:
    """An ordered category dtype keeps its categories and their order."""
    table = mixed()
    sample = factory().fit(table, schema=MIXED_SCHEMA, seed=0).sample(50, seed=1)
    assert sample["grade"].dtype == table["grade"].dtype
    assert list(sample["grade"].cat.categories) == ["low", "middle", "high"]
    assert sample["grade"].cat.ordered


def check_numbers_stay_in_range(factory: Factory) -> None:
    """Numbers do not leave the range of the real ones, and keep their decimals and wholeness."""
    table = mixed()
    sample = factory().fit(table, schema=MIXED_SCHEMA, seed=0).sample(2000, seed=1)
    for name in ("age", "amount", "weight", "children", "joined"):
        assert sample[name].min() >= table[name].min() and sample[name].max() <= table[name].max(), name
    assert np.allclose(sample["amount"], sample["amount"].round(2), atol=1e-9)
    assert (sample["joined"] == sample["joined"].dt.normalize()).all()


def check_spikes(factory: Factory) -> None:
    """A value that very many rows share keeps its share."""
    table = mixed(2000)
    sample = factory().fit(table, schema=MIXED_SCHEMA, seed=0).sample(2000, seed=1)
    assert abs((sample["amount"] == 0).mean() - (table["amount"] == 0).mean()) < 0.05


def check_heavy_tails(factory: Factory) -> None:
    """Numbers without a mean do no harm: everything drawn is finite and in range."""
    numbers = np.random.default_rng(5).standard_cauchy(2000) * 1e12
    schema = {"columns": [{"name": "x", "kind": "numerical"}]}
    sample = factory().fit(pd.DataFrame({"x": numbers}), schema=schema, seed=0).sample(2000, seed=1)["x"]
    assert np.isfinite(sample).all()
    assert sample.between(numbers.min(), numbers.max()).all()
    assert abs(sample.median() - np.median(numbers)) < 1e12


def check_large_integers(factory: Factory) -> None:
    """Integers beyond 2**53 keep apart: they are not rounded to the floats' grid."""
    numbers = 2**60 + np.random.default_rng(6).integers(0, 2000, 1000)
    schema = {"columns": [{"name": "x", "kind": "numerical"}]}
    sample = factory().fit(pd.DataFrame({"x": numbers}), schema=schema, seed=0).sample(500, seed=1)["x"]
    assert sample.dtype == np.int64
    assert sample.between(numbers.min(), numbers.max()).all()
    assert (sample % 256).nunique() > 50


def check_decimal_objects(factory: Factory) -> None:
    """Decimals come out as decimals with as many places."""
    numbers = [Decimal(int(cents)).scaleb(-2) for cents in np.random.default_rng(7).integers(0, 10_000, 300)]
    table = pd.DataFrame({"price": pd.Series(numbers, dtype=object)})
    sample = (
        factory().fit(table, schema={"columns": [{"name": "price", "kind": "numerical"}]}, seed=0).sample(50, seed=1)
    )
    assert all(isinstance(cell, Decimal) and cell.as_tuple().exponent == -2 for cell in sample["price"])


def check_time_zones(factory: Factory) -> None:
    """Zoned datetimes keep their zone; days stay midnights there, also across the change of the clocks."""
    days = pd.date_range("2023-01-01", "2023-12-31", tz="Europe/Paris").repeat(3)
    table = pd.DataFrame({"day": days, "moment": days + pd.to_timedelta(np.arange(len(days)), unit="s")})
    schema = {
        "columns": [
            {"name": "day", "kind": "datetime", "unit": "day"},
            {"name": "moment", "kind": "datetime", "unit": "second"},
        ]
    }
    sample = factory().fit(table, schema=schema, seed=0).sample(200, seed=1)
    pd.testing.assert_series_equal(sample.dtypes, table.dtypes)
    assert (sample["day"] == sample["day"].dt.normalize()).all()


def check_keys_are_unique(factory: Factory) -> None:
    """Keys are made up, all different, and not copied from the real ones."""
    table = mixed()[["age"]].assign(key=[f"K{number:07d}" for number in range(400)])
    schema = {
        "columns": [
            MIXED_SCHEMA["columns"][0],
            {"name": "key", "kind": "id", "role": "key", "format": "K[0-9]{7}"},
        ]
    }
    sample = factory().fit(table, schema=schema, seed=0).sample(1000, seed=1)
    assert sample["key"].is_unique
    assert sample["key"].notna().all()
    assert sample["key"].str.fullmatch("K[0-9]{7}").all()
    assert sample["key"].isin(table["key"]).mean() < 0.05


def check_dropped_columns(factory: Factory) -> None:
    """A column to be dropped is not in the synthetic table."""
    schema = {"columns": [*MIXED_SCHEMA["columns"][1:], {"name": "age", "kind": "numerical", "drop": True}]}
    sample = factory().fit(mixed(), schema=schema, seed=0).sample(5, seed=1)
    assert "age" not in sample
    assert len(sample.columns) == 8


def check_only_generated_columns(factory: Factory) -> None:
    """A table of nothing but keys gives as many new ones."""
    table = pd.DataFrame({"key": np.arange(1000, 1100)})
    schema = {"columns": [{"name": "key", "kind": "id", "role": "key"}]}
    sample = factory().fit(table, schema=schema, seed=0).sample(25, seed=1)
    assert len(sample) == 25
    assert sample["key"].is_unique
