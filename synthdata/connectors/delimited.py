"""CSV and its kin: read strictly by Arrow as text, then typed column by column; faults are located in a second pass."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from synthdata.connectors import broken_rows
from synthdata.connectors.dialect import Dialect, Survey, sniff, survey
from synthdata.connectors.origins import Origin
from synthdata.connectors.text_columns import plain, typed
from synthdata.errors import SourceError
from synthdata.progress import Progress

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK = 8 << 20
_PYTHON_ROWS = 50_000


def read(origin: Origin, progress: Progress) -> tuple[pa.Table, list[str]]:
    """A delimited text file as an Arrow table, and notes on encoding, delimiter, nulls and everything dropped.

    Raises:
        SourceError: the file is empty, binary, ragged or has no usable header; the message names the line, where
            the header is line 1.
    """
    table, delimiter, notes = _as_text(origin, progress)
    progress.step(0.8, "telling numbers from text")
    table, further = typed(table, delimiter)
    return table, notes + further


def read_text(origin: Origin, progress: Progress) -> pa.Table:
    """The same with every cell as text, read by itself (`plain`).

    Raises:
        SourceError: as `read`.
    """
    table, delimiter, _ = _as_text(origin, progress)
    return plain(table, delimiter)


def _as_text(origin: Origin, progress: Progress) -> tuple[pa.Table, str, list[str]]:
    """Every cell as text, the delimiter, and notes."""
    found = survey(origin)
    progress.step(0.1)
    dialect = sniff(origin, found.sample)
    _refuse_data_as_header(origin, found, dialect)
    names, notes = _names(origin, dialect)
    notes = [*found.notes, *dialect.notes, *notes]
    if _quotes_its_names(found, dialect) and re.search(r"(?m)(^|[,;\t|])NA([,;\t|]|\r?$)", found.sample):
        notes.append("names are quoted, so an unquoted NA is null and a quoted one is text")
    if found.quotes[dialect.quote] % 2:
        _raise(broken_rows.unclosed_quote(origin, found.encoding, dialect))
    table = _strings(origin, found, dialect, names, progress)
    if not table.num_rows:
        raise SourceError(f"{origin.display} has a header but no rows.", "Give a table with at least one row.")
    if found.blank_lines and (count := broken_rows.blank_lines(origin, found.encoding, dialect)):
        notes.append(f"{count} blank line{'s' * (count != 1)} skipped")
    return _without_trailing(table, dialect, notes), dialect.delimiter, notes


def _names(origin: Origin, dialect: Dialect) -> tuple[list[str], list[str]]:
    """Column names, stripped, the nameless ones called by their place."""
    notes, names = [], []
    for place, raw in enumerate(dialect.header, start=1):
        name = raw.strip()
        names.append(name or f"column_{place}")
        if not name:
            notes.append(f"field {place} has no name in the header: called 'column_{place}'")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        places = " and ".join(str(place) for place, name in enumerate(names, start=1) if name == twice[0])
        raise SourceError(
            f"{origin.display}, line {dialect.lead}: the column name {twice[0]!r} occurs twice (fields {places}).",
            "Rename one of them.",
        )
    return names, notes


def _strings(origin: Origin, found: Survey, dialect: Dialect, names: list[str], progress: Progress) -> pa.Table:
    """Every cell as text; unquoted empty cells are null."""
    import pyarrow as pa

    if dialect.space_before_quote:
        return _strings_in_python(origin, found, dialect, names, progress)
    for block in (_BLOCK, 16 * _BLOCK):
        try:
            return _strings_by_arrow(origin, found, dialect, names, block, progress)
        except pa.ArrowInvalid as error:
            if "block" not in str(error) or block != _BLOCK:
                _raise(broken_rows.first_ragged(origin, found.encoding, dialect))
                _raise(broken_rows.unclosed_quote(origin, found.encoding, dialect))
                break
    if not any(row for _, row in broken_rows.rows(origin, found.encoding, dialect, strict=False)):
        return pa.schema([(name, pa.string()) for name in names]).empty_table()
    raise SourceError(f"{origin.display} cannot be read as delimited text.", "Export it anew as CSV in UTF-8.")


def _strings_by_arrow(
    origin: Origin, found: Survey, dialect: Dialect, names: list[str], block: int, progress: Progress
) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv

    batches, rows = [], 0
    with origin.open() as stream:
        reader = csv.open_csv(
            pa.PythonFile(stream, mode="r"),
            read_options=csv.ReadOptions(
                use_threads=False,
                block_size=block,
                column_names=names,
                skip_rows=dialect.lead,
                encoding=found.encoding.removesuffix("-sig"),
            ),
            parse_options=csv.ParseOptions(
                delimiter=dialect.delimiter,
                quote_char=dialect.quote,
                escape_char=dialect.escape or False,
                newlines_in_values=True,
            ),
            convert_options=csv.ConvertOptions(
                column_types={name: pa.string() for name in names},
                null_values=["", "NA"] if _quotes_its_names(found, dialect) else [""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        for batch in reader:
            batches.append(batch)
            rows += batch.num_rows
            progress.step(0.1 + 0.7 * min(rows / max(found.lines, 1), 1), f"{rows:,} rows")
    return pa.Table.from_batches(batches, schema=reader.schema)


def _strings_in_python(
    origin: Origin, found: Survey, dialect: Dialect, names: list[str], progress: Progress
) -> pa.Table:
    """For quotes that follow a space, which Arrow does not take for quotes."""
    import pyarrow as pa

    _raise(broken_rows.first_ragged(origin, found.encoding, dialect))
    rows = (row for _, row in broken_rows.rows(origin, found.encoding, dialect, strict=False) if row)
    parts, done = [], 0
    schema = pa.schema([(name, pa.string()) for name in names])
    for part in _parts(rows):
        columns: list[Any] = [[cell or None for cell in column] for column in zip(*part, strict=True)]
        parts.append(pa.table(columns, schema=schema))
        done += len(part)
        progress.step(0.1 + 0.7 * min(done / max(found.lines, 1), 1), f"{done:,} rows")
    return pa.concat_tables(parts) if parts else schema.empty_table()


def _parts(rows: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    while part := list(islice(rows, _PYTHON_ROWS)):
        yield part


def _quotes_its_names(found: Survey, dialect: Dialect) -> bool:
    """R's habit: text is quoted, names too, and a bare NA is null."""
    header = "".join(found.sample.splitlines(keepends=True)[: dialect.lead]).strip().lstrip("\ufeff")
    quoted = re.escape(dialect.quote)
    return bool(re.fullmatch(rf"{quoted}[^\r\n]*{quoted}({re.escape(dialect.delimiter)}{quoted}.*{quoted})*", header))


def _refuse_data_as_header(origin: Origin, found: Survey, dialect: Dialect) -> None:
    """A first line of data taken for names would put a real row into every file that names columns."""
    below = broken_rows.rows(origin, found.encoding, dialect, strict=False)
    head = [row for _, row in islice(below, 2000) if len(row) == len(dialect.header)]
    numeric, repeated, words = 0, 0, 0
    for index, name in enumerate(dialect.header):
        if re.fullmatch(r"\s*[+-]?\d+([.,]\d+)?\s*", name):
            numeric += 1
        elif name.strip():
            words += 1
            repeated += any(row[index] == name for row in head)
    only_numbers = not words and any(re.search(r"[.,-]", name) for name in dialect.header)
    if (numeric and words and repeated * 2 > words) or (numeric > 1 and only_numbers):
        raise SourceError(
            f"{origin.display}, line {dialect.lead}: this looks like a row of data, not like column names.",
            "Add a first line that names the columns.",
        )


def _without_trailing(table: pa.Table, dialect: Dialect, notes: list[str]) -> pa.Table:
    """Lines that all end in a delimiter make a last column without name or values."""
    last = table.num_columns - 1
    if last and not dialect.header[last].strip() and table.column(last).null_count == table.num_rows:
        notes[:] = [note for note in notes if f"'column_{last + 1}'" not in note]
        notes.append("each line ends in a delimiter: the empty last column is dropped")
        return table.remove_column(last)
    return table


def _raise(complaint: SourceError | None) -> None:
    if complaint is not None:
        raise complaint
