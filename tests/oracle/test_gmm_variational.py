"""The Dirichlet-process mixture against scikit-learn's variational one, and small tables that BIC must not flatten."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.mixture import BayesianGaussianMixture

from synthdata.encoders.base import Encoded, Slot
from synthdata.errors import ModelError
from synthdata.models.gmm import GaussianMixture
from synthdata.models.mixtures.draw import draw
from synthdata.models.mixtures.fit import Prior
from synthdata.models.mixtures.mixture import Mixture, Moments, Rows, joint_log_density, log_sum
from synthdata.models.mixtures.variational import expected_logarithms, learn_variational, posterior_mean

SLOTS = tuple(Slot(name, 1, True) for name in "xyz")


def three_clouds(n: int, seed: int) -> Encoded:
    generator = np.random.default_rng(seed)
    centres = np.array([[0.0, 0, 0], [5, 1, -2], [-3, 4, 2]])
    x = centres[generator.choice(3, n, p=[0.5, 0.3, 0.2])] + generator.normal(size=(n, 3)) * [1.0, 0.7, 1.2]
    return Encoded(SLOTS, np.zeros((n, 3), dtype=np.int32), x)


def test_it_finds_as_many_components_and_as_good_a_density_as_scikit_learn() -> None:
    rows, fresh = three_clouds(1500, 0), three_clouds(3000, 1)
    prior = Prior.of(rows)
    ours = learn_variational(
        rows,
        max_components=12,
        least=5,
        sample_rows=10_000,
        passes=100,
        generator=np.random.default_rng(0),
        report=lambda *_: None,
    ).mixture
    theirs = BayesianGaussianMixture(
        n_components=3,
        weight_concentration_prior=1.0,
        mean_precision_prior=prior.values,
        mean_prior=prior.means,
        degrees_of_freedom_prior=3,
        covariance_prior=prior.shrink * np.diag(prior.variances),
        max_iter=500,
        tol=1e-6,
        random_state=0,
    ).fit(rows.values)
    assert ours.size == 3
    density = log_sum(joint_log_density(ours, Rows.of(fresh))).mean()
    # Theirs scores by expected logarithms, which are a little below the logarithm of what is expected.
    assert 0 <= density - theirs.score(fresh.values) < 0.02
    np.testing.assert_allclose(ours.weights[:3], np.sort(theirs.weights_)[::-1], atol=0.01)


def test_one_step_equals_scikit_learns_expected_log_densities() -> None:
    """Whatever the responsibilities are, the next pass compares rows with the same expected logarithms."""
    rows = three_clouds(400, 2)
    prior = Prior.of(rows)
    guess = np.random.default_rng(3).dirichlet(np.ones(4), size=400)
    guess = guess[:, np.argsort(-guess.sum(axis=0))]
    flat = Mixture(SLOTS, np.full(4, 0.25), np.ones((3, 4)), np.zeros((4, 3)), np.repeat(np.eye(3)[None], 4, axis=0))
    moments = Moments.empty(flat)
    moments.add(flat, Rows.of(rows), guess)
    theirs = BayesianGaussianMixture(
        n_components=4,
        weight_concentration_prior=1.0,
        mean_precision_prior=prior.values,
        mean_prior=prior.means,
        degrees_of_freedom_prior=3,
        covariance_prior=prior.shrink * np.diag(prior.variances),
        reg_covar=0.0,
    )
    theirs._check_parameters(rows.values)
    theirs._initialize(rows.values, guess)
    ours = joint_log_density(expected_logarithms(SLOTS, moments, prior), Rows.of(rows))
    np.testing.assert_allclose(ours, theirs._estimate_weighted_log_prob(rows.values), atol=1e-4)
    mean = posterior_mean(SLOTS, moments, prior)
    np.testing.assert_allclose(mean.means, theirs.means_, atol=1e-9)
    taken, left = theirs.weight_concentration_
    rate = taken / (taken + left)
    sticks = rate * np.concatenate([[1.0], np.cumprod(1 - rate)[:-1]])
    np.testing.assert_allclose(mean.weights, sticks / sticks.sum(), atol=1e-9)


def test_categories_of_two_groups_are_told_apart() -> None:
    slots = tuple(Slot(name, 3, False) for name in "abcde")
    shares = np.repeat(np.array([[0.9, 0.05], [0.05, 0.05], [0.05, 0.9]])[None], 5, axis=0).reshape(15, 2)
    truth = Mixture(slots, np.array([0.6, 0.4]), shares, np.zeros((2, 0)), np.zeros((2, 0, 0)))
    found = learn_variational(
        draw(truth, 2000, np.random.default_rng(4)),
        max_components=10,
        least=5,
        sample_rows=10_000,
        passes=100,
        generator=np.random.default_rng(5),
        report=lambda *_: None,
    ).mixture
    assert found.size == 2
    np.testing.assert_allclose(found.weights[:2], [0.6, 0.4], atol=0.04)
    np.testing.assert_allclose(found.shares[:, :2], shares, atol=0.05)


def test_the_model_takes_it_by_name_and_refuses_others() -> None:
    generator = np.random.default_rng(6)
    table = pd.DataFrame({"x": generator.normal(size=300), "y": generator.choice(["a", "b"], 300)})
    model = GaussianMixture(components="variational", max_components=8).fit(table, seed=0)
    assert 1 <= model.components_ <= 8
    assert np.isfinite(model.log_prob(table)).all()
    with pytest.raises(ModelError, match="components must be"):
        GaussianMixture(components="dirichlet").fit(table, seed=0)  # type: ignore[arg-type]


def test_a_class_that_numbers_tell_is_kept_in_a_small_wide_table() -> None:
    """Two hundred rows, twenty numbers that depend on each other, and a class that shifts eight of them."""
    generator = np.random.default_rng(7)
    mixing = generator.normal(size=(20, 20)) / 4
    label = generator.random(200) < 0.4
    x = generator.normal(size=(200, 20)) @ mixing + 1.2 * label[:, None] * (np.arange(20) < 8)
    table = pd.DataFrame(x, columns=[f"x{i}" for i in range(20)]).assign(label=np.where(label, "yes", "no"))
    drawn = GaussianMixture().fit(table, seed=0).sample(2000, seed=1)
    yes = drawn["label"] == "yes"
    real = table.loc[label, "x0"].mean() - table.loc[~label, "x0"].mean()
    assert drawn.loc[yes, "x0"].mean() - drawn.loc[~yes, "x0"].mean() == pytest.approx(real, rel=0.35)


def test_columns_keep_their_distribution_whatever_the_components_make_of_it() -> None:
    generator = np.random.default_rng(8)
    x = np.concatenate([generator.normal(0, 1, 1500), generator.gamma(2, 5, 1500)])
    table = pd.DataFrame({"x": x, "y": x + generator.normal(size=3000)})
    drawn = GaussianMixture(max_components=4).fit(table, seed=0).sample(3000, seed=1)
    grid = np.quantile(x, np.linspace(0.02, 0.98, 49))
    below = [(frame["x"].to_numpy()[:, None] <= grid).mean(axis=0) for frame in (table, drawn)]
    assert np.abs(below[0] - below[1]).max() < 0.01
