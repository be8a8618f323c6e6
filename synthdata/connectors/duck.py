"""DuckDB files: read-only, cut off from other files and the network, handed over as Arrow batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthdata.connectors.arrow_frames import from_frame, to_frame
from synthdata.connectors.base import Loaded, short_name
from synthdata.connectors.origins import local
from synthdata.errors import MissingExtraError, SourceError, SynthdataError, did_you_mean
from synthdata.progress import Event, Progress

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa

_ROWS = 100_000


def read(source: str, *, table: str | None, query: str | None, progress: Progress) -> Loaded:
    """One table or the result of one query of a DuckDB file, which is opened read-only.

    Raises:
        SourceError: no such file, no table or query given (the message lists the tables), or the query fails.
    """
    import pyarrow as pa

    path = _path(source)
    local(path, str(path))
    with _connected(path, source, read_only=True) as connection:
        if table is None and query is None:
            raise SourceError(f"{source} needs a table or a query.", _listed(_tables(connection)))
        if query is None:
            result = connection.table(_found(connection, str(table), source))
            total = int(result.shape[0])
            name = short_name(str(table).rpartition(".")[2])
        else:
            statements = connection.extract_statements(query)
            if len(statements) != 1:
                raise SourceError(f"{source}: {len(statements)} statements in the query.", "Give one SELECT.")
            result, total, name = connection.query(query), 0, f"{short_name(path.name)}_query"
            if result is None:
                raise SourceError(f"{source}: the query returns no rows.", "Give a SELECT.")
        reader = result.to_arrow_reader(_ROWS)
        batches, rows = [], 0
        for batch in reader:
            batches.append(batch)
            rows += batch.num_rows
            if total:
                progress.step(min(0.99, rows / total), f"{rows:,} rows")
            else:
                progress.emit(Event("read", f"{rows:,} rows"))
        joined = pa.Table.from_batches(batches, schema=reader.schema)
    frame, notes = to_frame(joined, source)
    return Loaded(frame, source, name, tuple(notes))


def write(frame: pd.DataFrame, target: str, *, table: str | None, if_exists: str) -> None:
    """Write a frame as a table, in one transaction.

    Raises:
        SourceError: no table named, the table exists, or it does not take these columns.
    """
    if not table:
        raise SourceError(f"{target} needs the name of the table to write.", "Give a table name.")
    path = _path(target)
    new = not path.exists()
    rows = from_frame(frame)
    try:
        with _connected(path, target, read_only=False) as connection:
            there = table in _tables(connection)
            if there and if_exists == "fail":
                problem = f"{target} already has a table {table!r}."
                raise SourceError(problem, "Choose another name, or replace or append.")
            connection.begin()
            if there and if_exists == "append":
                connection.from_arrow(_arranged(rows, connection, table)).insert_into(_quoted(table))
            else:
                if there:
                    connection.execute(f"DROP TABLE {_quoted(table)}")
                connection.from_arrow(rows).create(_quoted(table))
            connection.commit()
    except SourceError:
        if new:
            path.unlink(missing_ok=True)
            path.with_name(path.name + ".wal").unlink(missing_ok=True)
        raise


def _arranged(rows: pa.Table, connection: duckdb.DuckDBPyConnection, table: str) -> pa.Table:
    """Rows in the order of a table's columns, null where the rows have none."""
    import pyarrow as pa

    names = connection.table(_quoted(table)).columns
    lacking = [name for name in rows.column_names if name not in names]
    if lacking:
        raise SourceError(f"The table {table!r} has no column {lacking[0]!r}.", "Rename it, or replace the table.")
    columns = [rows[name] if name in rows.column_names else pa.nulls(rows.num_rows) for name in names]
    return pa.table(columns, names=names)


@contextmanager
def _connected(path: Path, source: str, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that can reach this one file; DuckDB's errors become ours, without values of rows."""
    try:
        import duckdb
    except ImportError:
        raise MissingExtraError("duckdb", "duckdb") from None
    try:
        with duckdb.connect(str(path), read_only=read_only) as connection:
            connection.execute("SET python_enable_replacements = false")  # a table's name is no Python variable
            connection.execute("SET enable_external_access = false")
            yield connection
        return
    except SynthdataError:
        raise
    except duckdb.Error as error:
        complaint = _complaint(error, source)
    raise complaint


def _complaint(error: Exception, source: str) -> SourceError:
    """DuckDB's own words only where they speak of names and syntax, not of values."""
    kind = type(error).__name__
    shown = kind in ("CatalogException", "BinderException", "ParserException", "PermissionException")
    text = " ".join(str(error).split("\n\nLINE")[0].split())[:300].rstrip(". ") if shown else kind
    if kind == "IOException":
        text = "it is not a DuckDB file, or another program holds it open"
    if kind == "InvalidInputException" and "read-only" in str(error):
        text = "the database is opened read-only"
    return SourceError(f"{source}: {text}.", "Check the query and the names in it.")


def _path(source: str) -> Path:
    place = source.partition(":")[2].partition("?")[0]
    name = place.removeprefix("///") if place.startswith("///") else place.removeprefix("//")
    if not name or name == ":memory:":
        raise SourceError(f"{source} names no file.", "Write it as duckdb:///shop.duckdb.")
    return Path(name).expanduser()


def _tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    rows: list[tuple[Any, ...]] = connection.execute(
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = current_database()"
    ).fetchall()
    return sorted(name if schema == "main" else f"{schema}.{name}" for schema, name in rows)


def _found(connection: duckdb.DuckDBPyConnection, table: str, source: str) -> str:
    """The table's name, quoted, once it is known to exist."""
    names = _tables(connection)
    if table.removeprefix("main.") in names:
        return _quoted(table.removeprefix("main."))
    raise SourceError(f"{source} has no table {table!r}.", did_you_mean(table, names) if names else "It is empty.")


def _quoted(table: str) -> str:
    """``schema.table`` or ``table`` as quoted identifiers."""
    parts = table.split(".", 1)
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def _listed(names: list[str]) -> str:
    return f"Tables: {', '.join(names[:30])}." if names else "It holds no tables."
