"""Training that is killed, runs out of time, breaks down, or goes on elsewhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from synthdata.errors import ModelError
from synthdata.models.autoregressive import Autoregressive
from synthdata.models.registry import load
from synthdata.training import callbacks
from synthdata.training.trainer import NOT_A_NUMBER, TrainingSettings, _Training

SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_training_interrupted import model, table
model(sys.argv[2]).fit(table(), seed=0)
"""


def table(n: int = 400) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    x = generator.normal(size=n).round(3)
    return pd.DataFrame({"x": x, "y": (x + 0.1 * generator.normal(size=n)).round(3), "up": (x > 0).astype(str)})


def model(checkpoint: str | None = None, **changes: Any) -> Autoregressive:
    return Autoregressive(**{"epochs": 20, "width": 16, "device": "cpu", "checkpoint": checkpoint, **changes})


def test_a_killed_training_goes_on_where_it_was(tmp_path: Path) -> None:
    place = tmp_path / "state"
    state = place / "checkpoint.json"
    child = subprocess.Popen([sys.executable, "-c", SCRIPT, str(Path(__file__).parent), str(place)])
    try:
        while not state.exists() or len(json.loads(state.read_text(encoding="utf-8"))["figures"]) < 3:
            assert child.poll() is None, "training ended before it could be killed"
            time.sleep(0.01)
    finally:
        os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    kept = json.loads(state.read_text(encoding="utf-8"))
    resumed = model(str(place)).fit(table(), seed=0)
    straight = model().fit(table(), seed=0)
    done = len(kept["figures"])
    assert 1 <= done < len(straight.history_.figures)
    assert resumed.history_.figures[:done] == kept["figures"] == straight.history_.figures[:done]
    # Every row is met in the same order, with the same noise, as if nothing had happened.
    assert resumed.history_ == straight.history_
    pd.testing.assert_frame_equal(resumed.sample(50, seed=1), straight.sample(50, seed=1))


class Clock:
    """A clock on which each look takes ten milliseconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        self.now += 0.01
        return self.now


def test_a_time_budget_counts_from_the_call_of_fit_and_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(callbacks, "time", clock)
    monkeypatch.setattr("synthdata.models.neural.time", clock)
    fitted = model(time_budget=2.0, epochs=10_000).fit(table(), seed=0)
    assert 1.7 < clock.now <= 2.2
    assert fitted.history_.shares[-1] == 1.0
    # By then the rate of learning has come down to nothing.
    assert callbacks.Pace(10, None).rate(fitted.history_.shares[-1]) == 0.0


def test_a_small_real_budget_ends_training_long_before_its_epochs() -> None:
    fitted = model(time_budget=0.5, epochs=100_000).fit(table(), seed=0)
    assert fitted.history_.shares[-1] == 1.0
    assert 0 < fitted.history_.steps < 100_000
    assert fitted.sample(10, seed=0).notna().all(axis=None)


def test_training_that_breaks_down_says_so_in_the_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    from synthdata.models.networks.column_records import ColumnRecords

    assert not any("last good state" in note for note in model(epochs=1).fit(table(30), seed=0).notes)
    after, calls, losses = 100, [], ColumnRecords.losses

    def poisoned(self: ColumnRecords, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        calls.append(1)
        return losses(self, rows, generator) * (float("nan") if len(calls) > after else 1.0)

    monkeypatch.setattr(ColumnRecords, "losses", poisoned)
    fitted = model().fit(table(), seed=0)
    assert fitted.history_.ending == NOT_A_NUMBER
    assert any("the last good state was kept" in note for note in fitted.notes)
    assert len(calls) == after + 1
    assert np.isfinite(fitted.log_prob(table())).all()


def test_what_was_trained_on_a_gpu_is_loaded_without_one(tmp_path: Path) -> None:
    fitted = model(epochs=2).fit(table(), seed=0)
    fitted.save(tmp_path / "model")
    manifest = tmp_path / "model" / "manifest.json"
    content = json.loads(manifest.read_text(encoding="utf-8"))
    content["parameters"]["device"] = "cuda"
    manifest.write_text(json.dumps(content), encoding="utf-8")
    again = load(tmp_path / "model")
    assert again.parameters()["device"] == "auto"
    pd.testing.assert_frame_equal(again.sample(20, seed=0), fitted.sample(20, seed=0))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_asking_for_a_gpu_that_is_not_there_is_one_message() -> None:
    with pytest.raises(ModelError, match="No GPU"):
        model(device="cuda").fit(table(), seed=0)


@pytest.mark.parametrize(("device", "compiled"), [("cuda", True), ("cpu", False)])
def test_losses_are_compiled_on_a_gpu_only(monkeypatch: pytest.MonkeyPatch, device: str, compiled: bool) -> None:
    monkeypatch.setattr(torch, "compile", lambda function, **settings: ("compiled", function))
    training: Any = SimpleNamespace(device=SimpleNamespace(type=device), settings=TrainingSettings(steps=1))
    player: Any = SimpleNamespace(losses="losses")
    assert _Training._compiled(training, player) == (("compiled", "losses") if compiled else "losses")


def test_a_table_that_does_not_fit_on_the_device_travels_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = model(epochs=2).fit(table(), seed=0)
    monkeypatch.setattr("synthdata.models.networks.column_records.free_bytes", lambda device: 0)
    parts = model(epochs=2).fit(table(), seed=0)
    pd.testing.assert_frame_equal(whole.sample(20, seed=0), parts.sample(20, seed=0))
