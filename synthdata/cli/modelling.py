"""One model by itself: fitted, saved, and what it can do afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from synthdata.cli.options import (
    Delta,
    Device,
    DeviceOption,
    DropText,
    Epsilon,
    ModelFolder,
    Output,
    Query,
    Resume,
    RowsPerPerson,
    SchemaFile,
    Seed,
    Settings,
    Source,
    Split,
    TableName,
    Target,
    TimeBudget,
    UsualModel,
)
from synthdata.cli.working import privacy_of, settings_of, working


def fit(
    source: Source,
    save: Annotated[Path, typer.Option("--save", "-o", help="The folder to save the model in.")],
    model: UsualModel = None,
    table: TableName = None,
    query: Query = None,
    schema: SchemaFile = None,
    target: Target = None,
    drop_text: DropText = False,
    seed: Seed = None,
    param: Settings = None,
    resume: Resume = False,
    device: DeviceOption = Device.auto,
    time_budget: TimeBudget = None,
    epsilon: Epsilon = None,
    delta: Delta = None,
    rows_per_person: RowsPerPerson = None,
    split: Split = None,
) -> None:
    """Fit a model on every row and save it."""
    from synthdata.models.registry import usual_model

    model = model or usual_model(private=epsilon is not None)
    settings = [*(param or ()), *settings_of(model, device, time_budget)]
    privacy = privacy_of(epsilon, delta, rows_per_person, split)
    from synthdata import pipeline

    with working() as (console, progress):
        fitted = pipeline.fit(
            source,
            model,
            save=save,
            table=table,
            query=query,
            schema=schema,
            target=target,
            drop_text=drop_text,
            seed=seed,
            settings=settings,
            resume=resume,
            privacy=privacy,
            progress=progress,
        )
    for note in fitted.notes:
        console.print(note, highlight=False, markup=False)
    if ledger := fitted.ledger_:
        spent, left = f"epsilon = {ledger['epsilon_spent']:.4g}", f"delta = {ledger['delta_spent']:g}"
        console.print(f"Spent: {spent}, {left}, for each {ledger['unit']}; every charge is in {save / 'ledger.json'}.")
    console.print(f"Model saved in {save}. Draw rows with: synthdata sample {save} -n 1000 -o rows.csv")


def sample(
    model: ModelFolder,
    output: Output,
    n: Annotated[int, typer.Option("-n", "--rows", help="How many rows.")] = 1000,
    given: Annotated[
        str | None, typer.Option("--given", help='Conditions, such as "age>=30; sex=F; city in {Rome, null}".')
    ] = None,
    parity: Annotated[
        str | None,
        typer.Option(
            "--parity", help="Columns such as sex,race: their groups get the outcome (--target) equally often."
        ),
    ] = None,
    target: Annotated[str | None, typer.Option("--target", help="With --parity, the column of the outcome.")] = None,
    seed: Seed = None,
) -> None:
    """Draw rows from a fitted model, under conditions if you like."""
    from synthdata import connectors
    from synthdata.errors import ModelError
    from synthdata.models.registry import load

    if parity is not None:
        if given is not None:
            raise ModelError("--parity and --given cannot be combined.", "Draw with one of them.")
        equally(load(model), parity, target, n, output, seed)
        return
    with working() as (console, progress), progress.stage("sample", "Drawing rows"):
        frame = load(model).sample(n, given=given, seed=seed, progress=progress)
        connectors.write(frame, output)
    console.print(f"{len(frame):,} rows written to {output}.")
    if "drawing" in frame.attrs:
        drawn, worth = frame.attrs["drawing"]["drawn"], frame.attrs["drawing"]["effective_sample_size"]
        repeated = " (too few met the conditions, so some are repeated)" if worth < len(frame) else ""
        console.print(f"{drawn:,} rows were drawn for them; effective sample size {worth:,}{repeated}.")


def equally(model: Any, parity: str, target: str | None, n: int, output: str, seed: int | None) -> None:
    """Draw rows with parity, and say what it cost."""
    import json

    from rich.table import Table

    from synthdata import connectors
    from synthdata.atomic import write_text
    from synthdata.models.parity import sample_with_parity

    with working() as (console, progress), progress.stage("sample", "Drawing rows"):
        names = [name.strip() for name in parity.split(",") if name.strip()]
        done = sample_with_parity(model, n, names, target=target, seed=seed, progress=progress)
        connectors.write(done.rows, output)
        beside = Path(output).with_name(Path(output).stem + ".parity.json")
        write_text(beside, json.dumps(done.to_json(), indent=1, ensure_ascii=False, default=str) + "\n")
    table = Table(title=f"Rates of “{done.target}”", title_justify="left")
    for heading in (*done.protected, "rows", "outcome", "as the model has it", "as drawn"):
        table.add_column(heading)
    for group in done.groups:
        for outcome, rate in group.before.items():
            row = [
                *map(str, group.values),
                f"{group.rows:,}",
                str(outcome),
                f"{rate:.1%}",
                f"{group.after[outcome]:.1%}",
            ]
            table.add_row(*row)
    console.print(table)
    for group in done.groups:
        if group.note:
            console.print(f"{', '.join(map(str, group.values))}: {group.note}.")
    console.print(
        f"{len(done.rows):,} rows written to {output}, and the rates to {beside}. In {done.changed:,} of them "
        f"({done.cost:.1%}) the outcome is another than the model drew: so far are they from what it learnt. Equal "
        "rates do not make a model that is trained on these rows err equally often in every group."
    )


def impute(
    model: ModelFolder,
    table: Annotated[str, typer.Argument(help="The table whose nulls are to be filled.")],
    output: Output,
    seed: Seed = None,
) -> None:
    """Fill the nulls of a table with draws that fit the rest of each row."""
    from synthdata import connectors

    with working() as (console, _):
        synthesizer = able(model, "impute")
        frame = synthesizer.impute(connectors.read(table).frame, seed=seed)
        connectors.write(frame, output)
    console.print(f"{len(frame):,} rows written to {output}.")
    if "rows_left" in frame.attrs:
        left = frame.attrs["rows_left"]
        console.print(f"{left:,} of them keep nulls: nothing that was drawn there keeps the rules of the schema.")
    learnt = [column.name for column in synthesizer.schema_.modelled]
    others = [str(name) for name in frame.columns[frame.isna().any()] if name not in learnt]
    if others:
        console.print(f"The model has not learnt {', '.join(others)}, and their nulls stay.")


def score(
    model: ModelFolder,
    table: Annotated[str, typer.Argument(help="The table whose rows are to be scored.")],
    output: Output,
) -> None:
    """Give each row of a table its log-density and its anomaly score (high: unlike the training rows)."""
    import pandas as pd

    from synthdata import connectors

    with working() as (console, _):
        synthesizer = able(model, "log_prob")
        log_prob = synthesizer.log_prob(connectors.read(table).frame)
        frame = pd.DataFrame({"row": range(1, len(log_prob) + 1), "log_prob": log_prob, "anomaly_score": -log_prob})
        connectors.write(frame, output)
    console.print(f"{len(frame):,} scores written to {output} (log-density in nats, {synthesizer.log_prob_kind}).")


def able(folder: Path, ability: str) -> Any:
    """A loaded model that has an ability.

    Raises:
        ModelError: it has not; the message lists the models that have.
    """
    from synthdata.errors import ModelError
    from synthdata.models.registry import describe_models, load

    synthesizer = load(folder)
    if not hasattr(synthesizer, ability):
        having = [model["name"] for model in describe_models() if ability in model["abilities"]]
        raise ModelError(f"The model {synthesizer.name!r} cannot {ability}.", f"These can: {', '.join(having)}.")
    return synthesizer
