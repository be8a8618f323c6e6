"""What `inspect` says models will cost, networks and the choosing model included."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from synthdata import estimates
from synthdata.estimates import Cost, costs_grid, estimate
from synthdata.models.autoregressive import Autoregressive
from synthdata.random import SeedTree
from synthdata.table.table import Table
from synthdata.training.history import History


def table(n: int) -> Table:
    generator = np.random.default_rng(0)
    x = generator.normal(size=n).round(3)
    return Table.of(pd.DataFrame({"x": x, "up": (x > 0).astype(str)}))


def test_a_network_is_timed_for_a_moment_and_said_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates, "TRIAL_SECONDS", 0.3)
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


class Slow:
    """A model that takes some seconds whatever the table and one more for a thousand rows, by a clock of its own."""

    savable = True

    def __init__(self, always: float) -> None:
        self.now, self.always, self.tried = 0.0, always, list[int]()

    def fit(self, sample: Table, *, seed: int) -> Slow:
        self.tried.append(len(sample))
        self.now += self.always + len(sample) / 1_000
        return self

    def sample(self, n: int, *, seed: int) -> None:
        assert n == self.tried[-1]


@pytest.mark.parametrize(("always", "tried"), [(0.5, [500, 2_000]), (4.0, [500, 1_000])])
def test_what_a_fit_takes_at_any_size_is_not_multiplied_by_rows(
    monkeypatch: pytest.MonkeyPatch, always: float, tried: list[int]
) -> None:
    slow = Slow(always)
    monkeypatch.setattr(estimates, "make_model", lambda name: slow)
    monkeypatch.setattr(estimates.time, "perf_counter", lambda: slow.now)
    assert estimate("gmm", table(10_000), SeedTree(0)).seconds == pytest.approx(always + 10.0)
    assert slow.tried == tried
    slow.tried.clear()
    assert estimate("gmm", table(300), SeedTree(0)).seconds == pytest.approx(always + 0.3)
    assert slow.tried == [300]


def test_what_is_known_of_a_family_is_not_timed_again() -> None:
    known = (Cost("trees", 1.0), Cost("boosted", 123.0))
    assert estimate("auto", table(300), SeedTree(0), known).seconds == 123.0


def test_the_choosing_model_costs_what_it_chooses_and_says_why() -> None:
    cost = estimate("auto", table(300), SeedTree(0))
    assert cost.seconds is not None
    assert cost.reason.startswith("boosted, since 300 rows are few")


def test_times_and_what_to_know_of_them_stand_together() -> None:
    costs = (Cost("auto", 30.0, "boosted, since"), Cost("trees", 2.0), Cost("sdv", None, "not timed"))
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(costs_grid(costs))
    text = console.export_text()
    assert "about 30 seconds; boosted, since" in text
    assert "not timed" in text
