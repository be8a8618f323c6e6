"""The report object: reading, writing, and refusing what is not one."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from unit.reporting.sample_report import sample_facts

from synthdata.errors import SynthdataError
from synthdata.reporting.report import Report


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    return sample_facts()


def test_what_is_saved_comes_back(facts: dict[str, Any], tmp_path: Path) -> None:
    report = Report(facts)
    report.save(tmp_path / "report.json")
    assert Report.load(tmp_path / "report.json") == report
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_numpy_and_nan_become_json(facts: dict[str, Any], tmp_path: Path) -> None:
    odd = copy.deepcopy(facts)
    odd["fidelity"]["shape"]["value"] = np.float64(0.25)
    odd["fidelity"]["trend"]["value"] = float("nan")
    odd["pairs"]["real"] = np.array(odd["pairs"]["real"])
    report = Report(odd)
    report.save(tmp_path / "report.json")
    written = json.loads((tmp_path / "report.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert written["fidelity"]["shape"]["value"] == 0.25
    assert written["fidelity"]["trend"]["value"] is None
    assert report.figure("fidelity.trend").reading() == "Could not be computed."


def test_the_callers_facts_are_left_alone(facts: dict[str, Any]) -> None:
    before = copy.deepcopy(facts)
    Report(facts).facts["alerts"].clear()
    assert facts == before


def test_a_newer_version_is_refused(facts: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "later"
    folder.mkdir()
    (folder / "report.json").write_text(json.dumps({**facts, "version": 2}))
    with pytest.raises(SynthdataError, match=r"later/report\.json is of version 2, .* up to version 1"):
        Report.load(folder / "report.json")


def place(*path: Any, value: Any = None) -> Callable[[dict[str, Any]], None]:
    """A change that sets one entry of the facts."""

    def change(facts: dict[str, Any]) -> None:
        inner: Any = facts
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (place("version"), "version"),
        (place("version", value=True), "version"),
        (place("verdict", value="perhaps"), "verdict"),
        (place("run"), "run"),
        (place("run", "rows", value=3), r"run\.rows"),
        (place("fidelity", value=[]), "fidelity"),
        (place("fidelity", "shape", value=0.3), r"fidelity\.shape"),
        (place("fidelity", "shape", "value", value="0.3"), r"fidelity\.shape\.value"),
        (place("fidelity", "shape", "interval", value=[0.1]), r"fidelity\.shape\.interval"),
        (place("fidelity", "shape", "interval", value=[None, 0.1]), r"fidelity\.shape\.interval"),
        (place("privacy", "verdict", "state", value="safe"), r"privacy\.verdict\.state"),
        (place("columns", value={}), "columns"),
        (place("columns", 2, value="age"), r"columns\[2\]"),
        (place("columns", 2, "name"), r"columns\[2\]\.name"),
        (place("columns", 1, "chart", "type", value="pie"), r"columns\[1\]\.chart\.type"),
        (place("columns", 1, "chart", "real", value=[1]), r"columns\[1\]\.chart\.real"),
        (place("columns", 2, "chart", "categories"), r"columns\[2\]\.chart\.categories"),
        (place("pairs", "real", value=[[1.0]]), r"pairs\.real"),
        (place("pairs", "error", 1, value=[0.0]), r"pairs\.error"),
        (place("alerts", value="none"), "alerts"),
        (place("checks", value=[]), "checks"),
    ],
)
def test_a_damaged_report_names_the_place(facts: dict[str, Any], damage: Any, named: str, tmp_path: Path) -> None:
    broken = copy.deepcopy(facts)
    damage(broken)
    (tmp_path / "report.json").write_text(json.dumps(broken))
    with pytest.raises(SynthdataError, match=named):
        Report.load(tmp_path / "report.json")
    with pytest.raises(SynthdataError, match=named):
        Report(broken)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe\x00", b"[" * 100_000])
def test_what_is_not_a_report_is_one_clear_message(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_bytes(content)
    with pytest.raises(SynthdataError, match=r"report\.json"):
        Report.load(tmp_path / "report.json")


def test_a_missing_report_says_so(tmp_path: Path) -> None:
    with pytest.raises(SynthdataError, match="There is no"):
        Report.load(tmp_path / "report.json")
    with pytest.raises(SynthdataError, match="cannot be read"):
        Report.load(tmp_path)


def test_columns_come_worst_first_and_keys_apart(facts: dict[str, Any]) -> None:
    report = Report(facts)
    errors = [column.shape.value for column in report.worst_columns()]
    assert errors == sorted(errors, reverse=True)
    assert len(errors) == len(facts["columns"]) - 1
    assert [column.name for column in report.other_columns()] == ["id"]


def test_three_scores_stay_apart(facts: dict[str, Any]) -> None:
    scores = Report(facts).scores()
    assert [score.name for score in scores] == ["fidelity", "utility", "privacy"]
    assert [figure.metric for figure in scores[2].figures] == ["privacy.dcr_share", "privacy.copies"]
    assert [score.headline.metric for score in scores] == ["fidelity.detection", "utility.tstr", "privacy.dcr_share"]


def test_a_metric_of_later_makes_its_way_in(facts: dict[str, Any]) -> None:
    later = copy.deepcopy(facts)
    later["privacy"]["attacks"] = {"membership": {"value": 0.5}}
    later["privacy"]["new_attack"] = later["privacy"]["copies"]
    labels = [figure.term.label for figure in Report(later).scores()[2].figures]
    assert labels == ["Nearness to training rows", "Exact copies", "New attack"]


def test_standing_follows_the_policy() -> None:
    report = Report(sample_facts(verdict="warn"))
    assert report.standing("fidelity.shape") == "met"
    assert report.standing("fidelity.detection") == "warn"
    assert report.standing("fidelity.trend") is None
    assert Report(sample_facts(verdict="fail")).standing("privacy.verdict") == "fail"
    assert report.rules[0]["metric"] == "fidelity.detection"


def test_alerts_come_worst_first() -> None:
    assert [alert["level"] for alert in Report(sample_facts(verdict="fail")).alerts] == ["fail", "warn", "info"]
