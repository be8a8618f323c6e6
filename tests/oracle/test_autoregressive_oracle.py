"""The autoregressive networks against brute force on small tables whose distribution is known."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare, kstest, norm

from synthdata.encoders.base import UNSEEN, Encoded
from synthdata.models.autoregressive import Autoregressive

NAMES = ["rain", "sprinkler", "wet"]
# rain → sprinkler, and both → wet
RAIN, SPRINKLER, WET = 0.3, {0: 0.5, 1: 0.1}, {(0, 0): 0.05, (0, 1): 0.8, (1, 0): 0.85, (1, 1): 0.97}


def truth() -> dict[tuple[int, int, int], float]:
    out = {}
    for rain, sprinkler, wet in itertools.product((0, 1), repeat=3):
        p = RAIN if rain else 1 - RAIN
        p *= SPRINKLER[rain] if sprinkler else 1 - SPRINKLER[rain]
        p *= WET[rain, sprinkler] if wet else 1 - WET[rain, sprinkler]
        out[rain, sprinkler, wet] = p
    return out


@pytest.fixture(scope="module")
def model() -> Autoregressive:
    cells, p = zip(*truth().items(), strict=True)
    rows = np.random.default_rng(0).choice(len(cells), size=10_000, p=p)
    frame = pd.DataFrame(np.array(cells)[rows], columns=NAMES).replace({0: "no", 1: "yes"})
    settings = {"epochs": 40, "batch_size": 256, "width": 32, "dropout": 0.0, "learning_rate": 5e-3, "ordered": 0.4}
    return Autoregressive(**settings, device="cpu").fit(frame, seed=1)


def every_row() -> pd.DataFrame:
    return pd.DataFrame(list(itertools.product(("no", "yes"), repeat=3)), columns=NAMES)


def density(model: Autoregressive) -> np.ndarray:
    return np.exp(model.log_prob(every_row()))


def test_log_prob_sums_to_one(model):
    assert density(model).sum() == pytest.approx(1, abs=1e-6)


def test_the_distribution_is_learnt(model):
    assert np.abs(density(model) - np.array(list(truth().values()))).sum() / 2 < 0.02


def test_samples_follow_log_prob(model):
    drawn = model.sample(20_000, seed=3).value_counts()
    seen = np.array([drawn.get(tuple(row), 0) for row in every_row().to_numpy()])
    assert chisquare(seen, density(model) / density(model).sum() * seen.sum()).pvalue > 1e-3


@pytest.mark.parametrize(
    ("given", "meets"),
    [
        ("wet=yes", lambda row: row[2] == "yes"),
        ("wet=yes; rain=no", lambda row: row[2] == "yes" and row[0] == "no"),
    ],
    ids=["one", "two"],
)
def test_conditional_samples_follow_bayes_rule(model, given, meets):
    rows = every_row().to_numpy()
    chosen = np.array([meets(row) for row in rows])
    expected = np.where(chosen, density(model), 0)
    expected /= expected.sum()
    drawn = model.sample(20_000, given=given, seed=4).value_counts(normalize=True)
    seen = np.array([drawn.get(tuple(row), 0.0) for row in rows])
    assert seen[~chosen].sum() == 0
    assert np.abs(seen - expected).sum() / 2 < 0.03


@pytest.mark.parametrize("hidden", range(3), ids=NAMES)
def test_any_order_agrees_with_the_fixed_one(model, hidden):
    """What is predicted without a column is what the joint distribution says without it."""
    encoded = model.encoder_.encode(model._rows_of(every_row()), None)
    codes = encoded.codes.copy()
    codes[:, hidden] = UNSEEN
    marginal = np.exp(model._log_prob(Encoded(encoded.slots, codes, encoded.values)))
    known = np.delete(encoded.codes, hidden, axis=1) @ [1, 2]
    joint = pd.Series(density(model)).groupby(known).transform("sum")
    np.testing.assert_allclose(marginal, joint, atol=0.03)


def test_gaps_are_filled_by_their_conditional_distribution(model):
    table = pd.DataFrame({"rain": [None] * 10_000, "sprinkler": ["yes"] * 10_000, "wet": ["yes"] * 10_000})
    share = (model.impute(table, seed=5)["rain"] == "yes").mean()
    with_both = {rain: p for (rain, sprinkler, wet), p in truth().items() if sprinkler and wet}
    assert share == pytest.approx(with_both[1] / sum(with_both.values()), abs=0.03)


@pytest.fixture(scope="module")
def numbers() -> tuple[Autoregressive, pd.DataFrame]:
    """Two numbers that depend on each other closely, and a spike."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=8_000)
    y = np.where(generator.random(8_000) < 0.3, 0.0, x + 0.1 * generator.normal(size=8_000))
    frame = pd.DataFrame({"x": x, "y": y})
    schema = {"columns": [{"name": name, "kind": "numerical"} for name in ("x", "y")]}
    return Autoregressive(epochs=30, width=64, dropout=0.0, device="cpu").fit(frame, schema=schema, seed=0), frame


def test_a_narrow_dependence_between_numbers_is_found(numbers):
    model, _ = numbers
    drawn = model.sample(8_000, seed=1)
    rest = (drawn["y"] - drawn["x"])[drawn["y"] != 0]
    assert np.percentile(np.abs(rest), 68) == pytest.approx(0.1, rel=0.3)
    assert (drawn["y"] == 0).mean() == pytest.approx(0.3, abs=0.02)
    assert kstest(drawn["x"], norm.cdf).statistic < 0.03


def test_the_density_of_a_number_given_another_integrates_to_one(numbers):
    model, _ = numbers
    low, high = model.sample(2_000, seed=2)["y"].agg(["min", "max"])
    grid = np.linspace(low, high, 20_001)
    grid = grid[grid != 0.0]
    for x in (-1.0, 0.3):
        joint = np.exp(model.log_prob(pd.DataFrame({"x": np.full(len(grid), x), "y": grid})))
        spike = float(np.exp(model.log_prob(pd.DataFrame({"x": [x], "y": [0.0]})))[0])
        encoded = model.encoder_.encode(model._rows_of(pd.DataFrame({"x": [x], "y": [0.0]})), None)
        alone = Encoded(encoded.slots, np.array([[0, UNSEEN]], dtype=np.int32), encoded.values)
        alone_density = float(np.exp(model._log_prob(alone) + model.encoder_.log_jacobian(alone))[0])
        assert (np.trapezoid(joint, grid) + spike) / alone_density == pytest.approx(1, abs=0.02)


def test_a_range_is_kept_and_moves_the_rest(numbers):
    model, _ = numbers
    drawn = model.sample(500, given={"y": (0.9, 1.1)}, seed=3)
    assert drawn["y"].between(0.9, 1.1).all()
    assert drawn["x"].mean() == pytest.approx(1.0, abs=0.1)
