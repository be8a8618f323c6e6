"""What saved models make from the dashboard, and runs side by side."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from unit.dashboards.sample_runs import make_run
from unit.reporting.sample_report import sample_facts

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

import synthdata
from dashboards import candidates, store
from dashboards.downloads import as_file, guarded
from dashboards.launch import RUNS_VARIABLE


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with one saved model."""
    root = tmp_path_factory.mktemp("models") / "runs"
    frame = pd.DataFrame({"age": [20 + n * 7 % 50 for n in range(120)], "sex": ["F", "M", "F"] * 40})
    synthdata.make_model("independent").fit(frame, seed=1).save(root / "a-model")
    return root


def open_page(name: str) -> AppTest:
    return AppTest.from_string(f"from dashboards import {name}\n{name}.show(None)", default_timeout=60).run()


def shown(page: AppTest) -> str:
    assert not page.exception, page.exception
    kinds = ("title", "header", "subheader", "markdown", "caption", "error", "warning")
    texts = [element.value for kind in kinds for element in page.get(kind)]
    return "\n".join(map(str, [*texts, *(element.proto.body for element in page.get("html"))]))


def click(page: AppTest, label: str) -> AppTest:
    next(button for button in page.button if button.label == label).click()
    return page.run()


def test_rows_are_drawn_under_conditions(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUNS_VARIABLE, str(saved))
    page = open_page("generate")
    page.number_input(key="count").set_value(30)
    page.text_input(key="given").set_value("age>=40; sex=F")
    page = click(page, "Draw rows")
    assert "The first 30 of 30 rows" in shown(page)
    frame = page.dataframe[0].value
    assert (frame["age"] >= 40).all()
    assert set(frame["sex"]) == {"F"}
    page.text_input(key="given").set_value("agee>=40")
    page = click(page, "Draw rows")
    assert "agee" in page.error[0].value
    assert len(page.dataframe) == 0


def test_uploaded_tables_are_filled_and_scored_and_not_kept(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUNS_VARIABLE, str(saved))
    table = b"age,sex\n30,F\n,M\n41,\n35,M\n"
    page = open_page("generate")
    page.button_group(key="way").set_value("gaps").run()
    page.file_uploader[0].upload("t.csv", table).run()
    assert "2 gaps of 2 filled in 4 rows" in shown(page)
    assert len(page.dataframe) == 0
    page.button_group(key="way").set_value("odd").run()
    page.file_uploader[0].upload("t.csv", table).run()
    assert "4 rows scored" in shown(page)
    assert list(page.dataframe[0].value.columns) == ["row", "log_prob", "anomaly_score"]
    page.file_uploader[0].upload("t.csv", b"other\n1\n2\n").run()
    assert "has no column" in page.error[0].value
    assert list((saved / ".uploads").iterdir()) == []


def test_without_a_model_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path))
    assert "There is no saved model yet" in shown(open_page("generate"))


def test_a_damaged_model_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path))
    (tmp_path / "bad" / "model").mkdir(parents=True)
    (tmp_path / "bad" / "model" / "manifest.json").write_text("{oops")
    page = open_page("generate")
    assert "damaged" in page.error[0].value
    assert str(tmp_path) not in shown(page)


def test_files_come_back_as_they_were() -> None:
    frame = pd.DataFrame({"a": [-1, 2], "=b": ["=1+1", "-x"]})
    assert pd.read_parquet(io.BytesIO(as_file(frame, "parquet"))).equals(frame)
    assert pd.read_csv(io.BytesIO(as_file(frame, "csv"))).equals(frame)
    assert as_file(frame, "csv", guard=True).decode() == "a,'=b\n-1,'=1+1\n2,'-x\n"


@pytest.mark.parametrize("kind", ["object", "string", "category"])
def test_every_kind_of_text_is_guarded(kind: str) -> None:
    frame = pd.DataFrame({"a": pd.Series(["=1", "+1", "@x", "\tx", "b", None], dtype=kind)})
    assert guarded(frame)["a"].tolist()[:5] == ["'=1", "'+1", "'@x", "'\tx", "b"]
    assert guarded(frame)["a"].isna().tolist() == [False] * 5 + [True]
    assert frame["a"].tolist()[0] == "=1"


def side(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUNS_VARIABLE, str(root))
    make_run(root, "one", facts=sample_facts(), started="2026-03-05T14:01:00+00:00")
    other: dict[str, Any] = sample_facts(verdict="fail", model="gmm")
    other["run"]["parameters"] = {"max_components": 12}
    other["fidelity"]["detection"] |= {"value": 0.5, "interval": [0.45, 0.55]}
    make_run(root, "<i>two", facts=other, model="gmm", started="2026-03-05T14:02:00+00:00")


def test_runs_lie_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    side(tmp_path, monkeypatch)
    page = open_page("compare")
    text = shown(page)
    assert "&lt;i&gt;two" in text
    assert "<i>two" not in text
    for part in ("0.88", "0.50", "fresh real rows", "leak found", "no leak found", "max_components", "smoothing"):
        assert part in text, part
    assert len(page.get("plotly_chart")) == 2
    assert "made from the same table" not in text
    page.multiselect(key="compared").set_value(["one"]).run()
    assert "What changed between two" not in shown(page)
    assert page.query_params["runs"] == "one"


def test_runs_of_different_tables_are_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    side(tmp_path, monkeypatch)
    make_run(tmp_path, "three", facts=sample_facts(), fingerprint="another")
    assert "Not all of these were made from the same table" in shown(open_page("compare"))


def test_the_front_is_told_from_every_dimension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    side(tmp_path, monkeypatch)
    found = [candidate for run in store.runs() if (candidate := candidates.of_run(run)) is not None]
    assert candidates.front(found) == ["one"]
    assert candidates.differences(found[0], found[0]) == []
    assert ("model", "gmm", "trees") in candidates.differences(found[0], found[1])


def test_a_comparison_has_a_place_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path))
    figure = {"value": 0.9, "interval": [0.88, 0.92], "direction": "higher", "rank": 1}
    model = {
        "model": "trees",
        "status": "done",
        "figures": {"fidelity.detection": figure, "privacy.dcr_share": {"value": 0.51, "target": 0.5}},
        "privacy": {"state": "no leak found", "counts": {}},
        "seconds": {"value": 2.0},
        "verdict": "pass",
    }
    failed = {**model, "model": "gmm", "status": "failed"}
    facts = {
        "version": 1,
        "reference": {"fidelity.detection": {"value": 0.98}},
        "models": [model, failed],
        "recommendation": {"model": "trees", "sentence": "Take trees."},
    }
    (tmp_path / "compared").mkdir()
    (tmp_path / "compared" / "comparison.json").write_text(json.dumps(facts))
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "comparison.json").write_text("{")
    text = shown(open_page("compare"))
    assert "Take trees" in text
    assert "fresh real rows: 0.98" in text
    assert "gmm" not in text
    assert store.runs() == []


def test_with_nothing_to_compare_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path))
    assert "nothing to compare yet" in shown(open_page("compare"))
