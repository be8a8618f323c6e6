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

# Models are timed on two small samples; a straight line through both times is drawn out to the whole table.
TRIAL_ROWS = (500, 2_000)
# A model that takes longer on the small sample, in seconds, is timed on one twice as large, and no larger.
PATIENCE = 3.0
# Networks are trained for so many seconds on a sample, and each step of the whole training is taken to last as long.
TRIAL_SECONDS = 1.5


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
        spent = timed(name, real, generator)
    except (ModelError, SchemaError) as error:
        return Cost(name, None, str(error))
    (rows, first), (more, second) = min(spent.items()), max(spent.items())
    slope = max(0.0, (second - first) / (more - rows)) if more > rows else 0.0
    return Cost(name, second + slope * (len(real) - more))


def timed(name: str, real: Table, generator: np.random.Generator) -> dict[int, float]:
    """The seconds that fitting and drawing takes by numbers of rows, which are two where the table has enough."""
    spent: dict[int, float] = {}
    few, many = TRIAL_ROWS
    for size in (few, many):
        # Some of what it takes is the same for any number of rows, so that one sample alone would say far too much.
        rows = min(size if max(spent.values(), default=0.0) <= PATIENCE else 2 * few, len(real))
        if rows not in spent:
            sample = real.take(np.sort(generator.permutation(len(real))[:rows]))
            start = time.perf_counter()
            make_model(name).fit(sample, seed=0).sample(rows, seed=0)
            spent[rows] = time.perf_counter() - start
    return spent


def estimate_network(model: NeuralSynthesizer, real: Table, generator: np.random.Generator) -> Cost:
    """How long a family of networks will take, from a second of training on as many rows as fill its batches."""
    model.time_budget = TRIAL_SECONDS
    rows = min(len(real), 20 * model.batch_size)
    sample = real.take(np.sort(generator.permutation(len(real))[:rows]))
    try:
        model.fit(sample, seed=0)
        start, drawn = time.perf_counter(), min(len(real), TRIAL_ROWS[0])
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
