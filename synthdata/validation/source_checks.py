"""What a person should know of a real table before fitting: warnings with advice, counts only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from synthdata.table.schema import Column
from synthdata.table.table import Table
from synthdata.validation.checks import check

#: shares and counts from which on something is worth a word
MANY_NULLS, NEAR_UNIQUE, SPIKE, FEW_ROWS, TINY = 0.5, 0.5, 0.01, 1_000, 5
#: numbers that often stand for "unknown"
SENTINELS = (-1, -9, -99, -999, -9999, 99, 999, 9999, 99999, 999999)
#: text that often stands for "unknown"
UNKNOWN = {"", "?", "na", "n/a", "nan", "none", "null", "unknown", "missing", "-", "--"}


def source_warnings(table: Table) -> list[dict[str, Any]]:
    """Checks of the whole table and of each column, each passed or not, on all rows."""
    checks = list(_table(table))
    for column in table.schema:
        if column.drop or column.name not in table.frame.columns:
            continue
        checks += _column(table.frame[column.name], column, len(table))
    return checks


def _warn(column: str | None, text: str, bad: bool, detail: str, advice: str) -> dict[str, Any]:
    return check(column, text, not bad, "warn", detail if bad else "nothing found", advice)


def _table(table: Table) -> Iterator[dict[str, Any]]:
    names = [column.name for column in table.schema.modelled]
    rows = len(table)
    yield _warn(
        None,
        "has enough rows",
        rows < FEW_ROWS,
        f"{rows:,} rows, fewer than {FEW_ROWS:,}",
        "Expect wide intervals, and privacy tests that cannot tell; gather more rows if you can.",
    )
    if names:
        repeated = int(_repeated(table).sum())
        yield _warn(
            None,
            "has no repeated rows",
            repeated > 0,
            f"{repeated:,} of {rows:,} rows equal an earlier row in all modelled columns",
            "If they are mistakes, remove them before fitting: a row that is there many times is learnt by heart.",
        )


def _repeated(table: Table) -> np.ndarray:
    from synthdata.validation.base import judged_views
    from synthdata.validation.privacy.copies import row_keys

    views = judged_views(table)
    return pd.Series(row_keys(views, "train")).duplicated().to_numpy() if views else np.zeros(len(table), bool)


def _column(series: pd.Series, column: Column, rows: int) -> Iterator[dict[str, Any]]:
    name = column.name
    missing = float(series.isna().mean()) if rows else 0.0
    yield _warn(
        name,
        "is mostly filled",
        missing > MANY_NULLS,
        f"{100 * missing:.0f}% of the cells are empty",
        "Leave the column out if the few values say little; else they are learnt together with when they are missing.",
    )
    if column.generated or column.kind == "text":
        return
    present = series.dropna()
    if isinstance(present.dtype, pd.CategoricalDtype):
        present = present.astype(object)
    counts = present.value_counts(sort=False)
    yield _warn(
        name,
        "varies",
        len(counts) <= 1,
        "all cells are empty" if not len(counts) else "there is a single value",
        "The column carries no information: leave it out, or keep it as it is.",
    )
    if column.kind == "categorical":
        yield from _categories(name, counts, len(present))
    if column.kind == "numerical":
        yield from _sentinels(name, counts, len(present))


def _categories(name: str, counts: pd.Series, present: int) -> Iterator[dict[str, Any]]:
    distinct = len(counts)
    near = distinct > 50 and distinct > NEAR_UNIQUE * present
    yield _warn(
        name,
        "has few enough categories",
        near,
        f"{distinct:,} distinct values in {present:,} cells",
        "Declare it as text, id or personal data in the schema, or group its values: single values would be copied.",
    )
    tiny = int((counts < TINY).sum())
    yield _warn(
        name,
        "has no tiny groups",
        tiny > 0 and not near,
        f"{tiny:,} of {distinct:,} categories have fewer than {TINY} rows",
        "Merge them with others if they identify people; a model may pool or lose them.",
    )
    texts = [value for value in counts.index if isinstance(value, str)]
    padded = int(sum(counts[value] for value in texts if value != value.strip()))
    yield _warn(
        name,
        "has no blanks around values",
        padded > 0,
        f"{padded:,} cells begin or end with a blank",
        "Strip them: “x” and “ x” are two categories to every program.",
    )
    folded = pd.Series([value.strip().casefold() for value in texts], dtype=object)
    same = int(folded.duplicated(keep=False).sum())
    yield _warn(
        name,
        "spells each category one way",
        same > 0,
        f"{same:,} categories differ only in upper and lower case or blanks",
        "Write them alike before fitting.",
    )
    unknown = int(sum(counts[value] for value in texts if value.strip().casefold() in UNKNOWN))
    yield _warn(
        name,
        "marks unknown values as empty",
        unknown > 0,
        f"{unknown:,} cells hold text that usually means “unknown”",
        "Replace it by empty cells if that is what it means; otherwise it stays a category.",
    )


def _sentinels(name: str, counts: pd.Series, present: int) -> Iterator[dict[str, Any]]:
    numbers = pd.to_numeric(pd.Series(counts.index.astype(object)), errors="coerce").to_numpy(
        dtype=float, na_value=np.nan
    )
    times = counts.to_numpy()
    found = 0
    for sentinel in SENTINELS:
        at = numbers == sentinel
        others = numbers[~at & ~np.isnan(numbers)]
        if not at.any() or not len(others) or times[at].sum() < max(SPIKE * present, 2):
            continue
        # a stray value: beyond all others by more than a quarter of their own spread, or the only negative one
        spread = others.max() - others.min()
        gap = max(sentinel - others.max(), others.min() - sentinel)
        if gap > 0.25 * spread or (sentinel < 0 and others.min() >= 0):
            found += int(times[at].sum())
    yield _warn(
        name,
        "has no numbers that stand for “unknown”",
        found > 0,
        f"{found:,} cells hold a number such as -1 or 999 that lies apart from all others",
        "Replace it by empty cells if it means “unknown”: else it is averaged like a number.",
    )
