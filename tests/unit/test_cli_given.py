"""What `sample` and `impute` say of conditions and rules on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import synthdata
from synthdata.cli import app
from synthdata.errors import InfeasibleError

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "model"
    frame = pd.DataFrame({"a": np.arange(400) % 8, "b": np.arange(400) % 8 + np.arange(400) % 3})
    rules = [{"type": "inequality", "low": "a", "high": "b"}, {"type": "expression", "expression": "b - a <= 2"}]
    columns = [{"name": name, "kind": "numerical"} for name in "ab"]
    synthdata.make_model("bayesnet").fit(frame, schema={"columns": columns, "rules": rules}, seed=0).save(path)
    return path


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_conditions_say_what_the_rows_are_worth(model: Path, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"rows.{ending}"
    done = RUNNER.invoke(app, ["sample", str(model), "-n", "30", "--given", "b>=6", "--seed", "1", "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert "effective sample size 30." in " ".join(done.output.split())
    rows = synthdata.read(out).frame
    assert (rows["b"] >= 6).all()
    assert (rows["b"] >= rows["a"]).all()


def test_without_conditions_nothing_more_is_said(model: Path, tmp_path: Path) -> None:
    done = RUNNER.invoke(app, ["sample", str(model), "-n", "30", "-o", str(tmp_path / "rows.csv")])
    assert done.exit_code == 0
    assert "effective" not in done.output


def test_what_no_row_can_meet_ends_and_leaves_no_file(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    done = RUNNER.invoke(app, ["sample", str(model), "--given", "a=0; b>=7", "-o", str(out)])
    assert isinstance(done.exception, InfeasibleError)
    assert "0 met a=0; b>=7" in str(done.exception)
    assert not out.exists()


def test_imputation_that_cannot_keep_a_rule_leaves_the_null_and_says_so(model: Path, tmp_path: Path) -> None:
    table = tmp_path / "holes.csv"
    pd.DataFrame({"a": [1, None, 2, None], "b": [None, 3, 2, 5000]}).astype("Int64").to_csv(table, index=False)
    out = tmp_path / "filled.csv"
    done = RUNNER.invoke(app, ["impute", str(model), str(table), "--seed", "1", "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert "1 of them keep nulls" in " ".join(done.output.split())
    filled = pd.read_csv(out)
    assert filled.isna().sum().tolist() == [1, 0]
    assert (filled["b"] - filled["a"]).dropna().between(0, 2).all()


def test_columns_that_the_model_has_not_learnt_keep_their_nulls_and_that_is_said(model: Path, tmp_path: Path) -> None:
    table, out = tmp_path / "more.csv", tmp_path / "filled.csv"
    pd.DataFrame({"a": [1, None], "b": [1, 2], "note": ["x", None]}).to_csv(table, index=False)
    done = RUNNER.invoke(app, ["impute", str(model), str(table), "--seed", "1", "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert "has not learnt note, and their nulls stay" in " ".join(done.output.split())
    assert pd.read_csv(out).isna().sum().tolist() == [0, 0, 1]
