"""A DataFrame together with the schema that it has been checked against once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from synthdata.errors import SchemaError, TableError, did_you_mean
from synthdata.table.declared import check_declared
from synthdata.table.schema import Column, Schema, complete
from synthdata.table.storage import Cells, to_cells

MINIMUM_ROWS = 20


class Table:
    """A frame and its schema; make one with `Table.of`.

    >>> table = Table.of(pd.DataFrame({"age": [30, 40, 50]}))
    >>> table.schema["age"].kind, len(table)
    ('numerical', 3)
    """

    def __init__(self, frame: pd.DataFrame, schema: Schema) -> None:
        self.frame = frame.reset_index(drop=True)
        self.schema = schema
        self._cells: dict[str, Cells] = {}

    @classmethod
    def of(
        cls, data: Table | pd.DataFrame, schema: Schema | Mapping[str, Any] | None = None, *, strict: bool = True
    ) -> Table:
        """A checked table from a DataFrame; what ``schema`` leaves out is inferred.

        The frame is not changed, and its index plays no part. ``strict`` also holds the table to the nullability,
        bounds and categories that the schema declares; without it only the kinds must fit (for tables made elsewhere).

        Raises:
            TableError: not a DataFrame, no columns, or two with one name.
            SchemaError: the schema contradicts the data.
        """
        from synthdata.table.infer import infer, settle
        from synthdata.table.schema_checks import check_schema

        if isinstance(data, Table):
            if schema is None or schema is data.schema:
                return data
            data = data.frame
        check_names(data)
        if not isinstance(schema, Schema):
            inferred = infer(data).schema
            schema = complete(inferred, schema) if schema else inferred
        check_same_columns(data, schema)
        check_schema(schema)
        schema = settle(data, schema)
        table = cls(data[list(schema.names)], schema)
        for column in schema:
            cells = table.cells(column.name)
            if strict:
                check_declared(cells, column)
        return table

    @classmethod
    def of_cells(cls, frame: pd.DataFrame, schema: Schema, cells: Mapping[str, Cells]) -> Table:
        """A table of columns in plain form; ``frame`` holds those of them that were stored as they are."""
        table = cls(frame, schema)
        table._cells = dict(cells)
        return table

    def __len__(self) -> int:
        return len(self.frame)

    def cells(self, name: str) -> Cells:
        """One column in plain form (see `synthdata.table.storage`); computed once."""
        if name not in self._cells:
            column: Column = self.schema[name]
            self._cells[name] = to_cells(self.frame[name], column)
        return self._cells[name]

    def take(self, rows: np.ndarray | slice) -> Table:
        """The table of some rows, by position."""
        part = Table(self.frame.iloc[rows], self.schema)
        part._cells = {name: Cells(cells.values[rows], cells.missing[rows]) for name, cells in self._cells.items()}
        return part

    def split(self, fraction: float, generator: np.random.Generator) -> tuple[Table, Table]:
        """Two random parts: the rest, and ``fraction`` of the rows as holdout (each at least one row).

        Where a column has the role ``sequence key``, whole sequences are held out, for the rows of one depend on each
        other.

        Raises:
            TableError: the fraction is not between 0 and 1, or there are fewer than two rows.
        """
        if not 0 < fraction < 1:
            raise TableError(
                f"The holdout must be a fraction between 0 and 1, found {fraction}.", "Common values: 0.1 to 0.3."
            )
        if len(self) < 2:
            raise TableError(f"A table of {len(self)} rows cannot be split.", "Two rows are the least.")
        sequences = self._sequences()
        if sequences is not None:
            apart = generator.permutation(sequences.max() + 1)
            sizes = np.cumsum(np.bincount(sequences)[apart])
            chosen = apart[: min(max(1, int(np.searchsorted(sizes, len(self) * fraction)) + 1), len(apart) - 1)]
            out = np.isin(sequences, chosen)
            return self.take(np.flatnonzero(~out)), self.take(np.flatnonzero(out))
        order = generator.permutation(len(self))
        held = min(max(1, round(len(self) * fraction)), len(self) - 1)
        return self.take(np.sort(order[held:])), self.take(np.sort(order[:held]))

    def _sequences(self) -> np.ndarray | None:
        """The number of each row's sequence (n,), or None where the schema names none, or all rows are of one."""
        key = next((column.name for column in self.schema if column.role == "sequence key" and not column.drop), None)
        if key is None:
            return None
        numbers = pd.factorize(self.frame[key], use_na_sentinel=False)[0]
        return numbers if len(self) and numbers.max() > 0 else None

    def fingerprint(self) -> str:
        """A digest of names, types and contents: the same table gives the same text."""
        return fingerprint(self.frame)


def fingerprint(frame: pd.DataFrame) -> str:
    """A digest of a frame's names, types and contents: the same frame gives the same text."""
    digest = hashlib.sha256(repr([(c, str(t)) for c, t in frame.dtypes.items()]).encode())
    for name in frame.columns:
        series = frame[name]
        if isinstance(series.dtype, pd.CategoricalDtype):
            series = series.astype(object)
        try:
            hashes = pd.util.hash_pandas_object(series, index=False)
        except TypeError:  # cells that cannot be hashed, such as lists
            hashes = pd.util.hash_pandas_object(series.astype(str), index=False)
        digest.update(hashes.to_numpy().tobytes())
    return digest.hexdigest()


def check_names(frame: pd.DataFrame) -> None:
    """Refuse a frame without columns, or with names that are not distinct text.

    Raises:
        TableError: with the name and the positions.
    """
    if not isinstance(frame, pd.DataFrame):
        raise TableError(
            f"Expected a pandas DataFrame, found {type(frame).__name__}.", "Wrap it: pandas.DataFrame(data)."
        )
    if not len(frame.columns):
        raise TableError("The table has no columns.")
    seen: dict[str, int] = {}
    for position, name in enumerate(frame.columns, 1):
        if not isinstance(name, str):
            raise TableError(
                f"Column {position} has the name {name!r}, which is not text.",
                "Rename it: frame.columns = frame.columns.map(str).",
            )
        if not name.strip():
            raise TableError(f"Column {position} has no name.", "Give it one.")
        if name in seen:
            raise TableError(
                f"Column name {name!r} occurs twice (columns {seen[name]} and {position}).", "Rename one of them."
            )
        seen[name] = position


def check_same_columns(frame: pd.DataFrame, schema: Schema) -> None:
    """Refuse a schema that speaks of other columns than the frame has.

    Raises:
        SchemaError: with the names on one side only, and the nearest name on the other.
    """
    missing = [name for name in schema.names if name not in frame.columns]
    extra = [name for name in frame.columns if name not in schema.names]
    if missing:
        raise SchemaError(
            f"The schema has columns that the table has not: {_listed(missing)}.",
            did_you_mean(missing[0], extra or frame.columns),
        )
    if extra:
        raise SchemaError(
            f"The table has columns that the schema has not: {_listed(extra)}.",
            'Add them to the schema; with "drop": true they are left out.',
        )


def _listed(names: list[str], most: int = 5) -> str:
    shown = ", ".join(map(repr, names[:most]))
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def require_rows(table: Table, least: int = MINIMUM_ROWS) -> None:
    """Refuse a table too small to learn from and to judge the result by.

    Raises:
        TableError: with the number of rows found.
    """
    if len(table) < least:
        found = "has no rows" if not len(table) else f"has {len(table)} row{'s' if len(table) > 1 else ''}"
        raise TableError(
            f"The table {found}; at least {least} are needed.",
            "A smaller table cannot be synthesized without giving its rows away.",
        )


def refuse_text(schema: Schema) -> None:
    """Refuse columns that no model learns: free text, and cells that are lists, bytes or mixtures.

    Raises:
        SchemaError: with the names of the columns and the ways out.
    """
    names = [column.name for column in schema if column.kind == "text" and not (column.drop or column.generated)]
    if names:
        columns = f"Column {names[0]!r} holds" if len(names) == 1 else f"The columns {_listed(names)} hold"
        raise SchemaError(
            f"{columns} free text (or cells that are no single values), which is not synthesized.",
            'Leave it out ("drop": true in the schema, or --drop-text), or declare its kind: "categorical", "id", '
            'or personal data such as "pii": "name".',
        )
