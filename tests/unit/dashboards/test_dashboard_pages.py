"""The dashboard's pages, without a browser: what each kind of run shows, and where an address leads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from unit.dashboards.sample_runs import STRANGE, make_run, make_runs
from unit.reporting.sample_report import sample_facts

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from dashboards import store
from dashboards.home import PAGE_SIZE
from dashboards.launch import RUNS_VARIABLE
from dashboards.report_page import TABS
from synthdata.runs.store import RunFolder

APP = str(Path(__file__).resolve().parents[3] / "dashboards" / "app.py")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_runs(tmp_path_factory.mktemp("somewhere") / "runs")


@pytest.fixture
def dashboard(runs: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv(RUNS_VARIABLE, str(runs))
    return AppTest.from_file(APP, default_timeout=60)


def shown(page: AppTest) -> str:
    """All that a page says, markup included."""
    assert not page.exception, page.exception
    kinds = ("title", "header", "subheader", "markdown", "caption", "error", "warning", "code")
    texts = [element.value for kind in kinds for element in page.get(kind)]
    texts += [element.proto.body for element in page.get("html")]
    return "\n".join(map(str, texts))


def test_the_list_shows_every_fate(dashboard: AppTest) -> None:
    text = shown(dashboard.run())
    for part in (
        "11 runs",
        "Yes, under the policy applied.",
        "No: real rows shine through.",
        "Not on this evidence.",
        "torn/report.json is damaged",
        "of version 2",
        "Fitting trees: 43%, about 8.0 s left",
        "the disk is full",
        "Stopped by the user.",
        "is not a run folder",
        "junk/run.json is damaged",
    ):
        assert part in text, part


def test_no_page_tells_where_the_runs_lie(dashboard: AppTest, runs: Path) -> None:
    texts = [shown(dashboard.run())]
    for name in ("good", "failed", "torn", "going", "empty", "junk"):
        for tab in ("verdict", "provenance"):
            page = AppTest.from_file(APP, default_timeout=60)
            page.query_params["run"], page.query_params["tab"] = name, tab
            texts.append(shown(page.run()))
    for text in texts:
        assert "/home/ann" not in text
        assert str(runs) not in text
        assert str(runs.parent) not in text
    assert "…/census.csv" in texts[0]


def test_names_are_escaped(dashboard: AppTest) -> None:
    text = shown(dashboard.run())
    assert "<b>bold" not in text
    assert "&lt;b&gt;bold&lt;" in text


def test_search_and_filter_narrow_the_list(dashboard: AppTest) -> None:
    page = dashboard.run()
    page.text_input(key="find").set_value("GMM").run()
    assert "1 run," in shown(page)
    page.text_input(key="find").set_value("no such thing").run()
    assert "No run fits that." in shown(page)
    page.text_input(key="find").set_value("").run()
    page.button_group(key="show").set_value("ended").run()
    assert "4 runs," in shown(page)


def test_many_runs_come_a_page_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(45):
        make_run(tmp_path, f"run {number:03}", "cancelled")
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path))
    page = AppTest.from_file(APP, default_timeout=60).run()
    assert shown(page).count("<h2>") == PAGE_SIZE
    page.button(key="more").click().run()
    assert shown(page).count("<h2>") == 2 * PAGE_SIZE


@pytest.mark.parametrize("exists", [True, False])
def test_an_empty_store_says_what_to_do_first(exists: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path if exists else tmp_path / "nowhere"))
    text = shown(AppTest.from_file(APP, default_timeout=60).run())
    assert "There are no runs here yet" in text
    assert "synthdata run" in text
    assert str(tmp_path.parent) not in text


@pytest.mark.parametrize("tab", list(TABS))
@pytest.mark.parametrize("name", ["good", "leaky", "elsewhere", STRANGE.replace("/", "|")])
def test_an_address_leads_to_a_part(dashboard: AppTest, name: str, tab: str) -> None:
    dashboard.query_params["run"] = name
    dashboard.query_params["tab"] = tab
    page = dashboard.run()
    assert page.button_group(key="tab").value == tab
    assert "census.csv" in shown(page)


def test_choosing_a_part_changes_the_address(dashboard: AppTest) -> None:
    dashboard.query_params["run"] = "good"
    page = dashboard.run()
    page.button_group(key="tab").set_value("fidelity").run()
    assert page.query_params["tab"] == "fidelity"
    page.selectbox(key="column").set_value("age").run()
    assert page.query_params["column"] == "age"
    assert page.query_params["run"] == "good"
    assert page.metric[0].label == "Shape error"


def test_a_mistyped_part_or_column_falls_back(dashboard: AppTest) -> None:
    dashboard.query_params["run"] = "good"
    dashboard.query_params["tab"] = "nonsense"
    assert "May it be shared?" in shown(dashboard.run())
    dashboard.query_params["tab"] = "fidelity"
    dashboard.query_params["column"] = "nonsense"
    assert not dashboard.run().exception


def test_an_address_leads_to_a_pair(dashboard: AppTest) -> None:
    for key, value in {"run": "good", "tab": "relations", "pair": "education with income"}.items():
        dashboard.query_params[key] = value
    page = dashboard.run()
    assert not page.exception
    assert page.selectbox(key="pair").value == "education with income"
    page.selectbox(key="pair").set_value("age with education").run()
    assert "age with education" in page.query_params["pair"]
    assert "One pair" in shown(page)


@pytest.mark.parametrize("name", ["nowhere", "../somewhere", "", "/etc", ".."])
def test_a_run_that_is_not_there_is_said_to_be(dashboard: AppTest, name: str) -> None:
    dashboard.query_params["run"] = name
    assert "No such run" in shown(dashboard.run())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("torn", "cannot be shown"),
        ("later", "of version 2"),
        ("going", "You may close this page"),
        ("failed", "disk is full"),
        ("stopped", "Stopped by the user"),
        ("empty", "Broken"),
        ("junk", "Broken"),
    ],
)
def test_a_run_without_a_report_says_why(dashboard: AppTest, name: str, said: str) -> None:
    dashboard.query_params["run"] = name
    assert said in shown(dashboard.run())


def test_synthetic_rows_are_previewed(dashboard: AppTest) -> None:
    dashboard.query_params["run"] = "good"
    dashboard.query_params["tab"] = "data"
    page = dashboard.run()
    assert "The first 60 of 60 rows" in shown(page)
    assert list(page.dataframe[0].value.columns) == ["age", STRANGE]


def test_rows_are_found_by_what_is_in_a_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path))
    frame = pd.DataFrame(
        {
            "city": pd.Series(["Rome", None, "Oslo"] * 300, dtype="category"),
            "when": pd.to_datetime(["2026-03-05"] * 899 + ["2031-07-09"]),
            "stay": pd.to_timedelta([4] * 899 + [11], unit="D"),
            "paid": [2.5] * 899 + [77.25],
        }
    )
    frame.to_parquet(make_run(tmp_path, "plain", facts=sample_facts()) / "synthetic.parquet", row_group_size=100)
    run = store.find("plain")
    assert run is not None
    whole, rows = store.preview(run)
    pd.testing.assert_frame_equal(whole, frame.head(store.PREVIEW_ROWS), check_freq=False)
    assert rows == 900
    for sought in ("2031-07", "11 days", "77.25"):
        assert store.preview(run, sought)[0]["paid"].tolist() == [77.25], sought
    assert set(store.preview(run, "rOM")[0]["city"]) == {"Rome"}
    assert len(store.preview(run, "rOM")[0]) == 300
    assert store.preview(run, "R.me")[0].empty
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params["run"], page.query_params["tab"], page.query_params["holding"] = "plain", "data", "<b>"
    assert "No row holds it." in shown(page.run())


def test_a_missing_or_damaged_table_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path))
    folder = make_run(tmp_path, "half", facts=sample_facts())
    for damage, said in ((b"PAR1 not really", "damaged"), (None, "no synthetic table")):
        (folder / "synthetic.parquet").write_bytes(damage) if damage else (folder / "synthetic.parquet").unlink()
        page = AppTest.from_file(APP, default_timeout=60)
        page.query_params["run"], page.query_params["tab"] = "half", "data"
        assert said in shown(page.run())


def test_a_report_written_anew_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path))
    folder = make_run(tmp_path, "again", facts=sample_facts())
    assert "Yes, under" in shown(AppTest.from_file(APP, default_timeout=60).run())
    facts = sample_facts(verdict="fail")
    from synthdata.reporting.report import Report

    Report(facts).save(folder / "report.json")
    assert "No: real rows" in shown(AppTest.from_file(APP, default_timeout=60).run())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/a/b/c.csv", "…/c.csv"),
        ("~/data/c.csv is empty", "…/c.csv is empty"),
        ("c.csv", "c.csv"),
        ("a/b.csv", "a/b.csv"),
        ("s3://bucket/deep/c.csv", "s3://bucket/deep/c.csv"),
        ("sqlite:////srv/private/shop.db", "sqlite:///…/shop.db"),
        ("'/srv/my data/c.csv'", "'…/c.csv'"),
        ("and/or 3/4", "and/or 3/4"),
    ],
)
def test_paths_lose_their_folders(text: str, told: str) -> None:
    assert store.without_paths(text) == told


def test_the_folder_of_runs_is_never_told_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "it's my data" / "runs"
    monkeypatch.setenv(RUNS_VARIABLE, str(folder))
    assert store.without_paths(f"Cannot write {folder}/a/report.json: full.") == "Cannot write …/a/report.json: full."


def test_a_run_is_found_without_reading_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path))
    for number in range(200):
        make_run(tmp_path, f"run-{number:03}", "cancelled")
    read = count_reads(monkeypatch)
    found = store.find("run-077")
    assert found is not None
    assert found.name == "run-077"
    assert read == ["run-077"]


def test_a_list_reads_only_what_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path))
    for number in range(200):
        make_run(tmp_path, f"run-{number:03}", "cancelled")
    read = count_reads(monkeypatch)
    assert len(store.runs()) == len(read) == 200
    RunFolder(tmp_path / "run-007").update(message="Another word.")
    read.clear()
    assert "Another word." in {run.message for run in store.runs()}
    assert read == ["run-007"]


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the runs whose record is read from now on."""
    read: list[str] = []
    record = RunFolder.record

    def counted(folder: RunFolder) -> dict[str, Any]:
        read.append(folder.path.name)
        return record(folder)

    monkeypatch.setattr(RunFolder, "record", counted)
    return read
