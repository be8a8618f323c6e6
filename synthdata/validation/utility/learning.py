"""A learner that is cheap enough to be trained many times, and how well it does on real rows.

A category is predicted as one of its most frequent classes, the others taken as one more; the skill is twice the macro
AUC less one (the Gini coefficient). A number is predicted as its position among train's values; the skill is R² of the
positions. Both are 0 for guessing and 1 for always being right, so they can be averaged over columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from synthdata.validation.base import Comparison, NotComputable, Side, View
from synthdata.validation.fidelity.sliced import positions
from synthdata.validation.trees import fit_classifier, fit_regressor
from synthdata.validation.utility.tstr import aucs, judged_classes

#: classes that a category is judged on
CLASSES = 4

Learner = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Task:
    """A column to predict; ``classes`` are the codes that are judged, None for a number."""

    view: View
    classes: np.ndarray | None

    @classmethod
    def of(cls, comparison: Comparison, view: View) -> Task:
        """The task of predicting a column.

        Raises:
            NotComputable: the column does not vary enough.
        """
        if view.continuous:
            for side in ("train", "holdout"):
                values = view.values(side)
                if len(np.unique(values[~np.isnan(values)])) < 2:
                    raise NotComputable(f"“{view.name}” does not vary in the {side} table.")
            return cls(view, None)
        classes = judged_classes(comparison, view)[:CLASSES]
        if len(classes) < 2:
            raise NotComputable(f"“{view.name}” has fewer than two classes with enough real rows.")
        return cls(view, classes)

    @property
    def positives(self) -> np.ndarray:
        """The classes that are told from all others: one where there are two."""
        if self.classes is None:
            return np.empty(0, int)
        return self.classes[1:] if len(self.view.categories or ()) == 2 else self.classes

    def rows(self, side: Side, limit: int, generator: np.random.Generator) -> np.ndarray:
        """At most ``limit`` random row positions of a side where the column is known."""
        known = np.flatnonzero(~self.view.missing(side))
        return known if len(known) <= limit else np.sort(generator.choice(known, limit, replace=False))

    def truth(self, side: Side, rows: np.ndarray) -> np.ndarray:
        """What is to be predicted (n,): codes with -1 for the classes not judged, or positions."""
        if self.classes is None:
            return positions(self.view, side, rows)
        codes = self.view.values(side, rows)
        return np.where(np.isin(codes, self.classes), codes, -1)

    def learn(self, comparison: Comparison, side: Side, rows: np.ndarray, seed: int, rounds: int) -> Learner:
        """Boosted trees on rows of a side, as a function of features (m, c) to guesses (m, k)."""
        name, truth = self.view.name, self.truth(side, rows)
        data, categorical = comparison.features(side, rows, name), comparison.categorical_features(name)
        if self.classes is None:
            regressor = fit_regressor(data, truth, categorical, seed, max_iter=rounds, learning_rate=0.2)
            return lambda features: regressor.predict(features)[:, None]
        present = np.unique(truth)
        if len(present) < 2:
            return lambda features: np.zeros((len(features), len(self.positives)))
        rounds = max(8, 2 * rounds // len(present))
        classifier = fit_classifier(data, truth, categorical, seed, max_iter=rounds, learning_rate=0.2)
        at = {int(code): position for position, code in enumerate(classifier.classes_)}

        def guess(features: np.ndarray) -> np.ndarray:
            chances = classifier.predict_proba(features)
            nothing = np.zeros(len(features))
            return np.column_stack([chances[:, at[c]] if c in at else nothing for c in self.positives.tolist()])

        return guess

    def skills(self, truth: np.ndarray, guess: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The skill on all rows and under each of the bootstrap weights (r, n), as (1 + r,).

        Raises:
            NotComputable: the rows hold one value only.
        """
        if self.classes is None:
            if np.ptp(truth) == 0:
                raise NotComputable(f"“{self.view.name}” does not vary in the rows that were drawn for the test.")
            weights = np.vstack([np.ones((1, len(truth)), np.float32), weights])
            total = weights.sum(axis=1)
            mean = weights @ truth / total
            spread = np.maximum(weights @ truth**2 / total - mean**2, 1e-12)
            return np.asarray(1 - weights @ (truth - guess[:, 0]) ** 2 / total / spread)
        found = []
        for position, code in enumerate(self.positives):
            positive = truth == code
            if positive.any() and not positive.all():
                whole, samples = aucs(positive, guess[:, position], weights)
                found.append(2 * np.r_[whole, samples] - 1)
        if not found:
            raise NotComputable(f"“{self.view.name}” has one class only in the rows that were drawn for the test.")
        return np.asarray(np.mean(found, axis=0))
