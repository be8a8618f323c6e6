"""What the README says, run: its commands in their order, its Python, and its tables against the code."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# These wait for a browser or need the machine to themselves; tests of their own start them.
NOT_RUN = ("synthdata dashboard",)
ROWS = 2_000


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """The lines that begin with a prompt, continued over a closing backslash."""
    lines = "\n".join(blocks("console")).replace("\\\n", " ").splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample tables, in which the commands leave their files for one another.

    Of the larger table it has the first rows alone: what is tested is that the commands work as they are written.
    """
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "data", folder / "data", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    larger = folder / "data" / "admissions.csv"
    lines = larger.read_text(encoding="utf-8").splitlines(keepends=True)
    larger.write_text("".join(lines[: ROWS + 1]), encoding="utf-8")
    return folder


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"COLUMNS": "120"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.slow
@pytest.mark.parametrize("command", [line for line in commands() if not line.startswith(NOT_RUN)])
def test_commands(command: str, workplace: Path) -> None:
    words = shlex.split(command)
    assert words[0] == "synthdata"
    done = run([sys.executable, "-m", *words], workplace)
    # 1 is the verdict of a policy on what was made, and not a failure to make it.
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert done.stdout.strip()
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_python(number: int, workplace: Path) -> None:
    done = run([sys.executable, "-W", "error::SyntaxWarning", "-c", blocks("python")[number]], workplace)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"^make (\w+)", "\n".join(blocks("bash")), flags=re.MULTILINE)
    assert {"demo", "test"} <= set(named)
    for target in named:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_every_command_is_in_the_table() -> None:
    import typer

    from synthdata.cli import app

    section = README.split("| command |")[1].split("\n\n")[0]
    documented = set(re.findall(r"^\| `(\w+)", section, flags=re.MULTILINE))
    assert documented == set(typer.main.get_group(app).commands)


def test_the_rooms_exist() -> None:
    section = README.split("## Architecture")[1].split("\n## ")[0]
    named = re.findall(r"`([a-z_]+(?:/|\.py))`", section)
    assert {"pipeline.py", "models/", "table/"} <= set(named)
    for name in named:
        assert (ROOT / "synthdata" / name).exists() or (ROOT / name).exists(), name


def test_links_lead_somewhere() -> None:
    for document in ROOT.glob("*.md"):
        for link in re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8")):
            assert link.startswith("https://") or (document.parent / link).exists(), f"{document.name}: {link}"
