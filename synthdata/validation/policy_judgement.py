"""A policy applied to a report: which rules are met, which are broken and by what, and the verdict that follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synthdata.validation.base import plain
from synthdata.validation.policy import Policy, Rule
from synthdata.validation.policy_metrics import METRICS, Entry, figures
from synthdata.validation.privacy.verdict import only_nearness
from synthdata.validation.wording import listed

#: how many columns or pairs a broken rule names
NAMED = 5


def judge(policy: Policy, report: Mapping[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """The verdict (``pass``, ``warn`` or ``fail``) and the outcome of every rule, from a report's figures."""
    outcomes = [_apply(rule, report) for rule in policy.rules]
    if any(outcome["met"] is False and outcome["level"] == "fail" for outcome in outcomes):
        return "fail", outcomes
    return ("warn" if any(outcome["met"] is not True for outcome in outcomes) else "pass"), outcomes


def _apply(rule: Rule, report: Mapping[str, Any]) -> dict[str, Any]:
    limit = getattr(rule, rule.limit)
    outcome: dict[str, Any] = {"metric": rule.metric, rule.limit.rstrip("_"): limit, "level": rule.level}
    if rule.columns:
        outcome["columns"] = list(rule.columns)
    if rule.limit == "not_":
        entry = figures(rule.metric, report)[0][1]
        value, met = entry.get("state"), None if entry.get("state") is None else entry["state"] != limit
        why = entry.get("text")
        if met is False and rule.least is not None and _slight(report, rule.least):
            outcome |= {"level": "warn", "slight": True}
    else:
        value, met, why, where = _held_against(rule, report)
        if where:
            outcome["broken_by"] = where
    outcome |= {"met": met, "value": plain(value), "sentence": rule.sentence or _sentence(rule)}
    if met is None:
        outcome["sentence"] += f" This could not be judged: {why or 'the figure is not in the report.'}"
        outcome["met"] = False if rule.missing == "fail" else None
    return outcome


def _slight(report: Mapping[str, Any], least: float) -> bool:
    """Whether a leak is a lean alone, which need not be as much as ``least`` of the rows being disturbed copies."""
    privacy = report["privacy"]
    ends = (privacy.get("disturbed_copies") or {}).get("interval")
    tests = (privacy.get("details") or {}).get("tests") or []
    return ends is not None and ends[0] < least and only_nearness(tests)


def _held_against(
    rule: Rule, report: Mapping[str, Any]
) -> tuple[float | None, bool | None, str | None, dict[str, Any] | None]:
    """The figure that is furthest off, whether all are within the limit, why there is none, and what breaks it.

    Of many columns or pairs those without a figure do not count, as long as one has it.
    """
    wanted = set(rule.columns)
    found = [
        (columns, entry) for columns, entry in figures(rule.metric, report) if not wanted or set(columns) == wanted
    ]
    judged, reasons = [], []
    for columns, entry in found:
        value, why = _value(rule, entry)
        if value is None:
            reasons.append(why)
        else:
            judged.append((columns, value))
    if not judged:
        reason = next((why for why in reasons if why), None)
        if reason is None and wanted:
            reason = f"there is no such figure for {listed(rule.columns)}."
        return None, None, reason, None
    low = rule.limit == "min"
    limit = float(getattr(rule, rule.limit))
    judged.sort(key=lambda each: each[1] if low else -each[1])
    broken = [(columns, value) for columns, value in judged if (value < limit if low else value > limit)]
    where = _where(broken) if broken and broken[0][0] else None
    return judged[0][1], not broken, None, where


def _where(broken: Sequence[tuple[tuple[str, ...], float]]) -> dict[str, Any]:
    """What breaks a rule that every column or pair must keep: the worst few, and how many in all."""
    return {
        "count": len(broken),
        "worst": [{"columns": list(columns), "value": plain(value)} for columns, value in broken[:NAMED]],
    }


def told(outcome: Mapping[str, Any]) -> str:
    """The sentence of a rule, with the columns or pairs that break it. For the owner of the real table only."""
    where = outcome.get("broken_by")
    if not where:
        return str(outcome["sentence"])
    named = [
        f"{' with '.join(f'“{name}”' for name in each['columns'])} ({each['value']:.3g})" for each in where["worst"]
    ]
    more = where["count"] - len(named)
    return f"{outcome['sentence']} Broken by {', '.join(named)}{f' and {more} more' if more else ''}."


def _value(rule: Rule, entry: Entry) -> tuple[float | None, str | None]:
    """What is held against the limit, or why there is none.

    Against the reference, the value is that of as many rows as the reference has, where the report knows it; an end of
    the interval is then as far from it as from the value.
    """
    value, reason = entry.get("value"), entry.get("text")
    if value is None:
        return None, reason
    compared = rule.limit in ("max_over_reference", "min_under_reference")
    shift = 0.0
    if rule.bound is not None:
        ends = entry.get("interval")
        if not ends:
            return None, "the figure has no interval."
        shift = ends[0 if rule.bound == "low" else 1] - value
    if not compared:
        return value + shift, None
    reference = entry.get("reference")
    if reference is None:
        return None, reason or "there is no such figure for fresh real rows."
    value = (entry["matched"] if entry.get("matched") is not None else value) + shift
    return (value - reference if rule.limit == "max_over_reference" else reference - value), None


def _sentence(rule: Rule) -> str:
    limit, key = getattr(rule, rule.limit), rule.limit
    what = METRICS[rule.metric]
    if rule.columns:
        what = f"{what} ({' with '.join(f'“{name}”' for name in rule.columns)})"
    if rule.bound:
        what = f"the {'lower' if rule.bound == 'low' else 'upper'} end of the interval of {what}"
    what = what[0].upper() + what[1:]
    if key == "not_":
        return f"{what} must not be “{limit}”."
    if key == "max":
        return f"{what} must be at most {limit:g}."
    if key == "min":
        return f"{what} must be at least {limit:g}."
    if key == "max_over_reference":
        return f"{what} may be at most {limit:g} above that of fresh real rows."
    return f"{what} may be at most {limit:g} below that of fresh real rows."
