"""The metrics that a rule of a policy can name, and where a report has their figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from synthdata.validation.privacy.verdict import FORGETS, LEANS, REMEMBERS

#: the metrics, and how a sentence calls them
METRICS = {
    "fidelity.shape": "the error of single columns",
    "fidelity.trend": "the error of pairs of columns",
    "fidelity.detection": "the detection score",
    "fidelity.alpha_precision": "the plausibility of rows",
    "fidelity.beta_recall": "the variety of rows",
    "fidelity.authenticity": "the share of authentic rows",
    "fidelity.three_way": "the error of three columns at a time",
    "fidelity.sliced_wasserstein": "the distance of whole rows",
    "fidelity.dependencies": "the share of rows that break a dependence",
    "fidelity.rules": "the share of rows that break a rule",
    "fidelity.mutual_information": "the error of mutual information",
    "utility.tstr": "the usefulness for prediction",
    "utility.importance_agreement": "the agreement on which columns matter",
    "utility.all_targets": "the usefulness for predicting any column",
    "fairness.representation": "the largest error in a group's share",
    "fairness.outcome": "the largest error in a group's outcome rate",
    "fairness.errors": "the largest gap in error rates between groups",
    "privacy.dcr_share": "the share of rows nearer to train",
    "privacy.copies": "the share of exact copies",
    "privacy.disturbed_copies": "the share of disturbed copies that would give what record linkage finds",
    "privacy.membership": "the success of membership inference",
    "privacy.singling_out": "the success of singling out",
    "privacy.linkability": "the success of linking",
    "privacy.attribute_inference": "the success of attribute inference",
    "privacy.membership_by_density": "the success of membership inference by density",
    "privacy.membership_by_classifier": "the success of membership inference by a classifier",
    "privacy.membership_by_loss": "the success of membership inference by the model's own loss",
    "privacy.members_at_1_percent": "the share of members found at a false positive rate of 1 %",
    "privacy.members_at_10_percent": "the share of members found at a false positive rate of 10 %",
    "privacy.recognised_rows": "the share of its rows that the model gives away",
    "privacy.k_map": "the share of rows that point at few people",
    "privacy.epsilon": "the privacy budget spent",
    "privacy.verdict": "the verdict on privacy",
    "privacy.model": "what the model itself remembers",
    "checks.failed": "the number of checks that the synthetic table fails",
    "checks.warned": "the number of checks of lesser weight that it fails",
    "column.shape": "a column's error",
    "column.missing": "a column's error in its share of nulls",
    "column.wasserstein": "a column's Wasserstein distance",
    "column.jensen_shannon": "a column's Jensen–Shannon distance",
    "column.range_coverage": "how much of its range a column covers",
    "column.inside_range": "the share of a column's values inside the real range",
    "column.decimals": "the likeness of a column's decimals",
    "column.rounding": "the likeness of a column's rounding",
    "column.category_coverage": "the share of a column's categories that occur",
    "column.rare_recall": "how well a column's rare categories are kept",
    "column.known_categories": "the share of a column's values that are real categories",
    "column.skill": "how well a column can be predicted",
    "pair.trend": "a pair's error",
}
#: the metrics that are states and no numbers, and which states there are
STATES = {
    "privacy.verdict": ("leak found", "no leak found", "cannot tell"),
    "privacy.model": (REMEMBERS, LEANS, FORGETS),
}
#: the rooms whose metrics every column or pair has, and the key of a rule that names one
NAMED_BY = {"column": "column", "pair": "pair"}

Entry = Mapping[str, Any]
#: columns (none for a figure of the whole table) and a figure
Found = list[tuple[tuple[str, ...], Entry]]


def figures(metric: str, report: Mapping[str, Any]) -> Found:
    """Every figure of a metric in a report, each with the columns that it is of; an entry without a value says why."""
    room, name = metric.split(".")
    if room == "column":
        return _of_columns(name, report)
    if room == "pair":
        return _of_pairs(report)
    if room == "checks":
        return [((), _failed(report, "fail" if name == "failed" else "warn"))]
    special: Callable[[Mapping[str, Any]], Entry] | None = SPECIAL.get(metric)
    entry = special(report) if special else report.get(room, {}).get(name) or {}
    return [((), entry)]


def _of_columns(name: str, report: Mapping[str, Any]) -> Found:
    if name == "skill":
        targets = report.get("utility_details", {}).get("targets") or []
        return [
            ((each["name"],), {"value": each["synthetic"], "reference": each["real"], "text": each.get("text")})
            for each in targets
        ]
    found: Found = []
    for column in report.get("columns") or []:
        entry = column.get("shape") if name == "shape" else (column.get("fidelity") or {}).get(name)
        if entry:
            found.append(((column["name"],), entry))
    return found


def _of_pairs(report: Mapping[str, Any]) -> Found:
    pairs = report.get("pairs") or {}
    names, error = pairs.get("columns") or [], pairs.get("error")
    if error is None:
        return []
    return [((names[a], names[b]), {"value": error[a][b]}) for a in range(len(names)) for b in range(a + 1, len(names))]


def _failed(report: Mapping[str, Any], level: str) -> Entry:
    checks = (report.get("checks") or {}).get("synthetic")
    if checks is None:
        return {"value": None, "text": "the synthetic table was not checked."}
    return {"value": sum(not each["passed"] and each["level"] == level for each in checks)}


def _epsilon(report: Mapping[str, Any]) -> Entry:
    """The budget spent by the ledger, which is no measured figure and stands apart."""
    spent = (report.get("privacy", {}).get("dp") or {}).get("epsilon_spent")
    return {"value": spent, "text": "there is no differential privacy." if spent is None else None}


def _mutual_information(report: Mapping[str, Any]) -> Entry:
    return ((report.get("pairs") or {}).get("further") or {}).get("mean_difference") or {}


def _model(report: Mapping[str, Any]) -> Entry:
    state = ((report.get("privacy") or {}).get("verdict") or {}).get("model")
    return {"state": state, "text": "the model itself was not at hand, or gives no density of rows."}


def _attack(name: str) -> Callable[[Mapping[str, Any]], Entry]:
    def find(report: Mapping[str, Any]) -> Entry:
        attacks = report.get("privacy", {}).get("attacks") or []
        missing = {"value": None, "text": f"{name} was not tried."}
        return next((attack for attack in attacks if attack["name"] == name), missing)

    return find


def _members_at(rate: float) -> Callable[[Mapping[str, Any]], Entry]:
    """The largest share of members that an attacker who holds the table alone finds at a false positive rate."""

    def find(report: Mapping[str, Any]) -> Entry:
        entries = [
            {**each, "reference": rate}
            for attack in report.get("privacy", {}).get("attacks") or []
            if not attack["holds_model"]
            for each in attack.get("true_positive_rates") or []
            if each["false_positive_rate"] == rate
        ]
        missing = {"value": None, "text": "membership inference was not tried."}
        return max(entries, key=lambda entry: entry["value"], default=missing)

    return find


SPECIAL: dict[str, Callable[[Mapping[str, Any]], Entry]] = {
    "privacy.epsilon": _epsilon,
    "privacy.model": _model,
    "privacy.membership_by_density": _attack("membership by density"),
    "privacy.membership_by_classifier": _attack("membership by classifier"),
    "privacy.membership_by_loss": _attack("membership by the model's own loss"),
    "privacy.members_at_1_percent": _members_at(0.01),
    "privacy.members_at_10_percent": _members_at(0.1),
    "fidelity.mutual_information": _mutual_information,
}
