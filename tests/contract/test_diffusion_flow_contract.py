"""Diffusion and the flow keep the contract of all models."""

from __future__ import annotations

from functools import partial

import pytest
from learnt_checks import keep

from synthdata.models.diffusion import Diffusion
from synthdata.models.flow import Flow
from synthdata.testing import Check, synthesizer_checks

SMALL_DIFFUSION = partial(Diffusion, width=128, blocks=1, learning_rate=6e-3, sampling_steps=8, device="cpu")
SMALL_FLOW = partial(Flow, width=48, blocks=1, learning_rate=5e-3, device="cpu")


@pytest.mark.parametrize("check", synthesizer_checks(SMALL_DIFFUSION))
def test_diffusion(check: Check) -> None:
    keep(check, SMALL_DIFFUSION, epochs=16)


@pytest.mark.parametrize("check", synthesizer_checks(SMALL_FLOW))
def test_flow(check: Check) -> None:
    keep(check, SMALL_FLOW, epochs=6)
