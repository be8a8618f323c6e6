"""Diffusion against small tables whose distribution is known."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import chisquare, kstest, multivariate_normal, norm

from synthdata.encoders.base import Slot
from synthdata.models.diffusion import Diffusion
from synthdata.models.networks.diffusion import Denoiser, Shape
from synthdata.models.networks.diffusion_density import log_values
from synthdata.models.networks.diffusion_sampler import draw_values

NAMES = ["key", "lock", "door"]
KEY, LOCK, DOOR = 0.35, {0: 0.2, 1: 0.7}, {(0, 0): 0.1, (0, 1): 0.8, (1, 0): 0.75, (1, 1): 0.95}


def every_row() -> pd.DataFrame:
    return pd.DataFrame(list(itertools.product(("no", "yes"), repeat=3)), columns=NAMES)


def truth() -> np.ndarray:
    """The probabilities (8,) of `every_row`."""
    out = []
    for key, lock, door in itertools.product((0, 1), repeat=3):
        p = KEY if key else 1 - KEY
        p *= LOCK[key] if lock else 1 - LOCK[key]
        p *= DOOR[key, lock] if door else 1 - DOOR[key, lock]
        out.append(p)
    return np.array(out)


def shares(frame: pd.DataFrame) -> np.ndarray:
    """How frequent (8,) each of `every_row` is."""
    counts = frame.value_counts(normalize=True)
    return np.array([counts.get(tuple(row), 0.0) for row in every_row().to_numpy()])


@pytest.fixture(scope="module")
def switches() -> Diffusion:
    # Rows in exact proportion leave no noise of their own in what is learnt.
    frame = every_row().loc[np.repeat(np.arange(8), np.rint(truth() * 8_000).astype(int))]
    settings = {"epochs": 20, "batch_size": 256, "width": 48, "blocks": 1, "learning_rate": 5e-3, "weight_decay": 0.0}
    model = Diffusion(**settings, ordered=0.2, device="cpu")
    return model.fit(frame.reset_index(drop=True), seed=1)


def test_three_binary_columns_pass_a_chi_square_test(switches):
    drawn = shares(switches.sample(2_000, seed=2))
    assert chisquare(drawn * 2_000, truth() * 2_000).pvalue > 1e-3


@pytest.mark.parametrize(
    ("given", "meets"),
    [
        ("door=yes", lambda row: row[2] == "yes"),
        ("door=yes; key=no", lambda row: row[2] == "yes" and row[0] == "no"),
        ("lock=no; door=no", lambda row: row[1] == "no" and row[2] == "no"),
    ],
    ids=["one", "two", "others"],
)
def test_conditional_samples_follow_bayes_rule(switches, given, meets):
    chosen = np.array([meets(row) for row in every_row().to_numpy()])
    expected = np.where(chosen, truth(), 0) / truth()[chosen].sum()
    drawn = shares(switches.sample(3_000, given=given, seed=3))
    assert drawn[~chosen].sum() == 0
    assert np.abs(drawn - expected).sum() / 2 < 0.04


def test_gaps_are_filled_by_their_conditional_distribution(switches):
    table = pd.DataFrame({"key": [None] * 3_000, "lock": ["yes"] * 3_000, "door": ["yes"] * 3_000})
    share = (switches.impute(table, seed=5)["key"] == "yes").mean()
    both = truth().reshape(2, 2, 2)[:, 1, 1]
    assert share == pytest.approx(both[1] / both.sum(), abs=0.08)


def test_log_prob_sums_to_one(switches):
    assert np.exp(switches.log_prob(every_row())).sum() == pytest.approx(1, abs=1e-6)


def test_log_prob_is_near_the_truth(switches):
    assert np.abs(np.exp(switches.log_prob(every_row())) - truth()).sum() / 2 < 0.03


@pytest.fixture(scope="module")
def mixture() -> Diffusion:
    """Two components on a slope, a number that hangs on the first closely, and a spike."""
    generator = np.random.default_rng(0)
    x = np.where(generator.random(4_000) < 0.35, -2.0, 1.0) + 0.4 * generator.normal(size=4_000)
    y = np.where(generator.random(4_000) < 0.3, 0.0, x + 0.2 * generator.normal(size=4_000))
    schema = {"columns": [{"name": name, "kind": "numerical"} for name in ("x", "y")]}
    model = Diffusion(epochs=16, batch_size=256, width=96, blocks=2, learning_rate=3e-3, device="cpu")
    return model.fit(pd.DataFrame({"x": x, "y": y}), schema=schema, seed=0)


def below(x: np.ndarray) -> np.ndarray:
    return 0.35 * norm.cdf(x, -2, 0.4) + 0.65 * norm.cdf(x, 1, 0.4)


def test_numbers_follow_the_truth(mixture):
    drawn = mixture.sample(4_000, seed=1)
    assert kstest(drawn["x"], below).statistic < 0.03
    assert (drawn["y"] == 0).mean() == pytest.approx(0.3, abs=0.025)
    rest = (drawn["y"] - drawn["x"])[drawn["y"] != 0]
    assert np.percentile(np.abs(rest), 68) == pytest.approx(0.2, rel=0.25)
    # Between the components there is next to nothing.
    assert drawn["x"].between(-0.9, -0.2).mean() < 0.02


def test_a_range_and_a_point_move_the_rest(mixture):
    drawn = mixture.sample(400, given={"y": (0.9, 1.1)}, seed=3)
    assert drawn["y"].between(0.9, 1.1).all()
    assert drawn["x"].mean() == pytest.approx(1.0, abs=0.12)
    drawn = mixture.sample(400, given={"x": -2.0}, seed=3)
    assert (drawn["x"] == -2.0).all()
    assert drawn.loc[drawn["y"] != 0, "y"].mean() == pytest.approx(-2.0, abs=0.25)


def test_a_known_number_fills_the_other(mixture):
    generator = np.random.default_rng(4)
    x = np.where(generator.random(500) < 0.35, -2.0, 1.0)
    filled = mixture.impute(pd.DataFrame({"x": x, "y": np.full(500, np.nan)}), seed=2)
    there = filled["y"] != 0
    assert there.mean() == pytest.approx(0.7, abs=0.15)
    assert np.abs(filled.loc[there, "y"] - x[there]).median() < 0.35


class Gaussian(Denoiser):
    """The denoiser of correlated normal numbers, worked out on paper, in the clothes of a network."""

    covariance = torch.tensor([[1.0, 0.9], [0.9, 1.0]])

    def __init__(self) -> None:
        slots = tuple(Slot(name, 1, True, positions=np.array([np.nan])) for name in "xy")
        super().__init__(slots, Shape(2, 1), torch.Generator().manual_seed(0))
        self.values_head.weight.data, self.values_head.bias.data = torch.eye(2), torch.zeros(2)

    def hidden(self, codes, values, state, noise):
        s = torch.exp(noise)[:, None]
        noised = values * torch.sqrt(1 + s * s)
        gain = self.covariance @ torch.linalg.inv(self.covariance + torch.diag_embed((s * s).expand(-1, 2)))
        found = (gain @ noised[..., None])[..., 0]
        return (found - noised / (1 + s * s)) * torch.sqrt(1 + s * s) / s


def test_the_sampler_is_right_where_the_denoiser_is():
    n = 20_000
    empty = torch.zeros(n, 2, dtype=torch.long)
    state = torch.ones(n, 2, dtype=torch.long)
    with torch.no_grad():
        z = draw_values(Gaussian(), empty, torch.zeros(n, 2), state, 28, torch.Generator().manual_seed(0))
    np.testing.assert_allclose(np.cov(z.T.numpy()), Gaussian.covariance.numpy(), atol=0.03)
    assert kstest(z[:, 0].numpy(), norm.cdf).statistic < 0.015
    # The narrow direction, of variance 0.1.
    assert float((z[:, 0] - z[:, 1]).var()) == pytest.approx(0.2, rel=0.05)


def test_the_density_is_right_where_the_denoiser_is():
    points = torch.tensor([[0.0, 0.0], [1.0, 1.2], [-2.0, -1.5], [0.5, -0.5]])
    state = torch.ones(4, 2, dtype=torch.long)
    found = log_values(Gaussian(), torch.zeros(4, 2, dtype=torch.long), points, state, 60)
    expected = multivariate_normal(cov=Gaussian.covariance.numpy()).logpdf(points.numpy())
    np.testing.assert_allclose(found.detach().numpy(), expected, atol=0.1)


def test_a_learnt_density_integrates_to_about_one(mixture):
    """Over the number line of the first column, and what is left when the second is not known."""
    low, high = mixture.sample(1_000, seed=5)["x"].agg(["min", "max"])
    grid = np.linspace(low, high, 161)
    density = np.exp(mixture.log_prob(pd.DataFrame({"x": grid, "y": np.zeros(161)})))
    assert np.trapezoid(density, grid) == pytest.approx(0.3, abs=0.05)
