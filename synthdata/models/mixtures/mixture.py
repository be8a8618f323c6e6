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
#: and how many where the work is quicker within the processor's cache
CACHED = 200_000
#: from so many columns of values on, products of two are summed for one component after the other
_WIDE = 40


@dataclass(frozen=True)
class Mixture:
    """The parameters: ``weights`` (k,), one row of ``shares`` (sum of cardinalities, k) per code, ``means`` (k, c) and
    ``covariances`` (k, c, c) over the c continuous slots.

    While a Bayesian mixture is learnt, ``discounts`` (k, c + 1) are what the log-density of a row that carries 0 … c
    values loses because the normal part is not known for certain, and weights and shares add up to less than one.
    """

    slots: tuple[Slot, ...]
    weights: np.ndarray
    shares: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    discounts: np.ndarray | None = None

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
    """Encoded rows laid out for the mixture, those that carry the same values side by side.

    ``hot`` (n, sum of cardinalities) is sparse, ``values`` (n, c) hold 0 where there is none, ``order`` (n,) says which
    row of the table each is, and ``groups`` are the ends of each run of rows with the dimensions that they carry.
    """

    hot: Any
    values: np.ndarray
    order: np.ndarray
    groups: tuple[tuple[int, int, np.ndarray], ...]

    def __len__(self) -> int:
        return len(self.order)

    @classmethod
    def of(cls, encoded: Encoded, most_patterns: int | None = None, dtype: Any = np.float64) -> Rows:
        """Lay out encoded rows (n, d).

        With ``most_patterns``, as for learning, rows of rarer patterns count as carrying only what the nearest commoner
        pattern within theirs carries: a few values are not used, and hundreds of covariances need not be factored.
        """
        from scipy.sparse import csr_matrix

        n = len(encoded)
        starts = np.concatenate([[0], np.cumsum([slot.cardinality for slot in encoded.slots])]).astype(np.int64)
        values = encoded.values[:, [j for j, slot in enumerate(encoded.slots) if slot.continuous]]
        has = ~np.isnan(values)
        if most_patterns is not None and has.size:
            has = coarser(has, most_patterns)
        runs = list(grouped(has)) if has.size else [(np.arange(n), np.arange(0))]
        order = np.concatenate([np.arange(0), *(rows for rows, _ in runs)])
        ends = np.concatenate([[0], np.cumsum([len(rows) for rows, _ in runs])]).astype(int)
        codes = encoded.codes[order]
        known = codes != UNSEEN
        columns = (codes + starts[:-1])[known]
        pointers = np.concatenate([[0], np.cumsum(known.sum(axis=1))])
        hot = csr_matrix((np.ones(len(columns), dtype), columns, pointers), shape=(n, int(starts[-1])))
        laid = np.where(has, values, 0.0)[order].astype(dtype)
        groups = tuple((int(ends[i]), int(ends[i + 1]), dims) for i, (_, dims) in enumerate(runs))
        return cls(hot, laid, order, groups)


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
    """log (weight · density) of each row under each component (n, k), rows in the table's order."""
    out = np.empty((len(rows), mixture.size), rows.values.dtype)
    log_shares = log_code_shares(mixture, rows)
    for group in patterns(mixture, rows):
        for block in group.blocks():
            out[rows.order[block]] = group.log_density(mixture, rows, log_shares, block)
    return out


def log_code_shares(mixture: Mixture, rows: Rows) -> np.ndarray:
    """The logarithms of the shares of codes, in the rows' precision."""
    with np.errstate(divide="ignore"):
        # A code that a component has never met must not become 0 · inf in the product.
        return np.maximum(np.log(mixture.shares), -1e4).astype(rows.values.dtype)


@dataclass(frozen=True)
class Pattern:
    """Rows ``first`` to ``last`` that carry the same values: those dimensions (o,), and for each component the inverse
    ``whiten`` (k, c, c) of the Cholesky factor of their covariance, 0 in all other dimensions, and the logarithm
    ``constant`` (k,) of its weight and of the normal density at its mean.
    """

    first: int
    last: int
    dims: np.ndarray
    whiten: np.ndarray
    constant: np.ndarray

    def blocks(self) -> Iterator[slice]:
        """The rows a few at a time, so that what is computed of them stays within the processor's cache."""
        step = max(16, CACHED // self.whiten.shape[0])
        for start in range(self.first, self.last, step):
            yield slice(start, min(start + step, self.last))

    def log_density(self, mixture: Mixture, rows: Rows, log_shares: np.ndarray, block: slice) -> np.ndarray:
        """log (weight · density) (m, k) of a block of rows."""
        dtype = rows.values.dtype
        out = np.asarray(rows.hot[block] @ log_shares)
        out += self.constant.astype(dtype)
        if len(self.dims):
            x = rows.values[block][:, self.dims]
            whiten = self.whiten[:, self.dims][:, :, self.dims]
            shift = np.einsum("kij,kj->ik", whiten, mixture.means[:, self.dims]).astype(dtype)
            whiten = whiten.astype(dtype)
            for i in range(len(self.dims)):
                y = x[:, : i + 1] @ whiten[:, i, : i + 1].T
                y -= shift[i]
                np.square(y, out=y)
                y *= np.asarray(0.5, dtype)
                out -= y
        return out


def patterns(mixture: Mixture, rows: Rows) -> Iterator[Pattern]:
    """The patterns of rows, their covariances factored many at a time."""
    k, c = mixture.means.shape
    with np.errstate(divide="ignore"):
        log_weights = np.log(mixture.weights)
    step = max(1, BLOCK // max(k * c * c, 1))
    for start in range(0, len(rows.groups), step):
        part = rows.groups[start : start + step]
        has = np.zeros((len(part), 1, c))
        for i, (_, _, dims) in enumerate(part):
            has[i, 0, dims] = 1.0
        both = has[..., :, None] * has[..., None, :]
        # Dimensions that are not carried become independent and of variance 1, and fall out again below.
        apart = np.zeros((len(part), 1, c, c))
        apart[:, 0, np.arange(c), np.arange(c)] = 1.0 - has[:, 0]
        lower = np.linalg.cholesky(mixture.covariances[None] * both + apart)
        whiten = np.linalg.inv(lower) * both
        log_determinant = -np.log(np.einsum("pkii->pki", lower)).sum(axis=2)
        for i, (first, last, dims) in enumerate(part):
            constant = log_weights + log_determinant[i] - 0.5 * len(dims) * np.log(2 * np.pi)
            if mixture.discounts is not None:
                constant = constant + mixture.discounts[:, len(dims)]
            yield Pattern(first, last, dims, whiten[i], constant)


def log_sum(joint: np.ndarray) -> np.ndarray:
    """log Σ exp over the components (n,)."""
    top = joint.max(axis=1)
    return np.asarray(top + np.log(np.exp(joint - top[:, None]).sum(axis=1)))


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

    def times(self, factor: float) -> Moments:
        """The statistics of ``factor`` times as many rows of the same kind."""
        return Moments(
            self.weights * factor,
            self.codes * factor,
            self.carried * factor,
            self.first * factor,
            self.second * factor,
            round(self.rows * factor),
            self.log_likelihood * factor,
        )

    def add(self, mixture: Mixture, rows: Rows, shares: np.ndarray | None = None) -> None:
        """Add rows with responsibilities (n, k), by default their probabilities under the mixture.

        What a row does not carry is put in by its expectation (Ghahramani and Jordan 1994, "Supervised learning from
        incomplete data via an EM approach", section 3). A row without any value tells nothing about the normal part.
        """
        log_shares = log_code_shares(mixture, rows)
        for group in patterns(mixture, rows):
            i, j = np.triu_indices(len(group.dims))
            total, first = np.zeros(mixture.size), np.zeros((mixture.size, len(group.dims)))
            pairs = np.zeros((mixture.size, len(i)))
            for block in group.blocks():
                joint = group.log_density(mixture, rows, log_shares, block)
                density = log_sum(joint)
                self.log_likelihood += float(density.sum(dtype=np.float64))
                if shares is None:
                    joint -= density[:, None]
                    responsible = np.exp(joint, out=joint)
                else:
                    responsible = shares[rows.order[block]].astype(joint.dtype)
                self.codes += rows.hot[block].T @ responsible
                # Sums of squares lose too much in single precision: a variance is what is left of them.
                responsible = responsible.astype(np.float64)
                total += responsible.sum(axis=0)
                x = rows.values[block][:, group.dims].astype(np.float64)
                first += responsible.T @ x
                if len(group.dims) < _WIDE:
                    pairs += responsible.T @ (x[:, i] * x[:, j])
                else:
                    # All products of two columns would be many times the rows.
                    for k, weight in enumerate(responsible.T):
                        pairs[k] += ((x.T * weight) @ x)[i, j]
            self.rows += group.last - group.first
            self.weights += total
            if len(group.dims):
                self._add_values(mixture, group, total, first, pairs)

    def _add_values(
        self, mixture: Mixture, group: Pattern, total: np.ndarray, first: np.ndarray, pairs: np.ndarray
    ) -> None:
        """Add Σ r (k,), Σ r x (k, o) and the upper triangle of Σ r x xᵀ (k, o·(o + 1)/2) of a pattern's rows."""
        (k, c), dims = mixture.means.shape, group.dims
        i, j = np.triu_indices(len(dims))
        second = np.zeros((k, c, c))
        second[:, dims[i], dims[j]] = pairs
        second[:, dims[j], dims[i]] = pairs
        self.carried += total
        if len(dims) == c:
            self.first += first
            self.second += second
            return
        # The regression of all dimensions on those that are carried; it leaves the latter as they are.
        lift = mixture.covariances @ (group.whiten.transpose(0, 2, 1) @ group.whiten)
        offset = mixture.means - np.einsum("kij,kj->ki", lift, mixture.means)
        left = mixture.covariances - lift @ mixture.covariances
        moved = np.einsum("kij,kj->ki", lift[:, :, dims], first)
        cross = moved[:, :, None] * offset[:, None, :]
        self.first += moved + total[:, None] * offset
        self.second += lift @ second @ lift.transpose(0, 2, 1) + cross + cross.transpose(0, 2, 1)
        self.second += total[:, None, None] * (offset[:, :, None] * offset[:, None, :] + left)
