"""The examples run, and show what they promise, beside the first rows of the table that they are written for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(name: str, folder: Path, rows: int) -> str:
    """What an example prints that was copied to a folder with so many rows of the sample table."""
    (folder / "examples").mkdir()
    (folder / "data").mkdir()
    script = shutil.copy(EXAMPLES / name, folder / "examples")
    lines = (EXAMPLES.parent / "data" / "admissions.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "data" / "admissions.csv").write_text("".join(lines[: rows + 1]), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script], cwd=folder, capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_share(tmp_path: Path) -> None:
    said = run("01_share.py", tmp_path, 3_000)
    assert "3,000 rows" in said
    assert "; 0 leave before they come" in said
    assert (tmp_path / "runs" / "example-share" / "boosted" / "report.html").stat().st_size > 10_000
    handed_over = tmp_path / "runs" / "example-share" / "admissions_synthetic.csv"
    assert len(handed_over.read_text(encoding="utf-8").splitlines()) == 3_001


@pytest.mark.slow
def test_augment(tmp_path: Path) -> None:
    said = run("02_augment.py", tmp_path, 20_000)
    scores = [float(score) for score in re.findall(r"(?:AUC|synthetic rows:) (0\.\d+)", said)]
    assert len(scores) == 20
    assert min(scores) > 0.5
    assert len(re.findall(r"gain [+-]0\.\d+ ± 0\.\d+ \(two standard errors\): (?:helps|harms|makes)", said)) == 2


@pytest.mark.slow
def test_review(tmp_path: Path) -> None:
    said = run("03_review.py", tmp_path, 8_000)
    honest, leaky = said.split("\nleaky:")
    assert "privacy tests: no leak found" in honest
    assert " verdict fail; privacy tests: leak found" in leaky
    assert (tmp_path / "runs" / "example-review" / "leaky" / "report.json").exists()


@pytest.mark.slow
def test_new_family(tmp_path: Path) -> None:
    said = run("04_new_family.py", tmp_path, 3_000)
    assert "privacy tests: no leak found" in said
    assert "Shares of the classes: 0." in said
    ages = re.findall(r"^\d .* F +(\d+) ", said, flags=re.MULTILINE)
    assert len(ages) == 5
    assert min(map(int, ages)) >= 80


def test_every_example_is_tested() -> None:
    tested = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{path.name}"' in tested for path in EXAMPLES.glob("[0-9]*.py"))
