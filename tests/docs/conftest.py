"""What commands and examples of the documentation run under."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which lines they run is not measured: it takes half as long again, and other tests walk the same lines."""
    for name in ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"):
        monkeypatch.delenv(name, raising=False)
