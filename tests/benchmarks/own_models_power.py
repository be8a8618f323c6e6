"""Does the verdict see what our own models remember? Rows repeated in training, and models trained far too long.

    python tests/benchmarks/own_models_power.py TABLE.parquet --plant repeated --model boosted --runs 59
    python tests/benchmarks/own_models_power.py TABLE.parquet --plant overfitted --model tvae --runs 59 --log own.jsonl

``repeated``: 4,000 rows, a twentieth of which stand in training 20 times; what is judged is the model's table, its own
loss, and the 4,000 rows as they were, beside as many that it never saw. ``overfitted``: 500 rows, 20 times the epochs
in batches of the model's own size, and without the held-out rows that otherwise end the training of networks in time.
``plain`` is neither: 4,000 rows as they are. Every model is judged a second time as a stranger: beside as many train
and holdout rows that it never saw, so that whoever finds something is wrong. Counted is how often the verdict is "leak
found", how often the attack on the model's own loss finds something and how often that is called remembering, with that
attack's mean true positive rate at 1 % false positives and the mean share of rows that it gives away. Every run is a
line of the ``--log``; those that are there already are not made again. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from privacy_power import leak_found

import synthdata
from synthdata.intake import prepare
from synthdata.models import neural
from synthdata.models.abilities import HasLogProb
from synthdata.models.base import Synthesizer
from synthdata.random import SeedTree
from synthdata.table.table import Table
from synthdata.training.trainer import TrainingSettings
from synthdata.validation.base import Comparison
from synthdata.validation.privacy.membership import by_loss
from synthdata.validation.privacy.pool import Pool
from synthdata.validation.privacy.verdict import ALPHA, WORTH_A_WARNING
from synthdata.validation.statistics import clopper_pearson, holm

#: rows of each table by what is planted; which share of rows is repeated, and how often each stands in training
ROWS = {"repeated": 4_000, "overfitted": 500, "plain": 4_000}
REPEATED, TIMES = 0.05, 20


def main() -> None:
    """Measure, and print two lines after every ten runs, the last ones being of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--plant", choices=ROWS, default="repeated")
    parser.add_argument("--model", default="boosted")
    parser.add_argument("--param", action="append", default=[])
    parser.add_argument("--runs", type=int, default=59)
    parser.add_argument("--first", type=int, default=0, help="the number of the first run")
    parser.add_argument("--log", type=Path, help="a file with a line for every run, of the same table and settings")
    options = parser.parse_args()
    table = prepare(synthdata.read(str(options.table)).frame, None)
    if options.plant == "overfitted":
        neural.TrainingSettings = partial(TrainingSettings, validation=0.0)
    lines = options.log.read_text(encoding="utf-8").splitlines() if options.log and options.log.exists() else []
    known = {each["run"]: each for each in map(json.loads, lines)}
    told = []
    for run in range(options.first, options.first + options.runs):
        told.append(known.get(run) or one_run(run, table, options))
        if len(told) % 10 == 0 or len(told) == options.runs:
            summarise(told, options)


def one_run(run: int, table: Table, options: argparse.Namespace) -> dict[str, Any]:
    """One model, judged beside its own rows and beside strange ones; with a line in the log."""
    started = time.process_time()
    told = {"run": run, **judged(table, options, SeedTree(run).child(options.plant))}
    told["seconds"] = time.process_time() - started
    if options.log:
        with options.log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(told) + "\n")
    return told


def summarise(told: list[dict[str, Any]], options: argparse.Namespace) -> None:
    """Print a line of the models beside their own rows, and one beside strange ones."""
    for whose, name in (("own", options.plant), ("strange", f"{options.plant}, strange rows")):
        each = [run[whose] for run in told]
        line = [options.table.parent.name, " ".join([options.model, *options.param]), name]
        line += [share(sum(one[what] for one in each), len(each)) for what in ("leak", "finds", "remembers")]
        line += [f"{np.mean([one[what] for one in each]):.3f}" for what in ("at 1 %", "recognised")]
        print("| " + " | ".join(line) + f" | {np.mean([run['seconds'] for run in told]):.1f} |", flush=True)


def judged(table: Table, options: argparse.Namespace, seeds: SeedTree) -> dict[str, dict[str, Any]]:
    """What the verdict and the attack on its own loss say of a model beside its ``own`` rows and ``strange`` ones."""
    rows = min(ROWS[options.plant], len(table) // 4)
    order = seeds.generator("rows").permutation(len(table))
    train, holdout, strange, other = (table.take(np.sort(order[i * rows : (i + 1) * rows])) for i in range(4))
    learnt = train
    if options.plant == "repeated":
        often = seeds.generator("repeated").choice(rows, round(REPEATED * rows), replace=False)
        times = np.ones(rows, int)
        times[often] = TIMES
        learnt = train.take(seeds.generator("order").permutation(np.repeat(np.arange(rows), times)))
    model = synthdata.make_model(options.model, options.param)
    if options.plant == "overfitted":
        model.epochs *= TIMES
        # A small table is otherwise gone through in batches of 25: twenty times the steps, and the processor time.
        model._batch = lambda rows: min(rows, model.batch_size)
    model.fit(learnt, seed=seeds.integer("fit"))
    drawn = Table.of(model.sample(rows, seed=seeds.integer("sample")), table.schema.kept)
    return {
        "own": verdict_of(Comparison.of(train, holdout, drawn), model, seeds.child("verdict"), settled=True),
        "strange": verdict_of(Comparison.of(strange, other, drawn), model, seeds.child("strange"), settled=False),
    }


def verdict_of(compared: Comparison, model: Synthesizer, seed: SeedTree, *, settled: bool) -> dict[str, Any]:
    """The verdict on the table, what the attack on the model's own loss finds, and the tests that it rests on.

    Where copies and nearness are likely to have ``settled`` the verdict, the attacks on the table are only made where
    they do not.
    """
    leak, tests = leak_found(compared, seed, settled=settled)
    told: dict[str, Any] = {"leak": leak, "tests": {test["test"]: test["p_corrected"] for test in tests}}
    if not isinstance(model, HasLogProb):
        return told | dict.fromkeys(("finds", "remembers", "at 1 %", "recognised"), float("nan"))
    own = by_loss(Pool.draw(compared, seed.child("pool")), model.log_prob, seed)
    size = own.facts["recognised"]
    corrected = holm([test.p_value for test in own.tests])
    finds = min(corrected) < ALPHA
    told["tests"] |= {test.name: p for test, p in zip(own.tests, corrected, strict=True)}
    return told | {
        "finds": finds,
        "remembers": bool(finds and size["interval"][0] >= WORTH_A_WARNING),
        "at 1 %": own.facts["true_positive_rates"][0]["value"],
        "recognised": size["value"],
    }


def share(found: int, runs: int) -> str:
    """So many of so many, with an exact 95 % interval."""
    low, high = clopper_pearson(found, runs)
    return f"{found} of {runs} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
