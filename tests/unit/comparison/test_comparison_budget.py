"""A comparison of private models: every fit is charged to the source's account, all of them or none."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import synthdata
from synthdata.cli import main
from synthdata.comparison.budget import Reservations
from synthdata.comparison.plan import Trial
from synthdata.comparison.trial import reserved
from synthdata.errors import PrivacyError, SynthdataError
from synthdata.privacy.ledger import Privacy
from synthdata.runs.budget_store import BudgetStore


@pytest.fixture(autouse=True)
def accounts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SYNTHDATA_BUDGET", str(tmp_path / "accounts.sqlite"))


def people(n: int = 200) -> pd.DataFrame:
    generator = np.random.default_rng(1)
    age = generator.integers(18, 90, n)
    return pd.DataFrame({"age": age, "sex": generator.choice(["F", "M"], n), "old": age > 60})


def test_each_fit_is_charged_once(tmp_path: Path) -> None:
    options: dict[str, Any] = {"out": tmp_path / "out", "seed": 1, "seeds": 1, "jobs": 1, "privacy": 2.0}
    for _ in range(2):
        # The second time there is nothing left to do.
        done = synthdata.compare(people(), "independent", **options)
        account = BudgetStore().account(done.facts["run"]["fingerprint"])
        assert [(entry.model, entry.state) for entry in account.spendings] == [("independent", "spent")]
        assert 1.9 < account.epsilon <= 2.0
    told = done.facts["privacy"]
    assert told["fits"] == told["account"]["runs"] == 1
    assert told["epsilon_of_all"] == pytest.approx(account.epsilon)
    page = (tmp_path / "out" / "comparison.html").read_text(encoding="utf-8")
    assert "not covered by ε" in page
    assert "is private with ε = 2, δ = 1e-06" in page
    ledger = json.loads((tmp_path / "out" / "independent-seed-1" / "ledger.json").read_text(encoding="utf-8"))
    assert ledger["epsilon"] == 2.0
    with pytest.raises(SynthdataError, match="differs in: privacy"):
        synthdata.compare(people(), "independent", **{**options, "privacy": 1.0})


def test_what_exceeds_the_cap_is_refused_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    people().to_csv(tmp_path / "people.csv", index=False)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["synthdata", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr()
        return int(stopped.value.code or 0), said.out, said.err

    assert call("budget", "people.csv", "--cap", "3")[0] == 0
    command = ("compare", "people.csv", "--models", "independent,mst", "--seeds", "2", "-o", "out", "--epsilon", "1")
    code, _, error = call(*command)
    assert code == 2
    assert "4 fits ask for 1 each" in " ".join(error.split())
    assert not Path("out").exists()
    assert "epsilon = 0, delta = 0" in " ".join(call("budget", "people.csv")[1].split())

    code, _, error = call(*command[:3], "independent,boosted", *command[4:])
    assert code == 2
    assert "autoregressive" in error
    assert "no differentially private form" in " ".join(error.split())


def test_all_are_reserved_or_none() -> None:
    store = BudgetStore()
    store.set_cap("f", 2.5)
    with pytest.raises(PrivacyError, match="3 fits ask for 1 each"):
        store.reserve_each("f", 1.0, 1e-6, models=["a", "b", "c"], source="s")
    assert store.account("f").spendings == ()
    first, second = store.reserve_each("f", 1.0, 1e-6, models=["a", "b"], source="s")
    store.settle(first, 0.5, 1e-6)
    store.release(first)
    assert store.account("f").epsilon == pytest.approx(1.5)
    store.release(second)
    account = store.account("f")
    assert account.epsilon == pytest.approx(0.5)
    assert [entry.state for entry in account.spendings] == ["spent", "spent"]


def test_trials_that_never_began_are_given_back_and_killed_ones_are_not() -> None:
    account, trials = Reservations(Privacy(1.0), "g", "s"), [Trial("mst", (), seed) for seed in range(3)]
    account.reserve(trials)
    with account:
        handed = account.handed_over(trials[0])
        # This one is killed.
        account.handed_over(trials[1])
    assert handed is not None
    # The first ended before it looked.
    with reserved(json.loads(json.dumps(handed))) as options:
        assert options["privacy"] == Privacy(1.0)
    told = BudgetStore().account("g")
    assert told.epsilon == pytest.approx(1.0)
    assert [entry.state for entry in told.spendings] == ["spent", "reserved", "spent"]


def test_without_a_budget_nothing_is_reserved() -> None:
    none = Reservations(None, "g", "s")
    none.reserve([Trial("mst", (), 0)])
    with none, reserved(None) as options:
        assert options == {}
        assert none.handed_over(Trial("mst", (), 0)) is None
    assert none.plan == none.facts([]) == {}
    assert BudgetStore().account("g").spendings == ()
