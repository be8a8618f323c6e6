"""How long each model will take for a table on this machine, by fits on small samples of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.table import Table as Grid
from rich.text import Text

from synthdata.errors import MissingExtraError, ModelError, SchemaError
from synthdata.models.auto import choose, facts_of
from synthdata.models.neural import NeuralSynthesizer
from synthdata.models.registry import make_model, model_names
from synthdata.progress import Progress, silent
from synthdata.random import SeedTree
from synthdata.table.table import Table

# Models are timed on a sample of so many rows, then on four times as many, until one has taken so many seconds.
TRIAL_ROWS, GROWN, ENOUGH = 250, 4, 0.5
# With which power of the rows the seconds of families grow from there on, where it is not the first: on small tables
# they try more, or do as much as on large ones (measured on five tables, from 1,000 rows to 32,561).
GROWTH = {"gmm": 0.35, "copula": 0.25, "aim": 1.15, "mst": 0.45, "bayesnet": 0.8, "independent": 0.7}
# Networks are trained for so many seconds on a sample, and each step of the whole training is taken to last as long.
TRIAL_SECONDS = 1.0


@dataclass(frozen=True)
class Cost:
    """The time that fitting and drawing the whole table is expected to take, in seconds; why not, or what to know."""

    model: str
    seconds: float | None
    reason: str = ""


def estimates(real: Table, *, seed: int | None = None, progress: Progress | None = None) -> tuple[Cost, ...]:
    """What every model would cost for a table."""
    progress = progress or silent()
    seeds = SeedTree(seed).child("inspect")
    costs: list[Cost] = []
    with progress.stage("estimate", "Timing models on samples"):
        # The one that chooses comes last: what it chooses has been timed by then.
        shown = model_names()
        names = sorted(shown, key=lambda name: name == "auto")
        for number, name in enumerate(names):
            costs.append(estimate(name, real, seeds, costs))
            progress.step((number + 1) / len(names))
    return tuple(sorted(costs, key=lambda cost: shown.index(cost.model)))


def costs_grid(costs: Sequence[Cost]) -> Grid:
    """Costs as a person reads them in a terminal."""
    grid = Grid("model", "fit and draw", title="Expected on this machine", title_justify="left")
    for cost in costs:
        said = [] if cost.seconds is None else [spoken(cost.seconds)]
        grid.add_row(cost.model, Text("; ".join([*said, *([cost.reason] if cost.reason else [])])))
    return grid


def estimate(name: str, real: Table, seeds: SeedTree, known: Sequence[Cost] = ()) -> Cost:
    """How long a model will take, from fits on small samples of the table itself; ``known`` are costs of others."""
    generator = seeds.generator("trial rows")
    try:
        model = make_model(name)
    except (ModelError, MissingExtraError) as error:
        return Cost(name, None, str(error))
    if name == "auto":
        choice = choose(facts_of(real))
        cost = next((cost for cost in known if cost.model == choice.family), None)
        cost = cost or estimate(choice.family, real, seeds)
        return Cost(name, cost.seconds, f"{choice.family}, since {choice.why}")
    if isinstance(model, NeuralSynthesizer):
        return estimate_network(model, real, generator)
    if not model.savable:
        return Cost(name, None, "not timed: the model of another library, for comparison")
    try:
        rows, seconds = timed(name, real, generator)
    except (ModelError, SchemaError) as error:
        return Cost(name, None, str(error))
    return Cost(name, seconds * (len(real) / rows) ** GROWTH.get(name, 1.0))


def timed(name: str, real: Table, generator: np.random.Generator) -> tuple[int, float]:
    """How many rows were tried last, and the seconds that fitting and drawing them took."""
    size = TRIAL_ROWS
    while True:
        rows = min(size, len(real))
        sample = real.take(np.sort(generator.permutation(len(real))[:rows]))
        seconds = _seconds(name, sample)
        if size == TRIAL_ROWS and seconds >= ENOUGH:
            # The first fit of a family loads the libraries that it needs.
            seconds = min(seconds, _seconds(name, sample))
        if rows == len(real) or seconds >= ENOUGH:
            return rows, seconds
        size *= GROWN


def _seconds(name: str, sample: Table) -> float:
    start = time.perf_counter()
    make_model(name).fit(sample, seed=0).sample(len(sample), seed=0)
    return time.perf_counter() - start


def estimate_network(model: NeuralSynthesizer, real: Table, generator: np.random.Generator) -> Cost:
    """How long a family of networks will take, from a second of training on as many rows as fill its batches."""
    model.time_budget = TRIAL_SECONDS
    rows = min(len(real), 20 * model.batch_size)
    sample = real.take(np.sort(generator.permutation(len(real))[:rows]))
    try:
        model.fit(sample, seed=0)
        start, drawn = time.perf_counter(), min(len(real), 2 * TRIAL_ROWS)
        model.sample(drawn, seed=0)
    except (ModelError, SchemaError) as error:
        return Cost(model.name, None, str(error))
    drawing = (time.perf_counter() - start) * len(real) / drawn
    return Cost(model.name, model.expected_seconds(len(real)) + drawing, "less with --time-budget")


def spoken(seconds: float) -> str:
    """A duration as a person says it.

    >>> spoken(0.2), spoken(40), spoken(600)
    ('under a second', 'about 40 seconds', 'about 10 minutes')
    """
    if seconds < 1:
        return "under a second"
    return f"about {seconds:.0f} seconds" if seconds < 120 else f"about {seconds / 60:.0f} minutes"
