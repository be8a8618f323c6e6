"""The models that can be fitted with differential privacy: what they learn, and that the ledger pays for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthdata.errors import PrivacyError
from synthdata.models.base import Synthesizer
from synthdata.models.registry import load, make_model, private_model_names
from synthdata.privacy.ledger import Privacy

QUICK: dict[str, dict[str, float]] = {"aim": {"rounds": 6, "iterations": 10, "model_size": 1.0}}


def people(n: int = 3000) -> pd.DataFrame:
    generator = np.random.default_rng(2)
    age = generator.integers(18, 90, n)
    return pd.DataFrame(
        {
            "key": [f"P{i:06d}" for i in range(n)],
            "age": age,
            "ill": generator.random(n) < age / 120,
            "city": generator.choice(["Rome", "Oslo"], n, p=[0.8, 0.2]),
            "weight": np.where(generator.random(n) < 0.2, np.nan, np.round(generator.normal(70, 12, n), 1)),
        }
    )


def private(name: str, epsilon: float = 8.0) -> Synthesizer:
    return make_model(name, **QUICK.get(name, {})).fit(people(), privacy=Privacy(epsilon, seed=1))


def test_their_names() -> None:
    assert {"aim", "mst", "independent"} <= set(private_model_names())
    assert "gmm" not in private_model_names()


@pytest.mark.parametrize("name", ["aim", "mst", "independent"])
def test_columns_come_out_as_they_went_in(name: str, tmp_path: Path) -> None:
    model = private(name)
    rows = model.sample(3000, seed=3)
    real = people()
    pd.testing.assert_series_equal(rows.dtypes, real.dtypes)
    assert abs(rows["age"].mean() - real["age"].mean()) < 3
    assert abs((rows["city"] == "Rome").mean() - 0.8) < 0.05
    assert abs(rows["weight"].isna().mean() - 0.2) < 0.05
    assert np.array_equal(rows["weight"].dropna(), rows["weight"].dropna().round(1))
    assert model.ledger_ is not None
    assert 7.5 < model.ledger_["epsilon_spent"] <= 8.0
    assert {charge["stage"] for charge in model.ledger_["charges"]} >= {"row count", "domain", "training", "marginal"}
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.ledger_ == model.ledger_
    assert again.sample(40, seed=5).equals(model.sample(40, seed=5))


@pytest.mark.parametrize("name", ["aim", "mst"])
def test_relations_are_learnt_and_conditions_are_met(name: str) -> None:
    model = private(name)
    rows = model.sample(4000, seed=4)
    old, young = rows[rows["age"] > 70]["ill"].mean(), rows[rows["age"] < 40]["ill"].mean()
    assert old - young > 0.2
    given = model.sample(500, given="age>=80; city=Oslo", seed=1)
    assert (given["age"] >= 80).all()
    assert set(given["city"]) == {"Oslo"}
    assert abs(given["ill"].mean() - 85 / 120) < 0.15


def test_less_budget_is_more_noise() -> None:
    noise = {}
    for epsilon in (0.1, 10.0):
        ledger = private("mst", epsilon).ledger_
        assert ledger is not None
        noise[epsilon] = min(c["sigma"] for c in ledger["charges"] if c["stage"] == "marginal")
    assert noise[0.1] > 20 * noise[10.0]


def test_a_family_without_a_private_form_names_those_that_have_one() -> None:
    with pytest.raises(PrivacyError, match=r"no differentially private form.*aim, mst"):
        make_model("gmm").fit(people(), privacy=1.0)


def test_a_model_fitted_again_without_privacy_has_no_ledger() -> None:
    model = make_model("mst").fit(people(200), privacy=3.0)
    assert model.ledger_
    assert model.fit(people(200)).ledger_ is None
