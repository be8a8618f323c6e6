"""What charts draw, without how they look: heights of histograms, rows of bars, the scale of a gauge."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from synthdata.reporting import numbers
from synthdata.reporting.figure import Figure

# One or two spikes this many times as high as the rest of a histogram stay apart; more of them are its shape.
DWARFS, LONELY = 4.0, 2
SAMPLES = ("real", "synthetic", "holdout")
SAMPLE_LABELS = {"real": "Real", "synthetic": "Synthetic", "holdout": "Holdout"}
DISTANCE_LABELS = {
    "synthetic_train": ("synthetic", "from a synthetic row to its closest training row"),
    "synthetic_holdout": ("holdout", "from a synthetic row to its closest holdout row"),
    "train_holdout": ("real", "from a training row to its closest holdout row"),
}


@dataclass(frozen=True)
class BarRow:
    """Shares of one category (or a spike, or nulls) in the three samples; None where unknown."""

    label: str
    real: float | None
    synthetic: float | None
    holdout: float | None
    special: bool = False

    @property
    def largest(self) -> float:
        """The largest share of the row."""
        return max((share for share in (self.real, self.synthetic, self.holdout) if share is not None), default=0.0)


def densities(edges: Sequence[float], shares: Sequence[float | None]) -> list[float]:
    """Shares per unit of width, so that wide bins do not look heavier than they are.

    >>> densities([0, 1, 3], [0.5, 0.5])
    [0.5, 0.25]
    """
    widths = [right - left for left, right in pairwise(edges)]
    return [(share or 0.0) / width if width > 0 else 0.0 for share, width in zip(shares, widths, strict=True)]


def histogram_curves(chart: dict[str, Any], samples: Sequence[str] = SAMPLES) -> dict[str, list[float]]:
    """The samples of a histogram that are there, as densities over its edges; empty where there is nothing to draw.

    >>> histogram_curves({"edges": [0, 1, 2], "real": [0.5, 0.5], "synthetic": None})
    {'real': [0.5, 0.5]}
    """
    edges = chart.get("edges") or []
    if len(edges) < 2 or edges[-1] <= edges[0]:
        return {}
    curves = {sample: densities(edges, chart[sample]) for sample in samples if chart.get(sample)}
    return {sample: heights for sample, heights in curves.items() if any(heights)} if curves else {}


def folded(chart: dict[str, Any] | None) -> dict[str, Any] | None:
    """The chart with its spikes put back into their bins, unless they would dwarf the rest; those stay apart.

    Left apart, spikes of a modest size would leave holes in a curve where values are commonest.

    >>> chart = {"type": "histogram", "edges": [0, 1, 2], "real": [0.5, 0.3], "spikes": [{"at": 1.0, "real": 0.2}]}
    >>> folded(chart)["real"]
    [0.5, 0.5]
    """
    if not chart or chart.get("type") != "histogram" or not chart.get("spikes"):
        return chart
    edges = chart["edges"]
    whole = {sample: [share or 0.0 for share in chart[sample]] for sample in SAMPLES if chart.get(sample)}
    for spike in chart["spikes"]:
        at = _number(spike.get("at"))
        if at is None or len(edges) < 2:
            return chart
        place = min(max(bisect_right(edges, at) - 1, 0), len(edges) - 2)
        for sample, shares in whole.items():
            shares[place] += spike.get(sample) or 0.0
    before = max((max(densities(edges, chart[sample])) for sample in whole), default=0.0)
    after = max((max(densities(edges, shares)) for shares in whole.values()), default=0.0)
    modest = after <= DWARFS * before or len(chart["spikes"]) > LONELY
    return {**chart, **whole, "spikes": []} if modest else chart


def _number(at: Any) -> float | None:
    """A spike's place on the axis; dates are seconds since 1970."""
    if isinstance(at, int | float):
        return float(at)
    try:
        when = datetime.fromisoformat(str(at))
    except ValueError:
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def axis_labels(chart: dict[str, Any]) -> list[str]:
    """The ends and the middle of a histogram's axis, as text."""
    edges = chart.get("edges") or []
    if len(edges) < 2:
        return []
    labels = chart.get("labels")
    if labels and len(labels) == len(edges):
        return [numbers.plain(labels[0]), numbers.plain(labels[len(labels) // 2]), numbers.plain(labels[-1])]
    first, last = edges[0], edges[-1]
    if all(abs(edge % 1 - 0.5) < 1e-9 for edge in edges):  # bins around whole numbers
        first, last = first + 0.5, last + (0.5 if edges[1] - edges[0] >= 5 else -0.5)
    return [numbers.plain(edge) for edge in (first, (first + last) / 2, last)]


def bar_rows(chart: dict[str, Any] | None, missing: dict[str, float | None] | None = None) -> list[BarRow]:
    """The rows of a bar chart: categories or the spikes of a histogram, and a row of nulls where there are any.

    >>> chart = {"type": "bars", "categories": ["a"], "real": [1], "synthetic": [1]}
    >>> [row.label for row in bar_rows(chart, {"real": 0.1})]
    ['a', 'no value']
    """
    rows: list[BarRow] = []
    chart = chart or {}
    if chart.get("type") == "bars":
        shares = [chart.get(sample) or [None] * len(chart["categories"]) for sample in SAMPLES]
        rows += [BarRow(str(label), *each) for label, *each in zip(chart["categories"], *shares, strict=True)]
    for spike in chart.get("spikes") or []:
        shown = f"exactly {numbers.plain(spike.get('at'))}"
        rows.append(BarRow(shown, spike.get("real"), spike.get("synthetic"), spike.get("holdout"), special=True))
    nulls = missing or {}
    if any(nulls.get(sample) for sample in SAMPLES):
        rows.append(BarRow("no value", nulls.get("real"), nulls.get("synthetic"), nulls.get("holdout"), special=True))
    return rows


@dataclass(frozen=True)
class Gauge:
    """Positions in percent along a figure's axis; ``band`` is where figures as good as fresh real rows lie."""

    start: float
    end: float
    value: float
    interval: tuple[float, float] | None
    band: tuple[float, float] | None
    mark: float | None
    matched: float | None


def gauge(figure: Figure, baseline: float | None = None) -> Gauge | None:
    """Where a figure, its interval and its mark lie on an axis that fits them; None for an unknown one.

    >>> gauge(Figure("fidelity.detection", 0.9, reference=0.98, direction="higher")).value
    90.0
    """
    if figure.value is None:
        return None
    shown = [x for x in (figure.value, figure.low, figure.high, figure.mark, figure.matched) if x is not None]
    if figure.direction == "target" and figure.target is not None:
        reach = max(0.1, *(1.3 * abs(x - figure.target) for x in shown))
        start, end = max(figure.target - reach, 0.0), min(figure.target + reach, 1.0)
    elif figure.direction == "higher":
        floor = baseline if baseline is not None else 0.0
        start, end = min(floor, *shown), max(1.0, *shown)
    else:
        start, end = 0.0, max(shown) * 1.3 or 0.01
    span = (end - start) or 1.0

    def place(x: float) -> float:
        return round(100 * min(max((x - start) / span, 0.0), 1.0), 2)

    band = None
    if figure.mark is not None and figure.direction != "target":
        ends = (start, figure.mark) if figure.direction == "lower" else (figure.mark, end)
        band = (place(ends[0]), place(ends[1]))
    return Gauge(
        start,
        end,
        place(figure.value),
        (place(figure.low), place(figure.high)) if figure.low is not None and figure.high is not None else None,
        band,
        None if figure.mark is None else place(figure.mark),
        None if figure.matched is None else place(figure.matched),
    )
