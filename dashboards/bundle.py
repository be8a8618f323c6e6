"""What a released run hands out: rows, report, schema, ledger and the log of its review, in one ZIP file."""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
import zipfile
from pathlib import Path

from dashboards import store
from synthdata.atomic import write_text
from synthdata.errors import SynthdataError
from synthdata.reporting.html import render
from synthdata.reporting.report import Report
from synthdata.runs.audit_log import LOG, Review, verify
from synthdata.runs.store import RunInfo


def build(run: RunInfo, report: Report, *, internal: bool = False) -> bytes:
    """The bundle, a ZIP file as bytes; its report says nothing of real rows unless an ``internal`` one is asked for.

    Raises:
        SynthdataError: the run is not released, or one of its files is not what was released.
    """
    review = verify(run.folder)
    if review.state != "released":
        raise SynthdataError(
            f"{run.name} is not released.", review.problems[0] if review.problems else "A reviewer has to approve it."
        )
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / run.name
        folder.mkdir()
        _fill(folder, run, report, review, internal)
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.iterdir()):
                archive.write(path, f"{run.name}/{path.name}")
    return content.getvalue()


def _fill(folder: Path, run: RunInfo, report: Report, review: Review, internal: bool) -> None:
    # The list of runs, which needs none of this, comes up sooner without it.
    from synthdata import connectors

    for name in ("synthetic.parquet", "schema.json", "ledger.json", LOG):
        if (run.folder / name).exists():
            shutil.copyfile(run.folder / name, folder / name)
    connectors.write(connectors.read(folder / "synthetic.parquet").frame, folder / "synthetic.csv")
    handed = report if internal else going_out(run, report)
    handed.save(folder / "report.json")
    write_text(folder / "report.html", render(handed))
    (folder / "README.txt").write_text(_readme(run, review, handed), encoding="utf-8")
    sums = "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(folder.iterdir())
    )
    (folder / "SHA256SUMS").write_text(sums, encoding="utf-8")


def going_out(run: RunInfo, report: Report) -> Report:
    """The edition of a run's report that may be handed on: the one that lies ready, or one made now."""
    from synthdata import connectors
    from synthdata.intake import match
    from synthdata.reporting.written import share_edition
    from synthdata.table.schema import Schema

    ready = store.share_edition(run, report)
    if ready is not None:
        return ready
    schema = Schema.from_json((run.folder / "schema.json").read_text(encoding="utf-8"))
    made, _ = match(connectors.read(run.folder / "synthetic.parquet").frame, schema, "synthetic table")
    return share_edition(report, made)


def _readme(run: RunInfo, review: Review, report: Report) -> str:
    decision = review.decision
    told = f"Released by {decision.name} on {decision.time}: {decision.reason}" if decision else ""
    edition = (
        f"The report is the edition for sharing: its figures of real columns carry the noise of differential privacy "
        f"(epsilon = {report.facts['noised']['epsilon_spent']:.3g})."
        if report.noised
        else "The report is the edition for sharing: it holds no statistic of real rows."
        if report.shared
        else "INTERNAL: the report holds statistics of real rows. Not for handing on."
    )
    return (
        f"{run.name}: a synthetic table made by synthdata.\n\n{told}\n{edition}\n\n"
        "synthetic.parquet, synthetic.csv  the rows, all of them invented\n"
        "report.html, report.json          how they were judged\n"
        "schema.json                       what each column is\n"
        "ledger.json                       the ledger of differential privacy, where there is one\n"
        f"{LOG}                      the review; the seal below is the hash of its last line\n"
        "SHA256SUMS                        check with: sha256sum -c SHA256SUMS\n\n"
        f"Seal: {review.seal}\n"
    )
