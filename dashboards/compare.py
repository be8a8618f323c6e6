"""Runs side by side: their figures, the trade between them, and what differs between two."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import streamlit as st

from dashboards import charts, store, theme
from dashboards.access import let_in
from dashboards.address import follow, remember
from dashboards.candidates import Candidate, column_errors, differences, front, marks, of_comparison, of_run, points
from dashboards.theme import literal
from synthdata.reporting import numbers
from synthdata.reporting.comparison import PRIVACY_STYLES, SHOWN
from synthdata.reporting.glossary import term

RUNS = "The runs of this dashboard"
MOST = 12
MOST_COLUMNS = 40
AXES = {"privacy.dcr_share": "Privacy", "utility.tstr": "Usefulness"}


def show(runs_page: Any) -> None:
    """Draw the page."""
    let_in("viewer")
    st.title("Compare", anchor=False)
    compared = store.comparisons()
    ready = {run.name: run for run in store.runs() if run.status == "done"}
    if len(ready) < 2 and not compared:
        st.write(
            "There is nothing to compare yet: it takes two runs that are done, or a folder of `synthdata compare`."
        )
        return
    options = [*([RUNS] if len(ready) >= 2 else []), *compared]
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    origin = left.selectbox("What", options, key=follow("of", options, options[0]), on_change=remember, args=("of",))
    if origin == RUNS:
        names = right.multiselect(
            "Runs", list(ready), default=preset(list(ready)), max_selections=MOST, key="compared", on_change=keep
        )
        found = [candidate for name in names if (candidate := of_run(ready[name])) is not None]
        if len({ready[candidate.name].record.get("fingerprint") for candidate in found}) > 1:
            st.warning(
                "Not all of these were made from the same table: read each figure against its own fresh real rows."
            )
        for name in names:
            if all(candidate.name != name for candidate in found):
                st.warning(f"{literal(name)} has no report that can be read.")
    else:
        found = of_comparison(compared[origin])
        st.write(literal(str((compared[origin].get("recommendation") or {}).get("sentence") or "")))
    if not found:
        st.write("Choose at least one.")
        return
    st.html(side_by_side(found))
    plane(found)
    if any(candidate.report for candidate in found):
        columns(found, runs_page)
        changes(found)


def preset(names: list[str]) -> list[str]:
    """The runs that the address names, otherwise the newest ones."""
    wanted = [name for name in st.query_params.get("runs", "").split("|") if name in names]
    return wanted[:MOST] or names[:4]


def keep() -> None:
    """Write the runs that were chosen into the address."""
    st.query_params["runs"] = "|".join(st.session_state["compared"])


def side_by_side(found: Sequence[Candidate]) -> str:
    """The figures with their intervals, and what to read them against."""
    best = front(found)
    heads = "".join(
        f'<th class="n" scope="col" title="{escape(term(metric).tooltip)}">{escape(term(metric).label)}</th>'
        for metric in SHOWN
    )
    rows = []
    for candidate in found:
        cells = []
        for metric in SHOWN:
            figure = candidate.figures.get(metric)
            if figure is None or not figure.known:
                cells.append('<td class="n">–</td>')
                continue
            told = [figure.interval, figure.against]
            fine = "".join(f'<span class="fine">{escape(text)}</span>' for text in told if text)
            cells.append(f'<td class="n"><b>{escape(figure.shown)}</b>{fine}</td>')
        style = PRIVACY_STYLES.get(candidate.privacy, "info")
        spent = f" · ε = {candidate.epsilon:.3g}" if candidate.epsilon is not None else ""
        sign = " ◆" if candidate.name in best else ""
        rows.append(
            f'<tr><th scope="row">{escape(candidate.name)}{sign}'
            f'<span class="fine">{escape(candidate.model)}{spent}</span></th>{"".join(cells)}'
            f'<td><span class="tag {style}">{escape(candidate.privacy)}</span></td>'
            f'<td class="n">{escape(numbers.seconds(candidate.seconds))}</td></tr>'
        )
    note = "◆ no other is as good in everything and better in something" if best else ""
    return (
        '<div class="synthdata-view"><div class="sideways" tabindex="0" role="region" aria-label="Side by side">'
        f'<table class="plain beside"><thead><tr><th scope="col">Run</th>{heads}<th scope="col">Privacy tests</th>'
        f'<th class="n" scope="col">Fit and draw</th></tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
        f'<p class="fine">95% intervals below each figure, and what to read it against. {note}</p></div>'
    )


def plane(found: Sequence[Candidate]) -> None:
    """Fidelity against privacy or usefulness."""
    st.header("What one gives for the other", anchor=False)
    axis = st.segmented_control(
        "Fidelity against", list(AXES), format_func=AXES.__getitem__, key=follow("against", AXES, "privacy.dcr_share"),
        on_change=remember, args=("against",), required=True,
    )  # fmt: skip
    axes = (axis or "privacy.dcr_share", "fidelity.detection")
    placed = points(found, *axes)
    if not placed:
        st.write("None of them has both figures.")
        return
    read_against = (marks(found, axes[0]), marks(found, axes[1]))
    st.plotly_chart(
        charts.plane(placed, axes, read_against, theme.current()), theme=None, config=theme.QUIET, key="plane",
        alt=f"{term(axes[1]).label} against {term(axes[0]).label}; the table above has the figures",
    )  # fmt: skip
    dashed = "Blue: the ideal, or where fresh real rows lie." if any(read_against) else ""
    st.caption(
        f"Larger: took longer. ● may be shared, ◆ with care, ✕ not as it is. Ringed: on the Pareto front. {dashed}"
    )


def columns(found: Sequence[Candidate], runs_page: Any) -> None:
    """Shape errors column by column, and the way to the worst one of each run."""
    errors = column_errors(found)
    names = {name for run in errors.values() for name in run}
    worst = sorted(names, key=lambda name: -max(run.get(name, 0.0) for run in errors.values()))
    if not worst:
        return
    st.header("Column by column", anchor=False, help=term("fidelity.shape").tooltip)
    st.plotly_chart(
        charts.column_dots(errors, worst[:MOST_COLUMNS], theme.current()), theme=None, config=theme.QUIET,
        key="columns", alt="Shape error of each column in each run; the table below has the figures",
    )  # fmt: skip
    rows = [
        {"Column": name, **{run: 100 * found[name] if name in found else None for run, found in errors.items()}}
        for name in worst
    ]
    config = {run: st.column_config.NumberColumn(format="%.2f%%") for run in errors}
    with st.expander(f"All {numbers.plural(len(worst), 'column')} as a table"):
        st.dataframe(rows, hide_index=True, column_config=config)
    with st.container(horizontal=True, key="worst"):
        for run, found_errors in errors.items():
            if found_errors and runs_page is not None:
                column = max(found_errors, key=lambda name: found_errors[name])
                label = f"Worst of {literal(run)}: {literal(column)}"
                there = {"run": run, "tab": "fidelity", "column": column}
                st.page_link(runs_page, label=label, query_params=there, width="content")


def changes(found: Sequence[Candidate]) -> None:
    """What differs between two runs."""
    told = [candidate for candidate in found if candidate.report is not None]
    if len(told) < 2:
        return
    st.header("What changed between two", anchor=False)
    names = [candidate.name for candidate in told]
    left, right = st.columns(2)
    first = left.selectbox("From", names, key="from")
    second = right.selectbox("To", [name for name in names if name != first], key="to")
    by_name = {candidate.name: candidate for candidate in told}
    rows = differences(by_name[first], by_name[second])
    if not rows:
        st.write("They were told the same.")
        return
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(one)}</td><td>{escape(other)}</td></tr>'
        for name, one, other in rows
    )
    st.html(
        '<div class="synthdata-view"><table class="plain"><thead><tr><th scope="col">Setting</th>'
        f'<th scope="col">{escape(first)}</th><th scope="col">{escape(second)}</th></tr></thead><tbody>{body}</tbody>'
        "</table></div>"
    )
