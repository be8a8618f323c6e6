"""What goes out with a run that is released: the edition for sharing, looked at first, and figures bought for it."""

from __future__ import annotations

import streamlit as st

from dashboards import access, store
from dashboards.epsilon import EPSILONS, explain
from dashboards.real_table import source_of
from dashboards.theme import literal
from synthdata.errors import SynthdataError
from synthdata.reporting import numbers
from synthdata.reporting.html import render
from synthdata.reporting.report import Report
from synthdata.runs.audit_log import Review
from synthdata.runs.budget_store import Account, BudgetStore
from synthdata.runs.store import RunInfo

#: more is not offered for a handful of shares
CHOICES = tuple(epsilon for epsilon in EPSILONS if epsilon <= 3)


def show(report: Report, run: RunInfo, review: Review, person: access.Person) -> None:
    """Draw what goes out, the way to look at it, and the way to add figures of the real table with noise."""
    st.subheader("What goes out", anchor=False)
    edition = store.share_edition(run, report)
    st.write(told(edition))
    st.download_button(
        "See the report that goes out",
        lambda: page_of(run, report),
        file_name=f"{run.name}-share.html",
        mime="text/html",
        icon=":material/visibility:",
        on_click="ignore",
    )
    if report.shared or not person.may("runner"):
        return
    with st.expander("Put figures of the real table beside the synthetic ones…", icon=":material/blur_on:"):
        if review.state == "released":
            st.write(
                "It is released, so what goes out stays as it was approved. A reviewer who rejects it opens it again."
            )
        else:
            add(run, person, edition)


def told(edition: Report | None) -> str:
    """What the edition for sharing holds of the real table, in a sentence or two."""
    noised = edition.facts.get("noised") if edition is not None else None
    out = "The rows, and a report of its own for those who get them: what they hold, and which rules they met"
    if not noised:
        return f"{out}. It has no figure of the real table."
    return (
        f"{out}. Beside each synthetic column stand the shares of the real one, with the noise of differential privacy "
        f"(ε = {numbers.plain(round(noised['epsilon_spent'], 3))}, δ = {noised['delta']:g}); the real table’s account "
        "has paid for them."
    )


def add(run: RunInfo, person: access.Person, edition: Report | None) -> None:
    """Choose an ε, see what it costs, and pay."""
    st.write(
        "Those who get the rows can then see how near each column comes to the real one. Exact shares would be "
        "statistics of real persons, so random noise is added, and the table’s account pays for the look."
    )
    epsilon = float(
        st.select_slider("ε: how much the shares may tell of one person", CHOICES, 0.5, key="share-epsilon")
    )
    st.write(explain(epsilon, "shares"))
    st.caption(standing(BudgetStore().account(str(run.record.get("fingerprint") or "")), epsilon))
    again = edition is not None
    label = f"Pay ε = {numbers.plain(epsilon)} {'again and replace them' if again else 'and add them'}"
    # Another key once there are some: a second click that comes late must not pay twice.
    if not st.button(label, type="primary", key=f"share-{store.share_stamp(run)}"):
        return
    try:
        with st.spinner("Reading the real table and counting, with noise"):
            buy(run, person, epsilon)
    except SynthdataError as error:
        st.error(literal(store.without_paths(str(error))))
        return
    st.rerun()


def buy(run: RunInfo, person: access.Person, epsilon: float) -> None:
    """Make the edition for sharing with noised figures.

    Raises:
        SynthdataError: the person may not, or the real table cannot be opened from here, or its account refuses.
    """
    from synthdata.sharing import noised_edition

    if not person.may("runner"):
        raise SynthdataError("Only a runner may look at the real table.")
    noised_edition(run.folder, source_of(store.root().resolve(), run, person), epsilon)


def standing(account: Account, epsilon: float) -> str:
    """What the account has paid, and what it would have paid then.

    >>> standing(Account("", 1.0, 1e-6, 2.0, ()), 0.5)
    'So far ε = 1 of at most 2 was spent on this table in 0 runs; then it would be 1.5.'
    """
    cap = "" if account.cap is None else f" of at most {numbers.plain(account.cap)}"
    return (
        f"So far ε = {numbers.plain(account.epsilon)}{cap} was spent on this table in "
        f"{numbers.plural(len(account.spendings), 'run')}; then it would be {numbers.plain(account.epsilon + epsilon)}."
    )


def page_of(run: RunInfo, report: Report) -> str:
    """The report that goes out, as a page."""
    from dashboards.bundle import going_out

    return render(going_out(run, report))
