"""Checks that passed, told shortly: what was checked, and the columns that it holds for, instead of a line for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synthdata.reporting import numbers


def passed(checks: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """What passed, and the columns that it passed for; nothing is said of them where the whole table is checked.

    >>> checks = [{"column": name, "check": "varies", "passed": True} for name in ("age", "sex")]
    >>> passed([*checks, {"column": "age", "check": "is whole", "passed": True}, {"check": "has rows", "passed": True}])
    [('varies', 'both columns'), ('is whole', 'age'), ('has rows', '')]
    """
    every = {check["column"] for check in checks if check.get("column")}
    found: dict[str, list[str]] = {}
    for check in checks:
        if check.get("passed"):
            names = found.setdefault(str(check.get("check")), [])
            names += [check["column"]] if check.get("column") else []
    return [(what, _listed(names, len(every))) for what, names in found.items()]


def _listed(names: Sequence[str], every: int) -> str:
    if 1 < len(names) == every:
        return "both columns" if every == 2 else f"all {numbers.count(every)} columns"
    return ", ".join(names)
