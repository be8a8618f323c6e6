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
    """A model that takes a second for 2,500 rows, by a clock of its own."""

    savable = True

    def __init__(self) -> None:
        self.now, self.loading, self.tried = 0.0, 0.0, list[int]()

    def fit(self, sample: Table, *, seed: int) -> Slow:
        self.tried.append(len(sample))
        self.now += len(sample) / 2_500 + self.loading
        self.loading = 0.0
        return self

    def sample(self, n: int, *, seed: int) -> None:
        assert n == self.tried[-1]


@pytest.mark.parametrize(
    ("family", "rows", "tried", "seconds"),
    [
        ("boosted", 10_000, [250, 1_000, 4_000], 4.0),
        ("boosted", 1_100, [250, 1_000, 1_100], 0.44),
        ("gmm", 40_000, [250, 1_000, 4_000], 1.6 * 10**0.35),
        ("gmm", 200, [200], 0.08),
        ("aim", 500, [250, 250, 500], 0.2),
    ],
)
def test_samples_grow_until_they_take_a_while_and_each_family_grows_in_its_own_way(
    monkeypatch: pytest.MonkeyPatch, family: str, rows: int, tried: list[int], seconds: float
) -> None:
    slow = Slow()
    monkeypatch.setattr(estimates, "make_model", lambda name: slow)
    monkeypatch.setattr(estimates.time, "perf_counter", lambda: slow.now)
    if family == "aim":
        # What the first fit loads does not count.
        slow.loading = 3.0
    assert estimate(family, table(rows), SeedTree(0)).seconds == pytest.approx(seconds)
    assert slow.tried == tried


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
