"""Rows by dpmm's AIM or MST, to set beside ours; run by the Python of an environment in which dpmm is installed.

    PYTHON tests/benchmarks/dpmm_rows.py TABLE.csv DOMAIN.json MODEL EPSILON DELTA ROWS.csv

It imports nothing of this project. Printed are the processor seconds of the fit and the memory in MB, as JSON.
"""

import json
import resource
import sys
import time
from pathlib import Path

import pandas as pd


def main() -> None:
    """Fit and draw."""
    from dpmm.models.aim import AIMGM
    from dpmm.models.mst import MSTGM

    table, domain, model, epsilon, delta, output = sys.argv[1:]
    sizes = json.loads(Path(domain).read_text())
    real = pd.read_csv(table)[list(sizes)].astype("int64")
    kind = {"aim": AIMGM, "mst": MSTGM}[model]
    began = time.process_time()
    generator = kind(epsilon=float(epsilon), delta=float(delta), domain=sizes, n_jobs=1)
    generator.set_domain(sizes)
    generator.fit(real)
    seconds = time.process_time() - began
    generator.generate(n_records=len(real)).to_csv(output, index=False)
    print(json.dumps({"seconds": seconds, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
