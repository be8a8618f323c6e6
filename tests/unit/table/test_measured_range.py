"""Numbers of which some only say that they lie beyond what can be measured: read, learnt and written as such."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import synthdata
from synthdata.errors import SchemaError
from synthdata.table.infer import infer
from synthdata.table.schema import Column
from synthdata.table.storage import from_cells, to_cells


def laboratory(n: int = 600, low: str = "<5", high: str = ">200", digits: int = 1) -> pd.DataFrame:
    true = np.random.default_rng(0).lognormal(3, 1.2, n).round(digits)
    true[:3] = [150, 190, 120]
    crp = [low if x < 5 else high if x > 200 else f"{x:.{digits}f}" for x in true]
    return pd.DataFrame({"crp": crp, "ill": np.where(true > 20, "yes", "no")})


@pytest.mark.parametrize(
    ("low", "high", "digits", "layout", "lowest"),
    [
        ("<5", ">200", 1, "<5|%.1f|>200", 4.9),
        ("< 5.0", "> 200.0", 1, "< 5.0|%.1f|> 200.0", 4.9),
        ("<=5", "≥200", 0, "<=5|%d|≥200", 4),
        ("<5.00", ">200", 1, "<5.00|shortest|>200", 4.99),
    ],
)
def test_ends_are_numbers_one_step_beyond_and_come_back(
    low: str, high: str, digits: int, layout: str, lowest: float
) -> None:
    table = laboratory(low=low, high=high, digits=digits)
    column = infer(table).schema["crp"]
    assert (column.kind, column.format) == ("numerical", layout)
    cells = to_cells(table["crp"], column)
    assert cells.values.min() == lowest
    assert set(table["crp"][cells.values == lowest]) == {low}
    if "shortest" not in layout:  # which writes 12.0 as 12
        pd.testing.assert_series_equal(from_cells(cells, column), table["crp"])


def test_what_is_drawn_has_as_many_cells_beyond_each_end() -> None:
    table = laboratory(2_000)
    drawn = synthdata.make_model("bayesnet").fit(table, seed=0).sample(4_000, seed=1)
    for end in ("<5", ">200"):
        assert np.mean(drawn["crp"] == end) == pytest.approx(np.mean(table["crp"] == end), abs=0.02)
    plain = drawn["crp"][~drawn["crp"].isin(["<5", ">200"])].astype(float)
    assert plain.between(5, 200).all()
    assert plain.nunique() > 300
    model = synthdata.make_model("bayesnet").fit(table, seed=0)
    for given in ("crp<5", {"crp": "<5"}):
        assert set(model.sample(50, seed=1, given=given)["crp"]) == {"<5"}


@pytest.mark.parametrize(
    "odd",
    [
        ["3.0"] * 5,  # a number beyond the end
        ["<7"] * 5,  # two lower ends
        ["trace"] * 5,
        ["<low"] * 5,
    ],
)
def test_columns_that_are_not_only_that_stay_categories(odd: list[str]) -> None:
    table = pd.concat([laboratory(), pd.DataFrame({"crp": odd, "ill": "no"})], ignore_index=True)
    assert infer(table).schema["crp"].kind != "numerical"


def test_an_end_that_few_rows_have_is_not_told() -> None:
    table = laboratory()
    table.loc[table["crp"] == ">200", "crp"] = "50.0"
    table.loc[:3, "crp"] = ">999"
    schema = infer(table).schema
    assert ">999" not in schema.to_json()


def test_declared_numbers_have_their_ends_found_and_wrong_formats_are_refused() -> None:
    table = laboratory()
    partial = {"columns": [{"name": "crp", "kind": "numerical"}]}
    assert synthdata.Table.of(table, partial).schema["crp"].format == "<5|%.1f|>200"
    with pytest.raises(SchemaError, match="ends"):
        synthdata.Table.of(table, {"columns": [{"name": "crp", "kind": "numerical", "format": "low|%.1f"}]})
    column = Column(name="crp", kind="numerical", dtype="object", format="<5|%.1f", decimals=1)
    with pytest.raises(SchemaError):
        to_cells(pd.Series(["<6", "7.0"], name="crp"), column)


def test_such_a_column_is_checked_and_judged_as_numbers(tmp_path: Path) -> None:
    table = laboratory()
    rule = {"type": "range", "column": "crp", "minimum": 0, "maximum": 201}
    schema = {"columns": [{"name": "ill", "role": "target"}], "rules": [rule]}
    done = synthdata.run(table, schema=schema, model="independent", out=tmp_path / "run", seed=0)
    assert {"<5", ">200"} <= set(done.synthetic["crp"])
    checks = done.report.facts["checks"]
    assert not [
        check for part in ("source", "synthetic") for check in checks[part] if check["column"] and not check["passed"]
    ]


def test_under_a_budget_such_columns_are_declared() -> None:
    table = laboratory(2_000).assign(
        stay=[f"{n // 24}d {n % 24}h" for n in np.random.default_rng(1).integers(0, 400, 2_000)]
    )
    schema = {
        "columns": [
            {"name": "crp", "kind": "numerical", "format": "<5|%.1f|>200", "public": {"bounds": [0, 201]}},
            {"name": "stay", "kind": "timedelta", "format": "[%-d]d %-Hh", "public": {"bounds": ["0d 0h", "17d 0h"]}},
            {"name": "ill", "kind": "categorical", "public": {"categories": ["no", "yes"]}},
        ]
    }
    drawn = synthdata.make_model("independent").fit(table, schema=schema, privacy=5.0, seed=0).sample(1_000, seed=1)
    assert np.mean(drawn["crp"] == "<5") == pytest.approx(np.mean(table["crp"] == "<5"), abs=0.1)
    assert drawn["stay"].str.fullmatch(r"\d+d \d+h").all()
