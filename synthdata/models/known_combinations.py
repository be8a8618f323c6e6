"""Combinations of which a row knows a part: those that agree with it, put in before the rest is drawn."""

from __future__ import annotations

import numpy as np

from synthdata.encoders.base import Encoded
from synthdata.encoders.numeric import NumericEncoder
from synthdata.encoders.rule_lookups import Joint
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.table.table import Table


def complete_combinations(
    encoded: Encoded, part: Joint, rows: Table, encoder: TableEncoder, generator: np.random.Generator, draw: bool
) -> None:
    """Give encoded rows (n, d) that know a combination in part the one that agrees with it, in place.

    ``rows`` are the same ones as a table. Where several combinations agree, none is put in; with ``draw`` one of them
    is drawn, by how frequent they are: a family that draws among all would seldom hit upon one that agrees with
    something rare.
    """
    position = next(j for j, column in enumerate(encoder.columns) if column.slot.name == part.inner.name)
    column = encoder.columns[position]
    known = [rows.cells(name) for name in part.replaced]
    holes = np.column_stack([cells.missing for cells in known])
    partly = np.flatnonzero(holes.any(axis=1) & ~holes.all(axis=1))
    if not len(partly) or isinstance(column, NumericEncoder):
        return
    listed = column.decode(np.arange(column.slot.cardinality))
    learnt = [part.read(name, listed) for name in part.replaced]
    whole = ~np.logical_or.reduce([cells.missing for cells in learnt])
    found: dict[tuple[object, ...], np.ndarray] = {}
    for row in partly.tolist():
        asked = tuple(None if cells.missing[row] else cells.values[row] for cells in known)
        if asked not in found:
            same = [cells.values == value for cells, value in zip(learnt, asked, strict=True) if value is not None]
            found[asked] = np.flatnonzero(np.logical_and.reduce([whole, *same]))
        codes = found[asked]
        if len(codes) == 1:
            encoded.codes[row, position] = codes[0]
        elif len(codes) and draw:
            shares = column.counts[codes] + 1e-9
            encoded.codes[row, position] = generator.choice(codes, p=shares / shares.sum())
