"""Models by name."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pandas as pd
import pytest

from synthdata.errors import MissingExtraError, ModelError
from synthdata.models import registry
from synthdata.models.gmm import GaussianMixture
from synthdata.models.parameter_docs import parameter_docs
from synthdata.models.registry import (
    describe_model,
    describe_models,
    load,
    make_model,
    model_class,
    model_names,
    private_model_names,
)


def test_every_model_is_described() -> None:
    described = {model["name"]: model for model in describe_models()}
    assert list(described) == model_names()
    assert not [name for name, model in described.items() if "problem" in model]
    abilities = ["log_prob", "anomaly_score", "impute", "native conditions", "differential privacy"]
    assert described["gmm"]["abilities"] == abilities
    assert described["gmm"]["log_prob"] == "exact"
    about = {"type": "int", "default": "256", "for": "the largest number of components tried."}
    assert described["gmm"]["parameters"]["max_components"] == about
    assert all(model["summary"] for model in described.values())
    mute = [
        (name, key)
        for name, model in described.items()
        for key, about in model["parameters"].items()
        if not about["for"].endswith(".")
    ]
    assert not mute


def test_parameters_are_described_by_the_class_and_those_it_builds_on() -> None:
    class Base:
        """What families share.

        Args:
            pace: how fast, in ``steps``
                a second.
            depth: of the base.
        """

    class Family(Base):
        """A family.

        Args:
            depth: its own: two
                lines.

        Raises:
            ValueError: no parameter.
        """

    assert parameter_docs(Family) == {"pace": "how fast, in steps a second.", "depth": "its own: two lines."}
    assert parameter_docs(type("Silent", (), {})) == {}


def test_settings_are_read_by_their_type() -> None:
    model = make_model("gmm", ["max_components=8", " rare_threshold = 7 "], passes=3)
    asked = {"max_components": 8, "rare_threshold": 7, "passes": 3}
    assert model.parameters() == make_model("gmm").parameters() | asked


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("gmn", [], "Did you mean 'gmm'"),
        ("gmm", ["max_component=8"], "Did you mean 'max_components'"),
        ("gmm", ["max_components"], "KEY=VALUE"),
        ("gmm", ["max_components=many"], "should be int"),
        ("gmm", ["max_components=1.5"], "should be int"),
    ],
)
def test_mistakes_are_named(name: str, settings: list[str], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        make_model(name, settings)


def test_a_model_within_a_run_folder_is_found(tmp_path: Path) -> None:
    table = pd.DataFrame({"x": [1.0, 2.0] * 30})
    make_model("independent").fit(table, seed=0).save(tmp_path / "run" / "model")
    assert load(tmp_path / "run").sample(3, seed=0).equals(load(tmp_path / "run" / "model").sample(3, seed=0))


def test_a_model_of_other_parameters_is_one_message(tmp_path: Path) -> None:
    import json

    make_model("independent").fit(pd.DataFrame({"x": [1.0, 2.0] * 30}), seed=0).save(tmp_path / "model")
    path = tmp_path / "model" / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["parameters"] = {"unheard_of": 1}
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ModelError, match="does not fit this synthdata"):
        load(tmp_path / "model")


def test_parameters_out_of_range_are_refused() -> None:
    table = pd.DataFrame({"x": [1.0, 2.0] * 30})
    with pytest.raises(ModelError, match="max_components must be 1 or more"):
        GaussianMixture(max_components=0).fit(table)
    with pytest.raises(ModelError, match="rare_threshold must be 1 or more"):
        GaussianMixture(rare_threshold=0).fit(table)


def test_a_model_whose_package_is_missing_is_listed_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [name for name in sys.modules if name.startswith("synthdata.models.autoregressive")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingExtraError, match=r"synthdata\[neural\]"):
        model_class("autoregressive")
    problems = {model["name"]: model["problem"] for model in describe_models() if "problem" in model}
    assert list(problems) == ["autoregressive"]
    assert "synthdata[neural]" in problems["autoregressive"]


@pytest.mark.parametrize(
    ("value", "said"),
    [("nowhere.at_all:Model", "ModuleNotFoundError"), ("synthdata.errors:Nothing", "AttributeError")],
)
def test_a_broken_model_of_another_package_is_named(monkeypatch: pytest.MonkeyPatch, value: str, said: str) -> None:
    points = (EntryPoint("broken", value, "synthdata.models"),)
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    with pytest.raises(ModelError, match=f"'broken', '{value}' of another package, ends in {said}.*Mend the package"):
        make_model("broken")
    assert said in describe_model("broken")["problem"]
    assert "gmm" in [model["name"] for model in describe_models()]
    assert "broken" not in private_model_names()
    with pytest.raises(ModelError, match=r"no model 'brokn'\. Did you mean 'broken'"):
        describe_model("brokn")
