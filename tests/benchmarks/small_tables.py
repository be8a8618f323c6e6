"""Small parts of real tables, at random: every family fits them, draws, weighs and fills, or says why it does not.

    .venv/bin/python tests/benchmarks/small_tables.py TABLES --models bayesnet,trees --seeds 0-59

TABLES is a folder of Parquet or CSV files. Each seed takes some rows and columns of one of them, at times with nulls,
and fits each family with little training. A failure is an exception that is not meant for a person, a row of the table
itself without a density, a refusal of what was fitted, or a drawn cell that cannot be asked for. Failures are printed
with their seed, and the exit code is 1 if there were any.
"""

from __future__ import annotations

import argparse
import math
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

#: what makes slow families quick
QUICK = {name: {"epochs": 1} for name in ("autoregressive", "diffusion", "ctgan", "tvae", "flow", "rbm")}
#: families that are fitted under a privacy budget, and those whose rows come as they are: no number can be asked for
PRIVATE, AS_THEY_COME = ("aim", "mst"), ("ctgan",)


def main() -> int:
    """Fit family after family to part after part; print what fails, then how many did."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path)
    parser.add_argument("--models", default="independent,gmm,copula,bayesnet,trees,boosted")
    parser.add_argument("--seeds", default="0-59", help="the first and the last")
    parser.add_argument("--rows", type=int, default=800, help="at most so many rows")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    files = sorted(path for path in options.tables.rglob("*") if path.suffix in (".parquet", ".csv"))
    if not files:
        parser.error(f"{options.tables} holds no Parquet or CSV file")
    first, last = map(int, options.seeds.split("-"))
    fits = failures = 0
    for seed in range(first, last + 1):
        for model in options.models.split(","):
            fits += 1
            for words, error in failed(files, model, seed, options.rows):
                failures += 1
                print(f"seed {seed}, {model}: {words}: {error!r}", flush=True)
                traceback.print_exception(error, limit=-3, file=sys.stdout)
    print(f"{fits} fits, {failures} failures")
    return 1 if failures else 0


def failed(files: list[Path], model: str, seed: int, rows: int) -> Iterator[tuple[str, Exception]]:
    """What fails of one family on one part of a table."""
    import synthdata
    from synthdata.errors import SynthdataError
    from synthdata.intake import prepare
    from synthdata.models.abilities import HasLogProb, Imputes

    generator = np.random.default_rng(seed)
    path, frame = part(files, generator, rows)
    try:
        prepared = prepare(frame, None, drop_text=True)
        fitted = synthdata.make_model(model, **QUICK.get(model, {}))
        fitted.fit(prepared.frame, schema=prepared.schema, seed=seed, privacy=1.0 if model in PRIVATE else None)
    except SynthdataError:
        # A table may be declined, with a reason.
        return
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what this looks for
        yield f"fit on {len(frame)} rows of {path.name}", error
        return
    drawn = fitted.sample(50, seed=seed)
    kept = [column.name for column in prepared.schema.modelled]
    holes = prepared.frame.head(20).mask(generator.random((min(len(frame), 20), prepared.frame.shape[1])) < 0.3)

    def weigh() -> None:
        if isinstance(fitted, HasLogProb):
            density = fitted.log_prob(prepared.frame)
            if not np.isfinite(density).all():
                raise ValueError(f"{int((~np.isfinite(density)).sum())} of {len(density)} rows have none")

    def fill() -> None:
        if isinstance(fitted, Imputes):
            fitted.impute(holes, seed=seed)

    def ask() -> None:
        name = kept[generator.integers(len(kept))] if kept else None
        if name is not None and model not in AS_THEY_COME and drawn[name].notna().any():
            fitted.sample(20, given={name: drawn[name].dropna().iloc[0]}, seed=seed)

    steps: dict[str, Callable[[], None]] = {"densities": weigh, "filling": fill, "asking for a drawn cell": ask}
    for words, step in steps.items():
        try:
            step()
        except Exception as error:  # noqa: BLE001 - as above
            yield f"{words} on {len(frame)} rows of {path.name}", error


def part(files: list[Path], generator: np.random.Generator, rows: int) -> tuple[Path, pd.DataFrame]:
    """Some rows and columns of one of the files, in three of ten cases with a column half of which is null."""
    import synthdata

    path = files[generator.integers(len(files))]
    frame = synthdata.read(str(path)).frame
    n = int(math.exp(generator.uniform(math.log(20), math.log(rows))))
    frame = frame.iloc[generator.permutation(len(frame))[:n]].reset_index(drop=True)
    columns = generator.permutation(frame.shape[1])[: generator.integers(1, frame.shape[1] + 1)]
    frame = frame.iloc[:, np.sort(columns)]
    if generator.random() < 0.3:
        name = frame.columns[generator.integers(frame.shape[1])]
        frame[name] = frame[name].where(generator.random(len(frame)) > 0.5)
    return path, frame


if __name__ == "__main__":
    sys.exit(main())
