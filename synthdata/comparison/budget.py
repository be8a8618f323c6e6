"""What a comparison of private models costs its source: set aside for all fits at once, settled by each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from synthdata.comparison.plan import Trial
from synthdata.comparison.standing import Result
from synthdata.privacy.ledger import Privacy
from synthdata.runs.budget_store import BudgetStore


class Reservations:
    """The budgets of all trials of a comparison; without a ``budget`` there are none, and nothing is done.

    While the context lasts trials are handed their reservations; those of trials that never began are given back at
    its end. A trial that was killed keeps its own, since it may have looked.
    """

    def __init__(self, budget: Privacy | None, fingerprint: str, source: str) -> None:
        self.budget, self._fingerprint, self._source = budget, fingerprint, source
        self._entries: dict[Trial, int] = {}
        self._begun: set[Trial] = set()

    @property
    def plan(self) -> dict[str, Any]:
        """What a plan says of it."""
        return {} if self.budget is None else {"privacy": _plain(self.budget)}

    def reserve(self, trials: Sequence[Trial]) -> None:
        """Set aside what all trials may spend.

        Raises:
            PrivacyError: the cap of the source does not allow it; nothing is spent.
        """
        if self.budget is not None and trials:
            entries = BudgetStore().reserve_each(
                self._fingerprint,
                self.budget.epsilon,
                self.budget.delta,
                models=[trial.model for trial in trials],
                source=self._source,
            )
            self._entries = dict(zip(trials, entries, strict=True))

    def handed_over(self, trial: Trial) -> dict[str, Any] | None:
        """What a trial that begins is told of its budget."""
        if self.budget is None:
            return None
        self._begun.add(trial)
        return {"privacy": _plain(self.budget), "reservation": self._entries[trial]}

    def __enter__(self) -> Reservations:
        """Nothing to do."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give back what nobody has come to use."""
        for trial, entry in self._entries.items():
            if trial not in self._begun:
                BudgetStore().release(entry)

    def facts(self, results: Sequence[Result]) -> dict[str, Any]:
        """The ``privacy`` part of ``comparison.json``: what each fit was promised, all have spent, and the account."""
        if self.budget is None:
            return {}
        spent = [result.report.facts["privacy"]["dp"]["epsilon_spent"] for result in results if result.report]
        return {
            "privacy": {
                "epsilon": self.budget.epsilon,
                "delta": self.budget.delta,
                "fits": len(spent),
                "epsilon_of_all": sum(spent),
                "account": BudgetStore().account(self._fingerprint).facts(),
            }
        }


def _plain(budget: Privacy) -> dict[str, Any]:
    """A budget as JSON holds it."""
    return {field.name: getattr(budget, field.name) for field in fields(budget)} | {"split": dict(budget.split)}
