"""Usefulness: trained on synthetic, tested on real."""

from __future__ import annotations

import streamlit as st

from synthdata.reporting.html import render_part
from synthdata.reporting.report import Report
from synthdata.runs.store import RunInfo


def show(report: Report, run: RunInfo) -> None:
    """Draw the part."""
    st.html(render_part(report, "usefulness"))
    if not report.shared:
        st.html(render_part(report, "fairness"))
