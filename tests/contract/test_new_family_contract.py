"""A family of one file, as the example shows it: it keeps the contract, and an entry point puts it on the list."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthdata.models.base import Synthesizer
from synthdata.testing import synthesizer_checks

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def latent_classes() -> Synthesizer:
    return importlib.import_module("04_new_family").LatentClasses()


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example as a module, here and in processes that tests start."""
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(EXAMPLES), os.environ.get("PYTHONPATH", "")]))


@pytest.mark.parametrize("check", synthesizer_checks(latent_classes))
def test_contract(check: Callable[[], None]) -> None:
    check()


def test_classes_that_differ_are_found() -> None:
    generator = np.random.default_rng(0)
    kind = generator.random(2_000) < 0.3
    table = pd.DataFrame({"x": generator.normal(10 * kind), "c": np.where(kind, "a", "b")})
    table["d"] = np.where(generator.random(2_000) < 0.9, table["c"], "b")
    drawn = latent_classes().fit(table, seed=0).sample(2_000, seed=1)
    assert drawn["c"].eq("a").mean() == pytest.approx(0.3, abs=0.04)
    assert (drawn.loc[drawn["c"] == "a", "x"] > 5).mean() > 0.8
    assert ((drawn["c"] == "b") & (drawn["d"] == "a")).mean() < 0.02


def test_an_entry_point_puts_it_on_the_list(tmp_path: Path) -> None:
    about = tmp_path / "latent_classes-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: latent_classes\nVersion: 1\n", encoding="utf-8")
    points = "[synthdata.models]\nlatent_classes = 04_new_family:LatentClasses\n"
    (about / "entry_points.txt").write_text(points, encoding="utf-8")
    pd.DataFrame({"age": np.arange(60) % 30, "sex": ["F", "M"] * 30}).to_csv(tmp_path / "people.csv", index=False)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]])}

    def synthdata(*words: str) -> str:
        command = [sys.executable, "-m", "synthdata", *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    synthdata("fit", "people.csv", "--model", "latent_classes", "--param", "classes=3", "--save", "model")
    assert "5 rows" in synthdata("sample", "model", "-n", "5", "--given", "sex=F", "-o", "rows.csv")
    assert set(pd.read_csv(tmp_path / "rows.csv")["sex"]) == {"F"}
