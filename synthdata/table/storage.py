"""Between a pandas column as it is stored and plain cells that encoders and metrics work on, and back.

The plain form of a column is one numpy array and one mask:

    numerical             int64 where the storage is integer or the column keeps 0 decimals, else float64
    datetime, timedelta   int64 ticks of the storage's resolution (UTC for zoned datetimes)
    boolean               object array of bool
    categorical, id, text object array of the values as they are
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from synthdata.errors import SchemaError
from synthdata.table.schema import Column, Schema


@dataclass(frozen=True)
class Cells:
    """One column in plain form: ``values`` (n,) and ``missing`` (n,), True where a cell is null.

    Values under the mask are arbitrary (0, NaN or None) and must not be looked at.
    """

    values: np.ndarray
    missing: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: np.ndarray) -> Cells:
        """The cells of some rows."""
        return Cells(self.values[rows], self.missing[rows])


def resolution(column: Column) -> str:
    """The tick of a datetime or timedelta column as numpy writes it: s, ms, us or ns."""
    found = re.search(r"64\[(\w+)", column.dtype)
    return found.group(1) if found else "us"


def integral(column: Column) -> bool:
    """Whether a numerical column is stored as integers."""
    return column.dtype.lower().startswith(("int", "uint"))


def to_cells(series: pd.Series, column: Column) -> Cells:
    """Bring a stored column into plain form.

    Raises:
        SchemaError: a cell contradicts the column's kind; the message names the row, never the value.
    """
    missing = series.isna().to_numpy(dtype=bool)
    if column.generated:
        return Cells(series.to_numpy(dtype=object, na_value=None), missing)
    if column.kind == "numerical":
        return Cells(_numbers(series, column, missing), missing)
    if column.kind == "datetime":
        return Cells(_ticks(_datetimes(series, column, missing), resolution(column)), missing)
    if column.kind == "timedelta":
        return Cells(_ticks(_timedeltas(series, column, missing), resolution(column)), missing)
    values = series.astype(object).to_numpy(dtype=object, na_value=None)
    return Cells(values, missing)


def from_cells(cells: Cells, column: Column, categories: list[Any] | None = None) -> pd.Series:
    """Bring plain cells back to the storage of ``column``; ``categories`` gives a category dtype its list and order."""
    values, missing = cells.values, cells.missing
    if column.generated or column.kind in ("categorical", "id", "text", "boolean"):
        return _objects(values, missing, column, categories)
    if column.kind == "numerical":
        return _stored_numbers(values, missing, column)
    kind = "M8" if column.kind == "datetime" else "m8"
    ticks = np.where(missing, np.iinfo(np.int64).min, values).astype(np.int64).view(f"{kind}[{resolution(column)}]")
    series = pd.Series(ticks, name=column.name)
    if column.kind == "timedelta":
        return series
    if column.timezone:
        series = series.dt.tz_localize("UTC").dt.tz_convert(column.timezone)
    if column.dtype == "date":
        return pd.Series([None if m else d for d, m in zip(series.dt.date, missing, strict=True)], name=column.name, dtype=object)
    if column.format and column.dtype in ("object", "string", "str"):
        text = series.dt.strftime(column.format).astype(object).where(~missing, None)
        return text.astype(column.dtype)
    return series


def restore(columns: Mapping[str, pd.Series], schema: Schema) -> pd.DataFrame:
    """Put restored columns together in the schema's order, with a fresh index."""
    kept = [column.name for column in schema if column.name in columns]
    frame = pd.concat([columns[name].reset_index(drop=True) for name in kept], axis=1) if kept else pd.DataFrame()
    frame.columns = pd.Index(kept)
    return frame


def _contradiction(column: Column, bad: np.ndarray) -> SchemaError:
    rows = np.flatnonzero(bad)
    return SchemaError(
        f"Column {column.name!r} is declared {column.kind}, but {len(rows)} of its cells are not (first at data row {rows[0] + 1}).",
        "Mend those cells, or give the column another kind in the schema.",
    )


def _numbers(series: pd.Series, column: Column, missing: np.ndarray) -> np.ndarray:
    if pd.api.types.is_integer_dtype(series.dtype) or pd.api.types.is_bool_dtype(series.dtype):
        if str(series.dtype).lower() == "uint64" and (series.dropna() > np.iinfo(np.int64).max).any():
            return series.to_numpy(dtype=np.float64, na_value=np.nan)
        return series.to_numpy(dtype=np.int64, na_value=0)
    if pd.api.types.is_float_dtype(series.dtype):
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        numbers = pd.to_numeric(series.astype(object).map(lambda v: float(v) if isinstance(v, Decimal) else v), errors="coerce")
        values = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
        bad = np.isnan(values) & ~missing
        if bad.any():
            raise _contradiction(column, bad)
    if np.isinf(values).any():
        rows = np.flatnonzero(np.isinf(values))
        raise SchemaError(
            f"Column {column.name!r} holds {len(rows)} infinite numbers (first at data row {rows[0] + 1}).",
            "Replace them with a large number or a null.",
        )
    if integral(column):
        whole = np.where(missing, 0.0, values)
        if (whole != np.round(whole)).any():
            raise _contradiction(column, whole != np.round(whole))
        return whole.astype(np.int64)
    return values


def _datetimes(series: pd.Series, column: Column, missing: np.ndarray) -> pd.Series:
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(object)
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        parsed = series
    else:
        text = series.astype(object).map(lambda v: v.isoformat() if isinstance(v, dt.date) else v)
        iso = column.format is None or column.dtype == "date"
        parsed = pd.to_datetime(text, format="ISO8601" if iso else column.format, errors="coerce", utc=bool(column.timezone))
        bad = parsed.isna().to_numpy() & ~missing
        if bad.any():
            raise _contradiction(column, bad)
    if getattr(parsed.dtype, "tz", None) is not None:
        parsed = parsed.dt.tz_convert("UTC").dt.tz_localize(None)
    return parsed


def _timedeltas(series: pd.Series, column: Column, missing: np.ndarray) -> pd.Series:
    parsed = series if pd.api.types.is_timedelta64_dtype(series.dtype) else pd.to_timedelta(series, errors="coerce")
    bad = parsed.isna().to_numpy() & ~missing
    if bad.any():
        raise _contradiction(column, bad)
    return parsed


def _ticks(series: pd.Series, unit: str) -> np.ndarray:
    kind = "M8" if pd.api.types.is_datetime64_any_dtype(series.dtype) else "m8"
    ticks = series.to_numpy().astype(f"{kind}[{unit}]").view(np.int64)
    return np.where(series.isna().to_numpy(), 0, ticks)


def _stored_numbers(values: np.ndarray, missing: np.ndarray, column: Column) -> pd.Series:
    if column.dtype == "decimal":
        step = Decimal(1).scaleb(-(column.decimals or 0))
        cells = [None if m else Decimal(repr(float(v))).quantize(step) for v, m in zip(values, missing, strict=True)]
        return pd.Series(cells, name=column.name, dtype=object)
    if integral(column):
        whole = values if np.issubdtype(values.dtype, np.integer) else np.round(np.where(missing, 0, values)).astype(np.int64)
        if column.dtype[0].isupper() or missing.any():
            dtype = column.dtype if column.dtype[0].isupper() else "Int64"
            return pd.Series(pd.arrays.IntegerArray(whole.astype(dtype.lower()), missing.copy()), name=column.name)
        return pd.Series(whole.astype(column.dtype), name=column.name)
    floats = np.where(missing, np.nan, values.astype(np.float64))
    if column.decimals is not None:
        floats = np.round(floats, column.decimals)
    series = pd.Series(floats, name=column.name)
    return series.astype(column.dtype) if column.dtype not in ("object", "float64") else series


def _objects(values: np.ndarray, missing: np.ndarray, column: Column, categories: list[Any] | None) -> pd.Series:
    cells = np.where(missing, None, values.astype(object))
    if column.dtype == "category":
        return pd.Series(pd.Categorical(cells, categories=categories, ordered=column.ordered), name=column.name)
    series = pd.Series(cells, name=column.name, dtype=object)
    if column.dtype == "object":
        return series
    if column.dtype == "bool" and missing.any():
        return series.astype("boolean")
    if integral(column) and column.dtype[0].islower() and missing.any():
        return series.astype("Int64")
    return series.astype(column.dtype)
