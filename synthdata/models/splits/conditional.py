"""One column given columns before it: the answers to its questions, by trees, and how rows come to a cell by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from synthdata.models.splits.boosting import Answers, Boosted
from synthdata.models.splits.questions import Questions

#: a column of fewer places is not compared with another
FINE = 12
#: how many imagined rows of shift 0 are among those over which the questions' shifts are found
PRIOR_ROWS = 20.0

NO_TREES = Boosted(
    np.zeros(1, dtype=np.int32),
    np.empty(0, dtype=np.int16),
    np.empty(0, dtype=np.uint8),
    np.empty(0, dtype=np.int16),
    np.empty(0, dtype=np.int16),
    np.empty(0, dtype=np.float32),
)


@dataclass(frozen=True)
class Conditional:
    """What is known about a column given others: its questions, its parents, those it is compared with, and the trees.

    Parents and ``near`` name columns of the stretches (n, d) that the methods are given; ``middles`` holds the middles
    of the stretches of each column in ``near``. ``shift`` (q,) is added to the log-odds of each question, so that over
    rows as they are drawn a yes is as frequent as in the table: small errors would else add up along the columns.
    """

    questions: Questions
    parents: list[int]
    near: list[int]
    middles: list[np.ndarray] = field(repr=False)
    trees: Boosted = NO_TREES
    shift: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def of(cls, j: int, parents: list[int], near: list[int], questions: Sequence[Questions]) -> Conditional:
        """Column ``j`` of all columns' questions, with nothing learnt so far."""
        middles = [questions[i].middles for i in near]
        return cls(questions[j], parents, near, middles, shift=np.zeros(len(questions[j].nodes)))

    def with_trees(self, trees: Boosted, shift: np.ndarray | None = None) -> Conditional:
        """The same with the trees that were learnt."""
        return replace(self, trees=trees, shift=np.zeros(len(self.questions.nodes)) if shift is None else shift)

    def answers(self, stretches: np.ndarray, rows: np.ndarray, own: np.ndarray) -> Answers:
        """All questions that led to what rows (m,) have in this column, ``own`` (m,), and their answers."""
        asker, asked, yes = self.questions.asked(own)
        return Answers(self._features(stretches, rows[asker], asked), self.questions.start[asked], yes, asker)

    def _features(self, stretches: np.ndarray, rows: np.ndarray, asked: np.ndarray) -> np.ndarray:
        """What trees see (m, f) of the rows and the questions that are asked of them."""
        features = np.empty((len(rows), len(self.parents) + 2 + len(self.near)), dtype=np.uint8)
        for k, i in enumerate(self.parents):
            features[:, k] = stretches[rows, i]
        low, middle, high = self.questions.nodes[:, :3].T
        features[:, len(self.parents)] = (middle - 1)[asked]
        features[:, len(self.parents) + 1] = (high - low)[asked]
        # How far the question lies above an earlier column, in shares of rows: a split on a diagonal.
        at = self.questions.below[middle][asked]
        for k, (i, middles) in enumerate(zip(self.near, self.middles, strict=True)):
            apart = at - middles[stretches[rows, i]]
            features[:, len(self.parents) + 2 + k] = 127.5 + 127 * np.sign(apart) * np.sqrt(np.abs(apart))
        return features

    def chances(self, stretches: np.ndarray, rows: np.ndarray, asked: np.ndarray) -> np.ndarray:
        """The probability of a yes (m,) to each question, given what the rows have in earlier columns."""
        odds = (self.questions.start + self.shift)[asked]
        if len(self.trees):
            odds = odds + self.trees.log_odds(self._features(stretches, rows, asked))
        return np.asarray(1 / (1 + np.exp(-odds)))

    def log_chances(self, stretches: np.ndarray, rows: np.ndarray, own: np.ndarray) -> np.ndarray:
        """The log-probability (m,) of what rows have in this column, ``own`` (m,), given earlier columns."""
        asker, asked, yes = self.questions.asked(own)
        chance = self.chances(stretches, rows[asker], asked)
        return np.bincount(asker, weights=np.log(np.where(yes, chance, 1 - chance)), minlength=len(rows))

    def steer(
        self,
        question: int,
        stretches: np.ndarray,
        rows: np.ndarray,
        shares: np.ndarray,
        steered: dict[int, np.ndarray],
    ) -> np.ndarray | float:
        """How likely rows (m,) meet a condition from a question on; ``steered`` gets the chances of a yes if so."""
        if not len(self.questions.nodes):
            return float(shares[0])
        low, _, high, no, yes = self.questions.nodes[question]
        part = shares[low:high]
        if part.min() == part.max() and part[0] in (0.0, 1.0):
            return float(part[0])
        chance = self.chances(stretches, rows, np.full(len(rows), question))
        after = [
            self.steer(next_, stretches, rows, shares, steered) if next_ >= 0 else float(shares[-1 - next_])
            for next_ in (int(no), int(yes))
        ]
        met = np.asarray((1 - chance) * after[0] + chance * after[1])
        steered[question] = np.where(met > 0, chance * after[1] / np.where(met > 0, met, 1.0), chance)
        return met

    def descend(
        self,
        stretches: np.ndarray,
        rows: np.ndarray,
        steered: Mapping[int, np.ndarray],
        generator: np.random.Generator,
        settle: bool = False,
    ) -> np.ndarray:
        """The stretch (m,) that each row comes to, question by question; ``settle`` finds the questions' shifts."""
        nodes = self.questions.nodes
        arrived = np.zeros(len(rows), dtype=np.int16)
        active = np.arange(len(rows) if len(nodes) else 0)
        at = np.zeros(len(active), dtype=np.int64)
        while len(active):
            chance = np.empty(len(active))
            free = ~np.isin(at, list(steered))
            chance[free] = self.chances(stretches, rows[active[free]], at[free])
            for question in np.unique(at[~free]):
                here = at == question
                chance[here] = steered[int(question)][active[here]]
            if settle:
                shift = _shift(chance, at, self.questions.start)
                self.shift[:] += shift
                chance = 1 / (1 + (1 - chance) / chance * np.exp(-shift[at]))
            after = nodes[at, 3 + _even_answers(chance, at, generator)]
            ended = after < 0
            arrived[active[ended]] = -1 - after[ended]
            active, at = active[~ended], after[~ended]
        return arrived


def fine(questions: Questions) -> bool:
    """Whether places in a column's order are worth comparing with places in another's."""
    slot = questions.bins.slot
    return (slot.continuous or slot.ordered) and len(questions.weights) >= FINE


def _shift(chance: np.ndarray, asked: np.ndarray, start: np.ndarray) -> np.ndarray:
    """What to add (q,) to the log-odds of each question, so that it is answered yes as often as ``start`` says."""
    count = np.bincount(asked, minlength=len(start))
    wanted = count / (1 + np.exp(-start))
    odds, shift = np.log(chance) - np.log1p(-chance), np.zeros(len(start))
    for _ in range(10):
        now = 1 / (1 + np.exp(-odds - shift[asked]))
        excess = np.bincount(asked, weights=now, minlength=len(start)) - wanted
        slope = np.bincount(asked, weights=now * (1 - now), minlength=len(start))
        prior = PRIOR_ROWS * 0.25 * (count > 0)
        shift -= np.clip((excess + prior * shift) / np.maximum(slope + prior, 1e-9), -0.5, 0.5)
    return shift


def _even_answers(chance: np.ndarray, asked: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Answers (m,) int64, each yes with its chance; questions of like chance get as many yeses as expected, up to one.

    Systematic sampling: one random start, then steps of 1 along the running total of the chances.
    """
    if not len(chance):
        return np.empty(0, dtype=np.int64)
    along = np.lexsort((generator.random(len(chance)), chance, asked))
    total = np.floor(np.cumsum(chance[along]) + generator.random())
    yes = np.empty(len(chance), dtype=np.int64)
    yes[along] = np.diff(total, prepend=0.0) > 0
    return yes
