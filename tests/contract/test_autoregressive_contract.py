"""The autoregressive networks keep the contract of all models."""

from __future__ import annotations

from functools import partial

import pytest
from learnt_checks import keep

from synthdata.models.autoregressive import Autoregressive
from synthdata.testing import Check, synthesizer_checks

SMALL = partial(Autoregressive, width=32, device="cpu")


@pytest.mark.parametrize("check", synthesizer_checks(SMALL))
def test_autoregressive(check: Check) -> None:
    keep(check, SMALL, epochs=10)
