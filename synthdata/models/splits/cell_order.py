"""An order for the cells of every column, and how strongly columns are related in it."""

from __future__ import annotations

import numpy as np

from synthdata.encoders.bins import Bins

#: at most so many rows decide on the order of categories, and on correlations
ROWS = 20_000
#: a category is told by at most so many features, of columns with at most so many categories
MOST_FEATURES, FEW_CATEGORIES = 120, 16
#: how many imagined average rows a category's means start from
PRIOR_ROWS = 10.0


def places(bins: list[Bins], cells: np.ndarray, generator: np.random.Generator) -> list[np.ndarray]:
    """Where each cell of each column stands (cardinality,), for cells (n, d).

    Cells on a number line stand where they are on it, nulls after them. Categories without an order stand along the
    direction in which the means of the other columns differ most between them.
    """
    rows = generator.permutation(len(cells))[:ROWS]
    chosen = cells[rows]
    known: dict[int, np.ndarray] = {j: _on_the_line(cutting) for j, cutting in enumerate(bins) if _has_order(cutting)}
    features, owner = _features(bins, chosen, known)
    out = []
    for j, cutting in enumerate(bins):
        if j in known:
            out.append(known[j])
        else:
            others = features[:, owner != j][:, :MOST_FEATURES]
            out.append(_along_means(chosen[:, j], cutting.cardinality, others))
    return out


def correlations(ranks: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The absolute correlations (d, d) of places (n, d); 0 where a column is constant."""
    chosen = ranks[generator.permutation(len(ranks))[:ROWS]].astype(np.float32)
    centred = chosen - chosen.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    centred /= np.where(length > 1e-6, length, np.inf)
    return np.abs(centred.T @ centred)


def _has_order(cutting: Bins) -> bool:
    return bool(cutting.count) or cutting.slot.ordered or bool(np.isfinite(cutting.slot.positions).any())


def _on_the_line(cutting: Bins) -> np.ndarray:
    slot = cutting.slot
    codes = np.arange(slot.cardinality, dtype=float)
    if slot.positions.size and np.isfinite(slot.positions).any():
        codes = np.where(np.isfinite(slot.positions), slot.positions, np.inf)
    if slot.missing_code is not None:
        codes[slot.missing_code] = np.inf
    if not cutting.count:
        return codes
    return np.concatenate([(np.arange(cutting.count) + 0.5) / cutting.count, codes[1:]])


def _features(bins: list[Bins], cells: np.ndarray, known: dict[int, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Standardised features (n, f) of all columns, and the column (f,) that each is made of."""
    columns, owner = [], []
    for j, cutting in enumerate(bins):
        if j in known:
            order = np.argsort(np.argsort(known[j], kind="stable"), kind="stable")
            columns.append(order[cells[:, j]].astype(np.float32))
            owner.append(j)
        elif cutting.cardinality <= FEW_CATEGORIES:
            columns += [(cells[:, j] == cell).astype(np.float32) for cell in range(cutting.cardinality)]
            owner += [j] * cutting.cardinality
    if not columns:
        return np.empty((len(cells), 0), dtype=np.float32), np.empty(0, dtype=np.int64)
    features = np.column_stack(columns)
    features -= features.mean(axis=0)
    spread = features.std(axis=0)
    return features / np.where(spread > 1e-6, spread, np.inf), np.array(owner)


def _along_means(cells: np.ndarray, cardinality: int, features: np.ndarray) -> np.ndarray:
    """A place (cardinality,) for cells without an order; by frequency where nothing else tells them apart."""
    counts = np.bincount(cells, minlength=cardinality)
    if not features.shape[1]:
        return -counts.astype(float)
    sums = np.column_stack([np.bincount(cells, weights=column, minlength=cardinality) for column in features.T])
    means = sums / (counts + PRIOR_ROWS)[:, None]
    directions = np.linalg.svd(means * np.sqrt(counts)[:, None], full_matrices=False)[2]
    # The sign of a singular vector is arbitrary; fixing it keeps equal seeds equal on every machine.
    first = directions[0] * np.sign(directions[0][np.argmax(np.abs(directions[0]))])
    return np.asarray(means @ first)
