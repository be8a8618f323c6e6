"""A DataFrame together with the schema that it has been checked against once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from synthdata.errors import SchemaError, TableError
from synthdata.table.schema import Column, Schema
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
    def of(cls, data: Table | pd.DataFrame, schema: Schema | Mapping[str, Any] | None = None) -> Table:
        """A checked table from a DataFrame; what ``schema`` leaves out is inferred.

        Raises:
            TableError: no columns, or two with one name.
            SchemaError: the schema contradicts the data.
        """
        from synthdata.table.infer import infer
        from synthdata.table.schema import complete

        if isinstance(data, Table):
            if schema is None:
                return data
            data = data.frame
        check_names(data)
        if not isinstance(schema, Schema):
            inferred = infer(data).schema
            schema = complete(inferred, schema) if schema else inferred
        missing = [name for name in schema.names if name not in data.columns]
        extra = [str(name) for name in data.columns if name not in schema.names]
        if missing or extra:
            raise SchemaError(
                f"The schema and the table differ: {', '.join(map(repr, missing or extra))} "
                f"{'is in the schema only' if missing else 'is in the table only'}."
            )
        table = cls(data[list(schema.names)], schema)
        for column in schema:
            table.cells(column.name)
        return table

    def __len__(self) -> int:
        return len(self.frame)

    def cells(self, name: str) -> Cells:
        """One column in plain form (see `synthdata.table.storage`); computed once."""
        if name not in self._cells:
            column: Column = self.schema[name]
            self._cells[name] = to_cells(self.frame[name], column)
        return self._cells[name]

    def take(self, rows: np.ndarray) -> Table:
        """The table of some rows, by position."""
        return Table(self.frame.iloc[rows], self.schema)

    def split(self, fraction: float, generator: np.random.Generator) -> tuple[Table, Table]:
        """Two random parts: the rest, and ``fraction`` of the rows as holdout."""
        order = generator.permutation(len(self))
        held = max(1, round(len(self) * fraction))
        return self.take(np.sort(order[held:])), self.take(np.sort(order[:held]))

    def fingerprint(self) -> str:
        """A digest of names, types and contents: the same table gives the same text."""
        digest = hashlib.sha256(repr([(c, str(t)) for c, t in self.frame.dtypes.items()]).encode())
        for name in self.frame.columns:
            series = self.frame[name]
            if isinstance(series.dtype, pd.CategoricalDtype):
                series = series.astype(object)
            try:
                hashes = pd.util.hash_pandas_object(series, index=False)
            except TypeError:
                hashes = pd.util.hash_pandas_object(series.astype(str), index=False)
            digest.update(hashes.to_numpy().tobytes())
        return digest.hexdigest()


def check_names(frame: pd.DataFrame) -> None:
    """Refuse a frame without columns, or with names that are not distinct text.

    Raises:
        TableError: with the name and the positions.
    """
    if not len(frame.columns):
        raise TableError("The table has no columns.")
    seen: dict[str, int] = {}
    for position, name in enumerate(frame.columns, 1):
        if not isinstance(name, str):
            raise TableError(
                f"Column {position} has the name {name!r}, which is not text.",
                "Rename it: frame.columns = frame.columns.map(str).",
            )
        if name in seen:
            raise TableError(
                f"Column name {name!r} occurs twice (columns {seen[name]} and {position}).", "Rename one of them."
            )
        seen[name] = position
