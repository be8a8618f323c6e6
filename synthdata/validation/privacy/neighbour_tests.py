"""Whose rows are the synthetic rows' nearest real rows? Tests that hold whatever the generator and the distance are.

Were train and holdout exchangeable and the generator blind to single rows, the nearest real row would be a train row
as often as train rows are among the real ones. Which real rows are near, and how near, is taken as given; only their
membership is dealt out at random. So many synthetic rows around one real row count as one piece of evidence, and no
distribution of distances is assumed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from synthdata.validation.statistics import NORMAL_95

#: a copied row's distance to its original, as a share of that to the next real row, below which it counts no more
CLOSEST = 0.05
#: the same for the light noise that `NeighbourTest.share_to_see` speaks of
LIGHT = 0.1
#: real rows that a test on some of them needs
ENOUGH = 20


@dataclass(frozen=True)
class NeighbourTest:
    """A one-sided test: ``share`` of the weight lies on train rows where ``expected`` is chance, with ``deviation``."""

    name: str
    share: float
    expected: float
    deviation: float
    p_value: float
    rows: int
    #: the weight of a copied row over the mean weight
    light: float
    weighted: bool = False
    #: whether the copies it is reckoned in are disturbed ones (`record_linkage.disturbed`), not lightly moved ones
    disturbed: bool = False
    #: whether all synthetic rows take part, and not those near some real rows alone
    whole: bool = True

    def share_to_see(self, level: float, probability: float) -> float | None:
        """The least share of copied rows that is seen with ``probability`` at ``level``; None where none is."""
        if self.deviation <= 0 or self.expected >= 1 or self.light <= 0 or not self.whole:
            return None
        least = (
            (stats.norm.isf(level) + stats.norm.ppf(probability)) * self.deviation / ((1 - self.expected) * self.light)
        )
        return float(least) if least <= 1 else None

    @property
    def as_copies(self) -> tuple[float, float, float] | None:
        """The share of copied rows, the others being fresh, that would give as much; and its 95 % interval.

        None where the test does not count rows, or not all of them.
        """
        if self.light <= 0 or self.expected >= 1 or not self.whole:
            return None
        scale = 1 / ((1 - self.expected) * self.light)
        value, half = (self.share - self.expected) * scale, NORMAL_95 * self.deviation * scale
        return value, value - half, value + half

    def to_json(self) -> dict[str, Any]:
        """The test's figures as plain data."""
        return {
            "test": self.name,
            "rows": self.rows,
            "share": self.share,
            "expected": self.expected,
            "as_copies": self.as_copies,
            "expected_interval": [
                max(0.0, self.expected - NORMAL_95 * self.deviation),
                min(1.0, self.expected + NORMAL_95 * self.deviation),
            ],
            "p_value": self.p_value,
            "weighted": self.weighted,
            "whole": self.whole,
        }


def neighbour_tests(
    nearest: np.ndarray, distance: np.ndarray, next_distance: np.ndarray, member: np.ndarray
) -> tuple[NeighbourTest, ...]:
    """Two tests: every synthetic row counts alike, and rows count the more the closer they lie to one real row alone.

    ``nearest`` (n,) is each synthetic row's nearest real row, ``distance`` and ``next_distance`` (n,) how far that
    and the next nearest are, ``member`` (m,) which real rows are train rows. A row that is copied with light noise is
    much nearer to its original than to any other row, which the second test looks for.
    """
    weight = closeness(distance, next_distance)
    return (
        _test("nearest real row is a train row", np.ones(len(nearest)), 1.0, nearest, member),
        _test("synthetic rows close to one real row alone: it is a train row", weight, -np.log(LIGHT), nearest, member),
    )


def closeness(distance: np.ndarray, next_distance: np.ndarray) -> np.ndarray:
    """How clearly each row (n,) lies at one real row alone: 0 where the next is as near, 3 where 20 times farther."""
    apart = next_distance > 1e-9
    ratio = np.where(apart, distance / np.where(apart, next_distance, 1.0), 1.0)
    return np.asarray(-np.log(np.maximum(ratio, CLOSEST)))


def apart_test(
    where: str, chosen: np.ndarray, nearest: np.ndarray, weight: np.ndarray, member: np.ndarray
) -> NeighbourTest:
    """The second of `neighbour_tests` for synthetic rows whose nearest real row is one of the ``chosen`` (m,) bool.

    ``weight`` (n,) is their `closeness`. Which real rows are chosen may depend on anything but who is a train row.
    """
    here = chosen[nearest]
    name = f"{where}: synthetic rows close to one of them alone: it is a train row"
    found = _test(name, weight[here], 0.0, nearest[here], member)
    on_row = np.bincount(nearest[here], weights=weight[here], minlength=1)
    # The normal law needs some rows that matter: so many as have, equally weighted, the same deviation.
    enough = on_row.sum() ** 2 >= ENOUGH * (on_row**2).sum() > 0
    return replace(found, whole=False, p_value=found.p_value if enough else 1.0)


@dataclass(frozen=True)
class NearCopies:
    """How many synthetic rows are ten times nearer to one real row than to the next, by whose row that is."""

    where: str
    real_rows: int
    of_train: int
    of_holdout: int
    chance: float

    @classmethod
    def count(
        cls, where: str, chosen: np.ndarray, nearest: np.ndarray, weight: np.ndarray, member: np.ndarray
    ) -> NearCopies:
        """Count them at the ``chosen`` (m,) real rows."""
        near = nearest[chosen[nearest] & (weight >= -np.log(LIGHT))]
        train = int(member[near].sum())
        return cls(where, int(chosen.sum()), train, len(near) - train, float(member.mean()))

    def to_json(self) -> dict[str, Any]:
        """The counts, and how many of train would be chance."""
        found = self.of_train + self.of_holdout
        return {**asdict(self), "expected": self.chance * found}


def linkage_test(among_real: np.ndarray, weights: np.ndarray, member: np.ndarray, own: float) -> NeighbourTest:
    """The same for every synthetic row's candidates (n, k) among the real rows, by how clear each link is (n, k).

    ``own`` is the weight that the link of a disturbed copy to its original has on average.
    """
    found = _test(
        "synthetic rows that can be linked to one real row: it is a train row",
        weights.ravel(),
        own / among_real.shape[1],
        among_real.ravel(),
        member,
    )
    return replace(found, disturbed=True)


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
