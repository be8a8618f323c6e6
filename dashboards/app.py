"""The dashboard's entry: which page an address leads to. Start it with `synthdata dashboard`.

``/`` is the list of runs, ``/?run=NAME&tab=PART`` a part of one run's report.
"""

from __future__ import annotations

import streamlit as st

from dashboards import home, report_page, theme
from dashboards.address import settle


def main() -> None:
    """Draw the page that the address asks for."""
    st.set_page_config(page_title="synthdata", layout="wide", initial_sidebar_state="collapsed")
    page = st.Page(lambda: draw(page), title="Runs", url_path="runs", default=True)
    chosen = st.navigation([page], position="hidden")
    theme.dress()
    chosen.run()


def draw(page: st.Page) -> None:
    """The list of runs, or the run that the address names."""
    settle(st.query_params.get("run", ""))
    if "run" in st.query_params:
        report_page.show(page)
    else:
        home.show(page)


main()
