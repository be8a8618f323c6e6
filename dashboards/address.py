"""Widgets that follow the address bar, so that a link leads to the same run, part and column."""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st


def follow(parameter: str, options: Collection[str] | None, default: str) -> str:
    """Set the widget named like the parameter to what the address says, or the default; return its key.

    ``options`` are the values it may have, None for any text. Call it before drawing the widget, and hand `remember` to
    the widget's ``on_change``.
    """
    wanted = st.query_params.get(parameter, default)
    st.session_state[parameter] = wanted if options is None or wanted in options else default
    return parameter


def remember(parameter: str) -> None:
    """Write the widget's new value into the address."""
    value = st.session_state[parameter]
    if value in (None, ""):
        st.query_params.pop(parameter, None)
    else:
        st.query_params[parameter] = value


def settle(place: str) -> None:
    """Make the address bar say where the reader is, once after each change of place.

    A link from a page to itself with other parameters changes the page, but leaves the browser's address as it was.
    """
    if st.session_state.get("place") != place:
        st.session_state["place"] = place
        st.query_params.from_dict(st.query_params.to_dict())
