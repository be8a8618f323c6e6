"""Nulls are filled whatever the table's storage is, and what is worked out for a rule is what the model could draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthdata.errors import SchemaError
from synthdata.models.base import Synthesizer
from synthdata.models.registry import make_model
from synthdata.table.rule_kinds import register_rule

N = 300
SUM = {"type": "sum", "parts": ["a", "b"], "total": "t"}


def table() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "number": generator.normal(0, 1, N),
            "whole": generator.integers(0, 1000, N),
            "letter": np.where(np.arange(N) < 20, None, generator.choice(["a", "b"], N)),
            "day": pd.date_range("2023-01-01", periods=N),
            "zoned": pd.date_range("2023-01-01", periods=N, tz="UTC"),
            "level": pd.Categorical(generator.integers(1, 4, N), ordered=True),
            "wait": pd.to_timedelta(generator.integers(0, 100, N), "h"),
        }
    )


@pytest.fixture(scope="module")
def model() -> Synthesizer:
    return make_model("independent").fit(table(), seed=1)


def impute(model: Synthesizer, rows: pd.DataFrame) -> pd.DataFrame:
    return model.impute(rows, seed=1)  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(
    ("name", "cells", "dtype"),
    [
        ("number", pd.array([1, None] * (N // 2), dtype="Int64"), "float64"),
        ("whole", pd.array([1, None] * (N // 2), dtype="Int8"), "int64"),
        ("whole", pd.array([1, None] * (N // 2), dtype="Int64"), "Int64"),
        ("whole", np.array([1.0, np.nan] * (N // 2)), "float64"),
        ("number", np.array([1.0, np.nan] * (N // 2), dtype=np.float32), "float32"),
        ("letter", ["a", None] * (N // 2), "object"),
        ("day", ["2023-02-01", None] * (N // 2), "datetime64[ns]"),
        ("day", pd.to_datetime(["2023-02-01", None] * (N // 2)).as_unit("s"), "datetime64[s]"),
        ("day", [pd.Timestamp("2023-02-01").date(), None] * (N // 2), "object"),
        ("zoned", pd.to_datetime(["2023-02-01", None] * (N // 2)).tz_localize("Europe/Paris"), "Europe/Paris"),
        ("level", pd.array([1, None] * (N // 2), dtype="Int8"), "Int8"),
    ],
)
def test_a_column_keeps_its_dtype_where_that_holds_what_is_drawn(
    model: Synthesizer, name: str, cells: Any, dtype: str
) -> None:
    rows = table().assign(**{name: cells}).set_index(np.arange(N) + 7)
    filled = impute(model, rows)
    assert filled.notna().all(axis=None)
    assert filled.attrs == {}
    assert filled.index.equals(rows.index)
    assert dtype in str(filled[name].dtype)
    there = rows[name].notna()
    known = pd.to_datetime(rows[name]) if dtype == "datetime64[ns]" else rows[name]
    assert (filled.loc[there, name] == known[there]).all()
    assert filled.loc[~there, name].nunique() > 1


@pytest.mark.parametrize("name", list(table().columns))
@pytest.mark.parametrize("nothing", [np.nan, None, pd.NaT], ids=["nan", "none", "nat"])
def test_a_column_of_nulls_gets_the_dtype_of_the_model(model: Synthesizer, name: str, nothing: Any) -> None:
    rows = table().assign(**{name: nothing})
    filled = impute(model, rows)
    assert filled[name].dtype == table()[name].dtype
    assert filled[name].notna().all()
    assert filled[name].isin(table()[name]).all() or name in ("number", "whole", "wait")


def test_dates_with_and_without_a_zone_are_not_mixed(model: Synthesizer) -> None:
    rows = table()
    with pytest.raises(SchemaError, match=r"'day' has a time zone in the table, and none in the model"):
        impute(model, rows.assign(day=rows["zoned"].mask(rows.index < 9)))
    with pytest.raises(SchemaError, match=r"'zoned' has no time zone in the table, and one in the model"):
        impute(model, rows.assign(zoned=rows["day"].mask(rows.index < 9)))


@pytest.mark.parametrize("name", ["letter", "level"])
def test_levels_that_a_category_dtype_lacks_are_added(model: Synthesizer, name: str) -> None:
    known = {"letter": "b", "level": 2}[name]
    ordered = name == "level"
    for cells in ([known] * 150 + [None] * 150, [None] * N):
        filled = impute(model, table().assign(**{name: pd.Categorical(cells, ordered=ordered)}))
        assert isinstance(filled[name].dtype, pd.CategoricalDtype)
        assert set(filled[name]) == set(table()[name]) - {None}
        assert filled[name].cat.ordered == ordered
        if ordered:
            assert list(filled[name].cat.categories) == [1, 2, 3]


@pytest.mark.parametrize("name", ["independent", "gmm"])
def test_filled_rows_keep_a_custom_rule_and_nulls_do_not_break_it(name: str) -> None:
    register_rule("at most a quarter", lambda rows: rows["b"] <= rows["a"] / 4)
    generator = np.random.default_rng(0)
    a = generator.uniform(10, 100, 400)
    rows = pd.DataFrame({"a": a, "b": a * generator.uniform(0.1, 0.25, 400)})
    rows.loc[:20, "b"] = np.nan
    schema = {"rules": [{"type": "custom", "name": "at most a quarter", "columns": ["a", "b"]}]}
    fitted = make_model(name).fit(rows, schema=schema, seed=1)
    filled = impute(fitted, rows.assign(b=np.nan))
    assert (filled["b"] <= filled["a"] / 4).sum() == filled["b"].notna().sum() > 350
    assert filled["b"].isna().sum() == filled.attrs.get("rows_left", 0)


def test_what_asks_for_a_null_is_mended_and_what_is_broken_anyhow_is_left() -> None:
    generator = np.random.default_rng(0)
    rows = pd.DataFrame({"a": generator.integers(0, 20, 400), "b": generator.integers(0, 20, 400)})
    rows = rows[rows["b"] <= rows["a"]]
    for rule in ("b is not None and b <= a", "b <= a"):
        schema = {"rules": [{"type": "expression", "expression": rule}]}
        filled = impute(make_model("independent").fit(rows, schema=schema, seed=1), rows.assign(b=np.nan))
        assert (filled["b"] <= filled["a"]).sum() == filled["b"].notna().sum() > 0.95 * len(rows)
    # A row whose known cells break a rule is completed all the same.
    schema = {"rules": [{"type": "expression", "expression": "a < 20 and b < 20"}]}
    broken = pd.DataFrame({"a": [3, 99], "b": [None, None]})
    filled = impute(make_model("independent").fit(rows, schema=schema, seed=1), broken)
    assert filled["b"].notna().all()
    assert filled.attrs == {}


def sums() -> tuple[pd.DataFrame, Synthesizer]:
    generator = np.random.default_rng(0)
    rows = pd.DataFrame({"a": generator.integers(100, 200, 400), "b": generator.integers(100, 200, 400)})
    rows["t"] = rows["a"] + rows["b"]
    return rows, make_model("gmm").fit(rows, schema={"rules": [SUM]}, seed=1)


def test_parts_of_a_known_sum_stay_where_the_model_has_seen_them() -> None:
    rows, fitted = sums()
    filled = impute(fitted, rows.assign(a=np.nan, b=np.nan))
    whole = filled["a"].notna()
    assert whole.sum() > 390
    assert 400 - whole.sum() == filled.attrs.get("rows_left", 0)
    assert filled.loc[whole, ["a", "b"]].stack().between(100, 199).all()
    assert (filled["a"] + filled["b"] == filled["t"])[whole].all()
    # No two such parts add up to that.
    left = impute(fitted, rows.assign(a=np.nan, b=np.nan, t=150).head(3))
    assert left["a"].isna().all()
    assert left.attrs["rows_left"] == 3


def test_parts_learnt_as_a_distance_are_held_against_what_was_learnt_of_it() -> None:
    generator = np.random.default_rng(0)
    rows = pd.DataFrame({"a": generator.integers(0, 100, 400)})
    rows["b"] = rows["a"] + generator.integers(0, 30, 400)
    rows["t"] = rows["a"] + rows["b"]
    rules = [SUM, {"type": "inequality", "low": "a", "high": "b"}]
    filled = impute(make_model("gmm").fit(rows, schema={"rules": rules}, seed=1), rows.assign(a=np.nan, b=np.nan))
    whole = filled["a"].notna()
    assert whole.sum() > 390
    assert (filled["b"] - filled["a"])[whole].between(0, 29).all()


def test_what_the_known_cells_of_a_sum_determine_is_worked_out_however_far_away() -> None:
    _, fitted = sums()
    total = pd.DataFrame({"a": [150, 250, 50], "b": [150] * 3, "t": pd.array([None] * 3, dtype="Int64")})
    part = pd.DataFrame({"a": [150, 250, 50], "b": np.nan, "t": [300, 900, 60]})
    for rows, name, expected in ((total, "t", [300, 400, 200]), (part, "b", [150, 650, 10])):
        filled = impute(fitted, rows)
        assert filled[name].tolist() == expected
        assert filled.attrs == {}
    # The total of a part that is known and another that is drawn.
    filled = impute(fitted, total.assign(b=np.nan))
    assert (filled["a"] + filled["b"] == filled["t"]).all()


def test_a_sum_of_sums_is_worked_out_from_the_bottom() -> None:
    generator = np.random.default_rng(0)
    rows = pd.DataFrame({name: generator.integers(0, 100, 400) for name in ("c", "d", "e")})
    rows["inner"] = rows["c"] + rows["d"]
    rows["outer"] = rows["inner"] + rows["e"]
    rules = [
        {"type": "sum", "parts": ["inner", "e"], "total": "outer"},
        {"type": "sum", "parts": ["c", "d"], "total": "inner"},
    ]
    fitted = make_model("gmm").fit(rows, schema={"rules": rules}, seed=1)
    asked = pd.DataFrame({"c": [400], "d": [400], "e": [7], "inner": [np.nan], "outer": [np.nan]})
    assert impute(fitted, asked).loc[0, ["inner", "outer"]].tolist() == [800, 807]


def test_large_whole_numbers_are_filled_exactly() -> None:
    rows = pd.DataFrame({"id": np.repeat(np.array([2**63 + 1, 2**63 + 3], dtype=np.uint64), 50)})
    fitted = make_model("independent").fit(rows, schema={"columns": [{"name": "id", "kind": "numerical"}]}, seed=1)
    filled = impute(fitted, pd.DataFrame({"id": pd.array([5, None, None, None, None], dtype="UInt64")}))
    assert filled["id"].iloc[0] == 5
    assert set(filled["id"].iloc[1:]) <= {2**63 + 1, 2**63 + 3}


@pytest.mark.parametrize(
    "rule", [{"type": "combinations", "columns": ["a", "b"]}, {"type": "dependence", "on": ["a"], "column": "b"}]
)
def test_what_is_rare_is_filled_by_what_agrees_with_it_and_does_not_keep_other_cells_open(
    rule: dict[str, object],
) -> None:
    table = pd.DataFrame({"a": ["x"] * 770 + ["y"] * 218 + ["p"] * 10 + ["q"] * 2, "c": ["u", "v"] * 500})
    table["b"] = table["a"].map({"x": 1, "y": 2, "p": 3, "q": 4})
    model = make_model("independent").fit(table, schema={"rules": [rule]}, seed=1)
    rare = pd.concat([table[table["a"] == "p"]] * 20).assign(b=np.nan)
    filled = model.impute(rare, seed=1)
    assert (filled["b"] == 3).all()
    # Too rare to be stored: nothing is known to go with it, but what no rule speaks of is filled.
    rarer = table[table["a"] == "q"]
    assert model.impute(rarer.assign(c=None), seed=1)["c"].isin(["u", "v"]).all()
    left = model.impute(rarer.assign(b=np.nan), seed=1)
    assert left["b"].isna().all()
    assert left.attrs == {"rows_left": 2}


def test_of_several_combinations_that_agree_with_something_rare_each_is_drawn() -> None:
    table = pd.DataFrame({"a": ["x"] * 960 + ["p"] * 40, "b": [1, 2] * 480 + [3, 3, 3, 4] * 10})
    rule = {"type": "combinations", "columns": ["a", "b"]}
    model = make_model("independent").fit(table, schema={"rules": [rule]}, seed=1)
    rare = pd.concat([table[table["a"] == "p"]] * 10).assign(b=np.nan)
    filled = model.impute(rare, seed=1)["b"]
    assert filled.isin([3, 4]).all()
    assert 0.65 < (filled == 3).mean() < 0.85


def pairs(n: int = 1_500) -> pd.DataFrame:
    """Stays of a few days over three years, and sums of which one part is 7 or 19 % of the other."""
    generator = np.random.default_rng(0)
    start = pd.Timestamp("2021-01-01") + pd.to_timedelta(generator.integers(0, 1_000, n), "D")
    net = generator.gamma(4, 20, n).round(2)
    tax = (net * generator.choice([0.07, 0.19], n)).round(2)
    frame = pd.DataFrame({"start": start, "end": start + pd.to_timedelta(generator.integers(0, 9, n), "D")})
    return frame.assign(net=net, tax=tax, gross=(net + tax).round(2), member=generator.random(n) < 0.3)


PAIRED = {
    "columns": [],
    "rules": [
        {"type": "inequality", "low": "start", "high": "end"},
        {"type": "sum", "parts": ["net", "tax"], "total": "gross", "tolerance": 0.001},
    ],
}


@pytest.mark.parametrize("name", ["gmm", "boosted", "independent"])
def test_what_is_known_of_a_pair_or_a_sum_tells_of_the_rest(name: str) -> None:
    frame = pairs()
    model = make_model(name).fit(frame, schema=PAIRED, seed=0)
    gaps = frame.head(300).copy()
    gaps["start"], gaps["net"], gaps["tax"], gaps["member"] = pd.NaT, np.nan, np.nan, None
    filled = model.impute(gaps, seed=1)  # type: ignore[attr-defined]
    days = (filled["end"] - filled["start"]).dt.days
    assert days.min() >= 0
    # Drawn without regard to the end, the start would lie hundreds of days before it.
    assert abs(days.mean() - 4) < 0.7
    assert days.max() < 12
    whole = filled.dropna()
    assert len(whole) > 290
    np.testing.assert_allclose(whole["net"] + whole["tax"], whole["gross"], atol=0.0011)
    if name != "independent":
        assert abs((whole["tax"] / whole["net"]).mean() - 0.13) < 0.02


def test_what_no_rule_speaks_of_is_filled_where_nothing_keeps_the_rules() -> None:
    frame = pairs()
    rules = [*PAIRED["rules"], {"type": "expression", "expression": "net < 1000"}]
    model = make_model("independent").fit(frame, schema={"columns": [], "rules": rules}, seed=0)
    gaps = frame.head(50).copy()
    gaps["member"], gaps.loc[:9, "tax"], gaps.loc[:9, "gross"] = None, np.nan, 9_000.0
    # Nothing that was learnt is that far off.
    gaps.loc[:9, "net"] = np.nan
    filled = model.impute(gaps, seed=1)  # type: ignore[attr-defined]
    assert filled["member"].notna().all()
    assert filled["net"].isna().tolist() == [row < 10 for row in range(50)]
    assert filled.attrs["rows_left"] == 10


def test_a_chain_of_dates_is_stepped_down_from_its_last() -> None:
    frame = pairs()
    days = np.random.default_rng(1).integers(0, 9, len(frame))
    frame["paid"] = frame["end"] + pd.to_timedelta(days, "D")
    rules = [{"type": "inequality", "low": low, "high": high} for low, high in (("start", "end"), ("end", "paid"))]
    model = make_model("independent").fit(frame, schema={"columns": [], "rules": rules}, seed=0)
    gaps = frame.head(200).copy()
    gaps["start"], gaps["end"] = pd.NaT, pd.NaT
    filled = model.impute(gaps, seed=1)  # type: ignore[attr-defined]
    for low, high in (("start", "end"), ("end", "paid")):
        distance = (filled[high] - filled[low]).dt.days.dropna()
        assert len(distance) > 190
        assert distance.min() >= 0
        assert abs(distance.mean() - 4) < 0.8
