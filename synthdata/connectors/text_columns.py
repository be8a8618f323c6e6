"""Columns of text become numbers, truth values and nulls, and nothing is changed silently.

Null words: an empty cell is null. ``NULL``, ``null``, ``NaN``, ``nan``, ``N/A``, ``n/a``, ``#N/A``, ``<NA>`` and
``\\N`` are null in every column. ``NA``, ``None``, ``-``, ``.`` and ``?`` may be values (Namibia, "no alley"), so they
are null where everything else in their column is a number or truth value, and in text columns of the same file only
if they were found to mean null there. Every word that was met is named in the notes, with what became of it.

Units: where every number of a column has the same sign of a currency before it or behind it, or the same of percent or
a measure behind it, the sign is dropped and the number kept as it stands: ``12.5 %`` is 12.5.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from synthdata.table.null_words import STRONG_NULLS, WEAK_NULLS

if TYPE_CHECKING:
    import pyarrow as pa

_INTEGER = r"^-?(0|[1-9][0-9]*)$"
_FLOAT = r"^-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$|^[+-]?(inf|Inf|INF)(inity)?$"
_PLUS = r"^[+-]?(0|[1-9][0-9]{0,5})(\.[0-9]*)?$"
_DECIMAL_COMMA = r"^-?([0-9]+|[1-9][0-9]{0,2}(\.[0-9]{3})+)(,[0-9]+)?$"
_THOUSANDS = r"^-?([0-9]+|[1-9][0-9]{0,2}(,[0-9]{3})+)(\.[0-9]+)?$"
_SPACE = "[ \u00a0\u202f]?"
_BOTH = r"\..*,"  # in a file with commas between cells "1,2" is likelier a list than a number
_LEADING_ZERO = r"^[+-]?0[0-9]"
_CURRENCIES = ("$", "€", "£", "¥", "₹", "USD", "EUR", "GBP", "CHF")
_MEASURES = ("%", "°C", "°F", "kg", "lb", "lbs", "km", "cm", "mm", "km/h", "mph", "kWh", "ms", "min", "MB", "GB")
_TRUTH = r"^(true|false|True|False|TRUE|FALSE)$"
_HEAD = 2000


@dataclass
class _Found:
    """What was met in which columns, for the notes."""

    columns: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, what: str, column: str) -> None:
        self.columns[what].append(column)

    def merge(self, other: _Found) -> None:
        """Take over what another found."""
        for what, columns in other.columns.items():
            self.columns[what] += columns

    def notes(self) -> list[str]:
        return [f"{what}: {_listed(columns)}" for what, columns in self.columns.items()]


def typed(table: pa.Table, delimiter: str) -> tuple[pa.Table, list[str]]:
    """A table of text columns with numbers, truth values and nulls told apart, and notes on what was done.

    >>> import pyarrow as pa
    >>> table, notes = typed(pa.table({"zip": ["01234", "99999"], "age": ["31", "NA"]}), ",")
    >>> [str(field.type) for field in table.schema]
    ['string', 'int64']
    """
    import pyarrow as pa

    found, columns, words_of_file = _Found(), {}, set()
    keeps_empty = _tells_empty_from_null(table)
    for name in table.column_names:
        parsed = _number_or_truth(table[name], name, delimiter, found)
        if parsed is not None:
            columns[name], words = parsed
            words_of_file |= words
    for name in table.column_names:
        if name not in columns:
            columns[name] = _text(table[name], name, keeps_empty, words_of_file, found)
    ordered = [columns[name] for name in table.column_names]
    return pa.table(ordered, names=table.column_names), found.notes()


def plain(table: pa.Table, delimiter: str) -> pa.Table:
    """A table of text columns, spaces around cells dropped and numbers written with a point and nothing besides.

    Each cell is read by itself. A comma that may do either sets thousands apart in a file with commas between cells and
    stands for the point in others; a unit before or behind a number is dropped.

    >>> import pyarrow as pa
    >>> plain(pa.table({"cost": ["$1,234.5", " few "]}), ",")["cost"].to_pylist()
    ['1234.5', 'few']
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = []
    with_units = [with_unit(units, "[0-9.,]*") for _, with_unit, units in _SIDES]
    for name in table.column_names:
        cells = pc.utf8_trim_whitespace(table[name])
        for pattern, number in with_units:
            cells = pc.replace_substring_regex(cells, pattern, number)
        apart, for_point = (pc.match_substring_regex(cells, pattern) for pattern in (_THOUSANDS, _DECIMAL_COMMA))
        if delimiter == ",":
            for_point = pc.and_(for_point, pc.match_substring_regex(cells, _BOTH))
        else:
            apart = pc.and_not(apart, for_point)
        for_point = pc.and_(for_point, pc.match_substring(cells, ","))
        pointed = pc.replace_substring(pc.replace_substring(cells, ".", ""), ",", ".")
        cells = pc.if_else(apart, pc.replace_substring(cells, ",", ""), pc.if_else(for_point, pointed, cells))
        columns.append(cells)
    return pa.table(columns, names=table.column_names)


def _number_or_truth(column: pa.ChunkedArray, name: str, delimiter: str, found: _Found) -> Any:
    """The column as numbers or truth values and the weak null words in it; None if it is text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    head = _without_nulls(pc.utf8_trim_whitespace(column.slice(0, _HEAD))).drop_null()
    early = _Found()
    if len(head) and _parse(head, name, delimiter, early) is None:
        found.merge(early)
        return None
    trimmed = pc.utf8_trim_whitespace(column)
    bare = _without_nulls(trimmed)
    if bare.null_count == len(bare):
        words = _words(trimmed)
        return (pa.chunked_array([pa.nulls(len(bare))]), set()) if not words else None
    values = _parse(bare, name, delimiter, found)
    if values is None:
        return None
    words = _words(trimmed)
    for word in words:
        found.add(f"{word!r} read as null", name)
    return values, {word for word in words if word in WEAK_NULLS}


def _parse(bare: pa.ChunkedArray, name: str, delimiter: str, found: _Found) -> pa.ChunkedArray | None:
    """Truth values, integers or floats, if every cell that is not null is one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if _all(bare, _INTEGER):
        try:
            return pc.cast(bare, pa.int64())
        except pa.ArrowInvalid:
            found.add("whole numbers too large for 64 bits, kept as text", name)
            return None
    if _all(bare, _FLOAT):
        return pc.cast(bare, pa.float64())
    if _all(bare, _TRUTH):
        return pc.equal(pc.utf8_lower(bare), "true")
    if _all(bare, _PLUS):
        return _parse(pc.utf8_ltrim(bare, "+"), name, delimiter, found)
    apart, for_point = (
        _all(bare, pattern) and not _any(bare, _LEADING_ZERO) for pattern in (_THOUSANDS, _DECIMAL_COMMA)
    )
    if apart and for_point and delimiter != ",":
        found.add("kept as text, as 1,234 may mean 1234 or 1.234", name)
        return None
    if apart:
        found.add("thousands separators removed", name)
        return _parse(pc.replace_substring(bare, ",", ""), name, delimiter, found)
    if for_point and (delimiter != "," or _any(bare, _BOTH)):
        found.add("decimal commas read", name)
        plain = pc.replace_substring(pc.replace_substring(bare, ".", ""), ",", ".")
        return _parse(plain, name, delimiter, found)
    return _parse_measures(bare, name, delimiter, found)


def _parse_measures(bare: pa.ChunkedArray, name: str, delimiter: str, found: _Found) -> pa.ChunkedArray | None:
    """Integers or floats, if every cell that is not null is one with the same unit at the same side."""
    import pyarrow.compute as pc

    first = bare.drop_null()[0].as_py()
    for side, with_unit, units in _SIDES:
        # The first cell has the unit of all, or there is none.
        unit = next((unit for unit in units if re.search(with_unit((unit,), ".*?")[0], first)), None)
        if unit is not None and _all(bare, with_unit((unit,), ".*?")[0]):
            number = pc.replace_substring_regex(bare, *with_unit((unit,), ".*?"))
            values = _parse(number, name, delimiter, found)
            if values is not None:
                found.add(f"{unit!r} {side} numbers dropped", name)
            return values
    return None


def _before(units: Sequence[str], digits: str) -> tuple[str, str]:
    """The pattern of a number with one of several units before it, and what stands for the number alone."""
    return rf"^([+-]?)(?:{_any_of(units)}){_SPACE}([+-]?)(\.?[0-9]{digits})$", r"\1\2\3"


def _behind(units: Sequence[str], digits: str) -> tuple[str, str]:
    """The same with one of them behind it."""
    return rf"^([+-]?)(\.?[0-9]{digits}){_SPACE}(?:{_any_of(units)})$", r"\1\2"


def _any_of(words: Sequence[str]) -> str:
    return "|".join(map(re.escape, words))


#: where units stand, patterns of numbers that have them there, and which they are
_SIDES = (("before", _before, _CURRENCIES), ("behind", _behind, (*_CURRENCIES, *_MEASURES)))


def _text(
    column: pa.ChunkedArray, name: str, keeps_empty: bool, words_of_file: set[str], found: _Found
) -> pa.ChunkedArray:
    """The column as text, its null words decided."""
    import pyarrow as pa
    import pyarrow.compute as pc

    filled = column.drop_null()
    if len(filled) and _all(filled, r"^( .*)?$") and _any(filled, r"^ "):
        column = pc.utf8_ltrim(column, " ")
        found.add("spaces after the delimiter dropped", name)
    trimmed = pc.utf8_trim_whitespace(column)
    words = _words(trimmed)
    codes = "NA" in words and _all(pc.drop_null(_without_nulls(trimmed)), r"^[A-Z]{2}$")
    nulls = [word for word in words if word in STRONG_NULLS or (word in words_of_file and not (word == "NA" and codes))]
    for word in words:
        what = "read as null" if word in nulls else "kept as a value of text columns"
        found.add(f"{word!r} {what}", name)
    if _any(column, r"^\s+$"):
        nulls.append("")
        found.add("cells of nothing but spaces read as null", name)
    elif not keeps_empty and _any(column, r"^$"):
        nulls.append("")
        found.add("empty quoted cells read as null", name)
    if nulls:
        column = pc.if_else(pc.is_in(trimmed, value_set=pa.array(nulls)), pa.scalar(None, pa.string()), column)
    if _all_but_some_numbers(column):
        found.add("text because a few of its values are no numbers", name)
    elif len(filled) and _all(filled, r"^[+-]?[0-9.]*$") and _any(filled, _LEADING_ZERO):
        found.add("kept as text for its leading zeros", name)
    return column


def _all_but_some_numbers(column: pa.ChunkedArray) -> bool:
    """Nine in ten of the first cells are numbers without leading zeros, and some are not."""
    import pyarrow.compute as pc

    head = column.slice(0, _HEAD).drop_null()
    share = pc.mean(pc.match_substring_regex(head, _FLOAT)).as_py() if len(head) > 9 else 0
    return 0.9 <= share < 1 and not _any(head, _LEADING_ZERO)


def _without_nulls(trimmed: pa.ChunkedArray) -> pa.ChunkedArray:
    """Every null word and empty cell as null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    words = pa.array(["", *STRONG_NULLS, *WEAK_NULLS])
    return pc.if_else(pc.is_in(trimmed, value_set=words), pa.scalar(None, pa.string()), trimmed)


def _words(trimmed: pa.ChunkedArray) -> list[str]:
    """The null words that occur, the empty cell aside."""
    import pyarrow as pa
    import pyarrow.compute as pc

    words = pa.array([*STRONG_NULLS, *WEAK_NULLS])
    return sorted(pc.unique(trimmed.filter(pc.is_in(trimmed, value_set=words))).to_pylist())


def _tells_empty_from_null(table: pa.Table) -> bool:
    """Some cells are bare and some are quoted and empty: whoever wrote the file tells null from empty text."""
    import pyarrow.compute as pc

    bare = any(column.null_count for column in table.columns)
    return bare and any(pc.any(pc.equal(column, "")).as_py() for column in table.columns)


def _all(column: pa.ChunkedArray, pattern: str) -> bool:
    import pyarrow.compute as pc

    return bool(pc.all(pc.match_substring_regex(column, pattern)).as_py())


def _any(column: pa.ChunkedArray, pattern: str) -> bool:
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring_regex(column, pattern)).as_py())


def _listed(columns: list[str], most: int = 5) -> str:
    more = f" and {len(columns) - most} more" if len(columns) > most else ""
    return ", ".join(columns[:most]) + more
