"""The ledger adds up right, refuses what would overspend, and cannot be talked out of it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtri_exp

from synthdata.errors import PrivacyError
from synthdata.privacy.accounting import epsilon_of, mu_for, sigma_for
from synthdata.privacy.charges import Charge
from synthdata.privacy.ledger import DEFAULT_SPLIT, Ledger, Privacy, read_ledger


def random_charge(generator: np.random.Generator) -> Charge:
    kinds = ["gaussian", "discrete gaussian", "laplace", "discrete laplace", "exponential", "sampled"]
    kind = str(generator.choice(kinds, p=[0.3, 0.3, 0.1, 0.1, 0.16, 0.04]))
    sensitivity = float(generator.choice([1.0, 2.0]))
    stage = f"look {generator.integers(10**9)}"
    if kind == "sampled":
        rate, steps = float(generator.uniform(0.001, 0.05)), int(generator.integers(1, 100))
        return Charge(stage, "gaussian", 1.0, sigma=float(generator.uniform(2, 5)), rate=rate, steps=steps)
    if "gaussian" in kind:
        sigma = float(np.exp(generator.uniform(0.5, 5))) * sensitivity
        return Charge(stage, kind, sensitivity, sigma=sigma, steps=int(generator.integers(1, 4)))
    return Charge(stage, kind, sensitivity, epsilon=float(np.exp(generator.uniform(-4, 0))))


def library_epsilon(charges: tuple[Charge, ...], delta: float) -> float:
    """A lower estimate by dp-accounting alone, charge by charge; what it has no distribution for is left out."""
    from dp_accounting.pld import privacy_loss_distribution as pld

    options = {"pessimistic_estimate": False, "value_discretization_interval": 2e-3}
    parts = []
    for charge in charges:
        if charge.mechanism == "laplace":
            one = pld.from_laplace_mechanism(1 / charge.epsilon, **options)
        elif charge.mechanism == "discrete laplace":
            one = pld.from_discrete_laplace_mechanism(charge.epsilon, **options)
        elif charge.mechanism == "exponential":
            continue
        else:
            one = pld.from_gaussian_mechanism(charge.sigma / charge.sensitivity, sampling_prob=charge.rate, **options)
        parts.append(one.self_compose(charge.steps) if charge.steps > 1 else one)
    if not parts:
        return 0.0
    together = parts[0]
    for part in parts[1:]:
        together = together.compose(part)
    return together.get_epsilon_for_delta(delta)


# Measuring which lines run makes it four times as long.
@pytest.mark.no_cover
def test_hundreds_of_ledgers_cost_what_the_library_says_and_stay_below_the_target() -> None:
    generator = np.random.default_rng(5)
    refused = taken = 0
    for _ in range(300):
        ledger = Ledger(Privacy(float(np.exp(generator.uniform(-1, 2))), float(10 ** generator.uniform(-9, -4))))
        for _ in range(generator.integers(1, 4)):
            before = ledger.charges, ledger.epsilon_spent
            try:
                ledger.charge(random_charge(generator))
            except PrivacyError:
                refused += 1
                assert (ledger.charges, ledger.epsilon_spent) == before
        assert ledger.epsilon_spent <= ledger.privacy.epsilon
        assert ledger.epsilon_spent >= library_epsilon(ledger.charges, ledger.privacy.delta) - 4e-3
        taken += len(ledger.charges)
    assert refused > 30
    assert taken > 150


@pytest.mark.parametrize("epsilon", [0.01, 0.3, 1.0, 8.0])
def test_a_calibrated_gaussian_meets_its_closed_form(epsilon: float) -> None:
    """Balle and Wang 2018, theorem 8."""
    from scipy.special import log_ndtr

    mu = mu_for(epsilon, 1e-6)
    exact = math.exp(log_ndtr(mu / 2 - epsilon / mu)) - math.exp(epsilon + log_ndtr(-mu / 2 - epsilon / mu))
    assert exact <= 1e-6
    assert mu_for(epsilon * 1.02, 1e-6) > mu
    assert exact > 0.8e-6


def test_what_is_left_is_found_and_no_more() -> None:
    ledger = Ledger(Privacy(1.0))
    ledger.charge(Charge("a", "gaussian", sigma=8.0))
    rest = ledger.mu_of("training")
    ledger.charge(Charge("b", "gaussian", sigma=1 / rest))
    assert 0.99 < ledger.epsilon_spent <= 1.0
    with pytest.raises(PrivacyError, match="used up"):
        ledger.charge(Charge("c", "gaussian", sigma=40.0))
    assert len(ledger.charges) == 2
    assert mu_for(1.0, 1e-6, ledger.charges) < 0.05


def test_the_noise_of_sampled_steps_is_calibrated() -> None:
    sigma = sigma_for(2.0, 1e-5, rate=0.02, steps=200)
    assert epsilon_of([Charge("x", "gaussian", sigma=sigma, rate=0.02, steps=200)], 1e-5, near=2.0) <= 2.0
    assert epsilon_of([Charge("x", "gaussian", sigma=sigma * 0.99, rate=0.02, steps=200)], 1e-5, near=2.0) > 2.0
    with pytest.raises(PrivacyError, match="leaves nothing"):
        sigma_for(1.0, 1e-6, spent=[Charge("x", "gaussian", sigma=1.0)])


def test_a_reservation_is_paid_once_and_cannot_be_overdrawn() -> None:
    ledger = Ledger(Privacy(1.0))
    ledger.reserve("training", 0.1, delta=1e-7)
    paid = ledger.epsilon_spent
    ledger.charge(Charge("one", "gaussian", sigma=12.5, part_of="training"))
    ledger.charge(Charge("two", "gaussian", sigma=1 / 0.06, part_of="training"))
    assert ledger.epsilon_spent == paid
    assert ledger.left_of("training") == pytest.approx(0.0, abs=1e-12)
    with pytest.raises(PrivacyError, match="used up"):
        ledger.charge(Charge("three", "gaussian", sigma=1000.0, part_of="training"))
    with pytest.raises(PrivacyError, match="Did you mean 'training'"):
        ledger.charge(Charge("three", "gaussian", sigma=1000.0, part_of="trainings"))
    with pytest.raises(PrivacyError, match="already"):
        ledger.reserve("training", 0.1)
    assert len(ledger.charges) == 3


def test_a_threshold_must_have_its_delta() -> None:
    ledger = Ledger(Privacy(1.0))
    ledger.reserve("domain", 0.1, delta=1e-7)
    with pytest.raises(PrivacyError, match="delta"):
        ledger.charge(Charge("categories", "gaussian", sigma=100.0, delta=2e-7, part_of="domain"))
    with pytest.raises(PrivacyError, match="used up"):
        ledger.charge(Charge("categories", "gaussian", sigma=100.0, delta=1e-6))


@pytest.mark.parametrize("sigma", [0.5, 0.7, 1.0, 1.5, 3.0, 10.0, 31.4])
def test_discrete_noise_is_as_private_as_its_gaussian_parameter_says(sigma: float) -> None:
    """The trade-off of one step of the discrete Gaussian, point by point."""
    reach, beyond = int(40 * sigma**2 + 10 * sigma + 60), int(20 * sigma + 60)
    log_mass = -(np.arange(-reach - beyond, 1) ** 2) / (2 * sigma**2)
    whole = np.log(np.exp(-(np.arange(-reach - beyond, reach + beyond + 1) ** 2) / (2 * sigma**2)).sum())
    # From far beyond the first point looked at, so that nothing of its tail is missing.
    below = (np.logaddexp.accumulate(log_mass) - whole)[beyond:-1]
    steps = np.diff(ndtri_exp(below))
    assert steps.max() <= Charge("x", "discrete gaussian", sigma=sigma).mu
    assert steps.max() >= 0.97 / sigma


@pytest.mark.parametrize(("mechanism", "part"), [("exponential", 2.0), ("pure", 1.0)])
@pytest.mark.parametrize("epsilon", [0.01, 0.3, 1.0, 4.0])
def test_choices_are_as_private_as_their_gaussian_parameter_says(mechanism: str, part: float, epsilon: float) -> None:
    """The hockey-stick divergences of the worst pairs of distributions lie below the Gaussian's."""
    from scipy.special import ndtr

    mu = Charge("x", mechanism, epsilon=epsilon).mu
    loss = np.linspace(0, epsilon, 400, endpoint=False)
    gauss = ndtr(mu / 2 - loss / mu) - np.exp(loss) * ndtr(-mu / 2 - loss / mu)
    if mechanism == "pure":
        worst = (np.exp(epsilon) - np.exp(loss)) / (np.exp(epsilon) + 1)
    else:
        worst = (np.exp(epsilon / 2) - np.exp(loss / 2)) ** 2 / (np.exp(epsilon) - 1)
    assert np.all(worst <= gauss + 1e-9)
    assert worst[0] == pytest.approx(math.tanh(epsilon / (2 * part)))


@pytest.mark.parametrize(
    ("epsilon", "delta", "said"),
    [
        (0.0, 1e-6, "epsilon above 0"),
        (-1.0, 1e-6, "epsilon above 0"),
        (math.inf, 1e-6, "epsilon above 0"),
        (math.nan, 1e-6, "epsilon above 0"),
        ("1", 1e-6, "epsilon above 0"),
        (1.0, 0.0, "delta above 0"),
        (1.0, 1e-3, "delta below 0.001"),
    ],
)
def test_a_budget_that_promises_nothing_is_refused(epsilon: float, delta: float, said: str) -> None:
    with pytest.raises(PrivacyError, match=said):
        Privacy(epsilon, delta)


def test_a_split_has_known_stages_and_adds_up() -> None:
    with pytest.raises(PrivacyError, match="Did you mean 'domain'"):
        Privacy(1.0, split={"domian": 0.1, "training": 0.9})
    with pytest.raises(PrivacyError, match="add up"):
        Privacy(1.0, split={"domain": 0.2, "training": 0.9})
    assert sum(DEFAULT_SPLIT.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mechanism": "gaussian"},
        {"mechanism": "gaussian", "sigma": -1.0},
        {"mechanism": "laplace", "sigma": 1.0},
        {"mechanism": "gauss", "sigma": 1.0},
        {"mechanism": "gaussian", "sigma": 1.0, "rate": 0.0},
        {"mechanism": "laplace", "epsilon": 1.0, "rate": 0.5},
        {"mechanism": "gaussian", "sigma": 1.0, "steps": 0},
        {"mechanism": "discrete gaussian", "sigma": 0.1},
    ],
)
def test_a_charge_that_means_nothing_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(PrivacyError):
        Charge("x", **wrong)


def test_the_file_says_everything_and_is_checked_when_read(tmp_path: Path) -> None:
    ledger = Ledger(Privacy(1.0, seed=4))
    ledger.public["age"] = {"bounds": [0, 120]}
    ledger.reserve("training", 0.1)
    ledger.charge(Charge("marginal", "discrete gaussian", sigma=20.0, part_of="training", note="age"))
    ledger.save(tmp_path / "ledger.json")
    data = read_ledger(tmp_path / "ledger.json")
    wanted = "version epsilon delta epsilon_spent delta_spent adjacency unit random_source public charges"
    assert set(wanted.split()) <= set(data)
    assert data["version"] == 1
    assert data["private"] is False
    assert "not private" in data["random_source"]
    assert len(data["charges"]) == 2
    data["epsilon_spent"] *= 0.5
    (tmp_path / "less.json").write_text(json.dumps(data))
    with pytest.raises(PrivacyError, match="but its charges cost"):
        read_ledger(tmp_path / "less.json")
    data["epsilon_spent"] *= 2
    data["charges"][1]["sigma"] = 5.0
    (tmp_path / "less.json").write_text(json.dumps(data))
    with pytest.raises(PrivacyError, match="does not pay for"):
        read_ledger(tmp_path / "less.json")
    (tmp_path / "less.json").write_text("{")
    with pytest.raises(PrivacyError, match="damaged"):
        read_ledger(tmp_path / "less.json")
    with pytest.raises(PrivacyError, match="no ledger"):
        read_ledger(tmp_path / "none.json")


def test_noise_comes_from_the_operating_system_unless_a_seed_is_given() -> None:
    ledger = Ledger(1.0)
    assert ledger.private
    assert "operating system" in ledger.to_dict()["random_source"]
    assert (ledger.entropy.words(4) != Ledger(1.0).entropy.words(4)).any()
