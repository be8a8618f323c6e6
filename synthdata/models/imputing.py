"""Filling nulls so that the schema's rules hold: what a rule determines is worked out, the rest drawn until it fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from synthdata.encoders.base import UNSEEN, Encoded
from synthdata.encoders.numeric import NumericEncoder
from synthdata.encoders.rule_lookups import Follows, Joint
from synthdata.encoders.rule_steps import Gap
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.errors import SchemaError
from synthdata.models.known_combinations import complete_combinations
from synthdata.table.constraints import parse_rules, violations
from synthdata.table.filling import fill_stored
from synthdata.table.rule_kinds import ROUNDING, Condition, Rule, Total, Unique
from synthdata.table.schema import Column, Schema
from synthdata.table.storage import Cells, from_cells, to_cells
from synthdata.table.table import Table

#: how many candidates a row gets in each round until one keeps the rules
CANDIDATES = (1, 4, 16, 64)
#: with more candidates than this at a time, combinations that a row knows in part are drawn among those that agree
SELDOM = 4
#: at most so many candidates are drawn at a time
BATCH = 100_000
#: by which share a number may be rounded where the table keeps fewer digits than the model, and no rule speaks of it
FEWER_DIGITS = 1e-6

Fill = Callable[[Encoded], Encoded]


def fill_nulls(
    frame: pd.DataFrame,
    rows: Table,
    schema: Schema,
    encoder: TableEncoder,
    fill: Fill,
    generator: np.random.Generator,
) -> pd.DataFrame:
    """A frame (n, d) with every null of a modelled column filled where the rules allow it.

    ``rows`` are its modelled columns, ``fill`` draws the `UNSEEN` cells of encoded rows. A null stays where the model
    has never seen a value, and where no candidate kept a rule; `attrs["rows_left"]` counts the rows of the latter. A
    column keeps its dtype if that can hold what is drawn.

    Raises:
        SchemaError: only one of the table and the model has a time zone in a column with nulls.
    """
    names = [column.name for column in schema.modelled]
    holes = np.column_stack([rows.cells(name).missing for name in names] or [np.zeros((len(rows), 0), dtype=bool)])
    if not holes.any():
        return frame
    for j, name in enumerate(names):
        if holes[:, j].any():
            _refuse_other_zone(rows.frame[name], schema[name])
    encoded = encoder.encode(rows, None)
    unknown = encoder.unknown(rows)
    codes, values = encoded.codes.copy(), encoded.values.copy()
    codes[unknown], values[unknown] = UNSEEN, np.nan
    judge = _Judge(rows, holes, names, schema, encoder, generator)
    left = judge.fill(Encoded(encoded.slots, codes, values), fill)
    ruled = {column.name for rule in judge.rules for column in rule.columns}
    for j, name in enumerate(names):
        cells, column = judge.best[name], schema[name]
        where = np.flatnonzero(holes[:, j] & ~cells.missing)
        if len(where):
            rounding = 0.0 if name in ruled else FEWER_DIGITS
            frame[name] = fill_stored(frame[name], where, cells, column, judge.levels.get(name), rounding)
    if len(left):
        frame.attrs["rows_left"] = len(left)
    return frame


class _Judge:
    """Draws candidates for rows with holes, and takes those that keep every rule into ``best``."""

    def __init__(
        self,
        rows: Table,
        holes: np.ndarray,
        names: list[str],
        schema: Schema,
        encoder: TableEncoder,
        generator: np.random.Generator,
    ) -> None:
        self.rows, self.holes, self.names, self.generator = rows, holes, names, generator
        self.schema, self.encoder, self.rules = schema, encoder, parse_rules(schema)
        self.totals = [rule for rule in self.rules if isinstance(rule, Total)]
        parts = (*encoder.layout.parts, *encoder.layout.guards)
        self.joints = [part for part in encoder.layout.parts if isinstance(part, Joint)]
        self.lookups = [part for part in parts if isinstance(part, Joint | Follows)]
        self.before = [self._broken_before(rule) for rule in self.rules]
        self.best = {name: rows.cells(name) for name in names}
        #: the categories of columns that the model stores in a category dtype
        self.levels: dict[str, pd.Index] = {}

    def fill(self, encoded: Encoded, fill: Fill) -> np.ndarray:
        """Give rows candidates in several rounds; the rows (m,) that none of them suits."""
        left = np.flatnonzero(self.holes.any(axis=1))
        for times in CANDIDATES if self.rules else CANDIDATES[:1]:
            now = left[: max(1, BATCH // times)] if times > 1 else left
            left = np.concatenate([self.round(now, times, encoded, fill), left[len(now) :]])
            if not len(left):
                break
        return left

    def round(self, left: np.ndarray, times: int, encoded: Encoded, fill: Fill) -> np.ndarray:
        """Give each row ``left`` (m,) a number of candidates. The rows still left."""
        which = np.repeat(left, times)
        start = encoded.take(which)
        for part in self.joints:
            complete_combinations(start, part, self.rows.take(which), self.encoder, self.generator, times > SELDOM)
        drawn, sound = self._drawn(fill(start))
        good = sound | ~self._touched(self.lookups, which)
        for part in self.joints:
            good &= self._agrees(part, drawn, which) | ~self._touched([part], which)
        merged = {name: self._merged(j, name, drawn[name], which) for j, name in enumerate(self.names)}
        # A total may be a part of another.
        for total in self.totals * len(self.totals):
            self._solve(total, merged, which)
        for total in self.totals:
            good &= self._learnt_parts(total, merged, which)
        for rule, before in zip(self.rules, self.before, strict=True):
            if not isinstance(rule, Unique):
                good &= ~rule.broken(*_of(rule, merged)) | before[which]
        for lookup in self.lookups:
            good &= lookup.sound(merged) | ~self._touched([lookup], which)
        taken, first = np.unique(which[good], return_index=True)
        self._take(taken, merged, np.flatnonzero(good)[first])
        again = self._repeated(taken)
        self._give_back(again)
        return np.union1d(np.setdiff1d(left, taken), again)

    def _broken_before(self, rule: Rule) -> np.ndarray:
        """Which rows (n,) break a rule whatever is filled in: what the table itself breaks is not for us to mend."""
        broken = violations(self.rows, rule)
        if isinstance(rule, Condition) and rule.asks_for_nulls:
            broken &= ~self.holes[:, self._positions(rule.columns)].any(axis=1)
        return broken

    def _drawn(self, encoded: Encoded) -> tuple[dict[str, Cells], np.ndarray]:
        """Candidates (m,) in plain form, and which of them can be used."""
        frame, sound = self.encoder.decode_sound(encoded)
        for name in self.names:
            dtype = frame[name].dtype
            if isinstance(dtype, pd.CategoricalDtype) and not self.schema[name].continuous:
                self.levels[name] = dtype.categories
        return {name: to_cells(frame[name], self.schema[name]) for name in self.names}, sound

    def _merged(self, position: int, name: str, drawn: Cells, which: np.ndarray) -> Cells:
        """A column of the rows (m,) with its holes filled as drawn."""
        where = np.flatnonzero(self.holes[which, position] & ~drawn.missing)
        return _with(self.rows.cells(name).take(which), where, drawn.take(where))

    def _touched(self, parts: Sequence[Joint | Follows], which: np.ndarray) -> np.ndarray:
        """Which candidates (m,) have a hole in the columns of some parts; where none is, there is nothing to judge."""
        names = {name for part in parts for name in (*part.replaced, *part.needs)}
        return np.asarray(self._open([self.schema[name] for name in names], which).any(axis=1))

    def _agrees(self, part: Joint, drawn: dict[str, Cells], which: np.ndarray) -> np.ndarray:
        """Which candidates (m,) have in the columns of a combination what the row has there, if it has anything."""
        good = np.ones(len(which), dtype=bool)
        for name in part.replaced:
            mine, theirs = self.rows.cells(name).take(which), drawn[name]
            good &= mine.missing | (~theirs.missing & np.asarray(mine.values == theirs.values, dtype=bool))
        return good

    def _solve(self, rule: Total, merged: dict[str, Cells], which: np.ndarray) -> None:
        """Work out the last open part from a total that was given, and an open total from the parts as they are."""
        total, missing = rule.total.name, np.logical_or.reduce([cells.missing for cells in _of(rule, merged)])
        for part, last in zip(rule.parts, self._last_open(rule, which).T, strict=True):
            where = np.flatnonzero(last & ~missing)
            others = [other for other in rule.parts if other is not part]
            rest = merged[total].values[where] - _sum(others, merged, where)
            merged[part.name] = _with(merged[part.name], where, _settled(rest, part))
        # What was drawn was added up from parts within the range of the model, which those of the row may leave.
        off = rule.broken(*_of(rule, merged)) & self._open((rule.total,), which)[:, 0]
        where = np.flatnonzero(off)
        merged[total] = _with(merged[total], where, _settled(_sum(rule.parts, merged, where), rule.total))

    def _last_open(self, rule: Total, which: np.ndarray) -> np.ndarray:
        """For each part (m, p) whether it is the last that was null, in rows in which the total was not."""
        open_parts = self._open(rule.parts, which) & ~self._open((rule.total,), which)
        later = np.cumsum(open_parts[:, ::-1], axis=1)[:, ::-1]
        return open_parts & (later == 1)

    def _learnt_parts(self, rule: Total, merged: dict[str, Cells], which: np.ndarray) -> np.ndarray:
        """Which candidates (m,) have no part worked out from one that was drawn, but never learnt like that."""
        good = np.ones(len(which), dtype=bool)
        several = self._open(rule.parts, which).sum(axis=1) > 1
        for part, last in zip(rule.parts, self._last_open(rule, which).T, strict=True):
            doubtful = last & several & ~merged[part.name].missing
            if doubtful.any():
                good &= ~doubtful | self._within_range(part.name, merged)
        return good

    def _within_range(self, name: str, merged: dict[str, Cells]) -> np.ndarray:
        """Which candidates (m,) have a number in a column that lies between the lowest and the highest learnt there."""
        form = self.encoder.layout.part_of(name)
        cells = form.forward(merged) if isinstance(form, Gap) else merged[name]
        learnt = next((column for column in self.encoder.columns if column.slot.name == name), None)
        if not isinstance(learnt, NumericEncoder) or not (form is None or isinstance(form, Gap)):
            return np.ones(len(cells), dtype=bool)
        low, high = _ends(learnt)
        steps = learnt.grid.steps(np.where(cells.missing, cells.values.dtype.type(0), cells.values))
        slack = 0 if learnt.grid.stepped else ROUNDING * max(abs(low), abs(high))
        return np.asarray(cells.missing | ((steps >= low - slack) & (steps <= high + slack)), dtype=bool)

    def _repeated(self, taken: np.ndarray) -> np.ndarray:
        """Which of the rows just ``taken`` (m,) repeat another, where none may."""
        n = len(self.rows)
        wrong = np.zeros(n, dtype=bool)
        for rule in self.rules:
            if isinstance(rule, Unique):
                filled = taken[self._open(rule.columns, taken).any(axis=1)]
                order = np.concatenate([np.setdiff1d(np.arange(n), filled), filled])
                cells = [found.take(order) for found in _of(rule, self.best)]
                wrong[filled] |= rule.broken(*cells)[n - len(filled) :]
        return np.intersect1d(taken, np.flatnonzero(wrong))

    def _take(self, taken: np.ndarray, merged: dict[str, Cells], chosen: np.ndarray) -> None:
        """Fill the rows ``taken`` (m,) as the candidates ``chosen`` (m,) are."""
        for j, name in enumerate(self.names):
            new = merged[name].take(chosen)
            here = np.flatnonzero(self.holes[taken, j] & ~new.missing)
            self.best[name] = _with(self.best[name], taken[here], new.take(here))

    def _give_back(self, rows: np.ndarray) -> None:
        """Open the holes of some rows (m,) again."""
        for j, name in enumerate(self.names):
            where = rows[self.holes[rows, j]]
            self.best[name] = _with(self.best[name], where, self.rows.cells(name).take(where))

    def _open(self, columns: Sequence[Column], which: np.ndarray) -> np.ndarray:
        """Which cells (m, k) of some rows and columns were null."""
        return self.holes[which][:, self._positions(columns)]

    def _positions(self, columns: Sequence[Column]) -> list[int]:
        return [self.names.index(column.name) for column in columns]


def _of(rule: Rule, cells: dict[str, Cells]) -> list[Cells]:
    return [cells[column.name] for column in rule.columns]


def _sum(columns: list[Column] | tuple[Column, ...], cells: dict[str, Cells], where: np.ndarray) -> np.ndarray:
    """What some columns add up to in the rows ``where`` (m,)."""
    return np.asarray(
        sum((cells[column.name].values[where] for column in columns), np.zeros(len(where), dtype=np.uint8))
    )


def _settled(numbers: np.ndarray, column: Column) -> Cells:
    """Numbers (m,) as a column's storage holds them."""
    stored = from_cells(Cells(numbers, np.zeros(len(numbers), dtype=bool)), column)
    return to_cells(stored, column)


def _with(cells: Cells, where: np.ndarray, others: Cells) -> Cells:
    """Cells (n,) of which those at ``where`` (m,) are others."""
    if not len(where):
        return cells
    values, missing = cells.values.astype(_common(cells, others)), cells.missing.copy()
    values[where], missing[where] = others.values, others.missing
    return Cells(values, missing)


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


def _refuse_other_zone(series: pd.Series, column: Column) -> None:
    """Refuse dates of which it cannot be said what moments they are beside those of the model.

    Raises:
        SchemaError: only one of the two has a time zone.
    """
    if column.kind != "datetime" or not pd.api.types.is_datetime64_any_dtype(series.dtype) or series.isna().all():
        return
    zoned = series.dt.tz is not None
    if zoned != bool(column.timezone):
        here, there = ("a", "none") if zoned else ("no", "one")
        how = f"dt.tz_localize({'None' if zoned else 'ZONE'})"
        raise SchemaError(
            f"Column {column.name!r} has {here} time zone in the table, and {there} in the model, so its nulls cannot "
            "be filled.",
            f"Bring it into the model's form first: frame[{column.name!r}] = frame[{column.name!r}].{how}.",
        )
