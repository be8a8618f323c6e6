"""What is there: the columns of a table, the models, the runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synthdata.cli.options import Query, SchemaFile, Seed, Source, TableName, Target
from synthdata.cli.working import working


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


def dashboard(
    runs: Annotated[Path, typer.Option("--runs", help="The folder with the run folders.")] = Path("runs"),
    port: Annotated[int, typer.Option("--port", help="The port on this machine.")] = 8501,
) -> None:
    """Open the dashboard in a browser, on this machine only."""
    from dashboards.launch import launch

    launch(runs, port)
