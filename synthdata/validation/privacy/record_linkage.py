"""Record linkage: which one real row, if any, is a synthetic row a disturbed copy of?

After Fellegi and Sunter (1969, section 2): agreement in a rare value, or in a number to which few other values come as
near, speaks for a copy by the logarithm of how seldom chance gives it. A light disturbance leaves most cells of a row
in agreement with the original, and chance hardly ever gives that. Other synthetic rows are candidates as well: what is
as like them as it is like a real row is dense there, not copied. Nothing here looks at which real rows are train rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthdata.validation.base import View

#: the share of categories that a disturbed copy is taken to have redrawn, and how its numbers keep to the original:
#: the share of values as near as the copy is has the distribution function ``u ** NEARNESS``
REDRAWN, NEARNESS = 0.1, 0.3
#: by how much of a standard deviation `disturbed` moves numbers
MOVED = 0.1
#: rows that are compared cell by cell at a time
STEP = 2_048


def link_weights(
    views: Sequence[View],
    real: Sequence[np.ndarray],
    made: Sequence[np.ndarray],
    among_real: np.ndarray,
    among_made: np.ndarray,
    rows: Sequence[np.ndarray] | None = None,
) -> np.ndarray:
    """How clearly each candidate (n, k) is the row that a synthetic row was copied from, 0 to 1.

    ``real`` and ``made`` hold each view's cells of the real (m,) and the synthetic rows (n,); ``among_real`` and
    ``among_made`` (n, k) the candidates' positions in them, -1 for none. The weight is the posterior probability of
    the candidate, where one real row in m is the original beforehand, cubed, so that doubtful links count for little.
    With ``rows``, each view's cells (n,) of other rows, those are linked instead of the synthetic ones.
    """
    linked = made if rows is None else rows
    weights = np.empty(among_real.shape)
    chances = [_Chance.of(view, values) for view, values in zip(views, real, strict=True)]
    prior = np.log(max(2, len(real[0])))
    for start in range(0, len(among_real), STEP):
        part = slice(start, start + STEP)
        to_real, to_made = among_real[part], among_made[part]
        score, other = np.zeros(to_real.shape), np.zeros(to_made.shape)
        for chance, known, own, mine in zip(chances, real, made, linked, strict=True):
            score += chance.log_ratio(mine[part, None], known[to_real])
            other += chance.log_ratio(mine[part, None], own[to_made])
        other[to_made < 0] = -np.inf
        top = np.maximum(np.maximum(score.max(axis=1), other.max(axis=1)), prior)[:, None]
        likely = np.exp(score - top)
        total = likely.sum(axis=1) + np.exp(other - top).sum(axis=1) + np.exp(prior - top[:, 0])
        weights[part] = (likely / total[:, None]) ** 3
    return weights


def disturbed(
    views: Sequence[View], cells: Sequence[np.ndarray], chosen: np.ndarray, generator: np.random.Generator
) -> list[np.ndarray]:
    """Copies of the ``chosen`` rows of ``cells`` (m,) of each view, as somebody makes them who wants to hide that.

    Numbers are moved by a normal error of a tenth of their standard deviation and rounded as the column is, a tenth of
    the categories is drawn again from the column; nulls stay.
    """
    made = []
    for view, values in zip(views, cells, strict=True):
        if view.continuous:
            moved = values[chosen] + MOVED * _spread(values) * generator.normal(size=len(chosen))
            decimals = view.column.decimals if view.column.kind == "numerical" else 0
            made.append(moved if decimals is None else np.round(moved, decimals))
        else:
            again = generator.random(len(chosen)) < REDRAWN
            made.append(np.where(again, values[generator.integers(0, len(values), len(chosen))], values[chosen]))
    return made


def _spread(values: np.ndarray) -> float:
    """The standard deviation of the present values (m,); 0 where there are none, or where they are too large for it."""
    present = values[~np.isnan(values)]
    with np.errstate(over="ignore", invalid="ignore"):
        spread = float(present.std()) if len(present) else 0.0
    return spread if np.isfinite(spread) else 0.0


class _Chance:
    """How often two values of a column agree by chance, and what their agreement speaks for."""

    def __init__(self, continuous: bool, values: np.ndarray, nulls: float) -> None:
        self.continuous, self.values, self.nulls = continuous, values, nulls

    @classmethod
    def of(cls, view: View, values: np.ndarray) -> _Chance:
        if view.continuous:
            present = np.sort(values[~np.isnan(values)])
            return cls(True, present, (len(values) - len(present) + 0.5) / (len(values) + 1))
        counts = np.bincount(values + 1, minlength=len(view.categories or ()) + 1) + 0.5
        return cls(False, counts / counts.sum(), 0.0)

    def log_ratio(self, made: np.ndarray, other: np.ndarray) -> np.ndarray:
        """The log-likelihood of what is seen if ``made`` is copied from ``other``, over that of chance."""
        if not self.continuous:
            same = np.log((1 - REDRAWN) / self.values[made + 1] + REDRAWN)
            return np.where(made == other, same, np.log(REDRAWN))
        distance = np.abs(made - other)
        size = len(self.values) + 1
        nearer, within = (
            np.searchsorted(self.values, made + distance, ends[0])
            - np.searchsorted(self.values, made - distance, ends[1])
            for ends in (("left", "right"), ("right", "left"))
        )
        low = np.maximum(nearer, 0) / size
        high = np.maximum(np.maximum(within, nearer) + 1, 1) / size
        ratio = np.log((high**NEARNESS - low**NEARNESS) / (high - low))
        null = np.isnan(made), np.isnan(np.broadcast_to(other, distance.shape))
        both = np.log((1 - REDRAWN) / self.nulls + REDRAWN)
        return np.where(null[0] & null[1], both, np.where(null[0] | null[1], np.log(REDRAWN), ratio))
