"""What must hold inside a schema before any table is looked at."""

from __future__ import annotations

import re

from synthdata.errors import SchemaError, did_you_mean
from synthdata.table.constraints import parse_rules
from synthdata.table.declared import plain_bound
from synthdata.table.dtypes import TEXTS, is_boolean, is_float, is_integer, to_dtype
from synthdata.table.measured_range import split_ends
from synthdata.table.patterns import parse_pattern
from synthdata.table.personal import IN_DIGITS, PERSONAL
from synthdata.table.schema import Column, Schema
from synthdata.table.stored_numbers import POINTED, SHORTEST

#: `Column.format` of identifiers that are UUIDs
UUID_PATTERN = "uuid"
NUMBER_FORMAT = re.compile(rf"%d|%\.\d{{1,2}}f|{SHORTEST}|{POINTED}")


def check_schema(schema: Schema) -> None:
    """Refuse a schema that contradicts itself.

    Raises:
        SchemaError: the column and the key that are wrong, and what would be right.
    """
    repeated = {name for name in schema.names if schema.names.count(name) > 1}
    if repeated:
        raise SchemaError(f"Column {min(repeated)!r} is listed twice.", "Remove one of the two.")
    for role in ("target", "sequence key", "order"):
        named = [column.name for column in schema if column.role == role]
        if len(named) > 1:
            raise SchemaError(
                f"Two columns have the role {role!r}: {named[0]!r} and {named[1]!r}.", "Take it from one of them."
            )
    for column in schema:
        if not column.drop:
            _check_column(column)
    parse_rules(schema)


def check_generated(column: Column) -> None:
    """Refuse a column that cannot be made up.

    Raises:
        SchemaError: an unknown kind of personal data, a pattern that cannot be drawn from, or a storage not fit for it.
    """
    numeric = is_integer(column.dtype) or is_float(column.dtype) or column.dtype in ("number", "decimal")
    if not numeric and column.dtype not in (*TEXTS, "category", "uuid"):
        raise SchemaError(
            f"Column {column.name!r} is to be made up, but is stored as {column.dtype!r}.",
            "Identifiers and personal data are text or numbers; give the column another kind, or convert it.",
        )
    if column.pii is not None and column.pii not in PERSONAL:
        raise SchemaError(
            f"Column {column.name!r}: unknown personal data {column.pii!r}.",
            did_you_mean(column.pii, PERSONAL),
        )
    if column.pii is not None and numeric and column.pii not in IN_DIGITS:
        raise SchemaError(
            f"Column {column.name!r}: {column.pii!r} is text, but the column is stored as {column.dtype!r}.",
            "Convert the column to text, or declare another kind of personal data.",
        )
    if column.format and column.format != UUID_PATTERN:
        parse_pattern(column.format)


def _check_column(column: Column) -> None:
    if column.role == "target" and (column.generated or column.kind == "text"):
        raise SchemaError(
            f"Column {column.name!r} is the target, but it is made up or free text.", "Give it a kind that is learnt."
        )
    if column.generated:
        check_generated(column)
        return
    if column.kind == "text":
        return
    to_dtype(column.dtype)
    layout = split_ends(column.format)[1] or "%d"
    if column.kind == "numerical" and column.dtype in TEXTS and not NUMBER_FORMAT.fullmatch(layout):
        raise SchemaError(
            f"Column {column.name!r}: {column.format!r} is no format of numbers.",
            f"Known: '%d', '%.2f' (any number of digits), {SHORTEST!r} and {POINTED!r}, with ends as in '<5|%.1f'.",
        )
    if column.continuous and is_boolean(column.dtype) and column.kind != "numerical":
        raise SchemaError(
            f"Column {column.name!r} is declared {column.kind}, but is stored as {column.dtype!r}.",
            'Declare the kind "boolean" or "categorical".',
        )
    stored = is_integer(column.dtype) or is_float(column.dtype)
    if column.kind == "timedelta" and stored:
        raise SchemaError(
            f"Column {column.name!r} is declared timedelta, but is stored as {column.dtype!r}.",
            'Declare the kind "numerical", or convert the column with pandas.to_timedelta.',
        )
    _check_public(column)


def _check_public(column: Column) -> None:
    if column.public is None:
        return
    if column.public.bounds is not None:
        low, high = (plain_bound(column, limit) for limit in column.public.bounds)
        if low > high:
            raise SchemaError(
                f"Column {column.name!r}: the lower of public.bounds is above the upper.", "Swap the two."
            )
    categories = column.public.categories
    if categories is not None:
        if not categories:
            raise SchemaError(
                f"Column {column.name!r}: public.categories is empty.", "List the categories, or leave it out."
            )
        if len(set(categories)) < len(categories):
            raise SchemaError(
                f"Column {column.name!r}: public.categories lists a value twice.", "Remove one of the two."
            )
