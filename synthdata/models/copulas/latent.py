"""How cells hang on normal scores: which latent scores a column has, and which of their values stand for which cell.

A column's cell is decided in stages, each by a standard normal score of its own. A stage ends with one code where its
score is below a threshold; the last stage cuts its score into intervals, one for each code that is left, in order, and
the number line lies between them like one more code that is as wide as it has rows. A null is the first stage; an
unordered category has a stage for each of its most frequent codes, so that every pair of codes of two columns can be
correlated in its own way. A number that many rows share, such as 0 of an amount, has a stage too: what goes along with
it need not be what goes along with its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from synthdata.encoders.base import UNSEEN, AllowedCells, Slot
from synthdata.models.mixtures.normal import truncated_mean

#: at most so many codes of an unordered column have a score of their own
MOST_STAGES = 40
#: a value on a number line that so large a share of rows has is decided by a score of its own
COMMON = 0.05
#: with fewer simulated rows than this a threshold is not moved
FEWEST = 50


@dataclass(frozen=True)
class Choices:
    """Boxes of scores: from ``low`` to ``high`` (m, q), the log-rate ``slope`` (m,) of `Column.bounds`, and how likely
    each is in the column by itself, ``share`` (m,).
    """

    low: np.ndarray
    high: np.ndarray
    slope: np.ndarray
    share: np.ndarray


@dataclass(frozen=True)
class Column:
    """One slot's scores.

    ``singles`` (q - 1,) are the codes decided by the first scores, each below its ``thresholds`` (q - 1,). ``rest``
    (m,) are the codes of the last score in order, its ``edges`` (m + 1,) as shares from 0 to 1. A line is in as many
    pieces as atoms divide it into; ``pieces`` (m, 2) says which shares of the line each code 0 covers.
    """

    slot: Slot
    singles: np.ndarray
    thresholds: np.ndarray
    rest: np.ndarray
    edges: np.ndarray
    pieces: np.ndarray

    @property
    def width(self) -> int:
        """How many scores the column has."""
        return len(self.singles) + 1

    @classmethod
    def of(cls, slot: Slot, counts: np.ndarray) -> Column:
        """The scores of a slot whose codes occur ``counts`` (cardinality,) times."""
        from scipy.special import ndtr, ndtri

        share = shares_of(counts)
        singles = []
        if slot.missing_code is not None and slot.cardinality > 1:
            singles.append(slot.missing_code)
        left = [code for code in range(slot.cardinality) if code not in singles]
        if not slot.continuous and (not slot.ordered or len(left) <= MOST_STAGES):
            common = sorted(left, key=lambda code: -share[code])[: min(max(len(left) - 1, 0), MOST_STAGES)]
            singles, left = singles + common, [code for code in left if code not in common]
        elif slot.continuous or slot.ordered:
            exact = left[1:] if slot.continuous else left
            common = sorted((code for code in exact if share[code] >= COMMON), key=lambda code: -share[code])
            singles, left = singles + common, [code for code in left if code not in common]
        decided = np.cumsum(np.concatenate([[0.0], share[singles]]))[:-1]
        thresholds = ndtri(np.clip(share[singles] / np.maximum(1.0 - decided, 1e-300), 1e-12, 1 - 1e-12))
        rest, pieces = np.array(left, dtype=np.int64), np.zeros((len(left), 2))
        widths = share[rest]
        if slot.continuous:
            atoms = rest[1:][np.argsort(slot.positions[rest[1:]], kind="stable")]
            cuts = np.concatenate([[0.0], ndtr(slot.positions[atoms]), [1.0]])
            rest = np.zeros(2 * len(atoms) + 1, dtype=np.int64)
            rest[1::2] = atoms
            pieces = np.zeros((len(rest), 2))
            pieces[::2] = np.column_stack([cuts[:-1], cuts[1:]])
            widths = np.where(rest == 0, share[0] * (pieces[:, 1] - pieces[:, 0]), share[rest])
        edges = np.concatenate([[0.0], np.cumsum(widths)])
        return cls(slot, np.array(singles, dtype=np.int64), thresholds, rest, edges / edges[-1], pieces)

    @property
    def free(self) -> bool:
        """Whether the column's own scores may be correlated; on a number line they stay independent."""
        return not self.slot.continuous and self.width > 1

    def calibrated(self, scores: np.ndarray, share: np.ndarray) -> Column:
        """The column with thresholds by which simulated scores (n, width), correlated among themselves, have each code
        as often as ``share`` (cardinality,) says.

        Where fewer than `FEWEST` are left to decide by, thresholds stay as they are.
        """
        from scipy.special import ndtr

        thresholds, edges = self.thresholds.copy(), self.edges.copy()
        undecided, left = np.ones(len(scores), dtype=bool), 1.0
        for i, code in enumerate(self.singles):
            if undecided.sum() >= FEWEST:
                thresholds[i] = np.quantile(scores[undecided, i], min(share[code] / max(left, 1e-300), 1.0))
            undecided &= scores[:, i] >= thresholds[i]
            left -= share[code]
        if undecided.sum() >= FEWEST and len(self.rest) > 1:
            below = np.cumsum(share[self.rest])[:-1] / share[self.rest].sum()
            edges[1:-1] = ndtr(np.quantile(scores[undecided, -1], below))
        return replace(self, thresholds=thresholds, edges=edges)

    def cells(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Codes (n,) and values (n,) of scores (n, width)."""
        from scipy.special import ndtr, ndtri

        share = ndtr(scores[:, -1])
        at = np.clip(np.searchsorted(self.edges, share, side="right") - 1, 0, len(self.rest) - 1)
        # An empty interval may share its edge with its neighbour; the neighbour has it.
        codes = self.rest[at].astype(np.int32)
        values = np.full(len(scores), np.nan)
        if self.slot.continuous:
            width = np.maximum(self.edges[at + 1] - self.edges[at], 1e-300)
            inside = np.clip((share - self.edges[at]) / width, 0.0, 1.0)
            first, last = self.pieces[at, 0], self.pieces[at, 1]
            below = np.clip(first + inside * (last - first), 1e-12, 1 - 1e-12)
            values = np.where(codes == 0, ndtri(below), np.nan)
        for i in reversed(range(len(self.singles))):
            decided = scores[:, i] < self.thresholds[i]
            codes[decided] = self.singles[i]
            values[decided] = np.nan
        return codes, values

    def bounds(self, codes: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which scores cells have: from ``low`` to ``high`` (n, width), equal for a value on the line, and the
        logarithm (n,) of how fast the score then moves with the value. An `UNSEEN` cell leaves its scores free.
        """
        n, q = len(codes), self.width
        low, high, slope = np.full((n, q), -np.inf), np.full((n, q), np.inf), np.zeros(n)
        undecided = codes != UNSEEN
        for i, code in enumerate(self.singles):
            hit = undecided & (codes == code)
            high[hit, i] = self.thresholds[i]
            undecided &= ~hit
            low[undecided, i] = self.thresholds[i]
        if self.slot.continuous:
            on_line = np.flatnonzero(undecided & (codes == 0) & ~np.isnan(values))
            score, slope[on_line] = self._line_scores(values[on_line])
            low[on_line, -1] = high[on_line, -1] = score
            undecided[codes == 0] = False
        place = np.zeros(self.slot.cardinality, dtype=np.int64)
        place[self.rest[self.rest > 0]] = np.flatnonzero(self.rest > 0)
        if len(self.rest) and not self.slot.continuous:
            place[self.rest] = np.arange(len(self.rest))
        ends = _ends(self.edges)
        rows = np.flatnonzero(undecided)
        low[rows, -1], high[rows, -1] = ends[place[codes[rows]]], ends[place[codes[rows]] + 1]
        return low, high, slope

    def _line_scores(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The last score (m,) of values on the line, and the logarithm of how fast it moves with them."""
        from scipy.special import ndtr, ndtri

        below = ndtr(values)
        line = np.flatnonzero(self.rest == 0)
        piece = line[np.clip(np.searchsorted(self.pieces[line, 0], below, side="right") - 1, 0, len(line) - 1)]
        first, last = self.pieces[piece, 0], self.pieces[piece, 1]
        width = self.edges[piece + 1] - self.edges[piece]
        inside = np.where(last > first, (below - first) / np.maximum(last - first, 1e-300), 0.5)
        share = self.edges[piece] + np.clip(inside, 0.0, 1.0) * width
        score = ndtri(np.clip(share, 1e-15, 1 - 1e-15))
        rate = np.log(np.maximum(width, 1e-300)) - np.log(np.maximum(last - first, 1e-300))
        # Both normal densities without their common constant.
        return score, rate - 0.5 * values**2 + 0.5 * score**2

    def expectations(self, codes: np.ndarray, values: np.ndarray) -> np.ndarray:
        """What cells (n,) say of their scores: the mean (n, width) of normals within `bounds`; no `UNSEEN` cells."""
        every = np.arange(self.slot.cardinality, dtype=np.int32)
        low, high, _ = self.bounds(every, np.full(len(every), np.nan))
        out = truncated_mean(low, high)[codes]
        if self.slot.continuous:
            on_line = codes == 0
            out[on_line, -1] = self._line_scores(values[on_line])[0]
        return out

    def choices(self, wanted: AllowedCells) -> Choices:
        """The ways to meet a condition, each a box of scores."""
        from scipy.special import ndtr

        codes, values = np.flatnonzero(wanted.codes).astype(np.int32), np.full(int(wanted.codes.sum()), np.nan)
        share = self.shares()[codes]
        if not (self.slot.continuous and wanted.codes[0]):
            return Choices(*self.bounds(codes, values), share)
        if wanted.low == wanted.high:
            values[codes == 0] = wanted.low
            low, high, slope = self.bounds(codes, values)
            density = -0.5 * low[codes == 0, -1] ** 2 - 0.5 * np.log(2 * np.pi) + slope[codes == 0]
            share[codes == 0] = np.exp(density) * self._undecided()
            return Choices(low, high, slope, share)
        low, high, slope = self.bounds(codes[codes != 0], values[codes != 0])
        # The part of each piece of the line that lies within the range.
        line = np.flatnonzero(self.rest == 0)
        pieces = self.pieces[line]
        inside = np.clip(ndtr([wanted.low, wanted.high])[None], pieces[:, :1], pieces[:, 1:])
        line, pieces, inside = (part[inside[:, 1] > inside[:, 0]] for part in (line, pieces, inside))
        scale = (self.edges[line + 1] - self.edges[line]) / (pieces[:, 1] - pieces[:, 0])
        ends = self.edges[line][:, None] + (inside - pieces[:, :1]) * scale[:, None]
        box = np.full((2, len(line), self.width), np.inf)
        box[0] = -np.inf
        box[0, :, :-1] = self.thresholds
        box[:, :, -1] = _ends(ends.T)
        parts = share[codes != 0], self._undecided() * (ends[:, 1] - ends[:, 0])
        return Choices(
            np.concatenate([low, box[0]]),
            np.concatenate([high, box[1]]),
            np.concatenate([slope, np.zeros(len(line))]),
            np.concatenate(parts),
        )

    def _undecided(self) -> float:
        """The share of rows that only the last score decides."""
        from scipy.special import ndtr

        return float(np.prod(1.0 - ndtr(self.thresholds)))

    def shares(self) -> np.ndarray:
        """How often each code occurs (cardinality,)."""
        from scipy.special import ndtr

        out, left = np.zeros(self.slot.cardinality), 1.0
        for code, threshold in zip(self.singles, self.thresholds, strict=True):
            out[code] = left * ndtr(threshold)
            left *= 1.0 - ndtr(threshold)
        np.add.at(out, self.rest, left * np.diff(self.edges))
        return out


def _ends(shares: np.ndarray) -> np.ndarray:
    """The normal scores of shares; those of 0 and 1, up to rounding, are infinite."""
    from scipy.special import ndtri

    return np.asarray(ndtri(np.where(shares < 1e-14, 0.0, np.where(shares > 1 - 1e-14, 1.0, shares))))


def shares_of(counts: np.ndarray) -> np.ndarray:
    """The share (cardinality,) of each code, none of them 0."""
    return np.asarray((counts + 1e-9) / (counts + 1e-9).sum())
