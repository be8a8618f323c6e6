"""Noised figures of the real table, for the share edition: how its columns are spread, under differential privacy.

Bins and categories are those of the synthetic table, which goes out anyway: no extreme and no rare category of the
real table can show. Every column's cells (bins, spikes or categories, all else, nulls) are counted in one look with
discrete Gaussian noise; a row is in one cell of each column, so one more row changes the counts by the root of the
number of columns. All else here is made of those noisy counts. The guarantee is that of the figures given the
synthetic table, which has a guarantee of its own or none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthdata.privacy.ledger import Ledger
from synthdata.privacy.persons import bounded
from synthdata.privacy.private_table import Guarded
from synthdata.random import SeedTree
from synthdata.table.table import Table
from synthdata.validation.base import Comparison, Figure, View
from synthdata.validation.summaries import BARS, FEW, chart, spikes_of

#: the δ of the figures: far below one over the number of rows of any table that is likely to be noised
DELTA = 1e-9
#: draws of the noise from which intervals are read off
DRAWS = 200
#: a table whose noisy size is not so many deviations above 0 has no shares
CLEAR = 4.0
STAGE = "figures of the share edition"
TEXT = "Measured on the bins shown, with the noise of differential privacy; the interval is of that noise."


@dataclass(frozen=True)
class Cells:
    """The cells of one column, by the synthetic table alone: bins and spikes, or categories and all others; nulls last.

    Of numbers, ``bin_of`` (k - 1,) is the place in order of each cell but the last; of categories the ``named`` most
    frequent ones of the synthetic table have a cell each, as in its chart.
    """

    view: View
    edges: np.ndarray | None
    spikes: np.ndarray
    bin_of: np.ndarray
    named: int

    @classmethod
    def of(cls, view: View) -> Cells:
        """``view`` has the synthetic table in the place of train."""
        values = view.values("train")
        if not view.continuous:
            counts = np.bincount(values[values >= 0], minlength=1)
            return cls(view, None, np.empty(0), np.empty(0, int), min(BARS, int((counts >= FEW).sum())))
        edges = np.asarray(chart(View(view.column, {"train": values}))["edges"])
        spikes = np.asarray(spikes_of(view, edges))
        return cls(view, edges, spikes, np.concatenate([np.arange(len(edges) - 1), _bins(spikes, edges)]), 0)

    @property
    def size(self) -> int:
        """How many cells there are."""
        return self.named + 2 if self.edges is None else len(self.bin_of) + 1

    def places(self, values: np.ndarray) -> np.ndarray:
        """The cell of each value (n,) of the view; each value by itself."""
        last = self.size - 1
        if self.edges is None:
            return np.where(values < 0, last, np.minimum(values, self.named))
        found = _bins(np.where(np.isnan(values), self.edges[0], values), self.edges)
        for position, spike in enumerate(self.spikes):
            found[values == spike] = len(self.edges) - 1 + position
        found[np.isnan(values)] = last
        return found

    def error(self, apart: np.ndarray) -> np.ndarray:
        """The error of a column (r,) for differences of shares (r, k): Kolmogorov–Smirnov or total variation.

        Both are norms, so noise moves an error by no more than its own.
        """
        if self.edges is None:
            return np.asarray(np.abs(apart).sum(axis=1) / 2)
        ordered = np.zeros((len(apart), int(self.bin_of.max()) + 1))
        np.add.at(ordered.T, self.bin_of, apart[:, :-1].T)
        below = np.cumsum(ordered, axis=1)
        return np.asarray(np.maximum(np.abs(below), np.abs(below + apart[:, -1:])).max(axis=1))


def _bins(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The bin of each value, the first and the last of them holding what lies beyond."""
    return (np.searchsorted(edges, values, "right") - 1).clip(0, len(edges) - 2)


@dataclass(frozen=True)
class NoisedColumn:
    """Noisy shares (k,) of a column's cells, its error against the synthetic table, and what noise adds at most."""

    cells: Cells
    shares: np.ndarray
    error: Figure


@dataclass(frozen=True)
class NoisedFigures:
    """The columns by name, their mean error, and the ledger that the look was charged to."""

    columns: Mapping[str, NoisedColumn]
    shape: Figure
    ledger: Mapping[str, Any]


def noised_figures(real: Table, synthetic: Table, ledger: Ledger, seed: SeedTree) -> NoisedFigures:
    """Look at the real table once, for all that is left of the ledger's budget.

    Raises:
        PrivacyError: the budget is used up; nothing was looked at.
    """
    kept = bounded(real, ledger)
    compared = Comparison.of(synthetic, None, Table(kept.frame, real.schema))
    cells = [Cells.of(view) for view in compared.views]
    places = [each.places(each.view.values("synthetic")) for each in cells]
    sizes = [each.size for each in cells]
    width = np.sqrt(max(1, len(cells)))
    sigma = ledger.noise_for(ledger.mu_of("training") ** 2) * width
    rows = Guarded(places, ledger)

    def counted(found: list[np.ndarray]) -> np.ndarray:
        parts = [np.bincount(part, minlength=size) for part, size in zip(found, sizes, strict=True)]
        return np.concatenate(parts) if parts else np.zeros(0, int)

    noisy = rows.counts(
        counted,
        STAGE,
        sigma=float(sigma),
        sensitivity=float(width),
        note="how many rows fall into each bin and category of the synthetic table, column by column",
    )
    parts = np.split(noisy, np.cumsum(sizes)[:-1]) if cells else []
    noise = seed.generator("noise")
    columns, lifted = {}, []
    for each, counts in zip(cells, parts, strict=True):
        column, most = _noised(each, counts, float(sigma), noise)
        columns[each.view.name] = column
        if most is not None:
            lifted.append(most)
    return NoisedFigures(columns, _overall(columns, lifted, len(synthetic)), ledger.to_dict())


def _noised(
    cells: Cells, counts: np.ndarray, sigma: float, generator: np.random.Generator
) -> tuple[NoisedColumn, np.ndarray | None]:
    """One column, and the errors (r,) that noise alone gives."""
    values = cells.view.values("train")
    total, n = float(counts.sum()), len(values)
    if total < CLEAR * sigma * np.sqrt(len(counts)):
        told = "The noise is as large as the real table: a larger budget or more rows are needed."
        return NoisedColumn(cells, np.full(len(counts), np.nan), Figure(None, n=n, text=told)), None
    shares = counts / total
    own = np.bincount(cells.places(values), minlength=len(counts)) / n
    drawn = sigma * generator.standard_normal((DRAWS, len(counts)))
    by_noise = cells.error((drawn - shares * drawn.sum(axis=1, keepdims=True)) / total)
    return NoisedColumn(cells, shares, _figure(float(cells.error((shares - own)[None])[0]), by_noise, n)), by_noise


def _figure(value: float, by_noise: np.ndarray, n: int) -> Figure:
    most = float(np.quantile(by_noise, 0.95))
    return Figure(value, (max(0.0, value - most), min(1.0, value + most)), direction="lower", n=n, text=TEXT)


def _overall(columns: Mapping[str, NoisedColumn], lifted: Sequence[np.ndarray], n: int) -> Figure:
    known = [column.error.value for column in columns.values() if column.error.value is not None]
    if not known:
        return Figure(None, n=n, text="The noise is as large as the real table: no column can be compared.")
    return _figure(float(np.mean(known)), np.mean(lifted, axis=0), n)


def with_noised(shared: dict[str, Any], figures: NoisedFigures) -> dict[str, Any]:
    """The share edition's facts with the noised figures of the real table beside the synthetic ones."""
    budget = figures.ledger
    told = (
        f"Shares of the real table carry the noise of differential privacy (ε = {budget['epsilon_spent']:.3g}, "
        f"δ = {budget['delta']:g}, one {budget['unit']} more or less), in bins and categories of the synthetic table. "
        "That covers these shares, given the synthetic table; whether the rules of the policy are met is not covered."
    )
    columns = [_beside(entry, figures.columns.get(entry["name"])) for entry in shared["columns"]]
    notes = [
        "This edition holds figures of the synthetic table, and noised ones of the real table. Exact figures, and the "
        "number of real rows, are in the internal edition.",
        told,
    ]
    fidelity = {**shared["fidelity"], "shape": figures.shape.to_json()}
    return {**shared, "columns": columns, "fidelity": fidelity, "notes": notes, "noised": dict(budget)}


def _beside(entry: dict[str, Any], column: NoisedColumn | None) -> dict[str, Any]:
    """A column's entry with the noised shares drawn beside the synthetic ones; negative ones count as 0."""
    if column is None or column.error.value is None or not entry["chart"]:
        return entry if column is None else {**entry, "shape": column.error.to_json()}
    shares = [round(float(share), 6) for share in column.shares.clip(0.0, 1.0)]
    drawn = dict(entry["chart"])
    missing = {**entry["missing"], "real": shares[-1]}
    if column.cells.edges is not None:
        bins = len(drawn["edges"]) - 1
        drawn["real"] = shares[:bins]
        drawn["spikes"] = [
            {**spike, "real": share} for spike, share in zip(drawn["spikes"], shares[bins:-1], strict=True)
        ]
    elif len(drawn["categories"]) == len(shares) - 1:
        drawn["real"] = shares[:-1]
    else:
        drawn["categories"] = [*drawn["categories"], "all others"]
        drawn["synthetic"] = [*drawn["synthetic"], 0.0]
        drawn["real"] = shares[:-1]
    return {**entry, "shape": column.error.to_json(), "missing": missing, "chart": drawn}
