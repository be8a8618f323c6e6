"""Imports run one way. The contracts stand in pyproject.toml, under [tool.importlinter]."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import synthdata


def test_rooms_import_one_way(repository: Path) -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run([*command, "--no-cache"], cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


def test_rooms_take_only_the_version_from_the_root(repository: Path) -> None:
    """Public names are loaded through the root lazily, where the contracts do not see them."""
    offenders = []
    for path in sorted((repository / "synthdata").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "synthdata":
                for alias in node.names:
                    if alias.name in synthdata.__all__ and alias.name != "__version__":
                        offenders.append(f"{path.name}, line {node.lineno}: {alias.name}")
    assert not offenders, f"import these from the module that defines them: {offenders}"
