"""A variational autoencoder of rows: every row has a place in a latent space, and every place a distribution of rows.

After Xu et al. 2019, "Modeling Tabular Data using Conditional GAN" (arXiv 1907.00503, section 4.4), with three
differences: numbers are shares of rows, with a flexible density, where the paper has modes and a Gaussian; the prior is
a mixture learnt with the rest (Dilokthanakul et al. 2016, arXiv 1611.02648), so that what is drawn lies where rows lie;
and the decoder's marginals are calibrated on draws from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import ClassVar

import numpy as np
import torch
from torch.nn import functional

from synthdata.encoders.base import UNSEEN, AllowedCells, Encoded, State
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.errors import ModelError
from synthdata.models.abilities import DensityMixin, ImputationMixin, Kind, LatentMixin
from synthdata.models.networks.latent import LatentNetworks
from synthdata.models.networks.latent_objective import WARM_UP, Bound
from synthdata.models.networks.level_groups import (
    Groups,
    group_levels,
    groups_from_state,
    groups_state,
    log_within,
    narrow_rows,
    widen_rows,
)
from synthdata.models.neural import NeuralSynthesizer, put_weights, weights_of
from synthdata.progress import Progress
from synthdata.training.device import choose_device, torch_generator

#: how many numbers a step of drawing or scoring may hold at once
_MOST_NUMBERS = 2**24


class VariationalAutoencoder(NeuralSynthesizer, DensityMixin, ImputationMixin, LatentMixin):
    """Rows from places in a latent space, whose prior is a mixture learnt along with encoder and decoder.

    Args:
        epochs: how often the table is gone through at most; training stops earlier when held-out rows say so.
        latent_width: how many dimensions the latent space has.
        width: how many units each layer has.
        components: how many components the prior is a mixture of.
        masked: in which share of the records some cells are hidden in training, for the sake of imputation.
        max_levels: how many levels of a column are told apart by the latent place; the rest by frequency alone.
        time_budget: seconds that training may take; the learning rate is paced to it.
        device: ``auto``, ``cpu`` or ``cuda``.
        checkpoint: a folder to save the state of training to, and to resume from.
        rare_threshold: in how many rows a value must occur to be stored.
    """

    name: ClassVar[str] = "tvae"
    summary: ClassVar[str] = "a variational autoencoder: rows as places in a latent space, to look at and to move in"
    log_prob_kind: ClassVar[Kind] = "bound"

    private_settings = MappingProxyType({"epochs": 15, "learning_rate": 8e-3})

    groups_: list[Groups]

    def __init__(
        self,
        epochs: int = 40,
        batch_size: int = 512,
        learning_rate: float = 4e-3,
        weight_decay: float = 0.05,
        latent_width: int = 16,
        width: int = 128,
        components: int = 128,
        masked: float = 0.2,
        max_levels: int = 1000,
        time_budget: float | None = None,
        device: str = "auto",
        checkpoint: str | None = None,
        rare_threshold: int = 5,
    ) -> None:
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.latent_width = latent_width
        self.width = width
        self.components = components
        self.masked = masked
        self.max_levels = max_levels
        self.time_budget = time_budget
        self.device = device
        self.checkpoint = checkpoint
        self.rare_threshold = rare_threshold

    def make_encoder(self) -> TableEncoder:
        """Values are shares of rows, between 0 and 1."""
        return TableEncoder(transform="uniform", rare_threshold=self.rare_threshold)

    def _learn(self, encoded: Encoded, guide: Encoded, generator: np.random.Generator, progress: Progress) -> None:
        for key, least in (("latent_width", 1), ("width", 1), ("components", 1), ("max_levels", 300)):
            if getattr(self, key) < least:
                raise ModelError(f"{key} must be {least} or more, found {getattr(self, key)}.")
        counts = [np.bincount(guide.codes[:, j], minlength=s.cardinality) for j, s in enumerate(guide.slots)]
        self.groups_ = group_levels(guide, counts, self.max_levels, generator)
        self._build(torch_generator(generator))
        narrow, told = narrow_rows(encoded, self.groups_), narrow_rows(guide, self.groups_)
        # A code that no row has keeps a little probability, or its logarithm would not exist.
        found = [np.bincount(told.codes[:, j], minlength=s.cardinality) + 0.1 for j, s in enumerate(told.slots)]
        frequencies = [count / count.sum() for count in found]
        self.networks_.heads.start_from_frequencies(frequencies)
        if narrow.slots:
            warm_up = WARM_UP * self._steps(len(narrow))
            self._train(Bound(self.networks_, narrow, self.masked, warm_up), len(narrow), generator, progress)
            self._calibrate(frequencies, torch_generator(generator, self._on_device()))
        self.networks_.eval()

    def _build(self, generator: torch.Generator) -> None:
        slots = [grouping.slot for grouping in self.groups_]
        self.networks_ = LatentNetworks(slots, self.latent_width, self.width, self.components, generator)

    def _calibrate(self, frequencies: Sequence[np.ndarray], noise: torch.Generator) -> None:
        with torch.no_grad():
            draws = min(max(5 * self.rows_, 1_000), 10_000)
            self.networks_.heads.calibrate(self.networks_.hidden(self.networks_.draw_prior(draws, noise)), frequencies)

    def _on_device(self) -> torch.device:
        device = choose_device(self.device)
        self.networks_.to(device).eval()
        return device

    def _at_once(self, repeats: int = 1) -> int:
        """How many rows are drawn or scored at once."""
        numbers = sum(grouping.slot.cardinality + 32 for grouping in self.groups_) + self.width
        return max(16, _MOST_NUMBERS // (numbers * repeats))

    def _sample(self, n: int, generator: np.random.Generator) -> Encoded:
        noise = torch_generator(generator, self._on_device())
        with torch.no_grad():
            return self._drawn(self.networks_.draw_prior(n, noise), {}, generator, noise)

    def _sample_given(
        self, n: int, allowed: Mapping[int, AllowedCells], generator: np.random.Generator
    ) -> Encoded | None:
        """Places are drawn by how likely rows there meet the conditions, and rows there under the conditions."""
        noise = torch_generator(generator, self._on_device())
        # Of a group, as much counts as meets the condition.
        wanted = {j: replace(cells, codes=self.groups_[j].allowed(cells)) for j, cells in allowed.items()}
        with torch.no_grad():
            places = self.networks_.draw_prior(max(8 * n, 4000), noise)
            parts = [
                self.networks_.heads.log_meets(self.networks_.hidden(z), wanted)
                for z in torch.split(places, self._at_once())
            ]
            log_weight = torch.cat(parts).double().cpu().numpy()
            if not np.isfinite(log_weight).any():
                return self._drawn(places[:0], wanted, generator, noise)
            weight = np.exp(log_weight - log_weight.max())
            # Systematic resampling: every place as often as its weight says, up to one.
            along = np.cumsum(weight) / weight.sum()
            chosen = np.searchsorted(along, (np.arange(n) + generator.random()) / max(n, 1))
            chosen = generator.permutation(np.minimum(chosen, len(along) - 1))
            return self._drawn(places[torch.from_numpy(chosen).to(places.device)], wanted, generator, noise, allowed)

    def _drawn(
        self,
        places: torch.Tensor,
        wanted: Mapping[int, AllowedCells],
        generator: np.random.Generator,
        noise: torch.Generator,
        allowed: Mapping[int, AllowedCells] | None = None,
    ) -> Encoded:
        """Rows drawn at places (n, latent)."""
        parts = [
            self.networks_.heads.draw(self.networks_.hidden(z), wanted, noise)
            for z in torch.split(places, self._at_once())
        ]
        return widen_rows(self._encoded(parts), self.groups_, generator, allowed)

    def _encoded(self, parts: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> Encoded:
        codes = np.concatenate([part[0].cpu().numpy() for part in parts]).astype(np.int32)
        values = np.concatenate([part[1].double().cpu().numpy() for part in parts])
        return Encoded(tuple(grouping.slot for grouping in self.groups_), codes, values)

    def _tensors(self, narrow: Encoded, size: int, device: torch.device) -> list[tuple[torch.Tensor, torch.Tensor]]:
        codes = torch.from_numpy(narrow.codes.astype(np.int64)).to(device)
        values = torch.from_numpy(narrow.values.astype(np.float32)).to(device)
        return list(zip(torch.split(codes, size), torch.split(values, size), strict=True))

    def _log_prob(self, encoded: Encoded) -> np.ndarray:
        """The evidence lower bound, from a hundred places for each row, less two standard errors.

        Without those, chance would lift it above the density where the two are close; for the same reason places are
        not weighed (Burda et al. 2016), which would come closer on average.
        """
        device = self._on_device()
        # The same noise at each call: a row's figure does not depend on when it is asked for.
        noise = torch.Generator(device).manual_seed(0)
        out = [np.zeros(0)]
        with torch.no_grad():
            for codes, values in self._tensors(narrow_rows(encoded, self.groups_), self._at_once(100), device):
                _, log_p, log_ratio = self.networks_.log_weights(codes, values, 100, noise)
                bounds = (log_p + log_ratio).double()
                mean = bounds.mean(-1, keepdim=True)
                spread = (bounds - mean).square().mean(-1).sqrt()
                out.append((mean[..., 0] - 2 * spread / 10).cpu().numpy())
        return np.concatenate(out) + log_within(encoded, self.groups_)

    def _fill(self, encoded: Encoded, generator: np.random.Generator) -> Encoded:
        """Places are drawn given the cells known, by importance resampling (Mattei and Frellsen 2019), then gaps."""
        device = self._on_device()
        noise = torch_generator(generator, device)
        narrow = narrow_rows(encoded, self.groups_)
        limits = {}
        for j, slot in enumerate(narrow.slots):
            if slot.missing_code is not None and slot.cardinality > 1:
                limits[j] = AllowedCells(np.arange(slot.cardinality) != slot.missing_code)
        parts = [(torch.zeros(0, len(narrow.slots)), torch.zeros(0, len(narrow.slots)))]
        with torch.no_grad():
            for codes, values in self._tensors(narrow, self._at_once(50), device):
                z, log_p, log_ratio = self.networks_.log_weights(codes, values, 50, noise)
                chosen = torch.multinomial(functional.softmax(log_p + log_ratio, dim=-1), 1, generator=noise)
                z = z.gather(1, chosen[..., None].expand(-1, -1, self.latent_width))[:, 0]
                parts.append(self.networks_.heads.draw(self.networks_.hidden(z), limits, noise))
        drawn = widen_rows(self._encoded(parts), self.groups_, generator)
        known = encoded.codes != UNSEEN
        filled = np.where(known, encoded.codes, drawn.codes)
        return Encoded(encoded.slots, filled, np.where(known, encoded.values, drawn.values))

    def _latent(self, encoded: Encoded) -> np.ndarray:
        device = self._on_device()
        out = [np.zeros((0, self.latent_width))]
        with torch.no_grad():
            for codes, values in self._tensors(narrow_rows(encoded, self.groups_), self._at_once(), device):
                out.append(self.networks_.encode(codes, values)[0].double().cpu().numpy())
        return np.concatenate(out)

    def _rows_at(self, latent: np.ndarray) -> Encoded:
        device = self._on_device()
        places = torch.from_numpy(latent.astype(np.float32)).to(device)
        with torch.no_grad():
            parts = [
                self.networks_.heads.likeliest(self.networks_.hidden(z)) for z in torch.split(places, self._at_once())
            ]
        # Levels of a group are told apart by chance, which has to be the same each time.
        return widen_rows(self._encoded(parts), self.groups_, np.random.default_rng(0))

    def _state(self) -> State:
        return State.merge(groups=groups_state(self.groups_), networks=State({}, weights_of(self.networks_)))

    def _restore(self, state: State) -> None:
        self.groups_ = groups_from_state(state.nested("groups"), self.encoder_.slots)
        self._build(torch.Generator().manual_seed(0))
        put_weights(self.networks_, state.nested("networks").arrays)
        self.networks_.heads.warped = True
        self.networks_.eval()
