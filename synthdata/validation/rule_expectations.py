"""The schema's rules in Great Expectations' own JSON form, for the suite that a team takes into its own pipeline.

Our own reports check rules themselves, on all rows (`structure_checks`); here each rule becomes expectations that mean
the same, nulls included, or is named as one that Great Expectations has no words for (sums of columns, dependences,
fixed combinations that go by the table or by three columns, functions, arithmetic).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from synthdata.table.constraints import parse_rules
from synthdata.table.expressions import Expression
from synthdata.table.rule_kinds import Combination, Condition, Inequality, Range, Rule, Unique
from synthdata.table.schema import Column, Schema

Expectation = dict[str, Any]

#: comparisons as Great Expectations writes them, and what each is with its sides swapped
WRITTEN: dict[type, str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
SWAPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


class _NoWords(Exception):
    """Great Expectations has no words for this."""


def rule_expectations(schema: Schema) -> tuple[list[Expectation], list[str]]:
    """The expectations of all rules, and the rules (in words) that have none.

    >>> column = Column(name="age", kind="numerical", dtype="int64")
    >>> schema = Schema(columns=(column,), rules=({"type": "range", "column": "age", "minimum": 0},))
    >>> rule_expectations(schema)[0][0]["kwargs"]
    {'column': 'age', 'min_value': 0, 'max_value': None}
    """
    entries: list[Expectation] = []
    left_out = []
    for rule in parse_rules(schema):
        try:
            found = list(_of_rule(rule))
        except _NoWords:
            left_out.append(str(rule))
        else:
            entries += [{**entry, "meta": {"rule": str(rule)}} for entry in found]
    return entries, left_out


def _entry(kind: str, **settings: Any) -> Expectation:
    return {"type": kind, "kwargs": settings, "meta": {}, "severity": "critical"}


def _of_rule(rule: Rule) -> Iterator[Expectation]:
    if isinstance(rule, Inequality) and all(_comparable(column) for column in rule.columns):
        yield _greater(rule.high.name, rule.low.name, or_equal=not rule.strict)
    elif isinstance(rule, Range) and rule.column.kind == "numerical":
        yield _entry(
            "expect_column_values_to_be_between",
            column=rule.column.name,
            min_value=rule.minimum,
            max_value=rule.maximum,
        )
    elif isinstance(rule, Unique):
        names = [column.name for column in rule.on]
        if len(names) == 1:
            yield _entry("expect_column_values_to_be_unique", column=names[0])
        else:
            yield _entry(
                "expect_compound_columns_to_be_unique", column_list=names, ignore_row_if="any_value_is_missing"
            )
    elif isinstance(rule, Combination) and rule.allowed is not None and len(rule.on) == 2:
        first, second = (column.name for column in rule.on)
        pairs = [list(row) for row in rule.allowed]
        yield _entry(
            "expect_column_pair_values_to_be_in_set",
            column_A=first,
            column_B=second,
            value_pairs_set=pairs,
            ignore_row_if="either_value_is_missing",
        )
    elif isinstance(rule, Condition):
        yield from _of_condition(rule.expression)
    else:
        raise _NoWords


def _comparable(column: Column) -> bool:
    """Whether plain comparison in pandas is the rule's own: numbers, and dates stored as such."""
    return column.kind == "numerical" or column.dtype.startswith(("datetime64", "timedelta64"))


def _greater(high: str, low: str, *, or_equal: bool, **settings: Any) -> Expectation:
    return _entry(
        "expect_column_pair_values_a_to_be_greater_than_b",
        column_A=high,
        column_B=low,
        or_equal=or_equal,
        ignore_row_if="either_value_is_missing",
        **settings,
    )


def _of_condition(expression: Expression) -> Iterator[Expectation]:
    """A conjunction of plain comparisons, or an implication between two such."""
    tree, columns = expression.tree, {column.name: column for column in expression.columns}
    if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.Or) and len(tree.values) == 2:
        refused, then = tree.values
        if not isinstance(refused, ast.UnaryOp) or not isinstance(refused.op, ast.Not):
            raise _NoWords
        conditions = [_row_condition(*part, columns) for part in _comparisons(refused.operand)]
        where = conditions[0] if len(conditions) == 1 else {"type": "and", "conditions": conditions}
        for part in _comparisons(then):
            yield _of_comparison(*part, columns, row_condition=where)
    else:
        for part in _comparisons(tree):
            yield _of_comparison(*part, columns)


Side = ast.expr


def _comparisons(tree: ast.expr) -> Iterator[tuple[Side, ast.cmpop, Side]]:
    """The comparisons that all have to hold; ``a < b < c`` is two."""
    if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And):
        for part in tree.values:
            yield from _comparisons(part)
    elif isinstance(tree, ast.Compare):
        left = tree.left
        for op, right in zip(tree.ops, tree.comparators, strict=True):
            yield left, op, right
            left = right
    else:
        raise _NoWords


def _of_comparison(left: Side, op: ast.cmpop, right: Side, columns: dict[str, Column], **settings: Any) -> Expectation:
    first, second = _name(left), _name(right)
    if first is not None and second is not None:
        written = WRITTEN.get(type(op))
        if written not in ("<", "<=", ">", ">=") or not all(_comparable(columns[name]) for name in (first, second)):
            raise _NoWords
        high, low = (first, second) if written[0] == ">" else (second, first)
        return _greater(high, low, or_equal=written.endswith("="), **settings)
    name, written, value = _with_constant(left, op, right, columns)
    if written in ("==", "in", "!=", "not in"):
        kind = (
            "expect_column_values_to_be_in_set" if written in ("==", "in") else "expect_column_values_to_not_be_in_set"
        )
        return _entry(kind, column=name, value_set=value if isinstance(value, list) else [value], **settings)
    end, strict = ("max", "strict_max") if written[0] == "<" else ("min", "strict_min")
    return _entry(
        "expect_column_values_to_be_between",
        column=name,
        **{f"{end}_value": value, strict: not written.endswith("=")},
        **settings,
    )


def _row_condition(left: Side, op: ast.cmpop, right: Side, columns: dict[str, Column]) -> dict[str, Any]:
    """The rows that an implication speaks of; a null is never among them."""
    name, written, value = _with_constant(left, op, right, columns)
    column = {"name": name}
    sign = {"in": "IN", "not in": "NOT_IN"}.get(written, written)
    condition = {"type": "comparison", "column": column, "operator": sign, "parameter": value}
    if written not in ("!=", "not in"):
        return condition
    return {"type": "and", "conditions": [{"type": "nullity", "column": column, "is_null": False}, condition]}


def _with_constant(left: Side, op: ast.cmpop, right: Side, columns: dict[str, Column]) -> tuple[str, str, Any]:
    """A comparison of a column with a constant or a list of them: the column, the sign, and what stands beside it."""
    name = _name(left)
    if isinstance(op, ast.In | ast.NotIn):
        if name is None or not isinstance(right, ast.Tuple | ast.List | ast.Set):
            raise _NoWords
        value: Any = [_constant(item) for item in right.elts]
        written = "in" if isinstance(op, ast.In) else "not in"
    elif name is not None:
        value, written = _constant(right), WRITTEN.get(type(op), "")
    else:
        name, value, written = _name(right), _constant(left), SWAPPED.get(WRITTEN.get(type(op), ""), "")
    if name is None or not written or columns[name].kind not in ("numerical", "categorical", "boolean"):
        raise _NoWords
    return name, written, value


def _name(side: Side) -> str | None:
    """The column that stands on a side, if one does."""
    if isinstance(side, ast.Name):
        return side.id
    if isinstance(side, ast.Call) and isinstance(side.func, ast.Name) and side.func.id == "column":
        named = side.args[0]
        return str(named.value) if isinstance(named, ast.Constant) else None
    return None


def _constant(side: Side) -> Any:
    sign = 1
    if isinstance(side, ast.UnaryOp) and isinstance(side.op, ast.USub):
        side, sign = side.operand, -1
    if not isinstance(side, ast.Constant) or not isinstance(side.value, str | int | float):
        raise _NoWords
    return side.value if sign == 1 else -side.value  # type: ignore[operator]
