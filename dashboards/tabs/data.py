"""A preview of synthetic rows; real rows are never shown."""

from __future__ import annotations

import streamlit as st

from dashboards import store
from synthdata.errors import SynthdataError
from synthdata.reporting import numbers
from synthdata.reporting.report import Report
from synthdata.runs.store import RunInfo


def show(report: Report, run: RunInfo) -> None:
    """Draw the part."""
    try:
        frame, rows = store.preview(run)
    except SynthdataError as error:
        st.error(str(error))
        return
    st.header("Synthetic rows", anchor=False)
    shown = f"The first {numbers.count(len(frame))} of {numbers.plural(rows, 'row')}."
    st.caption(f"{shown} All are invented; how often they resemble real ones is told under Privacy.")
    st.dataframe(frame, hide_index=True, height=560)
