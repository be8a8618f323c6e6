"""The table: checked once, and honest about what it refuses."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthdata.errors import SchemaError, TableError
from synthdata.table.schema import Column, Public, Schema
from synthdata.table.table import Table, refuse_text, require_rows

PEOPLE = pd.DataFrame({"age": [30, 40, 50, 60], "sex": ["F", "M", "F", None]}, index=[9, 9, 3, 1])
SECRET = "secret-value-4711"


def test_the_frame_is_not_changed_and_its_index_plays_no_part() -> None:
    before = PEOPLE.copy()
    table = Table.of(PEOPLE)
    table.frame["age"] = 0
    pd.testing.assert_frame_equal(PEOPLE, before)
    assert Table.of(PEOPLE).frame.index.equals(pd.RangeIndex(4))


def test_a_table_of_a_table() -> None:
    table = Table.of(PEOPLE)
    assert Table.of(table) is table
    assert Table.of(table, {"columns": [{"name": "age", "kind": "categorical"}]}).schema["age"].kind == "categorical"


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame(), "no columns"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "'a' occurs twice (columns 1 and 2)"),
        (pd.DataFrame([[1, 2]], columns=["a", 5]), "Column 2 has the name 5"),
        (pd.DataFrame([[1, 2]], columns=["a", " "]), "Column 2 has no name"),
        ([1, 2], "Expected a pandas DataFrame, found list"),
    ],
)
def test_frames_that_are_no_tables(frame: Any, message: str) -> None:
    with pytest.raises(TableError) as caught:
        Table.of(frame)
    assert message in str(caught.value)


def test_schema_and_table_must_have_the_same_columns() -> None:
    schema = Schema(columns=(Column(name="agee", kind="numerical"), Column(name="sex", kind="categorical")))
    with pytest.raises(SchemaError, match=r"'agee'. Did you mean 'age'"):
        Table.of(PEOPLE, schema)
    with pytest.raises(SchemaError, match="the schema has not: 'age'"):
        Table.of(PEOPLE, Schema(columns=(Column(name="sex", kind="categorical"),)))


def declared(cells: list[Any], **column: Any) -> Table:
    series = pd.Series(cells)
    known = Column.model_validate({"name": "x", "dtype": str(series.dtype), "nullable": True, **column})
    return Table.of(pd.DataFrame({"x": series}), Schema(columns=(known,)))


@pytest.mark.parametrize(
    ("cells", "column", "message"),
    [
        ([1, SECRET, 3], {"kind": "numerical"}, "declared numerical, but 1 of its cells are not (first at data row 2)"),
        (["1", "2", SECRET], {"kind": "numerical", "format": "%d"}, "first at data row 3"),
        (["2024-01-01", SECRET], {"kind": "datetime"}, "declared datetime"),
        (["2024-01-01", "2024-31-01"], {"kind": "datetime", "format": "%Y-%m-%d"}, "first at data row 2"),
        ([20240101, 20249999], {"kind": "datetime", "format": "%Y%m%d"}, "first at data row 2"),
        ([SECRET], {"kind": "timedelta"}, "declared timedelta"),
        (["a", SECRET], {"kind": "boolean"}, "declared boolean"),
        ([0, 2], {"kind": "boolean"}, "first at data row 2"),
        ([1.5, np.inf], {"kind": "numerical"}, "infinite"),
        ([1.0, 2.5], {"kind": "numerical", "dtype": "int64"}, "first at data row 2"),
        ([1.0, None], {"kind": "numerical", "nullable": False}, "1 cell is null (first at data row 2)"),
        (
            [1, 5, 99],
            {"kind": "numerical", "public": Public(bounds=(0, 10))},
            "outside the declared bounds (first at data row 3)",
        ),
        (
            ["a", SECRET],
            {"kind": "categorical", "public": Public(categories=("a",))},
            "not among the declared categories",
        ),
        ([[1], [2]], {"kind": "categorical"}, "list objects"),
        ([{}, "a"], {"kind": "categorical"}, "first at data row 1"),
        ([b"x"], {"kind": "categorical"}, "bytes objects"),
        ([1, "a"], {"kind": "categorical"}, "mixes numbers and text"),
        ([True, 1.0, 2], {"kind": "categorical"}, "mixes numbers and truth values"),
        (
            ["2024-01-01T00:00:00+01:00", "2024-06-01T00:00:00+02:00"],
            {"kind": "datetime"},
            "different time zone offsets",
        ),
        ([pd.Timestamp("2024-01-01", tz="UTC"), dt.datetime(2024, 1, 2)], {"kind": "datetime"}, "time zone offsets"),
        ([[1], [2]], {"kind": "numerical"}, "declared numerical"),
        ([[1], [2]], {"kind": "datetime"}, "declared datetime"),
        ([None, {}], {"kind": "timedelta"}, "declared timedelta"),
        ([[1]], {"kind": "boolean"}, "declared boolean"),
    ],
)
def test_contradictions_name_the_column_and_row_but_never_the_value(
    cells: list[Any], column: dict[str, Any], message: str
) -> None:
    with pytest.raises(SchemaError) as caught:
        declared(cells, **column)
    assert message in str(caught.value)
    assert "'x'" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_dates_out_of_the_declared_bounds() -> None:
    bounds = Public(bounds=("2024-01-01", "2024-12-31"))
    declared(["2024-12-31"], kind="datetime", format="%Y-%m-%d", public=bounds)
    with pytest.raises(SchemaError, match="outside the declared bounds"):
        declared(["2025-01-01"], kind="datetime", format="%Y-%m-%d", public=bounds)


def test_not_strict_checks_the_kinds_alone() -> None:
    schema = Schema(columns=(Column(name="x", kind="numerical", dtype="float64", public=Public(bounds=(0, 1))),))
    frame = pd.DataFrame({"x": [None, 5.0]})
    assert Table.of(frame, schema, strict=False).cells("x").missing.tolist() == [True, False]
    with pytest.raises(SchemaError):
        Table.of(pd.DataFrame({"x": ["a", "b"]}), schema, strict=False)


def test_a_declared_kind_learns_how_its_text_is_written() -> None:
    frame = pd.DataFrame({"day": ["31/01/2024", "01/02/2024"] * 20, "price": ["1.50", "2.00"] * 20})
    partial = {"columns": [{"name": "day", "kind": "datetime"}, {"name": "price", "kind": "numerical"}]}
    schema = Table.of(frame.map(str), partial).schema
    assert schema["day"].format == "%d/%m/%Y"
    assert schema["price"].format == "%.2f"


def test_mixed_offsets_are_read_where_a_time_zone_is_declared() -> None:
    table = declared(["2024-01-01T01:00:00+01:00", "2024-01-01T00:00:00+00:00"], kind="datetime", timezone="UTC")
    assert len(set(table.cells("x").values)) == 1


def test_columns_left_out_are_not_looked_at() -> None:
    declared([[1], {}], kind="categorical", drop=True)


def test_free_text_is_kept_by_the_table_and_refused_for_fitting() -> None:
    text = [f"the patient number {k} came in with a cough and went home again" for k in range(30)]
    table = Table.of(pd.DataFrame({"note": text, "blob": [[k] for k in range(30)]}))
    assert table.schema["note"].kind == "text"
    with pytest.raises(SchemaError) as caught:
        refuse_text(table.schema)
    assert "'note', 'blob'" in str(caught.value)
    assert "--drop-text" in str(caught.value)
    refuse_text(table.schema.replace("note", drop=True).replace("blob", drop=True))
    refuse_text(table.schema.replace("note", pii="name").replace("blob", drop=True))


@pytest.mark.parametrize(("rows", "found"), [(0, "has no rows"), (1, "has 1 row;"), (19, "has 19 rows")])
def test_too_few_rows(rows: int, found: str) -> None:
    table = Table.of(pd.DataFrame({"a": np.arange(float(rows))}))
    with pytest.raises(TableError, match=found):
        require_rows(table)


def test_twenty_rows_are_enough() -> None:
    require_rows(Table.of(pd.DataFrame({"a": np.arange(20.0)})))


def test_split_covers_every_row_once() -> None:
    table = Table.of(pd.DataFrame({"a": np.arange(50.0)}))
    rest, held = table.split(0.2, np.random.default_rng(0))
    assert (len(rest), len(held)) == (40, 10)
    assert sorted([*rest.frame["a"], *held.frame["a"]]) == table.frame["a"].tolist()
    assert held.cells("a").values.tolist() == held.frame["a"].tolist()


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1.0, 2.0])
def test_split_refuses_what_is_no_fraction(fraction: float) -> None:
    with pytest.raises(TableError, match="between 0 and 1"):
        Table.of(PEOPLE).split(fraction, np.random.default_rng(0))


def test_split_refuses_a_single_row() -> None:
    with pytest.raises(TableError, match="1 rows cannot be split"):
        Table.of(PEOPLE[:1]).split(0.5, np.random.default_rng(0))


def test_the_fingerprint_follows_names_types_and_cells() -> None:
    table = Table.of(PEOPLE)
    same = Table.of(PEOPLE.reset_index(drop=True))
    assert table.fingerprint() == same.fingerprint()
    others = [
        PEOPLE.rename(columns={"age": "years"}),
        PEOPLE.astype({"age": "int32"}),
        PEOPLE.assign(age=[30, 40, 50, 61]),
        PEOPLE.iloc[::-1],
    ]
    assert len({Table.of(frame).fingerprint() for frame in others} | {table.fingerprint()}) == 5
    assert Table.of(pd.DataFrame({"a": [[1], [2]]})).fingerprint()


def test_take_by_mask_positions_and_slice() -> None:
    table = Table.of(PEOPLE)
    assert table.take(np.array([2, 0])).frame["age"].tolist() == [50, 30]
    assert table.take(np.array([True, False, False, True])).cells("age").values.tolist() == [30, 60]
    assert len(table.take(slice(0, 0))) == 0
