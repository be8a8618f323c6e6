"""Review: the decision, the log that keeps it, and the bundle that a released run hands out."""

from __future__ import annotations

from html import escape

import streamlit as st

from dashboards import access, bundle, store
from dashboards.tabs import sharing
from dashboards.theme import literal
from synthdata.errors import SynthdataError
from synthdata.reporting import numbers
from synthdata.reporting.report import Report
from synthdata.reporting.words import opening, tone
from synthdata.runs.audit_log import Action, Review, record
from synthdata.runs.store import RunInfo

ACTIONS: dict[str, Action] = {"Approve and release": "approve", "Reject": "reject", "Comment": "comment"}
DONE = {"approve": "✓ Released", "reject": "✕ Rejected", "comment": "– Comment"}
TONES = {"approve": "pass", "reject": "fail", "comment": "info"}


def show(report: Report, run: RunInfo) -> None:
    """Draw the part."""
    person = access.let_in("viewer")
    review = store.review(run)
    st.header("Review", anchor=False)
    st.html(seal(review, long=True))
    if review.state == "released":
        download(report, run, person)
    sharing.show(report, run, review, person)
    if review.entries:
        st.subheader("The log", anchor=False)
        st.html(log(review))
    if review.state == "broken":
        for problem in review.problems:
            st.error(literal(problem))
    if not person.may("reviewer"):
        st.caption("You may read this; a reviewer decides.")
    else:
        decide(report, run, person, len(review.entries))


def decide(report: Report, run: RunInfo, person: access.Person, number: int) -> None:
    """The form for a decision or a comment, which empties when the log has one entry more."""
    st.subheader("Your decision", anchor=False)
    if tone(report) == "fail":
        st.warning(
            f"The report says: {literal(opening(report).answer)} Release it only for a reason that outweighs that."
        )
    with st.form(f"review-{number}", border=False):
        action = st.segmented_control("What do you say?", list(ACTIONS), default=None, key=f"decision-{number}")
        name = person.name if person.known else st.text_input("Your name", value=person.name, key="reviewer")
        reason = st.text_area("Why? It is kept in the log.", key=f"reason-{number}", height=110)
        sent = st.form_submit_button("Write it into the log", type="primary")
    if not sent:
        return
    if action is None:
        st.error("Choose one of the three first.")
        return
    try:
        record(run.folder, ACTIONS[action], name=name or "", reason=reason or "")
    except SynthdataError as error:
        st.error(literal(store.without_paths(str(error))))
        return
    st.rerun()


def download(report: Report, run: RunInfo, person: access.Person) -> None:
    """The bundle of a released run."""
    internal = False
    if (person.may("reviewer") or person.may("runner")) and report.edition != "share":
        internal = st.checkbox(
            "With the internal report, for in-house use only",
            key="internal",
            help="It holds statistics of real rows. Without it, the bundle has the edition for sharing.",
        )
    st.download_button(
        "Download the bundle",
        lambda: bundle.build(run, report, internal=internal),
        file_name=f"{run.name}{'-internal' if internal else ''}.zip",
        mime="application/zip",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
    )
    st.caption("Rows as Parquet and CSV, the report, schema, ledger where there is one, and this log.")


def seal(review: Review, *, long: bool = False) -> str:
    """A line that says how a run stands in its review; empty where nobody has decided and ``long`` is not asked for."""
    decision = review.decision
    if review.state == "broken":
        told, tone = "✕ The seal is broken: the log or a released file was changed.", "fail"
    elif decision is None:
        if not long:
            return ""
        told, tone = "Nobody has decided on this run yet.", "info"
    else:
        told = f"{DONE[decision.action]} by {decision.name}, {numbers.moment(decision.time)}"
        tone = TONES[decision.action]
    mark = f'<span class="mono">seal {review.seal[:12]}</span>' if long and review.state == "released" else ""
    return f'<div class="synthdata-view"><p class="release {tone}">{escape(told)} {mark}</p></div>'


def log(review: Review) -> str:
    """The log, the newest entry first."""
    rows = "".join(
        f'<li class="{TONES[entry.action]}"><p class="state">{DONE[entry.action]}</p>'
        f'<div><p>{escape(entry.reason)}</p><p class="fine">{escape(entry.name)}, {numbers.moment(entry.time)} · '
        f'entry {entry.number} · <span class="mono">{entry.hash[:12]}</span></p></div></li>'
        for entry in reversed(review.entries)
    )
    return f'<div class="synthdata-view"><ol class="review-log">{rows}</ol></div>'
