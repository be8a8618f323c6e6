"""A data steward shares a table without sharing the people in it.

What is in the table, what do we know better than the program, is the result good and safe enough to leave the house?

    python examples/01_share.py
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import synthdata

REAL = Path(__file__).resolve().parents[1] / "data" / "admissions.csv"
OUT = Path("runs/example-share")

# What the program cannot know from the values alone. Everything else is inferred.
KNOWN = {
    "columns": [{"name": "ward", "public": {"categories": ["Burns", "Cardiology", "Medicine", "Neurology",
                                                          "Obstetrics", "Oncology", "Paediatrics", "Surgery"]}}],
    "rules": [{"type": "inequality", "low": "admitted", "high": "discharged"}],
}  # fmt: skip


def main() -> None:
    """Inspect, run, look, hand over."""
    print("What the columns seem to be:")
    for guess in synthdata.infer(synthdata.read(REAL).frame).guesses:
        print(f"  {guess.column.name:20} {guess.column.kind:12} {guess.reason}")

    # The most faithful model first; the first whose table passes the policy is the one to share.
    for model in ("boosted", "bayesnet"):
        run = synthdata.run(REAL, model, schema=KNOWN, target="readmitted", seed=1, out=OUT / model, overwrite=True)
        report = run.report
        print(f"\n{model}: verdict {report.verdict}; privacy tests: {report.privacy_state}")
        for alert in report.alerts:
            print(f"  {alert['level']}: {alert['title']}")
        print(f"  report: {run.folder / 'report.html'}")
        if report.verdict != "fail":
            break
    else:
        raise SystemExit("The policy failed for every model, so nothing is handed over.")

    # The run folder stays in the house: its report holds statistics of real rows. The table goes out.
    handed_over = OUT / "admissions_synthetic.csv"
    synthdata.write(run.synthetic, handed_over)
    admitted, discharged = (pd.to_datetime(run.synthetic[name]) for name in ("admitted", "discharged"))
    broken = discharged < admitted
    print(f"\n{len(run.synthetic):,} rows in {handed_over}; {int(broken.sum())} leave before they come.")


if __name__ == "__main__":
    main()
