"""A charge: what one look at real rows costs, whoever takes it and however it ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from synthdata.errors import PrivacyError

Mechanism = Literal["gaussian", "discrete gaussian", "laplace", "discrete laplace", "exponential", "pure"]
MECHANISMS: tuple[str, ...] = get_args(Mechanism)

#: how much larger than 1/σ, in units of 1/σ², the Gaussian parameter of discrete noise is (see `Charge.mu`)
_DISCRETE_EXCESS = 0.05


@dataclass(frozen=True)
class Charge:
    """One look at real rows, or ``steps`` equal ones.

    ``sigma`` is the standard deviation of Gaussian noise in the units of the answer; ``epsilon`` the parameter of the
    mechanisms that have one (Laplace noise of scale sensitivity/ε, the exponential mechanism, or any other pure
    mechanism). ``rate`` is the probability with which Poisson sampling takes a row into a step. ``delta`` is the
    probability with which a threshold lets one row's own category through. ``part_of`` names the reservation that a
    look is paid from; such a look is on record and costs nothing more.

    >>> Charge("row count", "discrete gaussian", sigma=20.0).mu < 0.0501
    True

    Raises:
        PrivacyError: a parameter is missing or out of its range.
    """

    stage: str
    mechanism: Mechanism
    sensitivity: float = 1.0
    sigma: float | None = None
    epsilon: float | None = None
    rate: float = 1.0
    steps: int = 1
    delta: float = 0.0
    part_of: str | None = None
    note: str = ""

    def __post_init__(self) -> None:
        strength = self.sigma if self.gaussian else self.epsilon
        wanted = "sigma" if self.gaussian else "epsilon"
        if self.mechanism not in MECHANISMS:
            raise PrivacyError(f"There is no mechanism {self.mechanism!r}.", f"Known: {', '.join(MECHANISMS)}.")
        if strength is None or not (math.isfinite(strength) and strength > 0):
            raise PrivacyError(f"The {self.mechanism} mechanism needs a {wanted} above 0, found {strength}.")
        if not (math.isfinite(self.sensitivity) and self.sensitivity > 0):
            raise PrivacyError(f"A sensitivity must be a number above 0, found {self.sensitivity}.")
        if not 0 < self.rate <= 1:
            raise PrivacyError(f"A sampling rate must be above 0 and at most 1, found {self.rate}.")
        if self.rate < 1 and self.mechanism != "gaussian":
            raise PrivacyError(f"Sampled rows are accounted for with Gaussian noise only, not {self.mechanism}.")
        if self.mechanism == "discrete gaussian" and strength < 0.5 * self.sensitivity:
            raise PrivacyError(f"Discrete Gaussian noise needs a sigma of 0.5 sensitivities or more, found {strength}.")
        if self.steps < 1 or not 0 <= self.delta < 1:
            raise PrivacyError(f"A charge has at least one step and a delta below 1, found {self.steps}, {self.delta}.")

    @property
    def gaussian(self) -> bool:
        """Whether the noise is Gaussian, continuous or discrete."""
        return self.mechanism in ("gaussian", "discrete gaussian")

    @property
    def mu(self) -> float:
        """The parameter of the Gaussian mechanism (sensitivity over σ) that is no more private than all steps.

        Gaussian differential privacy after Dong, Roth and Su (2022); steps without sampling add up in squares.

        - Discrete Gaussian noise: its trade-off has μ = max over k of z(k) - z(k-1), z the normal score of P(X < k);
          that is 1/σ up to a factor that a test checks to be below 1 + 0.05/σ².
        - The exponential mechanism has a privacy loss within a range of ε (Dong, Durfee and Rogers 2020), for which
          the largest total variation is tanh(ε/4); a pure mechanism has tanh(ε/2). The Gaussian curve of the same
          total variation dominates both.

        Raises:
            PrivacyError: rows are sampled; no such parameter stands for that.
        """
        if self.rate < 1:
            raise PrivacyError("The steps of a sampled mechanism have no Gaussian parameter.")
        if self.gaussian:
            sigma = (self.sigma or 0.0) / self.sensitivity
            single = 1 / sigma
            if self.mechanism == "discrete gaussian":
                single *= 1 + _DISCRETE_EXCESS / sigma**2
        else:
            single = gaussian_parameter(
                math.tanh((self.epsilon or 0.0) / (4 if self.mechanism == "exponential" else 2))
            )
        return single * math.sqrt(self.steps)

    def to_dict(self) -> dict[str, Any]:
        """The charge as ``ledger.json`` holds it; what does not apply is left out."""
        return {key: value for key, value in asdict(self).items() if value not in (None, "")}


def gaussian_parameter(total_variation: float) -> float:
    """The μ at which two normal distributions of variance 1 and distance μ have this total variation.

    >>> round(gaussian_parameter(0.3829), 3)
    1.0
    """
    from statistics import NormalDist

    below = 0.5 + total_variation / 2
    return 2 * NormalDist().inv_cdf(below) if below < 1 else math.inf


def counting_cost(sigma: float) -> float:
    """The squared Gaussian parameter of one answer with discrete Gaussian noise of σ sensitivities."""
    return Charge("count", "discrete gaussian", sigma=sigma).mu ** 2


def counting_sigma(cost: float) -> float:
    """The least noise, in sensitivities, that costs this squared Gaussian parameter at most; never below a half.

    >>> round(counting_sigma(0.01), 1)
    10.0
    """
    return 1 / _largest_within(lambda strength: counting_cost(1 / strength), cost, 2.0)


def choosing_cost(epsilon: float) -> float:
    """The squared Gaussian parameter of one choice by the exponential mechanism."""
    return Charge("choice", "exponential", epsilon=epsilon).mu ** 2


def choosing_epsilon(cost: float) -> float:
    """The largest ε of a choice that costs this squared Gaussian parameter at most.

    >>> round(choosing_epsilon(0.01), 3)
    0.16
    """
    return _largest_within(choosing_cost, cost, 60.0)


def _largest_within(cost_of: Callable[[float], float], cost: float, high: float) -> float:
    """The largest strength up to ``high`` whose cost, which grows with it, is within ``cost``."""
    low = 1e-12
    if cost_of(high) <= cost:
        return high
    while high / low > 1 + 1e-9:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if cost_of(middle) <= cost else (low, middle)
    return low
