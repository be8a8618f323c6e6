"""Rules that every row keeps: parsed from the schema, checked on any table.

A rule is written in ``schema.json`` as one of

    {"type": "inequality", "low": "admitted", "high": "discharged", "strict": false}
    {"type": "range", "column": "age", "minimum": 0, "maximum": 120}
    {"type": "sum", "parts": ["net", "tax"], "total": "gross", "tolerance": 0}
    {"type": "combinations", "columns": ["city", "region"], "allowed": [["Rome", "Lazio"], ["Oslo", "Oslo"]]}
    {"type": "dependence", "on": ["city"], "column": "country"}
    {"type": "unique", "columns": ["room", "day"]}
    {"type": "implication", "if": "sex == 'M'", "then": "ward != 'Obstetrics'"}
    {"type": "expression", "expression": "weight / (height / 100) ** 2 < 80"}
    {"type": "custom", "name": "plausible", "columns": ["height", "weight"]}

A null breaks no rule. docs/rules.md says how each is kept; `synthdata.table.rule_kinds` what each means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from synthdata.errors import SchemaError, did_you_mean
from synthdata.table.declared import plain_bound
from synthdata.table.expressions import parse_expression
from synthdata.table.rule_kinds import (
    Combination,
    Condition,
    Custom,
    Dependence,
    Inequality,
    Range,
    Rule,
    Total,
    Unique,
    known_custom,
)
from synthdata.table.schema import Column, Schema
from synthdata.table.storage import Cells, to_cells
from synthdata.table.table import Table

__all__ = ["Inequality", "Range", "Rule", "check_rules", "parse_rules", "violations"]

#: the keys of each type; those in the first group must be there
KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "inequality": (("low", "high"), ("strict",)),
    "range": (("column",), ("minimum", "maximum")),
    "sum": (("parts", "total"), ("tolerance",)),
    "combinations": (("columns",), ("allowed",)),
    "dependence": (("on", "column"), ()),
    "unique": (("columns",), ()),
    "implication": (("if", "then"), ()),
    "expression": (("expression",), ()),
    "custom": (("name", "columns"), ()),
}


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
    needed, optional = KEYS[kind]
    for key in rule:
        if key != "type" and key not in (*needed, *optional):
            raise SchemaError(f"{where} ({kind}): unknown key {key!r}.", did_you_mean(str(key), (*needed, *optional)))
    return _PARSERS[kind](rule, schema, f"{where} ({kind})")


def _inequality(rule: Mapping[str, Any], schema: Schema, where: str) -> Rule:
    low, high = (_number_line(_column(rule.get(key), schema, where, key), where) for key in ("low", "high"))
    if low.kind != high.kind or bool(low.timezone) != bool(high.timezone):
        raise SchemaError(
            f"{where}: {low.name!r} ({_sort(low)}) and {high.name!r} ({_sort(high)}) cannot be compared.",
            "Both must be numbers, both dates (with or without a time zone), or both durations.",
        )
    if low.name == high.name:
        raise SchemaError(f"{where}: {low.name!r} is compared with itself.", "Name another column.")
    if not isinstance(rule.get("strict", False), bool):
        raise SchemaError(f"{where}: 'strict' must be true or false.")
    return Inequality(low, high, rule.get("strict", False))


def _range(rule: Mapping[str, Any], schema: Schema, where: str) -> Rule:
    column = _number_line(_column(rule.get("column"), schema, where, "column"), where)
    minimum, maximum = (
        None if rule.get(key) is None else plain_bound(column, rule[key]) for key in ("minimum", "maximum")
    )
    if minimum is None and maximum is None:
        raise SchemaError(f"{where}: neither 'minimum' nor 'maximum' is given.", "Give one of them or both.")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise SchemaError(f"{where}: the minimum is above the maximum, so no row can keep it.", "Swap the two.")
    return Range(column, minimum, maximum)


def _sum(rule: Mapping[str, Any], schema: Schema, where: str) -> Rule:
    parts = _columns(rule.get("parts"), schema, where, "parts", least=1)
    total = _column(rule.get("total"), schema, where, "total")
    for column in (*parts, total):
        if column.kind != "numerical":
            raise SchemaError(f"{where}: column {column.name!r} is {column.kind}.", "Only numbers are added up.")
    if total in parts:
        raise SchemaError(f"{where}: {total.name!r} is a part of itself.", "Name another column.")
    tolerance = rule.get("tolerance", 0)
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not 0 <= tolerance < float("inf"):
        raise SchemaError(f"{where}: 'tolerance' must be a number of 0 or more.")
    return Total(parts, total, tolerance)


def _combinations(rule: Mapping[str, Any], schema: Schema, where: str) -> Rule:
    columns = _columns(rule.get("columns"), schema, where, "columns", least=2)
    for column in columns:
        if column.kind not in ("categorical", "boolean", "numerical"):
            raise SchemaError(
                f"{where}: column {column.name!r} is {column.kind}.", "Combinations are of categories or numbers."
            )
    allowed = rule.get("allowed")
    if allowed is None:
        return Combination(columns)
    fits = isinstance(allowed, list | tuple) and all(
        isinstance(row, list | tuple) and len(row) == len(columns) and all(_plain_value(value) for value in row)
        for row in allowed
    )
    if not fits or not allowed:
        raise SchemaError(
            f"{where}: 'allowed' must list combinations of {len(columns)} values each.",
            f"Such as [[{', '.join('…' for _ in columns)}], …], in the order of 'columns'.",
        )
    return Combination(columns, tuple(tuple(row) for row in allowed))


def _dependence(rule: Mapping[str, Any], schema: Schema, where: str) -> Rule:
    on = _columns(rule.get("on"), schema, where, "on", least=1)
    column = _column(rule.get("column"), schema, where, "column")
    if column in on:
        raise SchemaError(f"{where}: {column.name!r} follows from itself.", "Take it out of 'on'.")
    return Dependence(on, column)


def _unique(rule: Mapping[str, Any], schema: Schema, where: str) -> Rule:
    return Unique(_columns(rule.get("columns"), schema, where, "columns", least=1))


def _implication(rule: Mapping[str, Any], schema: Schema, where: str) -> Rule:
    halves = [rule.get(key) for key in ("if", "then")]
    for key, half in zip(("if", "then"), halves, strict=True):
        parse_expression(half, _usable(schema), f"{where} {key!r}")
    text = f"not ({halves[0]}) or ({halves[1]})"
    return Condition(parse_expression(text, _usable(schema), where), f"if {halves[0]} then {halves[1]}")


def _expression(rule: Mapping[str, Any], schema: Schema, where: str) -> Rule:
    return Condition(parse_expression(rule.get("expression"), _usable(schema), where))


def _custom(rule: Mapping[str, Any], schema: Schema, where: str) -> Rule:
    if not isinstance(rule.get("name"), str) or not rule["name"]:
        raise SchemaError(f"{where}: 'name' must be the name of a registered function.", known_custom(""))
    return Custom(rule["name"], _columns(rule.get("columns"), schema, where, "columns", least=1))


_PARSERS: dict[str, Callable[[Mapping[str, Any], Schema, str], Rule]] = {
    "inequality": _inequality,
    "range": _range,
    "sum": _sum,
    "combinations": _combinations,
    "dependence": _dependence,
    "unique": _unique,
    "implication": _implication,
    "expression": _expression,
    "custom": _custom,
}


def _plain_value(value: Any) -> bool:
    return isinstance(value, str | bool | int | float)


def _sort(column: Column) -> str:
    return f"{column.kind} in {column.timezone}" if column.timezone else column.kind


def _usable(schema: Schema) -> dict[str, Column]:
    return {column.name: column for column in schema.modelled}


def _columns(names: Any, schema: Schema, where: str, key: str, *, least: int) -> tuple[Column, ...]:
    if not isinstance(names, list | tuple) or len(names) < least or len(set(map(str, names))) < len(names):
        raise SchemaError(
            f"{where}: {key!r} must list {'a column' if least == 1 else f'{least} columns'} or more, each once.",
            f'Such as "{key}": ["a", "b"].',
        )
    return tuple(_column(name, schema, where, key) for name in names)


def _column(name: Any, schema: Schema, where: str, key: str) -> Column:
    if not isinstance(name, str):
        raise SchemaError(f"{where}: {key!r} must be the name of a column.")
    if name not in schema:
        raise SchemaError(f"{where}: there is no column {name!r}.", did_you_mean(name, schema.names))
    column = schema[name]
    if column.drop or column.generated or column.kind == "text":
        state = "left out" if column.drop else "made up afresh" if column.generated else "free text"
        raise SchemaError(
            f"{where}: column {name!r} is {state}.",
            "Rules speak of columns that are learnt; give it such a kind, or remove the rule.",
        )
    return column


def _number_line(column: Column, where: str) -> Column:
    if not column.continuous:
        raise SchemaError(
            f"{where}: column {column.name!r} is {column.kind}.",
            "Such a rule compares columns of numbers, dates or durations; give it such a kind, or remove the rule.",
        )
    return column


def violations(data: Table | pd.DataFrame, rule: Rule, reference: Table | pd.DataFrame | None = None) -> np.ndarray:
    """Which rows break a rule, (n,) bool; rows with a null in it never do.

    ``reference`` is a table known to keep it, by which fixed combinations and dependences are judged.

    >>> column = Column(name="age", kind="numerical", dtype="float64")
    >>> violations(pd.DataFrame({"age": [30.0, 150.0, None]}), Range(column, 0, 120)).tolist()
    [False, True, False]
    """
    known = None if reference is None else _cells(reference, rule)
    return rule.broken(*_cells(data, rule), reference=known)


def _cells(data: Table | pd.DataFrame, rule: Rule) -> list[Cells]:
    if isinstance(data, Table):
        return [data.cells(column.name) for column in rule.columns]
    return [to_cells(data[column.name], column) for column in rule.columns]


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
