"""The values of conditions: in the plain form of a column, and categories by the text that is typed for them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from synthdata.errors import SchemaError
from synthdata.table.declared import plain_bound
from synthdata.table.measured_range import split_ends
from synthdata.table.schema import Column
from synthdata.table.storage import integral


def plain_value(value: Any, column: Column, text: str) -> Any:
    """The value of the condition ``text`` in the plain form of its column.

    Raises:
        SchemaError: the value is not of the column's kind.
    """
    if not column.continuous:
        return value
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


def stands_for(text: str, level: Any) -> bool:
    """Whether a text is how a person writes a category that is a truth value or a number.

    >>> stands_for("2", 2), stands_for("true", True), stands_for("2", "2")
    (True, True, False)
    """
    if isinstance(level, bool):
        return text.lower() == str(level).lower()
    for read in () if isinstance(level, str) else (int, float):
        try:
            return bool(read(text) == level)
        except ValueError:
            continue
    return False
