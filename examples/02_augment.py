"""An engineer with little data asks whether synthetic rows help a classifier.

Eight hundred labelled rows are all there is; the rest of the table plays the future, and only measures. Whether
synthetic rows help depends on the classifier and is not known beforehand, so it is measured over several draws for two
of them. The answer may be no.

    python examples/02_augment.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import synthdata

REAL = Path(__file__).resolve().parents[1] / "data" / "admissions.csv"
TARGET = "readmitted"
NOT_USED = ["admission_id", "patient_name", "admitted", "discharged"]
ROWS, EXTRA, FUTURE, REPEATS = 800, 2_400, 4_000, 5


def classifiers(seed: int) -> dict[str, Pipeline]:
    """A linear model and a forest, on the same preparation of the columns."""
    prepare = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
    )
    return {
        "logistic regression": make_pipeline(prepare, LogisticRegression(max_iter=1_000)),
        "random forest": make_pipeline(prepare, RandomForestClassifier(100, min_samples_leaf=3, random_state=seed)),
    }


def area(classifier: Pipeline, train: pd.DataFrame, future: pd.DataFrame) -> float:
    """The area under the ROC curve of a classifier trained on one table and tested on another."""
    classifier.fit(train.drop(columns=TARGET), train[TARGET].astype(bool))
    chance = classifier.predict_proba(future.drop(columns=TARGET))[:, 1]
    return float(roc_auc_score(future[TARGET].astype(bool), chance))


def main() -> None:
    """Compare the small table alone with the small table and synthetic rows."""
    table = synthdata.read(REAL).frame.drop(columns=NOT_USED)
    gains: dict[str, list[float]] = {}
    for repeat in range(REPEATS):
        shuffled = table.sample(ROWS + FUTURE, random_state=repeat)
        few, future = shuffled.iloc[:ROWS], shuffled.iloc[ROWS:]
        synthetic = synthdata.make_model("trees").fit(few, seed=repeat).sample(EXTRA, seed=repeat)
        more = pd.concat([few, synthetic], ignore_index=True)
        for name, classifier in classifiers(repeat).items():
            alone, together = area(classifier, few, future), area(classifier, more, future)
            gains.setdefault(name, []).append(together - alone)
            print(f"{name:20} {ROWS} real rows: AUC {alone:.3f}; with {EXTRA:,} synthetic rows: {together:.3f}")
    print()
    for name, gain in gains.items():
        error = 2 * np.std(gain, ddof=1) / np.sqrt(REPEATS)
        helps = "helps" if np.mean(gain) > error else "harms" if np.mean(gain) < -error else "makes no clear difference"
        print(f"{name:20} gain {np.mean(gain):+.3f} ± {error:.3f} (two standard errors): {helps}")


if __name__ == "__main__":
    main()
