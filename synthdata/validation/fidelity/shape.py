"""Shape: how far each column's distribution is from the real one, and the mean over columns.

Kolmogorov–Smirnov distance for columns on a number line (numbers, dates, durations), total variation distance for the
others, as in TabSyn (Zhang et al. 2024, section 4.1). A null is never dropped: it is one more category, and on a number
line a value of its own beside the line (see `statistics.kolmogorov_smirnov`). Without nulls the figures are one minus
sdmetrics' KSComplement and TVComplement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from synthdata.random import SeedTree
from synthdata.validation.base import Comparison, Figure, NotComputable, Side, View
from synthdata.validation.statistics import (
    around,
    bootstrap_weights,
    kolmogorov_smirnov,
    total_variation,
    weighted_counts,
)

#: bootstrap samples behind an interval, the rows they are drawn from, and the bins they see numbers in
REPLICATES, BOOTSTRAP_ROWS, BOOTSTRAP_BINS = 50, 10_000, 64


@dataclass(frozen=True)
class Shape:
    """The figure over all columns, and one for each."""

    figure: Figure
    columns: dict[str, Figure]


def column_distance(view: View, side: Side, rows: np.ndarray | None = None) -> float:
    """The distance (0 to 1) of one column between train and another side, or some rows of it."""
    real, other = view.values("train"), view.values(side, rows)
    if view.continuous:
        return kolmogorov_smirnov(real, other)
    size = len(view.categories or ()) + 1
    return total_variation(np.bincount(real + 1, minlength=size), np.bincount(other + 1, minlength=size))


def shape_distances(comparison: Comparison, side: Side, rows: np.ndarray | None = None) -> np.ndarray:
    """The distance of every judged column (c,) between train and another side."""
    return np.array([column_distance(view, side, rows) for view in comparison.views])


def shape(comparison: Comparison, seed: SeedTree) -> Shape:
    """Shape errors of the synthetic table, with the holdout's beside them.

    Raises:
        NotComputable: there is no column to judge.
    """
    if not comparison.views:
        raise NotComputable("No column is judged, so no distribution can be compared.")
    values = shape_distances(comparison, "synthetic")
    deviations, overall = _deviations(comparison, seed)
    n, references, matched = comparison.rows("synthetic"), None, None
    text = comparison.no_reference
    if text is None:
        references = shape_distances(comparison, "holdout")
        drawn = comparison.draw("synthetic", comparison.rows("holdout"), seed.generator("matched"))
        matched = shape_distances(comparison, "synthetic", drawn)
    columns = {
        view.name: Figure(
            float(values[i]),
            around(values[i], deviations[i]),
            None if references is None else float(references[i]),
            n=n,
            text=text,
            matched=None if matched is None else float(matched[i]),
        )
        for i, view in enumerate(comparison.views)
    }
    figure = Figure(
        float(values.mean()),
        around(values.mean(), overall),
        None if references is None else float(references.mean()),
        n=n,
        text=text,
        matched=None if matched is None else float(matched.mean()),
    )
    return Shape(figure, columns)


def _deviations(comparison: Comparison, seed: SeedTree) -> tuple[np.ndarray, float]:
    """Standard deviations over bootstrap samples of rows: of every column's distance (c,), and of their mean.

    Rows, not columns, are drawn anew, so that what columns share is accounted for. Long tables are drawn down, and the
    result scaled by the square root of the sizes.
    """
    codes, sizes = zip(
        *(coarse_codes(view, ("train", "synthetic"), BOOTSTRAP_BINS) for view in comparison.views), strict=True
    )
    counts, drawn, full = {}, 0.0, 0.0
    for side in ("train", "synthetic"):
        rows = comparison.draw(side, BOOTSTRAP_ROWS, seed.generator(f"rows of {side}"))
        matrix = np.column_stack([code[side][rows] for code in codes])
        counts[side] = weighted_counts(bootstrap_weights(len(rows), REPLICATES, seed.generator(side)), matrix, sizes)
        counts[side] = [count / len(rows) for count in counts[side]]
        drawn, full = drawn + 1 / len(rows), full + 1 / comparison.rows(side)
    distances = np.empty((REPLICATES, len(codes)))
    for i, view in enumerate(comparison.views):
        difference = counts["train"][i] - counts["synthetic"][i]
        if view.continuous:  # the last code is the null
            below = np.cumsum(difference[:, :-1], axis=1)
            distances[:, i] = np.maximum(np.abs(below), np.abs(below + difference[:, -1:])).max(axis=1)
        else:
            distances[:, i] = np.abs(difference).sum(axis=1) / 2
    scale = np.sqrt(full / drawn)
    return distances.std(axis=0, ddof=1) * scale, float(distances.mean(axis=1).std(ddof=1) * scale)


def at_rows(view: View, rows: Mapping[Side, np.ndarray]) -> View:
    """A column at some row positions of each side, which are all it then has."""
    return View(view.column, {side: view.values(side, chosen) for side, chosen in rows.items()}, view.categories)


def coarse_codes(view: View, sides: tuple[Side, ...], bins: int) -> tuple[dict[Side, np.ndarray], int]:
    """A column as few codes (train's quantile bins, or categories; the null is the last), and how many they are."""
    if not view.continuous:
        size = len(view.categories or ()) + 1
        return {side: np.where(view.values(side) < 0, size - 1, view.values(side)) for side in sides}, size
    present = view.values("train")
    present = present[~np.isnan(present)]
    edges = np.unique(np.quantile(present, np.linspace(0, 1, bins + 1)[1:-1])) if len(present) else np.empty(0)
    size = len(edges) + 2
    return {
        side: np.where(
            view.missing(side), size - 1, np.searchsorted(edges, view.values(side), "left").clip(0, size - 2)
        )
        for side in sides
    }, size
