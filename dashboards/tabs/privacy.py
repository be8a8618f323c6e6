"""The privacy panel: the finding, the distances, the attacks, the tests."""

from __future__ import annotations

import streamlit as st

from dashboards import theme
from synthdata.reporting import charts
from synthdata.reporting.html import render_part
from synthdata.reporting.report import Report
from synthdata.runs.store import RunInfo


def show(report: Report, run: RunInfo) -> None:
    """Draw the part."""
    st.html(render_part(report, "finding"))
    if report.facts["privacy"].get("dp"):
        st.html(render_part(report, "guarantee"))
        st.html(render_part(report, "audit"))
    distances = (report.facts["privacy"].get("details") or {}).get("distances") or {}
    drawing = charts.distance_overlay(distances, theme.current())
    if drawing is not None:
        st.header("How far is the closest real row?", anchor=False)
        st.plotly_chart(
            drawing, theme=None, config=theme.QUIET, key="distances", alt="Distances to the closest real row"
        )
        st.caption(
            "If the orange curve lay left of the dotted one, synthetic rows would be drawn towards the training rows."
        )
    st.html(render_part(report, "attacks"))
    st.html(render_part(report, "tests"))
