"""The variational autoencoder, the adversarial network and the Boltzmann machine keep the contract of all models."""

from __future__ import annotations

from functools import partial

import pytest

from synthdata.models.ctgan import ConditionalGAN
from synthdata.models.rbm import RestrictedBoltzmann
from synthdata.models.tvae import VariationalAutoencoder
from synthdata.testing import CHECKS, Check, synthesizer_checks

TVAE = partial(VariationalAutoencoder, width=32, components=8, latent_width=6, learning_rate=2e-2, device="cpu")
CTGAN = partial(ConditionalGAN, width=32, noise=16, pack=4, learning_rate=5e-3, device="cpu")
RBM = partial(RestrictedBoltzmann, hidden=24, chains=64, burn_in=30, learning_rate=2e-2, device="cpu")
#: checks that need a model which has learnt something; the others are promises whatever was learnt
LEARNT = {"conditions_shift_the_rest", "log_prob_prefers_real_rows", "anomaly_score"}


@pytest.mark.parametrize("check", synthesizer_checks(partial(TVAE, epochs=1)))
def test_tvae(check: Check) -> None:
    CHECKS[check.name](partial(TVAE, epochs=20) if check.name in LEARNT else check.factory)


@pytest.mark.parametrize("check", synthesizer_checks(partial(CTGAN, epochs=1)))
def test_ctgan(check: Check) -> None:
    CHECKS[check.name](partial(CTGAN, epochs=50) if check.name == "conditions_shift_the_rest" else check.factory)


@pytest.mark.parametrize("check", synthesizer_checks(partial(RBM, epochs=1)))
def test_rbm(check: Check) -> None:
    CHECKS[check.name](partial(RBM, epochs=20) if check.name in LEARNT else check.factory)
