"""What is there: the columns of a table, the models, the runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synthdata.cli.options import Query, SchemaFile, Seed, Source, TableName, Target
from synthdata.cli.working import working

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text


def inspect(
    source: Source,
    schema_out: Annotated[Path | None, typer.Option("--schema-out", help="Write the schema here.")] = None,
    table: TableName = None,
    query: Query = None,
    schema: SchemaFile = None,
    target: Target = None,
    seed: Seed = None,
    columns_only: Annotated[
        bool, typer.Option("--columns-only", help="Leave out how long models would take, which is what takes longest.")
    ] = False,
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
    if not columns_only:
        from synthdata.estimates import costs_grid, estimates

        with working() as (_, progress):
            costs = estimates(inspection.real, seed=seed, progress=progress)
        console.print(costs_grid(costs))


def models(
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="The model to describe with its parameters; without it all.")
    ] = None,
) -> None:
    """List the models and what each can do, or describe one with its parameters."""
    from synthdata.models.registry import describe_model, describe_models

    with working() as (console, _):
        described = describe_models() if model is None else [describe_model(model)]
    if model is None:
        console.print(listed(described))
        console.print("`synthdata models NAME` tells a model's parameters.")
    else:
        for part in told(described[0]):
            console.print(part)


def listed(described: Sequence[Mapping[str, Any]]) -> Table:
    """The table of all models; names are never cut, since they are there to be typed."""
    from rich.table import Table
    from rich.text import Text

    shown = Table("model", "what it is good for", "abilities", title="Models", title_justify="left")
    shown.columns[0].no_wrap = True
    for model in described:
        shown.add_row(
            Text(model["name"]), Text(model.get("problem") or model["summary"]), Text(", ".join(model["abilities"]))
        )
    return shown


def told(model: Mapping[str, Any]) -> Iterator[Text | Table]:
    """What there is to say of one model."""
    from rich.table import Table
    from rich.text import Text

    abilities = [
        f"log_prob ({model['log_prob']})" if ability == "log_prob" else ability for ability in model["abilities"]
    ]
    yield Text(f"{model['name']}: {model.get('problem') or model['summary']}")
    yield Text(f"Besides drawing rows: {', '.join(abilities) or 'nothing'}.")
    if not model["parameters"]:
        return
    shown = Table("parameter", "default", "what it is for", title="Parameters", title_justify="left")
    shown.columns[0].no_wrap = True
    for name, about in model["parameters"].items():
        takes = f" ({about['type']})" if " or " in about["type"] else ""
        shown.add_row(Text(name), Text(about["default"]), Text(about["for"] + takes))
    yield shown
    name, about = next(iter(model["parameters"].items()))
    yield Text(f"Set one with --param, such as --param {name}={about['default'].strip(chr(39))}.")


def dashboard(
    runs: Annotated[Path, typer.Option("--runs", help="The folder with the run folders.")] = Path("runs"),
    port: Annotated[int, typer.Option("--port", help="The port on this machine.")] = 8501,
) -> None:
    """Open the dashboard in a browser, on this machine only."""
    from dashboards.launch import launch

    launch(runs, port)
