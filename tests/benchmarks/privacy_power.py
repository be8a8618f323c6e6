"""How much of a leak the privacy verdict sees, and how often it cries wolf: planted copies in fresh real rows.

    python tests/benchmarks/privacy_power.py adult.parquet shoppers.parquet --runs 59 --write

Every run draws disjoint train, holdout and synthetic rows from a real table, so that the synthetic ones are fresh, and
replaces a part of them by (noisy) copies of train rows. Counted is how often the verdict is "leak found", with an exact
95 % interval. Nothing is asserted: this only reports.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import synthdata
from synthdata.intake import prepare
from synthdata.random import SeedTree
from synthdata.table.table import Table
from synthdata.validation.base import Comparison
from synthdata.validation.privacy.copies import copies
from synthdata.validation.privacy.dcr import nearness
from synthdata.validation.privacy.panel import privacy_part
from synthdata.validation.privacy.space import Space, nearest_distances
from synthdata.validation.privacy.verdict import ALPHA, COPIES_SHARE, error_shares
from synthdata.validation.statistics import clopper_pearson

RESULTS = Path(__file__).with_name("PRIVACY_POWER.md")
PLANTS = {
    "fresh real rows": (0.0, "exact"),
    "100 % copies": (1.0, "exact"),
    "5 % copies": (0.05, "exact"),
    "1 % copies": (0.01, "exact"),
    "1 % copied outliers": (0.01, "outliers"),
    "1 % noisy copies of outliers": (0.01, "noisy outliers"),
    "20 % noisy copies": (0.2, "noisy"),
    "5 % noisy copies": (0.05, "noisy"),
    "5 % copies, half of the cells redrawn": (0.05, "redrawn"),
    "all rows, half of the cells redrawn": (1.0, "redrawn"),
}


def planted(train: Table, fresh: Table, share: float, kind: str, generator: np.random.Generator) -> Table:
    """The fresh rows with a share of them replaced by what is planted."""
    count = round(share * len(fresh))
    if not count:
        return fresh
    rows = generator.choice(len(train), count, replace=False)
    if kind.endswith("outliers"):
        space = Space.of(Comparison.of(train, None, fresh), generator)
        points = space.encode("train", np.arange(len(train)))
        rows = np.argsort(-nearest_distances(points, points, 5, skip=1)[:, -1])[:count]
    copied = train.frame.iloc[rows].reset_index(drop=True)
    if kind in ("noisy", "noisy outliers", "redrawn"):
        copied = disturbed(copied, train, kind.split()[0], generator)
    frame = pd.concat([copied, fresh.frame.iloc[count:]], ignore_index=True)
    return Table.of(frame.astype(train.frame.dtypes.to_dict()), train.schema)


def disturbed(copied: pd.DataFrame, train: Table, kind: str, generator: np.random.Generator) -> pd.DataFrame:
    """Numbers with a tenth of a standard deviation of noise and a tenth of categories redrawn; or half of all cells."""
    changed = copied.copy()
    for column in train.schema.kept:
        values = copied[column.name].to_numpy(copy=True)
        others = train.frame[column.name].to_numpy()[generator.integers(0, len(train), len(copied))]
        if kind == "noisy" and column.kind == "numerical":
            spread = 0.1 * float(np.nanstd(train.frame[column.name].to_numpy(dtype=float)))
            noisy = values.astype(float) + generator.normal(0, spread, len(values))
            decimals = column.decimals if column.decimals is not None else 12
            changed[column.name] = np.round(noisy, decimals)
        else:
            redrawn = generator.random(len(values)) < (0.5 if kind == "redrawn" else 0.1)
            changed[column.name] = np.where(redrawn, others, values)
    return changed


def share_found(table: Table, plant: str, runs: range, rows: int) -> tuple[int, float]:
    """In how many of the runs a leak is found, and the processor seconds that one verdict takes."""
    found, seconds = 0, 0.0
    for done, run in enumerate(runs, start=1):
        seeds = SeedTree(run).child(plant)
        order = seeds.generator("rows").permutation(len(table))
        train, holdout, fresh = (table.take(np.sort(order[i * rows : (i + 1) * rows])) for i in range(3))
        synthetic = planted(train, fresh, *PLANTS[plant], seeds.generator("plant"))
        compared = Comparison.of(train, holdout, synthetic)
        started = time.process_time()
        found += leak_found(compared, seeds.child("verdict"), settled=plant != "fresh real rows")[0]
        seconds += time.process_time() - started
        if done % 20 == 0:
            print(f"{plant}: {found} of {done}", file=sys.stderr, flush=True)
    return found, seconds / len(runs)


def leak_found(compared: Comparison, seed: SeedTree, *, settled: bool) -> tuple[bool, list[dict[str, Any]]]:
    """Whether the verdict is "leak found", and its tests as far as they were made, with corrected p-values.

    A test below its own share of the error is a leak whatever the attacks, which take longest, find: where that is
    likely to have ``settled`` it, copies and nearness are looked at first.
    """
    if settled:
        copied = copies(compared)
        # All shares together are 1: so much is a test of copies granted whatever the others find.
        shares = [COPIES_SHARE / max(1, len(copied.tests))] * len(copied.tests)
        if granted := _granted(copied.tests, shares):
            return True, granted
        near = nearness(compared, seed.child("nearness"))
        tests = [*copied.tests, *near.tests]
        # The attacks bring six tests: one more only makes the shares smaller.
        if granted := _granted(tests, error_shares(copied, near, len(tests) + 7)):
            return True, granted
    part = privacy_part(compared, seed, [], lambda *_: None)
    return part["verdict"]["state"] == "leak found", part["details"]["tests"]


def _granted(tests: Sequence[Any], shares: Sequence[float]) -> list[dict[str, Any]]:
    """The tests below their own shares of the error (Bonferroni)."""
    return [
        {"test": test.name, "p_corrected": test.p_value / share}
        for test, share in zip(tests, shares, strict=False)
        if test.p_value < ALPHA * share
    ]


def many_alike(table: Table) -> Table:
    """The first five columns of categories alone, so that most rows have their like."""
    return only(table, [column.name for column in table.schema.kept if not column.continuous][:5])


def wide(table: Table) -> Table:
    """Each row beside two others: three times the columns, so that no row is like another."""
    frame = table.frame[list(table.schema.kept.names)]
    order = [np.random.default_rng(side).permutation(len(frame)) for side in (1, 2)]
    others = [frame.iloc[rows].reset_index(drop=True).add_suffix(f" {i}") for i, rows in enumerate(order)]
    return prepare(pd.concat([frame.reset_index(drop=True), *others], axis=1), None)


def only(table: Table, names: list[str]) -> Table:
    """Some columns of a table."""
    return prepare(table.frame[names].reset_index(drop=True), None)


SHAPES = {"as it is": lambda table: table, "many rows alike": many_alike, "wide": wide}


def main() -> None:
    """Measure and print, and write the table where that is asked for."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("tables", nargs="+", help="files with at least three times the rows")
    arguments.add_argument("--runs", type=int, default=59)
    arguments.add_argument("--fresh-runs", type=int, default=300)
    arguments.add_argument("--rows", type=int, default=4000)
    arguments.add_argument("--plants", nargs="*", default=list(PLANTS))
    arguments.add_argument("--shape", choices=SHAPES, default="as it is")
    arguments.add_argument("--first", type=int, default=0, help="the number of the first run")
    arguments.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    options = arguments.parse_args()
    lines = ["| table | planted | leak found | share, 95 % interval | s each |", "|---|---|---|---|---|"]
    print("\n".join(lines), flush=True)
    for source in options.tables:
        table = SHAPES[options.shape](prepare(synthdata.read(source).frame, None))
        for plant in options.plants:
            runs = options.fresh_runs if plant == "fresh real rows" else options.runs
            found, seconds = share_found(table, plant, range(options.first, options.first + runs), options.rows)
            low, high = clopper_pearson(found, runs)
            share = f"{found / runs:.3f} ({low:.3f} to {high:.3f})"
            lines.append(f"| {Path(source).parent.name} | {plant} | {found} of {runs} | {share} | {seconds:.1f} |")
            print(lines[-1], flush=True)
    if options.write:
        about = f"`{Path(__file__).name}`, {options.rows:,} rows in each of train, holdout and synthetic table."
        RESULTS.write_text("\n".join(["# What the privacy verdict sees", "", about, "", *lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
