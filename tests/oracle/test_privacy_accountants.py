"""The ledger's ε against Opacus's accountants, and the published calibration of the Gaussian mechanism."""

from __future__ import annotations

import warnings

import pytest

from synthdata.privacy.accounting import epsilon_of
from synthdata.privacy.charges import Charge

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from opacus.accountants import PRVAccountant, RDPAccountant

CASES = [(1.0, 0.01, 500), (2.0, 0.02, 300), (0.8, 0.005, 200), (4.0, 0.2, 100)]


@pytest.mark.parametrize(("sigma", "rate", "steps"), CASES)
def test_sampled_steps_cost_what_opacus_says(sigma: float, rate: float, steps: int) -> None:
    ours = epsilon_of([Charge("steps", "gaussian", sigma=sigma, rate=rate, steps=steps)], 1e-5)
    renyi, numerical = RDPAccountant(), PRVAccountant()
    for accountant in (renyi, numerical):
        accountant.history = [(sigma, rate, steps)]
    assert ours <= renyi.get_epsilon(delta=1e-5)
    # Opacus's figure is itself an upper limit, its error set to 0.01.
    assert ours == pytest.approx(numerical.get_epsilon(delta=1e-5), abs=0.012)


def test_half_of_the_steps_would_be_noticed() -> None:
    whole, half = PRVAccountant(), Charge("steps", "gaussian", sigma=1.0, rate=0.01, steps=250)
    whole.history = [(1.0, 0.01, 500)]
    assert epsilon_of([half], 1e-5) < whole.get_epsilon(delta=1e-5) - 0.1
