"""The whole report: complete, plain JSON, reproducible, and unbroken by odd tables; alerts in plain words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthdata.errors import Cancelled, SchemaError
from synthdata.progress import Progress
from synthdata.random import SeedTree
from synthdata.table.schema import Column, Schema
from synthdata.table.table import Table
from synthdata.validation.policy import Policy
from synthdata.validation.suite import validate

PARTS = {
    "verdict",
    "alerts",
    "policy",
    "fidelity",
    "utility",
    "privacy",
    "columns",
    "pairs",
    "detection",
    "utility_details",
    "fidelity_details",
    "fairness",
    "checks",
}


def report(train: Table, holdout: Table | None, synthetic: Table, **more: Any) -> dict[str, Any]:
    facts = validate(train, holdout, synthetic, seed=SeedTree(0), **more)
    json.dumps(facts, allow_nan=False)
    assert set(facts) == PARTS
    return facts


def figures(facts: dict[str, Any]) -> list[dict[str, Any]]:
    named = {**facts["fidelity"], **facts["utility"], **facts["privacy"]}
    return [named[name] for name in ("shape", "trend", "detection", "tstr", "dcr_share", "copies")]


def numbers(rows: int, seed: int, **columns: Any) -> Table:
    generator = np.random.default_rng(seed)
    data = {name: make(generator, rows) if callable(make) else np.full(rows, make) for name, make in columns.items()}
    schema = Schema(
        columns=tuple(
            Column(name=name, kind="numerical", dtype="float64", nullable=True)
            if np.asarray(values).dtype == float
            else Column(name=name, kind="categorical", nullable=True)
            for name, values in data.items()
        )
    )
    return Table(pd.DataFrame(data), schema)


def test_fresh_rows_pass_and_every_figure_is_whole(mixed: Callable[[int, int], Table]) -> None:
    facts = report(mixed(1500, 1), mixed(600, 2), mixed(1500, 3))
    assert facts["verdict"] == "pass"
    assert facts["privacy"]["verdict"]["state"] == "no leak found"
    for figure in figures(facts):
        low, high = figure["interval"]
        assert low <= figure["value"] <= high
        assert figure["reference"] is not None
        assert figure["n"] > 0
        assert figure["text"] is None
    assert [alert["level"] for alert in facts["alerts"]] == ["info"]
    assert all(check["passed"] for check in facts["checks"]["synthetic"])


def test_the_same_seed_gives_the_same_report(mixed: Callable[[int, int], Table]) -> None:
    tables = mixed(300, 1), mixed(100, 2), mixed(300, 3)
    assert report(*tables) == report(*tables)


def test_a_copy_of_train_fails(mixed: Callable[[int, int], Table]) -> None:
    facts = report(mixed(800, 1), mixed(300, 2), mixed(800, 1))
    assert facts["verdict"] == "fail"
    first = facts["alerts"][0]
    assert (first["level"], first["metric"]) == ("fail", "privacy.verdict")
    assert "exact copies" in first["text"]
    assert first["advice"]


def test_independent_columns_fail_and_are_explained(mixed: Callable[[int, int], Table]) -> None:
    generator = np.random.default_rng(0)
    frame = mixed(1500, 3).frame
    shuffled = pd.DataFrame({name: frame[name].to_numpy()[generator.permutation(1500)] for name in frame})
    facts = report(mixed(1500, 1), mixed(600, 2), Table(shuffled, mixed(10, 1).schema))
    titles = {alert["title"] for alert in facts["alerts"]}
    assert facts["verdict"] == "fail"
    assert {"Relations between columns are lost", "Models trained on it predict less well"} <= titles


def test_columns_gone_wrong_are_named(mixed: Callable[[int, int], Table]) -> None:
    frame = mixed(1000, 3).frame
    frame["age"] = 40
    frame["city"] = frame["city"].where(frame["city"] != "東京", "Kōbe")
    frame["income"] = frame["income"].fillna(1000.0)
    frame["seen"] += pd.Timedelta(days=400)
    facts = report(mixed(1000, 1), mixed(500, 2), Table(frame, mixed(10, 1).schema))
    titles = {alert["title"]: alert for alert in facts["alerts"]}
    assert titles["“age” has become constant"]["level"] == "fail"
    assert "“seen” is distributed differently" in titles
    assert "Categories of “city” are missing" in titles
    assert "“city” holds invented categories" in titles
    assert "“income” has another share of empty cells" in titles
    levels = [alert["level"] for alert in facts["alerts"]]
    assert levels == sorted(levels, key=("fail", "warn", "info").index)
    assert facts["detection"]["columns"][0]["importance"] > 0


def test_no_holdout_says_what_cannot_be_said(mixed: Callable[[int, int], Table]) -> None:
    facts = report(mixed(300, 1), None, mixed(300, 2))
    assert facts["verdict"] == "warn"
    assert facts["privacy"]["verdict"]["state"] == "cannot tell"
    for figure in figures(facts):
        assert figure["reference"] is None
        assert "holdout" in figure["text"]
    assert facts["alerts"][0]["title"] in ("There is no holdout", "Privacy could not be judged")


def test_a_holdout_of_another_kind_is_noticed(mixed: Callable[[int, int], Table]) -> None:
    old = mixed(500, 2)
    old = Table(old.frame.assign(age=old.frame["age"] + 30), old.schema)
    facts = report(mixed(1000, 1), old, mixed(1000, 3))
    (alert,) = [alert for alert in facts["alerts"] if alert["title"] == "The holdout is not like the train table"]
    assert alert["columns"] == ["age"]


def test_columns_not_judged_are_listed(mixed: Callable[[int, int], Table]) -> None:
    facts = report(mixed(300, 1), mixed(100, 2), mixed(300, 3))
    (alert,) = [alert for alert in facts["alerts"] if "not judged" in alert["title"]]
    assert alert["columns"] == ["patient"]


def letters(generator: np.random.Generator, rows: int) -> np.ndarray:
    return generator.choice(np.array(list("abc"), object), rows)


def normal(generator: np.random.Generator, rows: int) -> np.ndarray:
    return generator.normal(size=rows)


ODD: dict[str, dict[str, Any]] = {
    "one number": {"x": normal},
    "one category": {"x": letters},
    "constant": {"x": 1.0, "y": 2.0},
    "all null": {"x": np.nan, "y": normal},
    "single class": {"x": normal, "y": lambda _, rows: np.full(rows, "only", object)},
    "huge numbers": {"x": lambda g, rows: g.normal(size=rows) * 1e300, "y": normal},
    "tiny numbers": {"x": lambda g, rows: g.normal(size=rows) * 1e-300, "y": normal},
    "many categories": {"x": lambda g, rows: g.integers(0, 500, rows).astype(str).astype(object), "y": normal},
    "unicode": {"名前 “ß” \N{ZERO WIDTH SPACE}": letters, "🙂": normal},
    "60 columns": {f"c{i}": letters if i % 2 else normal for i in range(60)},
}


@pytest.mark.parametrize("name", list(ODD))
def test_odd_tables_never_crash_and_never_vanish(name: str) -> None:
    tables = [numbers(rows, seed, **ODD[name]) for seed, rows in enumerate((120, 60, 120))]
    facts = report(*tables)
    assert [column["name"] for column in facts["columns"]] == list(ODD[name])
    for figure in figures(facts):
        assert figure["value"] is not None or figure["text"]


@pytest.mark.parametrize("rows", [(10, 3, 10), (2, 1, 1), (500, 20, 20), (60, 20, 500)])
def test_few_rows_and_different_sizes(rows: tuple[int, int, int], mixed: Callable[[int, int], Table]) -> None:
    facts = report(*(mixed(count, seed) for seed, count in enumerate(rows)))
    assert facts["privacy"]["verdict"]["state"] == "cannot tell"
    assert "needed" in facts["privacy"]["verdict"]["text"]


def test_a_null_column_that_is_filled() -> None:
    real, held = (numbers(rows, 1, x=np.nan, y=normal) for rows in (100, 50))
    facts = report(real, held, numbers(100, 2, x=normal, y=np.nan))
    assert facts["fidelity"]["shape"]["value"] == 1
    assert facts["verdict"] == "fail"


def test_only_keys_leave_nothing_to_judge() -> None:
    schema = Schema(columns=(Column(name="k", kind="id", dtype="int64", role="key"),))
    tables = [Table(pd.DataFrame({"k": np.arange(50) + 1000 * i}), schema) for i in range(3)]
    facts = report(*tables)
    assert all(figure["value"] is None and figure["text"] for figure in figures(facts))
    assert facts["privacy"]["verdict"]["state"] == "cannot tell"


def test_a_mistyped_target_is_refused(mixed: Callable[[int, int], Table]) -> None:
    with pytest.raises(SchemaError, match="Did you mean 'grade'"):
        report(mixed(100, 1), mixed(50, 2), mixed(100, 3), target="grad")


def test_the_policy_decides(mixed: Callable[[int, int], Table]) -> None:
    policy = Policy.parse("{version: 1, name: harsh, rules: [{metric: fidelity.shape, max: 0.0001}]}")
    facts = report(mixed(300, 1), mixed(100, 2), mixed(300, 3), policy=policy)
    assert facts["verdict"] == "fail"
    assert facts["policy"]["name"] == "harsh"
    assert facts["alerts"][0]["title"] == "The policy is broken"


def test_progress_is_told_and_cancel_is_heard(mixed: Callable[[int, int], Table]) -> None:
    fractions: list[float | None] = []
    progress = Progress([lambda event: fractions.append(event.fraction)])
    report(mixed(100, 1), mixed(50, 2), mixed(100, 3), progress=progress)
    assert fractions == sorted(fractions, key=lambda f: f or 0)
    assert fractions[-1] == 1
    progress.cancel()
    with pytest.raises(Cancelled):
        report(mixed(100, 1), mixed(50, 2), mixed(100, 3), progress=progress)


def test_an_unexpected_error_is_not_swallowed(
    mixed: Callable[[int, int], Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("synthdata.validation.fidelity.part.trend", broken)
    with pytest.raises(ZeroDivisionError):
        report(mixed(100, 1), mixed(50, 2), mixed(100, 3))


def test_no_single_real_value_is_in_the_report() -> None:
    generator = np.random.default_rng(5)
    names = np.array([f"secret {i}" for i in range(400)], object)
    names[:390] = generator.choice(np.array(["red", "blue"], object), 390)
    frame = pd.DataFrame(
        {"x": np.round(generator.lognormal(10, 1, 400), 3), "c": names, "y": generator.normal(size=400)}
    )
    schema = Schema(
        columns=(
            Column(name="x", kind="numerical", dtype="float64"),
            Column(name="c", kind="categorical"),
            Column(name="y", kind="numerical", dtype="float64"),
        )
    )
    order = generator.permutation(400)
    made = pd.DataFrame({name: generator.permutation(frame[name].to_numpy()[:300]) for name in frame})
    made["c"] = "red"
    parts = [Table(part, schema) for part in (frame.iloc[order[:300]], frame.iloc[order[300:]], made)]
    text = json.dumps(report(*parts))
    assert "secret" not in text
    assert not [value for value in frame["x"] if f"{value:.3f}" in text]
