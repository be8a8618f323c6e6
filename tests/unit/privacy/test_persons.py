"""Persons with several rows are held to a number of them, and protected as wholes."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from synthdata.errors import PrivacyError
from synthdata.models.marginal.measured_cells import Comparison, PrivateCells
from synthdata.privacy.accounting import epsilon_of
from synthdata.privacy.bounds import Look, categories
from synthdata.privacy.charges import Charge
from synthdata.privacy.ledger import Ledger, Privacy
from synthdata.privacy.persons import bounded
from synthdata.privacy.private_table import Guarded
from synthdata.table.storage import Cells
from synthdata.table.table import Table

SCHEMA = {"columns": [{"name": "person", "kind": "id", "role": "sequence key"}]}
DRAWS, ALPHA = 20_000, 1e-4


def visits() -> pd.DataFrame:
    """Person i has i rows, for i up to 5, and two rows are nobody's."""
    names = [f"person {i}" for i in range(1, 6) for _ in range(i)]
    return pd.DataFrame({"person": [*names, None, None], "age": np.arange(len(names) + 2)})


@pytest.mark.parametrize("most", [1, 3, 10])
def test_each_person_keeps_so_many_rows_and_nobody_those_without_a_key(most: int) -> None:
    ledger = Ledger(Privacy(1.0, rows_per_person=most))
    kept = bounded(Table.of(visits(), SCHEMA, strict=False), ledger)
    counts = kept.frame["person"].value_counts()
    assert counts.to_dict() == {f"person {i}": min(i, most) for i in range(1, 6)}
    assert len(kept) == counts.sum()
    assert (ledger.unit, ledger.rows_per_unit) == ("person", most)


def test_every_row_of_a_person_is_as_likely_to_be_kept() -> None:
    table = Table.of(visits(), SCHEMA, strict=False)
    times = np.zeros(len(table))
    for seed in range(600):
        times[bounded(table, Ledger(Privacy(1.0, seed=seed))).frame["age"]] += 1
    assert np.allclose(times[10:15] / 600, 0.2, atol=0.08)


def test_a_key_that_would_be_learnt_and_looks_before_it_are_refused() -> None:
    table = Table.of(visits(), strict=False)
    learnt = table.schema.replace("person", kind="categorical", role="sequence key")
    with pytest.raises(PrivacyError) as refused:
        bounded(Table(table.frame, learnt), Ledger(Privacy(1.0)))
    assert '"kind": "id"' in str(refused.value)
    ledger = Ledger(Privacy(1.0))
    ledger.charge(Charge("early", "discrete gaussian", sigma=50.0))
    with pytest.raises(PrivacyError, match="before the first look"):
        ledger.protect_persons("person")


def persons(most: int, epsilon: float = 8.0) -> Ledger:
    ledger = Ledger(Privacy(epsilon, seed=most, rows_per_person=most))
    ledger.protect_persons("person")
    return ledger


def test_training_that_clips_rows_does_not_promise_persons() -> None:
    steps = Charge("steps", "gaussian", sigma=2.0, rate=0.1)
    with pytest.raises(PrivacyError, match="protects single rows"):
        Guarded(np.arange(5), persons(2)).opened(steps)
    assert len(Guarded(np.arange(5), persons(1)).opened(steps)) == 5


@pytest.mark.parametrize("faulty", [False, True])
def test_a_person_of_three_rows_shows_no_more_than_promised(faulty: bool) -> None:
    """Counts with and without a whole person; a ledger that charges for one row is found out."""
    delta, sigma = 1e-3, 9.0

    def answers(rows: int, seed: int) -> tuple[np.ndarray, Charge]:
        ledger = Ledger(Privacy(8.0, seed=seed, rows_per_person=1 if faulty else 3))
        ledger.protect_persons("person")
        noisy = Guarded(np.zeros(rows, dtype=np.int64), ledger).counts(
            lambda cells: np.full(DRAWS, len(cells)), "count", sigma=sigma
        )
        return noisy, ledger.charges[0]

    (more, charge), (less, _) = answers(103, 1), answers(100, 2)
    promised = epsilon_of([charge], delta)
    with_person, without = int((more > 115).sum()), int((less > 115).sum())
    low = float(beta.ppf(ALPHA / 2, with_person, DRAWS - with_person + 1))
    high = float(beta.ppf(1 - ALPHA / 2, without + 1, DRAWS - without))
    assert (math.log((low - delta) / high) > promised) == faulty


def test_categories_of_one_person_stay_unnamed() -> None:
    """Three rows of one category that nobody else has; the threshold must be made for all of them."""
    names = np.array(["common"] * 500 + ["mine"] * 3, dtype=object)
    cells = Cells(names, np.zeros(len(names), dtype=bool))
    for seed in range(50):
        ledger = persons(3)
        ledger.entropy = type(ledger.entropy)(seed)
        ledger.reserve("domain", 1.5, delta=1e-7)
        assert list(categories(Guarded(cells, ledger), Look("domain", 3.0, "x"), 1e-7)) == ["common"]
        assert ledger.charges[-1].sensitivity == 3


def test_marginals_of_persons_are_measured_in_parts_and_charged_whole() -> None:
    ledger = persons(4, epsilon=20.0)
    ledger.reserve("training", 2.0)
    cells = PrivateCells(Guarded(np.zeros((400, 2), dtype=np.int64), ledger), [2, 2], "training", ["a", "b"])
    counts = cells.measure((0,), 2.0)
    assert counts[0] == pytest.approx(100, abs=10)
    assert (ledger.charges[-1].sensitivity, ledger.charges[-1].sigma) == (4.0, 8.0)
    estimates = {(0,): np.array([100.0, 0.0]), (1,): np.array([0.0, 100.0])}
    comparison = Comparison(list(estimates), estimates.__getitem__, np.zeros(2), np.ones(2))
    assert cells.choose(comparison, 1.0) == 1
    assert ledger.charges[-1].sensitivity == 1.0
