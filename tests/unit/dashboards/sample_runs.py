"""Run folders as the pipeline leaves them, whole and broken, for the dashboard's tests."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
from unit.reporting.sample_report import sample_facts

from synthdata.reporting.html import render
from synthdata.reporting.report import Report

STRANGE = "<b>bold</b> & größe 身長"


def make_run(root: Path, name: str, status: str = "done", facts: dict[str, Any] | None = None, **record: Any) -> Path:
    """One run folder; with ``facts`` it has a report and synthetic rows."""
    folder = root / name
    folder.mkdir(parents=True)
    about = {
        "version": 1,
        "name": name,
        "status": status,
        "source": "/home/ann/private/census.csv",
        "model": "trees",
        "started": "2026-03-05T14:07:00+00:00",
        "finished": None if status == "running" else "2026-03-05T14:09:00+00:00",
        "process": os.getpid(),
        "message": "",
        **record,
    }
    (folder / "run.json").write_text(json.dumps(about), encoding="utf-8")
    if facts is not None:
        facts["run"] |= {"name": name, "source": about["source"], "model": about["model"]}
        report = Report(facts)
        report.save(folder / "report.json")
        (folder / "report.html").write_text(render(report), encoding="utf-8")
        frame = pd.DataFrame({"age": range(30, 90), STRANGE: ["a", "b"] * 30})
        frame.to_parquet(folder / "synthetic.parquet", index=False)
    return folder


def make_runs(root: Path) -> Path:
    """One run of every fate."""
    make_run(root, "good", facts=sample_facts(), started="2026-03-05T14:01:00+00:00")
    make_run(root, "leaky", facts=sample_facts(verdict="fail"), model="gmm", started="2026-03-05T14:02:00+00:00")
    make_run(root, "elsewhere", facts=sample_facts(holdout=False, model=None), model=None)
    make_run(root, STRANGE.replace("/", "|"), facts=sample_facts(30, verdict="warn"))
    torn = make_run(root, "torn", facts=sample_facts())
    (torn / "report.json").write_text('{"version": 1, "verd', encoding="utf-8")
    later = make_run(root, "later", facts=sample_facts())
    (later / "report.json").write_text(json.dumps({"version": 2}), encoding="utf-8")
    going = make_run(root, "going", "running")
    event = {"stage": "fit", "message": "Fitting trees", "seconds_left": 8.0, "time": 0.0}
    told = [{**event, "fraction": done, "figures": {"held_out": 3 - done}} for done in (0.1, 0.2, 0.43)]
    lines = "".join(json.dumps(each) + "\n" for each in told)
    (going / "events.jsonl").write_text(lines + '{"stage": "sam', encoding="utf-8")
    make_run(root, "failed", "failed", message="Cannot write /home/ann/private/report.json: the disk is full.")
    make_run(root, "stopped", "cancelled", message="Stopped by the user.")
    (root / "empty").mkdir()
    (root / "junk").mkdir()
    (root / "junk" / "run.json").write_text("{oops", encoding="utf-8")
    return root
