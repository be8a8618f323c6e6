"""Every family of the registry on every odd table: whether it copes, declines or breaks, and how long it takes.

    .venv/bin/python tests/benchmarks/odd_families.py --out FILE.md [--models tvae,ctgan] [--tables wide] [--limit 300]

The tables are those of `tests/odd_tables.py`, at full size. Each pair has a process of its own, with small networks and
few epochs, since what is asked is whether it works and not how well. ``copes`` means that rows with the table's columns
came out; ``declines`` quotes the reason given; anything else is a defect and ends the program with 1.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main() -> int:
    """Try pair after pair and print a line for each."""
    from odd_tables import ODD
    from side_by_side import note

    from synthdata.models.registry import model_names

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(model_names()))
    parser.add_argument("--tables", default=",".join(ODD))
    parser.add_argument("--limit", type=int, default=300, help="seconds for each pair")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", nargs=2, metavar=("MODEL", "TABLE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(outcome(*options.one))
        return 0
    broken = 0
    note(options, "| family | table | outcome | seconds |", "|---|---|---|---:|")
    for model in options.models.split(","):
        for table in options.tables.split(","):
            start = time.perf_counter()
            try:
                ran = subprocess.run(
                    [sys.executable, __file__, "--one", model, table],
                    capture_output=True,
                    text=True,
                    timeout=options.limit,
                )
                last = (ran.stdout if not ran.returncode else "BREAKS: " + ran.stderr).strip().splitlines()
                said = last[-1] if not ran.returncode else f"BREAKS: {last[-1]}"
            except subprocess.TimeoutExpired:
                said = f"BREAKS: not done after {options.limit} s"
            broken += said.startswith("BREAKS")
            note(options, f"| {model} | {table} | {said} | {time.perf_counter() - start:.0f} |")
    return int(bool(broken))


def outcome(name: str, table: str) -> str:
    """What a family makes of a table."""
    from odd_tables import ODD, in_sequences, quick

    from synthdata.errors import SynthdataError

    frame, schema = ODD[table]()
    if name == "hmm":
        frame, schema = in_sequences(frame, schema)
    try:
        drawn = quick(name).fit(frame, schema=schema, seed=0).sample(60, seed=1)
    except SynthdataError as error:
        return f"declines: {' '.join(str(error).split())}"
    if list(drawn.columns) != list(frame.columns) or not len(drawn):
        raise AssertionError(f"{len(drawn)} rows of {list(drawn.columns)[:5]}")
    return "copes"


if __name__ == "__main__":
    sys.exit(main())
