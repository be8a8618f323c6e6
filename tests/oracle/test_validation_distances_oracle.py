"""Distances, information, skills, dependences and marginals against scipy, scikit-learn and pandas."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial import distance
from sklearn import metrics

from synthdata.random import SeedTree
from synthdata.table.schema import Column, Schema
from synthdata.table.table import Table
from synthdata.validation.associations import information_matrix, spearman
from synthdata.validation.base import Comparison
from synthdata.validation.distances import jensen_shannon, mutual_information, wasserstein
from synthdata.validation.fidelity.dependencies import breaking, held_by
from synthdata.validation.fidelity.likeness import decimals
from synthdata.validation.fidelity.shape import coarse_codes
from synthdata.validation.fidelity.sliced import mean_distance, projections
from synthdata.validation.fidelity.three_way import three_way
from synthdata.validation.utility.learning import Task


def comparison(rows: int = 400) -> Comparison:
    schema = Schema(
        columns=(
            Column(name="x", kind="numerical", dtype="float64", nullable=True),
            Column(name="y", kind="numerical", dtype="float64"),
            Column(name="a", kind="categorical"),
            Column(name="b", kind="categorical", nullable=True),
        )
    )

    def table(count: int, seed: int) -> Table:
        generator = np.random.default_rng(seed)
        x = generator.normal(size=count)
        frame = pd.DataFrame({"x": x, "y": x + generator.normal(size=count)})
        frame["a"] = np.where(frame["y"] > 0, "up", generator.choice(["up", "down", "flat"], count)).astype(object)
        frame["b"] = generator.choice(["p", "q"], count).astype(object)
        frame.loc[generator.random(count) < 0.1, "b"] = None
        return Table(frame, schema)

    return Comparison.of(table(rows, 1), table(rows // 2, 2), table(rows + 37, 3))


@pytest.mark.parametrize("sizes", [(50, 50), (80, 33), (1, 7)])
def test_wasserstein_is_scipys(sizes: tuple[int, int]) -> None:
    generator = np.random.default_rng(5)
    a, b = generator.normal(size=sizes[0]).round(1), generator.exponential(size=sizes[1]).round(1)
    assert wasserstein(a, b) == pytest.approx(stats.wasserstein_distance(a, b), abs=1e-12)
    assert wasserstein(a, b) == pytest.approx(wasserstein(b, a), abs=1e-12)


def test_jensen_shannon_is_scipys() -> None:
    generator = np.random.default_rng(5)
    for _ in range(5):
        p, q = generator.integers(0, 9, 12), generator.integers(0, 9, 12)
        assert jensen_shannon(p, q) == pytest.approx(distance.jensenshannon(p, q, base=2), abs=1e-9)


def test_mutual_information_is_scikit_learns_and_its_correction_removes_the_bias() -> None:
    generator = np.random.default_rng(5)
    a = generator.integers(0, 9, 300)
    b = (a + generator.integers(0, 4, 300)) % 7
    expected = metrics.mutual_info_score(a, b)
    assert mutual_information(a, b, corrected=False) == pytest.approx(expected, abs=1e-9)
    raw, corrected = [], []
    for _ in range(200):
        a, b = generator.integers(0, 5, 400), generator.integers(0, 6, 400)
        raw.append(mutual_information(a, b, corrected=False))
        corrected.append(mutual_information(a, b))
    assert np.mean(raw) == pytest.approx(20 / 800, rel=0.1)
    assert np.mean(corrected) < 0.25 * np.mean(raw)


def test_spearman_is_scipys() -> None:
    compared = comparison()
    matrix = spearman(compared.views, "train")
    x, y = (compared.views[i].values("train") for i in (0, 1))
    assert matrix[0, 1] == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-9)
    assert np.isnan(matrix[0, 2])
    information = information_matrix([coarse_codes(view, ("train",), 10)[0]["train"] for view in compared.views])
    assert np.allclose(information, information.T)
    assert information[0, 1] > 0.4 > 0.2 > information[0, 3]


def test_the_sliced_distance_is_the_mean_of_scipys() -> None:
    compared = comparison()
    rows = {side: np.arange(compared.rows(side)) for side in ("train", "synthetic")}
    seen = projections(compared, rows, np.random.default_rng(3))  # type: ignore[arg-type]
    a, b = seen["train"], seen["synthetic"]
    expected = np.mean([stats.wasserstein_distance(a[:, i], b[:, i]) for i in range(a.shape[1])])
    assert mean_distance(a, b) == pytest.approx(expected, abs=1e-9)


def test_three_way_is_half_the_difference_of_cross_tables() -> None:
    generator = np.random.default_rng(8)
    schema = Schema(columns=tuple(Column(name=name, kind="categorical", nullable=True) for name in "abc"))
    frames = [
        pd.DataFrame({name: generator.choice([*"xyz", None], n, p=p) for name in "abc"}, dtype=object)
        for n, p in ((300, (0.4, 0.3, 0.2, 0.1)), (200, (0.4, 0.3, 0.2, 0.1)), (250, (0.1, 0.3, 0.5, 0.1)))
    ]
    found = three_way(Comparison.of(*(Table(frame, schema) for frame in frames)), SeedTree(0)).figure
    shares = [frame.fillna("none").value_counts(normalize=True) for frame in frames]
    both = [np.abs(shares[0].subtract(shares[i], fill_value=0).to_numpy()).sum() / 2 for i in (1, 2)]
    assert found.reference == pytest.approx(both[0], abs=1e-12)
    assert found.value == pytest.approx(both[1], abs=1e-12)
    assert found.value is not None
    assert found.interval is not None
    assert found.interval[0] < found.value < found.interval[1]


def test_dependences_are_those_of_groupby() -> None:
    generator = np.random.default_rng(2)
    city = generator.integers(0, 12, 1500)
    kind = generator.integers(0, 3, 1500)
    columns = [city, city // 4, kind, (city // 4 + kind) % 3, generator.integers(0, 2, 1500)]
    frame = pd.DataFrame(dict(enumerate(columns)))
    held = {(each.left, each.right) for each in held_by(columns)}
    assert held == {((0,), 1), ((0, 2), 3), ((0, 3), 2), ((1, 2), 3), ((1, 3), 2), ((2, 3), 1)}
    for left, right in held:
        assert (frame.groupby(list(left))[right].nunique() == 1).all()
    codes = [{"train": column, "synthetic": generator.permutation(column)} for column in columns]
    dependency = next(each for each in held_by(columns) if each.left == (0, 2))
    breaks, known = breaking(dependency, codes, "synthetic")  # type: ignore[arg-type]
    expected = frame.groupby([0, 2])[3].agg("first")
    made = list(zip(codes[0]["synthetic"], codes[2]["synthetic"], strict=True))
    assert known.all()
    assert breaks.tolist() == [expected[key] != value for key, value in zip(made, codes[3]["synthetic"], strict=True)]


def test_decimals_are_those_of_the_written_number() -> None:
    values = [0.0, 12.0, 0.5, 0.25, -3.125, 1e6, 99999.99, 0.000001, 1234.5678]
    expected = [max(0, -int(Decimal(repr(value)).normalize().as_tuple().exponent)) for value in values]
    assert decimals(np.array(values)).tolist() == expected


def test_skills_are_scikit_learns() -> None:
    compared = comparison()
    generator = np.random.default_rng(4)
    rows = np.arange(compared.rows("holdout"))
    weights = np.empty((0, len(rows)), np.float32)
    category = Task.of(compared, compared.views[2])
    truth = category.truth("holdout", rows)
    guess = generator.random((len(rows), len(category.positives))).round(2)
    areas = [metrics.roc_auc_score(truth == c, guess[:, i]) for i, c in enumerate(category.positives)]
    assert category.skills(truth, guess, weights)[0] == pytest.approx(2 * np.mean(areas) - 1, abs=1e-9)
    number = Task.of(compared, compared.views[1])
    truth = number.truth("holdout", rows)
    guess = truth + generator.normal(0, 0.1, len(rows))
    assert number.skills(truth, guess[:, None], weights)[0] == pytest.approx(metrics.r2_score(truth, guess), abs=1e-6)
