"""Rows in which every group has the same rates of the outcome, drawn from any model, and what that costs in likeness.

What the model learnt of groups and outcome is changed on purpose: of as few rows as possible the outcome is drawn
again, under the group and the outcome that are wanted, so that everything else in such a row is what the model knows of
people like that. Demographic parity of the rows (Dwork et al. 2012, section 3) says nothing of errors that a model
trained on them makes, nor whether the difference between groups was just.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from synthdata.errors import InfeasibleError, ModelError, SchemaError, did_you_mean
from synthdata.models.base import Synthesizer
from synthdata.progress import Progress, silent
from synthdata.random import SeedTree
from synthdata.table.constraints import parse_rules
from synthdata.table.rule_kinds import Unique
from synthdata.table.schema import Column, Schema
from synthdata.table.storage import to_cells

#: rows that a group needs among those drawn for its rates to be set
FEWEST = 20


@dataclass(frozen=True)
class Group:
    """A group's size among the rows, and its rate of every outcome as the model has it and as it now is."""

    values: tuple[Any, ...]
    rows: int
    before: dict[Any, float]
    after: dict[Any, float]
    note: str = ""


@dataclass(frozen=True)
class Parity:
    """The rows (n, d), the groups, and how many rows had their outcome changed for it."""

    rows: pd.DataFrame
    protected: tuple[str, ...]
    target: str
    groups: tuple[Group, ...]
    changed: int

    @property
    def cost(self) -> float:
        """The share of rows that are another draw than the model's: the distance from what it learnt."""
        return self.changed / max(1, len(self.rows))

    def to_json(self) -> dict[str, Any]:
        """What was done, as plain data; the figures are of synthetic rows only."""
        return {
            "version": 1,
            "protected": list(self.protected),
            "target": self.target,
            "rows": len(self.rows),
            "changed": self.changed,
            "cost": self.cost,
            "gap": {"before": self.widest_gap(after=False), "after": self.widest_gap(after=True)},
            "groups": [
                {
                    "values": list(group.values),
                    "rows": group.rows,
                    "rates": [
                        {"outcome": outcome, "before": rate, "after": group.after[outcome]}
                        for outcome, rate in group.before.items()
                    ],
                    "note": group.note,
                }
                for group in self.groups
            ],
        }

    def widest_gap(self, *, after: bool) -> float:
        """The largest difference in the rate of one outcome between two groups of at least `FEWEST` rows."""
        rates = [group.after if after else group.before for group in self.groups if group.rows >= FEWEST]
        outcomes = {outcome for each in rates for outcome in each}
        return max(
            (max(r.get(o, 0.0) for r in rates) - min(r.get(o, 0.0) for r in rates) for o in outcomes), default=0.0
        )


def sample_with_parity(
    model: Synthesizer,
    n: int,
    protected: Sequence[str],
    *,
    target: str | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
) -> Parity:
    """Draw ``n`` rows in which the groups of the ``protected`` columns have the outcome at the same rates.

    The rates are those of all rows together as the model has them, so that groups move towards each other and the whole
    stays. Groups are the values of one column, or the combinations of several; nulls are a value, and rows whose
    outcome is null are left as they are. No real row is looked at.

    Raises:
        SchemaError: a column does not exist, or is none of categories or truth values.
        ModelError: the schema asks for unique rows, which draws that are put together cannot promise.
    """
    schema = model.chosen.schema_
    names = tuple(dict.fromkeys(protected))
    answer = _columns(schema, names, target or schema.target)
    if any(isinstance(rule, Unique) for rule in parse_rules(schema)):
        raise ModelError(
            "Rows that must differ from each other (a rule of the type 'unique') cannot be drawn group by group.",
            "Leave the rule out, or draw without parity.",
        )
    progress, seeds = progress or silent(), SeedTree(seed).child("parity")
    drawn = model.sample(n, seed=seeds.integer("rows"), progress=progress)
    labels = _plain(drawn, answer)
    known = np.array([label is not None for label in labels], dtype=bool)
    outcomes, counts = np.unique(labels[known].astype(str), return_counts=True)
    first = {str(label): label for label in labels[known]}
    wanted = counts / max(1, counts.sum())
    members = _groups(drawn, [schema[name] for name in names])
    parts, kept, groups, changed = [drawn], np.ones(n, dtype=bool), [], 0
    generator = seeds.generator("which")
    for values, inside in members.items():
        at = np.flatnonzero(inside & known)
        text = labels[at].astype(str)
        have = np.array([(text == outcome).sum() for outcome in outcomes])
        want = _shared_out(wanted, len(at)) if len(at) >= FEWEST else have
        note = "" if len(at) >= FEWEST else f"fewer than {FEWEST} rows, left as they are"
        new: list[pd.DataFrame] = []
        try:
            for outcome, short in zip(outcomes, want - have, strict=True):
                if short > 0:
                    given = dict(zip(names, values, strict=True)) | {answer.name: first[outcome]}
                    new.append(model.sample(int(short), given=given, seed=seeds.integer(f"{values} {outcome}")))
        except InfeasibleError:
            new, want, note = [], have, "the model never draws the outcome that is wanting here, so it is left as it is"
        for outcome, over in zip(outcomes, have - want, strict=True):
            if over > 0:
                kept[generator.permutation(at[text == outcome])[:over]] = False
        parts += new
        changed += sum(len(part) for part in new)
        before, after = (
            dict(zip(map(first.get, outcomes), each / max(1, len(at)), strict=True)) for each in (have, want)
        )
        groups.append(Group(values, int(inside.sum()), before, after, note))
    rows = _together(model, [drawn[kept], *parts[1:]], seeds)
    return Parity(rows, names, answer.name, tuple(groups), changed)


def _columns(schema: Schema, protected: Sequence[str], target: str | None) -> Column:
    """The target's column, all being found fit.

    Raises:
        SchemaError: one is missing, or not of categories.
    """
    if not protected:
        raise SchemaError("Parity needs at least one column whose groups are to be alike.", "Such as --parity sex.")
    if target is None:
        raise SchemaError("Parity needs to know the outcome.", "Name its column with --target.")
    if target in protected:
        raise SchemaError(f"The outcome {target!r} cannot be a protected column as well.", "Name another column.")
    for name in (*protected, target):
        if name not in schema:
            raise SchemaError(f"There is no column {name!r}.", did_you_mean(name, schema.names))
        if schema[name].kind not in ("categorical", "boolean") or schema[name].generated or schema[name].drop:
            raise SchemaError(
                f"Column {name!r} is {schema[name].kind}, and parity is between categories.",
                "Bring the numbers into bands before fitting.",
            )
    return schema[target]


def _plain(frame: pd.DataFrame, column: Column) -> np.ndarray:
    """A column's cells (n,) as plain values, None for nulls."""
    cells = to_cells(frame[column.name], column)
    values = np.asarray(cells.values, dtype=object).copy()
    values[cells.missing] = None
    return values


def _groups(frame: pd.DataFrame, columns: Sequence[Column]) -> dict[tuple[Any, ...], np.ndarray]:
    """The rows (n,) of every combination of values that occurs, the values in a fixed order."""
    cells = [_plain(frame, column) for column in columns]
    levels = [sorted(set(each), key=lambda value: (value is None, str(value))) for each in cells]
    found = {}
    for values in product(*levels):
        inside = np.logical_and.reduce(
            [np.array([cell == value for cell in each], dtype=bool) for each, value in zip(cells, values, strict=True)]
        )
        if inside.any():
            found[values] = inside
    return found


def _shared_out(shares: np.ndarray, rows: int) -> np.ndarray:
    """Whole numbers near ``shares`` (k,) of ``rows`` that add up to it, by largest remainders.

    >>> _shared_out(np.array([0.5, 0.3, 0.2]), 7).tolist()
    [4, 2, 1]
    """
    exact = shares * rows
    whole = np.floor(exact).astype(int)
    left = rows - int(whole.sum())
    whole[np.argsort(-(exact - whole), kind="stable")[:left]] += 1
    return whole


def _together(model: Synthesizer, parts: Sequence[pd.DataFrame], seeds: SeedTree) -> pd.DataFrame:
    """The parts as one frame in random order, with keys made up anew, so that none occurs twice."""
    encoder = model.chosen.encoder_
    modelled = [column.name for column in model.chosen.schema_.modelled]
    rows = pd.concat([part[modelled] for part in parts if len(part)], ignore_index=True)
    dtypes = parts[0].dtypes[modelled]
    rows = rows.astype({name: dtype for name, dtype in dtypes.items() if rows[name].dtype != dtype})
    order = seeds.generator("order").permutation(len(rows))
    return encoder.add_generated(rows.iloc[order].reset_index(drop=True), seeds.generator("keys"))
