"""Small tables that the checks fit models on; all of them invented."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd


def mixed(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """A table (n, 9) of numbers, categories, truth values and dates that hang together, with nulls."""
    generator = np.random.default_rng(seed)
    group = generator.integers(0, 3, n)
    amount = np.round(np.exp(generator.normal(group, 0.5)), 2)
    return pd.DataFrame(
        {
            "age": generator.integers(18, 30, n) + 15 * group,
            "amount": np.where(generator.random(n) < 0.3, 0.0, amount),
            "weight": np.where(generator.random(n) < 0.2, np.nan, generator.normal(70 + 5 * group, 8)),
            "sex": np.where(generator.random(n) < 0.5, "f", "m").astype(object),
            "grade": pd.Categorical(
                [("low", "middle", "high")[i] for i in group], ["low", "middle", "high"], ordered=True
            ),
            "member": generator.random(n) < 0.2 + 0.3 * group,
            "children": pd.Series(generator.poisson(1.5, n), dtype="Int64").mask(generator.random(n) < 0.15),
            "answer": pd.array(
                [(True, False, None)[i] for i in generator.choice(3, n, p=[0.5, 0.4, 0.1])], dtype="boolean"
            ),
            "joined": pd.Timestamp("2020-01-01")
            + pd.to_timedelta(generator.integers(0, 900, n) + 30 * group, unit="D"),
        }
    )


#: what the columns of `mixed` are, so that no guess decides what is tested
MIXED_SCHEMA: dict[str, Any] = {
    "columns": [
        {"name": "age", "kind": "numerical"},
        {"name": "amount", "kind": "numerical", "decimals": 2},
        {"name": "weight", "kind": "numerical"},
        {"name": "sex", "kind": "categorical"},
        {"name": "grade", "kind": "categorical"},
        {"name": "member", "kind": "boolean"},
        {"name": "children", "kind": "numerical"},
        {"name": "answer", "kind": "boolean"},
        {"name": "joined", "kind": "datetime", "unit": "day"},
    ]
}


def storages(n: int = 200, seed: int = 1) -> tuple[pd.DataFrame, dict[str, Any]]:
    """A table with a column for each way of storing cells, and its schema."""
    generator = np.random.default_rng(seed)
    whole = generator.integers(0, 100, n)
    moments = pd.Timestamp("2023-03-01") + pd.to_timedelta(generator.integers(0, 10**7, n), unit="s")
    columns: dict[str, tuple[Any, str]] = {
        "int8": (whole.astype("int8"), "numerical"),
        "uint16": (whole.astype("uint16"), "numerical"),
        "Int32": (pd.array([None if v < 10 else int(v) for v in whole], dtype="Int32"), "numerical"),
        "float32": (generator.normal(size=n).astype("float32"), "numerical"),
        "Float64": (pd.array([None if v < 10 else v / 7 for v in whole], dtype="Float64"), "numerical"),
        "decimal": ([Decimal(int(v)) / 4 for v in whole], "numerical"),
        "string": (pd.array([f"s{v % 4}" for v in whole], dtype="string"), "categorical"),
        "coded": (whole % 5, "categorical"),
        "category": (pd.Categorical([("z", "a", "m")[v % 3] for v in whole], ["z", "a", "m"]), "categorical"),
        "bool": (whole % 2 == 0, "boolean"),
        "seconds": (moments.astype("datetime64[s]"), "datetime"),
        "zoned": (moments.tz_localize("UTC").tz_convert("Europe/Paris"), "datetime"),
        "duration": (pd.to_timedelta(whole, unit="h"), "timedelta"),
        "date": ([dt.date(2020, 1, 1) + dt.timedelta(int(v)) for v in whole], "datetime"),
    }
    frame = pd.DataFrame({name: values for name, (values, _) in columns.items()})
    return frame, {"columns": [{"name": name, "kind": kind} for name, (_, kind) in columns.items()]}


def discrete(n: int = 500, seed: int = 2) -> tuple[pd.DataFrame, dict[str, Any]]:
    """A table of a few dozen possible rows only, and its schema."""
    generator = np.random.default_rng(seed)
    a = generator.integers(0, 3, n)
    b = np.where(generator.random(n) < 0.8, a, generator.integers(0, 3, n))
    frame = pd.DataFrame({"a": np.array(["x", "y", "z"], dtype=object)[a], "b": b, "c": generator.random(n) < 0.3})
    frame.loc[generator.random(n) < 0.1, "a"] = None
    schema = {
        "columns": [
            {"name": "a", "kind": "categorical"},
            {"name": "b", "kind": "numerical"},
            {"name": "c", "kind": "boolean"},
        ]
    }
    return frame, schema
