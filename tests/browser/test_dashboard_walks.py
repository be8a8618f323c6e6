"""Whole ways through the dashboard in a real browser: a steward from a file to a bundle, a reviewer, an empty store."""

from __future__ import annotations

import json
import shlex
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from browser.serving import PATIENCE, choose, served
from browser.watched_page import Watched, watched
from unit.dashboards.sample_runs import make_run
from unit.reporting.sample_report import sample_facts

import synthdata
from synthdata.table.infer import infer

pytest.importorskip("streamlit")
sync_api = pytest.importorskip("playwright.sync_api")

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

STRANGE = "<b>größe</b> 身長"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("walks") / "runs"


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    folder.mkdir()
    with served(folder) as address:
        yield address


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    rows = [f"{20 + n * 7 % 60},{'FM'[n % 2]},{150 + n * 11 % 40}" for n in range(200)]
    path.write_text(f"age,sex,{STRANGE}\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_an_empty_store_is_no_dead_end(seen: Watched, address: str) -> None:
    page = seen.page
    page.goto(address)
    page.get_by_text("There are no runs here yet").wait_for()
    for name, said in (
        ("Generate", "There is no saved model yet"),
        ("Compare", "There is nothing to compare yet"),
        ("New run", "Where is it?"),
    ):
        page.get_by_role("link", name=name, exact=True).click()
        page.get_by_text(said).wait_for()
        seen.settle()
        seen.picture(f"dashboard-empty-{name.replace(' ', '-').lower()}")
    assert seen.errors == []


def test_a_steward_goes_from_a_file_to_a_bundle(
    seen: Watched, address: str, folder: Path, table: Path, tmp_path: Path
) -> None:
    page = seen.page
    page.set_viewport_size({"width": 1280, "height": 1800})
    page.goto(address)
    page.get_by_role("link", name="New run", exact=True).click()
    page.locator("input[type=file]").set_input_files(table)
    page.get_by_text("200 rows, 3 columns").wait_for()
    page.get_by_text("6. Start").wait_for()
    choose(page, "Model", "independent")
    page.get_by_text("Each column by itself").wait_for()
    seen.picture("dashboard-new-run")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url("**run=people-independent*")
    page.get_by_text("May it be shared?").wait_for(timeout=3 * PATIENCE)
    page.get_by_role("radio", name="Columns", exact=True).click()
    page.locator(".js-plotly-plot").first.wait_for()
    assert page.locator("b", has_text="größe").count() == 0
    page.get_by_role("radio", name="Review", exact=True).click()
    page.get_by_text("Your decision").wait_for()
    seen.settle()
    page.get_by_text("Put figures of the real table beside").click()
    seen.rerun()
    page.get_by_role("button", name="Pay ε = 0.5 and add them").click()
    page.get_by_text("with the noise of differential privacy (ε = 0.5").wait_for()
    seen.settle()
    page.get_by_role("radio", name="Approve and release").click()
    sync_api.expect(page.get_by_role("radio", name="Approve and release")).to_be_checked()
    page.get_by_label("Why? It is kept in the log.").fill("Looked at every column.")
    page.get_by_role("button", name="Write it into the log").click()
    page.get_by_role("button", name="Download the bundle").wait_for()
    seen.picture("dashboard-review")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the bundle").click()
    download.value.save_as(tmp_path / "bundle.zip")
    assert seen.errors == []
    assert seen.foreign(address.removeprefix("http://")) == []
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        report = json.loads(archive.read("people-independent/report.json"))
        assert report["edition"] == "share"
        assert report["noised"]["epsilon"] == 0.5
        assert "people-independent/synthetic.parquet" in archive.namelist()
    assert (folder / ".uploads").stat().st_mode & 0o077 == 0


def test_a_reviewer_rejects_and_approves_while_another_looks_on(
    browser: Browser, seen: Watched, address: str, folder: Path
) -> None:
    make_run(folder, "linked", facts=sample_facts())
    page = seen.page
    with watched(browser, width=400) as other:
        other.page.set_default_timeout(PATIENCE)
        other.page.goto(f"{address}/?find=linked")
        other.page.get_by_role("link", name="Open linked").wait_for()
        for number, (decision, reason, told) in enumerate(
            (("Reject", "Age is wrong.", "✕ Rejected by"), ("Approve and release", "Mended.", "✓ Released by"))
        ):
            page.goto(f"{address}/?run=linked&tab=review")
            page.get_by_text("Your decision").wait_for()
            seen.settle()
            page.get_by_role("radio", name=decision).click()
            sync_api.expect(page.get_by_role("radio", name=decision)).to_be_checked()
            page.get_by_label("Why? It is kept in the log.").fill(reason)
            page.get_by_role("button", name="Write it into the log").click()
            page.get_by_text(told).nth(1).wait_for()
            page.get_by_text(f"entry {number + 1}").wait_for()
        other.page.reload()
        other.page.get_by_text("✓ Released by").wait_for()
        assert other.overflow() <= 0
        assert seen.errors == other.errors == []


def test_runs_lie_side_by_side(seen: Watched, address: str, folder: Path) -> None:
    for name, verdict in (("first", "pass"), ("second", "fail")):
        if not (folder / name).exists():
            make_run(folder, name, facts=sample_facts(verdict=verdict))
    page = seen.page
    page.set_viewport_size({"width": 1280, "height": 2000})
    page.goto(address)
    page.get_by_role("link", name="Compare", exact=True).click()
    page.get_by_text("What one gives for the other").wait_for()
    page.locator(".js-plotly-plot").nth(1).wait_for()
    page.get_by_role("radio", name="Usefulness").click()
    page.wait_for_url("**against=utility.tstr*")
    seen.settle()
    seen.picture("dashboard-compare")
    assert seen.overflow() <= 0
    assert seen.errors == []


def test_an_engineer_goes_from_a_comparison_to_the_worst_column_and_draws_rows_of_a_class(
    seen: Watched, address: str, folder: Path, tmp_path: Path
) -> None:
    frame = pd.DataFrame(
        {
            "age": [20 + n * 7 % 60 for n in range(200)],
            "income": ["high" if n % 9 == 0 else "low" for n in range(200)],
            STRANGE: ["yes" if n % 9 == 0 else "no" for n in range(200)],
        }
    )
    frame.to_csv(tmp_path / "people.csv", index=False)
    make_run(folder, "plain", facts=sample_facts())
    tree = make_run(folder, "tree", facts=sample_facts(verdict="fail"), source=str(tmp_path / "people.csv"))
    (tree / "schema.json").write_text(infer(frame).schema.to_json(), encoding="utf-8")
    synthdata.make_model("trees").fit(frame, seed=1).save(tree / "model")
    page = seen.page
    page.set_viewport_size({"width": 1280, "height": 1800})
    page.goto(f"{address}/compare?runs=plain|tree")
    page.get_by_role("link", name="Worst of tree").click()
    page.wait_for_url("**run=tree*")
    page.get_by_role("heading", name="Column by column").wait_for()
    sync_api.expect(page.get_by_role("radio", name="Columns", exact=True)).to_be_checked()
    page.locator(".js-plotly-plot").first.wait_for()
    page.get_by_role("radio", name="Usefulness", exact=True).click()
    page.get_by_text("Trained on synthetic rows", exact=True).first.wait_for()
    page.get_by_role("button", name="Measure it").click()
    page.get_by_text("You may close this page; the measuring goes on").wait_for()
    seen.picture("dashboard-measuring")
    page.get_by_role("button", name="Stop measuring").click()
    page.get_by_text("It could not be measured").wait_for()
    page.get_by_role("link", name="Generate", exact=True).click()
    choose(page, "Model of the run", "tree")
    page.get_by_text("trees, 3 learnt columns").wait_for()
    page.get_by_role("radio", name="Rows of a class").click()
    choose(page, "Column", STRANGE)
    page.get_by_text(f"synthdata augment SOURCE --target {shlex.quote(STRANGE)}").wait_for()
    seen.settle()
    page.get_by_role("button", name="Draw rows").click()
    page.get_by_text("The first 200 of 200 rows").wait_for()
    seen.picture("dashboard-rows-of-a-class")
    with page.expect_download() as download:
        page.get_by_test_id("stDownloadButton").get_by_role("button").click()
    download.value.save_as(tmp_path / "rows.csv")
    assert seen.errors == []
    drawn = pd.read_csv(tmp_path / "rows.csv")
    assert drawn[STRANGE].tolist() == ["yes"] * 200


def test_a_run_is_deleted_after_asking_again(seen: Watched, address: str, folder: Path) -> None:
    make_run(folder, "unwanted", facts=sample_facts())
    page = seen.page
    page.goto(f"{address}/?run=unwanted")
    page.get_by_text("Delete this run").click()
    sure = page.get_by_role("button", name="Delete it for good")
    assert sure.is_disabled()
    page.get_by_text("I will not need it any more").click()
    sync_api.expect(sure).to_be_enabled()
    seen.picture("dashboard-delete")
    sure.click()
    page.get_by_role("heading", name="Runs", exact=True).wait_for()
    page.wait_for_url(lambda url: "run=" not in url)
    assert page.get_by_role("link", name="Open unwanted").count() == 0
    assert seen.errors == []
    assert not (folder / "unwanted").exists()
