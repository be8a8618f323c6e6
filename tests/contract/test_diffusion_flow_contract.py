"""Diffusion and the flow keep the contract of all models."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from synthdata.models.diffusion import Diffusion
from synthdata.models.flow import Flow
from synthdata.testing import synthesizer_checks

SMALL_DIFFUSION = partial(Diffusion, epochs=16, width=128, blocks=1, learning_rate=6e-3, sampling_steps=8, device="cpu")
SMALL_FLOW = partial(Flow, epochs=6, width=48, blocks=1, learning_rate=5e-3, device="cpu")


@pytest.mark.parametrize("check", synthesizer_checks(SMALL_DIFFUSION))
def test_diffusion(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize("check", synthesizer_checks(SMALL_FLOW))
def test_flow(check: Callable[[], None]) -> None:
    check()
