"""Replay: do keys, personal data and free text, which are made up afresh, repeat train's own values beyond chance?

Such columns are not judged for likeness, but a real e-mail address in the synthetic table is a leak whatever else it
says. Values that occur once among the real rows are looked at, so that made-up first names may coincide with real ones.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from synthdata.validation.base import Comparison
from synthdata.validation.privacy.copies import Excess, excess

#: below this probability, train's and the holdout's values are taken to be of different ranges
ALPHA = 0.001


def replays(comparison: Comparison) -> list[Excess]:
    """One test for every column that is made up afresh and that all tables hold; none without a holdout."""
    if comparison.holdout is None:
        return []
    tables = (comparison.train, comparison.holdout, comparison.synthetic)
    held = [name for name in comparison.skipped if all(name in table.frame.columns for table in tables)]
    tests = [_test(name, [_as_text(table.frame[name]) for table in tables]) for name in held]
    return [test for test in tests if test is not None]


def _test(name: str, parts: list[np.ndarray]) -> Excess | None:
    """The test of one column's values in train, holdout and synthetic table; None where a real side holds none."""
    codes, values = pd.factorize(np.concatenate(parts), use_na_sentinel=True)
    sides = np.split(codes, np.cumsum([len(part) for part in parts])[:-1])
    train, holdout, synthetic = (side[side >= 0] for side in sides)
    if not len(train) or not len(holdout):
        return None
    in_train, in_holdout = (np.bincount(side, minlength=len(values)) for side in (train, holdout))
    seen = np.unique(synthetic)
    seen = seen[in_train[seen] + in_holdout[seen] > 0]
    what = f"real values of column {name!r} used again"
    if _differ_in_range(values, train, holdout):
        what += " (not tested: the holdout's values are of another range than train's)"
        seen = seen[:0]
    return excess(what, in_train, in_holdout, seen, once=True)


def _differ_in_range(values: np.ndarray, train: np.ndarray, holdout: np.ndarray) -> bool:
    """Whether the holdout's values lie elsewhere than train's, as counted keys do when the last rows were held out.

    Then made-up keys that count from the start would meet train's keys only, without anything leaking.
    """
    numbers = pd.to_numeric(pd.Series(values), errors="coerce").to_numpy(dtype=float)
    order = np.argsort(numbers) if not np.isnan(numbers).any() else np.argsort(values.astype(str))
    rank = np.empty(len(values))
    rank[order] = np.arange(len(values))
    return bool(stats.ks_2samp(rank[train], rank[holdout], method="asymp").pvalue < ALPHA)


def _as_text(series: pd.Series) -> np.ndarray:
    """Values as text (n,), None for null; a whole number stored as float reads like the same integer."""

    def text(value: object) -> str:
        if isinstance(value, str):
            return value.strip()
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)

    values = series.astype(object)
    return values.map(text, na_action="ignore").where(values.notna(), None).to_numpy(dtype=object)
