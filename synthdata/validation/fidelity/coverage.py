"""α-precision, β-recall and authenticity (Alaa et al. 2022, section 3), as synthcity computes them.

Rows are points: numbers scaled to 0 … 1 by train's range (a null lies at 0), categories one-hot. For 30 levels, the
share of synthetic rows inside the ball around train's centre that holds that share of train rows; and the share of
train rows that have a synthetic row no farther than their own nearest neighbour, itself inside such a ball of the
synthetic table. Each figure is one minus the mean difference from the level. Authenticity is the share of synthetic
rows that lie farther from their nearest train row than that row from its own neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from synthdata.random import SeedTree
from synthdata.validation.base import Comparison, Figure, NotComputable, Side
from synthdata.validation.privacy.space import nearest, nearest_distances
from synthdata.validation.statistics import around

#: the most rows of each side, and parts of them from whose spread the intervals come
ROWS, PARTS = 6_000, 5
#: the most coordinates
WIDTH = 2_000
NAMES = ("alpha_precision", "beta_recall", "authenticity")
LEVELS = np.linspace(0, 1, 30)
MINIMUM = 20


@dataclass(frozen=True)
class Coverage:
    """The three figures by metric name."""

    figures: dict[str, Figure]

    @property
    def figure(self) -> Figure:
        """α-precision, which stands for all."""
        return self.figures[NAMES[0]]


def coverage(comparison: Comparison, seed: SeedTree) -> Coverage:
    """α-precision, β-recall and authenticity of the synthetic table, with the holdout's beside them.

    Raises:
        NotComputable: no column is judged, there are too few rows, or too many categories.
    """
    if not comparison.views:
        raise NotComputable("No column is judged, so rows have no place.")
    width = sum(1 if view.continuous else len(view.categories or ()) for view in comparison.views)
    if width > WIDTH:
        raise NotComputable(f"Points would have {width:,} coordinates, and at most {WIDTH:,} are computed.")
    if min(comparison.rows("train"), comparison.rows("synthetic")) < MINIMUM:
        raise NotComputable(f"At least {MINIMUM} rows of each table are needed.")
    values, spread, n = _side(comparison, "synthetic", seed.child("synthetic"))
    reference = None
    if comparison.no_reference is None:
        reference, _, _ = _side(comparison, "holdout", seed.child("holdout"))
    figures = {}
    for i, name in enumerate(NAMES):
        value = float(values[i])
        fresh = None if reference is None else float(reference[i])
        # Much recall or little authenticity is memorising, and the opposite is missing: fresh rows' figure is the aim.
        direction: Literal["higher", "target"] = "higher" if i == 0 else "target"
        figures[name] = Figure(
            value,
            around(value, float(spread[i])),
            fresh,
            direction,
            target=fresh if direction == "target" else None,
            n=n,
            text=comparison.no_reference,
        )
    return Coverage(figures)


def _side(comparison: Comparison, side: Side, seed: SeedTree) -> tuple[np.ndarray, np.ndarray, int]:
    """The three figures (3,), their standard deviations by parts of the rows, and the rows used of each side."""
    n = min(comparison.rows("train"), comparison.rows(side), ROWS)
    real_rows = comparison.draw("train", n, seed.generator("train rows"))
    other_rows = comparison.draw(side, n, seed.generator("other rows"))
    real, other = points(comparison, "train", real_rows), points(comparison, side, other_rows)
    terms = _Terms.of(real, other)
    parts = np.array_split(seed.generator("parts").permutation(n), PARTS)
    by_part = np.array([terms.figures(part) for part in parts])
    return terms.figures(np.arange(n)), by_part.std(axis=0, ddof=1) / np.sqrt(PARTS), n


def points(comparison: Comparison, side: Side, rows: np.ndarray) -> np.ndarray:
    """Rows of a side as points (n, d) float32."""
    parts = []
    for view in comparison.views:
        values = view.values(side, rows)
        if view.continuous:
            train = view.values("train")
            known = train[~np.isnan(train)]
            low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
            scaled = (np.where(np.isnan(values), low, values) - low) / ((high - low) or 1.0)
            parts.append(scaled[:, None].astype(np.float32))
        else:
            # A null is a category of its own: the code -1 is the last column.
            parts.append(np.eye(len(view.categories or ()) + 1, dtype=np.float32)[values])
    return np.hstack(parts)


@dataclass(frozen=True)
class _Terms:
    """For every row what its share in the figures depends on: distances to centres and neighbours."""

    radius: np.ndarray  # (30,) of train around its centre
    radius_other: np.ndarray  # (30,) of the other side's rows that are nearest to train rows, around its own centre
    to_real_centre: np.ndarray  # (n,) of the other side's rows
    own: np.ndarray  # (n,) from train rows to their nearest train row
    reached: np.ndarray  # (n,) from train rows to their nearest row of the other side
    centred: np.ndarray  # (n,) from those to the other side's centre
    nearest_own: np.ndarray  # (n,) ``own`` of the train row that is nearest to each row of the other side ...
    distance: np.ndarray  # (n,) ... and how far that is

    @classmethod
    def of(cls, real: np.ndarray, other: np.ndarray) -> _Terms:
        own = nearest_distances(real, real, 1, skip=1)[:, 0]
        reached = nearest(real, other)[0]
        centre, centre_other = real.mean(axis=0), other.mean(axis=0)
        centred = np.linalg.norm(other[reached.positions] - centre_other, axis=1)
        back = nearest(other, real)[0]
        return cls(
            np.quantile(np.linalg.norm(real - centre, axis=1), LEVELS),
            np.quantile(centred, LEVELS),
            np.linalg.norm(other - centre, axis=1),
            own,
            reached.distances,
            centred,
            own[back.positions],
            back.distances,
        )

    def figures(self, rows: np.ndarray) -> np.ndarray:
        """α-precision, β-recall and authenticity over some rows."""
        inside = (self.to_real_centre[rows, None] <= self.radius).mean(axis=0)
        covered = self.reached[rows] <= self.own[rows]
        recalled = (covered[:, None] & (self.centred[rows, None] <= self.radius_other)).mean(axis=0)
        authentic = (self.nearest_own[rows] < self.distance[rows]).mean()
        return np.array([_closeness(inside), _closeness(recalled), authentic])


def _closeness(shares: np.ndarray) -> float:
    return float(1 - np.abs(LEVELS - shares).sum() / LEVELS.sum())
