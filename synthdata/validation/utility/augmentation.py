"""Does it help a model to add synthetic rows to the real ones it is trained on?

Repeated cross-validation: in every fold the generator, too, sees nothing but the training part. On the same test part
the same learner (boosted trees) is scored after training on the real rows, on real and synthetic rows, and on what
costs less: rows drawn again (bootstrap), SMOTE (Chawla et al. 2002), and weights by class. Gains are paired by fold;
their intervals allow for training parts that overlap (Nadeau and Bengio 2003, section 3).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from synthdata.errors import TableError
from synthdata.progress import Progress, silent
from synthdata.random import SeedTree
from synthdata.table.table import Table
from synthdata.validation.base import Comparison, NotComputable, View
from synthdata.validation.trees import fit_classifier, fit_regressor
from synthdata.validation.utility.tstr import choose_target

#: classes that are judged at most, rows that a class needs, the share below which a class counts as small
CLASSES, CLASS_ROWS, SMALL = 10, 10, 0.2
#: how the strategies are called where people see them
REAL, BOOTSTRAP, SMOTE, WEIGHTS = "real rows alone", "rows drawn again", "SMOTE", "class weights"

Generate = Callable[[Table, SeedTree], Mapping[str, Table]]


@dataclass(frozen=True)
class Gain:
    """What a strategy adds to the real rows alone: the mean over folds, and its 95 % interval."""

    strategy: str
    score: float
    gain: float
    interval: tuple[float, float]

    @property
    def verdict(self) -> str:
        """``helps``, ``harms``, or ``makes no difference that can be measured``."""
        if self.interval[0] > 0:
            return "helps"
        return "harms" if self.interval[1] < 0 else "makes no difference that can be measured"

    def to_json(self) -> dict[str, Any]:
        """The gain as plain data."""
        return {
            "strategy": self.strategy,
            "score": self.score,
            "gain": self.gain,
            "interval": list(self.interval),
            "verdict": self.verdict,
        }


@dataclass(frozen=True)
class Augmentation:
    """The gains by what they are measured by: the whole target, and each of its smallest classes."""

    target: str
    measure: str
    real: float
    gains: dict[str, list[Gain]]
    left_out: dict[str, str]
    folds: int

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {
            "target": self.target,
            "measure": self.measure,
            "real": self.real,
            "folds": self.folds,
            "gains": {name: [gain.to_json() for gain in gains] for name, gains in self.gains.items()},
            "left_out": self.left_out,
        }


def augmentation(
    table: Table,
    generate: Generate,
    seed: SeedTree,
    *,
    target: str | None = None,
    folds: int = 5,
    repeats: int = 2,
    progress: Progress | None = None,
) -> Augmentation:
    """Measure what adding rows does; ``generate`` fits on a table and gives synthetic ones by the strategy's name.

    Raises:
        SchemaError: the target does not exist.
        TableError: no column can be a target, or it has too few rows of its classes.
    """
    whole = Comparison.of(table, None, table)
    try:
        chosen = choose_target(whole, target)
    except NotComputable as reason:
        raise TableError(str(reason), "Name a column with --target that a model could predict.") from None
    task = _Task.of(whole, chosen.view)
    progress = progress or silent()
    scores: dict[str, dict[str, list[float]]] = {}
    left_out: dict[str, str] = {}
    done, total = 0, folds * repeats
    for repeat in range(repeats):
        for train, test in task.folds(folds, seed.child(f"repeat {repeat}")):
            progress.step(done / total, f"fold {done + 1} of {total}")
            child = seed.child(f"fold {done}")
            found = _one_fold(table, task, train, test, generate, child, left_out)
            for strategy, by_name in found.items():
                for name, score in by_name.items():
                    scores.setdefault(name, {}).setdefault(strategy, []).append(score)
            done += 1
    names = list(scores)
    gains = {name: _gains(scores[name], folds) for name in names}
    real = float(np.mean(scores[names[0]][REAL]))
    return Augmentation(task.view.name, task.measure, real, gains, left_out, total)


@dataclass(frozen=True)
class _Task:
    """What is predicted: the usable rows, labels or numbers, and which classes are judged by themselves."""

    view: View
    rows: np.ndarray
    classes: np.ndarray | None
    small: tuple[int, ...]
    measure: str

    @classmethod
    def of(cls, whole: Comparison, view: View) -> _Task:
        known = np.flatnonzero(~view.missing("train"))
        if view.continuous:
            if len(known) < 40:
                raise TableError(f"The target {view.name!r} is known in {len(known)} rows; 40 are needed.")
            return cls(view, known, None, (), "R2")
        counts = np.bincount(view.values("train")[known], minlength=len(view.categories or ()))
        classes = np.flatnonzero(counts >= CLASS_ROWS)[:CLASSES]
        if len(classes) < 2:
            raise TableError(
                f"The target {view.name!r} has fewer than two classes with {CLASS_ROWS} rows.",
                "Name another with --target.",
            )
        rows = known[np.isin(view.values("train")[known], classes)]
        small = tuple(int(code) for code in classes[np.argsort(counts[classes])] if counts[code] < SMALL * len(rows))
        measure = "AUC" if len(classes) == 2 else "macro AUC, one class against the rest"
        return cls(view, rows, classes, small[:3], measure)

    def folds(self, count: int, seed: SeedTree) -> list[tuple[np.ndarray, np.ndarray]]:
        """Train and test rows, by position in the table; classes keep their shares."""
        from sklearn.model_selection import KFold, StratifiedKFold

        state = seed.integer("folds") % 2**32
        label = self.view.values("train")[self.rows]
        splitter = (KFold if self.classes is None else StratifiedKFold)(count, shuffle=True, random_state=state)
        return [(self.rows[train], self.rows[test]) for train, test in splitter.split(self.rows, label)]


def _one_fold(
    table: Table,
    task: _Task,
    train: np.ndarray,
    test: np.ndarray,
    generate: Generate,
    seed: SeedTree,
    left_out: dict[str, str],
) -> dict[str, dict[str, float]]:
    """The scores of every strategy on one test part, by what is measured."""
    name = task.view.name
    made = generate(table.take(train), seed.child("generate"))
    found: dict[str, dict[str, float]] = {}

    def judge(strategy: str, data: np.ndarray, answer: np.ndarray, compared: Comparison, **settings: Any) -> None:
        found[strategy] = _score(task, data, answer, compared, test, seed, settings)

    plain = Comparison.of(table, None, table)
    view = next(view for view in plain.views if view.name == name)
    data, answer = plain.features("train", train, name), view.values("train", train)
    judge(REAL, data, answer, plain)
    again = seed.generator("again").integers(0, len(train), len(train))
    judge(BOOTSTRAP, np.vstack([data, data[again]]), np.concatenate([answer, answer[again]]), plain)
    if task.classes is not None:
        judge(WEIGHTS, data, answer, plain, class_weight="balanced")
        try:
            more, answers = _smote(data, answer, plain.categorical_features(name), seed.integer("smote"))
        except NotComputable as reason:
            left_out[SMOTE] = str(reason)
        else:
            judge(SMOTE, more, answers, plain)
    for strategy, synthetic in made.items():
        compared = Comparison.of(table, None, synthetic)
        view = next(view for view in compared.views if view.name == name)
        rows = np.flatnonzero(~view.missing("synthetic"))
        labels = view.values("synthetic", rows)
        if task.classes is not None:
            kept = np.isin(labels, [_code(view, task.view, code) for code in task.classes])
            rows, labels = rows[kept], labels[kept]
        both = np.vstack([compared.features("train", train, name), compared.features("synthetic", rows, name)])
        judge(strategy, both, np.concatenate([view.values("train", train), labels]), compared)
    return found


def _code(view: View, other: View, code: int) -> int:
    """The code in one view of a category that has ``code`` in another view of the same column."""
    return (view.categories or ()).index((other.categories or ())[code])


def _score(
    task: _Task,
    data: np.ndarray,
    answer: np.ndarray,
    compared: Comparison,
    test: np.ndarray,
    seed: SeedTree,
    settings: dict[str, Any],
) -> dict[str, float]:
    """The score over all, and the average precision of each small class; the learner's seed is the same for all."""
    from sklearn.metrics import average_precision_score, r2_score, roc_auc_score

    name = task.view.name
    view = next(view for view in compared.views if view.name == name)
    categories = compared.categorical_features(name)
    features, truth = compared.features("train", test, name), view.values("train", test)
    if task.classes is None:
        model = fit_regressor(data, answer, categories, seed.integer("learner"))
        return {"overall": float(r2_score(truth, model.predict(features)))}
    classifier = fit_classifier(data, answer, categories, seed.integer("learner"), max_iter=100, **settings)
    chances = classifier.predict_proba(features)
    at = {int(code): position for position, code in enumerate(classifier.classes_)}
    areas: dict[int, float] = {}
    precisions: dict[str, float] = {}
    for code in task.classes:
        here = _code(view, task.view, int(code))
        guess = chances[:, at[here]] if here in at else np.zeros(len(test))
        if 0 < (truth == here).sum() < len(test):
            areas[int(code)] = float(roc_auc_score(truth == here, guess))
            if int(code) in task.small:
                label = f"class “{(task.view.categories or ())[int(code)]}” (average precision)"
                precisions[label] = float(average_precision_score(truth == here, guess))
    return {"overall": float(np.mean(list(areas.values())))} | precisions


def _smote(data: np.ndarray, answer: np.ndarray, categorical: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows with the smaller classes filled up by SMOTE; nulls are replaced by medians first, as it knows none.

    Raises:
        NotComputable: imbalanced-learn is not installed, or a class is too small for neighbours.
    """
    try:
        from imblearn import over_sampling
    except ImportError:
        raise NotComputable("imbalanced-learn is not installed: pip install 'synthdata[augment]'.") from None
    neighbours = min(5, int(np.unique(answer, return_counts=True)[1].min()) - 1)
    if neighbours < 1:
        raise NotComputable("A class has a single training row, and SMOTE needs neighbours.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        filled = np.where(np.isnan(data), np.nan_to_num(np.nanmedian(data, axis=0)), data)
        if categorical.all():
            raise NotComputable("SMOTE needs a number column to interpolate.")
        if categorical.any():
            # A list: imbalanced-learn compares it with a word, which an array of positions answers element by element.
            sampler: Any = over_sampling.SMOTENC(
                np.flatnonzero(categorical).tolist(), random_state=seed % 2**32, k_neighbors=neighbours
            )
        else:
            sampler = over_sampling.SMOTE(random_state=seed % 2**32, k_neighbors=neighbours)
        more, answers = sampler.fit_resample(filled, answer)
    return np.vstack([data, more[len(data) :]]), answers


def _gains(scores: dict[str, list[float]], folds: int) -> list[Gain]:
    """The paired gains over the real rows alone, the best first.

    The variance of the mean gain over ``m`` folds is taken as ``(1/m + 1/(folds-1)) s²``, since training parts overlap.
    """
    real = np.array(scores[REAL])
    gains = []
    for strategy, values in scores.items():
        if strategy == REAL:
            continue
        difference = np.array(values) - real
        m = len(difference)
        half = stats.t.ppf(0.975, m - 1) * np.sqrt((1 / m + 1 / (folds - 1)) * difference.var(ddof=1))
        mean = float(difference.mean())
        gains.append(Gain(strategy, float(np.mean(values)), mean, (mean - float(half), mean + float(half))))
    return sorted(gains, key=lambda gain: -gain.gain)
