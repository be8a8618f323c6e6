"""A comparison from beginning to end: trials in processes of their own, resumed, and failures that are rows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import synthdata
from synthdata.comparison.plan import Trial, chosen, settings_for, settle
from synthdata.comparison.pool import Order, Outcome, Pace, Worker, side_by_side
from synthdata.errors import ModelError, SynthdataError
from synthdata.progress import Event, Progress, silent


def people(n: int = 120) -> pd.DataFrame:
    generator = np.random.default_rng(1)
    age = generator.integers(18, 90, n)
    return pd.DataFrame({"age": age, "sex": pd.Categorical(generator.choice(["F", "M"], n)), "old": age > 60})


def test_compare_resumes_and_takes_more_models(tmp_path: Path) -> None:
    events: list[Event] = []
    out = tmp_path / "comparison"
    options: dict[str, Any] = {"out": out, "seeds": 1, "jobs": 1}
    first = synthdata.compare(people(), "independent", seed=5, progress=Progress([events.append]), **options)
    assert first.facts["run"]["seeds"] == [5]
    assert any(event.stage == "compare" and "fit" in event.message for event in events)
    record = out / "independent-seed-5" / "run.json"
    before = record.read_text(encoding="utf-8"), record.stat().st_mtime_ns
    assert json.loads(before[0])["peak_memory"] > 10 * 2**20

    # Another model is added; the seed is that of the first start; what was done is not done again.
    more = synthdata.compare(people(), ["independent", "bayesnet"], **options)
    assert (record.read_text(encoding="utf-8"), record.stat().st_mtime_ns) == before
    assert [model["status"] for model in more.facts["models"]] == ["done", "done"]
    assert more.facts == json.loads((out / "comparison.json").read_text(encoding="utf-8"))
    assert "bayesnet" in (out / "comparison.html").read_text(encoding="utf-8")
    # Every figure is that of the trial's own report, and all trials have the same split.
    report = json.loads((out / "bayesnet-seed-5" / "report.json").read_text(encoding="utf-8"))
    figures = more.facts["models"][1]["figures"]
    assert figures["fidelity.shape"]["value"] == report["fidelity"]["shape"]["value"]
    assert more.facts["models"][1]["privacy"]["state"] == report["privacy"]["verdict"]["state"]
    splits = {json.loads(path.read_text(encoding="utf-8"))["split_seed"] for path in out.glob("*/run.json")}
    assert splits == {5}

    for changed, what in (({"holdout": 0.3}, "holdout"), ({"seed": 6}, "seed"), ({"target": "old"}, "schema")):
        with pytest.raises(SynthdataError, match=what):
            synthdata.compare(people(), "independent", **{**options, **changed})
    with pytest.raises(SynthdataError, match="fingerprint"):
        synthdata.compare(people(119), "independent", **options)


def test_a_model_that_fails_is_a_row(tmp_path: Path) -> None:
    people().to_csv(tmp_path / "people.csv", index=False)
    # The model itself refuses this, in its process.
    done = synthdata.compare(
        str(tmp_path / "people.csv"),
        "independent,gmm",
        out=tmp_path / "out",
        seeds=1,
        seed=0,
        jobs=2,
        settings=["independent.rare_threshold=0"],
    )
    failed, fine = done.facts["models"]
    assert (failed["status"], fine["status"]) == ("failed", "done")
    assert "rare_threshold must be 1 or more" in failed["reasons"][0]
    with pytest.raises(SynthdataError, match=r"None of the models.*rare_threshold"):
        synthdata.compare(
            str(tmp_path / "people.csv"), "independent", out=tmp_path / "none", seeds=1, settings=["rare_threshold=0"]
        )


def test_killed_processes_are_outcomes() -> None:
    outcomes = []
    trials = [Trial("independent", (), seed) for seed in (0, 1)]
    waiting = Order(json.dumps({"bytes": 10**6}).encode())  # waits for a table that never comes

    def kill(event: Event) -> None:
        for child in trials_under_way():
            os.kill(child, signal.SIGKILL)

    for outcome in side_by_side(
        trials,
        lambda trial: waiting,
        jobs=1,
        threads=1,
        memory=lambda: 0,
        time_budget=None,
        progress=Progress([kill]),
    ):
        outcomes.append(outcome)
    assert outcomes == [Outcome(trial, "The process was killed; most likely memory ran out.") for trial in trials]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds children in /proc")
def test_interrupted_it_leaves_no_process(tmp_path: Path) -> None:
    people().to_csv(tmp_path / "people.csv", index=False)
    command = [sys.executable, "-m", "synthdata", "compare", "people.csv", "--models", "independent", "-o", "out"]
    process = subprocess.Popen(
        [*command, "--seeds", "9", "--jobs", "1"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        # Tests that were started in the background hand down that an interrupt is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while not (found := children(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130, said
    assert b"of 9 fits were done; the same command goes on with the others." in said
    # The trials end by themselves once nobody listens, which may take a moment longer than their parent.
    while any(working(child) for child in found) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(working(child) for child in found)
    assert not (tmp_path / "out" / "comparison.json").exists()


def working(process: int) -> bool:
    """Whether a process is there and not merely waiting to be forgotten."""
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def children(parent: int) -> list[int]:
    """The processes that a process has started."""
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text(encoding="ascii").split()]


def trials_under_way() -> list[int]:
    """The trials that this process has started; it has other children, such as the browser of other tests."""
    return [
        child
        for child in children(os.getpid())
        if b"synthdata.comparison.trial" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
    ]


def test_the_list_of_models() -> None:
    assert chosen(" trees, gmm,trees ") == ["trees", "gmm"]
    assert "boosted" in chosen(None)
    with pytest.raises(ModelError, match="Did you mean 'trees'"):
        chosen("tres")
    for empty in ("", " , ", []):
        with pytest.raises(ModelError, match="no model to compare"):
            chosen(empty)


def test_settings_reach_the_models_they_are_meant_for() -> None:
    texts = ["gmm.max_components=7", "rare_threshold=6"]
    own, missing = settings_for(["gmm", "independent"], texts, None)
    assert own == {"gmm": ("max_components=7", "rare_threshold=6"), "independent": ("rare_threshold=6",)}
    assert not missing
    with pytest.raises(ModelError, match="Did you mean 'gmm'"):
        settings_for(["gmm"], ["gm.max_components=7"], None)
    with pytest.raises(ModelError, match="Did you mean 'max_components'"):
        settings_for(["gmm"], ["max_component=7"], None)
    with pytest.raises(ModelError, match="should be int"):
        settings_for(["gmm"], ["gmm.max_components=many"], None)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(SynthdataError, match="holds no comparison"):
        settle(tmp_path, {"seed": 1}, None, overwrite=True)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "plan.json").write_text("{", encoding="utf-8")
    with pytest.raises(SynthdataError, match="damaged"):
        settle(tmp_path / "damaged", {"seed": 1}, None, overwrite=False)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"seeds": 0}, "number of seeds"),
        ({"jobs": 0}, "number of jobs"),
        ({"holdout": 1.0}, "holdout"),
        ({"time_budget": 0.0}, "time budget"),
        ({"source": people(12)}, "at least 20"),
        ({"models": "boostd"}, "Did you mean 'boosted'"),
        ({"target": "agee"}, "Did you mean 'age'"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
def test_bad_input_writes_nothing(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    given = {"source": people(), "models": "independent", **options}
    with pytest.raises(SynthdataError, match=said):
        synthdata.compare(**given, out=tmp_path / "out", progress=silent())
    assert not (tmp_path / "out").exists()


def test_the_command_refuses_with_one_message(tmp_path: Path) -> None:
    people().to_csv(tmp_path / "people.csv", index=False)
    command = [sys.executable, "-m", "synthdata", "compare", "people.csv", "--models", "trees,gm", "-o", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.strip() == "Error: There is no model 'gm'. Did you mean 'gmm'?"
    assert not (tmp_path / "out").exists()


def worker(model: str, stage: str, fraction: float, since: float) -> Worker:
    """A worker without a process, that began so many seconds ago."""
    made = Worker.__new__(Worker)
    made.trial, made.stage, made.fraction = Trial(model, (), 0), stage, fraction
    made.started = time.monotonic() - since
    made.fit_since = made.started
    return made


def test_a_fit_far_over_its_budget_is_overdue() -> None:
    slow = worker("trees", "fit", 0.1, since=100)
    assert slow.overdue(10)
    assert not slow.overdue(1_000)
    assert not slow.overdue(None)
    # What counts is the fit; judging its table may take as long as it needs.
    assert not worker("trees", "validate", 0.1, since=100).overdue(10)


def test_time_left_comes_from_what_trials_took() -> None:
    pace = Pace(total=4, jobs=1)
    waiting = [Trial("trees", (), 1), Trial("gmm", (), 1)]
    assert pace.event([], waiting).seconds_left is None
    pace.ended(worker("trees", "report", 1.0, since=10))
    pace.ended(worker("gmm", "report", 1.0, since=30))
    event = pace.event([], waiting)
    assert event.fraction == 0.5
    assert event.seconds_left == pytest.approx(40, abs=1)
    running = pace.event([worker("gmm", "fit", 0.5, since=12)], waiting[:1])
    assert running.seconds_left == pytest.approx(10 + 30 - 12, abs=1)
    assert running.fraction == pytest.approx((2 + 0.35) / 4)
    assert running.message == "2 of 4 done; gmm seed 0: fit"
