"""Drawing rows until enough of them meet conditions and keep rules, with patience that ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthdata.encoders.table_encoder import TableEncoder
from synthdata.errors import InfeasibleError, ModelError
from synthdata.models.conditioning import Conditions
from synthdata.progress import Progress
from synthdata.table.constraints import parse_rules, violations
from synthdata.table.declared import plain_bound
from synthdata.table.rule_kinds import Combination, Dependence, Range, Rule, Unique
from synthdata.table.schema import Schema

#: how many rows may be drawn: so many for each that is asked for, and so many besides
PATIENCE, GRACE = 200, 100_000
#: after so many rows without a single good one there is no hope
HOPELESS = 20_000
#: at least so many different rows before some of them are repeated
FEWEST = 20
#: at most so many rows are drawn at a time
BATCH = 200_000


@dataclass(frozen=True)
class Drawing:
    """How rows came about: ``drawn`` for ``rows``, which are worth ``effective_sample_size`` independent ones."""

    rows: int
    drawn: int
    effective_sample_size: int

    def as_attribute(self) -> dict[str, Any]:
        """The same as plain data, as a frame's ``attrs`` hold it."""
        return asdict(self)


class Keeper:
    """Says which rows of a decoded frame (n, d) meet the conditions and keep the rules of the schema."""

    def __init__(self, schema: Schema, conditions: Conditions, encoder: TableEncoder) -> None:
        rules = [*parse_rules(schema), *_bounds(encoder)]
        self.conditions, self.encoder = conditions, encoder
        _require_known(rules, encoder)
        self.rules = [rule for rule in rules if not isinstance(rule, Unique)]
        self.unique = [rule for rule in rules if isinstance(rule, Unique)]
        #: how many rows met the conditions so far, and how many broke each rule
        self.met = 0
        self.broke: dict[str, int] = {}

    def keep(self, frame: pd.DataFrame, before: list[pd.DataFrame]) -> pd.DataFrame:
        """The rows that can stand beside those kept ``before``."""
        frame = frame[self.conditions.matches(frame)]
        self.met += len(frame)
        broken = [(str(rule), violations(frame, rule)) for rule in self.rules]
        broken += [(str(rule), ~kept) for rule, kept in self.encoder.known_combinations(frame)]
        for words, wrong in broken:
            self.broke[words] = self.broke.get(words, 0) + int(wrong.sum())
        if broken:
            frame = frame[~np.logical_or.reduce([wrong for _, wrong in broken])]
        for rule in self.unique:
            names = [column.name for column in rule.columns]
            together = pd.concat([*(part[names] for part in before), frame[names]], ignore_index=True)
            repeated = violations(together, rule)[len(together) - len(frame) :]
            self.broke[str(rule)] = self.broke.get(str(rule), 0) + int(repeated.sum())
            frame = frame[~repeated]
        return frame

    def refusal(self, drawn: int, have: int) -> InfeasibleError:
        """That too few rows are good, and why."""
        words = self.conditions.describe()
        # Of few rows little can be told: both shares are estimated as if there had been one good and one bad row more.
        conditions_share, rules_share = (self.met + 1) / (drawn + 2), (have + 1) / (self.met + 2)
        if words and conditions_share <= rules_share:
            exact = any(condition.values and condition.column.continuous for condition in self.conditions.conditions)
            hint = "Loosen the conditions, or check that such rows exist in the real table."
            if exact:
                hint = "Ask for a range around a single number, or loosen the conditions."
            kept = f", and {have:,} of these keep the rules of the schema" if have < self.met else ""
            return InfeasibleError(f"Of {drawn:,} rows drawn, {self.met:,} met {words}{kept}.", hint)
        worst = max(self.broke, key=lambda rule: self.broke[rule]) if self.broke else ""
        rows = f"{self.met:,} rows drawn that met {words}" if words else f"{drawn:,} rows drawn"
        said = f" (most often broken: {worst})" if worst and self.broke[worst] else ""
        return InfeasibleError(
            f"Of {rows}, {have:,} keep the rules of the schema{said}.",
            "Ask for fewer rows, loosen the rule, or give columns that it speaks of a kind with fewer values.",
        )


def _require_known(rules: list[Rule], encoder: TableEncoder) -> None:
    """Refuse rules that go by what the training rows held where the model did not store that."""
    for rule in rules:
        listed = isinstance(rule, Combination) and rule.allowed is not None
        if isinstance(rule, Combination | Dependence) and not listed and not encoder.layout.knows(rule):
            raise ModelError(
                f"The rule {rule} goes by what the real table holds, and this model has not stored it.",
                'Write it as a rule of the type "combinations" that lists what is "allowed".',
            )


def _bounds(encoder: TableEncoder) -> list[Rule]:
    """The declared bounds of columns that are learnt in another form, which may lead beyond them."""
    rules: list[Rule] = []
    for column in encoder.schema.modelled:
        bounds = column.public.bounds if column.public else None
        if bounds is not None and column.continuous and encoder.learnt_otherwise(column.name):
            rules.append(Range(column, plain_bound(column, bounds[0]), plain_bound(column, bounds[1])))
    return rules


def draw(
    make: Callable[[int], pd.DataFrame], n: int, keeper: Keeper, generator: np.random.Generator, progress: Progress
) -> tuple[pd.DataFrame, Drawing]:
    """``n`` good rows out of those that ``make`` gives, and how they came about.

    Where patience ends before there are enough, rows drawn under conditions are repeated at random, and the effective
    sample size says so; rows drawn under rules alone are not.

    Raises:
        InfeasibleError: too few rows are good; the message says which condition or rule is in the way.
    """
    kept: list[pd.DataFrame] = []
    have = drawn = 0
    most = PATIENCE * n + GRACE
    while have < n or not kept:
        # The first round draws what is asked for; later ones as many as the acceptance so far suggests.
        want = n - have if not drawn else int(min((n - have) * drawn / max(have, 1) * 1.2 + 16, BATCH))
        want = min(want, max(most - drawn, 1), BATCH if have or not drawn else max(HOPELESS - drawn, 1))
        good = keeper.keep(make(want), kept)[: n - have]
        kept.append(good)
        have, drawn = have + len(good), drawn + want
        if n:
            progress.step(have / n, f"{have:,} of {n:,} rows, {drawn:,} drawn" if have < n else "")
        if have < n and (drawn >= most or (not have and drawn >= HOPELESS)):
            if have < min(FEWEST, n) or not keeper.conditions or keeper.unique:
                raise keeper.refusal(drawn, have)
            break
    frame = pd.concat(kept, ignore_index=True) if len(kept) > 1 else kept[0].reset_index(drop=True)
    if have < n:
        again = np.concatenate([np.arange(have), generator.integers(0, have, n - have)])
        frame = frame.iloc[again].reset_index(drop=True)
    return frame, Drawing(n, drawn, have)
