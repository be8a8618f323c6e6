"""What rules say of a row's nulls once the rest is known: the last part of a sum, a total, the lower of two numbers.

Candidates are columns in plain form, ``cells`` by name, each (m,) long; they stand for rows ``which`` (m,) of a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from synthdata.encoders.numeric import NumericEncoder
from synthdata.encoders.rule_steps import Gap
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.table.rule_kinds import ROUNDING, Total
from synthdata.table.schema import Column
from synthdata.table.storage import Cells, from_cells, resolution, to_cells
from synthdata.table.stored_moments import PER_SECOND


@dataclass(frozen=True)
class Holes:
    """Which cells (n, d) of a table's columns were null."""

    names: tuple[str, ...]
    cells: np.ndarray

    def of(self, columns: Iterable[Column], which: np.ndarray) -> np.ndarray:
        """Which cells (m, k) of some rows and columns were null."""
        return self.cells[which][:, self.positions(columns)]

    def positions(self, columns: Iterable[Column]) -> list[int]:
        """Where some columns stand among all."""
        return [self.names.index(column.name) for column in columns]


def solve_total(rule: Total, cells: dict[str, Cells], holes: Holes, which: np.ndarray) -> None:
    """Work out open parts from a total that was given, and an open total from the parts as they are.

    Several open parts share what is left of the total as they would have shared what was drawn.
    """
    total = rule.total.name
    missing = np.logical_or.reduce([cells[column.name].missing for column in rule.columns])
    open_parts = _open_parts(rule, holes, which) & ~missing[:, None]
    _share_out(rule, cells, open_parts)
    for part, last in zip(rule.parts, _last(open_parts).T, strict=True):
        where = np.flatnonzero(last)
        others = [other for other in rule.parts if other is not part]
        rest = cells[total].values[where] - _sum(others, cells, where)
        cells[part.name] = with_others(cells[part.name], where, _settled(rest, part))
    # What was drawn was added up from parts within the range of the model, which those of the row may leave.
    broken = rule.broken(*[cells[column.name] for column in rule.columns])
    where = np.flatnonzero(broken & holes.of((rule.total,), which)[:, 0])
    cells[total] = with_others(cells[total], where, _settled(_sum(rule.parts, cells, where), rule.total))


def _share_out(rule: Total, cells: dict[str, Cells], open_parts: np.ndarray) -> None:
    """Scale several open parts (m, p) of a given total so that all add up to it, where none of them is negative."""
    rows = np.flatnonzero(open_parts.sum(axis=1) > 1)
    drawn = np.column_stack([cells[part.name].values[rows].astype(np.float64) for part in rule.parts])
    there = open_parts[rows]
    taken, given = (np.where(mask, drawn, 0.0).sum(axis=1) for mask in (there, ~there))
    left = cells[rule.total.name].values[rows].astype(np.float64) - given
    fit = (taken > 0) & (left >= 0) & (drawn >= 0).all(axis=1, where=there)
    factor = left[fit] / taken[fit]
    for k, part in enumerate(rule.parts):
        here = there[fit, k]
        cells[part.name] = with_others(
            cells[part.name], rows[fit][here], _settled((drawn[fit, k] * factor)[here], part)
        )


def learnt_parts(
    rule: Total, cells: dict[str, Cells], holes: Holes, which: np.ndarray, encoder: TableEncoder
) -> np.ndarray:
    """Which candidates (m,) have no part worked out from others that were drawn, but never learnt like that."""
    good = np.ones(len(which), dtype=bool)
    open_parts = _open_parts(rule, holes, which)
    for part, here in zip(rule.parts, (open_parts & (open_parts.sum(axis=1) > 1)[:, None]).T, strict=True):
        doubtful = here & ~cells[part.name].missing
        if doubtful.any():
            good &= ~doubtful | within_range(part.name, cells, encoder)
    return good


def off_total(rule: Total, cells: dict[str, Cells], holes: Holes, which: np.ndarray) -> np.ndarray:
    """How far (m,) parts as they were drawn are from a total that was given, where several are open; 0 elsewhere."""
    told = _open_parts(rule, holes, which).sum(axis=1) > 1
    where = np.flatnonzero(told & ~np.logical_or.reduce([cells[column.name].missing for column in rule.columns]))
    off = np.zeros(len(which))
    off[where] = _sum(rule.parts, cells, where).astype(np.float64) - cells[rule.total.name].values[where]
    return np.abs(off)


def step_down(
    parts: Sequence[Gap],
    cells: dict[str, Cells],
    drawn: dict[str, Cells],
    holes: Holes,
    which: np.ndarray,
    encoder: TableEncoder,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Put open lower numbers as far below known higher ones as the two were drawn apart, instead of as they were drawn.

    ``parts`` are in an order in which each column can be read back from those before it. Which candidates (m,) can be
    used: those of which that lies within what was learnt, and all others. And for each column by how much (m,) it was
    moved.
    """
    good, moves, settled = np.ones(len(which), dtype=bool), list[np.ndarray](), dict[str, np.ndarray]()
    for part in reversed([part for part in parts if len(part.lows) == 1]):
        low, high = part.lows[0], part.column
        there = ~(cells[high.name].missing | drawn[high.name].missing | drawn[low.name].missing)
        told = ~holes.of((high,), which)[:, 0] | settled.get(high.name, np.zeros(len(which), dtype=bool))
        settled[low.name] = there & told & holes.of((low,), which)[:, 0]
        where = np.flatnonzero(settled[low.name])
        known, above = (_in_units_of(low, high, found[high.name].values[where]) for found in (cells, drawn))
        moved = known - above
        cells[low.name] = with_others(cells[low.name], where, _settled(drawn[low.name].values[where] + moved, low))
        off = np.zeros(len(which))
        off[where] = np.abs(moved.astype(np.float64))
        moves.append(off)
    # A column may have been learnt as its distance from one that was moved after it.
    for name, moved in settled.items():
        good &= ~moved | within_range(name, cells, encoder)
    return good, moves


def tied(rules: Iterable[Total], gaps: Iterable[Gap], holes: Holes, which: np.ndarray) -> np.ndarray:
    """Which of some rows (m,) have nulls of which a rule and the rest of the row tell something, and not all."""
    found = np.zeros(len(which), dtype=bool)
    for rule in rules:
        found |= _open_parts(rule, holes, which).sum(axis=1) > 1
    for gap in gaps:
        found |= holes.of(gap.lows, which).any(axis=1) & ~holes.of((gap.column,), which)[:, 0]
    return found


def within_range(name: str, cells: dict[str, Cells], encoder: TableEncoder) -> np.ndarray:
    """Which candidates (m,) have a number in a column that lies between the lowest and the highest learnt there."""
    form = encoder.layout.part_of(name)
    found = form.forward(cells) if isinstance(form, Gap) else cells[name]
    learnt = next((column for column in encoder.columns if column.slot.name == name), None)
    if not isinstance(learnt, NumericEncoder) or not (form is None or isinstance(form, Gap)):
        return np.ones(len(found), dtype=bool)
    low, high = _ends(learnt)
    steps = learnt.grid.steps(np.where(found.missing, found.values.dtype.type(0), found.values))
    slack = 0 if learnt.grid.stepped else ROUNDING * max(abs(low), abs(high))
    return np.asarray(found.missing | ((steps >= low - slack) & (steps <= high + slack)), dtype=bool)


def with_others(cells: Cells, where: np.ndarray, others: Cells) -> Cells:
    """Cells (n,) of which those at ``where`` (m,) are others."""
    if not len(where):
        return cells
    values, missing = cells.values.astype(_common(cells, others)), cells.missing.copy()
    values[where], missing[where] = others.values, others.missing
    return Cells(values, missing)


def _open_parts(rule: Total, holes: Holes, which: np.ndarray) -> np.ndarray:
    """Which parts (m, p) were null in rows in which the total was not."""
    return holes.of(rule.parts, which) & ~holes.of((rule.total,), which)


def _last(open_parts: np.ndarray) -> np.ndarray:
    """Which open parts (m, p) are the last of their row."""
    later = np.cumsum(open_parts[:, ::-1], axis=1)[:, ::-1]
    return open_parts & (later == 1)


def _sum(columns: Iterable[Column], cells: dict[str, Cells], where: np.ndarray) -> np.ndarray:
    """What some columns add up to in the rows ``where`` (m,)."""
    return np.asarray(
        sum((cells[column.name].values[where] for column in columns), np.zeros(len(where), dtype=np.uint8))
    )


def _in_units_of(low: Column, high: Column, values: np.ndarray) -> np.ndarray:
    """Numbers (m,) of the higher column in the lower one's unit, which is another only where both are moments."""
    if high.kind == "numerical":
        return values
    fine, coarse = PER_SECOND[resolution(low)], PER_SECOND[resolution(high)]
    return values * (fine // coarse) if fine >= coarse else values // (coarse // fine)


def _settled(numbers: np.ndarray, column: Column) -> Cells:
    """Numbers (m,) as a column's storage holds them."""
    stored = from_cells(Cells(numbers, np.zeros(len(numbers), dtype=bool)), column)
    return to_cells(stored, column)


def _common(cells: Cells, others: Cells) -> np.dtype:
    """A dtype for both; large whole numbers stay whole where none is negative."""
    kinds = {cells.values.dtype, others.values.dtype}
    if kinds == {np.dtype(np.int64), np.dtype(np.uint64)}:
        signed = cells if cells.values.dtype == np.int64 else others
        return np.dtype(np.float64 if (signed.values[~signed.missing] < 0).any() else np.uint64)
    return np.result_type(*kinds)


def _ends(column: NumericEncoder) -> tuple[float, float]:
    """The lowest and the highest number that a column's encoder knows, in steps."""
    steps: list[float] = column.atoms.tolist()
    if column.line is not None:
        steps += column.line.numbers(column.line.to[[0, -1]]).tolist()
    return min(steps, default=-np.inf), max(steps, default=np.inf)
