"""How near private models come to a table's marginals: fit on a discretised table with a public domain, and count.

    python tests/benchmarks/bench_marginals.py TABLE.parquet DOMAIN.json [--models aim,mst] [--epsilons 0.3,1]

DOMAIN.json maps each column to the number of its codes, as for private-pgm's ``adult-domain.json``. Printed are the
mean total variation distance over all marginals of one, two and three columns, the AUC of boosted trees that were
trained on synthetic rows and tested on real ones (the last column is the target), processor seconds, and memory.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd

from synthdata.models.registry import make_model
from synthdata.privacy.ledger import Privacy

TESTED = 16_281


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


def main() -> None:
    """Fit each model for each ε and seed, and print a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("domain", type=Path)
    parser.add_argument("--models", default="aim,mst")
    parser.add_argument("--epsilons", default="1")
    parser.add_argument("--delta", type=float, default=1e-9)
    parser.add_argument("--seeds", type=int, default=1, help="how many fits of each, their noise fresh every time")
    parser.add_argument("--param", nargs="*", default=[])
    options = parser.parse_args()
    domain = json.loads(options.domain.read_text())
    real = pd.read_parquet(options.table)[list(domain)].astype("int64")
    columns = [
        {"name": name, "kind": "numerical", "public": {"bounds": [0, size - 1], "nullable": False}}
        for name, size in domain.items()
    ]
    print("model  epsilon  1-way  2-way  3-way    AUC  fit cpu s  MB so far  epsilon spent")
    for name, epsilon in itertools.product(options.models.split(","), map(float, options.epsilons.split(","))):
        for seed in range(options.seeds):
            started = time.process_time()
            model = make_model(name, options.param)
            model.fit(real, schema={"columns": columns}, privacy=Privacy(epsilon, options.delta))
            spent = time.process_time() - started
            rows = model.sample(len(real), seed=seed)
            sizes, both = list(domain.values()), (real.to_numpy().T, rows.to_numpy().T)
            ways = [distance(*both, sizes, width) for width in (1, 2, 3)]
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            ledger = model.ledger_ or {}
            print(
                f"{name:5s} {epsilon:8g}  {ways[0]:.4f} {ways[1]:.4f} {ways[2]:.4f}  {usefulness(real, rows):.4f} "
                f"{spent:9.1f} {memory:10.0f} {ledger['epsilon_spent']:14.4f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
