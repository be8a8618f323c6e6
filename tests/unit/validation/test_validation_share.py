"""The share edition: a function of the synthetic table and of which rules are met, and of nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from synthdata.random import SeedTree
from synthdata.reporting.html import render
from synthdata.reporting.report import Report
from synthdata.table.table import Table
from synthdata.validation.policy import Policy
from synthdata.validation.share import shareable
from synthdata.validation.suite import validate

#: rules that any two tables here agree on, so that their outcomes do not tell the real tables apart
RULES = Policy.parse("version: 1\nname: own\nrules: [{metric: fidelity.shape, max: 1.0}]\n", "own")


def internal(train: Table, holdout: Table, synthetic: Table) -> dict[str, Any]:
    facts = validate(train, holdout, synthetic, seed=SeedTree(0), policy=RULES)
    rows = {
        "source": len(train) + len(holdout),
        "train": len(train),
        "holdout": len(holdout),
        "synthetic": len(synthetic),
    }
    about = {"name": "x", "source": "secret.csv", "rows": rows, "seed": 0, "durations": {"fit": 1.0}}
    return {"version": 1, "edition": "internal", "run": about, "notes": ["3 rare categories were left out"], **facts}


def test_two_real_tables_with_the_same_synthetic_one_cannot_be_told_apart(mixed: Callable[[int, int], Table]) -> None:
    synthetic = mixed(150, 3)
    first = internal(mixed(120, 1), mixed(60, 2), synthetic)
    second = internal(mixed(230, 11), mixed(90, 12), synthetic)
    assert first["fidelity"] != second["fidelity"]
    shared = [shareable(facts, synthetic, SeedTree(5)) for facts in (first, second)]
    states = [part["privacy"].pop("verdict")["state"] for part in shared]
    assert set(states) <= {"leak found", "no leak found", "cannot tell"}
    assert json.dumps(shared[0]) == json.dumps(shared[1])


def test_the_share_edition_is_a_report_without_real_figures(mixed: Callable[[int, int], Table]) -> None:
    synthetic = mixed(150, 3)
    facts = internal(mixed(120, 1), mixed(60, 2), synthetic)
    shared = shareable(facts, synthetic, SeedTree(5))
    report = Report(shared)
    assert report.edition == "share"
    assert not any(figure.known for score in report.scores() for figure in score.figures)
    text = json.dumps(shared)
    for secret in (
        "secret.csv",
        "rare categories were left out",
        '"train"',
        '"holdout"',
        "rows_at_risk",
        '"real": [',
        "noised",
    ):
        assert secret not in text, secret
    assert any(entry["chart"] for entry in shared["columns"])
    page = render(report)
    assert "Share edition" in page
    assert "secret.csv" not in page
