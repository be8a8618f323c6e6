"""One way in and one way out for tables: `read` and `write` find the connector that a source asks for.

Built-in connectors are modules of this room, named in `SCHEMES`; third parties add theirs through the entry-point
group ``synthdata.connectors``, where the entry point's name is the scheme (``warehouse`` serves ``warehouse:…``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol, cast

from synthdata.connectors.masking import mask
from synthdata.errors import SourceError, SynthdataError, did_you_mean
from synthdata.progress import Progress, silent

if TYPE_CHECKING:
    import pandas as pd

ENTRY_POINTS = "synthdata.connectors"

SCHEMES = {
    "file": "files",
    "s3": "remote",
    "https": "remote",
    "http": "remote",
    "sqlite": "sql",
    "postgresql": "sql",
    "postgres": "sql",
    "mysql": "sql",
    "mariadb": "sql",
    "oracle": "sql",
    "mssql": "sql",
    "duckdb": "duck",
    "sklearn": "datasets",
    "openml": "datasets",
}


@dataclass(frozen=True)
class Loaded:
    """A table as it was read: the frame, how its source may be shown, a short name, and what a person should know.

    ``typed`` says that the source stores the types of its columns, so that no cell was looked at to find them.
    """

    frame: pd.DataFrame
    display: str
    name: str
    notes: tuple[str, ...] = ()
    typed: bool = True

    @cached_property
    def fingerprint(self) -> str:
        """The digest by which the source is known (`synthdata.table.table.fingerprint`); computed once."""
        from synthdata.table.table import fingerprint

        return fingerprint(self.frame)


@dataclass(frozen=True)
class SourceKind:
    """One kind of source: its scheme or file ending, how it is written, what it is, whether `write` serves it."""

    name: str
    form: str
    what: str
    writable: bool


class Connector(Protocol):
    """What a connector offers: a module or object with this function, and with a ``write`` where that makes sense.

    ``write(frame, target, *, table, if_exists)`` returns nothing. Both raise `SourceError` with a message that
    holds no password and no value of a row; `read` calls ``progress.step`` now and then, which is where the
    user's wish to cancel arrives.
    """

    def read(self, source: str, *, table: str | None, query: str | None, progress: Progress) -> Loaded:
        """Read one table; see `read` for what the arguments mean."""
        ...


def read(
    source: str | Path, *, table: str | None = None, query: str | None = None, progress: Progress | None = None
) -> Loaded:
    """Read a whole table from a path or URL; the stage ``read`` is announced on ``progress``.

    ``table`` names a database's table (``schema.table`` too) or a workbook's sheet; ``query`` is one SQL query,
    run in a read-only transaction.

    Raises:
        SourceError: the source cannot be read; the message says where and what to do, without secrets.
        Cancelled: somebody asked to stop.

    >>> read("sklearn:wine").name
    'wine'
    """
    text = _text(source)
    if table is not None and query is not None:
        raise SourceError("Both a table and a query were given.", "Give one of the two.")
    progress = progress or silent()
    with _clean_errors(), progress.stage("read", f"reading {mask(text)}"):
        connector = connector_for(text)
        loaded = connector.read(text, table=table, query=query, progress=progress)
        _check(loaded)
        from synthdata.connectors.offsets import in_one_offset  # not before there is a frame: it loads pandas

        frame, notes = in_one_offset(loaded.frame)
    return replace(loaded, frame=frame, notes=(*loaded.notes, *notes)) if notes else loaded


def read_text(source: str | Path, *, progress: Progress | None = None) -> pd.DataFrame | None:
    """The cells of a file of delimited text as they are, each read by itself; None where the source is something else.

    Raises:
        SourceError: as `read`.
    """
    text = _text(source)
    progress = progress or silent()
    with _clean_errors(), progress.stage("read", f"reading {mask(text)}"):
        reader = getattr(connector_for(text), "read_text", None)
        return None if reader is None else cast("pd.DataFrame | None", reader(text, progress=progress))


def write(frame: pd.DataFrame, target: str | Path, *, table: str | None = None, if_exists: str = "fail") -> None:
    """Write a frame to a file (its ending decides the format) or to a database's table.

    A file is written beside its place and renamed, so that it is there whole or not at all; one that is already
    there is replaced. ``if_exists`` (``fail``, ``replace`` or ``append``) is about a database's table, which is
    written in one transaction. The index is not written.

    Raises:
        SourceError: the target cannot be written; nothing half-written is left.
    """
    text = _text(target)
    if if_exists not in ("fail", "replace", "append"):
        known = did_you_mean(if_exists, ("fail", "replace", "append"))
        raise SourceError(f"Unknown choice {if_exists!r} for a table that exists.", known)
    twice = [str(name) for name in frame.columns[frame.columns.duplicated()].unique()]
    if twice:
        raise SourceError(f"More than one column is named {twice[0]!r}.", "Rename one of them.")
    with _clean_errors():
        connector = connector_for(text)
        writer = getattr(connector, "write", None)
        if writer is None:
            raise SourceError(f"Tables cannot be written to {mask(text)}.", "Write a file or to a database.")
        frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
        writer(frame, text, table=table, if_exists=if_exists)


def require_writable(target: str | Path) -> None:
    """Refuse a file that no table can be written to, by its path alone: before the work, not after it.

    Raises:
        SourceError: an ending that stands for no format, a folder, a file in a folder that is not there.
    """
    text = _text(target)
    with _clean_errors():
        if connector_for(text) is _built_in("files"):
            from synthdata.connectors.files import require_place

            require_place(text)


def connector_for(source: str) -> Connector:
    """The connector that serves a source.

    Raises:
        SourceError: nothing serves its scheme; the message names the nearest one.
    """
    scheme = scheme_of(source)
    if scheme is None or _is_there(source):
        return _built_in("files")
    if scheme in SCHEMES:
        return _built_in(SCHEMES[scheme])
    plugins = {point.name.lower(): point for point in entry_points(group=ENTRY_POINTS)}
    if scheme in plugins:
        return _Plugin(plugins[scheme])
    if any(point.name.split(".")[0] == scheme for point in entry_points(group="sqlalchemy.dialects")):
        return _built_in("sql")
    if "://" not in source and PurePosixPath(source).suffix:
        return _built_in("files")  # a file that is missing and whose name holds a colon
    raise SourceError(
        f"No connector serves {scheme!r} (in {mask(source)}).", did_you_mean(scheme, [*SCHEMES, *plugins])
    )


def scheme_of(source: str) -> str | None:
    """The scheme of a URL in lower case, without the driver that SQLAlchemy's URLs may name; None for a path.

    >>> scheme_of("postgresql+psycopg://localhost/shop"), scheme_of("openml:adult"), scheme_of("data/people.csv")
    ('postgresql', 'openml', None)
    """
    match = re.match(r"([A-Za-z][A-Za-z0-9+_.-]+):", source)
    return match[1].split("+")[0].lower() if match else None


def short_name(text: str) -> str:
    """A name for folders and titles: the last part without endings, of letters, digits, dot, dash and underscore.

    >>> short_name("s3://bucket/sales 2024.csv.gz"), short_name("shop.orders")
    ('sales_2024', 'shop.orders')
    """
    last = PurePosixPath(re.split(r"[?#]", text)[0].rstrip("/")).name if "/" in text else text
    endings = r"(\.(csv|tsv|tab|txt|json|jsonl|ndjson|parquet|pq|xlsx|xlsm|feather|arrow|db|sqlite3?|duckdb|gz|zst))+$"
    name = re.sub(r"[^\w.-]+", "_", re.sub(endings, "", last, flags=re.IGNORECASE)).strip("._-")
    return name or "table"


def known_sources() -> tuple[SourceKind, ...]:
    """Every kind of source, for help texts: file formats first, then schemes, then third parties' own."""
    from synthdata.connectors.files import FORMATS

    kinds = [SourceKind(name, f"table.{name}", form.what, form.writable) for name, form in FORMATS.items()]
    kinds += [
        SourceKind("parquet folder", "folder/", "a folder of Parquet files", False),
        SourceKind("s3", "s3://bucket/table.csv", "any of these files in an S3 store", True),
        SourceKind("https", "https://host/table.csv", "any of these files on a web server", False),
        SourceKind("sqlite", "sqlite:///shop.db", "SQLite, with a table or a query", True),
        SourceKind("postgresql", "postgresql://user:password@host/shop", "PostgreSQL, with a table or a query", True),
        SourceKind("mysql", "mysql://user:password@host/shop", "any other database that SQLAlchemy reaches", True),
        SourceKind("duckdb", "duckdb:///shop.duckdb", "DuckDB, with a table or a query", True),
        SourceKind("sklearn", "sklearn:breast_cancer", "a table that comes with scikit-learn", False),
        SourceKind("openml", "openml:adult", "a public table, fetched from openml.org", False),
    ]
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        package = point.dist.name if point.dist else point.value
        kinds.append(SourceKind(point.name, f"{point.name}:…", f"provided by {package}", True))
    return tuple(kinds)


class _Plugin:
    """A third party's connector; whatever it raises becomes one message without secrets."""

    def __init__(self, point: EntryPoint) -> None:
        self._name = point.name
        try:
            self._connector = point.load()
        except Exception as error:  # noqa: BLE001 - a third party's import may raise anything
            problem = f"The connector {point.name!r} ({point.value}) cannot be loaded: {type(error).__name__}."
            raise SourceError(problem, "Reinstall the package that provides it.") from None
        if hasattr(self._connector, "write"):
            self.write = self._write

    def read(self, source: str, *, table: str | None, query: str | None, progress: Progress) -> Loaded:
        with self._translated(source):
            loaded = self._connector.read(source, table=table, query=query, progress=progress)
        if not isinstance(loaded, Loaded):
            raise SourceError(
                f"The connector {self._name!r} returned a {type(loaded).__name__}, not a Loaded.",
                "Tell its authors: read() returns synthdata.connectors.Loaded.",
            )
        return loaded

    def _write(self, frame: pd.DataFrame, target: str, *, table: str | None, if_exists: str) -> None:
        with self._translated(target):
            self._connector.write(frame, target, table=table, if_exists=if_exists)

    @contextmanager
    def _translated(self, source: str) -> Iterator[None]:
        try:
            yield
        except SynthdataError:
            raise
        except Exception as error:  # noqa: BLE001 - a third party's driver may raise anything
            problem = f"The connector {self._name!r} failed on {mask(source)}: {type(error).__name__}."
            raise SourceError(problem, "Its own text is not shown, as it may hold secrets.") from None


def _built_in(module: str) -> Connector:
    return cast(Connector, import_module(f"synthdata.connectors.{module}"))


def _text(source: str | Path) -> str:
    text = os.fspath(source)
    if not text.strip():
        raise SourceError("The source is empty.", "Give a path or a URL, such as people.csv.")
    return text


def _is_there(source: str) -> bool:
    try:
        return Path(source).exists()
    except (OSError, ValueError):
        return False


def _check(loaded: Loaded) -> None:
    """What every source must have: columns, distinct names and rows."""
    columns = loaded.frame.columns
    twice = [str(name) for name in columns[columns.duplicated()].unique()]
    if twice:
        raise SourceError(f"{loaded.display}: more than one column is named {twice[0]!r}.", "Rename one of them.")
    if not len(columns):
        raise SourceError(f"{loaded.display} has no columns.")
    if not len(loaded.frame):
        raise SourceError(f"{loaded.display} has columns but no rows.", "Give a table with at least one row.")


@contextmanager
def _clean_errors() -> Iterator[None]:
    """Cut off the chain behind an error of ours: a driver's own exception may carry a password or a row."""
    try:
        yield
    except SynthdataError as error:
        error.__context__ = error.__cause__ = None
        raise
