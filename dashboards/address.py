"""Widgets that follow the address bar, so that a link leads to the same run, part and column."""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st


def follow(parameter: str, options: Collection[str], default: str) -> str:
    """Set the widget named like the parameter to what the address says, or the default; return its key.

    Call it before drawing the widget, and hand `remember` to the widget's ``on_change``.
    """
    wanted = st.query_params.get(parameter, default)
    st.session_state[parameter] = wanted if wanted in options else default
    return parameter


def remember(parameter: str) -> None:
    """Write the widget's new value into the address."""
    value = st.session_state[parameter]
    if value is None:
        st.query_params.pop(parameter, None)
    else:
        st.query_params[parameter] = value
