"""The outcome that groups are compared by, and models that predict it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthdata.random import SeedTree
from synthdata.validation.base import Comparison, NotComputable, Side, View
from synthdata.validation.parallel import side_by_side
from synthdata.validation.trees import fit_classifier
from synthdata.validation.utility.tstr import choose_target, judged_classes

#: most rows a model is trained on, and its rounds of boosting
TRAIN_ROWS, ROUNDS = 10_000, 60
MINIMUM = 40
MODELS: tuple[Side, Side] = ("train", "synthetic")


@dataclass(frozen=True)
class Outcome:
    """A yes or no of every row: of a target with two classes the rarer, of several the most frequent one; or a number
    above the real median."""

    view: View
    words: str
    code: int | None
    median: float = 0.0

    @classmethod
    def of(cls, comparison: Comparison, target: str | None) -> Outcome:
        """The outcome that the target (named, the schema's, or the default of `choose_target`) gives.

        Raises:
            SchemaError: the named target does not exist.
            NotComputable: there is no target, or it does not vary.
        """
        view = choose_target(comparison, target).view
        if view.continuous:
            present = view.values("train")[~view.missing("train")]
            if len(np.unique(present)) < 2:
                raise NotComputable(f"The target “{view.name}” does not vary.")
            return cls(view, f"“{view.name}” is above its real median", None, float(np.median(present)))
        classes = judged_classes(comparison, view)
        if len(classes) < 2:
            raise NotComputable(f"The target “{view.name}” has fewer than two classes with enough real rows.")
        code = int(classes[1] if len(classes) == 2 else classes[0])
        return cls(view, f"“{view.name}” is “{(view.categories or ())[code]}”", code)

    def happened(self, side: Side, rows: np.ndarray | None = None) -> np.ndarray:
        """1 where the outcome happened (n,), 0 where not, NaN where it is not known."""
        values = self.view.values(side, rows)
        yes = values > self.median if self.code is None else values == self.code
        return np.where(self.view.missing(side, rows), np.nan, yes.astype(float))


def predictions(comparison: Comparison, outcome: Outcome, seed: SeedTree) -> dict[Side, np.ndarray]:
    """What models of real and of synthetic rows predict for every holdout row, (n,) bool each.

    Each model says yes to as large a share of the holdout rows as the outcome has among the real ones.

    Raises:
        NotComputable: there is no holdout, there are too few rows or columns, or a table has one outcome only.
    """
    if comparison.holdout is None:
        raise NotComputable("There is no holdout, so there are no real rows to test models on.")
    if len(comparison.views) < 2:
        raise NotComputable("There is no other column to predict the outcome from.")
    names: dict[Side, str] = {"train": "real", "synthetic": "synthetic"}
    rows = {}
    for side in MODELS:
        known = np.flatnonzero(~np.isnan(outcome.happened(side)))
        if len(known) > TRAIN_ROWS:
            known = np.sort(seed.generator(side).choice(known, TRAIN_ROWS, replace=False))
        happened = outcome.happened(side, known)
        if len(known) < MINIMUM:
            raise NotComputable(f"The outcome is known in {len(known)} {names[side]} rows; {MINIMUM} are needed.")
        if happened.min() == happened.max():
            raise NotComputable(f"The outcome is the same in all {names[side]} rows, so no model can be trained.")
        rows[side] = known
    base = float(np.nanmean(outcome.happened("train")))
    everything = np.arange(comparison.rows("holdout"))
    features = comparison.features("holdout", everything, outcome.view.name)

    def predict(side: Side) -> np.ndarray:
        model = fit_classifier(
            comparison.features(side, rows[side], outcome.view.name),
            outcome.happened(side, rows[side]).astype(int),
            comparison.categorical_features(outcome.view.name),
            seed.integer("trees"),
            max_iter=ROUNDS,
        )
        chance = model.predict_proba(features)[:, 1]
        return chance > np.quantile(chance, 1 - base)

    return dict(zip(MODELS, side_by_side(predict, MODELS), strict=True))
