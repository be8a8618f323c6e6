"""Between numbers as they are stored (integers, floats, decimals, text) and plain arrays of numbers."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from synthdata.errors import SchemaError
from synthdata.table.dtypes import (
    OBJECTS,
    TEXTS,
    as_objects,
    integer_limits,
    is_arrow,
    is_boolean,
    is_float,
    is_integer,
    to_dtype,
)
from synthdata.table.measured_range import split_ends
from synthdata.table.schema import Column

#: `Column.format` of numbers stored as text that are written with as few digits as tell them apart
SHORTEST = "shortest"
#: the same, but whole numbers keep ``.0``
POINTED = "shortest with point"
#: doubles hold every integer up to here
EXACT = 2**53


def integral(column: Column) -> bool:
    """Whether a numerical column's plain values are integers: by its storage, or as whole numbers in text."""
    if is_integer(column.dtype):
        return True
    if column.kind != "numerical" or column.decimals != 0:
        return False
    return column.dtype == "number" or split_ends(column.format)[1] == "%d"


def read_numbers(
    series: pd.Series, column: Column, missing: np.ndarray, contradiction: Callable[[np.ndarray], SchemaError]
) -> np.ndarray:
    """The numbers of a column, (n,) int64 (uint64 where only that holds them) or float64; anything under the mask.

    Raises:
        SchemaError: a cell is not a number, is infinite, or has a fraction where the storage has none.
    """
    if pd.api.types.is_integer_dtype(series.dtype) or pd.api.types.is_bool_dtype(series.dtype):
        if "uint64" in str(series.dtype).lower():
            wide = series.to_numpy(dtype=np.uint64, na_value=0)
            return wide if (wide > np.iinfo(np.int64).max).any() else wide.astype(np.int64)
        return series.to_numpy(dtype=np.int64, na_value=0)
    if pd.api.types.is_float_dtype(series.dtype):
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        cells = series.astype(object).to_numpy(dtype=object)
        for mark, number in split_ends(column.format)[0].numbers(column.decimals).items():
            cells = np.where(cells == mark, number, cells)
        values = _parse(cells, missing)
        if np.issubdtype(values.dtype, np.integer):
            return values
        bad = np.isnan(values) & ~missing
        if bad.any():
            raise contradiction(bad)
    _refuse_infinite(values, column)
    if not integral(column):
        return values
    whole = np.where(missing, 0.0, values)
    bad = (whole != np.round(whole)) | (np.abs(whole) >= 2**63)
    if bad.any():
        raise contradiction(bad)
    return whole.astype(np.int64)


def _refuse_infinite(values: np.ndarray, column: Column) -> None:
    rows = np.flatnonzero(np.isinf(values))
    if len(rows):
        raise SchemaError(
            f"Column {column.name!r} holds {len(rows)} infinite numbers (first at data row {rows[0] + 1}).",
            "Replace them with a null or a large number.",
        )


def _parse(cells: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Objects to int64 where all are whole and fit, else to float64 with NaN for what is no number."""
    filled = np.where(missing, 0, cells)
    if not any(isinstance(cell, str | Decimal) for cell in filled):
        try:
            if all(isinstance(cell, int | np.integer) for cell in filled):
                return np.array(filled, dtype=np.int64)
            return np.where(missing, np.nan, np.array(filled, dtype=np.float64))
        except (TypeError, ValueError, OverflowError):
            pass
    codes, known = pd.factorize(pd.Series([_plain(cell) for cell in filled], dtype=object), use_na_sentinel=False)
    numbers = np.asarray(pd.to_numeric(pd.Series(known, dtype=object), errors="coerce"))
    if numbers.dtype.kind == "u" or numbers.dtype.kind not in "iuf":
        numbers = numbers.astype(np.float64)
    return numbers[codes]


def fits_integer(text: str) -> bool:
    """Whether a text that is a whole number is one of at most 64 bits.

    >>> fits_integer("-12"), fits_integer("1" * 19), fits_integer("9" * 19)
    (True, True, False)
    """
    digits = text.lstrip("-").lstrip("0")
    return len(digits) < 19 or (len(digits) == 19 and int(digits) < 2**63)


def _plain(cell: Any) -> Any:
    """A cell that `pandas.to_numeric` reads: text and numbers as they are, nothing else."""
    if isinstance(cell, Decimal):
        return int(cell) if cell.is_finite() and cell == cell.to_integral_value() and abs(cell) < EXACT else float(cell)
    if isinstance(cell, str) and cell.lstrip("-").isdecimal() and not fits_integer(cell):
        return float(cell)
    return cell if isinstance(cell, str | int | float | np.number) else "?"


def write_numbers(values: np.ndarray, missing: np.ndarray, column: Column) -> pd.Series:
    """Plain numbers (n,) in the storage of ``column``: rounded to its decimals, within its dtype's limits."""
    if is_integer(column.dtype):
        return _integers(values, missing, column)
    if column.dtype in (*OBJECTS, *TEXTS) and (column.dtype != "object" or column.format):
        cells = as_objects(_written(values, missing, column), missing)
        return pd.Series(cells, name=column.name, dtype=to_dtype(column.dtype))
    floats = rounded(np.where(missing, np.nan, values.astype(np.float64)), column.decimals)
    if column.dtype == "object":
        return pd.Series(floats, name=column.name)
    if is_boolean(column.dtype):
        truth = as_objects((np.where(missing, 0, floats) >= 0.5).tolist(), missing)
        plain = column.dtype == "bool" and missing.any()
        return pd.Series(truth, name=column.name, dtype=to_dtype("boolean" if plain else column.dtype))
    if is_arrow(column.dtype):
        return _arrow(floats, missing, column)
    if is_float(column.dtype) and column.dtype[0].isupper():
        array = pd.arrays.FloatingArray(np.where(missing, 0.0, floats).astype(column.dtype.lower()), missing.copy())
        return pd.Series(array, name=column.name)
    return pd.Series(floats, name=column.name).astype(to_dtype(column.dtype))


def rounded(values: np.ndarray, decimals: int | None) -> np.ndarray:
    """Floats rounded to some decimals; those too large to have that many digits stay as they are.

    >>> rounded(np.array([0.12345, 1e300]), 2).tolist()
    [0.12, 1e+300]
    """
    if decimals is None:
        return values
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(np.abs(values) * 10.0**decimals < EXACT, np.round(values, decimals), values)


def _whole(values: np.ndarray, missing: np.ndarray, low: int, high: int) -> np.ndarray:
    """Values as integers between two limits, (n,) int64 or uint64."""
    if not np.issubdtype(values.dtype, np.integer):
        values = np.round(np.where(missing, 0.0, values.astype(np.float64)))
        floor, ceiling = float(low), np.nextafter(float(high), 0) if high > EXACT else float(high)
        values = np.clip(values, floor, ceiling).astype(np.uint64 if high > np.iinfo(np.int64).max else np.int64)
    values = np.where(missing, values.dtype.type(0), values)
    limits = np.iinfo(values.dtype)
    return np.clip(values, max(low, int(limits.min)), min(high, int(limits.max)))


def _integers(values: np.ndarray, missing: np.ndarray, column: Column) -> pd.Series:
    whole = _whole(values, missing, *integer_limits(column.dtype))
    if is_arrow(column.dtype):
        return _arrow(whole, missing, column)
    nullable = column.dtype[0].isupper()
    if nullable or missing.any():
        dtype = column.dtype.lower() if nullable else "int64"
        return pd.Series(pd.arrays.IntegerArray(whole.astype(dtype), missing.copy()), name=column.name)
    return pd.Series(whole.astype(column.dtype), name=column.name)


def _arrow(values: np.ndarray, missing: np.ndarray, column: Column) -> pd.Series:
    import pyarrow

    dtype = to_dtype(column.dtype)
    if pyarrow.types.is_decimal(dtype.pyarrow_dtype):
        step = Decimal(1).scaleb(-dtype.pyarrow_dtype.scale)
        cells = [None if m else Decimal(repr(float(v))).quantize(step) for v, m in zip(values, missing, strict=True)]
        array = pyarrow.array(cells, type=dtype.pyarrow_dtype)
    else:
        array = pyarrow.array(values, mask=missing).cast(dtype.pyarrow_dtype, safe=False)
    return pd.Series(pd.arrays.ArrowExtensionArray(array), name=column.name)


def _written(values: np.ndarray, missing: np.ndarray, column: Column) -> list[Any]:
    """Numbers as Python objects: Decimal, int, float or text."""
    ends, layout = split_ends(column.format)
    if ends.known:
        plain = _written(values, missing, column.model_copy(update={"format": layout}))
        return ends.hide(plain, rounded(np.where(missing, np.nan, values.astype(np.float64)), column.decimals))
    if integral(column) or layout == "%d":
        whole = _whole(values, missing, -(2**63), 2**63 - 1).tolist()
        return whole if column.dtype == "number" else list(map(str, whole))
    floats = rounded(np.where(missing, 0.0, values.astype(np.float64)), column.decimals).tolist()
    if column.dtype == "number":
        return floats
    if column.dtype == "decimal":
        if column.decimals is None:
            return [Decimal(repr(number)) for number in floats]
        step = Decimal(1).scaleb(-column.decimals)
        return [_quantized(Decimal(repr(number)), step) for number in floats]
    if column.format and column.format.startswith("%"):
        return [column.format % number for number in floats]
    return list(map(repr if column.format == POINTED else _shortest, floats))


def _quantized(number: Decimal, step: Decimal) -> Decimal:
    """``number`` to the digits of ``step``, where the context's precision allows it."""
    return number.quantize(step) if number.adjusted() - step.adjusted() < 27 else number


def _shortest(number: float) -> str:
    """A float in as few digits as tell it apart, without ``.0`` and without an exponent where it can.

    >>> _shortest(12.0), _shortest(0.5)
    ('12', '0.5')
    """
    text = repr(number)
    return text.removesuffix(".0")
