"""Distance to the closest record: do synthetic rows lie nearer to the rows that were trained on than to fresh ones?

The figure is the share of synthetic rows that are nearer to train, drawn down to the holdout's size, than to the
holdout; ties count half, so .5 is what a generator gets that learnt nothing about single rows. The tests behind the
verdict (`neighbour_tests`) use every train row that fits into the work allowed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthdata.random import SeedTree
from synthdata.validation.base import Comparison, Figure, NotComputable
from synthdata.validation.privacy.neighbour_tests import (
    NearCopies,
    NeighbourTest,
    apart_test,
    closeness,
    linkage_test,
    neighbour_tests,
)
from synthdata.validation.privacy.record_linkage import disturbed, link_weights
from synthdata.validation.privacy.space import Neighbours, Space, nearest, nearest_by_part
from synthdata.validation.privacy.unusual import outliers, rare_strata
from synthdata.validation.statistics import around

#: pairs of rows that are looked at, the fewest synthetic rows that take part, and the most
PAIRS, FEWEST, MOST = 250_000_000, 2_000, 8_000
#: products (pairs times coordinates) that are computed
PRODUCTS = 40_000_000_000
#: rows behind the figure on real rows alone
REFERENCE_ROWS = 3_000
#: real rows, and other synthetic ones, that are looked at cell by cell as what a synthetic row may be a copy of
CANDIDATES = 8
#: disturbed copies that are made to see what one adds
DISTURBED = 1_000
TIE = 1e-6
#: real rows that are looked at apart
APART = {"outliers": outliers, "rare strata": rare_strata}


@dataclass(frozen=True)
class Nearness:
    """The figure, the tests, and the distances of the chart; ``covered`` is the share of real rows that took part."""

    figure: Figure
    tests: tuple[NeighbourTest, ...]
    covered: float
    distances: dict[str, np.ndarray]
    near_copies: tuple[NearCopies, ...] = ()

    @property
    def as_copies(self) -> Figure | None:
        """The share of disturbed copies among fresh rows that would give what record linkage finds; None if unknown."""
        found = next((test for test in self.tests if test.disturbed), None)
        if found is None or found.as_copies is None:
            return None
        value, low, high = (min(1.0, max(0.0, float(share))) for share in found.as_copies)
        return Figure(value, (low, high), 0.0, "lower", n=self.figure.n)


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
    rows = _draw(comparison, space, seed)
    real, member, points = rows.real, rows.member, rows.points
    fresh = np.flatnonzero(~member)
    members = np.flatnonzero(member)
    equal = np.sort(seed.generator("drawn down").choice(members, min(len(fresh), len(members)), replace=False))
    first, second, to_train, to_holdout = nearest(points, real, [equal, fresh])
    tests = [
        *neighbour_tests(first.positions, first.distances, second.distances, member),
        _linkage(comparison, space, rows, seed),
    ]
    weight = closeness(first.distances, second.distances)
    near_copies = [NearCopies.count("all rows", np.ones(len(member), bool), first.positions, weight, member)]
    for where, find in APART.items():
        chosen = find(comparison.views, rows.real_cells)
        tests.append(apart_test(where, chosen, first.positions, weight, member))
        near_copies.append(NearCopies.count(where, chosen, first.positions, weight, member))
    value, spread = nearer_share(to_train, to_holdout)
    reference, between = _reference(real, equal, fresh, seed)
    figure = Figure(value, around(value, spread), reference, "target", target=0.5, n=len(points))
    distances = {
        "synthetic_train": to_train.distances,
        "synthetic_holdout": to_holdout.distances,
        "train_holdout": between,
    }
    covered = len(real) / (comparison.rows("train") + comparison.rows("holdout"))
    return Nearness(figure, tuple(tests), covered, distances, tuple(near_copies))


@dataclass(frozen=True)
class _Drawn:
    """The rows that take part: real ones (m, d), which of them are train rows (m,), synthetic ones (n, d), all in
    random order; and the cells of each view."""

    real: np.ndarray
    member: np.ndarray
    points: np.ndarray
    real_cells: list[np.ndarray]
    made_cells: list[np.ndarray]


def _draw(comparison: Comparison, space: Space, seed: SeedTree) -> _Drawn:
    """As many rows as the work allowed permits.

    Train and holdout keep their proportion. The order is random so that of equally near rows a random one comes first.
    """
    train, holdout = comparison.rows("train"), comparison.rows("holdout")
    pairs = min(PAIRS, PRODUCTS // space.width)
    total = min(train + holdout, max(pairs // FEWEST, 4_000))
    kept = min(holdout, max(1, round(total * holdout / (train + holdout))))
    train_rows = comparison.draw("train", max(1, total - kept), seed.generator("train rows"))
    holdout_rows = comparison.draw("holdout", kept, seed.generator("holdout rows"))
    made = comparison.draw("synthetic", min(MOST, max(pairs // total, 200)), seed.generator("synthetic rows"))
    made = seed.generator("synthetic order").permutation(made)
    real = np.vstack([space.encode("train", train_rows), space.encode("holdout", holdout_rows)])
    member = np.repeat([True, False], [len(train_rows), len(holdout_rows)])
    order = seed.generator("order").permutation(len(real))
    cells = [
        np.concatenate([view.values("train", train_rows), view.values("holdout", holdout_rows)])[order]
        for view in comparison.views
    ]
    own = [view.values("synthetic", made) for view in comparison.views]
    return _Drawn(real[order], member[order], space.encode("synthetic", made), cells, own)


def _linkage(comparison: Comparison, space: Space, rows: _Drawn, seed: SeedTree) -> NeighbourTest:
    """Are the real rows that synthetic rows can be linked to train rows more often than chance has it?

    What a disturbed copy adds to that is measured on copies of real rows that are made for it here.
    """
    views = comparison.views
    among_real = nearest_by_part(rows.points, rows.real, CANDIDATES)
    if len(rows.points) > 1:
        among_made = nearest_by_part(rows.points, rows.points, CANDIDATES, same=True)
        among_made = np.where(among_made == np.arange(len(among_made))[:, None], -1, among_made)
    else:
        among_made = np.full((1, 1), -1)
    weights = link_weights(views, rows.real_cells, rows.made_cells, among_real, among_made)
    generator = seed.generator("disturbed copies")
    originals = generator.integers(0, len(rows.real), DISTURBED)
    copies = disturbed(views, rows.real_cells, originals, generator)
    placed = space.place(copies)
    among_real_2, among_made_2 = (nearest_by_part(placed, side, CANDIDATES) for side in (rows.real, rows.points))
    clear = link_weights(views, rows.real_cells, rows.made_cells, among_real_2, among_made_2, copies)
    own = float((clear * (among_real_2 == originals[:, None])).sum(axis=1).mean())
    return linkage_test(among_real, weights, rows.member, own)


def nearer_share(to_train: Neighbours, to_holdout: Neighbours) -> tuple[float, float]:
    """The share of rows nearer to train, ties half, and its deviation: rows around one real row vary together."""
    tied = np.abs(to_train.distances - to_holdout.distances) <= TIE
    wins = np.where(tied, 0.5, (to_train.distances < to_holdout.distances).astype(float))
    value = float(wins.mean())
    winner = np.where(to_train.distances <= to_holdout.distances, to_train.positions, to_holdout.positions)
    clusters = np.bincount(winner, weights=wins - value)
    return value, float(np.sqrt((clusters**2).sum()) / len(wins))


def _reference(
    real: np.ndarray, equal: np.ndarray, fresh: np.ndarray, seed: SeedTree
) -> tuple[float | None, np.ndarray]:
    """The same share for fresh real rows, and the distances from train rows to the holdout.

    Half of the holdout plays the synthetic table, the other half stays holdout, train is drawn down to that.
    """
    generator = seed.generator("reference")
    between = nearest(real[generator.permutation(equal)[:REFERENCE_ROWS]], real[fresh])[0].distances
    if len(fresh) < 4 or len(equal) < 2:
        return None, between
    playing, staying = np.array_split(generator.permutation(fresh), 2)
    drawn = generator.permutation(equal)[: len(staying)]
    others = real[np.concatenate([drawn, staying])]
    groups = [np.arange(len(drawn)), np.arange(len(drawn), len(others))]
    _, _, to_train, to_holdout = nearest(real[playing[:REFERENCE_ROWS]], others, groups)
    return nearer_share(to_train, to_holdout)[0], between
