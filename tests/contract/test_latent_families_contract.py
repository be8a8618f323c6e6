"""The variational autoencoder, the adversarial network and the Boltzmann machine keep the contract of all models."""

from __future__ import annotations

from functools import partial

import pytest
from learnt_checks import keep

from synthdata.models.ctgan import ConditionalGAN
from synthdata.models.rbm import RestrictedBoltzmann
from synthdata.models.tvae import VariationalAutoencoder
from synthdata.testing import CHECKS, Check, synthesizer_checks

TVAE = partial(VariationalAutoencoder, width=32, components=8, latent_width=6, learning_rate=2e-2, device="cpu")
CTGAN = partial(ConditionalGAN, width=32, noise=16, pack=4, learning_rate=5e-3, device="cpu")
RBM = partial(RestrictedBoltzmann, hidden=24, chains=64, burn_in=30, learning_rate=2e-2, device="cpu")


@pytest.mark.parametrize("check", synthesizer_checks(TVAE))
def test_tvae(check: Check) -> None:
    keep(check, TVAE, epochs=20)


@pytest.mark.parametrize("check", synthesizer_checks(CTGAN))
def test_ctgan(check: Check) -> None:
    # What it has learnt, by many passes, shows where it is asked for rows under a condition.
    CHECKS[check.name](partial(CTGAN, epochs=25 if check.name == "conditions_shift_the_rest" else 1))


@pytest.mark.parametrize("check", synthesizer_checks(RBM))
def test_rbm(check: Check) -> None:
    keep(check, RBM, epochs=20)
