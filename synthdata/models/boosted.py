"""Sequential trees: every column from the ones before it, by boosted trees that answer which cell comes next.

Columns are synthesised in turn, each given those already drawn, as in synthesis by classification and regression trees
(Reiter 2005, "Using CART to generate partially synthetic public use microdata"). No leaf holds cells of real rows: the
trees know cells only by their place in an order of at most 250 stretches, and give the odds of the upper half of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from synthdata.encoders.base import UNSEEN, AllowedCells, Encoded, Slot, State
from synthdata.encoders.bins import Bins, to_cells
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.errors import ModelError
from synthdata.models.abilities import DensityMixin, ImputationMixin
from synthdata.models.splits.boosting import Answers, Boosted, Settings, boost, workers
from synthdata.models.splits.cell_order import correlations, places
from synthdata.models.splits.questions import MOST_STRETCHES, Questions
from synthdata.progress import Progress

#: the fewest rows from which anything about the dependence of columns is learnt
FEWEST_ROWS = 40
#: which share of the rows, and how many at most, decide when to stop adding trees
HELD_OUT, MOST_HELD_OUT = 0.1, 10_000
#: the fewest rows in a bin of a number line
BIN_ROWS = 10
#: a tree has no more leaves than one for so many rows beyond the first, where that is more than the fewest
FIRST_ROWS, ROWS_PER_LEAF, FEWEST_LEAVES = 3000, 200, 15
#: a leaf has no fewer answers than one for so many rows beyond the first, up to a number: small leaves lean, and on
#: large tables they add little
ANSWERED_FIRST, ROWS_PER_ANSWER, MOST_ASKED_FOR = 2_000, 70, 200
#: how many rows are drawn at once
BATCH = 200_000
#: how often the unknown cells of an incomplete row are drawn to average over them, and to choose a completion
MARGINAL_DRAWS, FILL_DRAWS = 16, 8
#: over how many drawn rows the questions' shifts are found, and how many imagined ones of shift 0 are among them
TRIAL_ROWS, PRIOR_ROWS = 50_000, 20.0
#: to how many earlier columns a column's place is compared, and how strongly they must be correlated with it
NEAR, LEAST_CORRELATION = 3, 0.1
#: a column of fewer places is not compared with another
FINE = 12


@dataclass(frozen=True)
class Conditional:
    """What is learnt about a column given others: its parents, those that it is compared with, and the trees.

    ``shift`` (q,) is added to the log-odds of each question, so that over rows as they are drawn a yes is as frequent
    as in the table: small errors would else add up along the columns.
    """

    parents: list[int]
    near: list[int]
    trees: Boosted
    shift: np.ndarray


class BoostedTrees(DensityMixin, ImputationMixin):
    """Boosted trees for each column given the columns before it, in the order of how many cells they tell apart.

    `log_prob` is exact for rows without unknown cells; those of others are averaged out over draws.

    Args:
        learning_rate: how far each tree goes; smaller is slower and a little better.
        leaves: how many leaves a tree has at most; no more than 15, or one for 200 rows beyond 3000.
        min_leaf: the fewest answers in a leaf; fewer follows the table more closely and protects single rows less. On
            large tables there are no fewer than one for 90 rows beyond 10,000, or 200.
        rounds: how many trees a column has at most; rows held out for it decide when to stop earlier.
        bins: into how many bins of equally many rows a number line is cut at most.
        max_parents: on how many earlier columns a column depends at most; the most correlated ones are kept.
        max_answers: from how many answers a column is learnt at most; with more rows some are left out.
        rare_threshold: in how many rows a value must occur to be stored.
        order: whether columns of many distinct cells are drawn first (``descending``) or last; a target is always last.
    """

    name: ClassVar[str] = "boosted"
    summary: ClassVar[str] = "boosted trees for each column on those before it; the best quality, in a minute or two"

    #: the columns by position, in the order in which they are drawn
    order_: list[int]
    conditionals_: list[Conditional]
    questions_: list[Questions]

    def __init__(
        self,
        learning_rate: float = 0.2,
        leaves: int = 63,
        min_leaf: int = 80,
        rounds: int = 500,
        bins: int = 240,
        max_parents: int = 48,
        max_answers: int = 1_500_000,
        rare_threshold: int = 5,
        order: Literal["descending", "ascending"] = "descending",
    ) -> None:
        self.learning_rate = learning_rate
        self.leaves = leaves
        self.min_leaf = min_leaf
        self.rounds = rounds
        self.bins = bins
        self.max_parents = max_parents
        self.max_answers = max_answers
        self.rare_threshold = rare_threshold
        self.order = order

    def make_encoder(self) -> TableEncoder:
        """Values are shares of rows, so that bins of equal width hold equally many."""
        return TableEncoder(transform="uniform", rare_threshold=self.rare_threshold, max_atoms=128, knots=2000)

    # Learning.

    def _fit(self, encoded: Encoded, generator: np.random.Generator, progress: Progress) -> None:
        bins = [self._cut(slot, encoded.codes[:, j]) for j, slot in enumerate(encoded.slots)]
        cells = to_cells(encoded, bins)
        self.questions_ = [
            Questions.fit(cutting, cells[:, j], place)
            for j, (cutting, place) in enumerate(zip(bins, places(bins, cells, generator), strict=True))
        ]
        stretches = np.zeros(cells.shape, dtype=np.int16)
        for j, questions in enumerate(self.questions_):
            stretches[:, j] = questions.stretches(cells[:, j])
        self.order_ = self._order()
        ranks = [questions.middles[stretches[:, j]] for j, questions in enumerate(self.questions_)]
        near = correlations(np.column_stack(ranks), generator) if ranks else np.empty((0, 0))
        self.conditionals_ = [Conditional([], [], NO_TREES, np.zeros(len(q.nodes))) for q in self.questions_]
        shuffled = generator.permutation(len(cells))
        trial = self._blank(min(len(cells), TRIAL_ROWS))
        chosen = [self._choose(j, self.order_[:place], near) for place, j in enumerate(self.order_)]
        pool = ThreadPoolExecutor(workers())
        try:
            # Columns are learnt side by side; threads inside a tree would wait for each other on a busy machine.
            waiting = [
                pool.submit(self._learn, j, *choice, stretches, shuffled, own)
                for j, choice, own in zip(self.order_, chosen, generator.spawn(len(chosen)), strict=True)
            ]
            self._settle(chosen, waiting, trial, generator, progress)
        finally:
            pool.shutdown(cancel_futures=True)

    def _settle(
        self,
        chosen: list[tuple[list[int], list[int]]],
        waiting: list[Future[Boosted]],
        trial: np.ndarray,
        generator: np.random.Generator,
        progress: Progress,
    ) -> None:
        """Take over each column's trees as they come, and draw the columns once to find the shifts."""
        for place, j in enumerate(self.order_):
            (parents, compared), trees = chosen[place], waiting[place].result()
            self.conditionals_[j] = Conditional(parents, compared, trees, np.zeros(len(self.questions_[j].nodes)))
            trial[:, j] = self._descend(j, trial, np.arange(len(trial)), {}, generator, settle=len(trees) > 0)
            progress.step((place + 1) / len(self.order_))

    def _order(self) -> list[int]:
        """Columns by how many stretches they have; a target comes last, where all others tell of it."""
        if self.order not in ("descending", "ascending"):
            raise ModelError(f"order must be 'descending' or 'ascending', found {self.order!r}.")
        targets = [self.schema_[questions.bins.slot.name].role == "target" for questions in self.questions_]
        sizes = np.array([len(questions.weights) for questions in self.questions_])
        sizes = -sizes if self.order == "descending" else sizes
        return [int(j) for j in np.lexsort((sizes, np.array(targets)))]

    def _cut(self, slot: Slot, codes: np.ndarray) -> Bins:
        if not slot.continuous:
            return Bins(slot, 0)
        rows = int((codes == 0).sum())
        room = max(MOST_STRETCHES - slot.cardinality + 1, 1)
        return Bins(slot, int(np.clip(min(self.bins * rows / len(codes), rows / BIN_ROWS), 1, room)))

    def _choose(self, j: int, before: list[int], near: np.ndarray) -> tuple[list[int], list[int]]:
        """The parents of a column among those before it, and which of them it is compared with."""
        by_nearness = sorted(before, key=lambda i: -near[i, j])
        parents = [i for i in before if i in set(by_nearness[: self.max_parents])]
        if not _fine(self.questions_[j]):
            return parents, []
        fine = [i for i in by_nearness if _fine(self.questions_[i]) and near[i, j] >= LEAST_CORRELATION]
        return parents, fine[:NEAR]

    def _learn(
        self,
        j: int,
        parents: list[int],
        near: list[int],
        stretches: np.ndarray,
        shuffled: np.ndarray,
        generator: np.random.Generator,
    ) -> Boosted:
        questions = self.questions_[j]
        low, _, high = questions.below[questions.nodes[:, :3]].T
        most = int(self.max_answers / max((high - low).sum(), 1.0))
        held_out = min(int(np.ceil(len(shuffled) * HELD_OUT)), MOST_HELD_OUT)
        if not parents or not len(questions.nodes) or len(shuffled) < FEWEST_ROWS:
            return NO_TREES
        leaves = min(self.leaves, max(FEWEST_LEAVES, (len(shuffled) - FIRST_ROWS) // ROWS_PER_LEAF))
        min_leaf = max(self.min_leaf, min(MOST_ASKED_FOR, (len(shuffled) - ANSWERED_FIRST) // ROWS_PER_ANSWER))
        settings = Settings(rounds=self.rounds, learning_rate=self.learning_rate, leaves=leaves, min_leaf=min_leaf)
        outside, inside = shuffled[:held_out], shuffled[held_out : held_out + most]
        answers = []
        for chosen in (inside, outside):
            rows, asked, yes = questions.asked(stretches[chosen, j])
            features = self._features(j, parents, near, stretches, chosen[rows], asked)
            answers.append(Answers(features, questions.start[asked], yes, rows))
        return boost(answers[0], answers[1], settings, generator)

    def _features(
        self, j: int, parents: list[int], near: list[int], stretches: np.ndarray, rows: np.ndarray, asked: np.ndarray
    ) -> np.ndarray:
        """What trees see (m, f) of the rows and the questions that are asked of them."""
        questions = self.questions_[j]
        features = np.empty((len(rows), len(parents) + 2 + len(near)), dtype=np.uint8)
        for k, i in enumerate(parents):
            features[:, k] = stretches[rows, i]
        low, middle, high = questions.nodes[:, :3].T
        features[:, len(parents)] = (middle - 1)[asked]
        features[:, len(parents) + 1] = (high - low)[asked]
        # How far the question lies above an earlier column, in shares of rows: a split on a diagonal.
        at = questions.below[middle][asked]
        for k, i in enumerate(near):
            apart = at - self.questions_[i].middles[stretches[rows, i]]
            features[:, len(parents) + 2 + k] = 127.5 + 127 * np.sign(apart) * np.sqrt(np.abs(apart))
        return features

    # Drawing and weighing.

    def _chances(self, j: int, stretches: np.ndarray, rows: np.ndarray, asked: np.ndarray) -> np.ndarray:
        """The probability of a yes (m,) to each question, given what the rows have in earlier columns."""
        learnt = self.conditionals_[j]
        odds = (self.questions_[j].start + learnt.shift)[asked]
        if len(learnt.trees):
            odds = odds + learnt.trees.log_odds(self._features(j, learnt.parents, learnt.near, stretches, rows, asked))
        return np.asarray(1 / (1 + np.exp(-odds)))

    def _log_chances(self, j: int, stretches: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The log-probability (m,) of what rows have in column j, given what they have in earlier columns."""
        asker, asked, yes = self.questions_[j].asked(stretches[rows, j])
        chance = self._chances(j, stretches, rows[asker], asked)
        return np.bincount(asker, weights=np.log(np.where(yes, chance, 1 - chance)), minlength=len(rows))

    def _draw_stretches(
        self,
        stretches: np.ndarray,
        allowed: Mapping[int, AllowedCells],
        generator: np.random.Generator,
        weigh: bool = True,
    ) -> np.ndarray:
        """Draw every `UNSEEN` entry (n, d) in place; the log-probability (n,) of known entries and of conditions."""
        log_weight = np.zeros(len(stretches))
        for j in self.order_:
            unknown = stretches[:, j] == UNSEEN
            known, rows = np.flatnonzero(~unknown), np.flatnonzero(unknown)
            if len(known) and weigh:
                log_weight[known] += self._log_chances(j, stretches, known)
            steered: dict[int, np.ndarray] = {}
            if j in allowed and len(rows):
                met = self._steer(j, 0, stretches, rows, self.questions_[j].allowed_shares(allowed[j]), steered)
                with np.errstate(divide="ignore"):
                    log_weight[rows] += np.log(met)
            stretches[rows, j] = self._descend(j, stretches, rows, steered, generator)
        return log_weight

    def _steer(
        self,
        j: int,
        question: int,
        stretches: np.ndarray,
        rows: np.ndarray,
        shares: np.ndarray,
        steered: dict[int, np.ndarray],
    ) -> np.ndarray | float:
        """How likely rows (m,) meet a condition from a question on; ``steered`` gets the chances of a yes if so."""
        if not len(self.questions_[j].nodes):
            return float(shares[0])
        low, _, high, no, yes = self.questions_[j].nodes[question]
        part = shares[low:high]
        if part.min() == part.max() and part[0] in (0.0, 1.0):
            return float(part[0])
        chance = self._chances(j, stretches, rows, np.full(len(rows), question))
        after = [
            self._steer(j, next_, stretches, rows, shares, steered) if next_ >= 0 else float(shares[-1 - next_])
            for next_ in (int(no), int(yes))
        ]
        met = np.asarray((1 - chance) * after[0] + chance * after[1])
        steered[question] = np.where(met > 0, chance * after[1] / np.where(met > 0, met, 1.0), chance)
        return met

    def _descend(
        self,
        j: int,
        stretches: np.ndarray,
        rows: np.ndarray,
        steered: Mapping[int, np.ndarray],
        generator: np.random.Generator,
        settle: bool = False,
    ) -> np.ndarray:
        """The stretch (m,) that each row comes to, question by question; ``settle`` finds the questions' shifts."""
        nodes = self.questions_[j].nodes
        arrived = np.zeros(len(rows), dtype=np.int16)
        active = np.arange(len(rows) if len(nodes) else 0)
        at = np.zeros(len(active), dtype=np.int64)
        while len(active):
            chance = np.empty(len(active))
            free = ~np.isin(at, list(steered))
            chance[free] = self._chances(j, stretches, rows[active[free]], at[free])
            for question in np.unique(at[~free]):
                here = at == question
                chance[here] = steered[int(question)][active[here]]
            if settle:
                shift = _shift(chance, at, self.questions_[j].start)
                self.conditionals_[j].shift[:] += shift
                chance = 1 / (1 + (1 - chance) / chance * np.exp(-shift[at]))
            after = nodes[at, 3 + _even_answers(chance, at, generator)]
            ended = after < 0
            arrived[active[ended]] = -1 - after[ended]
            active, at = active[~ended], after[~ended]
        return arrived

    def _decode(
        self, stretches: np.ndarray, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
    ) -> Encoded:
        codes, values = np.empty(stretches.shape, dtype=np.int32), np.empty(stretches.shape)
        for j, questions in enumerate(self.questions_):
            codes[:, j], values[:, j] = questions.draw(stretches[:, j], generator, allowed.get(j))
        return Encoded(self.encoder_.slots, codes, values)

    def _blank(self, n: int) -> np.ndarray:
        return np.full((n, len(self.questions_)), UNSEEN, dtype=np.int16)

    def _sample(self, n: int, generator: np.random.Generator) -> Encoded:
        parts = []
        for first in range(0, max(n, 1), BATCH):
            stretches = self._blank(min(BATCH, n - first))
            self._draw_stretches(stretches, {}, generator)
            parts.append(self._decode(stretches, {}, generator))
        codes, values = (np.concatenate([getattr(part, name) for part in parts]) for name in ("codes", "values"))
        return Encoded(self.encoder_.slots, codes, values)

    def _sample_given(
        self, n: int, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
    ) -> Encoded | None:
        """Rows that keep the conditions at each step, drawn again by how likely that was (likelihood weighting)."""
        stretches = self._blank(max(4 * n, 1000))
        log_weight = self._draw_stretches(stretches, allowed, generator)
        weight = np.exp(log_weight - log_weight.max()) if np.isfinite(log_weight).any() else np.zeros(len(log_weight))
        possible = weight.sum() > 0
        chosen = generator.choice(len(weight), n, p=weight / weight.sum()) if possible else np.empty(0, dtype=np.int64)
        return self._decode(stretches[chosen], allowed, generator)

    def _log_prob(self, encoded: Encoded) -> np.ndarray:
        cells = to_cells(encoded, [questions.bins for questions in self.questions_])
        stretches, total = self._blank(len(cells)), np.zeros(len(cells))
        for j, questions in enumerate(self.questions_):
            stretches[:, j] = questions.stretches(cells[:, j])
            known = cells[:, j] != UNSEEN
            total[known] += questions.log_inside(cells[known, j])
        gaps = (stretches == UNSEEN).any(axis=1)
        total[~gaps] += self._draw_stretches(stretches[~gaps], {}, np.random.default_rng(0))
        if gaps.any():
            generator = np.random.default_rng(0)
            passes = [self._draw_stretches(stretches[gaps], {}, generator) for _ in range(MARGINAL_DRAWS)]
            total[gaps] += np.logaddexp.reduce(passes, axis=0) - np.log(MARGINAL_DRAWS)
        return total

    def _fill(self, encoded: Encoded, generator: np.random.Generator) -> Encoded:
        """Each row is completed some times, and one completion kept by how likely it makes the known cells."""
        cells = to_cells(encoded, [questions.bins for questions in self.questions_])
        present, known = {}, self._blank(len(cells))
        for j, questions in enumerate(self.questions_):
            known[:, j] = questions.stretches(cells[:, j])
            codes = np.arange(questions.bins.slot.cardinality) != questions.bins.slot.missing_code
            if not codes.all() and codes.any():
                present[j] = AllowedCells(codes)
        best, best_key = known.copy(), np.full(len(cells), -np.inf)
        for _ in range(FILL_DRAWS):
            trial = known.copy()
            # The largest of log-weight plus Gumbel noise is a draw in proportion to the weights.
            key = self._draw_stretches(trial, present, generator) + generator.gumbel(size=len(cells))
            better = (key > best_key) | np.isneginf(best_key)
            best[better], best_key[better] = trial[better], key[better]
        filled = self._decode(best, present, generator)
        given = encoded.codes != UNSEEN
        return Encoded(
            encoded.slots, np.where(given, encoded.codes, filled.codes), np.where(given, encoded.values, filled.values)
        )

    # Model files.

    def _state(self) -> State:
        columns = []
        arrays: dict[str, np.ndarray] = {}
        for j, (questions, learnt) in enumerate(zip(self.questions_, self.conditionals_, strict=True)):
            columns.append({"bins": questions.bins.count, "parents": learnt.parents, "near": learnt.near})
            arrays |= {f"{j}/stretch": questions.stretch, f"{j}/mass": questions.mass, f"{j}/shift": learnt.shift}
            arrays |= {f"{j}/trees/{name}": array for name, array in learnt.trees.arrays().items()}
        return State({"order": self.order_, "columns": columns}, arrays)

    def _restore(self, state: State) -> None:
        self.order_, self.questions_, self.conditionals_ = list(state.config["order"]), [], []
        for j, (slot, column) in enumerate(zip(self.encoder_.slots, state.config["columns"], strict=True)):
            mine = {name.removeprefix(f"{j}/"): a for name, a in state.arrays.items() if name.startswith(f"{j}/")}
            self.questions_.append(Questions(Bins(slot, column["bins"]), mine["stretch"], mine["mass"]))
            trees = {name.removeprefix("trees/"): a for name, a in mine.items() if name.startswith("trees/")}
            self.conditionals_.append(
                Conditional(list(column["parents"]), list(column["near"]), Boosted(**trees), mine["shift"])
            )


NO_TREES = Boosted(
    np.zeros(1, dtype=np.int32),
    np.empty(0, dtype=np.int16),
    np.empty(0, dtype=np.uint8),
    np.empty(0, dtype=np.int16),
    np.empty(0, dtype=np.int16),
    np.empty(0, dtype=np.float32),
)


def _fine(questions: Questions) -> bool:
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
