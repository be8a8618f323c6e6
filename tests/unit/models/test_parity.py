"""Parity: equal rates in every group, the whole and the groups' sizes as they were, and a cost that is told truly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import synthdata
from synthdata.errors import ModelError, SchemaError
from synthdata.models.parity import Parity, sample_with_parity


def people(n: int = 3000) -> pd.DataFrame:
    """People of two sexes and two places, with a key; the sexes are promoted at .6 and .2."""
    generator = np.random.default_rng(0)
    sex = generator.choice(["f", "m"], n, p=[0.4, 0.6])
    place = generator.choice(["north", "south"], n)
    promoted = generator.random(n) < np.where(sex == "m", 0.6, 0.2)
    years = generator.integers(0, 20, n) + 10 * promoted
    return pd.DataFrame(
        {"key": np.arange(n) + 1000, "sex": sex, "place": place, "years": years, "promoted": promoted.astype(bool)}
    )


@pytest.fixture(scope="module")
def model() -> synthdata.Synthesizer:
    return synthdata.make_model("bayesnet").fit(people(), schema={"columns": [{"name": "key", "role": "key"}]}, seed=1)


@pytest.fixture(scope="module")
def drawn(model: synthdata.Synthesizer) -> Parity:
    return sample_with_parity(model, 2000, ["sex"], target="promoted", seed=2)


def test_groups_have_the_outcome_equally_often_and_the_whole_stays(drawn: Parity, model: synthdata.Synthesizer) -> None:
    rates = drawn.rows.groupby("sex")["promoted"].mean()
    assert abs(rates["f"] - rates["m"]) < 0.005
    plain = [model.sample(2000, seed=seed)["promoted"].mean() for seed in range(4)]
    assert abs(drawn.rows["promoted"].mean() - np.mean(plain)) < 0.04
    assert drawn.widest_gap(after=False) > 0.3
    assert drawn.widest_gap(after=True) < 0.005


def test_the_cost_is_the_distance_from_what_the_model_learnt(drawn: Parity) -> None:
    whole = drawn.rows["promoted"].mean()
    distance = sum(group.rows * abs(group.before[True] - whole) for group in drawn.groups) / len(drawn.rows)
    assert drawn.cost == pytest.approx(distance, abs=0.002)
    assert sum(group.rows for group in drawn.groups) == len(drawn.rows) == 2000
    sizes = drawn.rows["sex"].value_counts()
    assert {group.values[0]: group.rows for group in drawn.groups} == sizes.to_dict()


def test_rows_are_whole(drawn: Parity, model: synthdata.Synthesizer) -> None:
    assert drawn.rows.dtypes.to_dict() == model.sample(5, seed=0).dtypes.to_dict()
    assert drawn.rows["key"].is_unique
    # What goes with the outcome still does: rows were drawn under it, not relabelled.
    assert drawn.rows.groupby("promoted")["years"].mean().diff().iloc[-1] > 7


def test_combinations_and_small_groups(model: synthdata.Synthesizer) -> None:
    done = sample_with_parity(model, 60, ["sex", "place"], target="promoted", seed=3)
    assert len(done.groups) == 4
    small = [group for group in done.groups if group.note]
    assert small
    assert all(group.before == group.after for group in small)


def test_nulls_are_a_group_and_rows_without_an_outcome_are_left() -> None:
    frame = people(2000).drop(columns="key")
    frame["sex"] = frame["sex"].astype(object).mask(np.arange(2000) % 4 == 0, None)
    frame["promoted"] = frame["promoted"].map({True: "yes", False: "no"}).mask(np.arange(2000) % 10 == 0, None)
    fitted = synthdata.make_model("independent").fit(frame, seed=1)
    done = sample_with_parity(fitted, 1000, ["sex"], target="promoted", seed=1)
    assert {group.values for group in done.groups} == {("f",), ("m",), (None,)}
    assert 0.05 < done.rows["promoted"].isna().mean() < 0.15
    assert done.widest_gap(after=True) < 0.01


def test_refusals(model: synthdata.Synthesizer) -> None:
    for names, target, message in (
        (["sx"], "promoted", "Did you mean 'sex'"),
        (["sex"], None, "Name its column with --target"),
        (["sex"], "years", "'years' is numerical"),
        (["promoted"], "promoted", "cannot be a protected column"),
        ([], "promoted", "at least one column"),
    ):
        with pytest.raises(SchemaError, match=message):
            sample_with_parity(model, 10, names, target=target)
    frame = people(100).drop(columns="key")
    frame["seat"] = np.arange(100)
    schema = {"columns": [{"name": "seat", "kind": "numerical"}], "rules": [{"type": "unique", "columns": ["seat"]}]}
    unique = synthdata.make_model("independent").fit(frame, schema=schema, seed=1)
    with pytest.raises(ModelError, match="must differ"):
        sample_with_parity(unique, 10, ["sex"], target="promoted")


def test_the_command_says_what_it_cost(model: synthdata.Synthesizer, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    command = [sys.executable, "-m", "synthdata", "sample", str(tmp_path / "model"), "-n", "300", "--seed", "1"]
    command += ["--parity", "sex", "--target", "promoted", "-o", str(tmp_path / "rows.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    facts = json.loads((tmp_path / "rows.parity.json").read_text(encoding="utf-8"))
    assert f"{facts['changed']} of them" in " ".join(done.stdout.split())
    assert facts["gap"]["after"] < 0.02 < facts["gap"]["before"]
    both = subprocess.run([*command, "--given", "sex=f"], capture_output=True, text=True, check=False)
    assert both.returncode == 2
    assert "cannot be combined" in both.stderr
