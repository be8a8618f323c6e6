"""Number columns in the same unit that often hold nearly the same number: a bill and its payment, a start and an end.

Where values lie as shares of rows, or their normal scores, equal numbers of two columns lie at different places: which
of them belong together has to be looked up.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch

from synthdata.encoders.base import Encoded
from synthdata.encoders.grid import Grid
from synthdata.encoders.number_line import NumberLine
from synthdata.encoders.numeric import NumericEncoder
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.errors import ModelError
from synthdata.models.networks.nets import EDGE, scores, shares

#: a table leads on from so many evenly spaced scores
POINTS = 257
#: how near to each other two scores count as nearly the same number
_NEAR = 0.03
#: by how much, and by what factor, more rows than by chance have nearly the same number in both columns
_EXCESS, _FACTOR = 0.01, 2.0
#: how many pairs are kept at most; how far apart columns may stand where there are many; how many rows decide
_MOST_PAIRS, _WINDOW, _FEW, _ROWS = 64, 8, 24, 4_000


def same_scale_pairs(encoder: TableEncoder, encoded: Encoded, generator: np.random.Generator) -> np.ndarray:
    """Pairs (m, 2) of columns, by their positions, of which one number often says the other."""
    lines = [j for j, column in enumerate(encoder.columns) if _usable(column)]
    sample = encoded.take(generator.permutation(len(encoded))[:_ROWS])
    z = scores(torch.from_numpy(np.nan_to_num(sample.values, nan=0.5))).numpy()
    shuffle = generator.permutation(len(sample))
    found: dict[tuple[int, int], float] = {}
    for a, b in itertools.combinations(range(len(lines)), 2):
        i, j = lines[a], lines[b]
        if _kind(encoder, i) != _kind(encoder, j) or (len(lines) > _FEW and b - a > _WINDOW):
            continue
        both = ~np.isnan(sample.values[:, i]) & ~np.isnan(sample.values[:, j])
        if both.sum() < 100:
            continue
        led = np.interp(z[both, i], np.linspace(-EDGE, EDGE, POINTS), lead_table(encoder, i, j))
        other = z[both, j]
        by_chance = np.abs(led - other[np.argsort(shuffle[both])]) < _NEAR
        near, chance = (np.abs(led - other) < _NEAR).mean(), by_chance.mean()
        if near > _FACTOR * chance + _EXCESS:
            found[i, j] = near - chance
    kept = sorted(sorted(found, key=lambda pair: -found[pair])[:_MOST_PAIRS])
    return np.array(kept, dtype=np.int64).reshape(len(kept), 2)


def _usable(column: object) -> bool:
    return isinstance(column, NumericEncoder) and column.line is not None and not column.grid.unsigned


def _kind(encoder: TableEncoder, j: int) -> str:
    return _line(encoder, j)[0].column.kind


def _line(encoder: TableEncoder, j: int) -> tuple[Grid, NumberLine]:
    column = encoder.columns[j]
    if not isinstance(column, NumericEncoder) or column.line is None:
        raise ModelError(
            f"Column {column.slot.name!r} has no number line.", "The model file is damaged; save it again."
        )
    return column.grid, column.line


def lead_table(encoder: TableEncoder, i: int, j: int) -> np.ndarray:
    """The second column's scores (POINTS,) of the numbers that lie at evenly spaced scores of the first."""
    (grid, line), (other_grid, other_line) = _line(encoder, i), _line(encoder, j)
    at = shares(torch.linspace(-EDGE, EDGE, POINTS, dtype=torch.float64)).numpy()
    steps = other_grid.steps(grid.numbers(line.numbers(at)))
    return np.asarray(scores(torch.from_numpy(np.clip(other_line.place(steps), 0.0, 1.0))).numpy())
