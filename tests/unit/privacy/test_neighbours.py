"""Neighbouring tables through bounds, bins and categories: no event in 20,000 draws tells more than promised."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.stats import beta, norm

from synthdata.privacy import bounds as looks
from synthdata.privacy import private_table
from synthdata.privacy.bounds import Look, bin_edges, bounds, categories
from synthdata.privacy.charges import Charge
from synthdata.privacy.entropy import Entropy
from synthdata.privacy.ledger import Ledger
from synthdata.privacy.mechanisms import discrete_gaussian
from synthdata.privacy.private_table import Guarded
from synthdata.table.storage import Cells

DRAWS, ALPHA = 20_000, 1e-4
LOOK = Look("domain", 1.0, "x")


class FreeLedger(Ledger):
    """A ledger that takes no charges: what is drawn here is counted below."""

    def charge(self, charge: Charge) -> None:
        """Nothing."""


def shows(event: Callable[[Guarded[Any]], bool], rows: Any, noise: float = 1.0) -> int:
    """In how many draws an event came true; without noise one is like all others."""
    guarded = Guarded(rows, FreeLedger(1.0))
    return sum(event(guarded) for _ in range(DRAWS)) if noise else DRAWS * event(guarded)


def violated(more: int, less: int, epsilon: float, delta: float) -> bool:
    """Whether an event came more often with a row than (ε, δ) allows, by Clopper and Pearson's limits."""
    low = float(beta.ppf(ALPHA / 2, more, DRAWS - more + 1)) if more else 0.0
    high = float(beta.ppf(1 - ALPHA / 2, less + 1, DRAWS - less)) if less < DRAWS else 1.0
    return low > math.exp(epsilon) * high + delta


def delta_of(mu: float, epsilon: float) -> float:
    """The δ of a Gaussian look at this ε (Balle and Wang 2018, theorem 8)."""
    return float(norm.cdf(mu / 2 - epsilon / mu) - math.exp(epsilon) * norm.cdf(-mu / 2 - epsilon / mu))


@cache
def drawn(numbers: int, seed: int) -> np.ndarray:
    """The sampler's own noise of σ = 1."""
    return discrete_gaussian(1.0, numbers, Entropy(seed=seed))


class Pool:
    """Noise of σ = 1, drawn at once and handed out in turn: single draws would take minutes."""

    def __init__(self, numbers: int, seed: int) -> None:
        self._noise = drawn(numbers, seed)
        self._next = 0

    def __call__(self, sigma: float, n: int, entropy: Entropy) -> np.ndarray:
        assert sigma == 1.0
        self._next += n
        assert self._next <= len(self._noise)
        return self._noise[self._next - n : self._next]


@pytest.fixture(params=[1.0, 0.0], ids=["as promised", "no noise"])
def noise(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:

    def none(sigma: float, n: int, entropy: Entropy) -> np.ndarray:
        return np.zeros(n, dtype=np.int64)

    monkeypatch.setattr(private_table, "discrete_gaussian", Pool(2 * DRAWS * 20, seed=7) if request.param else none)
    return float(request.param)


def test_bounds_tell_no_more_than_their_look(noise: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four rows of a magnitude stand out or not; a fifth may make that likelier by so much only."""
    monkeypatch.setattr(looks, "_LEAST", -2)
    monkeypatch.setattr(looks, "_MOST", 6)
    four = np.array([1] * 40 + [20] * 4)

    def high(guarded: Guarded[Any]) -> bool:
        found = bounds(guarded, LOOK)
        return found is not None and found[1] > 16

    more, less = shows(high, np.append(four, 20), noise), shows(high, four, noise)
    assert violated(more, less, 0.5, delta_of(Charge("x", "discrete gaussian", sigma=1.0).mu, 0.5)) == (noise == 0)


def test_quantile_bins_tell_no_more_than_their_looks(noise: float) -> None:
    """A bin of ten rows is cut or not, in two looks at most."""
    ten = np.repeat(np.arange(16), [3, 3, 2, 2] + [1] * 12)

    def cut(guarded: Guarded[Any]) -> bool:
        edges, _ = bin_edges(guarded, 0, 15, LOOK, 40.0, 4, True)
        return bool(edges[1] < 3.5)

    more, less = shows(cut, np.append(ten, 0), noise), shows(cut, ten, noise)
    mu = Charge("x", "discrete gaussian", sigma=1.0, steps=2).mu
    assert more > less
    assert violated(more, less, 0.5, delta_of(mu, 0.5)) == (noise == 0)


@pytest.mark.parametrize("thresholded", [True, False])
def test_a_category_of_one_person_is_hardly_ever_named(thresholded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "discrete_gaussian", Pool(4 * DRAWS, seed=8))
    if not thresholded:
        monkeypatch.setattr(looks, "threshold_for", lambda sigma, delta, rows=1: 0.5)

    def cells(*values: str) -> Cells:
        found = np.array(values, dtype=object)
        return Cells(found, np.zeros(len(found), dtype=bool))

    def named(guarded: Guarded[Any]) -> bool:
        return "Atlantis" in categories(guarded, LOOK, 0.01)

    more = shows(named, cells(*["Rome"] * 30, "Atlantis"))
    less = shows(named, cells(*["Rome"] * 30))
    assert less == 0
    # Nothing but δ allows what would never come without the person.
    assert violated(more, less, 0.0, 0.01) == (not thresholded)
