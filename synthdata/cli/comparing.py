"""Several models side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synthdata.cli.options import (
    Delta,
    Device,
    DeviceOption,
    DropText,
    Epsilon,
    PolicyFile,
    Query,
    RowsPerPerson,
    SchemaFile,
    Seed,
    Settings,
    Source,
    Split,
    TableName,
    Target,
    TimeBudget,
)
from synthdata.cli.working import privacy_of, working


def compare(
    source: Source,
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for the comparison; an unfinished one goes on.")],
    models: Annotated[
        str | None, typer.Option("--models", help="Which models, with commas between: trees,gmm,boosted.")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", help="How often each model is fitted.")] = 3,
    jobs: Annotated[
        int | None, typer.Option("--jobs", help="Fits at a time; by default what cores and memory allow.")
    ] = None,
    rows: Annotated[int | None, typer.Option("--rows", help="Synthetic rows; by default those of the source.")] = None,
    holdout: Annotated[float, typer.Option("--holdout", help="The fraction of rows that no model sees.")] = 0.2,
    policy: PolicyFile = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Start afresh in --out.")] = False,
    table: TableName = None,
    query: Query = None,
    schema: SchemaFile = None,
    target: Target = None,
    drop_text: DropText = False,
    seed: Seed = None,
    param: Settings = None,
    device: DeviceOption = Device.auto,
    time_budget: TimeBudget = None,
    epsilon: Epsilon = None,
    delta: Delta = None,
    rows_per_person: RowsPerPerson = None,
    split: Split = None,
) -> None:
    """Fit several models, several times each, on the same rows, and say how they stand and which one to take.

    A --param of one model only is written MODEL.KEY=VALUE. Stopped, the same command goes on where it was.
    With --epsilon every fit has that budget, and the source pays for all of them, or for none.
    """
    privacy = privacy_of(epsilon, delta, rows_per_person, split)
    from synthdata.comparison import compare as compare_models
    from synthdata.reporting.comparison import comparison_table

    with working() as (console, progress):
        done = compare_models(
            source,
            models,
            out=out,
            seeds=seeds,
            seed=seed,
            holdout=holdout,
            rows=rows,
            policy=policy,
            table=table,
            query=query,
            schema=schema,
            target=target,
            drop_text=drop_text,
            settings=param or (),
            device=device.value,
            time_budget=time_budget,
            jobs=jobs,
            overwrite=overwrite,
            privacy=privacy,
            progress=progress,
        )
    console.print(comparison_table(done.facts))
    console.print(f"\nComparison  {out / 'comparison.html'}")
