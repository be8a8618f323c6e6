"""Augmentation: rows that must help help, useless rows do not, and every strategy is tried on the same folds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from synthdata.errors import SchemaError, TableError
from synthdata.random import SeedTree
from synthdata.table.schema import Column, Schema
from synthdata.table.table import Table
from synthdata.validation.utility.augmentation import BOOTSTRAP, REAL, SMOTE, WEIGHTS, _gains, augmentation

SCHEMA = Schema(
    columns=(
        *(Column(name=f"x{i}", kind="numerical", dtype="float64") for i in range(3)),
        Column(name="shop", kind="categorical"),
        Column(name="town", kind="categorical"),
        Column(name="y", kind="categorical", role="target"),
    )
)


def table(count: int, seed: int, noise: float = 0.1) -> Table:
    """Three numbers of which two decide, in a way that takes many rows to learn, a class that a fifth of them have."""
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame({f"x{i}": generator.normal(size=count) for i in range(3)})
    frame["shop"] = generator.choice(list("abc"), count).astype(object)
    frame["town"] = generator.choice(list("de"), count).astype(object)
    score = np.sin(3 * frame["x0"]) * np.sin(3 * frame["x1"]) + noise * generator.normal(size=count)
    frame["y"] = np.where(score > np.quantile(score, 0.81), "yes", "no").astype(object)
    return Table(frame, SCHEMA)


def test_more_rows_of_the_truth_help_and_shuffled_answers_harm() -> None:
    def generate(train: Table, seed: SeedTree) -> Mapping[str, Table]:
        truth = table(2000, 77)
        shuffled = truth.frame.assign(y=seed.generator("x").permutation(truth.frame["y"].to_numpy()))
        return {"the truth": truth, "nonsense": Table(shuffled, SCHEMA)}

    found = augmentation(table(250, 1), generate, SeedTree(0), folds=3, repeats=2)
    gains = {gain.strategy: gain for gain in found.gains["overall"]}
    assert set(gains) == {"the truth", "nonsense", BOOTSTRAP, SMOTE, WEIGHTS}
    assert gains["the truth"].verdict == "helps"
    assert gains["nonsense"].gain < 0
    assert not found.left_out
    assert found.folds == 6
    assert 0.5 < found.real < 1
    small = next(name for name in found.gains if "yes" in name)
    assert {gain.strategy for gain in found.gains[small]} == set(gains)
    assert found.to_json()["gains"]["overall"][0]["verdict"] == "helps"


def test_the_generator_never_sees_the_test_rows() -> None:
    whole = table(120, 1)
    seen: list[set[float]] = []

    def generate(train: Table, seed: SeedTree) -> Mapping[str, Table]:
        seen.append(set(train.frame["x0"]))
        return {"copies": train}

    augmentation(whole, generate, SeedTree(0), folds=3, repeats=1)
    assert [len(part) for part in seen] == [80, 80, 80]
    assert set.union(*seen) == set(whole.frame["x0"])


def test_numbers_can_be_the_target() -> None:
    schema = Schema(columns=SCHEMA.columns[:2])
    frame = table(90, 1).frame[["x0"]].assign(x1=lambda f: f["x0"] * 2)
    found = augmentation(
        Table(frame, schema), lambda train, _: {"same": train}, SeedTree(0), target="x1", folds=3, repeats=1
    )
    assert found.measure == "R2"
    assert {gain.strategy for gain in found.gains["overall"]} == {"same", BOOTSTRAP}


def test_intervals_allow_for_overlapping_training_parts() -> None:
    differences = np.array([0.01, 0.03, 0.02, 0.05, 0.0, 0.01])
    real = np.full(6, 0.7)
    (gain,) = _gains({REAL: list(real), "x": list(real + differences)}, folds=3)
    half = stats.t.ppf(0.975, 5) * np.sqrt((1 / 6 + 1 / 2) * differences.var(ddof=1))
    assert gain.gain == pytest.approx(differences.mean())
    assert gain.interval == pytest.approx((differences.mean() - half, differences.mean() + half))


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(SchemaError, match="Did you mean"):
        augmentation(table(60, 1), lambda train, _: {}, SeedTree(0), target="yy")
    lonely = table(60, 1).frame.assign(y="no")
    with pytest.raises(TableError, match="fewer than two classes"):
        augmentation(Table(lonely, SCHEMA), lambda train, _: {}, SeedTree(0), target="y")
