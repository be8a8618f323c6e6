"""The fairness part of a report: how large groups are, how often they get the outcome, and how models treat them.

Groups are those of the protected columns and of every two of them together. Shares and rates are those of the real, the
synthetic and the fresh real rows; error rates are of models trained on real and on synthetic rows, tested on the
holdout. A rate of fewer than `MINIMUM` rows is not given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from synthdata.random import SeedTree
from synthdata.validation.base import Comparison, Figure, NotComputable, Side
from synthdata.validation.fairness.groups import MINIMUM, NAMES, Grouping, groupings, protected_columns
from synthdata.validation.fairness.outcome import Outcome, predictions
from synthdata.validation.statistics import around

LABELS: dict[Side, str] = {"train": "real", "synthetic": "synthetic", "holdout": "holdout"}


def fairness_part(
    comparison: Comparison, seed: SeedTree, target: str | None, protected: Sequence[str] = ()
) -> dict[str, Any]:
    """The figures by name, and the groups behind them.

    Raises:
        SchemaError: a protected column or the target does not exist.
    """
    names = protected_columns(comparison.schema, protected)
    if not names:
        listed = ", ".join(NAMES)
        return _nothing(comparison, f"No column was named as protected, and none is called {listed}.", [])
    outcome, why = _outcome(comparison, target)
    notes = []
    if outcome is not None and outcome.view.name in names:
        notes.append(f"“{outcome.view.name}” is the target, so it makes no groups.")
        names = tuple(name for name in names if name != outcome.view.name)
    found, more = groupings(comparison, names)
    notes += more
    if not found:
        return _nothing(comparison, " ".join(notes), names)
    predicted, why_not = _predicted(comparison, outcome, seed)
    entries = [_entry(grouping, outcome, predicted) for grouping in found]
    drawn = None
    if comparison.no_reference is None:
        drawn = comparison.draw("synthetic", comparison.rows("holdout"), seed.generator("matched"))
    return {
        "representation": _worst_share(comparison, found, drawn).to_json(),
        "outcome": _worst_rate(comparison, found, outcome, why, drawn).to_json(),
        "errors": _widest_gap(comparison, entries, why_not).to_json(),
        "details": {
            "columns": list(names),
            "target": outcome.view.name if outcome else None,
            "outcome": outcome.words if outcome else None,
            "groupings": entries,
            "notes": [*notes, *(grouping.note for grouping in found if grouping.note)],
            "text": None,
        },
    }


def _nothing(comparison: Comparison, text: str, names: Sequence[str]) -> dict[str, Any]:
    missing = Figure(None, n=comparison.rows("synthetic"), text=text).to_json()
    return {
        **dict.fromkeys(("representation", "outcome", "errors"), missing),
        "details": {"columns": list(names), "groupings": [], "notes": [], "text": text},
    }


def _outcome(comparison: Comparison, target: str | None) -> tuple[Outcome | None, str | None]:
    try:
        return Outcome.of(comparison, target), None
    except NotComputable as reason:
        return None, str(reason)


def _predicted(
    comparison: Comparison, outcome: Outcome | None, seed: SeedTree
) -> tuple[dict[Side, np.ndarray] | None, str | None]:
    if outcome is None:
        return None, "There is no outcome to predict."
    try:
        return predictions(comparison, outcome, seed.child("predictions")), None
    except NotComputable as reason:
        return None, str(reason)


def _entry(grouping: Grouping, outcome: Outcome | None, predicted: Mapping[Side, np.ndarray] | None) -> dict[str, Any]:
    """A grouping as report.json has it: its groups, and the gaps between them."""
    sides = grouping.codes
    happened = {side: outcome.happened(side) for side in sides} if outcome else {}
    groups = []
    for code, name in enumerate(grouping.names):
        inside = {side: codes == code for side, codes in sides.items()}
        entry: dict[str, Any] = {
            "group": name,
            "share": {LABELS[side]: float(rows.mean()) for side, rows in inside.items()},
            "rate": {LABELS[side]: _rate(values[inside[side]]) for side, values in happened.items()},
        }
        if predicted is not None:
            truth = happened["holdout"]
            for key, which in (("true_positives", 1.0), ("false_positives", 0.0)):
                rows = inside["holdout"] & (truth == which)
                entry[key] = {LABELS[side]: _rate(guess[rows].astype(float)) for side, guess in predicted.items()}
                entry[key]["rows"] = int(rows.sum()) if rows.sum() >= MINIMUM else None
        groups.append(entry)
    gaps = {
        key: {label: _gap(groups, key, label) for label in ("real", "synthetic", "holdout")}
        for key in ("rate", "true_positives", "false_positives")
    }
    return {"columns": list(grouping.columns), "groups": groups, "gaps": gaps}


def _rate(values: np.ndarray) -> float | None:
    """The mean of the known values (n,), None where there are too few."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) >= MINIMUM else None


def _gap(groups: Sequence[Mapping[str, Any]], key: str, label: str) -> float | None:
    """The largest difference between two groups."""
    known = [group[key][label] for group in groups if group.get(key, {}).get(label) is not None]
    return max(known) - min(known) if len(known) > 1 else None


def _worst_share(comparison: Comparison, found: Sequence[Grouping], drawn: np.ndarray | None) -> Figure:
    """The largest difference between a group's share of another table and of the real one."""

    def worst(side: Side, rows: np.ndarray | None = None) -> tuple[float, float]:
        differences = []
        for grouping in found:
            codes = grouping.codes[side] if rows is None else grouping.codes[side][rows]
            for code in range(len(grouping.names)):
                real, other = (grouping.codes["train"] == code).mean(), (codes == code).mean()
                error = _error(real, comparison.rows("train")) + _error(other, len(codes))
                differences.append((abs(float(other - real)), float(np.sqrt(error))))
        return max(differences)

    value, deviation = worst("synthetic")
    fresh = drawn is not None
    return Figure(
        value,
        around(value, deviation),
        worst("holdout")[0] if fresh else None,
        n=comparison.rows("synthetic"),
        text=comparison.no_reference,
        matched=worst("synthetic", drawn)[0] if fresh else None,
    )


def _worst_rate(
    comparison: Comparison,
    found: Sequence[Grouping],
    outcome: Outcome | None,
    why: str | None,
    drawn: np.ndarray | None,
) -> Figure:
    """The largest difference between a group's rate of the outcome in another table and in the real one."""
    n = comparison.rows("synthetic")
    if outcome is None:
        return Figure(None, n=n, text=why)
    real = outcome.happened("train")

    def worst(side: Side, rows: np.ndarray | None = None) -> tuple[float, float] | None:
        values, differences = outcome.happened(side, rows), []
        for grouping in found:
            codes = grouping.codes[side] if rows is None else grouping.codes[side][rows]
            for code in range(len(grouping.names)):
                there, here = real[grouping.codes["train"] == code], values[codes == code]
                p, q = _rate(there), _rate(here)
                if p is not None and q is not None:
                    error = _error(p, int((~np.isnan(there)).sum())) + _error(q, int((~np.isnan(here)).sum()))
                    differences.append((abs(q - p), float(np.sqrt(error))))
        return max(differences) if differences else None

    whole = worst("synthetic")
    if whole is None:
        return Figure(None, n=n, text=f"No group has {MINIMUM} synthetic rows in which the outcome is known.")
    reference, matched = (None, None) if drawn is None else (worst("holdout"), worst("synthetic", drawn))
    return Figure(
        whole[0],
        around(*whole),
        reference[0] if reference else None,
        n=n,
        text=comparison.no_reference,
        matched=matched[0] if matched else None,
    )


def _widest_gap(comparison: Comparison, entries: Sequence[Mapping[str, Any]], why: str | None) -> Figure:
    """The largest gap in true or false positives between groups of one column, with that of the model of real rows."""
    n = comparison.rows("synthetic")
    if why is not None:
        return Figure(None, n=n, text=why)
    single = [entry for entry in entries if len(entry["columns"]) == 1]
    gaps = [
        (entry["gaps"][key]["synthetic"], entry["gaps"][key]["real"], entry, key)
        for entry in single
        for key in ("true_positives", "false_positives")
        if entry["gaps"][key]["synthetic"] is not None
    ]
    if not gaps:
        return Figure(None, n=n, text=f"No two groups have {MINIMUM} holdout rows of each outcome.")
    value, _, entry, key = max(gaps, key=lambda gap: gap[0])
    known = [group[key] for group in entry["groups"] if group[key]["synthetic"] is not None]
    ends = [f(known, key=lambda rates: rates["synthetic"]) for f in (min, max)]
    deviation = float(np.sqrt(sum(_error(rates["synthetic"], rates["rows"]) for rates in ends)))
    return Figure(value, around(value, deviation), max(real for _, real, _, _ in gaps), n=n)


def _error(share: float, rows: int) -> float:
    """The variance of a share of some rows."""
    return share * (1 - share) / max(1, rows)
