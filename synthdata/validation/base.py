"""What every metric works on (a `Comparison` of three tables) and what it returns (a `Figure`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
import pandas as pd

from synthdata.errors import SchemaError, TableError
from synthdata.table.foreign import require_columns
from synthdata.table.schema import Column, Schema
from synthdata.table.storage import resolution, to_cells
from synthdata.table.table import Table

Side = Literal["train", "holdout", "synthetic"]
SIDES: tuple[Side, ...] = ("train", "holdout", "synthetic")

NO_HOLDOUT = (
    "There is no holdout (real rows that the generator never saw), "
    "so the same figure for fresh real data cannot be given."
)
#: rows that a holdout needs for figures on fresh real data to say something
REFERENCE_ROWS = 20
SMALL_HOLDOUT = f"The holdout has fewer than {REFERENCE_ROWS} rows, too few for the same figure on fresh real data."


@dataclass(frozen=True)
class Figure:
    """One figure of a report: a fraction with its interval and the same figure for fresh real rows.

    ``interval`` is a 95 % interval; ``n`` the synthetic rows it was computed from; ``matched`` the value at the
    reference's sample size, for a fair comparison; ``text`` says why something is missing.

    >>> Figure(0.1, direction="lower", n=50).to_json()["value"]
    0.1
    """

    value: float | None
    interval: tuple[float, float] | None = None
    reference: float | None = None
    direction: Literal["lower", "higher", "target"] = "lower"
    target: float | None = None
    n: int = 0
    text: str | None = None
    matched: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The figure as plain data; ``target`` and ``matched`` only where they say something."""
        data = {key: plain(value) for key, value in asdict(self).items()}
        return {key: value for key, value in data.items() if key not in ("target", "matched") or value is not None}


def plain(value: Any) -> Any:
    """A value as JSON knows it: no numpy types, no NaN or infinity (they become null), tuples as lists."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value


@dataclass(frozen=True)
class View:
    """One judged column on all sides in one form.

    A column on a number line is float64 with NaN for null (dates and durations in seconds). Any other column is int32
    codes into the shared list ``categories``, the most frequent in train first, with -1 for null.
    """

    column: Column
    sides: Mapping[Side, np.ndarray]
    categories: tuple[Any, ...] | None = None

    @property
    def name(self) -> str:
        """The column's name."""
        return self.column.name

    @property
    def continuous(self) -> bool:
        """Whether the values lie on a number line."""
        return self.categories is None

    def values(self, side: Side, rows: np.ndarray | None = None) -> np.ndarray:
        """The values (n,) of one side, or of some of its rows."""
        values = self.sides[side]
        return values if rows is None else values[rows]

    def missing(self, side: Side, rows: np.ndarray | None = None) -> np.ndarray:
        """Where the cells are null (n,)."""
        values = self.values(side, rows)
        return np.isnan(values) if self.continuous else values < 0


@dataclass(frozen=True)
class Comparison:
    """Train, holdout and synthetic table side by side; make one with `Comparison.of`.

    ``views`` holds the judged columns in table order; ``skipped`` says for every other column why it is not judged.
    """

    train: Table
    holdout: Table | None
    synthetic: Table
    views: tuple[View, ...]
    skipped: Mapping[str, str]

    @classmethod
    def of(cls, train: Table, holdout: Table | None, synthetic: Table) -> Comparison:
        """Check that the tables belong together, and prepare the views that all metrics share.

        Raises:
            TableError: a table is empty.
            SchemaError: columns are missing or renamed, or hold another kind of value.
        """
        schema = train.schema
        others: dict[Side, Table] = (
            {"synthetic": synthetic} if holdout is None else {"holdout": holdout, "synthetic": synthetic}
        )
        if len(train) == 0:
            raise TableError("The train table has no rows.", "Nothing can be compared with it.")
        for side, table in others.items():
            if len(table) == 0:
                raise TableError(
                    f"The {side} table has no rows.",
                    "Give it at least one; some hundreds make the figures say something.",
                )
            judged = [column.name for column in schema if reason_not_judged(column) is None]
            require_columns(table.schema.names, judged, schema, f"{side} table")
        tables: dict[Side, Table] = {"train": train, **others}
        skipped = {column.name: reason for column in schema if (reason := reason_not_judged(column))}
        views = tuple(_view(column, tables) for column in schema if column.name not in skipped)
        return cls(train, holdout, synthetic, views, skipped)

    def rows(self, side: Side) -> int:
        """How many rows a side has; 0 for a holdout that is not there."""
        table = {"train": self.train, "holdout": self.holdout, "synthetic": self.synthetic}[side]
        return 0 if table is None else len(table)

    @property
    def no_reference(self) -> str | None:
        """Why there are no figures for fresh real rows; None where there are."""
        if self.holdout is None:
            return NO_HOLDOUT
        return SMALL_HOLDOUT if len(self.holdout) < REFERENCE_ROWS else None

    @property
    def schema(self) -> Schema:
        """The train table's schema, which the others are read by."""
        return self.train.schema

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the judged columns."""
        return tuple(view.name for view in self.views)

    def draw(self, side: Side, limit: int, generator: np.random.Generator) -> np.ndarray:
        """At most ``limit`` row positions of a side, ascending: all where they are few enough, else a random draw."""
        count = self.rows(side)
        return np.arange(count) if count <= limit else np.sort(generator.choice(count, limit, replace=False))

    def features(self, side: Side, rows: np.ndarray, without: str | None = None) -> np.ndarray:
        """Judged columns as (n, c) float64 for tree models: numbers, and codes of categories, NaN for null."""
        columns = []
        for view in self.views:
            if view.name != without:
                values = view.values(side, rows).astype(np.float64)
                columns.append(values if view.continuous else np.where(values < 0, np.nan, values))
        return np.column_stack(columns) if columns else np.empty((len(rows), 0))

    def categorical_features(self, without: str | None = None) -> np.ndarray:
        """Which of `features` are categories (c,) bool; beyond 254 of them a column goes by its frequency rank."""
        return np.array(
            [not v.continuous and len(v.categories or ()) <= 254 for v in self.views if v.name != without], dtype=bool
        )


def reason_not_judged(column: Column) -> str | None:
    """Why a column is not judged, or None where it is."""
    if column.drop:
        return "left out of the synthetic table by request"
    if column.kind == "id":
        return "a key or identifier: generated afresh, its values mean nothing"
    if column.role == "sequence key":
        return "the key of a sequence: which sequences there are is made up, its values mean nothing"
    if column.pii is not None:
        return f"personal data ({column.pii}): replaced by made-up values"
    return "free text: not modelled, so not compared" if column.kind == "text" else None


def judged_views(table: Table) -> tuple[View, ...]:
    """The judged columns of a single table, as the side ``train``."""
    return tuple(_view(column, {"train": table}) for column in table.schema if reason_not_judged(column) is None)


def _view(column: Column, tables: Mapping[Side, Table]) -> View:
    if column.continuous:
        return View(column, {side: _numbers(column, table, side) for side, table in tables.items()})
    cells = {side: _read(column, table, side) for side, table in tables.items()}
    _check_types(column, cells)
    values = np.concatenate([_blanked(values, missing) for values, missing in cells.values()])
    codes, uniques = pd.factorize(values, use_na_sentinel=True)
    lengths = np.cumsum([len(missing) for _, missing in cells.values()])[:-1]
    parts = dict(zip(cells, np.split(codes.astype(np.int32), lengths), strict=True))
    counts = np.bincount(parts["train"][parts["train"] >= 0], minlength=len(uniques))
    order = np.argsort(-counts, kind="stable")
    rank = np.empty(len(order) + 1, np.int32)
    rank[order], rank[-1] = np.arange(len(order)), -1  # code -1 looks up the last entry
    return View(column, {side: rank[part] for side, part in parts.items()}, tuple(uniques[i] for i in order))


def _blanked(values: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """The values as objects, None where missing."""
    blanked = values.astype(object)
    blanked[missing] = None
    return blanked


def _read(column: Column, table: Table, side: Side) -> tuple[np.ndarray, np.ndarray]:
    """Values and mask of a column in a side's table, read by the real table's kind but the side's own storage."""
    series = table.frame[column.name]
    try:
        if column.kind == "numerical":
            column = column.model_copy(update={"dtype": str(series.dtype), "decimals": None})
        elif column.continuous:
            column = column.model_copy(
                update={"dtype": str(series.dtype) if "64[" in str(series.dtype) else column.dtype}
            )
        cells = to_cells(series, column)
    except SchemaError as error:
        raise SchemaError(f"The {side} table does not fit the real one. {error}") from None
    if column.kind in ("datetime", "timedelta"):
        scale = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[resolution(column)]
        return cells.values / scale, cells.missing
    return cells.values, cells.missing


def _numbers(column: Column, table: Table, side: Side) -> np.ndarray:
    values, missing = _read(column, table, side)
    return np.where(missing, np.nan, values.astype(np.float64)) + 0.0  # + 0.0 turns -0.0 into 0.0


def _type_of(value: Any) -> str:
    return (
        "text"
        if isinstance(value, str)
        else "numbers"
        if isinstance(value, bool | int | float | np.generic)
        else "other values"
    )


def _check_types(column: Column, cells: Mapping[Side, tuple[np.ndarray, np.ndarray]]) -> None:
    """Refuse a side whose values are of quite another type than train's: 1 and "1" would never be equal."""
    found = {side: {_type_of(v) for v in pd.unique(values[~missing])} for side, (values, missing) in cells.items()}
    for side, types in found.items():
        if types and found["train"] and not types & found["train"]:
            raise SchemaError(
                f"Column {column.name!r} holds {' and '.join(sorted(types))} in the {side} table and "
                f"{' and '.join(sorted(found['train']))} in the real one.",
                "Bring both to one type, or say in the schema what the column is.",
            )


class HasFigure(Protocol):
    """What a metric gives: its figure, and whatever belongs to it."""

    @property
    def figure(self) -> Figure:
        """The figure for the report."""
        ...


Result = TypeVar("Result", bound=HasFigure)


def attempted(
    compute: Callable[[], Result], n: int, direction: Literal["lower", "higher", "target"] = "lower"
) -> tuple[Result | None, Figure]:
    """What a metric gives and its figure; where it has no value, None and a figure that says why (`NotComputable`)."""
    try:
        result = compute()
    except NotComputable as reason:
        target = 0.5 if direction == "target" else None
        return None, Figure(None, direction=direction, n=n, text=str(reason), target=target)
    return result, result.figure


class NotComputable(Exception):
    """A metric has no value here; the text says why. Caught by the suite, never shown as an error."""
