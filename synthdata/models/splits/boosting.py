"""Gradient-boosted trees that answer yes-or-no questions, as plain arrays.

Friedman 2001, "Greedy function approximation: a gradient boosting machine", with second-order steps and histograms of
at most 255 levels (Chen and Guestrin 2016, "XGBoost", section 2.2). Single trees are grown by scikit-learn's histogram
grower; this is the only file that knows it. The loop is our own because each answer starts from its own known log-odds,
which scikit-learn's estimators cannot be given, and because a tree's splits are chosen by some rows only, drawn anew
each time (as in Friedman 2002, "Stochastic gradient boosting"), and its leaves get their values from all: a split that
follows the noise of some rows adds less then, and the whole leans less towards the rows it has seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

#: a feature's levels are 0 … 254
LEVELS = 255
#: gradients are rounded to this step: their sums are then exact, whatever the order in which threads add them
_STEP = 2.0**-24
#: an improvement of the mean log-loss below this counts as none
_LEAST_GAIN = 1e-5


@dataclass(frozen=True)
class Settings:
    """How trees are grown.

    Args:
        rounds: how many trees there are at most.
        learning_rate: how far each tree goes towards what it finds.
        leaves: how many leaves a tree has at most.
        min_leaf: the fewest answers in a leaf.
        shrinkage: what is added to a leaf's curvature; draws leaves of little evidence towards no change.
        choosing: the share of rows by which a tree's splits are chosen.
        patience: after how many trees without a gain on held-out answers growing stops.
    """

    rounds: int = 500
    learning_rate: float = 0.2
    leaves: int = 63
    min_leaf: int = 80
    shrinkage: float = 5.0
    choosing: float = 0.75
    patience: int = 5


@dataclass(frozen=True)
class Answers:
    """Questions as features (m, f) uint8, where each answer's log-odds start (m,), and which were answered yes (m,).

    ``rows`` (m,) says which row of the table, counted from 0, each was asked of.
    """

    features: np.ndarray
    start: np.ndarray
    yes: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True)
class Boosted:
    """Grown trees one after the other; tree t's nodes are ``first[t]`` to ``first[t + 1]``.

    A node sends features at or below ``threshold`` to ``left``, others to ``right`` (counted within the tree); a leaf
    has feature -1 and adds ``value`` to the log-odds of yes.
    """

    first: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray

    def __len__(self) -> int:
        return len(self.first) - 1

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays by name, for a model file."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @cached_property
    def _walkers(self) -> list[Any]:
        from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
        from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

        nodes = np.zeros(len(self.feature), dtype=PREDICTOR_RECORD_DTYPE)
        nodes["is_leaf"] = self.feature < 0
        nodes["feature_idx"] = np.maximum(self.feature, 0)
        for name, array in (("bin_threshold", self.threshold), ("left", self.left), ("right", self.right)):
            nodes[name] = array
        nodes["value"] = self.value
        no_categories = np.empty((0, 8), dtype=np.uint32)
        bounds = zip(self.first[:-1], self.first[1:], strict=True)
        return [TreePredictor(nodes[a:b].copy(), no_categories, no_categories) for a, b in bounds]

    def log_odds(self, features: np.ndarray) -> np.ndarray:
        """What the trees add (m,) to the log-odds of yes for features (m, f) uint8."""
        total = np.zeros(len(features))
        features = np.ascontiguousarray(features)
        for walker in self._walkers:
            total += walker.predict_binned(features, LEVELS, 1)
        return total


def boost(train: Answers, held_out: Answers, settings: Settings, generator: np.random.Generator) -> Boosted:
    """Grow trees until they no longer help with the held-out answers.

    For each tree other rows decide on the splits; all of them decide on the values of its leaves.
    """
    from sklearn.ensemble._hist_gradient_boosting.grower import TreeGrower

    width = train.features.shape[1]
    levels, unused = np.full(width, LEVELS, dtype=np.uint32), np.zeros((width, LEVELS))
    features, outside = np.asfortranarray(train.features), np.ascontiguousarray(held_out.features)
    now, now_outside = train.start.astype(np.float64), held_out.start.astype(np.float64)
    sign = 1.0 - 2.0 * held_out.yes
    table_rows = int(train.rows.max(initial=-1)) + 1
    grown: list[Any] = []
    best, kept = float(np.logaddexp(0, sign * now_outside).mean()), 0
    while len(grown) < settings.rounds and len(grown) - kept < settings.patience:
        chance = 1 / (1 + np.exp(-now))
        gradients, hessians = _rounded(chance - train.yes), _rounded(chance * (1 - chance))
        chooses = (generator.random(table_rows) < settings.choosing)[train.rows]
        grower = TreeGrower(
            X_binned=features,
            gradients=gradients * chooses,
            hessians=hessians * chooses,
            max_leaf_nodes=settings.leaves,
            min_samples_leaf=settings.min_leaf,
            min_hessian_to_split=1.0,
            n_bins=LEVELS + 1,
            n_bins_non_missing=levels,
            has_missing_values=False,
            l2_regularization=settings.shrinkage,
            shrinkage=settings.learning_rate,
            n_threads=1,
        )
        grower.grow()
        for leaf in grower.finalized_leaves:
            inside = np.asarray(leaf.sample_indices)
            curvature = hessians[inside].sum(dtype=np.float64) + settings.shrinkage
            leaf.value = -settings.learning_rate * float(gradients[inside].sum(dtype=np.float64) / curvature)
            now[inside] += leaf.value
        predictor = grower.make_predictor(unused)
        now_outside += predictor.predict_binned(outside, LEVELS, 1)
        grown.append(predictor)
        loss = float(np.logaddexp(0, sign * now_outside).mean())
        if loss < best - _LEAST_GAIN:
            best, kept = loss, len(grown)
    return _plain([predictor.nodes for predictor in grown[:kept]])


def _rounded(numbers: np.ndarray) -> np.ndarray:
    return (np.rint(numbers / _STEP) * _STEP).astype(np.float32)


def _plain(trees: list[np.ndarray]) -> Boosted:
    first = np.cumsum([0, *(len(nodes) for nodes in trees)]).astype(np.int32)
    nodes = np.concatenate(trees) if trees else None
    if nodes is None:
        none = np.empty(0, dtype=np.int16)
        return Boosted(first, none, none.astype(np.uint8), none, none, none.astype(np.float32))
    inner = nodes["is_leaf"] == 0
    return Boosted(
        first,
        np.where(inner, nodes["feature_idx"], -1).astype(np.int16),
        np.where(inner, nodes["bin_threshold"], 0).astype(np.uint8),
        np.where(inner, nodes["left"], 0).astype(np.int16),
        np.where(inner, nodes["right"], 0).astype(np.int16),
        np.where(inner, 0.0, nodes["value"]).astype(np.float32),
    )


def workers() -> int:
    """How many columns may be learnt at the same time."""
    from sklearn.utils._openmp_helpers import _openmp_effective_n_threads

    return int(_openmp_effective_n_threads())
