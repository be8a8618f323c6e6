"""The budget of a run, and the book in which every look at real rows is written before it is taken."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from synthdata.atomic import write_text
from synthdata.errors import PrivacyError, did_you_mean
from synthdata.privacy.accounting import epsilon_of, mu_for
from synthdata.privacy.charges import Charge, counting_sigma
from synthdata.privacy.entropy import Entropy

LEDGER_VERSION = 1
ADJACENCY = "add or remove one"

#: which share of the squared Gaussian parameter each stage gets; see `Privacy`
DEFAULT_SPLIT: Mapping[str, float] = MappingProxyType(
    {"rows": 0.005, "structure": 0.02, "domain": 0.095, "training": 0.88}
)
#: which share of δ pays for thresholds under which categories stay unnamed
DOMAIN_DELTA = 0.25


@dataclass(frozen=True)
class Privacy:
    """A promise to keep: (ε, δ)-differential privacy for tables that differ in one added or removed row.

    ``split`` says how the budget is shared out: ``rows`` (how many there are), ``structure`` (what kind each column
    is), ``domain`` (bounds, category lists, decimals, nulls), wherever the schema does not declare them public, and
    ``training``. A share is of μ², the squared Gaussian parameter that (ε, δ) allows, which is what adds up; what the
    first three do not need goes to training. A
    quarter of δ at most pays for the discovery of categories. A ``seed`` makes the noise repeatable, which protects
    nobody: the ledger then says "not private". Where the schema names a person key (the role ``sequence key``) persons
    are protected instead of rows, with at most ``rows_per_person`` rows of each.

    >>> Privacy(epsilon=1.0).delta
    1e-06
    >>> Privacy.of(2).epsilon
    2.0

    Raises:
        PrivacyError: ε or δ is out of range, or the split is not one.
    """

    epsilon: float
    delta: float = 1e-6
    split: Mapping[str, float] = field(default_factory=lambda: DEFAULT_SPLIT)
    seed: int | None = None
    rows_per_person: int = 1

    def __post_init__(self) -> None:
        for name, value in (("epsilon", self.epsilon), ("delta", self.delta)):
            if not _is_number(value) or not math.isfinite(value) or value <= 0:
                raise PrivacyError(f"The privacy budget needs {name} above 0, found {value!r}.", _ADVICE[name])
        if self.delta >= 1e-3:
            raise PrivacyError(
                f"The privacy budget needs delta below 0.001, found {self.delta:g}: with that probability any row "
                "could be published.",
                _ADVICE["delta"],
            )
        most: Any = self.rows_per_person
        if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most <= 1000:
            raise PrivacyError(f"The rows per person must be a whole number from 1 to 1000, found {most!r}.")
        for stage in self.split:
            if stage not in DEFAULT_SPLIT:
                raise PrivacyError(f"The budget has no stage {stage!r}.", did_you_mean(stage, DEFAULT_SPLIT))
        shares = [self.split.get(stage, 0.0) for stage in DEFAULT_SPLIT]
        paid = min(self.split.get("rows", 0.0), self.split.get("training", 0.0))
        if not min(shares) >= 0 or not math.isclose(sum(shares), 1.0, abs_tol=1e-9) or paid <= 0:
            raise PrivacyError(
                "The shares of a budget must be 0 or more and add up to 1, with something for rows and training.",
                f"By default: {dict(DEFAULT_SPLIT)}.",
            )

    @classmethod
    def of(cls, budget: Privacy | float) -> Privacy:
        """A budget as it is, or an ε with the default δ."""
        if isinstance(budget, Privacy):
            return budget
        return cls(float(budget) if _is_number(budget) else budget)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_ADVICE = {
    "epsilon": "Common values are 0.1 (strict) to 10 (weak); try 1.",
    "delta": "The default is 1e-6; choose one far below one over the number of rows.",
}


class Ledger:
    """Append-only: a charge is written before the look, and one that would overspend is refused with nothing spent.

    >>> ledger = Ledger(Privacy(1.0))
    >>> ledger.charge(Charge("row count", "discrete gaussian", sigma=20.0))
    >>> 0 < ledger.epsilon_spent < 0.25
    True
    """

    def __init__(self, privacy: Privacy | float) -> None:
        self.privacy = Privacy.of(privacy)
        self.entropy = Entropy(self.privacy.seed)
        #: what was taken as public, by column, and where that comes from
        self.public: dict[str, Any] = {}
        #: columns whose kind was bought, and the form of their cells that came out
        self.structure: dict[str, str] = {}
        #: how many rows there are, where that is public
        self.public_rows: int | None = None
        self.unit = "row"
        #: how many rows a unit has at most
        self.rows_per_unit = 1
        #: how its rows were held to that, in words
        self.unit_bound = ""
        #: columns of whose values nothing stood out of the noise
        self.unknown: list[str] = []
        #: which share of the rows has values too rare to be named, by column; made of paid answers alone
        self.unnamed: dict[str, float] = {}
        #: how the model saw the rows, in words
        self.method = ""
        self._charges: list[Charge] = []
        self._left_of: dict[str, float] = {}
        self._spent: float | None = 0.0
        self._whole: float | None = None

    @classmethod
    def of(cls, privacy: Ledger | Privacy | float) -> Ledger:
        """A ledger as it is, with what was charged to it already, or a new one for a budget."""
        return privacy if isinstance(privacy, Ledger) else cls(privacy)

    @property
    def charges(self) -> tuple[Charge, ...]:
        """Every charge so far, in order."""
        return tuple(self._charges)

    @property
    def private(self) -> bool:
        """Whether the noise can be relied on: it cannot where its seed is known."""
        return self.entropy.private

    @property
    def epsilon_spent(self) -> float:
        """The ε of all charges together, by their composed loss distribution, at the δ asked for."""
        if self._spent is None:
            self._spent = epsilon_of(self._charges, self.privacy.delta, near=self.privacy.epsilon)
        return self._spent

    @property
    def delta_spent(self) -> float:
        """The δ at which `epsilon_spent` holds: the one asked for, or 0 while nothing was spent."""
        return self.privacy.delta if self._charges else 0.0

    def protect_persons(self, key: str) -> None:
        """Count persons instead of rows from now on: all rows with one value of the column ``key`` are one person's.

        Raises:
            PrivacyError: something was looked at already.
        """
        if self._charges:
            raise PrivacyError("Whom a ledger protects must be settled before the first look.")
        self.unit, self.rows_per_unit = "person", self.privacy.rows_per_person
        self.unit_bound = (
            f"all rows with the same value of {key!r} are one person's; at most {self.rows_per_unit} of them are kept, "
            "chosen at random, and rows without a value are left out"
        )

    def noise_for(self, cost: float) -> float:
        """The least noise, in rows, of a count that costs this squared Gaussian parameter at most."""
        return counting_sigma(cost) * self.rows_per_unit

    def require_small_delta(self, rows: float) -> None:
        """Refuse a δ that is not below one over the number of rows, which must be public or bought.

        Raises:
            PrivacyError: with that number.
        """
        if self.privacy.delta * rows >= 1:
            raise PrivacyError(
                f"delta = {self.privacy.delta:g} is not below one over the number of rows (about {rows:,.0f}): with "
                "that probability some row could be published."
                + (f" Counting them has cost epsilon = {self.epsilon_spent:.2g}." if self._charges else ""),
                f"Choose one far below {1 / rows:.2g}.",
            )

    def charge(self, charge: Charge) -> None:
        """Write a charge down; only after this may the look be taken.

        Raises:
            PrivacyError: it would overspend the budget or its reservation, or names none. Nothing is spent then.
        """
        if charge.part_of is not None:
            self._take_from(charge)
            self._charges.append(charge)
            return
        cost = epsilon_of([*self._charges, charge], self.privacy.delta, near=self.privacy.epsilon)
        if cost > self.privacy.epsilon:
            raise PrivacyError(
                f"The budget of epsilon = {self.privacy.epsilon:g} is used up: after {self.epsilon_spent:.4g} spent, "
                f"the look for {charge.stage!r} would make it {cost:.4g}.",
                "Ask for a larger epsilon, or declare more of the schema public.",
            )
        self._charges.append(charge)
        self._spent = cost

    def reserve(self, stage: str, mu: float, *, delta: float = 0.0, note: str = "") -> None:
        """Pay at once for looks to come, of squared Gaussian parameters that add up to μ² at most.

        Looks paid from it name the stage in ``part_of``; how large each is may depend on earlier answers, since
        Gaussian privacy composes fully adaptively (Smith and Thakurta 2022). ``delta`` is for all thresholds among
        them.

        Raises:
            PrivacyError: it would overspend.
        """
        if any(charge.stage == stage for charge in self._charges):
            raise PrivacyError(f"The budget of the stage {stage!r} has been reserved already.")
        self.charge(Charge(stage, "gaussian", sigma=1 / mu, delta=delta, note=note or "reserved for the looks below"))
        self._left_of[stage] = mu**2

    def left_of(self, stage: str) -> float:
        """What is left of a reservation, as a squared Gaussian parameter."""
        return self._left_of[stage]

    def mu_of(self, stage: str) -> float:
        """The Gaussian parameter that the split grants a stage; for ``training`` all that is left."""
        if stage == "training":
            return mu_for(self.privacy.epsilon, self.privacy.delta, self._charges)
        if self._whole is None:
            self._whole = mu_for(self.privacy.epsilon, self.privacy.delta * (1 - DOMAIN_DELTA))
        return self._whole * math.sqrt(self.privacy.split.get(stage, 0.0))

    def _take_from(self, charge: Charge) -> None:
        stage = charge.part_of or ""
        if stage not in self._left_of:
            raise PrivacyError(f"Nothing was reserved for {stage!r}.", did_you_mean(stage, self._left_of))
        left = self._left_of[stage] - charge.mu**2
        if left < -1e-9 * charge.mu**2:
            raise PrivacyError(
                f"The budget reserved for {stage!r} is used up: the look for {charge.stage!r} does not fit into it."
            )
        granted = next(known.delta for known in self._charges if known.stage == stage)
        used = sum(known.delta for known in self._charges if known.part_of == stage)
        if used + charge.delta > granted * (1 + 1e-9):
            raise PrivacyError(f"The delta reserved for {stage!r} is used up at the look for {charge.stage!r}.")
        self._left_of[stage] = max(left, 0.0)

    def to_dict(self) -> dict[str, Any]:
        """What ``ledger.json`` holds, version 1."""
        return {
            "version": LEDGER_VERSION,
            "epsilon": self.privacy.epsilon,
            "delta": self.privacy.delta,
            "epsilon_spent": self.epsilon_spent,
            "delta_spent": self.delta_spent,
            "private": self.private,
            "adjacency": ADJACENCY,
            "unit": self.unit,
            "rows_per_unit": self.rows_per_unit,
            "unit_bound": self.unit_bound,
            "method": self.method,
            "random_source": self.entropy.source,
            "accountant": "privacy loss distributions (dp-accounting)",
            "floating_point": FLOATING_POINT,
            "structure": STRUCTURE,
            "split": dict(self.privacy.split),
            "forms": dict(self.structure),
            "public": self.public,
            "public_rows": self.public_rows,
            "unknown": list(self.unknown),
            "unnamed": dict(self.unnamed),
            "charges": [charge.to_dict() for charge in self._charges],
        }

    def save(self, path: str | Path) -> None:
        """Write ``ledger.json``."""
        write_text(path, json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n")


STRUCTURE = (
    "Names of columns count as public, and so does what a schema declares of them. How columns are stored counts as "
    "public where the source itself says so (Parquet, a database, a frame in memory, cells of JSON and workbooks); in "
    "delimited text it is bought, and so are in any source the layout of dates, how fine moments are, and whether "
    "numbers are a yes or no. Kinds follow from names, storage and that."
)
FLOATING_POINT = (
    "Counts are integers with integer noise drawn exactly. Choices between answers and loss distributions are computed "
    "in double precision. Gradients and their noise are in single precision; their sums are rounded to a grid, so that "
    "low bits tell nothing."
)


def read_ledger(path: str | Path) -> dict[str, Any]:
    """What a ``ledger.json`` holds, with its ε added up again from its charges.

    Raises:
        PrivacyError: it is missing, damaged, of another version, or claims less than its charges cost.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        if data["version"] != LEDGER_VERSION:
            raise PrivacyError(
                f"The ledger {path} has the version {data['version']!r}; here version {LEDGER_VERSION} is read."
            )
        charges = [Charge(**charge) for charge in data["charges"]]
        cost = epsilon_of(charges, data["delta"], near=data["epsilon"])
        claimed = data["epsilon_spent"]
    except FileNotFoundError:
        raise PrivacyError(f"There is no ledger at {path}.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PrivacyError(f"The ledger {path} is damaged ({type(error).__name__}).") from None
    if cost > claimed * (1 + 1e-6) + 1e-9:
        raise PrivacyError(f"The ledger {path} claims epsilon = {claimed:.4g}, but its charges cost {cost:.4g}.")
    granted = {charge.stage: charge.mu**2 for charge in charges if charge.part_of is None and charge.rate == 1}
    for stage in {charge.part_of for charge in charges if charge.part_of is not None}:
        if sum(charge.mu**2 for charge in charges if charge.part_of == stage) > granted.get(stage, 0.0) * (1 + 1e-6):
            raise PrivacyError(f"The ledger {path} has looks that the reservation {stage!r} does not pay for.")
    return dict(data)
