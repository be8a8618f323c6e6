"""What a released run hands out: rows, report, schema, ledger and the log of its review, in one ZIP file."""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
import zipfile
from pathlib import Path

from synthdata.errors import SynthdataError
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
    from synthdata.pipeline import match, write_report
    from synthdata.table.schema import Schema

    for name in ("synthetic.parquet", "schema.json", "ledger.json", LOG):
        if (run.folder / name).exists():
            shutil.copyfile(run.folder / name, folder / name)
    frame = connectors.read(folder / "synthetic.parquet").frame
    connectors.write(frame, folder / "synthetic.csv")
    schema = Schema.from_json((folder / "schema.json").read_text(encoding="utf-8"))
    made, _ = match(frame, schema, "synthetic table")
    shared = internal or report.edition == "share"
    write_report(report.facts, folder, None if shared else made)
    (folder / "README.txt").write_text(_readme(run, review, internal), encoding="utf-8")
    sums = "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(folder.iterdir())
    )
    (folder / "SHA256SUMS").write_text(sums, encoding="utf-8")


def _readme(run: RunInfo, review: Review, internal: bool) -> str:
    decision = review.decision
    told = f"Released by {decision.name} on {decision.time}: {decision.reason}" if decision else ""
    edition = (
        "INTERNAL: the report holds statistics of real rows. Not for handing on."
        if internal
        else "The report is the edition for sharing: it holds no statistic of real rows."
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
