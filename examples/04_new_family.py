"""A researcher adds a family of models: latent classes, in one file.

Every row belongs to one of a few hidden classes, and within a class the columns know nothing of each other (Lazarsfeld
and Henry 1968). Encoding, conditions, rules, files, seeds and the command line are there already: a family says how
it learns encoded rows, how it draws them, and what it keeps. Here it also says how probable a row is.

    python examples/04_new_family.py

To have it as `--model latent_classes`, put the file into a package of your own, whose pyproject.toml says

    [project.entry-points."synthdata.models"]
    latent_classes = "your_package.latent_classes:LatentClasses"

and let `synthdata.testing.synthesizer_checks(LatentClasses)` tell whether it keeps the contract of all models.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

import synthdata
from synthdata.encoders.base import UNSEEN, Encoded, Slot, State
from synthdata.models.abilities import DensityMixin
from synthdata.progress import Progress

REAL = Path(__file__).resolve().parents[1] / "data" / "admissions.csv"
OUT = Path("runs/example-new-family")


class LatentClasses(DensityMixin):
    """Hidden classes, within which columns are independent: shares of codes, and a normal on the number line.

    Args:
        classes: how many; a class that no row needs stays empty.
        rounds: of expectation and maximisation.
        rare_threshold: in how many rows a value must occur to be stored, and how many rows of all kinds each class has
            to begin with, so that none of them describes single rows.
    """

    name: ClassVar[str] = "latent_classes"
    summary: ClassVar[str] = "hidden classes with independent columns; few numbers to look at"

    #: the share of each class (k,); for each slot the shares of its codes (k, cardinality); means and deviations (k, d)
    classes_: np.ndarray
    shares_: list[np.ndarray]
    means_: np.ndarray
    deviations_: np.ndarray

    def __init__(self, classes: int = 24, rounds: int = 60, rare_threshold: int = 5) -> None:
        self.classes = classes
        self.rounds = rounds
        self.rare_threshold = rare_threshold

    def _fit(self, encoded: Encoded, generator: np.random.Generator, progress: Progress) -> None:
        weights = generator.dirichlet(np.full(self.classes, 0.1), len(encoded))
        for number in range(self.rounds):
            self._learn(encoded, weights)
            weights = np.exp(self._joint(encoded) - self._log_prob(encoded)[:, None])
            progress.step((number + 1) / self.rounds)

    def _learn(self, encoded: Encoded, weights: np.ndarray) -> None:
        """What fits best where rows belong to classes by their weights (n, k)."""
        prior, size = float(self.rare_threshold), weights.sum(axis=0)
        self.classes_ = (size + prior / self.classes) / (len(encoded) + prior)
        self.shares_ = []
        self.means_, self.deviations_ = np.zeros((2, self.classes, len(encoded.slots)))
        self.deviations_ += 1.0
        for j, slot in enumerate(encoded.slots):
            counts = np.zeros((slot.cardinality, self.classes))
            np.add.at(counts, encoded.codes[:, j], weights)
            counts += prior * counts.sum(axis=1, keepdims=True) / len(encoded)
            self.shares_.append((counts / counts.sum(axis=0)).T)
            on_line = encoded.codes[:, j] == 0
            if slot.continuous and on_line.any():
                values, own = encoded.values[on_line, j], weights[on_line]
                amount, middle, spread = own.sum(axis=0) + prior, values.mean(), values.var()
                mean = (values @ own + prior * middle) / amount
                squares = ((values[:, None] - mean) ** 2 * own).sum(axis=0) + prior * (mean - middle) ** 2
                self.means_[:, j] = mean
                self.deviations_[:, j] = np.sqrt((squares + prior * 0.1 * spread) / amount + 1e-6)

    def _joint(self, encoded: Encoded) -> np.ndarray:
        """The log-density (n, k) of rows together with each class; cells that are not known do not count."""
        joint = np.tile(np.log(self.classes_), (len(encoded), 1))
        with np.errstate(divide="ignore"):
            logs = [np.log(share) for share in self.shares_]
        for j, slot in enumerate(encoded.slots):
            rows = np.flatnonzero(encoded.codes[:, j] != UNSEEN)
            joint[rows] += logs[j].T[encoded.codes[rows, j]]
            if slot.continuous:
                rows = rows[encoded.codes[rows, j] == 0]
                z = (encoded.values[rows, j][:, None] - self.means_[:, j]) / self.deviations_[:, j]
                joint[rows] -= 0.5 * z**2 + np.log(self.deviations_[:, j] * np.sqrt(2 * np.pi))
        return joint

    def _log_prob(self, encoded: Encoded) -> np.ndarray:
        return np.asarray(np.logaddexp.reduce(self._joint(encoded), axis=1))

    def _sample(self, n: int, generator: np.random.Generator) -> Encoded:
        slots: tuple[Slot, ...] = self.encoder_.slots
        own = generator.choice(len(self.classes_), n, p=self.classes_ / self.classes_.sum())
        codes, values = np.empty((n, len(slots)), np.int32), np.full((n, len(slots)), np.nan)
        for j, slot in enumerate(slots):
            below = np.cumsum(self.shares_[j], axis=1)[own]
            codes[:, j] = np.minimum((generator.random(n)[:, None] >= below).sum(axis=1), slot.cardinality - 1)
            if slot.continuous:
                rows = np.flatnonzero(codes[:, j] == 0)
                noise = generator.standard_normal(len(rows))
                values[rows, j] = self.means_[own[rows], j] + self.deviations_[own[rows], j] * noise
        return Encoded(slots, codes, values)

    def _state(self) -> State:
        shares = {f"shares/{j}": share for j, share in enumerate(self.shares_)}
        return State({}, {"classes": self.classes_, "means": self.means_, "deviations": self.deviations_, **shares})

    def _restore(self, state: State) -> None:
        arrays = state.arrays
        self.classes_, self.means_, self.deviations_ = arrays["classes"], arrays["means"], arrays["deviations"]
        self.shares_ = [arrays[f"shares/{j}"] for j in range(len(self.encoder_.slots))]


def main() -> None:
    """Run the new family along the pipeline, and look at what it has learnt."""
    model = LatentClasses(classes=16)
    run = synthdata.run(REAL, model, target="readmitted", seed=1, out=OUT, overwrite=True)
    print(f"Verdict {run.report.verdict}; privacy tests: {run.report.privacy_state}")
    for metric in ("fidelity.shape", "fidelity.detection", "utility.tstr"):
        figure = run.report.figure(metric)
        if figure is not None:
            print(f"  {figure.term.label:20} {figure.shown:>8}   {figure.against}")
    print(f"Shares of the classes: {', '.join(f'{share:.2f}' for share in np.sort(model.classes_)[::-1])}")
    rows = model.sample(5, given="age>=80; sex=F", seed=2)
    print(f"Five rows under a condition:\n{rows.iloc[:, :6].to_string()}")


if __name__ == "__main__":
    main()
