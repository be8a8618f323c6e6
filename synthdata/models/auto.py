"""The model that chooses: a family by the table's size and types, the time, the device and what is installed.

The rules are few and stand in `choose`, with the measurements behind them. What was chosen, and why, is the first of
the model's notes, which the report shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from synthdata.encoders.base import AllowedCells, Encoded, State
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.errors import ModelError, PrivacyError
from synthdata.models.abilities import DensityMixin, ImputationMixin
from synthdata.models.base import Synthesizer
from synthdata.models.registry import make_model
from synthdata.privacy.ledger import Ledger, Privacy
from synthdata.privacy.private_table import Guarded
from synthdata.progress import Progress
from synthdata.table.schema import Schema
from synthdata.table.table import Table

#: fewer rows than this are too few for networks, of which each sees only what is not held out
FEW_ROWS = 1_000
#: where they are fewer than so many for each number of many values, and most columns are such, `boosted` leans towards
#: them: on 569 rows of 30 numbers the verdict was "leak found" for 4 of 10 fits, and for none of 12 of `gmm`, whose
#: error of pairs was less than half. From 24 rows for each number on it was found for no fit of `boosted`, the more
#: faithful then (small tables in tests/benchmarks/RESULTS_QUALITY.md).
ROWS_PER_NUMBER = 20
#: with still fewer, `gmm` is left with one group, in which categories know nothing of numbers (a classifier learnt
#: nothing from 180 or 330 of those rows, nor from `boosted`'s 180); of `copula`'s it learnt all, and no leak was found
ROWS_PER_GROUPED_NUMBER = 10
#: how many seconds of two CPU cores a choice may take where no budget was given
PATIENCE = 900.0
#: which share of its full time `autoregressive` needs to be better than `boosted`
LEAST_SHARE = 0.25
#: networks go through very large tables less often: this many rows in all
MOST_VISITS = 4_000_000
EPOCHS = 40
#: from so many rows on tests of nearness see a small lean towards them, and there is enough to learn from: training
#: goes through the rows less often, and what it gains on those seen alone counts against it. On smaller tables (11,000
#: and 17,000 rows) half of that cost a classifier .002 to .006 of its AUC, and a lean was found no more seldom.
MANY_ROWS, EPOCHS_OF_MANY, LEAN_OF_MANY = 20_000, 30, 0.5
#: in a mixed table with so many numbers of many values, and many rows, a classifier learns more from what `diffusion`
#: draws, whose numbers are bins before they are numbers: on Default (12 of 24 columns) an AUC of .761 instead of .751,
#: for a detection score of .71 instead of .78 (tests/benchmarks/RESULTS_QUALITY.md)
MANY_NUMBERS, EPOCHS_OF_NUMBERS = 10, 24
#: units of each layer where most columns are continuous, and how many times as long training takes with them: on Magic
#: rows are told from real ones less than with 128 (a detection score of 1.00 instead of .97), and teach a little more;
#: attacks on what was drawn found the same with both (tests/benchmarks/RESULTS_QUALITY.md)
WIDTH_OF_CONTINUOUS, LONGER_FOR_IT = 192, 1.5
#: how many times as long as `autoregressive` it may take at most
SLOWER = 2.0
#: on fewer rows than this that lean counts, too, with all epochs: on 2,000 rows of Adult a leak was found for two of
#: three fits without it, and for none of two with it, at the same use to a classifier
RATHER_FEW_ROWS, LEAN_OF_RATHER_FEW = 10_000, 0.5


@dataclass(frozen=True)
class Facts:
    """What a choice depends on: the modelled columns, and how many of them are numbers of many values.

    ``levels`` counts the values of all the others; ``target`` says whether there is a column that others are to tell.
    """

    rows: int
    columns: int
    numbers: int
    levels: int = 0
    target: bool = False
    time_budget: float | None = None
    device: str = "auto"
    torch: bool = True
    gpu: bool = False

    @property
    def continuous(self) -> bool:
        """Whether most columns are numbers of many values."""
        return self.numbers > self.columns / 2


@dataclass(frozen=True)
class Choice:
    """A family, the parameters by which it differs from its defaults, and why it was chosen."""

    family: str
    why: str
    parameters: dict[str, Any] = field(default_factory=dict)


#: The families to choose from under a privacy budget, the one to prefer first, each with the tables that it suits. The
#: facts then hold what the schema says alone: of rows nothing is known. On Adult at an epsilon of 1 a classifier learns
#: more from `aim` (an AUC of .90) than from `mst` (.83 to .89), but its time grows fast with the columns.
PRIVATE: dict[str, Callable[[Facts], bool]] = {
    "aim": lambda facts: facts.columns <= 40,
    "mst": lambda facts: True,
}


def facts_of(table: Table, time_budget: float | None = None, device: str = "auto") -> Facts:
    """What `choose` wants to know of a table (n, d)."""
    modelled = table.schema.modelled
    distinct = [table.frame[column.name].nunique() for column in modelled]
    # On few rows a number has no more than so many values.
    most = min(256, len(table) // 4)
    many = [column.continuous and count > most for column, count in zip(modelled, distinct, strict=True)]
    # A value that fewer than five rows share is not a level of its own.
    levels = sum(min(count, len(table) // 5) for count, number in zip(distinct, many, strict=True) if not number)
    torch = find_spec("torch") is not None
    gpu = False
    if torch and device != "cpu":
        from synthdata.training.device import choose_device

        gpu = choose_device(device).type == "cuda"
    target = table.schema.target is not None
    return Facts(len(table), len(modelled), sum(many), levels, target, time_budget, device, torch, gpu)


def seconds(facts: Facts) -> float:
    """Roughly how long `autoregressive` trains on two CPU cores; on a GPU it is taken to be ten times as fast.

    Each row costs every column a network of its own, which reads at most 48 of the other columns, and weighs up all
    its levels.

    >>> 20 < seconds(Facts(rows=30_000, columns=15, numbers=3)) < 60
    True
    """
    visits = facts.rows * _epochs(facts.rows, EPOCHS if facts.rows < MANY_ROWS else EPOCHS_OF_MANY)
    a_row = facts.columns * (1.2e-6 + 3.6e-8 * min(facts.columns, 48)) + 1e-8 * facts.levels
    if facts.continuous:
        a_row *= LONGER_FOR_IT
    return visits * a_row / (10 if facts.gpu else 1)


def choose(facts: Facts, *, private: bool = False) -> Choice:
    """The family for a table, by the first rule that fits; with ``private`` one that keeps a privacy budget.

    Raises:
        PrivacyError: no family keeps a privacy budget for such a table.

    >>> choose(Facts(rows=300, columns=4, numbers=1)).family
    'boosted'
    """
    if private:
        for family, suits in PRIVATE.items():
            if suits(facts):
                return Choice(family, f"it keeps the privacy budget, and suits a table of {facts.columns} columns")
        raise PrivacyError(
            "No model of this version keeps a privacy budget for this table.", "Leave the privacy budget away."
        )
    if facts.rows < min(FEW_ROWS, ROWS_PER_NUMBER * facts.numbers) and facts.continuous:
        return Choice(
            "gmm" if facts.rows >= ROWS_PER_GROUPED_NUMBER * facts.numbers else "copula",
            f"{facts.rows:,} rows are few for {facts.numbers} numbers: `boosted` would lean towards single rows, and "
            "joint normal laws keep the numbers' relations with less of that",
        )
    if not facts.torch:
        return Choice("boosted", "the networks of `autoregressive` need the extra `neural`, which is not installed")
    if facts.rows < FEW_ROWS:
        return Choice("boosted", f"{facts.rows:,} rows are few for networks")
    full = seconds(facts)
    if facts.time_budget is None and full > PATIENCE:
        return Choice("boosted", f"networks would take about {full / 60:,.0f} minutes here; a time budget forces them")
    if facts.time_budget is not None and facts.time_budget < LEAST_SHARE * full:
        return Choice(
            "boosted", f"within {facts.time_budget:g} seconds networks would not get far: they need about {full:,.0f}"
        )
    parameters: dict[str, Any] = {"time_budget": facts.time_budget, "device": facts.device}
    unhurried = facts.time_budget is None or facts.time_budget > SLOWER * full
    if (
        facts.target
        and facts.rows >= MANY_ROWS
        and facts.numbers >= MANY_NUMBERS
        and not facts.continuous
        and unhurried
    ):
        return Choice(
            "diffusion",
            f"of a mixed table with {facts.numbers} numbers of many values its rows teach the most about a target",
            parameters | {"epochs": _epochs(facts.rows, EPOCHS_OF_NUMBERS)},
        )
    if facts.rows >= MANY_ROWS:
        parameters |= {"epochs": _epochs(facts.rows, EPOCHS_OF_MANY), "lean": LEAN_OF_MANY}
    elif facts.rows < RATHER_FEW_ROWS:
        parameters |= {"lean": LEAN_OF_RATHER_FEW}
    if facts.continuous:
        # Drawn last, a target is soon learnt by heart. On Magic its coming first makes
        # densities better by .2 nats a row, and rows no worse; elsewhere nothing was gained
        # (tests/benchmarks/RESULTS_QUALITY.md).
        parameters |= {"target_first": True, "width": WIDTH_OF_CONTINUOUS}
    what = "mostly continuous" if facts.continuous else "of mixed types"
    return Choice(
        "autoregressive", f"it is the most faithful on tables of this size, {what}, and the time is there", parameters
    )


def _epochs(rows: int, usual: int) -> int:
    """How often networks go through so many rows at most: less often than usual through very many."""
    return max(1, min(usual, MOST_VISITS // max(rows, 1)))


class Auto(DensityMixin, ImputationMixin):
    """Chooses a family for the table, fits it, and is from then on that model.

    Args:
        time_budget: seconds that fitting may take; a short one rules networks out.
        device: ``auto``, ``cpu`` or ``cuda``, for families of networks.
        rare_threshold: in how many rows a value must occur to be stored.
    """

    name: ClassVar[str] = "auto"
    summary: ClassVar[str] = "chooses a family by the table's size and types, the time and what is installed"

    resumable: ClassVar[bool] = True

    #: what was chosen, and why
    choice_: Choice
    #: the fitted model of the chosen family
    model_: Synthesizer

    def __init__(self, time_budget: float | None = None, device: str = "auto", rare_threshold: int = 5) -> None:
        self.time_budget = time_budget
        self.device = device
        self.rare_threshold = rare_threshold

    def fit(
        self,
        table: Table | pd.DataFrame,
        *,
        schema: Schema | Mapping[str, Any] | None = None,
        privacy: Ledger | Privacy | float | None = None,
        seed: int | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Choose a family for a table (n, d), let it learn, and return self.

        Raises:
            TableError, SchemaError: the table cannot be used; the message says why.
            PrivacyError: no family can keep the privacy asked for, or the budget does not suffice.
        """
        if privacy is not None:
            return super().fit(table, schema=schema, privacy=privacy, seed=seed, progress=progress)
        self.ledger_ = None
        table = Table.of(table, schema)
        self._take(choose(facts_of(table, self.time_budget, self.device)))
        self.model_.unfinished = self.unfinished
        self.model_.fit(table, seed=seed, progress=progress)
        self._become()
        return self

    def _fit_privately(
        self, rows: Guarded[Table], schema: Schema, generator: np.random.Generator, progress: Progress
    ) -> None:
        # A look at the rows would have to be paid for, so that the choice is made by the schema alone.
        facts = Facts(rows=0, columns=len(schema.modelled), numbers=0, time_budget=self.time_budget)
        self._take(choose(facts, private=True))
        self.model_._fit_privately(rows, schema, generator, progress)
        self._become()

    def _become(self) -> None:
        self.schema_, self.rows_, self.encoder_ = self.model_.schema_, self.model_.rows_, self.model_.encoder_

    def _take(self, choice: Choice) -> None:
        self.choice_ = choice
        self.model_ = make_model(choice.family, rare_threshold=self.rare_threshold, **choice.parameters)

    @property
    def notes(self) -> list[str]:
        """What was chosen and why, and what was done to the table in learning it."""
        self._require_fitted()
        return [f"The model {self.choice_.family!r} was chosen: {self.choice_.why}.", *self.model_.notes]

    @property
    def chosen(self) -> Synthesizer:
        """The fitted model of the chosen family, whose abilities are those that there are."""
        return self.model_

    # From here on every call is the chosen model's.

    def make_encoder(self) -> TableEncoder:
        """The encoder of the chosen family."""
        return self.model_.make_encoder()

    def _fit(self, encoded: Encoded, generator: np.random.Generator, progress: Progress) -> None:
        self.model_._fit(encoded, generator, progress)

    def _sample(self, n: int, generator: np.random.Generator) -> Encoded:
        return self.model_._sample(n, generator)

    def _sample_given(
        self, n: int, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
    ) -> Encoded | None:
        return self.model_._sample_given(n, allowed, generator)

    def _log_prob(self, encoded: Encoded) -> np.ndarray:
        if not isinstance(self.model_, DensityMixin):
            raise ModelError(f"The model {self.model_.name!r}, which was chosen for this table, has no densities.")
        return self.model_._log_prob(encoded)

    def _fill(self, encoded: Encoded, generator: np.random.Generator) -> Encoded:
        if not isinstance(self.model_, ImputationMixin):
            raise ModelError(f"The model {self.model_.name!r}, which was chosen for this table, fills no nulls.")
        return self.model_._fill(encoded, generator)

    def _state(self) -> State:
        merged = State.merge(model=self.model_._state())
        choice = {"family": self.choice_.family, "why": self.choice_.why, "parameters": self.choice_.parameters}
        return State({**merged.config, "choice": choice}, merged.arrays)

    def _restore(self, state: State) -> None:
        choice = Choice(**state.config["choice"])
        # A network that was trained on a GPU is used on one where there is one.
        device = {"device": "auto"} if choice.parameters.get("device") == "cuda" else {}
        self._take(replace(choice, parameters={**choice.parameters, **device}))
        self.model_.schema_, self.model_.rows_, self.model_.encoder_ = self.schema_, self.rows_, self.encoder_
        self.model_._restore(state.nested("model"))
