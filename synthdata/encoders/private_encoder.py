"""A table's encoder learnt without a free look: what the schema declares public costs nothing, the rest is bought."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from synthdata.encoders.base import UNSEEN, Encoded, State
from synthdata.encoders.binned import BinnedEncoder
from synthdata.encoders.categorical import CategoricalEncoder
from synthdata.encoders.grid import Grid
from synthdata.encoders.number_line import NumberLine
from synthdata.encoders.numeric import NumericEncoder, NumericOptions
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.errors import PrivacyError
from synthdata.privacy.bounds import CLEAR, LEVELS, Look, bin_edges, bounds, categories, decimals, null_share
from synthdata.privacy.ledger import DOMAIN_DELTA
from synthdata.privacy.private_table import Guarded
from synthdata.table.declared import plain_bound
from synthdata.table.schema import Column, Public, Schema
from synthdata.table.storage import Cells, integral
from synthdata.table.table import Table

#: up to so many steps between public bounds each number has a bin of its own
EXACT_STEPS = 128

#: how much of the domain's budget a look gets beside the others: a category must stand out of its noise six times, and
#: beyond wrong bounds nothing is left of a column
WEIGHTS = {"nulls": 0.5, "decimals": 1.0, "bounds": 3.0, "bins": 1.0, "categories": 6.0}

#: from which share on it is told that rows have values without a name
_TOLD_FROM = 0.01

_OPTIONS = NumericOptions(transform="uniform", rare_threshold=1)


def bin_counts(encoder: TableEncoder) -> list[int]:
    """How many bins each slot's line was bought with; 0 for a slot without one."""
    lines = [column.line if isinstance(column, NumericEncoder) else None for column in encoder.columns]
    return [0 if line is None else len(line.to) - 1 for line in lines]


def lay_out(encoder: TableEncoder, position: int, shares: np.ndarray) -> None:
    """Lay a bought line anew, so that each of its bins (k,) is as wide on the model's scale as its share of rows."""
    column = encoder.columns[position]
    if not isinstance(column, NumericEncoder) or column.line is None:
        raise ValueError(f"The slot at position {position} has no number line.")
    # A bin of no width could not be told from its neighbour.
    shares = np.maximum(shares / shares.sum(), 1e-9)
    to = np.concatenate([[0.0], np.cumsum(shares)]) / shares.sum()
    column.line = replace(column.line, to=to)


def binned(encoder: TableEncoder, counts: list[np.ndarray]) -> TableEncoder:
    """The encoder with every number line cut into its bins, and how many rows each cell (cardinality,) has."""
    columns: list[NumericEncoder | CategoricalEncoder] = []
    for column, found in zip(encoder.columns, counts, strict=True):
        column.counts = found
        cut = isinstance(column, NumericEncoder) and column.line is not None
        columns.append(BinnedEncoder.of(column, found) if cut else column)  # type: ignore[arg-type]
    encoder.columns = tuple(columns)
    return encoder


class PrivateDomain:
    """Buys what is not public about a table's columns, from the ledger's stages ``rows`` and ``domain``.

    Args:
        rows: the table behind its guard; its schema's names, kinds, storage and formats count as public, and so does
            what `Column.public` declares. Nothing else of the schema is used: it may have been inferred.
        schema: that schema.
        bins: about how many bins a number line gets.

    Raises:
        PrivacyError: persons have several rows, or the budget's split has nothing for what must be bought.
    """

    def __init__(self, rows: Guarded[Table], schema: Schema, bins: int) -> None:
        self._rows, self._schema, self._bins = rows, schema, bins
        self._ledger = rows.ledger
        for column in schema:
            if column.role == "sequence key" and self._ledger.unit == "row":
                raise PrivacyError(
                    f"Column {column.name!r} says which rows belong together, but privacy is kept for single rows.",
                    "Give one row per person, or take the role away to protect single rows and not persons.",
                )
        self._plan()

    def _plan(self) -> None:
        """Share the stage's budget out over all looks that may be needed, by the schema alone."""
        ledger = self._ledger
        looks = [kind for column in self._schema if not column.drop for kind in _looks(column)]
        named = [column for column in self._schema.modelled if "categories" in _looks(column)]
        delta = ledger.privacy.delta * DOMAIN_DELTA if named else 0.0
        self._delta = delta / max(len(named), 1) * (1 - 1e-9)
        self._sigmas: dict[str, float] = {}
        mu = ledger.mu_of("domain")
        if looks and mu <= 0:
            raise PrivacyError(
                f"The budget's split has nothing for the domain, but {len(looks)} looks at it are needed.",
                "Give the stage 'domain' a share, or declare bounds, categories, decimals and nullable public.",
            )
        self.count = self._known_rows() or self._count_rows()
        ledger.require_small_delta(self.count)
        if looks:
            ledger.reserve("domain", mu, delta=delta, note=f"{len(looks)} looks at most")
            unit = mu**2 / sum(WEIGHTS[kind] for kind in looks)
            self._sigmas = {kind: ledger.noise_for(unit * WEIGHTS[kind]) for kind in set(looks)}
        for column in self._schema:
            ledger.public[column.name] = _public(column)

    def _known_rows(self) -> float | None:
        """The number of rows where the schema declares it; persons' rows are bounded, so that it says little there."""
        rows = self._schema.public.rows if self._schema.public else None
        if rows is not None and self._ledger.unit == "row":
            self._ledger.public_rows = rows
            return float(rows)
        return None

    def _count_rows(self) -> float:
        """The noisy number of rows, at least 1."""
        mu = self._ledger.mu_of("rows")
        noisy = self._rows.counts(
            lambda table: np.array([len(table)]), "row count", sigma=self._ledger.noise_for(mu**2)
        )
        return max(float(noisy[0]), 1.0)

    def encoder(self) -> TableEncoder:
        """The encoder; every continuous column is a line of bins of equal width on the model's scale.

        Raises:
            PrivacyError: the budget does not suffice.
        """
        columns: list[Column] = []
        parts: dict[str, State] = {}
        null_shares: dict[str, float] = {}
        for column in self._schema:
            if column.drop:
                columns.append(column)
                continue
            cells = self._rows.map(partial(Table.cells, name=column.name))
            nulls = null_share(cells, self._look("nulls", column), self.count) if "nulls" in _looks(column) else 0.0
            if column.generated:
                if column.role != "key":
                    null_shares[column.name] = nulls
                columns.append(column)
                continue
            if column.continuous:
                column, state = self._line(column, cells, nulls)
            else:
                state = self._categories(column, cells, nulls)
            column = column.model_copy(update={"nullable": bool(state.config["nullable"])})
            parts[str(len(parts))] = state
            columns.append(column)
        schema = self._schema.model_copy(update={"columns": tuple(columns)})
        merged = State.merge(**parts)
        config = {
            "schema": schema.model_dump(mode="json", exclude_none=True),
            "options": {name: getattr(_OPTIONS, name) for name in NumericOptions.__dataclass_fields__},
            "rows": round(self.count),
            "null_shares": null_shares,
            "columns": merged.config,
        }
        return TableEncoder.from_state(State(config, merged.arrays))

    def _look(self, kind: str, column: Column) -> Look:
        return Look("domain", self._sigmas[kind], column.name)

    def _line(self, column: Column, cells: Guarded[Cells], nulls: float) -> tuple[Column, State]:
        if "decimals" in _looks(column):
            column = column.model_copy(update={"decimals": decimals(cells, self._look("decimals", column), self.count)})
        elif column.public and column.public.decimals is not None:
            column = column.model_copy(update={"decimals": column.public.decimals})
        grid = _grid(column)
        steps = cells.map(lambda c: grid.steps(c.values[~c.missing]))
        declared = column.public.bounds if column.public else None
        if declared is not None:
            low, high = grid.interval(*(plain_bound(column, limit) for limit in declared))
        else:
            found = bounds(steps, self._look("bounds", column))
            if found is None:
                self._ledger.unknown.append(column.name)
            low, high = found or (0.0, 0.0)
        if not high > low:
            high = low + 1
        if declared is not None and _few(grid, low, high):
            edges = np.arange(low - 0.5, high + 1.0)
            counts = np.full(len(edges) - 1, self.count / (len(edges) - 1))
        else:
            edges, counts = bin_edges(
                steps, low, high, self._look("bins", column), self.count, self._bins, grid.stepped
            )
        line = _line_through(edges, grid)
        missing = nulls > 0 or _declared_nullable(column)
        told = [max(float(counts.sum()), 1.0), *([nulls * self.count] if missing else [])]
        kind = np.int64 if grid.stepped else np.float64
        return column, NumericEncoder(grid, np.empty(0, dtype=kind), np.array(told), line, missing, 0, _OPTIONS).state()

    def _categories(self, column: Column, cells: Guarded[Cells], nulls: float) -> State:
        if "categories" in _looks(column):
            found = categories(cells, self._look("categories", column), self._delta)
            if not found:
                self._ledger.unknown.append(column.name)
            else:
                self._note_unnamed(column, found, nulls)
        else:
            declared = [False, True] if column.kind == "boolean" else list(column.public.categories)  # type: ignore[union-attr, arg-type]
            found = dict.fromkeys(declared, max(round(self.count / len(declared)), 1))
        names = list(found)
        if column.ordered and not (column.public and column.public.categories):
            names = sorted(names, key=str)
        missing = nulls > 0 or _declared_nullable(column) or not names
        told = np.array([*(float(found[name]) for name in names), *([nulls * self.count] if missing else [])])
        listing = np.arange(len(names))
        return CategoricalEncoder(column, names, told, listing, missing, (0, 0), "uniform").state()

    def _note_unnamed(self, column: Column, found: dict[Any, int], nulls: float) -> None:
        """Note which share of the rows has values that were not named, where it is clearly more than noise."""
        present = max(self.count * (1 - nulls), 1.0)
        share = 1 - sum(found.values()) / present
        deviation = self._sigmas["categories"] * np.sqrt(len(found)) / present
        if share > max(_TOLD_FROM, CLEAR * deviation):
            self._ledger.unnamed[column.name] = round(float(share), 3)


def encode_privately(encoder: TableEncoder, table: Table, generator: np.random.Generator) -> Encoded:
    """Encoded rows, each made from its own row alone; a cell that the encoder has no code for gets a random one.

    Values that were too rare to be named are drawn like the named ones, by how many rows these have up to noise.
    ``generator`` should serve nothing else: how far it has moved on afterwards tells how many rows there were.
    """
    encoded = encoder.encode(table, generator)
    codes, values = encoded.codes.copy(), encoded.values.copy()
    for j, slot in enumerate(encoded.slots):
        unknown = np.flatnonzero(codes[:, j] == UNSEEN)
        if slot.continuous:
            codes[unknown, j], values[unknown, j] = 0, generator.random(len(unknown))
        else:
            shares = _named_shares(encoder.columns[j].counts, slot.missing_code)
            codes[unknown, j] = generator.choice(slot.cardinality, len(unknown), p=shares)
    return Encoded(encoded.slots, codes, values)


def _named_shares(counts: np.ndarray, missing_code: int | None) -> np.ndarray:
    """Which share each code (cardinality,) has among those that stand for a value; even ones where nothing is known."""
    counts = np.maximum(np.asarray(counts, dtype=np.float64), 0.0)
    if missing_code is not None and len(counts) > 1:
        counts[missing_code] = 0.0
    return counts / counts.sum() if counts.sum() > 0 else np.full(len(counts), 1 / len(counts))


def _looks(column: Column) -> list[str]:
    """What must be bought about a column; of ``bins`` as many looks as there are levels."""
    public = column.public or Public()
    out = [] if public.nullable is not None else ["nulls"]
    if column.generated:
        return out if column.role != "key" else []
    if column.continuous:
        if public.decimals is None and column.kind == "numerical" and not integral(column):
            out.append("decimals")
        if public.bounds is None:
            out.append("bounds")
        grid = _grid(column)
        if public.bounds is None or not _few(grid, *grid.interval(*(plain_bound(column, b) for b in public.bounds))):
            out.extend(["bins"] * LEVELS)
    elif column.kind != "boolean" and not public.categories:
        out.append("categories")
    return out


def _public(column: Column) -> dict[str, Any]:
    """What the ledger says was taken as known about a column."""
    known = {"kind": column.kind, "dtype": column.dtype, "format": column.format, "unit": column.unit}
    declared = column.public.model_dump(mode="json", exclude_none=True) if column.public else {}
    out = {key: value for key, value in known.items() if value is not None}
    return {**out, **({"declared": declared} if declared else {})}


def _declared_nullable(column: Column) -> bool:
    return bool(column.public and column.public.nullable)


def _grid(column: Column) -> Grid:
    """The steps of a column by its storage and its decimals; no number decides."""
    if column.kind != "numerical" or integral(column):
        kind = np.uint64 if column.dtype.lower().startswith("uint64") else np.int64
        return Grid.of(column, np.empty(0, dtype=kind))
    return Grid.of(column, np.empty(0))


def _few(grid: Grid, low: float, high: float) -> bool:
    return grid.stepped and high - low < EXACT_STEPS


def _line_through(edges: np.ndarray, grid: Grid) -> NumberLine:
    """A line on which every bin is equally wide."""
    origin: int | float = round(float(edges[0])) if grid.stepped else float(edges[0])
    width = float(edges[-1]) - float(edges[0])
    scale = float(2.0 ** np.clip(np.ceil(np.log2(max(width / 2, 1e-300))), -1000, 1000))
    at = (edges - origin) / scale
    if grid.stepped:
        # Numbers halfway between two steps are not rounded out of their bin.
        at[0], at[-1] = at[0] + 1e-6 / scale, at[-1] - 1e-6 / scale
    return NumberLine(origin, scale, at, np.linspace(0.0, 1.0, len(edges)), "uniform")
