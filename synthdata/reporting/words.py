"""The sentences that every view opens with: may it be shared, what was promised, what was not, and how it was done."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthdata.reporting import numbers
from synthdata.reporting.glossary import METRICS, term

if TYPE_CHECKING:
    from synthdata.reporting.report import Report

VERDICT_LABELS = {"pass": "Pass", "warn": "With care", "fail": "Fail"}
STATUS_LABELS = {"running": "Running", "done": "Done", "failed": "Failed", "cancelled": "Cancelled", "broken": "Broken"}


@dataclass(frozen=True)
class Opening:
    """The answer to the first question of a reader, in a few words and in a sentence."""

    answer: str
    sentence: str


def opening(report: Report) -> Opening:
    """May this table be shared?"""
    state = report.privacy_state
    broken = [rule for rule in report.rules if rule.get("met") is False]
    must = [rule for rule in broken if rule.get("level") == "fail"]
    if state == "leak found" and report.verdict != "fail" and any(rule.get("slight") for rule in broken):
        return Opening(
            "Not outside the house.",
            "It leans a little towards its training rows: a test sees it, and this policy only warns of so little.",
        )
    if state == "leak found":
        return Opening(
            "No: real rows shine through.",
            "A test found that this table tells more about its training rows than it may.",
        )
    if report.verdict == "fail":
        what = (
            f"{numbers.plural(len(must), 'rule')} of the policy {'is' if len(must) == 1 else 'are'} broken"
            if must
            else "the policy is not met"
        )
        return Opening(
            "Not as it is.",
            f"No leak is the reason, but {what}; below is what to do about it."
            if state == "no leak found"
            else f"{what[0].upper()}{what[1:]}, and privacy could not be judged.",
        )
    if state == "cannot tell":
        return Opening(
            "Not on this evidence.", "How good the table is was measured, but whether it is safe could not be judged."
        )
    if report.verdict == "warn":
        warnings = numbers.plural(len(broken), "rule warns", "rules warn") if broken else "there are warnings"
        return Opening(
            "Yes, with care.", f"Nothing forbids sharing it, but {warnings}: read why before you rely on it."
        )
    return Opening("Yes, under the policy applied.", "Every rule of the policy is met.")


def tone(report: Report) -> str:
    """``pass``, ``warn`` or ``fail``: how the answer is coloured. What could not be judged is no pass."""
    if report.privacy_state == "leak found":
        return "fail"
    return "warn" if report.verdict == "pass" and report.privacy_state == "cannot tell" else report.verdict


def privacy_sentence(report: Report) -> str:
    """What the privacy tests found, in the words of the validation."""
    verdict = report.facts["privacy"].get("verdict") or {}
    return str(verdict.get("text") or f"Privacy tests: {report.privacy_state}.")


def promises(report: Report) -> list[str]:
    """What was tested or guaranteed."""
    found = []
    if report.has_holdout:
        found.append(
            f"{numbers.count(report.run['rows']['holdout'])} real rows were set aside before anything was learnt; "
            "every figure is read against them."
        )
    tested = [
        figure.term.label.lower()
        for score in report.scores()
        if score.name == "privacy"
        for figure in score.figures
        if figure.known
    ]
    if tested:
        found.append(f"Tested for leaks by: {numbers.listing(tested, 8)}.")
    guarantee = report.facts["privacy"].get("dp")
    if guarantee:
        found.append(
            f"Trained with differential privacy: ε = {numbers.plain(guarantee.get('epsilon'))}, δ = "
            f"{numbers.plain(guarantee.get('delta'))}."
        )
    met = [rule for rule in report.rules if rule.get("met")]
    if met:
        found.append(
            f"{len(met)} of {numbers.plural(len(report.rules), 'rule')} of the policy {policy_name(report)} met."
        )
    return found


def caveats(report: Report) -> list[str]:
    """What was not tested or not guaranteed."""
    found = []
    if not report.facts["privacy"].get("dp"):
        found.append(
            "No mathematical guarantee (differential privacy) stands behind this table: tests can find a leak, not "
            "exclude one."
        )
    broken = [rule for rule in report.rules if rule.get("met") is False]
    if broken:
        found.append(f"{numbers.plural(len(broken), 'rule')} of the policy {policy_name(report)} not met.")
    if report.shared:
        return [
            *found,
            "The figures behind this are in the internal edition, which stays with the owner of the real table.",
        ]
    if not report.has_holdout:
        found.append(
            "There was no holdout, so no figure can be read against fresh real rows, and copies by chance look like "
            "leaks."
        )
    untested = [
        term(name).label.lower() for name in METRICS if name.startswith("privacy.") and not _known(report, name)
    ]
    if untested:
        found.append(f"Not tested: {numbers.listing(untested, 8)}.")
    failed = [
        figure.term.label
        for score in report.scores()
        if score.name != "privacy"
        for figure in score.figures
        if not figure.known and not figure.term.optional
    ]
    if failed:
        found.append(f"Could not be measured: {numbers.listing(failed, 8).lower()}.")
    unjudged = [column.name for column in report.other_columns()]
    if unjudged:
        found.append(
            f"Not compared: {numbers.listing(unjudged)}, which {'is' if len(unjudged) == 1 else 'are'} made anew or "
            "cannot be compared."
        )
    if report.edition == "internal":
        found.append(
            "This page holds statistics of the real rows. It is for inside the house, whatever the verdict on the "
            "table is."
        )
    return found


def policy_name(report: Report) -> str:
    """The policy's name, quoted; empty where it has none."""
    name = (report.facts.get("policy") or {}).get("name")
    return f"“{name}”" if name else ""


def title(report: Report) -> str:
    """What the report is about: of a path, the file or folder alone."""
    source = str(report.run.get("source") or report.run.get("name") or "Synthetic table")
    return source if "://" in source else re.split(r"[/\\]", source.rstrip("/\\"))[-1] or source


def source(report: Report) -> str:
    """Where the rows came from; of a file in a hidden folder, where uploads lie, the name alone."""
    told = numbers.plain(report.run.get("source"))
    return title(report) if re.match(r"\.\w[^:]*/", told) else told


def made_by(report: Report) -> str:
    """Who made the table."""
    model = report.run.get("model")
    return f"made by {model}" if model else "made by another generator"


def summary(report: Report) -> list[str]:
    """What the management has to know: what was made, whether it may be shared, how good it is, what to do."""
    run, rows, said = report.run, report.run["rows"], opening(report)
    drawn = f"{numbers.plural(rows.get('synthetic') or 0, 'invented row')}"
    source = f" after {numbers.plural(rows['train'], 'real row')} of {title(report)}" if rows.get("train") else ""
    found = [f"A table of {drawn} was {made_by(report)}{source if run.get('model') else ''}."]
    found.append(f"May it be shared? {said.answer} {said.sentence} {privacy_sentence(report)}")
    for score in report.scores():
        figure = score.headline
        if figure is not None and figure.known and score.name != "privacy":
            question = figure.term.question or figure.term.label
            found.append(f"{score.label}. {question} {figure.term.label} {figure.shown}: {figure.reading()}")
    guarantee = report.facts["privacy"].get("dp")
    if guarantee:
        found.append(
            f"A mathematical guarantee stands behind it: differential privacy with ε = "
            f"{numbers.plain(guarantee.get('epsilon'))}."
        )
    else:
        found.append("No mathematical guarantee stands behind it: tests can find a leak and never exclude one.")
    urgent = [alert for alert in report.alerts if alert.get("level") in ("fail", "warn")]
    if urgent:
        told = numbers.listing([f"{str(alert.get('title')).rstrip('.')}" for alert in urgent], 3)
        first = str(urgent[0].get("advice") or "").strip()
        found.append(f"To be looked at: {told}. {first}".strip())
    else:
        found.append("Nothing has to be mended before it is used for what the policy allows.")
    return found


def _noised(report: Report) -> str:
    """What a share edition says of the real table, if anything."""
    budget = report.facts.get("noised")
    if not budget:
        return ""
    return (
        "; the shares of the real table's columns in its bins and categories were counted with discrete Gaussian "
        f"noise (ε = {numbers.plain(budget.get('epsilon_spent'))}, δ = {numbers.plain(budget.get('delta'))})"
    )


def methods(report: Report) -> list[str]:
    """How all of this was done: paragraphs fit for a journal."""
    run, rows = report.run, report.run["rows"]
    if report.shared:
        return [
            f"A synthetic table of {numbers.plural(rows.get('synthetic') or 0, 'row')}, {made_by(report)}. Charts and "
            f"associations on this page were computed from the synthetic table alone{_noised(report)}. Whether the "
            "rules of the policy are met was judged by the owner of the real table with figures that this edition "
            "leaves out."
        ]
    held = rows.get("holdout")
    columns = numbers.plural(run.get("columns") or len(report.facts["columns"]), "column")
    made = numbers.plural(rows.get("synthetic") or 0, "row")
    first = f"The source, {title(report)}, has {numbers.plural(rows.get('source') or 0, 'row')} and {columns}. "
    if run.get("model"):
        apart = f"{numbers.plural(held, 'row')} were set aside at random" if held else "No rows were set aside"
        first += (
            f"{apart} before anything was learnt. The model “{run['model']}” was fitted on the remaining "
            f"{numbers.plural(rows.get('train') or 0, 'row')} (seed {run.get('seed')}), and {made} were drawn from it."
        )
    else:
        beside = numbers.plural(held, "real row") + " that it is said not to have seen" if held else "no holdout"
        first += f"A synthetic table of {made}, made by a generator outside this program, was judged with {beside}."
    paragraphs = [first]
    for score in report.scores():
        defined = [
            f"{figure.term.label}: {figure.term.what}" for figure in score.figures if figure.known and figure.term.what
        ]
        if defined:
            paragraphs.append(" ".join(defined))
    versions = run.get("versions") or {}
    last = "Intervals are of 95%. "
    if held:
        last += "References are the same figures computed with the holdout in the place of the synthetic table. "
    if versions:
        last += f"Computed with {numbers.listing([f'{name} {version}' for name, version in versions.items()], 12)}."
    return [*paragraphs, last.strip()]


def _known(report: Report, metric: str) -> bool:
    figure = report.figure(metric)
    return bool(figure and figure.known) or metric.partition(".")[2] in (report.facts["privacy"].get("attacks") or {})
