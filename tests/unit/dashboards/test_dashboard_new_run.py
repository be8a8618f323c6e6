"""A new run from the dashboard: upload, columns put right, refusals, and the process that goes on by itself."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from unit.dashboards.sample_runs import make_run

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from dashboards import draft, starting, store, uploads
from dashboards.access import EVERYTHING, Person
from dashboards.launch import RUNS_VARIABLE
from synthdata.errors import SchemaError, SourceError, SynthdataError

ANYBODY = Person("ann", EVERYTHING)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


def table(rows: int = 60) -> bytes:
    frame = pd.DataFrame(
        {
            "age": [20 + number % 50 for number in range(rows)],
            "<b>sex</b> größe": ["F", "M", "F"] * (rows // 3),
            "low": [number % 7 for number in range(rows)],
            "high": [number % 7 + 3 for number in range(rows)],
            "told": [f"free words number {number} about {'x' * (number % 9)} something" for number in range(rows)],
        }
    )
    return frame.to_csv(index=False).encode()


def page() -> AppTest:
    def script() -> None:
        from dashboards import new_run

        new_run.show(None)

    return AppTest.from_function(script, default_timeout=120)


def test_an_upload_is_for_its_owner_alone(runs: Path) -> None:
    path = uploads.keep("../../träume 1.CSV", table())
    assert path.name == "träume-1.csv"
    assert path.parent.parent == runs / ".uploads"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [("a.exe", b"x", "cannot be read"), ("a.parquet.gz", b"x", "cannot be read"), ("a.csv", b"", "empty")],
)
def test_what_cannot_be_used_is_refused(runs: Path, name: str, content: bytes, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        uploads.keep(name, content)
    assert not (runs / ".uploads").exists()


def test_a_file_that_is_too_large_is_refused(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST", 1)
    with pytest.raises(SourceError, match="has 2 MiB; at most 1"):
        uploads.keep("a.csv", b"x" * (2 << 20))
    assert not (runs / ".uploads").exists()


def test_a_file_that_cannot_be_read_is_not_kept(runs: Path) -> None:
    with pytest.raises(SynthdataError):
        draft.upload("a.parquet", b"no parquet at all")
    assert list((runs / ".uploads").iterdir()) == []


def test_uploads_go_with_their_run_or_after_days(runs: Path) -> None:
    made = {name: uploads.keep("a.csv", table()) for name in ("kept", "gone", "old", "young")}
    make_run(runs, "kept", "done")
    uploads.hand_over(made["kept"], "kept")
    uploads.hand_over(made["gone"], "gone")
    week = time.time() - (uploads.DAYS + 0.1) * 86_400
    os.utime(made["old"].parent, (week, week))
    uploads.sweep()
    assert {name for name, path in made.items() if path.exists()} == {"kept", "young"}


def test_a_source_with_a_password_or_off_the_list_is_refused(runs: Path) -> None:
    with pytest.raises(SourceError, match="password") as caught:
        draft.named("postgresql://ann:hunter2@db/shop", None, ANYBODY)
    assert "hunter2" not in str(caught.value)
    listed = Person("ann", EVERYTHING, ("sklearn:*", "/data/*"), known=True)
    for source in ("/etc/passwd", "/data/../etc/passwd", "openml:adult", "file:///etc/passwd"):
        with pytest.raises(SourceError, match="may not name"):
            draft.named(source, None, listed)
    assert draft.named("sklearn:iris", None, listed).rows == 150


def test_the_grid_overrules_what_was_guessed(runs: Path) -> None:
    made = draft.upload("a.csv", table())
    rows = draft.grid(made)
    assert [row["Leave out"] for row in rows] == [False, False, False, False, True]
    assert draft.schema_of(made, rows, "", None) == made.inferred
    rows[0] |= {"Lowest": "0", "Highest": "120"}
    rows[1] |= {"Categories": "F, M, X"}
    rows[2] |= {"Kind": "categorical"}
    schema = draft.schema_of(made, rows, "low <= high\n", "high")
    assert schema["age"].public is not None
    assert schema["age"].public.bounds == (0, 120)
    assert schema["<b>sex</b> größe"].public.categories == ("F", "M", "X")  # type: ignore[union-attr]
    assert schema["low"].kind == "categorical"
    assert schema.target == "high"


@pytest.mark.parametrize(
    ("change", "rules", "said"),
    [
        ({"Lowest": "0"}, "", "only one public bound"),
        ({"Personal data": "email"}, "", "is text"),
        ({}, "low <= hgih", "high"),
        ({}, "{oops", "not valid JSON"),
    ],
)
def test_what_does_not_fit_is_said(runs: Path, change: dict[str, str], rules: str, said: str) -> None:
    made = draft.upload("a.csv", table())
    rows = draft.grid(made)
    rows[0] |= change
    with pytest.raises(SchemaError, match=said):
        draft.schema_of(made, rows, rules, None)


def test_free_text_that_is_declared_personal_data_is_kept(runs: Path) -> None:
    made = draft.upload("a.csv", table())
    rows = draft.grid(made)
    rows[4] |= {"Personal data": "name", "Leave out": False}
    schema = draft.schema_of(made, rows, "", None)
    assert (schema["told"].pii, schema["told"].drop) == ("name", False)


def test_the_page_goes_from_a_file_to_a_run(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: dict[str, object] = {}

    def start(root: Path, source: str, model: str, title: str, options: dict[str, object], schema: str) -> str:
        started.update(options, source=source, model=model, title=title, schema=json.loads(schema))
        return "a-independent"

    monkeypatch.setattr(starting, "start", start)
    monkeypatch.setattr("streamlit.switch_page", lambda page, query_params: started.update(query_params))
    at = page().run()
    at.file_uploader[0].upload("a.csv", table()).run()
    assert not at.exception
    assert any("60 rows, 5 columns" in element.value for element in at.markdown)
    at.selectbox(key="target").set_value("high").run()
    at.text_area(key="rules").set_value("low <= high").run()
    at.selectbox(key="model-False").set_value("independent").run()
    at.multiselect(key="protected").set_value(["high"]).run()
    next(button for button in at.button if button.label == "Start the run").click().run()
    assert not at.exception
    assert started["protected"] == "high"
    assert [error.value for error in at.error] == []
    assert (started["run"], started["model"], started["epsilon"]) == ("a-independent", "independent", None)
    assert str(started["source"]).startswith(".uploads/")
    assert started["schema"]["rules"]  # type: ignore[index]


def test_the_page_refuses_rules_that_rows_break_before_anything_is_started(runs: Path) -> None:
    at = page().run()
    at.file_uploader[0].upload("a.csv", table()).run()
    at.text_area(key="rules").set_value("high <= low").run()
    next(button for button in at.button if button.label == "Start the run").click().run()
    assert "is broken by" in at.error[0].value
    assert not (runs / ".starts").exists()


def test_with_a_guarantee_only_models_that_can_give_it_are_offered(runs: Path) -> None:
    at = page().run()
    at.file_uploader[0].upload("a.csv", table()).run()
    at.button_group(key="private").set_value("Guaranteed").run()
    assert not at.exception
    offered = at.selectbox(key="model-True").options
    assert "aim" in offered
    assert "boosted" not in offered
    assert any("right at most 73% of the time" in element.value for element in at.markdown)


def wait(condition: object) -> None:
    for _ in range(600):
        if condition():  # type: ignore[operator]
            return
        time.sleep(0.1)
    pytest.fail("it did not happen")


def test_a_start_that_fails_says_why(runs: Path) -> None:
    (runs / ".starts" / "nowhere-independent").mkdir(parents=True)
    name = starting.start(runs, "nowhere.csv", "independent", "nowhere", {"seed": 1, "rows": None}, "{}")
    assert name == "nowhere-independent-2"
    wait(lambda: store.find(name) and store.find(name).status == "failed")  # type: ignore[union-attr]
    assert "No such file: nowhere.csv" in store.find(name).message  # type: ignore[union-attr]


def test_only_the_process_of_the_run_itself_is_stopped(runs: Path) -> None:
    make_run(runs, "mine", "running", process=os.getpid())
    run = store.find("mine")
    assert run is not None
    with pytest.raises(SynthdataError, match="not stopped from here"):
        starting.cancel(run)
    words = [sys.executable, "-c", "import time; time.sleep(60)", "synthdata", "run", "x.csv", "--out", "mine"]
    process = subprocess.Popen(words)
    try:
        wait(lambda: starting.works_on(process.pid, "mine"))
        assert not starting.works_on(process.pid, "other")
        make_run(runs, "theirs", "running", process=process.pid)
        with pytest.raises(SynthdataError, match="not stopped from here"):
            starting.cancel(store.find("theirs"))  # type: ignore[arg-type]
        assert process.poll() is None
        (runs / "mine" / "run.json").write_text(json.dumps({**run.record, "process": process.pid}))
        starting.cancel(store.find("mine"))  # type: ignore[arg-type]
        assert process.wait(timeout=30) != 0
    finally:
        process.kill()


def test_a_run_under_way_shows_its_held_out_curve(runs: Path) -> None:
    folder = make_run(runs, "going", "running")
    events = [
        {"stage": "fit", "message": "Training", "fraction": part, "figures": {"nats per row": 9.0 - part}}
        for part in (0.1, 0.2)
    ]
    lines = [*events, {"stage": "fit", "fraction": 0.3, "figures": {}}, {"stage": "sample", "fraction": 0.0}]
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in lines) + '{"stage": "sam')
    run = store.find("going")
    assert run is not None
    assert store.quality(run) == {"nats per row": [[0.1, 8.9], [0.2, 8.8]]}
    page = AppTest.from_file(str(Path(store.__file__).with_name("app.py")), default_timeout=60)
    page.query_params["run"] = "going"
    page.run()
    assert not page.exception
    assert len(page.get("plotly_chart")) == 1
    next(button for button in page.button if button.label == "Stop this run").click().run()
    assert "not stopped from here" in page.error[0].value
