"""What a model's defaults reach on whole tables, by an independent referee, over several seeds.

    .venv/bin/python tests/benchmarks/quality.py --data TABLES --referee referee.py --python python-with-xgboost

TABLES holds ``tables.json``, which names each table's target, and ``NAME/train.parquet`` with ``NAME/test.parquet``.
The model is fitted on train and draws as many rows; the referee, a program of its own, judges them by files alone.
Seconds are those of fit and draw on the clock, so that nothing else should run beside it. Nothing is asserted: this
only reports.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FIGURES = ("detection", "shape %", "trend %", "utility", "real utility", "DCR share", "its low end", "seconds")


def main() -> int:
    """Fit, draw and judge table after table, seed after seed; print every row, then the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--referee", type=Path, required=True)
    parser.add_argument("--python", default=sys.executable, help="the Python that has what the referee needs")
    parser.add_argument("--tables", default="adult,default,shoppers,magic,beijing")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--model", default="auto")
    options = parser.parse_args()

    print("| table | seed | family | " + " | ".join(FIGURES) + " |")
    print("|---|---|---|" + "---:|" * len(FIGURES), flush=True)
    for name in options.tables.split(","):
        rows = []
        for seed in options.seeds.split(","):
            family, figures = measure(options, name, int(seed))
            rows.append(figures)
            _print_row(name, seed, family, figures)
        if len(rows) > 1:
            _print_row(name, "mean", "", [sum(column) / len(rows) for column in zip(*rows, strict=True)])
    return 0


def measure(options: argparse.Namespace, name: str, seed: int) -> tuple[str, list[float]]:
    """The family that was fitted, and its `FIGURES` on one table."""
    import synthdata

    target = json.loads((options.data / "tables.json").read_text(encoding="utf-8"))[name]["target"]
    train, test = (options.data / name / f"{part}.parquet" for part in ("train", "test"))
    frame = synthdata.read(str(train)).frame
    start = time.perf_counter()
    model = synthdata.make_model(options.model).fit(frame, schema=_schema(frame, target), seed=seed)
    drawn = model.sample(len(frame), seed=seed + 1)
    seconds = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as folder:
        synthetic, out = Path(folder) / "synthetic.parquet", Path(folder) / "judged.json"
        drawn.to_parquet(synthetic)
        command = [options.python, options.referee, "--train", train, "--test", test, "--synthetic", synthetic]
        command += ["--spec", name, "--quick", "--json", out]
        subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
        judged = json.loads(out.read_text(encoding="utf-8"))
    found = judged["synthetic"]
    names = ("detect_score", "shape_err", "trend_err", "utility")
    figures = [float(found[key]) for key in names]
    figures += [float(judged["real_utility"]), float(found["dcr_share"]), float(found["dcr_ci"][0]), seconds]
    choice = getattr(model, "choice_", None)
    return (model.name if choice is None else choice.family), figures


def _schema(frame, target):  # type: ignore[no-untyped-def]
    from synthdata.intake import prepare

    return prepare(frame, None, target=target).schema


def _print_row(table: str, seed: str, family: str, figures: list[float]) -> None:
    digits = (3, 2, 2, 4, 4, 3, 3, 0)
    cells = [f"{figure:.{d}f}" for figure, d in zip(figures, digits, strict=True)]
    print(f"| {table} | {seed} | {family} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
