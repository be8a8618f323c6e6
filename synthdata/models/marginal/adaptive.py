"""Which marginals to measure, and how well: the rounds of AIM and the tree of MST."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from synthdata.models.marginal.fit import Measurement, estimate_total, fit_marginals
from synthdata.models.marginal.graphical import GraphicalModel
from synthdata.models.marginal.junction_tree import Group, TreeCells
from synthdata.models.marginal.measured_cells import Comparison, MeasuredCells, count_cells
from synthdata.privacy.charges import choosing_cost, choosing_epsilon, counting_cost, counting_sigma
from synthdata.progress import Progress

#: so many rows are drawn to see what the model says of columns that no clique holds together
_DRAWN = 50_000
#: the mean distance from 0 of normal noise, in σ
_MEAN_NOISE = math.sqrt(2 / math.pi)

Fitted = tuple[GraphicalModel, dict[Group, np.ndarray], dict[Group, Measurement]]


def adaptive(
    cells: MeasuredCells,
    mu: float,
    generator: np.random.Generator,
    progress: Progress,
    *,
    degree: int,
    rounds: int,
    measuring: float,
    model_cells: float,
    iterations: int,
) -> Fitted:
    """The rounds of AIM: measure what the model gets most wrong, weighed against the noise of measuring it.

    McKenna, Mullins, Sheldon and Miklau 2022, "AIM", algorithm 2, with a Gaussian parameter ``mu`` for the budget.

    Args:
        degree: the widest marginals of the workload.
        rounds: into how many rounds per column the budget is planned at first.
        measuring: which share of a round's budget is for measuring, the rest for choosing.
        model_cells: how many cells the junction tree may have in the end.
        iterations: how many steps the model takes to a round's measurements; ten times as many in the end.
    """
    sizes, whole = cells.sizes, mu**2
    planned = rounds * max(len(sizes), 1)
    sigma = counting_sigma(measuring * whole / planned)
    epsilon = choosing_epsilon((1 - measuring) * whole / planned)
    measured = _columns(cells, sigma)
    degree = min(degree, len(sizes))
    # The workload is every group of this degree, so that each column is in equally many.
    weight = math.comb(len(sizes) - 1, degree - 1)
    candidates = [group for width in range(1, degree + 1) for group in itertools.combinations(range(len(sizes)), width)]
    total = estimate_total(measured)
    model, potentials = fit_marginals(sizes, measured, total, iterations=iterations)
    last = len(sizes) < 2
    while not last:
        left = cells.left
        if left < 2 * (counting_cost(sigma) + choosing_cost(epsilon)):
            # What is left goes into one more round.
            sigma, epsilon, last = counting_sigma(measuring * left), choosing_epsilon((1 - measuring) * left), True
        spent = 1 - left / whole
        groups = _that_fit(candidates, measured, sizes, model_cells * min(spent + 1e-9, 1.0))
        estimates = _estimates(model, groups, total, generator)
        penalties = np.array([_MEAN_NOISE * sigma * estimates[group].size for group in groups])
        weights = weight * np.array([len(group) for group in groups], dtype=np.float64)
        group = groups[cells.choose(Comparison(groups, estimates.__getitem__, penalties, weights), epsilon)]
        before = estimates[group]
        counts = cells.measure(group, sigma)
        measured[group] = measured[group].and_again(counts, sigma) if group in measured else Measurement(counts, sigma)
        total = estimate_total(measured)
        model, potentials = fit_marginals(sizes, measured, total, potentials, iterations=iterations)
        after = total * np.asarray(model.marginal(group))
        if np.abs(after - before).sum() <= _MEAN_NOISE * sigma * before.size:
            # Little was learnt: look closer from now on.
            sigma, epsilon = max(sigma / 2, 0.5), min(epsilon * 2, 60.0)
        progress.step(min(1 - cells.left / whole, 1.0), f"{len(measured)} marginals measured")
    model, potentials = fit_marginals(sizes, measured, total, potentials, iterations=10 * iterations, tolerance=0.005)
    return model, potentials, measured


def _columns(cells: MeasuredCells, sigma: float) -> dict[Group, Measurement]:
    """Each column by itself."""
    return {(j,): Measurement(cells.measure((j,), sigma), sigma) for j in range(len(cells.sizes))}


def _that_fit(
    candidates: Sequence[Group], measured: Mapping[Group, Measurement], sizes: Sequence[int], most: float
) -> list[Group]:
    """The candidates with which the junction tree stays within ``most`` cells, or those that do not make it grow."""
    tree = TreeCells(sizes, measured)
    limit = max(most, tree.now)
    return [
        group
        for group in candidates
        if group in measured or (math.prod(sizes[j] for j in group) <= limit and tree.with_group(group) <= limit)
    ]


def _estimates(
    model: GraphicalModel, groups: Sequence[Group], total: float, generator: np.random.Generator
) -> dict[Group, np.ndarray]:
    """What the model expects (in rows) of each group: exactly within a clique, elsewhere from drawn rows."""
    found = {group: model.marginal(group) for group in groups}
    columns = None
    for group, known in found.items():
        if known is None:
            if columns is None:
                columns = np.ascontiguousarray(model.draw(_DRAWN, generator).T)
            found[group] = count_cells(columns, group, model.sizes) / _DRAWN
    return {group: total * np.asarray(estimate) for group, estimate in found.items()}


def spanning_tree(
    cells: MeasuredCells, mu: float, generator: np.random.Generator, progress: Progress, *, iterations: int
) -> Fitted:
    """The pairs of MST: those in which columns depend most on each other, as a tree.

    McKenna, Miklau and Sheldon 2021, algorithms 1 and 2; the choice of each edge joins two parts of the forest so far.
    """
    sizes, third = cells.sizes, mu**2 / 3
    d = len(sizes)
    sigma = counting_sigma(third / max(d, 1))
    measured = _columns(cells, sigma)
    total = estimate_total(measured)
    model, _ = fit_marginals(sizes, measured, total, iterations=iterations)
    single = [total * np.asarray(model.marginal((j,))) for j in range(d)]
    pairs = list(itertools.combinations(range(d), 2))
    comparison = Comparison(
        pairs,
        lambda pair: np.multiply.outer(single[pair[0]], single[pair[1]] / total),
        np.zeros(len(pairs)),
        np.ones(len(pairs)),
    )
    edges = max(d - 1, 1)
    epsilon = choosing_epsilon(third / edges)
    left, right = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    part = np.arange(d)
    chosen: list[Group] = []
    while len(chosen) < d - 1:
        apart = np.flatnonzero(part[left] != part[right])
        a, b = pairs[cells.choose(comparison, epsilon, among=apart)]
        chosen.append((a, b))
        part[part == part[b]] = part[a]
        progress.step(0.5 * len(chosen) / edges, "Choosing a tree of columns")
    sigma = counting_sigma(third / edges)
    for group in chosen:
        measured[group] = Measurement(cells.measure(group, sigma), sigma)
    total = estimate_total(measured)
    model, potentials = fit_marginals(sizes, measured, total, iterations=iterations, tolerance=0.005)
    return model, potentials, measured
