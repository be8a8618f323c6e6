"""The arguments and options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Device(StrEnum):
    """Where to compute."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


Source = Annotated[
    str, typer.Argument(help="A file, folder, database URL or bundled table: adult.csv, postgresql://…, sklearn:wine.")
]
UsualModel = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="Which to fit, of those `synthdata models` lists; by default boosted, with --epsilon auto.",
    ),
]
Model = Annotated[str, typer.Option("--model", "-m", help="Which model to fit; `synthdata models` lists them.")]
TableName = Annotated[str | None, typer.Option("--table", help="The table of a database, or the sheet of a workbook.")]
Query = Annotated[str | None, typer.Option("--query", help="A query to read from a database instead of a table.")]
SchemaFile = Annotated[
    Path | None, typer.Option("--schema", help="A whole or partial schema (JSON) that overrules what is inferred.")
]
Target = Annotated[str | None, typer.Option("--target", help="The column that a model would predict.")]
Protected = Annotated[
    str | None,
    typer.Option(
        "--protected",
        help="Columns whose groups are compared for fairness, such as sex,race; by default by their names.",
    ),
]
Seed = Annotated[int | None, typer.Option("--seed", help="The same seed gives the same result.")]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with what was stopped before it was complete, if the call is the same.")
]
DropText = Annotated[bool, typer.Option("--drop-text", help="Leave columns of free text out instead of refusing them.")]
Settings = Annotated[
    list[str] | None, typer.Option("--param", help="A parameter of the model, KEY=VALUE; may be given several times.")
]
DeviceOption = Annotated[Device, typer.Option("--device", help="Where to compute.")]
TimeBudget = Annotated[float | None, typer.Option("--time-budget", help="Seconds that fitting may take.")]
Epsilon = Annotated[float | None, typer.Option("--epsilon", help="Budget of differential privacy.")]
Delta = Annotated[float | None, typer.Option("--delta", help="Probability with which ε may not hold.")]
RowsPerPerson = Annotated[
    int | None,
    typer.Option(
        "--rows-per-person",
        help="With --epsilon, where the schema names a sequence key: how many rows of each person count (1).",
    ),
]
Split = Annotated[
    str | None,
    typer.Option(
        "--split",
        help="With --epsilon: how the budget is shared out (of μ²), such as "
        "rows=0.005,structure=0.02,domain=0.095,training=0.88.",
    ),
]
PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", help="internal, share-with-partner, publish, or your own thresholds (YAML): what passes."),
]
Share = Annotated[
    bool, typer.Option("--share", help="Write a report for handing over: it holds no statistic of real rows.")
]
ShareEpsilon = Annotated[
    float | None,
    typer.Option(
        "--share-epsilon",
        help="With --share: noised shares of the real columns beside the synthetic ones, at this ε of their own.",
    ),
]
Pdf = Annotated[bool, typer.Option("--pdf", help="Print the report as PDF, too, with the browser on this machine.")]
ModelFolder = Annotated[Path, typer.Argument(help="A saved model or a run folder.")]
Output = Annotated[str, typer.Option("-o", "--output", help="The file to write; its ending decides the format.")]
