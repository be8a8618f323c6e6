"""A small language for rules and no more: arithmetic, comparisons and logic over a row's columns, read, never executed.

    weight / (height / 100) ** 2 < 80
    discharged is None or days(discharged - admitted) <= 365
    column("hours-per-week") <= 100 and state in ("open", "closed")

Python's grammar reads the text; only the forms below are then carried out, on whole columns. What cannot be known
because of a null (or a division by zero) is unknown, and an unknown answer breaks no rule.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from synthdata.errors import SchemaError, did_you_mean
from synthdata.table.declared import plain_bound
from synthdata.table.dtypes import is_float, is_integer
from synthdata.table.schema import Column
from synthdata.table.storage import Cells, resolution
from synthdata.table.stored_moments import PER_SECOND

#: how long an expression may be, in characters, and of how many parts
LONGEST, MOST_PARTS = 1000, 200

Sort = Literal["number", "moment", "duration", "truth", "category"]


@dataclass(frozen=True)
class Value:
    """One value for each row (n,), and where it is unknown; ``column`` is where it came from, if from one."""

    sort: Sort
    values: np.ndarray
    missing: np.ndarray
    column: Column | None = None


@dataclass(frozen=True)
class Expression:
    """A condition on the columns of one row, such as ``net + tax == gross``."""

    text: str
    tree: ast.expr
    columns: tuple[Column, ...]

    def __str__(self) -> str:
        return self.text

    def truth(self, *cells: Cells) -> tuple[np.ndarray, np.ndarray]:
        """Whether the condition holds in each row (n,), and whether that is unknown (n,)."""
        known = {column.name: _value(cell, column) for column, cell in zip(self.columns, cells, strict=True)}
        with np.errstate(all="ignore"):
            found = _Rows(known, len(cells[0])).truth(self.tree)
        return np.asarray(found.values & ~found.missing, dtype=bool), found.missing


def parse_expression(text: Any, columns: Mapping[str, Column], where: str) -> Expression:
    """Read an expression over some columns.

    >>> age = Column(name="age", kind="numerical", dtype="int64")
    >>> expression = parse_expression("age // 10 in (2, 3)", {"age": age}, "Rule 1")
    >>> expression.truth(Cells(np.array([25, 40]), np.array([False, False])))[0].tolist()
    [True, False]

    Raises:
        SchemaError: it cannot be read, names no column of the table, or compares what cannot be compared.
    """
    if not isinstance(text, str) or not text.strip():
        raise SchemaError(f'{where}: an expression is a text, such as "age >= 18".')
    problem = SchemaError(f"{where}: the expression {text[:200]!r} cannot be read.", 'Example: "net + tax == gross".')
    if len(text) > LONGEST:
        raise SchemaError(f"{where}: the expression is longer than {LONGEST} characters.", "Make two rules of it.")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        parts = list(ast.walk(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise problem from None
    if len(parts) > MOST_PARTS:
        raise SchemaError(f"{where}: the expression has more than {MOST_PARTS} parts.", "Make two rules of it.")
    used: dict[str, Column] = {}
    for name in _names(tree, where):
        if name not in columns:
            raise SchemaError(f"{where}: there is no column {name!r}.", did_you_mean(name, columns))
        used[name] = columns[name]
    if not used:
        raise SchemaError(f"{where}: the expression {text!r} names no column.", "Name the columns it speaks of.")
    expression = Expression(text.strip(), tree, tuple(used.values()))
    try:
        # Carried out on one row of nulls, an expression says all that is wrong with it.
        expression.truth(*(_null(column) for column in expression.columns))
    except SchemaError as error:
        raise SchemaError(f"{where}: {error}") from None
    return expression


def _names(tree: ast.expr, where: str) -> list[str]:
    """The columns that an expression names, in order."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and id(node) not in called:
            found.append(node.id)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "column":
            found.append(_column_name(node))
    return list(dict.fromkeys(found))


def _column_name(node: ast.Call) -> str:
    named = node.args[0] if len(node.args) == 1 and not node.keywords else None
    if not isinstance(named, ast.Constant) or not isinstance(named.value, str):
        raise SchemaError('column(…) takes one name in quotes: column("hours-per-week").')
    return named.value


def _null(column: Column) -> Cells:
    """One cell that is null."""
    values = np.empty(1, dtype=object)
    if column.kind == "numerical":
        values = np.zeros(1)
    elif column.kind in ("datetime", "timedelta"):
        values = np.zeros(1, dtype=np.int64)
    return Cells(values, np.ones(1, dtype=bool))


def _value(cells: Cells, column: Column) -> Value:
    if column.kind == "numerical":
        return Value("number", np.where(cells.missing, cells.values.dtype.type(0), cells.values), cells.missing, column)
    if column.kind in ("datetime", "timedelta"):
        sort: Sort = "moment" if column.kind == "datetime" else "duration"
        return Value(sort, microseconds(cells, column), cells.missing, column)
    if column.kind == "boolean":
        truth = np.array([bool(value) for value in cells.values], dtype=bool)
        return Value("truth", truth, cells.missing, column)
    if is_integer(column.dtype) or is_float(column.dtype):
        return Value("number", np.where(cells.missing, 0, cells.values).astype(float), cells.missing, column)
    return Value("category", cells.values, cells.missing, column)


def microseconds(cells: Cells, column: Column) -> np.ndarray:
    """Dates or durations (n,) as whole microseconds, whatever their storage counts in; 0 for nulls."""
    ticks = np.where(cells.missing, 0, cells.values)
    unit = PER_SECOND[resolution(column)]
    return np.asarray(ticks // 1000 if unit > 10**6 else ticks * (10**6 // unit))


_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
FUNCTIONS = ("abs", "min", "max", "round", "floor", "length", "days", "year", "month", "day", "weekday", "column")


class _Rows:
    """Carries an expression out on the rows of some columns."""

    def __init__(self, columns: Mapping[str, Value], n: int) -> None:
        self.columns, self.n = columns, n

    def truth(self, node: ast.expr) -> Value:
        found = self.value(node)
        if found.sort != "truth":
            raise SchemaError(f"{ast.unparse(node)!r} is neither true nor false.", "Compare it with something.")
        return found

    def number(self, node: ast.expr) -> Value:
        found = self.value(node)
        if found.sort != "number":
            raise SchemaError(f"{ast.unparse(node)!r} is no number.", "Only numbers are reckoned with here.")
        return found

    def value(self, node: ast.expr) -> Value:
        """The value of any form that is known.

        Raises:
            SchemaError: the form is not among them.
        """
        if isinstance(node, ast.Constant):
            return self._constant(node.value)
        if isinstance(node, ast.Name):
            return self.columns[node.id]
        if isinstance(node, ast.UnaryOp):
            return self._unary(node)
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            return self._arithmetic(self.value(node.left), self.value(node.right), node)
        if isinstance(node, ast.BoolOp):
            return _all([self.truth(part) for part in node.values], isinstance(node.op, ast.And))
        if isinstance(node, ast.Compare):
            parts, left = [], node.left
            for op, right in zip(node.ops, node.comparators, strict=True):
                parts.append(self._compare(left, op, right))
                left = right
            return _all(parts, True)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            return self._call(node.func.id, node)
        raise SchemaError(
            f"{ast.unparse(node)[:100]!r} is not known in a rule.",
            f"Known: + - * / // % **, comparisons, in, is None, and, or, not, {', '.join(FUNCTIONS)}.",
        )

    def _constant(self, constant: Any) -> Value:
        known = np.zeros(self.n, dtype=bool)
        if isinstance(constant, bool):
            return Value("truth", np.full(self.n, constant), known)
        if isinstance(constant, int | float):
            whole = isinstance(constant, int) and abs(constant) < 2**63
            return Value("number", np.full(self.n, constant, dtype=np.int64 if whole else np.float64), known)
        if isinstance(constant, str):
            values = np.empty(self.n, dtype=object)
            values[:] = constant
            return Value("category", values, known)
        raise SchemaError(f"{constant!r} cannot stand there.", "A null is asked for by 'x is None'.")

    def _unary(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            found = self.truth(node.operand)
            return Value("truth", ~found.values, found.missing)
        found = self.number(node.operand)
        if isinstance(node.op, ast.USub):
            return Value("number", -_float_or_signed(found.values), found.missing)
        if isinstance(node.op, ast.UAdd):
            return found
        raise SchemaError(f"{ast.unparse(node)!r} is not known in a rule.")

    def _arithmetic(self, left: Value, right: Value, node: ast.BinOp) -> Value:
        missing, op, sorts = left.missing | right.missing, type(node.op), (left.sort, right.sort)
        if sorts == ("number", "number"):
            return _finite(_ARITHMETIC[op](left.values.astype(float), right.values.astype(float)), missing)
        if sorts == ("moment", "moment") and op is ast.Sub and _zoned(left) == _zoned(right):
            return Value("duration", left.values - right.values, missing)
        if sorts in (("moment", "duration"), ("duration", "duration")) and op in (ast.Add, ast.Sub):
            return Value(left.sort, _ARITHMETIC[op](left.values, right.values), missing, left.column)
        raise SchemaError(f"{ast.unparse(node)!r}: {_words(left)} and {_words(right)} do not go together there.")

    def _compare(self, first: ast.expr, op: ast.cmpop, second: ast.expr) -> Value:
        if isinstance(op, ast.Is | ast.IsNot):
            if not isinstance(second, ast.Constant) or second.value is not None:
                raise SchemaError("After 'is' only None may stand.", "Compare values with ==.")
            missing = self.value(first).missing
            return Value("truth", missing if isinstance(op, ast.Is) else ~missing, np.zeros(self.n, dtype=bool))
        if isinstance(op, ast.In | ast.NotIn):
            if not isinstance(second, ast.Tuple | ast.List | ast.Set) or not second.elts:
                raise SchemaError("After 'in' a list must stand.", 'Such as: state in ("open", "closed").')
            found = _all([self._compare(first, ast.Eq(), item) for item in second.elts], False)
            return found if isinstance(op, ast.In) else Value("truth", ~found.values, found.missing)
        left, right = _alike(self.value(first), self.value(second))
        ordered = not isinstance(op, ast.Eq | ast.NotEq)
        if left.sort != right.sort or (ordered and left.sort in ("category", "truth")) or _zoned(left) != _zoned(right):
            raise SchemaError(
                f"{ast.unparse(first)!r} ({_words(left)}) and {ast.unparse(second)!r} ({_words(right)}) cannot be "
                + ("ordered." if left.sort == right.sort else "compared."),
                "Compare numbers with numbers, dates with dates; categories have no order here.",
            )
        return Value(
            "truth",
            np.asarray(_COMPARE[type(op)](left.values, right.values), dtype=bool),
            left.missing | right.missing,
        )

    def _call(self, name: str, node: ast.Call) -> Value:
        if name == "column":
            return self.columns[_column_name(node)]
        if name not in FUNCTIONS:
            raise SchemaError(f"There is no function {name!r}.", did_you_mean(name, FUNCTIONS))
        if name in ("min", "max"):
            parts = [self.number(part) for part in node.args]
            if len(parts) < 2:
                raise SchemaError(f"{name}(…) takes two or more numbers.")
            together = np.stack([part.values for part in parts])
            extreme = together.min(axis=0) if name == "min" else together.max(axis=0)
            return Value("number", extreme, _any_missing(parts))
        if len(node.args) != 1:
            raise SchemaError(f"{name}(…) takes one value.")
        found = self.value(node.args[0])
        if name in ("abs", "round", "floor") and found.sort == "number":
            functions: dict[str, Any] = {"abs": np.abs, "round": np.round, "floor": np.floor}
            return Value("number", functions[name](found.values), found.missing)
        if name == "length" and found.sort == "category":
            return Value("number", np.array([len(str(v)) for v in found.values], dtype=np.int64), found.missing)
        if name == "days" and found.sort == "duration":
            return Value("number", found.values / 86_400e6, found.missing)
        if name in ("year", "month", "day", "weekday") and found.sort == "moment":
            return Value("number", _calendar(name, found), found.missing)
        raise SchemaError(f"{name}(…) cannot take {_words(found)}.")


def _calendar(part: str, moment: Value) -> np.ndarray:
    import pandas as pd

    moments = pd.DatetimeIndex(moment.values.view("M8[us]"))
    if moment.column is not None and moment.column.timezone:
        moments = moments.tz_localize("UTC").tz_convert(moment.column.timezone)
    return np.asarray(getattr(moments, part), dtype=np.int64)


def _alike(left: Value, right: Value) -> tuple[Value, Value]:
    """Constants are read as what they are compared with: text as a date or a duration, numbers as categories."""
    return _read_as(left, right), _read_as(right, left)


def _read_as(value: Value, other: Value) -> Value:
    if value.column is not None or other.column is None:
        return value
    if value.sort == "category" and other.sort in ("moment", "duration"):
        return _moments(value, other.column)
    if value.sort in ("number", "truth") and other.sort == "category":
        return Value("category", value.values.astype(object), value.missing)
    return value


def _moments(text: Value, column: Column) -> Value:
    tick = plain_bound(column, text.values[0]) if len(text.values) else 0
    at = microseconds(Cells(np.array([tick], dtype=np.int64), np.zeros(1, dtype=bool)), column)[0]
    sort: Sort = "moment" if column.kind == "datetime" else "duration"
    return Value(sort, np.full(len(text.values), at, dtype=np.int64), text.missing, column)


def _all(parts: Sequence[Value], every: bool) -> Value:
    """Kleene's three-valued and (or, where not ``every``): one false (true) answer decides, unknown ones do not."""
    values, missing = parts[0].values, parts[0].missing
    for part in parts[1:]:
        known = (values == (not every)) & ~missing | (part.values == (not every)) & ~part.missing
        unknown = (missing | part.missing) & ~known
        values = values & part.values if every else values | part.values
        values = np.where(known, not every, values)
        missing = unknown
    return Value("truth", np.asarray(values, dtype=bool), missing)


def _finite(values: np.ndarray, missing: np.ndarray) -> Value:
    good = np.isfinite(values)
    return Value("number", np.where(good, values, 0.0), missing | ~good)


def _any_missing(parts: Sequence[Value]) -> np.ndarray:
    return np.asarray(np.logical_or.reduce([part.missing for part in parts]))


def _float_or_signed(values: np.ndarray) -> np.ndarray:
    return values.astype(float) if values.dtype.kind == "u" else values


def _zoned(value: Value) -> bool:
    return value.sort == "moment" and value.column is not None and bool(value.column.timezone)


def _words(value: Value) -> str:
    return {
        "number": "a number",
        "moment": "a date",
        "duration": "a duration",
        "truth": "a truth value",
        "category": "text",
    }[value.sort]
