"""Models of SDV, for comparison and migration: our schema and tables go in, our columns and dtypes come out.

SDV is source-available (Business Source License) and is only called here, through the extra ``sdv``. Its fitted models
are pickles, which run code when they are read; so these models cannot be saved.
"""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd

from synthdata.encoders.base import AllowedCells, Encoded, State
from synthdata.encoders.grid import Grid
from synthdata.errors import MissingExtraError, ModelError
from synthdata.models.base import Synthesizer
from synthdata.models.conditioning import Conditions
from synthdata.progress import Progress
from synthdata.table.dtypes import as_objects
from synthdata.table.schema import Column, Schema
from synthdata.table.sdv_metadata import to_sdv
from synthdata.table.storage import Cells, from_cells, restore
from synthdata.table.table import Table

if find_spec("sdv") is None:
    raise MissingExtraError("sdv", "sdv")

#: the name of the only table in SDV's metadata
TABLE = "table"


class SDVSynthesizer(Synthesizer):
    """What the adapters share; each names SDV's class and its settings.

    Keys, identifiers and personal data are made up as for every model here. The rest goes to SDV as plain numbers
    (dates and durations as steps of their unit), categories and truth values. Conditions are met by drawing again.
    SDV draws from process-wide random states; they are lent to it with our seed and put back.
    """

    savable: ClassVar[bool] = False
    not_private_because: ClassVar[str] = "SDV's own code reads the rows, and no charge can stand for what it reads."
    #: the class in ``sdv.single_table``
    engine: ClassVar[str]

    def settings(self) -> dict[str, Any]:
        """The arguments of SDV's class."""
        return {}

    def fit(self, table: Table | pd.DataFrame, *, schema: Any = None, **options: Any) -> Self:
        """Learn from a table (n, d) and return self; see `Synthesizer.fit`.

        Raises:
            ModelError: SDV cannot learn this table.
        """
        self._table = Table.of(table, schema)
        try:
            return super().fit(self._table, **options)
        finally:
            del self._table

    def _fit(self, encoded: Encoded, generator: np.random.Generator, progress: Progress) -> None:
        table, columns = self._table, self.schema_.modelled
        self.grids_ = {c.name: Grid.of(c, _known(table, c.name)) for c in columns if c.continuous}
        self.categories_ = {
            c.name: table.frame[c.name].cat.categories
            for c in columns
            if isinstance(table.frame[c.name].dtype, pd.CategoricalDtype)
        }
        if not columns:
            return
        with lent_state(int(generator.integers(2**32))), _told_without_cells(self.name):
            from sdv import single_table
            from sdv.metadata import Metadata

            metadata = Metadata.load_from_dict(sdv_metadata(columns))
            self.engine_ = getattr(single_table, self.engine)(metadata, **self.settings())
            self.engine_.fit({TABLE: pd.DataFrame({c.name: self._handed(c, table.cells(c.name)) for c in columns})})

    def _draw_frame(
        self, n: int, conditions: Conditions, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
    ) -> pd.DataFrame:
        columns = self.schema_.modelled
        if not columns:
            return pd.DataFrame(index=pd.RangeIndex(n))
        drawn = pd.DataFrame({column.name: [] for column in columns}, dtype=object)
        if n:
            with lent_state(seed := int(generator.integers(2**32))), _told_without_cells(self.name):
                # SDV draws from a state of its own, which is always the same at first.
                self.engine_.reset_sampling()
                self.engine_._set_random_state(seed)
                drawn = self.engine_.sample(n)[TABLE]
        return restore({c.name: self._taken_back(c, drawn[c.name]) for c in columns}, self.schema_)

    def _sample(self, n: int, generator: np.random.Generator) -> Encoded:
        frame = self._draw_frame(n, Conditions(), {}, generator)
        return self.encoder_.encode(Table(frame, Schema(columns=self.schema_.modelled)), generator)

    def _handed(self, column: Column, cells: Cells) -> pd.Series:
        """A column as SDV gets it."""
        if not column.continuous:
            return pd.Series(as_objects(cells.values, cells.missing))
        numbers = cells.values if column.kind == "numerical" else self.grids_[column.name].steps(cells.values)
        if not cells.missing.any():
            return pd.Series(numbers)
        return pd.Series(Cells(numbers, cells.missing).floats)

    def _taken_back(self, column: Column, drawn: pd.Series) -> pd.Series:
        """A column that SDV drew, in its own storage."""
        missing = drawn.isna().to_numpy(dtype=bool)
        if not column.continuous:
            values = np.empty(len(drawn), dtype=object)
            values[:] = [None if gone else _plain(value) for value, gone in zip(drawn, missing, strict=True)]
            return from_cells(Cells(values, missing), column, self.categories_.get(column.name))
        grid = self.grids_[column.name]
        numbers = drawn.to_numpy(dtype=np.float64, na_value=0.0) if missing.any() else drawn.to_numpy()
        if column.kind != "numerical":
            numbers = grid.numbers(np.rint(numbers.astype(np.float64)).astype(np.int64))
        return from_cells(Cells(numbers, missing), column)

    def _state(self) -> State:
        self.require_savable()
        return State({}, {})

    def _restore(self, state: State) -> None:
        self.require_savable()

    @property
    def notes(self) -> list[str]:
        """Where the rows come from, and what was not done to them."""
        self._require_fitted()
        return [
            f"The rows were made by SDV {version('sdv')} ({self.engine}), which is not part of synthdata. Rare "
            "categories and numbers are not taken out before it learns.",
            "The fitted model was not saved: SDV's models are pickles, which run code when they are read.",
        ]


class SDVGaussianCopula(SDVSynthesizer):
    """SDV's GaussianCopulaSynthesizer.

    Args:
        distribution: the family of each column's marginal; None leaves the choice to SDV.
    """

    name: ClassVar[str] = "sdv:gaussian_copula"
    summary: ClassVar[str] = "SDV's Gaussian copula, for comparison and migration; cannot be saved"
    engine: ClassVar[str] = "GaussianCopulaSynthesizer"

    def __init__(
        self,
        distribution: Literal["norm", "beta", "truncnorm", "uniform", "gamma", "gaussian_kde"] | None = None,
    ) -> None:
        self.distribution = distribution

    def settings(self) -> dict[str, Any]:
        """The distribution, if one was chosen."""
        return {"default_distribution": self.distribution} if self.distribution else {}


class SDVNeural(SDVSynthesizer):
    """What SDV's networks share.

    Args:
        epochs: passes over the table.
        batch_size: rows a step, a multiple of ten.
        device: ``cpu``, or ``auto`` for a GPU where there is one.
    """

    def __init__(self, epochs: int = 300, batch_size: int = 500, device: str = "auto") -> None:
        self.epochs = epochs
        self.batch_size = batch_size
        self.device = device

    def settings(self) -> dict[str, Any]:
        """Epochs, batch size and device in SDV's names."""
        return {"epochs": self.epochs, "batch_size": self.batch_size, "enable_gpu": self.device != "cpu"}

    def _fit(self, encoded: Encoded, generator: np.random.Generator, progress: Progress) -> None:
        names = [column.name for column in self.schema_.modelled if not column.continuous]
        levels = {name: len(pd.unique(_known(self._table, name))) for name in names}
        needed, there = 8 * self.rows_ * sum(levels.values()), memory_bytes()
        if needed > there / 2:
            most = max(levels, key=lambda name: levels[name])
            raise ModelError(
                f"SDV's networks make a column of each level: for {self.rows_:,} rows they would need "
                f"{needed / 2**30:,.0f} GiB of memory, and this machine has {there / 2**30:,.0f}.",
                f"Most levels are those of column {most!r}, {levels[most]:,}: give it the kind 'id' in the schema, "
                "leave it out ('drop': true), or choose a model of ours.",
            )
        super()._fit(encoded, generator, progress)


class SDVCTGAN(SDVNeural):
    """SDV's CTGANSynthesizer."""

    name: ClassVar[str] = "sdv:ctgan"
    summary: ClassVar[str] = "SDV's CTGAN, for comparison and migration; cannot be saved"
    engine: ClassVar[str] = "CTGANSynthesizer"


class SDVTVAE(SDVNeural):
    """SDV's TVAESynthesizer."""

    name: ClassVar[str] = "sdv:tvae"
    summary: ClassVar[str] = "SDV's TVAE, for comparison and migration; cannot be saved"
    engine: ClassVar[str] = "TVAESynthesizer"


class SDVCopulaGAN(SDVNeural):
    """SDV's CopulaGANSynthesizer."""

    name: ClassVar[str] = "sdv:copulagan"
    summary: ClassVar[str] = "SDV's CopulaGAN, for comparison and migration; cannot be saved"
    engine: ClassVar[str] = "CopulaGANSynthesizer"


def sdv_metadata(columns: tuple[Column, ...]) -> dict[str, Any]:
    """SDV's metadata of the modelled columns; dates and durations are handed over as numbers.

    >>> about = sdv_metadata((Column(name="day", kind="datetime"), Column(name="sex", kind="categorical")))
    >>> about["tables"]["table"]["columns"]
    {'day': {'sdtype': 'numerical'}, 'sex': {'sdtype': 'categorical'}}
    """
    plain = tuple(column.model_copy(update={"role": None}) for column in columns)
    about = to_sdv(Schema(columns=plain))
    for column in plain:
        if column.continuous:
            # Nullable integers travel as floats, so nothing is said of how they are stored.
            about["tables"][TABLE]["columns"][column.name] = {"sdtype": "numerical"}
    return about


def memory_bytes() -> int:
    """How much memory this machine has; where it does not say, more than is ever asked for."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 2**62


@contextmanager
def lent_state(seed: int) -> Iterator[None]:
    """Seed the process-wide random states for a library that draws from them, and put them back afterwards."""
    import torch

    before = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng():
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])  # noqa: NPY002


@contextmanager
def _told_without_cells(name: str) -> Iterator[None]:
    """Turn SDV's errors, whose texts may quote cells, into one that does not; its warnings are left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (ImportError, MemoryError, AttributeError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, its text may quote a cell
            raise ModelError(
                f"SDV ended with {type(error).__name__} for the model {name!r}.",
                "It does not cope with this table; choose another model, or leave odd columns out.",
            ) from None


def _known(table: Table, name: str) -> np.ndarray:
    cells = table.cells(name)
    return cells.values[~cells.missing]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
