"""What a person should know first, in plain words: worst first, each with advice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from synthdata.validation.base import Comparison, Figure

LEVELS = ("fail", "warn", "info")
#: how many columns or pairs get an alert of their own; the others share one
SINGLE = 4
#: by how much a column or pair must be off, beyond fresh real rows, to be worth a word; and to be serious
NOTABLE, SERIOUS = 0.03, 0.10
PAIR_NOTABLE = 0.10
#: the share of train rows from which on a category that is missing is worth a word
CATEGORY = 0.01
NULLS = 0.02


def alert(
    level: str, title: str, text: str, advice: str, metric: str | None = None, columns: Sequence[str] = ()
) -> dict[str, Any]:
    """One alert as report.json has it."""
    return {"level": level, "title": title, "text": text, "advice": advice, "metric": metric, "columns": list(columns)}


def alerts(
    comparison: Comparison, report: Mapping[str, Any], shapes: Mapping[str, Figure], holdout_differs: Sequence[str]
) -> list[dict[str, Any]]:
    """All alerts for a report whose figures are complete, worst first."""
    found = [
        *_privacy(report["privacy"]),
        *_holdout(comparison, holdout_differs),
        *_columns(shapes),
        *_categories(comparison),
        *_nulls(comparison),
        *_pairs(report["pairs"]),
        *_detection(report),
        *_utility(report),
        *_checks(report["checks"]),
        *_not_judged(comparison),
    ]
    mentioned = {entry["metric"] for entry in found}
    for rule in report["policy"]["rules"]:
        if rule["met"] is False and rule["level"] == "fail" and rule["metric"] not in mentioned:
            advice = "Look at the figure and its details below; try another model, or another threshold with --policy."
            found.append(
                alert("fail", f"The policy is broken: {rule['metric']}", rule["sentence"], advice, rule["metric"])
            )
    return sorted(found, key=lambda entry: LEVELS.index(entry["level"]))


def percent(share: float) -> str:
    """A share as people read it.

    >>> percent(0.123), percent(0.0042)
    ('12 %', '0.42 %')
    """
    return f"{100 * share:.0f} %" if abs(share) >= 0.1 else f"{100 * share:.2g} %"


def _privacy(privacy: Mapping[str, Any]) -> list[dict[str, Any]]:
    verdict, copies = privacy["verdict"], privacy["copies"]
    if verdict["state"] == "leak found":
        advice = "Do not pass this table on. Fit a model that remembers less (larger leaves, fewer components, more rows, or differential privacy) and judge again."
        return [alert("fail", "Rows of the real table leak", verdict["text"], advice, "privacy.verdict")]
    found = []
    if verdict["state"] == "cannot tell":
        advice = "Treat the table as if it held real rows until a test with enough rows says otherwise."
        found.append(alert("warn", "Privacy could not be judged", verdict["text"], advice, "privacy.verdict"))
    if (copies["value"] or 0) >= 0.01 and copies["reference"] is not None:
        matched = copies.get("matched", copies["value"])
        text = (
            f"{percent(copies['value'])} of the synthetic rows equal a real row the model was fitted on. That is chance, not copying: "
            f"as many train rows as there are holdout rows account for {percent(matched)}, and the holdout, which the model never saw, for {percent(copies['reference'])}."
        )
        advice = "Nothing to mend. If people could be harmed by rows that merely coincide with theirs, publish fewer or coarser columns."
        found.append(alert("info", "Some synthetic rows coincide with real ones", text, advice, "privacy.copies"))
    return found


def _holdout(comparison: Comparison, differs: Sequence[str]) -> list[dict[str, Any]]:
    if comparison.holdout is None:
        return [
            alert(
                "warn",
                "There is no holdout",
                "No real rows were kept away from the generator. So it cannot be said what fresh real data would score, how useful the table is, "
                "or whether likeness to real rows is copying.",
                "Split rows off before fitting and hand them in with --holdout.",
            )
        ]
    if differs:
        text = (
            f"The holdout's values differ from the train table's in {_names(differs)}, beyond chance. It is no random part of the same table, "
            "so the figures for fresh real rows and the privacy tests are off."
        )
        return [
            alert(
                "warn",
                "The holdout is not like the train table",
                text,
                "Split the holdout off at random before fitting.",
                None,
                differs,
            )
        ]
    return []


def _names(names: Sequence[str]) -> str:
    listed = ", ".join(f"“{name}”" for name in names[:5])
    return listed + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _columns(shapes: Mapping[str, Figure]) -> list[dict[str, Any]]:
    off = []
    for name, figure in shapes.items():
        beyond = (figure.value or 0.0) - (figure.reference or 0.0)
        clear = figure.interval is not None and figure.interval[0] > (figure.reference or 0.0)
        if beyond > NOTABLE and clear:
            off.append((beyond, name, figure))
    off.sort(key=lambda entry: -entry[0])
    found = []
    for beyond, name, figure in off[:SINGLE]:
        fresh = "" if figure.reference is None else f"; fresh real rows differ by {percent(figure.reference)}"
        text = f"{percent(figure.value or 0.0)} of the rows would have to move for column “{name}” to be distributed as in the real table{fresh}."
        advice = "Compare the two curves of this column. If it matters for your use, try another model, or declare its kind in the schema."
        level = "warn" if beyond > SERIOUS else "info"
        found.append(alert(level, f"“{name}” is distributed differently", text, advice, "fidelity.shape", [name]))
    if len(off) > SINGLE:
        rest = [name for _, name, _ in off[SINGLE:]]
        level = "warn" if off[SINGLE][0] > SERIOUS else "info"
        text = f"So are {_names(rest)}: each by more than {percent(NOTABLE)} beyond fresh real rows."
        found.append(
            alert(
                level,
                f"{len(rest)} more columns are distributed differently",
                text,
                "Columns are listed worst first below.",
                "fidelity.shape",
                rest,
            )
        )
    return found


def _categories(comparison: Comparison) -> list[dict[str, Any]]:
    found = []
    for view in comparison.views:
        real, synthetic = view.values("train"), view.values("synthetic")
        varied = len(np.unique(real[~view.missing("train")])) > 1
        kinds = len(np.unique(synthetic[~view.missing("synthetic")]))
        if varied and kinds <= 1 and len(synthetic) >= 20:
            now = "one single value" if kinds else "no value at all"
            text = f"Column “{view.name}” varies in the real table but holds {now} in the synthetic one."
            found.append(
                alert(
                    "fail",
                    f"“{view.name}” has become constant",
                    text,
                    "Try another model, or more training.",
                    "fidelity.shape",
                    [view.name],
                )
            )
        elif not view.continuous:
            found += _lost_and_invented(
                view.name, real, synthetic, view.sides.get("holdout"), len(view.categories or ())
            )
    return found


def _lost_and_invented(
    name: str, real: np.ndarray, synthetic: np.ndarray, holdout: np.ndarray | None, size: int
) -> list[dict[str, Any]]:
    counts = [np.bincount(side[side >= 0], minlength=size) for side in (real, synthetic)]
    found = []
    expected = counts[0] / len(real) * len(synthetic)
    # with ten rows expected, none at all has a chance of about one in 22,000
    lost = (counts[0] >= CATEGORY * len(real)) & (counts[1] == 0) & (expected >= 10)
    if lost.any():
        text = (
            f"{int(lost.sum())} of {int((counts[0] > 0).sum())} categories of “{name}”, each in at least {percent(CATEGORY)} of the real rows, "
            "do not occur in the synthetic table."
        )
        found.append(
            alert(
                "warn",
                f"Categories of “{name}” are missing",
                text,
                "A rarer group has been lost: try another model before using the table for such groups.",
                "fidelity.shape",
                [name],
            )
        )
    known = counts[0] if holdout is None else counts[0] + np.bincount(holdout[holdout >= 0], minlength=size)
    invented = (known == 0) & (counts[1] > 0)
    if invented.any():
        rows = int(counts[1][invented].sum())
        text = f"{rows:,} synthetic rows hold values of “{name}” that the real table does not know ({int(invented.sum())} of them)."
        found.append(
            alert(
                "warn",
                f"“{name}” holds invented categories",
                text,
                "Check how the column was written: other spelling, blanks, or rounding.",
                "fidelity.shape",
                [name],
            )
        )
    return found


def _nulls(comparison: Comparison) -> list[dict[str, Any]]:
    found = []
    for view in comparison.views:
        real, synthetic = float(view.missing("train").mean()), float(view.missing("synthetic").mean())
        pooled = max((real + synthetic) / 2, 1e-9)
        error = np.sqrt(pooled * (1 - pooled) * (1 / comparison.rows("train") + 1 / comparison.rows("synthetic")))
        if abs(synthetic - real) > max(NULLS, 4 * error):
            text = f"{percent(synthetic)} of “{view.name}” is empty in the synthetic table, {percent(real)} in the real one."
            level = "warn" if abs(synthetic - real) > SERIOUS else "info"
            found.append(
                alert(
                    level,
                    f"“{view.name}” has another share of empty cells",
                    text,
                    "Check whether the model handles missing values.",
                    "fidelity.shape",
                    [view.name],
                )
            )
    return found


def _pairs(pairs: Mapping[str, Any]) -> list[dict[str, Any]]:
    off = [pair for pair in pairs["worst"] if pair["value"] - (pair["reference"] or 0.0) > PAIR_NOTABLE]
    if not off:
        return []
    listed = "; ".join(
        f"“{pair['columns'][0]}” with “{pair['columns'][1]}” ({percent(pair['value'])})" for pair in off[:SINGLE]
    )
    many = "at least 10" if len(off) == len(pairs["worst"]) == 10 else str(len(off))
    text = f"How columns hang together is clearly off for {many} pair{'s' if many != '1' else ''}, the worst: {listed}."
    columns = list(dict.fromkeys(name for pair in off for name in pair["columns"]))
    return [
        alert(
            "warn",
            "Relations between columns are lost",
            text,
            "Do not draw conclusions about these pairs from the synthetic table.",
            "fidelity.trend",
            columns,
        )
    ]


def _detection(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    figure = report["fidelity"]["detection"]
    if figure["value"] is None or figure["value"] >= 0.5:
        return []
    telling = [entry["name"] for entry in report["detection"]["columns"][:3] if entry["importance"] > 0.005]
    by = f" What gives it away most: {_names(telling)}." if telling else ""
    text = f"A classifier tells synthetic rows from real ones (score {figure['value']:.2f}, where 1 is indistinguishable).{by}"
    level = "warn" if figure["value"] < 0.3 else "info"
    return [
        alert(
            level,
            "Synthetic rows can be told from real ones",
            text,
            "Look at these columns and their relations first.",
            "fidelity.detection",
            telling,
        )
    ]


def _utility(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    details = report["utility_details"]
    interval = details.get("difference_interval")
    if not interval or details["difference"] > -0.02 or interval[1] >= 0:
        return []
    level = "warn" if details["difference"] < -0.05 else "info"
    text = (
        f"A model that predicts “{details['target']}” reaches {details['synthetic']:.2f} ({details['measure']}) when trained on the synthetic table, "
        f"and {details['real']:.2f} when trained on the real one."
    )
    return [
        alert(
            level,
            "Models trained on it predict less well",
            text,
            "Train on real rows where that is allowed, or try another model.",
            "utility.tstr",
            [details["target"]],
        )
    ]


def _checks(checks: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    found = []
    for level in ("fail", "warn"):
        broken = [check for check in checks["synthetic"] if not check["passed"] and check["level"] == level]
        if broken:
            columns = list(dict.fromkeys(check["column"] for check in broken if check["column"]))
            listed = "; ".join(_sentence(check) for check in broken[:3]) + (
                f"; and {len(broken) - 3} more" if len(broken) > 3 else ""
            )
            title = (
                "The synthetic table breaks its schema"
                if level == "fail"
                else "The synthetic table misses some expectations"
            )
            found.append(
                alert(
                    level,
                    title,
                    f"{listed}.",
                    "The checks are listed below, with what to do about each.",
                    None,
                    columns,
                )
            )
    return found


def _sentence(check: Mapping[str, Any]) -> str:
    return (f"“{check['column']}”: " if check["column"] else "") + f"{check['check']} – {check['detail']}".rstrip(".")


def _not_judged(comparison: Comparison) -> list[dict[str, Any]]:
    if not comparison.skipped:
        return []
    names = list(comparison.skipped)
    text = f"{_names(names)}: keys, personal data, free text and columns left out are not compared; no figure below speaks of them."
    return [
        alert(
            "info",
            f"{len(names)} column{'s are' if len(names) > 1 else ' is'} not judged",
            text,
            "See each column's reason in the list of columns.",
            None,
            names,
        )
    ]
