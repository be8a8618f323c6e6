"""What a saved model can do: new rows under conditions, gaps filled, odd rows found; as files to download."""

from __future__ import annotations

import shlex
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
WAYS = {"rows": "New rows", "classes": "Rows of a class", "gaps": "Fill gaps", "odd": "Find odd rows"}
#: how many rows are drawn to see which classes there are, and the most classes that a column may have
PEEK, CLASSES = 500, 30


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
        key
        for key, ability in (("rows", "sample"), ("classes", "sample"), ("gaps", "impute"), ("odd", "log_prob"))
        if able(model, ability)
    ]
    way = right.segmented_control(
        "What for?", ways, format_func=WAYS.__getitem__, default="rows", required=True, key="way"
    )
    about(name, model)
    {"rows": new_rows, "classes": more_of_a_class, "gaps": fill_gaps, "odd": find_odd}[way or "rows"](name, model)


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
    show_drawn(name)


def show_drawn(name: str) -> None:
    """The rows that were drawn last, if they are this model's."""
    kept = st.session_state.get("drawn")
    if kept is None or kept[0] != name:
        return
    frame = kept[1]
    st.header("Synthetic rows", anchor=False)
    st.caption(f"The first {min(SHOWN, len(frame)):,} of {numbers.plural(len(frame), 'row')}. {drawing(frame)}")
    st.dataframe(frame.head(SHOWN), hide_index=True, height=360)
    offer(frame, f"{name}-rows")


def more_of_a_class(name: str, model: Synthesizer) -> None:
    """Rows of chosen classes of a column, to add to a table that has too few of them."""
    found = classes(store.root() / name, changed(store.root() / name), model)
    if not found:
        st.write("No column of this model has classes.")
        return
    first, second, third = st.columns([1, 2, 1])
    column = first.selectbox("Column", list(found), key="class-column")
    # A key for each column: the choice of another's classes would leave none chosen.
    chosen = second.multiselect(
        "Classes, the rarest first", found[column], default=found[column][:1], key=f"classes-{column}"
    )
    count = third.number_input("Rows of each", 1, MOST_ROWS, 200, key="class-count")
    st.caption(
        "Whether such rows help a model is measured on real rows: on the run’s page, part Usefulness, or in a terminal:"
    )
    st.code(f"synthdata augment SOURCE --target {shlex.quote(column)} --balance -o rows.parquet", language=None)
    if st.button("Draw rows", type="primary", disabled=not chosen):
        try:
            with st.spinner("Drawing rows"):
                parts = [model.sample(int(count), given={column: value}) for value in chosen]
        except SynthdataError as error:
            st.session_state.pop("drawn", None)
            st.error(literal(str(error)))
            return
        import pandas as pd

        st.session_state["drawn"] = (name, pd.concat(parts, ignore_index=True))
    show_drawn(name)


@st.cache_resource(show_spinner="Looking which classes there are", max_entries=16)
def classes(folder: Path, changed: int, _model: Synthesizer) -> dict[str, list[Any]]:
    """The classes of each column that has some, as synthetic rows show them, the rarest first."""
    drawn = _model.sample(PEEK, seed=0)
    kinds = ("categorical", "boolean")
    counts = {
        column.name: drawn[column.name].value_counts(ascending=True)
        for column in _model.schema_.modelled
        if column.kind in kinds and column.name in drawn
    }
    return {name: list(found.index) for name, found in counts.items() if 2 <= len(found) <= CLASSES}


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
