"""Train on synthetic, test on real: which target, which task, and figures that mean what they say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score, roc_auc_score

from synthdata.errors import SchemaError
from synthdata.random import SeedTree
from synthdata.table.schema import Column, Schema
from synthdata.table.table import Table
from synthdata.validation.base import Comparison, NotComputable
from synthdata.validation.utility.tstr import aucs, choose_target, tstr

SEED = SeedTree(0)


@pytest.fixture
def compared(mixed: Callable[[int, int], Table]) -> Comparison:
    return Comparison.of(mixed(800, 1), mixed(300, 2), mixed(800, 3))


def test_fresh_rows_are_as_useful_as_real_ones(compared: Comparison) -> None:
    useful = tstr(compared, SEED)
    assert useful.details["target"] == "grade"
    assert "last column with 2 to 20 classes" in useful.details["reason"]
    assert (useful.figure.value or 0) > 0.85
    assert useful.details["baseline"] == 0.5
    low, high = useful.details["difference_interval"]
    assert low <= 0 <= high


def test_a_table_without_relations_is_useless(mixed: Callable[[int, int], Table]) -> None:
    generator = np.random.default_rng(0)
    frame = mixed(800, 3).frame
    shuffled = pd.DataFrame({name: frame[name].to_numpy()[generator.permutation(800)] for name in frame})
    made = Table(shuffled, mixed(10, 1).schema)
    useful = tstr(Comparison.of(mixed(800, 1), mixed(300, 2), made), SEED)
    assert abs((useful.figure.value or 0) - 0.5) < 0.15
    assert useful.details["difference_interval"][1] < -0.2


def test_a_named_number_makes_a_regression(compared: Comparison) -> None:
    useful = tstr(compared, SEED, "age")
    assert useful.details["task"] == "regression"
    assert useful.details["measure"] == "R2"
    assert useful.details["baseline"] <= 0.01
    assert useful.figure.interval is not None


def test_the_schemas_target_is_taken(compared: Comparison) -> None:
    real = Table(compared.train.frame, compared.schema.with_target("city"))
    chosen = choose_target(Comparison.of(real, compared.holdout, compared.synthetic), None)
    assert (chosen.view.name, chosen.reason) == ("city", "the schema's target")


def test_several_classes_are_averaged(compared: Comparison) -> None:
    useful = tstr(compared, SEED, "city")
    assert "macro" in useful.details["measure"]
    assert 0.3 < (useful.figure.value or 0) < 0.7  # the city depends on nothing


def test_a_mistyped_target_is_suggested(compared: Comparison) -> None:
    with pytest.raises(SchemaError, match="Did you mean 'grade'"):
        tstr(compared, SEED, "garde")


def test_what_cannot_be_computed_says_why(mixed: Callable[[int, int], Table], compared: Comparison) -> None:
    with pytest.raises(NotComputable, match="no holdout"):
        tstr(Comparison.of(mixed(100, 1), None, mixed(100, 2)), SEED)
    with pytest.raises(NotComputable, match="not judged: a key"):
        tstr(compared, SEED, "patient")
    schema = Schema(columns=(Column(name="x", kind="numerical", dtype="float64"), Column(name="y", kind="categorical")))
    tables = [Table(pd.DataFrame({"x": np.arange(50.0), "y": ["a"] * 50}), schema) for _ in range(3)]
    with pytest.raises(NotComputable, match="fewer than two classes"):
        tstr(Comparison.of(*tables), SEED, "y")
    assert tstr(Comparison.of(*tables), SEED).details["target"] == "x"


def test_a_synthetic_table_with_one_class_scores_a_coin_toss(compared: Comparison) -> None:
    made = Table(compared.synthetic.frame.assign(grade="low"), compared.schema)
    assert tstr(Comparison.of(compared.train, compared.holdout, made), SEED).figure.value == 0.5


def test_weighted_aucs_are_scikit_learns() -> None:
    generator = np.random.default_rng(0)
    label, guess = generator.random(200) < 0.3, np.round(generator.normal(size=200), 1)
    weights = generator.integers(0, 3, (5, 200)).astype(np.float32)
    auc, samples = aucs(label, guess, weights)
    assert auc == pytest.approx(roc_auc_score(label, guess))
    assert samples == pytest.approx([roc_auc_score(label, guess, sample_weight=w) for w in weights], abs=1e-6)


def test_r2_is_scikit_learns(mixed: Callable[[int, int], Table], monkeypatch: pytest.MonkeyPatch) -> None:
    truth: list[np.ndarray] = []

    class Constant:
        def predict(self, data: np.ndarray) -> np.ndarray:
            truth.append(data)
            return np.full(len(data), 0.5)

    monkeypatch.setattr("synthdata.validation.utility.tstr.fit_regressor", lambda *_: Constant())
    compared = Comparison.of(mixed(300, 1), mixed(100, 2), mixed(300, 3))
    value = tstr(compared, SEED, "age").figure.value
    real = compared.train.frame["age"]
    guess = np.full(100, real.mean() + 0.5 * real.std(ddof=0))
    assert value == pytest.approx(r2_score(compared.holdout.frame["age"], guess), abs=1e-6)  # type: ignore[union-attr]
