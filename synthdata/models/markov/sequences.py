"""Tables whose rows belong to sequences: which columns say so, the rows in order, and fresh keys and orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthdata.encoders.generated import generate
from synthdata.encoders.grid import Grid
from synthdata.errors import SchemaError
from synthdata.table.schema import Column, Schema
from synthdata.table.storage import Cells, from_cells
from synthdata.table.table import Table

HOW = (
    'Name both in a schema file, {"columns": [{"name": "store", "role": "sequence key"}, {"name": "date", "role": '
    '"order"}]} with your own columns, and pass it with --schema.'
)


@dataclass(frozen=True)
class Arranged:
    """Rows by sequence and order: their ``positions`` (n,) in the table, where sequences start, how long they are.

    ``steps`` (n,) are the places in order, in steps of the order's grid (days, whole numbers) or as floats.
    """

    positions: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    steps: np.ndarray

    @property
    def first(self) -> np.ndarray:
        """Which rows (n,) begin a sequence."""
        mask = np.zeros(len(self.positions), dtype=bool)
        mask[self.starts] = True
        return mask

    @property
    def gaps(self) -> np.ndarray:
        """How far each row (n,) lies behind the row before it; 0 for the first of a sequence."""
        gaps = np.diff(self.steps, prepend=self.steps[:1])
        gaps[self.starts] = 0
        return gaps


def roles(schema: Schema) -> tuple[Column, Column]:
    """The sequence key and the order.

    Raises:
        SchemaError: the schema does not name them, or the order is neither number nor date.
    """
    named = {column.role: column for column in schema if not column.drop}
    for role in ("sequence key", "order"):
        if role not in named:
            raise SchemaError(f"The model 'hmm' learns sequences, but no column has the role {role!r}.", HOW)
    key, order = named["sequence key"], named["order"]
    if not order.continuous:
        raise SchemaError(
            f"Column {order.name!r} has the role 'order', but is {order.kind}.",
            "An order is a number, a date or a duration; declare that kind, or give another column the role.",
        )
    return key, order


def grid_of(table: Table, order: Column) -> Grid:
    """The steps that the order lies on."""
    cells = table.cells(order.name)
    return Grid.of(order, cells.values[~cells.missing])


def arrange(table: Table, key: Column, order: Column, grid: Grid) -> Arranged:
    """The rows by sequence and order; rows of the same place in order stay as they are.

    Raises:
        SchemaError: a key or an order is null.
    """
    keys, places = table.cells(key.name), table.cells(order.name)
    for column, cells in ((key, keys), (order, places)):
        if cells.missing.any():
            raise SchemaError(
                f"Column {column.name!r} has the role {column.role!r}, but {int(cells.missing.sum())} of its cells are "
                f"null (first at data row {int(np.flatnonzero(cells.missing)[0]) + 1}).",
                "Leave those rows out, or fill them in.",
            )
    codes = pd.factorize(keys.values)[0]
    steps = grid.steps(places.values)
    positions = np.lexsort((steps, codes))
    starts = np.flatnonzero(np.diff(codes[positions], prepend=-1))
    lengths = np.diff(starts, append=len(positions))
    return Arranged(positions, starts, lengths, steps[positions])


def constant_columns(table: Table, arranged: Arranged, names: list[str]) -> list[str]:
    """The columns that have one value, or null, throughout every sequence."""
    if not (arranged.lengths > 1).any():
        return []
    sequence = np.repeat(np.arange(len(arranged.starts)), arranged.lengths)
    found = []
    for name in names:
        codes = pd.factorize(table.frame[name].to_numpy()[arranged.positions], use_na_sentinel=False)[0]
        if (codes == codes[arranged.starts][sequence]).all():
            found.append(name)
    return found


def gap_column(order: Column, grid: Grid) -> Column:
    """How gaps are learnt: as whole numbers of steps, or as numbers without a grid."""
    whole = {"dtype": "Int64", "decimals": 0} if grid.stepped else {"dtype": "float64"}
    return Column(name=order.name, kind="numerical", nullable=True, **whole)


def derived(table: Table, arranged: Arranged, key: Column, order: Column, grid: Grid) -> Table:
    """The table as states see it: in order, without the key, with gaps instead of the order (null in first rows)."""
    frame = table.frame.iloc[arranged.positions].drop(columns=key.name).reset_index(drop=True)
    gaps = pd.Series(arranged.gaps, dtype="Int64" if grid.stepped else "float64")
    frame[order.name] = gaps.mask(arranged.first)
    return Table(frame, derived_schema(table.schema, key, order, grid))


def derived_schema(schema: Schema, key: Column, order: Column, grid: Grid) -> Schema:
    """The schema of `derived`; rules are about the table as it was, so it has none."""
    columns = tuple(
        gap_column(order, grid) if column.name == order.name else column.model_copy(update={"role": None})
        for column in schema
        if column.name != key.name
    )
    return Schema(columns=columns)


def fresh_keys(key: Column, lengths: np.ndarray, dtype: Any, generator: np.random.Generator) -> pd.Series:
    """A key of its own for each sequence, on each of its rows: numbers from 1, or invented identifiers."""
    column = key if key.pii else key.model_copy(update={"kind": "id"})
    column = column.model_copy(update={"role": "key", "nullable": False, "public": None})
    made = np.repeat(generate(column, len(lengths), generator), lengths)
    categories = sorted(set(made), key=str) if isinstance(dtype, pd.CategoricalDtype) or dtype == "category" else None
    return from_cells(Cells(made, np.zeros(len(made), dtype=bool)), column, categories).rename(key.name)
