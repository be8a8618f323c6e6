"""Sliced Wasserstein distance (Rabin et al. 2011): how far apart whole rows lie, seen from random directions.

Rows are points: a number is its position among train's values (0 to 1) beside a mark for nulls, a category one
coordinate each. Along each direction the first Wasserstein distance is taken in standard deviations of train's points,
and the mean over directions is the figure: 0 for equal tables, 1 if they lie a whole spread apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthdata.random import SeedTree
from synthdata.validation.base import Comparison, Figure, NotComputable, Side, View
from synthdata.validation.distances import wasserstein
from synthdata.validation.statistics import around

#: random directions, the most rows of each side, and bootstrap samples with the rows they are drawn from
DIRECTIONS, ROWS = 50, 10_000
REPLICATES, BOOTSTRAP_ROWS = 20, 2_000
MINIMUM = 20


@dataclass(frozen=True)
class Sliced:
    """The figure."""

    figure: Figure


def sliced_wasserstein(comparison: Comparison, seed: SeedTree) -> Sliced:
    """The distance of the synthetic table from train, with the holdout's beside it.

    Raises:
        NotComputable: no column is judged, there are too few rows, or all real rows are equal.
    """
    if not comparison.views:
        raise NotComputable("No column is judged, so rows have no place.")
    if min(comparison.rows("train"), comparison.rows("synthetic")) < MINIMUM:
        raise NotComputable(f"At least {MINIMUM} rows of each table are needed.")
    sides: tuple[Side, ...] = tuple(comparison.views[0].sides)
    rows = {side: comparison.draw(side, ROWS, seed.generator(f"rows of {side}")) for side in sides}
    seen = projections(comparison, rows, seed.generator("directions"))
    spread = seen["train"].std(axis=0)
    varied = spread > 1e-9  # equal points have a spread of rounding errors
    seen = {side: points[:, varied] / spread[varied] for side, points in seen.items()}
    if not seen["train"].shape[1]:
        raise NotComputable("All real rows are equal, so there is no spread to measure by.")
    value = mean_distance(seen["train"], seen["synthetic"])
    reference, matched = None, None
    if comparison.no_reference is None:
        reference = mean_distance(seen["train"], seen["holdout"])
        size = min(len(seen["holdout"]), len(seen["synthetic"]))
        drawn = seed.generator("matched").choice(len(seen["synthetic"]), size, replace=False)
        matched = mean_distance(seen["train"], seen["synthetic"][drawn])
    deviation = _deviation(seen["train"], seen["synthetic"], seed)
    return Sliced(
        Figure(
            value,
            around(value, deviation, high=np.inf),
            reference,
            n=len(rows["synthetic"]),
            text=comparison.no_reference,
            matched=matched,
        )
    )


def projections(
    comparison: Comparison, rows: dict[Side, np.ndarray], generator: np.random.Generator
) -> dict[Side, np.ndarray]:
    """The chosen rows of each side along random directions, (n, `DIRECTIONS`) each."""
    seen = {side: np.zeros((len(chosen), DIRECTIONS)) for side, chosen in rows.items()}
    for view in comparison.views:
        width = 2 if view.continuous else len(view.categories or ()) + 1
        direction = generator.normal(size=(width, DIRECTIONS))
        for side, chosen in rows.items():
            if view.continuous:
                place = positions(view, side, chosen)
                seen[side] += np.where(np.isnan(place), 0.0, place)[:, None] * direction[0]
                seen[side] += np.isnan(place)[:, None] * direction[1]
            else:
                # Two different categories are as far apart as the two ends of a number; the code -1 is the last.
                seen[side] += direction[view.values(side, chosen)] / np.sqrt(2)
    return seen


def positions(view: View, side: Side, rows: np.ndarray) -> np.ndarray:
    """Where values (n,) lie among train's present ones, 0 to 1, ties in the middle; NaN for null."""
    present = np.sort(view.values("train")[~view.missing("train")])
    values = view.values(side, rows)
    below = (np.searchsorted(present, values, "left") + np.searchsorted(present, values, "right")) / 2
    return np.where(np.isnan(values), np.nan, below / max(1, len(present)))


def mean_distance(real: np.ndarray, other: np.ndarray) -> float:
    """The mean first Wasserstein distance over the columns of two arrays (n, d), (m, d)."""
    return float(np.mean([wasserstein(real[:, i], other[:, i]) for i in range(real.shape[1])]))


def _deviation(real: np.ndarray, synthetic: np.ndarray, seed: SeedTree) -> float:
    """The standard deviation over bootstrap samples of rows, scaled from fewer rows to all."""
    generator = seed.generator("bootstrap")
    size = min(len(real), len(synthetic), BOOTSTRAP_ROWS)
    samples = [
        mean_distance(
            real[generator.integers(0, len(real), size)], synthetic[generator.integers(0, len(synthetic), size)]
        )
        for _ in range(REPLICATES)
    ]
    scale = np.sqrt((1 / len(real) + 1 / len(synthetic)) / (2 / size))
    return float(np.std(samples, ddof=1) * scale)
