"""How the states are learnt: Baum and Welch's rounds, and the number of states by an information criterion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthdata.encoders.base import Encoded
from synthdata.models.markov.chain import Chain, beliefs
from synthdata.models.markov.emission import Emission, fit_emission
from synthdata.models.markov.sequences import Arranged
from synthdata.progress import Progress

#: numbers of states that are tried, in this order, until two in a row are no better
LADDER = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
#: prior rows of a transition and of a first state, spread over all states
CHAIN_PRIOR = 0.5
#: a rise of the log-probability by less than so many nats a row ends the rounds
ENOUGH = 1e-4


@dataclass(frozen=True)
class Learnt:
    """The chain and what its states show, and the criterion of each number of states that was tried.

    ``support`` is how many sequences the state with the fewest of them is in, in effect.
    """

    chain: Chain
    emission: Emission
    log_prob: float
    support: float
    criteria: dict[int, float]


def choose_states(
    encoded: Encoded,
    shown: np.ndarray,
    arranged: Arranged,
    numbers: Sequence[int],
    iterations: int,
    prior: float,
    generator: np.random.Generator,
    progress: Progress,
) -> Learnt:
    """Fit each number of states in turn and keep the one with the least Bayesian information criterion (Schwarz 1978).

    ``shown`` (n, d) says which cells count; ``prior`` is how many rows of all kinds each state has to begin with. A
    number at which some state is in fewer than ``prior`` sequences is passed over, for that state would describe them.
    """
    criteria: dict[int, float] = {}
    best, worse, least = None, 0, np.inf
    for done, states in enumerate(numbers):
        found = climb(encoded, shown, arranged, states, iterations, prior, generator)
        free = found.emission.free + states**2 - 1
        criteria[states] = float(-2 * found.log_prob + free * np.log(len(encoded)))
        # What is asked for, and one state, are taken as they are.
        sound = found.support >= prior or len(numbers) == 1 or states == 1
        if sound and criteria[states] < least:
            best, worse, least = found, 0, criteria[states]
        else:
            worse += 1
        if worse == 2:
            break
        progress.step((done + 1) / len(numbers), f"{states} states", criterion=criteria[states])
    if best is None:
        raise ValueError("There is no number of states to try.")
    return Learnt(best.chain, best.emission, best.log_prob, best.support, criteria)


def climb(
    encoded: Encoded,
    shown: np.ndarray,
    arranged: Arranged,
    states: int,
    iterations: int,
    prior: float,
    generator: np.random.Generator,
) -> Learnt:
    """Baum and Welch's rounds from k-means until the log-probability hardly rises."""
    guess = first_guess(encoded, states, generator)
    weights = weights_of(guess, states)
    later = np.flatnonzero(~arranged.first)
    made, rounds, before = np.zeros((states, states)), 0, -np.inf
    np.add.at(made, (guess[later - 1], guess[later]), 1.0)
    while True:
        emission = fit_emission(encoded, shown, weights, prior)
        chain = Chain(_smoothed(weights[arranged.starts].sum(axis=0)), _smoothed(made))
        seen = beliefs(chain, emission.log_density(encoded, shown), arranged.starts, arranged.lengths)
        log_prob, rounds = float(seen.log_prob.sum()), rounds + 1
        if rounds >= iterations or log_prob - before < ENOUGH * len(encoded):
            return Learnt(chain, emission, log_prob, support_of(seen.states, arranged), {})
        before, weights, made = log_prob, seen.states, seen.transitions


def support_of(weights: np.ndarray, arranged: Arranged) -> float:
    """In how many sequences, in effect, the state with the fewest is; states that no row has do not count.

    The effective number of shares w is (Σ w)² / Σ w² (Kish 1965).

    >>> two = Arranged(np.arange(4), np.array([0, 2]), np.array([2, 2]), np.arange(4))
    >>> support_of(np.array([[1.0, 0.0], [1.0, 0.0], [0.5, 0.5], [0.5, 0.5]]), two)
    1.0
    """
    shares = np.add.reduceat(weights, arranged.starts, axis=0)
    amount = shares.sum(axis=0)
    effective = amount**2 / np.maximum((shares**2).sum(axis=0), 1e-300)
    return float(effective[amount >= 1].min(initial=np.inf))


def first_guess(encoded: Encoded, states: int, generator: np.random.Generator) -> np.ndarray:
    """A state for each row (n,) by k-means over what the cells show."""
    from sklearn.cluster import KMeans

    parts: list[np.ndarray] = []
    line = encoded.number_line()
    for j, slot in enumerate(encoded.slots):
        known = ~np.isnan(line[:, j])
        if slot.continuous or known.any():
            middle = line[known, j].mean() if known.any() else 0.0
            spread = line[known, j].std() if known.any() else 1.0
            parts.append((np.where(known, line[:, j], middle) - middle)[:, None] / max(spread, 1e-9))
        elif slot.cardinality <= 30:
            parts.append(np.eye(slot.cardinality)[encoded.codes[:, j]])
    if not parts:
        return generator.integers(0, states, len(encoded))
    points = np.column_stack(parts)
    chosen = np.sort(generator.permutation(len(points))[:20_000])
    kinds = min(states, len(np.unique(points[chosen], axis=0)))
    means = KMeans(kinds, n_init=1, random_state=int(generator.integers(2**31))).fit(points[chosen])
    guess = np.asarray(means.predict(points), dtype=np.int64)
    # Where there are fewer kinds of rows than states, some kinds are split at random.
    return guess if kinds == states else (guess + kinds * generator.integers(0, states, len(guess))) % states


def weights_of(states: np.ndarray, number: int) -> np.ndarray:
    """Weights (n, k) of rows whose states (n,) are taken to be known, though not wholly."""
    return 0.9 * np.eye(number)[states] + 0.1 / number


def _smoothed(counts: np.ndarray) -> np.ndarray:
    counts = counts + CHAIN_PRIOR / counts.shape[-1]
    return np.asarray(counts / counts.sum(axis=-1, keepdims=True))
