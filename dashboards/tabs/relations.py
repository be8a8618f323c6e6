"""Relations between columns: three matrices, the worst pairs, and any pair drawn that is clicked or chosen."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards import theme
from dashboards.address import follow, remember
from synthdata.reporting import charts, numbers
from synthdata.reporting.cross_tables import of_pair
from synthdata.reporting.glossary import term
from synthdata.reporting.html import render_part
from synthdata.reporting.report import Report
from synthdata.runs.store import RunInfo

SIDES = {"real": "Real", "synthetic": "Synthetic", "difference": "Synthetic − real"}


def show(report: Report, run: RunInfo) -> None:
    """Draw the part."""
    pairs = report.pairs
    st.header("Relations between columns", anchor=False, help=term("fidelity.trend").tooltip)
    if not pairs.get("columns"):
        st.write("There are too few columns to compare pairs.")
        return
    tables = {named(facts["columns"]): facts for facts in pairs.get("tables") or []}
    for place, (which, label) in zip(st.columns(3), SIDES.items(), strict=True):
        drawing = charts.pair_heatmap(pairs, which, theme.current())
        if drawing is not None:
            place.markdown(f"**{label}**")
            more: dict[str, Any] = {}
            if tables:
                more = {"on_select": lambda which=which: clicked(which, tables), "selection_mode": "points"}
            place.plotly_chart(
                drawing, theme=None, config=theme.QUIET, key=which, alt=f"{label}: associations of all pairs", **more
            )
    hint = "Click a cell to see the pair." if tables and len(pairs["columns"]) <= charts.CLICKABLE else ""
    measure = f"{pairs['measure']}." if pairs.get("measure") else ""
    st.caption(f"Violet is positive or strong, green negative. {measure} {hint}")
    if pairs.get("worst"):
        worst(pairs["worst"], tables)
    if tables:
        one_pair(tables)
    st.html(render_part(report, "together", theme=theme.current()))


def worst(found: list[dict[str, Any]], tables: dict[str, Any]) -> None:
    """The pairs that came out worst, as a table; a row that is chosen is drawn below."""
    st.header("Pairs that came out worst", anchor=False)
    rows = [
        {
            "Pair": named(pair["columns"]),
            "Measured by": {"contingency": "cross table"}.get(pair.get("measure", ""), pair.get("measure")),
            "Trend error": numbers.percent(pair.get("value")),
            "Fresh real rows": numbers.percent(pair.get("reference")),
        }
        for pair in found
    ]
    if not tables:
        st.dataframe(rows, hide_index=True)
        return
    names = [named(pair["columns"]) for pair in found]
    st.dataframe(
        rows, hide_index=True, key="worst-pairs", on_select=lambda: chosen(names, tables), selection_mode="single-row"
    )


def one_pair(tables: dict[str, Any]) -> None:
    """A pair's cross tables: real, synthetic, and where they part."""
    st.header("One pair", anchor=False)
    labels = {name: f"{name}   ({numbers.percent(facts.get('value'))})" for name, facts in tables.items()}
    name = st.selectbox(
        "Pair, the worst first",
        list(labels),
        format_func=labels.__getitem__,
        key=follow("pair", labels, next(iter(labels))),
        on_change=remember,
        args=("pair",),
        help="The percentage is the trend error: 0% would be the same relation.",
    )
    table = of_pair(tables[name])
    if table is None:
        return
    for place, (which, label) in zip(st.columns(3), SIDES.items(), strict=True):
        place.markdown(f"**{label}**")
        drawing = charts.cross_heatmap(table, which, theme.current())
        told = f"{label}: {table.names[0]} by {table.names[1]}"
        place.plotly_chart(drawing, theme=None, config=theme.QUIET, key=f"pair-{which}", alt=told)
    st.caption(
        "The stronger a cell’s colour, the more rows lie in it; real and synthetic are on one scale. In the "
        "difference violet is too many synthetic rows, green too few. Cells of fewer than "
        f"{tables[name].get('least')} rows are drawn empty."
    )


def named(columns: list[str]) -> str:
    """What a pair is called."""
    return " with ".join(columns)


def clicked(which: str, tables: dict[str, Any]) -> None:
    """Take the pair whose cell was clicked in a matrix."""
    points = st.session_state[which].selection.points
    if points:
        one, other = points[0]["customdata"][:2]
        columns = {charts.escaped(part): part for facts in tables.values() for part in facts["columns"]}
        take([columns.get(one, one), columns.get(other, other)], tables)


def chosen(names: list[str], tables: dict[str, Any]) -> None:
    """Take the pair whose row was chosen."""
    rows = st.session_state["worst-pairs"].selection.rows
    if rows and names[rows[0]] in tables:
        st.query_params["pair"] = names[rows[0]]


def take(columns: list[str], tables: dict[str, Any]) -> None:
    """Put a pair into the address, in the order in which it has a table."""
    for name in (named(columns), named(columns[::-1])):
        if name in tables:
            st.query_params["pair"] = name
