"""Distance to the closest record: do synthetic rows lie nearer to the rows that were trained on than to fresh ones?

The figure is the share of synthetic rows that are nearer to train, drawn down to the holdout's size, than to the holdout; ties count half, so
.5 is what a generator gets that learnt nothing about single rows. The test behind the verdict uses every train row: were train and
holdout exchangeable, a synthetic row's nearest real row would be a train row as often as train rows are among the real ones. Which real rows
are near is given, only their membership is random, so many synthetic rows around one real row count as one piece of evidence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from synthdata.random import SeedTree
from synthdata.validation.base import Comparison, Figure, NotComputable
from synthdata.validation.privacy.space import Space, nearest
from synthdata.validation.statistics import around

#: pairs of rows that are looked at, the fewest synthetic rows that takes part, and the most
PAIRS, FEWEST, MOST = 250_000_000, 2_000, 8_000
#: products (pairs times coordinates) that are computed
PRODUCTS = 40_000_000_000
#: rows behind the figure on real rows alone
REFERENCE_ROWS = 3_000
TIE = 1e-6


@dataclass(frozen=True)
class Nearness:
    """The figure, the test, and the distances behind the chart.

    ``p_value`` is one-sided; ``near`` of ``rows`` synthetic rows have a train row as nearest real row where ``chance`` of them
    is expected, with standard deviation ``deviation`` of that share when nothing leaks.
    """

    figure: Figure
    p_value: float
    near: int
    rows: int
    chance: float
    deviation: float
    real_rows: int
    distances: dict[str, np.ndarray] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The test's counts as plain data."""
        return {
            "test": "nearest real row is a train row",
            "found": self.near,
            "rows": self.rows,
            "share": self.near / self.rows,
            "expected": self.chance,
            "p_value": self.p_value,
            "real_rows": self.real_rows,
        }


def nearness(comparison: Comparison, seed: SeedTree) -> Nearness:
    """Nearness of synthetic rows to train rows, beside the holdout.

    Raises:
        NotComputable: there is no holdout or no column to judge.
    """
    if comparison.holdout is None:
        raise NotComputable("There is no holdout, so nearness to the train rows has nothing to be compared with.")
    if not comparison.views:
        raise NotComputable("No column is judged, so rows have no distance.")
    space = Space.of(comparison, seed.generator("directions"))
    train, holdout = comparison.rows("train"), comparison.rows("holdout")
    width = space.encode("train", np.arange(1)).shape[1]
    pairs = min(PAIRS, PRODUCTS // width)
    pool = min(train + holdout, max(pairs // FEWEST, 4_000))
    kept = max(1, round(pool * holdout / (train + holdout)))
    train_rows = comparison.draw("train", pool - kept, seed.generator("train rows"))
    holdout_rows = comparison.draw("holdout", kept, seed.generator("holdout rows"))
    synthetic_rows = comparison.draw("synthetic", min(MOST, max(pairs // pool, 200)), seed.generator("synthetic rows"))
    real = np.vstack([space.encode("train", train_rows), space.encode("holdout", holdout_rows)])
    member = np.repeat([True, False], [len(train_rows), len(holdout_rows)])
    order = seed.generator("order").permutation(len(real))  # of equally near rows a random one is then the first
    real, member = real[order], member[order]
    equal = np.sort(seed.generator("drawn down").choice(np.flatnonzero(member), min(len(holdout_rows), int(member.sum())), replace=False))
    fresh = np.flatnonzero(~member)
    points = space.encode("synthetic", synthetic_rows)
    (_, first), (to_train, near_train), (to_holdout, near_holdout) = nearest(points, real, [equal, fresh])
    chance = float(member.mean())
    deviation = _deviation(np.bincount(first, minlength=len(real)), chance)
    near = int(member[first].sum())
    p_value = float(stats.norm.sf((near / len(points) - chance) / deviation)) if deviation > 0 else 1.0
    value, spread = share(to_train, near_train, to_holdout, near_holdout)
    reference, between = _reference(real, equal, fresh, seed)
    figure = Figure(value, around(value, spread), reference, "target", target=0.5, n=len(points))
    distances = {"synthetic_train": to_train, "synthetic_holdout": to_holdout, "train_holdout": between}
    return Nearness(figure, p_value, near, len(points), chance, deviation, len(real), distances)


def _deviation(times: np.ndarray, chance: float) -> float:
    """The standard deviation of the share of train rows among nearest rows when membership (m,) is dealt out at random.

    ``times`` says how often each real row is the nearest one. Exact for drawing without replacement.
    """
    count, total = len(times), times.sum()
    if count < 2 or total == 0:
        return 0.0
    spread = ((times - times.mean()) ** 2).sum() * count / (count - 1)
    return float(np.sqrt(chance * (1 - chance) * spread) / total)


def share(
    to_train: np.ndarray, near_train: np.ndarray, to_holdout: np.ndarray, near_holdout: np.ndarray
) -> tuple[float, float]:
    """The share of rows nearer to train, ties half, and its standard deviation with rows around one real row taken as one."""
    wins = np.where(np.abs(to_train - to_holdout) <= TIE, 0.5, (to_train < to_holdout).astype(float))
    value = float(wins.mean())
    winner = np.where(to_train <= to_holdout, near_train, near_holdout)
    clusters = np.bincount(winner, weights=wins - value)
    return value, float(np.sqrt((clusters**2).sum()) / len(wins))


def _reference(real: np.ndarray, equal: np.ndarray, fresh: np.ndarray, seed: SeedTree) -> tuple[float | None, np.ndarray]:
    """The same share for fresh real rows, and the distances from train rows to the holdout.

    Half of the holdout plays the synthetic table, the other half stays holdout, train is drawn down to that.
    """
    generator = seed.generator("reference")
    from_train = generator.permutation(equal)[:REFERENCE_ROWS]
    ((between, _),) = nearest(real[from_train], real[fresh])
    if len(fresh) < 4:
        return None, between
    halves = np.array_split(generator.permutation(fresh), 2)
    drawn = generator.permutation(equal)[: len(halves[1])]
    others = real[np.concatenate([drawn, halves[1]])]
    groups = [np.arange(len(drawn)), np.arange(len(drawn), len(others))]
    _, (to_train, a), (to_holdout, b) = nearest(real[halves[0][:REFERENCE_ROWS]], others, groups)
    return share(to_train, a, to_holdout, b)[0], between
