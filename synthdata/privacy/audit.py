"""How private a mechanism is at best: a lower limit on its ε, from how well one run's canaries can be told apart.

Steinke, Nasr and Jagielski 2023, "Privacy auditing with one (1) training run": each of m invented rows (canaries) is
put among the real ones by a fair coin of its own. Whoever sees the result guesses coins, and may abstain. Under
(ε, δ)-differential privacy for one added or removed row, the number of right guesses among r is dominated by a
binomial one with the probability e^ε / (e^ε + 1), up to a term in δ (theorem 5.2). More right guesses than that refute
the claim.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from synthdata.errors import PrivacyError

#: with which probability a bound may be wrong, all tests of one audit together
ALPHA = 0.05
#: which shares of the coins are guessed, the surest first; each is a test of its own
SHARES = (1.0, 0.5, 0.25)
#: so few canaries can refute hardly anything
FEWEST = 10
_LARGEST = 60.0


@dataclass(frozen=True)
class Guesses:
    """``guessed`` coins of ``canaries``, ``right`` of them rightly, and what ε that refutes at ``alpha``."""

    canaries: int
    guessed: int
    right: int
    alpha: float
    epsilon: float


@dataclass(frozen=True)
class Attack:
    """What one way of looking at the result (``black box`` or ``white box``) found; ``epsilon`` is its best bound."""

    name: str
    looks_at: str
    guesses: tuple[Guesses, ...]

    @property
    def epsilon(self) -> float:
        """The lower limit on ε, with the choice among the numbers of guesses accounted for."""
        return max(guess.epsilon for guess in self.guesses)


@dataclass(frozen=True)
class Audit:
    """An audit: the claim, and the lower limit on ε which holds with probability 1 - ``alpha`` over all attacks.

    ``refutable`` is the largest ε that the audit could have refuted had every guess been right.
    """

    epsilon: float
    delta: float
    canaries: int
    included: int
    alpha: float
    attacks: tuple[Attack, ...]

    @property
    def lower(self) -> float:
        """The best lower limit on ε."""
        return max(attack.epsilon for attack in self.attacks)

    @property
    def refuted(self) -> bool:
        """Whether the claim is refuted."""
        return self.lower > self.epsilon

    @property
    def refutable(self) -> float:
        """The largest ε that so many canaries could have refuted."""
        return most_refutable(self.canaries, self.delta, self.alpha / (len(self.attacks) * len(SHARES)))

    def to_dict(self) -> dict[str, Any]:
        """The audit as plain data."""
        return {
            "claimed": {"epsilon": self.epsilon, "delta": self.delta},
            "lower": self.lower,
            "refuted": self.refuted,
            "refutable": self.refutable,
            "confidence": 1 - self.alpha,
            "tests": len(self.attacks) * len(SHARES),
            "canaries": self.canaries,
            "included": self.included,
            "attacks": {
                attack.name: {
                    "lower": attack.epsilon,
                    "looks_at": attack.looks_at,
                    "guesses": [asdict(guess) for guess in attack.guesses],
                }
                for attack in self.attacks
            },
        }


def audit(
    scores: Mapping[str, tuple[str, np.ndarray]],
    coins: np.ndarray,
    epsilon: float,
    delta: float,
    *,
    alpha: float = ALPHA,
) -> Audit:
    """What canaries' scores say of a claim.

    Args:
        scores: for each way of looking what it looks at, and one number (m,) per canary, higher where it seems to have
            been among the rows.
        coins: (m,) bool, which canaries were.
        epsilon, delta: the claim.
        alpha: with which probability the lower limit may be above a true ε. Every attack and every number of guesses
            gets an equal part of it, so that the best of them may be named.
    """
    part = alpha / (max(len(scores), 1) * len(SHARES))
    attacks = []
    for name, (looks_at, values) in scores.items():
        tests = [_guess(np.asarray(values, dtype=np.float64), coins, share, delta, part) for share in SHARES]
        attacks.append(Attack(name, looks_at, tuple(tests)))
    return Audit(epsilon, delta, len(coins), int(coins.sum()), alpha, tuple(attacks))


def _guess(scores: np.ndarray, coins: np.ndarray, share: float, delta: float, alpha: float) -> Guesses:
    """Guess the highest scores as in and equally many of the lowest as out; ties in the order of the canaries."""
    m = len(scores)
    each = max(1, math.floor(share * m / 2))
    order = np.argsort(-np.nan_to_num(scores, nan=0.0), kind="stable")
    right = int(coins[order[:each]].sum() + (~coins[order[-each:]]).sum())
    return Guesses(m, 2 * each, right, alpha, lower_bound(m, 2 * each, right, delta, alpha))


def p_value(canaries: int, guessed: int, right: int, epsilon: float, delta: float = 0.0) -> float:
    """How probable so many right guesses are at most, if (ε, δ)-differential privacy holds (their theorem 5.2).

    >>> round(p_value(20, 20, 20, 1.8), 3)
    0.047
    """
    from scipy.stats import binom

    chance = 1 / (1 + math.exp(-epsilon))
    tail = float(binom.sf(right - 1, guessed, chance))
    if not delta or right < 1:
        return min(tail, 1.0)
    # The largest over i of (f(v - i) - f(v)) / i, where f is the tail: the mass of the i outcomes below v, by i.
    steps = np.arange(1, right + 1)
    mass = np.cumsum(binom.pmf(right - steps, guessed, chance)) / steps
    return min(tail + 2 * canaries * delta * float(mass.max()), 1.0)


def lower_bound(canaries: int, guessed: int, right: int, delta: float = 0.0, alpha: float = ALPHA) -> float:
    """The largest ε that so many right guesses refute at ``alpha``; 0 where they refute none.

    >>> [round(lower_bound(m, m, m), 1) for m in (20, 50, 100, 1000)]
    [1.8, 2.8, 3.5, 5.8]
    """
    if p_value(canaries, guessed, right, 0.0, delta) > alpha:
        return 0.0
    low, high = 0.0, _LARGEST
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if p_value(canaries, guessed, right, middle, delta) <= alpha else (low, middle)
    return low


def most_refutable(canaries: int, delta: float = 0.0, alpha: float = ALPHA) -> float:
    """The largest ε that perfect guesses of all coins would refute.

    >>> most_refutable(200, 1e-6) > most_refutable(50, 1e-6)
    True
    """
    even = canaries - canaries % 2
    return lower_bound(canaries, even, even, delta, alpha)


def require_canaries(canaries: int) -> None:
    """Refuse an audit that could say nothing.

    Raises:
        PrivacyError: there are fewer than ten.
    """
    if canaries < FEWEST:
        raise PrivacyError(
            f"An audit needs {FEWEST} canaries or more, found {canaries}.",
            "With 200 a bound of up to 3.6 can be shown, with 1,000 up to 5.",
        )
