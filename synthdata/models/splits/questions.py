"""One column as cells in an order, and the yes-or-no questions that lead to a cell.

"Is it in the upper half?" is asked of ever shorter stretches of the order until one cell is left. A model of the
answers is then a model of the column, and the product of the answers' probabilities is the cell's. (Questions instead
of classes: see Morin and Bengio 2005, "Hierarchical probabilistic neural network language model"; for tables, McCarter
2024, "Unmasking trees for tabular data".)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from synthdata.encoders.base import UNSEEN, AllowedCells
from synthdata.encoders.bins import Bins

#: how many stretches of cells are told apart at most, so that one byte names them
MOST_STRETCHES = 250
#: how many rows a cell without any counts as
_NEVER = 0.01


@dataclass(frozen=True)
class Questions:
    """A column's questions, as a tree over stretches of neighbouring cells.

    ``stretch`` (cardinality,) says where in the order each cell of ``bins`` is: rare neighbours share a stretch and are
    told apart by their frequency alone. ``mass`` (cardinality,) is how many rows each cell had.
    """

    bins: Bins
    stretch: np.ndarray
    mass: np.ndarray

    @classmethod
    def fit(cls, bins: Bins, cells: np.ndarray, places: np.ndarray) -> Questions:
        """Order the cells (n,) of a column by ``places`` (cardinality,), and join rare neighbours."""
        mass = np.maximum(np.bincount(cells, minlength=bins.cardinality).astype(float), _NEVER)
        along = np.argsort(places, kind="stable")
        stretch = np.empty(len(mass), dtype=np.int16)
        stretch[along] = _stretches(mass[along], MOST_STRETCHES)
        return cls(bins, stretch, mass)

    @cached_property
    def weights(self) -> np.ndarray:
        """How many rows each stretch had."""
        return np.bincount(self.stretch, weights=self.mass)

    @cached_property
    def below(self) -> np.ndarray:
        """The share of rows below each stretch, and 1 at the end."""
        total = np.concatenate([[0.0], np.cumsum(self.weights)])
        return total / total[-1]

    @cached_property
    def middles(self) -> np.ndarray:
        """The middle of each stretch on the scale of shares of rows."""
        return (self.below[1:] + self.below[:-1]) / 2

    @cached_property
    def nodes(self) -> np.ndarray:
        """The questions (q, 5): low, middle, high, and the question after a no and a yes (-1 - s: it is stretch s).

        Each asks of a cell in stretches low … high - 1 whether it is at or above the middle; the first is question 0,
        which sets nulls apart where there are any: they are no neighbours of the largest numbers.
        """
        nodes: list[list[int]] = []
        below = self.below
        waiting = [(0, len(self.weights), -1, 0)]
        while waiting:
            low, high, parent, side = waiting.pop()
            if parent >= 0:
                nodes[parent][3 + side] = len(nodes) if high - low > 1 else -1 - low
            if high - low > 1:
                half = np.abs(below[low + 1 : high] - (below[low] + below[high]) / 2)
                middle = low + 1 + int(np.argmin(half))
                if parent < 0 and self._nulls_last:
                    middle = high - 1
                nodes.append([low, middle, high, 0, 0])
                waiting += [(low, middle, len(nodes) - 1, 0), (middle, high, len(nodes) - 1, 1)]
        return np.array(nodes, dtype=np.int64).reshape(-1, 5)

    @cached_property
    def start(self) -> np.ndarray:
        """The log-odds (q,) of a yes over all rows."""
        low, middle, high = self.below[self.nodes[:, :3]].T
        return np.asarray(np.log((high - middle) / (middle - low)))

    @property
    def _nulls_last(self) -> bool:
        slot = self.bins.slot
        if slot.missing_code is None or len(self.weights) < 2:
            return False
        null = int(self.stretch[slot.missing_code + (self.bins.count - 1 if self.bins.count else 0)])
        return null == len(self.weights) - 1 and int((self.stretch == null).sum()) == 1

    def asked(self, stretches: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every question that is asked on the way to the stretches (n,): its row, which it is, and the answer."""
        rows, questions, answers = (
            [np.empty(0, dtype=np.int64)],
            [np.empty(0, dtype=np.int64)],
            [np.empty(0, dtype=bool)],
        )
        active = np.arange(len(stretches) if len(self.nodes) else 0)
        at = np.zeros(len(active), dtype=np.int64)
        while len(active):
            yes = stretches[active] >= self.nodes[at, 1]
            rows.append(active)
            questions.append(at)
            answers.append(yes)
            after = self.nodes[at, 3 + yes]
            active, at = active[after >= 0], after[after >= 0]
        return np.concatenate(rows), np.concatenate(questions), np.concatenate(answers)

    def stretches(self, cells: np.ndarray) -> np.ndarray:
        """The stretch (n,) of each cell; `UNSEEN` stays."""
        return np.where(cells == UNSEEN, UNSEEN, self.stretch[cells])

    def log_inside(self, cells: np.ndarray) -> np.ndarray:
        """The log-density (n,) of a cell's code and value given its stretch."""
        inside = np.log(self.mass[cells] / self.weights[self.stretch[cells]])
        return inside + np.where(cells < self.bins.count, np.log(max(self.bins.count, 1)), 0.0)

    def draw(
        self, stretches: np.ndarray, generator: np.random.Generator, allowed: AllowedCells | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Codes and values (n,) in the given stretches, within ``allowed``."""
        mass = self.mass if allowed is None else self.mass * self.bins.allowed(allowed)
        along = np.argsort(self.stretch, kind="stable")
        total = np.concatenate([[0.0], np.cumsum(mass[along])])
        first = np.searchsorted(self.stretch[along], np.arange(len(self.weights) + 1))
        low, high = total[first[stretches]], total[first[stretches + 1]]
        place = low + generator.random(len(stretches)) * (high - low)
        at = np.searchsorted(total, place, side="right") - 1
        cells = along[np.clip(at, first[stretches], first[stretches + 1] - 1)]
        return self.bins.codes(cells, generator, allowed)

    def allowed_shares(self, allowed: AllowedCells) -> np.ndarray:
        """Which share of each stretch's rows meets a condition."""
        return np.bincount(self.stretch, weights=self.mass * self.bins.allowed(allowed)) / self.weights


def _stretches(mass: np.ndarray, most: int) -> np.ndarray:
    """Which stretch (k,) ordered cells are in: one of their own, or with neighbours if there are too many."""
    if len(mass) <= most:
        return np.arange(len(mass))
    target = mass.sum() / most
    while True:
        stretch = np.empty(len(mass), dtype=np.int64)
        current, held = 0, 0.0
        for i, rows in enumerate(mass):
            if held and held + rows / 2 > target:
                current, held = current + 1, 0.0
            stretch[i], held = current, held + rows
        if current < most:
            return stretch
        target *= 1.1
