"""What `inspect` shows, and when."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from synthdata import estimates
from synthdata.cli import app

RUNNER = CliRunner()
TABLE = "name,pay,only\n" + "".join(f"{'xyz'[i % 3]},${1000 + 7 * i}.50,1\n" for i in range(60))


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "200")
    path = tmp_path / "people.csv"
    path.write_text(TABLE)
    return path


def test_columns_and_the_schema_come_before_models_are_timed(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = source.with_name("schema.json")

    def stopped(*_: object, **__: object) -> None:
        assert schema.exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(estimates, "estimates", stopped)
    said = RUNNER.invoke(app, ["inspect", str(source), "--schema-out", str(schema)])
    assert said.exit_code != 0
    assert "60 rows, 3 columns" in said.stdout
    assert "'$' before numbers dropped: pay" in said.stdout
    assert "1 code " in said.stdout
    assert "Expected on this machine" not in said.stdout


def test_models_are_timed_unless_only_columns_are_asked_for(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates, "model_names", lambda: ["auto", "independent"])
    assert "Expected on this machine" not in RUNNER.invoke(app, ["inspect", str(source), "--columns-only"]).stdout
    said = RUNNER.invoke(app, ["inspect", str(source)]).stdout
    assert said.index("auto") < said.index("independent")
    assert "boosted, since" in said
