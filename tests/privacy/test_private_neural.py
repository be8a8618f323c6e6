"""The private form of the neural families: what they learn, which steps they take, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from declared_people import SCHEMA

from synthdata.errors import ModelError, PrivacyError
from synthdata.models.autoregressive import Autoregressive
from synthdata.models.base import Synthesizer
from synthdata.models.neural import NeuralSynthesizer
from synthdata.models.registry import load, make_model
from synthdata.privacy.charges import Charge
from synthdata.privacy.dpsgd import STAGE
from synthdata.privacy.ledger import Privacy
from synthdata.testing import CHECKS

SMALL: dict[str, dict[str, Any]] = {
    "autoregressive": {"width": 16, "cell_width": 8},
    "tvae": {"width": 16, "components": 8},
    "ctgan": {"width": 16, "noise": 8},
    "diffusion": {"width": 16, "blocks": 1},
    "flow": {"width": 16},
    "rbm": {"hidden": 16, "chains": 16, "burn_in": 10},
}


def people(n: int = 600) -> pd.DataFrame:
    generator = np.random.default_rng(2)
    age = generator.integers(18, 90, n)
    return pd.DataFrame(
        {"age": age, "city": generator.choice(["Rome", "Oslo", "Bonn"], n), "ill": generator.random(n) < age / 120}
    )


def small(name: str, **changes: Any) -> NeuralSynthesizer:
    model = make_model(name, device="cpu", **{**SMALL[name], "epochs": 2, **changes})
    assert isinstance(model, NeuralSynthesizer)
    return model


def charges(model: Synthesizer, stage: str) -> list[Charge]:
    assert model.ledger_ is not None
    return [Charge(**charge) for charge in model.ledger_["charges"] if charge["stage"] == stage]


@pytest.mark.parametrize("name", SMALL)
def test_as_many_steps_are_taken_as_are_charged(name: str) -> None:
    model = small(name).fit(people(), privacy=Privacy(3.0))
    (charge,) = charges(model, STAGE)
    assert model.history_.steps == charge.steps
    assert charge.rate < 1
    assert model.ledger_ is not None
    assert 2.95 < model.ledger_["epsilon_spent"] <= 3.0
    assert model.ledger_["private"] is True
    assert len(charges(model, "marginal")) == 3


def test_relations_are_learnt_files_load_and_conditions_are_met(tmp_path: Any) -> None:
    model = Autoregressive(width=32, epochs=15, device="cpu").fit(people(4000), privacy=Privacy(20.0))
    rows = model.sample(4000, seed=4)
    old, young = rows[rows["age"] > 70]["ill"].mean(), rows[rows["age"] < 40]["ill"].mean()
    assert old - young > 0.2
    given = model.sample(300, given="age>=80; city=Oslo", seed=1)
    assert (given["age"] >= 80).all()
    assert set(given["city"]) == {"Oslo"}
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.ledger_ == model.ledger_
    assert again.sample(100, seed=2).equals(model.sample(100, seed=2))
    # Probabilities of the whole numbers between the bounds add up to one for each city and state of health.
    assert isinstance(again, Autoregressive)
    everybody = pd.DataFrame(
        [(age, city, ill) for age in range(-200, 300) for city in ("Rome", "Oslo", "Bonn") for ill in (False, True)],
        columns=["age", "city", "ill"],
    )
    low, high = rows["age"].min(), rows["age"].max()
    inside = everybody[everybody["age"].between(low, high)]
    assert np.exp(again.log_prob(inside)).sum() == pytest.approx(1.0, abs=0.02)


def test_a_seed_repeats_the_fit_and_is_called_not_private() -> None:
    first, second = (small("tvae").fit(people(), schema=SCHEMA, privacy=Privacy(1.0, seed=3)) for _ in range(2))
    assert first.sample(50, seed=1).equals(second.sample(50, seed=1))
    assert first.ledger_ is not None
    assert first.ledger_["private"] is False
    other = small("tvae").fit(people(), schema=SCHEMA, privacy=Privacy(1.0), seed=3)
    assert not other.sample(50, seed=1).equals(first.sample(50, seed=1))


def test_batches_follow_from_the_noisy_number_of_rows_unless_they_are_told() -> None:
    model = small("tvae").fit(people(), privacy=Privacy(3.0))
    (charge,) = charges(model, STAGE)
    assert charge.rate == pytest.approx(256 / model.rows_)
    assert charge.steps == round(2 * model.rows_ / 256)
    told = small("tvae", batch_size=100, epochs=1).fit(people(), privacy=Privacy(3.0))
    (charge,) = charges(told, STAGE)
    assert charge.rate == pytest.approx(100 / told.rows_)


def test_a_time_budget_becomes_a_number_of_steps_before_the_first_row_is_seen() -> None:
    model = small("tvae", epochs=100_000, time_budget=1.5).fit(people(), privacy=Privacy(3.0))
    (charge,) = charges(model, STAGE)
    assert 1 <= charge.steps < 100_000
    assert model.history_.steps == charge.steps


def test_a_table_of_one_row_has_a_private_form() -> None:
    rows = small("autoregressive").fit(people(1), schema=SCHEMA, privacy=Privacy(1.0)).sample(20, seed=1)
    assert len(rows) == 20


def test_checkpoints_packs_and_penalties_are_refused(tmp_path: Any) -> None:
    with pytest.raises(ModelError, match="keeps no checkpoint"):
        small("tvae", checkpoint=str(tmp_path / "state")).fit(people(), privacy=1.0)
    for changes in ({"pack": 5}, {"penalty": 1.0}):
        with pytest.raises(PrivacyError, match="each record by itself"):
            small("ctgan", **changes).fit(people(), privacy=1.0)


class Private(Autoregressive):
    """The private form under the contract of all models, with noise that can be repeated."""

    def fit(self, table: Any, *, schema: Any = None, privacy: Any = None, seed: Any = None, **others: Any) -> Any:
        return super().fit(table, schema=schema, privacy=Privacy(20.0, seed=seed or 0), **others)


#: those in which a table's own bounds, categories and number of rows have no say: these are bought, and may be missed
PROMISES = (
    "global_random_state_is_untouched",
    "one_row",
    "rare_values_stay_out_of_files",
    "rare_values_stay_out_of_samples",
    "rows_are_not_in_files",
    "conditions",
    "log_prob_is_finite",
)


@pytest.mark.parametrize("name", PROMISES)
def test_the_contract_of_all_models_is_kept(name: str) -> None:
    CHECKS[name](lambda: Private(epochs=4, width=16, device="cpu"))
