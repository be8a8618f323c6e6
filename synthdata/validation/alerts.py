"""What a person should know first, in plain words: worst first, each with advice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synthdata.validation.base import Comparison, Figure
from synthdata.validation.column_alerts import (
    category_alerts,
    dependency_alerts,
    fairness_alerts,
    null_alerts,
    pair_alerts,
    shape_alerts,
)
from synthdata.validation.policy_judgement import told
from synthdata.validation.privacy.verdict import LEANS, REMEMBERS
from synthdata.validation.wording import alert, listed, percent

LEVELS = ("fail", "warn", "info")
#: a score of detection and a loss of usefulness below and above which something is said, and said loudly
DETECTION_NOTABLE, DETECTION_SERIOUS = 0.5, 0.3
LOSS_NOTABLE, LOSS_SERIOUS = 0.02, 0.05
#: the share of exact copies from which on it is worth saying that they are chance
COINCIDENCES = 0.01


def alerts(
    comparison: Comparison, report: Mapping[str, Any], shapes: Mapping[str, Figure], holdout_differs: Sequence[str]
) -> list[dict[str, Any]]:
    """All alerts for a report whose figures are complete, worst first."""
    found = [
        *_privacy(report),
        *_holdout(comparison, holdout_differs),
        *shape_alerts(comparison, shapes),
        *category_alerts(comparison),
        *null_alerts(comparison),
        *pair_alerts(comparison, report["pairs"]),
        *dependency_alerts(report["fidelity"]["dependencies"], report["fidelity_details"]["dependencies"]),
        *fairness_alerts(report["fairness"]),
        *_detection(report),
        *_utility(report["utility_details"]),
        *_checks(report["checks"]["synthetic"]),
        *_not_judged(comparison),
    ]
    mentioned = {entry["metric"] for entry in found if entry["level"] == "fail"}
    for rule in report["policy"]["rules"]:
        if rule["met"] is False and rule["level"] == "fail" and rule["metric"] not in mentioned:
            advice = "Look at the figure and its details; try another model, or another threshold with --policy."
            found.append(alert("fail", "The policy is broken", told(rule), advice, rule["metric"]))
    return sorted(found, key=lambda entry: LEVELS.index(entry["level"]))


def _privacy(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    privacy = report["privacy"]
    verdict, copies = privacy["verdict"], privacy["copies"]
    found = _model(privacy)
    if verdict["state"] == "leak found":
        advice = (
            "Do not pass this table on. Fit a model that remembers less (larger leaves, fewer epochs or components, "
            "more rows, or differential privacy) and judge again."
        )
        if any(rule.get("slight") for rule in report["policy"]["rules"]):
            title = "The table leans towards the rows it was made from"
            return [alert("warn", title, verdict["text"], advice, "privacy.verdict"), *found]
        return [alert("fail", "Rows of the real table leak", verdict["text"], advice, "privacy.verdict"), *found]
    if verdict["state"] == "cannot tell":
        advice = "Treat the table as if it held real rows until a test with enough rows says otherwise."
        found.append(alert("warn", "Privacy could not be judged", verdict["text"], advice, "privacy.verdict"))
    if (copies["value"] or 0) >= COINCIDENCES and copies["reference"] is not None:
        text = (
            f"{percent(copies['value'])} of the synthetic rows equal a row that the model was fitted on. No more than "
            f"chance: {percent(copies['matched'])} equal one of as many train rows as the holdout has, and "
            f"{percent(copies['reference'])} equal a row of the holdout, which the model never saw."
        )
        advice = "If people could be harmed by rows that merely coincide with theirs, publish fewer or coarser columns."
        found.append(alert("info", "Some synthetic rows coincide with real ones", text, advice, "privacy.copies"))
    return found


def _model(privacy: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What concerns the model file and not the table."""
    state, size = privacy["verdict"].get("model"), privacy.get("recognised_rows") or {}
    if state not in (REMEMBERS, LEANS):
        return []
    low, high = size["interval"]
    text = (
        "Somebody who holds the model itself can tell some of the rows it was fitted on: it finds them more probable "
        f"than such rows usually are, as much as if {percent(size['value'])} of them ({percent(low)} to "
        f"{percent(high)}) were known for certain. In the table that was drawn from it this was looked for apart."
    )
    advice = "Hand over the table, never the model. For a model that can be handed over, ask for differential privacy."
    if state == LEANS:
        return [alert("info", "The model leans towards its rows", text, advice, "privacy.recognised_rows")]
    return [alert("warn", "The model remembers single rows", text, advice, "privacy.recognised_rows")]


def _holdout(comparison: Comparison, differs: Sequence[str]) -> list[dict[str, Any]]:
    if comparison.holdout is None:
        text = (
            "No real rows were kept away from the generator. So it cannot be said what fresh real data would score, "
            "how useful the table is, or whether likeness to real rows is copying."
        )
        return [
            alert("warn", "There is no holdout", text, "Split rows off before fitting and hand them in with --holdout.")
        ]
    if not differs:
        return []
    text = (
        f"The holdout's values differ from the train table's in {listed(differs)}, beyond chance. It is no random part "
        "of the same table, so the figures for fresh real rows and the privacy tests are off."
    )
    advice = "Split the holdout off at random before fitting."
    return [alert("warn", "The holdout is not like the train table", text, advice, None, differs)]


def _detection(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    value = report["fidelity"]["detection"]["value"]
    if value is None or value >= DETECTION_NOTABLE:
        return []
    telling = [entry["name"] for entry in report["detection"]["columns"][:3] if entry["importance"] > 0.005]
    by = f" What gives it away most: {listed(telling)}." if telling else ""
    text = f"A classifier tells synthetic rows from real ones (score {value:.2f}, where 1 is indistinguishable).{by}"
    level = "warn" if value < DETECTION_SERIOUS else "info"
    advice = "Look at these columns and their relations first." if telling else "Look at the pairs that are worst."
    return [alert(level, "Synthetic rows can be told from real ones", text, advice, "fidelity.detection", telling)]


def _utility(details: Mapping[str, Any]) -> list[dict[str, Any]]:
    interval = details.get("difference_interval")
    if not interval or details["difference"] > -LOSS_NOTABLE or interval[1] >= 0:
        return []
    level = "warn" if details["difference"] < -LOSS_SERIOUS else "info"
    text = (
        f"A model that predicts “{details['target']}” reaches {details['synthetic']:.2f} ({details['measure']}) when "
        f"trained on the synthetic table, and {details['real']:.2f} when trained on the real one."
    )
    advice = "Train on real rows where that is allowed, or try another model."
    return [alert(level, "Models trained on it predict less well", text, advice, "utility.tstr", [details["target"]])]


def _checks(checks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found = []
    titles = {
        "fail": "The synthetic table breaks its schema",
        "warn": "The synthetic table misses some expectations",
    }
    for level, title in titles.items():
        broken = [check for check in checks if not check["passed"] and check["level"] == level]
        if not broken:
            continue
        columns = list(dict.fromkeys(check["column"] for check in broken if check["column"]))
        text = "; ".join(_sentence(check) for check in broken[:3])
        text += f"; and {len(broken) - 3} more." if len(broken) > 3 else "."
        found.append(alert(level, title, text, "The checks are listed below, each with advice.", None, columns))
    return found


def _sentence(check: Mapping[str, Any]) -> str:
    return f"“{check['column'] or 'the table'}” {check['check']}: {check['detail']}".rstrip(".")


def _not_judged(comparison: Comparison) -> list[dict[str, Any]]:
    if not comparison.skipped:
        return []
    names = list(comparison.skipped)
    text = (
        f"{listed(names)}: keys, personal data, free text and columns left out are not compared; "
        "no score speaks of them."
    )
    title = f"{len(names)} column{'s are' if len(names) > 1 else ' is'} not judged"
    return [alert("info", title, text, "See each column's reason in the list of columns.", None, names)]
