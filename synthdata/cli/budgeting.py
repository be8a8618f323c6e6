"""What privacy the runs on a source have cost together."""

from __future__ import annotations

from typing import Annotated

import typer

from synthdata.cli.options import Query, Source, TableName
from synthdata.cli.working import working


def budget(
    source: Source,
    cap: Annotated[float | None, typer.Option("--cap", help="From now on, the most that all runs may spend.")] = None,
    store: Annotated[
        str | None, typer.Option("--store", help="The database of budgets: a path or URL; by default SYNTHDATA_BUDGET.")
    ] = None,
    table: TableName = None,
    query: Query = None,
) -> None:
    """Show how much epsilon all runs on a source have spent together, and hold them to a cap."""
    from rich.table import Table as Grid

    from synthdata import accounts
    from synthdata.runs.budget_store import BudgetStore

    with working() as (console, progress):
        account = accounts.account(source, BudgetStore(store), cap=cap, table=table, query=query, progress=progress)
    if account.spendings:
        shown = Grid("started (UTC)", "model", "epsilon", "delta", "state")
        for spending in account.spendings:
            figures = (f"{spending.epsilon:.4g}", f"{spending.delta:.3g}")
            shown.add_row(spending.started, spending.model, *figures, spending.state)
        console.print(shown)
    most = "no cap" if account.cap is None else f"a cap of {account.cap:g}"
    console.print(f"Spent on this source: epsilon = {account.epsilon:.4g}, delta = {account.delta:.3g}; {most}.")
