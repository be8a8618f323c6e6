"""Tables made elsewhere, under another table's schema: what is written otherwise is read, what cannot be is missing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import numpy as np
import pandas as pd

from synthdata.errors import SchemaError
from synthdata.table.dtypes import is_float, is_integer
from synthdata.table.expressions import microseconds
from synthdata.table.schema import Column, Schema
from synthdata.table.storage import Cells, StrangeCellsError, from_cells, resolution, to_cells
from synthdata.table.stored_moments import PER_SECOND

#: how truth values are written as text
TRUTH = {"true": True, "false": False, "t": True, "f": False, "yes": True, "no": False, "y": True, "n": False}
TRUTH |= {"1": True, "0": False, "1.0": True, "0.0": False}
#: beyond this share of unreadable cells a column is another than the schema means
MOST = 0.5


#: how many missing columns are named
NAMED = 5


def require_columns(there: Iterable[str], wanted: Iterable[str], schema: Schema, what: str) -> None:
    """Refuse a table made elsewhere that has not the ``wanted`` columns of ``schema``: all that are missing are named.

    Raises:
        SchemaError: with the names that some of the missing columns may have there.
    """
    found = [str(name) for name in there]
    absent = [name for name in wanted if name not in found]
    if not absent:
        return
    unknown = [name for name in found if name not in schema]
    meant = {name: near[0] for name in absent if (near := difflib.get_close_matches(name, unknown, n=1))}
    listed = ", ".join(map(repr, absent[:NAMED])) + (f" and {len(absent) - NAMED} more" if len(absent) > NAMED else "")
    if len(absent) == 1 and meant:
        hint = f"Did you mean {meant[absent[0]]!r}?"
    elif meant:
        hint = f"Did you mean {', '.join(f'{there!r} for {name!r}' for name, there in list(meant.items())[:NAMED])}?"
    else:
        hint = f"Known: {', '.join(unknown)}." if unknown else "It has no other columns that could be meant."
    one = len(absent) == 1
    raise SchemaError(
        f"The {what} lacks column{'' if one else 's'} {listed} of the real table.",
        f"{hint} Rename or add {'it' if one else 'them'} and try again.",
    )


def with_fractions(frame: pd.DataFrame, schema: Schema) -> Schema:
    """The schema with ``float64`` for columns of whole numbers in which the frame has fractions, or larger numbers.

    They are numbers all the same, to be judged and not refused; that they should be whole is a check of its own.

    >>> schema = Schema(columns=(Column(name="age", kind="numerical", dtype="int64"),))
    >>> with_fractions(pd.DataFrame({"age": [30.5, 40.0]}), schema)["age"].dtype
    'float64'
    """
    for column in schema:
        series = frame[column.name]
        if column.kind != "numerical" or not is_integer(column.dtype) or is_integer(str(series.dtype)):
            continue
        numbers = pd.to_numeric(series, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        numbers = numbers[np.isfinite(numbers)]
        if ((numbers != np.round(numbers)) | (np.abs(numbers) >= 2**63)).any():
            schema = schema.replace(column.name, dtype="float64")
    return schema


def adopt(frame: pd.DataFrame, schema: Schema, what: str) -> tuple[pd.DataFrame, list[str]]:
    """The frame as the schema can read it, and notes on what that took, with numbers of cells only.

    Dates in another layout than the schema's are brought into it, truth values and numbered categories that are written
    as text are read; a cell that contradicts its column's kind becomes a null.

    >>> schema = Schema(columns=(Column(name="age", kind="numerical", dtype="int64"),))
    >>> frame, notes = adopt(pd.DataFrame({"age": ["30", "?", "40"]}), schema, "table")
    >>> frame["age"].tolist(), notes
    (['30', None, '40'], ["Column 'age' of the table: 1 of 3 cells is no numerical value and counts as missing."])

    Raises:
        SchemaError: most of a column's cells cannot be read; with their number and the first data row.
    """
    notes = []
    for column in schema:
        start = f"Column {column.name!r} of the {what}"
        as_text = _out_of_text(frame[column.name], column)
        if as_text is not None:
            frame = frame.assign(**{column.name: as_text})
            notes.append(f"{start} is written as text; it was read as {column.kind} values.")
        try:
            to_cells(frame[column.name], column)
        except StrangeCellsError as error:
            bad = np.asarray(error.bad, dtype=bool)
            if bad.sum() > MOST * len(frame):
                frame = frame.assign(**{column.name: _other_layout(frame[column.name], column, error)})
                notes.append(f"{start} is written otherwise than the real one; it was read as {column.kind} values.")
                continue
            cells = frame[column.name].astype(object).where(~bad, None)
            to_cells(cells, column)  # what is left must do
            frame = frame.assign(**{column.name: cells})
            verb = "is no {} value and counts" if bad.sum() == 1 else "are no {} values and count"
            notes.append(f"{start}: {bad.sum():,} of {len(frame):,} cells {verb.format(column.kind)} as missing.")
    return frame, notes


def _out_of_text(series: pd.Series, column: Column) -> pd.Series | None:
    """Truth values, or categories that are numbers in the real table, out of text; None where they are no text.

    Cells that say nothing of the kind are left as they are.
    """
    numbers = column.kind == "categorical" and (is_integer(column.dtype) or is_float(column.dtype))
    if not (numbers or column.kind == "boolean") or column.generated or column.drop:
        return None
    cells = series.astype(object)
    text = np.array([isinstance(cell, str) for cell in cells], dtype=bool)
    if not text.any():
        return None
    words = pd.Series(cells[text]).str.strip()
    if numbers:
        read = pd.to_numeric(words, errors="coerce").astype(object)
        read = read.map(lambda number: int(number) if is_integer(column.dtype) and number == number // 1 else number)
    else:
        read = words.str.lower().map(TRUTH).astype(object)
    if not read.notna().any():
        return None
    cells[text] = read.where(read.notna(), words)
    return cells


def _other_layout(series: pd.Series, column: Column, problem: SchemaError) -> pd.Series:
    """A column of dates or durations, written in a layout of its own, in the storage of ``column``.

    Raises:
        SchemaError: it is of another kind; the ``problem`` as it was.
    """
    from synthdata.table.infer import infer

    own = infer(series.to_frame()).schema[column.name]
    if own.kind != column.kind or not own.continuous or own.kind == "numerical":
        raise problem
    if bool(own.timezone) != bool(column.timezone):
        raise problem
    cells = to_cells(series, own)
    unit, micro = PER_SECOND[resolution(column)], microseconds(cells, own)
    ticks = micro * (unit // 10**6) if unit > 10**6 else micro // (10**6 // unit)
    return from_cells(Cells(ticks, cells.missing), column)
