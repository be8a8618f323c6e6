"""How near private models come to a table's marginals: fit on a discretised table with a public domain, and count.

    python tests/benchmarks/bench_marginals.py [TABLE.parquet DOMAIN.json] [--models aim,mst] [--epsilons 0.3,1]
                                               [--beside PYTHON]

Without a table the sample table `data/admissions.csv` is taken, its ages in sixteen bins. ``--beside`` names the Python
of an environment with dpmm 0.1.9, by default that of ``.venv-dpmm``, which `scripts/dpmm.sh` makes; its models (where
``--beside-models`` is given, only those) are then fitted and measured in the same way (`dpmm_rows.py`).

DOMAIN.json maps each column to the number of its codes, as for private-pgm's ``adult-domain.json``. Printed are the
mean total variation distance over all marginals of one, two and three columns, the AUC of boosted trees that were
trained on synthetic rows and tested on real ones (the last column is the target), processor seconds, and memory.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from synthdata.models.registry import make_model
from synthdata.privacy.ledger import Privacy

TESTED = 16_281
ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "data" / "admissions.csv"
DPMM = ROOT / ".venv-dpmm" / "bin" / "python"
#: columns of the sample table that have few values, and how many bins the ages get
FEW = ["sex", "age", "region", "insurance", "emergency", "triage", "ward", "previous_admissions", "readmitted"]
BINS = 16


def sample_table() -> tuple[pd.DataFrame, dict[str, int]]:
    """The sample table in codes, and how many each column has; it is made up, so that these may count as public."""
    codes, sizes = {}, {}
    for name, column in pd.read_csv(SAMPLE, usecols=FEW)[FEW].items():
        binned = pd.cut(column, BINS, labels=False) if name == "age" else column
        codes[name], found = pd.factorize(binned, sort=True, use_na_sentinel=False)
        sizes[str(name)] = len(found)
    return pd.DataFrame(codes).astype("int64"), sizes


def distance(real: np.ndarray, synthetic: np.ndarray, sizes: list[int], width: int) -> float:
    """The mean total variation distance over all marginals of so many columns; arrays are (d, n)."""
    found = []
    for group in itertools.combinations(range(len(sizes)), width):
        shape = tuple(sizes[j] for j in group)
        flat = [np.ravel_multi_index(tuple(rows[j] for j in group), shape) for rows in (real, synthetic)]
        cells, place = np.unique(np.concatenate(flat), return_inverse=True)
        shares = [np.bincount(part, minlength=len(cells)) / len(part) for part in np.split(place, [len(flat[0])])]
        found.append(np.abs(shares[0] - shares[1]).sum() / 2)
    return float(np.mean(found))


def usefulness(real: pd.DataFrame, synthetic: pd.DataFrame) -> float:
    """The AUC on real rows of trees trained on synthetic ones."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    target = real.columns[-1]
    tested = real.sample(min(TESTED, len(real)), random_state=0)
    learner = HistGradientBoostingClassifier(random_state=0).fit(synthetic.drop(columns=target), synthetic[target])
    return float(roc_auc_score(tested[target], learner.predict_proba(tested.drop(columns=target))[:, 1]))


def show(
    name: str, epsilon: float, real: pd.DataFrame, rows: pd.DataFrame, sizes: list[int], cost: tuple[float, float, str]
) -> None:
    """One line of the table."""
    ways = [distance(real.to_numpy().T, rows.to_numpy().T, sizes, width) for width in (1, 2, 3)]
    print(
        f"{name:10s} {epsilon:8g}  {ways[0]:.4f} {ways[1]:.4f} {ways[2]:.4f}  {usefulness(real, rows):.4f} "
        f"{cost[0]:9.1f} {cost[1]:10.0f} {cost[2]:>14s}",
        flush=True,
    )


def by_dpmm(
    options: argparse.Namespace, real: pd.DataFrame, domain: dict[str, int], name: str, epsilon: float
) -> tuple[pd.DataFrame, float, float]:
    """Rows by dpmm's model of the same name, the processor seconds of its fit, and memory in MB."""
    script = Path(__file__).with_name("dpmm_rows.py")
    with tempfile.TemporaryDirectory() as folder:
        source, sizes, drawn = (Path(folder) / part for part in ("table.csv", "domain.json", "rows.csv"))
        real.to_csv(source, index=False)
        sizes.write_text(json.dumps(domain))
        command = [options.beside, script, source, sizes, name, epsilon, options.delta, drawn]
        done = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)
        cost = json.loads(done.stdout.strip().splitlines()[-1])
        return pd.read_csv(drawn)[list(real.columns)].astype("int64"), cost["seconds"], cost["mb"]


def main() -> None:
    """Fit each model for each ε and seed, and print a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, nargs="?")
    parser.add_argument("domain", type=Path, nargs="?")
    parser.add_argument("--models", default="aim,mst")
    parser.add_argument("--epsilons", default="1")
    parser.add_argument("--delta", type=float, default=1e-9)
    parser.add_argument("--seeds", type=int, default=1, help="how many fits of each, their noise fresh every time")
    parser.add_argument("--param", nargs="*", default=[])
    parser.add_argument("--beside", type=Path, default=DPMM if DPMM.exists() else None, help="a Python with dpmm")
    parser.add_argument("--beside-models", help="of dpmm's models these alone: its AIM takes many minutes")
    parser.add_argument("--only-beside", action="store_true", help="leave our own models out")
    options = parser.parse_args()
    if bool(options.table) != bool(options.domain):
        parser.error("a table needs a domain: TABLE.parquet DOMAIN.json")
    if options.table:
        domain = json.loads(options.domain.read_text())
        real = pd.read_parquet(options.table)[list(domain)].astype("int64")
    else:
        real, domain = sample_table()
    beside = "" if options.beside else "; dpmm is left out: scripts/dpmm.sh makes an environment for it"
    print(f"{options.table or SAMPLE.name}: {len(real):,} rows, {len(domain)} columns, delta {options.delta:g}{beside}")
    columns = [
        {"name": name, "kind": "numerical", "public": {"bounds": [0, size - 1], "nullable": False}}
        for name, size in domain.items()
    ]
    print("model       epsilon  1-way  2-way  3-way    AUC  fit cpu s  MB so far  epsilon spent")
    sizes = list(domain.values())
    for name, epsilon in itertools.product(options.models.split(","), map(float, options.epsilons.split(","))):
        for seed in range(options.seeds):
            if options.beside and name in (options.beside_models or options.models).split(","):
                rows, seconds, memory = by_dpmm(options, real, domain, name, epsilon)
                show(f"dpmm {name}", epsilon, real, rows, sizes, (seconds, memory, ""))
            if options.only_beside:
                continue
            started = time.process_time()
            model = make_model(name, options.param)
            model.fit(real, schema={"columns": columns}, privacy=Privacy(epsilon, options.delta))
            spent = time.process_time() - started
            rows = model.sample(len(real), seed=seed)
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            ledger = model.ledger_ or {}
            show(name, epsilon, real, rows, sizes, (spent, memory, f"{ledger['epsilon_spent']:.4f}"))


if __name__ == "__main__":
    main()
