"""The Gaussian copula against closed forms: the bivariate normal, orthants, and tables of known correlation."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from synthdata.encoders.base import UNSEEN, AllowedCells, Slot
from synthdata.models.copula import GaussianCopula
from synthdata.models.copulas.gaussian import constrained
from synthdata.models.copulas.latent import Column
from synthdata.models.copulas.matching import Blocks, nearest_correlations
from synthdata.models.independent import Independent
from synthdata.models.mixtures.normal import truncated_mean

CORRELATIONS = np.array([[1.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 1.0]])


def test_points_have_the_exact_normal_density() -> None:
    x = np.random.default_rng(0).normal(size=(50, 3))
    scores, density = constrained(np.linalg.cholesky(CORRELATIONS), x, x, np.full((50, 3), 0.5))
    expected = stats.multivariate_normal(np.zeros(3), CORRELATIONS).logpdf(x)
    np.testing.assert_allclose(density, expected, atol=1e-9)
    np.testing.assert_array_equal(scores, x)


def test_boxes_have_the_probability_that_scipy_finds() -> None:
    low, high = np.array([-0.5, -np.inf, 0.2]), np.array([1.0, 0.3, np.inf])
    places = np.random.default_rng(1).random((40_000, 3))
    wide = np.broadcast_to(low, places.shape), np.broadcast_to(high, places.shape)
    scores, log_weight = constrained(np.linalg.cholesky(CORRELATIONS), *wide, places)
    expected = stats.multivariate_normal(np.zeros(3), CORRELATIONS).cdf(high, lower_limit=low)
    assert np.exp(log_weight).mean() == pytest.approx(expected, rel=0.02)
    assert (scores >= low).all()
    assert (scores <= high).all()


def test_probabilities_of_all_rows_add_up_to_one_and_pairs_are_right() -> None:
    """Three binary columns: with few draws or many, the estimates fill the space, and pairs follow the table."""
    normal = np.random.default_rng(2).multivariate_normal(np.zeros(3), CORRELATIONS, size=6000)
    table = pd.DataFrame(np.where(normal > [0.3, -0.5, 0.0], "yes", "no"), columns=list("abc"))
    every = pd.DataFrame(list(itertools.product(("no", "yes"), repeat=3)), columns=list("abc"))
    for draws in (1, 200):
        model = GaussianCopula(draws=draws).fit(table, seed=0)
        density = np.exp(model.log_prob(every))
        assert density.sum() == pytest.approx(1.0, abs=1e-6)
    counts = table.value_counts(normalize=True)
    np.testing.assert_allclose(density, [counts[tuple(row)] for row in every.to_numpy()], atol=0.012)
    drawn = model.sample(20_000, seed=1).value_counts()
    seen = np.array([drawn.get(tuple(row), 0) for row in every.to_numpy()])
    assert stats.chisquare(seen, density / density.sum() * 20_000).pvalue > 1e-3


@pytest.fixture(scope="module")
def numbers() -> tuple[pd.DataFrame, GaussianCopula]:
    normal = np.random.default_rng(3).multivariate_normal(np.zeros(2), [[1.0, 0.8], [0.8, 1.0]], size=4000)
    table = pd.DataFrame({"x": np.exp(normal[:, 0]), "y": normal[:, 1] * 3 + 10})
    return table, GaussianCopula().fit(table, seed=0)


def test_the_correlation_of_numbers_is_found(numbers) -> None:
    assert numbers[1].correlations_[0, 1] == pytest.approx(0.8, abs=0.02)


def test_what_the_density_gains_over_independent_columns_is_the_normal_copulas(numbers) -> None:
    fresh = np.random.default_rng(4).multivariate_normal(np.zeros(2), [[1.0, 0.8], [0.8, 1.0]], size=4000)
    # In the tails the two models' number lines differ, not their copulas.
    fresh = fresh[(np.abs(fresh) < 2).all(axis=1)]
    table = pd.DataFrame({"x": np.exp(fresh[:, 0]), "y": fresh[:, 1] * 3 + 10})
    joint = stats.multivariate_normal(np.zeros(2), [[1.0, 0.8], [0.8, 1.0]]).logpdf(fresh)
    gained = joint - stats.norm.logpdf(fresh).sum(axis=1)
    alone = Independent().fit(numbers[0], seed=0).log_prob(table)
    assert (numbers[1].log_prob(table) - alone).mean() == pytest.approx(gained.mean(), abs=0.03)


def test_conditions_give_the_normal_conditional(numbers) -> None:
    drawn = numbers[1].sample(3000, given="y>=13", seed=5)
    assert (drawn["y"] >= 13).all()
    # E[z | w > 1] = 0.8 · φ(1) / (1 - Φ(1))
    expected = 0.8 * stats.norm.pdf(1) / stats.norm.sf(1)
    assert np.log(drawn["x"]).mean() == pytest.approx(expected, abs=0.08)


def test_filled_numbers_follow_the_normal_conditional(numbers) -> None:
    holes = pd.DataFrame({"x": np.full(3000, np.nan), "y": np.full(3000, 13.0)})
    filled = np.log(numbers[1].impute(holes, seed=6)["x"])
    assert filled.mean() == pytest.approx(0.8, abs=0.06)
    assert filled.std() == pytest.approx(0.6, abs=0.06)


@pytest.mark.parametrize(
    "slot",
    [
        Slot("a", 4, False, missing_code=3),
        Slot("b", 3, False, ordered=True, positions=np.array([-1.0, 0.0, 1.0])),
        Slot("x", 4, True, ordered=True, missing_code=3, positions=np.array([np.nan, -0.5, 0.7, np.nan])),
    ],
    ids=["category", "ordered", "line with atoms and nulls"],
)
def test_cells_and_scores_fit_each_other(slot: Slot) -> None:
    counts = np.array([50, 30, 10, 10])[: slot.cardinality]
    column = Column.of(slot, counts)
    np.testing.assert_allclose(column.shares(), counts / counts.sum(), atol=1e-6)
    scores = np.random.default_rng(7).normal(size=(20_000, column.width))
    codes, values = column.cells(scores)
    np.testing.assert_allclose(np.bincount(codes) / 20_000, counts / counts.sum(), atol=0.015)
    assert np.isnan(values[codes != 0]).all()
    low, high, _ = column.bounds(codes, values)
    assert ((scores >= low - 1e-9) & (scores <= high + 1e-9)).all()
    if slot.continuous:
        assert stats.kstest(values[codes == 0], "norm").pvalue > 1e-3
        np.testing.assert_allclose(low[codes == 0, -1], scores[codes == 0, -1], atol=1e-6)
    unknown = column.bounds(np.full(2, UNSEEN, np.int32), np.full(2, np.nan))
    assert np.isneginf(unknown[0]).all()
    assert np.isposinf(unknown[1]).all()


def test_choices_cover_a_range_of_the_line_without_its_atoms() -> None:
    slot = Slot("x", 4, True, ordered=True, missing_code=3, positions=np.array([np.nan, -0.5, 0.7, np.nan]))
    # Both atoms are too rare for a score of their own, and divide the line.
    column = Column.of(slot, np.array([940, 30, 20, 10]))
    found = column.choices(AllowedCells(np.array([True, False, False, False]), -1.0, 1.0))
    assert len(found.share) == 3
    assert found.share.sum() == pytest.approx(0.94 * (stats.norm.cdf(1) - stats.norm.cdf(-1)), abs=1e-6)
    for low, high in zip(found.low, found.high, strict=True):
        middle = np.where(np.isposinf(high), low + 0.1, (np.maximum(low, -9) + high) / 2)
        codes, values = column.cells(middle[None])
        assert codes[0] == 0
        assert -1.0 <= values[0] <= 1.0


def test_scores_of_one_column_stay_independent() -> None:
    wild = np.random.default_rng(8).uniform(-1, 1, size=(4, 4))
    found = nearest_correlations(wild + wild.T, Blocks([2, 1, 1], [False, True, True]), np.array([1.0, 0.5, 0.5, 0.1]))
    np.testing.assert_allclose(found[:2, :2], np.eye(2), atol=1e-9)
    np.testing.assert_allclose(np.diag(found), 1.0, atol=1e-9)
    assert np.linalg.eigvalsh(found).min() > 0


def test_correlations_are_left_as_they_are_where_they_are_some_already() -> None:
    found = nearest_correlations(CORRELATIONS.copy(), Blocks([1, 1, 1], [True] * 3), np.array([1.0, 0.5, 0.1]))
    np.testing.assert_allclose(found, CORRELATIONS, atol=1e-3)


def test_means_of_cut_off_normals_are_those_of_scipy() -> None:
    low, high = np.array([-1.0, -np.inf, 0.5, 9.0, 0.3, -np.inf]), np.array([2.0, -1.0, np.inf, 10.0, 0.3, np.inf])
    expected = [stats.truncnorm.mean(a, b) for a, b in zip(low[:4], high[:4], strict=True)]
    np.testing.assert_allclose(truncated_mean(low, high), [*expected, 0.3, 0.0], atol=1e-6)


def test_pairs_of_categories_come_out_as_they_are_in_the_table() -> None:
    """A relation without any order."""
    generator = np.random.default_rng(10)
    joint = np.array([[0.17, 0.05, 0.02], [0.03, 0.03, 0.18], [0.04, 0.22, 0.05], [0.11, 0.03, 0.07]])
    at = generator.choice(12, 10_000, p=joint.ravel())
    table = pd.DataFrame({"a": np.array(list("wxyz"))[at // 3], "b": np.array(list("fgh"))[at % 3]})
    drawn = GaussianCopula(simulated=5_000).fit(table, seed=0).sample(10_000, seed=1)
    real, made = (pd.crosstab(frame["a"], frame["b"], normalize=True) for frame in (table, drawn))
    assert (real - made).abs().to_numpy().sum() / 2 < 0.025


def test_a_number_that_many_rows_share_goes_along_with_what_its_neighbours_do_not() -> None:
    """Nothing bought goes with one kind, and small and large sums with the other: no line of sums has that order."""
    generator = np.random.default_rng(5)
    bought = np.where(generator.random(4000) < 0.5, 0.0, np.round(np.exp(generator.normal(size=4000)) * 100 - 60, 2))
    table = pd.DataFrame({"sum": bought, "kind": np.where(bought == 0, "visitor", "customer")})
    drawn = GaussianCopula().fit(table, seed=0).sample(4000, seed=1)
    assert (table["sum"] < 0).mean() > 0.1
    # Below 0, at 0, and above: with one score for all of them the kinds mix in one of the three.
    for part in (drawn["sum"] < 0, drawn["sum"] > 0):
        assert (drawn["kind"][part] == "customer").mean() > 0.93
    assert (drawn["kind"][drawn["sum"] == 0] == "visitor").mean() > 0.93
