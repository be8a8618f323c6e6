"""The command line: each command parses, calls the pipeline, and prints.

Exit codes: 0 done (and the policy passed), 1 the policy failed, 2 bad input or refused, 130 cancelled.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synthdata.errors import Cancelled, PrivacyError, SynthdataError

if TYPE_CHECKING:
    from rich.console import Console

    from synthdata.progress import Progress
    from synthdata.reporting.report import Report

app = typer.Typer(
    help="Synthetic tabular data, with its fidelity, usefulness and privacy measured.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


class Device(StrEnum):
    """Where to compute."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


Source = Annotated[
    str, typer.Argument(help="A file, folder, database URL or bundled table: adult.csv, postgresql://…, sklearn:wine.")
]
Model = Annotated[str, typer.Option("--model", "-m", help="Which model to fit; `synthdata models` lists them.")]
TableName = Annotated[str | None, typer.Option("--table", help="The table of a database, or the sheet of a workbook.")]
Query = Annotated[str | None, typer.Option("--query", help="A query to read from a database instead of a table.")]
SchemaFile = Annotated[
    Path | None, typer.Option("--schema", help="A whole or partial schema (JSON) that overrules what is inferred.")
]
Target = Annotated[str | None, typer.Option("--target", help="The column that a model would predict.")]
Seed = Annotated[int | None, typer.Option("--seed", help="The same seed gives the same result.")]
DropText = Annotated[bool, typer.Option("--drop-text", help="Leave columns of free text out instead of refusing them.")]
Settings = Annotated[
    list[str] | None, typer.Option("--param", help="A parameter of the model, KEY=VALUE; may be given several times.")
]
DeviceOption = Annotated[Device, typer.Option("--device", help="Where to compute.")]
TimeBudget = Annotated[float | None, typer.Option("--time-budget", help="Seconds that fitting may take.")]
Epsilon = Annotated[float | None, typer.Option("--epsilon", help="Budget of differential privacy.")]
Delta = Annotated[float | None, typer.Option("--delta", help="Probability with which ε may not hold.")]
PolicyFile = Annotated[Path | None, typer.Option("--policy", help="Thresholds (YAML) that decide pass, warn or fail.")]


@app.command()
def inspect(
    source: Source,
    schema_out: Annotated[Path | None, typer.Option("--schema-out", help="Write the schema here.")] = None,
    table: TableName = None,
    query: Query = None,
    schema: SchemaFile = None,
    target: Target = None,
    seed: Seed = None,
) -> None:
    """Say what each column is and why we think so, and what each model would cost."""
    from synthdata.inspection import inspect_source

    with working() as (console, progress):
        inspection = inspect_source(
            source, table=table, query=query, schema=schema, target=target, seed=seed, progress=progress
        )
    console.print(inspection.renderable())
    if schema_out is not None:
        from synthdata.atomic import write_text

        write_text(schema_out, inspection.schema.to_json() + "\n")
        console.print(f"Schema written to {schema_out}. Edit it and pass it with --schema.")


@app.command()
def run(
    source: Source,
    model: Model = "boosted",
    rows: Annotated[int | None, typer.Option("--rows", help="Synthetic rows; by default those of the source.")] = None,
    holdout: Annotated[float, typer.Option("--holdout", help="The fraction of rows that the model never sees.")] = 0.2,
    policy: PolicyFile = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The run folder; by default in runs/.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run in --out.")] = False,
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
) -> None:
    """From a real table to a judged synthetic one: fit, draw, measure, report."""
    settings = [*(param or ()), *settings_of(model, device, time_budget, epsilon, delta)]
    from synthdata import pipeline

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
            drop_text=drop_text,
            seed=seed,
            settings=settings,
            overwrite=overwrite,
            progress=progress,
        )
    console.print(
        f"\nSynthetic table  {done.folder / 'synthetic.parquet'}\nReport           {done.folder / 'report.html'}"
    )
    finish(console, done.report)


@app.command()
def fit(
    source: Source,
    save: Annotated[Path, typer.Option("--save", help="The folder to save the model in.")],
    model: Model = "boosted",
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
) -> None:
    """Fit a model on every row and save it."""
    settings = [*(param or ()), *settings_of(model, device, time_budget, epsilon, delta)]
    from synthdata import pipeline

    with working() as (console, progress):
        pipeline.fit(
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
            progress=progress,
        )
    console.print(f"Model saved in {save}. Draw rows with: synthdata sample {save} -n 1000 -o rows.csv")


ModelFolder = Annotated[Path, typer.Argument(help="A saved model or a run folder.")]
Output = Annotated[str, typer.Option("-o", "--output", help="The file to write; its ending decides the format.")]


@app.command()
def sample(
    model: ModelFolder,
    output: Output,
    n: Annotated[int, typer.Option("-n", "--rows", help="How many rows.")] = 1000,
    given: Annotated[
        str | None, typer.Option("--given", help='Conditions, such as "age>=30; sex=F; city in {Rome, Oslo}".')
    ] = None,
    seed: Seed = None,
) -> None:
    """Draw rows from a fitted model, under conditions if you like."""
    from synthdata import connectors
    from synthdata.models.registry import load

    with working() as (console, progress), progress.stage("sample", "Drawing rows"):
        frame = load(model).sample(n, given=given, seed=seed, progress=progress)
        connectors.write(frame, output)
    console.print(f"{len(frame):,} rows written to {output}.")


@app.command()
def impute(
    model: ModelFolder,
    table: Annotated[str, typer.Argument(help="The table whose nulls are to be filled.")],
    output: Output,
    seed: Seed = None,
) -> None:
    """Fill the nulls of a table with draws that fit the rest of each row."""
    from synthdata import connectors

    with working() as (console, _):
        frame = able(model, "impute").impute(connectors.read(table).frame, seed=seed)
        connectors.write(frame, output)
    console.print(f"{len(frame):,} rows written to {output}.")


@app.command()
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


@app.command()
def evaluate(
    real: Annotated[str, typer.Option("--real", help="The table that the generator was fitted on.")],
    synthetic: Annotated[str, typer.Option("--synthetic", help="The generator's output.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for report.json and report.html.")],
    holdout: Annotated[str | None, typer.Option("--holdout", help="Real rows that the generator never saw.")] = None,
    target: Target = None,
    schema: SchemaFile = None,
    policy: PolicyFile = None,
    seed: Seed = None,
) -> None:
    """Judge any generator's table: is it faithful, is it useful, does it leak?"""
    from synthdata import pipeline

    with working() as (console, progress):
        report = pipeline.evaluate(
            real,
            synthetic,
            out=out,
            holdout=holdout,
            target=target,
            schema=schema,
            policy=policy,
            seed=seed,
            progress=progress,
        )
    console.print(f"\nReport  {out / 'report.html'}")
    finish(console, report)


@app.command()
def models() -> None:
    """List the models and what each can do."""
    from rich.table import Table
    from rich.text import Text

    from synthdata.models.registry import describe_models

    shown = Table("model", "what it is good for", "abilities", "parameters", title="Models", title_justify="left")
    shown.columns[1].overflow = "fold"
    with working() as (console, _):
        for model in describe_models():
            settings = ", ".join(f"{key}={about['default']}" for key, about in model["parameters"].items())
            shown.add_row(
                model["name"], Text(model.get("problem") or model["summary"]), ", ".join(model["abilities"]), settings
            )
    console.print(shown)


@app.command()
def dashboard(
    runs: Annotated[Path, typer.Option("--runs", help="The folder with the run folders.")] = Path("runs"),
    port: Annotated[int, typer.Option("--port", help="The port on this machine.")] = 8501,
) -> None:
    """Open the dashboard in a browser, on this machine only."""
    from dashboards.launch import launch

    launch(runs, port)


def settings_of(
    model: str, device: Device, time_budget: float | None, epsilon: float | None, delta: float | None
) -> list[str]:
    """The model's own settings for options that not every model has.

    Raises:
        PrivacyError: a privacy budget was asked for, which no model of this version keeps.
        ModelError: the model is unknown, or has no such option.
    """
    from synthdata.errors import ModelError
    from synthdata.models.registry import model_class

    if epsilon is not None or delta is not None:
        raise PrivacyError(
            f"The model {model!r} has no differentially private training in this version.",
            "Without --epsilon the table is synthetic and its leaks are measured, but nothing is guaranteed.",
        )
    known = signature(model_class(model).__init__).parameters
    settings = []
    if "device" in known:
        settings.append(f"device={device.value}")
    elif device is Device.cuda:
        raise ModelError(f"The model {model!r} computes on the CPU only.", "Leave --device away.")
    if time_budget is not None:
        if "time_budget" not in known:
            raise ModelError(f"The model {model!r} takes the time it needs.", "Leave --time-budget away.")
        settings.append(f"time_budget={time_budget}")
    return settings


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


def finish(console: Console, report: Report) -> None:
    """Print a report's summary and leave with 1 where the policy failed."""
    from synthdata.reporting.terminal import terminal_summary

    console.print(terminal_summary(report))
    if report.facts["verdict"] == "fail":
        raise typer.Exit(1)


@contextmanager
def working() -> Iterator[tuple[Console, Progress]]:
    """A console and a progress bar around long work; Ctrl-C and SIGTERM cancel it cleanly."""
    from rich.console import Console

    from synthdata.progress import Progress
    from synthdata.progress_bar import ProgressBar

    def stop(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        with ProgressBar(Console(stderr=True)) as bar:
            yield Console(), Progress([bar])
    except KeyboardInterrupt:
        raise Cancelled() from None
    finally:
        signal.signal(signal.SIGTERM, previous)


def main() -> None:
    """The entry point: runs a command and turns every error into one message and an exit code."""
    try:
        app()
    except (Cancelled, KeyboardInterrupt):
        print("Cancelled; nothing half-written was left.", file=sys.stderr)
        sys.exit(130)
    except SynthdataError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
    except MemoryError:
        print("Error: not enough memory. Use fewer rows, or a machine with more memory.", file=sys.stderr)
        sys.exit(2)
    except Exception as error:
        if os.environ.get("SYNTHDATA_DEBUG"):
            raise
        # The text of an unforeseen error may quote a cell of the table, so it is not shown.
        place = last_place(error)
        print(
            f"Error: unexpected {type(error).__name__} in {place}: this is a defect of synthdata. "
            "Set SYNTHDATA_DEBUG=1 to see the traceback (it may show values of your table), and report it.",
            file=sys.stderr,
        )
        sys.exit(2)


def last_place(error: BaseException) -> str:
    """Where in this package an error came from: file and line."""
    place, trace = "synthdata", error.__traceback__
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if "synthdata" in path.parts[-3:-1] or path.parent.parent.name == "synthdata":
            place = f"{path.parent.name}/{path.name}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return place


if __name__ == "__main__":
    main()
