"""A finite mixture over encoded rows: parameters, densities, and one step of expectation maximisation.

In component k a row's codes are independent, each with its own probabilities, and the values that its columns carry are
jointly normal. A cell that carries no value (a category, an atom, a null) leaves its dimension out of the normal
density, so each row uses the marginal of the dimensions it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from synthdata.encoders.base import UNSEEN, Encoded, Slot

#: how many numbers a block of work may hold at once
BLOCK = 4_000_000


@dataclass(frozen=True)
class Mixture:
    """The parameters: ``weights`` (k,), one row of ``shares`` (sum of cardinalities, k) per code, ``means`` (k, c) and
    ``covariances`` (k, c, c) over the c continuous slots.
    """

    slots: tuple[Slot, ...]
    weights: np.ndarray
    shares: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    @property
    def size(self) -> int:
        """The number of components."""
        return len(self.weights)

    @cached_property
    def starts(self) -> np.ndarray:
        """Where each slot's codes begin among the rows of ``shares`` (d + 1,)."""
        return np.concatenate([[0], np.cumsum([slot.cardinality for slot in self.slots])]).astype(np.int64)

    @cached_property
    def continuous(self) -> np.ndarray:
        """The positions (c,) of the slots that carry values."""
        return np.array([j for j, slot in enumerate(self.slots) if slot.continuous], dtype=np.int64)

    def keep(self, components: np.ndarray) -> Mixture:
        """The mixture of some components only."""
        weights = self.weights[components] / self.weights[components].sum()
        return Mixture(
            self.slots, weights, self.shares[:, components], self.means[components], self.covariances[components]
        )

    def of_codes(self, j: int) -> np.ndarray:
        """The probabilities (cardinality, k) of slot j's codes."""
        return self.shares[self.starts[j] : self.starts[j + 1]]


@dataclass(frozen=True)
class Rows:
    """Encoded rows laid out for the mixture: ``hot`` (n, sum of cardinalities) sparse, ``values`` (n, c) with 0
    where there is none, and rows grouped by which values they carry.
    """

    hot: Any
    values: np.ndarray
    groups: tuple[tuple[np.ndarray, np.ndarray], ...]

    @classmethod
    def of(cls, encoded: Encoded, most_patterns: int | None = None) -> Rows:
        """Lay out encoded rows (n, d).

        With ``most_patterns``, as for learning, rows of rarer patterns count as carrying only what the nearest commoner
        pattern within theirs carries: a few values are not used, and hundreds of covariances need not be factored.
        """
        from scipy.sparse import csr_matrix

        n = len(encoded)
        starts = np.concatenate([[0], np.cumsum([slot.cardinality for slot in encoded.slots])]).astype(np.int64)
        known = encoded.codes != UNSEEN
        columns = (encoded.codes + starts[:-1])[known]
        pointers = np.concatenate([[0], np.cumsum(known.sum(axis=1))])
        hot = csr_matrix((np.ones(len(columns)), columns, pointers), shape=(n, int(starts[-1])))
        continuous = [j for j, slot in enumerate(encoded.slots) if slot.continuous]
        values = encoded.values[:, continuous]
        has = ~np.isnan(values)
        if most_patterns is not None and has.size:
            has = coarser(has, most_patterns)
        return cls(hot, np.where(has, values, 0.0), tuple(grouped(has)))


def grouped(has: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows (n, c) grouped by their pattern: pairs of row positions and the columns that are True."""
    if not has.size:
        return
    packed = np.packbits(has, axis=1)
    keys = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1]))).ravel()
    pattern = np.unique(keys, return_inverse=True)[1]
    order = np.argsort(pattern, kind="stable")
    for rows in np.split(order, np.cumsum(np.bincount(pattern))[:-1]):
        yield rows, np.flatnonzero(has[rows[0]])


def coarser(has: np.ndarray, most: int) -> np.ndarray:
    """Patterns (n, c) with all but the ``most`` most frequent replaced by the largest of those that is part of them."""
    found, index, counts = np.unique(has, axis=0, return_inverse=True, return_counts=True)
    if len(found) <= most:
        return has
    kept = np.append(found[np.argsort(-counts, kind="stable")[:most]], np.zeros((1, has.shape[1]), dtype=bool), axis=0)
    outside = (~found).astype(np.int64) @ kept.T.astype(np.int64)
    size = np.where(outside == 0, kept.sum(axis=1), -1)
    return np.asarray(kept[size.argmax(axis=1)][index.ravel()])


def joint_log_density(mixture: Mixture, rows: Rows) -> np.ndarray:
    """log (weight · density) of each row under each component (n, k)."""
    out = code_log_density(mixture, rows)
    for group in patterns(mixture, rows):
        for block in blocks(group.rows, mixture.size * len(group.dims)):
            out[block] += group.log_density(mixture, rows.values, block)
    return out


def code_log_density(mixture: Mixture, rows: Rows) -> np.ndarray:
    """log (weight · probability of the codes) of each row under each component (n, k)."""
    with np.errstate(divide="ignore"):
        # A code that a component has never met must not become 0 · inf in the product.
        log_shares = np.maximum(np.log(mixture.shares), -1e4)
        return np.asarray(rows.hot @ log_shares) + np.log(mixture.weights)


@dataclass(frozen=True)
class Pattern:
    """Rows that carry the same values: their positions, those dimensions (o,), and for each component the inverse
    ``whiten`` (k, c, c) of the Cholesky factor of their covariance, 0 in all other dimensions, and its
    log-determinant (k,).
    """

    rows: np.ndarray
    dims: np.ndarray
    whiten: np.ndarray
    log_determinant: np.ndarray

    def log_density(self, mixture: Mixture, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The normal log-densities (m, k) of some rows' values."""
        k, o = mixture.size, len(self.dims)
        whiten = self.whiten[:, self.dims][:, :, self.dims]
        shift = np.einsum("kij,kj->ki", whiten, mixture.means[:, self.dims])
        y = (values[np.ix_(rows, self.dims)] @ whiten.reshape(k * o, o).T).reshape(len(rows), k, o) - shift
        return np.asarray(-0.5 * np.einsum("nko,nko->nk", y, y) + self.log_determinant - 0.5 * o * np.log(2 * np.pi))


def patterns(mixture: Mixture, rows: Rows) -> Iterator[Pattern]:
    """The patterns of rows that carry any value, their covariances factored many at a time."""
    k, c = mixture.means.shape
    groups = [(positions, dims) for positions, dims in rows.groups if len(dims)]
    step = max(1, BLOCK // max(k * c * c, 1))
    for first in range(0, len(groups), step):
        part = groups[first : first + step]
        has = np.zeros((len(part), 1, c))
        for i, (_, dims) in enumerate(part):
            has[i, 0, dims] = 1.0
        both = has[..., :, None] * has[..., None, :]
        # Dimensions that are not carried become independent and of variance 1, and fall out again below.
        apart = np.zeros((len(part), 1, c, c))
        apart[:, 0, np.arange(c), np.arange(c)] = 1.0 - has[:, 0]
        lower = np.linalg.cholesky(mixture.covariances[None] * both + apart)
        whiten = np.linalg.inv(lower) * both
        log_determinant = -np.log(np.einsum("pkii->pki", lower)).sum(axis=2)
        for i, (positions, dims) in enumerate(part):
            yield Pattern(positions, dims, whiten[i], log_determinant[i])


def log_sum(joint: np.ndarray) -> np.ndarray:
    """log Σ exp over the components (n,)."""
    top = joint.max(axis=1)
    return np.asarray(top + np.log(np.exp(joint - top[:, None]).sum(axis=1)))


def blocks(positions: np.ndarray, width: int) -> Iterator[np.ndarray]:
    """Positions in blocks whose rows times ``width`` stay within memory."""
    step = max(1, BLOCK // max(width, 1))
    for start in range(0, len(positions), step):
        yield positions[start : start + step]


@dataclass
class Moments:
    """Expected sufficient statistics: the sums that the next parameters are made of.

    ``weights`` (k,) are expected rows, ``codes`` as ``Mixture.shares``, and of the rows with values ``carried`` (k,)
    their number, ``first`` (k, c) and ``second`` (k, c, c) the sums of values and of their products.
    """

    weights: np.ndarray
    codes: np.ndarray
    carried: np.ndarray
    first: np.ndarray
    second: np.ndarray
    rows: int = 0
    log_likelihood: float = 0.0

    @classmethod
    def empty(cls, mixture: Mixture) -> Moments:
        """Nothing seen yet."""
        k, c = mixture.means.shape
        return cls(np.zeros(k), np.zeros_like(mixture.shares), np.zeros(k), np.zeros((k, c)), np.zeros((k, c, c)))

    def keep(self, components: np.ndarray) -> Moments:
        """The statistics of some components only."""
        return Moments(
            self.weights[components],
            self.codes[:, components],
            self.carried[components],
            self.first[components],
            self.second[components],
            self.rows,
            self.log_likelihood,
        )

    def add(self, mixture: Mixture, rows: Rows, shares: np.ndarray | None = None) -> None:
        """Add rows with responsibilities (n, k), by default their probabilities under the mixture.

        What a row does not carry is put in by its expectation (Ghahramani and Jordan 1994, "Supervised learning from
        incomplete data via an EM approach", section 3). A row without any value tells nothing about the normal part.
        """
        joint = code_log_density(mixture, rows)
        for group in patterns(mixture, rows):
            for block in blocks(group.rows, mixture.size * len(group.dims)):
                joint[block] += group.log_density(mixture, rows.values, block)
            inside = joint[group.rows]
            responsible = np.exp(inside - log_sum(inside)[:, None]) if shares is None else shares[group.rows]
            self._add_values(mixture, group, rows.values, responsible)
        total = log_sum(joint)
        joint -= total[:, None]
        responsible = np.exp(joint, out=joint) if shares is None else shares
        self.rows += len(joint)
        self.log_likelihood += float(total.sum())
        self.weights += responsible.sum(axis=0)
        self.codes += np.asarray(rows.hot.T @ responsible)

    def _add_values(self, mixture: Mixture, group: Pattern, values: np.ndarray, responsible: np.ndarray) -> None:
        total, first, second = _weighted_moments(values, group, responsible)
        self.carried += total
        if len(group.dims) == mixture.means.shape[1]:
            self.first += first
            self.second += second
            return
        # The regression of all dimensions on those that are carried; it leaves the latter as they are.
        lift = mixture.covariances @ (group.whiten.transpose(0, 2, 1) @ group.whiten)
        offset = mixture.means - np.einsum("kij,kj->ki", lift, mixture.means)
        left = mixture.covariances - lift @ mixture.covariances
        moved = np.einsum("kij,kj->ki", lift, first)
        cross = moved[:, :, None] * offset[:, None, :]
        self.first += moved + total[:, None] * offset
        self.second += lift @ second @ lift.transpose(0, 2, 1) + cross + cross.transpose(0, 2, 1)
        self.second += total[:, None, None] * (offset[:, :, None] * offset[:, None, :] + left)


def _weighted_moments(values: np.ndarray, group: Pattern, responsible: np.ndarray) -> tuple[np.ndarray, ...]:
    """Σ r (k,), Σ r x (k, c) and Σ r x xᵀ (k, c, c) of a pattern's rows, 0 in dimensions that they do not carry."""
    k, c, dims = responsible.shape[1], values.shape[1], group.dims
    i, j = np.triu_indices(len(dims))
    first, pairs = np.zeros((k, c)), np.zeros((k, len(i)))
    order = np.arange(len(group.rows))
    for block in blocks(order, len(i) + k):
        x, r = values[np.ix_(group.rows[block], dims)], responsible[block]
        first[:, dims] += r.T @ x
        pairs += r.T @ (x[:, i] * x[:, j])
    second = np.zeros((k, c, c))
    second[:, dims[i], dims[j]] = pairs
    second[:, dims[j], dims[i]] = pairs
    return responsible.sum(axis=0), first, second
