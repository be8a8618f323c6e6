"""What an ε promises, in plain words."""

from __future__ import annotations

import math

EPSILONS = (0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 10.0)


def explain(epsilon: float, released: str = "rows") -> str:
    """The best that somebody can guess whether one person is in the table, from what is ``released``.

    >>> explain(1.0)[:60]
    'A strong promise: whoever could only guess whether a given p'
    """
    strength = "A strong promise" if epsilon <= 1 else "A fair promise" if epsilon <= 3 else "A weak promise"
    chance = math.exp(epsilon) / (1 + math.exp(epsilon))
    told = f"{100 * chance:.0f}" if chance < 0.995 else f"{100 * chance:.2f}"
    return (
        f"{strength}: whoever could only guess whether a given person is in the real table (50%) can, with the "
        f"released {released}, be right at most {told}% of the time. A smaller ε protects more and keeps less detail."
    )
