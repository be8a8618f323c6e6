"""The privacy part of report.json: figures, verdict, and the distances for the chart."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthdata.validation.base import Figure
from synthdata.validation.privacy.dcr import Nearness
from synthdata.validation.privacy.verdict import Verdict
from synthdata.validation.summaries import plain_edges

BINS = 30


def privacy_part(copies: Figure, share: Figure, near: Nearness | None, verdict: Verdict) -> dict[str, Any]:
    """Everything the report says about privacy."""
    return {
        "dcr_share": share.to_json(),
        "copies": copies.to_json(),
        "verdict": {"state": verdict.state, "text": verdict.text, "power": verdict.power},
        "details": {"tests": verdict.tests, "distances": distance_histogram(near.distances) if near else None},
    }


def distance_histogram(distances: dict[str, np.ndarray]) -> dict[str, Any]:
    """Shares of rows by distance to the nearest real row, on shared plain edges; the last bin holds all beyond."""
    high = max(float(np.quantile(values, 0.98)) for values in distances.values())
    edges = plain_edges(0.0, max(high, 1e-6), bins=BINS)
    counts = {
        name: np.histogram(np.minimum(values, edges[-1]), edges)[0] / len(values) for name, values in distances.items()
    }
    zero = {name: float((values <= 1e-6).mean()) for name, values in distances.items()}
    return {
        "edges": edges.tolist(),
        **{name: [round(float(share), 6) for share in shares] for name, shares in counts.items()},
        "at_zero": zero,
        "measure": "Euclidean distance: numbers scaled by train's 5 % to 95 % spread, tails compressed; "
        "two different categories are 1 apart",
    }
