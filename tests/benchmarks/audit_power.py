"""What audits show: honest models stay unrefuted, and models without noise are refuted.

    python tests/benchmarks/audit_power.py TABLE [--schema FILE] [--models mst,independent] [--honest 50] [--broken 20]

The models of the broken runs draw no noise at all, and claim ε = 1 nevertheless.
"""

from __future__ import annotations

import argparse
import time
from typing import Any
from unittest.mock import patch

import numpy as np

from synthdata.auditing import audit_model
from synthdata.privacy import bounds, private_table


def no_noise(sigma: float, n: int, entropy: Any) -> np.ndarray:
    """What a faulty mechanism adds."""
    return np.zeros(n, dtype=np.int64)


def main() -> None:
    """Run the audits and print how many claims were refuted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("table")
    parser.add_argument("--schema")
    parser.add_argument("--models", default="mst,independent")
    parser.add_argument("--honest", type=int, default=50)
    parser.add_argument("--broken", type=int, default=20)
    parser.add_argument("--canaries", type=int, default=250)
    given = parser.parse_args()
    for model in given.models.split(","):
        for name, runs in (("honest", given.honest), ("no noise", given.broken)):
            began, lows, refutable = time.perf_counter(), [], 0.0
            for seed in range(runs):
                arguments: dict[str, Any] = {"canary_count": given.canaries, "schema": given.schema, "seed": seed}
                if name == "honest":
                    result = audit_model(given.table, model, 1.0, **arguments).result
                else:
                    with (
                        patch.object(private_table, "discrete_gaussian", no_noise),
                        patch.object(bounds, "discrete_gaussian", no_noise),
                    ):
                        result = audit_model(given.table, model, 1.0, **arguments).result
                lows.append(result.lower)
                refutable = result.refutable
            over = sum(low > 1.0 for low in lows)
            took = time.perf_counter() - began
            print(
                f"{model:14} {name:9} {over:3} of {runs} refuted; bounds {min(lows, default=0):.2f} to "
                f"{max(lows, default=0):.2f}, at most {refutable:.2f}; {took:.0f} s"
            )


if __name__ == "__main__":
    main()
