"""What goes in comes out: `from_cells(to_cells(s, c), c)` equals `s` for every dtype, nulls included."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthdata.errors import SchemaError
from synthdata.table.dtypes import dtype_name
from synthdata.table.filling import fill_stored
from synthdata.table.infer import guess_column
from synthdata.table.schema import Column, Schema
from synthdata.table.storage import Cells, from_cells, restore, to_cells

INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
NULLABLE = [f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)]
ARROW_INTEGERS = [f"{name}[pyarrow]" for name in INTEGERS]
TEXT_DTYPES: list[Any] = [
    "object",
    "string[python]",
    "string[pyarrow]",
    pd.StringDtype(na_value=np.nan),
    pd.ArrowDtype(pyarrow.string()),
    pd.ArrowDtype(pyarrow.large_string()),
]
UNITS = ["s", "ms", "us", "ns"]
ZONES = ["UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "UTC+02:00"]


def there_and_back(series: pd.Series, column: Column) -> pd.Series:
    categories = series.cat.categories if isinstance(series.dtype, pd.CategoricalDtype) else None
    return from_cells(to_cells(series, column), column, categories)


def assert_comes_back(series: pd.Series, kind: str, **more: Any) -> None:
    series = series.rename("x")
    column = Column(name="x", kind=kind, dtype=dtype_name(series), **more)
    pd.testing.assert_series_equal(there_and_back(series, column), series)


def integers(name: str) -> st.SearchStrategy[int]:
    limits = np.iinfo(name.lower().removesuffix("[pyarrow]"))
    return st.integers(int(limits.min), int(limits.max))


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(INTEGERS), st.sampled_from(["numerical", "categorical", "id"]))
def test_integers(data: st.DataObject, dtype: str, kind: str) -> None:
    values = data.draw(st.lists(integers(dtype), max_size=8))
    assert_comes_back(pd.Series(values, dtype=dtype), kind)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from([*NULLABLE, *ARROW_INTEGERS]), st.sampled_from(["numerical", "categorical"]))
def test_nullable_integers(data: st.DataObject, dtype: str, kind: str) -> None:
    values = data.draw(st.lists(st.none() | integers(dtype), max_size=8))
    assert_comes_back(pd.Series(pd.array(values, dtype=dtype)), kind)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False, width=32), max_size=8))
@pytest.mark.parametrize("dtype", ["float32", "float64", "Float32", "Float64", "float[pyarrow]", "double[pyarrow]"])
def test_floats(dtype: str, values: list[float | None]) -> None:
    assert_comes_back(pd.Series(pd.array(values, dtype=dtype)), "numerical")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-(10**12), 10**12), min_size=1), st.integers(0, 3))
def test_rounding_to_the_inferred_decimals_changes_nothing(whole: list[int], decimals: int) -> None:
    series = pd.Series([float(Decimal(number).scaleb(-decimals)) for number in whole], name="x")
    column = Column(name="x", kind="numerical", dtype="float64", decimals=decimals)
    pd.testing.assert_series_equal(there_and_back(series, column), series)


@pytest.mark.parametrize("dtype", ["bool", "boolean", "bool[pyarrow]", "object"])
def test_booleans(dtype: str) -> None:
    assert_comes_back(pd.Series([True, False, True], dtype=dtype), "boolean")
    if dtype != "bool":
        assert_comes_back(pd.Series([True, None, False], dtype=dtype), "boolean")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.none() | st.text(max_size=6), max_size=6), st.sampled_from(["categorical", "id", "text"]))
@pytest.mark.parametrize("dtype", TEXT_DTYPES, ids=str)
def test_text(dtype: Any, values: list[str | None], kind: str) -> None:
    values = [value.encode("utf-8", "ignore").decode() if value else value for value in values]
    assert_comes_back(pd.Series(pd.array(values, dtype=dtype)), kind)


@pytest.mark.parametrize("dtype", TEXT_DTYPES, ids=str)
@pytest.mark.parametrize(
    ("values", "kind", "keys"),
    [
        (["12.50", None, "-3.00"], "numerical", {"format": "%.2f", "decimals": 2}),
        (["12", "9007199254740993", None], "numerical", {"format": "%d", "decimals": 0}),
        (["12.5", "3", None], "numerical", {"format": "shortest"}),
        (["12.5", "3.0", None], "numerical", {"format": "shortest with point"}),
        (["2024-01-02", "9999-12-31", "0099-01-02", None], "datetime", {"format": "%Y-%m-%d"}),
        (["1/2/2024", "11/12/1999", None], "datetime", {"format": "%-d/%-m/%Y"}),
        (["2024-01-02T03:04:05.120", None], "datetime", {"format": "%Y-%m-%dT%H:%M:%S.%f", "unit": "millisecond"}),
        (["12:30", "00:00", None], "timedelta", {"format": "%H:%M"}),
        (["1 days 02:00:00", None], "timedelta", {}),
    ],
)
def test_text_that_means_something_else(dtype: Any, values: list[Any], kind: str, keys: dict[str, Any]) -> None:
    assert_comes_back(pd.Series(pd.array(values, dtype=dtype)), kind, **keys)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.none() | st.integers(-(2**33), 2**33), max_size=6), st.sampled_from(UNITS), st.sampled_from("mM"))
def test_moments(ticks: list[int | None], unit: str, letter: str) -> None:
    series = pd.Series(np.array(["NaT" if t is None else t for t in ticks], dtype=f"{letter}8[{unit}]"))
    assert_comes_back(series, "datetime" if letter == "M" else "timedelta")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.none() | st.integers(0, 2**32), max_size=6), st.sampled_from(UNITS), st.sampled_from(ZONES))
def test_zoned_datetimes_also_through_the_hour_that_comes_twice(ticks: list[int | None], unit: str, zone: str) -> None:
    twice = [pd.Timestamp("2023-10-29 00:30", tz="UTC").value // 10**9, 1698539400 + 3600]
    seconds = np.array(["NaT" if t is None else t for t in [*ticks, *twice]], dtype="M8[s]")
    series = pd.Series(seconds).dt.as_unit(unit).dt.tz_localize("UTC").dt.tz_convert(zone)
    assert_comes_back(series, "datetime", timezone=zone)


@pytest.mark.parametrize(
    ("values", "kind", "keys"),
    [
        ([Decimal("1.50"), None, Decimal("-3.00")], "numerical", {"decimals": 2}),
        ([dt.date(2020, 1, 1), None, dt.date(9999, 12, 31)], "datetime", {}),
        ([dt.datetime(2020, 1, 1, 5, 6, 7, 8), None], "datetime", {}),
        ([dt.datetime(2020, 1, 1, tzinfo=dt.UTC), None], "datetime", {"timezone": "UTC"}),
        ([dt.time(23, 59, 59, 999_999), None], "timedelta", {}),
        ([dt.timedelta(days=-2, seconds=3), None], "timedelta", {}),
        ([1, 2.5, None], "numerical", {}),
        ([2**53 + 1, -5, None], "numerical", {"decimals": 0}),
        ([uuid.UUID(int=5), None], "id", {}),
    ],
)
def test_objects(values: list[Any], kind: str, keys: dict[str, Any]) -> None:
    assert_comes_back(pd.Series(values, dtype=object), kind, **keys)


@pytest.mark.parametrize(
    ("values", "dtype", "kind"),
    [
        ([dt.date(2020, 1, 1), None], "date32[day][pyarrow]", "datetime"),
        ([dt.datetime(2020, 1, 1), None], "timestamp[ns][pyarrow]", "datetime"),
        ([dt.datetime(2020, 1, 1, tzinfo=dt.UTC), None], "timestamp[us, tz=Europe/Paris][pyarrow]", "datetime"),
        ([dt.timedelta(4), None], "duration[ms][pyarrow]", "timedelta"),
        ([dt.time(1, 2), None], "time64[us][pyarrow]", "timedelta"),
        ([Decimal("1.25"), None], pd.ArrowDtype(pyarrow.decimal128(10, 2)), "numerical"),
    ],
)
def test_arrow(values: list[Any], dtype: Any, kind: str) -> None:
    assert_comes_back(pd.Series(values, dtype=dtype), kind)


@pytest.mark.parametrize("dtype", ["int64", "float64", "Int32"])
@pytest.mark.parametrize(("value", "layout"), [(20240131, "%Y%m%d"), (50101, "%y%m%d"), (930101, "%y%m%d")])
def test_dates_in_digits(dtype: str, value: int, layout: str) -> None:
    assert_comes_back(pd.Series([value, value], dtype=dtype), "datetime", format=layout)


@settings(max_examples=40, deadline=None)
@given(st.data(), st.booleans())
def test_categories_keep_their_list_and_order(data: st.DataObject, ordered: bool) -> None:
    labels = data.draw(
        st.lists(st.text("abc", min_size=1), unique=True, max_size=5) | st.lists(st.integers(), unique=True)
    )
    cells = data.draw(st.lists(st.sampled_from([*labels, None]), max_size=8))
    index = pd.Index(labels, dtype=None if labels and isinstance(labels[0], int) else object)
    series = pd.Series(pd.Categorical(cells, categories=index, ordered=ordered))
    assert_comes_back(series, "categorical", ordered=ordered)


def test_integers_beyond_double_precision_are_exact() -> None:
    for dtype, value in (("int64", 2**63 - 1), ("uint64", 2**64 - 1), ("Int64", 2**53 + 1)):
        assert_comes_back(pd.Series([value, 1], dtype=dtype), "numerical")


@pytest.mark.parametrize("dtype", ["int8", "UInt8", "int16[pyarrow]"])
def test_numbers_out_of_the_dtype_are_kept_at_its_limit_instead_of_wrapping(dtype: str) -> None:
    column = Column(name="x", kind="numerical", dtype=dtype)
    made = from_cells(Cells(np.array([1e6, -1e6, 3.4]), np.zeros(3, dtype=bool)), column)
    limits = np.iinfo(dtype.lower().removesuffix("[pyarrow]"))
    assert made.tolist() == [limits.max, limits.min, 3]
    whole = from_cells(Cells(np.array([10**6, -(10**6), 3]), np.zeros(3, dtype=bool)), column)
    assert whole.tolist() == made.tolist()


def test_a_null_that_the_dtype_cannot_hold_makes_it_nullable() -> None:
    missing = np.array([True, False])
    assert (
        str(from_cells(Cells(np.array([1, 2]), missing), Column(name="x", kind="numerical", dtype="int32")).dtype)
        == "Int64"
    )
    truth = Cells(np.array([None, True], dtype=object), missing)
    assert str(from_cells(truth, Column(name="x", kind="boolean", dtype="bool")).dtype) == "boolean"


def test_restore_gives_the_schema_s_order_and_a_fresh_index() -> None:
    schema = Schema(columns=tuple(Column(name=name, kind="numerical") for name in "abc"))
    frame = restore({"c": pd.Series([1], index=[7]), "a": pd.Series([2], index=[9])}, schema)
    assert list(frame.columns) == ["a", "c"]
    assert frame.index.equals(pd.RangeIndex(1))
    assert restore({}, schema).empty


def test_inferred_columns_come_back(every_kind_of_column: pd.DataFrame) -> None:
    for name in every_kind_of_column.columns:
        series = every_kind_of_column[name]
        column = guess_column(name, series).column
        pd.testing.assert_series_equal(there_and_back(series, column), series, obj=name)


@pytest.mark.parametrize(
    ("kind", "dtype", "other"),
    [
        ("timedelta", "timedelta64[ns]", "datetime64[ns]"),
        ("datetime", "datetime64[us]", "timedelta64[ns]"),
        ("timedelta", "timedelta64[ns]", "timestamp[us][pyarrow]"),
        ("datetime", "datetime64[ns]", "duration[us][pyarrow]"),
        ("datetime", "datetime64[ns]", "null[pyarrow]"),
    ],
)
def test_a_column_without_a_value_is_of_any_kind_of_time(kind: str, dtype: str, other: str) -> None:
    column = Column(name="x", kind=kind, dtype=dtype, nullable=True)
    cells = to_cells(pd.Series([None, None], dtype=other), column)
    assert cells.missing.all()
    assert cells.values.dtype == np.int64


def test_a_value_of_the_other_kind_of_time_is_named() -> None:
    column = Column(name="x", kind="timedelta", dtype="timedelta64[ns]")
    with pytest.raises(SchemaError, match=r"1 of its cells are not \(first at data row 2\)"):
        to_cells(pd.Series([None, "2024-01-01"], dtype="datetime64[ns]"), column)


def filled(series: pd.Series, values: Any, **column: Any) -> pd.Series:
    """A column whose nulls are filled with ``values``; its index and known cells are as they were."""
    where = np.flatnonzero(series.isna())
    spoken = Column(name="x", **column)
    cells = to_cells(series, spoken)
    made = np.where(cells.missing, 0, cells.values).astype(np.result_type(cells.values, np.asarray(values)))
    made[where] = values
    out = fill_stored(series, where, Cells(made, np.zeros(len(series), dtype=bool)), spoken)
    assert out.index.equals(series.index)
    assert (out[series.notna()] == series[series.notna()]).all()
    return out


@pytest.mark.parametrize(
    ("cells", "dtype", "column", "expected"),
    [
        ([5, None], "Int8", {"dtype": "float64"}, "float64"),
        ([5, None], "Int8", {"dtype": "int64"}, "Int8"),
        ([5.5, None], "float64", {"dtype": "int64", "kind": "categorical"}, "float64"),
        ([None, None], "float32", {"dtype": "Int16"}, "Int16"),
        # Neither storage holds both.
        ([-5, None], "Int8", {"dtype": "uint8"}, "Int16"),
        ([3.14159, None], "float32", {"dtype": "float64", "decimals": 1}, "float32"),
    ],
)
def test_filled_cells_find_a_storage_that_holds_all(
    cells: list[Any], dtype: str, column: dict[str, Any], expected: str
) -> None:
    series = pd.Series(cells, dtype=dtype, index=[7, 9], name="x")
    column = {"kind": "numerical", **column}
    value = 200 if expected == "Int16" else 0.5 if column["dtype"] == "float64" else 9
    out = filled(series, [value] * int(series.isna().sum()), **column)
    assert str(out.dtype) == expected
    assert out.iloc[-1] == value


def test_a_column_of_text_becomes_one_of_numbers_where_numbers_are_filled_in() -> None:
    cells, column = Cells(np.array([5.0, 0.5]), np.zeros(2, dtype=bool)), Column(name="x", kind="numerical")
    column = column.model_copy(update={"dtype": "float64"})
    assert fill_stored(pd.Series(["5", None], dtype=object), np.array([1]), cells, column).tolist() == [5.0, 0.5]


def test_filled_cells_are_rounded_only_as_far_as_allowed() -> None:
    series = pd.Series([1.5, None], dtype="float32")
    cells, column = Cells(np.array([1.5, 0.1]), np.zeros(2, dtype=bool)), Column(name="x", kind="numerical")
    column = column.model_copy(update={"dtype": "float64"})
    assert fill_stored(series, np.array([1]), cells, column, rounding=1e-6).dtype == np.float32
    assert fill_stored(series, np.array([1]), cells, column).tolist() == [1.5, 0.1]
