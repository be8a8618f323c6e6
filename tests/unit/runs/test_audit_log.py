"""The review log: it only grows, says who and why, and any tampering is found."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from synthdata.errors import SynthdataError
from synthdata.runs.audit_log import LOG, fingerprints, record, verify


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "synthetic.parquet").write_bytes(b"rows")
    (tmp_path / "report.json").write_text("{}")
    return tmp_path


def reviewed(run: Path) -> Path:
    record(run, "reject", name="Ann", reason="Age is wrong.")
    record(run, "comment", name="Bob", reason="Mended: größe 身長.")
    record(run, "approve", name="Ann", reason="Now it is right.")
    return run


def test_a_run_without_a_review_has_no_state(run: Path) -> None:
    assert verify(run).state == "none"
    assert verify(run).seal == ""


def test_the_last_decision_counts_and_comments_do_not(run: Path) -> None:
    record(run, "reject", name="Ann", reason="Age is wrong.")
    assert verify(run).state == "rejected"
    record(run, "comment", name="Bob", reason="Why?")
    assert verify(run).state == "rejected"
    record(run, "approve", name="Ann", reason="Mended.")
    review = verify(run)
    assert review.state == "released"
    assert [entry.number for entry in review.entries] == [1, 2, 3]
    assert review.decision is not None
    assert review.decision.files == fingerprints(run)
    assert review.seal == review.entries[-1].hash


@pytest.mark.parametrize(("name", "reason"), [("", "because"), ("Ann", " \n ")])
def test_name_and_reason_are_needed(run: Path, name: str, reason: str) -> None:
    with pytest.raises(SynthdataError, match="A review needs"):
        record(run, "approve", name=name, reason=reason)
    assert not (run / LOG).exists()


def test_only_a_finished_run_is_released(tmp_path: Path) -> None:
    with pytest.raises(SynthdataError, match="no synthetic table"):
        record(tmp_path, "approve", name="Ann", reason="Fine.")
    record(tmp_path, "reject", name="Ann", reason="It never ended.")
    assert verify(tmp_path).state == "rejected"


@pytest.mark.parametrize("key", ["number", "time", "action", "name", "reason", "files", "before", "hash"])
@pytest.mark.parametrize("line", [0, 1, 2])
def test_every_changed_word_is_found(run: Path, key: str, line: int) -> None:
    log = reviewed(run) / LOG
    entries = [json.loads(text) for text in log.read_text().splitlines()]
    entries[line][key] = {"number": 7, "action": "comment" if line != 1 else "reject", "files": {}}.get(key, "other")
    log.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    review = verify(run)
    assert review.state == "broken"
    assert f"Line {line + 1}" in review.problems[0]
    with pytest.raises(SynthdataError, match="tampered"):
        record(run, "comment", name="Ann", reason="Going on.")


def test_lines_taken_out_or_swapped_are_found(run: Path) -> None:
    log = reviewed(run) / LOG
    lines = log.read_text().splitlines(keepends=True)
    for changed in ([lines[0], lines[2]], lines[1:], [lines[1], lines[0], lines[2]], [*lines, lines[2]]):
        log.write_text("".join(changed))
        assert verify(run).state == "broken"
    for torn in ("", lines[0][:-1], lines[0] + "{"):
        log.write_text(torn)
        assert verify(run).state == "broken"


@pytest.mark.parametrize("name", ["synthetic.parquet", "report.json", "ledger.json"])
def test_a_file_changed_after_the_release_is_found(run: Path, name: str) -> None:
    reviewed(run)
    (run / name).write_bytes(b"other")
    review = verify(run)
    assert review.state == "broken"
    assert name in review.problems[0]
    record(run, "approve", name="Ann", reason="I looked at the new files.")
    assert verify(run).state == "released"


def test_a_rejected_run_may_change(run: Path) -> None:
    record(run, "reject", name="Ann", reason="Age is wrong.")
    (run / "report.json").unlink()
    assert verify(run).state == "rejected"


def test_writers_at_the_same_time_keep_the_chain(run: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: record(run, "comment", name="Ann", reason=f"Number {n}."), range(24)))
    review = verify(run)
    assert review.problems == ()
    assert len(review.entries) == 24
