"""Trend: how far the relation of every pair of columns is from the real one, and the mean over pairs.

Two columns on a number line: half the difference of their Pearson correlations. Any other pair: the total variation
distance of the contingency tables, numbers in ten bins of equal width whose edges come from train and are shared by
both sides (the papers bin each side apart, which punishes a missing extreme). Nulls are never dropped: they are a
category of their own in a contingency table; correlations are over rows where both are present, and where there are
nulls the pair's error is at least the distance of the tables of who is null with whom. A correlation that does not
exist (a constant column) counts as 0. Without nulls the figures are one minus sdmetrics' CorrelationSimilarity and
ContingencySimilarity (on shared bins).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthdata.random import SeedTree
from synthdata.validation.base import Comparison, Figure, NotComputable, Side, View
from synthdata.validation.statistics import around, bootstrap_weights, total_variation

BINS = 10
#: bootstrap samples behind the interval, the rows and pairs they look at
REPLICATES, BOOTSTRAP_ROWS, BOOTSTRAP_PAIRS = 40, 8_000, 300
#: pairs times rows of one side that are counted; wider tables are drawn down to fit
WORK = 1_000_000_000
#: cells of a contingency table up to which it is laid out in full
DENSE_CELLS = 65_536


@dataclass(frozen=True)
class Trend:
    """The figure over all pairs, and the error of each pair as symmetric matrices (c, c)."""

    figure: Figure
    error: np.ndarray
    reference: np.ndarray | None


def trend(comparison: Comparison, seed: SeedTree) -> Trend:
    """Trend errors of the synthetic table, with the holdout's beside them.

    Raises:
        NotComputable: there are fewer than two columns to judge.
    """
    count = len(comparison.views)
    if count < 2:
        raise NotComputable("Fewer than two columns are judged, so there is no pair to compare.")
    limit = max(2_000, WORK // (count * count))
    rows: dict[Side, np.ndarray] = {
        side: comparison.draw(side, limit, seed.generator(f"rows of {side}"))
        for side in ("train", "holdout", "synthetic")
    }
    pairs = PairCodes.of(comparison.views)
    error = pair_errors(pairs, "synthetic", rows["train"], rows["synthetic"])
    deviation = _deviation(comparison, pairs, seed)
    reference, matched = None, None
    text = comparison.no_reference
    upper = np.triu_indices(count, 1)
    if text is None:
        reference = pair_errors(pairs, "holdout", rows["train"], rows["holdout"])
        drawn = rows["synthetic"]
        if len(drawn) > len(rows["holdout"]):
            drawn = np.sort(seed.generator("matched").choice(drawn, len(rows["holdout"]), replace=False))
            matched = float(pair_errors(pairs, "synthetic", rows["train"], drawn)[upper].mean())
        else:
            matched = float(error[upper].mean())
    value = float(error[upper].mean())
    figure = Figure(
        value,
        around(value, deviation),
        None if reference is None else float(reference[upper].mean()),
        n=len(rows["synthetic"]),
        text=text,
        matched=matched,
    )
    return Trend(figure, error, reference)


@dataclass(frozen=True)
class PairCodes:
    """Every judged column as codes for contingency tables (the null is the last code), and how many codes each has."""

    views: tuple[View, ...]
    codes: tuple[dict[Side, np.ndarray], ...]
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, views: tuple[View, ...]) -> PairCodes:
        """Bin numbers into ten bins of equal width, edges from train; keep categories as they are."""
        made = [_bin(view) for view in views]
        return cls(views, tuple(codes for codes, _ in made), tuple(size for _, size in made))

    def numeric(self) -> np.ndarray:
        """Which columns lie on a number line (c,)."""
        return np.array([view.continuous for view in self.views])


def _bin(view: View) -> tuple[dict[Side, np.ndarray], int]:
    if not view.continuous:
        size = len(view.categories or ()) + 1
        return {
            side: np.where(values < 0, size - 1, values).astype(np.int32) for side, values in view.sides.items()
        }, size
    present = view.values("train")
    present = present[~np.isnan(present)]
    edges = np.histogram_bin_edges(present, BINS)[1:-1] if len(present) else np.empty(0)
    null = len(edges) + 1
    codes: dict[Side, np.ndarray] = {
        side: np.where(np.isnan(values), null, np.digitize(values, edges)).astype(np.int32)
        for side, values in view.sides.items()
    }
    return codes, null + 1


def pair_errors(pairs: PairCodes, side: Side, train_rows: np.ndarray, other_rows: np.ndarray) -> np.ndarray:
    """The error of every pair (c, c), symmetric, zero diagonal, between rows of train and rows of another side."""
    count = len(pairs.views)
    error = np.zeros((count, count))
    numeric = np.flatnonzero(pairs.numeric())
    if len(numeric) > 1:
        real = correlations([pairs.views[i].values("train", train_rows) for i in numeric])
        other = correlations([pairs.views[i].values(side, other_rows) for i in numeric])
        error[np.ix_(numeric, numeric)] = np.abs(np.nan_to_num(real) - np.nan_to_num(other)) / 2
        np.fill_diagonal(error, 0.0)
    real_codes = [codes["train"][train_rows] for codes in pairs.codes]
    other_codes = [codes[side][other_rows] for codes in pairs.codes]
    for a in range(count):
        for b in range(a + 1, count):
            if not (pairs.views[a].continuous and pairs.views[b].continuous):
                error[a, b] = contingency_distance(
                    real_codes[a], real_codes[b], other_codes[a], other_codes[b], pairs.sizes[b]
                )
            else:
                nulls = [codes[i] == pairs.sizes[i] - 1 for codes in (real_codes, other_codes) for i in (a, b)]
                if any(null.any() for null in nulls):
                    error[a, b] = max(error[a, b], contingency_distance(nulls[0], nulls[1], nulls[2], nulls[3], 2))
            error[b, a] = error[a, b]
    return error


def contingency_distance(
    real_a: np.ndarray, real_b: np.ndarray, other_a: np.ndarray, other_b: np.ndarray, size: int
) -> float:
    """The total variation distance of two contingency tables given as codes; ``size`` is above every second code."""
    real = real_a.astype(np.int64) * size + real_b
    other = other_a.astype(np.int64) * size + other_b
    cells = int(max(real.max(), other.max())) + 1
    if cells > DENSE_CELLS:
        both, inverse = np.unique(np.concatenate([real, other]), return_inverse=True)
        real, other, cells = inverse[: len(real)], inverse[len(real) :], len(both)
    return total_variation(np.bincount(real, minlength=cells), np.bincount(other, minlength=cells))


def correlations(columns: list[np.ndarray]) -> np.ndarray:
    """Pearson correlations (c, c) of columns (n,) over rows where both are present; NaN where there is none."""
    values = np.column_stack(columns)
    present = ~np.isnan(values)
    counts = np.maximum(present.sum(axis=0), 1)
    values = np.where(present, values, 0.0)
    largest = np.abs(values).max(axis=0)
    values /= np.where(largest > 0, largest, 1.0)  # keeps squares of very large numbers finite
    values -= np.where(present, values.sum(axis=0) / counts, 0.0)
    scale = np.sqrt((values**2).sum(axis=0) / counts)
    values /= np.where(scale > 0, scale, 1.0)
    if present.all():
        with np.errstate(invalid="ignore", divide="ignore"):
            product = values.T @ values
            root = np.sqrt(np.diag(product))
            return np.where(np.outer(scale, scale) > 0, product / np.outer(root, root), np.nan).clip(-1, 1)
    mask = present.astype(np.float64)
    together, sums, squares = mask.T @ mask, values.T @ mask, (values**2).T @ mask
    with np.errstate(invalid="ignore", divide="ignore"):
        covariance = values.T @ values - sums * sums.T / together
        variance = squares - sums**2 / together
        variance = np.where(variance > 1e-12 * np.maximum(squares, 1.0), variance, np.nan)
        return (covariance / np.sqrt(variance * variance.T)).clip(-1, 1)


def _deviation(comparison: Comparison, pairs: PairCodes, seed: SeedTree) -> float:
    """The standard deviation of the mean error over bootstrap samples of rows; of many pairs, a random draw."""
    count = len(pairs.views)
    first, second = np.triu_indices(count, 1)
    if len(first) > BOOTSTRAP_PAIRS:
        chosen = seed.generator("pairs").choice(len(first), BOOTSTRAP_PAIRS, replace=False)
        first, second = first[chosen], second[chosen]
    totals = np.zeros(REPLICATES)
    weights, rows, drawn, full = {}, {}, 0.0, 0.0
    sides: tuple[Side, Side] = ("train", "synthetic")
    for side in sides:
        rows[side] = comparison.draw(side, BOOTSTRAP_ROWS, seed.generator(f"bootstrap rows of {side}"))
        weights[side] = bootstrap_weights(len(rows[side]), REPLICATES, seed.generator(side))
        drawn, full = drawn + 1 / len(rows[side]), full + 1 / comparison.rows(side)
    for a, b in zip(first, second, strict=True):
        if pairs.views[a].continuous and pairs.views[b].continuous:
            r = [
                _weighted_correlations(pairs.views[a].values(s, rows[s]), pairs.views[b].values(s, rows[s]), weights[s])
                for s in sides
            ]
            totals += np.abs(r[0] - r[1]) / 2
        else:
            joint = {
                s: pairs.codes[a][s][rows[s]].astype(np.int64) * pairs.sizes[b] + pairs.codes[b][s][rows[s]]
                for s in sides
            }
            totals += weighted_distances(joint, weights)
    return float((totals / len(first)).std(ddof=1) * np.sqrt(full / drawn))


def _weighted_correlations(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pearson correlations (r,) of two columns under bootstrap weights (r, n); 0 where there is none."""
    both = ~(np.isnan(a) | np.isnan(b))
    if both.sum() < 2:
        return np.zeros(len(weights))
    a, b = standardised(a[both]), standardised(b[both])
    moments = weights[:, both] @ np.column_stack([np.ones_like(a), a, b, a * a, b * b, a * b]).astype(np.float32)
    total, sa, sb, saa, sbb, sab = moments.T.astype(np.float64)
    total = np.maximum(total, 1.0)
    spread = (saa - sa**2 / total) * (sbb - sb**2 / total)
    return np.where(spread > 1e-9, (sab - sa * sb / total) / np.sqrt(np.maximum(spread, 1e-9)), 0.0)


def standardised(values: np.ndarray) -> np.ndarray:
    """Present values (n,) with mean 0 and spread 1; zeros where they do not vary."""
    values = values / (np.abs(values).max() or 1.0)  # keeps squares of very large numbers finite
    values = values - values.mean()
    return values / (values.std() or 1.0)


def weighted_distances(joint: dict[Side, np.ndarray], weights: dict[Side, np.ndarray]) -> np.ndarray:
    """Total variation distances (r,) of two sides' codes (n,) under their bootstrap weights."""
    from synthdata.validation.statistics import weighted_counts

    codes, inverse = np.unique(np.concatenate(list(joint.values())), return_inverse=True)
    parts = np.split(inverse, [len(next(iter(joint.values())))])
    shares = [
        weighted_counts(weights[s], part[:, None], [len(codes)])[0] / len(part)
        for s, part in zip(joint, parts, strict=True)
    ]
    return np.abs(shares[0] - shares[1]).sum(axis=1) / 2
