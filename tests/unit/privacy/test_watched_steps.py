"""What an audit reads off noisy sums of gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from synthdata.privacy.dpsgd import NoisySteps, Plan
from synthdata.privacy.entropy import Entropy
from synthdata.privacy.watched_steps import Sightings, WatchedSteps

CPU = torch.device("cpu")
KNOWN, CANARIES = 60, 30


class Squares(nn.Module):
    """Rows (n, 40) whose gradients are as many numbers as four times their width, and lie apart."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.rows = torch.randn(KNOWN + CANARIES, 40, generator=generator)
        self.inner = nn.Linear(40, 4)
        with torch.no_grad():
            for weight in self.inner.parameters():
                weight.copy_(torch.randn(weight.shape, generator=generator))

    def losses(self, at: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """In the opposite order, as a family may."""
        at = at.flip(0)
        return self.inner(self.rows[at]).square().sum(1), at


def coins() -> np.ndarray:
    return np.arange(CANARIES) % 2 == 0


def plan(steps: int, noise: float = 2.0) -> Plan:
    return Plan(batch=30.0, rate=0.4, steps=steps, clip=0.5, noise=noise)


def grads(networks: Squares) -> np.ndarray:
    return torch.cat([w.grad.flatten() for w in networks.parameters() if w.grad is not None]).numpy()


def taken(monkeypatch: pytest.MonkeyPatch, factor: float, steps: int) -> tuple[Sightings, np.ndarray]:
    """What was seen in steps whose noise is multiplied, and how often each canary was in truth in their samples."""
    honest, seen, drawn = NoisySteps._noise, Sightings(), np.zeros(KNOWN + CANARIES)
    monkeypatch.setattr(NoisySteps, "_noise", lambda self, *given: [each * factor for each in honest(self, *given)])

    class Counted(WatchedSteps):
        def sample(self, rows: int) -> np.ndarray:
            """Counted as well."""
            chosen = super().sample(rows)
            drawn[chosen] += 1
            return chosen

    networks, watched = Squares(), Counted(plan(steps), Entropy(), KNOWN, coins(), seen)
    for _ in range(steps):
        watched.gradients(networks, networks.losses, KNOWN + CANARIES, CPU)
    return seen, drawn[KNOWN:]


def test_without_noise_the_samples_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, truth = taken(monkeypatch, 0.0, 12)
    assert seen.counts is not None
    assert seen.deviation == pytest.approx(0.01)
    assert np.all(truth[~coins()] == 0)
    assert np.corrcoef(seen.counts, truth)[0, 1] > 0.97
    assert seen.counts[coins()].mean() > seen.counts[~coins()].mean() + 3


def test_honest_noise_hides_the_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, truth = taken(monkeypatch, 1.0, 12)
    assert seen.counts is not None
    assert seen.deviation is not None
    assert 0.7 < seen.deviation <= 1.0
    assert abs(np.corrcoef(seen.counts, truth)[0, 1]) < 0.85


def test_a_watched_step_lets_out_what_any_other_does() -> None:
    """With all canaries in, the same noise, and losses without numbers of their own."""
    out = []
    everyone = np.ones(CANARIES, dtype=bool)
    for steps in (
        NoisySteps(plan(1), Entropy(seed=5)),
        WatchedSteps(plan(1), Entropy(seed=5), KNOWN, everyone, Sightings()),
    ):
        networks = Squares()
        steps.gradients(networks, networks.losses, KNOWN + CANARIES, CPU)
        out.append(grads(networks))
    assert np.allclose(*out, atol=1e-4)


def test_known_rows_that_are_not_told_apart_are_in_the_sum_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthdata.privacy.watched_steps.MOST_KNOWN", 20)
    test_a_watched_step_lets_out_what_any_other_does()
    seen, truth = taken(monkeypatch, 0.0, 12)
    assert seen.counts is not None
    assert np.corrcoef(seen.counts, truth)[0, 1] > 0.2


def test_steps_that_are_not_looked_at_take_no_regression(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthdata.privacy.watched_steps.LOOKS", 2)
    looked: list[int] = []
    honest = WatchedSteps._regression

    def counted(self: WatchedSteps, *given: Any) -> np.ndarray:
        looked.append(self.taken)
        return honest(self, *given)

    monkeypatch.setattr(WatchedSteps, "_regression", counted)
    seen, _ = taken(monkeypatch, 1.0, 9)
    assert looked == [1, 9]
    assert seen.counts is not None
