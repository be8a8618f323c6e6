"""k-map: how many real people share what others could know of a synthetic row (Sweeney; El Emam and Dankar 2008).

Columns by which people may be known are categories, booleans and whole numbers of few values, the most telling first.
A synthetic row that agrees in all of them with one to four real rows points at few people, whether it was copied or met
them by chance; so the same share is given for fresh real rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from synthdata.validation.base import SIDES, Comparison, Figure, NotComputable, View
from synthdata.validation.privacy.copies import row_keys
from synthdata.validation.statistics import wilson

#: the most columns that are taken together, and the most different values of one
COLUMNS, VALUES = 5, 120
#: groups of fewer real rows than this are small
SMALL = 5


@dataclass(frozen=True)
class KMap:
    """The figure, and the columns it rests on with the counts behind it."""

    figure: Figure
    facts: dict[str, Any]


def k_map(comparison: Comparison) -> KMap:
    """The share of synthetic rows that agree with one to four train rows in the columns people are known by.

    Raises:
        NotComputable: no column has few enough values.
    """
    known = sorted(((-_entropy(view), view.name, view) for view in comparison.views if _few(view)), key=lambda e: e[:2])
    views = [view for _, _, view in known[:COLUMNS]]
    if not views:
        raise NotComputable("No column has few enough different values to know people by.")
    keys = {side: row_keys(tuple(views), side) for side in SIDES if comparison.rows(side)}
    values, counts = np.unique(keys["train"], return_counts=True)

    def group_sizes(rows: np.ndarray) -> np.ndarray:
        at = np.searchsorted(values, rows).clip(0, len(values) - 1)
        return np.where(values[at] == rows, counts[at], 0)

    sizes = group_sizes(keys["synthetic"])
    few = int(((sizes > 0) & (sizes < SMALL)).sum())
    reference = None
    if "holdout" in keys:
        fresh = group_sizes(keys["holdout"])
        reference = float(((fresh > 0) & (fresh < SMALL)).mean())
    n = len(sizes)
    facts = {
        "columns": [view.name for view in views],
        "smallest_group": int(sizes[sizes > 0].min()) if (sizes > 0).any() else None,
        "rows_in_small_groups": few,
        "small": SMALL,
    }
    return KMap(Figure(few / n, wilson(few, n), reference, "lower", n=n), facts)


def _few(view: View) -> bool:
    if not view.continuous:
        return 1 < len(view.categories or ()) <= VALUES
    present = view.values("train")
    present = present[~np.isnan(present)]
    return view.column.decimals == 0 and 1 < len(np.unique(present)) <= VALUES


def _entropy(view: View) -> float:
    """How much a value tells, in nats."""
    _, counts = np.unique(view.values("train"), return_counts=True)
    shares = counts / counts.sum()
    return float(-(shares * np.log(shares)).sum())
