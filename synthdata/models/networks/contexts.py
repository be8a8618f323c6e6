"""From which other columns each one is predicted."""

from __future__ import annotations

import numpy as np

from synthdata.encoders.base import Encoded

#: how many contexts the columns of a wide table may have in all, and the fewest that each has
_MOST_CONTEXTS, _FEWEST_CONTEXTS = 8_000, 8


def choose_contexts(encoded: Encoded, most: int, generator: np.random.Generator, rows: int = 5_000) -> np.ndarray:
    """For every column the positions (d, c) of the columns that say most about it, up to ``most`` of the others.

    Where there are no more than that, all columns (d, d), itself included. Very wide tables have fewer, for memory.

    Association is mutual information between columns cut into at most eight parts, on some of the rows.
    """
    d = len(encoded.slots)
    most = min(most, max(_FEWEST_CONTEXTS, _MOST_CONTEXTS // max(d, 1)))
    if d - 1 <= most:
        return np.tile(np.arange(d), (d, 1)) if d > 1 else np.empty((d, 0), dtype=np.int64)
    sample = encoded.take(generator.permutation(len(encoded))[:rows])
    marks = np.zeros((len(sample), d, 8), dtype=np.float32)
    for j, slot in enumerate(encoded.slots):
        cells = np.where(np.isnan(sample.values[:, j]), 0, sample.values[:, j]) * 4
        part = np.minimum(cells.astype(np.int64), 3) if slot.continuous else np.zeros(len(sample), dtype=np.int64)
        common = np.argsort(-np.bincount(sample.codes[:, j], minlength=slot.cardinality), kind="stable")
        rank = np.empty(slot.cardinality, dtype=np.int64)
        rank[common] = np.arange(slot.cardinality)
        other = (
            4 + np.minimum(rank[sample.codes[:, j]], 3) if slot.continuous else np.minimum(rank[sample.codes[:, j]], 7)
        )
        cell = np.where(sample.codes[:, j] == 0, part, other) if slot.continuous else other
        marks[np.arange(len(sample)), j, cell] = 1.0
    flat = marks.reshape(len(sample), -1)
    joint = (flat.T @ flat / len(sample)).reshape(d, 8, d, 8)
    single = flat.mean(axis=0).reshape(d, 8)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = joint * np.log(joint / (single[:, :, None, None] * single[None, None]))
    information = np.nansum(terms, axis=(1, 3))
    np.fill_diagonal(information, -np.inf)
    return np.sort(np.argsort(-information, axis=1, kind="stable")[:, :most], axis=1)
