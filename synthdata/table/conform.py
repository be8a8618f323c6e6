"""Cells brought under a schema one by one: what a column's kind cannot read becomes a null, and nobody is told of it.

That is what differential privacy asks for: no cell decides how another one is read, and none stops the work.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from synthdata.errors import SchemaError
from synthdata.table.dtypes import TEXTS, dtype_name, is_float, is_integer
from synthdata.table.forms import is_null_word, whole_number
from synthdata.table.schema import Column, Schema
from synthdata.table.storage import StrangeCellsError, to_cells
from synthdata.table.stored_numbers import EXACT, SHORTEST


def conform(frame: pd.DataFrame, schema: Schema, *, typed: bool = True) -> tuple[pd.DataFrame, Schema]:
    """The frame in the storage that a schema declares, and the schema with what that leaves open filled in.

    Where the source is not ``typed`` (a file of text) all words for nulls are nulls, and text and numbers are turned
    into each other as the dtype wants; else storage stays as it is.

    >>> schema = Schema(columns=(Column(name="age", kind="numerical", dtype="Int64"),))
    >>> conform(pd.DataFrame({"age": ["30", "?", "old"]}), schema, typed=False)[0]["age"].tolist()
    [30, <NA>, <NA>]

    Raises:
        SchemaError: a column of dates as text has no format.
    """
    columns = {column.name: _conformed(frame[column.name], column, typed) for column in schema}
    filled = tuple(_settled(column, columns[column.name]) for column in schema)
    read = {column.name: _readable(columns[column.name], column) for column in filled}
    return pd.DataFrame(read, index=frame.index), schema.model_copy(update={"columns": filled})


def with_room_for_nulls(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with whole numbers and truth values stored alike whether or not one of them is null.

    >>> with_room_for_nulls(pd.DataFrame({"n": [1, 2], "sure": [True, False]})).dtypes.astype(str).tolist()
    ['Int64', 'boolean']
    """
    stored = {name: str(series.dtype) for name, series in frame.items()}
    roomy = {
        name: "boolean" if dtype == "bool" else dtype.replace("uint", "UInt").replace("int", "Int")
        for name, dtype in stored.items()
        if dtype == "bool" or re.fullmatch(r"u?int\d+", dtype)
    }
    return frame.astype(roomy)


def _conformed(series: pd.Series, column: Column, typed: bool) -> pd.Series:
    """A column of a file of text in its declared storage."""
    if typed or column.drop:
        return series
    if column.dtype in TEXTS:
        return _as_text(series)
    if is_integer(column.dtype) or is_float(column.dtype):
        return _as_numbers(series, column)
    if column.dtype in ("bool", "boolean"):
        return _as_truth(series)
    return series


def _as_text(series: pd.Series) -> pd.Series:
    if isinstance(series.dtype, pd.DatetimeTZDtype) or series.dtype.kind in "Mm":
        return series.map(lambda cell: cell.isoformat(), na_action="ignore").astype(object)
    codes, values = pd.factorize(series.astype(object))
    words = np.array([*(None if is_null_word(value) else _written(value) for value in values), None], dtype=object)
    return pd.Series(words[codes], index=series.index, name=series.name, dtype=object)


def _written(value: object) -> str:
    """A cell as the file may have it: the same for a whole number that was read as 5 and as 5.0."""
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return str(int(value))
    return str(value)


def _as_numbers(series: pd.Series, column: Column) -> pd.Series:
    whole = is_integer(column.dtype)
    if pd.api.types.is_integer_dtype(series.dtype):
        return series.astype("Int64" if whole else "float64")
    codes, values = pd.factorize(series.astype(object))
    if not whole:
        numbers = pd.to_numeric(pd.Series(values, dtype=object), errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        numbers = np.append(np.where(np.isinf(numbers), np.nan, numbers), np.nan)
        return pd.Series(numbers[codes], index=series.index, name=series.name)
    read = [whole_number(str(value).strip()) for value in values]
    missing = np.array([number is None for number in read] + [True])
    filled = np.array([number or 0 for number in read] + [0], dtype=np.int64)
    return pd.Series(pd.arrays.IntegerArray(filled[codes], missing[codes]), index=series.index, name=series.name)


def _as_truth(series: pd.Series) -> pd.Series:
    words = series.astype(object).map(lambda cell: str(cell).strip().lower(), na_action="ignore")
    return words.map({"true": True, "false": False}).astype("boolean")


def _settled(column: Column, series: pd.Series) -> Column:
    """The column with its storage as it is now, and formats that nothing else says."""
    if column.drop:
        return column
    stored = dtype_name(series)
    found = {"dtype": stored} if stored != column.dtype and column.dtype in ("Int64", "float64", "boolean") else {}
    text = column.dtype in TEXTS and not column.generated
    if text and column.kind == "numerical" and column.format is None:
        found["format"] = SHORTEST
    duration = column.kind == "timedelta" and column.unit is not None  # in words, such as "3 days, 4:05:06"
    if text and column.kind in ("datetime", "timedelta") and column.format is None and not duration:
        raise SchemaError(
            f"Column {column.name!r} is declared {column.kind}, and it is not clear how its text is to be read.",
            'Declare its "format", such as "%d/%m/%Y".',
        )
    return column.model_copy(update=found) if found else column


def _readable(series: pd.Series, column: Column) -> pd.Series:
    """The column without cells that contradict its kind."""
    if column.kind == "numerical" and pd.api.types.is_float_dtype(series.dtype):
        series = series.where(~np.isinf(series.to_numpy(dtype=float, na_value=np.nan)))
    try:
        to_cells(series, column)
    except StrangeCellsError as error:
        series = series.astype(object).where(~np.asarray(error.bad, dtype=bool), None)
        to_cells(series, column)  # what is left must do
    return series
