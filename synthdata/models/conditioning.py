"""Conditions on columns: values, sets, ranges and nulls, as text or as a mapping."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from synthdata.encoders.base import AllowedCells, Encoded
from synthdata.encoders.categorical import CategoricalEncoder
from synthdata.encoders.rule_steps import Gap
from synthdata.errors import InfeasibleError, SchemaError, did_you_mean
from synthdata.models.condition_text import WrittenCondition, written_conditions
from synthdata.models.condition_values import plain_value, stands_for
from synthdata.table.schema import Column, Schema
from synthdata.table.storage import Cells, to_cells

if TYPE_CHECKING:
    from synthdata.encoders.table_encoder import TableEncoder


@dataclass(frozen=True)
class Condition:
    """What one column's cells must be: one of ``values``, or within ``low`` … ``high``, or a null if ``null``.

    Bounds and values are in plain form: numbers, ticks for dates, or the categories themselves. A text also stands for
    the category that is written so, such as the number 2 or the truth value True. Nulls alone are no ``values``.
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
        if self.values is not None:
            listed, wanted = cells.values.tolist(), self._wanted(cells)
            good = np.fromiter((value in wanted for value in listed), dtype=bool, count=len(cells))
        else:
            values = np.where(cells.missing, 0, cells.values)
            good = np.asarray((values >= self.low) & (values <= self.high), dtype=bool)
        return np.where(cells.missing, self.null, good)

    def allowed(self, encoder: TableEncoder) -> tuple[int, AllowedCells] | None:
        """The condition as one on a slot, and that slot's position; None where no slot can tell of it."""
        name = self.column.name
        if encoder.learnt_otherwise(name):
            return encoder.implied(name, self.meets)
        position = encoder.position(name)
        learnt = encoder.columns[position]
        if isinstance(learnt, CategoricalEncoder):
            return position, AllowedCells(self.meets(learnt.decode(np.arange(learnt.slot.cardinality))))
        cells = learnt.allowed(self.values, self.low, self.high)
        if self.null and learnt.slot.missing_code is not None:
            cells.codes[learnt.slot.missing_code] = True
        return position, cells

    @property
    def highest(self) -> float:
        """The highest number that meets the condition, a null being as high as any."""
        if self.null or not self.column.continuous:
            return math.inf
        return self.high if self.values is None else max(self.values)

    def _wanted(self, cells: Cells) -> set[Any]:
        """The values, and those categories among some cells that are written like one of them."""
        wanted = set(self.values or ())
        texts = [value for value in wanted if isinstance(value, str)]
        if self.column.continuous or not texts:
            return wanted
        levels = set(cells.values[~cells.missing].tolist())
        return wanted | {level for level in levels if any(stands_for(text, level) for text in texts)}


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
            if encoder.learnt_otherwise(name) or (found := condition.allowed(encoder)) is None:
                continue
            position, cells = found
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
        by_slot: dict[int, list[Condition]] = {}
        for condition in [*self.conditions, *self._implied(encoder)]:
            found = condition.allowed(encoder)
            if found is None:
                continue
            position, cells = found
            if not cells.codes.any():
                raise InfeasibleError(
                    f"No row can meet {condition.text!r}: the model has not learnt such a value.",
                    "Rare values are left out of a model; choose a commoner value or a wider range.",
                )
            if position in out:
                cells = _both(out[position], cells, encoder.slots[position].continuous)
            by_slot.setdefault(position, []).append(condition)
            if not cells.codes.any():
                raise _not_together(by_slot[position], encoder)
            out[position] = cells
        return out

    def _implied(self, encoder: TableEncoder) -> list[Condition]:
        """What conditions on columns that are learnt as distances from lower ones ask of those."""
        out: list[Condition] = []
        waiting = list(self.conditions)
        while waiting:
            condition = waiting.pop()
            part, highest = encoder.layout.part_of(condition.column.name), condition.highest
            if isinstance(part, Gap) and highest < math.inf:
                lows = part.highest(highest)
                implied = [Condition(low, high=most, null=True, text=condition.text) for low, most in lows]
                out += implied
                waiting += implied
        return out


def _both(first: AllowedCells, second: AllowedCells, continuous: bool) -> AllowedCells:
    """Two conditions on one slot as one."""
    codes = first.codes & second.codes
    low, high = max(first.low, second.low), min(first.high, second.high)
    if low <= high:
        return AllowedCells(codes, low, high)
    if continuous:
        codes[0] = False
    return AllowedCells(codes)


def _not_together(conditions: list[Condition], encoder: TableEncoder) -> InfeasibleError:
    """That a model knows rows for each condition on one slot, and none for all."""
    texts = "; ".join(condition.text for condition in conditions)
    names = list(dict.fromkeys(condition.column.name for condition in conditions))
    if len(names) == 1:
        why = "contradict each other" if _contradict(conditions) else "leave no value that the model has learnt"
        return InfeasibleError(
            f"No row can meet {texts!r}: the conditions on {names[0]!r} {why}.",
            "Leave one of them out, or ask for more values.",
        )
    rule = next((part for name in names if (part := encoder.layout.part_of(name))), "")
    return InfeasibleError(
        f"No row can meet {texts!r} together: the model has learnt each of them, but no row that meets all "
        f"(rule: {rule}).",
        "Combinations that are rare in the real table are left out of a model; loosen one of the conditions.",
    )


def parse_conditions(given: str | Mapping[str, Any] | Conditions | None, schema: Schema) -> Conditions:
    """Read conditions.

    As text, parts are joined by ``;``: ``age>=30; sex=F; city in {Rome, 'Paris, Texas', null}; income is null``. Names
    and values may stand in quotes. As a mapping: a value, a set or list of values, a ``(low, high)`` tuple for a range
    (None for an open end), or None for a null, which may also be one of several values.

    >>> from synthdata.table.schema import Column, Schema
    >>> schema = Schema(columns=(Column(name="age", kind="numerical", dtype="int64"),))
    >>> parse_conditions("age>=30; age<40", schema).describe()
    'age>=30; age<40'

    Raises:
        SchemaError: an unknown column, or a condition that cannot be read.
        InfeasibleError: conditions that contradict each other whatever the table, such as ``age>60; age<50``.
    """
    if given is None:
        return Conditions()
    if isinstance(given, Conditions):
        return given
    if isinstance(given, str):
        written = written_conditions(given, schema.names)
        conditions = tuple(_from_text(found, _column(found.name, schema, found.text)) for found in written)
    else:
        conditions = tuple(_from_value(name, value, schema) for name, value in given.items())
    _refuse_contradictions(conditions)
    return Conditions(conditions)


def _refuse_contradictions(conditions: Iterable[Condition]) -> None:
    """Refuse conditions on a number, date or duration that no cell whatever could meet."""
    by_column: dict[str, list[Condition]] = {}
    for condition in conditions:
        if condition.column.continuous:
            by_column.setdefault(condition.column.name, []).append(condition)
    for name, together in by_column.items():
        if _contradict(together):
            texts = "; ".join(condition.text for condition in together)
            alone = len(together) == 1
            said = "its ends contradict each other" if alone else f"the conditions on {name!r} contradict each other"
            raise InfeasibleError(
                f"No row can meet {texts!r}: {said}.",
                "A range begins with its lower end." if alone else "Leave one of them out.",
            )


def _contradict(conditions: list[Condition]) -> bool:
    """Whether no cell, a null neither, meets all of some conditions on one column."""
    if all(condition.null for condition in conditions):
        return False
    listed = [condition.values for condition in conditions if condition.values is not None]
    if listed:
        cells = Cells(np.array(listed[0], dtype=object), np.zeros(len(listed[0]), dtype=bool))
        return not np.logical_and.reduce([condition.meets(cells) for condition in conditions]).any()
    return max(condition.low for condition in conditions) > min(condition.high for condition in conditions)


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


def _from_text(written: WrittenCondition, column: Column) -> Condition:
    operator, text, word = written.operator, written.text, written.words[0]
    if operator == "is" and not word.null:
        raise SchemaError(f"The condition {text!r} cannot be read.", "After 'is' only 'null' may stand.")
    if operator in ("is", "in", "=", "=="):
        return _one_of([None if item.null else item.text for item in written.words], column, text)
    if operator == "!=":
        raise SchemaError(
            f"The condition {text!r} uses '!=', which is not known.", "List the values wanted: column in {a, b}."
        )
    if not column.continuous:
        raise SchemaError(
            f"The condition {text!r} asks for an order, but {column.name!r} is {column.kind}.", "Use '=' or 'in'."
        )
    bound = plain_value(word.text, column, text)
    below, above = (
        (bound - 1, bound + 1) if isinstance(bound, int) else np.nextafter(bound, [-math.inf, math.inf]).tolist()
    )
    ranges = {">=": (bound, math.inf), ">": (above, math.inf), "<=": (-math.inf, bound), "<": (-math.inf, below)}
    low, high = ranges[operator]
    return Condition(column, low=low, high=high, text=text)


def _from_value(name: str, value: Any, schema: Schema) -> Condition:
    column = _column(name, schema, str(name))
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64 | np.timedelta64):
        value = value.item()
    text = f"{name} = {value!r}"
    if isinstance(value, tuple) and column.continuous and len(value) == 2:
        low = -math.inf if value[0] is None else plain_value(value[0], column, text)
        high = math.inf if value[1] is None else plain_value(value[1], column, text)
        return Condition(column, low=low, high=high, text=text)
    several = isinstance(value, set | frozenset | list | tuple | np.ndarray | pd.Index | pd.Series)
    return _one_of(list(value) if several else [value], column, text)


def _one_of(items: list[Any], column: Column, text: str) -> Condition:
    """A condition that a cell be one of some values; None, NaN, NA and NaT among them stand for a null."""
    if not items:
        raise SchemaError(f"The condition {text!r} lists no value.", "List the values wanted.")
    there = [item for item in items if not (pd.api.types.is_scalar(item) and pd.isna(item))]
    values = tuple(plain_value(item, column, text) for item in there)
    return Condition(column, values=values, null=len(there) < len(items), text=text)
