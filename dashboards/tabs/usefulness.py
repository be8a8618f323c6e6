"""Usefulness: trained on synthetic, tested on real; and whether synthetic rows help beside the real ones."""

from __future__ import annotations

from html import escape
from typing import Any

import streamlit as st

from dashboards import access, augmenting, store
from dashboards.augmenting import Measurement
from dashboards.home import progress_text
from dashboards.theme import literal
from synthdata.errors import SynthdataError
from synthdata.reporting import numbers
from synthdata.reporting.html import render_part
from synthdata.reporting.report import Report
from synthdata.runs.store import RunInfo

#: what a strategy does, as words and a colour
VERDICTS = {"helps": ("✓ helps", "pass"), "harms": ("✕ harms", "fail")}
NEITHER = ("no clear difference", "info")


def show(report: Report, run: RunInfo) -> None:
    """Draw the part."""
    st.html(render_part(report, "usefulness"))
    if not report.shared:
        st.html(render_part(report, "fairness"))
        help_or_not(report, run)


def help_or_not(report: Report, run: RunInfo) -> None:
    """Whether more rows help a model: what was measured, or the way to measure it."""
    person = access.let_in("viewer")
    measured = augmenting.standing(run)
    if measured.state == "none" and (not person.may("runner") or run.model is None):
        return
    st.header("Would synthetic rows help a model?", anchor=False)
    if measured.state == "running":
        st.fragment(under_way, run_every=2)(run.name)
        if person.may("runner") and st.button("Stop measuring", icon=":material/stop_circle:"):
            augmenting.cancel(run)
            st.caption("Asked to stop; it ends at its next step.")
        return
    if measured.state == "failed":
        st.error(f"It could not be measured. {literal(store.without_paths(measured.message))}")
    if measured.state == "done":
        verdict(measured, run)
    if person.may("runner") and run.model is not None:
        measure(report, run, person, again=measured.state != "none")


def measure(report: Report, run: RunInfo, person: access.Person, *, again: bool) -> None:
    """The way to measure it."""
    if report.facts["privacy"].get("dp"):
        st.write(
            "This run has a guarantee of differential privacy. Measuring here would fit models to real rows outside of "
            "it; it is not offered."
        )
        return
    if not again:
        st.write(
            "A model can be trained on real and synthetic rows together, when there are too few real ones or a class is"
            " rare. Whether that helps is measured by cross-validation on the real table, beside what costs less: rows "
            "drawn again, SMOTE, and weights by class."
        )
    names = [column.name for column in report.columns() if column.chart]
    if not names:
        st.write("No column can be predicted.")
        return
    known = report.run.get("target")
    left, middle, right = st.columns([2, 2, 1], vertical_alignment="bottom")
    target = left.selectbox(
        "Column to predict", names, index=names.index(known) if known in names else len(names) - 1, key="augment-target"
    )
    kinds = {column.name: column.kind for column in report.columns()}
    classes = kinds[target] in ("categorical", "boolean")
    balance = middle.checkbox(
        "Only rows of the small classes",
        key="augment-balance",
        disabled=not classes,
        help="Fills the smaller classes up to the largest, instead of adding as many rows of every kind as there are.",
    )
    if right.button("Measure again" if again else "Measure it", type="primary", width="stretch"):
        try:
            augmenting.start(store.root(), run, person, target=target, balance=balance and classes)
        except SynthdataError as error:
            st.error(literal(store.without_paths(str(error))))
            return
        st.rerun()


def under_way(name: str) -> None:
    """How far it is, drawn again every other second."""
    access.let_in("viewer")
    run = store.find(name)
    measured = augmenting.standing(run) if run is not None else Measurement("none")
    if measured.state != "running":
        st.rerun()
        return
    fraction = measured.event.get("fraction")
    st.progress(float(fraction) if isinstance(fraction, int | float) else 0.0, text=progress_text(dict(measured.event)))
    st.write("You may close this page; the measuring goes on. Its outcome appears here.")


def capitalised(text: str) -> str:
    """A text that begins with a capital, the rest as it is."""
    return text[:1].upper() + text[1:]


def verdict(measured: Measurement, run: RunInfo) -> None:
    """What was found: a sentence, the gains with their intervals, and the rows."""
    facts = measured.facts
    st.markdown(f"**{literal(str(facts.get('answer') or ''))}**")
    st.html("".join(gains(facts, name) for name in facts["gains"]))
    for strategy, reason in (facts.get("left_out") or {}).items():
        st.caption(literal(f"{strategy} was not tried: {reason}"))
    st.caption(
        f"{facts.get('folds')} parts of the real table, each predicted by boosted trees that were trained on the "
        "others; the model that makes rows sees only those, too. 95% intervals allow for parts that overlap."
    )
    if measured.rows is not None and access.let_in("viewer").may("runner"):
        st.download_button(
            f"Download the {numbers.count(facts.get('rows'))} rows",
            measured.rows.read_bytes,
            file_name=f"{run.name}-augmentation.parquet",
            icon=":material/download:",
            on_click="ignore",
        )


def gains(facts: Any, name: str) -> str:
    """A table of the gains of every strategy over the real rows alone."""
    title = f"{facts['target']}: {facts['measure']}" if name == "overall" else f"{facts['target']}: {name}"
    rows = "".join(
        f'<tr><td>{escape(gain["strategy"])}</td><td class="n">{numbers.score(gain["score"], 3)}</td>'
        f'<td class="n">{signed(gain["gain"])}</td>'
        f'<td class="n">{signed(gain["interval"][0])} to {signed(gain["interval"][1])}</td>'
        '<td><span class="tag {1}">{0}</span></td></tr>'.format(*VERDICTS.get(gain["verdict"], NEITHER))
        for gain in facts["gains"][name]
    )
    alone = f", real rows alone {numbers.score(facts['real'], 3)}" if name == "overall" else ""
    return (
        f'<div class="synthdata-view"><h3>{escape(title)}{alone}</h3>'
        f'<div class="sideways" tabindex="0" role="region" aria-label="{escape(title)}"><table class="plain">'
        '<thead><tr><th scope="col">Training on real rows and …</th><th class="n" scope="col">Score</th>'
        '<th class="n" scope="col">Gain</th><th class="n" scope="col">95% interval</th><th scope="col">Verdict</th>'
        f"</tr></thead><tbody>{rows}</tbody></table></div></div>"
    )


def signed(value: float) -> str:
    """A gain with its sign.

    >>> signed(-0.0104)
    '−0.010'
    """
    return f"{value:+.3f}".replace("-", "−")
