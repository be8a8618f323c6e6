"""Files on this machine: the ending decides the format. Reading and writing of each format live in modules beside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from synthdata.connectors.base import Loaded, scheme_of, short_name
from synthdata.connectors.origins import COMPRESSIONS, Origin, local
from synthdata.errors import SourceError, did_you_mean
from synthdata.progress import Progress

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True)
class Format:
    """A file format: what it is, the ``module:function`` that reads it, whether `write` serves it."""

    what: str
    reader: str
    writable: bool = True
    compressible: bool = False
    typed: bool = False


FORMATS = {
    "csv": Format("delimited text, also .csv.gz and .csv.zst", "delimited:read", compressible=True),
    "tsv": Format("text delimited by tabs, also .gz and .zst", "delimited:read", compressible=True),
    "tab": Format("text delimited by tabs", "delimited:read", compressible=True),
    "txt": Format("delimited text", "delimited:read", writable=False, compressible=True),
    "parquet": Format("Parquet", "columnar:read_parquet", typed=True),
    "pq": Format("Parquet", "columnar:read_parquet", typed=True),
    "feather": Format("Feather (Arrow)", "columnar:read_feather", typed=True),
    "arrow": Format("Arrow file", "columnar:read_feather", typed=True),
    "json": Format("JSON, a list of records", "json_records:read", compressible=True),
    "jsonl": Format("JSON, a record a line", "json_records:read_lines", compressible=True),
    "ndjson": Format("JSON, a record a line", "json_records:read_lines", compressible=True),
    "xlsx": Format("Excel workbook; the table names the sheet", "workbook:read"),
    "xlsm": Format("Excel workbook with macros, which are not run", "workbook:read", writable=False),
}


def read(source: str, *, table: str | None, query: str | None, progress: Progress) -> Loaded:
    """A file, or a folder of Parquet files.

    Raises:
        SourceError: see the reader of each format.
    """
    path = local_path(source)
    refuse_query(query, source)
    if is_folder(path):
        refuse_table(table, source)
        from synthdata.connectors.columnar import read_folder

        found = sorted(part for part in path.rglob("*") if part.suffix.lower() in (".parquet", ".pq"))
        kept = [part for part in found if not any(name[0] in "._" for name in part.relative_to(path).parts)]
        parts = [(str(part.relative_to(path)), local(part)) for part in kept]
        return finish(*read_folder(parts, source, progress), source, short_name(path.resolve().name), typed=True)
    origin = local(path, source)
    typed = format_of(origin.path, origin.display).typed
    return finish(*read_origin(origin, table, progress), source, short_name(path.name), typed=typed)


def read_text(source: str, *, progress: Progress) -> pd.DataFrame | None:
    """A file of delimited text with every cell as text; None for other files.

    Raises:
        SourceError: as `read`.
    """
    path = local_path(source)
    return None if is_folder(path) else cells_of(local(path, source), progress)


def cells_of(origin: Origin, progress: Progress) -> pd.DataFrame | None:
    """The cells of delimited text as text, wherever its bytes lie; None where it is something else.

    Raises:
        SourceError: the ending is unknown, or the content cannot be read.
    """
    if not format_of(origin.path, origin.display).reader.startswith("delimited"):
        return None
    from synthdata.connectors.arrow_frames import to_frame
    from synthdata.connectors.delimited import read_text as as_text

    return to_frame(as_text(origin, progress), origin.display)[0]


def write(frame: pd.DataFrame, target: str, *, table: str | None, if_exists: str) -> None:
    """Write a file beside its place, then rename it.

    Raises:
        SourceError: unknown ending, missing folder, full disk; no part of the file is left.
    """
    from synthdata.connectors.writing import write_file

    if table is not None:
        raise SourceError(f"{target} is a file and takes no table name.", "Leave the table's name out.")
    if if_exists == "append":
        raise SourceError(f"Rows cannot be appended to the file {target}.", "Write a new file or to a database.")
    write_file(frame, local_path(target))


def require_place(target: str) -> None:
    """Refuse a path that no file can be written to, before there is anything to write.

    Raises:
        SourceError: the ending stands for no format, it is a folder, or the folder around it is missing.
    """
    from synthdata.connectors.writing import writer_at

    writer_at(local_path(target))


def read_origin(origin: Origin, table: str | None, progress: Progress) -> tuple[pa.Table, list[str]]:
    """A file's content as an Arrow table, wherever its bytes lie, and notes.

    Raises:
        SourceError: the ending is unknown, or the content cannot be read.
    """
    form = format_of(origin.path, origin.display)
    reader = _function(form.reader)
    if form.reader.startswith("workbook"):
        return reader(origin, progress, sheet=table)
    refuse_table(table, origin.display)
    return reader(origin, progress)


def finish(table: pa.Table, notes: list[str], display: str, name: str, *, typed: bool) -> Loaded:
    """What every file ends as; ``typed`` where the file stores the types of its columns."""
    from synthdata.connectors.arrow_frames import to_frame

    frame, further = to_frame(table, display)
    return Loaded(frame, display, name, (*notes, *further), typed)


def format_of(path: str, display: str, *, writing: bool = False) -> Format:
    """The format that a path's ending stands for.

    Raises:
        SourceError: no such ending; the message names the nearest.
    """
    name = path.lower()
    compression = next((ending for ending in COMPRESSIONS if name.endswith(ending)), "")
    ending = Path(name.removesuffix(compression) if compression else name).suffix.lstrip(".")
    form = FORMATS.get(ending)
    if form is None or (writing and not form.writable):
        known = [name for name, form in FORMATS.items() if form.writable or not writing]
        shown = f"the ending .{ending}" if ending else "no ending"
        raise SourceError(f"{display} has {shown}, which stands for no format.", did_you_mean(ending, known))
    if compression and not form.compressible:
        raise SourceError(f"{display}: a .{ending} file is compressed within.", f"Leave {compression} out.")
    return form


def local_path(source: str) -> Path:
    """A path or ``file:`` URL as a path."""
    if scheme_of(source) == "file":
        return Path(unquote(urlsplit(source).path))
    return Path(source).expanduser()


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; one that cannot even be looked up is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def refuse_query(query: str | None, display: str) -> None:
    """A file is no database."""
    if query is not None:
        raise SourceError(f"{display} is a file and takes no query.", "Queries are for databases (duckdb:///x.duckdb).")


def refuse_table(table: str | None, display: str) -> None:
    """Only a workbook holds several tables."""
    if table is not None:
        raise SourceError(f"{display} holds one table and takes no table name.", "Leave the table's name out.")


def _function(reader: str) -> Callable[..., tuple[pa.Table, list[str]]]:
    module, function = reader.split(":")
    found: Callable[..., tuple[pa.Table, list[str]]] = getattr(
        import_module(f"synthdata.connectors.{module}"), function
    )
    return found
