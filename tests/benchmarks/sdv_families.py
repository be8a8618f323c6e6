"""Our variational autoencoder and adversarial network beside SDV's, on one table in one run, by our own validation.

    .venv/bin/python tests/benchmarks/sdv_families.py --table adult.parquet --target income
    .venv/bin/python tests/benchmarks/sdv_families.py --rows 4000 --models tvae,sdv:tvae --out families.jsonl

A fifth of the rows are held out. Every model is fitted on the rest with its defaults, draws as many rows, and is judged
by detection (1 is best), shape and trend (errors), alpha-precision and beta-recall, training on synthetic and testing
on real, and nearness (.5 is ideal). Times are CPU seconds of this process, so that other work on the machine does not
count; one thread unless OMP_NUM_THREADS says otherwise. Nothing is asserted: this only reports.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ("detection", "shape", "trend", "alpha", "beta", "utility", "nearness")


def main() -> int:
    """Fit, draw and judge one model after another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", default=str(ROOT / "data" / "admissions.csv"))
    parser.add_argument("--target", help="the column to predict; otherwise one is chosen")
    parser.add_argument("--rows", type=int, help="use so many rows of the table")
    parser.add_argument("--models", default="tvae,sdv:tvae,ctgan,sdv:ctgan,rbm,independent")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="a file to add the figures to, a line of JSON for each model")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    warnings.simplefilter("ignore")

    import numpy as np
    import torch

    import synthdata
    from synthdata.random import SeedTree
    from synthdata.table.table import Table
    from synthdata.validation.base import Comparison
    from synthdata.validation.fidelity.coverage import coverage
    from synthdata.validation.fidelity.detection import detection
    from synthdata.validation.fidelity.shape import shape
    from synthdata.validation.fidelity.trend import trend
    from synthdata.validation.privacy.dcr import nearness
    from synthdata.validation.utility.tstr import tstr

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    whole = Table.of(synthdata.read(options.table).frame)
    order = np.random.default_rng(options.seed).permutation(len(whole))[: options.rows]
    cut = len(order) * 4 // 5
    train, holdout = (
        Table(whole.frame.iloc[part].reset_index(drop=True), whole.schema) for part in (order[:cut], order[cut:])
    )
    print(f"{Path(options.table).name}: {len(train):,} rows to learn from, {len(holdout):,} held out", flush=True)
    print("| model | " + " | ".join(FIGURES) + " | fit, CPU s | sample, CPU s |", flush=True)
    print("|---|" + "---:|" * (len(FIGURES) + 2), flush=True)
    for name in options.models.split(","):
        model = synthdata.make_model(name)
        started = time.process_time()
        model.fit(train, seed=options.seed)
        fitted = time.process_time()
        drawn = model.sample(len(train), seed=options.seed)
        done = time.process_time()
        compared = Comparison.of(train, holdout, Table(drawn, train.schema))
        seed = SeedTree(options.seed).child("judge")
        covered = coverage(compared, seed)
        figures = {
            "detection": detection(compared, seed).figure,
            "shape": shape(compared, seed).figure,
            "trend": trend(compared, seed).figure,
            "alpha": covered.figures["alpha_precision"],
            "beta": covered.figures["beta_recall"],
            "utility": tstr(compared, seed, options.target).figure,
            "nearness": nearness(compared, seed).figure,
        }
        values = {key: figures[key].value for key in FIGURES}
        seconds = {"fit": fitted - started, "sample": done - fitted}
        cells = ["–" if value is None else f"{value:.4f}" for value in values.values()]
        print(f"| `{name}` | {' | '.join(cells)} | {seconds['fit']:.1f} | {seconds['sample']:.1f} |", flush=True)
        if options.out:
            with options.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"model": name, "rows": len(train), **values, **seconds}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
