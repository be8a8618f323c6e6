"""Tables that are unlike the ones people try first; each with its schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from synthdata.models.base import Synthesizer
from synthdata.models.registry import make_model

Odd = tuple[pd.DataFrame, dict[str, Any]]


def _schema(frame: pd.DataFrame, kinds: str | dict[str, str], **more: Any) -> dict[str, Any]:
    kind = (lambda name: kinds) if isinstance(kinds, str) else kinds.__getitem__
    return {"columns": [{"name": name, "kind": kind(name), **more} for name in frame.columns]}


def all_categorical() -> Odd:
    """200 rows of six columns of categories."""
    generator = np.random.default_rng(0)
    frame = pd.DataFrame({f"c{j}": generator.choice([f"v{k}" for k in range(2 + j)], 200) for j in range(6)})
    return frame, _schema(frame, "categorical")


def all_numerical() -> Odd:
    """200 rows of six columns of numbers, one of them constant."""
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 6)), columns=[f"x{j}" for j in range(6)])
    frame["x5"] = 1.5
    return frame, _schema(frame, "numerical")


def one_column() -> Odd:
    """100 rows of one column."""
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=100)})
    return frame, _schema(frame, "numerical")


def wide(columns: int = 500) -> Odd:
    """Many columns of 100 rows: numbers, categories and truth values in turn."""
    generator = np.random.default_rng(0)
    cells: dict[str, Any] = {}
    kinds = {}
    for j in range(columns):
        name = f"c{j}"
        kinds[name] = ("numerical", "categorical", "boolean")[j % 3]
        cells[name] = (generator.normal(size=100), generator.choice(["a", "b"], 100), generator.random(100) < 0.3)[
            j % 3
        ]
    frame = pd.DataFrame(cells)
    return frame, _schema(frame, kinds)


def many_levels() -> Odd:
    """A column of 100,000 levels, nearly all of which occur once, beside one of two."""
    names = [*(f"level {j}" for j in range(100_000)), *(["common"] * 3000), *(["second"] * 2000)]
    frame = pd.DataFrame({"level": names, "side": np.arange(105_000) % 2 == 0})
    return frame, _schema(frame, {"level": "categorical", "side": "boolean"})


def only_levels() -> Odd:
    """A column of categories of which none occurs twice, beside one of numbers."""
    frame = pd.DataFrame({"level": [f"level {j}" for j in range(500)], "x": np.arange(500.0)})
    return frame, _schema(frame, {"level": "categorical", "x": "numerical"})


def mostly_null() -> Odd:
    """1,000 rows in which 99 % of each column but one are null."""
    generator = np.random.default_rng(0)
    here = np.array([generator.permutation(1000) < 10 for _ in range(4)])
    frame = pd.DataFrame(
        {
            "number": np.where(here[0], generator.normal(size=1000), np.nan),
            "whole": pd.array(np.where(here[1], generator.integers(0, 99, 1000), 0), "Int64"),
            "text": pd.Series(np.where(here[2], "yes", None), dtype=object),
            "day": pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(generator.integers(0, 99, 1000), unit="D")),
            "full": generator.choice(["a", "b", "c"], 1000),
        }
    )
    frame["whole"] = frame["whole"].mask(~here[1])
    frame["day"] = frame["day"].mask(~here[3])
    kinds = {
        "number": "numerical",
        "whole": "numerical",
        "text": "categorical",
        "day": "datetime",
        "full": "categorical",
    }
    return frame, _schema(frame, kinds)


def fifty_rows() -> Odd:
    """50 rows of a mixed table."""
    from synthdata.testing.tables import MIXED_SCHEMA, mixed

    return mixed(50), MIXED_SCHEMA


def heavy_tails() -> Odd:
    """Numbers whose mean does not exist (Cauchy), and one near the largest double."""
    generator = np.random.default_rng(0)
    cauchy = generator.standard_cauchy(400)
    frame = pd.DataFrame({"cauchy": cauchy, "cube": cauchy**3, "edge": np.where(np.arange(400) % 50, cauchy, 1e307)})
    return frame, _schema(frame, "numerical")


def large_integers() -> Odd:
    """Whole numbers beyond 2**53, which doubles cannot tell apart: few of them, many, and beyond 2**63."""
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "few": 2**60 + generator.integers(0, 3, 400),
            "many": 2**60 + 3 * generator.integers(0, 200, 400) + 1,
            "most": (2**63 + 7 + generator.integers(0, 3, 400).astype(np.uint64)).astype(np.uint64),
        }
    )
    return frame, _schema(frame, "numerical", decimals=0)


ODD: dict[str, Callable[[], Odd]] = {
    function.__name__: function
    for function in (
        all_categorical,
        all_numerical,
        one_column,
        wide,
        many_levels,
        only_levels,
        mostly_null,
        fifty_rows,
        heavy_tails,
        large_integers,
    )
}

#: settings that make each family quick; what they draw need not be good
QUICK: dict[str, dict[str, Any]] = {
    "gmm": {"max_components": 2},
    "autoregressive": {"epochs": 1, "width": 16},
    "diffusion": {"epochs": 1, "width": 16, "sampling_steps": 4},
    "flow": {"epochs": 1, "width": 16},
    "tvae": {"epochs": 1, "width": 16, "components": 4},
    "ctgan": {"epochs": 1, "width": 16},
    "rbm": {"epochs": 1, "hidden": 16, "burn_in": 5},
    "hmm": {"states": 2},
    "aim": {"rounds": 2, "iterations": 10, "model_size": 1.0},
    "mst": {},
    "sdv:ctgan": {"epochs": 1, "device": "cpu"},
    "sdv:tvae": {"epochs": 1, "device": "cpu"},
    "copula": {"passes": 10, "simulated": 2000},
    "sdv:copulagan": {"epochs": 1, "device": "cpu"},
}


def quick(name: str) -> Synthesizer:
    """A family of the registry with settings that make it quick."""
    return make_model(name, **QUICK.get(name, {}))


def in_sequences(frame: pd.DataFrame, schema: dict[str, Any]) -> Odd:
    """The rows of a table as sequences of ten, for families that learn nothing else."""
    steps = np.arange(len(frame))
    keyed = pd.DataFrame({"sequence": steps // 10, "step": steps % 10}).join(frame.reset_index(drop=True))
    roles = [
        {"name": "sequence", "kind": "id", "role": "sequence key"},
        {"name": "step", "kind": "numerical", "role": "order"},
    ]
    return keyed, {"columns": [*roles, *schema["columns"]]}
