"""Does the verdict see what our own models remember? Rows repeated in training, and models trained far too long.

    python tests/benchmarks/own_models_power.py TABLE.parquet --plant repeated --model boosted --runs 59
    python tests/benchmarks/own_models_power.py TABLE.parquet --plant overfitted --model tvae --runs 59

``repeated``: 4,000 rows, a twentieth of which stand in training 20 times; what is judged is the model's table, its own
loss, and the 4,000 rows as they were, beside as many that it never saw. ``overfitted``: 500 rows, 20 times the epochs,
and without the held-out rows that otherwise end the training of networks in time. ``plain`` is neither: 4,000 rows as
they are. Counted is how often the verdict is "leak found", how often the attack on the model's own loss says that it
remembers rows, and that attack's mean true positive rate at 1 % false positives. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from pathlib import Path

import numpy as np

import synthdata
from synthdata.models import neural
from synthdata.models.abilities import HasLogProb
from synthdata.pipeline import prepare
from synthdata.random import SeedTree
from synthdata.table.table import Table
from synthdata.training.trainer import TrainingSettings
from synthdata.validation.base import Comparison
from synthdata.validation.privacy.panel import privacy_part
from synthdata.validation.privacy.verdict import REMEMBERS
from synthdata.validation.statistics import clopper_pearson

#: rows of each table by what is planted; which share of rows is repeated, and how often each stands in training
ROWS = {"repeated": 4_000, "overfitted": 500, "plain": 4_000}
REPEATED, TIMES = 0.05, 20


def main() -> None:
    """Measure, and print a line after every ten runs, the last one being of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--plant", choices=ROWS, default="repeated")
    parser.add_argument("--model", default="boosted")
    parser.add_argument("--param", action="append", default=[])
    parser.add_argument("--runs", type=int, default=59)
    parser.add_argument("--first", type=int, default=0, help="the number of the first run")
    options = parser.parse_args()
    table = prepare(synthdata.read(str(options.table)).frame, None)
    if options.plant == "overfitted":
        neural.TrainingSettings = partial(TrainingSettings, validation=0.0)
    leaks, remembers, rates, started = 0, 0, [], time.perf_counter()
    for run in range(options.first, options.first + options.runs):
        part = judged(table, options, SeedTree(run).child(options.plant))
        leaks += part["verdict"]["state"] == "leak found"
        remembers += part["verdict"]["model"] == REMEMBERS
        own = [attack for attack in part["attacks"] if attack["holds_model"]]
        rates += [attack["true_positive_rates"][0]["value"] for attack in own]
        done = run + 1 - options.first
        if done % 10 == 0 or done == options.runs:
            line = [options.table.parent.name, " ".join([options.model, *options.param]), options.plant]
            line += [share(leaks, done), share(remembers, done), f"{np.mean(rates) if rates else float('nan'):.3f}"]
            print("| " + " | ".join(line) + f" | {(time.perf_counter() - started) / done:.1f} |", flush=True)


def judged(table: Table, options: argparse.Namespace, seeds: SeedTree) -> dict:  # type: ignore[type-arg]
    """The privacy part of a report on one model."""
    rows = min(ROWS[options.plant], len(table) // 2)
    order = seeds.generator("rows").permutation(len(table))
    train, holdout = (table.take(np.sort(order[i * rows : (i + 1) * rows])) for i in range(2))
    learnt = train
    if options.plant == "repeated":
        often = seeds.generator("repeated").choice(rows, round(REPEATED * rows), replace=False)
        times = np.ones(rows, int)
        times[often] = TIMES
        learnt = train.take(seeds.generator("order").permutation(np.repeat(np.arange(rows), times)))
    model = synthdata.make_model(options.model, options.param)
    if options.plant == "overfitted":
        model.epochs *= TIMES
    model.fit(learnt, seed=seeds.integer("fit"))
    drawn = Table.of(model.sample(rows, seed=seeds.integer("sample")), table.schema.kept)
    log_prob = model.log_prob if isinstance(model, HasLogProb) else None
    compared = Comparison.of(train, holdout, drawn)
    return privacy_part(compared, seeds.child("verdict"), [], lambda *_: None, log_prob)


def share(found: int, runs: int) -> str:
    """So many of so many, with an exact 95 % interval."""
    low, high = clopper_pearson(found, runs)
    return f"{found} of {runs} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
