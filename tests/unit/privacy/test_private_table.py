"""Rows behind the guard are looked at after the charge, or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from synthdata.errors import PrivacyError
from synthdata.privacy.charges import Charge
from synthdata.privacy.ledger import Ledger, Privacy
from synthdata.privacy.private_table import Guarded

ROWS = np.arange(100) % 4


def test_what_would_overspend_is_refused_before_the_look() -> None:
    looked = []

    def query(rows: np.ndarray) -> np.ndarray:
        looked.append(len(rows))
        return np.bincount(rows)

    guarded = Guarded(ROWS, Ledger(Privacy(1.0)))
    with pytest.raises(PrivacyError, match="used up"):
        guarded.counts(query, "too much", sigma=0.6)
    with pytest.raises(PrivacyError, match="used up"):
        guarded.choose(query, "too much", epsilon=30.0)
    with pytest.raises(PrivacyError, match="used up"):
        guarded.noisy(lambda rows, entropy: query(rows), Charge("x", "gaussian", sigma=0.1))
    with pytest.raises(PrivacyError, match="used up"):
        guarded.opened(Charge("x", "gaussian", sigma=0.1, rate=0.5, steps=10))
    assert not looked
    assert not guarded.ledger.charges
    guarded.counts(query, "fine", sigma=20.0)
    assert looked == [100]
    assert [charge.stage for charge in guarded.ledger.charges] == ["fine"]


def test_the_rows_are_no_attribute() -> None:
    guarded = Guarded(ROWS, Ledger(Privacy(1.0)))
    public = [getattr(guarded, name) for name in dir(guarded) if not name.startswith("_")]
    assert not any(isinstance(value, np.ndarray) for value in public)
    assert repr(guarded) == "Guarded(rows)"
    assert isinstance(guarded.map(lambda rows: rows + 1), Guarded)


def test_answers_have_the_noise_that_was_paid_for() -> None:
    guarded = Guarded(ROWS, Ledger(Privacy(8.0, seed=3)))
    away = guarded.counts(lambda rows: np.repeat(np.bincount(rows), 5000), "counts", sigma=7.0) - 25
    assert np.std(away) == pytest.approx(7.0, rel=0.03)
    assert abs(np.mean(away)) < 0.2
    assert guarded.choose(lambda rows: np.bincount(rows) * np.array([1, 1, 9, 1]), "best", epsilon=1.0) == 2


def test_training_sees_the_rows_for_its_charge() -> None:
    guarded = Guarded(ROWS, Ledger(Privacy(2.0)))
    rows = guarded.opened(Charge("training", "gaussian", sigma=2.0, rate=0.05, steps=20))
    assert np.array_equal(rows, ROWS)
    assert 0 < guarded.ledger.epsilon_spent <= 2.0
