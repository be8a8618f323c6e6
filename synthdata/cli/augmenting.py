"""Synthetic rows for a table that has too few."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synthdata.cli.options import (
    Device,
    DeviceOption,
    DropText,
    Model,
    Output,
    Query,
    SchemaFile,
    Seed,
    Settings,
    Source,
    TableName,
    TimeBudget,
)
from synthdata.cli.working import settings_of, working

if TYPE_CHECKING:
    from rich.table import Table

    from synthdata.validation.utility.augmentation import Augmentation


def augment(
    source: Source,
    target: Annotated[str, typer.Option("--target", help="The column that a model is to predict.")],
    output: Output,
    model: Model = "boosted",
    rows: Annotated[
        int | None, typer.Option("-n", "--rows", help="Synthetic rows; by default as many as real.")
    ] = None,
    balance: Annotated[bool, typer.Option("--balance", help="Make rows of the small classes only.")] = False,
    folds: Annotated[int, typer.Option("--folds", min=2, help="Parts of the cross-validation.")] = 5,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="How often it is repeated.")] = 2,
    table: TableName = None,
    query: Query = None,
    schema: SchemaFile = None,
    drop_text: DropText = False,
    seed: Seed = None,
    param: Settings = None,
    device: DeviceOption = Device.auto,
    time_budget: TimeBudget = None,
    events: Annotated[
        Path | None, typer.Option("--events", help="Append progress to this file, a line of JSON an event.")
    ] = None,
) -> None:
    """Make synthetic rows to train a model on, and say whether they help it."""
    settings = [*(param or ()), *settings_of(model, device, time_budget)]
    from synthdata import augmentation
    from synthdata.progress import EventLog

    with working() as (console, progress):
        if events is not None:
            progress.observers.append(EventLog(events))
        done = augmentation.augment(
            source,
            target=target,
            model=model,
            out=output,
            rows=rows,
            balance=balance,
            table=table,
            query=query,
            schema=schema,
            drop_text=drop_text,
            seed=seed,
            settings=settings,
            folds=folds,
            repeats=repeats,
            progress=progress,
        )
    for name in done.verdict.gains:
        console.print(gains_table(done.verdict, name))
    for strategy, reason in done.verdict.left_out.items():
        console.print(f"{strategy} was not tried: {reason}")
    for note in done.notes:
        console.print(note)
    console.print(f"\n{done.answer}\n{len(done.rows):,} synthetic rows written to {output}.")


def gains_table(verdict: Augmentation, name: str) -> Table:
    """The gains of every strategy over the real rows alone."""
    from rich.table import Table

    title = f"{verdict.target}: {verdict.measure}" if name == "overall" else f"{verdict.target}: {name}"
    table = Table(title=title, title_justify="left")
    for heading, side in (("Training on real rows and …", "left"), ("score", "right"), ("gain", "right")):
        table.add_column(heading, justify="right" if side == "right" else "left")
    table.add_column("95% interval", justify="right")
    table.add_column("which")
    for gain in verdict.gains[name]:
        low, high = gain.interval
        table.add_row(
            gain.strategy, f"{gain.score:.3f}", f"{gain.gain:+.3f}", f"{low:+.3f} to {high:+.3f}", gain.verdict
        )
    return table
