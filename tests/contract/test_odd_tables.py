"""Every family copes with odd tables, or declines a column with a reason; none ends in a traceback."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from odd_tables import ODD, wide

from synthdata.errors import SynthdataError
from synthdata.models.registry import make_model
from synthdata.testing.tables import mixed

#: settings that make each family quick; what they draw need not be good here
QUICK: dict[str, dict[str, Any]] = {
    "independent": {},
    "gmm": {"max_components": 2},
    "trees": {},
    "boosted": {},
    "bayesnet": {},
}
#: neural families meet the tables that are hard on the encoders only
HARD = ("one_column", "mostly_null", "heavy_tails", "large_integers")
NEURAL: dict[str, dict[str, Any]] = {
    "autoregressive": {"epochs": 1, "width": 16},
    "diffusion": {"epochs": 1, "width": 16, "sampling_steps": 4},
    "flow": {"epochs": 1, "width": 16},
    "rbm": {"epochs": 1, "hidden": 16, "burn_in": 5},
}
#: families whose time grows with the square of the columns meet a narrower table
COLUMNS = {"bayesnet": 40, "trees": 60, "boosted": 100, "gmm": 200}

CASES = [(name, table) for name in QUICK for table in ODD if table not in ("wide", "only_levels", "many_levels")]
CASES += [(name, "many_levels") for name in ("independent", "boosted")]
CASES += [(name, table) for name in NEURAL for table in HARD]


def drawn(name: str, frame: pd.DataFrame, schema: dict[str, Any]) -> pd.DataFrame:
    model = make_model(name, **(QUICK | NEURAL)[name]).fit(frame, schema=schema, seed=0)
    sample = model.sample(60, seed=1)
    assert len(sample) == 60
    assert list(sample.columns) == list(frame.columns)
    return sample


@pytest.mark.parametrize(("name", "table"), CASES)
def test_odd_tables_are_learnt(name: str, table: str) -> None:
    frame, schema = ODD[table]()
    sample = drawn(name, frame, schema)
    for column, kind in ((entry["name"], entry["kind"]) for entry in schema["columns"]):
        real, made = frame[column], sample[column]
        assert made.dtype == real.dtype or (not made.notna().any() and real.isna().mean() > 0.9)
        if real.notna().all():
            assert made.notna().all()
        if kind in ("categorical", "boolean"):
            assert set(made.dropna()) <= set(real.dropna())
        elif made.notna().any():
            # Nothing beyond what was seen: neither overflow nor an infinite tail.
            assert real.min() <= made.min()
            assert made.max() <= real.max()


@pytest.mark.parametrize("name", list(QUICK))
def test_many_columns(name: str) -> None:
    frame, schema = wide(COLUMNS.get(name, 500))
    assert drawn(name, frame, schema).notna().all(axis=None)


@pytest.mark.parametrize("name", list(QUICK))
def test_a_column_of_which_nothing_may_be_stored_is_declined_with_a_reason(name: str) -> None:
    frame, schema = ODD["only_levels"]()
    with pytest.raises(SynthdataError, match=r"Column 'level': none of its 500 categories .* leave it out") as caught:
        drawn(name, frame, schema)
    assert "level 7" not in str(caught.value)
    without = {"columns": [{**schema["columns"][0], "drop": True}, schema["columns"][1]]}
    sample = make_model(name, **QUICK[name]).fit(frame, schema=without, seed=0).sample(20, seed=1)
    assert list(sample.columns) == ["x"]


@pytest.mark.parametrize("name", [*QUICK, *NEURAL])
def test_whole_numbers_beyond_doubles_are_exact(name: str) -> None:
    frame, schema = ODD["large_integers"]()
    sample = drawn(name, frame, schema)
    assert set(sample["few"]) <= set(frame["few"])
    assert set(sample["most"]) <= set(frame["most"])
    # Numbers that had gone through doubles would all be multiples of 256.
    assert (sample["many"] % 2 == 1).any()
    assert (sample["many"] % 2 == 0).any() or set(sample["many"]) <= set(frame["many"])
    assert sample["many"].nunique() > 10


@pytest.mark.parametrize("name", list(QUICK))
def test_conditions_on_numbers_beyond_doubles(name: str) -> None:
    frame, schema = ODD["large_integers"]()
    model = make_model(name, **QUICK[name]).fit(frame, schema=schema, seed=0)
    sample = model.sample(20, given={"few": 2**60 + 1, "many": (2**60 + 300, None)}, seed=1)
    assert (sample["few"] == 2**60 + 1).all()
    assert (sample["many"] >= 2**60 + 300).all()


def test_shares_of_values_that_doubles_cannot_tell_apart_are_counted_each() -> None:
    frame, schema = ODD["large_integers"]()
    model = make_model("independent").fit(frame, schema=schema, seed=0)
    made = model.sample(20_000, seed=1)["few"].value_counts(normalize=True).sort_index()
    real = frame["few"].value_counts(normalize=True).sort_index()
    assert np.abs(made - real).max() < 0.02


def test_few_rows_of_a_mixed_table_are_not_copied() -> None:
    frame = mixed(50)
    sample = drawn("boosted", frame, ODD["fifty_rows"]()[1])
    numbers = ["age", "amount", "weight", "children"]
    assert not pd.merge(sample[numbers], frame[numbers].dropna()).shape[0] > 5
