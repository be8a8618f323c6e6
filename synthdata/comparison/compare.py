"""The comparison from beginning to end: plan, trials, standing, and the files that say so."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import synthdata
from synthdata.atomic import write_text
from synthdata.comparison.budget import Reservations
from synthdata.comparison.orders import orders
from synthdata.comparison.plan import (
    PLAN,
    PLAN_VERSION,
    USUAL,
    USUAL_PRIVATE,
    Trial,
    chosen,
    digest,
    finished,
    settings_for,
    settle,
)
from synthdata.comparison.pool import Order, free_memory, side_by_side
from synthdata.comparison.recommend import recommend
from synthdata.comparison.standing import Result, add_ranks, model_facts, objectives, pareto_front, references
from synthdata.connectors import Loaded
from synthdata.errors import Cancelled, SynthdataError
from synthdata.intake import SchemaLike, Source, declared_in, opened
from synthdata.models.registry import make_model, model_class
from synthdata.privacy.ledger import Privacy
from synthdata.progress import Event, Progress, silent
from synthdata.random import SeedTree
from synthdata.reporting.comparison import comparison_page
from synthdata.reporting.report import Report
from synthdata.runs.store import RunFolder, now
from synthdata.table.schema import Schema
from synthdata.table.table import Table
from synthdata.validation.parallel import cores
from synthdata.validation.policy import Policy, check_columns, load_policy

#: what a process needs besides the table, in bytes, and how many times the table is in memory at the peak
BASE_MEMORY, COPIES = 700 * 2**20, 12


@dataclass(frozen=True)
class Comparison:
    """What a comparison leaves: its folder, and the facts that ``comparison.json`` holds."""

    folder: Path
    facts: dict[str, Any]

    @property
    def recommended(self) -> str | None:
        """The name of the model to take, or None."""
        name = self.facts["recommendation"]["model"]
        return None if name is None else str(name)


def compare(
    source: Source,
    models: str | Iterable[str] | None = None,
    *,
    out: str | Path,
    seeds: int = 3,
    seed: int | None = None,
    holdout: float = 0.2,
    rows: int | None = None,
    policy: str | Path | None = None,
    table: str | None = None,
    query: str | None = None,
    schema: SchemaLike = None,
    target: str | None = None,
    drop_text: bool = False,
    settings: Sequence[str] = (),
    device: str = "auto",
    time_budget: float | None = None,
    jobs: int | None = None,
    overwrite: bool = False,
    privacy: Privacy | float | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Fit several models with several seeds on the same training rows, judge each table, and say how they stand.

    Every model and seed is a trial in a process of its own and leaves a run folder below ``out``; a comparison that was
    stopped goes on where it was, and more models or seeds can be added. ``jobs`` trials run side by side, by default as
    many as cores and memory allow. ``time_budget`` (seconds) goes to the models that take one; the fit of another model
    is stopped when it takes far longer. A model that fails is a row with its reason.

    With ``privacy`` every fit has that budget, and the source's account pays for each of them: for all before the first
    begins, or for none. A fit that ends early gets back what it did not spend. The comparison itself is not covered.

    Raises:
        SynthdataError: the input cannot be used, ``out`` holds something else, or no model made a table.
        PrivacyError: a model has no private form, or the account does not allow all fits together; nothing is spent.
    """
    progress = progress or silent()
    budget = None if privacy is None else Privacy.of(privacy)
    names = chosen(models, USUAL if budget is None else USUAL_PRIVATE)
    _check(seeds, holdout, rows, time_budget, jobs)
    own, missing = settings_for(names, settings, time_budget, device)
    if budget is not None:
        for name in names:
            if name not in missing:
                model_class(name).require_private_form()
    rules = load_policy(policy)
    loaded, real = opened(
        source,
        schema,
        table=table,
        query=query,
        target=target,
        drop_text=drop_text,
        strict=budget is None,
        progress=progress,
    )
    check_columns(rules, real.schema)
    folder = Path(out)
    account = Reservations(budget, loaded.fingerprint, loaded.display)
    asked = {"table": table, "query": query, "holdout": holdout, "rows": rows}
    plan = settle(
        folder, _plan(loaded, real, rules, SeedTree(seed).seed) | asked | account.plan, seed, overwrite=overwrite
    )
    # Seed by seed, so that a comparison that is stopped has something of every model.
    trials = [Trial(name, own[name], plan["seed"] + number) for number in range(seeds) for name in names]
    able = [trial for trial in trials if trial.model not in missing]
    pending = [trial for trial in able if overwrite or not finished(folder, trial, plan)]
    need = BASE_MEMORY + COPIES * int(loaded.frame.memory_usage(deep=True).sum())
    jobs = jobs or affordable(need, len(pending))
    at_once = (jobs, max(1, cores() // jobs))
    account.reserve(pending)
    write_text(folder / PLAN, json.dumps(plan, indent=1, ensure_ascii=False) + "\n")
    options = {**asked, "split_seed": plan["seed"], "policy": policy and str(policy)}
    known: Schema | Mapping[str, Any] | None = real.schema
    if budget is not None:  # what was not declared each fit buys for itself
        known = declared_in(schema)[0]
        options |= {"target": target, "drop_text": drop_text}
    order = orders(source, loaded, known, folder, options, at_once[1], account)
    with progress.stage("compare", "Comparing models"):
        if len(pending) < len(able):
            progress.emit(Event("compare", f"{len(able) - len(pending)} of {len(able)} were done before", 0.0))
        reasons = {trial: missing[trial.model] for trial in trials if trial.model in missing}
        with account:
            reasons |= _work_off(folder, pending, order, at_once, need, time_budget, progress)
    with progress.stage("report", "Writing the comparison"):
        results = [_result(folder, trial, reasons.get(trial, "")) for trial in trials]
        about = _about(loaded, real, results, at_once) | {"holdout": holdout, "time_budget": time_budget}
        parameters = {name: {} if name in missing else make_model(name, own[name]).parameters() for name in names}
        facts = standing(about, parameters, results) | {"notes": list(loaded.notes)} | account.facts(results)
        write_text(folder / "comparison.json", json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
        write_text(folder / "comparison.html", comparison_page(facts))
    _require_one(facts, folder)
    return Comparison(folder, facts)


def _plan(loaded: Loaded, real: Table, rules: Policy, seed: int) -> dict[str, Any]:
    """What a comparison is of: all that must be the same when it goes on, but for what was asked for."""
    return {
        "version": PLAN_VERSION,
        "synthdata": synthdata.__version__,
        "source": loaded.display,
        "fingerprint": loaded.fingerprint,
        "schema": digest(real.schema.to_json()),
        "policy": digest(repr(rules)),
        "seed": seed,
    }


def _about(loaded: Loaded, real: Table, results: Sequence[Result], at_once: tuple[int, int]) -> dict[str, Any]:
    """What ``comparison.json`` says of the table and of how the trials were made."""
    return {
        "source": loaded.display,
        "title": loaded.name,
        "fingerprint": loaded.fingerprint,
        "rows": len(real),
        "columns": len(real.schema),
        "target": real.schema.target,
        "held": next((result.report.run["rows"]["holdout"] for result in results if result.report), 0),
        "seeds": list(dict.fromkeys(result.trial.seed for result in results)),
        "jobs": at_once[0],
        "threads": at_once[1],
        "created": now(),
        "versions": {"python": platform.python_version(), "synthdata": synthdata.__version__},
    }


def standing(
    about: dict[str, Any], parameters: Mapping[str, Mapping[str, Any]], results: Sequence[Result]
) -> dict[str, Any]:
    """All facts of a comparison, from the results of its trials and the parameters of each model."""
    models = [
        model_facts(name, settings, [result for result in results if result.trial.model == name])
        for name, settings in parameters.items()
    ]
    add_ranks(models)
    dimensions, places = objectives(models)
    front = pareto_front(places) if dimensions else []
    reference = references(results)
    return {
        "version": 1,
        "edition": "internal",
        "run": about,
        "reference": reference,
        "models": [{**model, "front": model["model"] in front} for model in models],
        "front": {"dimensions": dimensions, "models": front},
        "recommendation": recommend(models, reference),
    }


def _work_off(
    folder: Path,
    pending: Sequence[Trial],
    order: Callable[[Trial], Order],
    at_once: tuple[int, int],
    need: int,
    time_budget: float | None,
    progress: Progress,
) -> dict[Trial, str]:
    """Do the trials, and say for each why it failed, or nothing."""
    jobs, threads = at_once
    reasons, peaks = dict[Trial, str](), [need]
    try:
        for outcome in side_by_side(
            pending,
            order,
            jobs=jobs,
            threads=threads,
            memory=lambda: max(peaks),
            time_budget=time_budget,
            progress=progress,
        ):
            reasons[outcome.trial] = outcome.reason
            if not outcome.reason:
                peaks.append(_result(folder, outcome.trial, "").memory or 0)
    except (Cancelled, KeyboardInterrupt):
        raise Cancelled(
            advice=f"{len(reasons):,} of {len(pending):,} fits were done; the same command goes on with the others."
        ) from None
    return reasons


def _require_one(facts: Mapping[str, Any], folder: Path) -> None:
    if all(model["status"] == "failed" for model in facts["models"]):
        first = facts["models"][0]
        raise SynthdataError(
            f"None of the models made a table. {first['model']}: {' '.join(first['reasons'])}",
            f"{folder / 'comparison.json'} has the reason of each.",
        )


def affordable(need: int, most: int) -> int:
    """How many trials can run side by side where each needs so many bytes."""
    free = free_memory()
    by_memory = cores() if free is None else free // need
    return max(1, min(cores(), by_memory, most))


def _check(seeds: int, holdout: float, rows: int | None, time_budget: float | None, jobs: int | None) -> None:
    if not 0 < holdout < 1:
        raise SynthdataError(f"The holdout must be a fraction between 0 and 1, found {holdout}.", "Try --holdout 0.2.")
    for name, number in (("seeds", seeds), ("rows", rows), ("jobs", jobs)):
        if number is not None and number < 1:
            raise SynthdataError(f"The number of {name} must be 1 or more, found {number}.")
    if time_budget is not None and not time_budget > 0:
        raise SynthdataError(f"The time budget must be more than 0 seconds, found {time_budget}.")


def _result(folder: Path, trial: Trial, reason: str) -> Result:
    """What a trial has left."""
    if reason:
        return Result(trial, None, reason)
    record = RunFolder(folder / trial.name).record()
    return Result(trial, Report.load(folder / trial.name / "report.json"), "", record.get("peak_memory"))
