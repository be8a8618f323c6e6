r"""Patterns of identifiers: a small part of regular expressions that can be learnt, counted and drawn from.

A pattern is a sequence of pieces, each a literal text or a set of characters with a number of repetitions:
``P\d{6}``, ``[A-Z]{2}-\d{1,4}``, ``ID_[0-9]{4}``.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from synthdata.errors import SchemaError

#: a text shared by at least this many identifiers may stand in a pattern; a rarer one could be somebody's value
SHARED = 20
#: repetitions where a pattern says ``+`` or ``*``
OPEN_END = 8
SETS = {r"\d": string.digits, r"\w": string.ascii_letters + string.digits + "_"}
NAMED = (
    (string.digits, r"\d"),
    (string.ascii_uppercase, "[A-Z]"),
    (string.ascii_lowercase, "[a-z]"),
    (string.digits + "abcdef", "[0-9a-f]"),
    (string.digits + "ABCDEF", "[0-9A-F]"),
    (string.digits + string.ascii_uppercase, "[0-9A-Z]"),
    (string.digits + string.ascii_lowercase, "[0-9a-z]"),
    (string.ascii_letters, "[A-Za-z]"),
    (string.digits + string.ascii_letters, "[0-9A-Za-z]"),
)
PIECE = re.compile(
    r"(?P<set>\[(?:\\.|[^\]\\])+\]|\\[dw])|\\(?P<escaped>[^A-Za-z0-9])|(?P<literal>[^\\\[\](){}|?*+.^$])", re.DOTALL
)
REPEAT = re.compile(r"\{(\d{1,3})(?:,(\d{1,3}))?\}|([?*+])")


@dataclass(frozen=True)
class Piece:
    """Some characters, each drawn from ``letters``, ``low`` to ``high`` of them."""

    letters: str
    low: int = 1
    high: int = 1

    @property
    def capacity(self) -> int:
        """How many different texts the piece can be."""
        return sum(len(self.letters) ** length for length in range(self.low, self.high + 1))


def parse_pattern(text: str) -> tuple[Piece, ...]:
    r"""Read a pattern.

    >>> [(piece.letters, piece.low, piece.high) for piece in parse_pattern(r"P\d{3}")]
    [('P', 1, 1), ('0123456789', 3, 3)]

    Raises:
        SchemaError: it uses more of regular expressions than literals, character sets and repetitions.
    """
    refused = SchemaError(
        f"The pattern {text!r} cannot be drawn from.",
        r"Use literal text, \d, \w, sets such as [A-Z] and repetitions such as {6} or {2,5}.",
    )
    pieces: list[Piece] = []
    position = 0
    while position < len(text):
        found = PIECE.match(text, position)
        if found is None:
            raise refused
        position = found.end()
        letters = _letters(found["set"]) if found["set"] else (found["escaped"] or found["literal"])
        low = high = 1
        repeat = REPEAT.match(text, position)
        if repeat:
            position = repeat.end()
            low, high = {"?": (0, 1), "*": (0, OPEN_END), "+": (1, OPEN_END)}.get(repeat[3] or "", (0, 0))
            if repeat[1]:
                low, high = int(repeat[1]), int(repeat[2] or repeat[1])
        if not letters or high < low:
            raise refused
        pieces.append(Piece(letters, low, high))
    if not pieces:
        raise refused
    return tuple(pieces)


def _letters(text: str) -> str:
    """The characters of a set such as ``[A-Z_]``; nothing where it is not understood."""
    if text in SETS:
        return SETS[text]
    inside, letters, position = text[1:-1], "", 0
    if inside.startswith("^"):
        return ""
    while position < len(inside):
        if inside[position] == "\\":
            pair = inside[position : position + 2]
            if pair not in SETS and pair[1].isalnum():
                return ""
            letters += SETS.get(pair, pair[1])
            position += 2
        elif inside[position + 1 : position + 2] == "-" and position + 2 < len(inside):
            first, last = ord(inside[position]), ord(inside[position + 2])
            if last < first or last - first > 1000:
                return ""
            letters += "".join(map(chr, range(first, last + 1)))
            position += 3
        else:
            letters += inside[position]
            position += 1
    return "".join(dict.fromkeys(letters))


def capacity(pieces: Sequence[Piece]) -> int:
    """How many different texts a pattern can make (an upper limit where its pieces overlap)."""
    total = 1
    for piece in pieces:
        total *= piece.capacity
    return total


def draw(pieces: Sequence[Piece], n: int, generator: np.random.Generator) -> np.ndarray:
    """``n`` independent texts of a pattern, (n,) object."""
    made = np.full(n, "", dtype=object)
    for piece in pieces:
        letters = np.array(list(piece.letters))
        if piece.low == piece.high == 1 and len(letters) == 1:
            made = made + piece.letters
            continue
        block = letters[generator.integers(0, len(letters), (n, piece.high))]
        texts = np.ascontiguousarray(block).view(f"<U{piece.high}").reshape(n) if piece.high else np.full(n, "")
        lengths = generator.integers(piece.low, piece.high + 1, n)
        cut = texts.astype(object)
        if piece.low < piece.high:
            cut = np.array([text[:length] for text, length in zip(cut, lengths, strict=True)], dtype=object)
        made = made + cut
    return made


def spread(pieces: Sequence[Piece], ranks: np.ndarray) -> np.ndarray:
    """The texts (n,) with some ranks (n,) in the order of all texts that a pattern can make.

    >>> spread(parse_pattern("P[0-9]"), np.array([0, 7])).tolist()
    ['P0', 'P7']
    """
    made = np.full(len(ranks), "", dtype=object)
    rest = ranks.astype(np.int64)
    for piece in reversed(pieces):
        rest, place = np.divmod(rest, piece.capacity)
        known = {rank: _text_of_rank(piece, rank) for rank in set(place.tolist())}
        made = np.array([known[rank] for rank in place.tolist()], dtype=object) + made
    return made


def _text_of_rank(piece: Piece, rank: int) -> str:
    base, length = len(piece.letters), piece.low
    while rank >= base**length:
        rank -= base**length
        length += 1
    letters = []
    for _ in range(length):
        rank, place = divmod(rank, base)
        letters.append(piece.letters[place])
    return "".join(reversed(letters))


def learn_pattern(values: Sequence[str]) -> str | None:
    r"""The pattern that identifiers share, None where they share none; verified on all of them.

    A literal text is kept only where `SHARED` values have it, or where it is punctuation.

    >>> learn_pattern([f"P-{number:04d}" for number in range(100)])
    'P-00\\d{2}'
    """
    if not len(values):
        return None
    lengths = {len(value) for value in values}
    if not lengths or max(lengths) > 64 or 0 in lengths:
        return None
    found = _same_length(values, lengths.pop()) if len(lengths) == 1 else _runs(values)
    if found is None:
        return None
    compiled = re.compile(found)
    return found if all(compiled.fullmatch(value) for value in values) else None


def _same_length(values: Sequence[str], length: int) -> str | None:
    grid = np.array(list(values), dtype=f"<U{length}").view(np.uint32).reshape(len(values), length)
    names: list[str] = []
    for column in grid.T:
        letters = {chr(code) for code in np.unique(column)}
        name = _name(letters, len(values))
        if name is None:
            return None
        names.append(name)
    return "".join(_repeated(name, len(list(run))) for name, run in groupby(names))


def _name(letters: set[str], n: int) -> str | None:
    """The name of the set that holds some letters: a literal where there is one that many values share."""
    if len(letters) == 1:
        letter = next(iter(letters))
        if not letter.isalnum() or n >= SHARED:
            return re.escape(letter) if letter not in "-_ :/#@" else letter
    return next((name for known, name in NAMED if letters <= set(known)), None)


def _repeated(name: str, low: int, high: int | None = None) -> str:
    high = low if high is None else high
    if low == high and len(name.lstrip("\\")) == 1 and name != r"\d":
        return name * low
    return name if low == high == 1 else f"{name}{{{low}}}" if low == high else f"{name}{{{low},{high}}}"


RUN = re.compile(r"[A-Z]+|[a-z]+|\d+|[^A-Za-z0-9]")


def _runs(values: Sequence[str]) -> str | None:
    """A pattern of values of different lengths, the same sequence of runs of letters, digits or punctuation each."""
    sample = list(values[:: max(1, len(values) // 5000)])
    split = [RUN.findall(value) for value in sample]
    if len({len(parts) for parts in split}) == 1:
        pieces = []
        for parts in zip(*split, strict=True):
            if len(set(parts)) == 1 and (len(values) >= SHARED or not parts[0].isalnum()):
                pieces.append("".join(str(_name({letter}, SHARED)) for letter in parts[0]))
                continue
            name = _name(set("".join(parts)), 0)
            if name is None:
                return None
            sizes = [len(part) for part in parts]
            if name == r"\d" and min(sizes) < max(sizes) and not any(part.startswith("0") for part in parts):
                pieces.append("[1-9]" + _repeated(name, min(sizes) - 1, max(sizes) - 1))
                continue
            pieces.append(_repeated(name, min(sizes), max(sizes)))
        return "".join(pieces)
    name = _name(set("".join(sample)), 0)
    sizes = [len(value) for value in values]
    return None if name is None else _repeated(name, min(sizes), max(sizes))
