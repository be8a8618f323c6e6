"""Models of SDV behind our interface: columns, dtypes, seeds and conditions as for every model, and no saving."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import synthdata
from synthdata import pipeline
from synthdata.errors import ModelError
from synthdata.models.registry import describe_models, make_model
from synthdata.testing import CHECKS
from synthdata.testing.tables import MIXED_SCHEMA, mixed

pytest.importorskip("sdv")
pytestmark = pytest.mark.sdv

KEPT = [
    "shape_and_columns", "sample_zero", "seed_is_reproducible", "global_random_state_is_untouched", "parameters",
    "unfitted_is_refused", "no_rows", "every_storage", "category_order", "keys_are_unique", "dropped_columns",
    "only_generated_columns", "infeasible_conditions", "rules",
]  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_gaussian_copula(name: str) -> None:
    CHECKS[name](lambda: make_model("sdv:gaussian_copula"))


@pytest.mark.parametrize("name", ["sdv:ctgan", "sdv:tvae", "sdv:copulagan"])
def test_networks_take_seeds_and_keep_types(name: str) -> None:
    table = mixed(200)
    draws = []
    for seed in (0, 0, 1):
        model = make_model(name, ["epochs=1", "batch_size=50", "device=cpu"]).fit(table, schema=MIXED_SCHEMA, seed=seed)
        draws.append(model.sample(40, seed=3))
    pd.testing.assert_series_equal(draws[0].dtypes, table.dtypes)
    pd.testing.assert_frame_equal(draws[0], draws[1])
    assert not draws[0].equals(draws[2])


def test_a_relation_is_learnt() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=500)
    table = pd.DataFrame({"x": x, "y": x + generator.normal(size=500) / 4})
    drawn = make_model("sdv:gaussian_copula").fit(table, seed=0).sample(500, seed=1)
    assert abs(drawn.corr().loc["x", "y"] - table.corr().loc["x", "y"]) < 0.05


def test_run_keeps_the_table_and_says_why_there_is_no_model(tmp_path: Path) -> None:
    done = synthdata.run(mixed(200), "sdv:gaussian_copula", out=tmp_path / "run", seed=1)
    assert not (tmp_path / "run" / "model").exists()
    assert (tmp_path / "run" / "synthetic.parquet").exists()
    assert any("was not saved" in note for note in done.report.facts["notes"])
    assert json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))["status"] == "done"


def test_saving_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be saved"):
        pipeline.fit("nowhere.csv", "sdv:tvae", save=tmp_path / "model")


def test_errors_of_sdv_hold_no_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    from sdv.single_table import GaussianCopulaSynthesizer

    def broken(*arguments: object, **options: object) -> None:
        raise ValueError("the cell 'secret' is odd")

    monkeypatch.setattr(GaussianCopulaSynthesizer, "fit", broken)
    with pytest.raises(ModelError, match="ValueError") as caught:
        make_model("sdv:gaussian_copula").fit(mixed(50), schema=MIXED_SCHEMA)
    assert "secret" not in str(caught.value)


def test_more_levels_than_fit_into_memory_are_declined_before_sdv_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthdata.models.sdv_adapter.memory_bytes", lambda: 10_000)
    with pytest.raises(ModelError, match="a column of each level: for 300 rows") as caught:
        make_model("sdv:tvae", epochs=1).fit(mixed(300), schema=MIXED_SCHEMA)
    assert "kind 'id'" in str(caught.value)


def test_they_are_listed() -> None:
    described = {model["name"]: model for model in describe_models()}
    about = {"type": "int", "default": "300", "for": "passes over the table."}
    assert described["sdv:ctgan"]["parameters"]["epochs"] == about
    assert "problem" not in described["sdv:copulagan"]
