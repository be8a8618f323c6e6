"""A frame as a database's table: columns typed, written in chunks within one transaction."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from synthdata.connectors.masking import mask
from synthdata.connectors.sql import open_engine, translated
from synthdata.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd
    import sqlalchemy as sa

_ROWS = 5_000


def write_table(frame: pd.DataFrame, target: str, table: str | None, if_exists: str) -> None:
    """Create (``fail``, ``replace``) or extend (``append``) a table with a frame's rows.

    The table is there whole or not at all where the database can roll back the making of tables (PostgreSQL,
    SQLite, SQL Server); MySQL and Oracle cannot, and there a table that was just made is dropped on failure.

    Raises:
        SourceError: no table named, the table exists or lacks a column, or the database refuses.
    """
    import sqlalchemy as sa

    if not table:
        raise SourceError(f"{mask(target)} needs the name of the table to write.", "Give a table name.")
    engine = open_engine(target, read_only=False)
    schema, _, name = table.rpartition(".")
    made: sa.Table | None = None
    try:
        with translated(target, f"writing the table {table!r} failed"), engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            there = sa.inspect(connection).has_table(name, schema or None)
            goal = _goal(connection, frame, name, schema or None, there, if_exists, target)
            if not there:
                made = goal
            for part in _records(frame):
                connection.execute(goal.insert(), part)
            connection.commit()
    except SourceError:
        if made is not None and engine.dialect.name in ("mysql", "mariadb", "oracle"):
            with translated(target, "cleaning up failed"):
                made.drop(engine, checkfirst=True)
        raise
    finally:
        engine.dispose()


def _goal(
    connection: sa.Connection,
    frame: pd.DataFrame,
    name: str,
    schema: str | None,
    there: bool,
    if_exists: str,
    target: str,
) -> sa.Table:
    """The table to insert into, created where need be."""
    import sqlalchemy as sa

    if there and if_exists == "fail":
        raise SourceError(f"{mask(target)} already has a table {name!r}.", "Choose another name, or replace or append.")
    if there and if_exists == "append":
        old = sa.Table(name, sa.MetaData(), schema=schema, autoload_with=connection, resolve_fks=False)
        lacking = [column for column in frame.columns if column not in old.columns]
        if lacking:
            raise SourceError(f"The table {name!r} has no column {lacking[0]!r}.", "Rename it, or replace the table.")
        return old
    if there:
        sa.Table(name, sa.MetaData(), schema=schema).drop(connection)
    columns: list[sa.Column[Any]] = [sa.Column(column, _type_of(frame[column])) for column in frame.columns]
    goal = sa.Table(name, sa.MetaData(), *columns, schema=schema)
    goal.create(connection)
    return goal


def _type_of(column: pd.Series) -> Any:
    """The SQL type that holds a column."""
    import pandas as pd
    import sqlalchemy as sa

    dtype: Any = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        dtype = column.cat.categories.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return sa.Boolean()
    if pd.api.types.is_integer_dtype(dtype):
        return sa.BigInteger()
    if pd.api.types.is_float_dtype(dtype):
        return sa.Double()
    if pd.api.types.is_timedelta64_dtype(dtype):
        return sa.Interval()
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return sa.DateTime(timezone=getattr(dtype, "tz", None) is not None)
    kinds = {type(value) for value in column.dropna()}
    if kinds == {decimal.Decimal}:
        scale = max(-int(value.as_tuple().exponent) for value in column.dropna() if value.is_finite())
        return sa.Numeric(38, max(scale, 0))
    if kinds == {datetime.date}:
        return sa.Date()
    if kinds == {datetime.time}:
        return sa.Time()
    if kinds == {bool}:
        return sa.Boolean()
    return sa.Text()


def _records(frame: pd.DataFrame) -> Iterator[list[dict[str, Any]]]:
    """Chunks of rows as Python's own types, missing values as None."""
    names = list(frame.columns)
    for start in range(0, len(frame), _ROWS):
        part = frame.iloc[start : start + _ROWS]
        columns = [_values(part[name]) for name in names]
        yield [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(column: pd.Series) -> list[Any]:
    import pandas as pd

    is_text = str(_type_of(column)) == "TEXT"
    values: list[Any] = []
    for value, missing in zip(column.tolist(), column.isna().tolist(), strict=True):
        if missing:
            values.append(None)
        elif isinstance(value, pd.Timestamp):
            values.append(value.to_pydatetime(warn=False))
        elif isinstance(value, pd.Timedelta):
            values.append(value.to_pytimedelta())
        else:
            values.append(str(value) if is_text else value)
    return values
