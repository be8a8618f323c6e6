"""Differentially private gradients: Poisson samples of the rows, clipped record by record, with Gaussian noise.

After Abadi et al. 2016, "Deep learning with differential privacy" (arXiv 1607.00133, algorithm 1), for neighbouring
tables that differ in one added or removed row: each row enters a step's sample by itself with the same probability, its
gradient's norm is bounded, and the sum is divided by the expected number of rows, not by the number drawn, which is
secret. A step whose sample is empty takes its noise all the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from synthdata.errors import MissingExtraError, PrivacyError
from synthdata.privacy.accounting import sigma_for
from synthdata.privacy.charges import Charge
from synthdata.privacy.entropy import Entropy
from synthdata.privacy.ledger import Ledger

if TYPE_CHECKING:
    import torch

    #: what makes the losses (b,) of records by their positions (b,), and these in the order of the losses
    Losses = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
    #: a sum of gradients, by weight
    Summed = dict[torch.nn.Parameter, torch.Tensor]

STAGE = "gradient steps"
#: answers are rounded to so many parts of the noise's deviation, so that their low bits tell nothing
_GRID = 2.0**-12


@dataclass(frozen=True)
class Plan:
    """How training goes about it, chosen from what is public or has been bought: no row may have a say.

    Args:
        batch: how many rows a sample has on average.
        rate: with which probability a row is in a sample.
        steps: how many samples are drawn.
        clip: the largest norm of a record's gradient.
        noise: the noise's standard deviation, in units of ``clip``.
        physical: how many records at most are computed at once; of memory alone.
    """

    batch: float
    rate: float
    steps: int
    clip: float = 1.0
    noise: float = 1.0
    physical: int = 1024

    @classmethod
    def within(
        cls, ledger: Ledger, rows: float, *, batch: float, steps: int, clip: float = 1.0, physical: int = 1024
    ) -> Plan:
        """The plan with the least noise that what is left of a ledger's budget pays for.

        ``rows`` is the number of rows, public or bought; where the true one differs, samples are a little larger or
        smaller than ``batch``, and nothing else.

        Raises:
            PrivacyError: nothing is left, or the plan makes no sense.
        """
        if not (steps >= 1 and batch > 0 and clip > 0 and physical >= 1):
            raise PrivacyError(
                f"Private training needs steps, a batch and a clip above 0, found {steps}, {batch}, {clip}."
            )
        rate = min(batch / max(rows, 1.0), 1.0)
        budget = ledger.privacy
        noise = sigma_for(budget.epsilon, budget.delta, rate, steps, ledger.charges)
        return cls(batch=rate * max(rows, 1.0), rate=rate, steps=steps, clip=clip, noise=noise, physical=physical)

    def charge(self) -> Charge:
        """What all steps together are charged as; it must be written down before the first."""
        note = f"Poisson samples of {self.batch:,.0f} rows on average, gradients clipped at {self.clip:g}; {NOISE}"
        return Charge(
            STAGE, "gaussian", self.clip, sigma=self.noise * self.clip, rate=self.rate, steps=self.steps, note=note
        )


NOISE = "noise by a generator seeded anew for every step from the ledger's random source, in single precision"


class NoisySteps:
    """The steps that a charge pays for, and not one more.

    >>> steps = NoisySteps(Plan(batch=2.0, rate=0.5, steps=1), Entropy(seed=1))
    >>> len(steps.sample(4)) <= 4
    True
    >>> steps.sample(4)
    Traceback (most recent call last):
    synthdata.errors.PrivacyError: All 1 steps that were paid for have been taken.
    """

    def __init__(self, plan: Plan, entropy: Entropy) -> None:
        self.plan, self.entropy = plan, entropy
        #: how many steps have begun
        self.taken = 0
        self._required = False

    def sample(self, rows: int) -> np.ndarray:
        """Positions (m,) of the rows in the next step's sample, each of ``rows`` by itself with the plan's probability.

        Raises:
            PrivacyError: all steps that were paid for have been taken.
        """
        if self.taken >= self.plan.steps:
            raise PrivacyError(f"All {self.plan.steps} steps that were paid for have been taken.")
        self.taken += 1
        # Words below the rate's multiple of 2**64 are drawn with the rate, up to 2**-53 of it and never more often.
        limit = math.floor(self.plan.rate * 2.0**53)
        return np.flatnonzero((self.entropy.words(rows) >> np.uint64(11)) < np.uint64(limit))

    def gradients(
        self,
        networks: torch.nn.Module,
        losses: Losses,
        rows: int,
        device: torch.device,
    ) -> None:
        """Set every weight's ``grad`` to the noisy mean over the next sample of the records' clipped gradients.

        ``losses`` makes the loss (b,) of records by their positions (b,), each of one record alone, and says in which
        order they are.

        Raises:
            PrivacyError: all steps that were paid for have been taken, or a layer cannot tell of single records.
        """
        import torch

        from synthdata.privacy.per_record import require_layers

        plan, chosen = self.plan, torch.from_numpy(self.sample(rows))
        weights = [weight for weight in networks.parameters() if weight.requires_grad]
        if not self._required and len(chosen):
            require_layers(networks, lambda: losses(chosen[:1].to(device))[0])
            self._required = True
        sums = self._sums(networks, losses, chosen, device)
        noise = self._noise(weights, device)
        deviation = plan.noise * plan.clip
        grid = deviation * _GRID
        for weight, random in zip(weights, noise, strict=True):
            noisy = random.mul_(deviation)
            if weight in sums:
                noisy.add_(sums[weight])
            weight.grad = noisy.div_(grid).round_().mul_(grid / plan.batch)

    def _sums(self, networks: torch.nn.Module, losses: Losses, chosen: torch.Tensor, device: torch.device) -> Summed:
        """The sums of the clipped gradients of the records at the positions ``chosen`` (b,), by weight."""
        import torch

        from synthdata.privacy.per_record import clipped_sums

        sums: Summed = {}
        for part in torch.split(chosen, self.plan.physical) if len(chosen) else ():
            found, _ = clipped_sums(networks, lambda part=part: losses(part.to(device))[0], self.plan.clip)  # type: ignore[misc]
            for weight, total in found.items():
                sums[weight] = sums[weight].add_(total) if weight in sums else total
        return sums

    def _noise(self, weights: Sequence[torch.Tensor], device: torch.device) -> list[torch.Tensor]:
        """Standard normal numbers in the shape of each weight, in single precision."""
        import torch

        generator = torch.Generator(device=device)
        generator.manual_seed(int(self.entropy.words(1)[0] >> np.uint64(1)))
        sizes = [weight.numel() for weight in weights]
        flat = torch.randn(sum(sizes), generator=generator, device=device)
        return [part.view(w.shape) for part, w in zip(torch.split(flat, sizes), weights, strict=True)]


def parts_by_opacus(layer: Any, inputs: Sequence[Any], slopes: torch.Tensor) -> list[tuple[Any, torch.Tensor]]:
    """Each weight of a layer with every record's gradient (b, …), for layers that we have no rule of our own for.

    Opacus has rules for some layers, and others are differentiated record by record (`torch.func`).

    Raises:
        MissingExtraError: Opacus is not installed.
        PrivacyError: it cannot do this layer either.
    """
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from opacus import GradSampleModule
            from opacus.grad_sample.functorch import ft_compute_per_sample_gradient, prepare_layer
            from opacus.validators import ModuleValidator
    except ImportError:
        raise MissingExtraError("opacus", "neural") from None
    if ModuleValidator.validate(layer, strict=False):
        raise PrivacyError(
            f"A layer of the kind {type(layer).__name__} mixes records, so that none can be clipped by itself.",
            "Use a normalisation of single records, such as LayerNorm.",
        )
    rules = GradSampleModule.GRAD_SAMPLERS
    known = rules.get(type(layer))
    if known is None:
        if not hasattr(layer, "ft_compute_sample_grad"):
            prepare_layer(layer)
        known = ft_compute_per_sample_gradient
    return list(known(layer, list(inputs), slopes).items())
