"""Writing a frame as a file: beside its place, then renamed, so that it is there whole or not at all."""

from __future__ import annotations

import errno
import gzip
import io
import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from synthdata.atomic import replacing
from synthdata.connectors.arrow_frames import from_frame
from synthdata.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd

_ROWS = 50_000


def write_file(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame to a local path, whose ending decides the format.

    Raises:
        SourceError: the folder is missing, the disk is full, or the format cannot hold the frame.
    """
    writer = writer_at(path)
    with beside(path) as stream:
        writer(frame, stream)


def writer_at(path: Path) -> Callable[[pd.DataFrame, BinaryIO], None]:
    """The function that writes a frame in the format of a local path, having looked at the place.

    Raises:
        SourceError: the path is a folder, its folder is missing, or its ending stands for no format.
    """
    if path.is_dir():
        raise SourceError(f"{path} is a folder.", "Name a file in it, such as table.csv.")
    writer = writer_for(path.name, str(path))
    _require_folder(path)
    return writer


def writer_for(name: str, display: str) -> Callable[[pd.DataFrame, BinaryIO], None]:
    """The function that writes a frame to a binary stream in the format of a file name, compressed as it says.

    Raises:
        SourceError: the ending stands for no format that can be written.
    """
    from synthdata.connectors.files import format_of

    form = format_of(name, display, writing=True)
    if form.reader.startswith("delimited"):
        delimiter = "," if ".csv" in name.lower() else "\t"
        return _compressed(name, lambda frame, stream: _write_delimited(frame, stream, delimiter))
    if form.reader.startswith("json_records"):
        lines = form.reader.endswith("read_lines")
        return _compressed(name, lambda frame, stream: _write_json(frame, stream, lines))
    if form.reader.startswith("workbook"):
        from synthdata.connectors import workbook

        return workbook.write
    return _write_parquet if form.reader.endswith("parquet") else _write_feather


@contextmanager
def beside(path: Path) -> Iterator[BinaryIO]:
    """A binary stream to a hidden file beside ``path`` that takes its name at the end, or is removed on any failure.

    Raises:
        SourceError: the folder is missing or may not be written to, or the disk is full.
    """
    _require_folder(path)
    with replacing(path) as part:
        try:
            with part.open("xb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise _refusal(error, path) from None


def _require_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise SourceError(f"The folder {path.parent} does not exist.", "Create it first.")


def _refusal(error: OSError, path: Path) -> SourceError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)
    if full:
        return SourceError(f"The disk is full: {path} was not written.", "Free some space, or write elsewhere.")
    reason = error.strerror or type(error).__name__
    return SourceError(f"{path} cannot be written: {reason}.", "Check the path and its permissions.")


def _compressed(
    name: str, writer: Callable[[pd.DataFrame, BinaryIO], None]
) -> Callable[[pd.DataFrame, BinaryIO], None]:
    def write(frame: pd.DataFrame, stream: BinaryIO) -> None:
        if name.lower().endswith(".gz"):
            with gzip.GzipFile("", "wb", fileobj=stream, mtime=0) as packed:
                writer(frame, cast(BinaryIO, packed))
        elif name.lower().endswith(".zst"):
            import zstandard

            with zstandard.ZstdCompressor().stream_writer(stream, closefd=False) as packed:
                writer(frame, cast(BinaryIO, packed))
        else:
            writer(frame, stream)

    return write


def _write_delimited(frame: pd.DataFrame, stream: BinaryIO, delimiter: str) -> None:
    # A bare carriage return is quoted only where it is part of the line's end.
    line_end = "\r\n" if _holds_carriage_return(frame) else "\n"
    for start in range(0, max(len(frame), 1), _ROWS):
        part = frame.iloc[start : start + _ROWS]
        text = part.to_csv(None, sep=delimiter, index=False, header=start == 0, lineterminator=line_end)
        stream.write(text.encode("utf-8"))


def _holds_carriage_return(frame: pd.DataFrame) -> bool:
    if any("\r" in name for name in frame.columns):
        return True
    texts = (frame[name].unique() for name in frame.columns if frame[name].dtype.kind not in "iufbmM")
    return any(isinstance(text, str) and "\r" in text for column in texts for text in column)


def _write_json(frame: pd.DataFrame, stream: BinaryIO, lines: bool) -> None:
    names = list(frame.columns)
    columns = [frame[name].tolist() for name in names]
    before, between, after = ("", "\n", "\n") if lines else ("[\n", ",\n", "\n]\n")
    buffer = io.StringIO()
    buffer.write(before)
    for number, row in enumerate(zip(*columns, strict=True)):
        if number:
            buffer.write(between)
        record = {name: _json_value(value) for name, value in zip(names, row, strict=True)}
        buffer.write(json.dumps(record, ensure_ascii=False, allow_nan=False))
        if number % _ROWS == _ROWS - 1:
            stream.write(buffer.getvalue().encode("utf-8"))
            buffer = io.StringIO()
    if len(frame) or not lines:
        buffer.write(after)
    stream.write(buffer.getvalue().encode("utf-8"))


def _json_value(value: Any) -> Any:
    """A cell as JSON holds it: null for missing, text for dates, decimals and what JSON has no word for."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None if math.isnan(value) else str(value)
    import pandas as pd

    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, pd.Timedelta):
        return str(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else str(value)


def _write_parquet(frame: pd.DataFrame, stream: BinaryIO) -> None:
    from pyarrow import parquet

    parquet.write_table(from_frame(frame), stream, compression="zstd")


def _write_feather(frame: pd.DataFrame, stream: BinaryIO) -> None:
    from pyarrow import feather

    feather.write_feather(from_frame(frame), stream, compression="lz4")
