"""The Bayesian network against brute force on three binary columns whose distribution is known."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare

from synthdata.encoders.base import UNSEEN, Encoded
from synthdata.models.bayesnet import BayesNet

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
def table() -> pd.DataFrame:
    cells, shares = zip(*truth().items(), strict=True)
    rows = np.random.default_rng(0).choice(len(cells), size=20_000, p=shares)
    frame = pd.DataFrame(np.array(cells)[rows], columns=["rain", "sprinkler", "wet"])
    return frame.replace({0: "no", 1: "yes"})


@pytest.fixture(scope="module")
def model(table) -> BayesNet:
    return BayesNet(smoothing=0.0).fit(table, seed=1)


def every_row() -> pd.DataFrame:
    return pd.DataFrame(list(itertools.product(("no", "yes"), repeat=3)), columns=["rain", "sprinkler", "wet"])


def test_log_prob_sums_to_one_and_equals_the_frequencies(model, table):
    density = np.exp(model.log_prob(every_row()))
    assert density.sum() == pytest.approx(1, abs=1e-9)
    # Two parents suffice for this graph, so without smoothing the model is the table's own frequencies.
    counts = table.value_counts(normalize=True)
    frequency = [counts[tuple(row)] for row in every_row().to_numpy()]
    np.testing.assert_allclose(density, frequency, atol=1e-6)


@pytest.mark.parametrize("place", [0, 1, 2], ids=["first drawn", "second", "last"])
def test_log_prob_averages_over_what_is_not_known(model, place):
    encoded = model.encoder_.encode(model._rows_of(every_row()), None)
    codes = encoded.codes.copy()
    codes[:, model.order_[place]] = UNSEEN
    marginal = np.exp(model._log_prob(Encoded(encoded.slots, codes, encoded.values)))
    full = pd.Series(np.exp(model._log_prob(encoded)))
    known = np.delete(encoded.codes, model.order_[place], axis=1) @ [1, 2]
    np.testing.assert_allclose(marginal, full.groupby(known).transform("sum"), rtol=1e-6)


def test_samples_follow_the_model(model):
    drawn = model.sample(20_000, seed=3).value_counts()
    rows = every_row()
    seen = np.array([drawn.get(tuple(row), 0) for row in rows.to_numpy()])
    expected = np.exp(model.log_prob(rows)) * 20_000
    assert chisquare(seen, expected).pvalue > 1e-3


def test_conditional_samples_follow_bayes_rule(model):
    drawn = model.sample(20_000, given="wet=yes", seed=4)
    assert (drawn["wet"] == "yes").all()
    rows = every_row()
    density = np.exp(model.log_prob(rows))
    wet = (rows["wet"] == "yes").to_numpy()
    rain = density[wet & (rows["rain"] == "yes").to_numpy()].sum() / density[wet].sum()
    assert (drawn["rain"] == "yes").mean() == pytest.approx(rain, abs=0.015)


def test_imputation_follows_bayes_rule(model):
    holes = pd.DataFrame({"rain": [None] * 8000, "sprinkler": ["no"] * 8000, "wet": ["yes"] * 8000})
    filled = model.impute(holes, seed=5)
    rows = every_row()
    density = np.exp(model.log_prob(rows))
    here = ((rows["wet"] == "yes") & (rows["sprinkler"] == "no")).to_numpy()
    rain = density[here & (rows["rain"] == "yes").to_numpy()].sum() / density[here].sum()
    assert (filled["rain"] == "yes").mean() == pytest.approx(rain, abs=0.02)


def test_the_graph_joins_what_depends(model):
    assert {frozenset(edge) for edge in model.edges} == {
        frozenset(pair) for pair in (("rain", "wet"), ("sprinkler", "wet"), ("rain", "sprinkler"))
    }
