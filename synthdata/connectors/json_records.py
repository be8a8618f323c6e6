"""JSON (a list of records, or columns) and JSONL (a record a line)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from synthdata.connectors.arrow_frames import RowsBuilder
from synthdata.connectors.origins import Origin
from synthdata.errors import SourceError
from synthdata.progress import Progress

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 20_000


def read_lines(origin: Origin, progress: Progress) -> tuple[pa.Table, list[str]]:
    """JSONL: one object a line, keys missing from a line null.

    Raises:
        SourceError: a line is no JSON object; the message names it.
    """
    return _table(_lines(origin), origin, progress)


def read(origin: Origin, progress: Progress) -> tuple[pa.Table, list[str]]:
    """JSON: a list of objects, pandas' ``split`` and ``table`` forms, or an object of columns.

    Raises:
        SourceError: it is no JSON, or none of these forms; the message names line and column.
    """
    with origin.open() as stream:
        content = stream.read()
    if not content.strip():
        raise SourceError(f"{origin.display} is empty.", "Give a list of records.")
    try:
        document = _DECODER.decode(_decoded(content, origin))
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and error.lineno > 1:
            return read_lines(origin, progress)
        raise SourceError(
            f"{origin.display}, line {error.lineno}, column {error.colno}: not JSON ({error.msg}).", "Mend the file."
        ) from None
    except _DuplicateKey as error:
        raise SourceError(f"{origin.display}: a record names {error.key!r} twice.", "Rename one of them.") from None
    except RecursionError:
        raise SourceError(f"{origin.display} is nested too deeply.", "Give a list of flat records.") from None
    progress.step(0.5)
    return _table(enumerate(_records(document, origin), start=1), origin, progress, "record")


def _table(
    records: Iterable[tuple[int, Any]], origin: Origin, progress: Progress, unit: str = "line"
) -> tuple[pa.Table, list[str]]:
    import pyarrow as pa

    names: dict[str, None] = {}
    parts: list[RowsBuilder] = []
    chunk: list[dict[str, Any]] = []
    missing = False
    for number, record in records:
        if not isinstance(record, dict):
            problem = f"{origin.display}, {unit} {number}: a {_kind(record)} where an object was expected."
            raise SourceError(problem, "Each record must be an object of column names and values.")
        if record.keys() != names.keys():
            missing = missing or bool(names)
            names.update(dict.fromkeys(record))
        chunk.append(record)
        if len(chunk) == _ROWS:
            parts.append(_part(chunk, names))
            chunk = []
            progress.step(min(0.99, number * 150 / max(origin.size, 1)), f"{number:,} records")
    if chunk or not parts:
        parts.append(_part(chunk, names))
    builder = RowsBuilder(list(names))
    for part in parts:
        builder.extend(part)
    table, notes = builder.table()
    if not names:
        table = pa.table({})
    return table, notes + (["keys missing from some records are null"] if missing else [])


def _part(chunk: list[dict[str, Any]], names: dict[str, None]) -> RowsBuilder:
    part = RowsBuilder(list(names))
    part.add([[record.get(name) for record in chunk] for name in names])
    return part


def _lines(origin: Origin) -> Iterator[tuple[int, Any]]:
    with origin.open() as stream:
        number, rest = 0, b""
        while True:
            block = stream.read(1 << 20)
            lines = (rest + block).split(b"\n")
            rest = lines.pop() if block else b""
            for line in lines:
                number += 1
                if line.strip(b"\xef\xbb\xbf \t\r"):
                    yield number, _parsed(line, number, origin)
            if not block:
                return


def _parsed(line: bytes, number: int, origin: Origin) -> Any:
    try:
        return _DECODER.decode(_decoded(line, origin, number))
    except json.JSONDecodeError as error:
        problem = f"{origin.display}, line {number}, column {error.colno}: not JSON ({error.msg})."
        raise SourceError(problem, "Mend the line: one JSON object a line.") from None
    except _DuplicateKey as error:
        problem = f"{origin.display}, line {number}: the record names {error.key!r} twice."
        raise SourceError(problem, "Rename one of them.") from None
    except RecursionError:
        raise SourceError(f"{origin.display}, line {number}: nested too deeply.", "Give flat records.") from None


def _decoded(content: bytes, origin: Origin, line: int | None = None) -> str:
    try:
        return content.decode(json.detect_encoding(content) if line is None else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = line or content[: error.start].count(b"\n") + 1
        problem = f"{origin.display}, line {line}: byte offset {error.start} is not valid UTF-8."
        raise SourceError(problem, "JSON must be UTF-8: save the file as such.") from None


def _records(document: Any, origin: Origin) -> Iterator[Any]:
    if isinstance(document, list):
        return iter(document)
    if isinstance(document, dict) and isinstance(document.get("data"), list):
        rows, names = document["data"], document.get("columns")
        if names is None:
            return iter(rows)
        if isinstance(names, list) and all(isinstance(row, list) and len(row) == len(names) for row in rows):
            return (dict(zip(map(str, names), row, strict=True)) for row in rows)
    if isinstance(document, dict) and document:
        columns = list(document.values())
        if all(isinstance(column, dict) for column in columns):
            keys = list(dict.fromkeys(key for column in columns for key in column))
            return ({name: document[name].get(key) for name in document} for key in keys)
        if all(isinstance(column, list) and len(column) == len(columns[0]) for column in columns):
            return (dict(zip(document, row, strict=True)) for row in zip(*columns, strict=True))
    raise SourceError(f"{origin.display} holds no table that could be recognised.", "Give a list of records.")


class _DuplicateKey(Exception):
    def __init__(self, key: str) -> None:
        self.key = key


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        seen: set[str] = set()
        raise _DuplicateKey(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return record


_DECODER = json.JSONDecoder(object_pairs_hook=_unique)


def _kind(value: Any) -> str:
    return {list: "list", str: "text", bool: "truth value", type(None): "null"}.get(type(value), "number")
