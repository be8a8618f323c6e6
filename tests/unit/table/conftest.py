"""Frames that several of these tests look at."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def every_kind_of_column() -> pd.DataFrame:
    """60 rows, one column for each kind of storage that a table may bring."""
    generator = np.random.default_rng(7)
    n = 60
    start = dt.datetime(2021, 3, 4, 5, 6, 7)
    moments = [start + dt.timedelta(minutes=int(k)) for k in generator.integers(0, 10**6, n)]
    holes = generator.random(n) < 0.2
    columns = {
        "key": np.arange(n),
        "integer": generator.integers(-(10**6), 10**6, n),
        "small": generator.integers(0, 200, n).astype("uint8"),
        "nullable": pd.array(
            [None if h else int(k) for h, k in zip(holes, generator.integers(0, 99, n), strict=True)], "Int16"
        ),
        "real": generator.normal(size=n),
        "single": generator.normal(size=n).astype("float32"),
        "money": generator.integers(0, 10**5, n) / 100,
        "gap": np.where(holes, np.nan, generator.normal(size=n)),
        "truth": generator.random(n) < 0.5,
        "truth_or_null": pd.array([None if h else bool(h) for h in holes], "boolean"),
        "words": pd.Series(np.where(holes, None, generator.choice(["red", "green"], n)), dtype=object),
        "string": pd.array(generator.choice(["red", "green"], n), "string[python]"),
        "arrow": pd.array(generator.choice(["red", "green"], n), "string[pyarrow]"),
        "ordered": pd.Categorical(
            generator.choice(["low", "high"], n), categories=["low", "mid", "high"], ordered=True
        ),
        "moment": pd.Series(moments).astype("datetime64[us]"),
        "zoned": pd.Series(moments).dt.tz_localize("UTC").dt.tz_convert("Europe/Paris"),
        "day": [moment.date() for moment in moments],
        "day_text": [moment.strftime("%d.%m.%Y") for moment in moments],
        "day_digits": [int(moment.strftime("%Y%m%d")) for moment in moments],
        "clock": [moment.time() for moment in moments],
        "span": pd.Series(pd.to_timedelta(generator.integers(0, 10**6, n), unit="s")),
        "decimal": [Decimal(int(k)) / 100 for k in generator.integers(0, 10**6, n)],
        "price_text": [f"{k / 100:.2f}" for k in generator.integers(0, 10**6, n)],
        "empty": pd.Series([None] * n, dtype=object),
    }
    return pd.DataFrame(columns)
