# ruff: noqa: E501
"""Facts of a report as the validation writes them, computed from a small census-like table that is drawn here."""

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


def sample_facts(
    columns: int = 15,
    *,
    holdout: bool = True,
    model: str | None = "trees",
    verdict: str = "pass",
    target: str | None = "income",
) -> dict[str, Any]:
    """A whole report.json; ``columns`` at least 8 of which the first is a key."""
    generator = np.random.default_rng(7)
    made = _columns(generator, columns, holdout)
    if not holdout:
        for column in made:
            if column["shape"]:
                column["shape"]["reference"] = None
    names = [column["name"] for column in made if column["shape"]]
    reference = (lambda value: value) if holdout else (lambda value: None)
    rows = {
        "source": 48_842,
        "train": 39_074 if holdout else 48_842,
        "holdout": 9_768 if holdout else 0,
        "synthetic": 48_842,
    }
    cannot = "There is no holdout."
    state = "cannot tell" if not holdout else "leak found" if verdict == "fail" else "no leak found"
    return {
        "version": 1,
        "edition": "internal",
        "run": {
            "name": "census-trees",
            "source": "census.csv",
            "model": model,
            "model_summary": "Sequential decision trees, one for each column." if model else "",
            "parameters": {"leaf": 100, "smoothing": 0.5, "order": "ascending cardinality"} if model else {},
            "seed": 20_260_301,
            "device": "cpu",
            "rows": rows,
            "columns": columns,
            "target": target,
            "created": "2026-03-05T14:07:31+00:00",
            "versions": {"synthdata": "0.1.0", "python": "3.11.9", "numpy": "2.4.6", "scikit-learn": "1.9.1"},
            "durations": {"read": 0.41, "check": 1.2, "fit": 2.93, "sample": 0.84, "validate": 21.7}
            if model
            else {"validate": 19.0},
        },
        "verdict": verdict,
        "alerts": _alerts(verdict, names),
        "policy": {
            "name": "default",
            "rules": [
                {
                    "metric": "fidelity.shape",
                    "max": 0.05,
                    "level": "warn",
                    "met": True,
                    "value": 0.0062,
                    "sentence": "Shape error at most 5%.",
                },
                {
                    "metric": "privacy.verdict",
                    "not": "leak found",
                    "level": "fail",
                    "met": verdict != "fail",
                    "value": None,
                    "sentence": "No leak may be found.",
                },
                {
                    "metric": "fidelity.detection",
                    "min": 0.5,
                    "level": "warn",
                    "met": verdict == "pass",
                    "value": 0.883,
                    "sentence": "Detection score at least 0.5.",
                },
                {
                    "metric": "utility.tstr",
                    "min": 0.8,
                    "level": "warn",
                    "met": True if holdout else None,
                    "value": 0.921 if holdout else None,
                    "sentence": "At least 80% of the usefulness of real rows.",
                },
            ],
        },
        "fidelity": {
            "shape": figure(0.0062, reference(0.0058), matched=0.0071),
            "trend": figure(0.0139, reference(0.0157)),
            "detection": figure(0.883, reference(0.986), "higher"),
        },
        "utility": {"tstr": figure(0.921, 0.927, "higher") if holdout else figure(None, None, "higher", text=cannot)},
        "privacy": {
            "dcr_share": figure(0.507, 0.499, "target", target=0.5)
            if holdout
            else figure(None, None, "target", target=0.5, text=cannot),
            "copies": figure(0.00031, reference(0.00028)),
            "verdict": {
                "state": state,
                "text": {
                    "cannot tell": "Without real rows that the generator never saw, nothing can be said about leaks.",
                    "leak found": "Synthetic rows repeat training rows more often than chance allows (p < .001).",
                    "no leak found": "No test found a leak; one of about 0.6% copied rows or more would have been noticed.",
                }[state],
                "power": {"copied_rows": 0.006} if holdout else {},
            },
            "details": _privacy_details(generator) if holdout else {},
        },
        "columns": made,
        "pairs": _pairs(generator, names),
        "detection": {
            "columns": [{"name": name, "importance": 0.04 / (1 + rank) ** 1.5} for rank, name in enumerate(names[:8])]
        },
        "utility_details": {
            "target": target,
            "task": "classification",
            "measure": "AUC",
            "real": 0.927,
            "synthetic": 0.921,
            "baseline": 0.5,
            "interval": [0.915, 0.926],
            "real_interval": [0.922, 0.932],
            "difference": -0.006,
            "difference_interval": [-0.01, -0.002],
            "test_rows": 9_768,
            "reason": "named as the target",
        }
        if holdout
        else {"target": target, "reason": "named as the target"},
        "checks": _checks(),
        "notes": [
            "14 rare categories of native-country (fewer than 10 rows each) were merged into “other”.",
            "The delimiter ; was found.",
        ],
    }


def _columns(generator: np.random.Generator, columns: int, holdout: bool) -> list[dict[str, Any]]:
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


def _pairs(generator: np.random.Generator, names: list[str]) -> dict[str, Any]:
    size = len(names)
    factors = generator.normal(0, 1, (size, 3))
    covariance = factors @ factors.T + np.eye(size)
    scale = np.sqrt(np.diag(covariance))
    real = covariance / np.outer(scale, scale)
    noise = generator.normal(0, 0.04, (size, size))
    synthetic = np.clip(real * 0.93 + (noise + noise.T) / 2, -1, 1)
    np.fill_diagonal(synthetic, 1)
    error = np.abs(real - synthetic) / 2
    above = np.triu_indices(size, 1)
    order = np.argsort(-error[above])[:10]
    worst = [
        {
            "columns": [names[above[0][i]], names[above[1][i]]],
            "value": float(error[above][i]),
            "reference": 0.012,
            "measure": "correlation",
        }
        for i in order
    ]
    return {
        "columns": names,
        "measure": "correlation, or strength of association where a column has categories",
        "real": real.tolist(),
        "synthetic": synthetic.tolist(),
        "difference": (synthetic - real).tolist(),
        "error": error.tolist(),
        "worst": worst,
    }


def _privacy_details(generator: np.random.Generator) -> dict[str, Any]:
    edges = np.linspace(0, 2.4, 31)
    draws = {
        "synthetic_train": generator.gamma(5, 0.14, 8_000),
        "synthetic_holdout": generator.gamma(5, 0.142, 8_000),
        "train_holdout": generator.gamma(5, 0.15, 8_000),
    }
    shares = {name: (np.histogram(values, edges)[0] / len(values)).tolist() for name, values in draws.items()}
    tests = [
        {"test": "exact copies of train rows", "found": 14, "holdout": 4, "expected": 13.1, "p_value": 0.41},
        {
            "test": "nearest real row is a train row",
            "found": 6_441,
            "rows": 8_000,
            "share": 0.805,
            "expected": 0.8,
            "p_value": 0.17,
        },
    ]
    return {"distances": {"edges": edges.tolist(), **shares}, "tests": tests}


def _alerts(verdict: str, names: list[str]) -> list[dict[str, Any]]:
    notice = {
        "level": "info",
        "title": "Rare categories were merged",
        "text": "14 categories that occur in fewer than 10 rows are not in the model.",
        "advice": "Nothing to do, unless they matter to you.",
        "metric": None,
        "columns": ["native-country"],
    }
    warning = {
        "level": "warn",
        "title": "Two columns have lost part of their shape",
        "text": "Their distributions are more than twice as far from the real ones as fresh real rows are.",
        "advice": "Check how their kind was inferred, and correct it in schema.json.",
        "metric": "fidelity.shape",
        "columns": names[2:4],
    }
    failure = {
        "level": "fail",
        "title": "Training rows were repeated",
        "text": "Synthetic rows equal training rows more often than chance allows.",
        "advice": "Do not share this table. Fit again with larger leaves.",
        "metric": "privacy.copies",
        "columns": [],
    }
    return {"pass": [notice], "warn": [notice, warning], "fail": [warning, notice, failure]}[verdict]


def _checks() -> dict[str, Any]:
    passed = {
        "column": "age",
        "check": "values lie between 0 and 120",
        "passed": True,
        "level": "fail",
        "detail": "",
        "advice": "",
    }
    broken = {
        "column": "native-country",
        "check": "fewer than 1% nulls",
        "passed": False,
        "level": "warn",
        "detail": "857 of 48,842 rows are null",
        "advice": "Find out why, or let nulls be modelled as they are.",
    }
    rows = {
        "column": None,
        "check": "column names are unique",
        "passed": True,
        "level": "fail",
        "detail": "",
        "advice": "",
    }
    return {"source": [rows, passed, broken], "synthetic": [rows, passed]}
