"""What private training costs in time, and how good its rows are: neural families on one table, by the referee.

    python tests/benchmarks/bench_private_training.py TRAIN.parquet        seconds a step, private and plain
    python tests/benchmarks/bench_private_training.py TRAIN.parquet --test TEST.parquet --referee REFEREE.py
        [--epsilon 1 2 4 8] [--model autoregressive] [--synthetic NAME=FILE.parquet ...] [--plain]

With a test table the model is fitted at each ε (δ = 1e-6, nothing declared public) and its rows, and those of other
generators in files, are judged by a program that prints shape_err, trend_err and utility as JSON. Tables are Markdown.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from synthdata.models.neural import NeuralSynthesizer
from synthdata.models.registry import make_model
from synthdata.privacy.dpsgd import NoisySteps, Plan
from synthdata.privacy.entropy import Entropy
from synthdata.privacy.ledger import Privacy
from synthdata.progress import silent
from synthdata.training.history import History
from synthdata.training.trainer import TrainingSettings, train

FAMILIES = ("autoregressive", "tvae", "ctgan", "diffusion", "flow", "rbm")


def objective_of(name: str, table: pd.DataFrame) -> tuple[Any, int]:
    """The objective that a family would train privately, and how many rows it holds."""
    caught: list[tuple[Any, int]] = []

    def catch(self: Any, objective: Any, rows: int, *_: Any, **__: Any) -> History:
        caught.append((objective, rows))
        return History()

    honest = NeuralSynthesizer._train
    NeuralSynthesizer._train = catch  # type: ignore[method-assign, assignment]
    try:
        make_model(name, device="cpu").fit(table, privacy=8.0)
    finally:
        NeuralSynthesizer._train = honest  # type: ignore[method-assign]
    return caught[0]


def seconds(objective: Any, rows: int, batch: int, steps: int, private: bool) -> float:
    """How long one step takes, over a few."""
    plan = Plan(batch=batch, rate=min(batch / rows, 1.0), steps=steps)
    settings = TrainingSettings(
        steps=steps,
        batch_size=batch,
        device="cpu",
        validation=0.0,
        max_validation=1,
        checks=1,
        private=NoisySteps(plan, Entropy()) if private else None,
    )
    objective.quality = lambda _: 0.0
    history = train(objective, rows, settings, np.random.default_rng(0), silent())
    return history.step_seconds / history.steps


def costs(table: pd.DataFrame, families: list[str], batch: int, steps: int) -> None:
    """Private steps beside plain ones of the same networks and batch, in turns; the least of several goes."""
    print(f"\nOne step of {batch} rows on {torch.get_num_threads()} thread(s), milliseconds:\n")
    print("| family | plain | private | ratio |\n|---|---:|---:|---:|")
    for name in families:
        objective, rows = objective_of(name, table)
        pairs = [[seconds(objective, rows, batch, steps, private) for private in (False, True)] for _ in range(4)]
        plain, private = np.min(pairs, axis=0) * 1e3
        print(f"| `{name}` | {plain:.1f} | {private:.1f} | {private / plain:.2f} |", flush=True)


def judged(options: argparse.Namespace, files: dict[str, Path]) -> dict[str, Any]:
    """What the referee says of a synthetic table in a file."""
    arguments = [f"--{key}={value}" for key, value in files.items()]
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        command = [options.python, str(options.referee), *arguments, "--quick", f"--json={out.name}"]
        subprocess.run([*command, f"--spec={options.spec}"], check=True, stdout=subprocess.DEVNULL)
        found: dict[str, Any] = json.loads(Path(out.name).read_text())["synthetic"]
    return found


def qualities(options: argparse.Namespace, train_table: pd.DataFrame) -> None:
    """Each ε's rows by the referee."""
    print(
        "\n| what | ε spent | shape err % | trend err % | utility | fit s | sample s |"
        "\n|---|---:|---:|---:|---:|---:|---:|"
    )
    runs: list[tuple[str, Path, str]] = [
        (entry.partition("=")[0], Path(entry.partition("=")[2]), "| | |") for entry in options.synthetic
    ]
    with tempfile.TemporaryDirectory() as folder:
        for epsilon in [*options.epsilon, *([None] if options.plain else [])]:
            model = make_model(options.model, options.param)
            if hasattr(model, "device"):
                model.device = "cpu"
            start = time.perf_counter()
            model.fit(train_table, privacy=None if epsilon is None else Privacy(epsilon), seed=0)
            fitted = time.perf_counter()
            rows = model.sample(len(train_table), seed=0)
            drawn = time.perf_counter() - fitted
            path = Path(folder) / f"{epsilon}.parquet"
            rows.to_parquet(path)
            spent = "" if model.ledger_ is None else f"{model.ledger_['epsilon_spent']:.3f}"
            name = f"`{options.model}`, {'plain' if epsilon is None else f'ε = {epsilon:g}'}"
            show(options, name, path, spent, f"{fitted - start:.0f} | {drawn:.1f}")
        for name, path, _ in runs:
            show(options, name, path, "", " | ")


def show(options: argparse.Namespace, name: str, path: Path, spent: str, times: str) -> None:
    """One line of the table."""
    files = {"train": options.table, "test": options.test, "synthetic": path}
    found = judged(options, files)
    line = " | ".join(f"{found[key]:.3f}" for key in ("shape_err", "trend_err", "utility"))
    print(f"| {name} | {spent} | {line} | {times} |", flush=True)


def main() -> None:
    """Read the options and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--test", type=Path)
    parser.add_argument("--referee", type=Path)
    parser.add_argument("--python", default=sys.executable, help="that of an environment with what the referee needs")
    parser.add_argument("--spec", default="adult")
    parser.add_argument("--epsilon", type=float, nargs="*", default=[1.0, 2.0, 4.0, 8.0])
    parser.add_argument("--model", default="autoregressive")
    parser.add_argument("--param", action="append", default=[])
    parser.add_argument("--synthetic", nargs="*", default=[])
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--families", nargs="*", default=list(FAMILIES))
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--steps", type=int, default=12)
    options = parser.parse_args()
    table = pd.read_parquet(options.table)
    if options.test is None:
        costs(table, options.families, options.batch, options.steps)
    else:
        qualities(options, table)


if __name__ == "__main__":
    main()
