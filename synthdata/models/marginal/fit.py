"""The distribution of largest entropy whose marginals are near noisy ones.

After McKenna, Sheldon and Miklau 2019, "Graphical-model based estimation and inference for differential privacy". The
estimate is found in its dual form, that of a log-linear model with a normal prior on its potentials (Wainwright and
Jordan 2008, section 3.6): maximise ⟨θ, y⟩ - N log Z(θ) - Σ λ|θ|²/2, which is concave, by L-BFGS (Liu and Nocedal 1989)
with the expected counts as scale. At the maximum N μ(θ) = y - λθ, so that a small λ keeps to the measured counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthdata.models.marginal.graphical import GraphicalModel
from synthdata.models.marginal.junction_tree import Group, junction_tree

#: how far, in σ, a potential of 1 keeps a marginal from its measured counts
_PULL = 0.1
#: how many earlier steps the curvature is guessed from
_MEMORY = 12


@dataclass(frozen=True)
class Measurement:
    """Noisy counts of one marginal, an axis per column, with the noise's standard deviation."""

    counts: np.ndarray
    sigma: float

    def and_again(self, counts: np.ndarray, sigma: float) -> Measurement:
        """Both measurements as one, weighted by their precision."""
        mine, theirs = self.sigma**-2, sigma**-2
        return Measurement((self.counts * mine + counts * theirs) / (mine + theirs), (mine + theirs) ** -0.5)


def estimate_total(measurements: Mapping[Group, Measurement]) -> float:
    """How many rows there are, from the sums of all marginals weighted by their precision; at least 1."""
    weights = [1 / (m.counts.size * m.sigma**2) for m in measurements.values()]
    sums = [float(m.counts.sum()) for m in measurements.values()]
    return max(float(np.average(sums, weights=weights)), 1.0)


def fit_marginals(
    sizes: Sequence[int],
    measurements: Mapping[Group, Measurement],
    total: float,
    potentials: Mapping[Group, np.ndarray] | None = None,
    *,
    iterations: int = 50,
    tolerance: float = 0.02,
) -> tuple[GraphicalModel, dict[Group, np.ndarray]]:
    """The model, and its potentials to start from next time.

    ``tolerance`` is the root mean square distance, in σ, at which the marginals are near enough.
    """
    groups = list(measurements)
    tree = junction_tree(sizes, groups)
    targets = made_consistent(measurements, total, len(sizes))
    shapes = [targets[group].shape for group in groups]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    y = np.concatenate([targets[group].ravel() for group in groups])
    sigma = np.concatenate([np.full(targets[group].size, measurements[group].sigma) for group in groups])
    pull = _PULL * sigma
    known = potentials or {}
    start = [known.get(group, np.zeros(shape)).ravel() for group, shape in zip(groups, shapes, strict=True)]

    def unpack(theta: np.ndarray) -> dict[Group, np.ndarray]:
        return {
            group: part.reshape(shape)
            for group, part, shape in zip(groups, np.split(theta, ends[:-1]), shapes, strict=True)
        }

    def at(theta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray, GraphicalModel]:
        model = GraphicalModel(sizes, unpack(theta), tree)
        counts = total * np.concatenate([np.asarray(model.marginal(group)).ravel() for group in groups])
        value = total * model.log_total - theta @ y + 0.5 * float(pull @ theta**2)
        return value, counts - y + pull * theta, counts, model

    theta = np.concatenate(start)
    value, slope, counts, model = at(theta)
    # Groups that are new start where a round of proportional fitting puts them, columns before pairs.
    for width in sorted({len(group) for group in groups if group not in known}):
        for group, part, end in zip(groups, start, ends, strict=True):
            if group not in known and len(group) == width:
                here = slice(end - len(part), end)
                floor = 0.1 * sigma[here] + 1e-3 * total / len(part)
                theta[here] = np.log((np.maximum(y[here], 0) + floor) / (counts[here] + floor))
        value, slope, counts, model = at(theta)
    past: list[tuple[np.ndarray, np.ndarray]] = []
    for _ in range(iterations):
        if np.sqrt(np.mean((slope / sigma) ** 2)) < tolerance:
            break
        direction = -_newton(slope, 1 / (counts + pull), past)
        descent = float(slope @ direction)
        if descent >= 0:
            past, direction = [], -slope / (counts + pull)
            descent = float(slope @ direction)
        # No potential moves by more than e² at once.
        size = min(1.0, 2.0 / float(np.abs(direction).max()))
        for _ in range(12):
            trial = theta + size * direction
            found = at(trial)
            if found[0] <= value + 1e-4 * size * descent + 1e-9 * abs(value):
                break
            size /= 2
        else:
            break
        change, turn = trial - theta, found[1] - slope
        if change @ turn > 1e-10 * np.sqrt((change @ change) * (turn @ turn)):
            past = [*past[-_MEMORY + 1 :], (change, turn)]
        theta, (value, slope, counts, model) = trial, found
    return model, unpack(theta)


def _newton(slope: np.ndarray, scale: np.ndarray, past: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """The L-BFGS estimate of the inverse curvature times the slope, with a diagonal start ``scale``."""
    q, kept = slope.copy(), []
    for change, turn in reversed(past):
        weight = (change @ q) / (change @ turn)
        q -= weight * turn
        kept.append(weight)
    q *= scale
    for (change, turn), weight in zip(past, reversed(kept), strict=True):
        q += change * (weight - (turn @ q) / (change @ turn))
    return q


def made_consistent(measurements: Mapping[Group, Measurement], total: float, columns: int) -> dict[Group, np.ndarray]:
    """Counts whose sums agree: the total, and each column's counts in all groups that hold it.

    What several groups say of a column is averaged by precision, and each group's cells are moved evenly by the
    difference; that is the least-squares answer column by column (Qardaji, Yang and Li 2014, "PriView", section 4.2).
    """
    counts = {group: m.counts + (total - m.counts.sum()) / m.counts.size for group, m in measurements.items()}
    for j in range(columns):
        holders = [group for group in counts if j in group]
        if len(holders) < 2:
            continue
        sums, weights = [], []
        for group in holders:
            axes = tuple(axis for axis, k in enumerate(group) if k != j)
            sums.append(counts[group].sum(axis=axes))
            weights.append(sums[-1].size / (counts[group].size * measurements[group].sigma ** 2))
        agreed = np.average(sums, axis=0, weights=weights)
        for group, found in zip(holders, sums, strict=True):
            shape = [len(agreed) if k == j else 1 for k in group]
            counts[group] = counts[group] + ((agreed - found) * len(agreed) / counts[group].size).reshape(shape)
    return counts
