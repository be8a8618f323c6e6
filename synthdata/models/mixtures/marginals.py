"""What a mixture makes of each column by itself: its distribution on the number line, and lines laid to fit it.

A mixture of normals never has quite the normal marginal that normal scores have. Laying each number line so that the
mixture's own marginal is the column's distribution takes that error away, and keeps every density exact: only the
monotone map between numbers and values changes. (Such a model is a Gaussian mixture copula with free marginals; Tewari,
Giering and Raghunathan 2011, "Parametric characterization of multimodal distributions with non-Gaussian modes".)
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from synthdata.encoders.base import Encoded
from synthdata.encoders.number_line import NumberLine
from synthdata.encoders.numeric import NumericEncoder
from synthdata.encoders.table_encoder import ColumnEncoder, TableEncoder
from synthdata.models.draws import even_places
from synthdata.models.mixtures.mixture import Mixture

#: with fewer draws on a line than this, making them even would move each too far from where the mixture put it
EVEN_FROM = 1000


def line_marginal(mixture: Mixture, j: int, points: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """The distribution function of slot j's values: places (points,), ascending, and the share below each."""
    from scipy.special import ndtr

    i = int(np.flatnonzero(mixture.continuous == j)[0])
    mean, spread = mixture.means[:, i], np.sqrt(mixture.covariances[:, i, i])
    weight = mixture.weights * mixture.of_codes(j)[0]
    weight = weight / weight.sum() if weight.sum() > 0 else mixture.weights
    used = weight > 1e-9
    mean, spread, weight = mean[used], spread[used], weight[used]
    # As many points in each component as it has weight, and some everywhere.
    own = (mean + spread * np.linspace(-9.0, 9.0, 41)[:, None]).ravel()
    even = np.linspace((mean - 9 * spread).min(), (mean + 9 * spread).max(), points)
    places = np.unique(np.concatenate([own, even]))
    below = np.zeros(len(places))
    for centre, width, share in zip(mean, spread, weight, strict=True):
        below += share * ndtr((places - centre) / width)
    return places, below


def laid_to_fit(encoder: TableEncoder, mixture: Mixture) -> tuple[ColumnEncoder, ...]:
    """The column encoders (d,) with each number line laid so that the mixture's marginal is the column's own."""
    return tuple(
        _laid(column, column.line, mixture, j)
        if isinstance(column, NumericEncoder) and column.line is not None
        else column
        for j, column in enumerate(encoder.columns)
    )


def _laid(column: NumericEncoder, line: NumberLine, mixture: Mixture, j: int) -> NumericEncoder:
    from scipy.special import ndtr

    places, below = line_marginal(mixture, j)
    inside = (below > 1e-12) & (below < 1 - 1e-12) & (np.diff(below, prepend=-1.0) > 0)
    to = np.interp(ndtr(line.to), below[inside], places[inside])
    # Between components the marginal may be flat; knots must stay apart.
    to = np.maximum.accumulate(to) + 1e-9 * np.arange(len(to))
    moved = replace(line, to=to)
    nullable = column.slot.missing_code is not None
    return NumericEncoder(column.grid, column.atoms, column.counts, moved, nullable, column.moved, column.options)


def evened(mixture: Mixture, drawn: Encoded, generator: np.random.Generator) -> Encoded:
    """Freely drawn rows with the values of each line moved to even places of the mixture's marginal, in their order.

    Packham and Schmidt (2010), "Latin hypercube sampling with dependence": each row moves by about 1/√n of a line.
    """
    values = drawn.values.copy()
    for j in mixture.continuous:
        rows = np.flatnonzero(drawn.codes[:, j] == 0)
        if len(rows) >= EVEN_FROM:
            places, below = line_marginal(mixture, int(j))
            ascending = np.sort(even_places(len(rows), generator))
            rows = rows[np.argsort(values[rows, j], kind="stable")]
            values[rows, j] = np.interp(ascending, below, places)
    return replace(drawn, values=values)
