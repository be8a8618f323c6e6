# ruff: noqa: E501
"""Facts of a report as the validation writes them, computed from a small census-like table that is drawn here."""

from __future__ import annotations

from typing import Any

import numpy as np
from unit.reporting.sample_columns import figure, sample_columns


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
    made = sample_columns(generator, columns, holdout)
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
        "fidelity_details": {"triples": _triples(names), "landscape": _landscape(generator, names, holdout)},
        "model": _model(generator, names) if model else {},
        "checks": _checks(),
        "notes": [
            "14 rare categories of native-country (fewer than 10 rows each) were merged into “other”.",
            "The delimiter ; was found.",
        ],
    }


def _triples(names: list[str]) -> list[dict[str, Any]]:
    labels = [["< 30", "30 – 50", "≥ 50"], ["HS-grad", "Bachelors", "7 others", "no value"], ["< 40", "≥ 40"]]
    real = np.random.default_rng(11).dirichlet(np.ones(24)).reshape(3, 4, 2)
    table = {"labels": labels, "least": 5, "real": real.round(5).tolist(), "synthetic": real[::-1].round(5).tolist()}
    return [{"columns": names[:3], "value": 0.034, "reference": 0.021, "table": table}]


def _tables(generator: np.random.Generator, names: list[str], error: np.ndarray) -> list[dict[str, Any]]:
    """The cross tables of all pairs, the worst first."""
    above = np.triu_indices(len(names), 1)
    made = []
    for place in np.argsort(-error[above])[:190]:
        one, other = (names[side[place]] for side in above)
        real = generator.dirichlet(np.full(15, 2.0)).reshape(5, 3)
        synthetic = 0.8 * real + 0.2 * generator.dirichlet(np.full(15, 2.0)).reshape(5, 3)
        made.append(
            {
                "columns": [one, other],
                "value": float(error[above][place]),
                "labels": [["< 20", "20 – 29", "30 – 39", "≥ 40", "no value"], ["<i>a</i>", "b", "12 others"]],
                "least": 5,
                "real": real.round(5).tolist(),
                "synthetic": synthetic.round(5).tolist(),
            }
        )
    return made


def _landscape(generator: np.random.Generator, names: list[str], holdout: bool) -> dict[str, Any]:
    sides = {"train": 20_000, "synthetic": 20_000, **({"holdout": 9_768} if holdout else {})}
    maps = {}
    for side, rows in sides.items():
        centres = np.array([[0, 0], [2.2, 1.4], [-1.6, 2.1]])[generator.integers(0, 3, rows)]
        x, y = (centres + generator.normal(0, 0.7, (rows, 2))).T
        counts = np.histogram2d(-y, x, 32, [[-5, 3], [-4, 5]])[0]
        maps[side] = (np.where(counts < 5, 0, counts) / rows).round(6).tolist()
    axes = [[{"name": name, "share": 0.4} for name in names[:3]], [{"name": name, "share": 0.3} for name in names[3:6]]]
    return {"rows": sides, "least": 5, **maps, "explained": [0.18, 0.11], "axes": axes}


def _model(generator: np.random.Generator, names: list[str]) -> dict[str, Any]:
    """More than any one model has, so that every view is drawn."""
    places = np.clip(generator.normal(0, 0.35, (300, 2)), -1, 1).round(3)
    marks = [
        {"column": names[0], "here": "61", "all": "38", "distance": 0.6},
        {"column": names[1], "here": "<b>yes</b> (92.0%)", "all": "41.0%", "distance": 0.5},
    ]
    return {
        "training": {"held_out_nats": [[share / 20, 9 + 4 * 0.8**share] for share in range(1, 21)]},
        "graph": {"nodes": names, "edges": [[names[(n - 1) // 2], names[n]] for n in range(1, len(names))]},
        "components": {"count": 14, "largest": [{"weight": 0.5**n, "marks": marks} for n in range(1, 9)]},
        "latent": {
            "dimensions": 8,
            "explained": 0.42,
            "column": "income",
            "groups": ["<b>low</b>", "high"],
            "points": [[*place, int(place[0] > 0)] for place in places.tolist()],
        },
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
        "tables": _tables(np.random.default_rng(12), names, error),
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
