"""Whether a model's claim of differential privacy can be refuted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synthdata.cli.options import (
    Delta,
    Device,
    DeviceOption,
    DropText,
    Query,
    SchemaFile,
    Seed,
    Settings,
    Source,
    Split,
    TableName,
    Target,
    TimeBudget,
)
from synthdata.cli.working import privacy_of, settings_of, working


def audit(
    source: Source,
    model: Annotated[str, typer.Option("--model", "-m", help="Which private model to audit.")],
    epsilon: Annotated[float, typer.Option("--epsilon", help="The budget whose claim is put to the test.")],
    delta: Delta = None,
    canaries: Annotated[int, typer.Option("--canaries", help="How many invented rows; more can refute more.")] = 200,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="A folder for audit.json; a run folder's report shows it, too.")
    ] = None,
    table: TableName = None,
    query: Query = None,
    schema: SchemaFile = None,
    target: Target = None,
    drop_text: DropText = False,
    seed: Seed = None,
    param: Settings = None,
    device: DeviceOption = Device.auto,
    time_budget: TimeBudget = None,
    split: Split = None,
) -> None:
    """Fit once with invented rows among the real ones, guess which, and bound epsilon from below by the guesses.

    Leaves with 1 where the claim is refuted. No model, no synthetic row and no canary is kept.
    """
    settings = [*(param or ()), *settings_of(model, device, time_budget)]
    from synthdata.auditing import audit_model
    from synthdata.reporting.auditing import audit_lines

    with working() as (console, progress):
        done = audit_model(
            source,
            model,
            privacy_of(epsilon, delta, split=split) or epsilon,
            canary_count=canaries,
            out=out,
            table=table,
            query=query,
            schema=schema,
            target=target,
            drop_text=drop_text,
            seed=seed,
            settings=settings,
            progress=progress,
        )
    for line in audit_lines(done.facts):
        console.print(line, highlight=False)
    if out is not None:
        console.print(f"Written to {out / 'audit.json'}.")
    if done.result.refuted:
        raise typer.Exit(1)
