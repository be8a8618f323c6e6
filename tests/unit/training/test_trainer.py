"""The training loop, on a line that is to be found through noisy points."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from synthdata import atomic
from synthdata.errors import Cancelled, MissingExtraError, ModelError
from synthdata.progress import LONGER, Progress, silent
from synthdata.training import device as devices
from synthdata.training.callbacks import Best, Pace, load_checkpoint, save_checkpoint
from synthdata.training.trainer import TrainingSettings, train

ROWS = 400


class Line:
    """The objective and its player: y = 2x + 1 by least squares."""

    sees_real_rows = True
    quality_name = "error"

    def __init__(self, poison_after: int | None = None) -> None:
        generator = torch.Generator().manual_seed(0)
        self.modules = nn.Linear(1, 1)
        with torch.no_grad():
            self.modules.weight.zero_()
            self.modules.bias.zero_()
        self.players = (self,)
        self.x = torch.rand(ROWS, 1, generator=generator)
        self.y = 2 * self.x + 1
        self.poison_after, self.calls, self.seen = poison_after, 0, set()

    def to(self, device: torch.device) -> None:
        self.modules.to(device)

    def losses(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        self.calls += 1
        self.seen.update(rows.tolist())
        losses = ((self.modules(self.x[rows]) - self.y[rows]) ** 2)[:, 0]
        poisoned = self.poison_after is not None and self.calls > self.poison_after
        return losses * math.nan if poisoned else losses

    def quality(self, rows: torch.Tensor) -> float:
        return float(((self.modules(self.x[rows]) - self.y[rows]) ** 2).mean())


def settings(**changes: object) -> TrainingSettings:
    base = {"steps": 300, "batch_size": 64, "learning_rate": 0.1, "weight_decay": 0.0, "ema": 0.9, "device": "cpu"}
    return TrainingSettings(**{**base, **changes})


def fit(line: Line, **changes: object):
    return train(line, ROWS, settings(**changes), np.random.default_rng(0), silent())


def test_it_finds_the_line_and_keeps_a_curve():
    line = Line()
    history = fit(line)
    assert line.modules.weight.item() == pytest.approx(2, abs=0.02)
    assert history.figures[-1] < history.figures[0] / 100
    assert history.shares == sorted(history.shares)
    assert history.shares[-1] == 1.0


def test_a_player_may_move_more_slowly_and_take_a_part_of_each_batch():
    class Slow(Line):
        relative_rate, weight_decay, batch_share = 0.01, 0.0, 0.25

        def losses(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
            assert len(rows) == 16
            return super().losses(rows, generator)

    class Both(Line):
        def __init__(self) -> None:
            super().__init__()
            self.slow = Slow()
            self.players = (self, self.slow)

    both = Both()
    fit(both)
    assert both.modules.weight.item() == pytest.approx(2, abs=0.02)
    # At a hundredth of .1, with half of it on average, no more than .15 in 300 steps.
    assert 0.05 < both.slow.modules.weight.item() < 0.2


def test_weights_of_a_player_decay_as_it_says():
    class Decays(Line):
        relative_rate, weight_decay = 1.0, 1.0

    assert fit(Line()).figures[-1] < 0.01
    line = Decays()
    fit(line)
    assert line.modules.weight.item() < 1.9


def test_held_out_rows_are_never_learnt_from():
    line = Line()
    fit(line, validation=0.25)
    assert len(line.seen) == ROWS * 3 // 4


@pytest.mark.parametrize(
    ("rows", "held"), [(40, 4), (7_500, 750), (11_000, 750), (15_000, 750), (30_000, 1_500), (90_000, 2_000)]
)
def test_a_tenth_of_the_rows_is_held_out_and_a_smaller_share_of_many(rows: int, held: int) -> None:
    line = Line()
    line.x, line.y = torch.zeros(rows, 1), torch.zeros(rows, 1)
    history = train(line, rows, TrainingSettings(steps=1, device="cpu"), np.random.default_rng(0), silent())
    assert history.held_out == held


def test_the_same_seed_gives_the_same_weights_and_global_state_stays():
    first, second = Line(), Line()
    before = torch.get_rng_state()
    fit(first)
    fit(second)
    assert torch.equal(first.modules.weight, second.modules.weight)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_loss_that_is_no_number_ends_training_with_the_best_state():
    line = Line(poison_after=200)
    history = fit(line)
    assert "no longer a number" in history.ending
    assert line.quality(torch.arange(ROWS)) < 0.2
    assert all(torch.isfinite(p).all() for p in line.modules.parameters())


def test_a_loss_that_is_no_number_from_the_start_is_an_error():
    with pytest.raises(ModelError, match="smaller learning_rate"):
        fit(Line(poison_after=0))


def test_training_finishes_early_when_held_out_rows_get_worse():
    class Overfits(Line):
        def quality(self, rows: torch.Tensor) -> float:
            return float(self.calls)

    line = Overfits()
    history = fit(line, patience=3, checks=20)
    assert history.steps < 300 * 0.5
    assert max(b - a for a, b in zip(history.shares, history.shares[1:], strict=False)) > 0.5
    assert history.shares[-1] > 0.8


class Steady(Line):
    """An error that falls by as much at every check, until ``floor``."""

    def __init__(self, floor: float, start: float = 10.0) -> None:
        super().__init__()
        self.floor, self.figure = floor, start

    def quality(self, rows: torch.Tensor) -> float:
        self.figure -= 0.1
        return max(self.figure, self.floor)


def test_training_takes_as_many_steps_again_where_it_still_learns_much_halfway():
    seen = []
    longer = train(Steady(floor=0.0), ROWS, settings(longer=True), np.random.default_rng(0), Progress([seen.append]))
    assert longer.steps == 600
    assert longer.shares == sorted(longer.shares)
    assert longer.shares[-1] == 1.0
    # What was done until then is half of what it was, and checks come as often as before, seen from the end.
    assert longer.shares[9] == pytest.approx(0.25, abs=0.01)
    assert len(longer.shares) == 25
    assert [event.fraction for event in seen if event.message == LONGER] == pytest.approx([longer.shares[9]])
    assert fit(Steady(floor=0.0)).steps == 300
    # A last check that gains less than its share of all, and one without a gain.
    assert fit(Steady(floor=9.09), longer=True).steps == 300
    assert fit(Steady(floor=9.1), longer=True).steps == 300


@pytest.mark.parametrize(("budget", "fewest", "most"), [(10_000.0, 600, 600), (1_500.0, 301, 599), (500.0, 50, 299)])
def test_training_goes_on_longer_only_as_far_as_the_clock_allows(monkeypatch, budget, fewest, most):
    clock = iter(np.arange(0.0, 1e6, 1.0))
    monkeypatch.setattr("synthdata.training.callbacks.time.perf_counter", lambda: float(next(clock)))
    history = fit(Steady(floor=0.0), longer=True, time_budget=budget)
    assert fewest <= history.steps <= most
    assert history.shares == sorted(history.shares)
    assert history.shares[-1] == 1.0


def test_what_is_gained_on_rows_seen_alone_counts_against_going_on():
    class Remembers(Line):
        def quality(self, rows: torch.Tensor) -> float:
            """Held-out rows get better by one for each hundred calls, rows seen in training by two."""
            held_out = not self.seen.intersection(rows.tolist())
            return 10 - self.calls / 100 * (1 if held_out else 2)

    plain, wary = fit(Remembers(), checks=20), fit(Remembers(), checks=20, lean=1.5, patience=2)
    assert plain.best == len(plain.figures) - 1
    assert plain.judged == plain.figures
    assert wary.best == 0
    gained = [10 - figure for figure in wary.figures]
    assert wary.judged == pytest.approx([10 - gain + 1.5 * gain for gain in gained])


def test_a_time_budget_ends_training_with_the_rate_decayed(monkeypatch):
    clock = iter(np.arange(0.0, 1e6, 1.0))
    monkeypatch.setattr("synthdata.training.callbacks.time.perf_counter", lambda: float(next(clock)))
    history = fit(Line(), steps=10_000, time_budget=50.0)
    assert history.steps < 60
    assert history.shares[-1] == 1.0
    assert Pace(10, None).rate(1.0) == 0.0


def test_cancelling_stops_at_the_next_step():
    progress = Progress()
    progress.observers.append(lambda event: progress.cancel())
    line = Line()
    with pytest.raises(Cancelled):
        train(line, ROWS, settings(), np.random.default_rng(0), progress)
    assert line.calls < 300


def test_progress_carries_the_held_out_curve():
    seen = []
    progress = Progress([lambda event: seen.append(event.figures)])
    train(Line(), ROWS, settings(), np.random.default_rng(0), progress)
    curve = [figures["error"] for figures in seen if figures]
    assert len(curve) >= 10
    assert curve[-1] < curve[0]


def test_training_resumes_from_a_checkpoint(tmp_path):
    class Stops(Line):
        def losses(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
            if self.calls == 160:
                raise KeyboardInterrupt
            return super().losses(rows, generator)

    with pytest.raises(KeyboardInterrupt):
        fit(Stops(), checkpoint=tmp_path / "state")
    names = sorted(path.name for path in (tmp_path / "state").iterdir())
    assert (len(names), names[0], names[1][:8]) == (2, "checkpoint.json", "tensors-")
    resumed = Line()
    history = fit(resumed, checkpoint=tmp_path / "state")
    assert resumed.calls < 200
    assert history.shares == sorted(history.shares)
    assert len(history.figures) == 20
    assert resumed.modules.weight.item() == pytest.approx(2, abs=0.05)


def test_training_that_went_on_for_longer_resumes_as_such(tmp_path):
    class Stops(Steady):
        def losses(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
            if self.calls == 200:
                raise KeyboardInterrupt
            return super().losses(rows, generator)

    with pytest.raises(KeyboardInterrupt):
        fit(Stops(floor=0.0), longer=True, checkpoint=tmp_path / "state")
    resumed = Steady(floor=0.0, start=8.0)
    history = fit(resumed, longer=True, checkpoint=tmp_path / "state")
    assert history.steps == 600
    assert resumed.calls < 450
    assert history.shares == sorted(history.shares)
    assert len(history.figures) == 25


def test_a_damaged_checkpoint_is_refused(tmp_path):
    fit(Line(), checkpoint=tmp_path / "state")
    (tensors,) = (tmp_path / "state").glob("*.safetensors")
    tensors.write_bytes(b"nonsense")
    with pytest.raises(ModelError, match="damaged"):
        fit(Line(), checkpoint=tmp_path / "state")


@pytest.mark.parametrize("call", range(1, 5))
def test_a_checkpoint_is_whole_wherever_its_saving_is_interrupted(tmp_path, monkeypatch, call):
    """Each thing that saving does to files is the last one once."""
    place = tmp_path / "state"
    save_checkpoint(place, {"x": torch.tensor([1.0])}, {"step": 1})
    calls = []

    def dies(at):
        def instead(*given, **named):
            calls.append(at)
            if len(calls) == call:
                raise KeyboardInterrupt
            return at(*given, **named)

        return instead

    for owner, name in ((Path, "write_bytes"), (Path, "write_text"), (atomic.os, "replace")):
        monkeypatch.setattr(owner, name, dies(getattr(owner, name)))
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(place, {"x": torch.tensor([2.0])}, {"step": 2})
    monkeypatch.undo()
    assert len(calls) == call
    tensors, settings = load_checkpoint(place)
    assert (tensors["x"].item(), settings["step"]) == (1.0, 1)


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    fit(Line(), checkpoint=tmp_path / "state")
    other = Line()
    other.modules = nn.Linear(1, 2)
    with pytest.raises(ModelError, match="another model"):
        fit(other, checkpoint=tmp_path / "state")


def test_few_rows_are_not_split():
    line = Line()
    history = train(line, 5, settings(), np.random.default_rng(0), silent())
    assert line.seen == set(range(5))
    assert history.figures


def test_the_best_weights_are_kept_not_the_last():
    module, best = nn.Linear(1, 1), Best(patience=2)
    for figure in (3.0, 1.0, 2.0, 4.0):
        with torch.no_grad():
            module.weight.fill_(figure)
        best.offer(figure, [module])
    assert best.stale
    best.restore([module])
    assert module.weight.item() == 1.0


def test_unknown_or_missing_devices_are_refused():
    with pytest.raises(ModelError, match="Known: auto, cpu, cuda"):
        devices.choose_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(ModelError, match="No GPU"):
            devices.choose_device("cuda")


def test_without_torch_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"synthdata\[neural\]"):
        devices.require_torch()
