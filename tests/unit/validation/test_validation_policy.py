"""Policies: thresholds met, broken and not computable; files that are wrong say where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synthdata.errors import SchemaError
from synthdata.table.schema import Column, Schema
from synthdata.validation.policy import Policy, check_columns, load_policy
from synthdata.validation.policy_judgement import judge, told
from synthdata.validation.policy_metrics import METRICS, figures


def report(**shape: Any) -> dict[str, Any]:
    figure = {"value": 0.05, "interval": [0.04, 0.06], "reference": 0.02, "text": None, **shape}
    return {"fidelity": {"shape": figure}, "privacy": {"verdict": {"state": "no leak found", "text": "x"}}}


def outcome(rule: str, facts: dict[str, Any]) -> tuple[str, bool | None, Any]:
    verdict, rules = judge(Policy.parse(f"version: 1\nname: p\nrules: [{{{rule}}}]"), facts)
    return verdict, rules[0]["met"], rules[0]["value"]


def test_limits_on_value_bound_and_reference() -> None:
    assert outcome("metric: fidelity.shape, max: 0.05", report()) == ("pass", True, 0.05)
    assert outcome("metric: fidelity.shape, max: 0.04", report()) == ("fail", False, 0.05)
    assert outcome("metric: fidelity.shape, max: 0.04, level: warn", report()) == ("warn", False, 0.05)
    assert outcome("metric: fidelity.shape, max: 0.05, bound: high", report()) == ("fail", False, 0.06)
    assert outcome("metric: fidelity.shape, min: 0.045, bound: low", report())[1] is False
    verdict, met, value = outcome("metric: fidelity.shape, max_over_reference: 0.02", report())
    assert (verdict, met, value) == ("fail", False, pytest.approx(0.03))
    assert outcome("metric: fidelity.shape, max_over_reference: 0.02", report(matched=0.03))[1] is True
    assert outcome("metric: fidelity.shape, min_under_reference: 0.02", report())[1] is True


def test_a_verdict_may_be_ruled_out() -> None:
    assert outcome("metric: privacy.verdict, not: leak found", report())[:2] == ("pass", True)
    assert outcome("metric: privacy.verdict, not: no leak found", report())[:2] == ("fail", False)


@pytest.mark.parametrize(
    ("rule", "facts"),
    [
        ("metric: fidelity.shape, max: 1", report(value=None, text="No column is judged.")),
        ("metric: fidelity.shape, max: 1, bound: high", report(interval=None)),
        ("metric: fidelity.shape, max_over_reference: 1", report(reference=None)),
        ("metric: utility.tstr, min: 0", report()),
    ],
)
def test_what_cannot_be_judged_counts_as_a_warning(rule: str, facts: dict[str, Any]) -> None:
    assert outcome(rule, facts)[:2] == ("warn", None)


def test_the_reason_is_in_the_sentence() -> None:
    policy = Policy.parse("{version: 1, name: p, rules: [{metric: fidelity.shape, max: 1}]}")
    _, rules = judge(policy, report(value=None, text="No column is judged."))
    assert rules[0]["sentence"].endswith("This could not be judged: No column is judged.")


def test_a_policy_without_a_name_is_called_after_its_file(tmp_path: Path) -> None:
    path = tmp_path / "partners.yaml"
    path.write_text("version: 1\nrules: [{metric: fidelity.shape, max: 0.02}]\n", encoding="utf-8")
    assert Policy.read(path).name == "partners"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules: [", "not valid YAML at line 1"),
        ("- a", "expected the keys"),
        ("{version: 2, name: p, rules: []}", "version 2 is not known"),
        ("{version: 1, name: ours}", "'rules' is missing"),
        ("{version: 1, name: p, ruels: []}", "Did you mean 'rules'"),
        ("{version: 1, name: p, rules: [{metric: fidelity.shpe, max: 1}]}", "rule 1.*Did you mean 'fidelity.shape'"),
        ("{version: 1, name: p, rules: [{metric: fidelity.shape, mx: 1}]}", "rule 1.*'mx'.*Did you mean 'max'"),
        ("{version: 1, name: p, rules: [{metric: fidelity.shape}]}", "exactly one of max"),
        ("{version: 1, name: p, rules: [{metric: fidelity.shape, max: 1, min: 0}]}", "found 2"),
        ("{version: 1, name: p, rules: [{metric: fidelity.shape, max: much}]}", "'max'"),
        ("{version: 1, name: p, rules: [{metric: privacy.verdict, not: leek found}]}", "Did you mean 'leak found'"),
        ("{version: 1, name: p, rules: [{metric: privacy.verdict, max: 1}]}", "'not' goes with"),
        ("{version: 1, name: p, rules: [{metric: fidelity.shape, max: 1, level: stop}]}", "'level'"),
        ("{version: 1, name: p, rules: [{metric: privacy.verdict, not: leak found, bound: low}]}", "'bound' goes"),
        ("{version: 1, name: p, rules: [{metric: privacy.verdict, not: cannot tell, least: 0.1}]}", "'least' goes"),
        ("{version: 1, name: p, rules: [{metric: fidelity.shape, max: 1, column: age}]}", "'column' does not go"),
        ("{version: 1, name: p, rules: [{metric: pair.trend, max: 1, column: age}]}", "'column' does not go"),
        ("{version: 1, name: p, rules: [{metric: column.shap, max: 1}]}", "Did you mean 'column.shape'"),
    ],
)
def test_a_wrong_file_says_where(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SchemaError, match=message) as caught:
        load_policy(path)
    assert "policy.yaml" in str(caught.value)


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="No such policy file"):
        load_policy(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(SchemaError, match="cannot be read"):
        load_policy(tmp_path / "binary.yaml")
    with pytest.raises(SchemaError, match="Did you mean 'internal'"):
        load_policy("internl")


def test_the_shipped_policy_is_whole() -> None:
    policy = load_policy()
    assert load_policy("internal") == load_policy(policy) == policy
    assert {rule.metric for rule in policy.rules} <= set(METRICS)
    assert all(rule.sentence for rule in policy.rules)


@pytest.mark.parametrize("name", ["internal", "share-with-partner", "publish"])
def test_every_shipped_policy_is_met_by_a_flawless_report_and_broken_by_a_leak(name: str) -> None:
    figure = {"value": 0.0, "reference": 0.0, "interval": [0.0, 0.0]}
    report: dict[str, Any] = {
        "fidelity": {"shape": figure, "trend": figure, "detection": figure | {"value": 1.0}},
        "utility": {"tstr": figure},
        "privacy": dict.fromkeys(("copies", "membership", "singling_out", "linkability", "attribute_inference"), figure)
        | {"k_map": figure, "verdict": {"state": "no leak found", "text": ""}, "dp": {"epsilon_spent": 1.0}},
    }
    policy = load_policy(name)
    assert judge(policy, report)[0] == "pass"
    leaking = report["privacy"] | {"verdict": {"state": "leak found", "text": ""}}
    assert judge(policy, report | {"privacy": leaking})[0] == "fail"


def test_publishing_asks_for_a_guarantee_and_a_missing_figure_can_break_a_rule() -> None:
    figure = {"value": 0.0, "reference": 0.0}
    privacy = dict.fromkeys(
        ("copies", "membership", "singling_out", "linkability", "attribute_inference", "k_map"), figure
    )
    report = {"privacy": privacy | {"verdict": {"state": "no leak found"}}}
    outcome, rules = judge(load_policy("publish"), report)
    assert outcome == "fail"
    assert [rule["metric"] for rule in rules if rule["met"] is False] == ["privacy.epsilon"]
    assert "there is no differential privacy" in rules[0]["sentence"]
    spent = report["privacy"] | {"dp": {"epsilon_spent": 4.0}}
    assert judge(load_policy("publish"), {"privacy": spent})[0] == "fail"


def whole_report() -> dict[str, Any]:
    """A report with two columns, a pair, attacks and checks."""
    shape = {"value": 0.2, "interval": [0.1, 0.3], "reference": 0.05, "matched": 0.15}
    rates = [{"false_positive_rate": rate, "value": 2 * rate, "interval": [rate, 3 * rate]} for rate in (0.01, 0.1)]
    attacks = [
        {"name": f"membership by {how}", "value": 0.5, "true_positive_rates": rates, "holds_model": "loss" in how}
        for how in ("density", "classifier", "the model's own loss")
    ]
    return {
        "columns": [
            {"name": "age", "shape": shape, "fidelity": {"rounding": {"value": 0.9}}},
            {"name": "sex", "shape": {"value": 0.01, "reference": 0.0}, "fidelity": {"rare_recall": {"value": 1.0}}},
            {"name": "key", "shape": None, "fidelity": None},
        ],
        "pairs": {
            "columns": ["age", "sex"],
            "error": [[0.0, 0.3], [0.3, 0.0]],
            "further": {"mean_difference": {"value": 0.1, "reference": 0.05}},
        },
        "utility_details": {"targets": [{"name": "age", "real": 0.5, "synthetic": 0.4}]},
        "privacy": {"attacks": attacks, "verdict": {"state": "no leak found", "model": "remembers rows"}},
        "checks": {"synthetic": [{"passed": False, "level": "fail"}, {"passed": True, "level": "fail"}]},
    }


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("metric: column.shape, max: 0.1", ("fail", False, 0.2)),
        ("metric: column.shape, max: 0.25, bound: high", ("fail", False, 0.3)),
        ("metric: column.shape, max: 0.1, column: sex", ("pass", True, 0.01)),
        ("metric: column.shape, max_over_reference: 0.1", ("pass", True, pytest.approx(0.1))),
        (
            "metric: column.shape, max_over_reference: 0.1, column: age, bound: high",
            ("fail", False, pytest.approx(0.2)),
        ),
        ("metric: column.rounding, min: 0.95", ("fail", False, 0.9)),
        ("metric: column.skill, min_under_reference: 0.05", ("fail", False, pytest.approx(0.1))),
        ("metric: pair.trend, max: 0.2", ("fail", False, 0.3)),
        ("metric: 'pair.trend', max: 0.4, pair: [sex, age]", ("pass", True, 0.3)),
        ("metric: fidelity.mutual_information, max_over_reference: 0.02", ("fail", False, pytest.approx(0.05))),
        ("metric: privacy.membership_by_classifier, max: 0.5", ("pass", True, 0.5)),
        ("metric: privacy.members_at_1_percent, max: 0.025, bound: high", ("fail", False, 0.03)),
        ("metric: privacy.members_at_10_percent, max_over_reference: 0.1", ("pass", True, pytest.approx(0.1))),
        ("metric: privacy.model, not: remembers rows", ("fail", False, "remembers rows")),
        ("metric: checks.failed, max: 0", ("fail", False, 1)),
        ("metric: checks.warned, max: 0", ("pass", True, 0)),
        # what no column has, and a named column that has it not, cannot be judged
        ("metric: column.decimals, min: 1", ("warn", None, None)),
        ("metric: column.rounding, min: 1, column: sex", ("warn", None, None)),
    ],
)
def test_a_rule_can_name_any_figure(rule: str, expected: tuple[str, bool | None, Any]) -> None:
    assert outcome(rule, whole_report()) == expected


def test_what_breaks_a_rule_is_named_but_not_in_its_sentence() -> None:
    policy = Policy.parse("{version: 1, name: p, rules: [{metric: column.shape, max: 0.001}]}")
    _, (rule,) = judge(policy, whole_report())
    assert rule["broken_by"]["count"] == 2
    assert [each["columns"] for each in rule["broken_by"]["worst"]] == [["age"], ["sex"]]
    assert "age" not in rule["sentence"]
    assert told(rule).endswith("Broken by “age” (0.2), “sex” (0.01).")


def test_the_internal_policy_fails_a_table_that_no_model_learns_from_beyond_doubt() -> None:
    near = {"value": 0.8, "reference": 0.9, "interval": [0.79, 0.81]}
    far = {"value": 0.5, "reference": 0.9, "interval": [0.45, 0.55]}
    unsure = {"value": 0.5, "reference": 0.9, "interval": [0.2, 0.8]}
    for figure, expected in ((near, True), (far, False), (unsure, True)):
        _, rules = judge(load_policy("internal"), {"utility": {"tstr": figure}})
        outcomes = [rule["met"] for rule in rules if rule["metric"] == "utility.tstr" and rule["level"] == "fail"]
        assert outcomes == [expected]


def test_every_metric_is_looked_up_and_none_is_forgotten_by_the_document() -> None:
    text = (Path(__file__).parents[3] / "docs" / "policies.md").read_text(encoding="utf-8")
    for metric in METRICS:
        figures(metric, {})  # an empty report has none of them, and that is no error
        assert f"`{metric}`" in text


def test_a_column_that_is_not_there_is_refused_beforehand() -> None:
    columns = (Column(name="age", kind="numerical", dtype="int64"), Column(name="key", kind="id", dtype="int64"))
    schema = Schema(columns=columns)
    policy = Policy.parse("{version: 1, name: p, rules: [{metric: column.shape, max: 1, column: aeg}]}")
    with pytest.raises(SchemaError, match=r"rule 1: there is no column 'aeg'.*Did you mean 'age'"):
        check_columns(policy, schema)
    policy = Policy.parse("{version: 1, name: p, rules: [{metric: pair.trend, max: 1, pair: [age, key]}]}")
    with pytest.raises(SchemaError, match="'key' is not judged"):
        check_columns(policy, schema)


def leaning(low: float, *leaking: dict[str, Any]) -> dict[str, Any]:
    size = {"value": 0.03, "interval": [low, 0.05]}
    tests = [{"leak": True, **test} for test in leaking] + [{"leak": False, "found": 0}]
    return {"privacy": {"verdict": {"state": "leak found"}, "disturbed_copies": size, "details": {"tests": tests}}}


@pytest.mark.parametrize(
    ("facts", "level"),
    [
        (leaning(0.005, {"share": 0.6}), "warn"),
        (leaning(0.015, {"share": 0.6}), "fail"),
        (leaning(0.005, {"share": 0.6}, {"found": 12}), "fail"),  # an exact copy, a replayed value or an attack
        (leaning(0.005), "fail"),
        ({"privacy": {"verdict": {"state": "leak found"}}}, "fail"),
    ],
)
def test_a_slight_lean_only_warns_inside_the_house(facts: dict[str, Any], level: str) -> None:
    for name, expected in (("internal", level), ("share-with-partner", "fail"), ("publish", "fail")):
        _, rules = judge(load_policy(name), facts)
        (rule,) = (each for each in rules if each.get("not") == "leak found")
        assert rule["met"] is False
        assert rule["level"] == expected
        assert rule.get("slight", False) == (expected == "warn")
