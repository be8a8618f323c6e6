"""What an audit reads off the noisy answers of a fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthdata.privacy.charges import Charge
from synthdata.privacy.ledger import Ledger, Privacy
from synthdata.privacy.watched import Answers, Watched
from synthdata.table.table import Table


def answers_of(sigma: float, noise: float, seed: int, m: int = 80, cells: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Coins, and scores from histograms of three columns that were charged as having noise of ``sigma``."""
    generator = np.random.default_rng(seed)
    coins, found = generator.random(m) < 0.5, Answers()
    for _ in range(3):
        cell = generator.integers(0, cells, m)
        parts = [np.bincount([place], minlength=cells) for place in cell]
        remains = np.sum([part for part, coin in zip(parts, coins, strict=True) if coin], axis=0)
        found.add(remains + generator.normal(0, noise, cells) if noise else remains, sigma, parts)
    scores = found.scores()
    assert scores is not None
    return coins, scores


def test_without_noise_every_coin_is_read_though_noise_was_charged() -> None:
    coins, scores = answers_of(sigma=30.0, noise=0.0, seed=1)
    assert (scores[coins].min()) > scores[~coins].max()


def test_honest_noise_hides_the_coins() -> None:
    right = []
    for seed in range(40):
        coins, scores = answers_of(sigma=6.0, noise=6.0, seed=seed)
        right.append(((scores > np.median(scores)) == coins).mean())
    # Three answers with σ = 6 tell a coin by a Gaussian parameter of 0.29 at best: right in 56 % of the cases.
    assert 0.5 < np.mean(right) < 0.57


def test_the_guard_answers_as_without_being_watched() -> None:
    known = Table.of(pd.DataFrame({"age": [30, 31, 30, 32] * 20}))
    canaries = Table.of(pd.DataFrame({"age": [31, 32]}))
    both = Table.of(pd.DataFrame({"age": [30, 31, 30, 32] * 20 + [32]}))
    found = Answers()
    ledger = Ledger(Privacy(20.0, seed=1))
    coins = np.array([False, True])
    guard = Watched.of(both, ledger, known=known, canaries=canaries, coins=coins, answers=found)
    assert found.scores() is None
    ages = guard.map(lambda table: table.frame["age"].to_numpy() - 30)
    noisy = ages.counts(lambda codes: np.bincount(codes, minlength=3), "ages", sigma=2.0)
    assert np.abs(noisy - [40, 20, 21]).max() < 12
    assert ages.choose(lambda codes: np.bincount(codes, minlength=3), "most", epsilon=1.0) == 0
    assert not found.opened
    rows = ages.opened(Charge("training", "gaussian", sigma=20.0, rate=0.1, steps=2))
    assert len(rows) == 82
    assert found.opened
    assert [charge.stage for charge in ledger.charges] == ["ages", "most", "training"]
    scores = found.scores()
    assert scores is not None
    assert scores.shape == (2,)
    assert repr(guard) == "Guarded(rows)"


@pytest.mark.parametrize("m", [1, 5])
def test_canaries_that_no_answer_tells_of_score_alike(m: int) -> None:
    found = Answers()
    found.add(np.array([3.0]), 1.0, [np.array([1])] * m)
    scores = found.scores()
    assert scores is not None
    assert np.allclose(scores, scores[0])
