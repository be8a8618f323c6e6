"""Noisy steps that an audit watches: how often each canary seems to have been in their samples.

Who audits gradients may see every noisy sum, and knows the real rows, the canaries and the numbers drawn for single
records, but neither samples nor coins (Nasr et al. 2023, "Tight auditing of differentially private machine learning",
arXiv 2302.07956; Steinke, Nasr and Jagielski 2023, section 6). They add up the inner products of each sum with the
canary's clipped gradient. Here the other records' share in these products is taken off as well, by regression of the
sum on all clipped gradients at once; where the noise is as large as was charged the two are nearly the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from synthdata.privacy.dpsgd import NoisySteps, Plan
from synthdata.privacy.entropy import Entropy

if TYPE_CHECKING:
    import torch

    from synthdata.privacy.dpsgd import Losses, Summed
    from synthdata.privacy.per_record import ClippedGradients

#: at so many steps at most, spread evenly, the audit looks
LOOKS = 40
#: so many of the real rows at most are told apart; more of them count by these
MOST_KNOWN = 2_000
#: how far below what was charged the noise may turn out to be, as a factor of its deviation
_LEAST_NOISE = 1e-2
#: how many times the regression is refined; stopping early is like having more noise
_REFINEMENTS = 40


class Sightings:
    """How often each canary (m,) was seen in samples, up to what noise hides; ``counts`` is None before any look."""

    def __init__(self) -> None:
        self.counts: np.ndarray | None = None
        #: the noise's deviation as it turned out at the first look
        self.deviation: float | None = None

    def add(self, seen: np.ndarray) -> None:
        """Add what one look showed."""
        self.counts = seen if self.counts is None else self.counts + seen


class WatchedSteps(NoisySteps):
    """Steps over known rows and below them all canaries, of which those enter samples whose coin says so.

    ``coins`` (m,) bool decide who can be drawn, and are not looked at otherwise. The training is as without an audit,
    except that a step that is looked at draws the numbers of single records for those out of its sample, too.
    """

    def __init__(self, plan: Plan, entropy: Entropy, known: int, coins: np.ndarray, seen: Sightings) -> None:
        super().__init__(plan, entropy)
        self._known, self._canaries, self._seen = known, len(coins), seen
        self._present = np.concatenate([np.ones(known, dtype=bool), coins])
        told = np.unique(np.linspace(0, known - 1, min(known, MOST_KNOWN)).round().astype(np.int64))
        self._told = np.concatenate([told, known + np.arange(len(coins))])
        self._looks = set(np.unique(np.linspace(1, plan.steps, min(plan.steps, LOOKS)).round().astype(int)).tolist())
        self._under_way: tuple[ClippedGradients, np.ndarray] | None = None

    def sample(self, rows: int) -> np.ndarray:
        """Positions (b,) of the rows in the next step's sample, none of a canary that is out."""
        chosen = super().sample(rows)
        return chosen[self._present[chosen]]

    def gradients(self, networks: torch.nn.Module, losses: Losses, rows: int, device: torch.device) -> None:
        """As those of the steps that are not watched; where the audit looks, it learns from what they let out."""
        super().gradients(networks, losses, rows, device)
        if self._under_way is not None:
            weights = [weight for weight in networks.parameters() if weight.grad is not None]
            released = {weight: weight.grad * self.plan.batch for weight in weights if weight.grad is not None}
            clipped, order = self._under_way
            self._under_way = None
            found = self._regression(clipped, order, released)
            seen = np.zeros(self._canaries)
            canary = order >= self._known
            seen[order[canary] - self._known] = found[canary]
            self._seen.add(seen)

    def _sums(self, networks: torch.nn.Module, losses: Losses, chosen: torch.Tensor, device: torch.device) -> Summed:
        if self.taken not in self._looks:
            return super()._sums(networks, losses, chosen, device)
        import torch

        from synthdata.privacy.per_record import clipped_gradients

        order: list[torch.Tensor] = []

        def found() -> torch.Tensor:
            values, places = losses(torch.from_numpy(self._told).to(device))
            order.append(places)
            return values

        clipped = clipped_gradients(networks, found, self.plan.clip)
        places = order[0].cpu().numpy()
        counted = torch.from_numpy(np.isin(places, chosen.numpy())).to(clipped.factors)
        sums = clipped.sums(counted)
        others = torch.from_numpy(np.setdiff1d(chosen.numpy(), self._told))
        for weight, total in super()._sums(networks, losses, others, device).items():
            sums[weight] = sums[weight] + total if weight in sums else total
        self._under_way = clipped, places
        return sums

    def _regression(self, clipped: ClippedGradients, order: np.ndarray, released: Summed) -> np.ndarray:
        """How often each record (b,) is in a sum, as expected given the sum, if all were normal.

        Known rows are in it with the plan's rate, and stand for more of their kind where these are not told apart;
        canaries with half of it.
        """
        import torch

        rate = self.plan.rate
        more = self._known / max(len(self._told) - self._canaries, 1)
        canary = torch.from_numpy(order >= self._known)
        mean = torch.where(canary, rate / 2, rate * more).double()
        spread = torch.where(canary, rate / 2 * (1 - rate / 2), rate * (1 - rate) * more).double().sqrt()
        device = clipped.factors.device

        def sums(often: torch.Tensor) -> Summed:
            return clipped.sums(often.to(clipped.factors))

        def along(direction: Summed) -> torch.Tensor:
            return clipped.along(direction).cpu().double()

        expected = sums(mean.to(device))
        rest = {weight: total - expected[weight] if weight in expected else total for weight, total in released.items()}
        target = spread * along(rest)

        def squared(x: torch.Tensor) -> torch.Tensor:
            return spread * along(sums((spread * x).to(device)))

        if self._seen.deviation is None:
            self._seen.deviation = self._deviation(rest, squared, target)
        return (mean + spread * _solve(squared, target, self._seen.deviation**2)).numpy()

    def _deviation(self, rest: Summed, squared: Callable[[torch.Tensor], torch.Tensor], target: torch.Tensor) -> float:
        """The noise's deviation by what the records' gradients cannot explain, at most what was charged."""
        charged = self.plan.noise * self.plan.clip
        least = charged * _LEAST_NOISE
        fitted = _solve(squared, target, least**2)
        whole = sum(float(total.double().square().sum()) for total in rest.values())
        unexplained = max(whole - 2 * float(fitted @ target) + float(fitted @ squared(fitted)), 0.0)
        free = max(sum(total.numel() for total in rest.values()) - len(target), 1)
        return float(np.clip(np.sqrt(unexplained / free), least, charged))


def _solve(squared: Callable[[torch.Tensor], torch.Tensor], target: torch.Tensor, ridge: float) -> torch.Tensor:
    """The x (n,) with ``squared(x) + ridge * x = target``, by conjugate gradients."""
    x = target * 0.0
    rest = target.clone()
    way, size = rest.clone(), float(rest @ rest)
    start = size
    for _ in range(_REFINEMENTS):
        if size <= 1e-12 * start or size == 0.0:
            break
        applied = squared(way) + ridge * way
        step = size / max(float(way @ applied), 1e-300)
        x, rest = x + step * way, rest - step * applied
        size, before = float(rest @ rest), size
        way = rest + size / before * way
    return x
