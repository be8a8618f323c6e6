"""What a privacy budget was spent on: the charges of a ledger by kind, and how much of the whole each kind is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from synthdata.errors import PrivacyError
from synthdata.privacy.accounting import approximate_cost
from synthdata.privacy.charges import Charge


@dataclass(frozen=True)
class Spent:
    """All charges of one stage: how many, their share of the whole, between 0 and 1, and whether rows were sampled.

    A share of looks at sampled rows is approximate.
    """

    stage: str
    count: int
    share: float
    sampled: bool = False


def spending(charges: Iterable[Mapping[str, Any]]) -> list[Spent]:
    """The stages of a ledger in the order of their first charge; their shares add up to 1.

    Budgets add up in the squares of the Gaussian parameter μ, so a share is one of Σ μ² (Dong, Roth and Su 2022). Looks
    that are paid from a reservation cost nothing more and are left out.

    >>> found = spending([{"stage": "a", "mechanism": "gaussian", "sigma": 1.0},
    ...                   {"stage": "b", "mechanism": "gaussian", "sigma": 2.0}])
    >>> [(spent.stage, spent.share) for spent in found]
    [('a', 0.8), ('b', 0.2)]
    """
    known = {each.name for each in fields(Charge)}
    squares: dict[str, list[float]] = {}
    sampled: set[str] = set()
    for facts in charges:
        if facts.get("part_of"):
            continue
        try:
            charge = Charge(**{name: value for name, value in facts.items() if name in known})
            squares.setdefault(charge.stage, []).append(approximate_cost(charge))
            if charge.rate < 1:
                sampled.add(charge.stage)
        except (PrivacyError, TypeError, OverflowError):
            return []  # a ledger that this program cannot read is not drawn in part
    whole = math.fsum(part for parts in squares.values() for part in parts)
    if not 0 < whole < math.inf:
        return []
    return [Spent(stage, len(parts), math.fsum(parts) / whole, stage in sampled) for stage, parts in squares.items()]
