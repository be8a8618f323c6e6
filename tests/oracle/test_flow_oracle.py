"""The flow against brute force on small tables whose distribution is known."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare, kstest, norm

from synthdata.encoders.base import UNSEEN, Encoded
from synthdata.models.flow import Flow

NAMES = ["cloud", "rain", "wet"]
CLOUD, RAIN, WET = 0.4, {0: 0.1, 1: 0.6}, {(0, 0): 0.05, (0, 1): 0.9, (1, 0): 0.1, (1, 1): 0.95}


def truth() -> np.ndarray:
    """The probabilities (8,) of all rows, in the order of `every_row`."""
    out = []
    for cloud, rain, wet in itertools.product((0, 1), repeat=3):
        p = CLOUD if cloud else 1 - CLOUD
        p *= RAIN[cloud] if rain else 1 - RAIN[cloud]
        p *= WET[cloud, rain] if wet else 1 - WET[cloud, rain]
        out.append(p)
    return np.array(out)


def every_row() -> pd.DataFrame:
    return pd.DataFrame(list(itertools.product(("no", "yes"), repeat=3)), columns=NAMES)


@pytest.fixture(scope="module")
def model() -> Flow:
    rows = np.random.default_rng(0).choice(8, size=8_000, p=truth())
    frame = every_row().iloc[rows].reset_index(drop=True)
    return Flow(epochs=15, width=32, dropout=0.0, learning_rate=5e-3, device="cpu").fit(frame, seed=1)


def density(model: Flow) -> np.ndarray:
    return np.exp(model.log_prob(every_row()))


def test_log_prob_sums_to_one(model):
    assert density(model).sum() == pytest.approx(1, abs=1e-6)


def test_the_distribution_is_learnt(model):
    assert np.abs(density(model) - truth()).sum() / 2 < 0.03


def test_samples_follow_log_prob(model):
    drawn = model.sample(20_000, seed=3).value_counts()
    seen = np.array([drawn.get(tuple(row), 0) for row in every_row().to_numpy()])
    assert chisquare(seen, density(model) / density(model).sum() * seen.sum()).pvalue > 1e-3


@pytest.mark.parametrize(
    ("given", "meets"),
    [
        ("wet=yes", lambda row: row[2] == "yes"),
        ("wet=yes; cloud=no", lambda row: row[2] == "yes" and row[0] == "no"),
    ],
    ids=["one", "two"],
)
def test_conditional_samples_follow_bayes_rule(model, given, meets):
    rows = every_row().to_numpy()
    chosen = np.array([meets(row) for row in rows])
    expected = np.where(chosen, density(model), 0)
    expected /= expected.sum()
    drawn = model.sample(10_000, given=given, seed=4).value_counts(normalize=True)
    seen = np.array([drawn.get(tuple(row), 0.0) for row in rows])
    assert seen[~chosen].sum() == 0
    assert np.abs(seen - expected).sum() / 2 < 0.02


def test_gaps_are_filled_by_their_conditional_distribution(model):
    table = pd.DataFrame({"cloud": [None] * 5_000, "rain": ["yes"] * 5_000, "wet": ["yes"] * 5_000})
    share = (model.impute(table, seed=5)["cloud"] == "yes").mean()
    both = density(model).reshape(2, 2, 2)[:, 1, 1]
    assert share == pytest.approx(both[1] / both.sum(), abs=0.03)


def test_the_density_of_incomplete_rows_is_that_of_their_completions(model):
    encoded = model.encoder_.encode(model._rows_of(every_row()), None)
    codes = encoded.codes.copy()
    codes[:, 0] = UNSEEN
    marginal = np.exp(model._log_prob(Encoded(encoded.slots, codes, encoded.values)))
    joint = pd.Series(density(model)).groupby(encoded.codes[:, 1:] @ [1, 2]).transform("sum")
    np.testing.assert_allclose(marginal, joint, rtol=0.35)


@pytest.fixture(scope="module")
def numbers() -> Flow:
    """A mixture of two components, a number that hangs on the first closely, and a spike."""
    generator = np.random.default_rng(0)
    x = np.where(generator.random(6_000) < 0.35, -2.0, 1.0) + 0.4 * generator.normal(size=6_000)
    y = np.where(generator.random(6_000) < 0.3, 0.0, x + 0.2 * generator.normal(size=6_000))
    schema = {"columns": [{"name": name, "kind": "numerical"} for name in ("x", "y")]}
    model = Flow(epochs=20, width=64, dropout=0.0, learning_rate=3e-3, device="cpu")
    return model.fit(pd.DataFrame({"x": x, "y": y}), schema=schema, seed=0)


def mixture(x: np.ndarray) -> np.ndarray:
    return 0.35 * norm.cdf(x, -2, 0.4) + 0.65 * norm.cdf(x, 1, 0.4)


def test_numbers_follow_the_truth(numbers):
    drawn = numbers.sample(6_000, seed=1)
    assert kstest(drawn["x"], mixture).statistic < 0.03
    assert (drawn["y"] == 0).mean() == pytest.approx(0.3, abs=0.02)
    rest = (drawn["y"] - drawn["x"])[drawn["y"] != 0]
    assert np.percentile(np.abs(rest), 68) == pytest.approx(0.2, rel=0.25)


def test_the_density_integrates_to_one(numbers):
    """Over codes and the unit square of values, by the trapezium rule."""
    u = np.linspace(0, 1, 401)
    first, second = (part.ravel() for part in np.meshgrid(u, u, indexing="ij"))
    codes = np.zeros((len(first), 2), dtype=np.int32)
    slots = numbers.encoder_.slots
    both = np.exp(numbers._log_prob(Encoded(slots, codes, np.column_stack([first, second])))).reshape(401, 401)
    spike = np.zeros((401, 2), dtype=np.int32)
    spike[:, 1] = 1
    alone = np.exp(numbers._log_prob(Encoded(slots, spike, np.column_stack([u, np.full(401, np.nan)]))))
    total = np.trapezoid(np.trapezoid(both, u, axis=1), u) + np.trapezoid(alone, u)
    assert total == pytest.approx(1, abs=5e-3)


def test_a_distribution_function_ends_at_one(numbers):
    """Codes and the whole of the number line have probability one to rounding, whatever came before."""
    import torch

    with torch.no_grad():
        vectors = numbers.network_.cells(torch.zeros(500, 2, dtype=torch.long), torch.rand(500, 2))
        p, spline = numbers.network_.column(1, vectors)
        ends = spline.forward(torch.ones(500))[0] - spline.forward(torch.zeros(500))[0]
        total = p[:, 1:].sum(1) + p[:, 0] * ends
    np.testing.assert_allclose(total.numpy(), 1, atol=1e-6)


def test_a_range_moves_the_rest(numbers):
    drawn = numbers.sample(400, given={"y": (0.9, 1.1)}, seed=3)
    assert drawn["y"].between(0.9, 1.1).all()
    assert drawn["x"].mean() == pytest.approx(1.0, abs=0.1)
