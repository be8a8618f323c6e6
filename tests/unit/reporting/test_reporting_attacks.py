"""The attacks in a report: successes beside strangers', leaks first, row numbers in the internal edition only."""

from __future__ import annotations

from typing import Any

from unit.reporting.sample_report import sample_facts

from synthdata.reporting.attacks import attack_rows
from synthdata.reporting.html import render
from synthdata.reporting.report import Report


def facts() -> dict[str, Any]:
    made = sample_facts()
    made["privacy"]["attacks"] = [
        {
            "metric": "membership",
            "name": "membership by density",
            "how": "Is it dense there?",
            "value": 0.512,
            "interval": [0.5, 0.524],
            "reference": 0.5,
            "tests": ["membership by density: members rank higher"],
            "true_positive_rates": [{"false_positive_rate": 0.01, "value": 0.02}],
        },
        {
            "metric": "linkability",
            "name": "linkability",
            "how": "Do halves meet?",
            "value": 0.31,
            "reference": 0.02,
            "baseline": 0.001,
            "surplus_interval": [0.27, 0.31],
            "tests": ["linkability: more on members"],
        },
    ]
    made["privacy"]["details"] = {
        "tests": [
            {
                "test": "membership by density: members rank higher",
                "p_value": 0.3,
                "found": 0.51,
                "expected": 0.5,
                "rows": 9,
            },
            {
                "test": "linkability: more on members",
                "p_value": 0.0,
                "leak": True,
                "found": 0.3,
                "expected": 0.0,
                "rows": 9,
            },
        ],
        "rows_at_risk": {"attack": "linkability", "numbered_by": "index of the real table", "rows": [4711]},
        "not_attacked": {"singling_out": "No description fits."},
    }
    return made


def test_leaks_come_first_beside_what_strangers_and_guessing_give() -> None:
    first, second = attack_rows(Report(facts()))
    assert (first.name, first.leak, second.leak) == ("Linkability", True, False)
    assert (first.members, first.others, first.guessing) == ("31.0%", "2.0%", "0.10%")
    assert "+27.0% to +31.0%" in first.fine
    assert (second.members, second.guessing) == ("0.51", "0.50")
    assert "2.0% of the training rows at 1.0% false alarms" in second.fine


def test_the_page_shows_them() -> None:
    page = render(Report(facts()))
    assert "✕ succeeds" in page
    assert "No description fits." in page
    assert "4711" in page


def test_a_share_edition_names_no_row() -> None:
    assert "4711" not in render(Report({**facts(), "edition": "share"}))
