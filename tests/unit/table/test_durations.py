"""Durations in words and on clocks that go on counting: found, read and written as they were."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synthdata
from synthdata.errors import SchemaError
from synthdata.table.declared import plain_bound
from synthdata.table.durations import duration_layout, finest, read_duration, write_duration
from synthdata.table.infer import infer
from synthdata.table.storage import from_cells, to_cells

HOUR = 3_600 * 10**6


@pytest.mark.parametrize(
    ("cells", "layout", "first"),
    [
        (["3d 5h", "12d 23h"], "[%-d]d %-Hh", 77),
        (["1 day", "20 days"], "[%-d] day(s)", 24),
        (["1 day 2 hours", "1 hour", "3 days"], "[%-d] day(s) %-H hour(s)?", 26),
        (["36:15:00", "7:00:00"], "[%-H]:%M:%S", 36.25),
        (["36:30", "40:00"], "[%M]:%S", 36.5 / 60),
        (["120m 05s", "3m 30s"], "[%-M]m %Ss", 2 + 5 / 3_600),
        (["2h30m", "1h5m"], "[%-H]h%-Mm", 2.5),
        (["1 hr, 5 min", "2 hrs, 1 min"], "[%-H] hr(s), %-M min", 1 + 1 / 12),
        (["2 hours and 30 minutes", "3 hours and 45 minutes"], "[%-H] hours and %-M minutes", 2.5),
        (["90 min", "5 min"], "[%-M] min", 1.5),
    ],
)
def test_layouts_are_found_and_cells_come_back_as_they_were(cells: list[str], layout: str, first: float) -> None:
    assert duration_layout(cells) == layout
    ticks = [read_duration(cell, layout) for cell in cells]
    assert ticks[0] == round(first * HOUR)
    assert [write_duration(tick or 0, layout) for tick in ticks] == cells


@pytest.mark.parametrize(
    "cells",
    [
        ["5m", "12m"],
        ["3d", "4d"],
        ["5 kg"],
        ["5h 3d"],
        ["1h 2h"],
        ["3d 5h", "soon"],
        ["1h, 5m", "1h 5m"],
        ["1 hour", "2 hrs"],
        ["1h "],
        ["-3d 5h"],
        ["12:75:00"],
        ["123456789d 5h", "1d 2h"],  # beyond what 64 bits count in microseconds
        ["1:30", "1:30:00"],
        [""],
        [],
    ],
)
def test_what_may_be_something_else_is_left_alone(cells: list[str]) -> None:
    assert duration_layout(cells) is None


@settings(max_examples=200)
@given(
    st.sampled_from(["[%-d]d %-Hh?", "[%d] days %H:%M", "[%-H]h%Mm%Ss", "[%-M] min(s) and %-S sec(s)?", "[%S]s"]),
    st.one_of(st.integers(0, 10**9), st.integers(0, (2**63 - 1) // 10**6)),
)
def test_what_is_written_is_read_as_the_same(layout: str, seconds: int) -> None:
    step = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}[finest(layout)]
    whole = seconds // step * step * 10**6
    assert read_duration(write_duration(whole, layout), layout) == whole
    assert write_duration(-1, layout) == write_duration(0, layout)
    assert read_duration("9" * 30, layout) is None


def stays(n: int = 400) -> pd.DataFrame:
    hours = np.random.default_rng(0).gamma(2, 40, n).astype(int)
    return pd.DataFrame({"stay": [f"{h // 24}d {h % 24}h" for h in hours], "long": (hours > 80).astype(str)})


def test_a_column_of_durations_is_learnt_as_numbers_and_comes_back_as_text() -> None:
    table = stays()
    column = infer(table).schema["stay"]
    assert (column.kind, column.format, column.unit) == ("timedelta", "[%-d]d %-Hh", "hour")
    cells = to_cells(table["stay"], column)
    pd.testing.assert_series_equal(from_cells(cells, column), table["stay"])
    drawn = synthdata.make_model("bayesnet").fit(table, seed=0).sample(500, seed=1)
    ticks = np.array([read_duration(cell, "[%-d]d %-Hh") for cell in drawn["stay"]], dtype=float)
    assert (ticks % HOUR == 0).all()
    assert len(set(ticks)) > 50
    # What the other column says of it is kept.
    assert np.mean((ticks > 80 * HOUR) == (drawn["long"] == "True")) > 0.9


def test_bounds_are_written_as_the_column_is() -> None:
    column = infer(stays()).schema["stay"]
    assert plain_bound(column, "1d 2h") == plain_bound(column, "26 hours") == 26 * HOUR
    with pytest.raises(SchemaError, match=r"\[%-d\]d %-Hh"):
        plain_bound(column, "soon")


def test_a_ratio_is_no_duration_and_few_terms_are_categories() -> None:
    ratios = pd.Series([f"{a}:{b:02d}" for a in range(25, 40) for b in range(20)])
    kinds = {name: infer(pd.DataFrame({name: ratios})).schema[name].kind for name in ("mix", "call_duration")}
    assert kinds["call_duration"] == "timedelta"
    assert kinds["mix"] != "timedelta"
    terms = pd.DataFrame({"term": ["7 days", "14 days", "30 days"] * 50})
    assert infer(terms).schema["term"].kind == "categorical"
