"""Whole rows in two dimensions: how densely train, synthetic and holdout lie where train rows vary most.

A picture for people, not a figure: where the synthetic density is thin, kinds of rows are missing; where it lies alone,
rows were made up that reality does not have. Only densities leave this file, and a cell that fewer than `LEAST`
rows of a side share counts as empty, so that no place of a single person can be read off.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from synthdata.random import SeedTree
from synthdata.validation.base import Comparison, Side, View
from synthdata.validation.fidelity.sliced import positions

#: cells along each side of the map, at least and at most, and how many train rows there are for each cell
FEWEST, MOST, ROWS_A_CELL = 8, 32, 12
#: how many rows of each side are placed
ROWS = 20_000
#: how many rows a cell must have to be drawn
LEAST = 5
#: how many categories of a column have a direction of their own, the commonest in train first
CATEGORIES = 12
#: the share of train rows beyond each edge of the map
BEYOND = 0.005
#: up to how many dimensions all directions are computed rather than two
DENSE = 200
#: how many columns are named for each direction
NAMED = 3


def landscape(comparison: Comparison, seed: SeedTree) -> dict[str, Any]:
    """Densities by side as square maps of shares of its rows, the first row at the top; empty for a single column.

    Columns become numbers as in `sliced`: ranks in train from 0 to 1, and categories as far apart as the two ends of a
    number. The directions are the first two principal components of train (Jolliffe 2002); ``axes`` names the columns
    with the largest part in each and ``explained`` the share of the variance. Rows beyond the edges count at the edge.
    """
    if len(comparison.views) < 2:
        return {}
    sides: tuple[Side, ...] = tuple(comparison.views[0].sides)
    rows = {side: comparison.draw(side, ROWS, seed.generator(f"rows of {side}")) for side in sides}
    if len(rows["train"]) < 2 * LEAST:
        return {}
    parts = [coordinates(view, rows) for view in comparison.views]
    placed = {side: np.hstack([part[side] for part in parts]) for side in sides}
    directions, explained = principal_plane(placed["train"])
    if not explained.all():
        return {}
    found = {side: points @ directions.T for side, points in placed.items()}
    size = int(np.clip(np.sqrt(len(rows["train"]) / ROWS_A_CELL), FEWEST, MOST))
    low, high = np.quantile(found["train"], [BEYOND, 1 - BEYOND], axis=0)
    owner = np.repeat(np.arange(len(parts)), [part["train"].shape[1] for part in parts])
    weights = np.array([np.bincount(owner, each**2, len(parts)) for each in directions])
    return {
        "rows": {side: len(chosen) for side, chosen in rows.items()},
        "least": LEAST,
        **{side: _density(points, low, high, size) for side, points in found.items()},
        "explained": explained.tolist(),
        "axes": [
            [
                {"name": comparison.views[column].name, "share": float(each[column])}
                for column in np.argsort(-each, kind="stable")[:NAMED]
            ]
            for each in weights
        ],
    }


def principal_plane(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The directions (2, d) in which points (n, d), d at least 2, vary most, and their shares (2,) of the variance.

    >>> directions, shares = principal_plane(np.array([[0.0, 0.0, 5.0], [4.0, 0.0, 5.0], [0.0, 1.0, 5.0]]))
    >>> np.abs(directions).argmax(axis=1).tolist(), shares.sum().round(6).item()
    ([0, 1], 1.0)
    """
    covariance = np.atleast_2d(np.cov(points, rowvar=False))
    whole = float(np.trace(covariance))
    if not whole > 0:
        return np.eye(2, points.shape[1]), np.zeros(2)
    if len(covariance) > DENSE:
        from scipy.sparse.linalg import eigsh

        values, vectors = eigsh(covariance, k=2, v0=np.ones(len(covariance)))
    else:
        values, vectors = np.linalg.eigh(covariance)
    values, directions = values[[-1, -2]], vectors[:, [-1, -2]].T
    # Eigenvectors have no sign of their own: the largest part points up.
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    return directions * np.where(largest < 0, -1.0, 1.0), np.clip(values / whole, 0.0, None)


def coordinates(view: View, rows: dict[Side, np.ndarray]) -> dict[Side, np.ndarray]:
    """The chosen rows of each side in the dimensions (n, d) of one column."""
    if view.continuous:
        found = {}
        for side, chosen in rows.items():
            place = positions(view, side, chosen)
            found[side] = np.column_stack([np.where(np.isnan(place), 0.5, place), np.isnan(place)])
        return found
    size = min(len(view.categories or ()), CATEGORIES)
    # The last dimension is that of nulls, the one before of all rarer categories.
    codes = {side: np.minimum(view.values(side, chosen), size) for side, chosen in rows.items()}
    return {side: np.eye(size + 2)[np.where(code < 0, size + 1, code)] / np.sqrt(2) for side, code in codes.items()}


def _density(points: np.ndarray, low: np.ndarray, high: np.ndarray, size: int) -> list[list[float]]:
    """The synthetic side has its thin cells left out as well, or the two could not be compared."""
    span = np.where(high > low, high - low, 1.0)
    cells = np.clip((points - low) / span * size, 0, size - 1).astype(np.int64)
    counts = np.bincount((size - 1 - cells[:, 1]) * size + cells[:, 0], minlength=size * size)
    counts = np.where(counts < LEAST, 0, counts)
    shares: list[list[float]] = np.round(counts / len(points), 6).reshape(size, size).tolist()
    return shares
