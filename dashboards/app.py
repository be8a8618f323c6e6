"""The dashboard's entry: which page an address leads to. Start it with `synthdata dashboard`.

``/`` is the list of runs, ``/?run=NAME&tab=PART`` a part of one run's report; ``/new-run``, ``/generate`` and
``/compare`` are the other pages.
"""

from __future__ import annotations

from html import escape
from importlib import import_module
from threading import Thread
from typing import Any

import streamlit as st

from dashboards import access, home, report_page, theme
from dashboards.address import settle
from synthdata.errors import SynthdataError


def main() -> None:
    """Draw the page that the address asks for; a page that the reader may not see is refused there, too."""
    st.set_page_config(page_title="synthdata", layout="wide", initial_sidebar_state="collapsed")
    runs = st.Page(lambda: draw(runs), title="Runs", url_path="runs", default=True)
    others: dict[str, tuple[str, access.Role]] = {
        "new_run": ("New run", "runner"),
        "generate": ("Generate", "runner"),
        "compare": ("Compare", "viewer"),
    }
    pages = {page(module, runs, title): role for module, (title, role) in others.items()}
    chosen = st.navigation([runs, *pages], position="hidden")
    theme.dress()
    visible = [each for each, role in {runs: "viewer", **pages}.items() if may(role)]
    menu(visible, chosen)
    chosen.run()
    prepare()


def page(module: str, runs: Any, title: str) -> Any:
    """A page that leads back to the runs; who has not its role does not see it in the menu, and is refused by it.

    It is imported when it is opened first: what models need takes seconds, and the list of runs can do without.
    """
    show = lambda: import_module(f"dashboards.{module}").show(runs)  # noqa: E731
    return st.Page(show, title=title, url_path=module.replace("_", "-"))


@st.cache_resource(show_spinner=False)
def prepare() -> Thread:
    """Import what the other pages need, once, while the first reader looks at the first page."""
    thread = Thread(target=import_module, args=("dashboards.new_run",), daemon=True)
    thread.start()
    return thread


def menu(pages: list[Any], chosen: Any) -> None:
    """The pages that the reader may open, in a line above each of them."""
    with st.container(horizontal=True, vertical_alignment="center", key="menu"):
        st.html('<span class="synthdata-view"><span class="wordmark">synthdata</span></span>', width="content")
        for each in pages:
            with st.container(
                key=f"menu-{'here' if each == chosen else 'to'}-{each.url_path or 'runs'}", width="content"
            ):
                st.page_link(each, label=each.title)
        if pages:
            goodbye()


def goodbye() -> None:
    """Who is logged in, and the way out; nothing where there is no login."""
    person = access.person()
    if person is not None and person.known:
        with st.container(key="menu-person", width="content", horizontal=True, vertical_alignment="center"):
            st.html(
                f'<span class="synthdata-view"><span class="fine">{escape(person.name)}</span></span>', width="content"
            )
            st.button("Log out", type="tertiary", on_click=st.logout)


def may(role: access.Role) -> bool:
    """Whether the reader has a role."""
    try:
        person = access.person()
    except SynthdataError:
        return False
    return person is not None and person.may(role)


def draw(page: Any) -> None:
    """The list of runs, or the run that the address names."""
    access.let_in("viewer")
    settle(st.query_params.get("run", ""))
    if "run" in st.query_params:
        report_page.show(page)
    else:
        home.show(page)


main()
