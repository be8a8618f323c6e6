"""Differential privacy in plain words: what the ledger of a run promises, to whom, and what it does not.

The questions are those that NIST SP 800-226 (guidelines for evaluating differential privacy) asks of a claim.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from synthdata.reporting import numbers
from synthdata.reporting.report import Report


@dataclass(frozen=True)
class Looks:
    """All looks of one kind at the rows: how many, by which mechanism, what for, and what they were paid from."""

    stage: str
    count: int
    mechanism: str
    strength: str
    purpose: str
    paid_from: str


@dataclass(frozen=True)
class Guarantee:
    """What a reader is told of the ledger."""

    epsilon: str
    delta: str
    spent: str
    factor: str
    private: bool
    unit: str
    bound: str
    adjacency: str
    public: tuple[tuple[str, str], ...]
    looks: tuple[Looks, ...]
    facts: dict[str, Any]


#: what a look at the rows is for
PURPOSES = {
    "row count": "how many rows there are, up to noise",
    "domain": "set aside for finding out what values the columns have",
    "training": "set aside for learning how the columns hang together",
    "bounds": "between which values a column of numbers lies",
    "bins": "how a column's values are spread",
    "categories": "which categories a column has; rare ones stay unknown",
    "decimals": "how many decimals a column has",
    "nulls": "how many cells of a column are empty",
    "marginal": "how often values of columns occur together",
    "choice of a marginal": "which columns to look at next",
}


def guarantee(report: Report) -> Guarantee | None:
    """The promise behind a report's table, or None where there is none."""
    facts = report.facts["privacy"].get("dp")
    if not facts:
        return None
    epsilon = float(facts.get("epsilon") or 0.0)
    public = [
        (name, numbers.listing([f"{key} {numbers.plain(value)}" for key, value in declared.items()], 6))
        for name, declared in (facts.get("public") or {}).items()
        if isinstance(declared, dict)
    ]
    return Guarantee(
        numbers.plain(facts.get("epsilon")),
        f"{facts.get('delta'):g}" if facts.get("delta") is not None else numbers.UNKNOWN,
        numbers.plain(facts.get("epsilon_spent")),
        f"{math.exp(epsilon):.3g}" if epsilon < 50 else "more than a sextillion",
        bool(facts.get("private", True)),
        str(facts.get("unit") or "row"),
        str(facts.get("unit_bound") or ""),
        str(facts.get("adjacency") or ""),
        tuple(public),
        _looks(facts.get("charges") or []),
        facts,
    )


def _looks(charges: list[dict[str, Any]]) -> tuple[Looks, ...]:
    """The charges by kind, in the order in which each kind was first made."""
    kinds: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for charge in charges:
        kind = (str(charge.get("stage")), str(charge.get("mechanism")), str(charge.get("part_of") or ""))
        kinds.setdefault(kind, []).append(charge)
    return tuple(
        Looks(
            stage,
            len(alike),
            mechanism,
            _strength(alike),
            PURPOSES.get(stage, ""),
            f"part of “{part}”" if part else "the budget",
        )
        for (stage, mechanism, part), alike in kinds.items()
    )


def _strength(charges: list[dict[str, Any]]) -> str:
    """How much noise looks of one kind had: σ or ε, by what a row changes, and how rows were sampled into steps."""
    said = []
    for key, sign in (("sigma", "σ"), ("epsilon", "ε"), ("sensitivity", "sensitivity"), ("rate", "sampling rate")):
        values = sorted({float(charge[key]) for charge in charges if isinstance(charge.get(key), int | float)})
        if not values or (key == "rate" and values == [1.0]):
            continue
        ends = [f"{value:.3g}" for value in dict.fromkeys((values[0], values[-1]))]
        said.append(f"{sign} {' to '.join(dict.fromkeys(ends))}")
    steps = sum(int(charge.get("steps") or 1) for charge in charges)
    return ", ".join([*said, f"{steps:,} steps"] if steps > len(charges) else said)
