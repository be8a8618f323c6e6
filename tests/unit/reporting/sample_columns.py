# ruff: noqa: E501
"""Columns of a small census-like table that is drawn here, with their charts and summaries as the validation writes them."""

from __future__ import annotations

from typing import Any

import numpy as np

EDUCATION = {
    "HS-grad": 0.32,
    "Some-college": 0.22,
    "Bachelors": 0.165,
    "Masters": 0.055,
    "Assoc-voc": 0.04,
    "11th": 0.036,
    "Assoc-acdm": 0.033,
    "10th": 0.029,
    "7th-8th": 0.02,
    "Prof-school": 0.018,
    "9th": 0.016,
    "Doctorate": 0.0127,
}
COUNTRIES = {f"country {letter}": 0.1 / (1 + rank) ** 1.4 for rank, letter in enumerate("abcdefghijklmnopqrstuvwxyz")}


def figure(value: float | None, reference: float | None, direction: str = "lower", **more: Any) -> dict[str, Any]:
    """A figure with an interval of some width around it."""
    spread = 0.1 * abs(value) if value is not None else 0.0
    interval = None if value is None else [max(0.0, value - spread), min(1.0, value + spread)]
    return {
        "value": value,
        "interval": interval,
        "reference": reference,
        "direction": direction,
        "n": 32_000,
        "text": None,
        **more,
    }


def sample_columns(generator: np.random.Generator, columns: int, holdout: bool) -> list[dict[str, Any]]:
    key = {
        "name": "id",
        "kind": "id",
        "generated": True,
        "reason": "a key or identifier: generated afresh",
        "shape": None,
        "missing": {"real": 0.0, "synthetic": 0.0, "holdout": 0.0},
        "summary": {},
        "chart": None,
    }
    hours = np.round(generator.normal(40, 12, 20_000).clip(1, 99))
    made = [
        key,
        _number("age", generator.gamma(6, 4.6, 20_000) + 17, generator, holdout),
        _bars("education", EDUCATION, generator, holdout),
        _number("hours-per-week", np.where(generator.random(20_000) < 0.45, 40, hours), generator, holdout, spike=40),
        _number(
            "capital-gain",
            np.where(generator.random(20_000) < 0.91, 0, generator.lognormal(8.6, 1, 20_000)),
            generator,
            holdout,
            spike=0,
        ),
        _bars("<b>sex</b> & größe", {"Male": 0.67, "Female": 0.33}, generator, holdout),
        _bars("native-country", COUNTRIES, generator, holdout, missing=0.018),
        _bars("income", {"<=50K": 0.76, ">50K": 0.24}, generator, holdout),
    ]
    while len(made) < columns:
        number = len(made)
        if number % 3:
            made.append(
                _number(
                    f"measure {number}",
                    generator.normal(number, 1 + number % 5, 20_000),
                    generator,
                    holdout,
                    date=number % 10 == 1,
                )
            )
        else:
            made.append(
                _bars(f"code {number}", {f"c{i}": 1 / (i + 1) for i in range(4 + number % 9)}, generator, holdout)
            )
    return made[:columns]


def _number(
    name: str,
    real: np.ndarray,
    generator: np.random.Generator,
    holdout: bool,
    *,
    spike: float | None = None,
    date: bool = False,
) -> dict[str, Any]:
    error = float(generator.gamma(2, 0.004))
    synthetic = np.where(real == spike, real, real * (1 + error) + generator.normal(0, real.std() * 0.03, len(real)))
    other = generator.choice(real, len(real) // 4)
    edges = np.linspace(real.min(), np.quantile(real, 0.999), 31)

    def shares(values: np.ndarray) -> list[float]:
        spread = values if spike is None else values[values != spike]
        return (np.histogram(spread, edges)[0] / len(values)).tolist()

    def summary(values: np.ndarray) -> dict[str, Any]:
        quantiles = dict(
            zip(("5", "25", "50", "75", "95"), np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]).tolist(), strict=True)
        )
        return {
            "mean": float(values.mean()),
            "std": float(values.std()),
            "quantiles": quantiles,
            "distinct": len(np.unique(values)),
        }

    labels = [str(np.datetime64("2015-01-01") + np.timedelta64(90 * i, "D")) for i in range(31)] if date else None
    spikes = (
        []
        if spike is None
        else [
            {
                "at": spike,
                "real": float((real == spike).mean()),
                "synthetic": float((real == spike).mean()) * 0.99,
                "holdout": float((other == spike).mean()),
            }
        ]
    )
    chart = {
        "type": "histogram",
        "edges": edges.tolist(),
        "labels": labels,
        "real": shares(real),
        "synthetic": shares(synthetic),
        "holdout": shares(other) if holdout else None,
        "spikes": spikes,
    }
    return {
        "name": name,
        "kind": "datetime" if date else "numerical",
        "generated": False,
        "reason": None,
        "shape": figure(error, 0.006),
        "missing": {"real": 0.0, "synthetic": 0.0, "holdout": 0.0 if holdout else None},
        "summary": {"real": summary(real), "synthetic": summary(synthetic)},
        "chart": chart,
    }


def _bars(
    name: str, shares: dict[str, float], generator: np.random.Generator, holdout: bool, *, missing: float = 0.0
) -> dict[str, Any]:
    real = np.array(list(shares.values())) / sum(shares.values()) * (1 - missing)
    synthetic = real * generator.normal(1, 0.03, len(real)).clip(0.5)
    synthetic *= (1 - missing) / synthetic.sum()
    names = list(shares)
    if len(names) > 20:
        real, synthetic = (np.append(values[:20], values[20:].sum()) for values in (real, synthetic))
        names = [*names[:20], f"{len(names) - 20} others"]
    error = float(np.abs(real - synthetic).sum() / 2)
    chart = {
        "type": "bars",
        "categories": names,
        "real": real.tolist(),
        "synthetic": synthetic.tolist(),
        "holdout": real.tolist() if holdout else None,
    }
    return {
        "name": name,
        "kind": "categorical",
        "generated": False,
        "reason": None,
        "shape": figure(error, 0.005),
        "missing": {"real": missing, "synthetic": missing * 1.1, "holdout": missing if holdout else None},
        "summary": {"real": {"distinct": len(shares)}, "synthetic": {"distinct": len(shares)}},
        "chart": chart,
    }
