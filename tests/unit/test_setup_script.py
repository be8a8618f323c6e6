"""scripts/setup.sh refuses what it cannot use with one plain sentence, before it touches anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def set_up(folder: Path, purpose: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(folder / "scripts" / "setup.sh"), purpose],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )


@pytest.fixture
def clone(repository: Path, tmp_path: Path) -> Path:
    """A copy of what the script reads, without a .venv."""
    shutil.copytree(repository / "scripts", tmp_path / "scripts")
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(repository / name, tmp_path / name)
    return tmp_path


def test_an_unknown_purpose(clone: Path) -> None:
    done = set_up(clone, "party")
    assert done.returncode == 2
    assert done.stderr == "Error: unknown purpose 'party'; use demo or test\n"


def test_a_python_that_is_none(clone: Path) -> None:
    done = set_up(clone, "demo", PYTHON="/bin/false")
    assert done.returncode == 2
    assert "PYTHON=/bin/false is not Python 3.11 or newer." in done.stderr
    assert not (clone / ".venv").exists()


def test_no_python_at_all(clone: Path, tmp_path: Path) -> None:
    """Neither a Python nor a way to install one is on the PATH."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bash", "dirname", "id", "env"):
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    done = set_up(clone, "demo", PATH=str(programs), PYTHON="")
    assert done.returncode == 2
    assert "Python 3.11 or newer was not found" in done.stderr
    assert not (clone / ".venv").exists()
