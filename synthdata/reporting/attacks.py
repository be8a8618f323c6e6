"""The attacks of a report as rows of a table: what was tried, on whom it succeeded, and whether that is a leak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from synthdata.reporting import numbers
from synthdata.reporting.report import Report


@dataclass(frozen=True)
class AttackRow:
    """One attack in words: its success on training rows, on rows never seen, and by guessing."""

    name: str
    question: str
    members: str
    others: str
    guessing: str
    fine: str
    leak: bool


def attack_rows(report: Report) -> list[AttackRow]:
    """The attacks of a report, in its order; those that leak first.

    >>> from synthdata.reporting.report import Report
    >>> facts = {"version": 1, "verdict": "pass", "run": {"rows": {}}, "fidelity": {}, "utility": {}, "columns": [],
    ...          "privacy": {"attacks": [{"name": "linkability", "value": 0.02, "reference": 0.01, "tests": []}]}}
    >>> attack_rows(Report(facts))[0].members
    '2.0%'
    """
    privacy = report.facts["privacy"]
    found = {test.get("test"): test for test in (privacy.get("details") or {}).get("tests") or []}
    rows = [_row(attack, found) for attack in privacy.get("attacks") or []]
    return sorted(rows, key=lambda row: not row.leak)


def _row(attack: dict[str, Any], found: dict[Any, dict[str, Any]]) -> AttackRow:
    leak = any((found.get(name) or {}).get("leak") for name in attack.get("tests") or [])
    ranked = attack.get("true_positive_rates")
    show = numbers.score if ranked else numbers.percent
    value, interval = attack.get("value"), attack.get("interval")
    fine = ""
    if ranked:
        interval = interval or [None, None]
        found_at = ", ".join(
            f"{numbers.percent(rate.get('value'))} of the training rows "
            f"at {numbers.percent(rate.get('false_positive_rate'))}"
            for rate in ranked
        )
        fine = f"AUC, 95% interval {show(interval[0])} to {show(interval[1])}; recognises {found_at} false alarms."
    elif attack.get("surplus_interval"):
        low, high = attack["surplus_interval"]
        fine = f"Surplus {numbers.percent(low, signed=True)} to {numbers.percent(high, signed=True)}."
    elif attack.get("descriptions"):
        fine = f"{numbers.count(attack['descriptions'])} descriptions tried."
    name = str(attack.get("name") or "")
    return AttackRow(
        name[:1].upper() + name[1:],
        str(attack.get("how") or ""),
        show(value),
        show(attack.get("reference")),
        "0.50" if ranked else numbers.percent(attack.get("baseline")),
        fine,
        leak,
    )
