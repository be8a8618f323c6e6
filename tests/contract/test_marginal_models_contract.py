"""The models that measure marginals keep the contract of all models."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from synthdata.models.aim import AIM
from synthdata.models.mst import MST
from synthdata.testing import synthesizer_checks


@pytest.mark.parametrize("check", synthesizer_checks(partial(AIM, rounds=4, iterations=10, model_size=1.0)))
def test_aim(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize("check", synthesizer_checks(MST))
def test_mst(check: Callable[[], None]) -> None:
    check()
