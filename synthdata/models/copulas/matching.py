"""The correlations of scores by matching moments: rows that are simulated must go along with each other as rows do.

What a cell says of its scores is their expectation, were columns independent (`Column.expectations`). Products of these
between two columns say all that there is to a table of two categories. Correlations are moved until simulated rows have
the products of real ones: "normal to anything" (Cario and Nelson 1997, "Modeling and generating random vectors with
arbitrary marginal distributions and correlation matrix") by the method of simulated moments (McFadden 1989).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

#: how much of what is missing a pass makes up for, and by how much at most it moves a correlation
STEP, FARTHEST_STEP = 0.7, 0.3
#: products whose expectations vary less than this are moved less, because chance has most of what they lack
DAMPING = 0.2
#: the least eigenvalue, as a share of the largest, and what is added to the diagonal
LEAST, RIDGE = 1e-5, 1e-4


@dataclass(frozen=True)
class Blocks:
    """Which scores belong to one column: how many (columns,), and whether they may be correlated with each other."""

    widths: Sequence[int]
    free: Sequence[bool]

    @property
    def across(self) -> np.ndarray:
        """Which pairs of scores (d, d) are of two columns."""
        column = np.repeat(np.arange(len(self.widths)), self.widths)
        return np.asarray(column[:, None] != column)

    def bound(self) -> list[slice]:
        """Where the scores of columns lie that stay independent."""
        starts = np.cumsum([0, *self.widths])
        ends = zip(starts[:-1], starts[1:], self.free, strict=True)
        return [slice(int(a), int(b)) for a, b, free in ends if not free and b - a > 1]


def matched(
    rows: np.ndarray,
    blocks: Blocks,
    simulate: Callable[[np.ndarray, bool], np.ndarray],
    passes: int,
    report: Callable[[float], None],
) -> np.ndarray:
    """The correlations (d, d) by which simulated rows have the products of expected scores that ``rows`` (n, d) have.

    ``simulate`` gives the expected scores (m, d) of rows simulated by correlations (d, d), and is told whether few rows
    do: in the first half of the passes, which only lead there. Those of the other half are averaged. A twentieth of a
    pseudo-row per score, in which columns are independent, keeps few rows in check.
    """
    d = rows.shape[1]
    current, total, kept = np.eye(d), np.zeros((d, d)), 0
    if not len(rows) or not d:
        return current
    variances = rows.var(axis=0)
    wanted = products(rows) * (len(rows) / (len(rows) + 0.05 * d))
    spread = np.sqrt(np.outer(variances, variances))
    # Near independence a product grows by so much with the correlation.
    gain = np.where(blocks.across, STEP / (spread**2 + DAMPING**2), 0.0)
    weights = np.sqrt(variances + 1e-4)
    for i in range(passes):
        lacking = wanted - products(simulate(current, i < passes // 2))
        moved = current + np.clip(gain * lacking, -FARTHEST_STEP, FARTHEST_STEP)
        current = nearest_correlations(moved, blocks, weights)
        if i >= passes // 2:
            total, kept = total + current, kept + 1
        report((i + 1) / passes)
    return nearest_correlations(total / kept, blocks, weights)


def products(scores: np.ndarray) -> np.ndarray:
    """Mean products (d, d) of centred scores (n, d)."""
    centred = scores - scores.mean(axis=0)
    return np.asarray(centred.T @ centred / len(scores))


def nearest_correlations(matrix: np.ndarray, blocks: Blocks, weights: np.ndarray) -> np.ndarray:
    """Correlations (d, d) near a symmetric matrix, the identity within `Blocks.bound`.

    Negative eigenvalues are cut off (Rebonato and Jäckel 1999), three times with the bound blocks put back in between.
    What has little weight (d,) gives way: a score that decides over rare codes can be wrong at little cost.
    """
    for _ in range(3):
        for own in blocks.bound():
            matrix[own, own] = np.eye(own.stop - own.start)
        values, vectors = np.linalg.eigh(matrix * weights * weights[:, None])
        matrix = (vectors * np.maximum(values, LEAST * values[-1])) @ vectors.T
        matrix += RIDGE * np.diag(np.diag(matrix))
        scale = 1.0 / np.sqrt(np.diag(matrix))
        matrix = matrix * scale * scale[:, None]
    whiten = np.eye(len(matrix))
    for own in blocks.bound():
        values, vectors = np.linalg.eigh(matrix[own, own])
        whiten[own, own] = (vectors / np.sqrt(values)) @ vectors.T
    matrix = whiten @ matrix @ whiten
    return np.asarray((matrix + matrix.T) / 2)
