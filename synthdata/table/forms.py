"""What single cells look like: a number, a date in some layout, a truth value, words. No cell is judged by another.

That makes counts of forms fit for differential privacy: one row more or less changes the counts of a column by one.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
import pandas as pd

from synthdata.table.dtypes import dtype_name, is_boolean, is_float, is_integer
from synthdata.table.guess_moments import CLOCK, DURATION, UNITS, customary, formats
from synthdata.table.null_words import STRONG_NULLS, WEAK_NULLS
from synthdata.table.personal_signs import EMAIL
from synthdata.table.stored_moments import ISO
from synthdata.table.stored_numbers import EXACT

BIT, WHOLE, FRACTION, TRUTH = "0 or 1", "whole number", "number", "truth value"
EMAIL_FORM, UUID_FORM, DURATION_FORM, WORDS = "e-mail", "UUID", "duration", "words"
NUMBERS = (BIT, WHOLE, FRACTION)
CLOCKS = {"%H:%M": "minute", "%H:%M:%S": "second", "%H:%M:%S.%f": "microsecond"}
#: how fine a moment that is stored as one is
UNIT_FORMS = {name: f"in whole {name}s" for name, _ in UNITS} | {"nanosecond": "in nanoseconds"}
#: layouts of dates as text, each with the order of its parts
LAYOUTS = {layout: order for order, layout in formats()} | {ISO: "ISO 8601"}
FORMS = (
    *NUMBERS,
    TRUTH,
    EMAIL_FORM,
    UUID_FORM,
    DURATION_FORM,
    *CLOCKS,
    *LAYOUTS,
    *UNIT_FORMS.values(),
    WORDS,
)
_POSITIONS = {form: position for position, form in enumerate(FORMS)}

#: whole numbers beyond this do not fit into 64 bits
LARGEST = 2**63
_FRACTION = re.compile(r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?")
_TRUTH = re.compile(r"true|false|True|False|TRUE|FALSE")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_DIRECTIVES = {
    "%Y": r"(?:1[89]|2[01])\d\d",
    "%y": r"\d\d",
    "%m": r"(?:0?[1-9]|1[0-2])",
    "%d": r"(?:0?[1-9]|[12]\d|3[01])",
    "%H": r"(?:[01]?\d|2[0-3])",
    "%I": r"(?:0?[1-9]|1[0-2])",
    "%M": r"[0-5]\d",
    "%S": r"[0-5]\d",
    "%f": r"\d{1,6}",
    "%p": r"(?i:am|pm)",
    "%b": r"(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)",
    "%B": r"(?i:january|february|march|april|may|june|july|august|september|october|november|december)",
    "%a": r"(?i:mon|tue|wed|thu|fri|sat|sun)",
}
_ISO_TEXT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?Z?)?")
_LETTERS = re.compile(r"[A-Za-z]+")
_DIGITS = re.compile(r"\d+")


def form_counts(series: pd.Series, *, null_words: bool = False) -> np.ndarray:
    """How many cells of a column have each of the `FORMS`, (f,) int64; a null has none.

    With ``null_words`` texts that stand for a null in files (`is_null_word`) have none, either.

    >>> counts = form_counts(pd.Series(["12", "0.5", "2024-01-31", "x", None]))
    >>> [FORMS[position] for position in np.flatnonzero(counts)]
    ['whole number', 'number', '%Y-%m-%d', 'words']
    """
    counts = np.zeros(len(FORMS), dtype=np.int64)
    present = series.dropna()
    dtype = dtype_name(series)
    if dtype.startswith(("datetime64", "timedelta64")):
        return _units(present, counts)
    if is_boolean(dtype):
        counts[_POSITIONS[TRUTH]] = len(present)
        return counts
    if is_integer(dtype):
        bits = int(present.isin((0, 1)).sum())
        counts[_POSITIONS[BIT]], counts[_POSITIONS[WHOLE]] = bits, len(present) - bits
        return counts
    if is_float(dtype):
        return _floats(present.to_numpy(dtype=np.float64), counts)
    codes, values = pd.factorize(present.astype(object))
    weights = np.bincount(codes, minlength=len(values))
    for value, weight in zip(values, weights, strict=True):
        if not (null_words and is_null_word(value)):
            counts[_POSITIONS[form_of(value)]] += weight
    return counts


def is_null_word(value: object) -> bool:
    """Whether a cell of a file of text stands for a null, whatever its column holds.

    >>> is_null_word(" ? "), is_null_word("no")
    (True, False)
    """
    return isinstance(value, str) and (not value.strip() or value.strip() in (*STRONG_NULLS, *WEAK_NULLS))


def form_of(value: object) -> str:
    """The form of one cell of an object column."""
    if isinstance(value, bool | np.bool_):
        return TRUTH
    if isinstance(value, int | np.integer):
        return BIT if value in (0, 1) else WHOLE
    if isinstance(value, float | np.floating):
        return WHOLE if float(value).is_integer() and value not in (0, 1) else BIT if value in (0, 1) else FRACTION
    if not isinstance(value, str):
        return WORDS
    text = value.strip()
    if _FRACTION.fullmatch(text):
        return _number_form(text)
    for form, pattern in ((TRUTH, _TRUTH), (UUID_FORM, _UUID)):
        if pattern.fullmatch(text):
            return form
    if EMAIL.fullmatch(text):
        return EMAIL_FORM
    if CLOCK.fullmatch(text):
        return "%H:%M" if text.count(":") == 1 else "%H:%M:%S.%f" if "." in text else "%H:%M:%S"
    if DURATION.fullmatch(text):
        return DURATION_FORM
    return next((layout for layout, pattern in _candidates(_shape(text)) if pattern.fullmatch(text)), WORDS)


def whole_number(text: str) -> int | None:
    """A cell as a whole number that 64 bits hold, exactly; None where it is none.

    >>> whole_number("9007199254740993"), whole_number("5.0"), whole_number("5.5")
    (9007199254740993, 5, None)
    """
    try:
        number = int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
    except ValueError:
        return None
    if isinstance(number, float) and not (number.is_integer() and abs(number) < EXACT):
        return None
    return int(number) if -LARGEST <= number < LARGEST else None


def _number_form(text: str) -> str:
    """The form of a number that is written as text: the same as of one that was read as a float."""
    number = whole_number(text)
    return FRACTION if number is None else BIT if number in (0, 1) else WHOLE


def _shape(text: str) -> str:
    """A text with its digits and letters made alike, so that few shapes stand for many dates."""
    return _LETTERS.sub("a", _DIGITS.sub(lambda found: "9" * min(len(found[0]), 9), text))


@lru_cache(maxsize=4096)
def _candidates(shape: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The layouts that may read texts of a shape, in the order in which they are tried."""
    found = [(layout, pattern) for layout, pattern, look in _patterns() if look.fullmatch(shape)]
    iso = [(ISO, _ISO_TEXT)] if re.match(r"9{4}-99-99", shape) else []
    return (*found, *iso)


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[str, re.Pattern[str], re.Pattern[str]], ...]:
    """Each layout, what reads a text in it, and what reads the shape of such a text.

    Where a cell can be read day first and month first, the sign decides which is tried first, as custom has it.
    """
    order = {"day first": 1, "month first": 1}
    known = [(layout, parts) for layout, parts in LAYOUTS.items() if layout != ISO]
    known.sort(key=lambda each: (order.get(each[1], 0), not customary(*each)))
    return tuple((layout, _reader(layout, _DIRECTIVES), _reader(layout, _SHAPES)) for layout, _ in known)


_SHAPES = {
    directive: "a" if directive in ("%b", "%B", "%a", "%p") else "9{4}" if directive == "%Y" else "9{1,6}"
    for directive in _DIRECTIVES
}


def _reader(layout: str, parts: dict[str, str]) -> re.Pattern[str]:
    """What reads a text in a layout, or, by the parts of shapes, the shape of one."""
    fixed = (lambda piece: _LETTERS.sub("a", piece)) if parts is _SHAPES else str
    pieces = re.split(r"(%[A-Za-z])", layout)
    return re.compile("".join(parts.get(piece) or re.escape(fixed(piece)) for piece in pieces))


def _floats(numbers: np.ndarray, counts: np.ndarray) -> np.ndarray:
    bits = np.isin(numbers, (0.0, 1.0))
    whole = ~bits & np.isfinite(numbers) & (numbers == np.round(numbers))
    counts[_POSITIONS[BIT]], counts[_POSITIONS[WHOLE]] = bits.sum(), whole.sum()
    counts[_POSITIONS[FRACTION]] = len(numbers) - bits.sum() - whole.sum()
    return counts


def _units(present: pd.Series, counts: np.ndarray) -> np.ndarray:
    """Moments by the coarsest unit of which each is a whole multiple."""
    local = present.dt.tz_localize(None) if getattr(present.dtype, "tz", None) is not None else present
    micro = local.dt.as_unit("us")
    ticks = micro.to_numpy().view(np.int64)
    exact = (micro == local).to_numpy()
    left = np.ones(len(ticks), dtype=bool)
    for name, size in UNITS:
        fits = left & exact & (ticks % (size // 1000) == 0)
        counts[_POSITIONS[UNIT_FORMS[name]]] = fits.sum()
        left &= ~fits
    counts[_POSITIONS[UNIT_FORMS["nanosecond"]]] = left.sum()
    return counts
