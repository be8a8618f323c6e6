"""Small tables of every kind, drawn from a known distribution."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from synthdata.table.schema import Column, Schema
from synthdata.table.table import Table
from synthdata.validation.base import Comparison

MIXED = Schema(
    columns=(
        Column(name="patient", kind="id", dtype="int64", role="key"),
        Column(name="age", kind="numerical", dtype="int64", decimals=0),
        Column(name="income", kind="numerical", dtype="float64", nullable=True, decimals=2),
        Column(name="city", kind="categorical", dtype="object", nullable=True),
        Column(name="smoker", kind="boolean", dtype="bool"),
        Column(name="seen", kind="datetime", dtype="datetime64[ns]", unit="day"),
        Column(name="grade", kind="categorical", dtype="object"),
    )
)


def mixed_frame(rows: int, seed: int) -> pd.DataFrame:
    """Rows with dependences: income on age, nulls on smoking, grade on income; every row differs from every other."""
    generator = np.random.default_rng(seed)
    age = generator.integers(18, 90, rows)
    smoker = generator.random(rows) < 0.3
    income = np.round(np.exp(generator.normal(8 + age / 100, 0.5, rows)), 2)
    grade = np.where(income + generator.normal(0, 500, rows) > 4500, "high", "low")
    city = generator.choice(["Köln", "Łódź", "東京", "Oslo"], rows, p=[0.5, 0.3, 0.15, 0.05]).astype(object)
    city[generator.random(rows) < 0.05] = None
    return pd.DataFrame(
        {
            "patient": generator.permutation(10 * rows)[:rows],
            "age": age,
            "income": np.where(generator.random(rows) < np.where(smoker, 0.3, 0.05), np.nan, income),
            "city": city,
            "smoker": smoker,
            "seen": pd.Timestamp("2020-01-01") + pd.to_timedelta(generator.integers(0, 1500, rows), unit="D"),
            "grade": grade.astype(object),
        }
    )


def mixed_table(rows: int, seed: int) -> Table:
    """`mixed_frame` as a table."""
    return Table.of(mixed_frame(rows, seed), MIXED)


@pytest.fixture
def mixed() -> Callable[[int, int], Table]:
    return mixed_table


@pytest.fixture
def compare() -> Callable[..., Comparison]:
    """Frames to a comparison, all read by the schema of the first (inferred unless given)."""

    def make(
        train: pd.DataFrame, synthetic: pd.DataFrame, holdout: pd.DataFrame | None = None, schema: Schema | None = None
    ) -> Comparison:
        real = Table.of(train, schema)
        held = None if holdout is None else Table(holdout, real.schema)
        return Comparison.of(real, held, Table(synthetic, real.schema))

    return make
