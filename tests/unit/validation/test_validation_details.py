"""Details of columns, triples, whole rows, dependences, rules, importances and other targets."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthdata.random import SeedTree
from synthdata.table.schema import Column, Schema
from synthdata.table.table import Table
from synthdata.validation.associations import further_measures
from synthdata.validation.base import Comparison, NotComputable, View
from synthdata.validation.fidelity.dependencies import dependencies
from synthdata.validation.fidelity.likeness import column_likeness, likeness, roundness
from synthdata.validation.fidelity.rules import rules
from synthdata.validation.fidelity.sliced import sliced_wasserstein
from synthdata.validation.fidelity.three_way import three_way
from synthdata.validation.policy import METRICS
from synthdata.validation.suite import validate
from synthdata.validation.utility.all_targets import all_targets
from synthdata.validation.utility.importance import importance_agreement

SEED = SeedTree(3)
Compare = Callable[..., Comparison]


def view_of(compared: Comparison, name: str) -> View:
    return next(view for view in compared.views if view.name == name)


def column(compared: Comparison, name: str) -> dict[str, dict[str, Any]]:
    return likeness(compared, SEED)[name]


def frame(rows: int, seed: int) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    town = generator.integers(0, 8, rows)
    x, y = generator.normal(size=rows), generator.integers(0, 2, rows)
    return pd.DataFrame(
        {
            "x": x.round(3),
            "price": (generator.integers(1, 60, rows) * 5).astype(float),
            "town": [f"town {i}" for i in town],
            "country": [f"country {i // 3}" for i in town],
            "y": [f"y{i}" for i in y],
            "odd": [f"odd {i}" for i in (y + (x > 0)) % 2],
            "sign": np.where(x > 0, "plus", "minus"),
        }
    )


def fresh(rows: int = 1500) -> list[pd.DataFrame]:
    """Train, synthetic and holdout of one origin, as `compare` takes them."""
    return [frame(rows, 1), frame(rows, 2), frame(rows // 2, 3)]


def test_fresh_rows_have_the_details_of_the_holdout(compare: Compare) -> None:
    found = column(compare(*fresh()), "price")
    assert set(found) == {
        "wasserstein", "jensen_shannon", "range_coverage", "inside_range", "decimals", "rounding", "missing",
    }  # fmt: skip
    for name, entry in found.items():
        assert entry["matched"] == pytest.approx(entry["reference"], abs=0.08), name
        assert entry["value"] is not None
    assert found["rounding"]["value"] > 0.95


def test_the_intervals_of_details_are_as_wide_as_details_vary(compare: Compare) -> None:
    real, *_ = fresh()
    drawn = [
        compare(real, frame(1000, seed).assign(x=lambda made: (made["x"] * 1.2 + 0.3).round(3))) for seed in range(20)
    ]
    for name, measures in {"x": ("wasserstein", "jensen_shannon"), "town": ("jensen_shannon",)}.items():
        entries = [column(each, name) for each in drawn]
        for measure in measures:
            spread = np.std([entry[measure]["value"] for entry in entries], ddof=1)
            halves = [np.ptp(entry[measure]["interval"]) / 2 for entry in entries]
            assert 0.5 * spread < np.mean(halves) / 1.96 < 2.0 * spread, (name, measure)
    information = [further_measures(each, [], SEED)["mean_difference"] for each in drawn[:10]]
    spread = np.std([entry["value"] for entry in information], ddof=1)
    halves = [np.ptp(entry["interval"]) / 2 for entry in information]
    assert 0.4 * spread < np.mean(halves) / 1.96 < 3.0 * spread
    assert "interval" not in column(compare(real, frame(20, 1)), "x")["wasserstein"]


def test_each_detail_sees_what_it_is_for(compare: Compare) -> None:
    real, made, held = fresh()
    made["price"] = made["price"] + np.random.default_rng(0).uniform(-2, 2, len(made)).round(2)
    made["x"] = made["x"].clip(-0.5, 0.5)
    found = column(compare(real, made, held), "price")
    assert found["decimals"]["value"] < 0.1 < 0.95 < found["decimals"]["reference"]
    assert found["rounding"]["value"] < 0.1
    assert found["wasserstein"]["value"] < 0.1
    narrow = column(compare(real, made, held), "x")
    assert narrow["range_coverage"]["value"] < 0.3
    assert narrow["inside_range"]["value"] == 1
    far = made.assign(x=made["x"] + 100)
    assert column(compare(real, far, held), "x")["inside_range"]["value"] == 0
    assert column(compare(real, far, held), "x")["wasserstein"]["value"] == pytest.approx(100, rel=0.1)
    empty = made.assign(x=made["x"].where(np.arange(len(made)) % 4 > 0))
    assert column(compare(real, empty, held), "x")["missing"]["value"] == pytest.approx(0.25)


def test_rare_categories_are_looked_for(compare: Compare) -> None:
    def letters(rare: int) -> pd.DataFrame:
        return pd.DataFrame({"c": ["a"] * (970 - rare) + ["b"] * rare + ["c"] * 28 + ["only", "once"]})

    found = column(compare(letters(30), letters(15), letters(30)), "c")
    assert found["rare_recall"]["value"] == pytest.approx((15 + 28) / 58)
    assert found["category_coverage"]["value"] == 1
    lost = column(compare(letters(30), pd.DataFrame({"c": ["a"] * 900 + ["new"] * 100})), "c")
    assert lost["rare_recall"]["value"] == 0
    assert lost["category_coverage"]["value"] == pytest.approx(1 / 3)
    assert lost["known_categories"]["value"] == pytest.approx(0.9)
    assert "no holdout" in lost["rare_recall"]["text"]


def test_details_that_do_not_exist_say_why(compare: Compare) -> None:
    real = pd.DataFrame({"x": np.full(50, 3.0), "c": ["a"] * 50})
    schema = Schema(
        columns=(
            Column(name="x", kind="numerical", dtype="float64", nullable=True),
            Column(name="c", kind="categorical", nullable=True),
        )
    )
    empty = pd.DataFrame({"x": np.full(50, np.nan), "c": pd.Series([None] * 50, dtype=object)})
    constant = likeness(compare(real, real, real, schema=schema), SEED)
    assert "constant" in constant["x"]["wasserstein"]["text"]
    assert constant["x"]["decimals"]["value"] == 1
    assert "between 1% and 5%" in constant["c"]["rare_recall"]["text"]
    nothing = likeness(compare(real, empty, real, schema=schema), SEED)
    assert "empty in the synthetic table" in nothing["x"]["inside_range"]["text"]
    assert nothing["x"]["missing"]["value"] == 1
    assert nothing["c"]["known_categories"]["value"] is None
    from_nothing = compare(empty, real, schema=schema)
    assert column_likeness(view_of(from_nothing, "x"), None, "no holdout")["wasserstein"]["value"] is None


def test_roundness_tells_multiples_apart() -> None:
    assert len(set(roundness(np.array([0, 1, 5, 10, 50, 100, 500, 1000, 0.1])))) == 9
    assert roundness(np.array([-5.0])) == roundness(np.array([5.0]))


def test_three_columns_tell_what_pairs_do_not(compare: Compare) -> None:
    real, made, held = fresh()
    assert (same := three_way(compare(real, made, held), SEED).figure).matched is not None
    assert same.matched == pytest.approx(same.reference, rel=0.2)
    made["odd"] = np.random.default_rng(0).permutation(made["odd"])
    found = three_way(compare(real, made, held), SEED)
    assert found.worst[0]["value"] > 0.4
    assert {"y", "odd"} <= set(found.worst[0]["columns"])
    with pytest.raises(NotComputable, match="three columns"):
        three_way(compare(real[["x", "y"]], made[["x", "y"]]), SEED)


def test_whole_rows_that_lie_elsewhere_are_seen(compare: Compare) -> None:
    real, made, held = fresh()
    same = sliced_wasserstein(compare(real, made, held), SEED).figure
    assert same.matched == pytest.approx(same.reference, rel=0.4)
    moved = sliced_wasserstein(compare(real, made.assign(x=made["x"] + 1, y="y0"), held), SEED).figure
    assert moved.value is not None
    assert moved.interval is not None
    assert moved.interval[0] > 3 * (moved.reference or 0)
    with pytest.raises(NotComputable, match="equal"):
        sliced_wasserstein(compare(*[pd.DataFrame({"x": np.ones(30)})] * 2), SEED)


def test_broken_dependences_are_counted_and_named(compare: Compare) -> None:
    real, made, held = fresh()
    whole = dependencies(compare(real, made, held), SEED)
    assert whole.figure.value == 0 == whole.figure.reference
    found = {(tuple(each["columns"]), each["determine"]) for each in whole.worst}
    assert (("town",), "country") in found
    assert (("y", "sign"), "odd") in found
    assert (("country",), "town") not in found
    broken = np.arange(len(made)) % 10 == 0
    made.loc[broken, "country"] = np.where(made.loc[broken, "country"] == "country 0", "country 1", "country 0")
    mended = dependencies(compare(real, made, held), SEED)
    assert mended.figure.value == pytest.approx(0.1)
    assert mended.worst[0] == {"columns": ["town"], "determine": "country", "value": 0.1, "reference": 0.0}


def test_chance_and_near_constants_are_no_dependences(compare: Compare) -> None:
    generator = np.random.default_rng(0)
    real = pd.DataFrame({"a": generator.integers(0, 9, 400).astype(str), "b": ["x"] * 395 + ["y"] * 5})
    with pytest.raises(NotComputable, match="nothing to break"):
        dependencies(compare(real, real), SEED)
    with pytest.raises(NotComputable, match="real rows"):
        dependencies(compare(real[:10], real), SEED)


def test_rules_are_held_against_every_row(compare: Compare) -> None:
    schema = Schema(
        columns=(Column(name="low", kind="numerical"), Column(name="high", kind="numerical")),
        rules=({"type": "inequality", "low": "low", "high": "high"}, {"type": "range", "column": "low", "minimum": 0}),
    )
    real = pd.DataFrame({"low": np.arange(40.0), "high": np.arange(40.0) + 1})
    made = real.assign(high=np.where(np.arange(40) < 4, -1.0, real["high"]), low=real["low"].replace(39.0, -1.0))
    found = rules(compare(real, made, real, schema=schema))
    assert found.figure.value == pytest.approx(5 / 40)
    assert found.figure.reference == 0
    assert [entry["value"] for entry in found.rules] == [0.1, 0.025]
    with pytest.raises(NotComputable, match="no rules"):
        rules(compare(real, made))


def test_spearman_and_information_stand_beside_the_worst_pairs(compare: Compare) -> None:
    real, made, held = fresh(600)
    made["sign"] = "plus"
    made["price"] = made["x"].rank()
    worst = [{"columns": ["x", "price"]}, {"columns": ["x", "sign"]}]
    found = further_measures(compare(real, made, held), worst, SEED)
    assert found["worst"][0]["spearman"]["synthetic"] == pytest.approx(1.0, abs=1e-3)
    assert abs(found["worst"][0]["spearman"]["real"]) < 0.15
    assert found["worst"][1]["spearman"] == {"real": None, "synthetic": None}
    assert found["worst"][1]["mutual_information"]["real"] > 0.7
    assert found["worst"][1]["mutual_information"]["synthetic"] == 0
    assert found["mean_difference"]["value"] > 2 * found["mean_difference"]["reference"]


def test_models_that_lean_on_other_columns_disagree(compare: Compare) -> None:
    real, made, held = fresh(800)
    chosen = ["x", "price", "y", "sign"]
    real, made, held = (part[chosen] for part in (real, made, held))
    same = importance_agreement(compare(real, made, held), SEED, "sign")
    assert same.figure.value is not None
    assert same.figure.value > 0.95
    assert same.figure.reference is not None
    assert same.figure.reference > 0.95
    assert same.columns[0]["name"] == "x"
    other = made.assign(sign=np.where(made["price"] > 150, "plus", "minus"))
    found = importance_agreement(compare(real, other, held), SEED, "sign").figure
    assert found.value is not None
    assert found.value < 0.5
    with pytest.raises(NotComputable, match="no holdout"):
        importance_agreement(compare(real, made), SEED, "sign")


def test_every_column_is_a_target(compare: Compare) -> None:
    real, made, held = fresh(500)
    chosen = ["x", "town", "country", "sign"]
    real, made, held = (part[chosen].assign(same="one") for part in (real, made, held))
    found = all_targets(compare(real, made, held), SEED)
    assert {entry["name"] for entry in found.targets} == set(real.columns)
    assert "fewer than two classes" in next(e["text"] for e in found.targets if e["name"] == "same")
    assert found.figure.value == pytest.approx(found.figure.reference, abs=0.06)
    shuffled = made.apply(lambda cells: np.random.default_rng(len(cells.name)).permutation(cells))
    lost = all_targets(compare(real, shuffled, held), SEED).figure
    assert lost.value is not None
    assert lost.value < 0.3 * (lost.reference or 0)


def odd_tables() -> dict[str, tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame | None]]:
    rows = frame(60, 1)
    twice = pd.concat([rows[:5]] * 12, ignore_index=True)
    same = rows.iloc[np.zeros(60, int)].reset_index(drop=True)
    nothing = rows.assign(x=np.nan, town=pd.Series([None] * 60, dtype=object))
    return {
        "ten rows": (rows[:10], frame(10, 2), frame(10, 3)),
        "one row": (rows[:1], frame(5, 2), None),
        "duplicates": (twice, twice, twice),
        "constant": (same, rows, rows),
        "synthetic constant": (rows, same, rows),
        "empty columns": (nothing, rows, nothing),
        "synthetic empty": (rows, nothing, rows),
        "no holdout": (rows, frame(60, 2), None),
        "one column": (rows[["x"]], rows[["x"]], rows[["x"]]),
    }


@pytest.mark.parametrize("name", odd_tables())
def test_odd_tables_end_in_figures_or_reasons(name: str) -> None:
    real, made, held = odd_tables()[name]
    schema = Schema(
        columns=tuple(
            Column(name=each, kind="numerical", dtype="float64", nullable=True)
            if each in ("x", "price")
            else Column(name=each, kind="categorical", nullable=True)
            for each in real
        )
    )
    tables = [None if part is None else Table(part.reset_index(drop=True), schema) for part in (real, held, made)]
    assert tables[0] is not None
    assert tables[2] is not None
    target = None if name == "one column" else "y"
    protected = [str(each) for each in real][:3]
    facts = validate(tables[0], tables[1], tables[2], seed=SeedTree(0), protected=protected, target=target)
    json.dumps(facts, allow_nan=False)
    for part in ("fidelity", "utility", "fairness"):
        for key, figure in facts[part].items():
            if key != "details":
                assert f"{part}.{key}" in METRICS
                assert figure["value"] is not None or figure["text"], key
    for entry in facts["columns"]:
        for measure in entry["fidelity"].values():
            assert measure["value"] is not None or measure["text"]


def test_wide_tables_are_measured_whole() -> None:
    generator = np.random.default_rng(0)
    schema = Schema(columns=tuple(Column(name=f"c{i}", kind="numerical", dtype="float64") for i in range(150)))
    compared = Comparison.of(
        *(
            Table(pd.DataFrame(generator.normal(size=(rows, 150)), columns=[c.name for c in schema]), schema)
            for rows in (120, 60, 120)
        )
    )
    assert three_way(compared, SEED).figure.value is not None
    assert sliced_wasserstein(compared, SEED).figure.value is not None
    assert len(likeness(compared, SEED)) == 150
    further = further_measures(compared, [], SEED)
    assert "at most" in further["text"]
    assert further["mean_difference"]["value"] is not None
    with pytest.raises(NotComputable, match="nothing to break"):
        dependencies(compared, SEED)


def test_no_detail_tells_an_extreme_or_a_rare_name() -> None:
    def with_secret(seed: int) -> Table:
        rows = frame(300, seed)
        rows.loc[0, "x"], rows.loc[1, "town"] = 98765.4321, "secret hamlet"
        return Table.of(rows)

    real = with_secret(1)
    made = Table(frame(300, 5), real.schema)
    text = json.dumps(validate(real, Table(frame(150, 3), real.schema), made, seed=SeedTree(0), protected=["town"]))
    assert "98765" not in text
    assert "hamlet" not in text


def test_broken_dependences_are_told_in_an_alert() -> None:
    real = Table.of(frame(600, 1))
    made = frame(600, 2)
    made["country"] = np.random.default_rng(0).permutation(made["country"])
    held = Table(frame(300, 3), real.schema)
    told = [validate(real, held, Table(part, real.schema), seed=SeedTree(0)) for part in (made, frame(600, 2))]
    found = [[a for a in facts["alerts"] if a["metric"] == "fidelity.dependencies"] for facts in told]
    assert found[1] == []
    assert found[0][0]["level"] == "warn"
    assert "“town” no longer determines “country”" in found[0][0]["text"]
    assert "town 0" not in found[0][0]["text"]
