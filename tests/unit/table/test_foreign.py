"""Tables made elsewhere: read as far as they can be, and never silently."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthdata import intake, pipeline
from synthdata.errors import SchemaError
from synthdata.table.foreign import adopt, require_columns
from synthdata.table.schema import Column, Schema
from synthdata.table.table import Table
from synthdata.validation.base import Comparison
from synthdata.validation.structure_checks import structure_checks

DAYS = pd.date_range("2024-01-01", periods=40)
REAL = pd.DataFrame(
    {
        "day": DAYS.strftime("%Y-%m-%d"),
        "seen": DAYS.astype("datetime64[s]"),
        "pay": np.arange(40.0) * 1.25,
        "wait": pd.to_timedelta(np.arange(40) % 7, unit="h"),
        "sex": np.where(np.arange(40) % 2, "f", "m"),
    }
)
SCHEMA = Table.of(REAL, {"columns": [{"name": "day", "kind": "datetime"}]}).schema


def test_a_table_that_fits_is_left_alone() -> None:
    frame, notes = adopt(REAL, SCHEMA, "holdout")
    assert frame is REAL
    assert notes == []


def test_a_few_strange_cells_become_nulls_and_are_counted() -> None:
    made = REAL.assign(day=REAL["day"].where(np.arange(40) != 3, "2024-13-45"), pay=["?", "much", *REAL["pay"][2:]])
    frame, notes = adopt(made, SCHEMA, "synthetic table")
    assert notes == [
        "Column 'day' of the synthetic table: 1 of 40 cells is no datetime value and counts as missing.",
        "Column 'pay' of the synthetic table: 2 of 40 cells are no numerical values and count as missing.",
    ]
    table = Table.of(frame, SCHEMA, strict=False)
    assert np.flatnonzero(table.cells("day").missing).tolist() == [3]
    assert np.flatnonzero(table.cells("pay").missing).tolist() == [0, 1]
    assert table.cells("pay").values[2] == 2.5


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("day", DAYS.strftime("%d/%m/%Y")),
        ("day", DAYS),
        ("seen", DAYS.strftime("%d/%m/%Y")),
        ("seen", DAYS.strftime("%Y-%m-%d %H:%M:%S")),
    ],
)
def test_another_layout_of_dates_is_read(name: str, cells: pd.Index) -> None:
    frame, _ = adopt(REAL.assign(**{name: cells}), SCHEMA, "synthetic table")
    table = Table.of(frame, SCHEMA, strict=False)
    assert (table.cells(name).values == Table.of(REAL, SCHEMA).cells(name).values).all()
    assert not table.cells(name).missing.any()


def test_a_column_of_another_kind_is_refused_without_its_values() -> None:
    with pytest.raises(SchemaError, match="Column 'pay' is declared numerical, but 40 of its cells are not") as caught:
        adopt(REAL.assign(pay="much"), SCHEMA, "synthetic table")
    assert "much" not in str(caught.value)


def test_evaluate_says_so_in_its_notes(tmp_path: Path) -> None:
    made = REAL.assign(day=REAL["day"].where(np.arange(40) != 3, "sometime"))
    held = REAL.assign(pay=["?", *REAL["pay"][1:].astype(str)])
    report = pipeline.evaluate(REAL, made, holdout=held, schema=SCHEMA, out=tmp_path / "report", seed=0)
    assert [note.split(":")[0] for note in report.facts["notes"]] == [
        "Column 'day' of the synthetic table",
        "Column 'pay' of the holdout",
    ]
    assert "sometime" not in (tmp_path / "report" / "report.json").read_text(encoding="utf-8")


def test_categories_that_hardly_repeat_are_left_out_on_request() -> None:
    frame = REAL.assign(place=[f"place {i // 2}" for i in range(40)])
    known = {"columns": [{"name": "place", "kind": "categorical"}, {"name": "day", "kind": "datetime"}]}
    assert not intake.prepare(frame, known).schema["place"].drop
    assert intake.prepare(frame, known, drop_text=True).schema["place"].drop
    assert not intake.prepare(frame, known, drop_text=True).schema["sex"].drop
    assert not intake.prepare(frame, known, drop_text=True, learn=False).schema["place"].drop


def test_truth_values_and_numbered_categories_are_read_out_of_text() -> None:
    real = pd.DataFrame({"paid": np.arange(40) % 2 == 0, "code": np.arange(40) % 3})
    schema = Table.of(real, {"columns": [{"name": "code", "kind": "categorical"}]}).schema
    made = pd.DataFrame({"paid": ["True", "no", None, "?"] * 10, "code": ["0", "1", "2", None] * 10}, dtype="string")
    frame, notes = adopt(made, schema, "synthetic table")
    table = Table.of(frame, schema, strict=False)
    assert [bool(value) for value in table.cells("paid").values[:2]] == [True, False]
    assert table.cells("paid").missing[:4].tolist() == [False, False, True, True]
    assert table.cells("code").values[:3].tolist() == [0, 1, 2]
    assert notes == [
        "Column 'paid' of the synthetic table is written as text; it was read as boolean values.",
        "Column 'paid' of the synthetic table: 10 of 40 cells are no boolean values and count as missing.",
        "Column 'code' of the synthetic table is written as text; it was read as categorical values.",
    ]


def test_text_that_is_no_truth_value_at_all_is_refused() -> None:
    schema = Table.of(pd.DataFrame({"paid": np.arange(40) % 2 == 0})).schema
    with pytest.raises(SchemaError, match="'paid' is declared boolean"):
        adopt(pd.DataFrame({"paid": ["a", "b"] * 20}), schema, "synthetic table")


@pytest.mark.parametrize(
    ("there", "says"),
    [
        (["age", "Sex", "towns"], "lacks columns 'sex', 'town' of the real table.*'Sex' for 'sex', 'towns' for 'town'"),
        (["age", "sex", "twon"], "lacks column 'town' of the real table.*Did you mean 'twon'"),
        (["age", "sex", "x", "y"], "lacks column 'town'.*Known: x, y"),
        (["age", "sex"], "lacks column 'town'.*no other columns"),
    ],
)
def test_all_columns_that_are_missing_are_named_with_the_nearest_names(there: list[str], says: str) -> None:
    schema = Schema(columns=tuple(Column(name=name, kind="categorical") for name in ("age", "sex", "town")))
    require_columns(["age", "sex", "town", "more"], schema.names, schema, "holdout")
    with pytest.raises(SchemaError, match=f"The holdout {says}"):
        require_columns(there, schema.names, schema, "holdout")


@pytest.mark.parametrize("as_text", [False, True])
def test_fractions_in_a_column_of_whole_numbers_are_judged_and_not_refused(as_text: bool) -> None:
    real = pd.DataFrame({"age": 20 + np.arange(40) % 9})
    made = (real + 0.5).astype(str) if as_text else real + 0.5
    table, notes = intake.match(made, Table.of(real).schema, "synthetic table")
    assert notes == []
    compared = Comparison.of(Table.of(real), None, table)
    assert compared.views[0].values("synthetic")[0] == 20.5
    checks = {entry["check"]: entry["passed"] for entry in structure_checks(table, compared.schema)}
    assert not checks["is stored as int64"]
    assert not checks["holds whole numbers"]
