"""The text of conditions taken apart into names, operators and words; what they mean is `conditioning`'s.

    age>=30; city in {Rome, 'Paris, Texas'}; "a;b" is null

Single or double quotes around a whole name, value or item of a set hold what would end it; inside them the same quote
is written twice. A quote anywhere else (``O'Brien``, ``'s-Gravenhage``) is a letter like others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from synthdata.errors import SchemaError

_QUOTED = r"""('(?:[^']|'')*'|"(?:[^"]|"")*")"""
_OPERATOR = re.compile(r"\s*(<=|>=|!=|==|=|<|>|\bin\b|\bis\b)\s*")
_QUOTED_NAME = re.compile(_QUOTED + f"(?={_OPERATOR.pattern})")
_QUOTED_VALUE = re.compile(_QUOTED + r"\s*(?=;|\Z)")
_SPACE, _BETWEEN = re.compile(r"\s*"), re.compile(r"[\s;]*")
_CONDITION, _ITEM = re.compile(r"[^;]*"), re.compile(r"[^,;]*")
_CLOSING = {"{": "}", "[": "]", "(": ")"}


@dataclass(frozen=True)
class Word:
    """A value as it was typed, without the quotes around it."""

    text: str
    quoted: bool = False

    @property
    def null(self) -> bool:
        """Whether it stands for a null; in quotes it is the text ``null``."""
        return not self.quoted and self.text.lower() == "null"


@dataclass(frozen=True)
class WrittenCondition:
    """One condition as it was typed: a column's name, an operator, and one word, or several after ``in``."""

    name: str
    operator: str
    words: tuple[Word, ...]
    text: str


def written_conditions(text: str, names: Iterable[str]) -> Iterator[WrittenCondition]:
    """Take conditions joined by ``;`` apart; ``names`` are the columns there are.

    >>> [(found.name, found.words[0].text) for found in written_conditions("a=1; b='x;y'", "ab")]
    [('a', '1'), ('b', 'x;y')]

    Raises:
        SchemaError: a condition cannot be read.
    """
    longest_first = sorted(names, key=len, reverse=True)
    start = _end(_BETWEEN, text, 0)
    while start < len(text):
        name, at = _name(text, start, longest_first)
        operator = _OPERATOR.match(text, at)
        if operator is None:
            raise _unreadable(text, start)
        words, end = (_items if operator[1] == "in" else _value)(text, operator.end())
        yield WrittenCondition(name, operator[1], words, text[start:end].strip())
        start = _end(_BETWEEN, text, end)


def _name(text: str, start: int, longest_first: list[str]) -> tuple[str, int]:
    """The name that a condition begins with, and where it ends."""
    # A column's name may itself contain an operator's sign: the longest known name at the start wins.
    for name in longest_first:
        if text.startswith(name, start) and _OPERATOR.match(text, start + len(name)):
            return name, start + len(name)
    quoted = _QUOTED_NAME.match(text, start)
    if quoted:
        return _unquoted(quoted[1]), quoted.end(1)
    end = _end(_CONDITION, text, start)
    operator = _OPERATOR.search(text, start + 1, end)
    end = operator.start() if operator else end
    return text[start:end], end


def _value(text: str, start: int) -> tuple[tuple[Word, ...], int]:
    """The one word at ``start``, and where it ends."""
    quoted = _QUOTED_VALUE.match(text, start)
    if quoted:
        return (Word(_unquoted(quoted[1]), quoted=True),), quoted.end()
    end = _end(_CONDITION, text, start)
    return (Word(text[start:end].strip()),), end


def _items(text: str, start: int) -> tuple[tuple[Word, ...], int]:
    """The words of the set at ``start``, with or without brackets, and where it ends."""
    closing = _CLOSING.get(text[start : start + 1], "")
    close = re.compile(rf"{re.escape(closing)}?\s*" if closing else r"\s*")
    quoted_item = re.compile(rf"{_QUOTED}\s*(?=,|{close.pattern}(?:;|\Z))")
    words: list[Word] = []
    at = start + len(closing) - 1
    while not words or text[at : at + 1] == ",":
        at = _end(_SPACE, text, at + 1)
        quoted = quoted_item.match(text, at)
        end = quoted.end() if quoted else _end(_ITEM, text, at)
        words.append(Word(_unquoted(quoted[1]), quoted=True) if quoted else Word(text[at:end].strip()))
        at = end
    if not words[-1].quoted:
        words[-1] = Word(words[-1].text.removesuffix(closing).strip())
    return tuple(words), _end(close, text, at)


def _unquoted(quoted: str) -> str:
    return quoted[1:-1].replace(quoted[0] * 2, quoted[0])


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    """Where what a pattern matches at ``start`` ends; at ``start`` where it matches nothing."""
    found = pattern.match(text, start)
    return found.end() if found else start


def _unreadable(text: str, start: int) -> SchemaError:
    part = text[start : _end(_CONDITION, text, start)].strip()
    return SchemaError(
        f"The condition {part!r} cannot be read.",
        "Write it as: age>=30; sex=F; city in {Rome, Oslo}; income is null. "
        "A name or value that holds ';' or ',' stands in quotes.",
    )
