"""The record of budgets in a team's own database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from synthdata.errors import PrivacyError
from synthdata.runs.budget_store import BudgetStore


def test_accounts_in_postgres_add_up_and_hold_a_cap(postgres: str) -> None:
    accounts = BudgetStore(postgres)
    assert accounts.account("f").epsilon == 0
    entry = accounts.reserve("f", 1.0, 1e-6, model="aim", source="people.csv")
    assert accounts.account("f").spendings[0].state == "reserved"
    accounts.settle(entry, 0.7, 1e-6)
    accounts.set_cap("f", 1.5)
    accounts.reserve("f", 0.5, 1e-7, model="mst", source="x" * 5000)
    account = BudgetStore(postgres).account("f")
    assert account.epsilon == pytest.approx(1.2, abs=1e-12)
    assert account.delta == pytest.approx(1.1e-6, rel=1e-9)
    assert [(s.model, s.state) for s in account.spendings] == [("aim", "spent"), ("mst", "reserved")]
    with pytest.raises(PrivacyError, match="is used up"):
        accounts.reserve("f", 0.5, 1e-7, model="mst", source="x")


def test_runs_at_the_same_time_cannot_overdraw_postgres_together(postgres: str) -> None:
    BudgetStore(postgres).set_cap("g", 1.0)

    def ask(_: int) -> bool:
        try:
            BudgetStore(postgres).reserve("g", 0.1, 1e-7, model="aim", source="x")
        except PrivacyError as error:
            assert "is used up" in str(error)
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        granted = list(pool.map(ask, range(30)))
    assert sum(granted) == 10
    assert BudgetStore(postgres).account("g").epsilon == pytest.approx(1.0)


def test_a_wrong_password_is_one_message_without_it(postgres: str) -> None:
    wrong = postgres.replace("s3cr3t-pa55", "gu3ss")
    with pytest.raises(PrivacyError, match="cannot be used") as caught:
        BudgetStore(wrong).account("f")
    assert "gu3ss" not in str(caught.value)
    with pytest.raises(PrivacyError, match="cannot be used"):
        BudgetStore("nosuch://host/base").account("f")
