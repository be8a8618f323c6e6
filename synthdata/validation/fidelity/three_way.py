"""Three-way marginals: how far the joint distribution of three columns is from the real one, over random triples.

The total variation distance of the tables of counts, as in the NIST challenge (Task et al. 2018). Numbers are in
train's quantile bins; of many categories the most frequent stand alone and the others share a code; a null is a code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from math import comb
from typing import Any

import numpy as np

from synthdata.random import SeedTree
from synthdata.validation.base import Comparison, Figure, NotComputable, Side, View
from synthdata.validation.fidelity.shape import at_rows, coarse_codes
from synthdata.validation.fidelity.trend import weighted_distances
from synthdata.validation.statistics import around, bootstrap_weights, total_variation

#: triples that are looked at, rows of each side, bins of a number, categories that stand alone
TRIPLES, ROWS, BINS, CATEGORIES = 100, 50_000, 5, 6
#: bootstrap samples behind the interval, their rows and triples
REPLICATES, BOOTSTRAP_ROWS, BOOTSTRAP_TRIPLES = 30, 5_000, 40
WORST = 5


@dataclass(frozen=True)
class ThreeWay:
    """The figure, and the triples that are furthest off."""

    figure: Figure
    worst: list[dict[str, Any]] = field(default_factory=list)


def three_way(comparison: Comparison, seed: SeedTree) -> ThreeWay:
    """The mean distance over triples of the synthetic table, with the holdout's beside it.

    Raises:
        NotComputable: there are fewer than three columns to judge.
    """
    count = len(comparison.views)
    if count < 3:
        raise NotComputable("Fewer than three columns are judged, so there is no triple to compare.")
    triples = _triples(count, seed.generator("triples"))
    sides: tuple[Side, ...] = tuple(comparison.views[0].sides)
    rows = {side: comparison.draw(side, ROWS, seed.generator(f"rows of {side}")) for side in sides}
    used = sorted({column for triple in triples for column in triple})
    codes = {column: few_codes(at_rows(comparison.views[column], rows), sides) for column in used}
    sizes = {side: len(chosen) for side, chosen in rows.items()}

    def distances(side: Side, chosen: np.ndarray) -> np.ndarray:
        return np.array([_distance(codes, triple, side, chosen) for triple in triples])

    values = distances("synthetic", np.arange(sizes["synthetic"]))
    reference, matched = None, None
    if comparison.no_reference is None:
        reference = distances("holdout", np.arange(sizes["holdout"]))
        size = min(sizes["holdout"], sizes["synthetic"])
        drawn = seed.generator("matched").choice(sizes["synthetic"], size, replace=False)
        matched = float(distances("synthetic", drawn).mean())
    figure = Figure(
        float(values.mean()),
        around(float(values.mean()), _deviation(codes, triples, sizes, seed)),
        None if reference is None else float(reference.mean()),
        n=sizes["synthetic"],
        text=comparison.no_reference,
        matched=matched,
    )
    worst = [
        {
            "columns": [comparison.views[column].name for column in triples[i]],
            "value": float(values[i]),
            "reference": None if reference is None else float(reference[i]),
        }
        for i in np.argsort(-values, kind="stable")[:WORST]
    ]
    return ThreeWay(figure, worst)


def _triples(count: int, generator: np.random.Generator) -> list[tuple[int, int, int]]:
    """At most `TRIPLES` different triples of columns: all where they are few enough, else a random draw."""
    if comb(count, 3) <= TRIPLES:
        return list(combinations(range(count), 3))
    drawn: dict[tuple[int, int, int], None] = {}
    while len(drawn) < TRIPLES:
        a, b, c = sorted(int(i) for i in generator.choice(count, 3, replace=False))
        drawn[a, b, c] = None
    return list(drawn)


def few_codes(view: View, sides: tuple[Side, ...]) -> tuple[dict[Side, np.ndarray], int]:
    """A column as few codes, the null the last, and how many they are."""
    codes, size = coarse_codes(view, sides, BINS)
    if view.continuous or size <= CATEGORIES + 2:
        return codes, size
    # Categories are ordered by their frequency in train.
    return {
        side: np.where(values == size - 1, CATEGORIES + 1, np.minimum(values, CATEGORIES))
        for side, values in codes.items()
    }, CATEGORIES + 2


def _joint(
    codes: dict[int, tuple[dict[Side, np.ndarray], int]],
    triple: tuple[int, int, int],
    side: Side,
    rows: np.ndarray | slice,
) -> np.ndarray:
    (a, _), (b, second), (c, third) = (codes[column] for column in triple)
    return (a[side][rows] * second + b[side][rows]) * third + c[side][rows]


def _distance(
    codes: dict[int, tuple[dict[Side, np.ndarray], int]],
    triple: tuple[int, int, int],
    side: Side,
    rows: np.ndarray,
) -> float:
    cells = int(np.prod([codes[column][1] for column in triple]))
    return total_variation(
        np.bincount(_joint(codes, triple, "train", slice(None)), minlength=cells),
        np.bincount(_joint(codes, triple, side, rows), minlength=cells),
    )


def _deviation(
    codes: dict[int, tuple[dict[Side, np.ndarray], int]],
    triples: list[tuple[int, int, int]],
    sizes: dict[Side, int],
    seed: SeedTree,
) -> float:
    """The standard deviation of the mean over bootstrap samples of rows, scaled from fewer rows to all."""
    sides: tuple[Side, Side] = ("train", "synthetic")
    chosen, weights, drawn, full = {}, {}, 0.0, 0.0
    for side in sides:
        generator = seed.generator(f"bootstrap rows of {side}")
        chosen[side] = generator.permutation(sizes[side])[:BOOTSTRAP_ROWS]
        weights[side] = bootstrap_weights(len(chosen[side]), REPLICATES, seed.generator(side))
        drawn, full = drawn + 1 / len(chosen[side]), full + 1 / sizes[side]
    picked = triples[:BOOTSTRAP_TRIPLES]
    distances = [
        weighted_distances({side: _joint(codes, triple, side, chosen[side]) for side in sides}, weights)
        for triple in picked
    ]
    return float(np.mean(distances, axis=0).std(ddof=1) * np.sqrt(full / drawn))
