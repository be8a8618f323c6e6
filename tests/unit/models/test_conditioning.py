"""Conditions as people write them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthdata.errors import InfeasibleError, SchemaError
from synthdata.models.base import Synthesizer
from synthdata.models.conditioning import parse_conditions
from synthdata.models.registry import make_model
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
        ("sex in {f, null}", [0, 2, 3]),
        ("sex in {NULL}", [2]),
        ("pay in {2.5, null}", [1, 2]),
        ("born in {1991-01-01, null}", [1, 2]),
        ({"sex": ["f", None]}, [0, 2, 3]),
        ({"sex": {"m", np.nan}}, [1, 2]),
        ({"sex": ("m", pd.NA)}, [1, 2]),
        ({"sex": np.array(["f", None], dtype=object)}, [0, 2, 3]),
        ({"pay": [2.5, None]}, [1, 2]),
        ({"pay": np.nan}, [2]),
        ({"born": [pd.Timestamp("1991-01-01"), pd.NaT]}, [1, 2]),
        ({"wait": {pd.NaT}}, [3]),
        ({"wait": np.timedelta64(3, "h")}, [2]),
        ({"born": np.datetime64("1991-01-01")}, [1]),
        ("sex='f'", [0, 3]),
        ("sex='null'", []),
        ("'sex' in {\"f\", 'null'}", [0, 3]),
        ("age>='30'", [1, 2, 3]),
        ("code in {'1', 2.0}", [0, 1, 2]),
        ("on in {'True'}", [0, 2, 3]),
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
        ("age is 'null'", "only 'null'"),
        ({"sex": []}, "lists no value"),
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


@pytest.mark.parametrize(
    ("levels", "given", "rows"),
    [
        ([1, 2, 3, 1], "x=1", [0, 3]),
        ([1, 2, 3, 1], {"x": 1}, [0, 3]),
        ([1, 2, 3, 1], "x in {2, '3'}", [1, 2]),
        ([1.0, 2.5, 1.0, 2.5], "x=1", [0, 2]),
        ([1.0, 2.5, 1.0, 2.5], "x=2.5", [1, 3]),
        ([True, False, True, True], "x=true", [0, 2, 3]),
        ([True, False, True, True], "x in {FALSE, null}", [1]),
        (["2", "2.0", "true", "True"], "x=2", [0]),
        (["2", "2.0", "true", "True"], "x=true", [2]),
        ([1, None, 3, 1], "x in {3, null}", [1, 2]),
    ],
)
def test_text_stands_for_the_levels_of_a_category_dtype(levels: list[object], given: object, rows: list[int]) -> None:
    schema = Schema(columns=(Column(name="x", kind="categorical", dtype="category"),))
    found = parse_conditions(given, schema).matches(pd.DataFrame({"x": pd.Categorical(levels)}))  # type: ignore[arg-type]
    assert np.flatnonzero(found).tolist() == rows


@pytest.mark.parametrize(
    "given",
    [
        "age>60; age<50",
        "age>30; age<31",
        "age=3; age>5",
        "age in {3, 4}; sex=f; age in {5, null}",
        "pay is null; pay>3",
        "born>2020-01-01; born<2019-01-01",
        {"age": (60, 20)},
    ],
)
def test_conditions_that_contradict_each_other_are_said_to(given: object) -> None:
    with pytest.raises(InfeasibleError, match="contradict each other"):
        parse_conditions(given, SCHEMA)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["age>30; age<32", "age in {3, 4}; age>3", "pay in {1, null}; pay is null"])
def test_conditions_that_can_be_met_together_do_not_contradict(given: str) -> None:
    assert len(parse_conditions(given, SCHEMA).conditions) == 2


@pytest.fixture(scope="module")
def model() -> Synthesizer:
    n = np.arange(240)
    table = pd.DataFrame(
        {
            "kind": np.where(n % 3, "adult", "child"),
            "ticket": np.where(n % 3, np.where(n % 2, "full", "season"), "half"),
            "word": pd.Series(np.array(["a", "b", "null", "x;y"], dtype=object)[n % 4]).where(n % 5 > 0, None),
            "level": pd.Categorical(n % 3 + 1),
            "switch": pd.Categorical(n % 7 > 2),
            "a;b": np.array(["one, two", "O'Brien"])[n % 2],
            " lead": n % 11,
            "number": pd.Series(n * 1.37).where(n % 4 > 0, np.nan),
        }
    )
    table["word"] = table["word"].where(n != 7, "rare")
    rules = [{"type": "combinations", "columns": ["kind", "ticket"]}]
    columns = [{"name": " lead", "kind": "numerical"}, {"name": "level", "kind": "categorical"}]
    return make_model("independent").fit(table, schema={"columns": columns, "rules": rules}, seed=0)


@pytest.mark.parametrize(
    ("given", "column", "values"),
    [
        ({"word": ["a", None]}, "word", {"a", None}),
        ("word in {a, null}", "word", {"a", None}),
        ("word in {a, 'null'}", "word", {"a", "null"}),
        ("word in {'x;y', b}; kind=child", "word", {"x;y", "b"}),
        ("word is null", "word", {None}),
        ("level=2", "level", {2}),
        ({"level": 2}, "level", {2}),
        ("switch=true", "switch", {True}),
        ("'a;b' in {'one, two', z}", "a;b", {"one, two"}),
        ('"a;b"=O\'Brien', "a;b", {"O'Brien"}),
        ("' lead' in {3, 4}", " lead", {3, 4}),
        ("ticket in {half, null}", "ticket", {"half"}),
    ],
)
def test_a_model_draws_what_is_asked_for(model: Synthesizer, given: object, column: str, values: set[object]) -> None:
    drawn = model.sample(200, given=given, seed=1)[column].astype(object)  # type: ignore[arg-type]
    assert set(drawn.where(drawn.notna(), None)) == values


def test_a_range_of_numbers_is_free_of_nulls_and_a_set_with_null_is_not(model: Synthesizer) -> None:
    some = float(model.sample(1, given="number>100", seed=0)["number"].iloc[0])
    drawn = model.sample(200, given={"number": [some, None]}, seed=1)["number"]
    assert drawn.isna().any()
    assert set(drawn.dropna()) <= {some}
    assert model.sample(200, given="number>100", seed=1)["number"].notna().all()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("word=none", "'word=none': the model has not learnt such a value"),
        ("kind=child; ticket=full", "'kind=child; ticket=full' together: the model has learnt each of them"),
        ("kind=child; word=a; ticket=full", "'kind=child; ticket=full' together"),
        ("kind=child; ticket=none", "'ticket=none': the model has not learnt such a value"),
        ("word=a; word=b", "'word=a; word=b': the conditions on 'word' contradict each other"),
        ("word in {a, rare}; word in {b, rare}", "on 'word' leave no value that the model has learnt"),
        ("number>60; number<50", "'number>60; number<50': the conditions on 'number' contradict each other"),
        ({"number": (60, 20)}, "its ends contradict each other"),
    ],
)
def test_why_no_row_can_meet_conditions(model: Synthesizer, given: object, said: str) -> None:
    with pytest.raises(InfeasibleError) as caught:
        model.sample(5, given=given, seed=0)  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_the_rule_that_ties_columns_together_is_named(model: Synthesizer) -> None:
    with pytest.raises(InfeasibleError, match=r"rule: 'kind' with 'ticket' only in fixed combinations"):
        model.sample(5, given="kind=child; ticket=full", seed=0)
