"""The Gaussian copula keeps the contract of every model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from synthdata.models.copula import GaussianCopula
from synthdata.testing import synthesizer_checks


@pytest.mark.parametrize("check", synthesizer_checks(partial(GaussianCopula, passes=10, simulated=2000, draws=8)))
def test_copula(check: Callable[[], None]) -> None:
    check()
