"""What `inspect` shows, and when."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from synthdata import estimates
from synthdata.cli import app
from synthdata.intake import prepare

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


def test_what_is_made_up_afresh_is_not_taken_for_free_text(source: Path) -> None:
    frame = pd.DataFrame(
        {
            "ip": [f"10.0.{i}.{7 * i % 250}" for i in range(60)],
            "remarks": [f"came on day {i} and stayed for {i * i} hours, {'x' * (i % 9)}" for i in range(60)],
            "pay": range(60),
        }
    )
    frame.to_csv(source, index=False)
    schema = source.with_name("schema.json")
    said = RUNNER.invoke(app, ["inspect", str(source), "--columns-only", "--schema-out", str(schema)]).stdout
    shown = {line.split()[1]: line for line in said.splitlines() if line.startswith("│") and line[2] != " "}
    assert "made up" in shown["ip"]
    assert "left out" in shown["remarks"]
    dropped = {column["name"]: column.get("drop", False) for column in json.loads(schema.read_text())["columns"]}
    assert dropped == {"ip": False, "remarks": True, "pay": False}
    assert prepare(frame, None, drop_text=True).schema.kept.names == ("ip", "pay")
    # To be judged, another generator's table needs no addresses.
    assert prepare(frame, None, drop_text=True, learn=False).schema.kept.names == ("pay",)
