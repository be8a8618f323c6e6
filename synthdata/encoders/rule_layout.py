"""Which columns of a table are learnt in another form, so that the schema's rules hold in whatever is drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from synthdata.encoders.base import State
from synthdata.encoders.grid import Grid
from synthdata.encoders.rule_lookups import Follows, Joint, written_key, written_rows
from synthdata.encoders.rule_parts import Part, restore_part
from synthdata.encoders.rule_steps import FURTHEST, Gap, Remainder
from synthdata.table.constraints import check_rules, parse_rules
from synthdata.table.rule_kinds import Combination, Dependence, Inequality, Rule, Total
from synthdata.table.schema import Column, Schema
from synthdata.table.storage import Cells
from synthdata.table.table import Table


class RuleLayout:
    """The parts in which a table's columns are learnt; a column that no part takes the place of stays as it is.

    ``parts`` in an order in which each can be read back from those before it; ``guards`` only say which rows keep a
    rule whose columns are already taken.
    """

    def __init__(self, schema: Schema, parts: tuple[Part, ...] = (), guards: tuple[Joint | Follows, ...] = ()) -> None:
        self.schema, self.parts, self.guards = schema, parts, guards
        self._part_of = {name: part for part in parts for name in part.replaced}

    @classmethod
    def fit(cls, table: Table, rare_threshold: int) -> Self:
        """Choose a form for the columns that the rules of a table's schema speak of.

        Values and combinations that fewer than ``rare_threshold`` rows share are not stored.

        Raises:
            SchemaError: the table itself breaks a rule.
        """
        check_rules(table)
        rules = parse_rules(table.schema)
        found: dict[str, Part] = {}
        guards: list[Joint | Follows] = []
        for part in _candidates(rules, table, rare_threshold):
            if any(name in found for name in part.replaced) or _circular(part, found):
                if isinstance(part, Joint | Follows):
                    guards.append(part)
                continue
            found.update(dict.fromkeys(part.replaced, part))
        return cls(table.schema, _ordered(found), tuple(guards))

    def part_of(self, name: str) -> Part | None:
        """The part that takes a column's place, if one does."""
        return self._part_of.get(name)

    def knows(self, rule: Combination | Dependence) -> bool:
        """Whether it is stored what the table held of a rule's columns."""
        return any(str(part) == str(rule) for part in (*self.parts, *self.guards))

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns (d,) that are learnt, in the schema's order."""
        inner = {part.inner.name: part.inner for part in self.parts}
        return tuple(
            inner.get(column.name, column)
            for column in self.schema.modelled
            if column.name in inner or column.name not in self._part_of
        )

    def forward(self, table: Table) -> Table:
        """A table (n, d) of the columns that are learnt; one without parts is its own."""
        if not self.parts:
            return table
        outer = {name: table.cells(name) for part in self.parts for name in (*part.replaced, *part.needs)}
        made = {part.inner.name: part.forward(outer) for part in self.parts}
        plain = [column.name for column in self.columns if column.name not in made]
        return Table.of_cells(
            table.frame[plain], Schema(columns=self.columns), {**made, **{name: table.cells(name) for name in plain}}
        )

    def inverse(self, inner: Mapping[str, Cells]) -> tuple[dict[str, Cells], np.ndarray]:
        """The columns that parts took the place of, and which rows (n,) can be used."""
        n = len(next(iter(inner.values()))) if inner else 0
        outer = {name: cells for name, cells in inner.items() if name not in self._part_of}
        sound = np.ones(n, dtype=bool)
        for part in self.parts:
            made, good = part.inverse(inner[part.inner.name], outer)
            outer.update(made)
            sound &= good
        for guard in self.guards:
            sound &= guard.sound(outer)
        return {name: outer[name] for name in self._part_of}, sound

    @property
    def needed(self) -> tuple[str, ...]:
        """The learnt columns that `inverse` reads."""
        names = {part.inner.name for part in self.parts}
        names |= {name for part in (*self.parts, *self.guards) for name in (*part.needs, *part.replaced)}
        return tuple(column.name for column in self.columns if column.name in names)

    def unknown(self, missing: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """For each learnt column, in which rows (n,) it is not known, given where the table's columns are null."""
        inner = {part.inner.name: part.unknown(missing) for part in self.parts}
        return {column.name: inner.get(column.name, missing.get(column.name)) for column in self.columns}  # type: ignore[misc]

    @property
    def notes(self) -> dict[str, str]:
        """What became of each column that a part took the place of, in plain words."""
        said = {}
        for part in self.parts:
            for name in part.replaced:
                if isinstance(part, Gap):
                    said[name] = f"learnt as its distance from {_listed(part.needs)}, so that the rule holds"
                elif isinstance(part, Remainder):
                    said[name] = f"added up from {_listed(part.needs)}, so that the rule holds"
                elif isinstance(part, Follows):
                    said[name] = f"looked up from {_listed(part.needs)}, so that the rule holds"
                else:
                    others = [other for other in part.replaced if other != name]
                    said[name] = f"learnt together with {_listed(others)}, so that the rule holds"
        return said

    def state(self) -> State:
        """Settings and arrays of what was learnt."""
        groups = {"parts": self.parts, "guards": self.guards}
        made = {
            group: State.merge(**{str(j): part.state() for j, part in enumerate(members)})
            for group, members in groups.items()
        }
        return State.merge(**made)

    @classmethod
    def from_state(cls, schema: Schema, state: State) -> Self:
        """What `state` gave, as a layout again."""
        columns = {column.name: column for column in schema.modelled}
        made: dict[str, list[Any]] = {}
        for group in ("parts", "guards"):
            inside = state.nested(group)
            made[group] = [restore_part(inside.nested(str(j)), columns) for j in range(len(inside.config))]
        return cls(schema, tuple(made["parts"]), tuple(made["guards"]))


def _candidates(rules: tuple[Rule, ...], table: Table, least: int) -> list[Part]:
    """All parts that the rules suggest, those first that leave other rules the most room."""
    parts: list[Part] = [_joint(rule, table, least) for rule in rules if isinstance(rule, Combination)]
    parts += [_follows(rule, table, least) for rule in rules if isinstance(rule, Dependence)]
    for rule in rules:
        if isinstance(rule, Total):
            parts += _remainder(rule, table)
    highs = dict.fromkeys(rule.high.name for rule in rules if isinstance(rule, Inequality))
    for high in highs:
        parts += _gap([rule for rule in rules if isinstance(rule, Inequality) and rule.high.name == high], table, least)
    return parts


def _joint(rule: Combination, table: Table, least: int) -> Joint:
    columns = rule.columns
    words = Counter(written_rows([table.cells(column.name) for column in columns]).tolist())
    kept = {word for word, count in words.items() if count >= least}
    return Joint(columns, frozenset(kept | {written_key(row) for row in rule.allowed or ()}))


def _follows(rule: Dependence, table: Table, least: int) -> Follows:
    value, on = table.cells(rule.column.name), [table.cells(column.name) for column in rule.on]
    here = ~value.missing & ~np.logical_or.reduce([found.missing for found in on])
    keys = written_rows(on)[here]
    values = value.values[here].tolist()
    counts = Counter(keys.tolist())
    lookup = {key: found for key, found in zip(keys.tolist(), values, strict=True) if counts[key] >= least}
    return Follows(rule.column, rule.on, lookup)


def _remainder(rule: Total, table: Table) -> list[Part]:
    cells = [table.cells(column.name) for column in rule.columns]
    present = cells[-1].values[~cells[-1].missing]
    grid = Grid.of(rule.total, present)
    size = sum(np.abs(found.values[~found.missing].astype(np.float64)).max(initial=0.0) for found in cells)
    if grid.unsigned or size * 10.0 ** (rule.total.decimals or 0) >= FURTHEST:
        return []
    return [Remainder(rule.total, rule.parts, rule.tolerance, grid)]


def _gap(rules: list[Inequality], table: Table, least: int) -> list[Part]:
    high = rules[0].high
    cells = table.cells(high.name)
    grid = Grid.of(high, cells.values[~cells.missing])
    lows = {low.name: table.cells(low.name) for low in (rule.low for rule in rules)}
    for found in (cells, *lows.values()):
        if found.values.dtype == np.uint64:
            return []
        there = found.values[~found.missing].astype(np.float64)
        if grid.stepped and len(there) and np.ptp(there) * 10.0 ** (high.decimals or 0) >= FURTHEST:
            return []
    part = Gap(high, tuple(rule.low for rule in rules), tuple(rule.strict for rule in rules), grid)
    base, bound = part.base(lows)
    if bound.sum() < least:
        return []
    middle = np.sort(base[bound])[(bound.sum() - least) // 2 :][:least].astype(np.float64).mean()
    anchor = int(middle) if grid.stepped else float(middle)
    return [Gap(high, part.lows, part.strict, grid, anchor)]


def _circular(part: Part, found: Mapping[str, Part]) -> bool:
    """Whether a column of the part would have to be known before it can be read back."""
    waiting, seen = list(part.needs), set()
    while waiting:
        name = waiting.pop()
        if name in part.replaced:
            return True
        if name not in seen and name in found:
            waiting += found[name].needs
        seen.add(name)
    return False


def _ordered(found: Mapping[str, Part]) -> tuple[Part, ...]:
    """The parts, each after those that it needs."""
    done: list[Part] = []

    def add(part: Part) -> None:
        if part not in done:
            for name in part.needs:
                if name in found:
                    add(found[name])
            done.append(part)

    for part in found.values():
        add(part)
    return tuple(done)


def _listed(names: Any) -> str:
    return " and ".join(repr(name) for name in names)
