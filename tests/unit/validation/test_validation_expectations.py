"""Great Expectations suites from the schema, checks of the source and of the synthetic table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthdata.table.schema import Column, Public, Schema
from synthdata.table.table import Table
from synthdata.validation.expectations import check_source, check_synthetic, run_suite, suite, suite_json


def broken(checks: list[dict[str, Any]]) -> dict[tuple[str | None, str], str]:
    return {(check["column"], check["check"]): check["detail"] for check in checks if not check["passed"]}


def table(values: object, **column: Any) -> Table:
    return Table(pd.DataFrame({"x": values}), Schema(columns=(Column(name="x", **column),)))


def test_a_table_keeps_its_own_schema(mixed: Callable[[int, int], Table]) -> None:
    real = mixed(2000, 1)
    assert broken(check_source(real)) == {}
    assert broken(check_synthetic(mixed(2000, 2), real.schema)) == {}


def test_dropped_columns_are_not_asked_about(mixed: Callable[[int, int], Table]) -> None:
    real = mixed(2000, 1)
    frame = real.frame.assign(city=None)
    checks = check_source(Table(frame, real.schema.replace("city", drop=True)))
    assert broken(checks) == {}
    assert "city" not in {check["column"] for check in checks}


def test_what_breaks_a_schema_is_counted(mixed: Callable[[int, int], Table]) -> None:
    real = mixed(100, 1)
    frame = real.frame.assign(age=real.frame["age"].astype(float) + 0.5)
    frame["smoker"] = frame["smoker"].astype(object).mask(frame.index < 10, None)
    frame.loc[:4, "patient"] = 7
    frame = frame[[*frame.columns[1:], frame.columns[0]]]
    found = broken(check_synthetic(Table(frame, real.schema), real.schema))
    assert found["age", "holds whole numbers"] == "100 of 100 rows have more digits"
    assert ("age", "is stored as int64") in found
    assert found["smoker", "has no empty cells"].startswith("10 of 100 rows")
    assert found["patient", "has no value twice, being a key"].startswith("5 of 100 rows")
    assert (None, "has the schema's columns in the schema's order") in found


def test_declared_bounds_categories_and_rules_are_held() -> None:
    schema = Schema(
        columns=(
            Column(name="a", kind="numerical", dtype="int64", public=Public(bounds=(0, 10))),
            Column(name="b", kind="numerical", dtype="int64"),
            Column(name="c", kind="categorical", public=Public(categories=("x", "y"))),
        ),
        rules=({"type": "inequality", "low": "a", "high": "b"},),
    )
    frame = pd.DataFrame({"a": [1, 11, 3], "b": [2, 12, 1], "c": ["x", "z", "y"]})
    found = broken(check_synthetic(Table(frame, schema), schema))
    assert found["a", "stays within the declared bounds"].startswith("1 of 3")
    assert found["c", "holds only the 2 declared categories"].startswith("1 of 3")
    assert found[None, "keeps the rule 'a' <= 'b'"].startswith("1 of 3")


def test_the_synthetic_table_is_held_against_train(mixed: Callable[[int, int], Table]) -> None:
    real = mixed(500, 1)
    frame = mixed(500, 2).frame
    frame.loc[:99, "age"] = 500
    frame.loc[:4, "city"] = "Atlantis"
    found = broken(check_synthetic(Table(frame, real.schema), real.schema, real))
    assert found["age", "stays within the real table's range"].startswith("100 of 500")
    assert ("city", "holds only categories that the real table has") in found
    assert "Atlantis" not in json.dumps(list(found.values()))


@pytest.mark.parametrize(
    ("values", "column", "check", "detail"),
    [
        ([1.0, *[None] * 3], {"kind": "numerical", "dtype": "float64"}, "is mostly filled", "75%"),
        (["a"] * 9, {"kind": "categorical"}, "varies", "single value"),
        ([None] * 9, {"kind": "categorical"}, "varies", "all cells are empty"),
        ([f"w{i}" for i in range(99)], {"kind": "categorical"}, "has few enough categories", "99 distinct"),
        (["a"] * 9 + ["b"], {"kind": "categorical"}, "has no tiny groups", "1 of 2 categories"),
        ([" a"] * 6 + ["b"] * 6, {"kind": "categorical"}, "has no blanks around values", "6 cells"),
        (["Oslo"] * 6 + ["oslo"] * 6, {"kind": "categorical"}, "spells each category one way", "2 categories"),
        (["?"] * 6 + ["b"] * 6, {"kind": "categorical"}, "marks unknown values as empty", "6 cells"),
        (
            [*np.linspace(18, 80, 90), *[999.0] * 10],
            {"kind": "numerical", "dtype": "float64"},
            "has no numbers that stand for “unknown”",
            "10 cells",
        ),
        (
            [*np.linspace(18, 80, 90), *[-1.0] * 10],
            {"kind": "numerical", "dtype": "float64"},
            "has no numbers that stand for “unknown”",
            "10 cells",
        ),
    ],
)
def test_the_source_is_looked_over(values: list[Any], column: dict[str, Any], check: str, detail: str) -> None:
    found = broken(check_source(table(values, nullable=True, **column)))
    assert detail in found["x", check]


def test_ordinary_numbers_are_no_sentinels() -> None:
    for values in (np.arange(-200.0, 200), np.tile([99.0, 98.0, 100.0], 50), np.full(30, -1.0)):
        found = broken(check_source(table(values, kind="numerical", dtype="float64")))
        assert ("x", "has no numbers that stand for “unknown”") not in found


def test_repeated_rows_and_few_rows_are_said() -> None:
    found = broken(check_source(table(["a", "a", "b"], kind="categorical")))
    assert found[None, "has no repeated rows"].startswith("1 of 3 rows")
    assert found[None, "has enough rows"].startswith("3 rows")


def test_dates_as_text_keep_their_format() -> None:
    column = {"kind": "datetime", "dtype": "object", "format": "%d/%m/%Y"}
    good, bad = table(["01/02/2020", "31/12/2021"], **column), table(["01/02/2020", "2021-12-31"], **column)
    assert broken(run_suite(good, suite(good.schema))) == {}
    assert ("x", "holds dates written as %d/%m/%Y") in broken(run_suite(bad, suite(bad.schema)))
    unpadded = table(["1/2/2020", "31/12/2021"], **{**column, "format": "%-d/%-m/%Y"})
    assert broken(run_suite(unpadded, suite(unpadded.schema))) == {}


@pytest.mark.parametrize(
    ("values", "column"),
    [
        (pd.array([1, None, 3], dtype="Int64"), {"kind": "numerical", "dtype": "Int64", "decimals": 0}),
        (pd.array([True, None, False], dtype="boolean"), {"kind": "boolean", "dtype": "boolean"}),
        (pd.Categorical(["a", None, "b"]), {"kind": "categorical", "dtype": "category"}),
        (pd.array(["a", None, "b"], dtype="string"), {"kind": "categorical", "dtype": "string"}),
        (pd.array([1.5, None, 2.5], dtype="float64[pyarrow]"), {"kind": "numerical", "dtype": "double[pyarrow]"}),
        (
            pd.to_datetime(["2020-01-01", None, "2021-01-01"], utc=True),
            {"kind": "datetime", "dtype": "datetime64[ns, UTC]"},
        ),
        (pd.to_timedelta(["1h", None, "2h"]), {"kind": "timedelta", "dtype": "timedelta64[ns]"}),
    ],
)
def test_every_storage_can_be_checked(values: Any, column: dict[str, Any]) -> None:
    made = table(values, **column, nullable=False)
    found = broken(check_synthetic(made, made.schema))
    assert list(found) == [("x", "has no empty cells")]


def test_long_tables_are_checked_in_part_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthdata.validation.expectations.ROWS", 50)
    made = table(np.arange(1000.0), kind="numerical", dtype="float64")
    details = [check["detail"] for check in run_suite(made, suite(made.schema))]
    assert any("of 50 rows spread over the table" in detail for detail in details)


def test_the_exported_suite_is_one_and_holds_no_values(mixed: Callable[[int, int], Table]) -> None:
    import great_expectations as gx

    data = json.loads(suite_json(mixed(50, 1).schema))
    loaded = gx.ExpectationSuite(name=data["name"], expectations=data["expectations"])
    assert len(loaded.expectations) == len(data["expectations"]) > 10
    assert "Köln" not in json.dumps(data, ensure_ascii=False)


def test_nothing_is_written_and_nothing_reaches_the_terminal(tmp_path: Path) -> None:
    code = (
        "import pandas as pd\n"
        "from synthdata.table.schema import Column, Schema\n"
        "from synthdata.table.table import Table\n"
        "from synthdata.validation.expectations import check_source\n"
        "schema = Schema(columns=(Column(name='x', kind='numerical', dtype='float64'),))\n"
        "check_source(Table(pd.DataFrame({'x': [1.0, 2.0]}), schema))\n"
    )
    environment = {**os.environ, "HOME": str(tmp_path / "home")}
    environment.pop("GX_ANALYTICS_ENABLED", None)
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    root = str(Path(__file__).resolve().parents[3])
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path / "work",
        env={**environment, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert list((tmp_path / "work").iterdir()) == []
    assert [path for path in (tmp_path / "home").rglob("*") if "great" in path.name] == []
