"""From a source to a checked table: what is read, what its columns are taken for, and which rows are set aside.

Without a budget columns are inferred from their cells; under one they are declared, or bought from the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthdata import connectors
from synthdata.connectors import Loaded
from synthdata.errors import SchemaError, TableError, did_you_mean
from synthdata.privacy.ledger import Ledger
from synthdata.privacy.persons import numbered_persons, person_key
from synthdata.privacy.structure import understood
from synthdata.progress import Progress
from synthdata.table.conform import with_room_for_nulls
from synthdata.table.constraints import check_rules
from synthdata.table.foreign import adopt, require_columns, with_fractions
from synthdata.table.infer import infer
from synthdata.table.schema import Column, PublicTable, Schema, complete, read_partial
from synthdata.table.table import Table, check_names, refuse_text, require_rows

#: in how many rows the commonest category must occur, so that five or more are likely to be among the training rows
ENOUGH = 8

Source = str | Path | pd.DataFrame
SchemaLike = str | Path | Schema | Mapping[str, Any] | None


def open_source(
    source: Source, *, table: str | None = None, query: str | None = None, progress: Progress | None = None
) -> Loaded:
    """Read a path or URL; a DataFrame is taken as it is."""
    if isinstance(source, pd.DataFrame):
        return Loaded(source, "a DataFrame in memory", "table", ())
    return connectors.read(source, table=table, query=query, progress=progress)


def opened(
    source: Source,
    schema: SchemaLike,
    *,
    table: str | None,
    query: str | None,
    target: str | None,
    drop_text: bool,
    strict: bool = True,
    progress: Progress,
) -> tuple[Loaded, Table]:
    """A source as it was read, and the checked table (`prepare`) that a model can be fitted on.

    Raises:
        SynthdataError: the source cannot be read, the table and the schema do not fit, or there are too few rows.
    """
    loaded = open_source(source, table=table, query=query, progress=progress)
    return loaded, read_columns(source, loaded, schema, None, target, drop_text, progress, strict=strict)


def read_columns(
    source: Source,
    loaded: Loaded,
    schema: SchemaLike,
    ledger: Ledger | None,
    target: str | None,
    drop_text: bool,
    progress: Progress,
    *,
    strict: bool = True,
) -> Table:
    """The checked table (`prepare`) of a source; with a ledger, what is not declared of its columns is bought.

    A file of delimited text is read again then, as text: which type its columns get depends on all of their cells. Of
    other files whole numbers and truth values are stored alike, with nulls or without.

    Raises:
        SynthdataError: the table and the schema do not fit, or there are too few rows.
        PrivacyError: the budget does not suffice.
    """
    with progress.stage("infer", "Understanding the columns"):
        if ledger is None:
            real = prepare(loaded.frame, schema, target=target, drop_text=drop_text, strict=strict)
        else:
            if not isinstance(source, pd.DataFrame):
                text = None if loaded.typed else connectors.read_text(source)
                loaded = replace(loaded, frame=with_room_for_nulls(loaded.frame) if text is None else text)
            real = prepare_privately(loaded, schema, ledger, target=target, drop_text=drop_text)
        require_rows(real)
    return real


def prepare(
    frame: pd.DataFrame,
    schema: SchemaLike,
    *,
    target: str | None = None,
    drop_text: bool = False,
    strict: bool = True,
    learn: bool = True,
) -> Table:
    """A checked table: what is inferred, overruled by what the caller says of it.

    Without ``strict`` cells out of the declared bounds or categories are not complained of: under privacy even how many
    there are must be paid for. With ``drop_text`` a table to be learnt also loses categories that hardly repeat.

    Raises:
        TableError, SchemaError: the table and the schema do not fit; free text that nobody asked to drop.
    """
    check_names(frame)
    inferred = infer(frame).schema
    declared, where = declared_in(schema)
    if not isinstance(declared, Schema):
        declared = complete(inferred, declared, where) if declared else inferred
    known = declared.with_target(target)
    if drop_text:
        for column in known:
            # What is made up afresh is no free text; of a table that is only judged it is of no use.
            free = column.kind == "text" and not (learn and column.generated)
            if free or (learn and _hardly_repeats(frame[column.name], column)):
                known = known.replace(column.name, drop=True)
    refuse_text(known)
    table = Table.of(frame, known, strict=strict)
    if strict:
        check_rules(table)
    return table


def prepare_privately(
    loaded: Loaded, schema: SchemaLike, ledger: Ledger, *, target: str | None, drop_text: bool
) -> Table:
    """A table whose kinds of columns are declared, or bought from the ledger; no cell is complained of.

    Raises:
        TableError, SchemaError: the names and the schema do not fit; free text that nobody asked to drop.
        PrivacyError: the budget does not suffice.
    """
    declared, where = declared_in(schema)
    if target is not None and target not in loaded.frame.columns:
        raise SchemaError(f"There is no column {target!r}.", did_you_mean(target, loaded.frame.columns))
    real = understood(loaded.frame, declared, ledger, typed=loaded.typed, where=where)
    known = real.schema.with_target(target)
    if drop_text:
        for column in known:
            if column.kind == "text" and not column.pii:
                known = known.replace(column.name, drop=True)
    refuse_text(known)
    return Table.of(real, known, strict=False)


def declared_in(schema: SchemaLike) -> tuple[Schema | Mapping[str, Any] | None, str]:
    """What a person says of the columns, a file read, and what it is called in messages.

    Raises:
        SchemaError: the file is missing or no JSON.
    """
    if isinstance(schema, str | Path):
        return read_partial(schema), str(schema)
    return schema, "schema"


def _hardly_repeats(series: pd.Series, column: Column) -> bool:
    """Whether a column of categories has none that enough rows share for it to be learnt."""
    if column.kind != "categorical" or column.drop or column.generated or column.public or column.role:
        return False
    return bool(series.notna().any() and series.value_counts().iloc[0] < ENOUGH)


def match(frame: pd.DataFrame, schema: Schema, what: str) -> tuple[Table, list[str]]:
    """A frame under another table's schema, for tables made elsewhere, and notes on cells that could not be read.

    Raises:
        TableError, SchemaError: no rows, a column that is not there, or one of which most cells cannot be read.
    """
    check_names(frame)
    if not len(frame):
        raise TableError(f"The {what} has no rows.")
    kept = schema.kept
    require_columns(frame.columns, kept.names, schema, what)
    kept = with_fractions(frame, kept)
    try:
        readable, notes = adopt(frame[list(kept.names)], kept, what)
        return Table.of(readable, kept, strict=False), notes
    except SchemaError as error:
        raise SchemaError(f"The {what} does not fit the real table: {error}") from None


def split_by_coins(table: Table, fraction: float, generator: np.random.Generator) -> tuple[Table, Table]:
    """Two parts, each row by a coin of its own, so that one row more or less moves no other.

    Where the schema says whose a row is, each person has a coin, for all of their rows. Where it declares how many
    rows there are, it declares of each part how many are expected there.

    Raises:
        TableError: all rows fell on one side.
    """
    held = generator.random(len(table)) < fraction
    if key := person_key(table.schema):
        held = held[numbered_persons(table.frame[key])]
    if held.all() or not held.any():
        raise TableError("The table is too small to set rows aside one by one.", "Give more rows, or use `fit`.")
    parts = table.take(np.flatnonzero(~held)), table.take(np.flatnonzero(held))
    if table.schema.public and table.schema.public.rows:
        for part, share in zip(parts, (1 - fraction, fraction), strict=True):
            expected = PublicTable(rows=max(round(share * table.schema.public.rows), 1))
            part.schema = part.schema.model_copy(update={"public": expected})
    return parts
