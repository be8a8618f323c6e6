"""A comparison of models as people read it: a table in a terminal, and a page of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthdata.reporting import numbers
from synthdata.reporting.glossary import METRICS, term

if TYPE_CHECKING:
    from rich.console import RenderableType

#: the figures that both views show, with short headings
SHOWN = {
    "fidelity.shape": "shape",
    "fidelity.trend": "trend",
    "fidelity.detection": "detection",
    "utility.tstr": "predictive",
    "privacy.dcr_share": "nearness",
}
#: what the second table of a terminal shows
CIRCUMSTANCES = ("privacy tests", "policy", "fit, draw", "memory")
PRIVACY_STYLES = {"leak found": "fail", "cannot tell": "warn", "no leak found": "pass"}


def comparison_table(facts: Mapping[str, Any]) -> RenderableType:
    """What `synthdata compare` prints at its end."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    styles = {"pass": "green", "warn": "yellow", "fail": "red", None: ""}
    # Two narrow tables, since a wide one breaks into syllables in a terminal of 80 columns.
    figures, circumstances = (Table(box=None, padding=(0, 1, 0, 0), header_style="dim") for _ in range(2))
    for grid, headings in ((figures, tuple(SHOWN.values())), (circumstances, CIRCUMSTANCES)):
        grid.add_column("", no_wrap=True)
        grid.add_column("model", no_wrap=True)
        for heading in headings:
            grid.add_column(heading, justify="left" if heading in CIRCUMSTANCES[:2] else "right")
    figures.add_row("", Text("fresh real rows", style="dim"), *(reference_text(facts, metric) for metric in SHOWN))
    asides: list[RenderableType] = []
    for model in ordered(facts):
        sign = "★" if model["model"] == facts["recommendation"]["model"] else "◆" if model.get("front") else ""
        name, why = Text(model["model"]), " ".join(model["reasons"])
        if model["status"] == "failed":
            asides.append(Text(f"✗ {model['model']}: {why}", style="red"))
            continue
        if model["status"] == "partly":
            asides.append(Text(f"! {model['model']}, not all seeds: {why}", style="yellow"))
        figures.add_row(
            sign,
            name,
            *(Text(figure_text(metric, model), style="bold" if first_in(metric, model) else "") for metric in SHOWN),
        )
        circumstances.add_row(
            sign,
            name,
            Text(privacy_text(model), style=styles[PRIVACY_STYLES.get(model["privacy"]["state"] or "")]),
            Text(model["verdict"] or "", style=styles[model["verdict"]]),
            seconds_text(model),
            memory_text(model),
        )
    parts: list[RenderableType] = [Text(), figures, Text(), circumstances, *asides]
    parts.append(Text(f"\n{footnote(facts)}", style="dim"))
    if facts.get("privacy"):
        parts.append(Text(f"\n{budget_text(facts)}"))
    recommended = facts["recommendation"]
    parts.append(Text(f"\n★ {recommended['sentence']}" if recommended["model"] else f"\n{recommended['sentence']}"))
    return Group(*parts)


def comparison_page(facts: Mapping[str, Any]) -> str:
    """One self-contained HTML page, in the look of a report."""
    from synthdata.reporting.html import render_template

    return render_template(
        "comparison.html.j2",
        facts=facts,
        run=facts["run"],
        rows=ordered(facts),
        shown=SHOWN,
        metrics=METRICS,
        views={
            "reference": lambda metric: reference_text(facts, metric),
            "figure": figure_text,
            "first": first_in,
            "privacy": privacy_text,
            "privacy_style": PRIVACY_STYLES,
            "seconds": seconds_text,
            "memory": memory_text,
            "footnote": footnote(facts),
            "budget": budget_text(facts) if facts.get("privacy") else "",
            "tone": tone(facts),
        },
    )


def tone(facts: Mapping[str, Any]) -> str:
    """How the recommendation is coloured: what could not be judged, or breaks the policy, is no pass."""
    name = facts["recommendation"]["model"]
    taken = next((model for model in facts["models"] if model["model"] == name), None)
    if taken is None:
        return "fail"
    return "pass" if taken["privacy"]["state"] == "no leak found" and taken["verdict"] != "fail" else "warn"


def ordered(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The models, the recommended one first, then by their rank; those that failed last."""
    recommended = facts["recommendation"]["model"]

    def key(model: dict[str, Any]) -> tuple[Any, ...]:
        rank = model.get("rank")
        failed = model["status"] == "failed"
        return model["model"] != recommended, failed, float("inf") if rank is None else rank

    return sorted(facts["models"], key=key)


def figure_text(metric: str, model: Mapping[str, Any]) -> str:
    """A figure's mean with half its interval.

    >>> facts = {"figures": {"fidelity.detection": {"value": 0.9, "interval": [0.88, 0.92]}}}
    >>> figure_text("fidelity.detection", facts)
    '0.90 ± 0.02'
    """
    facts = model["figures"].get(metric) or {}
    if facts.get("value") is None:
        return numbers.UNKNOWN
    text = _show(metric, facts["value"])
    if facts.get("interval"):
        low, high = facts["interval"]
        text += f" ± {_show(metric, (high - low) / 2)}"
    return text


def reference_text(facts: Mapping[str, Any], metric: str) -> str:
    """What a metric is read against; for nearness the ideal, a half."""
    if metric == "privacy.dcr_share":
        return _show(metric, 0.5)
    known = facts["reference"].get(metric)
    return _show(metric, known["value"]) if known else numbers.UNKNOWN


def privacy_text(model: Mapping[str, Any]) -> str:
    """The worst verdict, and in how many tables where they differ.

    >>> privacy_text({"privacy": {"state": "leak found", "counts": {"leak found": 1, "no leak found": 2}}})
    'leak found (1 of 3)'
    """
    state, counts = model["privacy"]["state"], model["privacy"]["counts"]
    if state is None:
        return numbers.UNKNOWN
    return str(state) if len(counts) == 1 else f"{state} ({counts[state]} of {sum(counts.values())})"


def seconds_text(model: Mapping[str, Any]) -> str:
    """How long fitting and drawing took on average."""
    return numbers.seconds(model["seconds"]["value"])


def memory_text(model: Mapping[str, Any]) -> str:
    """The most memory that the process held until its rows were drawn, on average."""
    value = model["memory"]["value"]
    return numbers.UNKNOWN if value is None else f"{value / 2**20:,.0f} MiB"


def footnote(facts: Mapping[str, Any]) -> str:
    """How the figures came about."""
    run = facts["run"]
    seeds = len(run["seeds"])
    over = (
        f"Means over {seeds} seeds on the same split, ± half the 95% interval (Student’s t)."
        if seeds > 1
        else "One seed; ± half the figure’s own 95% interval."
    )
    side = f"{numbers.plural(run['jobs'], 'trial')} at a time, {numbers.plural(run['threads'], 'thread')} each."
    front = (
        f"◆ on the Pareto front of {numbers.listing(facts['front']['dimensions'])}." if facts["front"]["models"] else ""
    )
    size = f"Fresh real rows are {numbers.count(run['held'])}; shape and trend of fewer rows are further off by chance."
    return f"{over} {side} Bold: first in rank, or level with the first. {front} {size}"


def budget_text(facts: Mapping[str, Any]) -> str:
    """What a comparison of private models promises, costs, and does not cover.

    >>> account = {"epsilon": 3.0, "cap": None, "runs": 3}
    >>> told = {"epsilon": 1.0, "delta": 1e-6, "fits": 2, "epsilon_of_all": 2.0, "account": account}
    >>> budget_text({"privacy": told})[:73]
    'Each of the 2 fits is private with ε = 1, δ = 1e-06; whoever sees all 2 t'
    """
    told = facts["privacy"]
    account, fits = told["account"], numbers.plural(told["fits"], "fit")
    cap = "no cap" if account["cap"] is None else f"a cap of {account['cap']:g}"
    return (
        f"Each of the {fits} is private with ε = {told['epsilon']:g}, δ = {told['delta']:g}; whoever sees all "
        f"{told['fits']} tables has seen ε = {told['epsilon_of_all']:.4g}. The source has spent ε = "
        f"{account['epsilon']:.4g} in all runs so far, with {cap}. The figures here, and a choice made by them, look "
        "at real rows and are not covered by ε."
    )


def first_in(metric: str, model: Mapping[str, Any]) -> bool:
    """Whether no model is better in a metric."""
    return bool((model["figures"].get(metric) or {}).get("rank") == 1)


def _show(metric: str, value: float) -> str:
    about = term(metric)
    return numbers.percent(value) if about.unit == "percent" else numbers.score(value, about.digits)
