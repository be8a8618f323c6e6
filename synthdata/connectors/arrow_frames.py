"""Between Arrow tables, rows of Python objects and pandas frames, keeping types: nullable integers stay integers."""

from __future__ import annotations

import datetime
import json
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from synthdata.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_PLAIN = (bool, int, float, str, bytes, list, dict, datetime.datetime, datetime.date, datetime.time, datetime.timedelta)


class RowsBuilder:
    """Collects rows of Python objects chunk by chunk, each column in the narrowest Arrow type that holds it exactly.

    >>> builder = RowsBuilder(["age", "name"])
    >>> builder.add([[31, None], ["Ann", "Bob"]])
    >>> table, notes = builder.table()
    >>> [str(field.type) for field in table.schema]
    ['int64', 'string']
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self.rows = 0
        self._parts: list[list[pa.Array]] = [[] for _ in self.names]
        self._mixed: set[str] = set()

    def add(self, columns: Sequence[Sequence[Any]]) -> None:
        """Add one chunk, given column by column: as many sequences as names, equally long."""
        for index, values in enumerate(columns):
            self._parts[index].append(self._array(self.names[index], values))
        self.rows += len(columns[0]) if columns else 0

    def extend(self, other: RowsBuilder) -> None:
        """Add everything another builder holds; its names are among mine, those it lacks are null."""
        import pyarrow as pa

        for name, parts in zip(self.names, self._parts, strict=True):
            known = name in other.names
            parts += other._parts[other.names.index(name)] if known else [pa.nulls(other.rows)]
        self._mixed |= other._mixed
        self.rows += other.rows

    def table(self) -> tuple[pa.Table, list[str]]:
        """Everything that was added, and notes on the columns that had to become text."""
        import pyarrow as pa

        columns = [self._joined(name, parts) for name, parts in zip(self.names, self._parts, strict=True)]
        notes = [f"values of several kinds read as text: {name}" for name in self.names if name in self._mixed]
        return pa.table(columns, names=self.names), notes

    def _array(self, name: str, values: Sequence[Any]) -> pa.Array:
        import pyarrow as pa

        kinds = {type(value) for value in values} - {type(None)}
        if len(kinds) > 1 and not kinds <= {int, float} and {kind.__name__ for kind in kinds} != {"int", "Decimal"}:
            self._mixed.add(name)
            return pa.array([_as_text(value) for value in values], pa.string())
        try:
            return pa.array(values, from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, UnicodeError):
            if any(issubclass(kind, _PLAIN) and not issubclass(kind, str) for kind in kinds):
                self._mixed.add(name)
            return pa.array([_as_text(value) for value in values], pa.string())

    def _joined(self, name: str, parts: list[pa.Array]) -> pa.ChunkedArray:
        import pyarrow as pa

        kinds = {part.type for part in parts if not pa.types.is_null(part.type)}
        if not kinds:
            return pa.chunked_array([pa.nulls(self.rows)])
        if len(kinds) > 1 and not any(pa.types.is_boolean(kind) or pa.types.is_string(kind) for kind in kinds):
            try:
                tables = [pa.table({"column": part}) for part in parts]
                return pa.concat_tables(tables, promote_options="permissive").column("column")
            except (pa.ArrowInvalid, pa.ArrowTypeError):
                pass
        if len(kinds) > 1:
            self._mixed.add(name)
            texts = [pa.array([_as_text(value) for value in part.to_pylist()], pa.string()) for part in parts]
            return pa.chunked_array(texts, pa.string())
        kind = kinds.pop()
        return pa.chunked_array([part.cast(kind) for part in parts], kind)


def to_frame(table: pa.Table, display: str) -> tuple[pd.DataFrame, list[str]]:
    """An Arrow table as a frame with a plain index, and notes on what pandas could not hold as it was.

    Integers and truth values with nulls become ``Int64`` and ``boolean``, dates midnights, times of day time since
    midnight, decimals `Decimal`, dictionaries categories; nested values become JSON text, bytes hexadecimal text.

    Raises:
        SourceError: two columns share a name.
    """
    import pandas as pd
    import pyarrow as pa

    twice = [name for name, count in Counter(table.column_names).items() if count > 1]
    if twice:
        advice = "Rename one of them; in a query, with AS."
        raise SourceError(f"{display}: more than one column is named {twice[0]!r}.", advice)
    table, notes = _holdable(table)
    frame = table.to_pandas(date_as_object=False, strings_to_categorical=False)
    unnamed = isinstance(frame.index, pd.RangeIndex) or all(name is None for name in frame.index.names)
    if not unnamed:
        notes.append(f"the index became columns: {', '.join(map(str, frame.index.names))}")
    frame = frame.reset_index(drop=unnamed)
    frame.columns = pd.Index([str(name) for name in frame.columns])
    for field in table.schema:
        column = table[field.name] if field.name in frame else None
        if column is not None and column.null_count and frame[field.name].dtype.kind in "fO":
            dtype = _nullable(field.type)
            if dtype is not None and not pa.types.is_null(field.type):
                frame[field.name] = dtype.__from_arrow__(column)
    return frame, notes


def from_frame(frame: pd.DataFrame) -> pa.Table:
    """A frame as an Arrow table, without its index.

    Raises:
        SourceError: a column holds objects of kinds that a typed file cannot hold together.
    """
    import pyarrow as pa

    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        pass
    for name in frame.columns:
        try:
            pa.array(frame[name], from_pandas=True)
        except (pa.ArrowException, OverflowError, TypeError, ValueError):
            problem = f"Column {name!r} holds values of several kinds and cannot be written to this kind of target."
            raise SourceError(problem, "Give the column one type, or write CSV.") from None
    raise SourceError("This frame cannot be written to this kind of target.", "Write CSV instead.")


def _holdable(table: pa.Table) -> tuple[pa.Table, list[str]]:
    """The table with the columns replaced that a frame cannot hold well."""
    import pyarrow as pa
    import pyarrow.compute as pc

    notes = []
    for index, field in enumerate(table.schema):
        kind, column = field.type, table.column(index)
        if str(getattr(kind, "extension_name", "")) == "arrow.uuid":
            texts = [None if value is None else str(value) for value in column.to_pylist()]
            table = table.set_column(index, field.name, pa.array(texts, pa.string()))
            continue
        if isinstance(kind, pa.BaseExtensionType):
            kind, column = kind.storage_type, pa.chunked_array([c.storage for c in column.chunks], kind.storage_type)
        if pa.types.is_nested(kind):
            texts = [None if value is None else _as_text(value) for value in column.to_pylist()]
            table = table.set_column(index, field.name, pa.array(texts, pa.string()))
            notes.append(f"nested values written as JSON text: {field.name}")
        elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
            texts = [None if value is None else value.hex() for value in column.to_pylist()]
            table = table.set_column(index, field.name, pa.array(texts, pa.string()))
            notes.append(f"bytes written as hexadecimal text: {field.name}")
        elif pa.types.is_time(kind):
            whole = pa.int32() if pa.types.is_time32(kind) else pa.int64()
            since = pc.cast(pc.cast(pc.cast(column, whole), pa.int64()), pa.duration(kind.unit))
            table = table.set_column(index, field.name, since)
            notes.append(f"times of day read as time since midnight: {field.name}")
        elif pa.types.is_date(kind):
            table = table.set_column(
                index, field.name, pc.cast(column, pa.timestamp("s" if kind == pa.date32() else "ms"))
            )
        elif kind is not field.type:
            table = table.set_column(index, field.name, column)
    return table, notes


def _nullable(kind: pa.DataType) -> Any:
    """The pandas dtype that holds these integers or truth values with nulls."""
    import pandas as pd
    import pyarrow as pa

    if pa.types.is_boolean(kind):
        return pd.BooleanDtype()
    if pa.types.is_integer(kind):
        return pd.api.types.pandas_dtype(str(kind).replace("int", "Int").replace("u", "U"))
    return None


def _as_text(value: Any) -> str | None:
    if value is None or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, default=str, ensure_ascii=False)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    text = str(value)
    return text.encode("utf-8", "replace").decode()  # lone surrogates cannot be stored
