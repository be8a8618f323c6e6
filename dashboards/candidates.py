"""What is laid side by side: runs with a report, and the models of a comparison, under one form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboards import store
from dashboards.charts import Point
from synthdata.comparison.standing import objectives, pareto_front
from synthdata.errors import SynthdataError
from synthdata.reporting.comparison import SHOWN
from synthdata.reporting.figure import Figure
from synthdata.reporting.report import Report
from synthdata.reporting.words import tone
from synthdata.runs.store import RunInfo


@dataclass(frozen=True)
class Candidate:
    """One thing to choose: figures by metric, privacy finding, seconds to fit and draw, tone, ε, report if it has one.

    ``facts`` is in the form of a comparison's models, from which the Pareto front is told.
    """

    name: str
    model: str
    figures: Mapping[str, Figure]
    privacy: str
    seconds: float | None
    tone: str
    epsilon: float | None
    report: Report | None
    facts: dict[str, Any]


def of_run(run: RunInfo) -> Candidate | None:
    """A run with a whole report; None for any other."""
    if run.status != "done":
        return None
    try:
        report = store.report(run)
    except SynthdataError:
        return None
    figures = {metric: figure for metric in SHOWN if (figure := report.figure(metric)) is not None}
    spent = [report.run.get("durations", {}).get(stage) for stage in ("fit", "sample")]
    seconds = sum(each for each in spent if each is not None) if any(each is not None for each in spent) else None
    facts = {
        "model": run.name,
        "status": "done",
        "figures": {metric: report.facts[metric.partition(".")[0]][metric.partition(".")[2]] for metric in figures},
        "privacy": {"state": report.privacy_state},
        "seconds": {"value": seconds},
    }
    return Candidate(
        run.name,
        run.model or "",
        figures,
        report.privacy_state,
        seconds,
        tone(report),
        store.epsilon(run),
        report,
        facts,
    )


def of_comparison(facts: Mapping[str, Any]) -> list[Candidate]:
    """The models of a comparison that made a table."""
    found = []
    for model in facts["models"]:
        if model.get("status") == "failed":
            continue
        figures = {}
        for metric in SHOWN:
            about = model["figures"].get(metric)
            if about:
                reference = (facts.get("reference") or {}).get(metric) or {}
                figures[metric] = Figure.of(metric, {**about, "reference": reference.get("value")})
        found.append(
            Candidate(
                model["model"],
                model["model"],
                figures,
                model["privacy"]["state"] or "cannot tell",
                model["seconds"]["value"],
                model.get("verdict") or "warn",
                None,
                None,
                model,
            )
        )
    return found


def front(candidates: Sequence[Candidate]) -> list[str]:
    """The names of those that no other beats in every dimension at once."""
    dimensions, places = objectives([candidate.facts for candidate in candidates])
    return pareto_front(places) if dimensions and len(candidates) > 1 else []


def points(candidates: Sequence[Candidate], x: str, y: str) -> list[Point]:
    """Places in the plane of two metrics, of those that have both."""
    best = front(candidates)
    found = []
    for candidate in candidates:
        across, up = candidate.figures.get(x), candidate.figures.get(y)
        if across is not None and up is not None and across.value is not None and up.value is not None:
            found.append(
                Point(
                    candidate.name,
                    across.value,
                    up.value,
                    _interval(across),
                    _interval(up),
                    candidate.seconds,
                    candidate.tone,
                    candidate.name in best,
                )
            )
    return found


def marks(candidates: Sequence[Candidate], metric: str) -> tuple[float, float] | None:
    """From where to where lies what the candidates' figures are read against; None where nothing is known."""
    figures = (candidate.figures.get(metric) for candidate in candidates)
    known = [figure.mark for figure in figures if figure is not None and figure.mark is not None]
    return (min(known), max(known)) if known else None


def settings(candidate: Candidate) -> dict[str, str]:
    """What a run was told: source, model, its parameters, seed, rows, ε."""
    if candidate.report is None:
        return {}
    run = candidate.report.run
    told: dict[str, Any] = {key: run.get(key) for key in ("source", "model", "target", "seed", "device")}
    told |= {f"{part} rows": number for part, number in (run.get("rows") or {}).items()}
    told |= {f"model: {name}": value for name, value in (run.get("parameters") or {}).items()}
    told |= {f"version of {name}": value for name, value in (run.get("versions") or {}).items()}
    told["policy"] = (candidate.report.facts.get("policy") or {}).get("name")
    told["ε"] = None if candidate.epsilon is None else round(candidate.epsilon, 4)
    return {name: "–" if value is None else str(value) for name, value in told.items()}


def differences(one: Candidate, other: Candidate) -> list[tuple[str, str, str]]:
    """The settings that two runs do not share: name, of the one, of the other."""
    left, right = settings(one), settings(other)
    return [
        (name, left.get(name, "–"), right.get(name, "–"))
        for name in dict.fromkeys([*left, *right])
        if left.get(name, "–") != right.get(name, "–")
    ]


def column_errors(candidates: Sequence[Candidate]) -> dict[str, dict[str, float]]:
    """Shape errors by run and column."""
    return {
        candidate.name: {
            column.name: column.shape.value
            for column in candidate.report.worst_columns()
            if column.shape is not None and column.shape.value is not None
        }
        for candidate in candidates
        if candidate.report is not None
    }


def _interval(figure: Figure) -> tuple[float, float] | None:
    return None if figure.low is None or figure.high is None else (figure.low, figure.high)
