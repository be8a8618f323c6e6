"""A variational autoencoder of rows: every row has a place in a latent space, and every place a distribution of rows.

After Xu et al. 2019, "Modeling Tabular Data using Conditional GAN" (arXiv 1907.00503, section 4.4), with three
differences: numbers are shares of rows, with a flexible density, where the paper has modes and a Gaussian; the prior is
a mixture learnt with the rest (Dilokthanakul et al. 2016, arXiv 1611.02648), so that what is drawn lies where rows lie;
and the decoder's marginals are calibrated on draws from it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from synthdata.encoders.base import UNSEEN, AllowedCells, Encoded, Slot, State
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.errors import ModelError
from synthdata.models.abilities import DensityMixin, ImputationMixin, Kind, LatentMixin
from synthdata.models.networks.level_groups import (
    Groups,
    group_levels,
    groups_from_state,
    groups_state,
    narrow_rows,
    widen_rows,
)
from synthdata.models.networks.nets import CellVectors
from synthdata.models.networks.row_heads import RowHeads, dense
from synthdata.models.neural import NeuralSynthesizer, put_weights, weights_of
from synthdata.privacy.per_record import Part, Sums, Whole
from synthdata.progress import Progress
from synthdata.training.device import choose_device, half_precision, torch_generator
from synthdata.training.objective import Player

#: how many numbers a step of drawing or scoring may hold at once
_MOST_NUMBERS = 2**24
_CELL, _KNOTS, _HARMONICS = 8, 8, 3
#: over which share of training a latent place gets its full price
_WARM_UP = 0.2
_LOG_2_PI = math.log(2 * math.pi)


class MixturePrior(nn.Module):
    """A mixture of normal distributions with diagonal covariances: the log-density (b,) of places (b, latent)."""

    def __init__(self, latent: int, components: int, generator: torch.Generator) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(components))
        #: centres and log-widths
        self.embedding = nn.Parameter(torch.randn(components, 2 * latent, generator=generator))
        with torch.no_grad():
            self.embedding[:, latent:] = 0.0

    def parts(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The centres and log-widths (components, latent)."""
        centres, log_widths = self.embedding.chunk(2, dim=-1)
        return centres, log_widths.clamp(-5.0, 2.0)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """log p(z) (b,)."""
        return torch.logsumexp(self._joint(z), dim=-1)

    def _joint(self, z: torch.Tensor) -> torch.Tensor:
        """The log-densities (b, components) of places together with each component."""
        centres, log_widths = self.parts()
        precision = torch.exp(-2 * log_widths)
        # The square is multiplied out, so that it takes two products of matrices.
        square = (z * z) @ precision.T - 2 * z @ (centres * precision).T + (centres * centres * precision).sum(-1)
        log_p = -0.5 * square - log_widths.sum(-1) - 0.5 * z.shape[-1] * _LOG_2_PI
        return log_p + functional.log_softmax(self.bias, dim=0)

    def per_record(self, inputs: Sequence[Any], slopes: torch.Tensor) -> list[Part]:
        """What the gradients of single records are made of, in double precision."""
        with torch.no_grad():
            z, centres, log_widths = (each.double() for each in (inputs[0], *self.parts()))
            taken = functional.softmax(self._joint(inputs[0]), dim=-1)
            odds = (taken - functional.softmax(self.bias, dim=0)) * slopes[:, None]
            free = (self.parts()[1] == self.embedding[:, z.shape[-1] :]).double()
            share = taken.double() * slopes[:, None]
        return [_PriorGradients(self.embedding, z, share, centres, log_widths, free), Whole(self.bias, odds)]


@dataclass(frozen=True)
class _PriorGradients:
    """The gradients of centres and log-widths at places z (b, latent), of which components have shares (b, components).

    With p the precisions they are r (z - c) p and r ((z - c)² p - 1); both are multiplied out, so that neither them nor
    their norms take more than products of matrices. ``free`` is 0 where a width is held at its limit.
    """

    weight: nn.Parameter
    z: torch.Tensor
    share: torch.Tensor
    centres: torch.Tensor
    log_widths: torch.Tensor
    free: torch.Tensor

    def squares(self) -> torch.Tensor:
        """Squared norms (b,)."""
        z, c, p = self.z, self.centres, torch.exp(-2 * self.log_widths)
        # The sums over dimensions of (z - c)² p² and of ((z - c)² p - 1)², by powers of z.
        second, fourth = p * p - 2 * p * self.free, p * p * self.free
        powers = torch.cat([z, z**2, z**3, z**4], dim=1)
        factors = torch.cat(
            [-2 * c * second - 4 * c**3 * fourth, second + 6 * c**2 * fourth, -4 * c * fourth, fourth], dim=1
        )
        constant = (c**2 * second + c**4 * fourth + self.free).sum(1)
        sizes = (powers @ factors.T + constant).clamp(min=0.0)
        return (self.share.square() * sizes).sum(1).float()

    def sums(self, factors: torch.Tensor) -> Sums:
        """The weighted sums."""
        share, c, p = self.share * factors[:, None], self.centres, torch.exp(-2 * self.log_widths)
        total, first, second = share.sum(0)[:, None], share.T @ self.z, share.T @ (self.z * self.z)
        centres = (first - c * total) * p
        widths = ((second - 2 * c * first + c * c * total) * p - total) * self.free
        return [(self.weight, torch.cat([centres, widths], dim=1).to(self.weight.dtype))]


class LatentNetworks(nn.Module):
    """Encoder, prior and decoder: q(z | row), p(z), p(row | z), for z (b, latent)."""

    def __init__(
        self, slots: Sequence[Slot], latent: int, width: int, components: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.latent, self.columns = latent, len(slots)
        self.cells = CellVectors(slots, _CELL, _KNOTS, _HARMONICS, generator)
        self.inward = dense(self.columns * (_CELL + 1), width, generator)
        self.inner = dense(width, width, generator)
        self.posterior = dense(width, 2 * latent, generator, 0.3)
        self.outward = dense(latent, width, generator)
        self.outer = dense(width, width, generator)
        self.heads = RowHeads(slots, width, generator)
        self.prior = MixturePrior(latent, components, generator)
        with torch.no_grad():
            self.posterior.bias[latent:] = -1.0

    def encode(self, codes: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Means and log-deviations (b, latent) of q(z | row); cells that are `UNSEEN` are left out."""
        seen = (codes != UNSEEN)[..., None].float()
        vectors = torch.cat([self.cells(codes, values) * seen, 1 - seen], dim=-1)
        h = functional.relu(self.inward(vectors.flatten(1)))
        mean, log_width = self.posterior(functional.relu(self.inner(h))).float().chunk(2, dim=-1)
        return mean, log_width.clamp(-6.0, 2.0)

    def hidden(self, z: torch.Tensor) -> torch.Tensor:
        """The decoder's last layer (b, width)."""
        return functional.relu(self.outer(functional.relu(self.outward(z))))

    def draw_prior(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """Places (n, latent) from the prior, its components as often as their shares say, up to one."""
        centres, log_widths = self.prior.parts()
        along = functional.softmax(self.prior.bias, dim=0).cumsum(0)
        device = centres.device
        strata = torch.randperm(n, generator=generator, device=device)
        strata = (strata + torch.rand(n, generator=generator, device=device)) / max(n, 1)
        which = torch.searchsorted(along, strata.clamp(max=1 - 1e-6)).clamp(max=len(along) - 1)
        noise = torch.randn(n, self.latent, generator=generator, device=device)
        return centres[which] + torch.exp(log_widths[which]) * noise

    def log_weights(
        self, codes: torch.Tensor, values: torch.Tensor, repeats: int, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Places z (b, repeats, latent) from q, and log p(row | z) and log p(z) - log q(z | row), both (b, repeats).

        Of a row, only the cells seen count.
        """
        mean, log_width = self.encode(codes, values)
        shape = (len(codes), repeats, self.latent)
        noise = torch.randn(shape, generator=generator, device=codes.device)
        z = mean[:, None] + torch.exp(log_width)[:, None] * noise
        log_q = (-0.5 * noise * noise - log_width[:, None]).sum(-1) - 0.5 * self.latent * _LOG_2_PI
        flat = z.flatten(0, 1)
        spread = codes.repeat_interleave(repeats, 0)
        log_p = self.heads.log_probs(self.hidden(flat), spread, values.repeat_interleave(repeats, 0))
        log_p = torch.where(spread != UNSEEN, log_p, 0.0).sum(1).view(len(codes), repeats)
        return z, log_p, self.prior(flat).view(len(codes), repeats) - log_q


class _Bound:
    """The objective, and its one player: minus the evidence lower bound of every record.

    In ``masked`` of the records some cells are hidden, and the bound is that of the others: so the encoder learns what
    to make of gaps. Over the first ``warm_up`` batches what a latent place costs rises from nothing to its full price,
    or some dimensions would never come into use (Bowman et al. 2016, arXiv 1511.06349).
    """

    sees_real_rows = True
    quality_name = "held-out nats per row (bound)"

    def __init__(self, networks: LatentNetworks, encoded: Encoded, masked: float, warm_up: float) -> None:
        self.modules: LatentNetworks = networks
        self.players: Sequence[Player] = (self,)
        self.masked = masked
        self.price, self.rise = torch.zeros(()), 1 / max(warm_up, 1.0)
        self.codes = torch.from_numpy(encoded.codes.astype(np.int64))
        self.values = torch.from_numpy(encoded.values.astype(np.float32))

    def to(self, device: torch.device) -> None:
        """Move networks and table to a device."""
        self.modules.to(device)
        self.codes, self.values, self.price = (each.to(device) for each in (self.codes, self.values, self.price))

    def losses(self, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Minus the bounds (b,) of records."""
        log_p, log_ratio = self._terms(rows, generator)
        self.price = (self.price + self.rise).clamp(max=1.0)
        return -(log_p + self.price * log_ratio)

    def private_losses(self, rows: torch.Tensor, generator: torch.Generator, share: float) -> torch.Tensor:
        """Minus the bounds (b,) of records, at the price that a latent place has by then.

        In full precision: half of it makes ready for each size of a batch anew, and these sizes are drawn.
        """
        log_p, log_ratio = self._terms(rows, generator, half=False)
        return -(log_p + min(share / _WARM_UP, 1.0) * log_ratio)

    def _terms(
        self, rows: torch.Tensor, generator: torch.Generator, *, half: bool = True
    ) -> tuple[torch.Tensor, torch.Tensor]:
        codes, values = self.codes[rows], self.values[rows]
        chance = torch.rand(len(rows), 2, generator=generator, device=rows.device)
        share = torch.where(chance[:, :1] < self.masked, chance[:, 1:], 0.0)
        hidden = torch.rand(codes.shape, generator=generator, device=rows.device) < share
        codes = torch.where(hidden, UNSEEN, codes)
        with half_precision(rows.device) if half else nullcontext():
            _, log_p, log_ratio = self.modules.log_weights(codes, values, 1, generator)
        return log_p[:, 0], log_ratio[:, 0]

    def quality(self, rows: torch.Tensor) -> float:
        """The mean of minus the bound of rows, in nats."""
        noise = torch.Generator(rows.device).manual_seed(0)
        total = 0.0
        for part in torch.split(rows, 2048):
            _, log_p, log_ratio = self.modules.log_weights(self.codes[part], self.values[part], 1, noise)
            total -= float((log_p + log_ratio).double().sum())
        return total / max(len(rows), 1)


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
            warm_up = _WARM_UP * self._steps(len(narrow))
            self._train(_Bound(self.networks_, narrow, self.masked, warm_up), len(narrow), generator, progress)
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
                out.append((bounds.mean(-1) - 2 * bounds.std(-1) / 10).cpu().numpy())
        return np.concatenate(out) + self._log_within(encoded)

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

    def _log_within(self, encoded: Encoded) -> np.ndarray:
        """The log-probability (n,) of the levels that rows have inside their groups."""
        out = np.zeros(len(encoded))
        for j, grouping in enumerate(self.groups_):
            if grouping.slot is not grouping.whole:
                codes = encoded.codes[:, j]
                out += np.where(codes == UNSEEN, 0.0, np.log(grouping.shares)[codes])
        return out

    def _state(self) -> State:
        return State.merge(groups=groups_state(self.groups_), networks=State({}, weights_of(self.networks_)))

    def _restore(self, state: State) -> None:
        self.groups_ = groups_from_state(state.nested("groups"), self.encoder_.slots)
        self._build(torch.Generator().manual_seed(0))
        put_weights(self.networks_, state.nested("networks").arrays)
        self.networks_.heads.warped = True
        self.networks_.eval()
