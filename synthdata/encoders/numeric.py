"""Numbers, dates and durations: values that many rows share are codes, the rest lie on a number line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from synthdata.encoders.base import UNSEEN, AllowedCells, Slot, State
from synthdata.encoders.grid import Grid
from synthdata.encoders.number_line import NumberLine, Transform, normal_scores, shifted
from synthdata.errors import SchemaError
from synthdata.table.schema import Column
from synthdata.table.storage import Cells

#: up to this share of a column's rows may be moved to the nearest shared value to do without a number line
_FEW = 0.01
#: how many times as frequent as its neighbours a value on a grid must be to count as a spike
_SPIKE = 3.0
#: a step that has less of the line than this is taken for a point: numbers of 32 bits cannot tell its ends apart
_NARROW = 1e-6


@dataclass(frozen=True)
class NumericOptions:
    """How numbers are encoded; see `TableEncoder` for what each key means."""

    transform: Transform = "quantile"
    rare_threshold: int = 5
    exact_values: int = 256
    atom_share: float = 0.002
    max_atoms: int = 256
    knots: int = 500


class NumericEncoder:
    """One numerical, datetime or timedelta column.

    ``atoms`` (a,) are the exact values kept, ascending, in steps of the grid; ``counts`` (cardinality,) how many
    rows each code had. Without a number line codes are the atoms; with one, code 0 is the line and atom i has code i
    + 1.
    """

    def __init__(
        self,
        grid: Grid,
        atoms: np.ndarray,
        counts: np.ndarray,
        line: NumberLine | None,
        nullable: bool,
        moved: int,
        options: NumericOptions,
    ) -> None:
        self.grid, self.atoms, self.counts, self.line = grid, atoms, counts, line
        self.moved, self.options = moved, options
        self.first = int(line is not None)
        cardinality = self.first + len(atoms) + int(nullable)
        positions = np.full(cardinality, np.nan)
        positions[self.first : self.first + len(atoms)] = self._positions()
        self.slot = Slot(
            name=grid.column.name,
            cardinality=cardinality,
            continuous=line is not None,
            ordered=True,
            missing_code=cardinality - 1 if nullable else None,
            positions=positions,
        )

    @classmethod
    def fit(
        cls, column: Column, cells: Cells, options: NumericOptions, generator: np.random.Generator
    ) -> NumericEncoder:
        """Choose atoms and place the number line.

        Raises:
            SchemaError: too few rows have a value to keep any of them.
        """
        numbers = cells.values[~cells.missing]
        grid = Grid.of(column, numbers)
        steps = grid.steps(numbers)
        missing, least = int(cells.missing.sum()), options.rare_threshold
        distinct, counts = np.unique(steps, return_counts=True)
        atoms, exact = _choose_atoms(distinct, counts, grid.stepped, options)
        on_line = np.empty(0) if exact else steps[~np.isin(steps, distinct[atoms])]
        line = None
        if not exact and len(on_line) >= least:
            jitter = generator.uniform(-0.5, 0.5, len(on_line)) if grid.stepped else 0.0
            line = _fit_line(on_line, jitter, grid, options)
        if line is None and not atoms.any() and len(numbers) > missing:
            raise SchemaError(
                f"Column {column.name!r} has only {len(numbers)} rows with a number, fewer than the {least} without "
                "which no number is stored.",
                "Give more rows, drop the column ('drop': true in the schema), or set rare_threshold=1 if the rows "
                "are public.",
            )
        moved = len(on_line) if line is None and not exact else int(counts[~atoms].sum()) if exact else 0
        kept = counts[atoms].astype(np.float64)
        if line is None and len(kept):
            # Moved cells count where they land.
            kept = np.bincount(_nearest(distinct[atoms], steps), minlength=len(kept)).astype(np.float64)
        elif line is None:
            missing += moved
        parts = [*([float(len(on_line))] if line else []), *kept, *([float(missing)] if missing else [])]
        return cls(grid, distinct[atoms], np.array(parts), line, missing > 0, moved, options)

    def encode(self, cells: Cells, generator: np.random.Generator | None) -> tuple[np.ndarray, np.ndarray]:
        """Codes (n,) int32 and values (n,).

        With a generator numbers are spread evenly over their step, and values that were not kept move to the nearest
        one; without, numbers stand in the middle of their step and such values are `UNSEEN`.
        """
        codes = np.full(
            len(cells), UNSEEN if self.slot.missing_code is None else self.slot.missing_code, dtype=np.int32
        )
        values = np.full(len(cells), np.nan)
        present = np.flatnonzero(~cells.missing)
        steps = self.grid.steps(cells.values[present])
        if len(self.atoms):
            at = np.minimum(np.searchsorted(self.atoms, steps), len(self.atoms) - 1)
            hit = self.atoms[at] == steps
        else:
            at, hit = np.zeros(len(steps), dtype=np.int64), np.zeros(len(steps), dtype=bool)
        codes[present[hit]] = at[hit] + self.first
        rest = present[~hit]
        if self.line is not None:
            jitter = generator.uniform(-0.5, 0.5, len(rest)) if generator and self.grid.stepped else 0.0
            codes[rest] = 0
            values[rest] = self.line.place(steps[~hit], jitter)
        elif generator is None:
            codes[rest] = UNSEEN
        elif len(self.atoms):
            codes[rest] = _nearest(self.atoms, steps[~hit])
        return codes, values

    def decode(self, codes: np.ndarray, values: np.ndarray) -> Cells:
        """The cells that codes (n,) and values (n,) stand for."""
        missing = codes == self.slot.missing_code if self.slot.missing_code is not None else np.zeros(len(codes), bool)
        steps = np.zeros(len(codes), dtype=np.int64 if self.grid.stepped else np.float64)
        on_line = np.zeros(len(codes), dtype=bool)
        if self.line is not None:
            on_line = codes == 0
            steps[on_line] = self.line.numbers(values[on_line])
        exact = ~missing & ~on_line
        steps[exact] = self.atoms[codes[exact] - self.first]
        return Cells(self.grid.numbers(steps), missing)

    def log_jacobian(self, codes: np.ndarray, values: np.ndarray) -> np.ndarray:
        """log |d value / d step| (n,), 0 for cells that lie on no line."""
        out = np.zeros(len(codes))
        if self.line is not None:
            on_line = codes == 0
            out[on_line] = self.line.log_slope(values[on_line])
        return out

    def log_tail(self, cells: Cells) -> np.ndarray:
        """What to add (n,) to a log-density for numbers beyond the ends of the line."""
        out = np.zeros(len(cells))
        if self.line is not None:
            present = np.flatnonzero(~cells.missing)
            steps = self.grid.steps(cells.values[present])
            out[present] = np.where(np.isin(steps, self.atoms), 0.0, self.line.log_tail(steps))
        return out

    def allowed(self, values: tuple[Any, ...] | None, low: float, high: float) -> AllowedCells:
        """Which cells are one of ``values``, or lie within the bounds; all in plain units."""
        codes = np.zeros(self.slot.cardinality, dtype=bool)
        half = 0.5 if self.grid.stepped else 0.0
        if values is not None:
            spans = [self.grid.interval(value, value) for value in values]
            spans = [span for span in spans if span[0] == span[1]]
            kept = np.isin(self.atoms, np.array([span[0] for span in spans], dtype=self.atoms.dtype))
            spans = [span for span in spans if span[0] not in self.atoms]
        else:
            first, last = self.grid.interval(low, high)
            kept = (self.atoms >= first) & (self.atoms <= last)
            spans = [(first, last)] if first <= last else []
        codes[self.first : self.first + len(self.atoms)] = kept
        if self.line is None:
            return AllowedCells(codes)
        ends = self.line.numbers(self.line.to[[0, -1]])
        spans = [(a, b) for a, b in spans if a <= ends[1] and b >= ends[0]]
        codes[0] = bool(spans)
        if not spans:
            return AllowedCells(codes)
        first, last = min(first for first, _ in spans), max(last for _, last in spans)
        bottom, top = _place(self.line, first, -half), _place(self.line, last, half)
        if first == last and top - bottom < _NARROW:
            bottom = top = _place(self.line, first, 0.0)
        return AllowedCells(codes, bottom, top)

    def describe(self) -> dict[str, Any]:
        """What a person may want to know about how the column is encoded."""
        least = self.options.rare_threshold
        texts = []
        if self.line is not None:
            texts.append(
                f"numbers on a line through {len(self.line.at)} points, each a mean over {least} or more rows; the "
                "range ends at the outermost of them"
            )
        if len(self.atoms):
            texts.append(f"{len(self.atoms)} exact values, each shared by {least} or more rows")
        if self.moved:
            where = "replaced by the nearest value kept" if len(self.atoms) else "treated as missing"
            texts.append(f"{self.moved} cells with values that fewer than {least} rows share are {where}")
        return {"atoms": len(self.atoms), "rare_cells": self.moved, "note": "; ".join(texts)}

    def state(self) -> State:
        """Settings and arrays of what was learnt."""
        config: dict[str, Any] = {
            "stepped": self.grid.stepped,
            "unsigned": bool(self.grid.unsigned),
            "nullable": self.slot.missing_code is not None,
            "moved": self.moved,
            "line": None,
        }
        arrays = {"atoms": self.atoms, "counts": self.counts}
        if self.line is not None:
            config["line"] = {name: getattr(self.line, name) for name in ("origin", "scale", "transform", "bend")}
            arrays |= {"at": self.line.at, "to": self.line.to}
        return State(config, arrays)

    @classmethod
    def from_state(cls, column: Column, state: State, options: NumericOptions) -> NumericEncoder:
        """What `state` gave, as an encoder again."""
        config, line = state.config, None
        if config["line"]:
            line = NumberLine(at=state.arrays["at"], to=state.arrays["to"], **config["line"])
        grid = Grid(column, config["stepped"], config["unsigned"])
        return cls(
            grid, state.arrays["atoms"], state.arrays["counts"], line, config["nullable"], config["moved"], options
        )

    def _positions(self) -> np.ndarray:
        if not len(self.atoms):
            return np.empty(0)
        if self.line is not None:
            return self.line.place(self.atoms)
        counts = self.counts[: len(self.atoms)]
        if self.options.transform == "standard":
            x = self.atoms.astype(np.float64)
            mean = np.average(x, weights=counts)
            return np.asarray((x - mean) / (np.sqrt(np.average((x - mean) ** 2, weights=counts)) or 1.0))
        share = (np.cumsum(counts) - counts / 2) / counts.sum()
        return share if self.options.transform == "uniform" else normal_scores(share)


def _choose_atoms(
    distinct: np.ndarray, counts: np.ndarray, stepped: bool, options: NumericOptions
) -> tuple[np.ndarray, bool]:
    """Which distinct values (m,) are kept as they are, and whether they are all that is kept of the column."""
    shared = counts >= options.rare_threshold
    total = counts.sum()
    if not total or (0 < shared.sum() <= options.exact_values and counts[~shared].sum() <= _FEW * total):
        return shared, True
    atoms = counts >= max(options.rare_threshold, options.atom_share * total)
    if stepped:
        atoms &= _stands_out(distinct, counts)
    if atoms.sum() > options.max_atoms:
        strongest = np.argsort(-np.where(atoms, counts, 0), kind="stable")[: options.max_atoms]
        atoms = np.isin(np.arange(len(counts)), strongest)
    return atoms, False


def _stands_out(distinct: np.ndarray, counts: np.ndarray, reach: int = 4) -> np.ndarray:
    """Which values (m,) are far more frequent than a step near them is on average."""
    m = len(distinct)
    first, last = np.maximum(np.arange(m) - reach, 0), np.minimum(np.arange(m) + reach, m - 1)
    total = np.concatenate([[0], np.cumsum(counts)])
    around = total[last + 1] - total[first] - counts
    span = distinct[last].astype(np.float64) - distinct[first].astype(np.float64)
    # A few rows more, so that chance alone makes no spikes where nearly every value is rare.
    return np.asarray(counts > _SPIKE * around / np.maximum(span, 1.0) + 5)


def _fit_line(on_line: np.ndarray, jitter: np.ndarray | float, grid: Grid, options: NumericOptions) -> NumberLine:
    """A number line through numbers (m,), each spread over its step by ``jitter``."""
    line = NumberLine.fit(on_line, transform=options.transform, minimum=options.rare_threshold, knots=options.knots)
    if not grid.stepped:
        return line
    if line.bend:
        bent = NumberLine.fit(
            on_line + jitter, transform=options.transform, minimum=options.rare_threshold, knots=options.knots
        )
        return replace(bent, origin=int(bent.origin)) if bent.bend else line
    spread = shifted(on_line, line.origin, 1.0) + jitter
    finer = NumberLine.fit(spread, transform=options.transform, minimum=options.rare_threshold, knots=options.knots)
    # The finer line is measured from the coarser one's whole origin, so that large integers stay apart.
    at = finer.at + finer.origin / finer.scale
    return NumberLine(line.origin, finer.scale, at, finer.to, finer.transform)


def _place(line: NumberLine, bound: float, jitter: float) -> float:
    """Where a bound, moved by ``jitter``, stands on the model's scale."""
    if not np.isfinite(bound):
        return float(bound)
    whole = isinstance(line.origin, int)
    number = np.array([min(max(int(bound), -(2**63)), 2**63 - 1) if whole else bound])
    return float(line.place(number, jitter)[0])


def _nearest(atoms: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The index (m,) of the atom (ascending) nearest to each step (m,)."""
    right = np.minimum(np.searchsorted(atoms, steps), len(atoms) - 1)
    left = np.maximum(right - 1, 0)
    return np.where(_distance(atoms[left], steps) <= _distance(atoms[right], steps), left, right)


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a - b| (m,), exact for whole numbers of any size."""
    if a.dtype != np.int64 or b.dtype != np.int64:
        return np.asarray(np.abs(a.astype(np.float64) - b))
    first, second = a.view(np.uint64), b.view(np.uint64)  # differences modulo 2**64 are right where they are positive
    return np.where(a >= b, first - second, second - first)
