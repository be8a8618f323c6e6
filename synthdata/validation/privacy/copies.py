"""Exact copies: do synthetic rows equal train rows more often than they equal fresh real rows by chance?

The figure is the share of synthetic rows that equal a train row; ``matched`` is the same with train drawn down to the
holdout's size (the mean over all such draws), ``reference`` the share that equal a holdout row. The test counts every
distinct synthetic row once and looks at those that equal real rows of one table only: were train and holdout
exchangeable, which table that is would be a coin of known bias.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import gammaln

from synthdata.validation.base import NO_HOLDOUT, Comparison, Figure, NotComputable, Side, View
from synthdata.validation.statistics import binomial_excess, poisson_binomial_excess, wilson


@dataclass(frozen=True)
class Excess:
    """A one-sided test of more matches with train than chance gives.

    ``train_only`` and ``holdout_only`` count distinct synthetic rows found in one table only, ``expected`` is the
    mean of the first when nothing leaks; ``distinguishable`` the share of train rows that a copy of would count.
    """

    name: str
    train_only: int
    holdout_only: int
    expected: float
    p_value: float
    chance: float
    distinguishable: float

    def to_json(self) -> dict[str, Any]:
        """The test's counts as plain data."""
        return {
            "test": self.name,
            "found": self.train_only,
            "holdout": self.holdout_only,
            "expected": self.expected,
            "p_value": self.p_value,
        }


@dataclass(frozen=True)
class Copies:
    """The figure, and the tests: over all rows, and over rows that occur once among the real ones."""

    figure: Figure
    tests: tuple[Excess, ...]


def copies(comparison: Comparison) -> Copies:
    """Exact copies of train rows among the synthetic ones, over all judged columns.

    Raises:
        NotComputable: there is no column to judge.
    """
    if not comparison.views:
        raise NotComputable("No column is judged, so rows cannot be compared.")
    keys: dict[Side, np.ndarray] = {side: row_keys(comparison.views, side) for side in ("train", "synthetic")}
    if comparison.holdout is None:
        return _without_holdout(keys)
    keys["holdout"] = row_keys(comparison.views, "holdout")
    values, inverse = np.unique(np.concatenate([keys["train"], keys["holdout"]]), return_inverse=True)
    in_train = np.bincount(inverse[: len(keys["train"])], minlength=len(values))
    in_holdout = np.bincount(inverse[len(keys["train"]) :], minlength=len(values))
    at = _positions(keys["synthetic"], values)
    hit = at >= 0
    n, found = len(at), int((in_train[at[hit]] > 0).sum())
    drawn = _chance_drawn(in_train[at[hit]], len(keys["train"]), min(len(keys["holdout"]), len(keys["train"])))
    figure = Figure(
        found / n,
        wilson(found, n),
        float((in_holdout[at[hit]] > 0).sum()) / n,
        n=n,
        matched=float(drawn.sum()) / n,
    )
    seen = np.unique(at[hit])
    tests = (
        excess("exact copies", in_train, in_holdout, seen),
        excess("exact copies of rows that occur once", in_train, in_holdout, seen, once=True),
    )
    return Copies(figure, tests)


def row_keys(views: tuple[View, ...], side: Side) -> np.ndarray:
    """A 64-bit key (n,) per row: equal rows have equal keys, and unequal rows in effect never.

    Numbers are compared after rounding to the decimals that the schema keeps.
    """
    keys = np.zeros(len(next(iter(views)).values(side)), np.uint64)
    for view in views:
        values = view.values(side)
        if view.continuous:
            if view.column.decimals is not None and view.column.kind == "numerical":
                values = np.round(values, view.column.decimals) + 0.0
            elif view.column.dtype in ("float32", "Float32"):
                values = values.astype(np.float32).astype(np.float64)
            values = np.where(np.isnan(values), np.nan, values)  # one bit pattern for every NaN
        hashed = pd.util.hash_array(np.ascontiguousarray(values))
        keys = (keys ^ hashed) * np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    return keys


def excess(name: str, in_train: np.ndarray, in_holdout: np.ndarray, seen: np.ndarray, *, once: bool = False) -> Excess:
    """Test the distinct real rows ``seen`` (positions) for a surplus of train rows.

    ``in_train`` and ``in_holdout`` (k,) count each distinct real row; with ``once`` only rows counted once in both
    together.
    """
    sizes = in_train + in_holdout
    chance = float(in_train.sum() / sizes.sum())
    if once:
        seen = seen[sizes[seen] == 1]
    one_sided = seen[(in_train[seen] == 0) | (in_holdout[seen] == 0)]
    train_only = int((in_train[one_sided] > 0).sum())
    # of m equal real rows, dealt out at random, all are train rows with chance^m, all holdout rows with (1 - chance)^m
    both_ways = np.minimum(sizes[one_sided], 200).astype(float)
    chances = 1 / (1 + ((1 - chance) / chance) ** both_ways) if chance > 0 else np.zeros(len(one_sided))
    alone = (in_train == 1) & (in_holdout == 0)
    distinguishable = float(alone.sum() / max(1, in_train.sum()))
    p_value = poisson_binomial_excess(train_only, chances)
    return Excess(name, train_only, len(one_sided) - train_only, float(chances.sum()), p_value, chance, distinguishable)


def _positions(keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Where each key lies in the sorted ``values``, or -1."""
    at = np.searchsorted(values, keys).clip(0, len(values) - 1)
    return np.where(values[at] == keys, at, -1)


def _chance_drawn(times: np.ndarray, rows: int, drawn: int) -> np.ndarray:
    """The chance (n,) that at least one of ``times`` equal rows is among ``drawn`` of ``rows``: hypergeometric."""
    rest = rows - times
    possible = rest >= drawn

    def log_choose(n: np.ndarray | int, k: int) -> np.ndarray:
        return gammaln(np.asarray(n, float) + 1) - gammaln(k + 1.0) - gammaln(np.asarray(n, float) - k + 1)

    none = np.exp(log_choose(np.where(possible, rest, rows), drawn) - log_choose(rows, drawn))
    return np.where(times == 0, 0.0, 1 - np.where(possible, none, 0.0))


def _without_holdout(keys: dict[Side, np.ndarray]) -> Copies:
    """Without fresh rows, chance is estimated from train itself.

    The probability that a fresh row equals a row seen exactly once is about twice the number of pairs over the number
    of rows (Good 1953); the test compares that with how many distinct such rows the synthetic table hits.
    """
    values, counts = np.unique(keys["train"], return_counts=True)
    at = _positions(keys["synthetic"], values)
    hit = at[at >= 0]
    found, n = len(hit), len(at)
    once = int((counts[np.unique(hit)] == 1).sum())
    pairs = int((counts == 2).sum())
    rate = 2 * n / len(keys["train"])
    # both counts are about Poisson; given their sum, the first is binomial. One pair more keeps it cautious.
    p_value = binomial_excess(once, once + pairs + 1, rate / (1 + rate))
    expected = pairs * rate
    test = Excess(
        "exact copies of rows that occur once (chance estimated from train's own repeats)",
        once,
        0,
        float(expected),
        p_value if once > 2 * expected else 1.0,
        float("nan"),
        float((counts == 1).sum() / counts.sum()),
    )
    return Copies(Figure(found / n, wilson(found, n), n=n, text=NO_HOLDOUT), (test,))
