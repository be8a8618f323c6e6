"""Dependences: which columns determine another one in the real table, and how often the synthetic table breaks that.

A functional dependency A → B, or (A, B) → C for columns of few values, is taken to hold where, in groups of equal
values on the left, at most one real row in 1,000 differs from its group's most frequent value on the right. It must
not be trivial: the groups are large, and the right side varies. A row of another table breaks it where its left side
is known from the real table and its right side is not what goes with it. Nulls are values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from synthdata.random import SeedTree
from synthdata.validation.base import Comparison, Figure, NotComputable, Side
from synthdata.validation.statistics import wilson

#: the share of real rows that may differ; rows that the mean group has at least, and that a group needs to count
ALLOWED, MEAN_GROUP, GROUP = 0.001, 20, 5
#: rows that must not hold the right side's most frequent value, and their least share
VARIED, VARIED_SHARE = 20, 0.02
#: values up to which a column takes part in a pair, how many such columns are tried, and rows of the first look
FEW_VALUES, PAIRED, FIRST_LOOK = 30, 12, 2_000
#: how many real rows are looked at, and how many dependences are counted and named
ROWS, MOST, NAMED = 50_000, 200, 10


@dataclass(frozen=True)
class Dependency:
    """Columns (by position) that determine another."""

    left: tuple[int, ...]
    right: int


@dataclass(frozen=True)
class Dependencies:
    """The figure, and the dependences that are broken most."""

    figure: Figure
    worst: list[dict[str, Any]] = field(default_factory=list)
    found: int = 0


def dependencies(comparison: Comparison, seed: SeedTree) -> Dependencies:
    """The share of synthetic rows that break a dependence of the real table, with the holdout's beside it.

    Raises:
        NotComputable: there are too few columns or rows, or no column determines another.
    """
    if len(comparison.views) < 2:
        raise NotComputable("Fewer than two columns are judged, so none can determine another.")
    if comparison.rows("train") < 2 * MEAN_GROUP:
        raise NotComputable(f"At least {2 * MEAN_GROUP} real rows are needed to see what determines what.")
    sides: tuple[Side, ...] = tuple(comparison.views[0].sides)
    rows = {side: comparison.draw(side, ROWS, seed.generator(f"rows of {side}")) for side in sides}
    codes = [_shared_codes(comparison, position, rows) for position in range(len(comparison.views))]
    held = held_by([each["train"] for each in codes])[:MOST]
    if not held:
        raise NotComputable("No column determines another in the real table, so there is nothing to break.")
    broken = {side: np.zeros(len(rows[side]), bool) for side in sides if side != "train"}
    entries: list[dict[str, Any]] = []
    for dependency in held:
        shares: dict[Side, float | None] = {}
        for side, any_broken in broken.items():
            breaks, known = breaking(dependency, codes, side)
            any_broken |= breaks
            shares[side] = float(breaks.sum() / known.sum()) if known.any() else None
        entries.append(
            {
                "columns": [comparison.views[i].name for i in dependency.left],
                "determine": comparison.views[dependency.right].name,
                "value": shares["synthetic"],
                "reference": shares.get("holdout") if comparison.no_reference is None else None,
            }
        )
    count = int(broken["synthetic"].sum())
    value = count / len(rows["synthetic"])
    reference = float(broken["holdout"].mean()) if comparison.no_reference is None else None
    figure = Figure(
        value, wilson(count, len(rows["synthetic"])), reference, n=len(rows["synthetic"]), text=comparison.no_reference
    )
    entries.sort(key=lambda entry: -(entry["value"] or 0.0))
    return Dependencies(figure, entries[:NAMED], len(held))


def _shared_codes(comparison: Comparison, position: int, rows: dict[Side, np.ndarray]) -> dict[Side, np.ndarray]:
    """A column's values as codes from 0 on that mean the same on all sides; a null is a value."""
    values = [comparison.views[position].values(side, chosen) for side, chosen in rows.items()]
    codes, _ = pd.factorize(np.concatenate(values), use_na_sentinel=False)
    parts = np.split(codes, np.cumsum([len(chosen) for chosen in rows.values()])[:-1])
    return dict(zip(rows, parts, strict=True))


def held_by(columns: list[np.ndarray]) -> list[Dependency]:
    """The dependences that hold among columns of codes (n,): by one column first, then by two that need each other."""
    n = len(columns[0])
    values = [len(np.unique(column)) for column in columns]
    varied = [i for i, column in enumerate(columns) if _varies(column)]
    single = [
        Dependency((a,), b)
        for a in range(len(columns))
        if 2 <= values[a] <= n / MEAN_GROUP
        for b in varied
        if a != b and values[b] <= values[a] and holds(columns[a], columns[b])
    ]
    return [*single, *_by_two(columns, values, varied, {(each.left[0], each.right) for each in single})]


def _by_two(
    columns: list[np.ndarray], values: list[int], varied: list[int], single: set[tuple[int, int]]
) -> Iterator[Dependency]:
    n = len(columns[0])
    few = sorted((i for i, count in enumerate(values) if 2 <= count <= FEW_VALUES), key=lambda i: -values[i])[:PAIRED]
    for a, b in combinations(sorted(few), 2):
        if {(a, b), (b, a)} & single:
            continue  # the one says nothing that the other does not
        _, both = np.unique(columns[a] * (int(columns[b].max()) + 1) + columns[b], return_inverse=True)
        if both.max() + 1 > n / MEAN_GROUP:
            continue
        for c in varied:
            if (
                c not in (a, b)
                and values[c] <= FEW_VALUES
                and not {(a, c), (b, c)} & single
                and holds(both, columns[c])
            ):
                yield Dependency((a, b), c)


def _varies(column: np.ndarray) -> bool:
    others = len(column) - int(np.bincount(column).max())
    return others >= max(VARIED, VARIED_SHARE * len(column))


def holds(left: np.ndarray, right: np.ndarray) -> bool:
    """Whether codes (n,) determine others (n,), but for `ALLOWED` of the rows; few rows are looked at first."""
    first = slice(0, FIRST_LOOK)
    if len(left) > 2 * FIRST_LOOK and _differing(left[first], right[first]) > 0.01 * FIRST_LOOK:
        return False
    return _differing(left, right) <= ALLOWED * len(left)


def _differing(left: np.ndarray, right: np.ndarray) -> int:
    """How many rows do not hold the value on the right that is most frequent with theirs on the left."""
    size = int(right.max()) + 1
    cells, counts = np.unique(left.astype(np.int64) * size + right, return_counts=True)
    groups = cells // size
    return len(left) - int(np.maximum.reduceat(counts, np.flatnonzero(np.r_[True, np.diff(groups) > 0])).sum())


def breaking(dependency: Dependency, codes: list[dict[Side, np.ndarray]], side: Side) -> tuple[np.ndarray, np.ndarray]:
    """Which rows (n,) of a side break a dependence, and in which it can be told."""
    sizes = [max(int(part.max()) for part in codes[i].values()) + 1 for i in dependency.left]

    def key(which: Side) -> np.ndarray:
        joint = np.zeros(len(codes[0][which]), np.int64)
        for i, size in zip(dependency.left, sizes, strict=True):
            joint = joint * size + codes[i][which]
        return joint

    real = pd.DataFrame({"left": key("train"), "right": codes[dependency.right]["train"]})
    counts = real.value_counts(sort=True)  # the most frequent first
    usual = counts.reset_index().drop_duplicates("left").set_index("left")["right"]
    enough = real["left"].value_counts()
    usual = usual[usual.index.isin(enough.index[enough >= GROUP])]
    expected = usual.reindex(key(side)).to_numpy(dtype=float)
    known = ~np.isnan(expected)
    return known & (expected != codes[dependency.right][side]), known
