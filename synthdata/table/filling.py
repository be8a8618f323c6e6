"""Stored columns in which some cells are replaced by what a model drew, in a storage that holds both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthdata.errors import SchemaError
from synthdata.table.dtypes import TEXTS, dtype_name
from synthdata.table.schema import Column
from synthdata.table.storage import Cells, from_cells, resolution, to_cells
from synthdata.table.stored_moments import PER_SECOND

#: what may go wrong where cells are brought into a storage that was not made for them
_UNFIT = (SchemaError, TypeError, ValueError, OverflowError, NotImplementedError)


def fill_stored(
    series: pd.Series,
    where: np.ndarray,
    cells: Cells,
    column: Column,
    categories: Sequence[Any] | pd.Index | None = None,
    rounding: float = 0.0,
) -> pd.Series:
    """A stored column (n,) in which the rows ``where`` (m,) are those of ``cells`` (n,); the others keep their values.

    The dtype stays if it holds what is filled in, numbers give or take a share of ``rounding``; a category dtype gets
    the levels that it lacks. Else, and where the column held nothing, it is the dtype of ``column``, or one for both.

    >>> column = Column(name="a", kind="numerical", dtype="float64")
    >>> cells = Cells(np.array([1.0, 2.5]), np.array([False, False]))
    >>> fill_stored(pd.Series([1, None], dtype="Int8"), np.array([1]), cells, column).tolist()
    [1.0, 2.5]
    """
    column, new = column.model_copy(update={"nullable": True}), cells.take(where)
    out: pd.Series | None = None
    if isinstance(series.dtype, pd.CategoricalDtype) and (column.dtype == "category" or not column.continuous):
        return _into_levels(series, where, from_cells(new, column, categories), categories)
    if series.notna().any():
        out = _into_own_storage(series, where, new, column, rounding)
    if out is None:
        out = _into_storage_of(column, cells, categories)
    if out is None:
        both = pd.concat([series, from_cells(new, column, categories)], ignore_index=True)
        out = both.iloc[: len(series)].copy()
        out.iloc[where] = both.iloc[len(series) :].array
    out.index, out.name = series.index, series.name
    return out


def _into_levels(
    series: pd.Series, where: np.ndarray, made: pd.Series, categories: Sequence[Any] | pd.Index | None
) -> pd.Series:
    """A column of a category dtype with some cells replaced, whose levels are in the order of ``categories`` if any."""
    own = series.cat.categories
    added = [value for value in made.astype(object).unique() if value not in own]
    out = series.cat.add_categories(added)
    order = [value for value in ([] if categories is None else categories) if value in out.cat.categories]
    if added and series.cat.ordered and [value for value in order if value in own] == list(own):
        out = out.cat.reorder_categories(order)
    out.iloc[where] = made.astype(object).astype(out.dtype).array
    return out


def _into_own_storage(
    series: pd.Series, where: np.ndarray, new: Cells, column: Column, rounding: float
) -> pd.Series | None:
    """A stored column with some cells replaced, or None where its dtype cannot hold them."""
    own = column.model_copy(update={"dtype": dtype_name(series)})
    if column.continuous and own.dtype in TEXTS and column.dtype not in TEXTS:
        return None
    try:
        held = from_cells(_in_ticks_of(new, column, own), own).astype(series.dtype)
        if not _alike(to_cells(held, column), new, rounding):
            return None
    except _UNFIT:
        return None
    out = series.copy()
    out.iloc[where] = held.to_numpy() if held.dtype == object else held.array
    return out


def _into_storage_of(column: Column, cells: Cells, categories: Sequence[Any] | pd.Index | None) -> pd.Series | None:
    """Cells (n,) in the storage of a column, or None where it cannot hold them."""
    try:
        out = from_cells(cells, column, categories)
        return out if _alike(to_cells(out, column), cells) else None
    except _UNFIT:
        return None


def _in_ticks_of(cells: Cells, column: Column, other: Column) -> Cells:
    """Dates and durations of one column in the ticks of another's storage, and anything else as it is."""
    first, second = PER_SECOND[resolution(column)], PER_SECOND[resolution(other)]
    if column.kind not in ("datetime", "timedelta") or first == second:
        return cells
    return Cells(
        cells.values * (second // first) if second > first else cells.values // (first // second), cells.missing
    )


def _alike(cells: Cells, others: Cells, rounding: float = 0.0) -> bool:
    """Whether cells (n,) are the same as others, numbers give or take a share of ``rounding``."""
    if not np.array_equal(cells.missing, others.missing):
        return False
    left, right = cells.values[~cells.missing], others.values[~others.missing]
    if rounding and left.dtype.kind == "f":
        return bool(np.allclose(left, right.astype(np.float64), rtol=rounding, atol=0.0))
    return bool(np.all(np.asarray(left == right, dtype=bool)))
