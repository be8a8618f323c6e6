"""Names for how a column is stored, and the pandas dtype behind each name.

Most names are pandas' own. A few more tell apart what pandas calls by one name:

    object                    text, booleans or a mixture, as Python objects
    number                    Python ints and floats in an object column
    decimal, uuid             decimal.Decimal, uuid.UUID objects
    date, datetime, time      objects of the module datetime
    timedelta                 datetime.timedelta objects
    string, string[pyarrow]   pandas' nullable text, kept by Python or by Arrow
    str                       the text dtype whose null is NaN
    utf8[pyarrow]             an Arrow column of strings (pandas prints ``string[pyarrow]`` for both)
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from synthdata.errors import SchemaError, did_you_mean

#: names of objects for which pandas has no dtype
OBJECTS = ("object", "number", "decimal", "uuid", "date", "datetime", "time", "timedelta")
#: names under which plain text is stored
TEXTS = ("object", "string", "string[pyarrow]", "str", "utf8[pyarrow]", "large_string[pyarrow]", "large_utf8[pyarrow]")

COMMON = (
    *OBJECTS,
    *TEXTS,
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    *(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)),
    *("float32", "float64", "Float32", "Float64", "bool", "boolean", "category"),
    *(f"datetime64[{unit}]" for unit in ("s", "ms", "us", "ns")),
    *(f"timedelta64[{unit}]" for unit in ("s", "ms", "us", "ns")),
)


def cell_types(series: pd.Series) -> set[type]:
    """The Python types of the cells of an object column that are not null."""
    return set(map(type, series[series.notna()].to_numpy(dtype=object)))


def dtype_name(series: pd.Series) -> str:
    """How a column is stored, as `Column.dtype` says it.

    >>> dtype_name(pd.Series([Decimal("1.50")])), dtype_name(pd.Series([1, None], dtype="Int8"))
    ('decimal', 'Int8')
    """
    dtype = series.dtype
    if isinstance(dtype, pd.StringDtype):
        if dtype.na_value is not pd.NA:
            return "str"
        return "string[pyarrow]" if dtype.storage == "pyarrow" else "string"
    if isinstance(dtype, pd.ArrowDtype):
        return "utf8[pyarrow]" if str(dtype) == "string[pyarrow]" else str(dtype)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return f"datetime64[{dtype.unit}, {zone_name(dtype.tz)}]"
    if dtype == np.dtype(object):
        return _object_name(cell_types(series))
    return str(dtype)


def zone_name(zone: Any) -> str:
    """The name by which pandas finds a time zone again.

    >>> zone_name(dt.timezone.utc)
    'UTC'
    """
    name = getattr(zone, "zone", None) or getattr(zone, "key", None) or str(zone)
    if name == "tzutc()":
        return "UTC"
    return f"dateutil/{name.split('zoneinfo/')[-1].rstrip(')').strip(chr(39))}" if "zoneinfo/" in name else name


def _object_name(types: set[type]) -> str:
    if not types:
        return "object"

    def all_are(*wanted: type) -> bool:
        return all(issubclass(t, wanted) for t in types)

    if all_are(Decimal):
        return "decimal"
    if all_are(uuid.UUID):
        return "uuid"
    if all_are(dt.datetime):
        return "datetime"
    if all_are(dt.date) and not any(issubclass(t, dt.datetime) for t in types):
        return "date"
    if all_are(dt.time):
        return "time"
    if all_are(dt.timedelta):
        return "timedelta"
    if all_are(int, float, np.integer, np.floating) and not any(issubclass(t, bool | np.bool_) for t in types):
        return "number"
    return "object"


def to_dtype(name: str) -> Any:
    """The pandas dtype of a name; the objects' names all give ``object``.

    Raises:
        SchemaError: there is no such dtype.
    """
    if name in OBJECTS:
        return np.dtype(object)
    if name == "str":
        return pd.StringDtype(na_value=np.nan)
    if name == "string":
        return pd.StringDtype("python")
    # pandas prints these Arrow types but does not read them.
    parts = re.fullmatch(r"decimal(128|256)\((\d+), (-?\d+)\)\[pyarrow\]", name)
    if parts:
        import pyarrow

        return pd.ArrowDtype(getattr(pyarrow, f"decimal{parts[1]}")(int(parts[2]), int(parts[3])))
    try:
        if name == "string[pyarrow]":
            return pd.StringDtype("pyarrow")
        return pd.api.types.pandas_dtype(name)
    except (TypeError, ValueError, NotImplementedError, KeyError, ImportError):
        raise SchemaError(f"There is no dtype {name!r}.", did_you_mean(name, COMMON)) from None


def as_objects(values: Any, missing: np.ndarray) -> np.ndarray:
    """Cells (n,) as Python objects, None under the mask.

    >>> as_objects([1, 2], np.array([False, True])).tolist()
    [1, None]
    """
    cells = np.empty(len(missing), dtype=object)
    cells[:] = [None if m else cell for cell, m in zip(values, missing, strict=True)]
    return cells


def is_integer(name: str) -> bool:
    """Whether a name stands for whole numbers."""
    return name.lower().startswith(("int", "uint")) and not name.startswith("interval")


def is_float(name: str) -> bool:
    """Whether a name stands for floating-point numbers."""
    return name.lower().startswith(("float", "double", "halffloat"))


def is_boolean(name: str) -> bool:
    """Whether a name stands for truth values."""
    return name.startswith("bool")


def is_arrow(name: str) -> bool:
    """Whether a name stands for an Arrow-backed dtype (pandas' own text dtypes not among them)."""
    return name.endswith("[pyarrow]") and name != "string[pyarrow]"


def integer_limits(name: str) -> tuple[int, int]:
    """The smallest and the largest number that an integer dtype holds.

    >>> integer_limits("UInt8")
    (0, 255)
    """
    limits = np.iinfo(name.lower().removesuffix("[pyarrow]"))
    return int(limits.min), int(limits.max)
