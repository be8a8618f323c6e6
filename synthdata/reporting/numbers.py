"""Numbers as people read them: percent with sensible digits, counts, times, sizes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

UNKNOWN = "–"


def percent(fraction: float | None, *, signed: bool = False) -> str:
    """A fraction as percent, with as many digits as say something.

    >>> [percent(x) for x in (0, 0.000004, 0.00031, 0.0063, 0.0144, 0.123, 0.99997, 1)]
    ['0%', '< 0.001%', '0.031%', '0.63%', '1.4%', '12.3%', '> 99.9%', '100%']
    >>> percent(0.021, signed=True), percent(None)
    ('+2.1%', '–')
    """
    if fraction is None:
        return UNKNOWN
    sign = "+" if signed and fraction > 0 else "−" if fraction < 0 else ""
    size = abs(fraction)
    if size in (0, 1):
        return f"{sign}{size:.0%}"
    if size < 0.00001:
        return "< 0.001%"
    if 0.999 < size < 1:
        return f"> {sign}99.9%"
    digits = 3 if size < 0.000995 else 2 if size < 0.00995 else 1
    return f"{sign}{size * 100:,.{digits}f}%"


def score(value: float | None, digits: int = 2) -> str:
    """A score between 0 and 1 (or R², which may be negative).

    >>> score(0.9163, 3), score(-0.2), score(None)
    ('0.916', '−0.20', '–')
    """
    if value is None:
        return UNKNOWN
    return f"{value:.{digits}f}".replace("-", "−")


def count(number: int | float | None) -> str:
    """A count with thousands separated.

    >>> count(48842)
    '48,842'
    """
    return UNKNOWN if number is None else f"{number:,.0f}"


def plain(value: Any) -> str:
    """Any value of a summary or a parameter: numbers to four significant digits, dates and words as they are.

    >>> [plain(x) for x in (38.58164, 1234567, 0.000123456, True, None, "2020-01-01T00:00:00", 7.0)]
    ['38.58', '1,234,567', '0.0001235', 'yes', '–', '2020-01-01', '7']
    """
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace("-", "−")
    if isinstance(value, float):
        return _significant(value)
    if isinstance(value, list | tuple):
        return ", ".join(plain(part) for part in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {plain(part)}" for key, part in value.items())
    text = str(value)
    return (
        text[:10] if len(text) > 10 and text[10:].replace("T", "").strip("0:.Z+ ") == "" and text[4:5] == "-" else text
    )


def _significant(value: float) -> str:
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}".replace("-", "−")
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:.4g}".replace("-", "−", 1)


def seconds(duration: float | None) -> str:
    """A duration.

    >>> seconds(0.21), seconds(14.26), seconds(185), seconds(7500), seconds(260_000)
    ('0.2 s', '14 s', '3 min 5 s', '2 h 5 min', '3.0 days')
    """
    if duration is None:
        return UNKNOWN
    if duration < 0:
        return f"−{seconds(-duration)}"
    if duration < 10:
        return f"{duration:.1f} s"
    whole = round(duration)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 172_800:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{duration / 86_400:,.1f} days"


def moment(timestamp: Any) -> str:
    """An ISO 8601 time as a date and a time of day in UTC; what is not one is shown as it is.

    >>> moment("2026-03-05T14:07:31+00:00")
    '5 March 2026, 14:07 UTC'
    """
    if not timestamp:
        return UNKNOWN
    try:
        when = datetime.fromisoformat(str(timestamp))
    except ValueError:
        return str(timestamp)
    when = when.astimezone(UTC) if when.tzinfo else when
    return f"{when.day} {when:%B %Y, %H:%M} UTC"


def listing(names: list[str], most: int = 4) -> str:
    """Names in a sentence.

    >>> listing(["a"]), listing(["a", "b", "c"]), listing(list("abcdefg"), 3)
    ('a', 'a, b and c', 'a, b, c and 4 more')
    """
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def plural(number: int, one: str, many: str = "") -> str:
    """A count and its noun.

    >>> plural(1, "column"), plural(3, "column"), plural(2, "copy", "copies")
    ('1 column', '3 columns', '2 copies')
    """
    return f"{count(number)} {one if number == 1 else many or one + 's'}"
