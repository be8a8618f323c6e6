"""A new run, step by step: the table, its columns, what is expected of it, privacy, the model, and off it goes."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards import draft as drafting
from dashboards import starting, store, uploads
from dashboards.access import Person, let_in
from dashboards.draft import Draft
from dashboards.epsilon import EPSILONS, explain
from dashboards.theme import literal
from synthdata.errors import SynthdataError
from synthdata.models.registry import describe_models, private_model_names
from synthdata.reporting import numbers
from synthdata.table.schema import KINDS, Schema

NONE = "— none —"
ABILITIES = {
    "log_prob": "says how probable a row is",
    "anomaly_score": "finds odd rows",
    "impute": "fills gaps",
    "native conditions": "draws quickly under conditions",
}


def show(runs_page: Any) -> None:
    """Draw the page."""
    person = let_in("runner")
    uploads.sweep()
    starting.sweep(store.root())
    st.title("New run", anchor=False)
    st.write("From a real table to a synthetic one, with a report on how good and how safe it is.")
    draft: Draft | None = st.session_state.get("draft")
    if draft is None:
        choose(person)
        return
    schema = describe(draft)
    epsilon = privacy()
    model, settings = choose_model(draft, schema, private=epsilon is not None)
    begin(draft, schema, model, {**settings, "epsilon": epsilon}, runs_page)


def choose(person: Person) -> None:
    """Step 1: a file, or the name of a source."""
    step("1", "The table", "It stays on this machine, and only the account that serves this dashboard can read it.")
    way = st.segmented_control(
        "Where is it?", ["Upload a file", "Name a source"], default="Upload a file", required=True, key="way"
    )
    if way == "Upload a file":
        file = st.file_uploader(
            "A file with one row a line and the column names first",
            type=[*list(uploads.ENDINGS), "gz", "zst"],
            max_upload_size=uploads.MOST,
            key="upload",
            help=f"CSV, Parquet, JSON, Excel or Feather, up to {uploads.MOST} MB. "
            f"It is removed with its run, or after {uploads.DAYS} days.",
        )
        if file is not None:
            take(lambda: drafting.upload(file.name, file.getvalue()))
        return
    with st.form("named", border=False):
        text = st.text_input("Source", key="source", placeholder="sklearn:breast_cancer, postgresql://… or a path")
        table = st.text_input("Table or sheet, where there are several", key="table")
        if st.form_submit_button("Read it", type="primary"):
            take(lambda: drafting.named(text, table.strip() or None, person))


def take(reading: Any) -> None:
    """Read the table, and go on to the next step with it."""
    try:
        with st.spinner("Reading the table and looking at its columns"):
            st.session_state["draft"] = reading()
    except SynthdataError as error:
        st.error(literal(store.without_paths(str(error))))
        return
    for key in ("target", "rules", "model", "private", "epsilon", "protected"):
        st.session_state.pop(key, None)
    st.rerun()


def describe(draft: Draft) -> Schema | None:
    """Steps 1 to 3: the table as it was read, its columns, target and rules; None where they do not fit yet."""
    step("1", "The table")
    left, right = st.columns([4, 1], vertical_alignment="center")
    size = f"{numbers.plural(draft.rows, 'row')}, {numbers.plural(len(draft.guesses), 'column')}"
    left.markdown(f"**{literal(draft.title)}** · {size}")
    for note in draft.notes:
        left.caption(literal(store.without_paths(note)))
    if right.button("Take another", width="stretch"):
        if draft.uploaded is not None:
            uploads.forget(draft.uploaded)
        for key in ("draft", "upload"):
            st.session_state.pop(key, None)
        st.rerun()
    step(
        "2",
        "The columns",
        "This is what they seem to be, and why. Put right what is wrong: click a cell. Bounds and categories are only "
        "for what everybody may know without the table, such as ages from 0 to 120.",
    )
    rows = edited(draft)
    step("3", "What matters")
    left, right = st.columns(2, gap="large")
    names = [NONE, *(column.name for column in draft.inferred)]
    target = left.selectbox(
        "Target",
        names,
        key="target",
        help="The column that others will want to predict. The report then says whether models trained on synthetic "
        "rows predict it as well as models trained on real ones.",
    )
    rules = right.text_area(
        "Rules that every row keeps, one a line",
        key="rules",
        placeholder="discharged >= admitted",
        height=120,
        help="Comparisons and arithmetic between columns, such as net + tax == gross. Names with spaces stand in "
        "backticks. A line may also be a rule of the schema's JSON.",
    )
    try:
        return drafting.schema_of(draft, rows, rules or "", None if target in (None, NONE) else target)
    except SynthdataError as error:
        st.error(literal(str(error)))
        return None


def edited(draft: Draft) -> list[dict[str, Any]]:
    """The grid of columns, as the person has left it."""
    import pandas as pd

    config = st.column_config
    frame = pd.DataFrame(drafting.grid(draft)).astype({"Role": object, "Personal data": object})
    found = st.data_editor(
        frame,
        key=f"grid-{draft.source}",
        hide_index=True,
        placeholder="",
        disabled=["Column", "Why", "Sure"],
        column_order=[
            "Column",
            "Kind",
            "Why",
            *(name for name in frame.columns if name not in ("Column", "Kind", "Why")),
        ],
        height=min(36 * (len(frame) + 1) + 4, 560),
        column_config={
            "Column": config.TextColumn(pinned=True, width="medium"),
            "Kind": config.SelectboxColumn(options=list(KINDS), required=True, format_func=drafting.kind_label),
            "Role": config.SelectboxColumn(options=list(drafting.ROLES)),
            "Personal data": config.SelectboxColumn(
                options=list(drafting.PERSONAL), help="Replaced by invented values, never learnt."
            ),
            "Leave out": config.CheckboxColumn(help="The synthetic table will not have this column."),
            "Lowest": config.TextColumn(help="A public lower bound, in the column's own units."),
            "Highest": config.TextColumn(help="A public upper bound."),
            "Categories": config.TextColumn(help="All public categories, with commas between."),
            "Why": config.TextColumn(width=260),
            "Sure": config.NumberColumn(format="percent", help="How sure the guess is."),
        },
    )
    rows = found.where(found.notna(), None).to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in rows]


def privacy() -> float | None:
    """Step 4: no guarantee, or one of differential privacy; the ε."""
    step("4", "Privacy")
    private = st.segmented_control(
        "Which promise?",
        ["Tested", "Guaranteed"],
        default="Tested",
        required=True,
        key="private",
        help="Leaks are tested for either way.",
    )
    if private != "Guaranteed":
        st.write(
            "Attacks are tried on the synthetic table, and the report says what they found. "
            "Tests can find a leak, not exclude one."
        )
        return None
    epsilon = float(st.select_slider("ε: how much the table may tell of one person", EPSILONS, 1.0, key="epsilon"))
    st.write(explain(epsilon))
    st.caption(
        "Every look at the real rows is paid for from ε. The kinds of columns that you see above count as declared by "
        "you; bounds and categories that you declared public cost nothing, so declare what you can. Report and schema "
        "still look at real rows and stay in-house."
    )
    return epsilon


def choose_model(draft: Draft, schema: Schema | None, *, private: bool) -> tuple[str, dict[str, Any]]:
    """Step 5: the model, and how much of it."""
    step("5", "The model")
    known = {model["name"]: model for model in models(private)}
    left, right = st.columns(2, gap="large")
    first = "boosted" if "boosted" in known else next(iter(known))
    model = left.selectbox("Model", list(known), index=list(known).index(first), key=f"model-{private}") or first
    about = known[model]
    left.write(literal(about["summary"][:1].upper() + about["summary"][1:] + "."))
    able = [told for ability, told in ABILITIES.items() if ability in about["abilities"]]
    if able:
        left.caption(f"Afterwards it also {numbers.listing(able, 9)}.")
    if private:
        left.caption("Only the models that can give the guarantee are listed.")
    with right.container(key="estimate"):
        if st.button("Estimate time and memory", disabled=schema is None) and schema is not None:
            try:
                with st.spinner("Timing it on a few rows"):
                    spent, memory = drafting.expected(draft.source, draft.table, schema.to_json(), model, draft.size)
                st.write(f"{literal(spent[:1].upper() + spent[1:])}; {memory}.")
            except SynthdataError as error:
                st.error(literal(store.without_paths(str(error))))
        else:
            st.caption("Times the model on a small sample of your table, on this machine.")
    settings: dict[str, Any] = {}
    with st.expander("More settings"):
        first_column, second, third = st.columns(3)
        settings["rows"] = first_column.number_input(
            "Synthetic rows", min_value=1, value=None, placeholder="as many as real ones", key="rows"
        )
        settings["holdout"] = second.slider(
            "Rows set aside", 0.05, 0.5, 0.2, 0.05, format="percent", key="holdout", help="To judge the result by."
        )
        settings["seed"] = third.number_input(
            "Seed", min_value=0, value=None, placeholder="any", key="seed", help="The same seed, the same result."
        )
        groups = st.multiselect(
            "Groups that are compared for fairness",
            [column.name for column in draft.inferred if "," not in column.name],
            key="protected",
            placeholder="by their names: sex, race, age group",
            help="The report then says whether each group is as large as in reality, gets the outcome as often, and is "
            "treated as evenly by a model.",
        )
        settings["protected"] = ",".join(groups) or None
        if "time_budget" in about["parameters"]:
            minutes = st.number_input("At most so many minutes", min_value=0.1, value=None, key="minutes")
            settings["time-budget"] = None if minutes is None else 60 * minutes
    return model, settings


@st.cache_resource(show_spinner="Looking at the models")
def models(private: bool) -> list[dict[str, Any]]:
    """The models that can be used here; with ``private`` those that can give a guarantee."""
    able = private_model_names() if private else None
    return [
        model for model in describe_models() if not model.get("problem") and (able is None or model["name"] in able)
    ]


def begin(draft: Draft, schema: Schema | None, model: str, options: dict[str, Any], runs_page: Any) -> None:
    """Step 6: start."""
    step("6", "Start", "The run is a process of its own: you may close this page, and it goes on.")
    if not st.button("Start the run", type="primary", disabled=schema is None) or schema is None:
        return
    try:
        with st.spinner("Checking the table against what you said of it"):
            drafting.check(draft, schema, private=options["epsilon"] is not None)
        source = draft.source
        if draft.uploaded is not None:
            source = str(draft.uploaded.relative_to(store.root()))
        options = {**options, "table": draft.table, "drop-text": True}
        name = starting.start(store.root(), source, model, draft.title, options, schema.to_json())
    except SynthdataError as error:
        st.error(literal(store.without_paths(str(error))))
        return
    if draft.uploaded is not None:
        uploads.hand_over(draft.uploaded, name)
    for key in ("draft", "upload"):
        st.session_state.pop(key, None)
    st.switch_page(runs_page, query_params={"run": name})


def step(number: str, title: str, lead: str = "") -> None:
    """The heading of a step."""
    st.header(f"{number}. {title}", anchor=False)
    if lead:
        st.caption(lead)
