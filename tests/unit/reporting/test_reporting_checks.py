"""What passed is a line a check, not a line a column; what failed stands whole."""

from __future__ import annotations

from unit.reporting.sample_report import sample_facts

from synthdata.reporting.html import render
from synthdata.reporting.report import Report


def test_what_passed_on_many_columns_is_a_line_a_check() -> None:
    facts = sample_facts()
    names = [f"<b>{number}</b>" for number in range(50)]
    passed = [{"column": name, "check": what, "passed": True} for what in ("varies", "is filled") for name in names]
    failed = {
        "column": names[0],
        "check": "has no tiny groups",
        "passed": False,
        "detail": "1 of 8",
        "advice": "Merge.",
    }
    some = {"column": names[1], "check": "has no tiny groups", "passed": True}
    facts["checks"] = {"source": [*passed, failed, some], "synthetic": []}
    page = render(Report(facts))
    assert page.count("all 50 columns") == 2
    assert page.count("<li>varies") == page.count("<li>is filled") == 1
    assert '<li>has no tiny groups: <span class="held">&lt;b&gt;1&lt;/b&gt;</span></li>' in page
    assert "1 of 8" in page
    assert "Merge." in page
    assert "What passed in the synthetic table" not in page
