"""The encoder of a whole table: between frames as people have them and codes and values as models see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
import pandas as pd

from synthdata.encoders.base import UNSEEN, AllowedCells, Encoded, Slot, State
from synthdata.encoders.binned import BinnedEncoder
from synthdata.encoders.categorical import CategoricalEncoder
from synthdata.encoders.number_line import Transform
from synthdata.encoders.numeric import NumericEncoder, NumericOptions
from synthdata.encoders.rule_layout import RuleLayout
from synthdata.encoders.rule_lookups import FOLLOWS, Follows, Joint
from synthdata.errors import ModelError, SchemaError, did_you_mean
from synthdata.table.schema import Column, Schema, parse_schema
from synthdata.table.storage import Cells, from_cells, restore, to_cells
from synthdata.table.table import Table

ColumnEncoder = NumericEncoder | CategoricalEncoder


class TableEncoder:
    """Encodes the modelled columns of a table, and makes up the others afresh.

    Columns that the schema's rules speak of may be learnt in another form (``layout``), so that the rules hold in
    whatever is decoded; a slot then has the name of a column whose place it takes.

    Args:
        transform: the scale on which values lie: ``quantile`` (normal scores), ``uniform`` (shares of rows),
            ``standard`` (zero mean, unit variance).
        rare_threshold: in how many rows a category or number must occur to be stored as it is; means that place the
            number lines are taken over as many rows.
        exact_values: up to how many distinct numbers a column may have to be kept exactly, without a number line.
        atom_share: which share of the rows a single number must have to be kept exactly beside a number line.
        max_atoms: at most how many such numbers a column keeps.
        knots: through how many points a number line is drawn at most.
    """

    schema: Schema
    columns: tuple[ColumnEncoder, ...]
    layout: RuleLayout
    rows: int
    null_shares: dict[str, float]

    def __init__(
        self,
        transform: Transform = "quantile",
        rare_threshold: int = 5,
        exact_values: int = 256,
        atom_share: float = 0.002,
        max_atoms: int = 256,
        knots: int = 500,
    ) -> None:
        if rare_threshold < 1:
            raise ModelError(f"rare_threshold must be 1 or more, found {rare_threshold}.")
        self.options = NumericOptions(transform, rare_threshold, exact_values, atom_share, max_atoms, knots)

    def fit(self, table: Table, generator: np.random.Generator) -> Self:
        """Learn how to encode the columns of a table (n, d).

        Raises:
            SchemaError: a column has no value that enough rows share, or the table breaks a rule of its schema; the
                message says what to do.
        """
        self.schema, self.rows = table.schema, len(table)
        self.layout = RuleLayout.fit(table, self.options.rare_threshold)
        self._listings = self._common_categories(table)
        inner = self.layout.forward(table)
        encoders: list[ColumnEncoder] = []
        for column in self.layout.columns:
            cells = inner.cells(column.name)
            if column.continuous:
                encoders.append(NumericEncoder.fit(column, cells, self.options, generator))
            else:
                order = _stored_order(inner.frame[column.name]) if column.name in inner.frame else None
                least, transform = self.options.rare_threshold, self.options.transform
                encoders.append(CategoricalEncoder.fit(column, cells, order, least, transform))
        self.columns = tuple(encoders)
        self.null_shares = {
            column.name: float(table.cells(column.name).missing.mean()) if len(table) else 0.0
            for column in self.schema
            if column.generated and not column.drop and column.role != "key"
        }
        return self

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The slots (d,) of the modelled columns, in the schema's order."""
        return tuple(column.slot for column in self.columns)

    def encode(self, table: Table, generator: np.random.Generator | None) -> Encoded:
        """The encoded rows (n, d) of a table.

        With a generator, as for fitting: whole numbers are spread over their step, and what is too rare to be stored is
        replaced. Without one, as for scoring: numbers stand in the middle of their step, and what the encoder does
        not know is `UNSEEN`.
        """
        return self.encode_learnt(self.layout.forward(table), generator)

    def encode_learnt(self, table: Table, generator: np.random.Generator | None) -> Encoded:
        """The encoded rows (n, d) of a table that is in the form in which it is learnt (``layout.forward``)."""
        codes = np.empty((len(table), len(self.columns)), dtype=np.int32)
        values = np.full((len(table), len(self.columns)), np.nan)
        for j, column in enumerate(self.columns):
            cells = table.cells(column.slot.name)
            if isinstance(column, NumericEncoder):
                codes[:, j], values[:, j] = column.encode(cells, generator)
            else:
                codes[:, j] = column.encode(cells, generator)
        return Encoded(self.slots, codes, values)

    def decode(self, encoded: Encoded) -> pd.DataFrame:
        """The modelled columns (n, d) of encoded rows, each with its own storage."""
        return self.decode_sound(encoded)[0]

    def decode_sound(self, encoded: Encoded) -> tuple[pd.DataFrame, np.ndarray]:
        """The modelled columns (n, d) of encoded rows, and which rows (n,) can be used.

        Those cannot in which a column follows from others, and it is not known what follows from them.
        """
        sound = np.ones(len(encoded), dtype=bool)
        if not self.columns:
            return pd.DataFrame(index=pd.RangeIndex(len(encoded))), sound
        made: dict[str, pd.Series] = {}
        if self.layout.parts or self.layout.guards:
            cells = {name: self._cells(self._slot_of(name), encoded) for name in self.layout.needed}
            outer, sound = self.layout.inverse(cells)
            made = {
                name: from_cells(found, self.schema[name], self._listings.get(name)) for name, found in outer.items()
            }
        for j, column in enumerate(self.columns):
            if self.layout.part_of(column.slot.name) is None:
                made[column.slot.name] = self._series(j, encoded)
        return restore(made, self.schema), sound

    def _cells(self, position: int, encoded: Encoded) -> Cells:
        """One learnt column (n,) of encoded rows in plain form."""
        column, codes = self.columns[position], encoded.codes[:, position]
        if isinstance(column, NumericEncoder):
            return column.decode(codes, encoded.values[:, position])
        return column.decode(codes)

    def _common_categories(self, table: Table) -> dict[str, list[Any]]:
        """For columns of a category dtype that are learnt in another form: the categories that may be drawn."""
        out = {}
        for part in self.layout.parts:
            for name in part.replaced:
                order = _stored_order(table.frame[name])
                if order is not None:
                    known = part.values(name) if isinstance(part, Joint | Follows) else set()
                    out[name] = [value for value in order if value in known]
        return out

    def _series(self, position: int, encoded: Encoded) -> pd.Series:
        column, codes = self.columns[position], encoded.codes[:, position]
        if isinstance(column, NumericEncoder):
            return from_cells(column.decode(codes, encoded.values[:, position]), column.grid.column)
        # Each category is brought into storage once, however many rows have it.
        missing = column.slot.missing_code
        known = np.arange(column.slot.cardinality if missing is None or (codes == missing).any() else missing)
        stored = from_cells(column.decode(known), column.column, column.stored_categories())
        return stored.take(codes).reset_index(drop=True)

    def add_generated(self, frame: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
        """The whole table (n, all columns) for decoded rows: keys, ids and personal data are made up."""
        from synthdata.encoders.generated import generate_columns

        columns = {str(name): frame[name] for name in frame.columns}
        wanted = [column for column in self.schema if column.generated and not column.drop]
        made = generate_columns(wanted, len(frame), generator) if wanted else {}
        for column in wanted:
            columns[column.name] = self._with_nulls(column, np.asarray(made[column.name], dtype=object), generator)
        if not columns:
            return pd.DataFrame(index=pd.RangeIndex(len(frame)))
        return restore(columns, self.schema)

    def _with_nulls(self, column: Column, values: np.ndarray, generator: np.random.Generator) -> pd.Series:
        """Made-up values (n,) in the column's storage, null as often as the real ones were."""
        share = self.null_shares.get(column.name, 0.0)
        missing = generator.random(len(values)) < share if share else np.zeros(len(values), dtype=bool)
        return from_cells(Cells(values, missing), column, sorted(set(values[~missing]), key=str))

    def learnt_otherwise(self, name: str) -> bool:
        """Whether a column is learnt in another form than its own, for a rule's sake."""
        return self.layout.part_of(name) is not None

    def position(self, name: str) -> int:
        """Which slot a column has.

        Raises:
            SchemaError: the column is not there, not modelled, or learnt in another form.
        """
        if not self.learnt_otherwise(name):
            return self._slot_of(name)
        raise SchemaError(f"Column {name!r} is {self.layout.notes[name]}; it has no slot of its own.")

    def _slot_of(self, name: str) -> int:
        for j, column in enumerate(self.columns):
            if column.slot.name == name:
                return j
        raise SchemaError(
            f"There is no modelled column {name!r}.", did_you_mean(name, [c.slot.name for c in self.columns])
        )

    def known_combinations(self, frame: pd.DataFrame) -> list[tuple[str, np.ndarray]]:
        """For each rule that goes by what the training rows held: its words, and which rows (n,) of a frame keep it."""
        out = []
        for part in (*self.layout.parts, *self.layout.guards):
            if isinstance(part, Joint | Follows):
                names = (*part.replaced, *part.needs)
                cells = {name: to_cells(frame[name], self.schema[name]) for name in names}
                out.append((str(part), part.sound(cells)))
        return out

    def implied(self, name: str, meets: Callable[[Cells], np.ndarray]) -> tuple[int, AllowedCells] | None:
        """A condition on a column that is learnt in another form, as one on a slot; None where it cannot be said so.

        ``meets`` says which plain cells (n,) of the column meet the condition.
        """
        part = self.layout.part_of(name)
        if isinstance(part, Joint):
            position = self._slot_of(part.inner.name)
        elif isinstance(part, Follows) and self._always_follows(part):
            position = self._slot_of(part.on[0].name)
        else:
            return None
        column = self.columns[position]
        if isinstance(column, NumericEncoder):
            return None
        cells = column.decode(np.arange(column.slot.cardinality))
        return position, AllowedCells(meets(part.read(name, cells)))

    def _always_follows(self, part: Follows) -> bool:
        """Whether a column always follows from one other that is learnt as it is."""
        column = self.columns[self._slot_of(part.column.name)]
        own = column.categories if isinstance(column, CategoricalEncoder) else []
        return len(part.on) == 1 and own == [FOLLOWS] and not self.learnt_otherwise(part.on[0].name)

    def unknown(self, rows: Table) -> np.ndarray:
        """Which cells (n, d) of encoded rows are not known because of a null in the table."""
        missing = {column.name: rows.cells(column.name).missing for column in self.schema.modelled}
        found = self.layout.unknown(missing)
        columns = [found[column.slot.name] for column in self.columns]
        return np.column_stack(columns) if columns else np.zeros((len(rows), 0), dtype=bool)

    def log_jacobian(self, encoded: Encoded) -> np.ndarray:
        """What to add (n,) to a log-density of codes and values to have it in the table's own units.

        A column on a grid (whole numbers, fixed decimals, dates of a unit) then counts with the probability of its
        cell; one of unlimited decimals with the density per unit on the number line and the probability at exact
        values. Models that encode a column in different ways can thus be compared.
        """
        out = np.zeros(len(encoded))
        for j, column in enumerate(self.columns):
            if isinstance(column, NumericEncoder) and column.line is not None:
                out += column.log_jacobian(encoded.codes[:, j], encoded.values[:, j])
        return out

    def log_tails(self, table: Table) -> np.ndarray:
        """What to add (n,) to a log-density for numbers beyond those learnt, in a table in the form that is learnt."""
        out = np.zeros(len(table))
        for column in self.columns:
            if isinstance(column, NumericEncoder):
                out += column.log_tail(table.cells(column.slot.name))
        return out

    def log_unseen(self, encoded: Encoded) -> np.ndarray:
        """The log-probability (n,) set aside for cells that the encoder does not know.

        It is that of "something too rare to be stored": the rows in which that happened plus 1, over all rows plus 2.
        """
        out = np.zeros(len(encoded))
        for j, column in enumerate(self.columns):
            unseen = encoded.codes[:, j] == UNSEEN
            if unseen.any():
                out[unseen] += np.log((column.describe()["rare_cells"] + 1) / (self.rows + 2))
        return out

    def describe(self) -> list[dict[str, Any]]:
        """How every column is encoded: its slot's cardinality, exact values, rare cells, and a note in plain words."""
        told = {
            column.slot.name: {
                "cardinality": column.slot.cardinality,
                "continuous": column.slot.continuous,
                "missing": column.slot.missing_code is not None,
                **column.describe(),
            }
            for column in self.columns
        }
        out = []
        for column in self.schema:
            made_up = column.generated and not column.drop
            aside = "made up afresh, not learnt" if made_up else self.layout.notes.get(column.name, "left out")
            nothing = {
                "cardinality": 0,
                "continuous": False,
                "missing": False,
                "atoms": 0,
                "rare_cells": 0,
                "note": aside,
            }
            out.append({"name": column.name, "kind": column.kind, **told.get(column.name, nothing)})
        return out

    @property
    def notes(self) -> list[str]:
        """What was done to rare values, column by column, in plain words; counts only, never a value."""
        said = [f"Column {c.slot.name!r}: {c.describe()['note']}." for c in self.columns if c.describe()["rare_cells"]]
        return [*said, *(f"Column {name!r}: {note}." for name, note in self.layout.notes.items())]

    def state(self) -> State:
        """Everything learnt, as settings and arrays."""
        schema = self.schema.model_dump(mode="json", exclude_none=True)
        options = {name: getattr(self.options, name) for name in NumericOptions.__dataclass_fields__}
        parts = {str(j): column.state() for j, column in enumerate(self.columns)}
        merged, layout = State.merge(**parts), self.layout.state()
        return State(
            {
                "schema": schema,
                "options": options,
                "rows": self.rows,
                "null_shares": self.null_shares,
                "columns": merged.config,
                "layout": layout.config,
                "listings": self._listings,
            },
            {**merged.arrays, **{f"layout/{name}": array for name, array in layout.arrays.items()}},
        )

    @classmethod
    def from_state(cls, state: State) -> Self:
        """What `state` gave, as an encoder again."""
        config = state.config
        encoder = cls(**config["options"])
        encoder.schema, encoder.rows = parse_schema(config["schema"], "model file"), config["rows"]
        encoder.null_shares, encoder._listings = config["null_shares"], config.get("listings", {})
        encoder.layout = (
            RuleLayout.from_state(encoder.schema, state.nested("layout"))
            if "layout" in config
            else RuleLayout(encoder.schema)
        )
        parts = State(config["columns"], state.arrays)
        encoder.columns = tuple(
            _number_encoder(column, parts.nested(str(j)), encoder.options)
            if column.continuous
            else CategoricalEncoder.from_state(column, parts.nested(str(j)), encoder.options.transform)
            for j, column in enumerate(encoder.layout.columns)
        )
        return encoder


def _number_encoder(column: Column, state: State, options: NumericOptions) -> NumericEncoder:
    """The encoder of a column of numbers, whose line may have been cut into bins."""
    kind = BinnedEncoder if state.config.get("binned") else NumericEncoder
    return kind.from_state(column, state, options)


def _stored_order(series: pd.Series) -> list[Any] | None:
    """The categories of a category dtype in their order, as plain Python values."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        return list(series.cat.categories.astype(object))
    return None
