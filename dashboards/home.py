"""The first page: every run as a card, with its verdict and three scores."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards import access, store, uploads
from dashboards.address import follow, remember
from dashboards.tabs.review import seal
from dashboards.theme import literal
from synthdata.errors import SynthdataError
from synthdata.reporting import numbers
from synthdata.reporting.html import render_part
from synthdata.reporting.report import Report
from synthdata.reporting.words import STATUS_LABELS, opening, tone
from synthdata.runs.store import RunInfo

PAGE_SIZE = 12
ANY = "any"
REVIEWS = {"none": "Not decided", "released": "Released", "rejected": "Rejected", "broken": "Seal broken"}
FILTERS = {"all": "All", "done": "Done", "running": "Running", "ended": "Failed or cancelled"}


def show(page: Any) -> None:
    """Draw the page."""
    person = access.let_in("viewer")
    uploads.sweep()
    runs = store.runs()
    st.title("Runs", anchor=False)
    if not runs:
        empty(person)
        return
    chosen = filters(runs)
    found = [run for run in runs if matches(run, chosen["find"], chosen["show"]) and fits(run, chosen)]
    limit = st.session_state.setdefault("limit", PAGE_SIZE)
    st.caption(f"{numbers.plural(len(found), 'run')}, the newest first" if found else "No run fits that.")
    going = any(run.status == "running" for run in found[:limit])
    st.fragment(cards, run_every=3 if going else None)([run.name for run in found[:limit]], page)
    if len(found) > limit and st.button(f"Show {min(PAGE_SIZE, len(found) - limit)} more", key="more"):
        st.session_state["limit"] = limit + PAGE_SIZE
        st.rerun()


def filters(runs: list[RunInfo]) -> dict[str, str]:
    """What the reader looks for; all of it stands in the address."""
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    chosen = {
        "find": left.text_input(
            "Find a run",
            key=follow("find", None, ""),
            on_change=remember,
            args=("find",),
            placeholder="Name, source or model",
        ),
        "show": right.segmented_control(
            "Show",
            list(FILTERS),
            format_func=FILTERS.__getitem__,
            key=follow("show", FILTERS, "all"),
            on_change=remember,
            args=("show",),
            required=True,
        )
        or "all",
    }
    options = {
        "model": {ANY: "Any model", **{model: model for model in sorted({run.model for run in runs if run.model})}},
        "verdict": {ANY: "Any verdict", "pass": "May be shared", "warn": "With care", "fail": "May not be shared"},
        "review": {ANY: "Reviewed or not", **REVIEWS},
    }
    asked = {key: value for key, known in options.items() if (value := st.query_params.get(key, ANY)) in known}
    active = any(value != ANY for value in asked.values())
    more = st.expander("More filters", expanded=active, on_change="rerun")
    if more.open:  # drawn only when looked at: every page change to the runs would wait for them
        for place, (key, known) in zip(more.columns(3), options.items(), strict=True):
            place.selectbox(
                key.capitalize(),
                list(known),
                format_func=known.__getitem__,
                key=follow(key, known, ANY),
                on_change=remember,
                args=(key,),
            )
    return {**dict.fromkeys(options, ANY), **asked, **chosen}


def matches(run: RunInfo, sought: str, wanted: str) -> bool:
    """Whether a run is to be listed.

    >>> from pathlib import Path
    >>> run = RunInfo(Path("a"), "a", "cancelled", "adult.csv", "trees")
    >>> matches(run, "ADULT", "all"), matches(run, "", "ended"), matches(run, "", "done")
    (True, True, False)
    """
    groups = {"failed": "ended", "cancelled": "ended", "broken": "ended"}
    told = f"{run.name} {run.source} {run.model or ''}".casefold()
    return sought.strip().casefold() in told and wanted in ("all", groups.get(run.status, run.status))


def fits(run: RunInfo, chosen: dict[str, str]) -> bool:
    """Whether a run has the model, verdict and review that are asked for."""
    return (
        chosen["model"] in (ANY, run.model)
        and (chosen["verdict"] == ANY or store.tone_of(run) == chosen["verdict"])
        and (chosen["review"] == ANY or store.review(run).state == chosen["review"])
    )


def cards(names: list[str], page: Any) -> None:
    """The runs of these names, as they stand now."""
    access.let_in("viewer")
    for position, name in enumerate(names):
        run = store.find(name)
        if run is not None:
            with st.container(key=f"run-card-{position}"):
                st.html(card(run) + seal(store.review(run)))
                st.page_link(page, label=f"Open {literal(name)}", query_params={"run": name})


def card(run: RunInfo) -> str:
    """One run as HTML: what it is, how it stands, and its scores where there are any."""
    report: Report | None = None
    spent = store.epsilon(run)
    state, message = run.status, run.message
    if run.status == "done":
        try:
            report = store.report(run)
            state = tone(report)
        except SynthdataError as error:
            state, message = "broken", str(error)
    elif run.status == "running":
        message = progress_text(store.last_event(run))
    return render_part(
        report,
        "card",
        state=state,
        label=opening(report).answer if report else STATUS_LABELS.get(state, state),
        name=run.name,
        source=run.source,
        model=run.model,
        rows=f"{numbers.count(report.run['rows'].get('synthetic'))} rows" if report else "",
        date=numbers.moment(run.finished or run.started)
        + (f" · ε = {numbers.plain(round(spent, 3))}" if spent is not None else ""),
        message=message or "It left no message.",
    )


def progress_text(event: dict[str, Any]) -> str:
    """What a run is doing, in words.

    >>> progress_text({"stage": "fit", "message": "Fitting trees", "fraction": 0.43, "seconds_left": 8})
    'Fitting trees: 43%, about 8.0 s left in this stage.'
    """
    if not event:
        return "Starting."
    doing = str(event.get("message") or event.get("stage") or "Working")
    fraction, left = event.get("fraction"), event.get("seconds_left")
    done = f": {fraction:.0%}" if isinstance(fraction, int | float) else ""
    return f"{doing}{done}{f', about {numbers.seconds(left)} left in this stage' if left else ''}."


def empty(person: access.Person) -> None:
    """What to do first."""
    st.header("There are no runs here yet", anchor=False)
    told = "Take **New run** above to start one here, or start one from a terminal:"
    if not person.may("runner"):
        told = "Start one from a terminal:"
    st.write(f"A run makes a synthetic table from a real one, and measures how good and how safe it is. {told}")
    st.code("synthdata run your-table.csv", language="bash")
    st.write("Or try it on a small table that is already installed:")
    st.code("synthdata run sklearn:breast_cancer", language="bash")
    st.caption(
        f"Runs that lie in the folder “{literal(store.root().name)}” appear here; reload the page when one has started."
    )
