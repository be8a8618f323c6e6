"""The autoregressive networks keep the contract of all models."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from synthdata.models.autoregressive import Autoregressive
from synthdata.testing import synthesizer_checks


@pytest.mark.parametrize("check", synthesizer_checks(partial(Autoregressive, epochs=10, width=32, device="cpu")))
def test_autoregressive(check: Callable[[], None]) -> None:
    check()
