"""How strongly every two columns hang together, on the real and on the synthetic side, for the report's matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthdata.random import SeedTree
from synthdata.validation.base import Comparison, Side, View, plain
from synthdata.validation.distances import dependence, mutual_information
from synthdata.validation.fidelity.shape import at_rows, coarse_codes
from synthdata.validation.fidelity.trend import Trend, correlations, standardised
from synthdata.validation.statistics import interval_by_parts

MEASURE = (
    "Pearson correlation for two numbers (-1 to 1), Cramér's V for two categories (0 to 1), "
    "correlation ratio for a number and a category (0 to 1)"
)
WORST = 10
#: rows that associations are computed from; the error of each is then below about .01
ROWS = 50_000
#: quantile bins of a number for mutual information; pairs times rows that are counted; columns up to which the
#: further matrices are written
INFORMATION_BINS, WORK, MATRIX = 10, 100_000_000, 60
#: the interval of mutual information comes of so many disjoint parts of the synthetic rows, of at least so many rows
PARTS, FEWEST = 10, 20


def further_measures(comparison: Comparison, worst: list[dict[str, Any]], seed: SeedTree) -> dict[str, Any]:
    """Spearman's correlation and mutual information, beside what `pair_details` has.

    Mutual information is bias-corrected and on the scale of a correlation (see `distances.dependence`), so that it is
    0 to 1 for every kind of pair. ``mean_difference`` is over all pairs, with the holdout's. Each of the ``worst``
    pairs gets its own figures; whole matrices are given for tables of up to `MATRIX` columns.
    """
    count = len(comparison.views)
    if count < 2:
        return {"text": "Fewer than two columns are judged, so there is no pair to measure.", "worst": []}
    sides: tuple[Side, ...] = ("train", "synthetic")
    if comparison.no_reference is None:
        sides = (*sides, "holdout")
    limit = max(2_000, min(ROWS, WORK // (count * count)))
    rows = {side: comparison.draw(side, limit, seed.generator(f"rows of {side}")) for side in sides}
    views = tuple(at_rows(view, rows) for view in comparison.views)
    codes = [coarse_codes(view, sides, INFORMATION_BINS)[0] for view in views]
    information = {side: information_matrix([each[side] for each in codes]) for side in sides}
    ranked = {side: spearman(views, side) for side in sides[:2]}
    upper = np.triu_indices(count, 1)

    def off(side: Side) -> float | None:
        if side not in information:
            return None
        return float(np.abs(information[side] - information["train"])[upper].mean())

    place = {name: position for position, name in enumerate(comparison.names)}
    named = []
    for pair in worst:
        a, b = (place[name] for name in pair["columns"])
        measures = {"mutual_information": information, "spearman": ranked}
        named.append(
            {
                name: {"real": matrix["train"][a, b], "synthetic": matrix["synthetic"][a, b]}
                for name, matrix in measures.items()
            }
        )
    value = off("synthetic")
    parts = np.array_split(seed.generator("parts").permutation(len(rows["synthetic"])), PARTS)
    varying = [
        float(
            np.abs(information_matrix([each["synthetic"][part] for each in codes]) - information["train"])[upper].mean()
        )
        for part in (parts if len(parts[-1]) >= FEWEST else [])
    ]
    details: dict[str, Any] = {
        "mean_difference": {
            "value": value,
            "interval": interval_by_parts(value or 0.0, varying, 1 / PARTS) if varying else None,
            "reference": off("holdout"),
        },
        "worst": named,
    }
    if count <= MATRIX:
        details["mutual_information"] = {
            "real": _rounded(information["train"]),
            "synthetic": _rounded(information["synthetic"]),
        }
        details["spearman"] = {"real": _rounded(ranked["train"]), "synthetic": _rounded(ranked["synthetic"])}
    else:
        details["text"] = f"Whole matrices are given for tables of at most {MATRIX} columns."
    return dict(plain(details))


def information_matrix(codes: list[np.ndarray]) -> np.ndarray:
    """The mutual information (c, c) of all pairs of columns of codes (n,), as a correlation would be; diagonal 1."""
    result = np.eye(len(codes))
    for a in range(len(codes)):
        for b in range(a + 1, len(codes)):
            result[a, b] = result[b, a] = dependence(mutual_information(codes[a], codes[b]))
    return result


def spearman(views: tuple[View, ...], side: Side) -> np.ndarray:
    """Spearman's rank correlations (c, c), each column ranked over its own present values; NaN but for two numbers."""
    from scipy.stats import rankdata

    result = np.full((len(views), len(views)), np.nan)
    numeric = [i for i, view in enumerate(views) if view.continuous]
    if numeric:
        ranks = [rankdata(views[i].values(side), nan_policy="omit") for i in numeric]
        result[np.ix_(numeric, numeric)] = correlations(ranks)
    return result


def pair_details(comparison: Comparison, trend: Trend | None, seed: SeedTree) -> dict[str, Any]:
    """The report's matrices of association and error, and the pairs that are furthest off."""
    views = comparison.views
    real = associations(comparison, "train", seed)
    synthetic = associations(comparison, "synthetic", seed)
    details: dict[str, Any] = {
        "columns": list(comparison.names),
        "measure": MEASURE,
        "real": _rounded(real),
        "synthetic": _rounded(synthetic),
        "difference": _rounded(synthetic - real),
        "error": None if trend is None else _rounded(trend.error),
        "worst": [],
    }
    if trend is not None:
        first, second = np.triu_indices(len(views), 1)
        order = np.argsort(-trend.error[first, second], kind="stable")[:WORST]
        details["worst"] = [
            {
                "columns": [views[a].name, views[b].name],
                "value": float(trend.error[a, b]),
                "reference": None if trend.reference is None else float(trend.reference[a, b]),
                "measure": "correlation" if views[a].continuous and views[b].continuous else "contingency",
            }
            for a, b in zip(first[order], second[order], strict=True)
        ]
    return dict(plain(details))


def associations(comparison: Comparison, side: Side, seed: SeedTree) -> np.ndarray:
    """The association (c, c) of every pair of judged columns on one side; NaN where a column is constant."""
    views = comparison.views
    count = len(views)
    limit = max(2_000, min(ROWS, 500_000_000 // max(1, count * count)))
    rows = comparison.draw(side, limit, seed.generator(f"associations of {side}"))
    columns = [view.values(side, rows) for view in views]
    result = np.full((count, count), np.nan)
    numeric = [i for i, view in enumerate(views) if view.continuous]
    if numeric:
        result[np.ix_(numeric, numeric)] = correlations([columns[i] for i in numeric])
    for a in range(count):
        result[a, a] = 1.0
        for b in range(a + 1, count):
            if not (views[a].continuous and views[b].continuous):
                result[a, b] = result[b, a] = _mixed(views[a], columns[a], views[b], columns[b])
    return result


def _mixed(first: View, a: np.ndarray, second: View, b: np.ndarray) -> float:
    if first.continuous:
        return correlation_ratio(b, a)
    if second.continuous:
        return correlation_ratio(a, b)
    return cramers_v(a, b)


def correlation_ratio(codes: np.ndarray, numbers: np.ndarray) -> float:
    """The share of a number's spread that lies between categories, as a root (eta); a null category counts as one.

    >>> round(correlation_ratio(np.array([0, 0, 1, 1]), np.array([1.0, 1.0, 3.0, 3.0])), 9)
    1.0
    """
    present = ~np.isnan(numbers)
    codes, numbers = codes[present] + 1, numbers[present]
    if len(numbers) < 2 or np.ptp(numbers) == 0 or len(np.unique(codes)) < 2:
        return float("nan")
    numbers = standardised(numbers)
    counts = np.bincount(codes)
    sums = np.bincount(codes, weights=numbers)
    between = (sums[counts > 0] ** 2 / counts[counts > 0]).sum() / len(numbers)
    return float(np.sqrt(min(1.0, between)))


def cramers_v(a: np.ndarray, b: np.ndarray) -> float:
    """Cramér's V of two columns of codes, with Bergsma's (2013) correction for bias; a null counts as a category.

    >>> round(cramers_v(np.array([0, 0, 1, 1] * 50), np.array([0, 0, 1, 1] * 50)), 9)
    1.0
    """
    _, a = np.unique(a, return_inverse=True)
    _, b = np.unique(b, return_inverse=True)
    r, k, n = int(a.max()) + 1, int(b.max()) + 1, len(a)
    if min(r, k) < 2:
        return float("nan")
    cells, counts = np.unique(a.astype(np.int64) * k + b, return_counts=True)
    expected = np.bincount(a)[cells // k] * np.bincount(b)[cells % k] / n
    phi2 = (counts**2 / expected).sum() / n - 1
    corrected = max(0.0, phi2 - (r - 1) * (k - 1) / (n - 1))
    rows, columns = r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)
    least = min(rows, columns) - 1
    return float(np.sqrt(min(1.0, corrected / least))) if least > 0 else float("nan")


def _rounded(matrix: np.ndarray) -> list[list[float]]:
    return [[round(float(value), 4) for value in row] for row in matrix]
