"""What every synthesizer is and does; a family adds how it learns and how it draws encoded rows."""

from __future__ import annotations

import inspect
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from synthdata.encoders.base import AllowedCells, Encoded, State
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.errors import ModelError, PrivacyError, SchemaError, did_you_mean
from synthdata.models.conditioning import Conditions, parse_conditions
from synthdata.models.drawing import Keeper, draw
from synthdata.privacy.ledger import Ledger, Privacy
from synthdata.privacy.persons import bounded
from synthdata.privacy.private_table import Guarded
from synthdata.privacy.structure import understood
from synthdata.progress import Progress, silent
from synthdata.random import SeedTree
from synthdata.runs import artifact
from synthdata.table.schema import Schema
from synthdata.table.table import Table, check_names, refuse_text


class Synthesizer(ABC):
    """The interface of every model, after scikit-learn's manners.

    A family's ``__init__`` takes typed keyword arguments, stores each under its own name and does nothing else. It then
    fills in `_fit`, `_sample`, `_state` and `_restore`; encoding, conditions, rules, files and seeds are done here.
    """

    #: the name on the command line
    name: ClassVar[str]
    #: one line on what the family is good for
    summary: ClassVar[str]
    #: whether a fitted model can be saved; one of another library's that is kept in its own memory cannot
    savable: ClassVar[bool] = True
    #: whether a long fit can go on from where it was stopped
    resumable: ClassVar[bool] = False
    #: why there is no differentially private form, as a sentence, where a family can say so
    not_private_because: ClassVar[str] = ""

    #: what rows are put behind for a private fit; an audit takes one that it can watch
    guard: Callable[[Table, Ledger], Guarded[Table]] = Guarded

    #: a folder in which a long fit that is not private keeps what it can go on from; whoever has such a place sets it
    unfinished: Path | None = None

    schema_: Schema
    encoder_: TableEncoder
    rows_: int
    #: what `Ledger.to_dict` says of the fit, or None where it was not private
    ledger_: dict[str, Any] | None = None

    # What a family fills in.

    @abstractmethod
    def _fit(self, encoded: Encoded, generator: np.random.Generator, progress: Progress) -> None:
        """Learn from encoded rows."""

    @abstractmethod
    def _sample(self, n: int, generator: np.random.Generator) -> Encoded:
        """Draw ``n`` encoded rows."""

    @abstractmethod
    def _state(self) -> State:
        """Everything learnt, as settings and arrays, without a single training row."""

    @abstractmethod
    def _restore(self, state: State) -> None:
        """Take over what `_state` gave."""

    def make_encoder(self) -> TableEncoder:
        """The encoder this family wants; override to ask for other transforms."""
        return TableEncoder(rare_threshold=getattr(self, "rare_threshold", 5))

    def _sample_given(
        self, n: int, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
    ) -> Encoded | None:
        """Draw rows under conditions by column position, if the family can; None means: draw freely and reject."""
        return None

    def _fit_privately(
        self, rows: Guarded[Table], schema: Schema, generator: np.random.Generator, progress: Progress
    ) -> None:
        """Learn from guarded rows, setting ``schema_``, ``encoder_`` and ``rows_`` from what was bought; if it can."""
        raise NotImplementedError

    # What every model does.

    def parameters(self) -> dict[str, Any]:
        """The hyperparameters by name."""
        return {
            name: getattr(self, name) for name in inspect.signature(type(self).__init__).parameters if name != "self"
        }

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.parameters().items())})"

    def fit(
        self,
        table: Table | pd.DataFrame,
        *,
        schema: Schema | Mapping[str, Any] | None = None,
        privacy: Ledger | Privacy | float | None = None,
        seed: int | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from a table (n, d) and return self.

        With ``privacy`` (a budget, an ε with the default δ, or the ledger that earlier looks were charged to) every
        look at the rows is paid for, and ``ledger_`` says how; the seed then plays no part, since noise that can be
        repeated protects nobody. Of a frame the kinds of columns are bought as well; a `Table` is taken at its schema's
        word.

        Raises:
            TableError, SchemaError: the table cannot be used; the message says why.
            PrivacyError: the family cannot keep the privacy asked for, or the budget does not suffice.
        """
        progress = progress or silent()
        if privacy is not None:
            return self._fit_under(Ledger.of(privacy), table, schema, progress)
        self.ledger_ = None
        table = Table.of(table, schema)
        self.check_schema(table.schema)
        if not len(table):
            raise ModelError("There are no rows to learn from.")
        seeds = SeedTree(seed).child("fit")
        self.schema_, self.rows_ = table.schema, len(table)
        self.encoder_ = self.make_encoder().fit(table, seeds.generator("encoder"))
        encoded = self.encoder_.encode(table, seeds.generator("encode"))
        self._fit(encoded, seeds.generator("model"), progress)
        return self

    def check_schema(self, schema: Schema) -> None:
        """Refuse columns that the family cannot learn, before it looks at any row.

        Raises:
            SchemaError, ModelError: with what can be done.
        """
        refuse_text(schema)

    def _fit_under(
        self,
        ledger: Ledger,
        data: Table | pd.DataFrame,
        schema: Schema | Mapping[str, Any] | None,
        progress: Progress,
    ) -> Self:
        """Learn within a budget of privacy."""
        self.require_private_form()
        self.ledger_ = None
        try:
            if isinstance(data, Table):
                table = Table.of(data, schema, strict=False)
            else:
                table = understood(data, schema, ledger)
            self.check_schema(table.schema)
            table = bounded(table, ledger)
            self._fit_privately(self.guard(table, ledger), table.schema, ledger.entropy.generator(), progress)
        finally:
            # What was spent is spent, however the fit ended.
            self.ledger_ = ledger.to_dict()
        return self

    @classmethod
    def require_private_form(cls) -> None:
        """Refuse a family that cannot be fitted with differential privacy.

        Raises:
            PrivacyError: with the names of those that can.
        """
        from synthdata.models.registry import private_model_names

        if not cls.has_private_form():
            raise PrivacyError(
                f"The model {cls.name!r} has no differentially private form. {cls.not_private_because}".rstrip(),
                f"These have: {', '.join(private_model_names())}.",
            )

    @classmethod
    def has_private_form(cls) -> bool:
        """Whether the family can be fitted with differential privacy."""
        return cls._fit_privately is not Synthesizer._fit_privately

    def sample(
        self,
        n: int,
        *,
        given: str | Mapping[str, Any] | Conditions | None = None,
        seed: int | None = None,
        progress: Progress | None = None,
    ) -> pd.DataFrame:
        """Draw ``n`` rows; the same seed gives the same rows.

        ``given`` puts conditions on columns: ``"age>=30; sex=F"`` or ``{"sex": "F"}``. Under conditions the frame's
        ``attrs["drawing"]`` says how many rows were drawn for it, and the effective sample size: rows that few drawn
        ones meet are repeated.

        Raises:
            InfeasibleError: the conditions (or the schema's rules) are met by almost no row.
        """
        self._require_fitted()
        if n < 0:
            raise ModelError(f"The number of rows must be 0 or more, found {n}.")
        progress = progress or silent()
        generator = SeedTree(seed).child("sample").generator("rows")
        conditions = parse_conditions(given, self.schema_)
        allowed = conditions.allowed(self.encoder_)
        keeper = Keeper(self.schema_, conditions, self.encoder_)
        frame, drawing = draw(
            lambda count: self._draw_frame(count, conditions, allowed, generator), n, keeper, generator, progress
        )
        frame = self.encoder_.add_generated(frame, generator)
        if conditions:
            frame.attrs["drawing"] = drawing.as_attribute()
        return frame

    def _draw_frame(
        self, n: int, conditions: Conditions, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
    ) -> pd.DataFrame:
        """The modelled columns of ``n`` rows, or of those among them that can be read and meet the conditions."""
        encoded = self._sample_given(n, allowed, generator) if allowed else None
        if encoded is None:
            encoded = self._sample(n, generator)
        good = np.ones(len(encoded), dtype=bool)
        for j, cells in allowed.items():
            encoded.values[:, j] = cells.rounded(encoded.values[:, j])
            good &= cells.matches(encoded.codes[:, j], encoded.values[:, j], encoded.slots[j].continuous)
        encoded = encoded.take(np.flatnonzero(good))
        frame, sound = self.encoder_.decode_sound(encoded)
        return conditions.settle(frame, encoded, self.encoder_)[sound]

    @property
    def chosen(self) -> Synthesizer:
        """The model that answers: itself, or the one that it chose for the table."""
        return self

    def save(self, path: str | Path) -> None:
        """Write the model into the folder ``path``: ``manifest.json`` and ``arrays.safetensors``, no code.

        Raises:
            ModelError: the model is not fitted, or of a kind that cannot be saved (``savable`` is False).
        """
        self._require_fitted()
        self.require_savable()
        state = State.merge(encoder=self.encoder_.state(), model=self._state())
        manifest = {"model": self.name, "parameters": self.parameters(), "rows": self.rows_, "config": state.config}
        texts = {}
        if self.ledger_ is not None:
            manifest["ledger"] = self.ledger_
            texts["ledger.json"] = json.dumps(self.ledger_, indent=1, ensure_ascii=False) + "\n"
        artifact.save(Path(path), manifest, state.arrays, texts)

    @classmethod
    def _load(cls, manifest: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        model = cls(**manifest["parameters"])
        state = State(dict(manifest["config"]), arrays)
        model.encoder_ = TableEncoder.from_state(state.nested("encoder"))
        model.schema_, model.rows_ = model.encoder_.schema, int(manifest["rows"])
        model._restore(state.nested("model"))
        model.ledger_ = manifest.get("ledger")
        return model

    def require_savable(self) -> None:
        """Refuse to save what can only be written as code.

        Raises:
            ModelError: ``savable`` is False.
        """
        if not self.savable:
            raise ModelError(
                f"The model {self.name!r} cannot be saved: its library writes pickles, which run code when read.",
                "Draw what you need with `synthdata run`, which keeps the synthetic table, or choose another model.",
            )

    @property
    def notes(self) -> list[str]:
        """What was done to the table in learning it that a user should know of, in plain words."""
        self._require_fitted()
        ledger, notes = self.ledger_ or {}, self.encoder_.notes
        if ledger.get("unknown"):
            names = ", ".join(repr(name) for name in ledger["unknown"])
            notes = [
                *notes,
                f"Of the values of {names} nothing stood out of the noise: what comes out is null, or a number near 0. "
                "Declare bounds or categories public, ask for a larger epsilon, or count fewer rows of each person.",
            ]
        if ledger.get("unnamed"):
            shares = ", ".join(f"{name!r} (about {share:.0%} of the rows)" for name, share in ledger["unnamed"].items())
            notes = [
                *notes,
                f"Some values are too rare to be told from noise, those of {shares}: their rows get one of the other "
                "values. Declare the categories public, or ask for a larger epsilon.",
            ]
        return notes

    def _rows_of(self, table: Table | pd.DataFrame) -> Table:
        """The modelled columns of rows to be scored or filled in; nulls and values out of bounds are welcome."""
        self._require_fitted()
        frame = table.frame if isinstance(table, Table) else table
        check_names(frame)
        columns = self.schema_.modelled
        for column in columns:
            if column.name not in frame.columns:
                raise SchemaError(
                    f"The table has no column {column.name!r}, which the model needs.",
                    did_you_mean(column.name, frame.columns),
                )
        open_columns = tuple(column.model_copy(update={"nullable": True, "public": None}) for column in columns)
        return Table(frame[[column.name for column in columns]], Schema(columns=open_columns))

    def _require_fitted(self) -> None:
        if not hasattr(self, "encoder_"):
            raise ModelError(
                f"This {self.name!r} model has not been fitted.", "Call fit(table) first, or load a saved model."
            )
