"""Categories and booleans as integer codes; rare ones are never stored."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from synthdata.encoders.base import UNSEEN, Slot, State
from synthdata.encoders.number_line import Transform, normal_scores
from synthdata.errors import SchemaError
from synthdata.table.schema import Column
from synthdata.table.storage import Cells


class CategoricalEncoder:
    """One categorical or boolean column.

    Codes run in the declared order where the categories have one, else from the most to the least frequent; ``counts``
    (cardinality,) is how many rows each code had. ``listing`` gives the codes in the order of the stored category
    dtype.
    """

    def __init__(
        self,
        column: Column,
        categories: list[Any],
        counts: np.ndarray,
        listing: np.ndarray,
        nullable: bool,
        pooled: tuple[int, int],
        transform: Transform,
    ) -> None:
        self.column, self.categories, self.counts, self.listing = column, categories, counts, listing
        #: how many categories were too rare to keep, and in how many cells
        self.pooled = pooled
        self.transform = transform
        cardinality = len(categories) + int(nullable)
        positions = np.full(cardinality, np.nan)
        if column.ordered and categories:
            positions[: len(categories)] = self._positions()
        self.slot = Slot(
            name=column.name,
            cardinality=cardinality,
            continuous=False,
            ordered=column.ordered,
            missing_code=cardinality - 1 if nullable else None,
            positions=positions,
        )
        self._index = pd.Index(np.array([*categories, None], dtype=object)[:-1], dtype=object)

    @classmethod
    def fit(
        cls, column: Column, cells: Cells, stored_order: list[Any] | None, rare_threshold: int, transform: Transform
    ) -> CategoricalEncoder:
        """Choose the categories to keep: those of ``rare_threshold`` or more rows, and all that are declared public.

        Raises:
            SchemaError: every category is rare.
        """
        present = cells.values[~cells.missing]
        missing = int(cells.missing.sum())
        codes, found = pd.factorize(present)
        counts = dict(zip(list(found), np.bincount(codes, minlength=len(found)).tolist(), strict=True))
        declared = _declared(column)
        kept = {category: counts.get(category, 0) for category in declared}
        kept |= {category: count for category, count in counts.items() if count >= rare_threshold}
        if counts and (not kept or not any(kept.values())) and not missing > len(present):
            raise SchemaError(
                f"Column {column.name!r}: none of its {len(counts):,} categories occurs in {rare_threshold} or more of "
                f"the {len(cells):,} rows, so none may be stored.",
                "Give it the kind 'id' in the schema, leave it out ('drop': true, or --drop-text), or declare its "
                "categories public.",
            )
        rare = [category for category in counts if category not in kept]
        cells_pooled = sum(counts[category] for category in rare)
        order = declared if column.ordered and declared else stored_order if column.ordered else None
        if order is not None:
            place = {category: i for i, category in enumerate(order)}
            names = sorted(kept, key=lambda category: (place.get(category, len(place)), str(category)))
        else:
            names = sorted(kept, key=lambda category: (-kept[category], type(category).__name__, str(category)))
        if not names:
            missing += cells_pooled
        numbers = [float(kept[category]) for category in names] + ([float(missing)] if missing else [])
        place = {category: i for i, category in enumerate(stored_order or names)}
        listing = np.array(
            sorted(range(len(names)), key=lambda code: place.get(names[code], len(place))), dtype=np.int64
        )
        pooled = (len(rare), cells_pooled)
        return cls(column, names, np.array(numbers), listing, missing > 0, pooled, transform)

    def encode(self, cells: Cells, generator: np.random.Generator | None) -> np.ndarray:
        """Codes (n,) int32; a category that was not kept is redrawn by frequency, or `UNSEEN` without a generator."""
        codes = np.full(
            len(cells), UNSEEN if self.slot.missing_code is None else self.slot.missing_code, dtype=np.int32
        )
        present = np.flatnonzero(~cells.missing)
        found = self._index.get_indexer(pd.Index(cells.values[present], dtype=object))
        codes[present] = found
        unknown = present[found < 0]
        if len(unknown) and generator is not None:
            weights = self.counts[: len(self.categories)]
            if weights.sum():
                codes[unknown] = generator.choice(len(weights), len(unknown), p=weights / weights.sum())
            elif self.slot.missing_code is not None:
                codes[unknown] = self.slot.missing_code
        return codes

    def decode(self, codes: np.ndarray) -> Cells:
        """The cells that codes (n,) stand for."""
        missing = codes == self.slot.missing_code if self.slot.missing_code is not None else np.zeros(len(codes), bool)
        names = np.array([*self.categories, None], dtype=object)
        return Cells(names[np.where(missing, len(self.categories), codes)], missing)

    def stored_categories(self) -> list[Any]:
        """The kept categories in the order of the stored category dtype."""
        return [self.categories[code] for code in self.listing]

    def describe(self) -> dict[str, Any]:
        """What a person may want to know about how the column is encoded."""
        note = f"{len(self.categories):,} categories"
        if self.pooled[0]:
            note += (
                f"; {self.pooled[0]:,} more occur too rarely to be stored, and their {self.pooled[1]:,} cells are "
                f"replaced by {'draws from the categories kept' if self.categories else 'nulls'}"
            )
        return {"atoms": len(self.categories), "rare_cells": self.pooled[1], "note": note}

    def state(self) -> State:
        """Settings and arrays of what was learnt."""
        text = json.dumps(self.categories, ensure_ascii=False).encode("utf-8", "surrogatepass")
        arrays = {"categories": np.frombuffer(text, dtype=np.uint8), "counts": self.counts, "listing": self.listing}
        return State({"nullable": self.slot.missing_code is not None, "pooled": list(self.pooled)}, arrays)

    @classmethod
    def from_state(cls, column: Column, state: State, transform: Transform) -> CategoricalEncoder:
        """What `state` gave, as an encoder again."""
        text = state.arrays["categories"].tobytes().decode("utf-8", "surrogatepass")
        pooled = state.config["pooled"]
        return cls(
            column,
            json.loads(text),
            state.arrays["counts"],
            state.arrays["listing"],
            state.config["nullable"],
            (pooled[0], pooled[1]),
            transform,
        )

    def _positions(self) -> np.ndarray:
        counts = self.counts[: len(self.categories)] + 0.5
        share = (np.cumsum(counts) - counts / 2) / counts.sum()
        if self.transform == "uniform":
            return share
        return normal_scores(share)


def _declared(column: Column) -> list[Any]:
    """The categories that are public: declared ones, and both truth values."""
    declared = list(column.public.categories) if column.public and column.public.categories else []
    return [False, True] if column.kind == "boolean" else declared
