"""Sequential trees: every column from the ones before it, by boosted trees that answer which cell comes next.

Columns are synthesised in turn, each given those already drawn, as in synthesis by classification and regression trees
(Reiter 2005, "Using CART to generate partially synthetic public use microdata"). No leaf holds cells of real rows: the
trees know cells only by their place in an order of at most 250 stretches, and give the odds of the upper half of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ClassVar, Literal

import numpy as np

from synthdata.encoders.base import UNSEEN, AllowedCells, Encoded, Slot, State
from synthdata.encoders.bins import Bins, to_cells
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.errors import ModelError
from synthdata.models.abilities import DensityMixin, ImputationMixin
from synthdata.models.splits.boosting import Boosted, Settings, boost, workers
from synthdata.models.splits.cell_order import correlations, places
from synthdata.models.splits.conditional import NO_TREES, Conditional, fine
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
#: over how many drawn rows the questions' shifts are found
TRIAL_ROWS = 50_000
#: to how many earlier columns a column's place is compared, and how strongly they must be correlated with it
NEAR, LEAST_CORRELATION = 3, 0.1


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
    summary: ClassVar[str] = "boosted trees for each column on those before it; nearly as faithful as the best, quick"

    not_private_because: ClassVar[str] = (
        "Hundreds of rounds look at the rows anew, for splits and leaves, and too little budget is left for each. Take "
        "autoregressive for what it can do, or aim where the budget is small."
    )

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
        shuffled = generator.permutation(len(cells))
        trial = self._blank(min(len(cells), TRIAL_ROWS))
        self.conditionals_ = [Conditional.of(j, [], [], self.questions_) for j in range(len(bins))]
        for place, j in enumerate(self.order_):
            self.conditionals_[j] = Conditional.of(j, *self._choose(j, self.order_[:place], near), self.questions_)
        pool = ThreadPoolExecutor(workers())
        try:
            # Columns are learnt side by side; threads inside a tree would wait for each other on a busy machine.
            waiting = [
                pool.submit(self._learn, self.conditionals_[j], stretches, stretches[:, j], shuffled, own)
                for j, own in zip(self.order_, generator.spawn(len(self.order_)), strict=True)
            ]
            self._settle(waiting, trial, generator, progress)
        finally:
            pool.shutdown(cancel_futures=True)

    def _settle(
        self,
        waiting: list[Future[Boosted]],
        trial: np.ndarray,
        generator: np.random.Generator,
        progress: Progress,
    ) -> None:
        """Take over each column's trees as they come, and draw the columns once to find the shifts."""
        for place, j in enumerate(self.order_):
            learnt = self.conditionals_[j] = self.conditionals_[j].with_trees(waiting[place].result())
            trial[:, j] = learnt.descend(trial, np.arange(len(trial)), {}, generator, settle=len(learnt.trees) > 0)
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
        if not fine(self.questions_[j]):
            return parents, []
        comparable = [i for i in by_nearness if fine(self.questions_[i]) and near[i, j] >= LEAST_CORRELATION]
        return parents, comparable[:NEAR]

    def _learn(
        self,
        learnt: Conditional,
        stretches: np.ndarray,
        own: np.ndarray,
        shuffled: np.ndarray,
        generator: np.random.Generator,
    ) -> Boosted:
        """The trees for a column whose stretches are ``own`` (n,)."""
        questions = learnt.questions
        low, _, high = questions.below[questions.nodes[:, :3]].T
        most = int(self.max_answers / max((high - low).sum(), 1.0))
        held_out = min(int(np.ceil(len(shuffled) * HELD_OUT)), MOST_HELD_OUT)
        if not learnt.parents or not len(questions.nodes) or len(shuffled) < FEWEST_ROWS:
            return NO_TREES
        leaves = min(self.leaves, max(FEWEST_LEAVES, (len(shuffled) - FIRST_ROWS) // ROWS_PER_LEAF))
        min_leaf = max(self.min_leaf, min(MOST_ASKED_FOR, (len(shuffled) - ANSWERED_FIRST) // ROWS_PER_ANSWER))
        settings = Settings(rounds=self.rounds, learning_rate=self.learning_rate, leaves=leaves, min_leaf=min_leaf)
        outside, inside = shuffled[:held_out], shuffled[held_out : held_out + most]
        answers = [learnt.answers(stretches, chosen, own[chosen]) for chosen in (inside, outside)]
        return boost(answers[0], answers[1], settings, generator)

    # Drawing and weighing.

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
            learnt, unknown = self.conditionals_[j], stretches[:, j] == UNSEEN
            known, rows = np.flatnonzero(~unknown), np.flatnonzero(unknown)
            if len(known) and weigh:
                log_weight[known] += learnt.log_chances(stretches, known, stretches[known, j])
            steered: dict[int, np.ndarray] = {}
            if j in allowed and len(rows):
                met = learnt.steer(0, stretches, rows, learnt.questions.allowed_shares(allowed[j]), steered)
                with np.errstate(divide="ignore"):
                    log_weight[rows] += np.log(met)
            stretches[rows, j] = learnt.descend(stretches, rows, steered, generator)
        return log_weight

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
        learnt = []
        for j, (slot, column) in enumerate(zip(self.encoder_.slots, state.config["columns"], strict=True)):
            mine = {name.removeprefix(f"{j}/"): a for name, a in state.arrays.items() if name.startswith(f"{j}/")}
            self.questions_.append(Questions(Bins(slot, column["bins"]), mine["stretch"], mine["mass"]))
            trees = {name.removeprefix("trees/"): a for name, a in mine.items() if name.startswith("trees/")}
            learnt.append((Boosted(**trees), mine["shift"]))
        for j, (column, parts) in enumerate(zip(state.config["columns"], learnt, strict=True)):
            blank = Conditional.of(j, list(column["parents"]), list(column["near"]), self.questions_)
            self.conditionals_.append(blank.with_trees(*parts))
