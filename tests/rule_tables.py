"""A table that keeps rules of every kind, for tests; its columns are few-valued enough to be learnt from few rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

RULES: dict[str, dict[str, Any]] = {
    "inequality": {"type": "inequality", "low": "start", "high": "end"},
    "strict": {"type": "inequality", "low": "low", "high": "high", "strict": True},
    "range": {"type": "range", "column": "age", "minimum": 0, "maximum": 79},
    "sum": {"type": "sum", "parts": ["net", "tax"], "total": "gross"},
    "combinations": {"type": "combinations", "columns": ["kind", "ticket"]},
    "dependence": {"type": "dependence", "on": ["city"], "column": "country"},
    "unique": {"type": "unique", "columns": ["block", "seat"]},
    "implication": {"type": "implication", "if": "age < 18", "then": "kind == 'child'"},
    "expression": {"type": "expression", "expression": "days(end - start) <= 20"},
}
COLUMNS: list[dict[str, Any]] = [
    {"name": "city", "kind": "categorical"},
    {"name": "country", "kind": "categorical"},
    {"name": "net", "kind": "numerical"},
    {"name": "tax", "kind": "numerical"},
    {"name": "gross", "kind": "numerical"},
    {"name": "start", "kind": "datetime", "unit": "day"},
    {"name": "end", "kind": "datetime", "unit": "day"},
    {"name": "age", "kind": "numerical"},
    {"name": "kind", "kind": "categorical"},
    {"name": "ticket", "kind": "categorical"},
    {"name": "low", "kind": "numerical", "decimals": 2},
    {"name": "high", "kind": "numerical", "decimals": 2},
    {"name": "block", "kind": "numerical"},
    {"name": "seat", "kind": "numerical"},
]
SCHEMA: dict[str, Any] = {"columns": COLUMNS, "rules": list(RULES.values())}


def ruled(n: int = 600, seed: int = 0) -> pd.DataFrame:
    """A table (n, 14) that keeps all of `RULES`, with nulls in ``city``, ``start`` and ``end``."""
    generator = np.random.default_rng(seed)
    city = generator.choice(["Rome", "Milan", "Oslo", "Bergen", "Paris"], n, p=[0.3, 0.2, 0.2, 0.1, 0.2])
    country = pd.Series(city).map({"Rome": "IT", "Milan": "IT", "Oslo": "NO", "Bergen": "NO", "Paris": "FR"})
    net = generator.integers(100, 1000, n)
    tax = np.round(net * generator.choice([0.1, 0.2], n)).astype(int)
    start = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(generator.integers(0, 300, n), unit="D"))
    end = start + pd.to_timedelta(np.minimum(generator.poisson(3, n), 20), unit="D")
    age = generator.integers(0, 80, n)
    ticket = np.where(age < 18, generator.choice(["half", "free"], n), generator.choice(["full", "season"], n))
    low = np.round(generator.normal(size=n), 2)
    return pd.DataFrame(
        {
            "city": pd.Series(city, dtype=object).where(generator.random(n) > 0.1, None),
            "country": country.astype(object),
            "net": net,
            "tax": tax,
            "gross": net + tax,
            "start": start.mask(generator.random(n) < 0.1),
            "end": end.mask(generator.random(n) < 0.1),
            "age": age,
            "kind": np.where(age < 18, "child", "adult").astype(object),
            "ticket": ticket.astype(object),
            "low": low,
            "high": np.round(low + 0.01 + generator.exponential(size=n), 2),
            "block": np.arange(n) // 4,
            "seat": np.arange(n) % 4,
        }
    )
