"""The kinds of rules: what each says of a row, or of a row beside the others; a null breaks none of them.

``broken(*cells)`` takes the cells of `Rule.columns` and says which rows (n,) break the rule. ``reference`` holds the
cells of a table that is known to keep it: what that table holds is what is allowed where the schema does not say.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthdata.errors import SchemaError, did_you_mean
from synthdata.table.dtypes import as_objects
from synthdata.table.expressions import Expression, microseconds
from synthdata.table.schema import Column
from synthdata.table.storage import Cells, resolution

#: relative rounding error that a sum of floats may have
ROUNDING = 1e-9


@dataclass(frozen=True)
class Inequality:
    """In every row ``low`` is at most ``high``, or less than it where ``strict``."""

    low: Column
    high: Column
    strict: bool = False

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns the rule speaks of."""
        return (self.low, self.high)

    def __str__(self) -> str:
        return f"{self.low.name!r} {'<' if self.strict else '<='} {self.high.name!r}"

    def broken(self, *cells: Cells, reference: Sequence[Cells] | None = None) -> np.ndarray:
        """Which rows (n,) break the rule."""
        low, high = cells
        left, right = _common_ticks(low, self.low, high, self.high)
        wrong = left >= right if self.strict else left > right
        return np.asarray(wrong & ~low.missing & ~high.missing, dtype=bool)


@dataclass(frozen=True)
class Range:
    """In every row ``column`` lies between ``minimum`` and ``maximum``, both included; None is no limit.

    Limits are in the column's plain units (ticks for dates).
    """

    column: Column
    minimum: int | float | None = None
    maximum: int | float | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns the rule speaks of."""
        return (self.column,)

    def __str__(self) -> str:
        limits = [
            text
            for limit, text in ((self.minimum, "at least its minimum"), (self.maximum, "at most its maximum"))
            if limit is not None
        ]
        return f"{self.column.name!r} {' and '.join(limits)}"

    def broken(self, *cells: Cells, reference: Sequence[Cells] | None = None) -> np.ndarray:
        """Which rows (n,) break the rule."""
        (found,) = cells
        wrong = np.zeros(len(found), dtype=bool)
        if self.minimum is not None:
            wrong |= found.values < self.minimum
        if self.maximum is not None:
            wrong |= found.values > self.maximum
        return wrong & ~found.missing


@dataclass(frozen=True)
class Total:
    """In every row the ``parts`` add up to ``total``, give or take ``tolerance`` (and the rounding of floats)."""

    parts: tuple[Column, ...]
    total: Column
    tolerance: float = 0.0

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns the rule speaks of: the parts, then the total."""
        return (*self.parts, self.total)

    def __str__(self) -> str:
        return f"{' + '.join(repr(part.name) for part in self.parts)} = {self.total.name!r}"

    def broken(self, *cells: Cells, reference: Sequence[Cells] | None = None) -> np.ndarray:
        """Which rows (n,) break the rule."""
        missing = np.logical_or.reduce([found.missing for found in cells])
        if all(found.values.dtype.kind in "iu" for found in cells):
            exact = [np.where(missing, 0, found.values).astype(object) for found in cells]
            off = abs(sum(exact[:-1]) - exact[-1])
            return np.asarray((off > self.tolerance) & ~missing, dtype=bool)
        numbers = [np.where(missing, 0.0, found.values.astype(np.float64)) for found in cells]
        size = np.sum(np.abs(numbers), axis=0)
        off = np.abs(np.sum(numbers[:-1], axis=0) - numbers[-1])
        return np.asarray((off > self.tolerance + ROUNDING * size) & ~missing, dtype=bool)


@dataclass(frozen=True)
class Combination:
    """In every row the ``on`` columns hold values that belong together: ``allowed`` ones, or those of the table."""

    on: tuple[Column, ...]
    allowed: tuple[tuple[Any, ...], ...] | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns the rule speaks of."""
        return self.on

    def __str__(self) -> str:
        return f"{' with '.join(repr(column.name) for column in self.on)} only in fixed combinations"

    def broken(self, *cells: Cells, reference: Sequence[Cells] | None = None) -> np.ndarray:
        """Which rows (n,) hold a combination that is not allowed; without a list or a reference, none can be told."""
        if self.allowed is None and reference is None:
            return np.zeros(len(cells[0]), dtype=bool)
        known = set(self.allowed) if self.allowed is not None else set(rows_of(reference or ()))
        wrong = [row not in known for row in rows_of(cells)]
        return np.array(wrong, dtype=bool) & ~np.logical_or.reduce([found.missing for found in cells])


@dataclass(frozen=True)
class Dependence:
    """Rows that agree in the ``on`` columns agree in ``column``: a country follows from its city."""

    on: tuple[Column, ...]
    column: Column

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns the rule speaks of: what determines, then what follows."""
        return (*self.on, self.column)

    def __str__(self) -> str:
        return f"{self.column.name!r} follows from {' and '.join(repr(column.name) for column in self.on)}"

    def broken(self, *cells: Cells, reference: Sequence[Cells] | None = None) -> np.ndarray:
        """Which rows (n,) disagree with the reference's, or with an earlier row alike in the ``on`` columns."""
        known: dict[tuple[Any, ...], Any] = {}
        for *on, value in () if reference is None else rows_of(reference):
            if None not in on and value is not None:
                known.setdefault(tuple(on), value)
        wrong = np.zeros(len(cells[0]), dtype=bool)
        for row, (*on, value) in enumerate(rows_of(cells)):
            if None not in on and value is not None:
                wrong[row] = known.setdefault(tuple(on), value) != value
        return wrong


@dataclass(frozen=True)
class Unique:
    """No two rows hold the same values in the ``on`` columns."""

    on: tuple[Column, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns the rule speaks of."""
        return self.on

    def __str__(self) -> str:
        return f"{' with '.join(repr(column.name) for column in self.on)} only once"

    def broken(self, *cells: Cells, reference: Sequence[Cells] | None = None) -> np.ndarray:
        """Which rows (n,) repeat an earlier one."""
        frame = pd.DataFrame({str(j): found.values for j, found in enumerate(cells)})
        missing = np.logical_or.reduce([found.missing for found in cells])
        wrong = np.zeros(len(frame), dtype=bool)
        wrong[~missing] = frame[~missing].duplicated().to_numpy()
        return wrong


@dataclass(frozen=True)
class Condition:
    """In every row the expression is true, or unknown because of a null."""

    expression: Expression
    #: the expression in the user's own words, such as an implication's two halves
    words: str = ""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns the rule speaks of."""
        return self.expression.columns

    def __str__(self) -> str:
        return self.words or str(self.expression)

    @property
    def asks_for_nulls(self) -> bool:
        """Whether the expression itself asks what is null, so that filling a null may mend a row that breaks it."""
        return any(isinstance(node, ast.Is | ast.IsNot) for node in ast.walk(self.expression.tree))

    def broken(self, *cells: Cells, reference: Sequence[Cells] | None = None) -> np.ndarray:
        """Which rows (n,) break the rule."""
        true, unknown = self.expression.truth(*cells)
        return ~true & ~unknown


@dataclass(frozen=True)
class Custom:
    """In every row a function that somebody registered under ``name`` says yes."""

    name: str
    on: tuple[Column, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns the rule speaks of."""
        return self.on

    def __str__(self) -> str:
        return f"the custom rule {self.name!r}"

    def broken(self, *cells: Cells, reference: Sequence[Cells] | None = None) -> np.ndarray:
        """Which rows (n,) break the rule; the function sees those without a null alone.

        Raises:
            SchemaError: the function is not registered here, fails, or answers with something else than truth values.
        """
        if self.name not in _CUSTOM:
            raise SchemaError(
                f"The custom rule {self.name!r} is not registered in this program.",
                f"Call synthdata.register_rule({self.name!r}, function) first; a schema names functions, and never "
                "holds their code.",
            )
        whole = np.flatnonzero(~np.logical_or.reduce([found.missing for found in cells]))
        wrong = np.zeros(len(cells[0]), dtype=bool)
        if len(whole):
            wrong[whole] = ~self._kept([found.take(whole) for found in cells])
        return wrong

    def _kept(self, cells: Sequence[Cells]) -> np.ndarray:
        """What the function says of rows (m,)."""
        frame = pd.DataFrame({column.name: _plain(found, column) for column, found in zip(self.on, cells, strict=True)})
        try:
            kept = np.asarray(_CUSTOM[self.name](frame))
        except Exception as error:  # noqa: BLE001
            # The function's own message may quote a cell.
            raise SchemaError(
                f"The custom rule {self.name!r} failed with {type(error).__name__}.", "Mend the function."
            ) from None
        if kept.shape != (len(frame),) or kept.dtype != bool:
            raise SchemaError(
                f"The custom rule {self.name!r} gave no truth value for each row.",
                "It takes a DataFrame and returns an array of bool, True for each row that keeps the rule.",
            )
        return kept


Rule = Inequality | Range | Total | Combination | Dependence | Unique | Condition | Custom

_CUSTOM: dict[str, Callable[[pd.DataFrame], Any]] = {}


def register_rule(name: str, function: Callable[[pd.DataFrame], Any]) -> None:
    """Give a function a name under which rules of the type ``custom`` can call it, in this program.

    ``function`` takes a DataFrame of the rule's columns (n, d), numbers as numbers, dates as `datetime64`, and returns
    (n,) truth values: True where a row keeps the rule. Rows with a null break no rule, so it is not given any.

    >>> register_rule("even", lambda rows: rows["age"] % 2 == 0)

    Raises:
        SchemaError: the name is no text, or what it shall stand for cannot be called.
    """
    if not name or not callable(function):
        raise SchemaError("A custom rule has a name and a function.", 'Such as register_rule("even", is_even).')
    _CUSTOM[name] = function


def known_custom(name: str) -> str:
    """The advice for a custom rule's name that is not registered."""
    return did_you_mean(name, _CUSTOM) if _CUSTOM else "Call synthdata.register_rule(name, function) first."


def rows_of(cells: Sequence[Cells]) -> list[tuple[Any, ...]]:
    """The cells of some columns row by row, as tuples of plain values, None for nulls."""
    columns = [as_objects(found.values.tolist(), found.missing) for found in cells]
    return list(zip(*columns, strict=True))


def _plain(cells: Cells, column: Column) -> Any:
    """A column (n,) without nulls as a custom rule sees it."""
    if column.kind in ("datetime", "timedelta"):
        return microseconds(cells, column).view("M8[us]" if column.kind == "datetime" else "m8[us]")
    return cells.values


def _common_ticks(low: Cells, first: Column, high: Cells, second: Column) -> tuple[np.ndarray, np.ndarray]:
    """Two columns' values on one scale: dates of different resolutions in microseconds."""
    if first.kind == "numerical" or resolution(first) == resolution(second):
        return low.values, high.values
    return microseconds(low, first), microseconds(high, second)
