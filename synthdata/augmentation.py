"""Augment: synthetic rows for a table that has too few, and whether they help a model to predict a column."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from synthdata import connectors
from synthdata.atomic import write_text
from synthdata.errors import InfeasibleError, SchemaError, SynthdataError, did_you_mean
from synthdata.intake import SchemaLike, Source, opened
from synthdata.models.base import Synthesizer
from synthdata.models.registry import make_model
from synthdata.progress import Progress, silent
from synthdata.random import SeedTree
from synthdata.table.table import Table
from synthdata.validation.utility.augmentation import Augmentation, Generate, augmentation

#: how the two ways of adding rows are called
ADDED, BALANCED = "synthetic rows added", "synthetic rows of the small classes added"
_TOO_RARE = "{} of the target's classes are too rare to be learnt, so no rows of them were made."


@dataclass(frozen=True)
class Augmented:
    """The synthetic rows, what adding such rows does, and what was done on the way that a user should know of."""

    rows: pd.DataFrame
    verdict: Augmentation
    notes: tuple[str, ...]
    #: which of the strategies in the verdict the rows are for
    strategy: str = ADDED

    @property
    def answer(self) -> str:
        """Whether such rows help, in a sentence or two."""
        return answer(self.verdict, self.strategy)


def augment(
    source: Source,
    *,
    target: str,
    model: str = "boosted",
    out: str | Path | None = None,
    rows: int | None = None,
    balance: bool = False,
    table: str | None = None,
    query: str | None = None,
    schema: SchemaLike = None,
    drop_text: bool = False,
    seed: int | None = None,
    settings: Sequence[str] = (),
    folds: int = 5,
    repeats: int = 2,
    progress: Progress | None = None,
) -> Augmented:
    """Make synthetic rows from a whole table, after measuring by cross-validation whether such rows help.

    ``rows`` is how many (by default as many as the table has); with ``balance`` they fill up the smaller classes of
    the target instead. ``out`` is the file for the rows; what was measured goes into a JSON file beside it.

    Raises:
        SynthdataError: the input cannot be used; the message says what to do.
    """
    progress = progress or silent()
    if rows is not None and rows < 1:
        raise SynthdataError(f"The number of rows must be 1 or more, found {rows}.")
    if out is not None:
        connectors.require_writable(out)
    make_model(model, settings)
    seeds = SeedTree(seed)
    loaded, real = opened(
        source, schema, table=table, query=query, target=target, drop_text=drop_text, progress=progress
    )
    if target not in real.schema:
        raise SchemaError(f"There is no column {target!r}.", did_you_mean(target, real.schema.names))
    if balance and real.schema[target].continuous:
        raise SynthdataError(f"The target {target!r} has no classes to be balanced.", "Leave --balance away.")
    with progress.stage("measure", "Measuring whether synthetic rows help"):
        generate = _both_ways(model, settings, real, rows or len(real), target)
        verdict = augmentation(
            real, generate, seeds.child("measure"), target=target, folds=folds, repeats=repeats, progress=progress
        )
    with progress.stage("rows", "Drawing the rows"):
        fitted = make_model(model, settings).fit(real, seed=seeds.integer("fit"), progress=progress)
        notes = [*loaded.notes, *fitted.notes]
        if balance:
            made, too_rare = _balancing(fitted, real, target, seeds)
            notes += [_TOO_RARE.format(too_rare)] if too_rare else []
        else:
            made = fitted.sample(rows or len(real), seed=seeds.integer("sample"), progress=progress)
    done = Augmented(made, verdict, tuple(notes), BALANCED if balance else ADDED)
    if out is not None:
        _write(done, Path(out), model)
    return done


def _both_ways(model: str, settings: Sequence[str], real: Table, rows: int, target: str) -> Generate:
    """What fits on a part of the table and makes in proportion as many rows as ``rows``, and fills up its classes."""

    def generate(part: Table, seeds: SeedTree) -> Mapping[str, Table]:
        fitted = make_model(model, settings).fit(part, seed=seeds.integer("fit"))
        made = {ADDED: fitted.sample(max(1, round(rows * len(part) / len(real))), seed=seeds.integer("sample"))}
        if not real.schema[target].continuous:
            filled, _ = _balancing(fitted, part, target, seeds)
            if len(filled):
                made[BALANCED] = filled
        return {name: Table.of(frame, real.schema.kept) for name, frame in made.items()}

    return generate


def _write(done: Augmented, path: Path, model: str) -> None:
    """The rows, and beside them what was measured."""
    connectors.write(done.rows, path)
    facts = {
        "version": 1,
        "model": model,
        "rows": len(done.rows),
        "strategy": done.strategy,
        **done.verdict.to_json(),
        "answer": done.answer,
        "notes": list(done.notes),
    }
    write_text(path.with_name(path.stem + ".augmentation.json"), json.dumps(facts, indent=1) + "\n")


def _balancing(fitted: Synthesizer, part: Table, target: str, seeds: SeedTree) -> tuple[pd.DataFrame, int]:
    """Synthetic rows that bring each class of the target up to the largest, and how many classes are too rare for it.

    They are drawn under the class as condition; a class that too few rows share is not in a model.
    """
    cells = part.cells(target)
    counts = pd.Series(cells.values[~cells.missing]).value_counts()
    made, too_rare = [fitted.sample(0, seed=0)], 0
    for position, (value, count) in enumerate(counts.items()):
        short = int(counts.max() - count)
        if short:
            try:
                made.append(fitted.sample(short, given={target: value}, seed=seeds.integer(f"class {position}")))
            except InfeasibleError:
                too_rare += 1
    return pd.concat(made, ignore_index=True), too_rare


def answer(verdict: Augmentation, strategy: str) -> str:
    """The answer in one sentence, for the way of adding rows that was asked for."""
    overall = {gain.strategy: gain for gain in verdict.gains["overall"]}
    asked = overall.get(strategy)
    if asked is None:
        return f"Whether {strategy} help could not be measured: no fold lacked any."
    name = f"{strategy[0].upper()}{strategy[1:]}".removesuffix(" added")
    better = [gain for gain in overall.values() if gain.gain >= asked.gain and gain is not asked]
    if asked.verdict == "helps":
        text = f"{name} help: {verdict.measure} {asked.gain:+.3f} over {verdict.real:.3f}."
        as_good = [gain.strategy for gain in better if gain.interval[0] > 0]
        return text + (f" {as_good[0][0].upper()}{as_good[0][1:]} does as well and costs less." if as_good else "")
    if asked.verdict == "harms":
        text = f"{name} harm: {verdict.measure} {asked.gain:+.3f} from {verdict.real:.3f}."
    else:
        text = f"{name} do not help: {verdict.measure} {asked.gain:+.3f}, which is within what chance gives."
    helping = [gain.strategy for gain in better if gain.verdict == "helps"]
    return f"{text} {f'What helps: {helping[0]}.' if helping else 'Train on the real rows alone.'}"
