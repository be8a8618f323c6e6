"""What the two networks of `ctgan` learn: the discriminator's turn, then the generator's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from synthdata.encoders.base import Encoded
from synthdata.models.networks.adversarial import REACH, Discriminator, Generator
from synthdata.models.networks.conditional_rows import Conditions, draw_rows
from synthdata.models.networks.modes import Modes
from synthdata.models.networks.pair_error import PairError
from synthdata.training.device import half_precision
from synthdata.training.objective import Player


class Game:
    """The objective: the discriminator's turn, then the generator's, and how far drawn pairs of cells are from real."""

    quality_name = "held-out error of pairs"

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        conditions: Conditions,
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
        self.players: Sequence[Player] = (Critic(self), Maker(self))
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


class Critic:
    """The discriminator's turn; the only player that sees real rows."""

    sees_real_rows = True

    def __init__(self, game: Game) -> None:
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

    def private_losses(
        self, rows: torch.Tensor, generator: torch.Generator, share: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """How little real every record (b,) looks beside a cell of its own, of a column drawn for it alone."""
        game = self.game
        column = torch.randint(len(game.conditions.starts), rows.shape, generator=generator, device=rows.device)
        condition = game.conditions.starts[column] + game.codes[rows, column]
        with half_precision(rows.device):
            features = self.modules.features(self._marks(rows), game.places[rows], condition)
            return functional.softplus(-self.modules(features, generator)), rows

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


class Maker:
    """The generator's turn; it learns from what the discriminator says, and of the table knows frequencies only."""

    sees_real_rows = False

    def __init__(self, game: Game) -> None:
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
