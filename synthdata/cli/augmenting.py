"""Synthetic rows for a table that has too few."""

from __future__ import annotations

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
) -> None:
    """Make synthetic rows to train a model on, and say whether they help it."""
    settings = [*(param or ()), *settings_of(model, device, time_budget)]
    from synthdata import augmentation

    with working() as (console, progress):
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
    console.print(f"\n{summary(done.verdict, done.strategy)}\n{len(done.rows):,} synthetic rows written to {output}.")


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


def summary(verdict: Augmentation, strategy: str) -> str:
    """The answer in one sentence, for the way of adding rows that was asked for."""
    overall = {gain.strategy: gain for gain in verdict.gains["overall"]}
    asked = overall.get(strategy)
    if asked is None:
        return f"Whether {strategy} help could not be measured: no fold lacked any."
    name = f"{strategy[0].upper()}{strategy[1:]}".removesuffix(" added")
    better = [gain for gain in overall.values() if gain.gain >= asked.gain and gain is not asked]
    if asked.verdict == "helps":
        text = f"{name} help: {verdict.measure} {asked.gain:+.3f} over {verdict.real:.3f}."
        as_good = [gain.strategy for gain in better if gain.interval[0] > 0]
        return text + (f" {as_good[0][0].upper()}{as_good[0][1:]} does as well and costs less." if as_good else "")
    if asked.verdict == "harms":
        text = f"{name} harm: {verdict.measure} {asked.gain:+.3f} from {verdict.real:.3f}."
    else:
        text = f"{name} do not help: {verdict.measure} {asked.gain:+.3f}, which is within what chance gives."
    helping = [gain.strategy for gain in better if gain.verdict == "helps"]
    return f"{text} {f'What helps: {helping[0]}.' if helping else 'Train on the real rows alone.'}"
