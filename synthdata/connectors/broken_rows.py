"""The second, slower pass over a delimited file that tells a person which line is at fault."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from synthdata.connectors.dialect import Dialect, options
from synthdata.connectors.origins import Origin
from synthdata.errors import SourceError


@contextmanager
def opened_text(origin: Origin, encoding: str) -> Iterator[io.TextIOWrapper]:
    """The file as text, line ends untouched, and cells of any length allowed while it is open."""
    limit = csv.field_size_limit()
    csv.field_size_limit(1 << 30)
    try:
        with origin.open() as stream:
            yield io.TextIOWrapper(io.BufferedReader(_Readable(stream)), encoding=encoding, newline="")
    finally:
        csv.field_size_limit(limit)


def rows(origin: Origin, encoding: str, dialect: Dialect, strict: bool) -> Iterator[tuple[int, list[str]]]:
    """Every row below the header with the line it starts on (the header's line counts), blank lines as ``[]``.

    Raises:
        SourceError: in strict mode, a quote is opened and never closed.
    """
    words = options(dialect.delimiter, dialect.quote, dialect.escape, dialect.space_before_quote, strict)
    with opened_text(origin, encoding) as text:
        for _ in range(dialect.lead):
            text.readline()
        reader = csv.reader(text, **words)
        start = dialect.lead + 1
        try:
            for row in reader:
                yield start, row
                start = dialect.lead + reader.line_num + 1
        except csv.Error as error:
            if "unexpected end" in str(error):
                problem = f"{origin.display}, line {start}: a quote is opened and never closed."
                raise SourceError(problem, "Close it, or double it if it is part of the text.") from None
            problem = f"{origin.display}, line {start}: text follows a closing quote."
            raise SourceError(problem, "Double the quotes that are part of the text.") from None


def first_ragged(origin: Origin, encoding: str, dialect: Dialect) -> SourceError | None:
    """The complaint about the first row whose number of fields is not the header's; None if there is none."""
    expected = len(dialect.header)
    for line, row in rows(origin, encoding, dialect, strict=False):
        if row and len(row) != expected:
            fields = f"{len(row)} field" + "s" * (len(row) != 1)
            advice = f"Mend the line: it must have {expected}, and text that holds the delimiter must be quoted."
            if expected == 1 and line == dialect.lead + 1:
                advice = "If line 1 is a title, delete it: the first line must name the columns."
            return SourceError(f"{origin.display}, line {line}: {fields}, but the header has {expected}.", advice)
    return None


def unclosed_quote(origin: Origin, encoding: str, dialect: Dialect) -> SourceError | None:
    """The complaint about a quote that swallows the rest of the file; None if every quote is closed."""
    try:
        for _ in rows(origin, encoding, dialect, strict=True):
            pass
    except SourceError as error:
        return error if "never closed" in str(error) else None
    return None


def blank_lines(origin: Origin, encoding: str, dialect: Dialect) -> int:
    """How many blank lines there are below the header."""
    return sum(not row for _, row in rows(origin, encoding, dialect, strict=False))


class _Readable(io.RawIOBase):
    """Any object with ``read`` as a raw stream that the standard library's text layer accepts."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._stream.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)
