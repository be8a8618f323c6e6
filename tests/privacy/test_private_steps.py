"""The noisy steps of private training: their samples, clipping, noise and number, and planted bugs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import binomtest, kstest
from torch import nn

from synthdata.errors import ModelError, PrivacyError
from synthdata.privacy import dpsgd, per_record
from synthdata.privacy.accounting import epsilon_of
from synthdata.privacy.charges import Charge
from synthdata.privacy.dpsgd import NoisySteps, Plan
from synthdata.privacy.entropy import Entropy
from synthdata.privacy.ledger import Ledger, Privacy
from synthdata.progress import silent
from synthdata.training.trainer import TrainingSettings, train

ROWS = 400
CPU = torch.device("cpu")


class Line(nn.Module):
    """A line through rows (n, 3), with gradients of very different sizes."""

    def __init__(self, rows: torch.Tensor) -> None:
        super().__init__()
        self.rows = rows
        self.inner = nn.Linear(3, 1)

    def losses(self, at: torch.Tensor) -> torch.Tensor:
        return self.inner(self.rows[at])[:, 0] * 10


def line(n: int = ROWS) -> Line:
    return Line(torch.randn(n, 3, generator=torch.Generator().manual_seed(1)) * 3)


def released(steps: NoisySteps, networks: Line) -> np.ndarray:
    """What a step lets out, as the noisy sum of clipped gradients."""
    steps.gradients(networks, lambda at: (networks.losses(at), at), len(networks.rows), CPU)
    grads = [weight.grad for weight in networks.parameters()]
    return torch.cat([grad.flatten() for grad in grads if grad is not None]).numpy() * steps.plan.batch


def plan(steps: int, **changes: Any) -> Plan:
    return Plan(**{"batch": 100.0, "rate": 0.25, "steps": steps, "clip": 0.5, "noise": 2.0, **changes})


# The law of the mechanism.


def law_of_noise(releases: np.ndarray, deviation: float) -> float:
    """How likely it is that releases (m,) of empty samples are normal with this deviation."""
    return float(kstest(releases / deviation, "norm").pvalue)


def law_of_samples(draws: Callable[[], np.ndarray], rows: int, rate: float, times: int) -> float:
    """How likely it is that each row comes by itself with probability ``rate``, by pairs of samples and their sizes."""
    samples = [draws() for _ in range(times)]
    sizes = np.array([len(sample) for sample in samples])
    hits = binomtest(int(sizes.sum()), rows * times, rate).pvalue
    # Under Poisson sampling sizes vary as binomial ones do; in a shuffle they do not, and no row comes twice an epoch.
    spread = sizes.var(ddof=1) * (times - 1) / (rows * rate * (1 - rate))
    from scipy.stats import chi2

    unequal = 2 * min(chi2.cdf(spread, times - 1), chi2.sf(spread, times - 1))
    first = np.array([np.isin(np.arange(rows), sample) for sample in samples])
    again = int((first[1:] & first[:-1]).sum())
    pairs = binomtest(again, rows * (times - 1), rate * rate).pvalue
    return float(min(hits, unequal, pairs))


def test_empty_samples_take_noise_of_the_deviation_that_is_charged() -> None:
    networks, given = line(), plan(4000, rate=1e-12)
    steps = NoisySteps(given, Entropy())
    releases = np.concatenate([released(steps, networks) for _ in range(5000 // 4)])
    charge = given.charge()
    assert charge.sigma == given.noise * given.clip
    assert law_of_noise(releases, charge.sigma) > 1e-4


def test_each_row_comes_by_itself_with_the_rate_that_is_charged() -> None:
    given = plan(300)
    steps = NoisySteps(given, Entropy())
    assert law_of_samples(lambda: steps.sample(ROWS), ROWS, given.charge().rate, 300) > 1e-4


def test_one_record_moves_the_sum_by_the_clip_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """On neighbouring batches, without noise."""
    monkeypatch.setattr(NoisySteps, "_noise", lambda self, weights, device: [torch.zeros_like(w) for w in weights])
    rows = line().rows
    for extra in (torch.tensor([[1e6, -1e6, 3.0]]), torch.tensor([[1e-3, 0.0, 0.0]]), torch.full((1, 3), math.nan)):
        sums = []
        for table in (rows, torch.cat([rows, extra])):
            networks = Line(table)
            # The same weights, every row in the sample.
            nn.init.ones_(networks.inner.weight)
            sums.append(released(NoisySteps(plan(1, rate=1.0), Entropy(seed=3)), networks))
        moved = float(np.linalg.norm(sums[1] - sums[0]))
        assert moved <= 0.5 + 2e-3


def test_the_clip_holds_for_every_record() -> None:
    networks = line()
    for row in range(50):
        at = torch.tensor([row])
        sums, norms = per_record.clipped_sums(networks, lambda at=at: networks.losses(at), 0.5)  # type: ignore[misc]
        size = float(torch.cat([total.flatten() for total in sums.values()]).norm())
        assert size <= 0.5
        assert size == pytest.approx(min(0.5, float(norms[0])), rel=1e-4)


def test_what_is_computed_at_once_makes_no_difference() -> None:
    networks = line()
    whole, parts = (
        released(NoisySteps(plan(1, physical=physical), Entropy(seed=5)), networks) for physical in (1000, 7)
    )
    assert np.allclose(whole, parts, atol=2e-3)


def test_steps_that_are_not_paid_for_are_refused() -> None:
    ledger = Ledger(Privacy(2.0))
    given = Plan.within(ledger, 1000.0, batch=100, steps=3)
    ledger.charge(given.charge())
    assert 1.99 < ledger.epsilon_spent <= 2.0
    steps = NoisySteps(given, ledger.entropy)
    for _ in range(3):
        steps.sample(10)
    with pytest.raises(PrivacyError, match="All 3 steps"):
        steps.sample(10)


# Training as a whole.


class OnePlayer:
    """An objective whose one player sees rows, and counts how often it was asked for what it must not be."""

    sees_real_rows = True
    quality_name = "figure"

    def __init__(self) -> None:
        self.modules = line()
        self.players = [self]
        self.asked = 0
        self.parts_seen: list[int] = []

    def to(self, device: torch.device) -> None:
        """Stay."""

    def losses(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Never to be asked for."""
        self.asked += 1
        return self.modules.losses(rows)

    def private_losses(
        self, rows: torch.Tensor, generator: torch.Generator, share: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The losses."""
        self.parts_seen.append(len(rows))
        return self.modules.losses(rows), rows

    def quality(self, rows: torch.Tensor) -> float:
        """Never to be asked for."""
        self.asked += 1
        return 0.0


def trained(objective: Any, steps: NoisySteps, **changes: Any) -> Any:
    settings = TrainingSettings(steps=steps.plan.steps, device="cpu", private=steps, **changes)
    return train(objective, ROWS, settings, np.random.default_rng(1), silent())


def test_training_takes_the_steps_that_are_paid_for_and_looks_at_nothing_else() -> None:
    objective, steps = OnePlayer(), NoisySteps(plan(30, physical=64), Entropy())
    history = trained(objective, steps)
    assert history.steps == steps.taken == 30
    assert objective.asked == 0
    assert max(objective.parts_seen) <= 64
    assert history.figures == []


def test_training_refuses_what_would_let_rows_have_a_say(tmp_path: Any) -> None:
    for changes in ({"time_budget": 5.0}, {"checkpoint": tmp_path / "state"}):
        with pytest.raises(PrivacyError, match="neither by the clock nor by a checkpoint"):
            trained(OnePlayer(), NoisySteps(plan(2), Entropy()), **changes)


def test_a_player_without_a_loss_of_single_records_is_refused() -> None:
    class Old:
        sees_real_rows = True
        quality_name = "figure"

        def __init__(self) -> None:
            self.modules = line()
            self.players = [self]

        def to(self, device: torch.device) -> None:
            """Stay."""

        def losses(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
            """Of the whole batch."""
            return self.modules.losses(rows)

    with pytest.raises(PrivacyError, match="no loss of single records"):
        trained(Old(), NoisySteps(plan(2), Entropy()))


def test_weights_that_are_no_numbers_any_more_are_an_error_and_no_model() -> None:
    class Broken(OnePlayer):
        def own_losses(self, count: int, generator: torch.Generator) -> torch.Tensor:
            """Of weights that have got lost."""
            with torch.no_grad():
                self.modules.inner.weight.fill_(math.nan)
            return self.modules.inner(torch.ones(1, 3))[:, 0]

    with pytest.raises(ModelError, match="broke down"):
        trained(Broken(), NoisySteps(plan(5), Entropy()))


def test_made_up_records_like_the_real_ones_balance_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """An adversary or a negative phase, at equilibrium: clipped on one side only, nothing would ever be at rest."""

    class Mirror(OnePlayer):
        def own_losses(self, count: int, generator: torch.Generator) -> torch.Tensor:
            """The opposite, of records just like the real ones."""
            return -self.modules.losses(torch.arange(ROWS))

    monkeypatch.setattr(NoisySteps, "_noise", lambda self, weights, device: [torch.zeros_like(w) for w in weights])
    slopes = []
    for objective in (Mirror(), OnePlayer()):
        trained(objective, NoisySteps(plan(1, batch=float(ROWS), rate=1.0), Entropy()))
        slopes.append(float(torch.cat([w.grad.flatten() for w in objective.modules.parameters()]).norm()))
    assert slopes[0] < 1e-3 < 0.1 < slopes[1]


# Planted bugs: what finds them above, finds them.


@pytest.mark.parametrize("factor", [0.0, 0.1])
def test_noise_that_is_too_small_or_missing_is_found(factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = NoisySteps._noise
    monkeypatch.setattr(NoisySteps, "_noise", lambda self, *given: [each * factor for each in honest(self, *given)])
    steps, networks = NoisySteps(plan(300, rate=1e-12), Entropy()), line()
    releases = np.concatenate([released(steps, networks) for _ in range(250)])
    assert law_of_noise(releases, steps.plan.charge().sigma) < 1e-4


def test_a_clip_that_is_ten_times_too_large_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = per_record.clipped_sums
    monkeypatch.setattr(per_record, "clipped_sums", lambda networks, losses, clip: honest(networks, losses, 10 * clip))
    rows = torch.full((1, 3), 100.0)
    with_row = released(NoisySteps(plan(1, rate=1.0), Entropy(seed=3)), Line(rows))
    without = released(NoisySteps(plan(1, rate=1e-12), Entropy(seed=3)), Line(rows))
    assert np.linalg.norm(with_row - without) > 4.9


def test_a_shuffle_instead_of_poisson_samples_is_found() -> None:
    generator = np.random.default_rng(1)
    waiting: list[int] = []

    def shuffled() -> np.ndarray:
        if not waiting:
            waiting.extend(generator.permutation(ROWS).tolist())
        return np.array([waiting.pop() for _ in range(ROWS // 4)])

    assert law_of_samples(shuffled, ROWS, 0.25, 300) < 1e-4


def test_a_charge_for_half_of_the_steps_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training takes as many steps as its plan has, so that a charge for fewer does not stand for them."""
    from synthdata.models.registry import make_model

    taken: list[NoisySteps] = []
    honest = NoisySteps.__init__
    monkeypatch.setattr(NoisySteps, "__init__", lambda self, *given: (honest(self, *given), taken.append(self))[0])

    def charged() -> tuple[int, int]:
        frame = small_table()
        model = make_model("tvae", device="cpu", epochs=2, width=16, components=4).fit(frame, privacy=Privacy(4.0))
        assert model.ledger_ is not None
        charges = [Charge(**charge) for charge in model.ledger_["charges"]]
        assert epsilon_of(charges, 1e-6, near=4.0) <= 4.0
        return taken[-1].taken, sum(charge.steps for charge in charges if charge.stage == dpsgd.STAGE)

    steps, paid = charged()
    assert steps == paid > 1
    half = Plan.charge
    monkeypatch.setattr(
        Plan, "charge", lambda self: half(Plan(self.batch, self.rate, self.steps // 2, self.clip, self.noise))
    )
    steps, paid = charged()
    assert steps > paid


def small_table(n: int = 500) -> Any:
    import pandas as pd

    generator = np.random.default_rng(4)
    return pd.DataFrame(
        {
            "age": generator.integers(18, 90, n),
            "city": generator.choice(["Rome", "Oslo", "Bonn"], n),
            "ill": generator.random(n) < 0.3,
        }
    )
