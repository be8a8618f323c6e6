"""Excel workbooks (.xlsx): one sheet as a table, its cells typed as the workbook types them."""

from __future__ import annotations

import datetime
import decimal
import io
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from synthdata.connectors.arrow_frames import RowsBuilder
from synthdata.connectors.origins import Origin
from synthdata.errors import MissingExtraError, SourceError, did_you_mean
from synthdata.progress import Progress

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

MOST_ROWS = 1_048_576
_ROWS = 10_000
_FAULTS = {"#N/A", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!"}


def read(origin: Origin, progress: Progress, *, sheet: str | None = None) -> tuple[pa.Table, list[str]]:
    """One sheet: the named one, or the first that is not empty. Its first row that is not blank names the columns.

    Raises:
        SourceError: not a workbook, no such sheet, a cell beyond the header, or formulas that were never computed.
    """
    with origin.open() as stream:
        content = io.BytesIO(stream.read())
    book = _opened(content, origin)
    notes: list[str] = []
    name = _chosen(book, sheet, origin, notes)
    rows = _rows(book[name])
    start, header = next(((number, row) for number, row in rows if _width(row)), (0, ()))
    if not header:
        raise SourceError(f"{origin.display}: the sheet {name!r} is empty.", "Give a header row and rows below it.")
    names = _names(header[: _width(header)], start, origin, name, notes)
    table, blank, faults = _body(rows, names, origin, name, book[name].max_row or 1, progress)
    if blank:
        notes.append(f"{blank} blank row{'s' * (blank != 1)} skipped")
    if faults:
        notes.append(f"{faults} cells with an error such as #N/A read as null")
    empty = [names[index] for index, column in enumerate(table.columns) if column.null_count == len(column)]
    if empty:
        _refuse_uncomputed(content, name, names, empty, start, origin)
    return table, notes


def write(frame: pd.DataFrame, stream: BinaryIO) -> None:
    """Write a frame as the only sheet of a workbook; times with a zone become text, as Excel knows none.

    Raises:
        SourceError: more rows than a sheet holds, or a character that a workbook cannot hold.
    """
    openpyxl = _openpyxl()
    if len(frame) >= MOST_ROWS:
        problem = f"A sheet holds {MOST_ROWS - 1:,} rows below its header; the table has {len(frame):,}."
        raise SourceError(problem, "Write Parquet or CSV instead.")
    columns = [[_plain(value) for value in _objects(frame[name])] for name in frame.columns]
    illegal = openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE
    for name, column in zip(frame.columns, columns, strict=True):
        if any(isinstance(value, str) and illegal.search(value) for value in (name, *column)):
            problem = f"Column {name!r} holds control characters, which a workbook cannot."
            raise SourceError(problem, "Write Parquet or CSV instead.")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("table")
    for row in ([str(name) for name in frame.columns], *zip(*columns, strict=True)):
        sheet.append([_cell(value, sheet, openpyxl) for value in row])
    content = io.BytesIO()
    book.save(content)
    stream.write(content.getvalue())


def _objects(column: pd.Series) -> Iterator[Any]:
    """A column's cells, missing ones as None."""
    return (None if gone else value for value, gone in zip(column.tolist(), column.isna().tolist(), strict=True))


def _plain(value: Any) -> Any:
    """A cell as a workbook can hold it."""
    import pandas as pd

    if isinstance(value, pd.Timestamp):
        value = value.to_pydatetime(warn=False)
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.isoformat()
    if isinstance(value, pd.Timedelta):
        return value.to_pytimedelta()
    kinds = (str, bool, int, float, decimal.Decimal, datetime.date, datetime.time, datetime.timedelta)
    return value if value is None or isinstance(value, kinds) else str(value)


def _cell(value: Any, sheet: Any, openpyxl: Any) -> Any:
    """Text that starts like a formula is marked as text."""
    if not isinstance(value, str) or not value.startswith("="):
        return value
    cell = openpyxl.cell.WriteOnlyCell(sheet, value)
    cell.data_type = "s"
    return cell


def _openpyxl() -> Any:
    try:
        import openpyxl
    except ImportError:
        raise MissingExtraError("openpyxl", "excel") from None
    return openpyxl


def _opened(content: BinaryIO, origin: Origin, computed: bool = True) -> Any:
    openpyxl = _openpyxl()
    try:
        return openpyxl.load_workbook(content, read_only=True, data_only=computed)
    except Exception as error:  # noqa: BLE001 - openpyxl lets many kinds through: zip, XML, key and value errors
        problem = f"{origin.display} is not a readable Excel workbook ({type(error).__name__})."
        raise SourceError(problem, "Save it anew as .xlsx, without a password.") from None


def _chosen(book: Any, sheet: str | None, origin: Origin, notes: list[str]) -> str:
    names = [worksheet.title for worksheet in book.worksheets]
    if sheet is not None:
        if sheet not in names:
            raise SourceError(f"{origin.display} has no sheet {sheet!r}.", did_you_mean(sheet, names))
        return sheet
    if not names:
        raise SourceError(f"{origin.display} has no sheet with cells.", "Give a workbook with a table.")
    filled = [name for name in names if any(_width(row) for _, row in _rows(book[name]))] if len(names) > 1 else names
    chosen = (filled or names)[0]
    if len(names) > 1:
        notes.append(f"sheet {chosen!r} of {len(names)} (--table names another)")
    return str(chosen)


def _rows(worksheet: Any) -> Iterator[tuple[int, tuple[Any, ...]]]:
    worksheet.reset_dimensions()
    return enumerate(worksheet.iter_rows(values_only=True), start=1)


def _width(row: tuple[Any, ...]) -> int:
    """The number of cells up to the last that is filled."""
    return max((place for place, value in enumerate(row, start=1) if value not in (None, "")), default=0)


def _names(header: tuple[Any, ...], row: int, origin: Origin, sheet: str, notes: list[str]) -> list[str]:
    names = []
    for place, value in enumerate(header, start=1):
        name = str(value).strip() if value is not None else ""
        names.append(name or f"column_{place}")
        if not name:
            notes.append(f"field {place} has no name in the header: called 'column_{place}'")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        problem = f"{origin.display}, sheet {sheet!r}, row {row}: the column name {twice[0]!r} occurs twice."
        raise SourceError(problem, "Rename one of them.")
    return names


def _body(
    rows: Iterator[tuple[int, tuple[Any, ...]]],
    names: list[str],
    origin: Origin,
    sheet: str,
    last: int,
    progress: Progress,
) -> tuple[pa.Table, int, int]:
    """The rows below the header, how many blank ones lie between them, how many cells hold an error."""
    builder, chunk, faults = RowsBuilder(names), [], 0
    blank = pending = 0
    for number, row in rows:
        width = _width(row)
        if not width:
            pending += 1
            continue
        blank, pending = blank + pending, 0
        if width > len(names):
            problem = f"{origin.display}, sheet {sheet!r}, row {number}: a cell right of the header's last column."
            raise SourceError(problem, "Name its column or empty the cell.")
        cells = [None if value == "" or (isinstance(value, str) and value in _FAULTS) else value for value in row]
        faults += sum(isinstance(value, str) and value in _FAULTS for value in row)
        chunk.append((cells + [None] * len(names))[: len(names)])
        if len(chunk) == _ROWS:
            builder.add(list(zip(*chunk, strict=True)))
            chunk = []
            progress.step(min(0.99, number / max(last, number)), f"{number:,} rows")
    if chunk:
        builder.add(list(zip(*chunk, strict=True)))
    table, _ = builder.table()
    return table, blank, faults


def _refuse_uncomputed(
    content: BinaryIO, sheet: str, names: list[str], empty: list[str], header: int, origin: Origin
) -> None:
    """A column of formulas whose values no program has computed reads as empty: say so instead."""
    book = _opened(content, origin, computed=False)
    for number, row in _rows(book[sheet]):
        for name, value in zip(names, row, strict=False):
            if number > header and name in empty and isinstance(value, str) and value.startswith("="):
                problem = f"{origin.display}, sheet {sheet!r}, row {number}: column {name!r} holds formulas"
                raise SourceError(f"{problem} that were never computed.", "Open the workbook in Excel and save it.")
