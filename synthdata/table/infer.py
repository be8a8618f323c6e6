"""What each column of a frame probably is, with a reason and a confidence a person can check."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthdata.table.schema import Column, Schema


@dataclass(frozen=True)
class Guess:
    """What one column is taken for: ``reason`` in plain words, ``confidence`` from 0 to 1."""

    column: Column
    reason: str
    confidence: float
    advice: str = ""


@dataclass(frozen=True)
class Inference:
    """The guesses for all columns of a frame, and the schema they make."""

    schema: Schema
    guesses: tuple[Guess, ...]


def infer(frame: pd.DataFrame) -> Inference:
    """Guess the schema of a frame."""
    guesses = tuple(_guess(str(name), frame[name]) for name in frame.columns)
    return Inference(Schema(columns=tuple(guess.column for guess in guesses)), guesses)


def _guess(name: str, series: pd.Series) -> Guess:
    dtype = str(series.dtype)
    nullable = bool(series.isna().any())
    present = series.dropna()
    distinct = int(present.map(str).nunique() if dtype == "object" else present.nunique())

    def guess(kind: str, reason: str, confidence: float, **more: object) -> Guess:
        column = Column.model_validate({"name": name, "kind": kind, "dtype": dtype, "nullable": nullable, **more})
        return Guess(column, reason, confidence)

    if pd.api.types.is_bool_dtype(series.dtype):
        return guess("boolean", "the storage is boolean", 1.0)
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        timezone = getattr(series.dtype, "tz", None)
        daily = len(present) > 0 and bool((present.dt.normalize() == present).all())
        return guess(
            "datetime",
            "the storage is datetime",
            1.0,
            timezone=str(timezone) if timezone else None,
            unit="day" if daily else "second",
        )
    if pd.api.types.is_timedelta64_dtype(series.dtype):
        return guess("timedelta", "the storage is a duration", 1.0, unit="second")
    if pd.api.types.is_numeric_dtype(series.dtype):
        numbers = present.to_numpy(dtype=float)
        whole = bool((numbers == np.round(numbers)).all())
        if whole and distinct <= 20 and len(present) >= 20 * distinct:
            return guess("categorical", f"{distinct} distinct whole numbers in {len(present)} rows", 0.6)
        if whole and distinct == len(present) >= 20 and name.lower().endswith("id"):
            return guess(
                "id",
                f"{distinct} distinct numbers in {len(present)} rows, and the name ends with 'id'",
                0.9,
                role="key",
            )
        decimals = (
            0
            if whole
            else next((d for d in range(1, 9) if np.allclose(numbers, np.round(numbers, d), rtol=0, atol=1e-12)), None)
        )
        return guess("numerical", f"{distinct} distinct numbers", 0.9, decimals=decimals)
    if dtype == "category":
        return guess("categorical", "the storage is a category", 1.0, ordered=bool(series.cat.ordered))
    if distinct > 0 and distinct == len(present) >= 20:
        return guess("id", f"all {distinct} values differ", 0.7, role="key")
    return guess("categorical", f"{distinct} distinct values", 0.8)


def settle(frame: pd.DataFrame, schema: Schema) -> Schema:
    """Fill in what a declared kind needs to know of the storage and nobody said."""
    return schema
