"""How `rbm` learns: by persistent contrastive divergence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from synthdata.encoders.base import Encoded
from synthdata.models.networks.boltzmann import BoltzmannMachine
from synthdata.models.networks.modes import join_rows
from synthdata.models.networks.pair_error import PairError
from synthdata.training.objective import Player


class Divergence:
    """The objective, and its one player: rows are made likelier, and what the chains have wandered to less likely."""

    sees_real_rows = True
    quality_name = "held-out error of pairs"

    def __init__(
        self,
        machine: BoltzmannMachine,
        narrow: Encoded,
        told: Encoded,
        split: tuple[np.ndarray, np.ndarray],
        chains: int,
        sweeps: int,
        generator: torch.Generator,
    ) -> None:
        self.modules: BoltzmannMachine = machine
        self.players: Sequence[Player] = (self,)
        self.sweeps, self.narrow, self.pairs = sweeps, narrow, PairError(told)
        self.codes = torch.from_numpy(split[0].astype(np.int64))
        self.places = torch.from_numpy(split[1].astype(np.float32))[:, machine.layout.numbers]
        # Chains start from columns that know nothing of each other, not from rows.
        with torch.no_grad():
            self.chain = machine.first(chains, generator)
        self.parts: list[float] = []

    def to(self, device: torch.device) -> None:
        """Move machine, table and chains to a device."""
        self.modules.to(device)
        self.codes, self.places = self.codes.to(device), self.places.to(device)
        self.chain = (self.chain[0].to(device), self.chain[1].to(device))

    def losses(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """How much less a record (b,) weighs than the chains' rows do on average, in logarithms."""
        self._wander(generator)
        return self.modules.log_weight(*self.chain).mean() - self.modules.log_weight(
            self.codes[rows], self.places[rows]
        )

    def private_losses(
        self, rows: torch.Tensor, generator: torch.Generator, share: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """How little a record (b,) weighs, in logarithms, as `BoltzmannMachine.forward` has it."""
        return -self.modules(self.codes[rows], self.places[rows]), rows

    def own_losses(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """How much the chains' rows weigh after their next sweeps; however many are asked for, there are as many."""
        self._wander(generator)
        found: torch.Tensor = self.modules(*self.chain)
        return found

    def _wander(self, generator: torch.Generator) -> None:
        with torch.no_grad():
            for _ in range(self.sweeps):
                self.chain = self.modules.sweep(*self.chain, generator)

    def quality(self, rows: torch.Tensor) -> float:
        """The mean total variation distance between pairs of columns of held-out rows and of the chains'."""
        noise = torch.Generator(rows.device).manual_seed(0)
        states = [self.chain]
        for sweep in range(20):
            state = self.modules.sweep(*states[-1], noise)
            states = [*states, state] if sweep % 5 == 0 else [*states[:-1], state]
        real = self.pairs.joint(self.narrow.take(rows.cpu().numpy()))
        error, covered = self.pairs.compare(real, self.pairs.joint(rows_of(self.modules, states[1:])))
        self.parts = [covered]
        return error


def rows_of(machine: BoltzmannMachine, states: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> Encoded:
    """Encoded rows for states of chains."""
    codes = np.concatenate([state[0].cpu().numpy() for state in states])
    places = np.zeros(codes.shape)
    places[:, machine.layout.numbers] = np.concatenate([state[1].double().cpu().numpy() for state in states])
    return join_rows(codes, places, machine.modes)
