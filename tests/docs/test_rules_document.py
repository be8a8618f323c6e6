"""Every rule shown in docs/rules.md is read, holds in a table made for it, and holds in what is drawn."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from rule_tables import COLUMNS, ruled

from synthdata.models.registry import make_model
from synthdata.table import constraints, expressions
from synthdata.table.constraints import parse_rules, violations
from synthdata.table.rule_kinds import register_rule

TEXT = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
EXAMPLES: list[dict[str, Any]] = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)]


@pytest.mark.parametrize("rule", EXAMPLES, ids=lambda rule: rule["type"])
def test_the_rule_is_kept(rule: dict[str, Any]) -> None:
    register_rule("plausible tax", lambda rows: rows["tax"] < rows["net"])
    table = ruled(400)
    model = make_model("independent").fit(table, schema={"columns": COLUMNS, "rules": [rule]}, seed=0)
    (parsed,) = parse_rules(model.schema_)
    assert not violations(model.sample(200, seed=1), parsed, table).any()


def test_every_kind_and_every_function_is_shown() -> None:
    assert {rule["type"] for rule in EXAMPLES} == set(constraints.KEYS)
    for kind, (needed, optional) in constraints.KEYS.items():
        if kind not in ("inequality", "range"):
            shown = {key for rule in EXAMPLES if rule["type"] == kind for key in rule}
            assert shown == {"type", *needed, *optional}
    for name in expressions.FUNCTIONS:
        assert f"`{name}" in TEXT, name
