"""What a budget was spent on, as shares and as a drawing."""

from __future__ import annotations

import math

import pytest
from unit.reporting.sample_report import sample_facts

from synthdata.reporting.html import render
from synthdata.reporting.report import Report
from synthdata.reporting.spending import spending

CHARGES = [
    {"stage": "row count", "mechanism": "discrete laplace", "epsilon": 0.1},
    {"stage": "<b>bounds</b>", "mechanism": "exponential", "epsilon": 0.2},
    {"stage": "<b>bounds</b>", "mechanism": "exponential", "epsilon": 0.2},
    {"stage": "training", "mechanism": "gaussian", "sigma": 3.0, "steps": 9},
    {"stage": "marginal", "mechanism": "gaussian", "sigma": 1.0, "part_of": "training"},
]


def test_shares_add_up_and_what_is_paid_from_a_reservation_costs_nothing() -> None:
    found = spending(CHARGES)
    assert [(spent.stage, spent.count) for spent in found] == [("row count", 1), ("<b>bounds</b>", 2), ("training", 1)]
    assert math.fsum(spent.share for spent in found) == pytest.approx(1)
    # Nine steps of σ = 3 have μ = 1, beside which the two others are small.
    assert found[2].share > 0.95


def test_sampling_every_row_is_the_limit_of_sampling() -> None:
    sampled = {"stage": "a", "mechanism": "gaussian", "sigma": 50.0, "steps": 100, "rate": 1 - 1e-9}
    whole = {"stage": "b", "mechanism": "gaussian", "sigma": 50.0, "steps": 100}
    assert spending([sampled, whole])[0].share == pytest.approx(0.5, abs=1e-3)


def test_what_cannot_be_read_is_not_drawn_in_part() -> None:
    assert spending([*CHARGES, {"stage": "later", "mechanism": "unheard of"}]) == []
    assert spending([]) == []


def test_the_report_draws_the_waterfall_and_says_what_is_approximate() -> None:
    facts = sample_facts()
    for steps, said in ((CHARGES, False), ([*CHARGES, {**CHARGES[3], "rate": 0.1}], True)):
        facts["privacy"]["dp"] = {"epsilon": 1.5, "epsilon_spent": 1.25, "delta": 1e-6, "charges": steps}
        page = render(Report(facts))
        assert "all: ε = 1.25" in page
        assert "&lt;b&gt;bounds&lt;/b&gt;" in page
        assert ("the share is approximate" in page) == said
    facts["privacy"]["dp"]["charges"] = []
    assert "What the privacy budget was spent on" not in render(Report(facts))
