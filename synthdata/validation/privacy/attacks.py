"""All attacks on one synthetic table, in turn, and the rows of the real table that they point at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthdata.random import SeedTree
from synthdata.validation.base import Comparison, NotComputable
from synthdata.validation.privacy.attack import Attack
from synthdata.validation.privacy.attribute_inference import attribute_inference
from synthdata.validation.privacy.linkability import linkability
from synthdata.validation.privacy.membership import LogProb, by_classifier, by_density, by_loss
from synthdata.validation.privacy.pool import Pool
from synthdata.validation.privacy.singling_out import singling_out

__all__ = ["METRICS", "LogProb", "all_attacks", "rows_at_risk"]

#: the metrics that attacks fill; where several attacks fill one, the first counts
METRICS = ("membership", "singling_out", "linkability", "attribute_inference")
#: how many rows are named as those at greatest risk
AT_RISK = 20


def all_attacks(
    comparison: Comparison, seed: SeedTree, step: Callable[[float, str], None], log_prob: LogProb | None
) -> tuple[list[Attack], dict[str, str]]:
    """Every attack that can be tried, and by metric why one could not be."""
    try:
        pool = Pool.draw(comparison, seed.child("pool"))
    except NotComputable as reason:
        return [], dict.fromkeys(METRICS, str(reason))
    tried: list[tuple[str, float, str, Callable[[], Attack]]] = [
        ("membership", 0.3, "Membership inference", lambda: by_density(pool)),
        ("membership", 0.4, "Membership inference by classifier", lambda: by_classifier(pool, seed.child("trees"))),
        ("singling_out", 0.75, "Singling out", lambda: singling_out(pool, seed.child("singling out"))),
        ("linkability", 0.85, "Linkability", lambda: linkability(pool, seed.child("linkability"))),
        ("attribute_inference", 0.9, "Attribute inference", lambda: attribute_inference(pool, seed.child("secrets"))),
    ]
    if log_prob is not None:
        own = log_prob
        tried.insert(2, ("membership", 0.6, "Membership inference by the model", lambda: by_loss(pool, own, seed)))
    found, missing = [], {}
    for metric, share, what, attack in tried:
        step(share, what)
        try:
            found.append(attack())
        except NotComputable as reason:
            missing[metric] = str(reason)
    return found, missing


def rows_at_risk(comparison: Comparison, attacks: Sequence[Attack]) -> dict[str, Any] | None:
    """The train rows that an attack found most suspicious, by row number; None where no attack scores rows.

    The numbers are those of the real table's index where that is of whole numbers, else positions in the train table.
    For the table's owner only: a share edition of the report must leave them out.
    """
    scored = [attack for attack in attacks if attack.suspects is not None]
    if not scored:
        return None
    attack = min(scored, key=lambda each: min(test.p_value for test in each.tests))  # the one that sees most
    rows = (attack.suspects if attack.suspects is not None else np.empty(0, int))[:AT_RISK]
    index = comparison.train.frame.index
    numbered = pd.api.types.is_integer_dtype(index.dtype)
    return {
        "attack": attack.name,
        "numbered_by": "index of the real table" if numbered else "position in the train table",
        "rows": [int(index[row]) if numbered else int(row) for row in rows],
    }
