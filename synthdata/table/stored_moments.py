"""Between dates, times and durations as they are stored and plain ticks (int64, UTC or wall clock)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import pandas as pd

from synthdata.errors import SchemaError
from synthdata.table.dtypes import TEXTS, as_objects, is_arrow, is_float, is_integer, to_dtype
from synthdata.table.durations import is_duration_layout, read_duration, write_duration
from synthdata.table.schema import Column

#: `Column.format` of dates stored as text in several ISO 8601 forms at once
ISO = "ISO8601"
EARLIEST, LATEST = (
    np.datetime64("0001-01-01", "us").astype(np.int64),
    np.datetime64("9999-12-31T23:59:59.999999").astype(np.int64),
)
DAY = 86_400 * 10**6
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
Contradiction = Callable[[np.ndarray], SchemaError]


def resolution(column: Column) -> str:
    """The tick of a datetime or timedelta column as numpy writes it: s, ms, us or ns."""
    found = re.search(r"(?:64|timestamp|duration)\[(s|ms|us|ns)\b", column.dtype)
    return found.group(1) if found else "us"


def read_moments(series: pd.Series, column: Column, missing: np.ndarray, contradiction: Contradiction) -> np.ndarray:
    """The ticks of a datetime or timedelta column, (n,) int64; 0 under the mask.

    Zoned datetimes are counted in UTC; text without an offset is a wall clock and is counted as written.

    Raises:
        SchemaError: a cell is no date, out of range, or carries another offset than the others.
    """
    unit = resolution(column)
    try:
        if isinstance(series.dtype, pd.ArrowDtype):
            if not pd.api.types.is_string_dtype(series.dtype) and not pd.api.types.is_numeric_dtype(series.dtype):
                return _from_arrow(series, column, unit, missing, contradiction)
        elif pd.api.types.is_datetime64_any_dtype(series.dtype) or pd.api.types.is_timedelta64_dtype(series.dtype):
            return _from_storage(series, column, unit, missing, contradiction)
    except (pd.errors.OutOfBoundsDatetime, pd.errors.OutOfBoundsTimedelta, OverflowError):
        raise SchemaError(
            f"Column {column.name!r} holds dates that do not fit its dtype {column.dtype!r}.",
            "Declare datetime64[s] or datetime64[us].",
        ) from None
    cells = as_objects(series.astype(object), missing)
    odd = np.array([not isinstance(cell, Hashable) for cell in cells], dtype=bool)
    if odd.any():
        raise contradiction(odd)
    codes, known = pd.factorize(pd.Series(cells, dtype=object), use_na_sentinel=True)
    read = _read_datetime if column.kind == "datetime" else _read_timedelta
    ticks, bad = read(np.asarray(known, dtype=object), column)
    if bad.any():
        raise contradiction(np.append(bad, False)[codes])
    micro = np.append(ticks, 0)[codes]
    return micro * (PER_SECOND[unit] // 10**6) if unit == "ns" else micro // (10**6 // PER_SECOND[unit])


def _from_storage(
    series: pd.Series, column: Column, unit: str, missing: np.ndarray, contradiction: Contradiction
) -> np.ndarray:
    dated = pd.api.types.is_datetime64_any_dtype(series.dtype)
    if dated != (column.kind == "datetime"):
        return _nothing(missing, contradiction)
    if getattr(series.dtype, "tz", None) is not None:
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    ticks = series.dt.as_unit(unit).to_numpy().view(np.int64)
    return np.where(missing, 0, ticks)


def _nothing(missing: np.ndarray, contradiction: Contradiction) -> np.ndarray:
    """The ticks (n,) of a column stored as another kind, which is right where no cell has a value at all."""
    if missing.all():
        return np.zeros(len(missing), dtype=np.int64)
    raise contradiction(~missing)


def _from_arrow(
    series: pd.Series, column: Column, unit: str, missing: np.ndarray, contradiction: Contradiction
) -> np.ndarray:
    import pyarrow

    dtype: Any = series.dtype
    kind = dtype.pyarrow_dtype
    dated = pyarrow.types.is_timestamp(kind) or pyarrow.types.is_date(kind)
    timed = pyarrow.types.is_duration(kind) or pyarrow.types.is_time(kind)
    if not (dated if column.kind == "datetime" else timed):
        return _nothing(missing, contradiction)
    array = pyarrow.chunked_array(series.array.__arrow_array__()).combine_chunks()
    if pyarrow.types.is_time(kind):
        wide = array.cast(pyarrow.time64("us")).cast(pyarrow.int64()).cast(pyarrow.duration("us"))
    else:
        wide = array.cast(pyarrow.timestamp(unit) if dated else pyarrow.duration(unit))
    return wide.cast(pyarrow.int64()).fill_null(0).to_numpy(zero_copy_only=False)


def _read_datetime(known: np.ndarray, column: Column) -> tuple[np.ndarray, np.ndarray]:
    """Microseconds of distinct cells, and which of them are no dates."""
    texts = np.array([isinstance(cell, str) for cell in known], dtype=bool)
    numbers = is_integer(column.dtype) or is_float(column.dtype)
    ticks, bad = np.zeros(len(known), dtype=np.int64), np.zeros(len(known), dtype=bool)
    if numbers or texts.any():
        which = np.ones(len(known), dtype=bool) if numbers else texts
        words = [_digits(cell, column.format) for cell in known[which]] if numbers else list(known[which])
        ticks[which], bad[which] = parse_text(words, column)
        texts = which
    for position in np.flatnonzero(~texts):
        moment = _micro(known[position], column)
        bad[position], ticks[position] = moment is None, moment or 0
    return ticks, bad


def microseconds_as_written(word: str, column: Column) -> int | None:
    """Microseconds of one cell as the column's own format writes it; None where it has none, or that is no such cell.

    >>> microseconds_as_written("05.06.1970", Column(name="day", kind="datetime", dtype="object", format="%d.%m.%Y"))
    13392000000000
    """
    if column.format in (None, ISO):
        return None
    read = _read_datetime if column.kind == "datetime" else _read_timedelta
    ticks, bad = read(np.array([word], dtype=object), column)
    return None if bad[0] else int(ticks[0])


def _digits(cell: Any, layout: str | None) -> str:
    """A number such as 20240131 as the digits that ``layout`` reads."""
    if isinstance(cell, str) or cell != int(cell):
        return str(cell)
    width = len(dt.date(2000, 1, 1).strftime(layout)) if layout else 0
    return f"{int(cell):0{width}d}"


def _micro(cell: Any, column: Column) -> int | None:
    if isinstance(cell, dt.datetime):
        if (cell.tzinfo is not None) != bool(column.timezone):
            raise mixed_offsets(column.name)
        naive = cell.astimezone(dt.UTC).replace(tzinfo=None) if cell.tzinfo else cell
        return int(np.datetime64(naive.replace(fold=0), "us").astype(np.int64))
    return int(np.datetime64(cell, "us").astype(np.int64)) if isinstance(cell, dt.date) else None


def mixed_offsets(name: str) -> SchemaError:
    """The refusal of a column whose datetimes carry different offsets, or only sometimes one."""
    return SchemaError(
        f"Column {name!r} holds datetimes with different time zone offsets.",
        f"Bring them to one zone first: frame[{name!r}] = pandas.to_datetime(frame[{name!r}], utc=True).",
    )


def parse_text(words: list[str], column: Column) -> tuple[np.ndarray, np.ndarray]:
    """Microseconds of dates written as text by ``column.format`` (n,), and which could not be read (n,).

    Raises:
        SchemaError: the offsets differ.
    """
    layout = (column.format or ISO).replace("%-", "%")
    try:
        parsed = pd.to_datetime(
            pd.Series(words, dtype=object), format=layout, errors="coerce", utc=bool(column.timezone)
        )
    except (ValueError, TypeError) as error:
        if (
            "%z" in layout
            or "offset" in str(error).lower()
            or "time zone" in str(error).lower()
            or "tz" in str(error).lower()
        ):
            raise mixed_offsets(column.name) from None
        raise SchemaError(
            f"Column {column.name!r}: {layout!r} is no format of dates.", "See Python's strptime."
        ) from None
    if parsed.dtype == object:
        raise mixed_offsets(column.name)
    if getattr(parsed.dtype, "tz", None) is not None:
        parsed = parsed.dt.tz_convert("UTC").dt.tz_localize(None) if column.timezone else parsed.dt.tz_localize(None)
    bad = parsed.isna().to_numpy().copy()
    ticks = parsed.dt.as_unit("us").to_numpy().view(np.int64).copy()
    for position in np.flatnonzero(bad):
        moment = _far_away(words[position], layout)
        bad[position], ticks[position] = moment is None, moment or 0
    return ticks, bad


def _far_away(word: str, layout: str) -> int | None:
    """Microseconds of a date beyond pandas' nanoseconds (9999-12-31), None if it is no date."""
    try:
        moment = dt.datetime.fromisoformat(word) if layout == ISO else dt.datetime.strptime(word, layout)
    except ValueError:
        return None
    return None if moment.tzinfo else int(np.datetime64(moment, "us").astype(np.int64))


def _read_timedelta(known: np.ndarray, column: Column) -> tuple[np.ndarray, np.ndarray]:
    """Microseconds of distinct durations or times of day, and which cells are neither."""
    ticks, bad = np.zeros(len(known), dtype=np.int64), np.zeros(len(known), dtype=bool)
    for position, cell in enumerate(known):
        if isinstance(cell, str) and is_duration_layout(column.format):
            read = read_duration(cell, column.format)
            ticks[position], bad[position] = read or 0, read is None
            continue
        if isinstance(cell, str) and column.format:
            cell = _clock(cell, column.format)
        if isinstance(cell, dt.time):
            ticks[position] = ((cell.hour * 60 + cell.minute) * 60 + cell.second) * 10**6 + cell.microsecond
            continue
        try:
            ticks[position] = (
                pd.Timedelta(cell).value // 1000 if isinstance(cell, str | dt.timedelta | np.timedelta64) else 0
            )
            bad[position] = not isinstance(cell, str | dt.timedelta | np.timedelta64)
        except (ValueError, OverflowError):
            bad[position] = True
    return ticks, bad


def _clock(word: str, layout: str) -> Any:
    try:
        return dt.datetime.strptime(word, layout.replace("%-", "%")).time()
    except ValueError:
        return None


def write_moments(values: np.ndarray, missing: np.ndarray, column: Column) -> pd.Series:
    """Ticks (n,) in the storage of ``column``."""
    unit, kind = resolution(column), "M8" if column.kind == "datetime" else "m8"
    ticks = np.where(missing, 0, values).astype(np.int64)
    if f"{'datetime' if kind == 'M8' else 'timedelta'}64[" in column.dtype:
        series = pd.Series(np.where(missing, np.iinfo(np.int64).min, ticks).view(f"{kind}[{unit}]"), name=column.name)
        zone = getattr(to_dtype(column.dtype), "tz", None)
        return series.dt.tz_localize("UTC").dt.tz_convert(zone) if zone is not None else series
    if is_arrow(column.dtype) and column.dtype not in TEXTS:
        return _to_arrow(ticks, missing, column)
    if unit != "us":
        ticks = ticks // 1000 if unit == "ns" else ticks * (10**6 // PER_SECOND[unit])
    write = _write_datetime if column.kind == "datetime" else _write_timedelta
    distinct, codes = np.unique(ticks, return_inverse=True)
    made = np.empty(len(distinct), dtype=object)
    made[:] = write(distinct, column)
    cells = as_objects(made[codes], missing)
    if is_integer(column.dtype) or is_float(column.dtype):
        return _digits_back(cells, missing, column)
    return pd.Series(cells, name=column.name, dtype=to_dtype(column.dtype))


def _digits_back(cells: np.ndarray, missing: np.ndarray, column: Column) -> pd.Series:
    from synthdata.table.stored_numbers import write_numbers

    numbers = np.array([0 if m else int(cell) for cell, m in zip(cells, missing, strict=True)], dtype=np.int64)
    return write_numbers(
        numbers, missing, column.model_copy(update={"kind": "numerical", "decimals": 0, "format": None})
    )


def _to_arrow(ticks: np.ndarray, missing: np.ndarray, column: Column) -> pd.Series:
    import pyarrow

    kind, unit = to_dtype(column.dtype).pyarrow_dtype, resolution(column)
    if pyarrow.types.is_time(kind):
        array = (
            pyarrow.array(np.clip(ticks, 0, DAY - 1), mask=missing).cast(pyarrow.time64("us")).cast(kind, safe=False)
        )
    elif column.kind == "timedelta":
        array = pyarrow.array(ticks, mask=missing).cast(pyarrow.duration(unit)).cast(kind, safe=False)
    else:
        plain = pyarrow.timestamp(unit, tz=getattr(kind, "tz", None))
        array = pyarrow.array(ticks, mask=missing).cast(plain).cast(kind, safe=False)
    return pd.Series(pd.arrays.ArrowExtensionArray(array), name=column.name)


def _write_datetime(ticks: np.ndarray, column: Column) -> list[Any]:
    moments = np.clip(ticks, EARLIEST, LATEST).view("M8[us]").astype(object).tolist()
    if column.dtype == "date":
        return [moment.date() for moment in moments]
    if column.timezone and (column.dtype == "datetime" or "%z" in (column.format or "")):
        zone = pd.Timestamp("2000-01-01", tz=column.timezone).tzinfo
        moments = [pd.Timestamp(moment, tz="UTC").tz_convert(zone).to_pydatetime() for moment in moments]
    if column.dtype == "datetime":
        return moments
    return [written(moment, column.format or ISO, column.unit) for moment in moments]


def written(moment: dt.datetime, layout: str, unit: str | None = None) -> str:
    """A moment as text; ``%f`` has three digits where the unit is a millisecond.

    >>> written(dt.datetime(2024, 2, 1), "%-d/%-m/%Y")
    '1/2/2024'
    """
    if layout == ISO:
        return moment.date().isoformat() if unit == "day" else moment.isoformat(timespec="auto")
    if unit == "millisecond":
        layout = layout.replace("%f", f"{moment.microsecond // 1000:03d}")
    return moment.strftime(layout.replace("%Y", f"{moment.year:04d}"))


def _write_timedelta(ticks: np.ndarray, column: Column) -> list[Any]:
    if is_duration_layout(column.format):
        return [write_duration(int(t), column.format) for t in ticks]
    if column.dtype == "time" or column.format:
        clock = [(dt.datetime.min + dt.timedelta(microseconds=int(t))).time() for t in np.clip(ticks, 0, DAY - 1)]
        return (
            clock
            if column.dtype == "time"
            else [written(dt.datetime.combine(dt.date(2000, 1, 1), t), str(column.format)) for t in clock]
        )
    durations = [dt.timedelta(microseconds=int(t)) for t in ticks]
    return durations if column.dtype == "timedelta" else [str(pd.Timedelta(duration)) for duration in durations]
