"""Rules: how many synthetic rows break a rule that the schema states."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from synthdata.errors import SchemaError
from synthdata.table.constraints import parse_rules, violations
from synthdata.table.rule_kinds import Rule
from synthdata.table.table import Table
from synthdata.validation.base import Comparison, Figure, NotComputable
from synthdata.validation.statistics import wilson


@dataclass(frozen=True)
class Rules:
    """The figure, and the share of rows that break each rule."""

    figure: Figure
    rules: list[dict[str, Any]] = field(default_factory=list)


def rules(comparison: Comparison) -> Rules:
    """The share of synthetic rows that break a rule of the schema, with the holdout's beside it.

    Raises:
        NotComputable: the schema states no rule, or its columns cannot be compared.
    """
    stated = parse_rules(comparison.schema)
    if not stated:
        raise NotComputable("The schema states no rules.")
    broken = {"synthetic": _broken(comparison.synthetic, "synthetic table", stated, comparison.train)}
    reference = None
    if comparison.holdout is not None and comparison.no_reference is None:
        broken["holdout"] = _broken(comparison.holdout, "holdout", stated, comparison.train)
        reference = float(broken["holdout"].any(axis=0).mean())
    count = int(broken["synthetic"].any(axis=0).sum())
    n = comparison.rows("synthetic")
    entries = [
        {
            "rule": str(rule),
            "value": float(broken["synthetic"][i].mean()),
            "reference": float(broken["holdout"][i].mean()) if "holdout" in broken else None,
        }
        for i, rule in enumerate(stated)
    ]
    return Rules(Figure(count / n, wilson(count, n), reference, n=n, text=comparison.no_reference), entries)


def _broken(table: Table, where: str, stated: tuple[Rule, ...], train: Table) -> np.ndarray:
    """Which rows of a table break each rule (rules, n)."""
    found = []
    for rule in stated:
        if missing := [column.name for column in rule.columns if column.name not in table.frame.columns]:
            raise NotComputable(f"The rule {rule} needs column {missing[0]!r}, which the {where} lacks.")
        try:
            found.append(violations(table.frame, rule, train.frame))
        except SchemaError as error:
            raise NotComputable(f"The rule {rule} cannot be held against the {where}: {error}") from None
    return np.array(found)
