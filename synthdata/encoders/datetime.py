"""Datetimes and durations as whole steps of their unit: days are counted as days, in the column's own time zone."""

from __future__ import annotations

import numpy as np

from synthdata.table.schema import Column
from synthdata.table.storage import resolution

_NANOSECONDS = {
    "day": 86_400 * 10**9,
    "hour": 3_600 * 10**9,
    "minute": 60 * 10**9,
    "second": 10**9,
    "millisecond": 10**6,
    "microsecond": 10**3,
    "nanosecond": 1,
}
_TICK = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def ticks_per_step(column: Column) -> int:
    """How many ticks of the storage one unit of the column takes; 1 where it keeps no unit.

    >>> ticks_per_step(Column(name="born", kind="datetime", dtype="datetime64[s]", unit="day"))
    86400
    """
    return max(1, _NANOSECONDS.get(column.unit or "", 1) // _TICK[resolution(column)])


def to_steps(ticks: np.ndarray, column: Column) -> np.ndarray:
    """Whole steps (n,) int64 of ticks (n,) int64."""
    if _by_wall_clock(column):
        ticks = _wall_clock(ticks, column)
    return np.asarray(np.floor_divide(ticks, ticks_per_step(column)))


def from_steps(steps: np.ndarray, column: Column) -> np.ndarray:
    """The ticks (n,) int64 at which steps (n,) begin."""
    ticks = steps.astype(np.int64) * ticks_per_step(column)
    return _universal(ticks, column) if _by_wall_clock(column) else ticks


def _by_wall_clock(column: Column) -> bool:
    """Days begin at local midnight; finer units are counted in UTC, where no hour is missing or double."""
    return column.unit == "day" and column.timezone is not None


def _wall_clock(ticks: np.ndarray, column: Column) -> np.ndarray:
    import pandas as pd

    moments = pd.DatetimeIndex(ticks.view(f"M8[{resolution(column)}]")).tz_localize("UTC").tz_convert(column.timezone)
    return np.asarray(moments.tz_localize(None).to_numpy().view(np.int64))


def _universal(ticks: np.ndarray, column: Column) -> np.ndarray:
    import pandas as pd

    moments = pd.DatetimeIndex(ticks.view(f"M8[{resolution(column)}]"))
    first = np.ones(len(ticks), dtype=bool)
    zoned = moments.tz_localize(column.timezone, ambiguous=first, nonexistent="shift_forward")
    return np.asarray(zoned.tz_convert("UTC").tz_localize(None).to_numpy().view(np.int64))
