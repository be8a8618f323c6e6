"""Verdict, alerts and the three scores."""

from __future__ import annotations

import streamlit as st

from synthdata.reporting.html import render_part
from synthdata.reporting.report import Report
from synthdata.runs.store import RunInfo


def show(report: Report, run: RunInfo) -> None:
    """May it be shared, and why."""
    for part in ("verdict", "alerts", "scores"):
        if part != "alerts" or report.alerts:
            st.html(render_part(report, part))
