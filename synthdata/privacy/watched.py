"""A guard that an audit watches: every noisy answer is kept, with what each canary would have added to it.

The promise of a ledger covers all its answers together, whatever a model makes of them. So whoever audits may look at
them, and knows everything but the canaries' coins: of each answer the part of the real rows is taken off, and what
remains is the noise and the canaries that were in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from synthdata.privacy.canaries import joined
from synthdata.privacy.charges import Charge
from synthdata.privacy.dpsgd import Plan
from synthdata.privacy.entropy import Entropy
from synthdata.privacy.ledger import Ledger
from synthdata.privacy.private_table import Guarded
from synthdata.privacy.watched_steps import Sightings, WatchedSteps
from synthdata.table.table import Table

#: how far below what was charged the noise may turn out to be, as a factor of its variance
_LEAST_NOISE = 1e-9


class Answers:
    """The answers of one fit: what noise each number was charged with, what remained of it, and who adds to it."""

    def __init__(self) -> None:
        #: whether rows were opened for training
        self.opened = False
        #: what the steps of that training showed
        self.sightings = Sightings()
        self._remains: list[np.ndarray] = []
        self._sigmas: list[np.ndarray] = []
        self._parts: list[Any] = []

    def add(self, remains: np.ndarray, sigma: float, parts: list[np.ndarray]) -> None:
        """Keep an answer (k,) without the real rows' part, and each canary's part (k,) of it."""
        from scipy.sparse import csc_matrix

        self._remains.append(remains.astype(np.float64))
        self._sigmas.append(np.full(remains.size, sigma))
        held = [np.flatnonzero(part) for part in parts]
        ends = np.concatenate([[0], np.cumsum([len(places) for places in held])])
        values = np.concatenate([part[places] for part, places in zip(parts, held, strict=True)]).astype(np.float64)
        self._parts.append(csc_matrix((values, np.concatenate(held), ends), shape=(remains.size, len(parts))))

    def scores(self) -> np.ndarray | None:
        """How much each canary (m,) seems to be in, from all answers at once; None where there was none.

        The mean of the coins given the answers, if both were normal. The size of the noise is taken from the answers,
        too, by the likelihood: noise that is less than was charged is what an audit is for.
        """
        from scipy.sparse import vstack

        if not self._parts:
            return None
        weights = np.concatenate(self._sigmas) ** -2.0
        parts = vstack(self._parts).tocsc()
        away = np.concatenate(self._remains) - 0.5 * np.asarray(parts.sum(axis=1)).ravel()
        gram = np.asarray((parts.T @ parts.multiply(weights[:, None]).tocsc()).todense())
        seen = parts.T @ (weights * away)
        squares, axes = np.linalg.eigh(gram)
        kept = squares > 1e-9 * max(float(squares[-1]), 1e-300)
        squares, axes = squares[kept], axes[:, kept]
        along = (axes.T @ seen) / np.sqrt(squares)
        rest = max(float(weights @ away**2) - float(along @ along), 0.0)
        noise = _likeliest_noise(along, squares, rest, len(weights) - len(squares))
        return np.asarray(axes @ (along * np.sqrt(squares) / (squares + 4 * noise)))


def _likeliest_noise(along: np.ndarray, squares: np.ndarray, rest: float, others: int) -> float:
    """The factor of the noise's variance that makes the answers likeliest, at most 1.

    Along each axis answers vary by the coins (a quarter of ``squares``) and the noise; ``rest`` is the sum of squares
    in the ``others``, to which no canary adds.
    """
    factors = np.geomspace(_LEAST_NOISE, 1.0, 200)
    variances = factors[:, None] + squares / 4
    likelihoods = -0.5 * (np.log(variances) + along**2 / variances).sum(axis=1)
    likelihoods -= 0.5 * (others * np.log(factors) + rest / factors)
    return float(factors[np.argmax(likelihoods)])


class Watched(Guarded[Any]):
    """A guard that hands every noisy answer on to ``answers``; what it guards stays behind the guard ``inner``.

    ``known`` are the rows without canaries, ``canaries`` each of these by itself, and ``everyone`` the known rows with
    all canaries below, all in the form of the rows; ``coins`` (m,) bool tell which canaries are among the rows.
    """

    def __init__(
        self, inner: Guarded[Any], known: Any, canaries: list[Any], everyone: Any, coins: np.ndarray, answers: Answers
    ) -> None:
        super().__init__(None, inner.ledger)
        self._inner, self._known, self._canaries, self._answers = inner, known, canaries, answers
        self._everyone, self._coins = everyone, coins

    @classmethod
    def of(
        cls, rows: Table, ledger: Ledger, *, known: Table, canaries: Table, coins: np.ndarray, answers: Answers
    ) -> Watched:
        """The guard of a table that consists of ``known`` rows and those ``canaries`` whose coin (m,) says so."""
        alone = [canaries.take(slice(i, i + 1)) for i in range(len(canaries))]
        return cls(Guarded(rows, ledger), known, alone, joined(known, canaries), coins, answers)

    def map(self, each: Callable[[Any], Any]) -> Watched:
        """The same rows in another form, with those that are watched."""
        mapped = [each(canary) for canary in self._canaries]
        everyone = each(self._everyone)
        return Watched(self._inner.map(each), each(self._known), mapped, everyone, self._coins, self._answers)

    def counts(self, query: Callable[[Any], np.ndarray], stage: str, *, sigma: float, **about: Any) -> np.ndarray:
        """Noisy answers, as `Guarded.counts` gives them; they are kept."""
        noisy = self._inner.counts(query, stage, sigma=sigma, **about)
        remains = (noisy - np.asarray(query(self._known))).ravel()
        self._answers.add(remains, sigma, [np.asarray(query(canary)).ravel() for canary in self._canaries])
        return noisy

    def choose(self, scores: Callable[[Any], np.ndarray], stage: str, **about: Any) -> int:
        """A choice, as `Guarded.choose` makes it; it is not looked at."""
        return self._inner.choose(scores, stage, **about)

    def noisy(self, mechanism: Callable[[Any, Entropy], Any], charge: Charge) -> Any:
        """What a mechanism makes of the rows, as `Guarded.noisy` gives it; it is not looked at."""
        return self._inner.noisy(mechanism, charge)

    def opened(self, charge: Charge) -> Any:
        """Known rows and all canaries, for training by `steps` of this guard, which leave out those that are not in."""
        self._answers.opened = True
        self._inner.opened(charge)
        return self._everyone

    def steps(self, plan: Plan) -> WatchedSteps:
        """The steps over opened rows; what they let out is looked at."""
        known = len(self._known)
        return WatchedSteps(plan, self.ledger.entropy, known, self._coins, self._answers.sightings)
