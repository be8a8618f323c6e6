"""Noised figures of the share edition: what they are, what they cost, and what of the real table never shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthdata import intake, pipeline
from synthdata.errors import PrivacyError
from synthdata.privacy.charges import Charge
from synthdata.privacy.ledger import Ledger, Privacy
from synthdata.random import SeedTree
from synthdata.runs.budget_store import BudgetStore
from synthdata.table.table import Table
from synthdata.validation.base import Comparison
from synthdata.validation.noised import DELTA, Cells, NoisedFigures, noised_figures, with_noised
from synthdata.validation.statistics import kolmogorov_smirnov, total_variation
from synthdata.validation.summaries import column_details

Mixed = Callable[[int, int], Table]


def noised(real: Table, made: Table, epsilon: float = 1.0, seed: int | None = 1) -> NoisedFigures:
    return noised_figures(real, made, Ledger(Privacy(epsilon, DELTA, seed=seed)), SeedTree(0))


def test_with_next_to_no_noise_they_are_the_shares_and_errors_themselves(mixed: Mixed) -> None:
    real, made = mixed(3000, 1), mixed(2000, 2)
    found = noised(real, made, epsilon=40.0).columns
    city = real.frame["city"].fillna("null").value_counts(normalize=True)
    order = [*made.frame["city"].value_counts().index, None, "null"]
    assert found["city"].shares == pytest.approx([city.get(name, 0.0) for name in order], abs=2e-3)
    smoker = [np.bincount(table.frame["smoker"].to_numpy(int)) for table in (real, made)]
    assert found["smoker"].error.value == pytest.approx(total_variation(*smoker), abs=3e-3)
    # every age has a bin of its own or shares one: the error can only be a little less than that of the values
    ages = [table.frame["age"].to_numpy(float) for table in (real, made)]
    assert found["age"].error.value == pytest.approx(kolmogorov_smirnov(*ages), abs=0.01)


def test_the_charge_is_the_whole_budget_and_its_noise_is_that_of_a_row_in_every_column(mixed: Mixed) -> None:
    real, made = mixed(400, 1), mixed(300, 2)
    ledger = noised(real, made, epsilon=0.7).ledger
    (charge,) = ledger["charges"]
    assert charge["sensitivity"] == pytest.approx(np.sqrt(6))
    assert 0.69 < ledger["epsilon_spent"] <= 0.7
    cells = [Cells.of(view) for view in Comparison.of(made, None, real).views]

    def counted(table: Table) -> np.ndarray:
        views = Comparison.of(made, None, table).views
        places = [each.places(view.values("synthetic")) for each, view in zip(cells, views, strict=True)]
        return np.concatenate([np.bincount(p, minlength=each.size) for each, p in zip(cells, places, strict=True)])

    one_more = Table.of(pd.concat([real.frame, mixed(1, 9).frame.assign(patient=10**6)]), real.schema)
    assert np.linalg.norm(counted(one_more) - counted(real)) == pytest.approx(charge["sensitivity"])


def test_their_intervals_hold_the_errors_without_noise(mixed: Mixed) -> None:
    real, made = mixed(2000, 1), mixed(500, 2)
    exact = noised(real, made, epsilon=40.0).columns
    held = [
        figure.interval[0] <= (exact[name].error.value or 0.0) <= figure.interval[1]
        for seed in range(3)
        for name, column in noised(real, made, epsilon=1.0, seed=seed).columns.items()
        if (figure := column.error).interval
    ]
    assert len(held) == 18
    assert sum(held) >= 16


def test_no_name_and_no_extreme_of_the_real_table_shows(mixed: Mixed) -> None:
    made = mixed(300, 3)
    shared = {"columns": column_details(Comparison.of(made, None, made), {}), "fidelity": {}, "privacy": {}}
    frame = mixed(500, 1).frame
    odd = frame.assign(
        city=frame["city"].where(frame.index % 3 > 0, "Secretville"),
        income=frame["income"].where(frame.index % 2 > 0, 87654321.25),
    )
    told = with_noised(shared, noised(Table.of(odd, made.schema), made))
    text = json.dumps(told)
    assert "Secretville" not in text
    assert "87654321" not in text
    by_name = {entry["name"]: entry for entry in told["columns"]}
    city, income = by_name["city"]["chart"], by_name["income"]["chart"]
    assert city["categories"][-1] == "all others"
    assert city["real"][-1] == pytest.approx(1 / 3, abs=0.15)
    assert income["edges"] == shared["columns"][2]["chart"]["edges"]
    assert sum(income["real"]) + by_name["income"]["missing"]["real"] == pytest.approx(1.0, abs=0.3)


def test_a_table_that_drowns_in_the_noise_has_no_figures_and_says_so(mixed: Mixed) -> None:
    found = noised(mixed(30, 1), mixed(30, 2), epsilon=0.01)
    assert found.shape.value is None
    assert "larger budget" in (found.columns["age"].error.text or "")


def test_what_is_left_of_a_ledger_that_is_used_up_buys_no_figure(mixed: Mixed) -> None:
    ledger = Ledger(Privacy(1.0, DELTA, seed=1))
    ledger.charge(Charge("training", "discrete gaussian", sigma=ledger.noise_for(ledger.mu_of("training") ** 2)))
    assert noised_figures(mixed(50, 1), mixed(50, 2), ledger, SeedTree(0)).shape.value is None
    assert ledger.epsilon_spent <= 1.0


def test_a_share_edition_holds_them_and_the_account_pays_for_them(mixed: Mixed, tmp_path: Path) -> None:
    real, holdout, made = (
        mixed(rows, seed).frame.drop(columns="patient") for rows, seed in ((600, 1), (40, 2), (90, 3))
    )

    def shared(**options: Any) -> dict[str, Any]:
        pipeline.evaluate(real, made, holdout=holdout, out=tmp_path, seed=1, share=True, **options)
        return dict(json.loads((tmp_path / "report.json").read_text(encoding="utf-8")))

    told = shared(share_epsilon=3.0)
    assert told["noised"]["epsilon_spent"] <= 3.0
    assert told["fidelity"]["shape"]["interval"]
    assert all(entry["chart"]["real"] for entry in told["columns"])
    assert "with noise" in (tmp_path / "report.html").read_text(encoding="utf-8")
    fingerprint = intake.prepare(real, None).fingerprint()
    store = BudgetStore()
    assert 2.9 < store.account(fingerprint).epsilon <= 3.0
    store.set_cap(fingerprint, 4.0)
    with pytest.raises(PrivacyError, match="used up"):
        shared(share_epsilon=3.0)
    with pytest.raises(PrivacyError, match="--share"):
        pipeline.evaluate(real, made, out=tmp_path, share_epsilon=3.0)
