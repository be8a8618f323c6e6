"""Replay: do keys, personal data and free text, which are made up afresh, repeat train's own values beyond chance?

Such columns are not judged for likeness, but a real e-mail address in the synthetic table is a leak whatever else it
says.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthdata.validation.base import Comparison
from synthdata.validation.privacy.copies import Excess, excess


def replays(comparison: Comparison) -> list[Excess]:
    """One test for every column that is made up afresh and that both tables hold; none without a holdout."""
    if comparison.holdout is None:
        return []
    tests = []
    for name in comparison.skipped:
        if name not in comparison.synthetic.frame.columns or name not in comparison.holdout.frame.columns:
            continue
        parts = [_as_text(table.frame[name]) for table in (comparison.train, comparison.holdout, comparison.synthetic)]
        codes, uniques = pd.factorize(np.concatenate(parts), use_na_sentinel=True)
        train, holdout, synthetic = np.split(codes, np.cumsum([len(part) for part in parts])[:-1])
        count = [np.bincount(side[side >= 0], minlength=len(uniques)) for side in (train, holdout)]
        if not count[0].sum() or not count[1].sum():
            continue
        real = count[0] + count[1] > 0
        seen = np.unique(synthetic[synthetic >= 0])
        tests.append(
            excess(f"real values of column {name!r} used again", count[0], count[1], seen[real[seen]], once=True)
        )
    return tests


def _as_text(series: pd.Series) -> np.ndarray:
    """Values as text (n,), None for null; a number stored as float reads like the same integer."""
    values = series.astype(object)
    text = values.map(
        lambda v: (
            v.strip() if isinstance(v, str) else str(int(v)) if isinstance(v, float) and v.is_integer() else str(v)
        )
    )
    return text.where(series.notna(), None).to_numpy(dtype=object)
