"""Speed and memory on this machine, beside SDV's GaussianCopula in the same run.

    make bench
    make bench ARGS="--table adult.parquet --target income --write"

Each measurement is a process of its own: its seconds are wall time, start-up included, and its memory is the peak that
the operating system counted for it. What of it was fitting and sampling stands beside. Nothing is asserted: this only
reports.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).with_name("RESULTS.md")
MILLION = 1_000_000


@dataclass(frozen=True)
class Measurement:
    """What one child process took."""

    what: str
    seconds: float
    gigabytes: float
    detail: str = ""
    failed: str = ""


def measure(what: str, command: list[str], ends: tuple[int, ...] = (0,)) -> Measurement:
    """Run a command to its end, which is a failure unless it leaves with one of ``ends``."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        child = subprocess.Popen(command, stdout=output, stderr=errors, cwd=ROOT)
        # wait4 tells the peak memory of this one child, which getrusage does not.
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        lines, complaint = output.read().splitlines(), errors.read().strip().splitlines()
    unit = 1 if sys.platform == "darwin" else 1024
    gigabytes = usage.ru_maxrss * unit / 1e9
    # `synthdata run` ends with 1 where a policy failed the synthetic table: a verdict, not a failure.
    if child.returncode not in ((0, 1) if "run" in command else ends):
        reason = complaint[-1] if complaint else "no message"
        return Measurement(what, seconds, gigabytes, failed=f"exit {child.returncode}: {reason}")
    detail = ""
    if lines and lines[-1].startswith("{"):
        parts = json.loads(lines[-1])
        detail = ", ".join(f"{name} {value:.1f} s" for name, value in parts.items())
    return Measurement(what, seconds, gigabytes, detail)


def timed(parts: dict[str, Callable[[], object]]) -> None:
    """Run the parts in their order and print the seconds of each as the last line."""
    seconds = {}
    for name, part in parts.items():
        started = time.perf_counter()
        part()
        seconds[name] = time.perf_counter() - started
    print(json.dumps(seconds))


def fit_and_sample(model: str, table: str) -> None:
    """The model's own part, in this process: no report, no files."""
    import synthdata

    real = synthdata.read(table).frame
    synthesizer = synthdata.make_model(model)
    rows = len(real)
    timed({"fit": lambda: synthesizer.fit(real, seed=0), "sample": lambda: synthesizer.sample(rows, seed=0)})


def fit_and_sample_sdv(table: str) -> None:
    """SDV's GaussianCopula with its defaults."""
    import warnings

    import synthdata

    warnings.simplefilter("ignore")
    from sdv.metadata import Metadata
    from sdv.single_table import GaussianCopulaSynthesizer

    tables = {"table": synthdata.read(table).frame}
    synthesizer = GaussianCopulaSynthesizer(Metadata.detect_from_dataframes(tables))
    rows = len(tables["table"])
    timed({"fit": lambda: synthesizer.fit(tables), "sample": lambda: synthesizer.sample(rows)})


def command_line(table: str, model: str, out: Path, target: str | None = None) -> list[str]:
    """`synthdata run` as a user would type it."""
    chosen = ["--target", target] if target else []
    return [
        *(sys.executable, "-m", "synthdata", "run", table, "--model", model, "--seed", "0", "--out", str(out)),
        *chosen,
    ]


def this(*words: str) -> list[str]:
    """This program, as a child."""
    return [sys.executable, __file__, *words]


def million_rows(folder: Path, rows: int) -> str:
    """A large table from the generator of the sample data, as Parquet."""
    path = folder / "admissions.parquet"
    generator = [sys.executable, str(ROOT / "data" / "make_admissions.py")]
    subprocess.run([*generator, "--rows", str(rows), "--output", str(path)], check=True, stdout=subprocess.DEVNULL)
    return str(path)


def show(done: list[Measurement], table: str) -> str:
    """The figures as Markdown."""
    about = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    lines = [f"{about}; table: {Path(table).name}; {time.strftime('%Y-%m-%d')}", ""]
    lines += ["| what | seconds | peak memory | of which |", "|---|---:|---:|---|"]
    for each in done:
        lines.append(f"| {each.what} | {each.seconds:.1f} | {each.gigabytes:.2f} GB | {each.failed or each.detail} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure one thing after another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", default=str(ROOT / "data" / "admissions.csv"), help="the table of the first three")
    parser.add_argument("--target", default=None, help="its column to predict")
    parser.add_argument("--rows", type=int, default=MILLION, help="rows of the large table; 0 leaves it out")
    parser.add_argument("--write", action="store_true", help=f"write the figures to {RESULTS.name}")
    parser.add_argument("--child", nargs=2, metavar=("MODEL", "TABLE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        model, table = options.child
        fit_and_sample_sdv(table) if model == "sdv" else fit_and_sample(model, table)
        return 0
    target = options.target or ("readmitted" if options.table.endswith("admissions.csv") else None)
    table = str(Path(options.table).resolve())
    done = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        work = [
            ("`run --model trees`, report included", lambda: command_line(table, "trees", folder / "trees", target)),
            ("`trees`, fit and sample", lambda: this("--child", "trees", table)),
            ("`boosted`, fit and sample", lambda: this("--child", "boosted", table)),
            ("`gmm`, fit and sample", lambda: this("--child", "gmm", table)),
            ("SDV GaussianCopula, fit and sample", lambda: this("--child", "sdv", table)),
        ]
        if options.rows:
            large = million_rows(folder, options.rows)
            title = f"`run --model gmm`, {options.rows:,} rows × 20 columns"
            work.append((title, lambda: command_line(large, "gmm", folder / "gmm", "readmitted")))
        for what, command in work:
            print(f"{what} …", file=sys.stderr, flush=True)
            done.append(measure(what, command()))
    text = show(done, table)
    print(text)
    if options.write:
        RESULTS.write_text(f"# Benchmark\n\nMade by `make bench ARGS=--write`.\n\n{text}", encoding="utf-8")
    return 1 if any(each.failed for each in done) else 0


if __name__ == "__main__":
    sys.exit(main())
