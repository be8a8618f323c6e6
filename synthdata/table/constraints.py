"""Rules between columns that every row keeps: parsed from the schema, checked on any table.

A rule is written in ``schema.json`` as one of

    {"type": "inequality", "low": "admitted", "high": "discharged", "strict": false}
    {"type": "range", "column": "age", "minimum": 0, "maximum": 120}

A null breaks no rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthdata.errors import SchemaError, did_you_mean
from synthdata.table.declared import plain_bound
from synthdata.table.schema import Column, Schema
from synthdata.table.storage import Cells, resolution, to_cells
from synthdata.table.stored_moments import PER_SECOND
from synthdata.table.table import Table


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

    def broken(self, low: Cells, high: Cells) -> np.ndarray:
        """Which rows (n,) break the rule."""
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

    def broken(self, cells: Cells) -> np.ndarray:
        """Which rows (n,) break the rule."""
        wrong = np.zeros(len(cells), dtype=bool)
        if self.minimum is not None:
            wrong |= cells.values < self.minimum
        if self.maximum is not None:
            wrong |= cells.values > self.maximum
        return wrong & ~cells.missing


Rule = Inequality | Range
KEYS = {"inequality": ("low", "high", "strict"), "range": ("column", "minimum", "maximum")}


def parse_rules(schema: Schema) -> tuple[Rule, ...]:
    """The rules of a schema, typed.

    >>> schema = Schema(
    ...     columns=(Column(name="a", kind="numerical"), Column(name="b", kind="numerical")),
    ...     rules=({"type": "inequality", "low": "a", "high": "b"},),
    ... )
    >>> str(parse_rules(schema)[0])
    "'a' <= 'b'"

    Raises:
        SchemaError: an unknown type, key or column, or columns that cannot be compared.
    """
    return tuple(_parse(rule, schema, f"Rule {number}") for number, rule in enumerate(schema.rules, 1))


def _parse(rule: Mapping[str, Any], schema: Schema, where: str) -> Rule:
    kind = rule.get("type")
    if not isinstance(kind, str) or kind not in KEYS:
        raise SchemaError(f"{where}: there is no rule of type {kind!r}.", did_you_mean(str(kind), KEYS))
    for key in rule:
        if key != "type" and key not in KEYS[kind]:
            raise SchemaError(f"{where} ({kind}): unknown key {key!r}.", did_you_mean(str(key), KEYS[kind]))
    if kind == "range":
        column = _column(rule, "column", schema, where)
        minimum, maximum = (
            None if rule.get(key) is None else plain_bound(column, rule[key]) for key in ("minimum", "maximum")
        )
        if minimum is None and maximum is None:
            raise SchemaError(
                f"{where} (range): neither 'minimum' nor 'maximum' is given.", "Give one of them or both."
            )
        if minimum is not None and maximum is not None and minimum > maximum:
            raise SchemaError(
                f"{where} (range): the minimum is above the maximum, so no row can keep it.", "Swap the two."
            )
        return Range(column, minimum, maximum)
    low, high = _column(rule, "low", schema, where), _column(rule, "high", schema, where)
    if low.kind != high.kind or bool(low.timezone) != bool(high.timezone):
        raise SchemaError(
            f"{where} (inequality): {low.name!r} ({_sort(low)}) and {high.name!r} ({_sort(high)}) cannot be compared.",
            "Both must be numbers, both dates (with or without a time zone), or both durations.",
        )
    if low.name == high.name:
        raise SchemaError(f"{where} (inequality): {low.name!r} is compared with itself.", "Name another column.")
    if not isinstance(rule.get("strict", False), bool):
        raise SchemaError(f"{where} (inequality): 'strict' must be true or false.")
    return Inequality(low, high, rule.get("strict", False))


def _sort(column: Column) -> str:
    return f"{column.kind} in {column.timezone}" if column.timezone else column.kind


def _column(rule: Mapping[str, Any], key: str, schema: Schema, where: str) -> Column:
    name = rule.get(key)
    if not isinstance(name, str):
        raise SchemaError(f"{where} ({rule['type']}): {key!r} must be the name of a column.")
    if name not in schema:
        raise SchemaError(f"{where} ({rule['type']}): there is no column {name!r}.", did_you_mean(name, schema.names))
    column = schema[name]
    if column.drop or not column.continuous:
        state = "left out" if column.drop else "made up afresh" if column.generated else column.kind
        raise SchemaError(
            f"{where} ({rule['type']}): column {name!r} is {state}.",
            "Rules compare columns of numbers, dates or durations; give it such a kind, or remove the rule.",
        )
    return column


def _common_ticks(low: Cells, first: Column, high: Cells, second: Column) -> tuple[np.ndarray, np.ndarray]:
    """Two columns' values on one scale: dates of different resolutions in microseconds."""
    if first.kind == "numerical" or resolution(first) == resolution(second):
        return low.values, high.values

    def micro(cells: Cells, column: Column) -> np.ndarray:
        ticks = np.where(cells.missing, 0, cells.values)
        unit = PER_SECOND[resolution(column)]
        return ticks // 1000 if unit > 10**6 else ticks * (10**6 // unit)

    return micro(low, first), micro(high, second)


def violations(data: Table | pd.DataFrame, rule: Rule) -> np.ndarray:
    """Which rows break a rule, (n,) bool; rows with a null in it never do.

    >>> column = Column(name="age", kind="numerical", dtype="float64")
    >>> violations(pd.DataFrame({"age": [30.0, 150.0, None]}), Range(column, 0, 120)).tolist()
    [False, True, False]
    """
    if isinstance(data, Table):
        return rule.broken(*(data.cells(column.name) for column in rule.columns))
    return rule.broken(*(to_cells(data[column.name], column) for column in rule.columns))


def check_rules(table: Table) -> None:
    """Check that the real table keeps the rules of its own schema.

    Raises:
        SchemaError: a rule that some rows break, with their number and the first of them.
    """
    for number, rule in enumerate(parse_rules(table.schema), 1):
        rows = np.flatnonzero(violations(table, rule))
        if len(rows):
            raise SchemaError(
                f"Rule {number} ({rule}) is broken by {len(rows)} of {len(table)} rows (first data row {rows[0] + 1}).",
                "Mend those rows, or loosen or remove the rule in the schema.",
            )
