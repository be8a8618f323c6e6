"""Measuring in the dashboard whether synthetic rows help: started, watched, stopped, told; and by whom."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from unit.dashboards.sample_runs import make_run
from unit.reporting.sample_report import sample_facts

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from dashboards import augmenting, deleting, store
from dashboards.access import EVERYTHING, Person
from dashboards.launch import RUNS_VARIABLE
from dashboards.real_table import source_of
from synthdata.errors import SynthdataError
from synthdata.runs.store import RunInfo
from synthdata.table.infer import infer

APP = str(Path(__file__).resolve().parents[3] / "dashboards" / "app.py")
ANN = Person("ann", EVERYTHING)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path))
    return tmp_path


def found(name: str) -> RunInfo:
    run = store.find(name)
    assert run is not None
    return run


def facts_of_augmentation() -> dict[str, Any]:
    gain = {"strategy": "<b>rows</b>", "score": 0.81, "gain": -0.02, "interval": [-0.03, -0.01], "verdict": "harms"}
    about = {
        "target": "income",
        "measure": "AUC",
        "real": 0.83,
        "folds": 10,
        "rows": 60,
        "left_out": {"SMOTE": "dates"},
    }
    return {"version": 1, "gains": {"overall": [gain]}, "answer": "They harm.", "notes": [], **about}


def page_of(name: str) -> AppTest:
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params["run"], page.query_params["tab"] = name, "usefulness"
    page.run()
    assert not page.exception
    return page


def test_it_is_measured_by_a_process_of_its_own(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augmenting, "FOLDS", 2)
    monkeypatch.setattr(augmenting, "REPEATS", 1)
    rows = [f"{20 + n * 7 % 60},{n % 9},{'yes' if n % 60 > 30 else 'no'}" for n in range(120)]
    (runs / "people.csv").write_text("age,visits,ill\n" + "\n".join(rows) + "\n", encoding="utf-8")
    # A run whose source is real; its report is not what is looked at.
    folder = make_run(runs, "plain", facts=sample_facts(), source="people.csv", model="independent")
    (folder / "schema.json").write_text(infer(pd.read_csv(runs / "people.csv")).schema.to_json(), encoding="utf-8")
    run = found("plain")
    assert augmenting.standing(run).state == "none"
    augmenting.start(runs, run, ANN, target="ill", balance=False)
    with pytest.raises(SynthdataError, match="already"):
        augmenting.start(runs, run, ANN, target="ill", balance=False)
    with pytest.raises(SynthdataError, match="being measured"):
        deleting.remove(run, ANN)
    for _ in range(1200):
        measured = augmenting.standing(run)
        if measured.state != "running":
            break
        time.sleep(0.1)
    assert measured.state == "done", measured.message
    assert measured.facts["target"] == "ill"
    assert measured.rows is not None
    assert "help" in measured.facts["answer"] or "harm" in measured.facts["answer"]
    events = (run.folder / augmenting.FOLDER / "events.jsonl").read_text(encoding="utf-8")
    assert '"stage": "measure"' in events


def test_a_measurement_that_is_stopped_or_fails_says_so(runs: Path) -> None:
    (runs / "people.csv").write_text("age,ill\n1,no\n", encoding="utf-8")
    make_run(runs, "broken", facts=sample_facts(), source="people.csv")
    run = found("broken")
    (run.folder / "schema.json").write_text("{}", encoding="utf-8")
    augmenting.start(runs, run, ANN, target="income", balance=True)
    augmenting.cancel(run)
    for _ in range(1200):
        if augmenting.standing(run).state == "failed":
            break
        time.sleep(0.1)
    page = page_of("broken")
    assert "could not be measured" in page.error[0].value
    assert [button.label for button in page.button if "Measure" in button.label] == ["Measure again"]


def test_what_was_found_is_told(runs: Path) -> None:
    folder = make_run(runs, "good", facts=sample_facts()) / augmenting.FOLDER
    folder.mkdir()
    (folder / "start.json").write_text('{"process": 1}', encoding="utf-8")
    (folder / "rows.augmentation.json").write_text(json.dumps(facts_of_augmentation()), encoding="utf-8")
    page = page_of("good")
    told = "".join(element.proto.body for element in page.get("html"))
    assert "&lt;b&gt;rows&lt;/b&gt;" in told
    assert "\u22120.030 to \u22120.010" in told
    assert 'class="tag fail"' in told
    assert any("They harm" in element.value for element in page.markdown)


def test_only_a_runner_measures_and_only_without_a_guarantee(runs: Path) -> None:
    make_run(runs, "good", facts=sample_facts(), source="people.csv")
    facts = sample_facts()
    facts["privacy"]["dp"] = {"epsilon": 1.0, "delta": 1e-6, "epsilon_spent": 1.0, "charges": []}
    make_run(runs, "private", facts=facts)
    viewer = Person("vera", frozenset({"viewer"}))
    with pytest.raises(SynthdataError, match="Only a runner"):
        augmenting.start(runs, found("good"), viewer, target="income", balance=False)
    page = page_of("private")
    assert any("guarantee of differential privacy" in element.value for element in page.markdown)
    assert not [button for button in page.button if "Measure" in button.label]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("gone.csv", "not where it was"),
        ("", "not where it was"),
        ("postgresql://ann:***@db/shop", "password"),
        ("sklearn:iris", "may not name"),
        ("../secret.csv", "may not name"),
    ],
)
def test_a_table_that_cannot_be_opened_from_here_is_refused(runs: Path, source: str, said: str) -> None:
    (runs.parent / "secret.csv").write_text("a\n1\n", encoding="utf-8")
    make_run(runs, "good", facts=sample_facts(), source=source)
    known = Person("rob@lab.example", EVERYTHING, ("postgresql://*",), known=True)
    with pytest.raises(SynthdataError, match=said):
        source_of(runs, found("good"), known)
