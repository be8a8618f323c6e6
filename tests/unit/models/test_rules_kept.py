"""Rules hold in whatever a model gives: drawn freely, under conditions, filled in, and after loading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rule_tables import COLUMNS, RULES, SCHEMA, ruled

from synthdata.errors import InfeasibleError, ModelError, SchemaError
from synthdata.models.base import Synthesizer
from synthdata.models.registry import load, make_model
from synthdata.table.constraints import parse_rules, violations
from synthdata.table.rule_kinds import Custom, register_rule
from synthdata.table.schema import Column

MODELS = ("independent", "gmm", "bayesnet", "trees")
SETTINGS: dict[str, dict[str, Any]] = {"gmm": {"max_components": 2}}


@pytest.fixture(scope="module")
def models() -> dict[str, Synthesizer]:
    return {name: make_model(name, **SETTINGS.get(name, {})).fit(ruled(), schema=SCHEMA, seed=0) for name in MODELS}


def broken(model: Synthesizer, frame: pd.DataFrame) -> dict[str, int]:
    rules = {str(rule): int(violations(frame, rule, ruled()).sum()) for rule in parse_rules(model.schema_)}
    assert len(rules) == len(RULES)
    return {rule: rows for rule, rows in rules.items() if rows}


@pytest.mark.parametrize("name", MODELS)
def test_no_row_breaks_a_rule(models: dict[str, Synthesizer], name: str) -> None:
    sample = models[name].sample(300, seed=1)
    assert len(sample) == 300
    assert list(sample.columns) == list(ruled().columns)
    assert broken(models[name], sample) == {}
    assert "drawing" not in sample.attrs


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("given", "column", "holds"),
    [
        ("country=IT", "country", lambda s: s == "IT"),
        ("ticket in {half, free}", "ticket", lambda s: s.isin(["half", "free"])),
        ("end>=2024-06-01", "end", lambda s: s >= "2024-06-01"),
        ("gross<=500", "gross", lambda s: s <= 500),
        ("end is null", "end", lambda s: s.isna()),
        ({"high": (0, 1), "city": {"Rome", "Oslo"}}, "high", lambda s: s.between(0, 1)),
    ],
)
def test_conditions_on_columns_that_rules_speak_of(
    models: dict[str, Synthesizer], name: str, given: Any, column: str, holds: Any
) -> None:
    sample = models[name].sample(30, given=given, seed=2)
    assert len(sample) == 30
    assert holds(sample[column]).all()
    assert broken(models[name], sample) == {}
    told = sample.attrs["drawing"]
    assert told["effective_sample_size"] == 30 <= told["drawn"]


@pytest.mark.parametrize("name", ["independent", "gmm", "bayesnet"])
def test_imputed_rows_keep_the_rules_and_what_was_there(models: dict[str, Synthesizer], name: str) -> None:
    generator = np.random.default_rng(3)
    table = ruled(300, seed=4)
    for column in table.columns:
        hole = generator.random(300) < 0.1
        whole = table[column].dtype.kind == "i"
        table[column] = table[column].astype("Int64").mask(hole) if whole else table[column].mask(hole)
    filled = models[name].impute(table, seed=1)
    assert broken(models[name], filled) == {}
    for column in table.columns:
        there = table[column].notna()
        assert (filled.loc[there, column] == table.loc[there, column]).all()
    # A null stays only in rows that the model says it could not complete.
    assert filled.isna().any(axis=1).sum() == filled.attrs.get("rows_left", 0) < 0.3 * 300
    # What a rule determines is worked out, not drawn.
    worked = table["gross"].notna() & table["net"].notna() & table["tax"].isna() & filled["tax"].notna()
    assert worked.sum() > 10
    assert (filled["tax"] == filled["gross"] - filled["net"])[worked].all()


@pytest.mark.parametrize("name", ["independent", "bayesnet"])
def test_a_loaded_model_keeps_them_too(models: dict[str, Synthesizer], name: str, tmp_path: Path) -> None:
    models[name].save(tmp_path / "model")
    again = load(tmp_path / "model")
    pd.testing.assert_frame_equal(again.sample(50, seed=3), models[name].sample(50, seed=3))
    pd.testing.assert_series_equal(
        pd.Series(again.log_prob(ruled())),
        pd.Series(models[name].log_prob(ruled())),  # type: ignore[attr-defined]
    )


@pytest.mark.parametrize("name", MODELS)
def test_a_column_kept_above_another_keeps_its_distances(models: dict[str, Synthesizer], name: str) -> None:
    # Rows refused after the draw would favour long distances; this is why rules are kept by construction.
    real, made = ruled(), models[name].sample(400, seed=5)
    days = [(frame["end"] - frame["start"]).dt.days for frame in (real, made)]
    assert abs(days[1].mean() - days[0].mean()) < 0.4
    assert abs((made["high"] - made["low"]).mean() - (real["high"] - real["low"]).mean()) < 0.2


def test_custom_rules_call_what_was_registered() -> None:
    rule = {"type": "custom", "name": "even together", "columns": ["net", "seat"]}
    table = ruled()[["net", "seat"]]
    table["seat"] = table["net"] % 2
    schema = {"columns": [c for c in COLUMNS if c["name"] in table], "rules": [rule]}
    with pytest.raises(SchemaError, match=r"'even together' is not registered"):
        make_model("bayesnet").fit(table, schema=schema)
    register_rule("even together", lambda rows: (rows["net"] + rows["seat"]) % 2 == 0)
    sample = make_model("bayesnet").fit(table, schema=schema, seed=0).sample(100, seed=1)
    assert ((sample["net"] + sample["seat"]) % 2 == 0).all()

    def careless(rows: pd.DataFrame) -> Any:
        raise ValueError(f"cannot judge {rows.iloc[0, 0]}")

    register_rule("even together", careless)
    with pytest.raises(SchemaError) as caught:
        make_model("bayesnet").fit(table, schema=schema)
    assert "failed with ValueError" in str(caught.value)
    assert "judge" not in str(caught.value)


def test_custom_rules_are_asked_of_rows_without_a_null_alone() -> None:
    seen = []

    def judged(rows: pd.DataFrame) -> Any:
        seen.append(rows)
        return rows["word"].str.startswith("a") & (rows["day"] > pd.Timestamp("2024-01-01"))

    register_rule("judged", judged)
    days = pd.to_datetime(pd.Series(["2024-02-01", "2024-02-01", None, "2023-02-01"]))
    table = pd.DataFrame({"word": ["ab", None, "cd", "ab"], "day": days})
    columns = (
        Column(name="word", kind="categorical", nullable=True),
        Column(name="day", kind="datetime", dtype="datetime64[ns]", nullable=True),
    )
    rule = Custom("judged", columns)
    assert violations(table, rule).tolist() == [False, False, False, True]
    assert seen[0].notna().all(axis=None)
    assert not violations(table[1:3], rule).any()
    assert len(seen) == 1


def test_a_table_that_breaks_its_rules_is_refused_without_a_value() -> None:
    table = ruled()
    table.loc[7, "gross"] += 123_456
    with pytest.raises(SchemaError, match=r"'gross'\) is broken by 1 of 600 rows \(first data row 8\)") as caught:
        make_model("independent").fit(table, schema=SCHEMA)
    assert str(table.loc[7, "gross"]) not in str(caught.value)


def test_what_can_hardly_be_kept_is_refused_not_drawn_for_ever() -> None:
    table = pd.DataFrame({"block": np.arange(200) // 4, "seat": np.arange(200) % 4})
    schema = {
        "columns": [{"name": "block", "kind": "categorical"}, {"name": "seat", "kind": "numerical"}],
        "rules": [{"type": "unique", "columns": ["seat"]}],
    }
    with pytest.raises(SchemaError, match=r"'seat' only once\) is broken by 196"):
        make_model("independent").fit(table, schema=schema)
    pairs = {**schema, "columns": [{"name": "block", "kind": "numerical"}, schema["columns"][1]]}
    pairs["rules"] = [{"type": "unique", "columns": ["block", "seat"]}]
    model = make_model("independent").fit(table, schema=pairs, seed=0)
    assert not model.sample(100, seed=0).duplicated().any()
    with pytest.raises(InfeasibleError, match="'block' with 'seat' only once"):
        model.sample(1000, seed=0)


def test_rows_that_few_draws_meet_are_repeated_and_counted() -> None:
    model = make_model("independent").fit(
        pd.DataFrame({"a": np.arange(4000) % 400, "b": np.arange(4000) % 50}),
        schema={
            "columns": [{"name": "a", "kind": "numerical"}, {"name": "b", "kind": "numerical"}],
        },
        seed=0,
    )
    # Drawn freely: the family's own conditions are switched off, as for a family that has none.
    model._sample_given = lambda *_: None  # type: ignore[method-assign]
    sample = model.sample(1500, given="a in {7, 8, 9, 10}; b=7", seed=0)
    told = sample.attrs["drawing"]
    assert len(sample) == 1500
    assert sample["a"].between(7, 10).all()
    assert (sample["b"] == 7).all()
    assert 0 < told["effective_sample_size"] < 1500 < told["drawn"] <= 200 * 1500 + 100_000


@pytest.mark.parametrize("name", ["independent", "bayesnet", "gmm"])
def test_probabilities_add_up_to_one_over_the_rows_that_keep_the_rules(name: str) -> None:
    generator = np.random.default_rng(0)
    low = generator.integers(0, 3, 800)
    table = pd.DataFrame({"low": low, "high": low + generator.integers(0, 3, 800)})
    table["kind"] = np.where(low == 0, "small", "large")
    table["sum"] = table["low"] + table["high"]
    kinds = {"kind": "categorical"}
    schema = {
        "columns": [{"name": column, "kind": kinds.get(column, "numerical")} for column in table.columns],
        "rules": [
            {"type": "inequality", "low": "low", "high": "high"},
            {"type": "sum", "parts": ["low", "high"], "total": "sum"},
            {"type": "dependence", "on": ["low"], "column": "kind"},
        ],
    }
    model = make_model(name, **SETTINGS.get(name, {})).fit(table, schema=schema, seed=0)
    every = table.drop_duplicates()
    assert len(every) == 9
    chances = np.exp(model.log_prob(every))  # type: ignore[attr-defined]
    assert chances.sum() == pytest.approx(1, abs=1e-6)
    # The same rows are as frequent among those drawn.
    drawn = model.sample(4000, seed=0).value_counts(normalize=True)
    real = every.assign(chance=chances).set_index(list(every.columns))["chance"]
    assert (drawn - real).abs().max() < 0.03


@pytest.mark.parametrize("stored", ["dates", "text"])
def test_a_bound_on_the_later_of_two_dates_is_one_on_the_earlier(stored: str) -> None:
    generator = np.random.default_rng(0)
    start = pd.Timestamp("2015-01-01") + pd.to_timedelta(generator.integers(0, 3_000, 800), "D")
    end = start + pd.to_timedelta(generator.gamma(1.5, 40, 800), "D")
    frame = pd.DataFrame({"end": end, "start": start.strftime("%d.%m.%Y") if stored == "text" else start})
    frame.loc[::9, "start"] = None
    rules = [{"type": "inequality", "low": "start", "high": "end"}]
    model = make_model("gmm", max_components=2).fit(frame, schema={"columns": [], "rules": rules}, seed=0)
    sample = model.sample(200, given="end<2015-08-01 12:00", seed=1)
    assert (sample["end"] < "2015-08-01 12:00").all()
    known = pd.to_datetime(sample["start"], dayfirst=True)
    assert (known.isna() | (known <= sample["end"])).all()
    # Of all rows one in fifteen ends so early: some eight thousand would have to be drawn.
    assert sample.attrs["drawing"]["drawn"] < 1_500
    whole = model.sample(20_000, seed=2)
    early = whole[whole["end"] < "2015-08-01 12:00"]
    assert abs(sample["start"].isna().mean() - early["start"].isna().mean()) < 0.1


def test_conditions_that_no_rule_lets_through_are_refused_soon() -> None:
    generator = np.random.default_rng(0)
    age = generator.integers(1, 90, 600)
    frame = pd.DataFrame({"age": age, "kind": np.where(age < 18, "child", "adult")})
    rule = {"type": "implication", "if": "age < 18", "then": "kind == 'child'"}
    model = make_model("independent").fit(frame, schema={"columns": [], "rules": [rule]}, seed=0)
    with pytest.raises(InfeasibleError, match="Of 20,000 rows drawn"):
        model.sample(60, given="age=10; kind=adult", seed=1)


def test_rows_between_two_rows_keep_the_rules() -> None:
    pytest.importorskip("torch")
    generator = np.random.default_rng(0)
    seats = pd.DataFrame({"block": np.repeat(list("abcd"), 50), "seat": np.tile(np.arange(50), 4)})
    seats["price"] = generator.gamma(3, 20, 200).round(2)
    rules = [{"type": "unique", "columns": ["block", "seat"]}]
    model = make_model("tvae", epochs=2, width=16).fit(seats, schema={"columns": [], "rules": rules}, seed=0)
    between = model.interpolate(seats.head(20), seats.tail(20), steps=5)  # type: ignore[attr-defined]
    assert not between.duplicated(["block", "seat"]).any()
    assert between.attrs["rows_left_out"] == 100 - len(between)
    assert between.index.is_monotonic_increasing
    assert between.index[-1] < 100
    with pytest.raises(ModelError, match="whole number"):
        model.interpolate(seats.head(2), seats.tail(2), steps=2.5)  # type: ignore[attr-defined]
