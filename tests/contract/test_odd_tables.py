"""Every family copes with odd tables, or declines a column with a reason; none ends in a traceback."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from odd_tables import ODD, in_sequences, quick, wide

from synthdata.errors import SynthdataError
from synthdata.models.registry import make_model, model_names
from synthdata.testing.tables import mixed

#: families that are quick on every odd table, and meet further questions
PLAIN = ("independent", "gmm", "trees", "boosted", "bayesnet")
#: whose time grows with the columns meet a narrower table here, and the whole one in `benchmarks/odd_families.py`
COLUMNS = {"bayesnet": 40, "trees": 60, "boosted": 100, "gmm": 200, "autoregressive": 60, "diffusion": 60, "flow": 40}
COLUMNS |= {"tvae": 100, "ctgan": 60, "rbm": 60, "copula": 40, "hmm": 30, "aim": 20, "auto": 40}
COLUMNS |= {"sdv:gaussian_copula": 30, "sdv:ctgan": 10, "sdv:tvae": 10, "sdv:copulagan": 10}
#: a column of 100,000 levels takes these less than a second; the others meet it in the benchmark
LEVELS = ("independent", "boosted")
#: what `auto` chooses is tried by itself, and SDV's copula shares the way of its networks to it
TABLES = [name for name in ODD if name not in ("wide", "many_levels", "only_levels")]
FEWER = {"auto": ("fifty_rows", "mostly_null"), "sdv:ctgan": ("fifty_rows",), "sdv:tvae": ("mostly_null",)}
FEWER |= {"sdv:copulagan": ("heavy_tails",), "aim": ("all_categorical", "mostly_null", "large_integers", "one_column")}

#: families that draw rows like a real one for each integer beyond 2**53; those of noisy marginals know coarse bins only
EXACT = [name for name in model_names() if ":" not in name and name not in ("aim", "mst", "auto", "hmm")]

CASES = [(name, table) for name in model_names() for table in FEWER.get(name, TABLES)]
CASES += [(name, "many_levels") for name in LEVELS]


def made(name: str, frame: pd.DataFrame, schema: dict[str, Any]) -> pd.DataFrame:
    """60 rows or more that a family drew after it had seen the table, in sequences where it needs those."""
    if name.startswith("sdv:"):
        pytest.importorskip("sdv")
    if name == "hmm":
        frame, schema = in_sequences(frame, schema)
    sample = quick(name).fit(frame, schema=schema, seed=0).sample(60, seed=1)
    # Whole sequences may come to a few rows more.
    assert len(sample) >= 60 if name == "hmm" else len(sample) == 60
    assert list(sample.columns) == list(frame.columns)
    return sample


@pytest.mark.parametrize(("name", "table"), CASES)
def test_odd_tables_are_learnt(name: str, table: str) -> None:
    frame, schema = ODD[table]()
    sample = made(name, frame, schema)
    for column, kind in ((entry["name"], entry["kind"]) for entry in schema["columns"]):
        real, drawn = frame[column], sample[column]
        assert drawn.dtype == real.dtype or (not drawn.notna().any() and real.isna().mean() > 0.9)
        if real.notna().all():
            assert drawn.notna().all()
        if kind in ("categorical", "boolean"):
            assert set(drawn.dropna()) <= set(real.dropna())
        elif drawn.notna().any():
            # Nothing beyond what was seen: neither overflow nor an infinite tail.
            assert real.min() <= drawn.min()
            assert drawn.max() <= real.max()


@pytest.mark.parametrize("name", model_names())
def test_many_columns(name: str) -> None:
    frame, schema = wide(COLUMNS.get(name, 500))
    assert made(name, frame, schema).notna().all(axis=None)


@pytest.mark.parametrize("name", PLAIN)
def test_a_column_of_which_nothing_may_be_stored_is_declined_with_a_reason(name: str) -> None:
    frame, schema = ODD["only_levels"]()
    with pytest.raises(SynthdataError, match=r"Column 'level': none of its 500 categories .* leave it out") as caught:
        made(name, frame, schema)
    assert "level 7" not in str(caught.value)
    without = {"columns": [{**schema["columns"][0], "drop": True}, schema["columns"][1]]}
    sample = quick(name).fit(frame, schema=without, seed=0).sample(20, seed=1)
    assert list(sample.columns) == ["x"]


@pytest.mark.parametrize("name", EXACT)
def test_whole_numbers_beyond_doubles_are_exact(name: str) -> None:
    frame, schema = ODD["large_integers"]()
    sample = made(name, frame, schema)
    assert set(sample["few"]) <= set(frame["few"])
    assert set(sample["most"]) <= set(frame["most"])
    # Numbers that had gone through doubles would all be multiples of 256.
    assert (sample["many"] % 2 == 1).any()
    assert (sample["many"] % 2 == 0).any() or set(sample["many"]) <= set(frame["many"])
    assert sample["many"].nunique() > 10


@pytest.mark.parametrize("name", PLAIN)
def test_conditions_on_numbers_beyond_doubles(name: str) -> None:
    frame, schema = ODD["large_integers"]()
    model = quick(name).fit(frame, schema=schema, seed=0)
    sample = model.sample(20, given={"few": 2**60 + 1, "many": (2**60 + 300, None)}, seed=1)
    assert (sample["few"] == 2**60 + 1).all()
    assert (sample["many"] >= 2**60 + 300).all()


def test_shares_of_values_that_doubles_cannot_tell_apart_are_counted_each() -> None:
    frame, schema = ODD["large_integers"]()
    model = make_model("independent").fit(frame, schema=schema, seed=0)
    drawn = model.sample(20_000, seed=1)["few"].value_counts(normalize=True).sort_index()
    real = frame["few"].value_counts(normalize=True).sort_index()
    assert np.abs(drawn - real).max() < 0.02


def test_few_rows_of_a_mixed_table_are_not_copied() -> None:
    frame = mixed(50)
    sample = made("boosted", frame, ODD["fifty_rows"]()[1])
    numbers = ["age", "amount", "weight", "children"]
    assert not pd.merge(sample[numbers], frame[numbers].dropna()).shape[0] > 5
