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
from synthdata.models.networks.adversarial import REACH, Discriminator, Generator
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
from synthdata.models.networks.pair_error import PairError
from synthdata.models.neural import NeuralSynthesizer, put_weights, weights_of
from synthdata.progress import Progress
from synthdata.training.device import choose_device, half_precision, torch_generator
from synthdata.training.objective import Player

_MOST_NUMBERS = 2**24
#: how many shares a number line is calibrated at
_KNOTS = 129
#: below this share of the common combinations drawn, the table's variety counts as lost
COLLAPSED = 0.9


class _Conditions:
    """Which cell a row is made for: a column at random, and in it a code, by frequency or by its logarithm."""

    def __init__(self, layout: Layout, counts: Sequence[np.ndarray]) -> None:
        widest = max([len(count) for count in counts], default=1)
        self.starts, self.sizes = torch.from_numpy(layout.starts), torch.tensor(layout.sizes)
        plain, even = np.zeros((len(counts), widest)), np.zeros((len(counts), widest))
        for j, count in enumerate(counts):
            plain[j, : len(count)], even[j, : len(count)] = count, np.log1p(count)
        self.plain = torch.from_numpy(plain / np.maximum(plain.sum(1, keepdims=True), 1e-9)).float()
        self.even = torch.from_numpy(even / np.maximum(even.sum(1, keepdims=True), 1e-9)).float()
        last = [int(np.flatnonzero(count > 0)[-1]) if (count > 0).any() else 0 for count in counts]
        self.last = torch.tensor(last, dtype=torch.long)
        #: by how much a row with a code is to be preferred (d, widest) for codes to come by log-frequency
        self.weights = (self.even / self.plain.clamp(min=1e-9)).clamp(max=1e4)

    def to(self, device: torch.device) -> None:
        """Move what is held to a device."""
        self.starts, self.sizes, self.last = (each.to(device) for each in (self.starts, self.sizes, self.last))
        self.plain, self.even, self.weights = (each.to(device) for each in (self.plain, self.even, self.weights))

    def draw(self, n: int, generator: torch.Generator, *, even: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Columns and codes (n,), each column as often as any other."""
        device = self.starts.device
        column = torch.randperm(n, generator=generator, device=device) % len(self.starts)
        along = (self.even if even else self.plain).cumsum(1)[column]
        at = torch.rand(n, 1, generator=generator, device=device) * along[:, -1:]
        # Rounding may point past the last code that occurs.
        return column, torch.minimum(torch.searchsorted(along, at, right=True)[:, 0], self.last[column])


class _Game:
    """The objective: the discriminator's turn, then the generator's, and how far drawn pairs of cells are from real."""

    quality_name = "held-out error of pairs"

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        conditions: _Conditions,
        narrow: Encoded,
        told: Encoded,
        split: tuple[np.ndarray, np.ndarray],
        modes: Sequence[Modes],
        penalty: float,
        temperature: float,
        by_sampling: bool,
    ) -> None:
        self.generator, self.discriminator, self.conditions, self.modes = generator, discriminator, conditions, modes
        self.penalty, self.temperature, self.by_sampling = penalty, temperature, by_sampling
        self.narrow, self.pairs = narrow, PairError(told)
        self.codes = torch.from_numpy(split[0].astype(np.int64))
        self.places = torch.from_numpy(split[1].astype(np.float32))[:, generator.layout.numbers].clamp(-REACH, REACH)
        self.players: Sequence[Player] = (_Critic(self), _Maker(self))
        #: which share of the common combinations was drawn at the last check
        self.parts: list[float] = []

    def to(self, device: torch.device) -> None:
        """Move networks and table to a device."""
        self.generator.to(device)
        self.discriminator.to(device)
        self.conditions.to(device)
        self.codes, self.places = self.codes.to(device), self.places.to(device)

    def make(
        self, column: torch.Tensor, code: torch.Tensor, noise: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits, marks and places of rows made for conditions (b,), and the conditions' marks."""
        condition = self.conditions.starts[column] + code
        z = torch.randn(len(column), self.generator.noise, generator=noise, device=column.device)
        logits, places = self.generator(z, condition)
        return logits, self.generator.marks(logits, noise, self.temperature), places, condition

    def quality(self, rows: torch.Tensor) -> float:
        """The mean total variation distance between pairs of columns of held-out and of drawn rows."""
        noise = torch.Generator(rows.device).manual_seed(0)
        drawn = draw_rows(self.generator, self.conditions, self.modes, max(2 * len(rows), 1000), noise)
        real = self.pairs.joint(self.narrow.take(rows.cpu().numpy()))
        error, covered = self.pairs.compare(real, self.pairs.joint(drawn))
        self.parts = [covered]
        return error


class _Critic:
    """The discriminator's turn; the only player that sees real rows."""

    sees_real_rows = True

    def __init__(self, game: _Game) -> None:
        self.game = game
        self.modules: Discriminator = game.discriminator

    def losses(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """How badly real and made rows are told apart, for every pack; both go through in one forward pass."""
        with half_precision(rows.device):
            return self._losses(rows, generator)

    def _losses(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        game, net = self.game, self.game.discriminator
        chosen, column = self._choose(rows, generator)
        code = game.codes[chosen, column]
        with torch.no_grad():
            _, marks, places, condition = game.make(column, code, generator)
        features = torch.cat(
            [
                net.features(self._marks(chosen).to(marks.dtype), game.places[chosen], condition),
                net.features(marks, places, condition),
            ]
        )
        looks_real, looks_made = net(features, generator).chunk(2)
        if not game.penalty:
            return functional.softplus(-looks_real) + functional.softplus(looks_made)
        return looks_made - looks_real + game.penalty * self._steepness(features, generator)

    def private_losses(self, rows: torch.Tensor, generator: torch.Generator, share: float) -> torch.Tensor:
        """How little real every record (b,) looks beside a cell of its own, of a column drawn for it alone."""
        game = self.game
        column = torch.randint(len(game.conditions.starts), rows.shape, generator=generator, device=rows.device)
        condition = game.conditions.starts[column] + game.codes[rows, column]
        with half_precision(rows.device):
            features = self.modules.features(self._marks(rows), game.places[rows], condition)
            return functional.softplus(-self.modules(features, generator))

    def own_losses(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """How real made records (count,) look."""
        game = self.game
        with torch.no_grad():
            column, code = game.conditions.draw(count, generator, even=False)
            _, marks, places, condition = game.make(column, code, generator)
        with half_precision(marks.device):
            return functional.softplus(self.modules(self.modules.features(marks, places, condition), generator))

    def _marks(self, rows: torch.Tensor) -> torch.Tensor:
        """Real rows (b,) as marks (b, width)."""
        codes, layout = self.game.codes[rows], self.game.generator.layout
        marks = torch.zeros(len(rows), layout.width, device=rows.device)
        return marks.scatter_(1, codes + self.game.conditions.starts, 1.0)

    def _choose(self, rows: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows (b,), a whole number of packs, and for each the column of which the generator is told the cell.

        Training by sampling: rows of the batch are drawn again so that the cells told come by log-frequency.
        """
        game = self.game
        pack = game.discriminator.pack
        n = max(len(rows) // pack, 1) * pack
        column = torch.randperm(n, generator=generator, device=rows.device) % len(game.conditions.starts)
        if not game.by_sampling:
            return rows[torch.arange(n, device=rows.device) % len(rows)], column
        codes = game.codes[rows]
        along = game.conditions.weights.gather(1, codes.T).cumsum(1)[column]
        at = torch.rand(n, 1, generator=generator, device=rows.device) * along[:, -1:]
        return rows[torch.searchsorted(along, at)[:, 0].clamp(max=len(rows) - 1)], column

    def _steepness(self, features: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """How far the slope (packs,) between real and made packs is from 1, squared."""
        real, made = features.detach().chunk(2)
        pack = self.game.discriminator.pack
        share = torch.rand(len(real) // pack, 1, generator=generator, device=real.device).repeat_interleave(pack, 0)
        between = torch.lerp(real, made, share).requires_grad_(True)
        looks = self.game.discriminator(between, generator)
        slope = torch.autograd.grad(looks.sum(), between, create_graph=True)[0]
        return (slope.float().view(len(looks), -1).norm(dim=1) - 1) ** 2


class _Maker:
    """The generator's turn; it learns from what the discriminator says, and of the table knows frequencies only."""

    sees_real_rows = False

    def __init__(self, game: _Game) -> None:
        self.game, self.modules = game, game.generator

    def losses(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """How made-up the made packs look, and how far their rows are from having the cell that was asked for."""
        with half_precision(rows.device):
            return self._losses(rows, generator)

    def _losses(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        game, net = self.game, self.game.discriminator
        n = max(len(rows) // net.pack, 1) * net.pack
        column, code = game.conditions.draw(n, generator, even=game.by_sampling)
        logits, marks, places, condition = game.make(column, code, generator)
        looks = net(net.features(marks, places, condition), generator)
        adversarial = -looks if game.penalty else functional.softplus(-looks)
        starts, sizes = game.conditions.starts[column, None], game.conditions.sizes[column, None]
        along = torch.arange(game.conditions.plain.shape[1], device=logits.device)
        block = logits.gather(1, (starts + along).clamp(max=logits.shape[1] - 1))
        missed = functional.cross_entropy(torch.where(along < sizes, block, -1e4), code, reduction="none")
        return adversarial + missed.view(len(looks), -1).mean(1)


def draw_rows(
    net: Generator,
    conditions: _Conditions,
    modes: Sequence[Modes],
    n: int,
    noise: torch.Generator,
    fixed: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> Encoded:
    """Encoded rows (n, d) drawn from the generator, for cells by frequency or those that are ``fixed``."""
    column, code = fixed or conditions.draw(n, noise, even=False)
    parts = []
    with torch.no_grad():
        for some, told in zip(torch.split(column, _batch(net)), torch.split(code, _batch(net)), strict=True):
            z = torch.randn(len(some), net.noise, generator=noise, device=some.device)
            logits, places = net(z, conditions.starts[some] + told)
            codes = net.draw(logits, noise).cpu().numpy()
            whole = np.zeros(codes.shape)
            whole[:, net.layout.numbers] = places.double().cpu().numpy()
            parts.append((codes, whole))
    empty = np.zeros((0, len(modes)))
    codes = np.concatenate([empty.astype(np.int64), *(part[0] for part in parts)])
    return join_rows(codes, np.concatenate([empty, *(part[1] for part in parts)]), modes)


def _batch(net: Generator) -> int:
    return max(16, _MOST_NUMBERS // max(4 * net.layout.width, 1))


class ConditionalGAN(NeuralSynthesizer):
    """Two networks against each other: one makes rows for a cell it is told, one tells packs of rows from real ones.

    Private training takes ``penalty=0``, ``pack=1`` and ``by_sampling=False``, by which every record enters its own
    term of the discriminator's loss alone; that loss is then the logistic one.

    Args:
        epochs: how often the table is gone through at most, by both players together.
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
    private_settings = MappingProxyType({"pack": 1, "penalty": 0.0, "by_sampling": False})
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
        epochs: int = 40,
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
        for key, least in (("width", 1), ("noise", 1), ("pack", 1), ("modes", 1), ("max_levels", 300), ("penalty", 0)):
            if getattr(self, key) < least:
                raise ModelError(f"{key} must be {least} or more, found {getattr(self, key)}.")
        if not 0 < self.temperature <= 10:
            raise ModelError(f"temperature must be above 0, found {self.temperature}.")
        counts = [np.bincount(guide.codes[:, j], minlength=s.cardinality) for j, s in enumerate(guide.slots)]
        self.groups_ = group_levels(guide, counts, self.max_levels, generator)
        narrow, told = narrow_rows(encoded, self.groups_), narrow_rows(guide, self.groups_)
        self.modes_ = find_modes(told, self.modes, self.rare_threshold, generator)
        split = split_rows(narrow, self.modes_, generator)
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
        game = _Game(
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
        self.conditions_ = _Conditions(layout, self.counts_)
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
