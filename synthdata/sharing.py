"""The share edition of a finished run with figures of the real table, noised and paid for.

It lies in the run's folder as ``share.json`` (facts of a report, edition ``share``), where a review vouches for it with
the rest of what a release hands out. It says nothing of real rows but shares that carry the noise of differential
privacy, so it may leave the house.
"""

from __future__ import annotations

import json
from pathlib import Path

from synthdata import connectors
from synthdata.accounts import bought_figures
from synthdata.errors import SynthdataError, TableError
from synthdata.intake import Source, match, open_source, read_columns
from synthdata.privacy.ledger import Ledger, Privacy
from synthdata.progress import Progress, silent
from synthdata.random import SeedTree
from synthdata.reporting.report import Report
from synthdata.reporting.written import share_edition
from synthdata.runs.audit_log import SHARE, verify
from synthdata.runs.store import RunFolder
from synthdata.table.schema import Schema
from synthdata.validation.noised import DELTA


def noised_edition(folder: str | Path, source: Source, epsilon: float, *, progress: Progress | None = None) -> Report:
    """Write ``share.json`` into a run's folder, in place of an earlier one, and return what it holds.

    ``source`` is the real table that the run was made from, and its account in the store of budgets pays ``epsilon``.

    Raises:
        SynthdataError: the run is not finished, is released already, or has a report for sharing alone; or the source
            cannot be read or is another table by now. Nothing is paid then.
        PrivacyError: the account does not allow it.
    """
    progress, run = progress or silent(), RunFolder(Path(folder))
    record = run.record()
    report = _whole(run)
    budget = Privacy(epsilon, DELTA, rows_per_person=_rows_per_person(run))
    schema = Schema.from_json(run.file("schema.json").read_text(encoding="utf-8"))
    loaded = open_source(source, table=record.get("table"), query=record.get("query"), progress=progress)
    # A private run read its cells one by one; its schema is whole, so that nothing is bought here.
    ledger = Ledger(budget) if run.file("ledger.json").exists() else None
    real = read_columns(source, loaded, schema, ledger, None, False, progress)
    if loaded.fingerprint != record.get("fingerprint"):
        raise TableError(
            "The source is not the table that this run was made from: it has changed since.",
            "Run it again on the table as it is now.",
        )
    made, _ = match(connectors.read(run.file("synthetic.parquet")).frame, schema, "synthetic table")
    with progress.stage("report", "Measuring the real columns, with noise"):
        noised = bought_figures(real, made, budget, SeedTree(report.run["seed"]), loaded)
        edition = share_edition(report, made, noised)
        edition.save(run.file(SHARE))
    return edition


def _whole(run: RunFolder) -> Report:
    """The internal report of a run that may still get another edition for sharing."""
    name = run.path.name
    if run.record().get("status") != "done":
        raise SynthdataError(f"{name} is not finished.", "Only a finished run has figures to share.")
    if verify(run.path).state == "released":
        raise SynthdataError(
            f"{name} is released: what it hands out must stay as it was approved.",
            "A reviewer who rejects it opens it again.",
        )
    report = Report.load(run.file("report.json"))
    if report.shared:
        raise SynthdataError(
            f"{name} was run with --share, so its report is the edition for sharing already.",
            "Run it without --share to add figures afterwards.",
        )
    return report


def _rows_per_person(run: RunFolder) -> int:
    """How many rows of a person a private run protects together; 1 where it protects rows, or was not private."""
    try:
        ledger = json.loads(run.file("ledger.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return 1
    return int(ledger.get("rows_per_unit") or 1)
