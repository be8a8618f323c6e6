"""Checks of the tables, provenance, methods, and the report as files."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards import theme
from synthdata.reporting.html import render_part
from synthdata.reporting.report import Report
from synthdata.runs.store import RunInfo


def checks(report: Report, run: RunInfo) -> None:
    """What was checked of source and synthetic table, and the expectations behind it as a file."""
    st.html(render_part(report, "checks"))
    if not report.shared:
        download(run, st, "expectations.json", "Expectations for Great Expectations")


def model(report: Report, run: RunInfo) -> None:
    """The model: parameters, how training went, and what it learnt."""
    st.html(render_part(report, "model", theme=theme.current()))


def provenance(report: Report, run: RunInfo) -> None:
    """Where everything came from, how it was measured, and what the words mean."""
    files = {"report.html": "Report as a page", "report.json": "Report as data"}
    for place, (name, label) in zip(st.columns(4), files.items(), strict=False):
        download(run, place, name, label, width="stretch")
    for part in ("provenance", "methods", "glossary"):
        st.html(render_part(report, part))


def download(run: RunInfo, place: Any, name: str, label: str, **look: Any) -> None:
    """A button for a file of the run; nothing where the run has none."""
    path = run.folder / name
    if path.is_file():
        place.download_button(label, path.read_bytes(), file_name=f"{run.name}-{name}", on_click="ignore", **look)
