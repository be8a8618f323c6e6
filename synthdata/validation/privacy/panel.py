"""The privacy part of report.json: figures, verdict, and the distances for the chart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from synthdata.random import SeedTree
from synthdata.validation.base import Comparison, Figure, attempted
from synthdata.validation.privacy.attacks import METRICS, LogProb, all_attacks, rows_at_risk
from synthdata.validation.privacy.copies import copies
from synthdata.validation.privacy.dcr import nearness
from synthdata.validation.privacy.k_map import k_map
from synthdata.validation.privacy.replay import replays
from synthdata.validation.privacy.verdict import verdict
from synthdata.validation.summaries import plain_edges

BINS = 30
NO_MODEL = "The model itself was not at hand, or gives no density of rows."


def privacy_part(
    comparison: Comparison,
    seed: SeedTree,
    holdout_differs: Sequence[str],
    step: Callable[[float, str], None],
    log_prob: LogProb | None = None,
) -> dict[str, Any]:
    """Everything the report says about privacy; ``step`` is told the share done of this part.

    ``holdout_differs`` names columns in which the holdout is not like train; ``log_prob`` is the model's own
    log-density of rows, where the generator is at hand and has one.
    """
    n = comparison.rows("synthetic")
    step(0.0, "Exact copies")
    copied, copies_figure = attempted(lambda: copies(comparison), n)
    step(0.1, "Distance to the closest record")
    near, share = attempted(lambda: nearness(comparison, seed.child("nearness")), n, "target")
    mapped, k_map_figure = attempted(lambda: k_map(comparison), n)
    attacks, missing = all_attacks(comparison, seed.child("attacks"), step, log_prob)
    judged = verdict(comparison, copied, near, replays(comparison), attacks, holdout_differs)
    as_copies = (near.as_copies if near else None) or Figure(None, n=n, text=share.text or "No row can be linked.")
    own = next((attack.facts["recognised"] for attack in attacks if attack.holds_model), None)
    by_metric = {attack.metric: attack.figure for attack in reversed(attacks)}
    return {
        "dcr_share": share.to_json(),
        "copies": copies_figure.to_json(),
        "disturbed_copies": as_copies.to_json(),
        **{
            metric: (by_metric.get(metric) or Figure(None, n=n, text=missing.get(metric))).to_json()
            for metric in METRICS
        },
        "recognised_rows": own or Figure(None, n=n, text=NO_MODEL).to_json(),
        "k_map": k_map_figure.to_json(),
        "verdict": {"state": judged.state, "text": judged.text, "power": judged.power, "model": judged.model},
        "attacks": [attack.to_json() for attack in attacks],
        "details": {
            "tests": judged.tests,
            "distances": distance_histogram(near.distances) if near else None,
            "near_copies": [each.to_json() for each in near.near_copies] if near else [],
            "k_map": mapped.facts if mapped else None,
            "rows_at_risk": rows_at_risk(comparison, attacks),
            "not_attacked": missing,
        },
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
