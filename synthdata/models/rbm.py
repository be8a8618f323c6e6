"""A restricted Boltzmann machine over rows: visible cells, hidden binary units, and nothing between units of one kind.

Learnt by persistent contrastive divergence (Tieleman 2008, "Training restricted Boltzmann machines using approximations
to the likelihood gradient"), sampled by Gibbs sweeps, which is also how conditions and gaps are met: what is known is
held, and the rest keeps being drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import ClassVar

import numpy as np
import torch

from synthdata.encoders.base import UNSEEN, AllowedCells, Encoded, State
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.errors import ModelError
from synthdata.models.abilities import DensityMixin, ImputationMixin, Kind, LatentMixin
from synthdata.models.networks.boltzmann import BoltzmannMachine, Limit, log_partition
from synthdata.models.networks.boltzmann_objective import Divergence, rows_of
from synthdata.models.networks.level_groups import (
    Groups,
    group_levels,
    groups_from_state,
    groups_state,
    narrow_rows,
    widen_rows,
)
from synthdata.models.networks.modes import Modes, find_modes, modes_from_state, modes_state, split_rows
from synthdata.models.neural import NeuralSynthesizer, put_weights, weights_of
from synthdata.progress import Progress
from synthdata.training.device import choose_device, torch_generator

#: over how many draws of what a row leaves open its probability is averaged
_COMPLETIONS = 32


class RestrictedBoltzmann(NeuralSynthesizer, DensityMixin, ImputationMixin, LatentMixin):
    """Cells joined by hidden binary units.

    Args:
        epochs: how often the table is gone through at most.
        steps: how many batches that takes at most.
        hidden: how many hidden units there are.
        chains: how many chains wander along while learning.
        sweeps: how many Gibbs sweeps each makes for every batch.
        burn_in: how many sweeps are made before the first row is drawn.
        apart: how many sweeps lie between rows of one chain.
        modes: into how many modes at most each number line is divided; within a mode a number is a normal unit.
        max_levels: how many levels of a column are told apart; the rest by frequency alone.
        time_budget: seconds that training may take; the learning rate is paced to it.
        device: ``auto``, ``cpu`` or ``cuda``.
        checkpoint: a folder to save the state of training to, and to resume from.
        rare_threshold: in how many rows a value must occur to be stored.
    """

    name: ClassVar[str] = "rbm"
    summary: ClassVar[str] = "a restricted Boltzmann machine: pairwise relations, conditions and gaps by Gibbs sampling"
    log_prob_kind: ClassVar[Kind] = "estimate"

    private_settings = MappingProxyType({"epochs": 30})
    # The figure of held-out pairs goes up and down; the best weights are kept in any case.
    patience = 20

    groups_: list[Groups]
    modes_: list[Modes]
    machine_: BoltzmannMachine

    def __init__(
        self,
        epochs: int = 200,
        steps: int = 3_800,
        batch_size: int = 512,
        learning_rate: float = 5e-3,
        weight_decay: float = 0.02,
        hidden: int = 256,
        chains: int = 512,
        sweeps: int = 2,
        burn_in: int = 200,
        apart: int = 40,
        modes: int = 8,
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
        self.hidden = hidden
        self.chains = chains
        self.sweeps = sweeps
        self.burn_in = burn_in
        self.apart = apart
        self.modes = modes
        self.max_levels = max_levels
        self.time_budget = time_budget
        self.device = device
        self.checkpoint = checkpoint
        self.rare_threshold = rare_threshold

    def make_encoder(self) -> TableEncoder:
        """Values are normal scores."""
        return TableEncoder(transform="quantile", rare_threshold=self.rare_threshold)

    def _learn(self, encoded: Encoded, guide: Encoded, generator: np.random.Generator, progress: Progress) -> None:
        least_of = {"steps": 1, "hidden": 1, "chains": 2, "sweeps": 1, "burn_in": 1, "apart": 1, "modes": 1}
        for key, least in {**least_of, "max_levels": 300}.items():
            if getattr(self, key) < least:
                raise ModelError(f"{key} must be {least} or more, found {getattr(self, key)}.")
        counts = [np.bincount(guide.codes[:, j], minlength=s.cardinality) for j, s in enumerate(guide.slots)]
        self.groups_ = group_levels(guide, counts, self.max_levels, generator)
        narrow, told = narrow_rows(encoded, self.groups_), narrow_rows(guide, self.groups_)
        self.modes_ = find_modes(told, self.modes, self.rare_threshold, generator)
        split = split_rows(narrow, self.modes_, generator.spawn(1)[0])
        guided = split[0] if guide is encoded else split_rows(told, self.modes_, generator)[0]
        noise = torch_generator(generator)
        self._build(noise)
        # A code that no row has keeps a little probability, or its logarithm would not exist.
        found = [np.bincount(guided[:, j], minlength=m.cardinality) + 0.1 for j, m in enumerate(self.modes_)]
        self.machine_.start_from_frequencies([count / count.sum() for count in found])
        if narrow.slots:
            objective = Divergence(self.machine_, narrow, told, split, self.chains, self.sweeps, noise)
            self._train(objective, len(narrow), generator, progress)
        self.machine_.eval()

    def _build(self, noise: torch.Generator) -> None:
        self.machine_ = BoltzmannMachine(self.modes_, self.hidden, noise)
        self._log_z: float | None = None

    def _on_device(self) -> torch.device:
        device = choose_device(self.device)
        self.machine_.to(device).eval()
        return device

    def _sample(self, n: int, generator: np.random.Generator) -> Encoded:
        return self._wander(n, {}, generator)

    def _sample_given(
        self, n: int, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
    ) -> Encoded | None:
        """Chains that keep to the conditions at every sweep."""
        return self._wander(n, allowed, generator)

    def _wander(self, n: int, allowed: Mapping[int, AllowedCells], generator: np.random.Generator) -> Encoded:
        """Rows (n) from chains: some rows of each, ``apart`` sweeps from each other."""
        device, machine = self._on_device(), self.machine_
        noise = torch_generator(generator, device)
        limits = self._limits(allowed, device)
        rounds = max(1, -(-n // 2000))
        states = []
        with torch.no_grad():
            state = machine.first(-(-n // rounds), noise, limits)
            for sweep in range((self.burn_in + (rounds - 1) * self.apart) if machine.layout.sizes and n else 0):
                if sweep >= self.burn_in and (sweep - self.burn_in) % self.apart == 0:
                    states.append(state)
                state = machine.sweep(*state, noise, limits)
        rows = rows_of(machine, [*states, state])
        for j, cells in allowed.items():
            # Rounding must not carry a number out of its range.
            rows.values[:, j] = np.clip(rows.values[:, j], cells.low, cells.high)
        chosen = generator.permutation(len(rows))[:n]
        return widen_rows(rows.take(chosen), self.groups_, generator, allowed)

    def _limits(self, allowed: Mapping[int, AllowedCells], device: torch.device) -> dict[int, Limit]:
        return {
            j: Limit.of(self.modes_[j], replace(cells, codes=self.groups_[j].allowed(cells)), device)
            for j, cells in allowed.items()
        }

    def _split(
        self, encoded: Encoded, generator: np.random.Generator | None, device: torch.device
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Codes (n, d), `UNSEEN` where not known, and places (n, numbers) of encoded rows, by modes."""
        codes, places = split_rows(narrow_rows(encoded, self.groups_), self.modes_, generator)
        numbers = self.machine_.layout.numbers
        return torch.from_numpy(codes).to(device), torch.from_numpy(places[:, numbers]).float().to(device)

    def _fill(self, encoded: Encoded, generator: np.random.Generator) -> Encoded:
        device, machine = self._on_device(), self.machine_
        noise = torch_generator(generator, device)
        limits = {}
        for j, slot in enumerate(encoded.slots):
            if slot.missing_code is not None and slot.cardinality > 1:
                limits[j] = AllowedCells(np.arange(slot.cardinality) != slot.missing_code)
        made = self._limits(limits, device)
        states = []
        with torch.no_grad():
            codes, places = self._split(encoded, generator, device)
            for known_codes, known_places in zip(torch.split(codes, 4096), torch.split(places, 4096), strict=True):
                fixed = known_codes != UNSEEN
                first, placed = machine.first(len(known_codes), noise, made)
                state = (
                    torch.where(fixed, known_codes, first),
                    torch.where(fixed[:, machine.layout.numbers], known_places, placed),
                )
                for _ in range(self.burn_in):
                    state = machine.sweep(*state, noise, made, fixed)
                states.append(state)
        if not states:
            return encoded
        drawn = widen_rows(rows_of(machine, states), self.groups_, generator)
        known = encoded.codes != UNSEEN
        filled = np.where(known, encoded.codes, drawn.codes)
        return Encoded(encoded.slots, filled, np.where(known, encoded.values, drawn.values))

    def _log_prob(self, encoded: Encoded) -> np.ndarray:
        """Exact up to log Z where all cells are known and lie in one mode; otherwise averaged over completions."""
        device, machine = self._on_device(), self.machine_
        if not machine.layout.sizes:
            return np.zeros(len(encoded))
        # The same chance at each call: a row's figure does not depend on when it is asked for.
        if self._log_z is None:
            self._log_z = log_partition(machine, torch.Generator(device).manual_seed(0))
        chance, noise = np.random.default_rng(0), torch.Generator(device).manual_seed(0)
        plain = bool((encoded.codes != UNSEEN).all()) and all(each.count <= 1 for each in self.modes_)
        total = np.full(len(encoded), -np.inf)
        repeats = 1 if plain else _COMPLETIONS
        with torch.no_grad():
            for _ in range(repeats):
                total = np.logaddexp(total, self._log_completed(encoded, chance, noise, device))
        within = np.zeros(len(encoded))
        for j, grouping in enumerate(self.groups_):
            known = encoded.codes[:, j] != UNSEEN
            within[known] += np.log(np.maximum(grouping.shares[encoded.codes[known, j]], 1e-300))
        return total - np.log(repeats) - self._log_z + within

    def _log_completed(
        self, encoded: Encoded, chance: np.random.Generator, noise: torch.Generator, device: torch.device
    ) -> np.ndarray:
        """The log-weight (n,) of rows with modes and unknown cells drawn, over the probability of drawing those."""
        machine = self.machine_
        codes, places = self._split(encoded, chance, device)
        first, placed = machine.first(len(codes), noise)
        known = codes != UNSEEN
        codes = torch.where(known, codes, first)
        places = torch.where(known[:, machine.layout.numbers], places, placed)
        out = np.zeros(len(encoded))
        at = codes + machine.starts
        log_first = machine.visible["bias"][at].double()
        for j, size in enumerate(machine.layout.sizes):
            start = int(machine.layout.starts[j])
            log_first[:, j] -= torch.logsumexp(machine.visible["bias"][start : start + size].double(), 0)
        drawn = torch.where(known, 0.0, log_first).sum(1)
        for k, j in enumerate(machine.layout.numbers):
            x, each = places[:, k].double(), self.modes_[j]
            on_line = codes[:, j] < each.count
            normal = -0.5 * x * x - 0.5 * np.log(2 * np.pi)
            drawn += torch.where(on_line & ~known[:, j], normal, 0.0)
            mode = codes[:, j].clamp(max=each.count - 1).cpu().numpy()
            chosen = each.log_chosen(mode, x.cpu().numpy())
            out -= np.where((on_line & known[:, j]).cpu().numpy(), chosen + np.log(each.widths[mode]), 0.0)
        parts = zip(torch.split(codes, 4096), torch.split(places.double(), 4096), strict=True)
        weight = torch.cat([machine.log_weight(*part) for part in parts])
        return np.asarray(out + (weight - drawn).cpu().numpy())

    def _latent(self, encoded: Encoded) -> np.ndarray:
        """The probabilities of hidden units; cells that are not known are left out."""
        device, machine = self._on_device(), self.machine_
        codes, places = self._split(encoded, None, device)
        out = [np.zeros((0, self.hidden))]
        with torch.no_grad():
            for some, placed in zip(torch.split(codes, 4096), torch.split(places, 4096), strict=True):
                known = (some != UNSEEN)[..., None]
                told = (machine.weight[some.clamp(min=0) + machine.starts] * known).sum(1)
                inputs = told + placed @ machine.lines["weight"] + machine.inner["bias"]
                out.append(torch.sigmoid(inputs).double().cpu().numpy())
        return np.concatenate(out)

    def _rows_at(self, latent: np.ndarray) -> Encoded:
        device, machine = self._on_device(), self.machine_
        states = [(torch.zeros(0, len(self.modes_), dtype=torch.long), torch.zeros(0, len(machine.layout.numbers)))]
        with torch.no_grad():
            for h in torch.split(torch.from_numpy(latent).float().to(device), 4096):
                logits, means = machine.logits(h)
                parts = [
                    logits[:, start : start + size].argmax(-1)
                    for start, size in zip(machine.layout.starts, machine.layout.sizes, strict=True)
                ]
                codes = torch.stack(parts, dim=1)
                states.append((codes, means * machine.on_line(codes)))
        # Levels of a group are told apart by chance, which has to be the same each time.
        return widen_rows(rows_of(machine, states), self.groups_, np.random.default_rng(0))

    def _state(self) -> State:
        return State.merge(
            groups=groups_state(self.groups_),
            modes=modes_state(self.modes_),
            machine=State({}, weights_of(self.machine_)),
        )

    def _restore(self, state: State) -> None:
        self.groups_ = groups_from_state(state.nested("groups"), self.encoder_.slots)
        self.modes_ = modes_from_state(state.nested("modes"), [grouping.slot for grouping in self.groups_])
        self._build(torch.Generator().manual_seed(0))
        put_weights(self.machine_, state.nested("machine").arrays)
        self.machine_.eval()
