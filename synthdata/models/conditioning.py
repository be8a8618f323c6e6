"""Conditions on columns: values, sets, ranges and nulls, as text or as a mapping."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from synthdata.encoders.base import AllowedCells, Encoded
from synthdata.errors import InfeasibleError, SchemaError, did_you_mean
from synthdata.table.declared import plain_bound
from synthdata.table.measured_range import split_ends
from synthdata.table.schema import Column, Schema
from synthdata.table.storage import Cells, integral, to_cells

if TYPE_CHECKING:
    from synthdata.encoders.table_encoder import TableEncoder


@dataclass(frozen=True)
class Condition:
    """What one column's cells must be: one of ``values``, or within ``low`` … ``high``; null only if ``null``.

    Bounds and values are in plain form: numbers, ticks for dates, or the categories themselves.
    """

    column: Column
    values: tuple[Any, ...] | None = None
    low: float = -math.inf
    high: float = math.inf
    null: bool = False
    text: str = ""

    def matches(self, series: pd.Series) -> np.ndarray:
        """Which cells (n,) of a stored column meet the condition."""
        return self.meets(to_cells(series, self.column))

    def meets(self, cells: Cells) -> np.ndarray:
        """Which plain cells (n,) meet the condition."""
        if self.null:
            return cells.missing
        if self.values is not None:
            wanted = set(self.values)
            good = np.fromiter((value in wanted for value in cells.values.tolist()), dtype=bool, count=len(cells))
        else:
            values = np.where(cells.missing, 0, cells.values)
            good = np.asarray((values >= self.low) & (values <= self.high), dtype=bool)
        return good & ~cells.missing


@dataclass(frozen=True)
class Conditions:
    """Conditions that must hold together."""

    conditions: tuple[Condition, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.conditions)

    def describe(self) -> str:
        """The conditions as a person wrote them."""
        return "; ".join(condition.text for condition in self.conditions)

    def matches(self, frame: pd.DataFrame) -> np.ndarray:
        """Which rows (n,) of a frame meet all conditions."""
        good = np.ones(len(frame), dtype=bool)
        for condition in self.conditions:
            good &= condition.matches(frame[condition.column.name])
        return good

    def settle(self, frame: pd.DataFrame, encoded: Encoded, encoder: TableEncoder) -> pd.DataFrame:
        """Write the number asked for where a row was drawn at exactly that point, which rounding has moved a little."""
        for condition in self.conditions:
            if condition.values is None or len(condition.values) != 1 or condition.column.kind != "numerical":
                continue
            name = condition.column.name
            if encoder.learnt_otherwise(name):
                continue
            position = encoder.position(name)
            cells = encoder.allowed(name, condition.values)
            if encoded.slots[position].continuous and cells.codes[0] and cells.low == cells.high:
                at = encoded.codes[:, position] == 0
                frame.loc[at, name] = condition.values[0]
        return frame

    def allowed(self, encoder: TableEncoder) -> dict[int, AllowedCells]:
        """The conditions in encoded form, by slot position; those that no slot can tell of are left to `matches`.

        Raises:
            InfeasibleError: no cell that the model knows can meet a condition.
        """
        out: dict[int, AllowedCells] = {}
        for condition in self.conditions:
            name = condition.column.name
            if encoder.learnt_otherwise(name):
                implied = encoder.implied(name, condition.meets)
                if implied is None:
                    continue
                position, cells = implied
            else:
                position = encoder.position(name)
                cells = encoder.allowed(name, condition.values, condition.low, condition.high, condition.null)
            if position in out:
                codes = out[position].codes & cells.codes
                low, high = max(out[position].low, cells.low), min(out[position].high, cells.high)
                if low > high and encoder.slots[position].continuous:
                    codes[0] = False
                cells = AllowedCells(codes, low, high) if low <= high else AllowedCells(codes)
            if not cells.codes.any():
                texts = "; ".join(other.text for other in self.conditions if other.column == condition.column)
                raise InfeasibleError(
                    f"No row can meet {texts!r}: the model has not learnt such a value.",
                    "Rare values are left out of a model; choose a commoner value or a wider range.",
                )
            out[position] = cells
        return out


OPERATORS = re.compile(r"^\s*(?P<name>.+?)\s*(?P<operator><=|>=|!=|==|=|<|>|\bin\b|\bis\b)\s*(?P<value>.*)$", re.DOTALL)


def parse_conditions(given: str | Mapping[str, Any] | Conditions | None, schema: Schema) -> Conditions:
    """Read conditions.

    As text, parts are joined by ``;``: ``age>=30; sex=F; city in {Rome, Oslo}; income is null``. As a mapping: a
    value, a set or list of values, a ``(low, high)`` tuple for a range (None for an open end), or None for a null.

    >>> from synthdata.table.schema import Column, Schema
    >>> schema = Schema(columns=(Column(name="age", kind="numerical", dtype="int64"),))
    >>> parse_conditions("age>=30; age<40", schema).describe()
    'age>=30; age<40'

    Raises:
        SchemaError: an unknown column, or a condition that cannot be read.
    """
    if given is None:
        return Conditions()
    if isinstance(given, Conditions):
        return given
    if isinstance(given, str):
        return Conditions(tuple(_from_text(part, schema) for part in given.split(";") if part.strip()))
    return Conditions(tuple(_from_value(name, value, schema) for name, value in given.items()))


def _column(name: str, schema: Schema, text: str) -> Column:
    if name not in schema:
        raise SchemaError(
            f"The condition {text!r} names the column {name!r}, which is not there.", did_you_mean(name, schema.names)
        )
    column = schema[name]
    if column.generated or column.drop or column.kind == "text":
        raise SchemaError(
            f"The column {name!r} is not modelled ({column.pii or column.kind}), so no condition can be put on it."
        )
    return column


def _from_text(text: str, schema: Schema) -> Condition:
    text = text.strip()
    found = OPERATORS.match(text)
    # A column's name may itself contain an operator's sign: the longest known name at the start wins.
    for name in sorted(schema.names, key=len, reverse=True):
        if text.startswith(name):
            rest = OPERATORS.match("x" + text[len(name) :])
            if rest and rest["name"].strip() == "x":
                return _build(_column(name, schema, text), rest["operator"], rest["value"].strip(), text)
    if not found:
        raise SchemaError(
            f"The condition {text!r} cannot be read.",
            "Write it as: age>=30; sex=F; city in {Rome, Oslo}; income is null.",
        )
    return _build(_column(found["name"], schema, text), found["operator"], found["value"].strip(), text)


def _build(column: Column, operator: str, value: str, text: str) -> Condition:
    if operator == "is" or (operator in ("=", "==") and value.lower() == "null"):
        if value.lower() != "null":
            raise SchemaError(f"The condition {text!r} cannot be read.", "After 'is' only 'null' may stand.")
        return Condition(column, null=True, text=text)
    if operator == "in":
        items = tuple(_plain(item.strip(), column, text) for item in value.strip("{}[]()").split(","))
        return Condition(column, values=items, text=text)
    if operator in ("=", "=="):
        return Condition(column, values=(_plain(value, column, text),), text=text)
    if operator == "!=":
        raise SchemaError(
            f"The condition {text!r} uses '!=', which is not known.", "List the values wanted: column in {a, b}."
        )
    if not column.continuous:
        raise SchemaError(
            f"The condition {text!r} asks for an order, but {column.name!r} is {column.kind}.", "Use '=' or 'in'."
        )
    bound = _plain(value, column, text)
    below, above = (
        (bound - 1, bound + 1) if isinstance(bound, int) else np.nextafter(bound, [-math.inf, math.inf]).tolist()
    )
    ranges = {">=": (bound, math.inf), ">": (above, math.inf), "<=": (-math.inf, bound), "<": (-math.inf, below)}
    low, high = ranges[operator]
    return Condition(column, low=low, high=high, text=text)


def _from_value(name: str, value: Any, schema: Schema) -> Condition:
    column = _column(name, schema, str(name))
    if isinstance(value, np.generic):
        value = value.item()
    text = f"{name} = {value!r}"
    if value is None:
        return Condition(column, null=True, text=text)
    if isinstance(value, tuple) and column.continuous and len(value) == 2:
        low = -math.inf if value[0] is None else _plain(value[0], column, text)
        high = math.inf if value[1] is None else _plain(value[1], column, text)
        return Condition(column, low=low, high=high, text=text)
    items = value if isinstance(value, set | frozenset | list | tuple) else (value,)
    return Condition(column, values=tuple(_plain(item, column, text) for item in items), text=text)


def _plain(value: Any, column: Column, text: str) -> Any:
    """A condition's value in the plain form of its column."""
    if not column.continuous:
        return _category(value, column)
    if column.kind != "numerical":
        # A date that is stored as a number, such as 970117, is one with a fraction where the column has nulls.
        whole = isinstance(value, float) and value.is_integer()
        return plain_bound(column, str(int(value) if whole else value))
    if isinstance(value, str):
        value = split_ends(column.format)[0].numbers(column.decimals).get(value, value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise SchemaError(f"In the condition {text!r}, {value!r} is not a number.") from None
    if math.isnan(number):
        raise SchemaError(f"In the condition {text!r}, {value!r} is not a number.", "Write 'is null' for a null.")
    if integral(column):
        if isinstance(value, int | np.integer):
            return int(value)
        try:
            return int(str(value))
        except ValueError:
            return int(number) if number.is_integer() else number
    return float(np.float32(number)) if column.dtype.lower() == "float32" else number


def _category(value: Any, column: Column) -> Any:
    if not isinstance(value, str):
        return value
    if column.kind == "boolean" and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if column.dtype.lower().startswith(("int", "uint")):
        try:
            return int(value)
        except ValueError:
            return value
    if column.dtype.lower().startswith("float"):
        try:
            return float(value)
        except ValueError:
            return value
    return value
