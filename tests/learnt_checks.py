"""Which checks of the contract need a model that has learnt something; the others hold whatever was learnt."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from synthdata.testing import CHECKS, Check

LEARNT = frozenset({"conditions_shift_the_rest", "copies_are_no_habit", "log_prob_prefers_real_rows", "anomaly_score"})


def keep(check: Check, model: Callable[..., Any], epochs: int) -> None:
    """Carry out a check of a model that goes through its rows once, or ``epochs`` times where it has to have learnt."""
    CHECKS[check.name](partial(model, epochs=epochs if check.name in LEARNT else 1))
