"""What single cells look like, and frames brought under a schema cell by cell."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from synthdata.errors import SchemaError
from synthdata.table.conform import conform
from synthdata.table.forms import FORMS, LAYOUTS, form_counts, form_of, is_null_word
from synthdata.table.schema import Column, Schema
from synthdata.table.stored_moments import ISO


@pytest.mark.parametrize(
    ("cell", "form"),
    [
        ("0", "0 or 1"),
        (1.0, "0 or 1"),
        (np.int64(7), "whole number"),
        ("-12", "whole number"),
        ("007", "words"),
        ("1e5", "whole number"),
        ("5.0", "whole number"),
        ("1e-5", "number"),
        ("9223372036854775807", "whole number"),
        ("9223372036854775808", "number"),
        (0.5, "number"),
        ("true", "truth value"),
        (False, "truth value"),
        ("a@example.com", "e-mail"),
        ("12345678-1234-1234-1234-123456789abc", "UUID"),
        ("12:30", "%H:%M"),
        ("12:30:05", "%H:%M:%S"),
        ("3 days, 4:05:06", "duration"),
        ("2024-01-31", "%Y-%m-%d"),
        ("31/01/2024", "%d/%m/%Y"),
        ("01/31/2024", "%m/%d/%Y"),
        ("05/06/2024", "%m/%d/%Y"),
        ("05.06.2024", "%d.%m.%Y"),
        ("2024-01-31T12:30:11Z", "%Y-%m-%dT%H:%M:%SZ"),
        ("Jan 5, 2024", "%b %d, %Y"),
        ("35/01/2024", "words"),
        ("yes", "words"),
        ((1, 2), "words"),
    ],
)
def test_a_cell_has_one_form_whatever_its_column_holds(cell: object, form: str) -> None:
    assert form_of(cell) == form
    counts = form_counts(pd.Series([cell, None], dtype=object))
    assert dict(zip(FORMS, counts, strict=True))[form] == counts.sum() == 1


def test_every_layout_reads_what_python_writes_in_it() -> None:
    moment = dt.datetime(2023, 11, 28, 17, 45, 9, 120_000)
    for layout in LAYOUTS:
        if layout == ISO:
            continue
        found = form_of(moment.strftime(layout))
        written = {moment.strftime(each) for each in (layout, found) if each in LAYOUTS}
        # Digits alone are numbers first; layouts that write the moment alike are one.
        assert len(written) == 1 or moment.strftime(layout).isdigit(), (layout, found)


def test_numbers_count_alike_however_a_file_was_read() -> None:
    text = form_counts(pd.Series(["1", "5", "2.5", "?", None]), null_words=True)
    floats = form_counts(pd.Series([1.0, 5.0, 2.5, None, None]))
    assert text.tolist() == floats.tolist()
    assert is_null_word("N/A")
    assert not is_null_word("no")


def test_moments_count_by_the_coarsest_unit_that_fits_each() -> None:
    counts = form_counts(
        pd.Series(["2024-01-01", "2024-01-01T10:00", "2024-01-01T10:00:01", None]).astype("datetime64[s]")
    )
    found = {form: count for form, count in zip(FORMS, counts, strict=True) if count}
    assert found == {"in whole days": 1, "in whole hours": 1, "in whole seconds": 1}


def test_cells_that_a_kind_cannot_read_become_nulls_without_a_word() -> None:
    frame = pd.DataFrame(
        {
            "age": ["30", "x", "?", "41"],
            "born": ["1990-02-31", "1990-02-28", None, "soon"],
            "sum": [1.5, np.inf, None, 2.0],
            "sick": [True, "false", "maybe", None],
            "code": [5.0, 7.0, None, 7.5],
            "long": ["9007199254740993", "1e3", "7.5", "-"],
        }
    )
    schema = Schema(
        columns=(
            Column(name="age", kind="numerical", dtype="Int64", decimals=0),
            Column(name="born", kind="datetime", format="%Y-%m-%d"),
            Column(name="sum", kind="numerical", dtype="float64"),
            Column(name="sick", kind="boolean", dtype="boolean"),
            Column(name="code", kind="categorical", dtype="object"),
            Column(name="long", kind="numerical", dtype="Int64", decimals=0),
        )
    )
    made, known = conform(frame, schema, typed=False)
    assert made["age"].isna().tolist() == [False, True, True, False]
    assert made["born"].tolist() == [None, "1990-02-28", None, None]
    assert made["sum"].isna().tolist() == [False, True, True, False]
    assert made["sick"].isna().tolist() == [False, False, True, True]
    assert made["code"].tolist() == ["5", "7", None, "7.5"]
    assert made["long"].tolist() == [9007199254740993, 1000, pd.NA, pd.NA]
    assert known == schema


def test_a_date_without_a_format_is_not_guessed_from_the_cells() -> None:
    schema = Schema(columns=(Column(name="born", kind="datetime"),))
    with pytest.raises(SchemaError, match="'born' is declared datetime"):
        conform(pd.DataFrame({"born": ["1990-02-28"]}), schema)
