"""The models that can be fitted with differential privacy: what they learn, and that the ledger pays for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthdata.errors import PrivacyError
from synthdata.models.base import Synthesizer
from synthdata.models.bayesnet import BayesNet
from synthdata.models.mst import MST
from synthdata.models.private_rows import FittedToPrivateRows
from synthdata.models.registry import load, make_model, model_class, private_model_names
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
    assert {"aim", "mst", "independent", "gmm", "copula", "bayesnet"} <= set(private_model_names())
    assert not {"trees", "boosted", "hmm"} & set(private_model_names())


@pytest.fixture(autouse=True)
def quick_private_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Families that learn from a private model's rows get those of a quick one."""
    monkeypatch.setattr(FittedToPrivateRows, "private_stage", MST)


@pytest.mark.parametrize("name", ["aim", "mst", "independent", "gmm", "copula", "bayesnet"])
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


@pytest.mark.parametrize("name", ["aim", "mst", "gmm", "copula", "bayesnet"])
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


@pytest.mark.parametrize(
    ("name", "reason"),
    [("trees", "A leaf holds too few rows"), ("hmm", "Whole sequences decide"), ("boosted", "Hundreds of rounds")],
)
def test_a_family_without_a_private_form_says_why_and_names_those_that_have_one(name: str, reason: str) -> None:
    with pytest.raises(PrivacyError, match=rf"no differentially private form.*{reason}.*aim, mst"):
        model_class(name).require_private_form()


def test_a_family_fitted_to_private_rows_says_so_and_keeps_its_abilities() -> None:
    model = private("bayesnet")
    assert model.ledger_ is not None
    assert "bayesnet was then fitted to" in model.ledger_["method"]
    assert "post-processing" in model.ledger_["method"]
    # All that was paid for was paid by the model that saw the rows.
    assert {charge["stage"] for charge in model.ledger_["charges"]} == {
        charge["stage"]
        for charge in private("mst").ledger_["charges"]  # type: ignore[index]
    }
    assert isinstance(model, BayesNet)
    assert np.isfinite(model.log_prob(people(50))).all()
    assert model.impute(people(50))["weight"].notna().all()
    assert model.edges


def test_dropped_columns_and_rules_are_no_obstacle_to_private_rows() -> None:
    schema = {
        "columns": [{"name": "city", "drop": True}, {"name": "weight", "drop": True}],
        "rules": [{"type": "range", "column": "age", "minimum": 20, "maximum": 80}],
    }
    frame = people(800)[lambda rows: rows["age"].between(20, 80)]
    rows = make_model("gmm").fit(frame, schema=schema, privacy=8.0).sample(300, seed=1)
    assert list(rows.columns) == ["key", "age", "ill"]
    assert rows["age"].between(20, 80).all()


def test_a_model_fitted_again_without_privacy_has_no_ledger() -> None:
    model = make_model("mst").fit(people(200), privacy=3.0)
    assert model.ledger_
    assert model.fit(people(200)).ledger_ is None
