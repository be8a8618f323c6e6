"""Real rows behind a guard: whoever wants an answer pays for it first, and gets it with noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

from synthdata.errors import PrivacyError
from synthdata.privacy.charges import Charge
from synthdata.privacy.dpsgd import NoisySteps, Plan
from synthdata.privacy.entropy import Entropy
from synthdata.privacy.ledger import Ledger
from synthdata.privacy.mechanisms import choose, discrete_gaussian

Rows = TypeVar("Rows")
Other = TypeVar("Other")


class Guarded(Generic[Rows]):
    """Rows (a table, or anything made of it row by row) that are reached through charges only.

    There is no attribute that gives the rows away; what a query sees stays inside, and what comes out has noise.

    >>> from synthdata.privacy.ledger import Privacy
    >>> rows = Guarded(np.array([0, 1, 1]), Ledger(Privacy(1.0)))
    >>> rows.counts(lambda cells: np.bincount(cells, minlength=2), "cells", sigma=20.0).shape
    (2,)
    >>> len(rows.ledger.charges)
    1
    """

    def __init__(self, rows: Rows, ledger: Ledger) -> None:
        self.__rows = rows
        self.ledger = ledger

    def __repr__(self) -> str:
        return "Guarded(rows)"

    def map(self, each: Callable[[Rows], Other]) -> Guarded[Other]:
        """The same rows in another form, still behind the guard.

        ``each`` must treat every row by itself: what becomes of one must not depend on the others.
        """
        return Guarded(each(self.__rows), self.ledger)

    def counts(
        self,
        query: Callable[[Rows], np.ndarray],
        stage: str,
        *,
        sigma: float,
        sensitivity: float = 1.0,
        delta: float = 0.0,
        part_of: str | None = None,
        note: str = "",
    ) -> np.ndarray:
        """Whole-number answers of any shape, with discrete Gaussian noise.

        ``sensitivity`` is by how much one row can change the answers, as the root of the sum of squares; where the
        ledger protects units of several rows, it is charged for all of them.

        Raises:
            PrivacyError: the budget does not allow it; nothing was looked at.
        """
        sensitivity *= self.ledger.rows_per_unit
        self.ledger.charge(
            Charge(stage, "discrete gaussian", sensitivity, sigma=sigma, delta=delta, part_of=part_of, note=note)
        )
        exact = np.asarray(query(self.__rows), dtype=np.int64)
        return exact + discrete_gaussian(sigma, exact.size, self.ledger.entropy).reshape(exact.shape)

    def choose(
        self,
        scores: Callable[[Rows], np.ndarray],
        stage: str,
        *,
        epsilon: float,
        sensitivity: float = 1.0,
        part_of: str | None = None,
        note: str = "",
    ) -> int:
        """The index of one of the scores (m,), by the exponential mechanism.

        ``sensitivity`` is by how much one row can change any score; a unit of several rows changes it by so much more.

        Raises:
            PrivacyError: the budget does not allow it; nothing was looked at.
        """
        sensitivity *= self.ledger.rows_per_unit
        self.ledger.charge(Charge(stage, "exponential", sensitivity, epsilon=epsilon, part_of=part_of, note=note))
        return choose(np.asarray(scores(self.__rows)), sensitivity, epsilon, self.ledger.entropy)

    def noisy(self, mechanism: Callable[[Rows, Entropy], Other], charge: Charge) -> Other:
        """What a mechanism of its own makes of the rows; it must add the noise of ``charge``, drawn from the entropy.

        Raises:
            PrivacyError: the budget does not allow it; nothing was looked at.
        """
        self.ledger.charge(charge)
        return mechanism(self.__rows, self.ledger.entropy)

    def opened(self, charge: Charge) -> Rows:
        """The rows themselves, for training that adds the noise of ``charge`` on its own, such as DP-SGD.

        Raises:
            PrivacyError: the budget does not allow it, or a unit has several rows: training samples and clips rows.
        """
        if self.ledger.rows_per_unit > 1:
            raise PrivacyError(
                f"This model protects single rows, but {self.ledger.rows_per_unit} rows per person are to be kept.",
                "Keep one row per person, or choose a model of marginals: aim, mst, independent.",
            )
        self.ledger.charge(charge)
        return self.__rows

    def steps(self, plan: Plan) -> NoisySteps:
        """The steps of training over opened rows that the charge of ``plan`` has paid for."""
        return NoisySteps(plan, self.ledger.entropy)
