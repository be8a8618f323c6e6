"""From a table to a report: of our own models, and of any generator's output."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synthdata.cli.options import (
    Delta,
    Device,
    DeviceOption,
    DropText,
    Epsilon,
    Pdf,
    PolicyFile,
    Protected,
    Query,
    Resume,
    RowsPerPerson,
    SchemaFile,
    Seed,
    Settings,
    Share,
    ShareEpsilon,
    Source,
    Split,
    TableName,
    Target,
    TimeBudget,
    UsualModel,
)
from synthdata.cli.working import finish, privacy_of, settings_of, working

if TYPE_CHECKING:
    from rich.console import Console


def run(
    source: Source,
    model: UsualModel = None,
    rows: Annotated[int | None, typer.Option("--rows", help="Synthetic rows; by default those of the source.")] = None,
    holdout: Annotated[float, typer.Option("--holdout", help="The fraction of rows that the model never sees.")] = 0.2,
    policy: PolicyFile = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The run folder; by default in runs/.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run in --out.")] = False,
    resume: Resume = False,
    share: Share = False,
    share_epsilon: ShareEpsilon = None,
    pdf: Pdf = False,
    table: TableName = None,
    query: Query = None,
    schema: SchemaFile = None,
    target: Target = None,
    protected: Protected = None,
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
    """From a real table to a judged synthetic one: fit, draw, measure, report."""
    from synthdata.models.registry import usual_model

    model = model or usual_model(private=epsilon is not None)
    settings = [*(param or ()), *settings_of(model, device, time_budget)]
    privacy = privacy_of(epsilon, delta, rows_per_person, split)
    from synthdata import pipeline

    able_to_print(pdf)
    with working() as (console, progress):
        done = pipeline.run(
            source,
            model,
            out=out,
            rows=rows,
            holdout=holdout,
            policy=policy,
            table=table,
            query=query,
            schema=schema,
            target=target,
            protected=names_in(protected),
            drop_text=drop_text,
            seed=seed,
            settings=settings,
            privacy=privacy,
            overwrite=overwrite,
            resume=resume,
            share=share,
            share_epsilon=share_epsilon,
            progress=progress,
        )
    console.print(
        f"\nSynthetic table  {done.folder / 'synthetic.parquet'}\nReport           {done.folder / 'report.html'}"
    )
    printed(console, done.folder, pdf)
    finish(console, done.report)


def evaluate(
    real: Annotated[str, typer.Option("--real", help="The table that the generator was fitted on.")],
    synthetic: Annotated[str, typer.Option("--synthetic", help="The generator's output.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for report.json and report.html.")],
    holdout: Annotated[str | None, typer.Option("--holdout", help="Real rows that the generator never saw.")] = None,
    target: Target = None,
    protected: Protected = None,
    schema: SchemaFile = None,
    policy: PolicyFile = None,
    share: Share = False,
    share_epsilon: ShareEpsilon = None,
    pdf: Pdf = False,
    seed: Seed = None,
) -> None:
    """Judge any generator's table: is it faithful, is it useful, does it leak?"""
    from synthdata import pipeline

    able_to_print(pdf)
    with working() as (console, progress):
        report = pipeline.evaluate(
            real,
            synthetic,
            out=out,
            holdout=holdout,
            target=target,
            protected=names_in(protected),
            schema=schema,
            policy=policy,
            share=share,
            share_epsilon=share_epsilon,
            seed=seed,
            progress=progress,
        )
    console.print(f"\nReport  {out / 'report.html'}")
    printed(console, out, pdf)
    finish(console, report)


def names_in(listed: str | None) -> tuple[str, ...]:
    """The names in a list with commas.

    >>> names_in("sex, race"), names_in(None)
    (('sex', 'race'), ())
    """
    return tuple(name.strip() for name in (listed or "").split(",") if name.strip())


def able_to_print(pdf: bool) -> None:
    """Refuse before the work, not after it, where a PDF is asked for and there is no browser."""
    if pdf:
        from synthdata.reporting.pdf import find_browser

        find_browser()


def printed(console: Console, folder: Path, pdf: bool) -> None:
    """Print the folder's report as PDF where that is asked for."""
    if pdf:
        from synthdata.reporting.pdf import print_pdf

        print_pdf(folder / "report.html", folder / "report.pdf")
        console.print(f"Report as PDF    {folder / 'report.pdf'}")
