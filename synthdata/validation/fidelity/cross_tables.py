"""Cross tables of two and three columns, real and synthetic, for people to look at; the figures are computed elsewhere.

Numbers are in train's quantile bins with edges as coarse as the quantiles of a column's summary, the commonest
categories stand alone. A category that fewer than `FEW` real rows have is not named, and a cell that fewer than `FEW`
rows of a side share counts as empty on that side, so that no single row can be read off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from synthdata.random import SeedTree
from synthdata.validation.base import Comparison, Side, View
from synthdata.validation.summaries import FEW, coarse_step, rounded

#: bins of a number, categories that stand alone, rows of each side that are counted
BINS, CATEGORIES, ROWS = 7, 8, 100_000
#: values up to which a third column is not made coarser; else its bins, or categories that stand alone
FEW_VALUES, PANEL_BINS, PANEL_CATEGORIES = 4, 3, 3
#: the share of rows from which a number's commonest value gets a bin of its own
USUAL = 0.3
#: pairs that have a table: all of up to twenty columns, the worst ones of more
PAIRS = 190
SIDES: tuple[Side, ...] = ("train", "synthetic")


@dataclass(frozen=True)
class Axis:
    """A column as few codes on both sides (n,), and what each code is called."""

    labels: tuple[str, ...]
    codes: Mapping[Side, np.ndarray]


@dataclass(frozen=True)
class CrossTables:
    """The columns of a comparison as axes, made when they are asked for first."""

    comparison: Comparison
    rows: Mapping[Side, np.ndarray]
    axes: dict[tuple[str, tuple[int, int]], Axis]

    @classmethod
    def of(cls, comparison: Comparison, seed: SeedTree) -> CrossTables:
        """Draw the rows to count."""
        return cls(
            comparison,
            {side: comparison.draw(side, ROWS, seed.generator(f"rows of {side}")) for side in SIDES},
            {},
        )

    def axis(self, name: str, size: tuple[int, int] = (BINS, CATEGORIES)) -> Axis:
        """The axis of a judged column, in so many bins, or with so many categories that stand alone."""
        if (name, size) not in self.axes:
            view = next(view for view in self.comparison.views if view.name == name)
            self.axes[name, size] = axis(view, self.rows, *size)
        return self.axes[name, size]

    def of_triple(self, names: Sequence[str]) -> dict[str, Any]:
        """The table of three columns; that with the fewest values has few, since each gets a picture of its own."""
        axes = [self.axis(name) for name in names]
        apart = min(range(len(axes)), key=lambda place: len(axes[place].labels))
        if len(axes[apart].labels) > FEW_VALUES:
            axes[apart] = self.axis(names[apart], (PANEL_BINS, PANEL_CATEGORIES))
        return self.count(axes)

    def table(self, names: Iterable[str]) -> dict[str, Any]:
        """Shares of the rows of each side by cell, nested lists in the order of ``names``, and the labels of each."""
        return self.count([self.axis(name) for name in names])

    def count(self, axes: Sequence[Axis]) -> dict[str, Any]:
        """The shares of all combinations of values of some axes."""
        shape = tuple(len(axis.labels) for axis in axes)
        found: dict[str, Any] = {"labels": [list(axis.labels) for axis in axes], "least": FEW}
        for side, key in zip(SIDES, ("real", "synthetic"), strict=True):
            place = np.ravel_multi_index([axis.codes[side] for axis in axes], shape)
            counts = np.bincount(place, minlength=int(np.prod(shape)))
            counts = np.where(counts < FEW, 0, counts)
            found[key] = np.round(counts / max(1, len(place)), 5).reshape(shape).tolist()
        return found

    def of_pairs(self, error: np.ndarray) -> list[dict[str, Any]]:
        """The tables of the pairs with the largest ``error`` (c, c), the largest first."""
        names = self.comparison.names
        first, second = np.triu_indices(len(names), 1)
        order = np.argsort(-error[first, second], kind="stable")[:PAIRS]
        return [
            {
                "columns": [names[a], names[b]],
                "value": round(float(error[a, b]), 6),
                **self.table((names[a], names[b])),
            }
            for a, b in zip(first[order], second[order], strict=True)
        ]


def axis(view: View, rows: Mapping[Side, np.ndarray], bins: int, most: int) -> Axis:
    """A column's codes on the chosen rows of each side; what nobody has gets no code."""
    labels, codes = _bins(view, rows, bins) if view.continuous else _categories(view, rows, most)
    null = len(labels)
    codes = {side: np.where(view.missing(side, chosen), null, codes[side]) for side, chosen in rows.items()}
    labels = [*labels, "no value"]
    there = np.zeros(len(labels), bool)
    for code in codes.values():
        there |= np.bincount(code, minlength=len(labels)) > 0
    place = np.cumsum(there) - 1
    return Axis(
        tuple(label for label, kept in zip(labels, there, strict=True) if kept),
        {side: place[code] for side, code in codes.items()},
    )


def _categories(view: View, rows: Mapping[Side, np.ndarray], most: int) -> tuple[list[str], dict[Side, np.ndarray]]:
    """The commonest categories in train; all others share the last code."""
    categories = view.categories or ()
    counts = np.bincount(view.values("train")[view.values("train") >= 0], minlength=len(categories))
    named = [i for i in range(len(categories)) if counts[i] >= FEW][:most]
    rest = len(categories) - len(named)
    codes = np.full(len(categories) + 1, len(named))
    codes[named] = np.arange(len(named))
    labels = [str(categories[i]) for i in named] + [f"{rest} others"] * (rest > 0)
    return labels, {side: codes[view.values(side, chosen)] for side, chosen in rows.items()}


def _bins(view: View, rows: Mapping[Side, np.ndarray], bins: int) -> tuple[list[str], dict[Side, np.ndarray]]:
    """Train's quantile bins, with edges as coarse as a summary's quantiles; a very common value has its own."""
    present = view.values("train")
    present = present[~np.isnan(present)]
    whole = view.column.kind == "numerical" and bool((present == np.round(present)).all())
    step = max(coarse_step(view), 1.0) if whole else coarse_step(view)
    edges = _edges(present, step, bins)
    write = _moment if view.column.kind == "datetime" else _number
    labels = ["any"]
    if edges:
        between = [_between(low, high, write, single=whole and step == 1) for low, high in pairwise(edges)]
        if view.column.kind == "datetime":  # two of them are too long for the edge of a drawing
            between = [f"from {write(low)}" for low in edges[:-1]]
        labels = [f"< {write(edges[0])}", *between, f"≥ {write(edges[-1])}"]
    return labels, {side: np.searchsorted(edges, view.values(side, chosen), "right") for side, chosen in rows.items()}


def _between(low: float, high: float, write: Callable[[float], str], *, single: bool) -> str:
    """What a bin is called, which its upper edge does not belong to; ``single`` where values are all whole numbers."""
    last = high - 1 if single else high
    return write(low) if low == last else f"{write(low)} – {write(last)}"


def _edges(present: np.ndarray, step: float, bins: int) -> list[float]:
    if not len(present):
        return []
    values, counts = np.unique(present, return_counts=True)
    usual = values[counts.argmax()]
    alone: set[float] = set()
    if len(values) > 2 and counts.max() > USUAL * len(present):
        low = rounded(float(np.floor(usual / step)) * step, step)
        alone, present, bins = {low, rounded(low + step, step)}, present[present != usual], max(2, bins - 2)
    cuts = np.quantile(present, np.linspace(0, 1, bins + 1)[1:-1])
    return sorted(alone | {rounded(float(cut), step) for cut in cuts})


def _number(value: float) -> str:
    return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:.4g}"


def _moment(seconds: float) -> str:
    when = pd.Timestamp(round(seconds), unit="s")
    return when.strftime("%Y-%m-%d" if when == when.floor("1D") else "%Y-%m-%d %H:%M")
