"""Rare values stay out of private models, and planted bugs in the mechanisms are found."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from declared_people import SCHEMA
from scipy.stats import beta

from synthdata.encoders import private_encoder
from synthdata.encoders.private_encoder import PrivateDomain
from synthdata.models.mst import MST
from synthdata.privacy import private_table
from synthdata.privacy.accounting import epsilon_of
from synthdata.privacy.charges import Charge
from synthdata.privacy.ledger import Ledger, Privacy
from synthdata.privacy.private_table import Guarded
from synthdata.table.table import Table


def people(n: int = 400) -> pd.DataFrame:
    generator = np.random.default_rng(4)
    return pd.DataFrame(
        {
            "age": generator.integers(18, 90, n),
            "city": generator.choice(["Rome", "Oslo", "Bonn"], n),
            "ill": generator.random(n) < 0.3,
        }
    )


def test_values_of_a_few_rows_are_not_in_a_private_model() -> None:
    frame = people(2000)
    frame.loc[:2, "city"] = ["Atlantis", "Lemuria", "Thule"]
    frame["income"] = np.random.default_rng(1).normal(40_000, 9000, len(frame)).round(2)
    frame.loc[7, "income"] = 987_654_321.25
    model = MST().fit(frame, privacy=Privacy(2.0))
    state = model.encoder_.state()
    text = json.dumps(state.config) + "".join(
        array.tobytes().decode("utf-8") for name, array in state.arrays.items() if name.endswith("/categories")
    )
    assert not any(name in text for name in ("Atlantis", "Lemuria", "Thule"))
    assert model.sample(2000, seed=2)["income"].max() < 10**6


def epsilon_seen(answers: Callable[[int, int], np.ndarray], split: float, delta: float) -> float:
    """A lower limit (α = 1e-4) of the ε that one row's presence shows in, by one threshold on 20,000 draws each."""
    with_row, without = answers(101, 1) > split, answers(100, 2) > split
    low = float(beta.ppf(5e-5, with_row.sum(), len(with_row) - with_row.sum() + 1))
    high = float(beta.ppf(1 - 5e-5, without.sum() + 1, len(without) - without.sum()))
    return math.log(max(low - delta, 1e-12) / high)


@pytest.fixture
def counting() -> Callable[[int, int], np.ndarray]:
    def answers(rows: int, seed: int) -> np.ndarray:
        guarded = Guarded(np.zeros(rows, dtype=np.int64), Ledger(Privacy(5.0, seed=seed)))
        return guarded.counts(lambda cells: np.full(20_000, len(cells)), "count", sigma=4.0)

    return answers


@pytest.mark.parametrize("factor", [1.0, 0.1, 0.0])
def test_noise_that_is_too_small_or_missing_is_found(
    counting: Callable[[int, int], np.ndarray], monkeypatch: pytest.MonkeyPatch, factor: float
) -> None:
    promised = epsilon_of([Charge("count", "discrete gaussian", sigma=4.0)], 1e-3)
    honest = private_table.discrete_gaussian

    def faulty(sigma: float, n: int, entropy: Any) -> np.ndarray:
        return honest(sigma * factor, n, entropy) if factor else np.zeros(n, dtype=np.int64)

    monkeypatch.setattr(private_table, "discrete_gaussian", faulty)
    seen = epsilon_seen(counting, 100, 1e-3)
    assert (seen > promised) == (factor < 1)


@pytest.mark.parametrize("raw", [False, True])
def test_raw_bounds_are_found(monkeypatch: pytest.MonkeyPatch, raw: bool) -> None:
    """Bounds that follow a single outlier show it; bought ones do not."""
    if raw:
        peek: list[np.ndarray] = []

        def extremes(steps: Guarded[np.ndarray], look: Any) -> tuple[float, float]:
            steps.map(peek.append)
            return float(peek[-1].min()), float(peek[-1].max())

        monkeypatch.setattr(private_encoder, "bounds", extremes)

    def highest(frame: pd.DataFrame, seed: int) -> float:
        table = Table.of(frame)
        ledger = Ledger(Privacy(5.0, seed=seed))
        encoder = PrivateDomain(Guarded(table, ledger), table.schema, bins=8).encoder()
        line = encoder.columns[0].line
        return float(line.numbers(np.array([1.0]))[0])

    ages = people(3000)[["age"]]
    outlier = pd.concat([ages, pd.DataFrame({"age": [10**6]})], ignore_index=True)
    shown = sum(highest(outlier, seed) > 10**5 and highest(ages, seed) < 10**5 for seed in range(8))
    assert shown == (8 if raw else 0)


def test_a_ledger_that_misses_steps_is_found_when_it_is_read(tmp_path: Any) -> None:
    from synthdata.errors import PrivacyError
    from synthdata.privacy.ledger import read_ledger

    ledger = Ledger(Privacy(3.0))
    ledger.charge(Charge("training", "gaussian", sigma=1.0, rate=0.01, steps=500))
    told = ledger.to_dict()
    told["epsilon_spent"] = epsilon_of([Charge("training", "gaussian", sigma=1.0, rate=0.01, steps=250)], 1e-6)
    (tmp_path / "ledger.json").write_text(json.dumps(told))
    with pytest.raises(PrivacyError, match="but its charges cost"):
        read_ledger(tmp_path / "ledger.json")


def test_a_fixed_seed_is_called_not_private() -> None:
    model = MST().fit(people(), schema=SCHEMA, privacy=Privacy(1.0, seed=3))
    assert model.ledger_ is not None
    assert model.ledger_["private"] is False
    again = MST().fit(people(), schema=SCHEMA, privacy=Privacy(1.0, seed=3))
    other = MST().fit(people(), schema=SCHEMA, privacy=Privacy(1.0), seed=3)
    assert again.sample(50, seed=1).equals(model.sample(50, seed=1))
    assert other.ledger_ is not None
    assert other.ledger_["private"] is True
    assert not other.sample(50, seed=1).equals(model.sample(50, seed=1))
