"""What each column of a frame probably is, with a reason and a confidence a person can check."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from synthdata.table.dtypes import TEXTS, is_boolean, is_float, is_integer, zone_name
from synthdata.table.evidence import Evidence, Guess, figure
from synthdata.table.guess_moments import guess_date_digits, guess_stored_moments, guess_text_moments
from synthdata.table.guess_numbers import guess_numbers
from synthdata.table.guess_text import guess_text, written_numbers
from synthdata.table.personal import guess_personal
from synthdata.table.schema import Column, Schema
from synthdata.table.stored_moments import mixed_offsets
from synthdata.table.stored_numbers import SHORTEST
from synthdata.table.table import check_names

__all__ = ["Guess", "Inference", "infer", "settle"]

#: cells of one of these families make a column; the order matters, since a bool is an int and a datetime a date
FAMILIES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "truth values": (bool, np.bool_),
    "numbers": (int, float, np.integer, np.floating),
    "decimals": (Decimal,),
    "datetimes": (dt.datetime,),
    "dates": (dt.date,),
    "times": (dt.time,),
    "durations": (dt.timedelta,),
    "UUIDs": (uuid.UUID,),
}


@dataclass(frozen=True)
class Inference:
    """The guesses for all columns of a frame, and the schema they make."""

    schema: Schema
    guesses: tuple[Guess, ...]


def infer(frame: pd.DataFrame) -> Inference:
    """Guess the schema of a frame (n, d); every column gets a reason and a confidence.

    Kinds, keys and formats are held against every row; only the look of very many distinct texts is first tried on a
    thousand of them. Reasons hold counts, never cells.

    >>> infer(pd.DataFrame({"sex": ["F", "M"] * 20})).guesses[0].reason
    '2 distinct values in 40 cells.'

    Raises:
        TableError: no columns, or names that are not distinct text.
    """
    check_names(frame)
    guesses = tuple(guess_column(name, frame[name]) for name in frame.columns)
    return Inference(Schema(columns=tuple(guess.column for guess in guesses)), guesses)


def guess_column(name: str, series: pd.Series) -> Guess:
    """The guess for one column."""
    refused = _unusable(name, series)
    if refused is not None:
        return refused
    e = Evidence(name, series)
    if is_boolean(e.dtype):
        return e.guess("boolean", f"the storage {e.dtype!r} is true or false", 1.0)
    if e.dtype == "category":
        return _category(e)
    if e.dtype == "uuid":
        role = "key" if e.unique else None
        return e.guess(
            "id", f"all {figure(e.n)} cells are UUIDs, {figure(e.distinct)} distinct", 1.0, role=role, format="uuid"
        )
    if e.dtype.startswith(("datetime", "timedelta", "timestamp", "duration", "date", "time")):
        return guess_stored_moments(e)
    if is_integer(e.dtype) or is_float(e.dtype) or e.dtype.startswith("decimal") or e.dtype == "number":
        return guess_numbers(e)
    types = {type(value) for value in e.sample}
    if types and types <= {bool, np.bool_}:
        return e.guess("boolean", f"all {figure(e.n)} cells are true or false", 1.0)
    return guess_text(e)


def _category(e: Evidence) -> Guess:
    """A column that somebody stored as categories is taken at its word, unless the categories point at persons."""
    declared = len(e.series.cat.categories)
    texts = pd.api.types.is_string_dtype(e.series.cat.categories.dtype) or e.series.cat.categories.dtype.kind == "O"
    if texts and e.n:
        personal = guess_personal(e)
        if personal is not None:
            return personal
    ordered = bool(e.series.cat.ordered)
    reason = f"the storage is a category with {figure(declared)} {'ordered ' if ordered else ''}values"
    advice = 'Hardly any category repeats; if they only tell rows apart, declare the kind "id".' if e.unique else ""
    return e.guess("categorical", reason, 0.6 if e.unique else 1.0, advice, ordered=ordered)


def _unusable(name: str, series: pd.Series) -> Guess | None:
    """A guess that refuses a column whose cells are no single values of one type: kind ``text``, with advice."""
    dtype: Any = series.dtype
    column = Column(name=name, kind="text", dtype=str(dtype), nullable=bool(series.isna().any()))
    leave = 'or leave the column out ("drop": true).'
    inner: Any = dtype.categories.dtype if isinstance(dtype, pd.CategoricalDtype) else dtype
    if not _plain(inner) or (inner is not dtype and inner.kind in "Mm"):
        return Guess(
            column, f"the storage {str(dtype)!r} holds no plain values.", 1.0, f"Turn it into text or numbers, {leave}"
        )
    if inner != np.dtype(object):
        return None
    cells = dtype.categories.to_numpy() if inner is not dtype else series.dropna().to_numpy()
    found = Counter(map(type, cells))
    families: Counter[str] = Counter()
    for cell_type, count in found.items():
        families[
            next((word for word, types in FAMILIES.items() if issubclass(cell_type, types)), cell_type.__name__)
        ] += count
    counts = " and ".join(f"{figure(count)} {family}" for family, count in sorted(families.items()))
    if not set(families) <= set(FAMILIES):
        reason = f"its cells are no single values: {counts}."
        return Guess(column, reason, 1.0, f"Take out of them what matters, as columns of text or numbers, {leave}")
    if len(families) > 1:
        cast = f"frame[{name!r}] = frame[{name!r}].astype(str)"
        return Guess(column, f"several types in one column: {counts}.", 1.0, f"Make them one type ({cast}), {leave}")
    if inner is not dtype and not {"text", "truth values", "numbers"} >= set(families):
        return Guess(column, f"a category of {counts}.", 1.0, f"Turn the categories into text, {leave}")
    return None


def _plain(dtype: Any) -> bool:
    """Whether a dtype holds one plain value a cell."""
    if isinstance(dtype, pd.ArrowDtype):
        import pyarrow

        kind, types = dtype.pyarrow_dtype, pyarrow.types
        odd = (
            types.is_nested,
            types.is_dictionary,
            types.is_binary,
            types.is_large_binary,
            types.is_fixed_size_binary,
            types.is_null,
        )
        return not any(test(kind) for test in odd)
    if isinstance(dtype, np.dtype):
        return dtype.kind in "biufOMm"
    return not isinstance(dtype, pd.PeriodDtype | pd.IntervalDtype | pd.SparseDtype)


def settle(frame: pd.DataFrame, schema: Schema) -> Schema:
    """Fill in what a declared kind needs to know of the storage and nobody said: formats of text, units, time zones.

    Raises:
        SchemaError: a declared datetime column has different time zone offsets.
    """
    settled = tuple(_settled(column, frame[column.name]) for column in schema)
    return schema if settled == schema.columns else schema.model_copy(update={"columns": settled})


def _settled(column: Column, series: pd.Series) -> Column:
    if column.generated or column.drop or column.kind not in ("numerical", "datetime", "timedelta"):
        return column
    found: dict[str, Any] = {}
    written = column.dtype in TEXTS
    digits = is_integer(column.dtype) or is_float(column.dtype)
    if column.kind == "numerical":
        if written and column.format is None and _unusable(column.name, series) is None:
            e = Evidence(column.name, series)
            if e.n and all(isinstance(value, str) for value in e.values):
                layout, decimals = written_numbers(e) or (SHORTEST, None)
                found = {"format": layout, "decimals": column.decimals if column.decimals is not None else decimals}
    elif column.format is None and (written or digits):
        e = Evidence(column.name, series)
        guess = None
        if e.n and digits:
            guess = guess_date_digits(e)
        elif e.n and all(isinstance(value, str) for value in e.values):
            guess = guess_text_moments(e)
        if guess is not None and guess.column.kind == "text" and not column.timezone:
            raise mixed_offsets(column.name)
        if guess is not None and guess.column.kind == column.kind:
            known = guess.column
            found = {
                "format": known.format,
                "unit": column.unit or known.unit,
                "timezone": column.timezone or known.timezone,
            }
    elif column.kind == "datetime" and column.timezone is None and isinstance(series.dtype, pd.DatetimeTZDtype):
        found = {"timezone": zone_name(series.dtype.tz)}
    return column.model_copy(update=found) if found else column
