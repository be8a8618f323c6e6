"""Who pays for looks at real rows: the source's account in the store of budgets, before the first of them.

A `Purse` holds what one private fit may spend, from the first look at a column to the last step of training; noised
figures of a share edition have a budget of their own.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from synthdata.connectors import Loaded
from synthdata.errors import PrivacyError
from synthdata.intake import Source, open_source
from synthdata.privacy.ledger import Ledger, Privacy
from synthdata.progress import Progress
from synthdata.random import SeedTree
from synthdata.runs.budget_store import Account, BudgetStore
from synthdata.table.table import Table, check_names
from synthdata.validation.noised import DELTA, NoisedFigures, noised_figures


class Purse:
    """What a fit may spend on a source by its ledger; where there is no ledger, nothing is done.

    On entering, the whole budget is set aside in the source's account, unless that was done before (``reservation``);
    what the ledger has not spent goes back when it is settled, at the end at the latest. A fit that failed has spent
    what its ledger says; a process that was killed leaves all of it reserved.
    """

    def __init__(self, ledger: Ledger | None, loaded: Loaded, model: str, reservation: int | None = None) -> None:
        self.ledger = ledger
        self._loaded, self._model, self._entry = loaded, model, reservation

    def __enter__(self) -> Self:
        """Set the budget aside.

        Raises:
            PrivacyError: the account's cap does not allow it; nothing was looked at.
        """
        if self.ledger is not None and self._entry is None:
            asked = self.ledger.privacy
            self._entry = BudgetStore().reserve(
                self._loaded.fingerprint,
                asked.epsilon,
                asked.delta,
                model=self._model,
                source=self._loaded.display,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Give back what was not spent."""
        self.settle()

    def settle(self) -> None:
        """Give back what was not spent; nothing more can be spent afterwards."""
        if self.ledger is not None and self._entry is not None:
            entry, self._entry = self._entry, None
            BudgetStore().settle(entry, self.ledger.epsilon_spent, self.ledger.delta_spent)


def figures_budget(share: bool, epsilon: float | None, fit: Privacy | None = None) -> Privacy | None:
    """The budget of the noised figures in a share edition, protecting the same unit as the fit; None without one.

    Raises:
        PrivacyError: it is asked for without a share edition, or is not above 0.
    """
    if epsilon is None:
        return None
    if not share:
        raise PrivacyError(
            "A budget for the share edition says nothing without one.", "Give both: --share --share-epsilon 0.5."
        )
    return Privacy(epsilon, DELTA, rows_per_person=fit.rows_per_person if fit else 1)


def bought_figures(real: Table, made: Table, budget: Privacy, seeds: SeedTree, loaded: Loaded) -> NoisedFigures:
    """Noised figures of the real table, paid for by its account; what was not spent goes back.

    Raises:
        PrivacyError: the account's cap does not allow it; nothing was looked at.
    """
    ledger = Ledger(budget)
    with Purse(ledger, loaded, "figures of a share edition"):
        return noised_figures(real, made, ledger, seeds.child("noised figures"))


def account(
    source: Source,
    store: BudgetStore | None = None,
    *,
    cap: float | None = None,
    table: str | None = None,
    query: str | None = None,
    progress: Progress | None = None,
) -> Account:
    """What all private runs on a source have spent together; with ``cap``, the most they may from now on.

    Raises:
        SynthdataError: the source cannot be read, or the cap is not above 0.
    """
    store = store or BudgetStore()
    loaded = open_source(source, table=table, query=query, progress=progress)
    check_names(loaded.frame)
    fingerprint = loaded.fingerprint
    if cap is not None:
        store.set_cap(fingerprint, cap)
    return store.account(fingerprint)
