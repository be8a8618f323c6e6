"""α-precision, β-recall and authenticity against the definition written out row by row with scikit-learn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import pairwise_distances
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder

from synthdata.random import SeedTree
from synthdata.table.schema import Column, Schema
from synthdata.table.table import Table
from synthdata.validation.base import Comparison, NotComputable
from synthdata.validation.fidelity.coverage import coverage

SCHEMA = Schema(
    columns=(
        Column(name="x", kind="numerical", dtype="float64", nullable=True),
        Column(name="y", kind="numerical", dtype="float64"),
        Column(name="c", kind="categorical", nullable=True),
    )
)


def table(count: int, seed: int, centre: float = 0.0) -> Table:
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame({"x": generator.normal(centre, 1, count), "y": generator.normal(size=count)})
    frame["c"] = np.where(frame["x"] > 0, "up", generator.choice(["up", "down"], count)).astype(object)
    frame.loc[::9, "x"] = np.nan
    frame.loc[::7, "c"] = None
    return Table(frame, SCHEMA)


def by_definition(real: pd.DataFrame, other: pd.DataFrame) -> tuple[float, float, float]:
    numbers, letters = ["x", "y"], ["c"]
    low = real[numbers].min()
    scaler = MinMaxScaler().fit(real[numbers].fillna(low))
    encoder = OneHotEncoder(sparse_output=False).fit(real[letters].fillna("missing"))

    def place(frame: pd.DataFrame) -> np.ndarray:
        return np.hstack(
            [scaler.transform(frame[numbers].fillna(low)), encoder.transform(frame[letters].fillna("missing"))]
        )

    x, y = place(real), place(other)
    own = pairwise_distances(x)
    np.fill_diagonal(own, np.inf)
    between = pairwise_distances(x, y)
    levels = np.linspace(0, 1, 30)
    radii = np.quantile(np.linalg.norm(x - x.mean(0), axis=1), levels)
    partners = between.argmin(axis=1)
    from_centre = np.linalg.norm(y[partners] - y.mean(0), axis=1)
    radii_other = np.quantile(from_centre, levels)
    alpha = sum(
        abs(q - np.mean(np.linalg.norm(y - x.mean(0), axis=1) <= r)) for q, r in zip(levels, radii, strict=True)
    )
    recalled = between.min(axis=1) <= own.min(axis=1)
    beta = sum(abs(q - np.mean(recalled & (from_centre <= r))) for q, r in zip(levels, radii_other, strict=True))
    authentic = np.mean(own.min(axis=1)[between.argmin(axis=0)] < between.min(axis=0))
    return 1 - alpha / levels.sum(), 1 - beta / levels.sum(), float(authentic)


@pytest.mark.parametrize("centre", [0.0, 1.5])
def test_coverage_is_what_the_definition_says(centre: float) -> None:
    train, holdout, synthetic = table(300, 1), table(300, 2), table(300, 3, centre)
    found = coverage(Comparison.of(train, holdout, synthetic), SeedTree(0)).figures
    expected = by_definition(train.frame, synthetic.frame)
    # Neighbours are looked for in single precision, so that one row of 300 may find another that is as near.
    assert [found[name].value for name in found] == pytest.approx(expected, abs=1 / 300 + 1e-6)
    assert [found[name].reference for name in found] == pytest.approx(
        by_definition(train.frame, holdout.frame), abs=1e-5
    )
    low, high = found["alpha_precision"].interval or (1, 0)
    assert low <= expected[0] <= high


def test_a_copy_recalls_everything_and_is_not_authentic() -> None:
    train = table(200, 1)
    found = coverage(Comparison.of(train, None, train), SeedTree(0)).figures
    assert found["authenticity"].value == 0
    assert found["alpha_precision"].value == pytest.approx(1, abs=0.02)
    assert found["authenticity"].target is None
    with pytest.raises(NotComputable, match="At least"):
        coverage(Comparison.of(train.take(slice(0, 5)), None, train), SeedTree(0))
