"""One run's report, interactively: the same facts as report.html, a part at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboards import access, charts, deleting, starting, store, theme
from dashboards.address import follow, remember
from dashboards.home import progress_text
from dashboards.tabs import background, data, fidelity, privacy, relations, review, usefulness, verdict
from dashboards.theme import literal
from synthdata.errors import SynthdataError
from synthdata.reporting.html import render_part
from synthdata.reporting.report import Report
from synthdata.reporting.words import STATUS_LABELS
from synthdata.runs.store import RunInfo

TABS: dict[str, tuple[str, Callable[[Report, RunInfo], None]]] = {
    "verdict": ("Verdict", verdict.show),
    "fidelity": ("Columns", fidelity.show),
    "relations": ("Relations", relations.show),
    "privacy": ("Privacy", privacy.show),
    "usefulness": ("Usefulness", usefulness.show),
    "data": ("Synthetic rows", data.show),
    "checks": ("Checks", background.checks),
    "model": ("Model", background.model),
    "provenance": ("Provenance", background.provenance),
    "review": ("Review", review.show),
}


def show(page: Any) -> None:
    """Draw the page of the run that the address names."""
    st.page_link(page, label="All runs", icon=":material/arrow_back:")
    name = st.query_params.get("run")
    run = store.find(name)
    if run is None:
        st.title("No such run", anchor=False)
        st.write("It may have been moved or deleted." if name else "Choose one from the list of all runs.")
        return
    if run.status == "running":
        st.title(run.name, anchor=False)
        st.fragment(going, run_every=2)(run.name)
        stopping(run)
        return
    if run.status != "done":
        ended(run)
        return
    try:
        report = store.report(run)
    except SynthdataError as error:
        st.title(run.name, anchor=False)
        st.error(f"This run’s report cannot be shown. {error}")
        deleting.show(run)
        return
    st.html(render_part(report, "masthead"))
    standing = review.seal(store.review(run))
    if standing:
        st.html(standing)
    tab = st.segmented_control(
        "Part of the report",
        list(TABS),
        format_func=lambda key: TABS[key][0],
        key=follow("tab", TABS, "verdict"),
        on_change=remember,
        args=("tab",),
        label_visibility="collapsed",
        required=True,
    )
    TABS[tab or "verdict"][1](report, run)
    deleting.show(run)


def going(name: str) -> None:
    """A run under way: stage and time left, drawn again every other second."""
    access.let_in("viewer")
    run = store.find(name)
    if run is None or run.status != "running":
        st.rerun()
        return
    event = store.last_event(run)
    st.caption(literal(f"{run.source} · {run.model or ''}"))
    fraction = event.get("fraction")
    st.progress(float(fraction) if isinstance(fraction, int | float) else 0.0, text=progress_text(event))
    st.write("You may close this page; the run goes on. Its report appears here when it is done.")
    drawing = charts.quality_curve(store.quality(run), theme.current())
    if drawing is not None:
        st.subheader("Held-out quality", anchor=False)
        st.plotly_chart(drawing, theme=None, config=theme.QUIET, key="quality", alt="Held-out quality")
        st.caption("Measured on rows that training does not see. When it no longer gets better, training is done.")


def stopping(run: RunInfo) -> None:
    """The way to end a run early."""
    if not access.let_in("viewer").may("runner"):
        return
    if st.button("Stop this run", icon=":material/stop_circle:"):
        try:
            starting.cancel(run)
        except SynthdataError as error:
            st.error(str(error))
        else:
            st.caption("Asked to stop; it ends at its next step.")


def ended(run: RunInfo) -> None:
    """A run that left no report: how it ended, and what to do."""
    st.title(run.name, anchor=False)
    label = STATUS_LABELS.get(run.status, run.status)
    told = run.message or "It left no message."
    if run.status == "cancelled":
        st.warning(f"**{label}.** {literal(told)}")
    else:
        st.error(f"**{label}.** {literal(told)}")
    last = store.last_event(run)
    if last:
        st.write(f"The last that was heard of it: {literal(progress_text(last))}")
    again = (
        "Run it again if you need it." if run.status == "cancelled" else "Mend what the message names and run it again."
    )
    st.write(f"There is no report. {again}")
    deleting.show(run)
