"""Rules between columns: parsed with care, null-safe, and honest about the real table."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from synthdata.errors import SchemaError
from synthdata.table.constraints import check_rules, parse_rules, violations
from synthdata.table.schema import Column, Schema
from synthdata.table.table import Table

FRAME = pd.DataFrame(
    {
        "admitted": ["2024-01-02", "2024-01-05", None, "2024-01-09"],
        "discharged": pd.to_datetime(["2024-01-02", "2024-01-04", "2024-01-01", None]),
        "age": [30, 150, 40, 50],
        "low": [1.0, 2.0, 3.0, None],
        "sex": ["F", "M", "F", "M"],
        "count": pd.array([1, 2, None, 4], "Int64"),
        "stay": pd.to_timedelta(["1 days", "2 days", None, "9 days"]),
    }
)
PARTIAL = {"columns": [{"name": "admitted", "kind": "datetime"}, {"name": "sex", "kind": "categorical"}]}


def broken(rule: dict[str, Any], frame: pd.DataFrame = FRAME) -> list[bool]:
    table = Table.of(frame, PARTIAL)
    parsed = parse_rules(table.schema.model_copy(update={"rules": (rule,)}))[0]
    of_table, of_frame = violations(table, parsed), violations(frame, parsed)
    assert of_table.tolist() == of_frame.tolist()
    assert of_table.dtype == bool
    return of_table.tolist()


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"type": "inequality", "low": "admitted", "high": "discharged"}, [False, True, False, False]),
        ({"type": "inequality", "low": "admitted", "high": "discharged", "strict": True}, [True, True, False, False]),
        ({"type": "inequality", "low": "low", "high": "age"}, [False, False, False, False]),
        ({"type": "inequality", "low": "age", "high": "low"}, [True, True, True, False]),
        ({"type": "range", "column": "age", "minimum": 0, "maximum": 120}, [False, True, False, False]),
        ({"type": "range", "column": "low", "minimum": 2}, [True, False, False, False]),
        ({"type": "range", "column": "admitted", "maximum": "2024-01-05"}, [False, False, False, True]),
        ({"type": "range", "column": "stay", "maximum": "36 hours"}, [False, True, False, True]),
        ({"type": "range", "column": "stay", "minimum": "36 hours"}, [True, False, False, False]),
        ({"type": "range", "column": "count", "minimum": 2}, [True, False, False, False]),
    ],
)
def test_violations(rule: dict[str, Any], expected: list[bool]) -> None:
    assert broken(rule) == expected


def test_dates_of_different_resolution_and_zone_are_compared_as_moments() -> None:
    frame = FRAME.assign(discharged=FRAME["discharged"].astype("datetime64[s]"))
    assert broken({"type": "inequality", "low": "admitted", "high": "discharged"}, frame) == [False, True, False, False]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"type": "inequalty", "low": "age", "high": "low"}, "Did you mean 'inequality'"),
        ({"low": "age"}, "no rule of type None"),
        ({"type": "inequality", "low": "agee", "high": "low"}, "Did you mean 'age'"),
        ({"type": "inequality", "low": "age", "hihg": "low"}, "unknown key 'hihg'. Did you mean 'high'"),
        ({"type": "inequality", "low": "age"}, "'high' must be the name of a column"),
        ({"type": "inequality", "low": "age", "high": "discharged"}, "cannot be compared"),
        ({"type": "inequality", "low": "age", "high": "age"}, "compared with itself"),
        ({"type": "inequality", "low": "age", "high": "low", "strict": "yes"}, "'strict' must be true or false"),
        ({"type": "range", "column": "sex", "minimum": 1}, "'sex' is categorical"),
        ({"type": "range", "column": "age"}, "neither 'minimum' nor 'maximum'"),
        ({"type": "range", "column": "age", "minimum": 9, "maximum": 1}, "no row can keep it"),
        ({"type": "range", "column": "age", "minimum": "old"}, "not of that kind"),
        ({"type": "range", "column": "admitted", "minimum": 5}, "ISO date"),
    ],
)
def test_wrong_rules(rule: dict[str, Any], message: str) -> None:
    schema = Table.of(FRAME, PARTIAL).schema
    with pytest.raises(SchemaError) as caught:
        parse_rules(schema.model_copy(update={"rules": (rule,)}))
    assert message in str(caught.value)
    assert "Rule 1" in str(caught.value) or "Column" in str(caught.value)


def test_rules_on_columns_that_are_made_up_or_left_out_are_refused() -> None:
    rule = {"type": "range", "column": "a", "minimum": 0}
    for column in (
        Column(name="a", kind="id", dtype="int64"),
        Column(name="a", kind="numerical", dtype="int64", drop=True),
    ):
        with pytest.raises(SchemaError, match=r"made up afresh|left out"):
            parse_rules(Schema(columns=(column,), rules=(rule,)))


def test_check_names_the_rule_the_count_and_a_row_but_no_value() -> None:
    rules = [{"type": "range", "column": "age", "minimum": 0, "maximum": 120}]
    table = Table.of(FRAME, {**PARTIAL, "rules": rules})
    with pytest.raises(SchemaError) as caught:
        check_rules(table)
    assert "broken by 1 of 4 rows (first data row 2)" in str(caught.value)
    assert "150" not in str(caught.value)
    check_rules(Table.of(FRAME[:1], {**PARTIAL, "rules": rules}))
