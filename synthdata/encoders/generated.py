"""Columns that are made up afresh instead of modelled: keys, identifiers and personal data.

No real value is stored anywhere, so none is copied. A value drawn at random may still be somebody's by chance: a
five-digit account number is a real one sooner or later. Numbers from ranges that are never issued are used where there
are such ranges (example.com, social security numbers from 900 on, locally administered MAC addresses).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from synthdata.encoders.fakes import FAKES, Persons
from synthdata.errors import SchemaError
from synthdata.table.dtypes import integer_limits, is_float, is_integer
from synthdata.table.patterns import capacity, draw, parse_pattern, spread
from synthdata.table.schema import Column
from synthdata.table.schema_checks import UUID_PATTERN, check_generated

#: identifiers stored as text whose pattern is not known
DEFAULT_PATTERN = "[0-9A-Z]{8}"
#: how often duplicates are drawn again before they are numbered
ROUNDS = 20


def generate(column: Column, n: int, generator: np.random.Generator, *, locale: str = "en_US") -> np.ndarray:
    """Fresh values (n,), as objects, for a key, an identifier or personal data; all different where it is a key.

    >>> column = Column(name="patient", kind="id", format="P[0-9]{6}", role="key")
    >>> values = generate(column, 1000, np.random.default_rng(0))
    >>> values[0][0], len(set(values))
    ('P', 1000)

    Raises:
        SchemaError: the column's pattern, kind of personal data or locale is not known, or does not fit its storage.
    """
    return generate_columns([column], n, generator, locale=locale)[column.name]


def generate_columns(
    columns: Sequence[Column], n: int, generator: np.random.Generator, *, locale: str = "en_US"
) -> dict[str, np.ndarray]:
    """Fresh values (n,) for several columns by name; a row's name, e-mail and user name speak of one invented person.

    Raises:
        SchemaError: as `generate`.
    """
    persons = Persons(n, locale, generator)
    made = {}
    for column in columns:
        check_generated(column)
        values = _personal(column, n, generator, persons) if column.pii else _identifiers(column, n, generator)
        made[column.name] = _stored(values, column)
    return made


def _numeric(column: Column) -> bool:
    return is_integer(column.dtype) or is_float(column.dtype) or column.dtype in ("number", "decimal")


def _stored(values: np.ndarray, column: Column) -> np.ndarray:
    """Digits as whole numbers where the column stores numbers, within the limits of its dtype."""
    if not _numeric(column):
        return values
    numbers = [int(value) for value in values]
    if is_integer(column.dtype) and max(numbers, default=0) > integer_limits(column.dtype)[1]:
        high = integer_limits(column.dtype)[1]
        numbers = [number % high + 1 for number in numbers] if column.role != "key" else _counted(len(values), column)
    return np.array(numbers, dtype=object)


def _counted(n: int, column: Column) -> list[int]:
    if is_integer(column.dtype) and n > integer_limits(column.dtype)[1]:
        raise SchemaError(
            f"Column {column.name!r}: {n} different keys do not fit its dtype {column.dtype!r}.",
            "Declare a wider dtype.",
        )
    return list(range(1, n + 1))


def _identifiers(column: Column, n: int, generator: np.random.Generator) -> np.ndarray:
    if column.dtype == "uuid" or column.format == UUID_PATTERN:
        return _uuids(n, generator, as_text=column.dtype != "uuid")
    unique = column.role == "key"
    if column.format is None and _numeric(column):
        numbers = _counted(n, column) if unique else generator.integers(1, max(n, 1) + 1, n).tolist()
        return np.array(numbers, dtype=object)
    pieces = parse_pattern(column.format or DEFAULT_PATTERN)
    if not unique:
        return draw(pieces, n, generator)
    room = capacity(pieces)
    if n <= room < 4 * n:
        made = spread(pieces, generator.permutation(room)[:n])
        if len(set(made)) == n:
            return made
    while capacity(pieces) < 4 * n:
        pieces = _longer(pieces)
    return _all_different(lambda size, rows: draw(pieces, size, generator), n)


def _longer(pieces: Sequence[Any]) -> tuple[Any, ...]:
    """A pattern with room for more: its last varying piece, or else digits at its end, one character longer."""
    varying = [position for position, piece in enumerate(pieces) if len(piece.letters) > 1]
    if not varying:
        return (*pieces, parse_pattern("[0-9]")[0])
    last = varying[-1]
    longer = type(pieces[last])(pieces[last].letters, pieces[last].low, pieces[last].high + 1)
    return (*pieces[:last], longer, *pieces[last + 1 :])


def _uuids(n: int, generator: np.random.Generator, *, as_text: bool) -> np.ndarray:
    """Random UUIDs of version 4 (RFC 9562)."""
    block = generator.bytes(16 * n)
    made = [uuid.UUID(bytes=block[16 * i : 16 * i + 16], version=4) for i in range(n)]
    return np.array([str(one) for one in made] if as_text else made, dtype=object)


def _personal(column: Column, n: int, generator: np.random.Generator, persons: Persons) -> np.ndarray:
    make = FAKES[str(column.pii)]
    layout = column.format or ("[2-9][0-9]{9}" if _numeric(column) and column.pii == "phone" else None)

    def draw_rows(size: int, rows: np.ndarray) -> np.ndarray:
        return make(persons.part(rows), layout, generator)

    first = draw_rows(n, np.arange(n))
    return _all_different(draw_rows, n, first) if column.role == "key" else first


def _all_different(
    draw_rows: Callable[[int, np.ndarray], np.ndarray], n: int, first: np.ndarray | None = None
) -> np.ndarray:
    """Draw until all ``n`` values differ; what is the same after some rounds gets a number."""
    values = draw_rows(n, np.arange(n)) if first is None else first
    again = _repeated(values)
    for _ in range(ROUNDS):
        if not len(again):
            return values
        values[again] = draw_rows(len(again), again)
        again = _repeated(values)
    taken = set(values)
    for row in again:
        number = 2
        name, at, rest = str(values[row]).partition("@")
        while f"{name}{number}{at}{rest}" in taken:
            number += 1
        values[row] = f"{name}{number}{at}{rest}"
        taken.add(values[row])
    return values


def _repeated(values: np.ndarray) -> np.ndarray:
    """The rows whose value has occurred in an earlier row."""
    import pandas as pd

    return np.flatnonzero(pd.Series(values, dtype=object).duplicated().to_numpy())
