"""Review in the dashboard: decisions, the seal, the bundle; and who may do what."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from unit.dashboards.sample_runs import make_run
from unit.reporting.sample_report import sample_facts

import synthdata

pytest.importorskip("streamlit")

import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboards import access, bundle, store
from dashboards.launch import RUNS_VARIABLE
from dashboards.tabs import sharing
from synthdata.errors import PrivacyError, SynthdataError
from synthdata.reporting.report import Report
from synthdata.runs.audit_log import record, verify
from synthdata.runs.budget_store import BudgetStore
from synthdata.runs.store import RunInfo
from synthdata.sharing import noised_edition

ANN = access.Person("ann", access.EVERYTHING)
APP = str(Path(__file__).resolve().parents[3] / "dashboards" / "app.py")


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table, ``people.csv``, and beside it a run on it, ``small``, as the pipeline leaves it."""
    place = tmp_path_factory.mktemp("made")
    table(1200).to_csv(place / "people.csv", index=False)
    synthdata.run(place / "people.csv", "independent", out=place / "small", rows=120, seed=1)
    return place


@pytest.fixture
def judged(runs: Path, made: Path) -> Path:
    """The folder of a copy of that run."""
    return shutil.copytree(made / "small", runs / "small")


def table(rows: int) -> pd.DataFrame:
    return pd.DataFrame({"age": [20 + n * 7 % 50 for n in range(rows)], "sex": ["FMF"[n % 3] for n in range(rows)]})


def found(name: str) -> RunInfo:
    run = store.find(name)
    assert run is not None
    return run


def bundled(name: str, **options: bool) -> dict[str, bytes]:
    run = found(name)
    with zipfile.ZipFile(io.BytesIO(bundle.build(run, store.report(run), **options))) as archive:
        return {Path(name).name: archive.read(name) for name in archive.namelist()}


def shown(page: AppTest) -> str:
    assert not page.exception, page.exception
    kinds = ("title", "header", "subheader", "markdown", "caption", "error", "warning")
    texts = [element.value for kind in kinds for element in page.get(kind)]
    return "\n".join(map(str, [*texts, *(element.proto.body for element in page.get("html"))]))


def review_of(name: str) -> AppTest:
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params["run"], page.query_params["tab"] = name, "review"
    return page.run()


def write(page: AppTest, number: int, decision: str, reason: str) -> AppTest:
    page.button_group(key=f"decision-{number}").set_value(decision)
    page.text_input(key="reviewer").set_value("Ann <b>")
    page.text_area(key=f"reason-{number}").set_value(reason)
    next(button for button in page.button if button.label.startswith("Write")).click()
    return page.run()


def test_a_reviewer_rejects_with_a_reason_and_approves_later(runs: Path) -> None:
    folder = make_run(runs, "good", facts=sample_facts())
    page = review_of("good")
    assert "Nobody has decided" in shown(page)
    assert "needs a reason" in shown(write(page, 0, "Reject", "  "))
    page = write(page, 0, "Reject", "Age is <i>wrong</i>.")
    assert "✕ Rejected by Ann &lt;b&gt;" in shown(page)
    assert "Age is &lt;i&gt;wrong" in shown(page)
    assert [button.label for button in page.get("download_button")] == ["See the report that goes out"]
    page = write(page, 1, "Approve and release", "Mended.")
    assert "✓ Released by Ann" in shown(page)
    assert verify(folder).state == "released"
    home = AppTest.from_file(APP, default_timeout=60)
    home.query_params["review"] = "released"
    assert "✓ Released by Ann" in shown(home.run())
    home.selectbox(key="review").set_value("rejected").run()
    assert "No run fits that." in shown(home)


def test_a_broken_seal_is_said_on_every_page(runs: Path) -> None:
    folder = make_run(runs, "good", facts=sample_facts())
    record(folder, "approve", name="Ann", reason="Fine.")
    assert "✓ Released" in shown(review_of("good"))
    (folder / "synthetic.parquet").write_bytes((folder / "synthetic.parquet").read_bytes() + b" ")
    text = shown(review_of("good"))
    assert "The seal is broken" in text
    assert "synthetic.parquet was changed after the release" in text
    assert "The seal is broken" in shown(AppTest.from_file(APP, default_timeout=60).run())


def test_the_bundle_says_nothing_of_real_rows_unless_asked(judged: Path) -> None:
    with pytest.raises(SynthdataError, match="not released"):
        bundled("small")
    record(judged, "approve", name="Ann", reason="Fine.")
    files = bundled("small")
    assert {"synthetic.parquet", "synthetic.csv", "report.html", "schema.json", "review.jsonl"} <= set(files)
    report = json.loads(files["report.json"])
    assert report["edition"] == "share"
    assert "source" not in report["run"]
    assert report["fidelity"]["shape"]["value"] is None
    assert verify(judged).seal in files["README.txt"].decode()
    inside = bundled("small", internal=True)
    assert "INTERNAL" in inside["README.txt"].decode()
    assert json.loads(inside["report.json"])["edition"] == "internal"
    (judged / "schema.json").write_text("{}")
    with pytest.raises(SynthdataError, match="changed after the release"):
        bundled("small")


def test_a_run_made_for_sharing_is_handed_out_as_it_is(judged: Path) -> None:
    bundle.going_out(found("small"), Report.load(judged / "report.json")).save(judged / "report.json")
    record(judged, "approve", name="Ann", reason="Fine.")
    files = bundled("small")
    assert json.loads(files["report.json"])["edition"] == "share"
    assert "holds no statistic of real rows" in files["README.txt"].decode()


@pytest.fixture
def budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BudgetStore:
    monkeypatch.setenv("SYNTHDATA_BUDGET", str(tmp_path / "budget.sqlite"))
    return BudgetStore()


def test_figures_with_noise_are_bought_for_the_edition_that_goes_out(judged: Path, budget: BudgetStore) -> None:
    page = review_of("small")
    assert "It has no figure of the real table." in shown(page)
    page.select_slider(key="share-epsilon").set_value(2.0).run()
    assert "then it would be 2." in shown(page)
    next(button for button in page.button if button.label == "Pay ε = 2 and add them").click()
    assert "with the noise of differential privacy (ε = 2, δ = 1e-09)" in shown(page.run())
    assert budget.account(found("small").record["fingerprint"]).epsilon == pytest.approx(2.0, abs=0.01)
    record(judged, "approve", name="Ann", reason="Fine.")
    page = review_of("small")
    assert "A reviewer who rejects it opens it again." in shown(page)
    assert not [button for button in page.button if button.label.startswith("Pay")]
    with pytest.raises(SynthdataError, match="is released"):
        sharing.buy(found("small"), ANN, 1.0)
    files = bundled("small")
    assert "carry the noise of differential privacy (epsilon = 2)" in files["README.txt"].decode()
    handed = json.loads(files["report.json"])
    assert handed["noised"]["epsilon_spent"] == pytest.approx(2.0, abs=0.01)
    assert all(column["chart"]["real"] for column in handed["columns"])
    assert handed["fidelity"]["detection"]["value"] is None
    (judged / "share.json").write_text("{}")
    with pytest.raises(SynthdataError, match=r"share.json was changed after the release"):
        bundled("small")


def test_figures_are_not_bought_of_another_table_or_beyond_the_cap_or_by_others(
    judged: Path, made: Path, budget: BudgetStore, tmp_path: Path
) -> None:
    with pytest.raises(SynthdataError, match="Only a runner"):
        sharing.buy(found("small"), access.Person("rita", frozenset({"viewer", "reviewer"})), 1.0)
    fingerprint = found("small").record["fingerprint"]
    budget.set_cap(fingerprint, 0.4)
    with pytest.raises(PrivacyError):
        sharing.buy(found("small"), ANN, 0.5)
    other = tmp_path / "people.csv"
    table(130).to_csv(other, index=False)
    with pytest.raises(SynthdataError, match="has changed since"):
        noised_edition(judged, other, 0.1)
    assert budget.account(fingerprint).epsilon == 0
    assert not (judged / "share.json").exists()


class User(dict[str, Any]):
    """Somebody at the other end of a login."""


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> User:
    user = User(is_logged_in=True, email="Ann@Clinic.example", email_verified=True)
    monkeypatch.setattr(access, "login_is_on", lambda: True)
    monkeypatch.setattr(st, "user", user)
    return user


def test_without_a_login_the_person_at_this_machine_may_do_everything(runs: Path) -> None:
    person = access.person()
    assert person is not None
    assert person.roles == access.EVERYTHING
    assert not person.known


def test_roles_come_from_the_list(runs: Path, login: User) -> None:
    (runs / access.FILE).write_text('viewer = ["*@clinic.example"]\nreviewer = ["ann@clinic.example"]\n')
    person = access.person()
    assert person is not None
    assert (person.name, person.roles) == ("ann@clinic.example", {"viewer", "reviewer"})
    for other in ({"email": "eve@clinic.example.evil"}, {"email_verified": False}, {"email": None}):
        login.update({"email": "ann@clinic.example", "email_verified": True} | other)
        found = access.person()
        assert found is not None
        assert found.roles == frozenset()
    login["is_logged_in"] = False
    assert access.person() is None


@pytest.mark.parametrize(
    "text", [None, "viewer = 'ann'", "viewers = ['a']", "viewer = [1]", "[oops"], ids=lambda text: str(text)
)
def test_a_list_that_cannot_be_used_lets_nobody_in(runs: Path, login: User, text: str | None) -> None:
    if text is not None:
        (runs / access.FILE).write_text(text)
    make_run(runs, "good", facts=sample_facts())
    page = AppTest.from_file(APP, default_timeout=60).run()
    assert "Nobody is let in" in shown(page)
    assert "good" not in shown(page)


def test_a_list_without_a_login_lets_nobody_in(runs: Path) -> None:
    (runs / access.FILE).write_text('viewer = ["ann@clinic.example"]')
    assert "Nobody is let in" in shown(AppTest.from_file(APP, default_timeout=60).run())


def pages(role: str) -> dict[str, str]:
    """What each page says to somebody: the address bar leads to pages that the menu hides."""
    found = {}
    for name in ("new_run", "generate", "compare"):
        page = AppTest.from_string(f"from dashboards import {name}\n{name}.show(None)", default_timeout=60).run()
        found[name] = shown(page)
    return found


def test_every_page_checks_the_role_itself(runs: Path, login: User) -> None:
    make_run(runs, "good", facts=sample_facts())
    (runs / access.FILE).write_text('viewer = ["ann@clinic.example"]')
    said = pages("viewer")
    assert "Not for you" in said["new_run"]
    assert "Not for you" in said["generate"]
    assert "Not for you" not in said["compare"]
    text = shown(review_of("good"))
    assert "You may read this; a reviewer decides." in text
    assert "Your decision" not in text
    (runs / access.FILE).write_text('viewer = ["eve@clinic.example"]')
    assert all("Not for you" in text for text in pages("nobody").values())
    assert "Not for you" in shown(review_of("good"))
    login["is_logged_in"] = False
    assert all("Log in first" in text for text in pages("nobody").values())


def test_a_reviewer_signs_with_the_address_of_the_login(runs: Path, login: User) -> None:
    folder = make_run(runs, "good", facts=sample_facts())
    (runs / access.FILE).write_text('reviewer = ["ann@clinic.example"]')
    page = review_of("good")
    assert [field.key for field in page.text_input] == []
    page.button_group(key="decision-0").set_value("Comment")
    page.text_area(key="reason-0").set_value("Seen.")
    next(button for button in page.button if button.label.startswith("Write")).click().run()
    assert verify(folder).entries[0].name == "ann@clinic.example"
