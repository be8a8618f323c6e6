"""What a budget was spent on, as shares and as a drawing."""

from __future__ import annotations

import math

import pytest

from synthdata.reporting.charts import spending_waterfall
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
    assert spending_waterfall([]) is None


def test_the_waterfall_ends_at_the_whole() -> None:
    drawing = spending_waterfall(CHARGES, 1.25)
    assert drawing is not None
    bars = drawing.data[0]
    assert list(bars.base) == pytest.approx([0, bars.x[0], bars.x[0] + bars.x[1], 0])
    assert bars.x[-1] == pytest.approx(1)
    labels = drawing.layout.yaxis.ticktext
    assert labels[1] == "&lt;b&gt;bounds&lt;/b&gt; (2)"
    assert labels[-1] == "All: ε = 1.25"
