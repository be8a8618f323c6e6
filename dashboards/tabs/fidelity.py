"""Columns, the least faithful first: one drawn large, all of them in a table."""

from __future__ import annotations

import streamlit as st

from dashboards import theme
from dashboards.address import follow, remember
from synthdata.reporting import charts, numbers
from synthdata.reporting.html import KINDS, summary_rows
from synthdata.reporting.report import ColumnFacts, Report
from synthdata.runs.store import RunInfo


def show(report: Report, run: RunInfo) -> None:
    """Draw the part."""
    columns = report.worst_columns()
    if not columns:
        st.write("No column could be compared.")
        return
    labels = {column.name: f"{column.name}   ({column.shape.shown})" for column in columns if column.shape}
    st.header("Column by column", anchor=False)
    name = st.selectbox(
        "Column, the least faithful first",
        list(labels),
        format_func=labels.__getitem__,
        key=follow("column", labels, columns[0].name),
        on_change=remember,
        args=("column",),
        help="The percentage is the shape error: 0% would be the same distribution.",
    )
    large(next(column for column in columns if column.name == name))
    overview(columns)
    giveaways(report)
    others = report.other_columns()
    if others:
        st.header("Not compared", anchor=False)
        rows = [
            {"Column": column.name, "Kind": KINDS.get(column.kind, column.kind), "Why": column.reason}
            for column in others
        ]
        st.dataframe(rows, hide_index=True)


def large(column: ColumnFacts) -> None:
    """One column: overlay, bars and the numbers behind them."""
    look = theme.current()
    left, right = st.columns([3, 2], gap="large")
    with left:
        told = f"{column.name}: real, synthetic and holdout"
        overlay = charts.column_overlay(column, look)
        if overlay is not None:
            st.plotly_chart(overlay, theme=None, config=theme.QUIET, key="overlay", alt=f"Distribution of {told}")
        bars = charts.column_bars(column, look)
        if bars is not None:
            st.plotly_chart(bars, theme=None, config=theme.QUIET, key="bars", alt=f"Shares of {told}")
    with right:
        if column.shape:
            st.metric("Shape error", column.shape.shown, help=column.shape.term.tooltip)
            st.caption(
                " ".join(
                    filter(
                        None,
                        [column.shape.reading(), column.shape.interval and f"95% interval {column.shape.interval}."],
                    )
                )
            )
        nulls = (
            "no value",
            numbers.percent(column.missing.get("real")),
            numbers.percent(column.missing.get("synthetic")),
        )
        rows = [{"What": what, "Real": real, "Synthetic": made} for what, real, made in (nulls, *summary_rows(column))]
        st.dataframe(rows, hide_index=True)


def overview(columns: list[ColumnFacts]) -> None:
    """All compared columns in a table that sorts and searches."""
    st.header("All columns", anchor=False)
    rows = [
        {
            "Column": column.name,
            "Kind": KINDS.get(column.kind, column.kind),
            "Shape error": 100 * (column.shape.value or 0.0),
            "Fresh real rows": None if column.shape.reference is None else 100 * column.shape.reference,
            "No value, real": numbers.percent(column.missing.get("real")),
            "No value, synthetic": numbers.percent(column.missing.get("synthetic")),
        }
        for column in columns
        if column.shape
    ]
    largest = max(column.shape.value or 0.0 for column in columns if column.shape) or 0.01
    st.dataframe(
        rows,
        hide_index=True,
        column_config={
            "Shape error": st.column_config.ProgressColumn(format="%.2f%%", min_value=0.0, max_value=100 * largest),
            "Fresh real rows": st.column_config.NumberColumn(format="%.2f%%"),
        },
    )


def giveaways(report: Report) -> None:
    """What a classifier tells synthetic rows by."""
    drawing = charts.importance_bars(((report.facts.get("detection") or {}).get("columns") or [])[:12], theme.current())
    if drawing is not None:
        st.header("What gives synthetic rows away", anchor=False)
        st.caption("By how much a strong classifier’s AUC falls when a column is shuffled. Mend the first ones first.")
        st.plotly_chart(
            drawing, theme=None, config=theme.QUIET, key="giveaways", alt="Importance of columns for telling rows apart"
        )
