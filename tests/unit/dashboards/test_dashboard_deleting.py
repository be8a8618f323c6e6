"""Deleting runs: asked twice, with what belongs to them, by those who may; and released runs are not replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.dashboards.sample_runs import make_run
from unit.reporting.sample_report import sample_facts

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from dashboards import deleting, store, uploads
from dashboards.access import EVERYTHING, Person
from dashboards.launch import RUNS_VARIABLE
from synthdata.errors import SynthdataError
from synthdata.runs.audit_log import LOG, record
from synthdata.runs.store import RunFolder, RunInfo

APP = str(Path(__file__).resolve().parents[3] / "dashboards" / "app.py")
ANYBODY = Person("ann", EVERYTHING)
RUNNER = Person("bob", frozenset({"viewer", "runner"}))


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


def found(name: str) -> RunInfo:
    run = store.find(name)
    assert run is not None
    return run


@pytest.mark.parametrize("name", ["good", "failed"])
def test_a_run_goes_after_asking_again_and_takes_its_upload_along(runs: Path, name: str) -> None:
    make_run(runs, "good", facts=sample_facts())
    make_run(runs, "failed", "failed", message="No.")
    upload = uploads.keep("a.csv", b"a\n1\n")
    uploads.hand_over(upload, name)
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params["run"] = name
    page.run()
    assert page.button(key=f"delete-{name}").disabled
    page.checkbox(key=f"sure-{name}").check().run()
    page.button(key=f"delete-{name}").click().run()
    assert not page.exception
    assert "Runs" in [title.value for title in page.title]
    assert not (runs / name).exists()
    assert not upload.parent.exists()
    assert [run.name for run in store.runs()] == [{"good": "failed", "failed": "good"}[name]]
    assert not list(runs.glob(".deleted-*"))


def test_who_may_not_delete_is_refused(runs: Path) -> None:
    make_run(runs, "good", facts=sample_facts())
    make_run(runs, "going", "running")
    with pytest.raises(SynthdataError, match="Only a runner"):
        deleting.remove(found("good"), Person("ann", frozenset({"viewer", "reviewer"})))
    with pytest.raises(SynthdataError, match="under way"):
        deleting.remove(found("going"), ANYBODY)
    record(runs / "good", "approve", name="Ann", reason="Fine.")
    with pytest.raises(SynthdataError, match="a reviewer as well"):
        deleting.remove(found("good"), RUNNER)
    assert (runs / "good" / LOG).exists()
    deleting.remove(found("good"), ANYBODY)
    assert [run.name for run in store.runs()] == ["going"]


def test_a_link_is_not_followed(runs: Path, tmp_path: Path) -> None:
    elsewhere = make_run(tmp_path, "elsewhere", facts=sample_facts())
    (runs / "link").symlink_to(elsewhere)
    with pytest.raises(SynthdataError, match="lies elsewhere"):
        deleting.remove(found("link"), ANYBODY)
    assert (elsewhere / "report.json").exists()


def test_a_released_run_is_not_replaced(runs: Path) -> None:
    folder = make_run(runs, "good", facts=sample_facts())
    record(folder, "comment", name="Ann", reason="Looks fine.")
    record(folder, "approve", name="Ann", reason="Fine.")
    record(folder, "reject", name="Ann", reason="Withdrawn.")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(SynthdataError, match="released by a reviewer"):
        RunFolder.create(folder, {}, overwrite=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_run_that_was_only_rejected_is_replaced(runs: Path) -> None:
    folder = make_run(runs, "bad", facts=sample_facts())
    record(folder, "reject", name="Ann", reason="Wrong.")
    RunFolder.create(folder, {"source": "a.csv"}, overwrite=True)
    assert [path.name for path in folder.iterdir()] == ["run.json"]


def test_ledger_and_model_are_drawn(runs: Path) -> None:
    facts = sample_facts()
    charges = [{"stage": "training", "mechanism": "gaussian", "sigma": 2.0}]
    facts["privacy"]["dp"] = {"epsilon": 1.0, "delta": 1e-6, "epsilon_spent": 1.0, "charges": charges}
    make_run(runs, "private", facts=facts)
    for tab, said in (
        ("privacy", "What the privacy budget was spent on"),
        ("model", "How training went"),
        ("model", "The latent space"),
        ("model", "What looks at what"),
        ("model", "The groups of rows that it found"),
        ("relations", "Whole rows on one map"),
        ("relations", "Three columns at a time"),
    ):
        page = AppTest.from_file(APP, default_timeout=60)
        page.query_params["run"], page.query_params["tab"] = "private", tab
        page.run()
        assert not page.exception
        shown = "".join(element.proto.body for element in page.get("html"))
        assert said in shown
        assert "<b>yes</b>" not in shown


@pytest.mark.parametrize("refuted", [False, True])
def test_an_audit_is_shown_beside_the_guarantee(runs: Path, refuted: bool) -> None:
    facts = sample_facts()
    facts["privacy"]["dp"] = {"epsilon": 1.0, "delta": 1e-6, "epsilon_spent": 1.0, "charges": []}
    guesses = [{"epsilon": 2.4 if refuted else 0.3, "right": 88, "guessed": 100}]
    facts["privacy"]["audit"] = {
        "claimed": {"epsilon": 1.0, "delta": 1e-6},
        "lower": 2.4 if refuted else 0.3,
        "refuted": refuted,
        "refutable": 3.6,
        "canaries": 200,
        "included": 100,
        "confidence": 0.95,
        "tests": 8,
        "method": "Steinke, Nasr and Jagielski 2023",
        "internal": "For inside the house.",
        "attacks": {"nearest <b>": {"looks_at": "synthetic rows", "lower": 0.3, "guesses": guesses}},
    }
    make_run(runs, "audited", facts=facts)
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params["run"], page.query_params["tab"] = "audited", "privacy"
    page.run()
    assert not page.exception
    shown = "".join(element.proto.body for element in page.get("html"))
    assert ("Refuted." in shown) == refuted
    assert ("Not refuted." in shown) != refuted
    assert "88 of 100" in shown
    assert "nearest &lt;b&gt;" in shown
