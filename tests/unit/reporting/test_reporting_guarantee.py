"""The guarantee in words: from the ledger's own numbers, and loud where it does not hold."""

from __future__ import annotations

import math
from typing import Any

from unit.reporting.sample_report import sample_facts

from synthdata.reporting.guarantee import guarantee, promise
from synthdata.reporting.html import render
from synthdata.reporting.report import Report

LEDGER: dict[str, Any] = {
    "epsilon": 1.5,
    "delta": 1e-6,
    "epsilon_spent": 1.49,
    "private": True,
    "adjacency": "add or remove one",
    "unit": "row",
    "random_source": "operating system (os.urandom)",
    "accountant": "privacy loss distributions",
    "public": {
        "age": {"kind": "numerical", "dtype": "int64", "declared": {"bounds": [0, 120]}},
        "city": {"kind": "categorical", "dtype": "object"},
    },
    "structure": "Kinds count as public.",
    "charges": [
        {"stage": "row count", "mechanism": "discrete gaussian"},
        *[{"stage": "marginal", "mechanism": "discrete gaussian", "part_of": "training"}] * 3,
    ],
}


def report(**changes: Any) -> Report:
    facts = sample_facts()
    facts["privacy"]["dp"] = LEDGER | changes
    return Report(facts)


def test_charges_are_told_by_kind() -> None:
    found = guarantee(report())
    assert found is not None
    assert found.factor == f"{math.exp(1.5):.3g}"
    assert [(look.stage, look.count, look.paid_from) for look in found.looks] == [
        ("row count", 1, "the budget"),
        ("marginal", 3, "part of “training”"),
    ]
    assert found.public == (
        ("age", "numerical, stored as int64; declared by the owner: bounds 0, 120"),
        ("city", "categorical, stored as object; nothing declared"),
    )
    assert guarantee(Report(sample_facts())) is None


def test_the_page_says_it_and_says_where_it_does_not_hold() -> None:
    page = render(report())
    assert "The guarantee: differential privacy" in page
    assert "4 charges" in page
    assert "Not private." not in page
    assert "Not private." in render(report(private=False))


def test_where_nothing_was_declared_public_the_page_says_so() -> None:
    found = guarantee(report(public={"city": {"kind": "categorical", "dtype": "object"}}))
    assert found is not None
    answer = dict(found.questions)["What was not looked at, since it was known?"]
    assert answer == "The owner declared nothing public of any column's values. Kinds count as public."


def test_the_terminal_says_what_is_promised_and_that_its_own_figures_are_not_covered() -> None:
    said = promise(report(covers="the synthetic table"))
    assert "ε = 1.5 (1.49 spent)" in said
    assert "holds for the synthetic table; what stands here looks at real rows (internal: not covered by ε)" in said
    assert "Do not release" in promise(report(private=False))
    assert promise(Report(sample_facts())) == ""


def test_every_question_of_the_guidelines_has_an_answer() -> None:
    found = guarantee(report(account={"epsilon": 2.5, "delta": 2e-6, "runs": 2, "cap": 4.0}, unknown=["city"]))
    assert found is not None
    answers = dict(found.questions)
    assert len(answers) == 12
    assert all(answer.endswith(".") and "None" not in answer for answer in answers.values()), answers
    assert "ε = 2.5" in answers["What else was released from this source?"]
    assert "2 runs" in answers["What else was released from this source?"]
    assert "the cap is 4" in answers["What else was released from this source?"]
    assert "twice the ε" in answers["Which tables count as neighbours?"]
    assert "city" in answers["What does it cost in accuracy?"]
    assert "declared public of age; it is listed below" in answers["What was not looked at, since it was known?"]
    assert "one in 1,000,000 for the whole fit" in answers["How strong is the promise?"]
    page = render(report(method="Counts were measured."))
    assert "What NIST SP 800-226 tells you to ask" in page
    assert "How it is kept." in page
    assert "synthdata budget SOURCE" in page
    assert "the checks of the source look at real rows, and ε does not cover them" in page
    assert "ε does not cover them" not in render(Report(sample_facts()))
