"""Protected columns, and the groups of rows that they make."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from synthdata.errors import SchemaError, did_you_mean
from synthdata.table.schema import Schema
from synthdata.validation.base import Comparison, Side, View

#: how a protected column is called where none is named; as a whole name or its last word
NAMES = ("sex", "gender", "race", "ethnicity", "ethnic group", "age group", "age band")
#: real rows that a group needs to stand alone, and how many groups of one column do
MINIMUM, MOST = 20, 12
QUARTERS = ("lowest quarter", "second quarter", "third quarter", "highest quarter")
#: protected columns of which every two are crossed
CROSSED = 5


@dataclass(frozen=True)
class Grouping:
    """Rows by group: the columns that make them, the groups' names, and each row's group (n,), -1 for none."""

    columns: tuple[str, ...]
    names: tuple[str, ...]
    codes: dict[Side, np.ndarray]
    note: str | None = None


def protected_columns(schema: Schema, named: Sequence[str] = ()) -> tuple[str, ...]:
    """The columns named as protected, or those that are called like one (see `NAMES`).

    Raises:
        SchemaError: a named column does not exist.
    """
    if named:
        for name in named:
            if name not in schema:
                raise SchemaError(f"There is no column {name!r} to protect.", did_you_mean(name, schema.names))
        return tuple(dict.fromkeys(named))
    return tuple(column.name for column in schema if not column.continuous and _sounds_protected(column.name))


def _sounds_protected(name: str) -> bool:
    words = re.sub(r"[\W_]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)).strip().lower()
    return any(words == known or words.endswith(f" {known}") for known in NAMES)


def groupings(comparison: Comparison, columns: Sequence[str]) -> tuple[list[Grouping], list[str]]:
    """The groups of each protected column and of every two together, and why a column makes none."""
    views = {view.name: view for view in comparison.views}
    single, notes = [], []
    for name in columns:
        if name not in views:
            notes.append(f"“{name}” is not judged: {comparison.skipped[name]}.")
            continue
        grouping = of_quarters(views[name]) if views[name].continuous else of_categories(views[name])
        if len(grouping.names) < 2:
            notes.append(f"“{name}” has fewer than two groups with {MINIMUM} real rows.")
        else:
            single.append(grouping)
    crossed = [crossing(first, second) for first, second in combinations(single[:CROSSED], 2)]
    if len(single) > CROSSED:
        notes.append(f"Only the first {CROSSED} protected columns are crossed with each other.")
    return [*single, *(grouping for grouping in crossed if len(grouping.names) > 1)], notes


def of_categories(view: View) -> Grouping:
    """Categories with `MINIMUM` real rows, most frequent first; the others pooled where they have as many together."""
    size = len(view.categories or ())
    counts = np.bincount(view.values("train") + 1, minlength=size + 1)
    large = [code for code in range(size) if counts[code + 1] >= MINIMUM][:MOST]
    names = [str((view.categories or ())[code]) for code in large]
    place = np.full(size + 1, -1)
    place[np.array(large, int) + 1] = np.arange(len(large))
    if counts[0] >= MINIMUM:
        place[0] = len(names)
        names.append("no value")
    rest = np.flatnonzero(place[1:] < 0) + 1
    there, note = int((counts[rest] > 0).sum()), None
    if counts[rest].sum() >= MINIMUM:
        place[rest] = len(names)
        names.append(f"{there} others" if there > 1 else "1 other")
    elif len(rest):
        note = f"Groups of “{view.name}” with fewer than {MINIMUM} real rows are left out."
    return Grouping((view.name,), tuple(names), {side: place[values + 1] for side, values in view.sides.items()}, note)


def of_quarters(view: View) -> Grouping:
    """Numbers by train's quartiles, and the nulls where there are `MINIMUM` of them."""
    present = view.values("train")[~view.missing("train")]
    edges = np.unique(np.quantile(present, [0.25, 0.5, 0.75])) if len(present) else np.empty(0)
    names = list(QUARTERS) if len(edges) == 3 else [f"part {i + 1} of {len(edges) + 1}" for i in range(len(edges) + 1)]
    with_nulls = int(view.missing("train").sum()) >= MINIMUM
    null = len(names) if with_nulls else -1
    codes = {
        side: np.where(np.isnan(values), null, np.searchsorted(edges, values, "left"))
        for side, values in view.sides.items()
    }
    counts = np.bincount(codes["train"][codes["train"] >= 0], minlength=len(names) + with_nulls)
    if (counts < MINIMUM).any():
        return Grouping((view.name,), (), codes)
    return Grouping((view.name,), (*names, "no value") if with_nulls else tuple(names), codes)


def crossing(first: Grouping, second: Grouping) -> Grouping:
    """The groups of two columns together, with `MINIMUM` real rows each; smaller ones are left out."""
    width = len(second.names)
    codes = {
        side: np.where((a < 0) | (second.codes[side] < 0), -1, a * width + second.codes[side])
        for side, a in first.codes.items()
    }
    counts = np.bincount(codes["train"][codes["train"] >= 0], minlength=len(first.names) * width)
    large = np.flatnonzero(counts >= MINIMUM)
    place = np.full(len(counts) + 1, -1)
    place[large] = np.arange(len(large))
    small = int(((counts > 0) & (counts < MINIMUM)).sum())
    columns = (*first.columns, *second.columns)
    note = None
    if small:
        listed = f"{small} combinations" if small > 1 else "One combination"
        note = f"{listed} of “{columns[0]}” and “{columns[1]}” with fewer than {MINIMUM} real rows "
        note += "are left out." if small > 1 else "is left out."
    names = tuple(f"{first.names[code // width]}, {second.names[code % width]}" for code in large)
    # The code -1 looks up the last entry, which is -1 as well.
    return Grouping(columns, names, {side: place[values] for side, values in codes.items()}, note)
