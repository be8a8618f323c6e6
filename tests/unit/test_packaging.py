"""pyproject.toml, constraints.txt and the code agree about what is needed."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
OURS = {"synthdata", "dashboards"}


def distribution(requirement: str) -> str:
    """`psycopg[binary]>=3.2` → `psycopg`."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match
    return match.group().lower().replace("_", "-")


def declared(*extras: str) -> set[str]:
    requirements = [*PROJECT["dependencies"], *(line for extra in extras for line in EXTRAS[extra])]
    return {distribution(line) for line in requirements} - OURS


def imported(folder: str) -> Iterator[tuple[str, str]]:
    """Every module imported from outside: its first name, and where."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            for name in names:
                first = name.split(".")[0]
                if first not in sys.stdlib_module_names | OURS:
                    yield first, f"{path.relative_to(ROOT)}, line {node.lineno}"


@pytest.mark.parametrize("folder", ["synthdata", "dashboards"])
def test_everything_imported_is_declared(folder: str) -> None:
    known = packages_distributions()
    allowed = declared("sql", "duckdb", "s3", "excel", "dashboard", "neural", "privacy", "augment", "sdv")
    missing = {
        f"{module} ({place})"
        for module, place in imported(folder)
        if not {distribution(name) for name in known.get(module, [module])} & allowed
        # What authors of plug-ins test with may ask for pytest; nothing else imports it.
        and not (module == "pytest" and place.startswith("synthdata/testing/"))
    }
    assert not missing


def test_everything_declared_is_used() -> None:
    known = packages_distributions()
    used = {distribution(name) for module, _ in imported("synthdata") for name in known.get(module, [])}
    used |= {distribution(name) for module, _ in imported("dashboards") for name in known.get(module, [])}
    assert declared() - used == set()


def test_extras_that_messages_name_exist() -> None:
    named = {}
    for path in (ROOT / "synthdata").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("MissingExtraError"):
                extra = node.args[1]
                assert isinstance(extra, ast.Constant)
                named[str(extra.value)] = f"{path.name}, line {node.lineno}"
    assert named
    assert {extra: place for extra, place in named.items() if extra not in EXTRAS} == {}


def test_everything_declared_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line) for line in pins)
    assert declared(*EXTRAS) <= {distribution(line) for line in pins}
    assert "torch==2.13.0" in pins
