"""Importing the package and asking for help load nothing heavy, so that both answer at once."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "duckdb", "great_expectations", "numpy", "pandas", "playwright", "plotly", "pyarrow", "scipy", "sdmetrics", "sdv",
    "sklearn", "sqlalchemy", "streamlit", "torch",
}  # fmt: skip

HELP = """
import sys
from synthdata.cli import main
sys.argv = ["synthdata", *{arguments!r}]
try:
    main()
except SystemExit as leave:
    assert not leave.code, leave.code
"""


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after running the code."""
    report = "import json, sys\nprint('\\n' + json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_is_light() -> None:
    loaded = loaded_by("import synthdata; assert synthdata.__version__")
    assert "synthdata" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["dashboard", "--help"]], ids=" ".join)
def test_help_is_light(arguments: list[str]) -> None:
    loaded = loaded_by(HELP.format(arguments=arguments))
    assert "typer" in loaded
    assert not loaded & HEAVY


def test_the_check_sees_a_heavy_import() -> None:
    assert "numpy" in loaded_by("import numpy") & HEAVY
