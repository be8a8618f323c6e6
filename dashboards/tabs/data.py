"""A preview of synthetic rows; real rows are never shown."""

from __future__ import annotations

import streamlit as st

from dashboards import store
from dashboards.address import follow, remember
from synthdata.errors import SynthdataError
from synthdata.reporting import numbers
from synthdata.reporting.report import Report
from synthdata.runs.store import RunInfo


def show(report: Report, run: RunInfo) -> None:
    """Draw the part."""
    st.header("Synthetic rows", anchor=False)
    sought = st.text_input(
        "Find rows",
        key=follow("holding", None, ""),
        on_change=remember,
        args=("holding",),
        placeholder="A word or number in any column",
    ).strip()
    try:
        frame, rows = store.preview(run, sought)
    except SynthdataError as error:
        st.error(str(error))
        return
    st.caption(
        f"{told(len(frame), rows, sought)} All are invented; how often they resemble real ones is under Privacy."
    )
    st.dataframe(frame, hide_index=True, height=560)


def told(shown: int, rows: int, sought: str) -> str:
    """Which rows are shown.

    >>> told(500, 8000, "")
    'The first 500 of 8,000 rows.'
    >>> told(3, 8000, "Rome")
    'All 3 of 8,000 rows that hold it.'
    """
    of_all = f"{numbers.count(shown)} of {numbers.plural(rows, 'row')}"
    if not sought:
        return f"The first {of_all}."
    return (
        f"{'The first' if shown >= store.PREVIEW_ROWS else 'All'} {of_all} that hold it."
        if shown
        else "No row holds it."
    )
