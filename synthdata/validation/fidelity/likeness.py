"""Likeness of single columns beyond their shape: how far, which part of the range, which categories, how rounded.

Every measure is a fraction with its counterparts: ``value`` of the synthetic table with its 95 % ``interval``,
``matched`` of as many synthetic rows as the holdout has, and ``reference`` of the holdout; or a ``text`` that says why
there is none. Nothing here names
a value, an extreme or a category. Of tables beyond `ROWS` rows that many are drawn: a share is then off by .002 or less
in 95 of 100 draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from synthdata.random import SeedTree
from synthdata.validation.base import Comparison, NotComputable, Side, View
from synthdata.validation.distances import jensen_shannon, wasserstein
from synthdata.validation.fidelity.shape import at_rows, coarse_codes
from synthdata.validation.statistics import interval_by_parts, total_variation

#: the most rows of each side
ROWS = 200_000
#: the interval comes of so many disjoint parts of the synthetic rows, of so many rows at most, and as many train rows
PARTS, PART_ROWS, TRAIN_ROWS = 10, 1_000, 10_000
#: rows that a part needs
FEWEST = 5
#: quantile bins for the Jensen–Shannon distance of numbers; what is outside the middle of the range at each end
BINS, TAIL = 20, 0.005
#: train rows that a category needs to be looked for, and the shares between which a category is rare
FEW, RARE = 5, (0.01, 0.05)
#: the most decimals told apart; values with more share a class
DECIMALS = 6

NUMBERS = ("wasserstein", "jensen_shannon", "range_coverage", "inside_range", "decimals", "rounding", "missing")
CATEGORIES = ("jensen_shannon", "category_coverage", "rare_recall", "known_categories", "missing")


def likeness(comparison: Comparison, seed: SeedTree) -> dict[str, dict[str, dict[str, Any]]]:
    """For every judged column, each of its measures."""
    if not comparison.views:
        return {}
    sides: tuple[Side, ...] = tuple(comparison.views[0].sides)
    rows = {side: comparison.draw(side, ROWS, seed.generator(f"rows of {side}")) for side in sides}
    drawn = None
    if comparison.no_reference is None:
        size = min(len(rows["holdout"]), len(rows["synthetic"]))
        drawn = seed.generator("matched").choice(len(rows["synthetic"]), size, replace=False)
    found = {
        view.name: column_likeness(at_rows(view, rows), drawn, comparison.no_reference) for view in comparison.views
    }
    size = min(PART_ROWS, len(rows["synthetic"]) // PARTS)
    if size >= FEWEST:
        generator = seed.generator("parts")
        few: dict[Side, np.ndarray] = {
            "train": rows["train"][generator.permutation(len(rows["train"]))[:TRAIN_ROWS]],
            "synthetic": rows["synthetic"][generator.permutation(len(rows["synthetic"]))[: size * PARTS]],
        }
        for view in comparison.views:
            _add_intervals(found[view.name], at_rows(view, few), size / comparison.rows("synthetic"))
    return found


def _add_intervals(found: dict[str, dict[str, Any]], view: View, share: float) -> None:
    """Give each measure of a column an interval; ``view`` has the rows of all parts, each a ``share`` of all rows."""
    codes = coarse_codes(view, tuple(view.sides), BINS)
    parts = np.array_split(np.arange(len(view.values("synthetic"))), PARTS)
    for name, entry in found.items():
        if entry.get("value") is None:
            continue
        try:
            varying = [_measure(name, view, codes, "synthetic", part) for part in parts]
        except NotComputable:  # too rare in a part to be measured there; the value has no interval then
            continue
        high = np.inf if name == "wasserstein" else 1.0
        entry["interval"] = list(interval_by_parts(entry["value"], varying, share, high))


def column_likeness(view: View, drawn: np.ndarray | None, why: str | None) -> dict[str, dict[str, Any]]:
    """The measures of one column; ``drawn`` are the synthetic rows to compare with the holdout, or ``why`` not."""
    sides: dict[str, tuple[Side, np.ndarray | None]] = {"value": ("synthetic", None)}
    if drawn is not None:
        sides |= {"reference": ("holdout", None), "matched": ("synthetic", drawn)}
    names: tuple[str, ...] = NUMBERS if view.continuous else CATEGORIES
    if view.column.kind != "numerical":
        names = tuple(name for name in names if name not in ("decimals", "rounding"))
    codes = coarse_codes(view, tuple(view.sides), BINS)
    found: dict[str, dict[str, Any]] = {name: {} for name in names}
    for key, (side, rows) in sides.items():
        for name in names:
            try:
                found[name][key] = _measure(name, view, codes, side, rows)
            except NotComputable as reason:
                found[name] |= {key: None, "text": str(reason)}
    if drawn is None:
        for entry in found.values():
            entry.setdefault("text", why)
    return found


def _measure(
    name: str, view: View, codes: tuple[Mapping[Side, np.ndarray], int], side: Side, rows: np.ndarray | None
) -> float:
    values = view.values(side, rows)
    if name == "missing":
        return float(abs(view.missing(side, rows).mean() - view.missing("train").mean()))
    if name == "jensen_shannon":
        other = codes[0][side] if rows is None else codes[0][side][rows]
        return jensen_shannon(
            np.bincount(codes[0]["train"], minlength=codes[1]), np.bincount(other, minlength=codes[1])
        )
    real = view.values("train")
    if view.continuous:
        return _of_numbers(name, _present(real, "real table"), _present(values, f"{side} table"))
    return _of_categories(name, real, values, len(view.categories or ()))


def _present(values: np.ndarray, where: str) -> np.ndarray:
    present = values[~np.isnan(values)]
    if not len(present):
        raise NotComputable(f"The column is empty in the {where}.")
    return present


def _of_numbers(name: str, real: np.ndarray, other: np.ndarray) -> float:
    if name == "inside_range":
        return float(((other >= real.min()) & (other <= real.max())).mean())
    if name in ("decimals", "rounding"):
        classes = roundness if name == "rounding" else decimals
        return 1 - total_variation(_class_counts(classes(real)), _class_counts(classes(other)))
    if np.ptp(real) == 0:
        raise NotComputable("The column is constant in the real table, so it has no spread to measure by.")
    if name == "wasserstein":
        size = float(np.abs(real).max()) or 1.0  # keeps squares of very large numbers finite
        return wasserstein(real / size, other / size) / float((real / size).std())
    low, high = np.quantile(real, [TAIL, 1 - TAIL])
    if high <= low:
        raise NotComputable("All but a few real values are equal, so there is no range to cover.")
    return float(max(0.0, min(high, other.max()) - max(low, other.min())) / (high - low))


def _of_categories(name: str, real: np.ndarray, other: np.ndarray, size: int) -> float:
    counts = np.bincount(real[real >= 0], minlength=size)
    found = np.bincount(other[other >= 0], minlength=size)
    if name == "known_categories":
        if not found.sum():
            raise NotComputable("The column is empty.")
        return float(found[counts > 0].sum() / found.sum())
    if name == "category_coverage":
        if not (counts >= FEW).any():
            raise NotComputable(f"No category has {FEW} rows in the real table.")
        return float((found[counts >= FEW] > 0).mean())
    shares = counts / len(real)
    rare = (shares >= RARE[0]) & (shares <= RARE[1]) & (counts >= FEW)
    if not rare.any():
        raise NotComputable("No category makes up between 1% and 5% of the real rows.")
    return float(np.minimum(shares[rare], found[rare] / len(other)).sum() / shares[rare].sum())


def decimals(values: np.ndarray) -> np.ndarray:
    """How many decimals each value (n,) needs, `DECIMALS` + 1 where more.

    >>> decimals(np.array([2.0, 0.5, 0.25])).tolist()
    [0, 1, 2]
    """
    needed = np.full(len(values), DECIMALS + 1)
    slack = 1e-9 * np.maximum(1.0, np.abs(values))
    for digits in range(DECIMALS, -1, -1):
        needed[np.abs(values - np.round(values, digits)) <= slack] = digits
    return needed


def roundness(values: np.ndarray) -> np.ndarray:
    """The habit of rounding behind each value (n,), as a class: decimals, or of which round number it is a multiple.

    Whole numbers fall into multiples of 1000, 500, 100, 50, 10, 5 and the others; zero is a class of its own.

    >>> roundness(np.array([0.5, 7.0, 35.0, 40.0, 0.0])).tolist()
    [1, 8, 9, 10, 15]
    """
    classes = decimals(values)
    whole = np.round(values[classes == 0])
    of_whole = np.full(len(whole), DECIMALS + 2)
    for step, multiple in enumerate((5, 10, 50, 100, 500, 1000), DECIMALS + 3):
        of_whole[np.mod(whole, multiple) == 0] = step
    of_whole[whole == 0] = DECIMALS + 9
    classes[classes == 0] = of_whole
    return classes


def _class_counts(classes: np.ndarray) -> np.ndarray:
    return np.bincount(classes, minlength=DECIMALS + 10)
