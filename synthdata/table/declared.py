"""What the owner of a table declared about a column (nulls, bounds, categories), checked against its cells."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from synthdata.errors import SchemaError
from synthdata.table.schema import Column
from synthdata.table.storage import Cells
from synthdata.table.stored_moments import microseconds_as_written, resolution

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(\D|$)")
#: a duration without its unit
_BARE = re.compile(r"\s*[+-]?\d+(\.\d*)?\s*$")
#: what means one day here and another one there
_DAY_OR_MONTH_FIRST = re.compile(r"\s*\d{1,2}[./-]\d{1,2}[./-]\d")


def plain_bound(column: Column, value: Any) -> int | float:
    """A limit (a number, an ISO date, a duration as text, or either as cells have it) in the column's plain units.

    >>> plain_bound(Column(name="day", kind="datetime", dtype="datetime64[s]"), "1970-01-02")
    86400
    >>> plain_bound(Column(name="at", kind="timedelta", dtype="object", format="%H:%M"), "00:02")
    120000000

    Raises:
        SchemaError: the limit is not of the column's kind.
    """
    form = f", or as the column does: {column.format}." if column.format else "."
    problem = SchemaError(
        f"Column {column.name!r} ({column.kind}): the limit {value!r} is not of that kind.",
        {
            "datetime": f'Write it as an ISO date: "2024-01-31"{form}',
            "timedelta": f'Write it as a duration: "2 days"{form}',
            "numerical": "Write it as a number.",
        }.get(column.kind, "Only numbers, dates and durations have limits."),
    )
    if column.kind == "numerical":
        if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
            raise problem
        return value
    if column.kind not in ("datetime", "timedelta") or not isinstance(value, str):
        raise problem
    unit = resolution(column)
    try:
        if not _ISO_DATE.match(value) and (ticks := microseconds_as_written(value, column)) is not None:
            return int(np.timedelta64(ticks, "us").astype(f"m8[{unit}]").astype(np.int64))
        if column.kind == "timedelta":
            if _BARE.match(value):
                raise problem
            return int(pd.Timedelta(value).as_unit("ns").to_timedelta64().astype(f"m8[{unit}]").astype(np.int64))
        if _DAY_OR_MONTH_FIRST.match(value):
            raise problem
        moment: Any = pd.Timestamp(value)
        if pd.isna(moment):
            raise problem
        if moment.tzinfo is not None:
            moment = moment.tz_convert("UTC").tz_localize(None)
        elif column.timezone:
            moment = moment.tz_localize(column.timezone).tz_convert("UTC").tz_localize(None)
        return int(moment.to_datetime64().astype(f"M8[{unit}]").astype(np.int64))
    except (ValueError, OverflowError, TypeError, KeyError):
        raise problem from None


def check_declared(cells: Cells, column: Column) -> None:
    """Refuse cells that contradict what the schema says beyond the kind.

    Raises:
        SchemaError: a null in a column declared without nulls, a value out of the declared bounds, a category that
            is not declared; with the number of cells and the first data row, never the value.
    """
    if column.drop:
        return
    if not column.nullable:
        _refuse(cells.missing, column, "null", 'Fill them, or set "nullable": true in the schema.')
    if column.public is None or column.generated:
        return
    if column.public.bounds is not None and column.continuous:
        low, high = (plain_bound(column, limit) for limit in column.public.bounds)
        outside = ~cells.missing & ((cells.values < low) | (cells.values > high))
        _refuse(outside, column, "outside the declared bounds", "Widen public.bounds, or mend those cells.")
    if column.public.categories is not None and column.kind in ("categorical", "boolean"):
        known = set(column.public.categories)
        strange = np.array(
            [not m and v not in known for v, m in zip(cells.values, cells.missing, strict=True)], dtype=bool
        )
        _refuse(
            strange, column, "not among the declared categories", "Add them to public.categories, or mend those cells."
        )


def _refuse(bad: np.ndarray, column: Column, what: str, advice: str) -> None:
    rows = np.flatnonzero(bad)
    if len(rows):
        is_or_are = "cell is" if len(rows) == 1 else "cells are"
        raise SchemaError(
            f"Column {column.name!r}: {len(rows)} {is_or_are} {what} (first at data row {rows[0] + 1}).", advice
        )
