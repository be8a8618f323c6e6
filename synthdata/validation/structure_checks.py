"""Checks on every row that need no library: storage, decimals, and the schema's rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from synthdata.errors import SchemaError
from synthdata.table.constraints import parse_rules, violations
from synthdata.table.rule_kinds import Combination
from synthdata.table.schema import Column, Schema
from synthdata.table.table import Table
from synthdata.validation.checks import check

#: the share of rows that may have more digits than the schema keeps, as a few real ones may
ALLOWED = 0.005


def structure_checks(table: Table, schema: Schema, train: Table | None = None) -> list[dict[str, Any]]:
    """Whether a table keeps the schema's storage, decimals and rules, on all rows.

    Rules that go by what the real table holds (combinations without a list, dependences) are held against ``train``.
    """
    checks: list[dict[str, Any]] = []
    for column in schema:
        if not column.drop and column.name in table.frame.columns:
            checks += _storage(table, column)
            checks += _decimals(table, column)
    return [*checks, *_rules(table, schema, train)]


def family(dtype: str) -> str:
    """What a dtype holds, whichever library stores it.

    >>> family("Int64"), family("float32"), family("datetime64[ns, UTC]"), family("string")
    ('whole numbers', 'numbers', 'dates', 'text or objects')
    """
    name = dtype.lower()
    for start, what in (
        (("int", "uint"), "whole numbers"),
        (("float", "double", "decimal"), "numbers"),
        (("bool",), "truth values"),
        (("datetime64", "timestamp", "date"), "dates"),
        (("timedelta64", "duration"), "durations"),
        (("category", "dictionary"), "categories"),
    ):
        if name.startswith(start):
            return what
    return "text or objects"


def _storage(table: Table, column: Column) -> Iterator[dict[str, Any]]:
    found = str(table.frame[column.name].dtype)
    wanted = column.dtype
    kept = found == wanted or (wanted in ("date", "decimal", "time") and found == "object")
    same = kept or family(found) == family(wanted)
    advice = "Convert the column, or correct its dtype in the schema."
    detail = "it is" if kept else f"found {found}" + (", which holds the same kind of value" if same else "")
    yield check(column.name, f"is stored as {wanted}", kept or same, "warn", detail, advice)


def _decimals(table: Table, column: Column) -> Iterator[dict[str, Any]]:
    if column.kind != "numerical" or column.generated or column.decimals is None:
        return
    series = table.frame[column.name]
    if pd.api.types.is_integer_dtype(series.dtype):
        return
    numbers = pd.to_numeric(series.astype(object), errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    scaled = numbers[~np.isnan(numbers)]
    finer = int((np.abs(scaled - np.round(scaled, column.decimals)) > 1e-9 * np.maximum(1.0, np.abs(scaled))).sum())
    text = f"keeps {column.decimals} decimals" if column.decimals else "holds whole numbers"
    detail = "holds in all rows" if not finer else f"{finer:,} of {len(table):,} rows have more digits"
    passed = finer <= ALLOWED * len(table)
    detail += ", which is within what is allowed" if finer and passed else ""
    advice = "Round the column: needless digits give synthetic rows away."
    yield check(column.name, text, passed, "warn", detail, advice)


def _rules(table: Table, schema: Schema, train: Table | None) -> Iterator[dict[str, Any]]:
    for rule in parse_rules(schema):
        if any(column.name not in table.frame.columns for column in rule.columns):
            continue
        if isinstance(rule, Combination) and rule.allowed is None and train is None:
            continue  # a table by itself cannot tell
        single = rule.columns[0].name if len(rule.columns) == 1 else None
        try:
            broken = int(violations(table.frame, rule, None if train is None else train.frame).sum())
        except SchemaError as error:
            yield check(single, f"keeps the rule {rule}", False, "fail", str(error), "Correct the columns' storage.")
            continue
        detail = "holds in all rows" if not broken else f"{broken:,} of {len(table):,} rows break it"
        yield check(
            single, f"keeps the rule {rule}", not broken, "fail", detail, "Mend these rows, or the rule in the schema."
        )
