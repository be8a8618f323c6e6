"""Train on synthetic, test on real (Esteban et al. 2017): does a model of the synthetic rows work on fresh real ones?

Boosted trees are trained twice, on synthetic rows and on real train rows, and both are tested on the holdout.
Classification is judged by the AUC (the mean of one-vs-rest AUCs where there are several classes), regression by R².
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from synthdata.errors import SchemaError, did_you_mean
from synthdata.random import SeedTree
from synthdata.validation.base import Comparison, Figure, NotComputable, Side, View
from synthdata.validation.parallel import side_by_side
from synthdata.validation.statistics import bootstrap_weights
from synthdata.validation.trees import fit_classifier, fit_regressor

#: most rows a model is trained on, most rows it is tested on, bootstrap samples of the latter
TRAIN_ROWS, TEST_ROWS, REPLICATES = 30_000, 10_000, 200
#: a category with more classes is not taken as target by default; a named one keeps its most frequent ones
DEFAULT_CLASSES, MOST_CLASSES = 20, 10
#: real and holdout rows that a class needs to be judged
CLASS_ROWS = 5
MINIMUM = 20
#: what a model is trained on
MODELS: tuple[Side, Side] = ("train", "synthetic")


@dataclass(frozen=True)
class Utility:
    """The figure, and what report.json shows beside it."""

    figure: Figure
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """Which column is predicted, what kind of task that makes, and why this column."""

    view: View
    task: str
    reason: str


def choose_target(comparison: Comparison, target: str | None) -> Target:
    """The column to predict: the one named, the schema's target, or a stated default.

    Raises:
        SchemaError: the named column does not exist.
        NotComputable: no column can be predicted, or the named one is not judged.
    """
    if target is not None and target not in comparison.schema:
        raise SchemaError(
            f"There is no column {target!r} to take as target.", did_you_mean(target, comparison.schema.names)
        )
    named, reason = target or comparison.schema.target, "named as the target" if target else "the schema's target"
    if named is not None:
        if named in comparison.skipped:
            raise NotComputable(f"The target {named!r} is not judged: {comparison.skipped[named]}.")
        view = next(view for view in comparison.views if view.name == named)
        return Target(view, "regression" if view.continuous else "classification", reason)
    if len(comparison.views) < 2:
        raise NotComputable("Fewer than two columns are judged, so there is nothing to predict one from.")
    for view in reversed(comparison.views):
        if (
            not view.continuous
            and len(judged_classes(comparison, view)) >= 2
            and len(view.categories or ()) <= DEFAULT_CLASSES
        ):
            reason = f"no target was named: this is the last column with 2 to {DEFAULT_CLASSES} classes"
            return Target(view, "classification", reason)
    for view in reversed(comparison.views):
        if view.continuous and len(np.unique(view.values("train")[~view.missing("train")])) > 1:
            return Target(
                view, "regression", "no target was named and no column has few classes: this is the last that varies"
            )
    raise NotComputable("No column varies enough to be predicted.")


def judged_classes(comparison: Comparison, view: View) -> np.ndarray:
    """The codes that occur often enough in train and holdout to be judged."""
    size = len(view.categories or ())
    enough = np.bincount(view.values("train") + 1, minlength=size + 1)[1:] >= CLASS_ROWS
    if comparison.holdout is not None:
        enough &= np.bincount(view.values("holdout") + 1, minlength=size + 1)[1:] >= CLASS_ROWS
    return np.flatnonzero(enough)


def tstr(comparison: Comparison, seed: SeedTree, target: str | None = None) -> Utility:
    """The synthetic table's usefulness for prediction, with the real train table's beside it.

    Raises:
        SchemaError: the named target does not exist.
        NotComputable: there is no holdout, no target, or too few rows or classes.
    """
    chosen = choose_target(comparison, target)
    details = {"target": chosen.view.name, "task": chosen.task, "reason": chosen.reason}
    if comparison.holdout is None:
        raise NotComputable(
            "There is no holdout: a model's use can only be measured on real rows that "
            "neither it nor the generator saw."
        )
    if len(comparison.views) < 2:
        raise NotComputable("Fewer than two columns are judged, so there is nothing to predict the target from.")
    known = {side: ~chosen.view.missing(side) for side in ("train", "holdout", "synthetic")}
    for side, rows in known.items():
        if rows.sum() < MINIMUM:
            raise NotComputable(
                f"The target is known in {int(rows.sum())} rows of the {side} table; {MINIMUM} are needed."
            )
    task = _classification if chosen.task == "classification" else _regression
    return task(comparison, chosen, known, seed, details)


def _draw(known: np.ndarray, limit: int, generator: np.random.Generator) -> np.ndarray:
    rows = np.flatnonzero(known)
    return rows if len(rows) <= limit else np.sort(generator.choice(rows, limit, replace=False))


def _classification(
    comparison: Comparison, chosen: Target, known: dict[str, np.ndarray], seed: SeedTree, details: dict[str, Any]
) -> Utility:
    view = chosen.view
    classes = judged_classes(comparison, view)[:MOST_CLASSES]
    if len(classes) < 2:
        raise NotComputable(
            f"The target {view.name!r} has fewer than two classes with {CLASS_ROWS} rows in train and holdout."
        )
    rest = len(view.categories or ()) - len(classes)
    if rest:
        details["reason"] += (
            f"; judged on its {len(classes)} most frequent classes, the other {rest} are taken as one more"
        )
    test = _draw(known["holdout"], TEST_ROWS, seed.generator("test"))
    truth = view.values("holdout", test)
    positives = classes[1:] if len(classes) == 2 and not rest else classes

    def score(side: Side) -> dict[int, np.ndarray]:
        rows = _draw(known[side], TRAIN_ROWS, seed.generator(side))
        label = view.values(side, rows)
        label = np.where(np.isin(label, classes), label, -1)
        return _class_scores(comparison, view.name, side, rows, label, test, positives, seed)

    scores = dict(zip(MODELS, side_by_side(score, MODELS), strict=True))
    weights = bootstrap_weights(len(test), REPLICATES, seed.generator("bootstrap"))
    areas = {side: [aucs(truth == code, scores[side][code], weights) for code in positives] for side in scores}
    values = {side: float(np.mean([auc for auc, _ in each])) for side, each in areas.items()}
    samples = {side: np.mean([sample for _, sample in each], axis=0) for side, each in areas.items()}
    details["measure"] = "AUC" if len(positives) == 1 else "macro AUC, one class against the rest"
    return _finish(comparison, values, samples, 0.5, (0.0, 1.0), known, details)


def _class_scores(
    comparison: Comparison,
    name: str,
    side: Side,
    rows: np.ndarray,
    label: np.ndarray,
    test: np.ndarray,
    positives: np.ndarray,
    seed: SeedTree,
) -> dict[int, np.ndarray]:
    """For each class, a score (n,) of the test rows; all equal where the training rows lack it or have one class."""
    present = np.unique(label)
    if len(present) < 2:
        return {code: np.zeros(len(test)) for code in positives}
    model = fit_classifier(
        comparison.features(side, rows, name),
        label,
        comparison.categorical_features(name),
        seed.integer("trees"),
        max_iter=100 if len(present) == 2 else max(20, 200 // len(present)),
    )
    chances = model.predict_proba(comparison.features("holdout", test, name))
    at = {code: position for position, code in enumerate(model.classes_)}
    return {code: chances[:, at[code]] if code in at else np.zeros(len(test)) for code in positives}


def aucs(positive: np.ndarray, guess: np.ndarray, weights: np.ndarray) -> tuple[float, np.ndarray]:
    """The AUC, ties half, and its values (r,) under bootstrap weights (r, n)."""
    _, group = np.unique(guess, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(group[order]) > 0])
    weights = np.vstack([np.ones((1, len(guess)), np.float32), weights])[:, order]
    plus = np.add.reduceat(weights * positive[order], starts, axis=1).astype(np.float64)
    minus = np.add.reduceat(weights * ~positive[order], starts, axis=1).astype(np.float64)
    below = np.cumsum(minus, axis=1) - minus / 2
    areas = (plus * below).sum(axis=1) / np.maximum(plus.sum(axis=1) * minus.sum(axis=1), 1.0)
    return float(areas[0]), areas[1:]


def _regression(
    comparison: Comparison, chosen: Target, known: dict[str, np.ndarray], seed: SeedTree, details: dict[str, Any]
) -> Utility:
    view = chosen.view
    test = _draw(known["holdout"], TEST_ROWS, seed.generator("test"))
    size = float(np.nanmax(np.abs(view.values("train")))) or 1.0  # keeps squares of very large numbers finite
    real = view.values("train") / size
    scale, centre = float(np.nanstd(real)) or 1.0, float(np.nanmean(real))
    truth = (view.values("holdout", test) / size - centre) / scale
    if np.ptp(truth) == 0:
        raise NotComputable(f"The target {view.name!r} is constant in the holdout.")

    def guess(side: Side) -> np.ndarray:
        rows = _draw(known[side], TRAIN_ROWS, seed.generator(side))
        model = fit_regressor(
            comparison.features(side, rows, view.name),
            (view.values(side, rows) / size - centre) / scale,
            comparison.categorical_features(view.name),
            seed.integer("trees"),
        )
        return model.predict(comparison.features("holdout", test, view.name))

    guesses: dict[str, np.ndarray] = dict(zip(MODELS, side_by_side(guess, MODELS), strict=True))
    guesses["baseline"] = np.zeros(len(test))
    weights = np.vstack(
        [np.ones((1, len(test)), np.float32), bootstrap_weights(len(test), REPLICATES, seed.generator("bootstrap"))]
    )
    total = weights.sum(axis=1)
    mean = weights @ truth / total
    spread = np.maximum(weights @ truth**2 / total - mean**2, 1e-12)
    r2 = {side: 1 - weights @ (truth - guess) ** 2 / total / spread for side, guess in guesses.items()}
    details["measure"] = "R2"
    values = {side: float(each[0]) for side, each in r2.items()}
    return _finish(
        comparison,
        values,
        {side: each[1:] for side, each in r2.items()},
        values["baseline"],
        (-np.inf, 1.0),
        known,
        details,
    )


def _finish(
    comparison: Comparison,
    values: dict[str, float],
    samples: dict[str, np.ndarray],
    baseline: float,
    limits: tuple[float, float],
    known: dict[str, np.ndarray],
    details: dict[str, Any],
) -> Utility:
    """The figure and its details; intervals are bootstrap percentiles over the same test rows for both models."""

    def interval(sample: np.ndarray) -> tuple[float, float]:
        low, high = np.quantile(sample, [0.025, 0.975])
        return max(limits[0], float(low)), min(limits[1], float(high))

    difference = samples["synthetic"] - samples["train"]
    n = min(int(known["synthetic"].sum()), TRAIN_ROWS)
    if comparison.rows("synthetic") > TRAIN_ROWS:
        details["reason"] += f"; models are trained on {TRAIN_ROWS:,} rows drawn at random"
    details |= {
        "real": values["train"],
        "synthetic": values["synthetic"],
        "baseline": baseline,
        "interval": interval(samples["synthetic"]),
        "real_interval": interval(samples["train"]),
        "difference": values["synthetic"] - values["train"],
        "difference_interval": [float(q) for q in np.quantile(difference, [0.025, 0.975])],
        "test_rows": int(min(known["holdout"].sum(), TEST_ROWS)),
    }
    figure = Figure(values["synthetic"], interval(samples["synthetic"]), values["train"], "higher", n=n)
    return Utility(figure, details)
