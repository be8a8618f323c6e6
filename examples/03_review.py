"""A reviewer judges two deliveries of synthetic data that somebody else made.

The reviewer has the real rows that the generators were fitted on, rows that they never saw, and two files. One file is
what it claims to be. In the other, a part of the rows was copied from the real table.

    python examples/03_review.py
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import synthdata

REAL = Path(__file__).resolve().parents[1] / "data" / "admissions.csv"
OUT = Path("runs/example-review")
ROWS = 4_000
METRICS = (
    "fidelity.shape",
    "fidelity.trend",
    "fidelity.detection",
    "utility.tstr",
    "privacy.copies",
    "privacy.dcr_share",
)


def deliveries(train: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The two files: an honest one, and one with 5 % of copied rows."""
    honest = synthdata.make_model("bayesnet").fit(train, seed=1).sample(ROWS, seed=2)
    copied = train.sample(ROWS // 20, random_state=3)
    leaky = pd.concat([honest.iloc[: ROWS - len(copied)], copied], ignore_index=True)
    return {"honest": honest, "leaky": leaky}


def main() -> None:
    """Judge both and print the same figures for each."""
    table = synthdata.read(REAL).frame.sample(2 * ROWS, random_state=0)
    train, holdout = table.iloc[:ROWS], table.iloc[ROWS:]
    for name, synthetic in deliveries(train).items():
        report = synthdata.evaluate(train, synthetic, holdout=holdout, target="readmitted", seed=4, out=OUT / name)
        print(f"\n{name}: verdict {report.verdict}; privacy tests: {report.privacy_state}")
        print(f"  {'':20} {'synthetic':>10} {'fresh real rows':>16}")
        for metric in METRICS:
            figure = report.figure(metric)
            if figure is not None and figure.value is not None:
                beside = "" if figure.reference is None else f"{figure.reference:.3f}"
                print(f"  {metric:20} {figure.value:10.3f} {beside:>16}")
        print(f"  report: {OUT / name / 'report.html'}")


if __name__ == "__main__":
    main()
