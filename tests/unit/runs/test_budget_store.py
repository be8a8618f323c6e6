"""Accounts of privacy: they add up, hold a cap, and cannot be overdrawn by runs at the same time."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from synthdata.errors import PrivacyError
from synthdata.runs.budget_store import BudgetStore


def store(folder: Path) -> BudgetStore:
    return BudgetStore(folder / "deep" / "budget.sqlite")


def test_what_is_settled_replaces_what_was_reserved(tmp_path: Path) -> None:
    accounts = store(tmp_path)
    assert accounts.account("f").epsilon == 0
    entry = accounts.reserve("f", 1.0, 1e-6, model="aim", source="people.csv")
    assert accounts.account("f").epsilon == 1.0
    assert accounts.account("f").spendings[0].state == "reserved"
    accounts.settle(entry, 0.7, 1e-6)
    accounts.reserve("f", 0.5, 1e-7, model="mst", source="people.csv")
    account = store(tmp_path).account("f")
    assert account.epsilon == pytest.approx(1.2)
    assert account.delta == pytest.approx(1.1e-6)
    assert [(s.model, s.state) for s in account.spendings] == [("aim", "spent"), ("mst", "reserved")]
    assert accounts.account("other").epsilon == 0
    with pytest.raises(PrivacyError, match="no open reservation"):
        accounts.settle(entry, 0.1, 1e-6)


def test_a_cap_is_held_and_a_refusal_spends_nothing(tmp_path: Path) -> None:
    accounts = store(tmp_path)
    accounts.set_cap("f", 1.5)
    accounts.reserve("f", 1.0, 1e-6, model="aim", source="x")
    with pytest.raises(PrivacyError, match="is used up"):
        accounts.reserve("f", 1.0, 1e-6, model="aim", source="x")
    assert accounts.account("f").epsilon == 1.0
    assert len(accounts.account("f").spendings) == 1
    accounts.reserve("f", 0.5, 1e-6, model="aim", source="x")
    accounts.set_cap("f", 3)
    accounts.reserve("f", 1.5, 1e-6, model="aim", source="x")
    with pytest.raises(PrivacyError, match="above 0"):
        accounts.set_cap("f", 0)


def test_runs_at_the_same_time_cannot_overdraw_together(tmp_path: Path) -> None:
    store(tmp_path).set_cap("f", 1.0)

    def ask(_: int) -> bool:
        try:
            store(tmp_path).reserve("f", 0.1, 1e-7, model="aim", source="x")
        except PrivacyError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        granted = list(pool.map(ask, range(40)))
    assert sum(granted) == 10
    assert store(tmp_path).account("f").epsilon == pytest.approx(1.0)
    assert len(store(tmp_path).account("f").spendings) == 10


def test_processes_at_the_same_time_cannot_overdraw_together(tmp_path: Path) -> None:
    store(tmp_path).set_cap("f", 0.55)
    code = (
        "import sys\nfrom synthdata.errors import PrivacyError\nfrom synthdata.runs.budget_store import BudgetStore\n"
        "granted = 0\n"
        "for _ in range(4):\n"
        "    try:\n        BudgetStore(sys.argv[1]).reserve('f', 0.1, 1e-7, model='m', source='s')\n"
        "        granted += 1\n"
        "    except PrivacyError:\n        pass\n"
        "print(granted)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "deep" / "budget.sqlite")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert sum(int(process.communicate()[0]) for process in running) == 5


def test_the_variable_names_another_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTHDATA_BUDGET", str(tmp_path / "team.sqlite"))
    BudgetStore().reserve("f", 1.0, 1e-6, model="aim", source="x")
    assert (tmp_path / "team.sqlite").exists()
    assert BudgetStore(f"sqlite:///{tmp_path / 'team.sqlite'}").account("f").epsilon == 1.0


def test_without_a_record_nothing_may_be_spent(tmp_path: Path) -> None:
    (tmp_path / "b.sqlite").write_text("this is no database, and it says password=hunter2" * 50)
    with pytest.raises(PrivacyError, match="cannot be used") as caught:
        BudgetStore(tmp_path / "b.sqlite").reserve("f", 1.0, 1e-6, model="aim", source="x")
    assert "hunter2" not in str(caught.value)
