"""`synthdata augment`: rows in a file, what they do beside it, and plain refusals."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import synthdata
from synthdata.augmentation import ADDED, BALANCED, answer
from synthdata.errors import SourceError, SynthdataError
from synthdata.validation.utility.augmentation import Augmentation, Gain

TABLE = Path(__file__).resolve().parents[2] / "data" / "breast_cancer.csv"


def test_rows_and_verdict_are_written(tmp_path: Path) -> None:
    small = tmp_path / "small.csv"
    frame = pd.read_csv(TABLE).iloc[:160, [0, 1, 2, 3, -1]]
    frame.to_csv(small, index=False)
    target = str(frame.columns[-1])
    out = tmp_path / "more.csv"
    command = [sys.executable, "-m", "synthdata", "augment", str(small), "--target", target, "--model", "bayesnet"]
    command += ["-o", str(out), "-n", "80", "--folds", "3", "--repeats", "1", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "80 synthetic rows written" in done.stdout
    assert "Synthetic rows" in done.stdout
    assert list(pd.read_csv(out).columns) == list(frame.columns)
    facts = json.loads((tmp_path / "more.augmentation.json").read_text())
    assert facts["folds"] == 3
    assert facts["strategy"] == "synthetic rows added"
    assert {gain["strategy"] for gain in facts["gains"]["overall"]} >= {"rows drawn again", "synthetic rows added"}


def test_balanced_rows_fill_up_the_small_classes() -> None:
    frame = pd.read_csv(TABLE).iloc[:, [0, 1, 2, -1]]
    target = str(frame.columns[-1])
    few = pd.concat([part.head(120 if position else 40) for position, (_, part) in enumerate(frame.groupby(target))])
    made = synthdata.augment(few, target=target, model="bayesnet", balance=True, folds=2, repeats=1, seed=1)
    smallest = few[target].value_counts().idxmin()
    assert set(made.rows[target]) == {smallest}
    assert len(made.rows) == 80


def test_refusals_say_what_to_do() -> None:
    frame = pd.read_csv(TABLE).iloc[:60, [0, 1, -1]]
    with pytest.raises(SynthdataError, match="Did you mean"):
        synthdata.augment(frame, target=str(frame.columns[-1])[:-1])
    with pytest.raises(SynthdataError, match="no classes"):
        synthdata.augment(frame, target=str(frame.columns[0]), balance=True)
    with pytest.raises(SynthdataError, match="1 or more"):
        synthdata.augment(frame, target=str(frame.columns[-1]), rows=0)


def gains(**by_strategy: tuple[float, float, float]) -> Augmentation:
    """A verdict with a gain and its interval for each strategy."""
    names = {"added": ADDED, "balanced": BALANCED, "smote": "SMOTE"}
    found = [Gain(names[name], 0.8 + gain, gain, (low, high)) for name, (gain, low, high) in by_strategy.items()]
    return Augmentation("y", "AUC", 0.8, {"overall": sorted(found, key=lambda each: -each.gain)}, {}, 10)


@pytest.mark.parametrize(
    ("verdict", "strategy", "told"),
    [
        (gains(added=(0.05, 0.02, 0.08)), ADDED, "Synthetic rows help: AUC +0.050 over 0.800."),
        (gains(added=(0.05, 0.02, 0.08), smote=(0.06, 0.01, 0.1)), ADDED, "SMOTE does as well and costs less."),
        (gains(added=(0.0, -0.1, 0.1), balanced=(-0.1, -0.2, -0.05)), BALANCED, "Train on the real rows alone."),
        (gains(added=(0.0, -0.1, 0.1), balanced=(-0.1, -0.2, -0.05)), BALANCED, "small classes harm: AUC -0.100 from"),
        (
            gains(added=(-0.01, -0.1, 0.1), smote=(0.05, 0.01, 0.1)),
            ADDED,
            "within what chance gives. What helps: SMOTE.",
        ),
        (gains(added=(0.0, -0.1, 0.1)), BALANCED, "could not be measured"),
    ],
)
def test_the_answer_is_for_the_rows_that_were_asked_for(verdict: Augmentation, strategy: str, told: str) -> None:
    assert told in answer(verdict, strategy)


@pytest.mark.parametrize(
    ("place", "says"),
    [("rows.xyz", "stands for no format"), ("nowhere/rows.csv", "does not exist"), ("", "is a folder")],
)
def test_a_place_that_no_rows_can_be_written_to_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, says: str
) -> None:
    def opened(*arguments: object, **settings: object) -> None:
        raise AssertionError("the table was read")

    monkeypatch.setattr("synthdata.augmentation.opened", opened)
    with pytest.raises(SourceError, match=says):
        synthdata.augment("table.csv", target="y", out=tmp_path / place)
