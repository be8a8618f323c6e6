"""Means, ranks, the Pareto front and the recommendation, from reports with known figures."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from scipy import stats
from unit.reporting.sample_report import sample_facts

from synthdata.comparison.compare import standing
from synthdata.comparison.plan import Trial
from synthdata.comparison.recommend import recommend
from synthdata.comparison.standing import Result, mean, pareto_front, ranks
from synthdata.reporting.comparison import comparison_page, comparison_table
from synthdata.reporting.report import Report


def result(
    model: str, seed: int, *, detection: float, tstr: float, state: str = "no leak found", **more: Any
) -> Result:
    """A trial's result with chosen figures; the rest is that of a sample report."""
    facts = copy.deepcopy(sample_facts())
    facts["fidelity"]["detection"].update(
        value=detection, interval=[detection - 0.01, detection + 0.01], reference=0.99
    )
    facts["utility"]["tstr"].update(value=tstr, interval=[tstr - 0.01, tstr + 0.01], reference=0.92)
    facts["privacy"]["verdict"]["state"] = state
    facts["verdict"] = more.get("verdict", "pass")
    facts["run"]["durations"] = {"fit": more.get("seconds", 2.0), "sample": 1.0}
    return Result(Trial(model, (), seed), Report(facts), "", 2**28)


def compared(*results: Result) -> dict[str, Any]:
    about = {
        "source": "people.csv", "title": "people", "rows": 400, "columns": 3, "target": None, "holdout": 0.2,
        "held": 80, "seeds": [0, 1], "jobs": 1, "threads": 1, "time_budget": None,
        "created": "2026-03-05T14:07:31+00:00", "versions": {"synthdata": "0.1.0"},
    }  # fmt: skip
    parameters = {each.trial.model: dict[str, Any]() for each in results}
    facts = {**standing(about, parameters, results), "notes": []}
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    return facts


def of(facts: dict[str, Any], name: str) -> dict[str, Any]:
    return next(model for model in facts["models"] if model["model"] == name)


def test_intervals_are_students() -> None:
    values = [0.9, 0.95, 0.97, 0.91]
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert mean(values)["interval"] == pytest.approx([low, high])


def test_one_seed_has_the_interval_of_its_report() -> None:
    facts = compared(result("a", 0, detection=0.9, tstr=0.9))
    assert of(facts, "a")["figures"]["fidelity.detection"]["interval"] == pytest.approx([0.89, 0.91])


def test_a_seed_without_a_figure_is_said() -> None:
    broken = result("a", 1, detection=0.9, tstr=0.9)
    assert broken.report
    broken.report.facts["utility"]["tstr"].update(value=None, interval=None, text="One class only.")
    figure = of(compared(result("a", 0, detection=0.9, tstr=0.9), broken), "a")["figures"]["utility.tstr"]
    assert figure["n"] == 1
    assert figure["text"] == "Computed for 1 of 2 seeds. One class only."


def test_ranks_follow_the_direction_and_what_chance_explains() -> None:
    def figures(direction: str, **values: tuple[float, float]) -> dict[str, dict[str, Any]]:
        return {
            name: {"value": value, "error": error, "direction": direction, "target": 0.5}
            for name, (value, error) in values.items()
        }

    lower = figures("lower", a=(0.01, 0.0), b=(0.012, 0.0), c=(0.05, 0.0), d=(0.06, 0.02))
    assert ranks(lower, "fidelity.shape") == {"a": 1, "b": 1, "c": 3, "d": 3}
    higher = figures("higher", a=(0.99, 0.0), b=(0.5, 0.0))
    assert ranks(higher, "fidelity.detection") == {"a": 1, "b": 2}
    share = figures("target", a=(0.40, 0.0), b=(0.5, 0.0), c=(0.6, 0.0))
    assert ranks(share, "privacy.dcr_share") == {"a": 1, "b": 1, "c": 3}
    assert ranks(figures("lower", a=(10.0, 0.0), b=(10.5, 0.0), c=(20.0, 0.0)), "seconds") == {"a": 1, "b": 1, "c": 3}


def test_front_against_brute_force() -> None:
    generator = np.random.default_rng(0)
    places = {str(j): tuple(map(int, generator.integers(0, 4, 3))) for j in range(40)}
    expected = [
        name
        for name, own in places.items()
        if not any(
            all(x <= y for x, y in zip(other, own, strict=True)) and any(x < y for x, y in zip(other, own, strict=True))
            for other in places.values()
        )
    ]
    assert pareto_front(places) == expected


def test_the_best_without_a_leak_is_recommended() -> None:
    facts = compared(
        *(result("copier", seed, detection=1.0, tstr=0.92, seconds=0.1) for seed in (0,)),
        result("copier", 1, detection=1.0, tstr=0.92, state="leak found", verdict="fail"),
        *(result("good", seed, detection=0.95, tstr=0.91) for seed in (0, 1)),
        *(result("poor", seed, detection=0.2, tstr=0.7) for seed in (0, 1)),
    )
    assert facts["recommendation"]["model"] == "good"
    assert "detection score 0.95 beside 0.99 for fresh real rows" in facts["recommendation"]["sentence"]
    assert of(facts, "copier")["privacy"] == {
        "state": "leak found",
        "counts": {"leak found": 1, "no leak found": 1},
    }
    assert set(facts["front"]["models"]) == {"copier", "good"}


def test_of_two_that_are_level_the_quicker_is_recommended() -> None:
    facts = compared(
        result("slow", 0, detection=0.951, tstr=0.91, seconds=100.0), result("quick", 0, detection=0.95, tstr=0.91)
    )
    assert facts["recommendation"]["model"] == "quick"
    assert "level with slow" in facts["recommendation"]["sentence"]


def test_what_could_not_be_judged_comes_after_what_could() -> None:
    unjudged = result("unjudged", 0, detection=0.99, tstr=0.92, state="cannot tell", verdict="warn")
    facts = compared(unjudged, result("judged", 0, detection=0.5, tstr=0.8))
    assert facts["recommendation"]["model"] == "judged"
    alone = compared(unjudged)["recommendation"]
    assert alone["model"] == "unjudged"
    assert "could not be judged" in alone["sentence"]


def test_none_is_recommended_where_all_leak_or_fail() -> None:
    leaky = result("a", 0, detection=1.0, tstr=0.92, state="leak found", verdict="fail")
    assert compared(leaky)["recommendation"]["model"] is None
    failed = Result(Trial("b", (), 0), None, "It declined.")
    facts = compared(leaky, failed)
    assert of(facts, "b")["status"] == "failed"
    assert of(facts, "b")["reasons"] == ["It declined."]
    assert recommend([of(facts, "b")], {})["model"] is None


def test_both_views_show_every_model_and_reason() -> None:
    facts = compared(
        *(result("good", seed, detection=0.95, tstr=0.91) for seed in (0, 1)),
        result("half", 0, detection=0.9, tstr=0.9, state="leak found", verdict="fail"),
        Result(Trial("half", (), 1), None, "It ran out of <memory>."),
        Result(Trial("sdv:none", (), 0), None, "Not installed."),
    )
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(comparison_table(facts))
    said, page = console.export_text(), comparison_page(facts)
    for text in ("good", "half", "leak found", "sdv:none", "Not installed.", facts["recommendation"]["sentence"][:40]):
        assert text in said
        assert text in page
    assert "It ran out of <memory>." in said
    assert "It ran out of &lt;memory&gt;." in page
    assert 'href="good-seed-0/report.html"' in page
    assert "http" not in page.replace("http-equiv", "")
