"""The share edition of a report's facts: what the synthetic table itself says, and nothing that real rows say.

Charts, summaries and associations are computed anew from the synthetic table alone. Every figure that compares with
real rows is left out, because it is a statistic of them; what remains of the judgement is the outcome of each rule of
the policy. The ledger of differential privacy is a promise and no statistic, so it stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthdata.random import SeedTree
from synthdata.table.table import Table
from synthdata.validation.associations import pair_details
from synthdata.validation.base import Comparison
from synthdata.validation.summaries import column_details

LEFT_OUT = "Left out of the share edition: it is measured on real rows. The owner of the real table has it."
#: what of the provenance says nothing of real rows
RUN = ("name", "title", "model", "model_summary", "device", "columns", "target", "created", "versions")


def shareable(facts: Mapping[str, Any], synthetic: Table, seed: SeedTree) -> dict[str, Any]:
    """The facts of a whole report without a statistic of real rows."""
    alone = Comparison.of(synthetic, None, synthetic)
    columns = [_synthetic_only(entry) for entry in column_details(alone, {})]
    pairs = pair_details(alone, None, seed)
    pairs |= {"real": None, "difference": None, "error": None, "worst": []}
    privacy = facts["privacy"]
    shared: dict[str, Any] = {
        "version": facts["version"],
        "edition": "share",
        "run": {key: facts["run"][key] for key in RUN if key in facts["run"]}
        | {"rows": {"synthetic": facts["run"]["rows"]["synthetic"]}, "parameters": {}, "durations": {}},
        "verdict": facts["verdict"],
        "policy": {
            "name": facts["policy"]["name"],
            "rules": [_outcome(rule) for rule in facts["policy"]["rules"]],
        },
        "alerts": [_broken(rule) for rule in facts["policy"]["rules"] if rule["met"] is False],
        "fidelity": {name: _without(figure) for name, figure in facts["fidelity"].items()},
        "utility": {name: _without(figure) for name, figure in facts["utility"].items()},
        "privacy": {name: _without(figure) for name, figure in privacy.items() if _is_figure(figure)}
        | {"verdict": {"state": privacy["verdict"]["state"], "text": _finding(privacy["verdict"]["state"])}},
        "columns": columns,
        "pairs": pairs,
        "checks": {"synthetic": [_check(each) for each in facts["checks"]["synthetic"] if _of_schema(each)]},
        "notes": [
            "This edition holds figures of the synthetic table only. Figures that compare it with real rows, and the "
            "number of real rows, are in the internal edition."
        ],
    }
    if "dp" in privacy:
        shared["privacy"]["dp"] = privacy["dp"]
    return shared


def _is_figure(entry: Any) -> bool:
    return isinstance(entry, Mapping) and "direction" in entry


def _without(figure: Mapping[str, Any]) -> dict[str, Any]:
    """A figure that says no number, and why."""
    kept = {"value": None, "interval": None, "reference": None, "n": 0, "text": LEFT_OUT}
    return kept | {"direction": figure["direction"]}


def _synthetic_only(entry: dict[str, Any]) -> dict[str, Any]:
    """A column's details, which were computed with the synthetic table on both sides, as those of one side."""
    kept = dict(entry, shape=None, missing={"synthetic": entry["missing"]["synthetic"]})
    if entry["summary"]:
        kept["summary"] = {"synthetic": entry["summary"]["synthetic"]}
    if entry["chart"]:
        kept["chart"] = {key: part for key, part in entry["chart"].items() if key not in ("real", "holdout")}
        if kept["chart"].get("spikes"):
            spikes = kept["chart"]["spikes"]
            kept["chart"]["spikes"] = [
                {key: part for key, part in spike.items() if key not in ("real", "holdout")} for spike in spikes
            ]
    return kept


def _outcome(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Whether a rule is met, without the figure and without what breaks it."""
    return {key: part for key, part in rule.items() if key not in ("value", "broken_by")} | {"value": None}


def _broken(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "level": rule["level"],
        "title": "The policy is broken" if rule["level"] == "fail" else "The policy wishes for more",
        "text": rule["sentence"],
        "advice": "Ask the owner of the real table for the internal edition, which says by how much.",
        "metric": rule["metric"],
        "columns": [],
    }


def _finding(state: str) -> str:
    return {
        "leak found": "Tests found that the table knows more about the real rows it was made from than about others.",
        "no leak found": "Tests that compare the table with the real rows it was made from, and with others, found "
        "no leak. How strong they were is in the internal edition. No test can exclude a leak.",
    }.get(state, "The tests had too few rows to say whether real rows leak.")


def _of_schema(check: Mapping[str, Any]) -> bool:
    """Whether a check asks for what the schema says, and not for what the real table holds."""
    return "real table" not in check["check"]


def _check(check: Mapping[str, Any]) -> dict[str, Any]:
    """A check of the synthetic table: what was asked and whether it passed, without counts that name real ones."""
    return {key: check[key] for key in ("column", "check", "level", "passed") if key in check}
