"""Alerts about columns, pairs and groups: distributions, categories, empty cells, relations, dependences, fairness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from synthdata.validation.base import Comparison, Figure, View
from synthdata.validation.wording import alert, listed, percent

#: how many columns or pairs are named one by one; the others share an alert
SINGLE = 4
#: by how much a column must be off, beyond fresh real rows, to be worth a word; and to be serious; the same for a pair
NOTABLE, SERIOUS, PAIR_NOTABLE = 0.03, 0.10, 0.10
#: the share of train rows from which on a missing category is worth a word, and the synthetic rows expected of it
CATEGORY, EXPECTED = 0.01, 10
#: the difference in the share of empty cells that is worth a word
NULLS = 0.02
#: the share of rows with categories unknown to the real table that is worth a word
INVENTED = 0.005
#: the share of rows with a broken dependence, and the difference in a group's outcome rate, beyond fresh real rows,
#: that is worth a word
BROKEN, UNFAIR = 0.01, 0.05


def shape_alerts(comparison: Comparison, shapes: Mapping[str, Figure]) -> list[dict[str, Any]]:
    """Columns whose distance from the real distribution is clearly above that of fresh real rows, worst first."""
    off = []
    for name, figure in shapes.items():
        reference = _noise(comparison) if figure.reference is None else figure.reference
        if figure.value is not None and figure.interval and figure.interval[0] > reference:
            off.append((figure.value - reference, name, figure))
    off = sorted((entry for entry in off if entry[0] > NOTABLE), key=lambda entry: -entry[0])
    found = []
    for beyond, name, figure in off[:SINGLE]:
        text = (
            f"At least {percent(figure.value or 0.0)} of the rows would need another value to be as in the real table"
        )
        text += "." if figure.reference is None else f"; of fresh real rows, {percent(figure.reference)}."
        advice = "Compare the column's two curves. If it matters for your use, try another model, or correct its kind."
        level = "warn" if beyond > SERIOUS else "info"
        found.append(alert(level, f"“{name}” is distributed differently", text, advice, "fidelity.shape", [name]))
    if len(off) > SINGLE:
        rest = [name for _, name, _ in off[SINGLE:]]
        title = f"{len(rest)} more column{'s are' if len(rest) > 1 else ' is'} distributed differently"
        text = f"{listed(rest)}: by more than {percent(NOTABLE)} beyond fresh real rows."
        level = "warn" if off[SINGLE][0] > SERIOUS else "info"
        found.append(alert(level, title, text, "The list of columns starts with the worst.", "fidelity.shape", rest))
    return found


def _noise(comparison: Comparison) -> float:
    """Where no holdout says it: about how far apart two tables of one origin are in a column, from their sizes."""
    return float(np.sqrt(1 / comparison.rows("train") + 1 / comparison.rows("synthetic")))


def category_alerts(comparison: Comparison) -> list[dict[str, Any]]:
    """Columns that became constant, and categories that were lost or invented."""
    found = []
    for view in comparison.views:
        real, synthetic = view.values("train"), view.values("synthetic")
        varied = len(np.unique(real[~view.missing("train")])) > 1
        values = len(np.unique(synthetic[~view.missing("synthetic")]))
        if varied and values <= 1 and len(synthetic) >= 2 * EXPECTED and _would_vary(view):
            now = "one single value" if values else "no value at all"
            text = f"“{view.name}” varies in the real table but holds {now} in the synthetic one."
            title = f"“{view.name}” has become constant"
            advice = "Try another model, or more training."
            found.append(alert("fail", title, text, advice, "fidelity.shape", [view.name]))
        elif not view.continuous:
            found += _lost_and_invented(view)
    return found


def _would_vary(view: View) -> bool:
    """Whether at least `EXPECTED` synthetic rows should hold something else than the most frequent value."""
    real = view.values("train")
    _, counts = np.unique(real[~view.missing("train")], return_counts=True)
    return (counts.sum() - counts.max()) / len(real) * len(view.values("synthetic")) >= EXPECTED


def _lost_and_invented(view: View) -> list[dict[str, Any]]:
    name, size = view.name, len(view.categories or ())
    counts = {side: np.bincount(values[values >= 0], minlength=size) for side, values in view.sides.items()}
    shares = counts["train"] / len(view.values("train"))
    found = []
    # where ten rows are expected, none at all has a chance of one in 22,000
    enough = shares * len(view.values("synthetic")) >= EXPECTED
    lost = (shares >= CATEGORY) & enough & (counts["synthetic"] == 0)
    if lost.any():
        text = (
            f"{int(lost.sum())} of {int((counts['train'] > 0).sum())} categories of “{name}”, each in at least "
            f"{percent(CATEGORY)} of the real rows, do not occur in the synthetic table."
        )
        advice = "Whole groups have been lost: try another model before using the table for such groups."
        found.append(alert("warn", f"Categories of “{name}” are missing", text, advice, "fidelity.shape", [name]))
    known = counts["train"] + counts["holdout"] if "holdout" in counts else counts["train"]
    invented = (known == 0) & (counts["synthetic"] > 0)
    share = counts["synthetic"][invented].sum() / len(view.values("synthetic"))
    natural = 0.0  # fresh real rows hold unknown categories, too: the holdout says how many
    if "holdout" in counts:
        natural = counts["holdout"][counts["train"] == 0].sum() / len(view.values("holdout"))
    if share > max(INVENTED, 3 * natural):
        text = (
            f"{percent(share)} of the synthetic rows hold a value of “{name}” that no real row has "
            f"({int(invented.sum()):,} different ones)."
        )
        advice = "Check how the column was written: other spelling, blanks, or rounding."
        found.append(alert("warn", f"“{name}” holds invented categories", text, advice, "fidelity.shape", [name]))
    return found


def null_alerts(comparison: Comparison) -> list[dict[str, Any]]:
    """Columns whose share of empty cells is off by more than chance and more than `NULLS`."""
    found = []
    for view in comparison.views:
        real, synthetic = float(view.missing("train").mean()), float(view.missing("synthetic").mean())
        pooled = (real + synthetic) / 2
        error = np.sqrt(pooled * (1 - pooled) * (1 / comparison.rows("train") + 1 / comparison.rows("synthetic")))
        beyond = abs(synthetic - real)
        if beyond > max(NULLS, 4 * error):
            text = (
                f"{percent(synthetic)} of its cells are empty in the synthetic table, {percent(real)} in the real one."
            )
            title = f"“{view.name}” has another share of empty cells"
            level = "warn" if beyond > SERIOUS else "info"
            advice = "Check whether the model handles missing values."
            found.append(alert(level, title, text, advice, "fidelity.shape", [view.name]))
    return found


def pair_alerts(comparison: Comparison, pairs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One alert for all pairs whose relation is clearly off."""
    noise = 2 * _noise(comparison)  # a pair has more cells than a column
    references = [noise if pair["reference"] is None else pair["reference"] for pair in pairs["worst"]]
    off = [p for p, reference in zip(pairs["worst"], references, strict=True) if p["value"] - reference > PAIR_NOTABLE]
    if not off:
        return []
    worst = "; ".join(
        f"“{pair['columns'][0]}” with “{pair['columns'][1]}” ({percent(pair['value'])})" for pair in off[:SINGLE]
    )
    several = f"for {len(off)} pairs" if len(off) > 1 else "for one pair"
    text = (
        f"How columns hang together is clearly off {'for at least 10 pairs' if len(off) >= 10 else several}: {worst}."
    )
    columns = list(dict.fromkeys(name for pair in off for name in pair["columns"]))
    advice = "Do not draw conclusions about these pairs from the synthetic table."
    return [alert("warn", "Relations between columns are lost", text, advice, "fidelity.trend", columns)]


def dependency_alerts(figure: Mapping[str, Any], worst: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One alert where rows hold together what never goes together in the real table."""
    if figure["value"] is None or figure["interval"][0] - (figure["reference"] or 0.0) <= BROKEN:
        return []
    broken = [each for each in worst if (each["value"] or 0.0) - (each["reference"] or 0.0) > BROKEN / 2][:SINGLE]
    named = "; ".join(
        f"{listed(each['columns'])} no longer determine{'s' if len(each['columns']) == 1 else ''} "
        f"“{each['determine']}” ({percent(each['value'])})"
        for each in broken
    )
    text = f"{percent(figure['value'])} of the synthetic rows break what always holds in the real table: {named}."
    columns = list(dict.fromkeys(name for each in broken for name in (*each["columns"], each["determine"])))
    advice = "State these dependences as rules of the schema: then every synthetic row keeps them."
    level = "warn" if figure["value"] > SERIOUS else "info"
    title = "Columns that determine others no longer do"
    return [alert(level, title, text, advice, "fidelity.dependencies", columns)]


def fairness_alerts(fairness: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One alert where a group's rate of the outcome is off by more than chance and fresh real rows explain."""
    figure = fairness["outcome"]
    value = figure["value"] if figure.get("matched") is None else figure["matched"]
    if value is None or value - (figure["reference"] or 0.0) <= UNFAIR or figure["interval"][0] <= UNFAIR:
        return []
    off = [
        (abs(rate["synthetic"] - rate["real"]), group["group"], rate)
        for grouping in fairness["details"]["groupings"]
        for group in grouping["groups"]
        if (rate := group["rate"]).get("real") is not None and rate.get("synthetic") is not None
    ]
    _, name, rate = max(off, key=lambda entry: entry[0])
    text = (
        f"Of the group “{name}”, {percent(rate['synthetic'])} have the outcome ({fairness['details']['outcome']}) in "
        f"the synthetic table, and {percent(rate['real'])} in the real one."
    )
    advice = "Do not compare groups by this table, nor train on it what decides about people; see the part on fairness."
    columns = fairness["details"]["columns"]
    return [alert("warn", "Groups of people fare differently", text, advice, "fairness.outcome", columns)]
