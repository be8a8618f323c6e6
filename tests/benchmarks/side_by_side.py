"""Our families and other libraries' on the same tables in one run, judged by an independent referee.

    .venv/bin/python tests/benchmarks/side_by_side.py --data TABLES --referee referee.py --python PYTHON \\
        --models tvae,sdv:tvae,ctgan,sdv:ctgan --tables adult,shoppers --out FILE.md
    ... --models autoregressive@60,tabularargn@60 --peer-python PYTHON

TABLES holds ``tables.json``, which names each table's target, and ``NAME/train.parquet`` with ``NAME/test.parquet``.
Every model has a process of its own, is fitted on train with its defaults and draws as many rows; the referee, run by
a Python that has what it needs, judges them by files alone. ``MODEL@SECONDS`` gives a model so many seconds to train:
as ``time_budget`` where it is ours, as epochs timed beforehand where it is SDV's, as ``max_training_time`` for
``tabularargn`` (mostlyai-engine, by ``--peer-python``). Fit and sample are seconds on the clock, CPU those of all
threads for both; OMP_NUM_THREADS holds for all. The table is Markdown. Nothing is asserted: this only reports.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: what the table shows of what the referee says, with how many digits
FIGURES = {
    "detect_score": 3,
    "shape_err": 2,
    "trend_err": 2,
    "utility": 4,
    "alpha": 3,
    "beta": 3,
    "dcr_share": 3,
}
HEADS = ("detection", "shape %", "trend %", "utility", "alpha", "beta", "DCR share", "fit s", "sample s", "CPU s")


def main() -> int:
    """Fit, draw and judge one model after another on one table after another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tables", default="adult")
    parser.add_argument("--models", default="tvae,sdv:tvae,ctgan,sdv:ctgan")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--referee", type=Path)
    parser.add_argument("--python", default=sys.executable, help="a Python that has what the referee needs")
    parser.add_argument("--peer-python", default=sys.executable, help="a Python with mostlyai-engine")
    parser.add_argument("--launcher", default="", help="a command that starts each process, such as taskset -c 0")
    parser.add_argument("--out", type=Path, help="a Markdown file for the table; lines are added to one that is there")
    parser.add_argument("--keep", type=Path, help="a folder to keep the drawn tables in")
    parser.add_argument("--draw", nargs=2, metavar=("MODEL", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.draw:
        print(json.dumps(draw(options, *options.draw)))
        return 0
    if not options.referee:
        parser.error("--referee names the program that judges")
    head = ["| table | model | " + " | ".join(HEADS) + " |", "|---|---|" + "---:|" * len(HEADS)]
    note(options, *([] if options.out and options.out.exists() else head))
    for table in options.tables.split(","):
        for model in options.models.split(","):
            note(options, f"| {table} | `{model}` | {' | '.join(cells(options, table, model))} |")
    return 0


def note(options: argparse.Namespace, *lines: str) -> None:
    """Print lines, and add them to the file."""
    for line in lines:
        print(line, flush=True)
    if options.out:
        with options.out.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)


def cells(options: argparse.Namespace, table: str, model: str) -> list[str]:
    """What stands in the line of a model; why it has no figures, if it has none."""
    launcher = shlex.split(options.launcher)
    with tempfile.TemporaryDirectory() as folder:
        drawn = (options.keep or Path(folder)) / f"{table}-{model.replace(':', '-')}-{options.seed}.parquet"
        drawn.parent.mkdir(parents=True, exist_ok=True)
        python = options.peer_python if model.startswith("tabularargn") else sys.executable
        worker = [python, __file__, "--data", options.data, "--tables", table, "--seed", options.seed]
        ran = subprocess.run(
            [*launcher, *(str(word) for word in [*worker, "--draw", model, drawn])], stdout=subprocess.PIPE, text=True
        )
        if ran.returncode:
            return [f"ended with {ran.returncode}", *[""] * (len(HEADS) - 1)]
        spent = json.loads(ran.stdout.splitlines()[-1])
        out = Path(folder) / "judged.json"
        files = {part: options.data / table / f"{part}.parquet" for part in ("train", "test")}
        judge = [options.python, options.referee, "--train", files["train"], "--test", files["test"]]
        judge += ["--synthetic", drawn, "--spec", table, "--json", out]
        subprocess.run([*launcher, *(str(word) for word in judge)], check=True, stdout=subprocess.DEVNULL)
        found = json.loads(out.read_text(encoding="utf-8"))["synthetic"]
    figures = [f"{found[key]:.{digits}f}" for key, digits in FIGURES.items()]
    return [*figures, *(f"{spent[key]:.1f}" for key in ("fit", "sample", "cpu"))]


def draw(options: argparse.Namespace, model: str, file: str) -> dict[str, float]:
    """Fit one model and write what it draws; the seconds that took."""
    import pandas as pd

    name, _, budget = model.partition("@")
    path = options.data / options.tables / "train.parquet"
    frame = pd.read_parquet(path)
    begin: Callable[..., tuple[Callable[[], Any], Callable[[int], Any]]] = _peer if name == "tabularargn" else _ours
    fit, sample = begin(name, float(budget) if budget else None, options, frame)
    start, cpu = time.perf_counter(), time.process_time()
    fit()
    fitted = time.perf_counter()
    drawn = sample(len(frame))
    seconds = {"fit": fitted - start, "sample": time.perf_counter() - fitted, "cpu": time.process_time() - cpu}
    drawn.to_parquet(file)
    return seconds


def _ours(
    name: str, budget: float | None, options: argparse.Namespace, frame: Any
) -> tuple[Callable[[], Any], Callable[[int], Any]]:
    """A model of the registry, SDV's among them."""
    import torch

    import synthdata
    from synthdata.intake import prepare

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
    target = json.loads((options.data / "tables.json").read_text(encoding="utf-8"))[options.tables]["target"]
    schema = prepare(frame, None, target=target).schema
    settings: dict[str, Any] = {}
    if budget is not None:
        settings = {"epochs": _epochs(name, frame, schema, budget)} if ":" in name else {"time_budget": budget}
    model = synthdata.make_model(name, **settings)
    return lambda: model.fit(frame, schema=schema, seed=options.seed), lambda n: model.sample(n, seed=options.seed + 1)


def _epochs(name: str, frame: Any, schema: Any, budget: float) -> int:
    """How many epochs a model of SDV gets done in so many seconds."""
    import synthdata

    seconds = []
    for epochs in (1, 4):
        # The processor's seconds: on a machine that does other work too the clock's would leave it too few epochs.
        start = time.process_time()
        synthdata.make_model(name, epochs=epochs).fit(frame, schema=schema, seed=0)
        seconds.append(time.process_time() - start)
    each = max((seconds[1] - seconds[0]) / 3, 1e-3)
    return max(1, round(1 + (budget - seconds[0]) / each))


def _peer(
    name: str, budget: float | None, options: argparse.Namespace, frame: Any
) -> tuple[Callable[[], Any], Callable[[int], Any]]:
    """The TabularARGN of mostlyai-engine."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch
    from mostlyai.engine import TabularARGN

    torch.manual_seed(options.seed)
    settings = {} if budget is None else {"max_training_time": budget / 60}
    model = TabularARGN(verbose=0, **settings)
    return lambda: model.fit(frame), model.sample


if __name__ == "__main__":
    sys.exit(main())
