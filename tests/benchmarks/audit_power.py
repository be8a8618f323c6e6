"""What audits show: honest models stay unrefuted, and models without noise are refuted.

    python tests/benchmarks/audit_power.py [TABLE] [--schema FILE] [--models mst,aim:rounds=6] [--honest 50]

Without TABLE an invented one of ``--rows`` rows and six columns is taken. A model may be followed by settings after
colons. The models of the broken runs draw no noise at all, neither for counts nor for gradients, and claim ε = 1
nevertheless; those of the runs "no gradient noise" draw it for counts. With ``--gradients-only`` the other broken runs
are left out. Each run is told on standard error as it ends, so that a stop loses none; ``--first-seed`` goes on.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

from synthdata.auditing import audit_model
from synthdata.models.neural import NeuralSynthesizer
from synthdata.models.registry import make_model, model_class
from synthdata.privacy import bounds, dpsgd, private_table

CITIES, JOBS = list("ABCDEFGH"), list("uvwxyz")
SCHEMA: dict[str, Any] = {
    "columns": [
        {"name": "age", "public": {"bounds": [0, 119], "nullable": False}},
        {"name": "city", "public": {"categories": CITIES, "nullable": False}},
        {"name": "job", "public": {"categories": JOBS, "nullable": False}},
        {"name": "income", "public": {"bounds": [0, 200_000], "nullable": False, "decimals": 0}},
        {"name": "ill", "public": {"nullable": False}},
        {"name": "score", "public": {"bounds": [0, 100], "nullable": False, "decimals": 1}},
    ]
}


def people(n: int) -> pd.DataFrame:
    """An invented table."""
    generator = np.random.default_rng(1)
    age = generator.integers(18, 90, n)
    return pd.DataFrame(
        {
            "age": age,
            "city": generator.choice(CITIES, n, p=[0.4, 0.3, 0.1, 0.1, 0.05, 0.03, 0.01, 0.01]),
            "job": generator.choice(JOBS, n),
            "income": generator.lognormal(10, 0.5, n).round().clip(0, 200_000),
            "ill": generator.random(n) < age / 200,
            "score": generator.normal(50, 10, n).round(1).clip(0, 100),
        }
    )


def no_noise(sigma: float, n: int, entropy: Any) -> np.ndarray:
    """What a faulty mechanism adds."""
    return np.zeros(n, dtype=np.int64)


def no_gradient_noise(steps: Any, weights: Any, device: Any) -> list[Any]:
    """What a faulty training step adds."""
    return [weight.new_zeros(weight.shape) for weight in weights]


FAULTS: dict[str, list[tuple[Any, str, Any]]] = {
    "honest": [],
    "no noise": [
        (private_table, "discrete_gaussian", no_noise),
        (bounds, "discrete_gaussian", no_noise),
        (dpsgd.NoisySteps, "_noise", no_gradient_noise),
    ],
    "no gradient noise": [(dpsgd.NoisySteps, "_noise", no_gradient_noise)],
}


def main() -> None:
    """Run the audits and print how many claims were refuted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="?")
    parser.add_argument("--schema")
    parser.add_argument("--models", default="mst,aim,independent")
    parser.add_argument("--honest", type=int, default=50)
    parser.add_argument("--broken", type=int, default=20)
    parser.add_argument("--gradients-only", action="store_true")
    parser.add_argument("--canaries", type=int, default=200)
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--first-seed", type=int, default=0)
    given = parser.parse_args()
    source, schema = (given.table, given.schema) if given.table else (people(given.rows), SCHEMA)
    for spec in given.models.split(","):
        model, *settings = spec.split(":")
        neural = issubclass(model_class(model), NeuralSynthesizer)
        counts = {"honest": given.honest, "no noise": 0 if given.gradients_only else given.broken}
        counts["no gradient noise"] = given.broken if neural else 0
        for name, runs in counts.items():
            began, lows, refutable = time.process_time(), [], 0.0
            for seed in range(given.first_seed, given.first_seed + runs):
                with ExitStack() as faults:
                    for place, what, fault in FAULTS[name]:
                        faults.enter_context(patch.object(place, what, fault))
                    made = make_model(model, settings)
                    result = audit_model(
                        source, made, 1.0, canary_count=given.canaries, schema=schema, seed=seed
                    ).result
                lows.append(result.lower)
                refutable = result.refutable
                print(f"{spec} | {name} | seed {seed} | lower limit {result.lower:.3f}", file=sys.stderr, flush=True)
            if not runs:
                continue
            over = sum(low > 1.0 for low in lows)
            took = (time.process_time() - began) / runs
            print(
                f"| `{spec}` | {name} | {over} of {runs} | {min(lows):.2f} to {max(lows):.2f} | "
                f"{refutable:.2f} | {took:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
