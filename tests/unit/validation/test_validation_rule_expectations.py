"""Rules as expectations: Great Expectations itself counts as many broken rows as we do, nulls included."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rule_tables import RULES, SCHEMA, ruled

from synthdata.table.constraints import parse_rules, violations
from synthdata.table.schema import Schema
from synthdata.table.table import Table
from synthdata.validation.expectations import suite_json
from synthdata.validation.rule_expectations import rule_expectations

ALLOWED = [["child", "half"], ["child", "free"], ["adult", "full"], ["adult", "season"]]
MORE: dict[str, dict[str, Any]] = {
    "allowed pairs": {"type": "combinations", "columns": ["kind", "ticket"], "allowed": ALLOWED[1:]},
    "unique column": {"type": "unique", "columns": ["net"]},
    "not equal": {"type": "implication", "if": "kind != 'child' and city not in ('Rome', 'Oslo')", "then": "age > 30"},
    "between": {"type": "expression", "expression": "18 <= age < 60"},
    "swapped": {"type": "expression", "expression": "-0.5 < low"},
    "two columns": {"type": "implication", "if": "city == 'Rome'", "then": "net > gross"},
    "list": {"type": "expression", "expression": "city in ('Rome', 'Milan', 'Oslo')"},
    "not in a list": {"type": "expression", "expression": "column('city') not in ('Rome', 'Milan')"},
    "constant": {"type": "implication", "if": "age >= 40", "then": "kind == 'child' and net != 200"},
}
#: rules that Great Expectations has no words for
WITHOUT = {"sum", "combinations", "dependence", "expression"}


def disturbed(seed: int) -> pd.DataFrame:
    """The table with a tenth of the cells of every column dealt out anew, so that rules are broken."""
    generator, frame = np.random.default_rng(seed), ruled(400, seed)
    for name in frame:
        moved = generator.random(len(frame)) < 0.1
        frame[name] = frame[name].mask(moved, frame[name].iloc[generator.permutation(len(frame))].to_numpy())
    frame.loc[::50, "age"] += 70  # beyond what the table holds
    return frame


def with_rules(*rules: dict[str, Any]) -> Schema:
    return Table.of(ruled(), {**SCHEMA, "rules": list(rules)}).schema


def outcomes(frame: pd.DataFrame, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("table").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch(batch_parameters={"dataframe": frame})
    # As a team does it: out of the JSON text.
    suite = gx.ExpectationSuite(name="ours", expectations=json.loads(json.dumps(entries)))
    result = batch.validate(suite, result_format={"result_format": "COMPLETE"})
    return [outcome.to_json_dict() for outcome in result.results]


@pytest.mark.parametrize("name", sorted({**RULES, **MORE}))
def test_great_expectations_finds_the_same_rows(name: str) -> None:
    rule = {**RULES, **MORE}[name]
    schema = with_rules(rule)
    entries, left_out = rule_expectations(schema)
    if name in WITHOUT:
        assert not entries
        assert left_out == [str(parse_rules(schema)[0])]
        return
    assert not left_out
    frame = disturbed(3)
    ours = violations(frame, parse_rules(schema)[0])
    assert ours.any()
    found: set[int] = set()
    for outcome in outcomes(frame, entries):
        assert not outcome["exception_info"].get("raised_exception"), outcome["exception_info"]
        found |= set(outcome["result"]["unexpected_index_list"])
    if rule["type"] == "unique":
        # Great Expectations names every one of the rows that are alike, we those after the first.
        assert set(np.flatnonzero(ours)) <= found
        columns = frame[rule["columns"]]
        assert found == set(np.flatnonzero(columns.duplicated(keep=False) & columns.notna().all(axis=1)))
    else:
        assert found == set(np.flatnonzero(ours))


def test_a_table_that_keeps_its_rules_passes_the_exported_suite() -> None:
    schema = with_rules(*RULES.values(), MORE["allowed pairs"] | {"allowed": ALLOWED})
    exported = json.loads(suite_json(schema))
    rules = [entry for entry in exported["expectations"] if "rule" in entry["meta"]]
    assert len(rules) == 6
    assert len(exported["meta"]["rules_left_out"]) == len(WITHOUT)
    assert all(outcome["success"] for outcome in outcomes(ruled(), exported["expectations"]))
