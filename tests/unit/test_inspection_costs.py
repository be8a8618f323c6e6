"""What `inspect` says models will cost, networks and the choosing model included."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from synthdata import inspection
from synthdata.inspection import Cost, Inspection, estimate
from synthdata.models.autoregressive import Autoregressive
from synthdata.random import SeedTree
from synthdata.table.schema import Schema
from synthdata.table.table import Table
from synthdata.training.trainer import History


def table(n: int) -> Table:
    generator = np.random.default_rng(0)
    x = generator.normal(size=n).round(3)
    return Table.of(pd.DataFrame({"x": x, "up": (x > 0).astype(str)}))


def test_a_network_is_timed_for_a_moment_and_said_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "TRIAL_SECONDS", 0.3)
    small, large = (estimate("autoregressive", table(n), SeedTree(0)).seconds for n in (300, 60_000))
    assert small is not None
    assert large is not None
    # Forty times around 60,000 rows are 4,687 steps, around 300 rows 750 shorter ones.
    assert 0 < small < large
    assert estimate("autoregressive", table(300), SeedTree(0)).reason == "less with --time-budget"


def test_steps_and_checks_are_counted_by_what_they_took() -> None:
    model = Autoregressive(epochs=10, batch_size=100, device="cpu")
    model.encoder_, model.history_ = None, History(figures=[1.0] * 4, steps=50, step_seconds=5.0, check_seconds=2.0)  # type: ignore[assignment]
    # 10 times around 10,000 rows are 1,000 steps of .1 seconds, with 20 checks of .5 seconds.
    assert model.expected_seconds(10_000) == pytest.approx(110.0)


def test_the_choosing_model_costs_what_it_chooses_and_says_why() -> None:
    cost = estimate("auto", table(300), SeedTree(0))
    assert cost.seconds is not None
    assert cost.reason.startswith("boosted, since 300 rows are few")


def test_times_and_what_to_know_of_them_stand_together() -> None:
    costs = (Cost("auto", 30.0, "boosted, since"), Cost("trees", 2.0), Cost("sdv", None, "not timed"))
    shown = Inspection("t", 1, Schema(columns=()), (), {}, 0, 0, costs, ())
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(shown.renderable())
    text = console.export_text()
    assert "about 30 seconds; boosted, since" in text
    assert "not timed" in text
