"""Membership inference: can someone tell from the synthetic table, or from the model, who was in the real one?

Three attackers. One compares how dense the synthetic rows and the real rows lie around a person (after DOMIAS, van
Breugel et al. 2023); one trains a classifier to tell synthetic rows from real ones and takes for members whom it finds
synthetic; one holds the model itself and takes for members whom it finds unusually probable (after Yeom et al. 2018,
calibrated by the person's neighbours as in Watson et al. 2022).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from synthdata.random import SeedTree
from synthdata.validation.base import NotComputable
from synthdata.validation.privacy.attack import Attack, by_score
from synthdata.validation.privacy.pool import Pool
from synthdata.validation.privacy.space import nearest_distances
from synthdata.validation.trees import fit_classifier, fit_regressor

#: neighbours whose distances stand for a density
NEIGHBOURS = 3
#: added to distances, so that a copy counts much and not infinitely
CLOSE = 1e-3

LogProb = Callable[[pd.DataFrame], np.ndarray]


def by_density(pool: Pool) -> Attack:
    """The attacker takes for members those around whom synthetic rows lie denser than real ones."""
    real, made = pool.real_points(), pool.synthetic_points()
    to_real = np.log(nearest_distances(real, real, NEIGHBOURS, skip=1) + CLOSE)
    to_made = np.log(nearest_distances(real, made, NEIGHBOURS) + CLOSE)
    return by_score(
        "membership by density",
        "Are synthetic rows closer to this row than other real rows are?",
        (to_real - to_made).mean(axis=1),
        pool,
        on_average=True,
    )


def by_classifier(pool: Pool, seed: SeedTree) -> Attack:
    """The attacker trains a classifier of synthetic against real rows; each half of the real rows judges the other."""
    real = pool.real_features()
    made = pool.comparison.features("synthetic", pool.synthetic)
    half = np.arange(len(pool)) % 2 == 0  # the pool is in random order
    scores = np.empty(len(pool))
    for part in (half, ~half):
        data = np.vstack([made, real[part]])
        label = np.repeat([1, 0], [len(made), int(part.sum())])
        model = fit_classifier(
            data, label, pool.comparison.categorical_features(), seed.integer("classifier"), max_iter=60
        )
        scores[~part] = model.decision_function(real[~part])
    return by_score(
        "membership by classifier",
        "Does a classifier take this row for a synthetic one?",
        scores,
        pool,
        on_average=False,
    )


def by_loss(pool: Pool, log_prob: LogProb, seed: SeedTree) -> Attack:
    """The attacker holds the model, and takes for members whom it finds more probable than such rows usually are.

    Raises:
        NotComputable: the model gives no finite log-density for most rows.
    """
    comparison = pool.comparison
    raw = np.empty(len(pool))
    for table, at in ((comparison.train, pool.member), (comparison.holdout, ~pool.member)):
        if table is not None:
            raw[at] = log_prob(table.frame.iloc[pool.positions[at]])
    known = np.isfinite(raw)
    if known.mean() < 0.5:
        raise NotComputable("The model gives no log-density for most rows, so its own loss tells nothing.")
    raw[~known] = raw[known].min()
    # What a row of this kind usually gets, and how much that varies: without the first, common rows would be taken for
    # members; without the second, rows far out in a tail, of whom no regression knows much, would.
    features = pool.real_features()
    apart = raw - _usual(pool, features, raw, seed.child("usual"))
    spread = np.exp(_usual(pool, features, np.log(np.abs(apart) + CLOSE), seed.child("spread")))
    return by_score(
        "membership by the model's own loss",
        "Does the model find this row more probable than such rows usually are?",
        apart / spread,
        pool,
        on_average=False,
        holds_model=True,
    )


def _usual(pool: Pool, features: np.ndarray, values: np.ndarray, seed: SeedTree) -> np.ndarray:
    """What rows like each of the pool's get (m,), by trees fitted on the other half of the pool."""
    half = np.arange(len(pool)) % 2 == 0  # the pool is in random order
    usual = np.empty(len(pool))
    for part in (half, ~half):
        model = fit_regressor(
            features[part], values[part], pool.comparison.categorical_features(), seed.integer("trees")
        )
        usual[~part] = model.predict(features[~part])
    return usual
