"""Whose rows are the synthetic rows' nearest real rows? Tests that hold whatever the generator and the distance are.

Were train and holdout exchangeable and the generator blind to single rows, the nearest real row would be a train row
as often as train rows are among the real ones. Which real rows are near, and how near, is taken as given; only their
membership is dealt out at random. So many synthetic rows around one real row count as one piece of evidence, and no
distribution of distances is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from synthdata.validation.statistics import NORMAL_95

#: a copied row's distance to its original, as a share of that to the next real row, below which it counts no more
CLOSEST = 0.05
#: the same for the light noise that `NeighbourTest.share_to_see` speaks of
LIGHT = 0.1


@dataclass(frozen=True)
class NeighbourTest:
    """A one-sided test: ``share`` of the weight lies on train rows where ``expected`` is chance, with ``deviation``."""

    name: str
    share: float
    expected: float
    deviation: float
    p_value: float
    rows: int
    #: the weight of a lightly copied row over the mean weight
    light: float
    weighted: bool = False

    def share_to_see(self, level: float, probability: float) -> float | None:
        """The least share of lightly copied rows that is seen with ``probability`` at ``level``; None where none is."""
        if self.deviation <= 0 or self.expected >= 1 or self.light <= 0:
            return None
        least = (
            (stats.norm.isf(level) + stats.norm.ppf(probability)) * self.deviation / ((1 - self.expected) * self.light)
        )
        return float(least) if least <= 1 else None

    def to_json(self) -> dict[str, Any]:
        """The test's figures as plain data."""
        return {
            "test": self.name,
            "rows": self.rows,
            "share": self.share,
            "expected": self.expected,
            "expected_interval": [
                max(0.0, self.expected - NORMAL_95 * self.deviation),
                min(1.0, self.expected + NORMAL_95 * self.deviation),
            ],
            "p_value": self.p_value,
            "weighted": self.weighted,
        }


def neighbour_tests(
    nearest: np.ndarray, distance: np.ndarray, next_distance: np.ndarray, member: np.ndarray
) -> tuple[NeighbourTest, ...]:
    """Two tests: every synthetic row counts alike, and rows count the more the closer they lie to one real row alone.

    ``nearest`` (n,) is each synthetic row's nearest real row, ``distance`` and ``next_distance`` (n,) how far that
    and the next nearest are, ``member`` (m,) which real rows are train rows. A row that is copied with light noise is
    much nearer to its original than to any other row, which the second test looks for.
    """
    apart = next_distance > 1e-9
    ratio = np.where(apart, distance / np.where(apart, next_distance, 1.0), 1.0)
    weight = -np.log(np.maximum(ratio, CLOSEST))
    return (
        _test("nearest real row is a train row", np.ones(len(nearest)), 1.0, nearest, member),
        _test("synthetic rows close to one real row alone: it is a train row", weight, -np.log(LIGHT), nearest, member),
    )


def linkage_test(among_real: np.ndarray, weights: np.ndarray, member: np.ndarray) -> NeighbourTest:
    """The same for every synthetic row's candidates (n, k) among the real rows, by how clear each link is (n, k)."""
    return _test(
        "synthetic rows that can be linked to one real row: it is a train row",
        weights.ravel(),
        0.0,
        among_real.ravel(),
        member,
    )


def _test(name: str, weight: np.ndarray, light: float, nearest: np.ndarray, member: np.ndarray) -> NeighbourTest:
    count, total = len(member), float(weight.sum())
    chance = float(member.mean())
    if total <= 0 or not 0 < chance < 1:
        return NeighbourTest(name, chance, chance, 0.0, 1.0, len(nearest), 0.0)
    on_row = np.bincount(nearest, weights=weight, minlength=count)
    spread = ((on_row - on_row.mean()) ** 2).sum() * count / (count - 1)  # membership is drawn without replacement
    deviation = float(np.sqrt(chance * (1 - chance) * spread)) / total
    share = float(on_row[member].sum()) / total
    p_value = float(stats.norm.sf((share - chance) / deviation)) if deviation > 0 else 1.0
    return NeighbourTest(
        name, share, chance, deviation, p_value, len(nearest), light * len(nearest) / total, bool(np.ptp(weight) > 0)
    )
