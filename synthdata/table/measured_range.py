"""Numbers in text of which some only say that they lie beyond what can be measured: ``<5``, ``> 1000``.

Such a cell is the number one step beyond its end, and all numbers beyond an end are written as that cell. A format with
ends has them at its sides: ``<5|%.1f|>1000``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_END = re.compile(r"(?P<sign>[<>]=?|[≤≥]) ?(?P<bound>-?(?:0|[1-9]\d*)(?:\.(?P<decimals>\d+))?)")
#: how large a step is where decimals do not say it, relative to the bound
_STEP = 1e-6


class End(NamedTuple):
    """A cell for all numbers beyond a bound: as it is written, the bound, and whether it is the upper one."""

    text: str
    bound: float
    above: bool

    @classmethod
    def of(cls, text: str) -> End | None:
        """The end that a text is; None where it is none.

        >>> End.of("< 0.5")
        End(text='< 0.5', bound=0.5, above=False)
        """
        found = _END.fullmatch(text)
        return cls(text, float(found["bound"]), found["sign"][0] in ">≥") if found else None

    @property
    def decimals(self) -> int:
        """How many digits the bound has after its point."""
        return len(self.text.partition(".")[2])

    def number(self, decimals: int | None) -> float:
        """The number that stands for the cell.

        >>> End.of("<5").number(1)
        4.9
        """
        step = _STEP * max(abs(self.bound), 1.0) if decimals is None else 10.0**-decimals
        beyond = self.bound + (step if self.above else -step)
        return beyond if decimals is None else round(beyond, decimals)


class Ends(NamedTuple):
    """The lower and the upper end of what was measured, where there are such."""

    low: End | None = None
    high: End | None = None

    @property
    def known(self) -> tuple[End, ...]:
        """Those that there are."""
        return tuple(end for end in self if end is not None)

    def numbers(self, decimals: int | None) -> dict[str, float]:
        """The cells, and the numbers that stand for them."""
        return {end.text: end.number(decimals) for end in self.known}

    def hide(self, texts: Sequence[str], numbers: np.ndarray) -> list[str]:
        """Numbers as text (n,), with the cells of ends for those that lie beyond them."""
        out = np.array(texts, dtype=object)
        for end in self.known:
            out[numbers > end.bound if end.above else numbers < end.bound] = end.text
        return list(out)


def split_ends(layout: str | None) -> tuple[Ends, str | None]:
    """The ends of a format of numbers, and the format without them.

    >>> split_ends("<5|%.1f")[1], split_ends("%d")
    ('%.1f', (Ends(low=None, high=None), '%d'))
    """
    parts = (layout or "").split("|")
    ends = {end.above: end for end in map(End.of, parts) if end}
    rest = "|".join(part for part in parts if End.of(part) is None)
    return Ends(ends.get(False), ends.get(True)), rest or None


def with_ends(layout: str, ends: Ends) -> str:
    """A format of numbers with ends at its sides."""
    return "|".join([*([ends.low.text] if ends.low else []), layout, *([ends.high.text] if ends.high else [])])


def find_ends(values: np.ndarray, counts: np.ndarray, least: int) -> Ends | None:
    """The ends among distinct cells (k,), all others of which are numbers within them; None where there is no such.

    An end that fewer than ``least`` rows have is none, since it would be told of these rows.
    """
    found = {value: end for value in values if (end := End.of(value))}
    sides = {end.above: end for end in found.values()}
    if not found or len(sides) < len(found) or min(counts[[value in found for value in values]]) < least:
        return None
    low, high = sides.get(False), sides.get(True)
    try:
        numbers = [float(value) for value in values if value not in found]
    except ValueError:
        return None
    if not numbers or (low and min(numbers) < low.bound) or (high and max(numbers) > high.bound):
        return None
    return Ends(low, high)
