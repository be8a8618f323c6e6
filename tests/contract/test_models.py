"""Every built-in model keeps the contract, and what goes in comes out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthdata.errors import InfeasibleError
from synthdata.models.abilities import HasLogProb
from synthdata.models.bayesnet import BayesNet
from synthdata.models.boosted import BoostedTrees
from synthdata.models.gmm import GaussianMixture
from synthdata.models.independent import Independent
from synthdata.models.registry import make_model, model_names
from synthdata.models.trees import Trees
from synthdata.testing import CHECKS, synthesizer_checks


@pytest.mark.parametrize("check", synthesizer_checks(Independent))
def test_independent(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize("check", synthesizer_checks(partial(GaussianMixture, max_components=16)))
def test_gmm(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize("check", synthesizer_checks(Trees))
def test_trees(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize("check", synthesizer_checks(partial(BoostedTrees, rounds=20)))
def test_boosted(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize("check", synthesizer_checks(BayesNet))
def test_bayesnet(check: Callable[[], None]) -> None:
    check()


def leaky(**parameters: int) -> GaussianMixture:
    """A model that is told to store whatever occurs once."""
    return GaussianMixture(max_components=4, rare_threshold=1, **parameters)


@pytest.mark.parametrize(
    "name", ["rare_values_stay_out_of_files", "rare_values_stay_out_of_samples", "rows_are_not_in_files"]
)
def test_the_safety_checks_can_fail(name: str) -> None:
    with pytest.raises(AssertionError):
        CHECKS[name](leaky)


def test_an_expected_failure_must_name_a_check() -> None:
    with pytest.raises(ValueError, match="Did you mean 'impute'"):
        synthesizer_checks(Independent, expected_failures={"imputes": "no"})


COLUMNS: dict[str, Callable[[np.random.Generator, int], tuple[object, str]]] = {
    "int8": lambda g, n: (g.integers(-5, 5, n).astype("int8"), "numerical"),
    "int64": lambda g, n: (g.integers(-(10**6), 10**6, n), "numerical"),
    "uint64": lambda g, n: (g.integers(0, 2**64 - 1, n, dtype="uint64"), "numerical"),
    "Int16": lambda g, n: (
        pd.array(np.where(g.random(n) < 0.2, None, g.integers(0, 99, n)), dtype="Int16"),
        "numerical",
    ),
    "hours": lambda g, n: (np.where(g.random(n) < 0.5, 40, g.normal(40, 12, n).round()), "numerical"),
    "float32": lambda g, n: (g.normal(size=n).astype("float32"), "numerical"),
    "float64": lambda g, n: (np.where(g.random(n) < 0.3, np.nan, g.normal(size=n) * 1e-5), "numerical"),
    "cents": lambda g, n: (np.round(g.lognormal(3, 2, n), 2), "numerical"),
    "bool": lambda g, n: (g.random(n) < 0.5, "boolean"),
    "boolean": lambda g, n: (pd.array(g.choice([True, False, None], n), dtype="boolean"), "boolean"),
    "object": lambda g, n: (pd.Series(g.choice(["a", "b", None], n), dtype=object), "categorical"),
    "string": lambda g, n: (pd.array(g.choice(["a", "b"], n), dtype="string"), "categorical"),
    "category": lambda g, n: (pd.Categorical(g.choice(["x", "y"], n), ["y", "x"], ordered=True), "categorical"),
    "codes": lambda g, n: (g.choice([1.5, 2.0], n), "categorical"),
    "datetime": lambda g, n: (
        pd.Timestamp("2000-01-01") + pd.to_timedelta(g.integers(0, 10**9, n), unit="s"),
        "datetime",
    ),
    "zoned": lambda g, n: (
        pd.to_datetime(g.integers(0, 10**9, n), unit="s", utc=True).tz_convert("Asia/Tokyo"),
        "datetime",
    ),
    "timedelta": lambda g, n: (pd.to_timedelta(g.integers(0, 10**6, n), unit="ms"), "timedelta"),
}


#: what makes slow families quick; what goes in must come out however little was learnt
QUICK: dict[str, dict[str, int]] = {
    "autoregressive": {"epochs": 1},
    "boosted": {"rounds": 5},
    "diffusion": {"epochs": 1, "width": 32, "sampling_steps": 4},
    "flow": {"epochs": 1, "width": 32},
    "tvae": {"epochs": 1, "width": 32},
    "ctgan": {"epochs": 1, "width": 32},
    "rbm": {"epochs": 1, "hidden": 16, "burn_in": 20},
    "copula": {"passes": 10, "simulated": 2000},
}


# Those of another library and of sequences have contracts of their own.
ROW_BY_ROW = [name for name in model_names() if not name.startswith("sdv:") and name != "hmm"]


@pytest.mark.parametrize("model", ROW_BY_ROW)
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(
    names=st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=4, unique=True),
    n=st.integers(40, 90),
    seed=st.integers(0, 2**32 - 1),
)
def test_what_goes_in_comes_out(model: str, names: list[str], n: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    made = {name: COLUMNS[name](generator, n) for name in names}
    table = pd.DataFrame({name: values for name, (values, _) in made.items()})
    schema = {"columns": [{"name": name, "kind": kind} for name, (_, kind) in made.items()]}
    fitted = make_model(model, **QUICK.get(model, {})).fit(table, schema=schema, seed=seed)
    if isinstance(fitted, HasLogProb):
        assert np.isfinite(fitted.log_prob(table)).all()
    sample = fitted.sample(n, seed=seed)
    assert list(sample.columns) == names
    assert len(sample) == n
    pd.testing.assert_series_equal(sample.dtypes, table.dtypes)
    for name in names:
        if not table[name].isna().any():
            assert sample[name].notna().all(), name
        if made[name][1] in ("numerical", "datetime", "timedelta") and sample[name].notna().any():
            assert sample[name].min() >= table[name].min(), name
            assert sample[name].max() <= table[name].max(), name
        elif made[name][1] != "boolean":
            assert set(sample[name].dropna()) <= set(table[name].dropna()), name


@pytest.mark.parametrize("model", ROW_BY_ROW)
def test_a_number_among_many_can_be_asked_for(model: str) -> None:
    generator = np.random.default_rng(0)
    moments = pd.Timestamp("2020-01-01") + pd.to_timedelta(generator.integers(0, 10**8, 300), unit="s")
    table = pd.DataFrame(
        {
            "fine": generator.lognormal(6, 1, 300).round(7),
            "whole": generator.integers(10**7, 10**9, 300),
            "float": generator.normal(size=300).astype("float32"),
            "moment": moments,
            "day": moments.normalize(),
        }
    )
    fitted = make_model(model, **QUICK.get(model, {})).fit(table, seed=0)
    for name, wanted in fitted.sample(1, seed=0).iloc[0].items():
        if model == "ctgan":
            # Its rows come from noise as they are, and next to none has just this number.
            with pytest.raises(InfeasibleError, match="Ask for a range around a single number"):
                fitted.sample(30, given={"fine": wanted}, seed=0)
            break
        assert (fitted.sample(5, given={name: wanted}, seed=0)[name] == wanted).all(), name


@pytest.mark.parametrize("model", ROW_BY_ROW)
def test_a_table_in_which_nothing_varies_comes_back(model: str) -> None:
    table = pd.DataFrame({"kind": ["owner"] * 60, "number": [3] * 60})
    drawn = make_model(model, **QUICK.get(model, {})).fit(table, seed=0).sample(5, seed=0)
    assert (drawn == ["owner", 3]).all().all()
