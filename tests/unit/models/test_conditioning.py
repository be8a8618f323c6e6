"""Conditions as people write them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthdata.errors import SchemaError
from synthdata.models.conditioning import parse_conditions
from synthdata.table.schema import Column, Schema

SCHEMA = Schema(
    columns=(
        Column(name="age", kind="numerical", dtype="int64", decimals=0),
        Column(name="pay", kind="numerical", dtype="float64"),
        Column(name="sex", kind="categorical"),
        Column(name="code", kind="categorical", dtype="int64"),
        Column(name="on", kind="boolean", dtype="bool"),
        Column(name="born", kind="datetime", dtype="datetime64[s]", unit="day"),
        Column(name="seen", kind="datetime", dtype="datetime64[us, Europe/Paris]", timezone="Europe/Paris"),
        Column(name="wait", kind="timedelta", dtype="timedelta64[ns]"),
        Column(name="id", kind="id"),
    )
)
FRAME = pd.DataFrame(
    {
        "age": [29, 30, 31, 40],
        "pay": [1.0, 2.5, np.nan, 3.0],
        "sex": ["f", "m", None, "f"],
        "code": [1, 2, 1, 3],
        "on": [True, False, True, True],
        "born": pd.to_datetime(["1990-01-01", "1991-01-01", None, "1992-06-01"]).astype("datetime64[s]"),
        "seen": pd.to_datetime(["2020-06-30 22:00", "2020-07-01 00:00", "2020-07-02 00:00", None], utc=True).astype(
            "datetime64[us, Europe/Paris]"
        ),
        "wait": pd.to_timedelta(["1h", "2h", "3h", None]),
        "id": ["a", "b", "c", "d"],
    }
)


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        ("age>=30", [1, 2, 3]),
        ("age > 30", [2, 3]),
        ("age<30", [0]),
        ("age=30", [1]),
        ("age==30", [1]),
        ("age in {29, 40}", [0, 3]),
        ("age in 29,40", [0, 3]),
        ("pay>2", [1, 3]),
        ("pay>2.5", [3]),
        ("pay<3", [0, 1]),
        ("pay<=3", [0, 1, 3]),
        ("pay is null", [2]),
        ("sex=f", [0, 3]),
        ("sex = f; age>=30", [3]),
        ("sex=null", [2]),
        ("code=1", [0, 2]),
        ("on=true", [0, 2, 3]),
        ("on=FALSE", [1]),
        ("born>1990-01-01", [1, 3]),
        ("born=1991-01-01", [1]),
        ("seen>=2020-07-01", [0, 1, 2]),
        ("wait<=2 hours", [0, 1]),
        ({"age": 30}, [1]),
        ({"age": (30, 39)}, [1, 2]),
        ({"age": (None, 30)}, [0, 1]),
        ({"age": {29, 40}, "sex": "f"}, [0, 3]),
        ({"sex": ["f", "m"]}, [0, 1, 3]),
        ({"sex": None}, [2]),
        ({"on": np.True_}, [0, 2, 3]),
        ({"code": np.int64(3)}, [3]),
        ({"pay": 2.5}, [1]),
        ({"born": (pd.Timestamp("1991-01-01"), None)}, [1, 3]),
        ({"wait": pd.Timedelta("3h")}, [2]),
        ("", [0, 1, 2, 3]),
        (None, [0, 1, 2, 3]),
    ],
)
def test_which_rows_match(given: object, rows: list[int]) -> None:
    found = parse_conditions(given, SCHEMA).matches(FRAME)  # type: ignore[arg-type]
    assert np.flatnonzero(found).tolist() == rows


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("agee=3", "Did you mean 'age'"),
        ("age", "cannot be read"),
        ("age is 3", "only 'null'"),
        ("age!=3", "List the values wanted"),
        ("age=old", "not a number"),
        ("age=nan", "not a number"),
        ("sex>f", "asks for an order"),
        ("born>yesterdayish", "limit 'yesterdayish'"),
        ("born>05.06.2022", "limit '05.06.2022'"),
        ("born>5/6/22", "limit '5/6/22'"),
        ("wait>5", 'as a duration: "2 days"'),
        ("id=a", "not modelled"),
        ({"nope": 1}, "'nope'"),
    ],
)
def test_what_cannot_be_read_is_said(given: object, said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        parse_conditions(given, SCHEMA)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("dtype", "layout", "cells", "given", "rows"),
    [
        ("object", "%d.%m.%Y", ["04.06.2022", "06.05.2022", "05.06.2022"], "x>=05.06.2022", [2]),
        ("object", "%d.%m.%Y", ["04.06.2022", "06.05.2022", "05.06.2022"], "x>=2022-06-04", [0, 2]),
        ("object", "%m/%d/%y", ["04/06/22", "12/05/22", "05/06/22"], "x in {05/06/22, 04/06/22}", [0, 2]),
        ("int64", "%Y%m%d", [20220604, 20220506, 20220605], "x<20220604", [1]),
        ("object", "%H:%M", ["08:05", "23:59", "12:00"], "x>=12:00", [1, 2]),
        ("object", "%H:%M", ["08:05", "23:59", "12:00"], "x<12 hours", [0]),
        ("object", "%I:%M %p", ["08:05 PM", "11:59 PM", "08:00 AM"], "x>=08:05 PM", [0, 1]),
    ],
)
def test_dates_and_times_may_be_written_as_the_column_has_them(
    dtype: str, layout: str, cells: list[object], given: str, rows: list[int]
) -> None:
    kind = "datetime" if "%d" in layout else "timedelta"
    schema = Schema(columns=(Column(name="x", kind=kind, dtype=dtype, format=layout),))
    found = parse_conditions(given, schema).matches(pd.DataFrame({"x": pd.Series(cells, dtype=dtype)}))
    assert np.flatnonzero(found).tolist() == rows


def test_a_date_stored_as_a_number_may_come_with_a_fraction() -> None:
    schema = Schema(columns=(Column(name="date", kind="datetime", dtype="float64", unit="day", format="%y%m%d"),))
    found = parse_conditions({"date": 970117.0}, schema).conditions[0]
    assert found.values == parse_conditions("date=970117", schema).conditions[0].values


def test_names_that_contain_operators() -> None:
    schema = Schema(columns=(Column(name="a>=b", kind="numerical", dtype="int64"), Column(name="a", kind="numerical")))
    conditions = parse_conditions("a>=b<3; a>=1", schema).conditions
    assert [condition.column.name for condition in conditions] == ["a>=b", "a"]
