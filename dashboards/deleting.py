"""Deleting a run for good, with what was uploaded for it; asked twice, and never while it is under way."""

from __future__ import annotations

import secrets
import shutil

import streamlit as st

from dashboards import access, augmenting, starting, store, uploads
from dashboards.theme import literal
from synthdata.errors import SynthdataError
from synthdata.runs.store import RunInfo


def show(run: RunInfo) -> None:
    """Draw the button behind which a runner is asked again; nothing for others."""
    person = access.let_in("viewer")
    if not person.may("runner"):
        return
    # In the flow of the page: what opens over it from its lower end may lie beyond the screen.
    with st.expander("Delete this run…", icon=":material/delete:"):
        st.write(
            f"**{literal(run.name)}** goes for good: its rows, report, model and review log, and the file that was "
            "uploaded for it."
        )
        sure = st.checkbox("I will not need it any more", key=f"sure-{run.name}")
        if st.button("Delete it for good", type="primary", disabled=not sure, key=f"delete-{run.name}"):
            try:
                remove(run, person)
            except SynthdataError as error:
                st.error(literal(store.without_paths(str(error))))
                return
            st.query_params.clear()
            st.rerun()


def remove(run: RunInfo, person: access.Person) -> None:
    """Delete a run's folder, the notes of its start, and what was uploaded for it.

    Raises:
        SynthdataError: the person may not, the run is under way, or its folder cannot be removed.
    """
    if not person.may("runner"):
        raise SynthdataError("Only a runner may delete a run.")
    if run.status == "running":
        raise SynthdataError("This run is under way.", "Stop it first.")
    if augmenting.standing(run).state == "running":
        raise SynthdataError("Whether its rows help is being measured.", "Stop that first.")
    if store.review(run).state in ("released", "broken") and not person.may("reviewer"):
        raise SynthdataError("This run was released.", "Only a runner who is a reviewer as well may delete it.")
    if run.folder.is_symlink():
        raise SynthdataError("This run lies elsewhere; here is only a link to it.", "Delete it where it lies.")
    # Out of sight at once, so that nobody meets half a run.
    aside = store.root() / f".deleted-{secrets.token_hex(8)}"
    try:
        if run.folder.exists():
            run.folder.rename(aside)
            shutil.rmtree(aside)
        start = store.root() / starting.FOLDER / run.name
        if start.exists():
            shutil.rmtree(start)
    except OSError as error:
        raise SynthdataError(f"The run cannot be deleted: {error.strerror}.") from None
    uploads.sweep()
