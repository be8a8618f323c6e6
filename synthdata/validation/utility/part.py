"""The usefulness part of a report: does a model that is trained on the synthetic table work on real rows?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from synthdata.random import SeedTree
from synthdata.validation.base import Comparison, Figure, attempted
from synthdata.validation.utility.all_targets import all_targets
from synthdata.validation.utility.importance import importance_agreement
from synthdata.validation.utility.tstr import tstr


@dataclass(frozen=True)
class Usefulness:
    """The figures by metric name, and the details that go beside them."""

    figures: dict[str, Figure]
    details: dict[str, Any]


def utility_part(comparison: Comparison, seed: SeedTree, target: str | None) -> Usefulness:
    """Measure usefulness for predicting ``target``, or a column of the suite's own choice."""
    n = comparison.rows("synthetic")
    useful, figure = attempted(lambda: tstr(comparison, seed.child("tstr"), target), n, "higher")
    nothing = {"target": target or comparison.schema.target, "reason": figure.text}
    agreed, agreement = attempted(
        lambda: importance_agreement(comparison, seed.child("importance"), target), n, "higher"
    )
    predicted, mean = attempted(lambda: all_targets(comparison, seed.child("all targets")), n, "higher")
    return Usefulness(
        {"tstr": figure, "importance_agreement": agreement, "all_targets": mean},
        {
            "utility_details": (useful.details if useful else nothing)
            | {
                "importances": agreed.columns if agreed else [],
                "rank_agreement": agreed.rank_agreement if agreed else None,
                "targets": predicted.targets if predicted else [],
            }
        },
    )
