"""Checks of conditions and rules, and of what only some models can do: log_prob, impute, latent and the like."""

# Checks are assertions, whoever runs them; pytest is not needed for it.
# ruff: noqa: S101, PT017, PT018
from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from synthdata.errors import InfeasibleError, ModelError, SchemaError
from synthdata.models.abilities import HasLatent, HasLogProb, Imputes, Interpolates, ScoresAnomalies
from synthdata.testing.basics import Factory, fitted
from synthdata.testing.tables import MIXED_SCHEMA, discrete, mixed


def check_conditions(factory: Factory) -> None:
    """Values, sets, ranges and nulls hold for every row drawn under them, alone and together, as text and mapping."""
    model = fitted(factory)
    wanted: list[tuple[Any, Callable[[pd.DataFrame], pd.Series]]] = [
        ("sex=f", lambda s: s["sex"] == "f"),
        ({"grade": {"low", "high"}}, lambda s: s["grade"].isin(["low", "high"])),
        ("age>=30; age<45", lambda s: s["age"].between(30, 44)),
        ({"weight": (65, 80)}, lambda s: s["weight"].between(65, 80)),
        ("weight is null", lambda s: s["weight"].isna()),
        ({"children": None}, lambda s: s["children"].isna()),
        ("amount=0", lambda s: s["amount"] == 0),
        ("amount>0.5", lambda s: s["amount"] > 0.5),
        ("joined>=2021-01-01", lambda s: s["joined"] >= "2021-01-01"),
        ({"member": True, "sex": "m"}, lambda s: s["member"] & (s["sex"] == "m")),
        ("age in {20, 21, 22}; member=false", lambda s: s["age"].isin([20, 21, 22]) & ~s["member"]),
    ]
    for given, holds in wanted:
        sample = model.sample(40, given=given, seed=1)
        assert len(sample) == 40 and holds(sample).all(), given
        assert list(sample.columns) == list(mixed().columns)


def check_conditions_shift_the_rest(factory: Factory) -> None:
    """What is drawn under a condition differs as real rows do, in the other columns too."""
    if factory().name == "independent":
        return
    table = mixed(3000)
    model = factory().fit(table, schema=MIXED_SCHEMA, seed=0)
    means = [model.sample(600, given={"grade": grade}, seed=1)["age"].mean() for grade in ("low", "high")]
    real = [table.loc[table["grade"] == grade, "age"].mean() for grade in ("low", "high")]
    assert abs((means[1] - means[0]) / (real[1] - real[0]) - 1) < 0.3


def check_infeasible_conditions(factory: Factory) -> None:
    """What no row can meet is an error that repeats the condition; an unknown column, one with the nearest name."""
    model = fitted(factory)
    for given in ("age>=200", "sex=robot", "age>40; age<20", "age is null"):
        try:
            model.sample(5, given=given, seed=1)
        except InfeasibleError as error:
            assert given.split(";")[0] in str(error), str(error)
        else:
            raise AssertionError(f"{given} should be infeasible")
    try:
        model.sample(5, given="agee>3")
    except SchemaError as error:
        assert "'age'" in str(error)
    else:
        raise AssertionError("an unknown column was taken")


def check_rules(factory: Factory) -> None:
    """Rules of the schema hold in every row drawn."""
    table = mixed()
    table["left"] = table["joined"] + pd.to_timedelta(np.arange(400) % 50, unit="D")
    rule = {"type": "inequality", "low": "joined", "high": "left"}
    schema = {
        "columns": [*MIXED_SCHEMA["columns"], {"name": "left", "kind": "datetime", "unit": "day"}],
        "rules": [rule],
    }
    sample = factory().fit(table, schema=schema, seed=0).sample(200, seed=1)
    assert len(sample) == 200
    assert (sample["joined"] <= sample["left"]).all()


def check_log_prob_is_finite(factory: Factory) -> None:
    """Real rows, and new ones with unknown categories, nulls and numbers, have a finite log-density; far ones a low."""
    model = fitted(factory)
    if not isinstance(model, HasLogProb):
        return
    assert model.log_prob_kind in ("exact", "bound", "estimate")
    table = mixed(50, seed=3)
    table.loc[0, "sex"] = "unknown"
    table.loc[1, "sex"] = None
    table.loc[2, "age"] = 4000
    table.loc[3, "weight"] = -1e6
    for rows in (mixed(), table):
        found = model.log_prob(rows)
        assert found.shape == (len(rows),)
        assert np.isfinite(found).all()
    assert model.log_prob(table.iloc[:0]).shape == (0,)
    usual, far = (model.log_prob(mixed(50, seed=3).assign(weight=weight)) for weight in (70.0, -1e6))
    assert (far < usual - 2).all(), "a weight of -1,000,000 is hardly less probable than one of 70"


def check_log_prob_adds_up_to_one(factory: Factory) -> None:
    """Over all rows that are possible the probabilities add up to one."""
    table, schema = discrete()
    model = factory().fit(table, schema=schema, seed=0)
    if not isinstance(model, HasLogProb):
        return
    rows = list(itertools.product(["x", "y", "z", None], [0, 1, 2], [False, True]))
    every = pd.DataFrame({name: [row[j] for row in rows] for j, name in enumerate("abc")})
    total = float(np.exp(model.log_prob(every)).sum())
    assert total <= 1 + 1e-6 if model.log_prob_kind == "bound" else abs(total - 1) < 1e-6, total


def check_log_prob_prefers_real_rows(factory: Factory) -> None:
    """Rows whose columns are shuffled apart are less probable than real ones, unless the model ignores relations."""
    model = factory().fit(mixed(2000), schema=MIXED_SCHEMA, seed=0)
    if not isinstance(model, HasLogProb) or model.name == "independent":
        return
    fresh = mixed(1000, seed=5)
    shuffled = fresh.copy()
    for j, name in enumerate(fresh.columns):
        shuffled[name] = fresh[name].sample(frac=1, random_state=j).array
    assert model.log_prob(fresh).mean() > model.log_prob(shuffled).mean()


def check_anomaly_score(factory: Factory) -> None:
    """A row far from all others scores higher than nearly all of them."""
    model = fitted(factory)
    if not isinstance(model, ScoresAnomalies):
        return
    table = mixed()
    table.loc[0, ["age", "amount", "weight"]] = [99, 500.0, 5.0]
    scores = model.anomaly_score(table)
    assert (scores[0] > scores[1:]).mean() > 0.99


def check_impute(factory: Factory) -> None:
    """Every null is filled and everything else left alone; the index and the dtypes stay; the same seed fills alike."""
    model = fitted(factory)
    if not isinstance(model, Imputes):
        return
    table = mixed(100, seed=4)
    table["sex"] = table["sex"].where(np.arange(100) % 5 != 0, None)
    table["grade"] = table["grade"].where(np.arange(100) % 7 != 0)
    table.loc[3, "joined"] = pd.NaT
    table.loc[4, "sex"] = "unknown"
    table.index = pd.Index(np.arange(100) * 3 + 1, name="row")
    filled = model.impute(table, seed=1)
    assert filled.index.equals(table.index)
    pd.testing.assert_series_equal(filled.dtypes, table.dtypes)
    assert not filled.isna().any(axis=None)
    for name in table.columns:
        there = table[name].notna()
        pd.testing.assert_series_equal(filled.loc[there, name], table.loc[there, name])
    pd.testing.assert_frame_equal(filled, model.impute(table, seed=1))
    pd.testing.assert_frame_equal(model.impute(table.iloc[:0], seed=1), table.iloc[:0])


def check_latent(factory: Factory) -> None:
    """Every row has a finite place, with nulls and unknown values too; equal rows have the same, whenever asked."""
    model = fitted(factory)
    if not isinstance(model, HasLatent):
        return
    table = mixed(50, seed=3)
    table.loc[0, "sex"] = "unknown"
    table.loc[1, "age"] = 4000
    places = model.latent(table)
    assert places.ndim == 2 and places.shape[0] == 50
    assert np.isfinite(places).all()
    assert np.allclose(places[10:20], model.latent(table.iloc[10:20]), atol=1e-4)
    assert model.latent(table.iloc[:0]).shape == (0, places.shape[1])


def check_interpolate(factory: Factory) -> None:
    """Between two rows lie as many as asked for, in the table's own storage; the same each time, back as forth."""
    model = fitted(factory)
    if not isinstance(model, Interpolates):
        return
    table = mixed()
    a, b = table.iloc[:4], table.iloc[4:8]
    between = model.interpolate(a, b, steps=6)
    assert len(between) == 24
    pd.testing.assert_series_equal(between.dtypes, table.dtypes)
    pd.testing.assert_frame_equal(between, model.interpolate(a, b, steps=6))
    back = model.interpolate(b, a, steps=6)
    turned = np.arange(24).reshape(4, 6)[:, ::-1].ravel()
    categories = ["sex", "grade", "member", "answer"]
    there, again = between[categories].astype(str), back[categories].iloc[turned].reset_index(drop=True).astype(str)
    # In the middle two codes may be equally likely up to rounding.
    assert (there == again).to_numpy().mean() > 0.95
    for pair, steps in (((a, b), 1), ((a, table), 5)):
        try:
            model.interpolate(*pair, steps=steps)
        except ModelError:
            continue
        raise AssertionError("one step, or tables of different lengths, should be refused")
