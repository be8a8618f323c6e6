"""How the models stand: means over seeds with intervals, ranks, the Pareto front, and the one to recommend.

Nothing is measured here. Every figure, every mark beside it and the privacy verdict come from the trials' reports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthdata.comparison.plan import Trial
from synthdata.reporting.figure import Figure
from synthdata.reporting.glossary import term
from synthdata.reporting.report import Report

#: privacy verdicts and policy verdicts, the worst first
STATES = ("leak found", "cannot tell", "no leak found")
VERDICTS = ("fail", "warn", "pass")
#: figures nearer to each other than this share a rank, whatever their intervals say
ALIKE = {"percent": 0.0025, "score": 0.005}
#: times and sizes are alike within this fraction
ALIKE_AMOUNTS = 0.1
FIDELITY = ("fidelity.detection", "fidelity.shape", "fidelity.trend")
UTILITY = ("utility.tstr",)
NEARNESS = "privacy.dcr_share"


@dataclass(frozen=True)
class Result:
    """One trial that has ended: its report, or the reason why there is none; ``memory`` in bytes."""

    trial: Trial
    report: Report | None
    reason: str = ""
    memory: int | None = None

    @property
    def seconds(self) -> float | None:
        """How long fitting and drawing took."""
        if self.report is None:
            return None
        durations = self.report.run.get("durations") or {}
        return float(durations["fit"] + durations["sample"]) if {"fit", "sample"} <= set(durations) else None


def figures_of(results: Sequence[Result]) -> dict[str, list[Figure]]:
    """The figures of the results that have a report, metric by metric, in the reports' order."""
    found: dict[str, list[Figure]] = {}
    for result in results:
        if result.report is not None:
            for score in result.report.scores():
                for figure in score.figures:
                    found.setdefault(figure.metric, []).append(figure)
    return found


def mean(values: Sequence[float | None], alone: tuple[float | None, float | None] = (None, None)) -> dict[str, Any]:
    """The mean over seeds with its 95 % interval (Student's t); that of a single value is ``alone``, its own.

    >>> mean([1.0, 2.0, 3.0])["value"]
    2.0
    >>> mean([None, 2.0])["n"]
    1
    """
    known = [value for value in values if value is not None]
    if not known:
        return {"value": None, "interval": None, "error": 0.0, "n": 0}
    middle, n = float(np.mean(known)), len(known)
    if n == 1:
        low, high = alone
        if low is None or high is None:
            return {"value": middle, "interval": None, "error": 0.0, "n": 1}
        return {"value": middle, "interval": [low, high], "error": (high - low) / 4, "n": 1}
    from scipy.stats import t

    error = float(np.std(known, ddof=1) / np.sqrt(n))
    half = float(t.ppf(0.975, n - 1)) * error
    return {"value": middle, "interval": [middle - half, middle + half], "error": error, "n": n}


def summarize(metric: str, figures: Sequence[Figure]) -> dict[str, Any]:
    """One metric of one model over its seeds."""
    known = [figure for figure in figures if figure.known]
    alone = (known[0].low, known[0].high) if len(known) == 1 else (None, None)
    said = mean([figure.value for figure in figures], alone)
    first = figures[0]
    if len(known) < len(figures):
        why = next(figure.text for figure in figures if not figure.known)
        said["text"] = f"Computed for {len(known)} of {len(figures)} seeds. {why}".strip()
    matched = [figure.matched for figure in figures if figure.matched is not None]
    # What it would be at the holdout's size, where sizes matter: to be compared with the reference.
    said["matched"] = float(np.mean(matched)) if matched else None
    return {**said, "direction": first.direction, "target": first.target}


def model_facts(model: str, parameters: Mapping[str, Any], results: Sequence[Result]) -> dict[str, Any]:
    """Everything about one model but what depends on the others."""
    done = [result for result in results if result.report is not None]
    figures = {metric: summarize(metric, found) for metric, found in figures_of(results).items()}
    states = [result.report.privacy_state for result in done if result.report]
    verdicts = [result.report.verdict for result in done if result.report]
    return {
        "model": model,
        "parameters": dict(parameters),
        "status": "done" if len(done) == len(results) else "partly" if done else "failed",
        "reasons": list(dict.fromkeys(result.reason for result in results if result.reason)),
        "figures": figures,
        "privacy": {
            "state": next((state for state in STATES if state in states), None),
            "counts": {state: states.count(state) for state in STATES if state in states},
        },
        "verdict": next((verdict for verdict in VERDICTS if verdict in verdicts), None),
        "seconds": mean([result.seconds for result in done]),
        "memory": mean([result.memory for result in done]),
        "runs": [
            {
                "seed": result.trial.seed,
                "folder": result.trial.name if result.report is not None else None,
                "reason": result.reason or None,
                "verdict": result.report.verdict if result.report else None,
                "privacy": result.report.privacy_state if result.report else None,
                "seconds": result.seconds,
                "memory": result.memory,
            }
            for result in results
        ],
    }


def references(results: Sequence[Result]) -> dict[str, dict[str, Any]]:
    """What each figure is read against: that of fresh real rows, or of a model trained on real rows; its mean."""
    found = {}
    for metric, figures in figures_of(results).items():
        marks = [figure.reference for figure in figures if figure.reference is not None]
        if marks:
            found[metric] = {"value": float(np.mean(marks)), "lowest": min(marks), "highest": max(marks)}
    return found


def badness(metric: str, facts: Mapping[str, Any]) -> float | None:
    """A figure turned so that lower is better; a share below its target is as good as the target."""
    value = facts.get("value")
    if value is None:
        return None
    if facts.get("direction") == "target":
        # Fewer near rows than ideal are no sign of a leak.
        return max(0.0, float(value) - float(facts.get("target") or 0.0))
    return -float(value) if facts.get("direction") == "higher" else float(value)


def ranks(figures: Mapping[str, Mapping[str, Any]], metric: str) -> dict[str, int]:
    """The rank of each model in one metric: 1 and the number of models that are better by more than chance explains.

    Chance: twice the standard error of the difference, and at least what makes no difference in practice.

    >>> close = {"value": 0.9, "error": 0.0, "direction": "higher"}
    >>> ranks({"a": close, "b": close | {"value": 0.902}, "c": close | {"value": 0.8}}, "fidelity.detection")
    {'a': 1, 'b': 1, 'c': 3}
    """
    bad = {model: badness(metric, facts) for model, facts in figures.items()}
    found = {}
    for model, own in bad.items():
        if own is None:
            continue
        better = 0
        for other, its in bad.items():
            if its is None or other == model:
                continue
            least = ALIKE_AMOUNTS * own if metric in ("seconds", "memory") else ALIKE[term(metric).unit]
            error = float(np.hypot(figures[model].get("error") or 0.0, figures[other].get("error") or 0.0))
            better += own - its > max(least, 2 * error)
        found[model] = 1 + better
    return found


def add_ranks(models: Sequence[dict[str, Any]]) -> None:
    """Put each model's rank beside each of its figures, and its mean ranks in fidelity and usefulness."""
    done = [model for model in models if model["status"] != "failed"]
    for metric in dict.fromkeys(metric for model in done for metric in model["figures"]):
        having = {model["model"]: model["figures"][metric] for model in done if metric in model["figures"]}
        for name, rank in ranks(having, metric).items():
            having[name]["rank"] = rank
    for amount in ("seconds", "memory"):
        having = {model["model"]: model[amount] for model in done}
        for name, rank in ranks(having, amount).items():
            having[name]["rank"] = rank
    for model in done:
        own = {
            part: [model["figures"][metric]["rank"] for metric in metrics if "rank" in model["figures"].get(metric, {})]
            for part, metrics in (("fidelity", FIDELITY), ("utility", UTILITY))
        }
        model["ranks"] = {part: float(np.mean(found)) for part, found in own.items() if found}
        model["rank"] = float(np.mean(list(model["ranks"].values()))) if model["ranks"] else None


def objectives(models: Sequence[dict[str, Any]]) -> tuple[list[str], dict[str, tuple[Any, ...]]]:
    """The dimensions of the Pareto front that every model has, and each model's place in them; lower is better."""
    done = [model for model in models if model["status"] != "failed"]
    places: dict[str, dict[str, Any]] = {}
    for model in done:
        near = model["figures"].get(NEARNESS) or {}
        lean = badness(NEARNESS, near) if near.get("value") is not None else None
        if lean and near.get("interval") and near["interval"][0] <= (near.get("target") or 0.5):
            lean = 0.0
        places[model["model"]] = {
            "fidelity": badness(FIDELITY[0], model["figures"].get(FIDELITY[0]) or {}),
            "utility": badness(UTILITY[0], model["figures"].get(UTILITY[0]) or {}),
            # A worse verdict outweighs any nearness.
            "privacy": (-STATES.index(model["privacy"]["state"]), lean or 0.0) if model["privacy"]["state"] else None,
            "time": model["seconds"]["value"],
        }
    kept = [
        name for name in ("fidelity", "utility", "privacy", "time") if all(p[name] is not None for p in places.values())
    ]
    return kept, {model: tuple(place[name] for name in kept) for model, place in places.items()}


def pareto_front(places: Mapping[str, tuple[Any, ...]]) -> list[str]:
    """The models that no other beats: as good in every dimension, and better in one.

    >>> pareto_front({"a": (1, 5), "b": (2, 3), "c": (2, 6)})
    ['a', 'b']
    """

    def beats(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
        return all(x <= y for x, y in zip(one, other, strict=True)) and one != other

    return [model for model, own in places.items() if not any(beats(other, own) for other in places.values())]
