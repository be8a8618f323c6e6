"""Tables that belong together, tables that do not, and what is not judged."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from synthdata.errors import SchemaError, TableError
from synthdata.table.schema import Column, Schema
from synthdata.table.table import Table
from synthdata.validation.base import Comparison, Figure, plain


def renamed(table: Table, old: str, new: str) -> Table:
    columns = tuple(c.model_copy(update={"name": new}) if c.name == old else c for c in table.schema)
    return Table(table.frame.rename(columns={old: new}), Schema(columns=columns))


def test_a_renamed_column_is_suggested(mixed: Callable[[int, int], Table]) -> None:
    with pytest.raises(SchemaError, match=r"synthetic table lacks column 'income'.*Did you mean 'incme'"):
        Comparison.of(mixed(30, 1), mixed(30, 2), renamed(mixed(30, 3), "income", "incme"))
    with pytest.raises(SchemaError, match="holdout table lacks column 'income'"):
        Comparison.of(mixed(30, 1), renamed(mixed(30, 2), "income", "incme"), mixed(30, 3))


def test_an_empty_table_is_refused(mixed: Callable[[int, int], Table]) -> None:
    empty = mixed(30, 3).take(np.arange(0))
    with pytest.raises(TableError, match="synthetic table has no rows"):
        Comparison.of(mixed(30, 1), None, empty)
    with pytest.raises(TableError, match="holdout table has no rows"):
        Comparison.of(mixed(30, 1), empty, mixed(30, 3))


def test_text_where_numbers_are_expected_is_refused_by_row(mixed: Callable[[int, int], Table]) -> None:
    real = mixed(30, 1)
    frame = real.frame.assign(age=["much"] * 30)
    with pytest.raises(SchemaError, match=r"synthetic table does not fit.*'age'.*row 1") as caught:
        Comparison.of(real, None, Table(frame, real.schema))
    assert "much" not in str(caught.value)


def test_categories_of_another_type_are_refused() -> None:
    schema = Schema(columns=(Column(name="code", kind="categorical"),))
    real = Table(pd.DataFrame({"code": [1, 2, 1]}), schema)
    with pytest.raises(SchemaError, match="'code' holds text in the synthetic table and numbers in the real one"):
        Comparison.of(real, None, Table(pd.DataFrame({"code": ["1", "2", "1"]}), schema))


def test_numbers_are_read_whatever_stores_them() -> None:
    schema = Schema(columns=(Column(name="x", kind="numerical", dtype="int64", decimals=0),))
    real = Table(pd.DataFrame({"x": [1, 2, 3]}), schema)
    made = Table(pd.DataFrame({"x": pd.array([1.5, None, 3], dtype="Float64")}), schema)
    values = Comparison.of(real, None, made).views[0].values("synthetic")
    assert values[0] == 1.5
    assert np.isnan(values[1])


def test_equal_categories_have_equal_codes_on_all_sides() -> None:
    schema = Schema(columns=(Column(name="c", kind="categorical", nullable=True),))
    frames = [pd.DataFrame({"c": v}, dtype=object) for v in (["b", "b", "a", None], ["a", "z"], ["z", None, "b"])]
    compared = Comparison.of(*(Table(frame, schema) for frame in frames))
    view = compared.views[0]
    assert view.categories == ("b", "a", "z")
    assert view.values("train").tolist() == [0, 0, 1, -1]
    assert view.values("holdout").tolist() == [1, 2]
    assert view.values("synthetic").tolist() == [2, -1, 0]


def test_dates_of_other_resolutions_are_the_same_dates() -> None:
    schema = Schema(columns=(Column(name="d", kind="datetime", dtype="datetime64[ns]"),))
    days = pd.Series(pd.date_range("2021-01-01", periods=3))
    made = Table(pd.DataFrame({"d": days.astype("datetime64[s]")}), schema)
    view = Comparison.of(Table(pd.DataFrame({"d": days.astype("datetime64[ns]")}), schema), None, made).views[0]
    assert (view.values("train") == view.values("synthetic")).all()


def test_what_is_not_judged_is_said(mixed: Callable[[int, int], Table]) -> None:
    compared = Comparison.of(mixed(30, 1), None, mixed(30, 2))
    assert compared.names == ("age", "income", "city", "smoker", "seen", "grade")
    assert "key" in compared.skipped["patient"]
    schema = Schema(
        columns=(
            Column(name="mail", kind="text", pii="email"),
            Column(name="note", kind="text"),
            Column(name="gone", kind="numerical", dtype="float64", drop=True),
        )
    )
    real = Table(pd.DataFrame({"mail": ["a"], "note": ["b"], "gone": [1.0]}), schema)
    made = Table(pd.DataFrame({"mail": ["a"], "note": ["b"]}), Schema(columns=schema.columns[:2]))
    skipped = Comparison.of(real, None, made).skipped
    assert "personal data (email)" in skipped["mail"]
    assert "text" in skipped["note"]
    assert "request" in skipped["gone"]


def test_rows_are_drawn_reproducibly(mixed: Callable[[int, int], Table]) -> None:
    compared = Comparison.of(mixed(100, 1), None, mixed(50, 2))
    assert compared.draw("train", 1000, np.random.default_rng(0)).tolist() == list(range(100))
    drawn = [compared.draw("train", 10, np.random.default_rng(0)).tolist() for _ in range(2)]
    assert drawn[0] == drawn[1] == sorted(set(drawn[0]))


def test_a_figure_is_plain_json() -> None:
    figure = Figure(np.float64(0.25), (np.float64(0.1), float("inf")), n=np.int64(3)).to_json()
    assert figure["value"] == 0.25
    assert figure["interval"] == [0.1, None]
    assert "matched" not in figure
    assert plain({1: np.array([1, 2]), "b": (np.bool_(True), float("nan"))}) == {"1": [1, 2], "b": [True, None]}
