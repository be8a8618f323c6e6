"""The command line: each command parses, calls the pipeline, and prints.

A command is a function in one of this package's modules, and a name in `COMMANDS`, in the order in which the help
shows them. Exit codes: 0 done (and the policy passed), 1 the policy failed, 2 bad input or refused, 130 cancelled.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from synthdata import __version__
from synthdata.cli.auditing import audit
from synthdata.cli.augmenting import augment
from synthdata.cli.budgeting import budget
from synthdata.cli.comparing import compare
from synthdata.cli.judging import evaluate, run
from synthdata.cli.looking import dashboard, inspect, models
from synthdata.cli.modelling import fit, impute, sample, score
from synthdata.errors import Cancelled, SynthdataError

COMMANDS = (inspect, run, fit, sample, impute, score, evaluate, augment, compare, models, budget, audit, dashboard)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for command in COMMANDS:
    app.command()(command)


def _tell_version(asked: bool) -> None:
    if asked:
        print(f"synthdata {__version__}")
        raise typer.Exit


@app.callback()
def about(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Print the version and end.")
    ] = False,
) -> None:
    """Synthetic tabular data, with its fidelity, usefulness and privacy measured."""


def main() -> None:
    """The entry point: runs a command and turns every error into one message and an exit code."""
    try:
        app()
    except (Cancelled, KeyboardInterrupt) as stopped:
        advice = f" {stopped.advice}" if isinstance(stopped, Cancelled) and stopped.advice else ""
        print(f"Cancelled; nothing half-written was left.{advice}", file=sys.stderr)
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
