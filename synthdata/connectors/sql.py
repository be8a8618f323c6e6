"""Databases through SQLAlchemy: read-only, in chunks, identifiers quoted by the library, passwords never shown."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from synthdata.connectors.arrow_frames import RowsBuilder, to_frame
from synthdata.connectors.base import Loaded, short_name
from synthdata.connectors.masking import mask, scrub
from synthdata.connectors.origins import local
from synthdata.errors import MissingExtraError, SourceError, SynthdataError, did_you_mean
from synthdata.progress import Event, Progress

if TYPE_CHECKING:
    import pandas as pd
    import sqlalchemy as sa

_ROWS = 20_000
_CONNECT_SECONDS = 10
_DRIVERS = {"postgresql": ("psycopg", "psycopg2"), "mysql": ("pymysql", "MySQLdb"), "mariadb": ("pymysql", "MySQLdb")}
_DRIVER_NAMES = {"MySQLdb": "mysqldb"}
# Messages that speak of the query or the connection alone. All others may quote a row, and only their kind is shown.
_SAFE_STATES = ("08", "25", "28", "3D", "3F", "42", "53", "57")
_SAFE_SQLITE = (
    "no such", "near ", "incomplete input", "unrecognized token", "ambiguous column", "file is not a database",
    "database is locked", "attempt to write", "unable to open", "wrong number of arguments", "You can only execute",
)  # fmt: skip


def read(source: str, *, table: str | None, query: str | None, progress: Progress) -> Loaded:
    """One table or the result of one query, inside a read-only transaction.

    Raises:
        SourceError: no table or query given (the message lists the tables), server down, query fails.
    """
    engine = open_engine(source, read_only=True)
    notes: list[str] = []
    try:
        with translated(source, "connecting failed"):
            connection = engine.connect()
        with connection:
            if table is None and query is None:
                raise SourceError(f"{mask(source)} needs a table or a query.", _listed(_tables(connection, source)))
            with translated(source, "it cannot be made read-only"):
                _make_read_only(connection)
            if query is not None:
                builder = _fetch_query(connection, query, source, progress)
                name = f"{short_name(engine.url.database or 'database')}_query"
            else:
                found = _reflected(connection, str(table), source, notes)
                builder = _fetch_table(connection, found, source, progress, notes)
                name = short_name(found.name)
            with translated(source, "ending the transaction failed"):
                connection.rollback()
    finally:
        engine.dispose()
    joined, further = builder.table()
    frame, last = to_frame(joined, mask(source))
    return Loaded(frame, mask(source), name, (*notes, *further, *last))


def write(frame: pd.DataFrame, target: str, *, table: str | None, if_exists: str) -> None:
    """Write a frame as a table, in one transaction; see `sql_writing`."""
    from synthdata.connectors.sql_writing import write_table

    write_table(frame, target, table, if_exists)


def open_engine(source: str, *, read_only: bool) -> sa.Engine:
    """An engine for a URL, without a pool, that gives up connecting after some seconds.

    Raises:
        SourceError: the URL is malformed, its file missing or its driver not installed.
    """
    try:
        import sqlalchemy as sa
    except ImportError:
        raise MissingExtraError("sqlalchemy", "sql") from None
    url = _parsed(source)
    arguments: dict[str, Any] = {}
    options: dict[str, Any] = {"poolclass": sa.pool.NullPool, "hide_parameters": True}
    if url.get_backend_name() == "sqlite":
        options["creator"] = _sqlite_creator(url, source, read_only)
    elif url.get_backend_name() in _DRIVERS:
        arguments["connect_timeout"] = _CONNECT_SECONDS
    try:
        return sa.create_engine(url, connect_args=arguments, **options)
    except ModuleNotFoundError as error:
        name = url.get_backend_name()
        problem = f"{mask(source)} needs the Python package {error.name!r}, which is not installed."
    except sa.exc.NoSuchModuleError:
        name = url.drivername
        problem = f"SQLAlchemy knows no database {name!r} (in {mask(source)})."
    except (sa.exc.ArgumentError, TypeError, ValueError):
        name, problem = url.drivername, f"{mask(source)} has parts that its driver does not accept."
    raise SourceError(problem, f"Install a SQLAlchemy driver for {name}, or check the URL.")


@contextmanager
def translated(source: str, what: str) -> Iterator[None]:
    """Turn whatever a driver raises into one message with neither password nor row, and nothing chained to it."""
    try:
        yield
        return
    except SynthdataError:
        raise
    except Exception as error:  # noqa: BLE001 - each driver raises kinds of its own
        complaint = SourceError(f"{mask(source)}: {what}: {_explained(error, source)}.", _advice(error))
    raise complaint


def _explained(error: Exception, source: str) -> str:
    """What a driver's error says where that is safe to show, else its kind."""
    cause = getattr(error, "orig", None) or error
    kind = type(cause).__name__
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    text = ""
    if isinstance(cause, sqlite3.Error):
        text = str(cause) if str(cause).startswith(_SAFE_SQLITE) else ""
    elif state is not None:
        primary = getattr(getattr(cause, "diag", None), "message_primary", None)
        text = str(primary or cause) if state.startswith(_SAFE_STATES) else ""
        kind = f"{kind}, SQLSTATE {state}"
    elif re.search(r"connect|resolve|host|timeout|socket|authentication", str(cause), re.IGNORECASE):
        text = str(cause) if kind in ("OperationalError", "ConnectionTimeout") else ""
    text = scrub(text.strip().partition("\n")[0], source)[:300].rstrip(". ")  # hints follow on further lines
    return text or kind


def _advice(error: Exception) -> str:
    cause = str(getattr(error, "orig", None) or error)
    if re.search(r"refused|resolve|timeout|timed out|could not connect|No such file", cause, re.IGNORECASE):
        return "Is the server running, and are host and port right?"
    if re.search(r"authentication|password|role .* does not exist", cause, re.IGNORECASE):
        return "Check user name and password."
    return "Check the query, the names in it and your rights."


def _parsed(source: str) -> sa.URL:
    import sqlalchemy as sa

    authority = source.partition("://")[2].partition("?")[0]
    if authority.count("@") > 1:
        problem = f"{mask(source)} holds more than one '@'."
        raise SourceError(problem, "Write special characters of a password percent-encoded: @ as %40, / as %2F.")
    if source.startswith("postgres:"):
        source = source.replace("postgres:", "postgresql:", 1)
    try:
        url = sa.make_url(source)
        name, known = url.drivername, _DRIVERS.get(url.drivername)
        for module in known or ():
            if _installed(module):
                return url.set(drivername=f"{name}+{_DRIVER_NAMES.get(module, module)}")
        return url
    except Exception:  # noqa: BLE001 - a malformed port is a ValueError, other parts other kinds
        complaint = SourceError(f"{mask(source)} is not a database URL.", "Write it as postgresql://user@host/name.")
    raise complaint


def _installed(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None


def _sqlite_creator(url: sa.URL, source: str, read_only: bool) -> Any:
    """A connection to a SQLite file that can never create it by reading."""
    if not url.database or url.database == ":memory:":
        raise SourceError(f"{source} names no file.", "Write it as sqlite:///shop.db.")
    path = Path(url.database).expanduser()
    if read_only:
        local(path, url.database)
    mode = "ro" if read_only else "rwc"
    address = f"file:{quote(str(path))}?mode={mode}"
    # Transactions are begun by us, so that creating a table is part of one.
    return lambda: sqlite3.connect(address, uri=True, timeout=_CONNECT_SECONDS, isolation_level=None)


def _make_read_only(connection: sa.Connection) -> None:
    """Begin a transaction that the database itself keeps from writing, where it knows how."""
    name = connection.dialect.name
    if name == "postgresql":
        # For the session too: a query that ends the transaction would else be free to write after it.
        connection.exec_driver_sql("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        connection.commit()
    elif name in ("mysql", "mariadb"):
        connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
        connection.commit()
    elif name == "sqlite":
        connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.exec_driver_sql("BEGIN")


def _tables(connection: sa.Connection, source: str) -> list[str]:
    """Names of tables and views: bare in the default schema, ``schema.table`` elsewhere."""
    import sqlalchemy as sa

    with translated(source, "its tables cannot be listed"):
        inspector = sa.inspect(connection)
        names = [*inspector.get_table_names(), *inspector.get_view_names()]
        hidden = re.compile(r"^(pg_|information_schema$|sys$|mysql$|performance_schema$)|^main$", re.IGNORECASE)
        for schema in inspector.get_schema_names():
            if schema != inspector.default_schema_name and not hidden.search(schema):
                further = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
                names += [f"{schema}.{name}" for name in further]
        return names


def _listed(names: list[str], most: int = 30) -> str:
    if not names:
        return "It holds no tables."
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"Tables: {', '.join(sorted(names)[:most])}{more}."


def _reflected(connection: sa.Connection, table: str, source: str, notes: list[str]) -> sa.Table:
    """The table with its declared types, found as written or as ``schema.table``."""
    import sqlalchemy as sa

    inspector = sa.inspect(connection)
    with translated(source, "its tables cannot be looked up"):
        schema, name = None, table
        if not inspector.has_table(name) and "." in table:
            schema, _, name = table.partition(".")
        there = inspector.has_table(name, schema)
    if not there:
        names = _tables(connection, source)
        advice = did_you_mean(table, names) if names else "It holds no tables."
        raise SourceError(f"{mask(source)} has no table {table!r}.", advice)
    with translated(source, f"the table {table!r} cannot be described"):
        return sa.Table(name, sa.MetaData(), schema=schema, autoload_with=connection, resolve_fks=False)


def _fetch_table(
    connection: sa.Connection, table: sa.Table, source: str, progress: Progress, notes: list[str]
) -> RowsBuilder:
    import sqlalchemy as sa

    with translated(source, f"reading the table {table.name!r} failed"):
        total = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        streaming = connection.execution_options(stream_results=True, yield_per=_ROWS)
        try:
            return _collected(streaming.execute(sa.select(table)), progress, total)
        except (ValueError, TypeError):
            # SQLite stores anything anywhere, a date column text that is no date among it.
            notes.append("some values do not fit their declared types: columns read as they are stored")
            plain = [sa.type_coerce(column, sa.types.NullType()).label(column.name) for column in table.columns]
            return _collected(streaming.execute(sa.select(*plain).select_from(table)), progress, total)


def _fetch_query(connection: sa.Connection, query: str, source: str, progress: Progress) -> RowsBuilder:
    with translated(source, "the query failed"):
        # The driver gets the text as it is: neither ':' nor '%' in it stands for a parameter.
        options: dict[str, Any] = {"stream_results": True, "yield_per": _ROWS, "no_parameters": True}
        result = connection.execution_options(**options).exec_driver_sql(query.strip().rstrip(";"))
        if not result.returns_rows:
            raise SourceError(f"{mask(source)}: the query returns no rows.", "Give a SELECT.")
        return _collected(result, progress, None)


def _collected(result: sa.CursorResult[Any], progress: Progress, total: int | None) -> RowsBuilder:
    """All rows of a result, chunk by chunk; the wish to cancel is heard after each."""
    builder = RowsBuilder([str(name) for name in result.keys()])  # noqa: SIM118 - a result is not a mapping
    for part in result.partitions(_ROWS):
        builder.add(list(zip(*part, strict=True)))
        message = f"{builder.rows:,} rows"
        if total:
            progress.step(min(0.99, builder.rows / total), message)
        else:
            progress.emit(Event("read", message))
    if not builder.rows:
        builder.add([[] for _ in builder.names])
    return builder
