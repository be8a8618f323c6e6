"""What the hidden states show: for each state and column shares of codes, and a normal on the number line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthdata.encoders.base import UNSEEN, Encoded, Slot


@dataclass(frozen=True)
class Emission:
    """The columns of a row, independent given the state.

    ``shares`` has (k, cardinality) for each slot, ``means`` and ``deviations`` are (k, d), on the encoder's scale. A
    state that few rows have is drawn towards all rows together, by as many rows as must share a value.
    """

    slots: tuple[Slot, ...]
    shares: tuple[np.ndarray, ...]
    means: np.ndarray
    deviations: np.ndarray

    @property
    def free(self) -> int:
        """How many numbers were fitted."""
        states = len(self.means)
        return states * sum(slot.cardinality - 1 + 2 * slot.continuous for slot in self.slots)

    def log_density(self, encoded: Encoded, shown: np.ndarray) -> np.ndarray:
        """The log-density (n, k) of rows in each state; cells that are not ``shown`` (n, d) or unknown do not count."""
        total = np.zeros((len(encoded), len(self.means)))
        with np.errstate(divide="ignore"):
            logs = [np.log(share) for share in self.shares]
        for j, slot in enumerate(self.slots):
            rows = np.flatnonzero(shown[:, j] & (encoded.codes[:, j] != UNSEEN))
            total[rows] += logs[j].T[encoded.codes[rows, j]]
            if slot.continuous:
                rows = rows[encoded.codes[rows, j] == 0]
                z = (encoded.values[rows, j][:, None] - self.means[:, j]) / self.deviations[:, j]
                total[rows] -= 0.5 * z**2 + np.log(self.deviations[:, j]) + 0.5 * np.log(2 * np.pi)
        return total

    def draw(self, states: np.ndarray, generator: np.random.Generator) -> Encoded:
        """A row (n, d) for each state (n,)."""
        codes = np.empty((len(states), len(self.slots)), dtype=np.int32)
        values = np.full(codes.shape, np.nan)
        for j, slot in enumerate(self.slots):
            edges = np.cumsum(self.shares[j], axis=1)
            for state in np.unique(states):
                rows = np.flatnonzero(states == state)
                place = generator.random(len(rows)) * edges[state, -1]
                codes[rows, j] = np.minimum(np.searchsorted(edges[state], place, side="right"), slot.cardinality - 1)
            if slot.continuous:
                rows = np.flatnonzero(codes[:, j] == 0)
                own = states[rows]
                values[rows, j] = self.means[own, j] + self.deviations[own, j] * generator.standard_normal(len(rows))
        return Encoded(self.slots, codes, values)


def fit_emission(encoded: Encoded, shown: np.ndarray, weights: np.ndarray, prior: float) -> Emission:
    """The emission that fits rows best in states by ``weights`` (n, k), and ``prior`` rows of all kinds."""
    states, width = weights.shape[1], len(encoded.slots)
    shares, means, deviations = [], np.zeros((states, width)), np.ones((states, width))
    for j, slot in enumerate(encoded.slots):
        rows = np.flatnonzero(shown[:, j])
        codes, own = encoded.codes[rows, j], weights[rows]
        counts = np.zeros((states, slot.cardinality))
        for state in range(states):
            counts[state] = np.bincount(codes, own[:, state], slot.cardinality)
        overall = counts.sum(axis=0) / max(counts.sum(), 1e-300)
        if not len(rows):
            overall = np.full(slot.cardinality, 1 / slot.cardinality)
        counts += prior * overall
        shares.append(counts / counts.sum(axis=1, keepdims=True))
        if slot.continuous:
            on_line = codes == 0
            means[:, j], deviations[:, j] = _normals(encoded.values[rows[on_line], j], own[on_line], prior)
    return Emission(encoded.slots, tuple(shares), means, deviations)


def _normals(values: np.ndarray, weights: np.ndarray, prior: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation (k,) of each state's values, with a normal-inverse-gamma prior around those of all values."""
    if not len(values):
        return np.zeros(weights.shape[1]), np.ones(weights.shape[1])
    middle, spread = float(values.mean()), float(values.var())
    amount = weights.sum(axis=0)
    mean = (values @ weights + prior * middle) / (amount + prior)
    squares = ((values[:, None] - mean) ** 2 * weights).sum(axis=0)
    # A tenth of the whole spread is what a state is taken to have before any of its rows is seen.
    variance = (squares + prior * ((mean - middle) ** 2 + 0.1 * spread)) / (amount + prior)
    return mean, np.sqrt(np.maximum(variance, 1e-4 * max(spread, 1e-6)))


def parameters(emission: Emission) -> dict[str, np.ndarray]:
    """The arrays of an emission by name."""
    shares = {f"shares/{j}": share for j, share in enumerate(emission.shares)}
    return {"means": emission.means, "deviations": emission.deviations, **shares}


def from_parameters(slots: Sequence[Slot], arrays: dict[str, np.ndarray]) -> Emission:
    """An emission from what `parameters` gave."""
    shares = tuple(arrays[f"shares/{j}"] for j in range(len(slots)))
    return Emission(tuple(slots), shares, arrays["means"], arrays["deviations"])
