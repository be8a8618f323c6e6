"""What charges cost together: privacy loss distributions, composed with dp-accounting.

The privacy loss distribution (Sommer, Meiser and Mohammadi 2019; Koskela, Jälkö and Honkela 2020) of each charge is
rounded up to a grid and convolved (Doroshenko et al. 2022), so that every ε here is an upper bound. Neighbouring tables
differ in one added or removed row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from synthdata.errors import MissingExtraError, PrivacyError
from synthdata.privacy.charges import Charge

if TYPE_CHECKING:
    from dp_accounting.pld.privacy_loss_distribution import PrivacyLossDistribution

#: how far a calibration may stay below what it was asked for
TOLERANCE = 1e-3
#: no one asks for a weaker mechanism than this
_LARGEST_MU = 50.0


def epsilon_of(charges: Iterable[Charge], delta: float, *, near: float = 1.0) -> float:
    """The ε that the charges have together at ``delta``; 0 for none, infinite where δ is used up.

    The δ of thresholds is taken off first: outside that event the charges are as if the rest were all. ``near`` is
    about the ε expected; the grid is made by it.

    >>> round(epsilon_of([Charge("count", "gaussian", sigma=10.0)], 1e-6), 3)
    0.397
    """
    counted = tuple(replace(charge, note="") for charge in charges if charge.part_of is None)
    left = delta - sum(charge.delta for charge in counted)
    if not counted:
        return 0.0
    if left <= 0 or any(charge.rate == 1 and math.isinf(charge.mu) for charge in counted):
        return math.inf
    return _epsilon(counted, left, _grid(counted, near))


@lru_cache(maxsize=256)
def _epsilon(charges: tuple[Charge, ...], delta: float, grid: float) -> float:
    """The ε of a composition; what a search asked of its last guess the ledger asks again."""
    return max(float(_compose(charges, grid).get_epsilon_for_delta(delta)), 0.0)


def approximate_cost(charge: Charge) -> float:
    """About the squared Gaussian parameter of a charge, which is what adds up.

    Steps on sampled rows have μ = rate · √(steps · (exp(1/σ²) - 1)) in the limit of many (Dong, Roth and Su 2022,
    theorem 11 and corollary 4, as Bu et al. 2020 use it); of others it is exact. Where there is hardly any noise it is
    a number as large as there are.
    """
    if charge.rate == 1:
        return charge.mu**2
    sigma = (charge.sigma or 0.0) / charge.sensitivity
    return charge.rate**2 * charge.steps * math.expm1(min(sigma**-2, 700.0))


def mu_for(epsilon: float, delta: float, spent: Iterable[Charge] = ()) -> float:
    """The largest Gaussian parameter (sensitivity over σ) that still fits into (ε, δ) beside what is spent; 0 for none.

    Several Gaussian looks fit if their squares add up to its square, even if each is chosen in sight of the earlier
    answers (Smith and Thakurta 2022).

    >>> 0.19 < mu_for(1.0, 1e-6) < 0.24
    True
    """
    spent = list(spent)

    def cost(mu: float) -> float:
        return epsilon_of([*spent, Charge("rest", "gaussian", sigma=1 / mu)], delta, near=epsilon)

    if spent and epsilon_of(spent, delta, near=epsilon) >= epsilon:
        return 0.0
    return _largest(cost, epsilon, 1e-9, _LARGEST_MU, math.sqrt(_about_left(epsilon, delta, spent)))


def _about_left(epsilon: float, delta: float, spent: Sequence[Charge]) -> float:
    """About the squared Gaussian parameter that is left of (ε, δ): where to look first."""
    counted = [charge for charge in spent if charge.part_of is None]
    left = delta - sum(charge.delta for charge in counted)
    return max(_gaussian_mu(epsilon, left) ** 2 - sum(map(approximate_cost, counted)), 0.0) if left > 0 else 0.0


def _gaussian_mu(epsilon: float, delta: float) -> float:
    """The Gaussian parameter that costs (ε, δ) by the closed form of Balle and Wang 2018, theorem 8."""
    from scipy.special import log_ndtr

    def excess(mu: float) -> float:
        first, second = log_ndtr(mu / 2 - epsilon / mu), epsilon + log_ndtr(-mu / 2 - epsilon / mu)
        return math.exp(first) - math.exp(min(second, first)) - delta

    low, high = 1e-9, _LARGEST_MU
    while high / low > 1 + 1e-9:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if excess(middle) <= 0 else (low, middle)
    return low


def sigma_for(epsilon: float, delta: float, rate: float = 1.0, steps: int = 1, spent: Iterable[Charge] = ()) -> float:
    """The least σ, in units of the sensitivity, for ``steps`` Gaussian looks at Poisson samples of the rows.

    >>> round(sigma_for(1.0, 1e-5), 1)
    3.7

    Raises:
        PrivacyError: nothing of the budget is left, or no amount of noise fits it.
    """
    spent = list(spent)

    def cost(strength: float) -> float:
        charge = Charge("steps", "gaussian", sigma=1 / strength, rate=rate, steps=steps)
        return epsilon_of([*spent, charge], delta, near=epsilon)

    strength = 0.0
    if not spent or epsilon_of(spent, delta, near=epsilon) < epsilon:
        each = _about_left(epsilon, delta, spent) / (rate**2 * steps)
        # Noise below a quarter of the sensitivity protects nobody, and its loss distribution is long.
        strength = _largest(cost, epsilon, 1e-7, 4.0, math.sqrt(each if rate == 1 else math.log1p(each)))
    if strength <= 0:
        raise PrivacyError(
            f"The budget epsilon = {epsilon:g} (delta = {delta:g}) leaves nothing for {steps:,} steps.",
            "Ask for a larger epsilon, or for fewer steps.",
        )
    return 1 / strength


def _largest(cost: Callable[[float], float], most: float, low: float, high: float, guess: float) -> float:
    """The largest x, up to a relative `TOLERANCE`, with ``cost(x) <= most``; 0 where even ``low`` costs more.

    The costs grow with x. Looked for around a ``guess`` first, since the loss distribution of a weak mechanism is long.
    """
    tried: dict[float, float] = {}

    def affordable(x: float) -> bool:
        tried[x] = cost(x)
        return tried[x] <= most

    least, largest, width = low, high, 1 + 20 * TOLERANCE
    low = high = min(max(guess, least), largest)
    if affordable(low):
        while high < largest and affordable(high := min(high * width, largest)):
            low, width = high, width**2
    else:
        while low > least and not affordable(low := max(low / width, least)):
            high, width = low, width**2
    if tried[low] > most:
        return 0.0
    if tried[high] <= most:
        return high
    turn = 0
    while high / low > 1 + TOLERANCE:
        # The curve is nearly straight in logarithms; one guess is a hair too low, the next a hair too high.
        turn += 1
        share = 0.5
        if turn % 4 and tried[low] > 0 and math.isfinite(tried[high]):
            share = math.log(most / tried[low]) / math.log(tried[high] / tried[low])
        hair = (1 + TOLERANCE / 3) ** (-1 if turn % 2 else 1)
        x = min(max(low * (high / low) ** share * hair, low * (1 + TOLERANCE / 4)), high / (1 + TOLERANCE / 4))
        low, high = (x, high) if affordable(x) else (low, x)
    return low


def _grid(charges: Sequence[Charge], near: float) -> float:
    """The step of the grid of losses: finer where many sampled steps add up their rounding."""
    return min(max(near / (5000 if any(charge.rate < 1 for charge in charges) else 1000), 1e-8), 1e-3)


def _compose(charges: Sequence[Charge], grid: float) -> PrivacyLossDistribution:
    pld = _library()
    whole = [charge for charge in charges if charge.rate == 1 and charge.mechanism in _GAUSSIAN_LIKE]
    parts = []
    if whole:
        # Gaussian looks at all rows compose exactly into one.
        mu = math.sqrt(sum(charge.mu**2 for charge in whole))
        parts.append(pld.from_gaussian_mechanism(1 / mu, value_discretization_interval=grid))
    for charge in charges:
        if charge in whole:
            continue
        if charge.gaussian:
            sigma = (charge.sigma or 0.0) / charge.sensitivity
            one = pld.from_gaussian_mechanism(sigma, value_discretization_interval=grid, sampling_prob=charge.rate)
        elif charge.mechanism == "laplace":
            one = pld.from_laplace_mechanism(1 / (charge.epsilon or 0.0), value_discretization_interval=grid)
        else:
            # The loss of discrete Laplace noise is ε or -ε, nothing between: no less than that of any pure mechanism.
            from dp_accounting.pld.common import DifferentialPrivacyParameters

            one = pld.from_privacy_parameters(
                DifferentialPrivacyParameters(charge.epsilon or 0.0, 0.0), value_discretization_interval=grid
            )
        parts.append(one.self_compose(charge.steps) if charge.steps > 1 else one)
    together = parts[0]
    for part in parts[1:]:
        together = together.compose(part)
    return together


#: whose looks at all rows are counted by their Gaussian parameter
_GAUSSIAN_LIKE = ("gaussian", "discrete gaussian", "exponential")


def _library() -> Any:
    try:
        from dp_accounting.pld import privacy_loss_distribution
    except ModuleNotFoundError:
        raise MissingExtraError("dp-accounting", "privacy") from None
    return privacy_loss_distribution
