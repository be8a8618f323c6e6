"""Does the verdict see what our own models remember? Rows repeated in training, and models trained far too long.

    python tests/benchmarks/own_models_power.py TABLE.parquet --plant repeated --model boosted --runs 59
    python tests/benchmarks/own_models_power.py TABLE.parquet --plant overfitted --model tvae --runs 59

``repeated``: 4,000 rows, a twentieth of which stand in training 20 times; what is judged is the model's table, its own
loss, and the 4,000 rows as they were, beside as many that it never saw. ``overfitted``: 500 rows, 20 times the epochs,
and without the held-out rows that otherwise end the training of networks in time. ``plain`` is neither: 4,000 rows as
they are. ``unseen``: the model is fitted on 4,000 other rows, so that whoever finds something is wrong. Counted is how
often the verdict is "leak found", how often the attack on the model's own loss finds something and how often that is
called remembering, with that attack's mean true positive rate at 1 % false positives and the mean share of rows that
it gives away. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from pathlib import Path

import numpy as np
from privacy_power import leak_found

import synthdata
from synthdata.models import neural
from synthdata.models.abilities import HasLogProb
from synthdata.pipeline import prepare
from synthdata.random import SeedTree
from synthdata.table.table import Table
from synthdata.training.trainer import TrainingSettings
from synthdata.validation.base import Comparison
from synthdata.validation.privacy.membership import by_loss
from synthdata.validation.privacy.pool import Pool
from synthdata.validation.privacy.verdict import ALPHA, WORTH_A_WARNING
from synthdata.validation.statistics import clopper_pearson, holm

#: rows of each table by what is planted; which share of rows is repeated, and how often each stands in training
ROWS = {"repeated": 4_000, "overfitted": 500, "plain": 4_000, "unseen": 4_000}
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
    told, started = [], time.process_time()
    for run in range(options.first, options.first + options.runs):
        told.append(judged(table, options, SeedTree(run).child(options.plant)))
        done = len(told)
        if done % 10 == 0 or done == options.runs:
            line = [options.table.parent.name, " ".join([options.model, *options.param]), options.plant]
            line += [share(sum(each[what] for each in told), done) for what in ("leak", "finds", "remembers")]
            line += [f"{np.mean([each[what] for each in told]):.3f}" for what in ("at 1 %", "recognised")]
            print("| " + " | ".join(line) + f" | {(time.process_time() - started) / done:.1f} |", flush=True)


def judged(table: Table, options: argparse.Namespace, seeds: SeedTree) -> dict[str, float]:
    """What the verdict and the attack on the model's own loss say of one model.

    The attacks on the table are only made where copies and nearness do not settle the verdict.
    """
    parts = 3 if options.plant == "unseen" else 2
    rows = min(ROWS[options.plant], len(table) // parts)
    order = seeds.generator("rows").permutation(len(table))
    train, holdout, *other = (table.take(np.sort(order[i * rows : (i + 1) * rows])) for i in range(parts))
    learnt = other[0] if other else train
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
    compared, seed = Comparison.of(train, holdout, drawn), seeds.child("verdict")
    told: dict[str, float] = {"leak": leak_found(compared, seed, settled=True)}
    if not isinstance(model, HasLogProb):
        return told | dict.fromkeys(("finds", "remembers", "at 1 %", "recognised"), float("nan"))
    own = by_loss(Pool.draw(compared, seed.child("pool")), model.log_prob, seed)
    size = own.facts["recognised"]
    finds = min(holm([test.p_value for test in own.tests])) < ALPHA
    return told | {
        "finds": finds,
        "remembers": finds and size["interval"][0] >= WORTH_A_WARNING,
        "at 1 %": own.facts["true_positive_rates"][0]["value"],
        "recognised": size["value"],
    }


def share(found: int, runs: int) -> str:
    """So many of so many, with an exact 95 % interval."""
    low, high = clopper_pearson(found, runs)
    return f"{found} of {runs} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
