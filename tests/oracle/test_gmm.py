"""The mixture's densities, conditionals and EM against scikit-learn, enumeration and closed forms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.mixture import GaussianMixture as SklearnMixture

from synthdata.encoders.base import UNSEEN, AllowedCells, Encoded, Slot
from synthdata.models.gmm import GaussianMixture
from synthdata.models.mixtures.draw import draw, draw_given, fill
from synthdata.models.mixtures.fit import Prior, improve, maximise, start
from synthdata.models.mixtures.mixture import Mixture, Moments, Rows, coarser, joint_log_density, log_sum

LINE = {"cardinality": 1, "continuous": True}


def random_mixture(k: int, slots: tuple[Slot, ...], seed: int = 0) -> Mixture:
    generator = np.random.default_rng(seed)
    c = sum(slot.continuous for slot in slots)
    root = generator.normal(size=(k, c, c))
    shares = [generator.dirichlet(np.ones(slot.cardinality), size=k).T for slot in slots]
    covariances = root @ root.transpose(0, 2, 1) + 0.3 * np.eye(c)
    return Mixture(
        slots, generator.dirichlet(np.ones(k)), np.concatenate(shares), generator.normal(size=(k, c)) * 2, covariances
    )


def mixed_slots() -> tuple[Slot, ...]:
    return (
        Slot("a", 3, False),
        Slot("x", 3, True, missing_code=2),
        Slot("b", 4, False),
        Slot("y", 2, True),
        Slot("z", **LINE),
    )


def score(mixture: Mixture, encoded: Encoded) -> np.ndarray:
    return log_sum(joint_log_density(mixture, Rows.of(encoded)))


def test_log_density_equals_scikit_learn_on_complete_numbers() -> None:
    slots = tuple(Slot(name, **LINE) for name in "abcd")
    mixture = random_mixture(6, slots)
    other = SklearnMixture(6, covariance_type="full")
    other.weights_, other.means_, other.covariances_ = mixture.weights, mixture.means, mixture.covariances
    other.precisions_cholesky_ = np.linalg.inv(np.linalg.cholesky(mixture.covariances)).transpose(0, 2, 1)
    x = np.random.default_rng(1).normal(size=(500, 4)) * 4
    ours = score(mixture, Encoded(slots, np.zeros((500, 4), dtype=np.int32), x))
    np.testing.assert_allclose(ours, other.score_samples(x), rtol=1e-9)


def test_statistics_are_the_same_for_few_and_for_many_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    mixture = random_mixture(5, mixed_slots())
    rows = Rows.of(draw(mixture, 700, np.random.default_rng(3)))
    found = []
    for wide in (1, 100):
        monkeypatch.setattr("synthdata.models.mixtures.mixture._WIDE", wide)
        moments = Moments.empty(mixture)
        moments.add(mixture, rows)
        found.append(moments)
    np.testing.assert_allclose(found[0].first, found[1].first, rtol=1e-10)
    np.testing.assert_allclose(found[0].second, found[1].second, rtol=1e-10, atol=1e-10)


def test_log_density_equals_the_sum_over_components_row_by_row() -> None:
    mixture = random_mixture(5, mixed_slots())
    rows = draw(mixture, 200, np.random.default_rng(2))
    ours = score(mixture, rows)
    for i in range(200):
        has = ~np.isnan(rows.values[i, mixture.continuous])
        x = rows.values[i, mixture.continuous][has]
        total = 0.0
        for k in range(5):
            codes = np.prod([mixture.of_codes(j)[rows.codes[i, j], k] for j in range(5)])
            density = stats.multivariate_normal(mixture.means[k][has], mixture.covariances[k][np.ix_(has, has)]).pdf(x)
            total += mixture.weights[k] * codes * density
        assert ours[i] == pytest.approx(np.log(total), abs=1e-9)


def test_an_unseen_cell_is_summed_over() -> None:
    mixture = random_mixture(4, mixed_slots())
    rows = draw(mixture, 50, np.random.default_rng(3))
    for j in (0, 2):
        hidden = rows.codes.copy()
        hidden[:, j] = UNSEEN
        parts = []
        for code in range(mixture.slots[j].cardinality):
            codes = rows.codes.copy()
            codes[:, j] = code
            parts.append(score(mixture, Encoded(rows.slots, codes, rows.values)))
        whole = np.logaddexp.reduce(parts, axis=0)
        np.testing.assert_allclose(score(mixture, Encoded(rows.slots, hidden, rows.values)), whole, rtol=1e-9)


def test_passes_never_lose_likelihood_whatever_is_not_carried() -> None:
    mixture = random_mixture(4, mixed_slots(), seed=5)
    rows = draw(mixture, 2000, np.random.default_rng(4))
    prior = Prior.of(rows)
    prior = Prior(prior.shares, prior.means, prior.variances, codes=0.0, values=1e-9)
    laid = Rows.of(rows)
    guess = np.random.default_rng(5).dirichlet(np.ones(4), size=2000)
    current, history = start(rows, laid, guess, prior), []
    for _ in range(25):
        moments = Moments.empty(current)
        moments.add(current, laid)
        history.append(moments.log_likelihood)
        current = maximise(current, moments, prior)
    assert (np.diff(history) > -1e-3).all()
    assert history[-1] > history[0] + 100


def test_missing_values_are_learnt_as_in_the_closed_form() -> None:
    """Two normal columns, the second missing where the first is large: Anderson (1957) gives the maximum likelihood."""
    generator = np.random.default_rng(6)
    x = generator.normal(1.0, 2.0, 4000)
    y = 0.5 * x + generator.normal(0.0, 1.0, 4000)
    gone = x > 1.5
    slots = (Slot("x", **LINE), Slot("y", 2, True, missing_code=1))
    codes = np.column_stack([np.zeros(4000), gone]).astype(np.int32)
    rows = Encoded(slots, codes, np.column_stack([x, np.where(gone, np.nan, y)]))
    prior = Prior.of(rows)
    prior = Prior(prior.shares, prior.means, prior.variances, codes=0.0, values=1e-9)
    fitted = start(rows, Rows.of(rows), np.ones((4000, 1)), prior)
    for _ in range(400):
        moments = Moments.empty(fitted)
        moments.add(fitted, Rows.of(rows))
        fitted = maximise(fitted, moments, prior)
    slope, intercept = np.polyfit(x[~gone], y[~gone], 1)
    noise = np.var(y[~gone] - slope * x[~gone] - intercept)
    np.testing.assert_allclose(fitted.means[0], [x.mean(), intercept + slope * x.mean()], atol=1e-3)
    expected = [[x.var(), slope * x.var()], [slope * x.var(), noise + slope**2 * x.var()]]
    np.testing.assert_allclose(fitted.covariances[0], expected, atol=5e-3)


def allowed(mixture: Mixture, j: int, codes: list[int], low: float = -np.inf, high: float = np.inf) -> AllowedCells:
    flags = np.zeros(mixture.slots[j].cardinality, dtype=bool)
    flags[codes] = True
    return AllowedCells(flags, low, high)


def same_distribution(a: Encoded, b: Encoded) -> None:
    """Codes by a chi-squared test, values by Kolmogorov and Smirnov's, of two independent sets of rows."""
    for j, slot in enumerate(a.slots):
        table = np.array([np.bincount(e.codes[:, j], minlength=slot.cardinality) for e in (a, b)])
        table = table[:, table.sum(axis=0) > 0]
        if table.shape[1] > 1:
            assert stats.chi2_contingency(table).pvalue > 1e-3, slot.name
        if slot.continuous:
            x, y = (e.values[e.codes[:, j] == 0, j] for e in (a, b))
            if len(x) > 20 and len(y) > 20:
                assert stats.ks_2samp(x, y).pvalue > 1e-3, slot.name


@pytest.mark.parametrize(
    "conditions",
    [
        {0: ([1], -np.inf, np.inf)},
        {0: ([0, 2], -np.inf, np.inf), 2: ([1, 3], -np.inf, np.inf)},
        {1: ([2], -np.inf, np.inf)},
        {1: ([0, 1], -1.0, 2.0)},
        {1: ([0], 0.0, np.inf), 3: ([0, 1], -2.0, 1.0)},
        {1: ([0], -1.0, 1.5), 3: ([0], -1.0, 1.0), 4: ([0], 0.0, 3.0)},
        {4: ([0], 2.0, 2.5), 0: ([1], -np.inf, np.inf)},
    ],
)
def test_conditional_draws_equal_free_draws_that_were_picked(conditions: dict[int, tuple]) -> None:
    mixture = random_mixture(4, mixed_slots(), seed=8)
    given = {j: allowed(mixture, j, *parts) for j, parts in conditions.items()}
    direct = draw_given(mixture, 6000, given, np.random.default_rng(7))
    assert direct is not None
    assert len(direct) > 300
    free = draw(mixture, 400_000, np.random.default_rng(8))
    good = np.ones(len(free), dtype=bool)
    for j, cells in given.items():
        good &= cells.matches(free.codes[:, j], free.values[:, j], mixture.slots[j].continuous)
        assert cells.matches(direct.codes[:, j], direct.values[:, j], mixture.slots[j].continuous).all()
    same_distribution(direct, free.take(np.flatnonzero(good)))


def test_conditioning_on_a_point_equals_the_normal_conditional() -> None:
    slots = (Slot("x", **LINE), Slot("y", **LINE))
    mixture = random_mixture(1, slots, seed=9)
    rows = draw_given(mixture, 20_000, {0: allowed(mixture, 0, [0], 1.3, 1.3)}, np.random.default_rng(10))
    assert rows is not None
    assert (rows.values[:, 0] == 1.3).all()
    mean, covariance = mixture.means[0], mixture.covariances[0]
    centre = mean[1] + covariance[0, 1] / covariance[0, 0] * (1.3 - mean[0])
    spread = np.sqrt(covariance[1, 1] - covariance[0, 1] ** 2 / covariance[0, 0])
    assert stats.kstest(rows.values[:, 1], "norm", (centre, spread)).pvalue > 1e-3


def test_a_range_far_out_is_drawn_from() -> None:
    slots = (Slot("x", **LINE), Slot("y", **LINE))
    mixture = random_mixture(3, slots, seed=11)
    rows = draw_given(mixture, 500, {0: allowed(mixture, 0, [0], 25.0, 26.0)}, np.random.default_rng(12))
    assert rows is not None
    assert len(rows) == 500
    assert rows.values[:, 0].min() >= 25.0
    assert rows.values[:, 0].max() <= 26.0
    assert np.isfinite(rows.values).all()


def test_filled_cells_follow_their_conditional_distribution() -> None:
    mixture = random_mixture(4, mixed_slots(), seed=13)
    free = draw(mixture, 60_000, np.random.default_rng(14))
    free = free.take(np.flatnonzero(free.codes[:, 1] != 2))
    codes, values = free.codes.copy(), free.values.copy()
    for j in (1, 2):
        codes[:, j], values[:, j] = UNSEEN, np.nan
    filled = fill(mixture, Encoded(free.slots, codes, values), np.random.default_rng(15))
    same_distribution(filled, free)
    # Not only each column by itself: x must hang together with y, and with b, as it did.
    pairs = [np.corrcoef(e.number_line()[e.codes[:, 1] == 0][:, [1, 4]].T)[0, 1] for e in (filled, free)]
    assert pairs[0] == pytest.approx(pairs[1], abs=0.03)
    joint = [np.bincount(e.codes[:, 0] * 4 + e.codes[:, 2], minlength=12) for e in (filled, free)]
    assert stats.chi2_contingency(np.array(joint)).pvalue > 1e-3


def test_probabilities_of_all_rows_add_up_to_one() -> None:
    generator = np.random.default_rng(16)
    a = generator.integers(0, 4, 600)
    table = pd.DataFrame(
        {"a": a, "b": np.where(generator.random(600) < 0.7, a // 2, 2), "c": generator.random(600) < 0.3}
    )
    table["b"] = table["b"].astype(float).where(generator.random(600) < 0.9)
    schema = {
        "columns": [
            {"name": "a", "kind": "numerical"},
            {"name": "b", "kind": "categorical"},
            {"name": "c", "kind": "boolean"},
        ]
    }
    model = GaussianMixture(max_components=4).fit(table, schema=schema, seed=0)
    every = pd.MultiIndex.from_product([range(4), [0.0, 1.0, 2.0, np.nan], [False, True]], names=list("abc"))
    assert np.exp(model.log_prob(every.to_frame(index=False))).sum() == pytest.approx(1.0, abs=1e-9)


def test_the_density_of_numbers_integrates_to_one() -> None:
    generator = np.random.default_rng(17)
    x = np.where(generator.random(3000) < 0.3, 0.0, generator.gamma(2.0, 3.0, 3000) + generator.normal(0, 0.01, 3000))
    schema = {"columns": [{"name": "x", "kind": "numerical", "decimals": None}]}
    model = GaussianMixture(max_components=8).fit(pd.DataFrame({"x": x}), schema=schema, seed=0)
    grid = np.linspace(-15.0, 80.0, 400_001)
    grid = grid[np.abs(grid) > 1e-9]
    density = np.exp(model.log_prob(pd.DataFrame({"x": grid})))
    spike = np.exp(model.log_prob(pd.DataFrame({"x": [0.0]})))[0]
    assert spike == pytest.approx((x == 0).mean(), abs=1e-3)
    assert np.trapezoid(density, grid) + spike == pytest.approx(1.0, abs=2e-3)


def test_improvement_ends_where_scikit_learn_ends() -> None:
    generator = np.random.default_rng(18)
    x = np.concatenate([generator.normal([0, 0], 1, (600, 2)), generator.normal([6, 2], [1, 2], (400, 2))])
    slots = (Slot("x", **LINE), Slot("y", **LINE))
    rows = Encoded(slots, np.zeros((1000, 2), dtype=np.int32), x)
    prior = Prior.of(rows)
    prior = Prior(prior.shares, prior.means, prior.variances, codes=0.0, values=1e-9)
    guess = np.eye(2)[(x[:, 0] > 3).astype(int)]
    ours, _ = improve(start(rows, Rows.of(rows), guess, prior), [Rows.of(rows)], prior, 1, 200)
    theirs = SklearnMixture(2, means_init=[[0, 0], [6, 2]], tol=1e-9, max_iter=500, reg_covar=1e-9).fit(x)
    assert score(ours, rows).sum() == pytest.approx(theirs.score_samples(x).sum(), abs=0.5)


def test_rarer_patterns_lose_values_but_gain_none() -> None:
    generator = np.random.default_rng(19)
    has = generator.random((2000, 6)) < [0.9, 0.8, 0.9, 0.2, 0.95, 0.9]
    fewer = coarser(has, 10)
    assert len(np.unique(fewer, axis=0)) <= 11
    assert not (fewer & ~has).any()
    assert fewer.sum() > 0.8 * has.sum()
    assert (coarser(has, 1000) == has).all()
