"""What the command line tells of the models."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

import synthdata
from synthdata.cli import app
from synthdata.models.registry import describe_model, model_names

RUNNER = CliRunner()


def test_every_name_can_be_read_in_a_narrow_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    said = RUNNER.invoke(app, ["models"])
    assert said.exit_code == 0
    first = {line.split()[1] for line in said.stdout.splitlines() if line.startswith("│") and line[2] != " "}
    assert first == set(model_names())


def test_one_model_is_told_with_its_parameters_and_how_to_set_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    said = RUNNER.invoke(app, ["models", "gmm"]).stdout
    about = describe_model("gmm")
    assert about["summary"] in said
    assert "log_prob (exact)" in said
    for name, parameter in about["parameters"].items():
        line = next(line for line in said.splitlines() if line.startswith(f"│ {name} "))
        assert parameter["default"] in line
        assert parameter["for"] in line
    assert "--param max_components=256" in said


def test_a_model_that_is_not_there_is_refused_with_the_nearest_name(monkeypatch: pytest.MonkeyPatch) -> None:
    said = RUNNER.invoke(app, ["models", "gm"])
    assert said.exit_code != 0
    assert "Did you mean 'gmm'" in str(said.exception)


def test_the_version_is_told_without_a_command() -> None:
    said = RUNNER.invoke(app, ["--version"])
    assert (said.exit_code, said.stdout.strip()) == (0, f"synthdata {synthdata.__version__}")
