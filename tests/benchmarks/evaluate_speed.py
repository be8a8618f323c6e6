"""Seconds and memory of `synthdata evaluate`, beside the reports of sdmetrics, on the same three tables.

    python tests/benchmarks/evaluate_speed.py TRAIN.parquet HOLDOUT.parquet SYNTHETIC.parquet --target COLUMN

Each is a process of its own, from its start to its end: reading, measuring and, for ours, writing the report. Of
sdmetrics these are the QualityReport, the DiagnosticReport and the two metrics of distance to the closest record that
need no other model; it measures no detection, usefulness, attacks, fairness, interval or verdict. With ``--rows`` only
so many rows of each table are taken. Nothing is asserted: this only reports.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

from bench import Measurement, measure, timed

PARTS = ("quality", "diagnostic", "distance to closest record")


def main() -> None:
    """Measure both, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs=3, metavar=("TRAIN", "HOLDOUT", "SYNTHETIC"))
    parser.add_argument("--target")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--without", default="", help="leave sdmetrics out, or its distances: 'sdmetrics', 'distance'")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        by_sdmetrics(options.tables, options.without == "distance")
        return
    with tempfile.TemporaryDirectory() as name:
        tables = [shortened(path, options.rows, Path(name)) for path in options.tables]
        done = [measure("`synthdata evaluate`", ours(tables, options.target, Path(name) / "report"), (0, 1))]
        if options.without != "sdmetrics":
            without = ["--without", options.without] if options.without else []
            done.append(measure("sdmetrics", [sys.executable, __file__, *tables, "--child", *without]))
        rows = json.loads((Path(name) / "report" / "report.json").read_text(encoding="utf-8"))["run"]["rows"]
    show(done, rows)


def shortened(path: str, rows: int | None, folder: Path) -> str:
    """The table as Parquet, with at most so many of its rows."""
    import synthdata

    frame = synthdata.read(path).frame
    if rows is not None and rows < len(frame):
        frame = frame.sample(rows, random_state=0)
    short = folder / f"{len(list(folder.iterdir()))}.parquet"
    frame.reset_index(drop=True).to_parquet(short)
    return str(short)


def ours(tables: list[str], target: str | None, out: Path) -> list[str]:
    """The command as a user would type it."""
    named = zip(("--real", "--holdout", "--synthetic"), tables, strict=True)
    command = [sys.executable, "-m", "synthdata", "evaluate", *(word for pair in named for word in pair)]
    return [*command, "-o", str(out), "--seed", "0", *(["--target", target] if target else [])]


def by_sdmetrics(tables: list[str], without_distances: bool) -> None:
    """The reports of sdmetrics, as its manual says, in this process; the seconds of each part as the last line."""
    import pandas as pd
    from sdmetrics.reports import DiagnosticReport, QualityReport
    from sdmetrics.single_table import DCRBaselineProtection, DCROverfittingProtection
    from sdv.metadata import Metadata

    train, holdout, synthetic = (pd.read_parquet(path) for path in tables)
    metadata = Metadata.detect_from_dataframes({"table": train}).to_dict()
    real, made = {"table": train}, {"table": synthetic}

    def distances() -> None:
        DCRBaselineProtection.compute_breakdown(train, synthetic, metadata, "table")
        DCROverfittingProtection.compute_breakdown(train, synthetic, holdout, metadata, "table")

    parts = {
        PARTS[0]: lambda: QualityReport().generate(real, made, metadata, verbose=False),
        PARTS[1]: lambda: DiagnosticReport().generate(real, made, metadata, verbose=False),
        PARTS[2]: distances,
    }
    if without_distances:
        del parts[PARTS[2]]
    timed(parts)


def show(done: list[Measurement], rows: dict[str, int]) -> None:
    """The table, and how many times as long sdmetrics takes."""
    print(
        f"{platform.system()} {platform.machine()}, {len(os.sched_getaffinity(0))} cores, {time.strftime('%Y-%m-%d')}"
    )
    print(f"train {rows['train']:,} rows, holdout {rows['holdout']:,}, synthetic {rows['synthetic']:,}\n")
    print("| what | seconds | peak memory | of which |\n|---|---:|---:|---|")
    for each in done:
        print(f"| {each.what} | {each.seconds:.1f} | {each.gigabytes:.2f} GB | {each.failed or each.detail} |")
    if len(done) == 2 and not done[1].failed:
        print(f"\nsdmetrics takes {done[1].seconds / done[0].seconds:.1f} times as long.")


if __name__ == "__main__":
    main()
