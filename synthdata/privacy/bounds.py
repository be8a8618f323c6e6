"""What a column's values are, bought with noise: how many, between which bounds, in which bins, which categories.

Every count has discrete Gaussian noise; a row changes each by one at most. What is decided from noisy counts costs
nothing more.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from synthdata.privacy.charges import Charge
from synthdata.privacy.mechanisms import discrete_gaussian, threshold_for
from synthdata.privacy.private_table import Guarded
from synthdata.table.storage import Cells

#: how many σ a noisy count must be above 0 to be taken for something, alone, among some ten and among some hundred
CLEAR = 3.5
CLEAR_AMONG_TENS = 4.0
CLEAR_AMONG_MANY = 4.5
#: so many neighbouring counts are also taken together
_TOGETHER = (1, 2, 4, 8)
#: into how many parts a bin is cut that turns out to hold too many rows, and how often bins are looked at in a row
_PARTS = 4
LEVELS = 11
#: the digits after the point that are told apart
_DIGITS = 9
#: magnitudes told apart, as powers of two
_LEAST, _MOST = -64, 64


@dataclass(frozen=True)
class Look:
    """How a look is paid for: from which reservation, with which noise, and about which column."""

    stage: str
    sigma: float
    about: str

    def counts(self, rows: Guarded[Any], query: Any, what: str) -> np.ndarray:
        """Noisy counts under this look's terms."""
        return rows.counts(query, what, sigma=self.sigma, part_of=self.stage, note=self.about)


def null_share(cells: Guarded[Cells], look: Look, rows: float) -> float:
    """The share of nulls in a column; 0 where it cannot be told from none."""
    noisy = int(look.counts(cells, lambda c: np.array([c.missing.sum()]), "nulls")[0])
    return min(noisy / rows, 1.0) if noisy > CLEAR * look.sigma else 0.0


def decimals(cells: Guarded[Cells], look: Look, rows: float) -> int | None:
    """How many digits after the point nearly all numbers of a column need; None where that is more than nine."""

    def needed(c: Cells) -> np.ndarray:
        numbers = np.asarray(c.values, dtype=np.float64)[~c.missing]
        need = np.full(len(numbers), _DIGITS + 1)
        for digits in range(_DIGITS, -1, -1):
            scaled = numbers * 10.0**digits
            exact = np.abs(scaled - np.rint(scaled)) <= 1e-9 * np.maximum(np.abs(scaled), 1.0)
            need[exact] = digits
        return np.bincount(need, minlength=_DIGITS + 2)

    noisy = look.counts(cells, needed, "decimals")
    for digits in range(_DIGITS + 1):
        if not _standing_out(noisy[digits + 1 :], CLEAR_AMONG_TENS * look.sigma, 0.01 * rows).any():
            return digits
    return None


def _standing_out(noisy: np.ndarray, clear: float, least: float = 0.0) -> np.ndarray:
    """Which noisy counts (k,) are clearly more than ``least``, by themselves or several neighbours together."""
    rest = noisy.astype(np.float64)
    found = np.zeros(len(rest), dtype=bool)
    for width in _TOGETHER:
        while width <= len(rest):
            sums = np.convolve(rest, np.ones(width), "valid")
            best = int(np.argmax(sums))
            if sums[best] <= least + clear * math.sqrt(width):
                break
            # What was found once must not make its neighbours seem more.
            found[best : best + width], rest[best : best + width] = True, 0.0
    return found


def bounds(steps: Guarded[np.ndarray], look: Look) -> tuple[float, float] | None:
    """Powers of two between which nearly all numbers of a column lie, by the magnitudes that clearly occur.

    None where no magnitude, and no few neighbours together, stand out of the noise.
    """
    exponents = np.arange(_LEAST, _MOST + 1)
    edges = 2.0 ** (exponents - 1)

    def magnitudes(numbers: np.ndarray) -> np.ndarray:
        numbers = numbers.astype(np.float64)
        # Bucket k holds [2**(k-1), 2**k); what is smaller than all of them counts as 0, what is larger as the last.
        size = np.searchsorted(edges, np.abs(numbers), side="right")
        return np.bincount(np.where(numbers < 0, -size, size) + len(edges), minlength=2 * len(edges) + 1)

    noisy = look.counts(steps, magnitudes, "bounds")
    found = np.flatnonzero(_standing_out(noisy, CLEAR_AMONG_MANY * look.sigma)) - len(edges)
    if not len(found):
        return None
    first, last = int(found[0]), int(found[-1])

    def outer(bucket: int) -> float:
        return 0.0 if bucket == 0 else math.copysign(2.0 ** exponents[abs(bucket) - 1], bucket)

    def inner(bucket: int) -> float:
        return 0.0 if bucket == 0 else math.copysign(2.0 ** (exponents[abs(bucket) - 1] - 1), bucket)

    return (outer(first) if first < 0 else inner(first)), (outer(last) if last > 0 else inner(last))


def bin_edges(
    steps: Guarded[np.ndarray], low: float, high: float, look: Look, rows: float, bins: int, whole: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Edges (k + 1,) of bins between bounds, and noisy counts (k,): about as many rows in each, spikes by themselves.

    A bin that clearly holds more than its share is cut in four, ten times at most (as in Zhang, Xiao and Xie 2016,
    "PrivTree", with the noise of each level paid for). ``whole`` numbers are kept apart by edges between them, and bins
    of one number are not cut. Where a bin of several is still too full at the end, its roundest number, such as 0, is
    looked at by itself.
    """
    half = 0.5 if whole else 0.0
    nodes: list[tuple[float, float, float]] = [(low - half, high + half, math.inf)]
    share = max(rows / bins, 2 * CLEAR * look.sigma)
    for level in range(1, LEVELS + 1):
        cut_up = partial(_cut, whole=whole) if level < LEVELS else partial(_around_roundest, whole=whole)
        parts = [cut_up(start, end) if count > share else [] for start, end, count in nodes]
        cut = [part for pieces in parts for part in pieces]
        if not cut:
            continue
        starts = np.array([start for start, _ in cut])
        ends = np.array([end for _, end in cut])

        def inside(numbers: np.ndarray, starts: np.ndarray = starts, ends: np.ndarray = ends) -> np.ndarray:
            # Bounds count what lies beyond them as what lies on them.
            numbers = np.clip(numbers.astype(np.float64), low, high)
            place = np.clip(np.searchsorted(starts, numbers, side="right") - 1, 0, len(starts) - 1)
            held = (numbers >= starts[place]) & ((numbers < ends[place]) | (ends[place] >= high))
            return np.bincount(place[held], minlength=len(starts))

        noisy = iter(look.counts(steps, inside, "bins").tolist())
        nodes = [
            entry
            for node, pieces in zip(nodes, parts, strict=True)
            for entry in ([(start, end, float(next(noisy))) for start, end in pieces] if pieces else [node])
        ]
    if math.isinf(nodes[0][2]):
        nodes = [(nodes[0][0], nodes[0][1], rows)]
    return _merged(nodes, share)


def _cut(start: float, end: float, whole: bool) -> list[tuple[float, float]]:
    """A bin's parts; none where it cannot be cut."""
    if whole:
        width = round(end - start)
        marks = sorted({start + round(width * k / _PARTS) for k in range(_PARTS + 1)})
    else:
        marks = sorted({start + (end - start) * k / _PARTS for k in range(_PARTS + 1)})
    return list(itertools.pairwise(marks)) if len(marks) > 2 else []


def _around_roundest(start: float, end: float, whole: bool) -> list[tuple[float, float]]:
    """The part of a bin below its roundest number, that number, and the part above; none where it has but one number.

    >>> _around_roundest(199_990.5, 200_010.5, whole=True)
    [(199990.5, 199999.5), (199999.5, 200000.5), (200000.5, 200010.5)]
    """
    first, last = math.ceil(start), math.floor(end)
    if not whole or first >= last:
        return []
    number = 0
    if first > 0 or last < 0:
        powers = (10**k for k in range(18, -1, -1))
        number = next(upper for power in powers if (upper := -(-first // power) * power) <= last)
    marks = sorted({start, number - 0.5, number + 0.5, end})
    return list(itertools.pairwise(marks))


def _merged(nodes: list[tuple[float, float, float]], share: float) -> tuple[np.ndarray, np.ndarray]:
    """Neighbouring bins of few rows as one, up to half a share; bins of a share stay alone."""
    edges, counts = [nodes[0][0]], []
    running = 0.0
    for place, (_, end, count) in enumerate(nodes):
        running += max(count, 0.0)
        following = nodes[place + 1][2] if place + 1 < len(nodes) else math.inf
        if running >= share / 2 or following >= share:
            edges.append(end)
            counts.append(running)
            running = 0.0
    return np.array(edges), np.array(counts)


def categories(cells: Guarded[Cells], look: Look, delta: float) -> dict[Any, int]:
    """The categories of a column that clearly more than one row has, with their noisy counts, the most frequent first.

    A category that one row (or one unit of several) alone has is named with probability ``delta`` at most (Korolova,
    Kenthapadi, Mishra and Ntoulas 2009, "Releasing search queries and clicks privately").
    """
    rows = cells.ledger.rows_per_unit
    charge = Charge(
        "categories", "discrete gaussian", rows, sigma=look.sigma, delta=delta, part_of=look.stage, note=look.about
    )
    least = threshold_for(look.sigma, delta, rows)
    found: dict[Any, int] = cells.noisy(lambda c, entropy: _named(c, look.sigma, least, entropy), charge)
    return found


def _named(cells: Cells, sigma: float, least: float, entropy: Any) -> dict[Any, int]:
    import pandas as pd

    present = cells.values[~cells.missing]
    codes, found = pd.factorize(present)
    noisy = np.bincount(codes, minlength=len(found)) + discrete_gaussian(sigma, len(found), entropy)
    kept = [(value, int(count)) for value, count in zip(found, noisy, strict=True) if count > least]
    # Sorted by what is public now, so that the order of rows does not show.
    return dict(sorted(kept, key=lambda entry: (-entry[1], str(entry[0]))))
