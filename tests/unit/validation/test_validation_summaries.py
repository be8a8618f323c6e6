"""Charts and summaries: shares that add up, plain edges, and no single real row's value."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthdata.random import SeedTree
from synthdata.table.schema import Column, Schema
from synthdata.table.table import Table
from synthdata.validation.associations import associations, correlation_ratio, cramers_v, pair_details
from synthdata.validation.base import Comparison
from synthdata.validation.fidelity.trend import trend
from synthdata.validation.summaries import FEW, chart, column_details, date_edges, plain_edges


def one_column(values: object, kind: str = "numerical", dtype: str = "float64") -> Comparison:
    schema = Schema(columns=(Column(name="x", kind=kind, dtype=dtype, nullable=True),))  # type: ignore[arg-type]
    table = Table(pd.DataFrame({"x": values}), schema)
    return Comparison.of(table, table, table)


def test_every_column_has_an_entry_in_order(mixed: Callable[[int, int], Table]) -> None:
    compared = Comparison.of(mixed(300, 1), mixed(100, 2), mixed(300, 3))
    entries = column_details(compared, {})
    assert [entry["name"] for entry in entries] == list(compared.schema.names)
    key = entries[0]
    assert key["generated"]
    assert key["reason"]
    assert key["chart"] is None
    json.dumps(entries, allow_nan=False)


def test_shares_add_up_to_the_present_rows(mixed: Callable[[int, int], Table]) -> None:
    compared = Comparison.of(mixed(300, 1), mixed(100, 2), mixed(200, 3))
    for entry in column_details(compared, {}):
        drawn = entry["chart"]
        if drawn is None:
            continue
        for side in ("real", "synthetic", "holdout"):
            spikes = sum(spike[side] for spike in drawn.get("spikes", []))
            assert sum(drawn[side]) + spikes + entry["missing"][side] == pytest.approx(1, abs=1e-4)


def test_a_frequent_value_is_a_spike_and_not_in_the_bins() -> None:
    generator = np.random.default_rng(0)
    values = np.where(generator.random(1000) < 0.6, 0.0, generator.lognormal(5, 1, 1000))
    drawn = chart(one_column(values).views[0])
    (spike,) = drawn["spikes"]
    assert spike["at"] == 0
    assert spike["real"] == pytest.approx((values == 0).mean())
    assert sum(drawn["real"]) == pytest.approx((values != 0).mean(), abs=1e-4)


@pytest.mark.parametrize("rows", [12, 40, 300, 5000])
def test_no_extreme_is_shown(rows: int) -> None:
    generator = np.random.default_rng(rows)
    values = generator.lognormal(3, 1, rows)
    values[0], values[1] = 123456.789, -98765.4321
    entry = column_details(one_column(values), {})[0]
    shown = json.dumps(entry)
    for hidden in ("123456", "98765"):
        assert hidden not in shown
    edges = entry["chart"]["edges"]
    assert max(edges) < 100_000
    assert min(edges) > -90_000
    exact = {f"{value:.6f}" for value in values}
    assert not exact & {f"{value:.6f}" for value in [*edges, *entry["summary"]["real"]["quantiles"].values()]}


def test_a_rare_real_category_is_never_named() -> None:
    values = ["common"] * 500 + ["usual"] * 300 + [f"rare {i // (FEW - 1)}" for i in range(40)]
    entry = column_details(one_column(np.array(values, object), "categorical", "object"), {})[0]
    assert "rare" not in json.dumps(entry)
    assert entry["chart"]["categories"] == ["common", "usual", "10 others"]
    assert entry["chart"]["real"][-1] == pytest.approx(40 / 840, abs=1e-5)


def test_invented_categories_are_shown() -> None:
    schema = Schema(columns=(Column(name="c", kind="categorical"),))
    real, made = (Table(pd.DataFrame({"c": [name] * 50}), schema) for name in ("real", "made up"))
    drawn = chart(Comparison.of(real, None, made).views[0])
    assert drawn["categories"] == ["real", "made up"]
    assert drawn["synthetic"] == [0, 1]
    assert drawn["holdout"] is None


def test_dates_have_labels() -> None:
    days = pd.Timestamp("2019-03-05") + pd.to_timedelta(np.random.default_rng(0).integers(0, 700, 500), unit="D")
    entry = column_details(one_column(days.astype("datetime64[ns]"), "datetime", "datetime64[ns]"), {})[0]
    labels = entry["chart"]["labels"]
    assert len(labels) == len(entry["chart"]["edges"])
    assert all(label.endswith("-01T00:00:00") for label in labels)
    assert entry["summary"]["real"]["quantiles"]["50"].startswith("20")
    json.dumps(entry)


@given(st.floats(0, 1e9), st.floats(1, 1e12))
def test_date_edges_cover_the_span(start: float, span: float) -> None:
    span = min(span, 6e9)
    edges, labels = date_edges(start, start + span)
    assert edges[0] <= start
    assert edges[-1] >= start + span
    assert len(edges) == len(labels) <= 201
    assert (np.diff(edges) > 0).all()


@given(st.floats(-1e12, 1e12), st.floats(0, 1e12), st.booleans())
def test_plain_edges_cover_the_span(low: float, span: float, whole: bool) -> None:
    if whole:
        low, span = float(round(low)), float(round(span))
    edges = plain_edges(low, low + span, whole=whole)
    assert edges[0] <= low + 1e-6 * abs(low)
    assert edges[-1] >= low + span - 1e-6 * abs(low + span)
    assert 2 <= len(edges) <= 34
    assert (np.diff(edges) > 0).all()


def test_whole_numbers_have_bins_of_their_own() -> None:
    assert plain_edges(1, 4, whole=True).tolist() == [0.5, 1.5, 2.5, 3.5, 4.5]


def test_associations_know_their_kinds() -> None:
    generator = np.random.default_rng(0)
    code = generator.integers(0, 3, 3000)
    number = code * 1.0
    assert correlation_ratio(code, number) == pytest.approx(1)
    assert correlation_ratio(generator.integers(0, 3, 3000), number) < 0.05
    assert np.isnan(correlation_ratio(code, np.ones(3000)))
    assert cramers_v(code, code) == pytest.approx(1)
    assert cramers_v(code, generator.integers(0, 4, 3000)) < 0.05
    assert np.isnan(cramers_v(code, np.zeros(3000, int)))


def test_pairs_are_symmetric_and_the_worst_is_named(mixed: Callable[[int, int], Table]) -> None:
    real = mixed(1000, 1)
    generator = np.random.default_rng(0)
    made = real.frame.assign(grade=real.frame["grade"].to_numpy()[generator.permutation(1000)])
    compared = Comparison.of(real, mixed(500, 2), Table(made, real.schema))
    found = pair_details(compared, trend(compared, SeedTree(0)), SeedTree(0))
    assert found["columns"] == list(compared.names)
    for name in ("real", "synthetic", "difference", "error"):
        matrix = np.array(found[name], float)
        assert matrix.shape == (6, 6)
        assert np.allclose(matrix, matrix.T)
    assert set(found["worst"][0]["columns"]) == {"income", "grade"}
    assert found["worst"][0]["measure"] == "contingency"
    assert [pair["value"] for pair in found["worst"]] == sorted((p["value"] for p in found["worst"]), reverse=True)


def test_associations_are_within_their_range(mixed: Callable[[int, int], Table]) -> None:
    matrix = associations(Comparison.of(mixed(300, 1), None, mixed(300, 2)), "train", SeedTree(0))
    assert np.nanmin(matrix) >= -1
    assert np.nanmax(matrix) <= 1
    assert (np.diag(matrix) == 1).all()
