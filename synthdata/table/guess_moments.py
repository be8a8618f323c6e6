"""Dates, times and durations: from their storage, from text, and from whole numbers such as 20240131."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import numpy as np
import pandas as pd

from synthdata.table.dtypes import zone_name
from synthdata.table.durations import duration_layout, finest
from synthdata.table.evidence import Evidence, Guess, figure, share
from synthdata.table.schema import Column
from synthdata.table.stored_moments import ISO, parse_text, read_moments, written

UNITS = (
    ("day", 86_400 * 10**9),
    ("hour", 3_600 * 10**9),
    ("minute", 60 * 10**9),
    ("second", 10**9),
    ("millisecond", 10**6),
    ("microsecond", 10**3),
)
NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
DATE_WORDS = ("date", "day", "time", "datetime", "dt", "dob", "birth", "born", "since", "issued", "datum", "timestamp")
DURATION_WORDS = ("duration", "time", "length", "elapsed", "lap", "pace", "dauer", "zeit", "durée", "duree")
BIRTH = ("birth", "birthday", "born", "dob", "birthdate", "geburtsdatum")

TIMES = (
    "",
    " %H:%M",
    " %H:%M:%S",
    " %H:%M:%S.%f",
    "T%H:%M",
    "T%H:%M:%S",
    "T%H:%M:%S.%f",
    "T%H:%M:%SZ",
    "T%H:%M:%S.%fZ",
)
DAYS = {
    "year first": ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%y%m%d", "%Y-%m", "%Y/%m"),
    "day first": ("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%y", "%d/%m/%y", "%d-%m-%y"),
    "month first": ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y", "%m-%d-%y", "%m/%Y"),
    "month in words": (
        *(
            "%d %b %Y",
            "%d-%b-%Y",
            "%d-%b-%y",
            "%b %d, %Y",
            "%d %B %Y",
            "%B %d, %Y",
            "%b-%Y",
            "%b %Y",
            "%B %Y",
            "%d%b%Y",
        ),
        *("%a %b %d %H:%M:%S %Y", "%a, %d %b %Y"),
    ),
}
MERIDIEM = (" %I:%M %p", " %I:%M:%S %p")
#: what a text must look like for the formats to be tried at all
LOOKS = re.compile(
    r"(?=(?:\D*\d){4})"
    r"(?:\d{1,4}[-/. ]?\d{1,2}|\d{1,2}[- ]?[A-Za-z]{3,9}|[A-Za-z]{3,9},? \d|[A-Za-z]{3}[- ]\d{4}).{0,30}"
)
CLOCK = re.compile(r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?")
DURATION = re.compile(r"-?\d+ days?,? [+-]?\d{1,2}:\d{2}:\d{2}(\.\d+)?")
OFFSET = re.compile(r".*\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)? ?([+-]\d{2}:?\d{2})")


def finest_unit(ticks: np.ndarray, tick: str) -> str:
    """The coarsest of day … nanosecond of which all ticks are whole multiples.

    >>> finest_unit(np.array([0, 86400]), "s")
    'day'
    """
    for name, size in UNITS:
        step = size // NANOSECONDS[tick]
        if step and not (ticks % step).any():
            return name
    return "nanosecond"


def guess_stored_moments(e: Evidence) -> Guess:
    """The guess for datetime64, timedelta64, Arrow's and Python's dates, times and durations."""
    kind = (
        "timedelta"
        if e.dtype.startswith(("timedelta", "duration", "time6", "time3")) or e.dtype == "time"
        else "datetime"
    )
    zone = _zone(e) if kind == "datetime" else None
    if zone == "several":
        return e.guess(
            "text",
            f"{figure(e.n)} datetimes with different time zones or offsets",
            0.9,
            f"Bring them to one zone first: frame[{e.name!r}] = pandas.to_datetime(frame[{e.name!r}], utc=True).",
        )
    words = f"the storage {e.dtype!r} is {'a duration or time of day' if kind == 'timedelta' else 'a date'}"
    if e.n == 0:
        return e.guess(kind, f"{words}; no cell is filled", 0.6, "Consider leaving it out.", timezone=zone)
    column = Column(name=e.name, kind=kind, dtype=e.dtype, timezone=zone)
    wall = e.present.dt.tz_localize(None) if isinstance(e.series.dtype, pd.DatetimeTZDtype) else e.present
    local = column.model_copy(update={"timezone": None}) if wall is not e.present else column
    values = pd.Series(wall.unique())
    ticks = read_moments(values, local, np.zeros(len(values), dtype=bool), lambda bad: ValueError())  # type: ignore[arg-type, return-value]
    from synthdata.table.stored_moments import resolution

    unit = finest_unit(ticks, resolution(column))
    reason = f"{words}, {figure(len(values))} distinct in {figure(e.n)} cells, in whole {unit}s"
    return e.guess(kind, reason, 1.0, _advice(e), unit=unit, timezone=zone)


def _zone(e: Evidence) -> str | None:
    dtype: Any = e.series.dtype
    if isinstance(dtype, pd.ArrowDtype):
        return getattr(dtype.pyarrow_dtype, "tz", None)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return zone_name(dtype.tz)
    if e.dtype != "datetime":
        return None
    zones = {None if cell.tzinfo is None else zone_name(cell.tzinfo) for cell in e.present}
    return zones.pop() if len(zones) == 1 else "several" if zones else None


def _advice(e: Evidence) -> str:
    if e.has_word(*BIRTH):
        return "A date of birth helps to single out a person; consider coarsening it to the year."
    return ""


def guess_text_moments(e: Evidence) -> Guess | None:
    """Dates, times of day or durations written as text; None where the text is something else."""
    sample = [str(value) for value in e.sample]
    if not sample:
        return None
    if share(sample, CLOCK) == 1 and e.distinct > 12:
        return _clock(e)
    if share(sample, DURATION) == 1 and all(DURATION.fullmatch(str(value)) for value in e.values):
        return e.guess("timedelta", f"all {figure(e.n)} cells are durations in words", 0.9, unit="second")
    if e.distinct > 12 and (lasting := _duration(e, sample)) is not None:
        return lasting
    if share(sample, LOOKS) < 0.95:
        return None
    return _date(e, sample)


def _clock(e: Evidence) -> Guess | None:
    parts = max(len(str(value).split(":")) for value in e.sample)
    fraction = any("." in str(value) for value in e.sample)
    layout = "%H:%M" if parts == 2 else "%H:%M:%S.%f" if fraction else "%H:%M:%S"
    words = [str(value) for value in e.values]
    parsed = pd.to_datetime(pd.Series(words), format=layout, errors="coerce")
    if parsed.isna().any():
        return None
    if any(not word.startswith(("0", "1", "2")) or len(word.split(":")[0]) == 1 for word in words):
        layout = layout.replace("%H", "%-H")
    unit = "minute" if parts == 2 else "microsecond" if fraction else "second"
    return e.guess("timedelta", f"all {figure(e.n)} cells are times of day", 0.9, unit=unit, format=layout)


def _duration(e: Evidence, sample: list[str]) -> Guess | None:
    layout = duration_layout(sample) and duration_layout([str(value) for value in e.values])
    # Two numbers and a colon may be a ratio, or the points of a game.
    if not layout or (layout.endswith("M]:%S") and not e.has_word(*DURATION_WORDS)):
        return None
    return e.guess(
        "timedelta", f"all {figure(e.n)} cells are durations: {layout}", 0.9, unit=finest(layout), format=layout
    )


def _date(e: Evidence, sample: list[str]) -> Guess | None:
    offsets = {found.group(1) for found in map(OFFSET.fullmatch, sample) if found}
    ending, zone = "", None
    if offsets:
        everywhere = {found.group(1) if found else "" for found in map(OFFSET.fullmatch, map(str, e.values))}
        if len(everywhere) > 1:
            return e.guess(
                "text",
                f"{figure(e.n)} datetimes as text with {len(everywhere)} different time zone offsets",
                0.9,
                f"Bring them to one zone first: frame[{e.name!r}] = pandas.to_datetime(frame[{e.name!r}], utc=True).",
            )
        ending = offsets.pop()
        zone = "UTC" if set(ending) <= set("+-0:") else f"UTC{ending[:3]}:{ending[-2:]}"
        sample = [word.removesuffix(ending).rstrip(" ") for word in sample]
    gap = " " if ending and str(e.values[0]).removesuffix(ending).endswith(" ") else ""
    candidates = [
        (order, layout) for order, layout in formats() if _reads(layout, sample[:100]) and _reads(layout, sample)
    ]
    words = [str(value).removesuffix(ending).rstrip(" ") if ending else str(value) for value in e.values]
    candidates = [(order, layout) for order, layout in candidates if len(words) == len(sample) or _reads(layout, words)]
    if not candidates:
        return _several_iso_forms(e, words, sample)
    order, layout, why, sure, advice = _decide(e, candidates, words)
    layout, style = _unpadded(layout, sample)
    unit = _text_unit(layout, words)
    layout += gap + ending
    short = e.n < 20 and not e.has_word(*DATE_WORDS)
    reason = f"all {figure(e.n)} cells are dates of the form {layout!r} ({order}{why}{style})"
    return e.guess(
        "datetime",
        reason,
        min(sure, 0.6) if short else sure,
        advice or _advice(e),
        format=layout,
        unit=unit,
        timezone=zone,
    )


def formats() -> list[tuple[str, str]]:
    """All formats that are tried, each with the order of its parts."""
    made = [(order, day + time) for order, days in DAYS.items() for day in days for time in (*TIMES, *MERIDIEM)]
    return [
        (order, layout)
        for order, layout in made
        if layout.count("%H") < 2 and not (layout.count("%H") and "%I" in layout)
    ]


def _reads(layout: str, words: list[str]) -> bool:
    """Whether a format reads all of some texts as dates of a sensible year."""
    parsed = pd.to_datetime(pd.Series(words, dtype=object), format=layout, errors="coerce")
    for position in np.flatnonzero(parsed.isna().to_numpy()):
        try:
            dt.datetime.strptime(words[position], layout)
        except ValueError:
            return False
    # Digits alone are read with too much good will: 2024131 must not pass as year, month and day.
    if "-" not in layout and "/" not in layout and "." not in layout and " " not in layout and "T" not in layout:
        width = len(dt.datetime(2000, 1, 1).strftime(layout))
        return all(len(word) == width for word in words) and bool(parsed.dropna().dt.year.between(1850, 2150).all())
    return True


def _decide(e: Evidence, candidates: list[tuple[str, str]], words: list[str]) -> tuple[str, str, str, float, str]:
    """One format of those that read everything: evidence first, then custom."""
    if len(candidates) == 1:
        order, layout = candidates[0]
        why = ""
        if order in ("day first", "month first"):
            why = ": some first numbers exceed 12" if order == "day first" else ": some second numbers exceed 12"
            why = why if {"%d/%m", "%d-%m", "%m/%d", "%m-%d"} & {layout[:5]} else ""
        return order, layout, why, 0.95, ""
    by_order = dict(reversed(candidates))
    if not {"day first", "month first"} <= set(by_order):
        order, layout = candidates[0]
        return order, layout, "", 0.9, ""
    advice = 'Day and month could be the other way round; if so, declare "format".'
    texts = [str(value) for value in e.present.iloc[:2000]]
    steady = {order: _steady(texts, by_order[order]) for order in ("day first", "month first")}
    for order, other in (("day first", "month first"), ("month first", "day first")):
        if steady[order] and not steady[other]:
            return order, by_order[order], ": the rows are in order of time only if read so", 0.85, advice
    order = "month first" if customary(by_order["month first"], "month first") else "day first"
    why = f": no number exceeds 12, so custom decides for the sign {by_order[order][2]!r}"
    return order, by_order[order], why, 0.5, advice


def customary(layout: str, order: str) -> bool:
    """Whether custom reads an ambiguous date in this way: with slashes month first, else day first.

    >>> customary("%m/%d/%Y", "month first"), customary("%m-%d-%Y", "month first")
    (True, False)
    """
    return (layout[2:3] == "/") == (order == "month first")


def _steady(texts: list[str], layout: str) -> bool:
    moments = pd.to_datetime(pd.Series(texts, dtype=object), format=layout, errors="coerce")
    return moments.nunique() > 2 and bool(moments.is_monotonic_increasing or moments.is_monotonic_decreasing)


def _unpadded(layout: str, sample: list[str]) -> tuple[str, str]:
    """The format in which the dates are written: perhaps without leading zeros, perhaps in several styles."""

    def same(candidate: str) -> bool:
        fraction = (
            "millisecond" if "%f" in candidate and all(re.search(r"\.\d{3}Z?$", word) for word in sample) else None
        )
        return all(written(dt.datetime.strptime(word, layout), candidate, fraction) == word for word in sample)

    day, month, hour = ("%-d", "%-m", "%-H") if "%H" in layout else ("%-d", "%-m", "%-I")
    variants = [layout]
    variants.append(layout.replace("%d", day).replace("%m", month))
    variants.append(variants[-1].replace("%H", hour).replace("%I", hour))
    variants.append(layout.replace("%H", hour).replace("%I", hour))
    variants.append(layout.replace("%d", day))
    for variant in variants:
        if same(variant):
            return variant, "" if variant == layout else ", without leading zeros"
    return layout, "; written in more than one style, and comes back in this one"


def _text_unit(layout: str, words: list[str]) -> str:
    if "%f" in layout:
        return "millisecond" if all(re.search(r"\.\d{3}Z?$", word) for word in words[:1000]) else "microsecond"
    column = Column(name="", kind="datetime", format=layout)
    ticks, bad = parse_text(words, column)
    return finest_unit(ticks[~bad], "us")


def _several_iso_forms(e: Evidence, words: list[str], sample: list[str]) -> Guess | None:
    """ISO 8601 in several forms at once, such as with and without fractions of a second."""
    if not all(re.match(r"\d{4}-\d{2}-\d{2}", word) for word in sample[:50]):
        return None
    parsed = pd.to_datetime(pd.Series(words, dtype=object), format=ISO, errors="coerce", utc=True)
    if parsed.isna().any() or any(OFFSET.fullmatch(word) or word.endswith("Z") for word in words):
        return None
    unit = finest_unit(parsed.dt.tz_localize(None).dt.as_unit("us").to_numpy().view(np.int64), "us")
    reason = f"all {figure(e.n)} cells are ISO 8601 dates, in more than one form; they come back in one"
    return e.guess("datetime", reason, 0.9, _advice(e), format=ISO, unit=unit)


def guess_date_digits(e: Evidence) -> Guess | None:
    """Whole numbers that read as dates, such as 20240131, 930101 or 202401; None where they do not."""
    numbers = e.values.astype(np.float64)
    low, high = numbers.min(), numbers.max()
    named = e.has_word(*DATE_WORDS, "month", "period", "yyyymm", "yyyymmdd")
    if (e.distinct < 5 and not named) or not low >= 1:
        return None
    if low >= 18_500_101 and high <= 21_501_231:
        layout = "%Y%m%d"
    elif low >= 185_001 and high <= 215_012 and bool(np.isin(numbers % 100, np.arange(1, 13)).all()):
        layout = "%Y%m"
    elif low >= 101 and 10_000 <= high <= 991_231:
        layout = "%y%m%d"
    else:
        return None
    width = {"%Y%m%d": 8, "%Y%m": 6, "%y%m%d": 6}[layout]
    words = [f"{int(number):0{width}d}" for number in numbers]
    if not _reads(layout, words[:200]) or not _reads(layout, words):
        return None
    short = layout == "%y%m%d"
    century = ", two-digit years from 69 on are taken as 19.." if short else ""
    reason = f"all {figure(e.distinct)} distinct whole numbers read as dates {layout!r}{century}"
    if named:
        reason += f", and the name {e.name!r} says date"
    sure = (0.95 if named else 0.8) if not short else (0.9 if named else 0.6)
    advice = _advice(e) or 'If they are numbers, declare the kind "numerical".'
    return e.guess("datetime", reason, sure, advice, format=layout, unit="day")
