"""The model that chooses: which rule fits which table, and that the choice is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthdata.errors import ModelError, PrivacyError
from synthdata.models import auto
from synthdata.models.auto import Auto, Choice, Facts, choose, facts_of, seconds
from synthdata.models.registry import load, private_model_names
from synthdata.table.table import Table

BIG = Facts(rows=30_000, columns=15, numbers=3)


def changed(**changes: object) -> Facts:
    return Facts(**{**BIG.__dict__, **changes})


def mixed(n: int) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    group = generator.integers(0, 3, n)
    x = np.round(group + generator.normal(size=n), 3)
    return pd.DataFrame({"group": np.array(["a", "b", "c"])[group], "x": x})


@pytest.mark.parametrize(
    ("facts", "family", "said"),
    [
        (BIG, "autoregressive", "mixed types"),
        (changed(numbers=14), "autoregressive", "mostly continuous"),
        (changed(columns=24, numbers=12, target=True), "diffusion", "teach the most about a target"),
        (changed(columns=24, numbers=12, target=True, time_budget=3_600.0), "diffusion", "12 numbers"),
        (changed(columns=24, numbers=12, target=True, time_budget=60.0), "autoregressive", "mixed types"),
        (changed(columns=24, numbers=12), "autoregressive", "mixed types"),
        (changed(columns=24, numbers=9, target=True), "autoregressive", "mixed types"),
        (changed(columns=24, numbers=13, target=True), "autoregressive", "mostly continuous"),
        (changed(rows=19_999, columns=24, numbers=12, target=True), "autoregressive", "mixed types"),
        (changed(torch=False), "boosted", "not installed"),
        (changed(rows=999), "boosted", "few"),
        (changed(rows=455, columns=31, numbers=30), "gmm", "455 rows are few for 30 numbers"),
        (changed(rows=455, columns=31, numbers=30, torch=False), "gmm", "few for 30 numbers"),
        (changed(rows=299, columns=31, numbers=30), "copula", "299 rows are few for 30 numbers"),
        (changed(rows=600, columns=31, numbers=30), "boosted", "few for networks"),
        (changed(rows=200, columns=31, numbers=15), "boosted", "few for networks"),
        (changed(rows=1_000, columns=101, numbers=100), "autoregressive", "faithful"),
        (changed(columns=500), "boosted", "minutes"),
        (changed(levels=100_000), "boosted", "minutes"),
        (changed(columns=500, gpu=True), "autoregressive", "faithful"),
        (changed(time_budget=60.0), "autoregressive", "faithful"),
        (changed(time_budget=2.0), "boosted", "within 2 seconds"),
        (changed(columns=500, time_budget=3_600.0), "autoregressive", "faithful"),
    ],
)
def test_the_first_rule_that_fits_decides_and_says_why(facts: Facts, family: str, said: str) -> None:
    choice = choose(facts)
    assert choice.family == family
    assert said in choice.why


def test_diffusion_takes_fewer_epochs_than_it_would_and_fewer_still_on_very_large_tables() -> None:
    many = {"columns": 24, "numbers": 12, "target": True}
    assert choose(changed(**many)).parameters["epochs"] == 24
    assert choose(changed(rows=400_000, gpu=True, **many)).parameters["epochs"] == 10


def test_a_target_is_drawn_first_where_most_columns_are_continuous() -> None:
    assert choose(changed(numbers=8)).parameters["target_first"] is True
    assert choose(changed(numbers=8)).parameters["width"] == 192
    assert not {"target_first", "width"} & set(choose(changed(numbers=7)).parameters)
    assert seconds(changed(numbers=8)) == pytest.approx(1.5 * seconds(changed(numbers=7)))


def test_the_time_and_the_device_are_handed_on() -> None:
    chosen = choose(changed(rows=15_000, time_budget=60.0, device="cpu"))
    assert chosen.parameters == {"time_budget": 60.0, "device": "cpu"}


def test_large_tables_are_gone_through_less_often_and_what_is_gained_on_the_rows_seen_counts_on_small_ones_too() -> (
    None
):
    for rows in (10_000, 19_999):
        assert set(choose(changed(rows=rows)).parameters) == {"time_budget", "device"}
    assert choose(changed(rows=9_999)).parameters["lean"] == 0.5
    assert "epochs" not in choose(changed(rows=9_999)).parameters
    chosen = choose(changed(rows=20_000)).parameters
    assert (chosen["epochs"], chosen["lean"]) == (30, 0.5)
    assert choose(changed(rows=1_000_000)).parameters["epochs"] == 4
    assert seconds(changed(rows=2_000_000)) == seconds(changed(rows=1_000_000))


def test_numbers_of_many_values_are_told_from_the_rest() -> None:
    facts = facts_of(Table.of(mixed(3_000)), device="cpu")
    assert (facts.rows, facts.columns, facts.numbers, facts.levels, facts.gpu) == (3_000, 2, 1, 3, False)


def test_few_rows_have_numbers_too() -> None:
    facts = facts_of(Table.of(mixed(120)), device="cpu")
    assert (facts.numbers, facts.levels) == (1, 3)


def test_a_small_table_of_numbers_is_modelled_by_groups_and_fills_gaps() -> None:
    numbers = pd.DataFrame(np.random.default_rng(0).normal(size=(100, 6)), columns=list("abcdef"))
    model = Auto(device="cpu").fit(numbers, seed=0)
    assert model.choice_.family == "gmm"
    assert "6 numbers" in model.notes[0]
    assert model.impute(numbers.assign(a=np.nan), seed=0)["a"].notna().all()
    assert np.isfinite(model.log_prob(numbers)).all()


def test_without_torch_the_facts_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto, "find_spec", lambda name: None)
    assert not facts_of(Table.of(mixed(100))).torch


def test_under_privacy_a_family_that_keeps_a_budget_is_chosen_by_the_schema_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert set(auto.PRIVATE) <= set(private_model_names())
    assert choose(changed(rows=0), private=True).family == "aim"
    assert choose(changed(rows=0, columns=200), private=True).family == "mst"
    monkeypatch.setattr(auto, "PRIVATE", {"aim": lambda facts: facts.columns < 10})
    with pytest.raises(PrivacyError, match="keeps a privacy budget"):
        choose(changed(columns=20), private=True)
    monkeypatch.setattr(auto, "facts_of", lambda *table: pytest.fail("the rows were looked at"))
    public = {"columns": [{"name": "group", "public": {"categories": ["a", "b", "c"]}}]}
    public["columns"].append({"name": "x", "public": {"bounds": [-5, 8]}})
    model = Auto().fit(mixed(500), schema=public, privacy=1.0)
    assert model.choice_.family == "aim"
    assert model.ledger_ is not None
    assert model.ledger_["epsilon_spent"] <= 1.0
    assert len(model.sample(20, seed=0)) == 20


def test_the_choice_is_the_first_note_and_is_saved(tmp_path: Path) -> None:
    model = Auto(device="cpu").fit(mixed(300), seed=0)
    assert model.choice_.family == "boosted"
    assert model.notes[0] == "The model 'boosted' was chosen: 300 rows are few for networks."
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert isinstance(again, Auto)
    assert again.notes == model.notes
    pd.testing.assert_frame_equal(again.sample(50, seed=1), model.sample(50, seed=1))
    pd.testing.assert_frame_equal(again.sample(50, seed=1), model.model_.sample(50, seed=1))


@pytest.mark.parametrize("target", [None, "group"])
def test_a_chosen_network_is_fitted_saved_and_draws_under_conditions(
    target: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto, "EPOCHS", 2)
    monkeypatch.setattr(auto, "MANY_NUMBERS", 1)
    monkeypatch.setattr(auto, "MANY_ROWS", 1_000)
    monkeypatch.setattr(auto, "MOST_VISITS", 1_200)
    table = mixed(1_200)
    schema = {"columns": [{"name": target, "role": "target"}] if target else []}
    model = Auto(device="cpu").fit(table, schema=schema, seed=0)
    common = {"time_budget": None, "device": "cpu", "epochs": 1}
    family, settings = ("diffusion", common) if target else ("autoregressive", {**common, "lean": 0.5})
    assert model.choice_ == Choice(family, model.choice_.why, settings)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    pd.testing.assert_frame_equal(
        again.sample(50, given="group=a", seed=1), model.model_.sample(50, given="group=a", seed=1)
    )
    np.testing.assert_allclose(again.log_prob(table), model.model_.log_prob(table))  # type: ignore[attr-defined]
    assert again.impute(table.assign(group=None), seed=0)["group"].notna().all()  # type: ignore[attr-defined]


def test_what_the_chosen_family_cannot_do_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto, "choose", lambda facts: Choice("trees", "a test"))
    model = Auto().fit(mixed(300), seed=0)
    with pytest.raises(ModelError, match=r"'trees'.*no densities"):
        model.log_prob(mixed(10))
    with pytest.raises(ModelError, match=r"'trees'.*fills no nulls"):
        model.impute(mixed(10).assign(x=np.nan))
