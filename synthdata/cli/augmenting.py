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
    console.print(f"\n{summary(done.verdict)}\n{len(done.rows):,} synthetic rows written to {output}.")


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


def summary(verdict: Augmentation) -> str:
    """The answer in one sentence."""
    ours = [gain for gain in verdict.gains["overall"] if gain.strategy.startswith("synthetic")]
    best = ours[0]
    others = [gain for gain in verdict.gains["overall"] if gain not in ours and gain.interval[0] > 0]
    if best.verdict == "helps":
        text = f"Adding synthetic rows helps: {verdict.measure} {best.gain:+.3f} over {verdict.real:.3f}."
        better = [gain.strategy for gain in others if gain.gain >= best.gain]
        return text + (f" {better[0][0].upper()}{better[0][1:]} does as well and costs less." if better else "")
    if best.verdict == "harms":
        return "Adding synthetic rows harms: train on the real rows alone."
    return (
        f"Adding synthetic rows does not help: the best way changes {verdict.measure} by {best.gain:+.3f}, "
        "which is within what chance gives."
    )
