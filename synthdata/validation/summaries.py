"""What a report shows of each column: a chart on shared edges, and a summary; no single row's value in either.

Histogram edges are rounded to plain numbers or dates, the first and last bin also hold what lies beyond, quantiles are
rounded, and categories with fewer than `FEW` real rows are pooled as "N others".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from synthdata.validation.base import SIDES, Comparison, Figure, Side, View, plain

#: bins of a histogram, categories of a bar chart, real rows that a category needs to be shown by name
BINS, BARS, FEW = 30, 20, 5
#: the share of rows from which one value is drawn as a spike of its own
SPIKE = 0.05
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
#: steps of date axes, in seconds and as pandas offsets
DATE_STEPS = (
    (1, "1s"), (10, "10s"), (60, "1min"), (600, "10min"), (3600, "1h"), (6 * 3600, "6h"), (86_400, "1D"),
    (7 * 86_400, "7D"), (30.44 * 86_400, "MS"), (91.3 * 86_400, "QS"), (365.25 * 86_400, "YS"),
    (5 * 365.25 * 86_400, "5YS"), (10 * 365.25 * 86_400, "10YS"),
)  # fmt: skip


def column_details(
    comparison: Comparison, shapes: Mapping[str, Figure], likeness: Mapping[str, Mapping[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """One entry per column in table order, judged or not; charts are of judged columns."""
    views = {view.name: view for view in comparison.views}
    entries = []
    for column in comparison.schema:
        view = views.get(column.name)
        figure = shapes.get(column.name)
        entry: dict[str, Any] = {
            "name": column.name,
            "kind": column.kind,
            "generated": column.generated,
            "reason": comparison.skipped.get(column.name),
            "shape": figure.to_json() if figure else None,
            "fidelity": (likeness or {}).get(column.name),
            "missing": _missing(comparison, column.name),
            "summary": None,
            "chart": None,
        }
        if view is not None:
            entry["summary"] = {"real": summary(view, "train", view), "synthetic": summary(view, "synthetic", view)}
            entry["chart"] = chart(view)
        entries.append(plain(entry))
    return entries


def _missing(comparison: Comparison, name: str) -> dict[str, float | None]:
    shares: dict[str, float | None] = {}
    tables = {"real": comparison.train, "synthetic": comparison.synthetic, "holdout": comparison.holdout}
    for side, table in tables.items():
        there = table is not None and name in table.frame.columns
        shares[side] = float(table.frame[name].isna().mean()) if table is not None and there else None
    return shares


def summary(view: View, side: Side, scale: View) -> dict[str, Any]:
    """Mean, spread and quantiles of numbers and dates; how many categories and which is most frequent for others."""
    values = view.values(side)
    if not view.continuous:
        counts = np.bincount(values[values >= 0], minlength=len(view.categories or ()))
        top = int(counts.argmax()) if counts.sum() >= 1 else -1
        shown = top >= 0 and (side == "synthetic" or counts[top] >= FEW)
        return {
            "distinct": int((counts > 0).sum()),
            "most_common": str((view.categories or ())[top]) if shown else None,
            "most_common_share": float(counts[top] / len(values)) if shown else None,
        }
    present = values[~np.isnan(values)]
    if not len(present):
        return {"mean": None, "std": None, "quantiles": None, "distinct": 0}
    step = coarse_step(scale)
    size = float(np.abs(present).max()) or 1.0  # keeps squares of very large numbers finite
    write = _writer(view)
    points = {
        f"{100 * q:g}": write(rounded(v, step)) for q, v in zip(QUANTILES, np.quantile(present, QUANTILES), strict=True)
    }
    return {
        "mean": write(rounded(float((present / size).mean()) * size, step)),
        "std": rounded(float((present / size).std()) * size, step),
        "quantiles": points,
        "distinct": len(np.unique(present)),
        "unit": "seconds" if view.column.kind in ("datetime", "timedelta") else None,
    }


def coarse_step(view: View) -> float:
    """The step that a column's quantiles are rounded to: a plain number below a two-hundredth of its spread."""
    present = view.values("train")
    low, high = _middle(present[~np.isnan(present)])
    if view.column.kind == "datetime":
        return 86_400.0 if high - low > 60 * 86_400 else 60.0
    if high <= low:
        return 10.0 ** (np.floor(np.log10(abs(high) or 1.0)) - 2)
    return 10.0 ** np.floor(np.log10((high - low) / 200))


def _middle(present: np.ndarray) -> tuple[float, float]:
    """The span of a chart: from the .5 % to the 99.5 % quantile, at least five rows away from both extremes."""
    if not len(present):
        return 0.0, 1.0
    edge = max(0.005, min(0.2, FEW / len(present)))
    low, high = np.quantile(present, [edge, 1 - edge], method="inverted_cdf")
    return float(low), float(high)


def rounded(value: float, step: float) -> float:
    """A number at the nearest multiple of a step.

    >>> rounded(0.37, 0.1)
    0.4
    """
    return float(f"{np.round(value / step) * step:.12g}")


def _writer(view: View) -> Any:
    if view.column.kind != "datetime":
        return float
    return lambda seconds: pd.Timestamp(round(seconds), unit="s").isoformat()


def chart(view: View) -> dict[str, Any]:
    """Bars for categories, a histogram for numbers and dates; shares are of all rows, nulls in the denominator."""
    return _histogram(view) if view.continuous else _bars(view)


def _shares(counts: np.ndarray, rows: int) -> list[float]:
    return [round(float(count) / max(1, rows), 6) for count in counts]


def _by_side(view: View, count: Any) -> dict[str, Any]:
    return {
        "real" if side == "train" else side: _shares(count(view.values(side)), len(view.values(side)))
        if side in view.sides
        else None
        for side in SIDES
    }


def _bars(view: View) -> dict[str, Any]:
    categories = view.categories or ()
    size = len(categories)
    counts = {side: np.bincount(values[values >= 0], minlength=size) for side, values in view.sides.items()}
    real = counts["train"] + counts.get("holdout", 0)
    shown = [i for i in range(size) if counts["train"][i] >= FEW][:BARS]
    invented = [i for i in np.argsort(-counts["synthetic"]) if real[i] == 0 and counts["synthetic"][i] >= FEW]
    shown += [int(i) for i in invented[: BARS - len(shown)]]
    rest = np.setdiff1d(np.arange(size), shown)
    names = [str(categories[i]) for i in shown] + ([f"{len(rest)} others"] if len(rest) else [])

    def count(values: np.ndarray) -> np.ndarray:
        found = np.bincount(values[values >= 0], minlength=size)
        return np.concatenate([found[shown], [found[rest].sum()]]) if len(rest) else found[shown]

    return {"type": "bars", "categories": names, **_by_side(view, count)}


def _histogram(view: View) -> dict[str, Any]:
    present = view.values("train")
    present = present[~np.isnan(present)]
    low, high = _middle(present)
    labels: list[str] | None = None
    whole = view.column.kind == "numerical" and len(present) > 0 and bool((present == np.round(present)).all())
    if view.column.kind == "datetime":
        edges, labels = date_edges(low, high)
    else:
        edges = plain_edges(low, high, whole=whole)
    spikes = spikes_of(view, edges)

    def count(values: np.ndarray) -> np.ndarray:
        values = values[~np.isnan(values) & ~np.isin(values, spikes)]
        return np.histogram(values.clip(edges[0], edges[-1]), edges)[0]

    def at(side: Side, value: float) -> float | None:
        return float((view.values(side) == value).mean()) if side in view.sides else None

    marks = [
        {"at": _writer(view)(s), "real": at("train", s), "synthetic": at("synthetic", s), "holdout": at("holdout", s)}
        for s in spikes
    ]
    return {
        "type": "histogram",
        "edges": edges.tolist(),
        "labels": labels,
        **_by_side(view, count),
        "spikes": marks,
    }


def spikes_of(view: View, edges: np.ndarray) -> list[float]:
    """Values that many train rows share, where a bin holds more than one; the most frequent first, five at most."""
    present = view.values("train")
    present = present[~np.isnan(present)]
    if not len(present):
        return []
    values, counts = np.unique(present, return_counts=True)
    if len(values) <= len(edges) - 1:
        return []
    least = max(SPIKE * len(view.values("train")), FEW)
    order = np.argsort(-counts)[:5]
    return [float(values[i]) for i in order if counts[i] >= least]


def plain_edges(low: float, high: float, *, whole: bool = False, bins: int = BINS) -> np.ndarray:
    """Edges of about ``bins`` bins at plain multiples of a power of ten; around whole numbers with ``whole``.

    >>> plain_edges(0.3, 9.7, bins=5).tolist()
    [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    """
    if high <= low:
        width = 1.0 if whole else max(abs(low) * 0.1, 1e-9)
        low, high = low - width / 2, high + width / 2
        return np.array([low, high]) if whole else np.array([rounded(low, width / 10), rounded(high, width / 10)])
    if whole and high - low < bins:
        return np.arange(np.floor(low), np.ceil(high) + 2) - 0.5
    power = 10.0 ** np.floor(np.log10((high - low) / bins))
    step = next(m * power for m in (1, 2, 2.5, 5, 10, 20) if (high - low) / (m * power) <= bins)
    if whole:
        step = max(1.0, np.ceil(step))
    first, last = np.floor(low / step), np.floor(high / step) + 1
    digits = max(0, 2 - int(np.floor(np.log10(step))))
    return np.round(np.arange(first, last + 1) * step, min(digits, 300)) - (0.5 if whole else 0.0)


def date_edges(low: float, high: float) -> tuple[np.ndarray, list[str]]:
    """Edges (seconds since 1970) at whole days, months or years, and the same as ISO text."""
    span = max(high - low, 1.0)
    offset = next((name for step, name in DATE_STEPS if span / step <= BINS), "10YS")
    start, end = pd.Timestamp(low, unit="s"), pd.Timestamp(high, unit="s")
    if offset.endswith("S") and not offset.endswith("s"):
        first = pd.Timestamp(start.year, 1 if "Y" in offset or "Q" in offset else start.month, 1)
    else:
        first = start.floor("1D" if offset == "7D" else offset)
    ticks = [first]
    step_by = pd.tseries.frequencies.to_offset(offset)
    while ticks[-1] <= end and len(ticks) < 200:
        ticks.append(ticks[-1] + step_by)
    if len(ticks) < 2:
        ticks.append(ticks[-1] + step_by)
    edges = np.array([tick.timestamp() for tick in ticks])
    return edges, [tick.isoformat() for tick in ticks]
