"""Filling nulls so that the schema's rules hold: what a rule determines is worked out, the rest drawn until it fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from synthdata.encoders.base import UNSEEN, Encoded
from synthdata.encoders.rule_lookups import Follows, Joint
from synthdata.encoders.rule_steps import Gap
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.errors import SchemaError
from synthdata.models.known_combinations import complete_combinations
from synthdata.models.worked_out import Holes, learnt_parts, off_total, solve_total, step_down, tied, with_others
from synthdata.table.constraints import parse_rules, violations
from synthdata.table.filling import fill_stored
from synthdata.table.rule_kinds import Condition, Rule, Total, Unique
from synthdata.table.schema import Column, Schema
from synthdata.table.storage import Cells, to_cells
from synthdata.table.table import Table

#: how many candidates a row gets in each round until one keeps the rules
CANDIDATES = (1, 4, 16, 64)
#: rows of which a sum or an inequality tells something begin with so many, of which the nearest to it is taken
FEWEST_TIED = 16
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
    names = tuple(column.name for column in schema.modelled)
    missing = [rows.cells(name).missing for name in names]
    holes = Holes(names, np.column_stack(missing or [np.zeros((len(rows), 0), dtype=bool)]))
    if not holes.cells.any():
        return frame
    for name, empty in zip(names, missing, strict=True):
        if empty.any():
            _refuse_other_zone(rows.frame[name], schema[name])
    encoded = encoder.encode(rows, None)
    unknown = encoder.unknown(rows)
    codes, values = encoded.codes.copy(), encoded.values.copy()
    codes[unknown], values[unknown] = UNSEEN, np.nan
    judge = _Judge(rows, holes, schema, encoder, generator)
    left = judge.fill(Encoded(encoded.slots, codes, values), fill)
    for name, empty in zip(names, missing, strict=True):
        cells, column = judge.best[name], schema[name]
        where = np.flatnonzero(empty & ~cells.missing)
        if len(where):
            rounding = 0.0 if name in judge.ruled else FEWER_DIGITS
            frame[name] = fill_stored(frame[name], where, cells, column, judge.levels.get(name), rounding)
    if len(left):
        frame.attrs["rows_left"] = len(left)
    return frame


class _Judge:
    """Draws candidates for rows with holes, and takes those that keep every rule into ``best``."""

    def __init__(
        self,
        rows: Table,
        holes: Holes,
        schema: Schema,
        encoder: TableEncoder,
        generator: np.random.Generator,
    ) -> None:
        self.rows, self.holes, self.names, self.generator = rows, holes, holes.names, generator
        self.schema, self.encoder, self.rules = schema, encoder, parse_rules(schema)
        self.totals = [rule for rule in self.rules if isinstance(rule, Total)]
        parts = (*encoder.layout.parts, *encoder.layout.guards)
        self.gaps = [part for part in encoder.layout.parts if isinstance(part, Gap)]
        self.joints = [part for part in encoder.layout.parts if isinstance(part, Joint)]
        self.lookups = [part for part in parts if isinstance(part, Joint | Follows)]
        self.ruled = {column.name for rule in self.rules for column in rule.columns}
        self.before = [self._broken_before(rule) for rule in self.rules]
        self.best = {name: rows.cells(name) for name in self.names}
        #: the categories of columns that the model stores in a category dtype
        self.levels: dict[str, pd.Index] = {}

    def fill(self, encoded: Encoded, fill: Fill) -> np.ndarray:
        """Give rows candidates in several rounds; the rows (m,) that none of them suits."""
        left = np.flatnonzero(self.holes.cells.any(axis=1))
        rounds = CANDIDATES if self.rules else CANDIDATES[:1]
        later = left[tied(self.totals, self.gaps, self.holes, left)]
        left = np.setdiff1d(left, later)
        for times in rounds:
            if times >= FEWEST_TIED:
                left, later = np.union1d(left, later), later[:0]
            size = max(1, BATCH // times) if times > 1 else max(len(left), 1)
            parts = [left[first : first + size] for first in range(0, len(left), size)]
            # The last round is for rows that hardly anything suits: it ends somewhere.
            asked = parts if times < rounds[-1] else parts[:1]
            left = np.concatenate(
                [left[:0], *(self.round(part, times, encoded, fill) for part in asked), *parts[len(asked) :]]
            )
        return left if not len(left) else self._without_rules(left, encoded, fill)

    def _without_rules(self, left: np.ndarray, encoded: Encoded, fill: Fill) -> np.ndarray:
        """Fill of the rows ``left`` (m,) what no rule speaks of. The rows of which something is left."""
        drawn, _ = self._drawn(fill(encoded.take(left)))
        for j, name in enumerate(self.names):
            if name not in self.ruled:
                merged = self._merged(j, name, drawn[name], left)
                self.best[name] = with_others(self.best[name], left, merged)
        return left[self.holes.of([self.schema[name] for name in self.ruled], left).any(axis=1)]

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
        off = [off_total(total, merged, self.holes, which) for total in self.totals]
        for total in self.totals * len(self.totals):
            solve_total(total, merged, self.holes, which)
        for total in self.totals:
            good &= learnt_parts(total, merged, self.holes, which, self.encoder)
        within, moves = step_down(self.gaps, merged, drawn, self.holes, which, self.encoder)
        good &= within
        off += moves
        for rule, before in zip(self.rules, self.before, strict=True):
            if not isinstance(rule, Unique):
                good &= ~rule.broken(*_of(rule, merged)) | before[which]
        for lookup in self.lookups:
            good &= lookup.sound(merged) | ~self._touched([lookup], which)
        # Of several candidates the one that had to be changed least, each rule's changes seen beside the usual ones.
        change = (
            np.sum([each / (np.median(each[each > 0]) if each.any() else 1.0) for each in off], axis=0) if off else 0
        )
        order = np.flatnonzero(good)[np.argsort((change + np.zeros(len(which)))[good], kind="stable")]
        taken, first = np.unique(which[order], return_index=True)
        self._take(taken, merged, order[first])
        again = self._repeated(taken)
        self._give_back(again)
        return np.union1d(np.setdiff1d(left, taken), again)

    def _broken_before(self, rule: Rule) -> np.ndarray:
        """Which rows (n,) break a rule whatever is filled in: what the table itself breaks is not for us to mend."""
        broken = violations(self.rows, rule)
        if isinstance(rule, Condition) and rule.asks_for_nulls:
            broken &= ~self.holes.of(rule.columns, np.arange(len(self.rows))).any(axis=1)
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
        where = np.flatnonzero(self.holes.cells[which, position] & ~drawn.missing)
        return with_others(self.rows.cells(name).take(which), where, drawn.take(where))

    def _touched(self, parts: Sequence[Joint | Follows], which: np.ndarray) -> np.ndarray:
        """Which candidates (m,) have a hole in the columns of some parts; where none is, there is nothing to judge."""
        names = {name for part in parts for name in (*part.replaced, *part.needs)}
        return np.asarray(self.holes.of([self.schema[name] for name in names], which).any(axis=1))

    def _agrees(self, part: Joint, drawn: dict[str, Cells], which: np.ndarray) -> np.ndarray:
        """Which candidates (m,) have in the columns of a combination what the row has there, if it has anything."""
        good = np.ones(len(which), dtype=bool)
        for name in part.replaced:
            mine, theirs = self.rows.cells(name).take(which), drawn[name]
            good &= mine.missing | (~theirs.missing & np.asarray(mine.values == theirs.values, dtype=bool))
        return good

    def _repeated(self, taken: np.ndarray) -> np.ndarray:
        """Which of the rows just ``taken`` (m,) repeat another, where none may."""
        n = len(self.rows)
        wrong = np.zeros(n, dtype=bool)
        for rule in self.rules:
            if isinstance(rule, Unique):
                filled = taken[self.holes.of(rule.columns, taken).any(axis=1)]
                order = np.concatenate([np.setdiff1d(np.arange(n), filled), filled])
                cells = [found.take(order) for found in _of(rule, self.best)]
                wrong[filled] |= rule.broken(*cells)[n - len(filled) :]
        return np.intersect1d(taken, np.flatnonzero(wrong))

    def _take(self, taken: np.ndarray, merged: dict[str, Cells], chosen: np.ndarray) -> None:
        """Fill the rows ``taken`` (m,) as the candidates ``chosen`` (m,) are."""
        for j, name in enumerate(self.names):
            new = merged[name].take(chosen)
            here = np.flatnonzero(self.holes.cells[taken, j] & ~new.missing)
            self.best[name] = with_others(self.best[name], taken[here], new.take(here))

    def _give_back(self, rows: np.ndarray) -> None:
        """Open the holes of some rows (m,) again."""
        for j, name in enumerate(self.names):
            where = rows[self.holes.cells[rows, j]]
            self.best[name] = with_others(self.best[name], where, self.rows.cells(name).take(where))


def _of(rule: Rule, cells: dict[str, Cells]) -> list[Cells]:
    return [cells[column.name] for column in rule.columns]


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
