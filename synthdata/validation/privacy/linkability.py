"""Linkability: two parts of a person's row are joined because both lie nearest to the same synthetic row."""

from __future__ import annotations

import numpy as np

from synthdata.random import SeedTree
from synthdata.validation.base import NotComputable
from synthdata.validation.privacy.attack import Attack, by_success
from synthdata.validation.privacy.pool import Pool
from synthdata.validation.privacy.space import nearest


def linkability(pool: Pool, seed: SeedTree) -> Attack:
    """Split the columns into two random halves, and link a row's halves through their nearest synthetic rows.

    The baseline links halves whose second belongs to another row.

    Raises:
        NotComputable: fewer than two columns are judged.
    """
    names = list(pool.comparison.names)
    if len(names) < 2:
        raise NotComputable("Rows of a single column have no two parts to be linked.")
    mixed = [names[i] for i in seed.generator("halves").permutation(len(names))]
    halves = mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :]
    found = [
        nearest(pool.real_points(half), _untied(pool.synthetic_points(half), seed))[0].positions for half in halves
    ]
    linked = found[0] == found[1]
    strangers = found[0] == np.roll(found[1], 1)  # the pool is in random order
    return by_success(
        "linkability",
        "Do two halves of a row lie nearest to the same synthetic row?",
        linked.astype(float),
        pool,
        float(strangers.mean()),
        columns=[list(half) for half in halves],
    )


def _untied(points: np.ndarray, seed: SeedTree) -> np.ndarray:
    """Points moved by a hair, so that of equally near ones a random one is nearest and not always the first."""
    noise = seed.generator("ties").standard_normal(points.shape)
    return points + (1e-4 * noise).astype(points.dtype)
