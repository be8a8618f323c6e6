"""A conditional generative adversarial network for tables.

After Xu et al. 2019, "Modeling Tabular Data using Conditional GAN" (arXiv 1907.00503): mode-specific normalisation,
a generator that is told one cell of the row to make, rows for training chosen by that cell (training by sampling),
packs of rows for the discriminator (Lin et al. 2018, arXiv 1712.04086), and the Wasserstein loss with gradient penalty
(Gulrajani et al. 2017, arXiv 1704.00028). What keeps it steady here: averaged weights, of which the best by held-out
rows are kept, a learning rate that decays, and marginals that are calibrated at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

import numpy as np
import torch
from torch.nn import functional

from synthdata.encoders.base import AllowedCells, Encoded, State
from synthdata.encoders.number_line import normal_scores
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.errors import ModelError, PrivacyError
from synthdata.models.networks.adversarial import Discriminator, Generator
from synthdata.models.networks.adversarial_objective import Game
from synthdata.models.networks.conditional_rows import Conditions, draw_rows
from synthdata.models.networks.level_groups import (
    Groups,
    group_levels,
    groups_from_state,
    groups_state,
    narrow_rows,
    widen_rows,
)
from synthdata.models.networks.marks import Layout
from synthdata.models.networks.modes import (
    Modes,
    find_modes,
    join_rows,
    modes_from_state,
    modes_state,
    split_rows,
)
from synthdata.models.neural import NeuralSynthesizer, put_weights, weights_of
from synthdata.progress import Progress
from synthdata.training.device import choose_device, torch_generator

#: how many shares a number line is calibrated at
_KNOTS = 129
#: below this share of the common combinations drawn, the table's variety counts as lost
COLLAPSED = 0.9


class ConditionalGAN(NeuralSynthesizer):
    """Two networks against each other: one makes rows for a cell it is told, one tells packs of rows from real ones.

    Private training takes ``penalty=0``, ``pack=1`` and ``by_sampling=False``, by which every record enters its own
    term of the discriminator's loss alone; that loss is then the logistic one.

    Args:
        epochs: how often the table is gone through at most, by both players together.
        steps: how many batches that takes at most; without this large tables would be gone through too often, and with
            few epochs instead small ones not often enough.
        width: how many units each layer has.
        noise: how many random numbers a row is made from.
        pack: how many rows the discriminator sees at once; a generator that repeats itself is found out by it.
        penalty: the weight of the gradient penalty; 0 for the logistic loss without one.
        dropout: which share of the discriminator's units is left out at random in training.
        temperature: how soft the draws of codes are through which the generator learns.
        modes: into how many modes at most each number line is divided.
        by_sampling: whether rows for training are chosen by the cell that the generator is told.
        max_levels: how many levels of a column are told apart; the rest by frequency alone.
        time_budget: seconds that training may take; the learning rate is paced to it.
        device: ``auto``, ``cpu`` or ``cuda``.
        checkpoint: a folder to save the state of training to, and to resume from.
        rare_threshold: in how many rows a value must occur to be stored.
    """

    name: ClassVar[str] = "ctgan"
    summary: ClassVar[str] = "a conditional adversarial network, for fields that expect one; others are more faithful"
    betas = (0.5, 0.9)
    private_settings = MappingProxyType({"epochs": 40, "pack": 1, "penalty": 0.0, "by_sampling": False})
    # The penalty takes derivatives of derivatives, which compiled functions do not have.
    compiled = False
    # The figure of held-out pairs goes up and down; the best weights are kept in any case.
    patience = 20

    groups_: list[Groups]
    modes_: list[Modes]
    #: how many rows had each code of each column
    counts_: list[np.ndarray]
    #: which share of the common combinations of cells held-out rows and drawn rows share, at each check of training
    coverage_: list[float]

    def __init__(
        self,
        epochs: int = 140,
        steps: int = 9_000,
        batch_size: int = 500,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-4,
        width: int = 256,
        noise: int = 64,
        pack: int = 10,
        penalty: float = 10.0,
        dropout: float = 0.25,
        temperature: float = 0.5,
        modes: int = 8,
        by_sampling: bool = True,
        max_levels: int = 500,
        time_budget: float | None = None,
        device: str = "auto",
        checkpoint: str | None = None,
        rare_threshold: int = 5,
    ) -> None:
        self.epochs = epochs
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.width = width
        self.noise = noise
        self.pack = pack
        self.penalty = penalty
        self.dropout = dropout
        self.temperature = temperature
        self.modes = modes
        self.by_sampling = by_sampling
        self.max_levels = max_levels
        self.time_budget = time_budget
        self.device = device
        self.checkpoint = checkpoint
        self.rare_threshold = rare_threshold

    def make_encoder(self) -> TableEncoder:
        """Values are normal scores."""
        return TableEncoder(transform="quantile", rare_threshold=self.rare_threshold)

    @property
    def notes(self) -> list[str]:
        """What was done to the table in learning it that a user should know of, in plain words."""
        notes = super().notes
        if self.coverage_:
            said = "it has lost some of the table's variety (mode collapse)" if self.collapsed else "no mode collapse"
            notes = [
                *notes,
                f"Of the combinations of two cells that 1 % of the held-out rows have, the generator draws "
                f"{self.coverage_[-1]:.1%} at least a fifth as often: {said}.",
            ]
        return notes

    @property
    def collapsed(self) -> bool:
        """Whether the generator has lost some of the table's variety."""
        return bool(self.coverage_) and self.coverage_[-1] < COLLAPSED

    def _learn(self, encoded: Encoded, guide: Encoded, generator: np.random.Generator, progress: Progress) -> None:
        least_of = {"steps": 1, "width": 1, "noise": 1, "pack": 1, "modes": 1, "max_levels": 300, "penalty": 0}
        for key, least in least_of.items():
            if getattr(self, key) < least:
                raise ModelError(f"{key} must be {least} or more, found {getattr(self, key)}.")
        if not 0 < self.temperature <= 10:
            raise ModelError(f"temperature must be above 0, found {self.temperature}.")
        counts = [np.bincount(guide.codes[:, j], minlength=s.cardinality) for j, s in enumerate(guide.slots)]
        self.groups_ = group_levels(guide, counts, self.max_levels, generator)
        narrow, told = narrow_rows(encoded, self.groups_), narrow_rows(guide, self.groups_)
        self.modes_ = find_modes(told, self.modes, self.rare_threshold, generator)
        split = split_rows(narrow, self.modes_, generator.spawn(1)[0])
        guided = split[0] if guide is encoded else split_rows(told, self.modes_, generator)[0]
        self.counts_ = [
            np.bincount(guided[:, j], minlength=each.cardinality).astype(np.float64)
            for j, each in enumerate(self.modes_)
        ]
        self.coverage_ = []
        noise = torch_generator(generator)
        self._build(noise)
        if not narrow.slots:
            return
        frequencies = [(count + 0.1) / (count + 0.1).sum() for count in self.counts_]
        self.generator_.start_from_frequencies(frequencies)
        critic = Discriminator(self.generator_.layout, self.width, self._setting("pack"), self.dropout, noise)
        game = Game(
            self.generator_, critic, self.conditions_, narrow, told, split, self.modes_, self._setting("penalty"),
            self.temperature, self._setting("by_sampling"),
        )  # fmt: skip
        history = self._train(game, len(narrow), generator, progress)
        if not self._privately:
            self.coverage_ = [parts[0] for parts in history.parts[: history.best + 1]]
        self.generator_.eval()
        self._calibrate(frequencies, torch_generator(generator, self._on_device()))

    def _require_settings(self) -> None:
        super()._require_settings()
        alone = self._setting("pack") == 1 and not self._setting("penalty") and not self._setting("by_sampling")
        if self._privately and not alone:
            raise PrivacyError(
                "Private training sees each record by itself: not in packs, by a gradient penalty or by sampling.",
                "Leave out pack, penalty and by_sampling.",
            )

    def _build(self, noise: torch.Generator) -> None:
        layout = Layout(self.modes_)
        self.generator_ = Generator(layout, self.noise, self.width, noise).eval()
        self.conditions_ = Conditions(layout, self.counts_)
        even = normal_scores((np.arange(_KNOTS) + 0.5) / _KNOTS)
        #: places on each number line as the generator draws them, and where they belong (numbers, knots)
        self.lines_ = np.tile(even, (len(layout.numbers), 1))
        self.evens_ = even

    def _on_device(self) -> torch.device:
        device = choose_device(self.device)
        self.generator_.to(device).eval()
        self.conditions_.to(device)
        return device

    def _calibrate(self, frequencies: Sequence[np.ndarray], noise: torch.Generator) -> None:
        """Shift softmaxes and number lines so that the marginals of drawn rows are those of the table."""
        net, layout = self.generator_, self.generator_.layout
        m = max(1000, min(5 * self.rows_, 10_000, 2**25 // max(layout.width, 1)))
        with torch.no_grad():
            column, code = self.conditions_.draw(m, noise, even=False)
            z = torch.randn(m, net.noise, generator=noise, device=column.device)
            logits, _ = net(z, self.conditions_.starts[column] + code)
            for start, wanted in zip(layout.starts, frequencies, strict=True):
                block = logits[:, start : start + len(wanted)]
                target = torch.from_numpy(np.log(wanted)).float().to(block.device)
                shift = torch.zeros_like(target)
                for _ in range(30):
                    found = functional.softmax(block + shift, dim=-1).mean(0)
                    shift = (shift + 0.7 * (target - found.clamp(min=1e-12).log())).clamp(-8.0, 8.0)
                net.codes.bias[start : start + len(wanted)] += shift
        drawn = draw_rows(net, self.conditions_, self.modes_, 4 * m, noise)
        for k, j in enumerate(layout.numbers):
            values = drawn.values[drawn.codes[:, j] == 0, j]
            if len(values) >= _KNOTS:
                found = np.quantile(values, (np.arange(_KNOTS) + 0.5) / _KNOTS)
                # Knots on one number would leave no map back.
                self.lines_[k] = np.maximum.accumulate(found + 1e-9 * np.arange(_KNOTS))

    def _settled(self, drawn: Encoded) -> Encoded:
        """Drawn rows with their numbers where the calibration puts them."""
        values = drawn.values.copy()
        for k, j in enumerate(self.generator_.layout.numbers):
            line = self.lines_[k]
            placed = np.interp(values[:, j], line, self.evens_)
            # Beyond the last knots the tails go on as they are.
            placed += np.minimum(values[:, j] - line[0], 0) + np.maximum(values[:, j] - line[-1], 0)
            values[:, j] = placed
        return Encoded(drawn.slots, drawn.codes, values)

    def _sample(self, n: int, generator: np.random.Generator) -> Encoded:
        noise = torch_generator(generator, self._on_device())
        if not self.modes_:
            return widen_rows(join_rows(np.zeros((n, 0), np.int64), np.zeros((n, 0)), []), [], generator)
        drawn = draw_rows(self.generator_, self.conditions_, self.modes_, n, noise)
        return widen_rows(self._settled(drawn), self.groups_, generator)

    def _sample_given(
        self, n: int, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
    ) -> Encoded | None:
        """The generator is told a cell of the rarest condition; rows that miss any condition are left out later."""
        device = self._on_device()
        noise = torch_generator(generator, device)
        shares = {}
        for j, wanted in allowed.items():
            share = self.groups_[j].allowed(wanted)
            if self.modes_[j].count:
                # Any mode may reach into a range.
                share = np.concatenate([np.full(self.modes_[j].count, share[0]), share[1:]])
            shares[j] = share * self.counts_[j]
        rarest = min(shares, key=lambda j: shares[j].sum() / max(self.counts_[j].sum(), 1))
        if not shares[rarest].sum():
            return None
        p = torch.from_numpy(shares[rarest] / shares[rarest].sum()).to(device)
        code = torch.multinomial(p, n, replacement=True, generator=noise) if n else torch.zeros(0, dtype=torch.long)
        column = torch.full((n,), rarest, device=device)
        drawn = draw_rows(self.generator_, self.conditions_, self.modes_, n, noise, (column, code.to(device)))
        return widen_rows(self._settled(drawn), self.groups_, generator, allowed)

    def _state(self) -> State:
        learnt = {f"counts{j}": count for j, count in enumerate(self.counts_)}
        return State.merge(
            groups=groups_state(self.groups_),
            modes=modes_state(self.modes_),
            generator=State({}, weights_of(self.generator_)),
            learnt=State({"coverage": self.coverage_}, {"lines": self.lines_, **learnt}),
        )

    def _restore(self, state: State) -> None:
        learnt = state.nested("learnt")
        self.groups_ = groups_from_state(state.nested("groups"), self.encoder_.slots)
        slots = [grouping.slot for grouping in self.groups_]
        self.modes_ = modes_from_state(state.nested("modes"), slots)
        self.counts_ = [learnt.arrays[f"counts{j}"] for j in range(len(slots))]
        self.coverage_ = list(learnt.config["coverage"])
        self._build(torch.Generator().manual_seed(0))
        put_weights(self.generator_, state.nested("generator").arrays)
        self.lines_ = learnt.arrays["lines"]
