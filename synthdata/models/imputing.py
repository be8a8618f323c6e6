"""Filling nulls so that the schema's rules hold: what a rule determines is worked out, the rest drawn until it fits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from synthdata.encoders.base import UNSEEN, Encoded
from synthdata.encoders.rule_lookups import Joint
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.table.constraints import parse_rules, violations
from synthdata.table.rule_kinds import Rule, Total, Unique
from synthdata.table.schema import Column, Schema
from synthdata.table.storage import Cells, from_cells, to_cells
from synthdata.table.table import Table

#: how many candidates a row gets in each round until one keeps the rules
CANDIDATES = (1, 4, 16, 64)
#: at most so many candidates are drawn at a time
BATCH = 100_000

Fill = Callable[[Encoded], Encoded]


def fill_nulls(frame: pd.DataFrame, rows: Table, schema: Schema, encoder: TableEncoder, fill: Fill) -> pd.DataFrame:
    """A frame (n, d) with every null of a modelled column filled where the rules allow it.

    ``rows`` are its modelled columns, ``fill`` draws the `UNSEEN` cells of encoded rows. A null stays where the model
    has never seen a value, and where no candidate kept a rule; `attrs["rows_left"]` counts the rows of the latter.
    """
    names = [column.name for column in schema.modelled]
    holes = np.column_stack([rows.cells(name).missing for name in names] or [np.zeros((len(rows), 0), dtype=bool)])
    if not holes.any():
        return frame
    encoded = encoder.encode(rows, None)
    unknown = encoder.unknown(rows)
    codes, values = encoded.codes.copy(), encoded.values.copy()
    codes[unknown], values[unknown] = UNSEEN, np.nan
    encoded = Encoded(encoded.slots, codes, values)
    rules = parse_rules(schema)
    judge = _Judge(rows, holes, names, schema, encoder, rules)
    best = rows.frame.copy()
    left = np.flatnonzero(holes.any(axis=1))
    for times in CANDIDATES if rules else CANDIDATES[:1]:
        if times > 1:
            left_now = left[: max(1, BATCH // times)]
            left = np.concatenate([judge.round(best, left_now, times, encoded, fill), left[len(left_now) :]])
        else:
            left = judge.round(best, left, times, encoded, fill)
        if not len(left):
            break
    for j, name in enumerate(names):
        where = np.flatnonzero(holes[:, j] & best[name].notna().to_numpy())
        if len(where):
            frame[name] = _with(frame[name], where, best[name].iloc[where])
    if len(left):
        frame.attrs["rows_left"] = len(left)
    return frame


class _Judge:
    """Draws candidates for rows with holes, and takes those that keep every rule."""

    def __init__(
        self,
        rows: Table,
        holes: np.ndarray,
        names: list[str],
        schema: Schema,
        encoder: TableEncoder,
        rules: tuple[Rule, ...],
    ) -> None:
        self.rows, self.holes, self.names = rows, holes, names
        self.schema, self.encoder, self.rules = schema, encoder, rules
        self.joints = [part for part in encoder.layout.parts if isinstance(part, Joint)]
        # What the table itself breaks is not for us to mend.
        self.before = [violations(rows.frame, rule) for rule in rules]

    def round(self, best: pd.DataFrame, left: np.ndarray, times: int, encoded: Encoded, fill: Fill) -> np.ndarray:
        """Give each row ``left`` (m,) a number of candidates; good ones go into ``best``. The rows still left."""
        which = np.repeat(left, times)
        drawn, good = self.encoder.decode_sound(fill(encoded.take(which)))
        given = best.iloc[which].reset_index(drop=True)
        for part in self.joints:
            good &= self._agrees(part, drawn, which)
        merged = given
        for j, name in enumerate(self.names):
            where = np.flatnonzero(self.holes[which, j] & drawn[name].notna().to_numpy())
            if len(where):
                merged[name] = _with(merged[name], where, drawn[name].iloc[where])
        self._solve_totals(merged, which)
        for rule, before in zip(self.rules, self.before, strict=True):
            if isinstance(rule, Unique):
                continue
            good &= ~violations(merged, rule) | before[which]
        for _, kept in self.encoder.known_combinations(merged):
            good &= kept
        taken, first = np.unique(which[good], return_index=True)
        self._take(best, taken, merged.iloc[np.flatnonzero(good)[first]])
        again = self._repeated(best, taken)
        for j, name in enumerate(self.names):
            where = again[self.holes[again, j]]
            if len(where):
                best[name] = _with(best[name], where, self.rows.frame[name].iloc[where])
        return np.union1d(np.setdiff1d(left, taken), again)

    def _repeated(self, best: pd.DataFrame, taken: np.ndarray) -> np.ndarray:
        """Which of the rows just ``taken`` (m,) repeat another, where none may."""
        wrong = np.zeros(len(best), dtype=bool)
        for rule in self.rules:
            if isinstance(rule, Unique):
                positions = [self.names.index(column.name) for column in rule.columns]
                filled = taken[self.holes[taken][:, positions].any(axis=1)]
                order = np.concatenate([np.setdiff1d(np.arange(len(best)), filled), filled])
                wrong[filled] |= violations(best.iloc[order], rule)[len(best) - len(filled) :]
        return np.intersect1d(taken, np.flatnonzero(wrong))

    def _agrees(self, part: Joint, drawn: pd.DataFrame, which: np.ndarray) -> np.ndarray:
        """Which candidates (m,) have in the columns of a combination what the row has there, if it has anything."""
        good = np.ones(len(which), dtype=bool)
        for name in part.replaced:
            mine, theirs = self.rows.cells(name).take(which), to_cells(drawn[name], self.schema[name])
            good &= mine.missing | (~theirs.missing & np.asarray(mine.values == theirs.values, dtype=bool))
        return good

    def _solve_totals(self, merged: pd.DataFrame, which: np.ndarray) -> None:
        """Where a total was given, the last of its parts that was not is what the others leave."""
        for rule in self.rules:
            if not isinstance(rule, Total):
                continue
            last = np.full(len(which), -1)
            for k, part in enumerate(rule.parts):
                last[self.holes[which, self.names.index(part.name)]] = k
            last[self.holes[which, self.names.index(rule.total.name)]] = -1
            cells = [to_cells(merged[column.name], column) for column in rule.columns]
            whole = ~np.logical_or.reduce([found.missing for found in cells])
            for k, part in enumerate(rule.parts):
                where = np.flatnonzero((last == k) & whole)
                if len(where):
                    rest = cells[-1].values[where] - sum(
                        found.values[where] for i, found in enumerate(cells[:-1]) if i != k
                    )
                    solved = from_cells(Cells(np.asarray(rest), np.zeros(len(where), dtype=bool)), _open(part))
                    merged[part.name] = _with(merged[part.name], where, solved)

    def _take(self, best: pd.DataFrame, taken: np.ndarray, rows: pd.DataFrame) -> None:
        for j, name in enumerate(self.names):
            where = self.holes[taken, j] & rows[name].notna().to_numpy()
            if where.any():
                best[name] = _with(best[name], taken[where], rows[name][where])


def _open(column: Column) -> Column:
    return column.model_copy(update={"nullable": True})


def _with(series: pd.Series, where: np.ndarray, cells: pd.Series) -> pd.Series:
    """A column with some cells, by position, replaced; its dtype and index stay."""
    out = series.copy()
    same = cells.astype(series.dtype)
    out.iloc[where] = same.to_numpy() if series.dtype == object else same.array
    return out
