"""Checks of the tables, provenance, methods, and the report as files."""

from __future__ import annotations

import streamlit as st

from dashboards import charts, store, theme
from synthdata.reporting.html import render_part
from synthdata.reporting.report import Report
from synthdata.runs.store import RunInfo


def checks(report: Report, run: RunInfo) -> None:
    """What was checked of source and synthetic table."""
    st.html(render_part(report, "checks"))


def provenance(report: Report, run: RunInfo) -> None:
    """Where everything came from, how it was measured, and what the words mean."""
    files = {"report.html": "Report as a page", "report.json": "Report as data"}
    for place, (name, label) in zip(st.columns(4), files.items(), strict=False):
        path = run.folder / name
        if path.is_file():
            place.download_button(
                label, path.read_bytes(), file_name=f"{run.name}-{name}", on_click="ignore", width="stretch"
            )
    drawing = charts.quality_curve(store.quality(run), theme.current())
    if drawing is not None:
        st.header("How training went", anchor=False)
        st.plotly_chart(drawing, theme=None, config={"displayModeBar": False}, key="training", alt="Held-out quality")
        st.caption(
            "Measured on rows that training did not see. Where the line turns flat, more training would not help."
        )
    for part in ("provenance", "methods", "glossary"):
        st.html(render_part(report, part))
