"""Between a pandas column as it is stored and plain cells that encoders and metrics work on, and back.

The plain form of a column is one numpy array and one mask:

    numerical             int64 where the storage is integer (uint64 where only that holds it), else float64
    datetime, timedelta   int64 ticks of the storage's resolution (UTC for zoned datetimes, else the wall clock)
    boolean               object array of bool
    categorical           object array of str, bool, int or float
    id, text, personal    object array of the values as they are
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthdata.errors import SchemaError
from synthdata.table.dtypes import as_objects, cell_types, integer_limits, is_boolean, is_float, is_integer, to_dtype
from synthdata.table.schema import Column, Schema
from synthdata.table.stored_moments import read_moments, resolution, write_moments
from synthdata.table.stored_numbers import integral, read_numbers, write_numbers

__all__ = ["Cells", "from_cells", "integral", "resolution", "restore", "to_cells"]


class StrangeCellsError(SchemaError):
    """Cells that contradict their column's kind; ``bad`` (n,) says which."""

    def __init__(self, problem: str, advice: str, bad: np.ndarray) -> None:
        super().__init__(problem, advice)
        self.bad = bad


@dataclass(frozen=True)
class Cells:
    """One column in plain form: ``values`` (n,) and ``missing`` (n,), True where a cell is null.

    Values under the mask are arbitrary (0, NaN or None) and must not be looked at.
    """

    values: np.ndarray
    missing: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    @property
    def floats(self) -> np.ndarray:
        """Numbers, dates or durations as floats (n,), NaN where a cell is null."""
        return np.where(self.missing, np.nan, self.values.astype(np.float64))

    def take(self, rows: np.ndarray) -> Cells:
        """The cells of some rows."""
        return Cells(self.values[rows], self.missing[rows])


def to_cells(series: pd.Series, column: Column) -> Cells:
    """Bring a stored column into plain form.

    >>> to_cells(pd.Series([3, None], dtype="Int8"), Column(name="a", kind="numerical", dtype="Int8")).values.tolist()
    [3, 0]

    Raises:
        SchemaError: a cell contradicts the column's kind; the message names the row, never the value.
    """
    missing = series.isna().to_numpy(dtype=bool)

    def contradiction(bad: np.ndarray) -> SchemaError:
        rows = np.flatnonzero(bad)
        return StrangeCellsError(
            f"Column {column.name!r} is declared {column.kind}, but {len(rows)} of its cells are not "
            f"(first at data row {rows[0] + 1}).",
            "Mend those cells, or give the column another kind in the schema.",
            bad,
        )

    if column.generated or column.kind == "text" or column.drop:
        return Cells(_as_objects(series, missing), missing)
    if column.kind == "numerical":
        return Cells(read_numbers(series, column, missing, contradiction), missing)
    if column.kind in ("datetime", "timedelta"):
        return Cells(read_moments(series, column, missing, contradiction), missing)
    values = _as_objects(series, missing)
    if column.kind == "boolean":
        bad = ~missing & np.array(
            [not (isinstance(v, bool | int | float | np.bool_) and v in (0, 1)) for v in values], dtype=bool
        )
        if bad.any():
            raise contradiction(bad)
        return Cells(as_objects(values.astype(bool).tolist(), missing), missing)
    return Cells(_categories(series, values, missing, column), missing)


def from_cells(cells: Cells, column: Column, categories: Sequence[Any] | pd.Index | None = None) -> pd.Series:
    """Bring plain cells back to the storage of ``column``; ``categories`` gives a category dtype its list and order.

    Numbers are rounded to the column's decimals and kept within the limits of its dtype. A null in a column whose dtype
    has none (``int64``, ``bool``) makes it the nullable dtype of that name.
    """
    values, missing = np.asarray(cells.values), np.asarray(cells.missing, dtype=bool)
    if column.dtype == "category":
        return _category(values, missing, column, categories)
    if column.generated or column.kind in ("categorical", "text", "boolean") or column.drop:
        return _stored_objects(values, missing, column)
    return (
        write_numbers(values, missing, column) if column.kind == "numerical" else write_moments(values, missing, column)
    )


def restore(columns: Mapping[str, pd.Series], schema: Schema) -> pd.DataFrame:
    """Put restored columns together in the schema's order, with a fresh index.

    >>> schema = Schema(columns=(Column(name="a", kind="numerical"), Column(name="b", kind="numerical")))
    >>> list(restore({"b": pd.Series([1]), "a": pd.Series([2])}, schema).columns)
    ['a', 'b']
    """
    kept = [column.name for column in schema if column.name in columns]
    if not kept:
        return pd.DataFrame()
    frame = pd.concat([columns[name].reset_index(drop=True) for name in kept], axis=1)
    frame.columns = pd.Index(kept)
    return frame


def _as_objects(series: pd.Series, missing: np.ndarray) -> np.ndarray:
    return as_objects(series.astype(object).to_numpy(dtype=object), missing)


def _categories(series: pd.Series, values: np.ndarray, missing: np.ndarray, column: Column) -> np.ndarray:
    """Check that the cells can be categories at all, and make numpy's scalars plain."""
    types = cell_types(pd.Series(values, dtype=object)) if not is_integer(column.dtype) else {int}
    if any(issubclass(t, np.generic) for t in types):
        values = np.array([v.item() if isinstance(v, np.generic) else v for v in values], dtype=object)
        types = cell_types(pd.Series(values, dtype=object))
    strange = sorted(t.__name__ for t in types if not issubclass(t, str | bool | int | float))
    if strange:
        rows = [
            row
            for row, value in enumerate(values)
            if not missing[row] and not isinstance(value, str | bool | int | float)
        ]
        raise SchemaError(
            f"Column {column.name!r} is declared categorical, but holds {' and '.join(strange)} objects "
            f"(first at data row {rows[0] + 1}).",
            f'Turn them into text first (frame[{column.name!r}].astype(str)), or set "drop": true.',
        )
    families = {"text" if issubclass(t, str) else "truth values" if issubclass(t, bool) else "numbers" for t in types}
    if len(families) > 1:
        raise SchemaError(
            f"Column {column.name!r} mixes {' and '.join(sorted(families))} in one column.",
            f"Make them one type first: frame[{column.name!r}] = frame[{column.name!r}].astype(str).",
        )
    return values


def _category(
    values: np.ndarray, missing: np.ndarray, column: Column, categories: Sequence[Any] | pd.Index | None
) -> pd.Series:
    if column.continuous:
        plain = column.model_copy(update={"dtype": "float64" if column.kind == "numerical" else f"{column.kind}64[us]"})
        stored = from_cells(Cells(values, missing), plain)
        return stored.astype(
            pd.CategoricalDtype(None if categories is None else pd.Index(categories), ordered=column.ordered)
        )
    cells = as_objects(values, missing)
    if categories is None and column.public is not None and column.public.categories:
        categories = list(column.public.categories)
    if not isinstance(categories, pd.Index) and categories is not None:
        categories = pd.Index(list(categories), dtype=None if len(categories) else object)
    return pd.Series(pd.Categorical(cells, categories=categories, ordered=column.ordered), name=column.name)


def _stored_objects(values: np.ndarray, missing: np.ndarray, column: Column) -> pd.Series:
    name = column.dtype
    cells = as_objects(values, missing)
    if is_integer(name):
        low, high = integer_limits(name)
        cells[:] = [None if m else min(max(int(v), low), high) for v, m in zip(values, missing, strict=True)]
    if missing.any() and name == "bool":
        name = "boolean"
    elif missing.any() and is_integer(name) and name[0].islower() and not name.endswith("[pyarrow]"):
        name = "Int64"
    dtype = to_dtype(name)
    if is_boolean(name):
        cells[:] = [None if m else bool(v) for v, m in zip(values, missing, strict=True)]
    if is_float(name):
        cells[:] = [
            np.nan if m and name[0].islower() else None if m else float(v) for v, m in zip(values, missing, strict=True)
        ]
    return (
        pd.Series(cells, name=column.name, dtype=object)
        if dtype == np.dtype(object)
        else pd.Series(pd.array(cells, dtype=dtype), name=column.name)
    )
