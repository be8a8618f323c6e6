"""Parquet, one file or a folder of them, and Feather."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from synthdata.connectors.origins import Origin
from synthdata.errors import SourceError
from synthdata.progress import Progress

if TYPE_CHECKING:
    import pyarrow as pa


def read_parquet(origin: Origin, progress: Progress) -> tuple[pa.Table, list[str]]:
    """One Parquet file, read row group by row group."""
    return _parquet(origin, progress, 0.0, 1.0), []


def read_feather(origin: Origin, progress: Progress) -> tuple[pa.Table, list[str]]:
    """One Feather (Arrow IPC) file."""
    import pyarrow as pa
    from pyarrow import feather

    try:
        with origin.open() as stream:
            table = feather.read_table(stream, memory_map=False)
    except pa.ArrowInvalid:
        raise SourceError(f"{origin.display} is not a whole Feather file.", "Was it cut short or misnamed?") from None
    progress.step(1.0)
    return table, []


def read_folder(parts: Sequence[tuple[str, Origin]], display: str, progress: Progress) -> tuple[pa.Table, list[str]]:
    """Parquet files that make one table; ``parts`` pairs each path below the folder with its origin.

    Folders named ``key=value`` become columns. Files must agree on their column names.

    Raises:
        SourceError: there are no Parquet files, or two differ in their columns; the message names them.
    """
    import pyarrow as pa

    if not parts:
        raise SourceError(f"The folder {display} holds no Parquet files.", "Name a single file instead.")
    tables: list[pa.Table] = []
    for number, (path, origin) in enumerate(parts):
        table = _parquet(origin, progress, number / len(parts), (number + 1) / len(parts))
        for key, value in _keys(path):
            table = table.append_column(key, pa.array([value] * table.num_rows, pa.string()))
        if tables and table.column_names != tables[0].column_names:
            table = _in_order(table, tables[0], origin.display, parts[0][1].display)
        tables.append(table)
    try:
        joined = pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        raise _disagreement(tables, [origin.display for _, origin in parts]) from None
    joined, notes = _typed_keys(joined, [key for key, _ in _keys(parts[0][0])])
    return joined, [f"{len(parts)} Parquet files joined", *notes]


def _parquet(origin: Origin, progress: Progress, low: float, high: float) -> pa.Table:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with origin.open() as stream:
            file = parquet.ParquetFile(stream)
            groups = []
            for number in range(file.num_row_groups):
                groups.append(file.read_row_group(number))
                progress.step(low + (high - low) * (number + 1) / file.num_row_groups)
            return pa.concat_tables(groups) if groups else file.schema_arrow.empty_table()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise SourceError(f"{origin.display} is not a whole Parquet file.", "Was it cut short or misnamed?") from None


def _keys(path: str) -> list[tuple[str, str]]:
    """The ``key=value`` folders on a path."""
    folders = PurePosixPath(path).parent.parts
    return [(key, value) for key, sign, value in (folder.partition("=") for folder in folders) if sign]


def _in_order(table: pa.Table, first: pa.Table, display: str, first_display: str) -> pa.Table:
    missing = [name for name in first.column_names if name not in table.column_names]
    extra = [name for name in table.column_names if name not in first.column_names]
    if missing or extra:
        what = f"lacks the column {missing[0]!r}" if missing else f"has the further column {extra[0]!r}"
        raise SourceError(f"{display} {what}, compared with {first_display}.", "Give files with the same columns.")
    return table.select(first.column_names)


def _disagreement(tables: list[pa.Table], displays: list[str]) -> SourceError:
    for table, display in zip(tables, displays, strict=True):
        for field, other in zip(tables[0].schema, table.schema, strict=True):
            if field.type != other.type:
                problem = f"Column {field.name!r} is {field.type} in {displays[0]} but {other.type} in {display}."
                return SourceError(problem, "Give files whose columns have the same types.")
    return SourceError(f"The files beside {displays[0]} cannot be joined.", "Give files with the same columns.")


def _typed_keys(table: pa.Table, keys: list[str]) -> tuple[pa.Table, list[str]]:
    """Columns made of folder names, typed as in a text file."""
    if not keys:
        return table, []
    from synthdata.connectors.text_columns import typed

    made, notes = typed(table.select(keys), ",")
    for key in keys:
        table = table.set_column(table.column_names.index(key), key, made[key])
    return table, [f"columns made of folder names: {', '.join(keys)}", *notes]
