"""Relations between columns: three matrices and the worst pairs."""

from __future__ import annotations

import streamlit as st

from dashboards import theme
from dashboards.tabs.fidelity import QUIET
from synthdata.reporting import charts, numbers
from synthdata.reporting.glossary import term
from synthdata.reporting.html import render_part
from synthdata.reporting.report import Report
from synthdata.runs.store import RunInfo

MATRICES = {"real": "Real", "synthetic": "Synthetic", "difference": "Synthetic − real"}


def show(report: Report, run: RunInfo) -> None:
    """Draw the part."""
    pairs = report.pairs
    st.header("Relations between columns", anchor=False, help=term("fidelity.trend").tooltip)
    if not pairs.get("columns"):
        st.write("There are too few columns to compare pairs.")
        return
    for place, (which, label) in zip(st.columns(3), MATRICES.items(), strict=True):
        drawing = charts.pair_heatmap(pairs, which, theme.current())
        if drawing is not None:
            place.markdown(f"**{label}**")
            place.plotly_chart(drawing, theme=None, config=QUIET, key=which, alt=f"{label}: associations of all pairs")
    st.caption(f"Violet is positive or strong, green negative. {pairs.get('measure') or ''}")
    worst = pairs.get("worst") or []
    if worst:
        st.header("Pairs that came out worst", anchor=False)
        rows = [
            {
                "Pair": " with ".join(pair["columns"]),
                "Measured by": {"contingency": "cross table"}.get(pair.get("measure"), pair.get("measure")),
                "Trend error": numbers.percent(pair.get("value")),
                "Fresh real rows": numbers.percent(pair.get("reference")),
            }
            for pair in worst
        ]
        st.dataframe(rows, hide_index=True)
    st.html(render_part(report, "together", theme=theme.current()))
