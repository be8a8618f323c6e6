"""Attribute inference: guess one secret cell of a real row from the synthetic row that is nearest by all others.

That smoking goes with age can be learnt from any good table, and is no leak; so every guess is made for rows of the
train table and for rows that the generator never saw, and only the surplus counts. The baseline is the best guess that
looks at the secret column alone.
"""

from __future__ import annotations

import numpy as np

from synthdata.random import SeedTree
from synthdata.validation.base import NotComputable, View
from synthdata.validation.privacy.attack import Attack, by_success
from synthdata.validation.privacy.pool import Pool
from synthdata.validation.privacy.space import nearest_without

#: the most columns that are played as secret
SECRETS = 10
#: how far a guessed number may be off, as a share of the range from train's 5 % to its 95 % quantile
TOLERANCE = 0.02


def attribute_inference(pool: Pool, seed: SeedTree) -> Attack:
    """Play every judged column (at most ten, drawn at random) as the secret; a row's success is the share guessed.

    Raises:
        NotComputable: fewer than two columns are judged.
    """
    views = pool.comparison.views
    if len(views) < 2:
        raise NotComputable("With a single column there is nothing to infer it from.")
    chosen = np.sort(seed.generator("secrets").permutation(len(views))[:SECRETS])
    spans = pool.space.spans
    without = [spans[views[index].name] for index in chosen]
    nearest = nearest_without(pool.real_points(), pool.synthetic_points(), without)
    right, naive, columns = [], [], []
    for index, at in zip(chosen, nearest.T, strict=True):
        view = views[index]
        made, truth = view.values("synthetic", pool.synthetic), pool.real_values(int(index))
        tolerance = _tolerance(view)
        right.append(_equal(made[at], truth, tolerance))
        naive.append(float(_equal(_common(view, made), truth[pool.member], tolerance).mean()))
        columns.append(
            {
                "name": view.name,
                "members": float(right[-1][pool.member].mean()),
                "others": float(right[-1][~pool.member].mean()),
                "baseline": naive[-1],
            }
        )
    return by_success(
        "attribute_inference",
        "Is a hidden cell that of the nearest synthetic row?",
        np.mean(right, axis=0),
        pool,
        float(np.mean(naive)),
        columns=columns,
    )


def _tolerance(view: View) -> float:
    """How far a guess may be off."""
    if not view.continuous:
        return 0.0
    present = view.values("train")
    present = present[~np.isnan(present)]
    return float(TOLERANCE * np.subtract(*np.quantile(present, [0.95, 0.05]))) if len(present) else 0.0


def _equal(guess: np.ndarray, truth: np.ndarray, tolerance: float) -> np.ndarray:
    """Which guesses (m,) are right; a null is only guessed by a null."""
    if truth.dtype.kind != "f":
        return np.broadcast_to(guess, truth.shape) == truth
    both_null = np.isnan(guess) & np.isnan(truth)
    with np.errstate(invalid="ignore"):
        return both_null | (np.abs(guess - truth) <= tolerance)


def _common(view: View, made: np.ndarray) -> np.ndarray:
    """The best single guess: the most frequent category, or the median, as one cell (1,)."""
    if not view.continuous:
        return np.array([np.bincount(made + 1).argmax() - 1])
    return np.array([np.nanmedian(made) if not np.isnan(made).all() else np.nan])
