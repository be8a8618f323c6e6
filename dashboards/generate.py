"""What a saved model can do: new rows under conditions, gaps filled, odd rows found; as files to download."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards import downloads, store, uploads
from dashboards.access import let_in
from dashboards.address import follow, remember
from dashboards.theme import literal
from synthdata import connectors
from synthdata.errors import SynthdataError
from synthdata.models.base import Synthesizer
from synthdata.models.registry import load
from synthdata.reporting import numbers
from synthdata.reporting.html import KINDS

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 1_000_000
SHOWN = 200
WAYS = {"rows": "New rows", "gaps": "Fill gaps", "odd": "Find odd rows"}


def show(runs_page: Any) -> None:
    """Draw the page."""
    let_in("runner")
    st.title("Generate", anchor=False)
    names = store.models()
    if not names:
        st.write("There is no saved model yet. Every run leaves one, unless its model is another library’s.")
        return
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    name = left.selectbox(
        "Model of the run", names, key=follow("model", names, names[0]), on_change=remember, args=("model",)
    )
    try:
        model = open_model(store.root() / name, changed(store.root() / name))
    except SynthdataError as error:
        st.error(literal(store.without_paths(str(error))))
        return
    ways = [
        key for key, ability in (("rows", "sample"), ("gaps", "impute"), ("odd", "log_prob")) if able(model, ability)
    ]
    way = right.segmented_control(
        "What for?", ways, format_func=WAYS.__getitem__, default="rows", required=True, key="way"
    )
    about(name, model)
    {"rows": new_rows, "gaps": fill_gaps, "odd": find_odd}[way or "rows"](name, model)


def about(name: str, model: Synthesizer) -> None:
    """What the model is, and the columns that it knows."""
    modelled = numbers.plural(len(model.schema_.modelled), "learnt column")
    missing = [WAYS[key] for key, ability in (("gaps", "impute"), ("odd", "log_prob")) if not able(model, ability)]
    cannot = f" It cannot: {numbers.listing(missing).lower()}." if missing else ""
    st.caption(f"{literal(model.name)}, {modelled}.{cannot}")


def new_rows(name: str, model: Synthesizer) -> None:
    """Rows, under conditions if wanted."""
    with st.form("draw", border=False):
        first, second, third = st.columns([1, 3, 1])
        count = first.number_input("Rows", 1, MOST_ROWS, 1000, key="count")
        given = second.text_input(
            "Conditions",
            key="given",
            placeholder="age>=30; sex=F; city in {Rome, Oslo}; income is null",
            help="Which rows to draw, parts joined by semicolons. Leave it empty for rows of every kind.",
        )
        seed = third.number_input("Seed", min_value=0, value=None, placeholder="any", key="draw-seed")
        sent = st.form_submit_button("Draw rows", type="primary")
    with st.expander("Columns that conditions can be put on"):
        told = (f"{literal(column.name)} ({KINDS.get(column.kind, column.kind)})" for column in model.schema_.modelled)
        st.write(", ".join(told))
    if sent:
        try:
            with st.spinner("Drawing rows"):
                frame = model.sample(int(count), given=given.strip() or None, seed=seed)
        except SynthdataError as error:
            st.session_state.pop("drawn", None)
            st.error(literal(str(error)))
            return
        st.session_state["drawn"] = (name, frame)
    kept = st.session_state.get("drawn")
    if kept is None or kept[0] != name:
        return
    frame = kept[1]
    st.header("Synthetic rows", anchor=False)
    st.caption(f"The first {min(SHOWN, len(frame)):,} of {numbers.plural(len(frame), 'row')}. {drawing(frame)}")
    st.dataframe(frame.head(SHOWN), hide_index=True, height=360)
    offer(frame, f"{name}-rows")


def drawing(frame: pd.DataFrame) -> str:
    """What rows under conditions are worth."""
    told = frame.attrs.get("drawing")
    if not told:
        return ""
    drawn, worth = told["drawn"], told["effective_sample_size"]
    repeated = ": too few met the conditions, so some are repeated" if worth < len(frame) else ""
    return f"{drawn:,} were drawn for them; they are worth {worth:,} independent ones{repeated}."


def fill_gaps(name: str, model: Synthesizer) -> None:
    """The nulls of an uploaded table, filled with draws that fit the rest of each row."""
    table = uploaded("A table with the model’s columns; its gaps are filled", "gaps")
    if table is None:
        return
    try:
        with st.spinner("Filling gaps"):
            filled = model.impute(table)  # type: ignore[attr-defined]
    except SynthdataError as error:
        st.error(literal(str(error)))
        return
    before, after = int(table.isna().sum().sum()), int(filled.isna().sum().sum())
    st.write(f"{numbers.plural(before - after, 'gap')} of {before:,} filled in {numbers.plural(len(filled), 'row')}.")
    if filled.attrs.get("rows_left"):
        st.caption(f"{filled.attrs['rows_left']:,} rows keep gaps: nothing drawn there keeps the rules of the schema.")
    st.caption("The table holds real rows, so it is not shown here.")
    offer(filled, f"{name}-filled")


def find_odd(name: str, model: Synthesizer) -> None:
    """How unlike the training rows each row of an uploaded table is."""
    import pandas as pd

    table = uploaded("A table with the model’s columns; each row gets a score", "odd")
    if table is None:
        return
    try:
        with st.spinner("Scoring rows"):
            log_prob = model.log_prob(table)  # type: ignore[attr-defined]
    except SynthdataError as error:
        st.error(literal(str(error)))
        return
    scores = pd.DataFrame({"row": range(1, len(log_prob) + 1), "log_prob": log_prob, "anomaly_score": -log_prob})
    st.write(
        f"{numbers.plural(len(scores), 'row')} scored. The higher the score, the less a row is like those that the "
        "model learnt; a row that the model thinks impossible scores infinity."
    )
    st.caption("The oddest rows, by their place in the file")
    st.dataframe(scores.sort_values("anomaly_score", ascending=False).head(20), hide_index=True)
    offer(scores, f"{name}-scores")


def uploaded(label: str, key: str) -> pd.DataFrame | None:
    """A table that is uploaded, read and forgotten at once."""
    file = st.file_uploader(label, type=[*uploads.ENDINGS, "gz", "zst"], max_upload_size=uploads.MOST, key=key)
    if file is None:
        return None
    try:
        path = uploads.keep(file.name, file.getvalue())
        try:
            return connectors.read(path).frame
        finally:
            uploads.forget(path)
    except SynthdataError as error:
        st.error(literal(store.without_paths(str(error))))
        return None


def offer(frame: pd.DataFrame, name: str) -> None:
    """The download, as CSV or Parquet."""
    left, middle, right = st.columns([1, 2, 1], vertical_alignment="bottom")
    ending = left.segmented_control(
        "File",
        list(downloads.FORMATS),
        format_func=downloads.FORMATS.__getitem__,
        default="csv",
        required=True,
        key="file",
    )
    guard = middle.checkbox(
        "Make it safe to open in a spreadsheet",
        key="guard",
        disabled=ending != "csv",
        help="Puts an apostrophe before texts that start with = + - @, which a spreadsheet would take for a formula.",
    )
    right.download_button(
        "Download",
        lambda: downloads.as_file(frame, ending or "csv", guard=guard and ending == "csv"),
        file_name=f"{name}.{ending}",
        mime=downloads.TYPES[ending or "csv"],
        type="primary",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
    )


def able(model: Synthesizer, ability: str) -> bool:
    """Whether a model has an ability."""
    return hasattr(model, ability)


def changed(folder: Path) -> int:
    """When the model in a folder was written."""
    for place in (folder / "model" / "manifest.json", folder / "manifest.json"):
        if place.is_file():
            return place.stat().st_mtime_ns
    return 0


@st.cache_resource(show_spinner="Opening the model", max_entries=4)
def open_model(folder: Path, changed: int) -> Synthesizer:
    """A saved model, read again only when it has changed."""
    return load(folder)
