"""What `synthdata evaluate` says of tables by other generators, and of tables whose verdict is known beforehand.

    python tests/benchmarks/judge_generators.py TRAIN.parquet HOLDOUT.parquet --target COLUMN --also NAME=TABLE.parquet

Judged are SDV's GaussianCopula and CTGAN (where the extra ``sdv`` is installed), tables made elsewhere from the same
train rows (``--also``), a bootstrap of the train rows, rows whose columns were shuffled apart, and fresh real rows: one
half of train plays the real table, the other half the synthetic one, as it is and with 5 % noisy copies. Each table is
written to a file and goes through the installed command. Nothing is asserted: this only reports.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from privacy_power import disturbed

import synthdata
from synthdata.intake import prepare
from synthdata.table.table import Table

FIGURES = ("shape", "trend", "detection", "alpha_precision", "beta_recall")
HEAD = ("generator", "verdict", "exit", "privacy", "dcr share", "copies", *FIGURES, "tstr", "s")


def main() -> None:
    """Make and judge table after table; print a line for each and what the report says of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path)
    parser.add_argument("holdout", type=Path)
    parser.add_argument("--target")
    parser.add_argument("--also", action="append", default=[], metavar="NAME=TABLE", help="a table made elsewhere")
    parser.add_argument("--epochs", type=int, default=30, help="of CTGAN")
    parser.add_argument("--only", help="names, with commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for the tables and the reports")
    options = parser.parse_args()
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD), flush=True)
    told = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for name, real, synthetic in tables(options):
            paths = {"real": folder / f"{name}.real.parquet", "synthetic": folder / f"{name}.parquet"}
            real.to_parquet(paths["real"])
            synthetic.to_parquet(paths["synthetic"])
            told.append(judged(name, paths, folder / name, options))
    print("\n" + "\n".join(told))


def tables(options: argparse.Namespace) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Each table's name, the real table that it is held against, and itself."""
    train = synthdata.read(str(options.train)).frame
    wanted = options.only.split(",") if options.only else None
    generator = np.random.default_rng(options.seed)
    order = generator.permutation(len(train))
    half, other = (train.iloc[np.sort(part)].reset_index(drop=True) for part in np.array_split(order, 2))
    made = {
        "fresh real rows": lambda: (half, other),
        "fresh rows, 5 % noisy copies": lambda: (half, with_noisy_copies(half, other, generator)),
        "bootstrap of train": lambda: (train, train.sample(len(train), replace=True, random_state=options.seed)),
        "columns shuffled apart": lambda: (train, train.apply(lambda column: generator.permutation(column))),
        "SDV GaussianCopula": lambda: (train, by_sdv("GaussianCopulaSynthesizer", train, options)),
        "SDV CTGAN": lambda: (train, by_sdv("CTGANSynthesizer", train, options, epochs=options.epochs)),
    }
    for named in options.also:
        name, _, path = named.partition("=")
        made[name] = lambda path=path: (train, synthdata.read(path).frame)
    for name, make in made.items():
        if (wanted is None or name in wanted) and (not name.startswith("SDV") or find_spec("sdv")):
            real, synthetic = make()
            yield name, real, synthetic.reset_index(drop=True)


def with_noisy_copies(real: pd.DataFrame, fresh: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
    """Fresh rows of which one in twenty is a disturbed copy of a real one."""
    table: Table = prepare(real, None)
    count = round(0.05 * len(fresh))
    rows = generator.choice(len(real), count, replace=False)
    copied = disturbed(table.frame.iloc[rows].reset_index(drop=True), table, "noisy", generator)
    return pd.concat([copied.astype(fresh.dtypes.to_dict()), fresh.iloc[count:]], ignore_index=True)


def by_sdv(engine: str, train: pd.DataFrame, options: argparse.Namespace, **settings: Any) -> pd.DataFrame:
    """As many rows by a model of SDV, called as its manual says, with the metadata that it finds itself."""
    import torch
    from sdv import single_table
    from sdv.metadata import Metadata

    torch.manual_seed(options.seed)
    np.random.seed(options.seed)  # noqa: NPY002 - SDV draws from the global state
    tables = {"table": train}
    model = getattr(single_table, engine)(Metadata.detect_from_dataframes(tables), **settings)
    model.fit(tables)
    return model.sample(len(train))["table"]


def judged(name: str, paths: dict[str, Path], out: Path, options: argparse.Namespace) -> str:
    """Print the table's line; what the report says of it in words comes back."""
    command = [sys.executable, "-m", "synthdata", "evaluate", "--holdout", options.holdout, "-o", out]
    command += ["--real", paths["real"], "--synthetic", paths["synthetic"], "--seed", options.seed]
    if options.target:
        command += ["--target", options.target]
    started = time.perf_counter()
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    seconds = time.perf_counter() - started
    if done.returncode not in (0, 1):
        return f"{name}: exit {done.returncode}: {done.stderr.strip()[-500:]}"
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    privacy, fidelity = report["privacy"], report["fidelity"]
    figures = [figure(privacy["dcr_share"]), figure(privacy["copies"])]
    figures += [figure(fidelity[metric]) for metric in FIGURES] + [figure(report["utility"]["tstr"])]
    row = [name, report["verdict"], str(done.returncode), privacy["verdict"]["state"], *figures, f"{seconds:.0f}"]
    print("| " + " | ".join(row) + " |", flush=True)
    alerts = "".join(f"\n  - {alert['text']}" for alert in report["alerts"][:6])
    return f"{name}: {privacy['verdict']['text']}{alerts}"


def figure(entry: dict[str, Any]) -> str:
    """A figure, and that of fresh real rows in brackets."""
    if entry["value"] is None:
        return "-"
    reference = entry.get("reference")
    return f"{entry['value']:.3f}" + ("" if reference is None else f" ({reference:.3f})")


if __name__ == "__main__":
    main()
