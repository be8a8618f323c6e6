"""The model that chooses keeps the contract of all models."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from synthdata.models import auto
from synthdata.models.auto import Auto, Choice
from synthdata.testing import synthesizer_checks


@pytest.mark.parametrize("check", synthesizer_checks(Auto))
def test_auto(check: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    # The chosen families keep it by themselves; fewer rounds show that nothing is lost on the way.
    monkeypatch.setattr(auto, "choose", lambda facts: Choice("boosted", "a test", {"rounds": 20}))
    check()
