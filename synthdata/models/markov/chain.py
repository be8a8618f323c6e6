"""The arithmetic of a hidden Markov chain: forward, backward, expected transitions, and draws of states.

Rows of many sequences lie one below another; sequence ``s`` begins at ``starts[s]`` and has ``lengths[s]`` rows. All
sequences take each step together, and every step is scaled to add up to one (Rabiner 1989, A tutorial on hidden Markov
models, sections III and V.A).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Chain:
    """How a sequence begins and goes on: ``initial`` (k,) and ``transition`` (k, k), whose rows add up to 1."""

    initial: np.ndarray
    transition: np.ndarray


@dataclass(frozen=True)
class Beliefs:
    """What is known of the states: ``states`` (n, k) given all rows, and the expected ``transitions`` (k, k)."""

    states: np.ndarray
    transitions: np.ndarray
    log_prob: np.ndarray


def forward(
    chain: Chain, log_emission: np.ndarray, starts: np.ndarray, lengths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The states given the rows so far (n, k), and the log-probability (n,) of each row given those before it.

    ``log_emission`` (n, k) is the log-density of each row in each state.

    >>> chain = Chain(np.array([0.5, 0.5]), np.eye(2))
    >>> _, found = forward(chain, np.log([[0.2, 0.4], [0.2, 0.4]]), np.array([0]), np.array([2]))
    >>> bool(np.isclose(np.exp(found.sum()), 0.5 * 0.2 * 0.2 + 0.5 * 0.4 * 0.4))
    True
    """
    highest = log_emission.max(axis=1, initial=-np.inf)
    highest = np.where(np.isfinite(highest), highest, 0.0)
    emission = np.exp(log_emission - highest[:, None])
    known, log_prob = np.empty_like(emission), np.empty(len(emission))
    for before, rows in steps(starts, lengths):
        expected = chain.initial[None, :] if before is None else known[before] @ chain.transition
        joint = expected * emission[rows]
        scale = joint.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            log_prob[rows] = np.log(scale) + highest[rows]
            # After a row that is impossible in every state nothing is known of the state.
            known[rows] = np.where(scale[:, None] > 0, joint / scale[:, None], 1 / len(chain.initial))
    return known, log_prob


def beliefs(chain: Chain, log_emission: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> Beliefs:
    """The states given all rows of their sequence, and how often each transition is expected to have been made."""
    known, log_prob = forward(chain, log_emission, starts, lengths)
    highest = log_emission.max(axis=1, initial=-np.inf)
    emission = np.exp(log_emission - np.where(np.isfinite(highest), highest, 0.0)[:, None])
    states, transitions = known.copy(), np.zeros_like(chain.transition)
    ahead = np.ones_like(known)
    for before, rows in reversed(list(steps(starts, lengths))):
        states[rows] = _shares(known[rows] * ahead[rows])
        if before is None:
            continue
        weight = emission[rows] * ahead[rows]
        back = weight @ chain.transition.T
        total = (known[before] * back).sum(axis=1, keepdims=True)
        total = np.where(total > 0, total, 1.0)
        transitions += chain.transition * ((known[before] / total).T @ weight)
        ahead[before] = back / np.maximum(back.max(axis=1, keepdims=True), 1e-300)
    return Beliefs(states, transitions, log_prob)


def draw_states(chain: Chain, starts: np.ndarray, lengths: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A state for each row (n,) of sequences with these lengths."""
    states = np.empty(int(lengths.sum()), dtype=np.int64)
    first, later = np.cumsum(chain.initial), np.cumsum(chain.transition, axis=1)
    for before, rows in steps(starts, lengths):
        shares = np.broadcast_to(first, (len(rows), len(first))) if before is None else later[states[before]]
        states[rows] = np.minimum((generator.random(len(rows))[:, None] >= shares).sum(axis=1), len(first) - 1)
    return states


def steps(starts: np.ndarray, lengths: np.ndarray) -> Iterator[tuple[np.ndarray | None, np.ndarray]]:
    """The rows of the first, second, … step of all sequences that have it, each with the rows before them."""
    longest_first = np.argsort(-lengths, kind="stable")
    starts, lengths = starts[longest_first], lengths[longest_first]
    for step in range(int(lengths.max(initial=0))):
        rows = starts[: int(np.searchsorted(-lengths, -step, side="left"))] + step
        yield (None if step == 0 else rows - 1), rows


def _shares(weights: np.ndarray) -> np.ndarray:
    total = weights.sum(axis=1, keepdims=True)
    return np.where(total > 0, weights / np.where(total > 0, total, 1.0), 1 / weights.shape[1])
