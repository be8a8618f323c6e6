"""The contract that every model must keep, as checks that any author of a model can run.

    import pytest
    from synthdata.testing import synthesizer_checks

    @pytest.mark.parametrize("check", synthesizer_checks(MyModel))
    def test_contract(check):
        check()

A check takes whatever makes an unfitted model: its class, or a function without arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from synthdata.errors import did_you_mean
from synthdata.models.base import Synthesizer
from synthdata.testing import abilities, basics, safety, storage
from synthdata.testing.basics import Factory

#: every check by its name
CHECKS: dict[str, Callable[[Factory], None]] = {
    name.removeprefix("check_"): function
    for module in (basics, storage, safety, abilities)
    for name, function in vars(module).items()
    if name.startswith("check_")
}


@dataclass(frozen=True)
class Check:
    """One promise of the contract, to be called without arguments; it raises AssertionError where it is not kept."""

    name: str
    factory: Factory

    def __call__(self) -> None:
        """Run the check."""
        """Run the check."""
        CHECKS[self.name](self.factory)

    def __repr__(self) -> str:
        return self.name


def synthesizer_checks(factory: Factory, *, expected_failures: Mapping[str, str] | None = None) -> list[Any]:
    """All checks for a model, as parameters for ``pytest.mark.parametrize``.

    ``expected_failures`` gives the reason for each check, by name, that the model is known to fail; such a check fails
    when the model passes it after all. Checks of abilities that a model does not have pass at once.

    Raises:
        ValueError: an expected failure names no check.
    """
    import pytest

    expected = dict(expected_failures or {})
    for name in expected:
        if name not in CHECKS:
            raise ValueError(f"There is no check {name!r}. {did_you_mean(name, CHECKS)}")
    return [
        pytest.param(
            Check(name, factory),
            id=name,
            marks=[pytest.mark.xfail(reason=expected[name], strict=True)] if name in expected else [],
        )
        for name in CHECKS
    ]
