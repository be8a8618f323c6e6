"""Sequences by a hidden Markov model: whole ones are drawn, with keys, dates and lengths of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from synthdata.encoders.base import UNSEEN, Encoded, State
from synthdata.encoders.grid import Grid
from synthdata.encoders.numeric import NumericEncoder
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.errors import InfeasibleError, ModelError, SchemaError, did_you_mean
from synthdata.models.abilities import Kind
from synthdata.models.base import Synthesizer
from synthdata.models.conditioning import Conditions, parse_conditions
from synthdata.models.independent import Independent
from synthdata.models.markov.chain import Chain, draw_states, forward
from synthdata.models.markov.emission import Emission, from_parameters, parameters
from synthdata.models.markov.learning import LADDER, choose_states
from synthdata.models.markov.sequences import (
    Arranged,
    arrange,
    constant_columns,
    derived,
    fresh_keys,
    grid_of,
    roles,
)
from synthdata.progress import Progress, silent
from synthdata.random import SeedTree
from synthdata.table.constraints import parse_rules, violations
from synthdata.table.schema import Schema, parse_schema
from synthdata.table.storage import Cells, from_cells, restore
from synthdata.table.table import Table, check_names

#: how many sequences are drawn for one that is kept before a condition is called infeasible
PATIENCE = 1_000
#: how often the rows that break a rule are drawn again from the same state
REDRAWS = 50
#: the schema of the table of lengths
LENGTH = {"columns": [{"name": "length", "kind": "numerical"}]}


class HiddenMarkov(Synthesizer):
    """A chain of hidden states, each of which shows a row: categories by their shares, numbers from a normal.

    The schema names the *sequence key* and the *order*. Each sequence has a length and a first place in order of its
    own, then goes on in gaps that depend on the state. Columns that are the same throughout every sequence are shown
    once, by its first state. Fitted by expectation and maximisation (Baum et al. 1970; Rabiner 1989, section III.C).

    The number of states is the one with the least Bayesian information criterion among those at which each state is in
    at least ``rare_threshold`` sequences: a state of fewer would describe them. A number that is asked for is taken.

    ``sample(n)`` draws whole sequences until there are at least ``n`` rows, so it may give more; under conditions it
    keeps the sequences all of whose rows meet them. A sequence that would run past the last place in order seen is cut
    there. Keys are made up.

    Args:
        states: how many; None chooses the number with the least Bayesian information criterion.
        max_states: at most so many when it is chosen.
        iterations: at most so many rounds of expectation and maximisation.
        rare_threshold: in how many rows a value must occur to be stored.
    """

    name: ClassVar[str] = "hmm"
    summary: ClassVar[str] = "sequences with hidden states; needs a sequence key and an order in the schema"
    log_prob_kind: ClassVar[Kind] = "exact"
    not_private_because: ClassVar[str] = (
        "Whole sequences decide its states; with noise for all of one nothing would be left."
    )

    chain_: Chain
    emission_: Emission
    first_place_: Independent
    length_: Independent

    def __init__(
        self, states: int | None = None, max_states: int = 32, iterations: int = 60, rare_threshold: int = 5
    ) -> None:
        self.states = states
        self.max_states = max_states
        self.iterations = iterations
        self.rare_threshold = rare_threshold

    def make_encoder(self) -> TableEncoder:
        """Few exact values, since each is a number to be fitted for every state."""
        return TableEncoder(rare_threshold=self.rare_threshold, exact_values=32, atom_share=0.02)

    def fit(self, table: Table | pd.DataFrame, *, schema: Any = None, **options: Any) -> Self:
        """Learn from a table (n, d) of sequences and return self; see `Synthesizer.fit`.

        Raises:
            SchemaError: the schema names no sequence key or no order, or one of them is null somewhere.
            ModelError: there are too few sequences to learn from without giving them away.
        """
        for name in ("states", "max_states", "iterations"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ModelError(f"{name} must be 1 or more, found {getattr(self, name)}.")
        table = Table.of(table, schema)
        key, order = roles(table.schema)
        grid = grid_of(table, order)
        arranged = arrange(table, key, order, grid)
        if len(arranged.starts) < self.rare_threshold:
            raise ModelError(
                f"There are {len(arranged.starts)} sequences; at least {self.rare_threshold} are needed.",
                "With fewer, what is learnt would be about single ones.",
            )
        self._arranged, self.order_ = arranged, order.name
        states = derived(table, arranged, key, order, grid)
        names = [column.name for column in states.schema.modelled if column.name != order.name]
        self.constant_ = constant_columns(table, arranged, names)
        try:
            super().fit(states, **options)
        finally:
            del self._arranged
        self.schema_, self.grid_ = table.schema, grid
        lengths = Table.of(pd.DataFrame({"length": arranged.lengths}), LENGTH)
        firsts = Table(
            table.frame.iloc[arranged.positions[arranged.starts]][[order.name]],
            Schema(columns=(order.model_copy(update={"role": None}),)),
        )
        seed = options.get("seed")
        self.length_ = Independent(self.rare_threshold).fit(lengths, seed=seed)
        self.first_place_ = Independent(self.rare_threshold).fit(firsts, seed=seed)
        # The mean of the last few places, since a single one may be a single row's.
        self.last_ = float(np.ceil(np.sort(arranged.steps)[-self.rare_threshold :].mean()))
        return self

    def _fit(self, encoded: Encoded, generator: np.random.Generator, progress: Progress) -> None:
        shown = self._shown(encoded, self._arranged)
        numbers = [self.states] if self.states else [number for number in LADDER if number <= self.max_states]
        prior = float(self.rare_threshold)
        found = choose_states(encoded, shown, self._arranged, numbers, self.iterations, prior, generator, progress)
        self.chain_, self.emission_, self.criteria_ = found.chain, found.emission, found.criteria

    def _shown(self, encoded: Encoded, arranged: Arranged) -> np.ndarray:
        """Which cells (n, d) a state shows: no gap in first rows, columns constant in a sequence in no others."""
        shown = np.ones(encoded.codes.shape, dtype=bool)
        for j, slot in enumerate(encoded.slots):
            if slot.name == self.order_:
                shown[:, j] = ~arranged.first
            elif slot.name in self.constant_:
                shown[:, j] = arranged.first
        return shown

    def _sample(self, n: int, generator: np.random.Generator) -> Encoded:
        """Rows that states show, each from where the chain is in the long run; `sample` draws whole sequences."""
        share = np.linalg.matrix_power(self.chain_.transition, 1_000)[0]
        return self.emission_.draw(generator.choice(len(share), n, p=share / share.sum()), generator)

    def sample(
        self,
        n: int,
        *,
        given: str | Mapping[str, Any] | Conditions | None = None,
        seed: int | None = None,
        progress: Progress | None = None,
    ) -> pd.DataFrame:
        """Draw whole sequences of at least ``n`` rows in all; the same seed gives the same rows.

        Raises:
            InfeasibleError: almost no sequence meets the conditions, or the schema's rules, in all its rows.
        """
        self._require_fitted()
        if n < 0:
            raise ModelError(f"The number of rows must be 0 or more, found {n}.")
        progress = progress or silent()
        generator = SeedTree(seed).child("sample").generator("rows")
        conditions = parse_conditions(given, self.schema_)
        mean_length = self.rows_ / max(1, self.length_.rows_)
        frames: list[pd.DataFrame] = []
        sizes: list[np.ndarray] = []
        have = drawn = kept = 0
        while have < n or not frames:
            want = int(np.ceil((n - have) / mean_length * (1 if not kept else drawn / kept)))
            want = min(max(want, 0 if not n else 1), 20_000)
            frame, lengths = self._draw_sequences(want, generator)
            good = self._holding(frame, lengths, conditions)
            # No more of them than are needed.
            enough = np.cumsum(np.where(good, lengths, 0)) - np.where(good, lengths, 0) < n - have
            good &= enough
            frames.append(frame[np.repeat(good, lengths)])
            sizes.append(lengths[good])
            have, drawn, kept = have + int(lengths[good].sum()), drawn + want, kept + int(good.sum())
            progress.step(min(1.0, have / n) if n else 1.0)
            if have < n and drawn > PATIENCE and kept < drawn / PATIENCE:
                raise InfeasibleError(
                    f"Of {drawn:,} sequences drawn, {kept:,} met {conditions.describe() or 'the rules of the schema'} "
                    "in all their rows.",
                    "Loosen the conditions, or check that such sequences exist in the real table.",
                )
        rows = pd.concat(frames, ignore_index=True)
        return self._finished(rows, np.concatenate(sizes), generator)

    def _draw_sequences(self, number: int, generator: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
        """Sequences without keys, below each other, and their lengths."""
        order, seeds = self.schema_[self.order_], generator.integers(2**63, size=2)
        drawn = self.length_.sample(number, seed=int(seeds[0]))["length"]
        lengths = np.maximum(drawn.to_numpy(dtype=np.int64), 1)
        firsts = Table(self.first_place_.sample(number, seed=int(seeds[1])), self.first_place_.schema_)
        begin = self.grid_.steps(firsts.cells(order.name).values)
        starts = np.cumsum(lengths) - lengths
        states = draw_states(self.chain_, starts, lengths, generator)
        frame = self._show(states, starts, lengths, generator)
        gaps = frame[order.name].to_numpy(dtype=np.float64, na_value=0.0)
        gaps[starts] = begin
        total = np.cumsum(gaps)
        places = total - np.repeat(total[starts] - begin, lengths)
        places = np.rint(places).astype(np.int64) if self.grid_.stepped else places
        inside = (places <= self.last_) | (np.arange(len(places)) == np.repeat(starts, lengths))
        frame[order.name] = from_cells(Cells(self.grid_.numbers(places), np.zeros(len(places), bool)), order).array
        lengths = np.add.reduceat(inside.astype(np.int64), starts) if number else lengths
        return frame[inside].reset_index(drop=True), lengths

    def _show(
        self, states: np.ndarray, starts: np.ndarray, lengths: np.ndarray, generator: np.random.Generator
    ) -> pd.DataFrame:
        """The rows that states show; those that break a rule of the schema are drawn again from the same state."""
        rules = parse_rules(self.schema_)
        own = np.arange(len(states))
        frame = self._decoded(states, generator)
        fixed = np.repeat(starts, lengths)
        for name in self.constant_:
            frame[name] = frame[name].array.take(fixed)
        for _ in range(REDRAWS if rules else 0):
            usable = [rule for rule in rules if set(_names(rule)) <= set(frame.columns) - {self.order_}]
            broken = np.zeros(len(frame), dtype=bool)
            for rule in usable:
                broken |= violations(frame, rule)
            rows = own[broken]
            if not len(rows):
                break
            again = self._decoded(states[rows], generator)
            for name in again.columns:
                if name not in self.constant_:
                    column = frame[name].copy()
                    column.iloc[rows] = again[name].array
                    frame[name] = column
        return frame

    def _decoded(self, states: np.ndarray, generator: np.random.Generator) -> pd.DataFrame:
        return self.encoder_.decode(self.emission_.draw(states, generator))

    def _holding(self, frame: pd.DataFrame, lengths: np.ndarray, conditions: Conditions) -> np.ndarray:
        """Which sequences (s,) meet the conditions and the rules in every row."""
        if not len(lengths):
            return np.zeros(0, dtype=bool)
        fine = conditions.matches(frame)
        for rule in parse_rules(self.schema_):
            fine = fine & ~violations(frame, rule)
        return np.logical_and.reduceat(fine, np.cumsum(lengths) - lengths)

    def _finished(self, rows: pd.DataFrame, lengths: np.ndarray, generator: np.random.Generator) -> pd.DataFrame:
        key, order = roles(self.schema_)
        made = self.encoder_.add_generated(rows.drop(columns=order.name), generator)
        columns = {str(name): made[name] for name in made.columns}
        columns[order.name] = rows[order.name].reset_index(drop=True)
        columns[key.name] = fresh_keys(key, lengths, key.dtype, generator)
        return restore(columns, self.schema_)

    def log_prob(self, table: Table | pd.DataFrame) -> np.ndarray:
        """The log-density (n,) of each row given the rows before it in its sequence, in nats and the table's own units.

        Added up over a sequence it is the log-density of its first place in order and all its rows, given its length.
        A number beyond the outermost knots of its number line counts as it is, though draws are drawn in to them.

        Raises:
            SchemaError: a column is missing or of another kind.
        """
        rows = self._rows_with_roles(table)
        key, order = roles(rows.schema)
        arranged = arrange(rows, key, order, self.grid_)
        encoded = self.encoder_.encode(derived(rows, arranged, key, order, self.grid_), None)
        shown = self._shown(encoded, arranged)
        density = self.emission_.log_density(encoded, shown)
        _, found = forward(self.chain_, density, arranged.starts, arranged.lengths)
        for j, column in enumerate(self.encoder_.columns):
            codes, values, own = encoded.codes[:, j], encoded.values[:, j], shown[:, j]
            if isinstance(column, NumericEncoder) and column.line is not None:
                found += np.where(own, column.log_jacobian(codes, values), 0.0)
            unseen = np.log((column.describe()["rare_cells"] + 1) / (self.rows_ + 2))
            found += np.where(own & (codes == UNSEEN), unseen, 0.0)
        begin = rows.frame.iloc[arranged.positions[arranged.starts]][[order.name]]
        found[arranged.starts] += self.first_place_.log_prob(begin)
        out = np.empty(len(found))
        out[arranged.positions] = found
        return out

    def anomaly_score(self, table: Table | pd.DataFrame) -> np.ndarray:
        """Minus the log-density (n,): higher where the row is less usual after those before it."""
        return -self.log_prob(table)

    def _rows_with_roles(self, table: Table | pd.DataFrame) -> Table:
        """The key and the modelled columns of rows to be scored; nulls and values out of bounds are welcome."""
        self._require_fitted()
        frame = table.frame if isinstance(table, Table) else table
        check_names(frame)
        columns = [c for c in self.schema_ if c.role == "sequence key" or c in self.schema_.modelled]
        for column in columns:
            if column.name not in frame.columns:
                raise SchemaError(
                    f"The table has no column {column.name!r}, which the model needs.",
                    did_you_mean(column.name, frame.columns),
                )
        welcoming = tuple(column.model_copy(update={"nullable": True, "public": None}) for column in columns)
        return Table(frame[[column.name for column in columns]], Schema(columns=welcoming))

    # What is learnt, and back.

    def _state(self) -> State:
        parts = {name: State.merge(encoder=m.encoder_.state(), model=m._state()) for name, m in self._parts().items()}
        chain = {"initial": self.chain_.initial, "transition": self.chain_.transition}
        own = State({}, {**chain, **parameters(self.emission_)})
        merged = State.merge(own=own, **parts)
        config = {
            **merged.config,
            "schema": self.schema_.model_dump(mode="json", exclude_none=True),
            "order": self.order_,
            "constant": self.constant_,
            "rows": {name: part.rows_ for name, part in self._parts().items()},
            "stepped": self.grid_.stepped,
            "unsigned": self.grid_.unsigned,
            "last": self.last_,
            "criteria": {str(states): value for states, value in self.criteria_.items()},
        }
        return State(config, merged.arrays)

    def _parts(self) -> dict[str, Independent]:
        return {"first": self.first_place_, "length": self.length_}

    def _restore(self, state: State) -> None:
        config = state.config
        own = state.nested("own").arrays
        self.schema_, self.order_ = parse_schema(config["schema"], "model file"), str(config["order"])
        self.chain_ = Chain(own["initial"], own["transition"])
        self.emission_ = from_parameters(self.encoder_.slots, own)
        made = {}
        for name in ("first", "length"):
            part = state.nested(name)
            about = {"parameters": {"rare_threshold": self.rare_threshold}, "rows": config["rows"][name]}
            made[name] = Independent._load({**about, "config": part.config}, part.arrays)
        self.first_place_, self.length_ = made["first"], made["length"]
        self.constant_, self.last_ = list(config["constant"]), float(config["last"])
        self.grid_ = Grid(self.schema_[self.order_], bool(config["stepped"]), bool(config["unsigned"]))
        self.criteria_ = {int(states): value for states, value in config["criteria"].items()}

    @property
    def notes(self) -> list[str]:
        """What was done to the table in learning it, and how many states were chosen."""
        states = len(self.chain_.initial)
        return [f"{states} hidden states were fitted to {self.length_.rows_:,} sequences.", *super().notes]


def _names(rule: Any) -> list[str]:
    return [column.name for column in getattr(rule, "columns", ())]
