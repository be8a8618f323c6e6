"""Durations as people write them (``3d 5h``, ``12m 05s``, ``20 days``, ``36:15:00``): read by a layout, written by it.

A layout has a mark for each unit, as formats of dates have: ``%d`` days, ``%H`` hours, ``%M`` minutes, ``%S`` seconds,
``%-H`` where a number has no zeros before it. The first stands in brackets, since it goes on counting: ``[%H]:%M:%S``
writes 36 hours. A word that has no s after a one is ``day(s)``; with a question mark at the end parts of nothing are
left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple, TypeGuard

_MICROSECONDS = {"d": 86_400 * 10**6, "H": 3_600 * 10**6, "M": 60 * 10**6, "S": 10**6}
UNITS = {"d": "day", "H": "hour", "M": "minute", "S": "second"}
_WORDS = {
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "H"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "M"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "S"),
}
#: so many digits have the seconds that 64 bits of microseconds count; what is beyond these is no duration
_NUMBER = r"(\d{1,13})"
_MOST = 2**63 - 1
_PART = re.compile(rf"{_NUMBER}( ?)([A-Za-z]+)(,? ?(?:and )?)")
_CLOCK = re.compile(rf"{_NUMBER}:([0-5]\d)(?::([0-5]\d))?")
_MARK = re.compile(r"%(-?)([dHMS])\]?( ?[A-Za-z]*(?:\(s\))?)([^%\[?]*)")


class _Part(NamedTuple):
    """A unit of a layout: whether its numbers have two digits at least, its word, and what stands before the next."""

    unit: str
    padded: bool
    word: str
    between: str


def is_duration_layout(layout: str | None) -> TypeGuard[str]:
    """Whether a format is a layout of durations, not one of times of day.

    >>> is_duration_layout("[%H]:%M:%S"), is_duration_layout("%H:%M:%S")
    (True, False)
    """
    return layout is not None and layout.startswith("[%")


def finest(layout: str) -> str:
    """The unit that a layout ends in: day, hour, minute or second."""
    return UNITS[_parts(layout)[-1].unit]


def read_duration(cell: str, layout: str) -> int | None:
    """The microseconds of a duration; None where the text is not of that layout, or more than 64 bits count.

    >>> read_duration("3d 5h", "[%-d]d %-Hh") == (3 * 24 + 5) * 3_600 * 10**6
    True
    """
    found = _reader(layout).fullmatch(cell)
    if found is None or not any(found.groups()):
        return None
    numbers = zip(_parts(layout), found.groups(), strict=True)
    ticks = sum(int(number) * _MICROSECONDS[part.unit] for part, number in numbers if number)
    return ticks if ticks <= _MOST else None


def write_duration(ticks: int, layout: str) -> str:
    """Microseconds as a duration, cut to the layout's last unit; what is below zero is written as nothing.

    >>> write_duration(129_600 * 10**6, "[%-H]:%M:%S"), write_duration(86_400 * 10**6, "[%-d] day(s) %-H h?")
    ('36:00:00', '1 day')
    """
    rest, written = max(int(ticks), 0), []
    for part in _parts(layout):
        number, rest = divmod(rest, _MICROSECONDS[part.unit])
        word = part.word.replace("(s)", "" if number == 1 else "s")
        written.append((number, f"{number:02d}{word}" if part.padded else f"{number}{word}", part.between))
    if layout.endswith("?"):
        written = [each for each in written if each[0]] or written[-1:]
    return "".join(text + between for _, text, between in written[:-1]) + written[-1][1]


def duration_layout(cells: Iterable[str]) -> str | None:
    """The layout in which all cells are durations; None where some are not, or a letter may mean something else.

    >>> duration_layout(["3d 5h", "12d 23h"]), duration_layout(["1 day", "2 days"]), duration_layout(["36:15:00"])
    ('[%-d]d %-Hh', '[%-d] day(s)', '[%H]:%M:%S')
    >>> duration_layout(["5m", "12m"]) is None
    True
    """
    words = list(cells)
    layout = _clock_layout(words) or _word_layout(words)
    return layout if layout is not None and all(read_duration(word, layout) is not None for word in words) else None


def _clock_layout(words: list[str]) -> str | None:
    found = [_CLOCK.fullmatch(word) for word in words]
    if not words or not all(found):
        return None
    matches = [each for each in found if each]
    whole = {each.group(3) is not None for each in matches}
    if len(whole) > 1:
        return None
    padded = all(len(each.group(1)) > 1 for each in matches)
    first = "%" if padded else "%-"
    return f"[{first}H]:%M:%S" if whole == {True} else f"[{first}M]:%S"


def _word_layout(words: list[str]) -> str | None:
    numbers: dict[str, set[str]] = {}
    after: dict[str, set[str]] = {}
    between: dict[str, set[str]] = {}
    counted = set()
    for word in words:
        parts = list(_PART.finditer(word))
        units = [_WORDS.get(part.group(3).lower(), "") for part in parts]
        order = ["dHMS".find(unit) if unit else -1 for unit in units]
        if "".join(part.group() for part in parts) != word or -1 in order or order != sorted(set(order)):
            return None
        if not parts or parts[-1].group(4):
            return None
        counted.add("".join(units))
        for place, (unit, part) in enumerate(zip(units, parts, strict=True)):
            numbers.setdefault(unit, set()).add(part.group(1))
            after.setdefault(unit, set()).add(part.group(2) + part.group(3))
            if place < len(parts) - 1:
                between.setdefault(unit, set()).add(part.group(4))
    units = [unit for unit in "dHMS" if unit in numbers]
    names = {unit: _one_word(after[unit]) for unit in units}
    lone = len(units) == 1 and len((names[units[0]] or "").strip()) == 1
    if not units or lone or None in names.values() or any(len(each) > 1 for each in between.values()):
        return None
    usual = next(iter(between.values()), {" "})
    layout = ""
    for unit in units:
        padded = all(len(number) > 1 for number in numbers[unit]) and any(n[0] == "0" for n in numbers[unit])
        mark = f"%{'' if padded else '-'}{unit}"
        layout += f"{mark if layout else f'[{mark}]'}{names[unit]}"
        layout += next(iter(between.get(unit, usual))) if unit != units[-1] else ""
    return layout + ("?" if counted != {"".join(units)} else "")


def _one_word(words: set[str]) -> str | None:
    """What stands behind the numbers of a unit: one word, or one with and without its s."""
    shortest = min(words, key=len)
    if words == {shortest}:
        return shortest
    return f"{shortest}(s)" if words == {shortest, f"{shortest}s"} else None


@cache
def _parts(layout: str) -> tuple[_Part, ...]:
    marks = _MARK.findall(layout.removesuffix("?"))
    return tuple(_Part(unit, not unpadded, word, between) for unpadded, unit, word, between in marks)


@cache
def _reader(layout: str) -> re.Pattern[str]:
    parts, optional, text = _parts(layout), layout.endswith("?"), ""
    for place, part in enumerate(parts):
        word = re.escape(part.word).replace(r"\(s\)", "s?")
        between = re.escape(part.between) if place < len(parts) - 1 else ""
        text += f"(?:{_NUMBER}{word})?(?:{between})?" if optional else f"{_NUMBER}{word}{between}"
    return re.compile(text)
