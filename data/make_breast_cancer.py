"""Export the breast cancer table that ships with scikit-learn, with words for its classes.

Run it to write ``breast_cancer.csv`` beside this file::

    python data/make_breast_cancer.py
"""

from __future__ import annotations

from pathlib import Path

from sklearn.datasets import load_breast_cancer


def main() -> None:
    """Write the table."""
    bunch = load_breast_cancer(as_frame=True)
    table = bunch.frame.rename(columns={"target": "diagnosis"})
    table["diagnosis"] = bunch.target_names[table["diagnosis"]]
    path = Path(__file__).with_name("breast_cancer.csv")
    table.to_csv(path, index=False)
    print(f"{path}: {len(table):,} rows, {table.shape[1]} columns")


if __name__ == "__main__":
    main()
