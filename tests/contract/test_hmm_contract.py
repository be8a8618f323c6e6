"""The hidden Markov model on tables of sequences: whole ones come out, in steps like the real ones, with new keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import synthdata
from synthdata.errors import InfeasibleError, ModelError, SchemaError
from synthdata.models.hmm import HiddenMarkov
from synthdata.table.table import Table
from synthdata.testing.basics import digest

SCHEMA: dict[str, Any] = {
    "columns": [
        {"name": "visitor", "role": "sequence key", "kind": "id"},
        {"name": "day", "role": "order", "kind": "datetime", "unit": "day"},
        {"name": "sex", "kind": "categorical"},
        {"name": "mood", "kind": "categorical"},
    ]
}


def visits(number: int = 80, seed: int = 0) -> pd.DataFrame:
    """Visitors who come every week, some every other week; their mood lasts, their sex does not change."""
    generator = np.random.default_rng(seed)
    parts = []
    for j in range(number):
        length = int(generator.integers(5, 12))
        changes = generator.random(length) < 0.15
        mood = (np.cumsum(changes) + generator.integers(2)) % 2
        gap = 7 * (1 + int(generator.random() < 0.3))
        begin = pd.Timestamp("2024-01-01") + pd.Timedelta(days=7 * int(generator.integers(4)))
        spent = np.round(generator.normal(10 + 30 * mood, 3), 2)
        part = pd.DataFrame(
            {
                "visitor": f"V{j:05}",
                "day": begin + pd.to_timedelta(np.arange(length) * gap, unit="D"),
                "sex": generator.choice(["f", "m"]),
                "mood": np.array(["low", "high"], dtype=object)[mood],
                "spent": np.where(generator.random(length) < 0.1, np.nan, spent),
                "parcels": pd.array(generator.poisson(1 + 3 * mood), dtype="Int16"),
            }
        )
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    return table.sample(frac=1, random_state=seed).reset_index(drop=True)


@pytest.fixture(scope="module")
def model() -> HiddenMarkov:
    return HiddenMarkov(max_states=6).fit(visits(), schema=SCHEMA, seed=0)


def test_whole_sequences_come_out(model: HiddenMarkov) -> None:
    real = visits()
    drawn = model.sample(600, seed=1)
    pd.testing.assert_series_equal(drawn.dtypes, real.dtypes)
    assert 600 <= len(drawn) < 600 + 12
    assert not set(drawn["visitor"]) & set(real["visitor"])
    sequences = drawn.groupby("visitor", sort=False)
    assert set(sequences.size()) <= set(range(1, 12))
    assert (sequences["day"].diff().dropna().dt.days.isin([7, 14])).all()
    assert drawn["day"].between(real["day"].min(), real["day"].max()).all()
    assert (sequences["sex"].nunique() == 1).all()
    # The rows of a sequence lie together, in order.
    assert (drawn["visitor"] != drawn["visitor"].shift()).sum() == sequences.ngroups
    assert drawn["spent"].isna().mean() == pytest.approx(real["spent"].isna().mean(), abs=0.05)


def test_what_lasts_in_the_real_table_lasts_in_the_drawn_one(model: HiddenMarkov) -> None:
    def stays(table: pd.DataFrame) -> float:
        table = table.sort_values(["visitor", "day"])
        same = table["mood"] == table["mood"].shift()
        return float(same[table["visitor"] == table["visitor"].shift()].mean())

    drawn = model.sample(3_000, seed=2)
    assert stays(drawn) == pytest.approx(stays(visits()), abs=0.07)
    means, real = (table.groupby("mood")["spent"].mean() for table in (drawn, visits()))
    assert (means - real).abs().max() < 5


def test_seeds_sizes_and_files(model: HiddenMarkov, tmp_path: Path) -> None:
    first = model.sample(50, seed=3)
    assert digest(first) == digest(model.sample(50, seed=3)) != digest(model.sample(50, seed=4))
    assert digest(HiddenMarkov(max_states=6).fit(visits(), schema=SCHEMA, seed=0).sample(50, seed=3)) == digest(first)
    pd.testing.assert_series_equal(model.sample(0).dtypes, visits().dtypes)
    model.save(tmp_path / "model")
    loaded = synthdata.load(tmp_path / "model")
    assert digest(loaded.sample(50, seed=3)) == digest(first)
    np.testing.assert_allclose(loaded.log_prob(visits()), model.log_prob(visits()))
    content = (tmp_path / "model" / "manifest.json").read_text(encoding="utf-8")
    assert "V00001" not in content
    with pytest.raises(ModelError, match="-1"):
        model.sample(-1)
    with pytest.raises(ModelError, match="fit"):
        HiddenMarkov().sample(1)


def test_log_prob_of_rows_in_any_order(model: HiddenMarkov) -> None:
    table = visits(30, seed=9)
    found = model.log_prob(table)
    assert found.shape == (len(table),)
    assert np.isfinite(found).all()
    back = table.sample(frac=1, random_state=5)
    np.testing.assert_allclose(model.log_prob(back), found[back.index])
    # A mood that changes at every visit is less probable than one that lasts.
    flipped = table.sort_values(["visitor", "day"]).reset_index(drop=True)
    flipped["mood"] = np.where(np.arange(len(flipped)) % 2, "low", "high").astype(object)
    assert model.log_prob(flipped).sum() < found.sum()
    odd = table.copy()
    odd.loc[0, "mood"] = "unknown"
    odd.loc[1, "spent"] = 1e6
    assert np.isfinite(model.log_prob(odd)).all()
    assert (model.anomaly_score(odd) == -model.log_prob(odd)).all()


def test_conditions_hold_in_whole_sequences(model: HiddenMarkov) -> None:
    drawn = model.sample(100, given="sex=f", seed=1)
    assert len(drawn) >= 100
    assert (drawn["sex"] == "f").all()
    with pytest.raises(InfeasibleError, match="in all their rows"):
        model.sample(100, given={"spent": (10.0, 10.01)}, seed=1)


def test_rules_hold() -> None:
    table = visits()
    table["limit"] = table["parcels"] + 2
    numbers = [{"name": name, "kind": "numerical"} for name in ("parcels", "limit")]
    rule = {"type": "inequality", "low": "parcels", "high": "limit"}
    schema = {"columns": [*SCHEMA["columns"], *numbers], "rules": [rule]}
    drawn = HiddenMarkov(states=3).fit(table, schema=schema, seed=0).sample(200, seed=1)
    assert (drawn["parcels"] <= drawn["limit"]).all()


def test_without_roles_it_says_how_to_name_them() -> None:
    with pytest.raises(SchemaError, match=r"no column has the role 'sequence key'.*\"role\": \"order\".*--schema"):
        HiddenMarkov().fit(visits())
    only = {"columns": SCHEMA["columns"][:1]}
    with pytest.raises(SchemaError, match="no column has the role 'order'"):
        HiddenMarkov().fit(visits(), schema=only)
    wrong = {"columns": [SCHEMA["columns"][0], {"name": "mood", "role": "order"}]}
    with pytest.raises(SchemaError, match="'mood' has the role 'order', but is categorical"):
        HiddenMarkov().fit(visits(), schema=wrong)
    gone = visits()
    gone.loc[3, "day"] = pd.NaT
    with pytest.raises(SchemaError, match="data row 4"):
        HiddenMarkov().fit(gone, schema=SCHEMA)
    with pytest.raises(ModelError, match="3 sequences"):
        HiddenMarkov().fit(visits(3), schema=SCHEMA)


def test_numeric_keys_and_orders_without_a_grid() -> None:
    generator = np.random.default_rng(0)
    table = pd.DataFrame({"store": np.repeat(np.arange(101, 131), 12), "x": generator.normal(size=360)})
    table["time"] = generator.random(360).cumsum()
    schema = {"columns": [{"name": "store", "role": "sequence key"}, {"name": "time", "role": "order"}]}
    drawn = HiddenMarkov(states=2).fit(table, schema=schema, seed=0).sample(100, seed=0)
    assert drawn["store"].dtype == table["store"].dtype
    assert drawn.groupby("store")["time"].is_monotonic_increasing.all()


def test_whole_sequences_are_held_out() -> None:
    table = Table.of(visits(), SCHEMA)
    train, held = table.split(0.2, np.random.default_rng(0))
    assert len(train) + len(held) == len(table)
    assert not set(train.frame["visitor"]) & set(held.frame["visitor"])
    assert 0.15 < len(held) / len(table) < 0.25


def test_the_pipeline_takes_sequences(tmp_path: Path) -> None:
    table = visits()
    table["visitor"] = table["visitor"].str[1:].astype("int64")
    schema = {"columns": [{**SCHEMA["columns"][0], "kind": "categorical"}, *SCHEMA["columns"][1:]]}
    done = synthdata.run(table, HiddenMarkov(states=3), schema=schema, out=tmp_path / "run", seed=1)
    assert len(done.synthetic) >= len(table)
    # Which visitors there are is made up, whatever the key's kind.
    key = next(column for column in done.report.columns() if column.name == "visitor")
    assert not key.judged
    assert "key of a sequence" in key.reason
    detection = done.report.figure("fidelity.detection")
    assert detection
    assert detection.reference
    assert detection.reference > 0.5
