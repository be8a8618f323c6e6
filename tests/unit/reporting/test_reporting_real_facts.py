"""The seam to the validation: what it measures is a report, and every view shows it."""

from __future__ import annotations

import html
import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from synthdata.random import SeedTree
from synthdata.reporting import charts, words
from synthdata.reporting.html import render
from synthdata.reporting.report import Report, terminal_summary
from synthdata.table.infer import infer
from synthdata.table.table import Table
from synthdata.validation.suite import validate


def draw(rows: int, seed: int) -> pd.DataFrame:
    """A small table with every kind of column, nulls and a spike."""
    generator = np.random.default_rng(seed)
    stay = generator.gamma(2, 3, rows)
    admitted = pd.Timestamp("2021-01-01") + pd.to_timedelta(generator.integers(0, 700, rows), unit="D")
    return pd.DataFrame(
        {
            "age": generator.integers(18, 90, rows),
            "stay": np.where(generator.random(rows) < 0.3, 0.0, stay.round(2)),
            "ward": pd.Series(generator.choice(["north", "south", "<i>west</i>"], rows)).mask(
                generator.random(rows) < 0.1
            ),
            "admitted": admitted,
            "died": generator.random(rows) < 0.2,
        }
    )


@pytest.fixture(scope="module", params=["with a holdout", "without one"])
def facts(request: pytest.FixtureRequest) -> dict[str, Any]:
    real, held, made = draw(400, 1), draw(100, 2), draw(400, 3)
    schema = infer(real).schema
    train, synthetic = Table.of(real, schema), Table.of(made, schema)
    holdout = Table.of(held, schema) if request.param == "with a holdout" else None
    measured = validate(train, holdout, synthetic, seed=SeedTree(5), target="died")
    rows = {"source": 500, "train": 400, "holdout": 100 if holdout else 0, "synthetic": 400}
    return {
        "version": 1,
        "edition": "internal",
        **measured,
        "run": {"name": "seam", "source": "wards", "model": None, "rows": rows},
    }


def test_every_view_shows_what_was_measured(facts: dict[str, Any]) -> None:
    report = Report(facts)
    page = render(report)
    assert words.opening(report).answer in page
    for column in report.worst_columns():
        assert f'id="column-{column.position}"' in page
        assert charts.column_overlay(column) is not None or charts.column_bars(column) is not None
    for score in report.scores():
        for figure in score.figures:
            assert figure.shown.replace("<", "&lt;").replace(">", "&gt;") in page
            assert figure.reading() in html.unescape(page)
    assert "&lt;i&gt;west&lt;/i&gt;" in page
    assert "<i>west" not in page
    printed = io.StringIO()
    Console(width=200, file=printed).print(terminal_summary(report))
    assert words.opening(report).answer in printed.getvalue()
    assert report.worst_columns()[0].name in printed.getvalue()


def test_privacy_details_are_drawn_where_there_is_a_holdout(facts: dict[str, Any]) -> None:
    report = Report(facts)
    distances = (report.facts["privacy"].get("details") or {}).get("distances") or {}
    assert (charts.distance_overlay(distances) is not None) == report.has_holdout
    assert ("How far is the closest real row?" in render(report)) == report.has_holdout
    assert ("<td>Outliers</td>" in render(report)) == report.has_holdout
    for which in ("real", "synthetic", "difference"):
        assert charts.pair_heatmap(report.pairs, which) is not None
