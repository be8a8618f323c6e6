"""Audit: a model fitted once with invented rows among the real ones, and what that says of its claim of privacy.

The model is fitted exactly as ``run`` and ``fit`` would, within a ledger of its own, and thrown away: no model, no
synthetic row and no canary is written. What is left (counts of right guesses) looks at real rows only as far as the
report of a run does: it is internal, not covered by ε, and the source's account is not charged for it. A model that
holds canaries must never be released.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from synthdata.atomic import write_text
from synthdata.connectors import Loaded
from synthdata.errors import PrivacyError, SynthdataError
from synthdata.intake import SchemaLike, Source, opened
from synthdata.models.abilities import HasLogProb, HasRecordLoss
from synthdata.models.base import Synthesizer
from synthdata.models.registry import make_model
from synthdata.privacy.audit import ALPHA, Audit, audit, require_canaries
from synthdata.privacy.canaries import Pairs, canaries, joined
from synthdata.privacy.ledger import Privacy
from synthdata.privacy.watched import Answers, Watched
from synthdata.progress import Progress, silent
from synthdata.random import SeedTree
from synthdata.reporting.html import render
from synthdata.reporting.report import Report
from synthdata.runs.store import RunFolder, now
from synthdata.table.table import Table

AUDIT_VERSION = 1
INTERNAL = (
    "Internal, not covered by epsilon: the audited model was fitted on real rows and invented ones, and thrown away; "
    "the source's account was not charged. A model that holds canaries must never be released."
)


@dataclass(frozen=True)
class Audited:
    """An audit and its facts, as ``audit.json`` holds them."""

    result: Audit
    facts: dict[str, Any]


def audit_model(
    source: Source,
    model: str | Synthesizer,
    privacy: Privacy | float,
    *,
    canary_count: int = 200,
    out: str | Path | None = None,
    table: str | None = None,
    query: str | None = None,
    schema: SchemaLike = None,
    target: str | None = None,
    drop_text: bool = False,
    seed: int | None = None,
    settings: Sequence[str] = (),
    alpha: float = ALPHA,
    progress: Progress | None = None,
) -> Audited:
    """Give a lower limit on a model's ε beside the claimed one, from one fit with canaries.

    ``seed`` makes the canaries and their coins again, never the noise. ``out`` is a folder for ``audit.json``; where it
    is a run's, of the same table and model, its report shows the audit, too.

    Raises:
        SynthdataError: the input cannot be used, or the run there is another one's.
        PrivacyError: the model cannot keep the privacy asked for.
    """
    progress = progress or silent()
    require_canaries(canary_count)
    synthesizer = make_model(model, settings) if isinstance(model, str) else model
    budget = Privacy.of(privacy)
    synthesizer.require_private_form()
    seeds = SeedTree(seed).child("audit")
    loaded, real = opened(
        source, schema, table=table, query=query, target=target, drop_text=drop_text, strict=False, progress=progress
    )
    if not real.schema.modelled:
        raise SynthdataError("No column of the table is modelled, so there is nothing to audit.")
    run = None if out is None else _run_at(Path(out), loaded, synthesizer, budget)
    with progress.stage("canaries", f"Inventing {canary_count:,} canaries"):
        invented = canaries(real, canary_count, seeds.generator("canaries"))
        coins = seeds.generator("coins").random(canary_count) < 0.5
    with progress.stage("fit", f"Fitting {synthesizer.name} with half of them"):
        answers = _watched_fit(synthesizer, real, invented, coins, budget, seeds.integer("fit"), progress)
    with progress.stage("guess", "Guessing which ones"):
        scores = _scores(synthesizer, real, invented, answers, seeds.integer("sample"))
        result = audit(scores, coins, budget.epsilon, budget.delta, alpha=alpha)
    ledger = synthesizer.ledger_ or {}
    facts = {
        "version": AUDIT_VERSION,
        "edition": "internal",
        "internal": INTERNAL,
        "created": now(),
        "source": loaded.display,
        "fingerprint": loaded.fingerprint,
        "model": synthesizer.name,
        "parameters": synthesizer.parameters(),
        "rows": len(real),
        "seed": seeds.seed,
        **result.to_dict(),
        "ledger": {key: ledger.get(key) for key in ("epsilon_spent", "delta_spent", "private", "adjacency", "unit")},
        "method": "Steinke, Nasr and Jagielski 2023, Privacy auditing with one (1) training run",
    }
    if out is not None:
        _write(Path(out), facts, run)
    return Audited(result, facts)


def _watched_fit(
    model: Synthesizer,
    real: Table,
    invented: Table,
    coins: np.ndarray,
    budget: Privacy,
    seed: int,
    progress: Progress,
) -> Answers:
    """Fit a model to the real rows and those canaries whose coin says so; all that it was told."""
    answers = Answers()
    known = joined(real, invented.take(slice(0, 0)))
    model.guard = partial(Watched.of, known=known, canaries=invented, coins=coins, answers=answers)
    try:
        model.fit(joined(real, invented.take(np.flatnonzero(coins))), privacy=budget, seed=seed, progress=progress)
    finally:
        del model.guard
    return answers


def _scores(
    model: Synthesizer, real: Table, invented: Table, answers: Answers, seed: int
) -> dict[str, tuple[str, np.ndarray]]:
    """What each attack looks at, and how much each canary (m,) seems to be in by it."""
    scores = {
        "black box": (
            "synthetic rows, as many as real ones: how densely they lie about a canary, by pairs of values",
            _black_box(model, real, invented, seed),
        )
    }
    answered = answers.scores()
    if answered is not None:
        scores["white box"] = ("all noisy answers of the fit, real rows taken off: who seems to be in them", answered)
    if answers.sightings.counts is not None:
        scores["white box, gradients"] = (
            "the noisy sums of gradients, real rows' part taken off: whose own gradient is in them",
            answers.sightings.counts,
        )
    # Where answers are all that the model was made from, its loss tells nothing more.
    loss = record_loss(model, invented) if answers.opened or answered is None else None
    if loss is not None:
        scores["white box, loss"] = ("the model's own loss of each canary", -loss)
    return scores


def record_loss(model: Synthesizer, rows: Table) -> np.ndarray | None:
    """A model's own loss (n,) of rows: that which it minimises where it tells, else minus its log-density, or None."""
    if isinstance(model, HasRecordLoss):
        return model.record_loss(rows)
    return -model.log_prob(rows) if isinstance(model, HasLogProb) else None


def _black_box(model: Synthesizer, real: Table, invented: Table, seed: int) -> np.ndarray:
    frame = model.sample(len(real), seed=seed)[list(invented.schema.names)]
    open_schema = invented.schema.model_copy(update={"rules": ()})
    return Pairs(real, invented.schema).nearness(invented, Table.of(frame, open_schema, strict=False), real)


def _run_at(path: Path, loaded: Loaded, synthesizer: Synthesizer, budget: Privacy) -> RunFolder | None:
    """The run folder there, or None where it is none.

    Raises:
        SynthdataError: it is a file, or the run is of another table, model or budget.
    """
    if path.exists() and not path.is_dir():
        raise SynthdataError(f"{path} is a file.", "Name a folder for audit.json, or a run folder.")
    if not (path / "run.json").exists():
        return None
    folder = RunFolder(path)
    record = folder.record()
    if record.get("model") != synthesizer.name:
        raise SynthdataError(
            f"The run in {path} is of the model {record.get('model')!r}, not {synthesizer.name!r}.",
            "Audit the model of that run, or choose another folder.",
        )
    if record.get("fingerprint") != loaded.fingerprint:
        raise SynthdataError(f"The run in {path} is of another table.", "Audit its source, or choose another folder.")
    if folder.file("report.json").exists():
        promised = Report.load(folder.file("report.json")).facts["privacy"].get("dp") or {}
        if (promised.get("epsilon"), promised.get("delta")) != (budget.epsilon, budget.delta):
            raise PrivacyError(
                f"The run in {path} does not claim epsilon = {budget.epsilon:g} and delta = {budget.delta:g}.",
                "Audit with the budget of the run, or choose another folder.",
            )
    return folder


def _write(out: Path, facts: dict[str, Any], run: RunFolder | None) -> None:
    """Write ``audit.json``, and show it in the report of a run, unless that is the share edition."""
    out.mkdir(parents=True, exist_ok=True)
    if run is not None and run.file("report.json").exists():
        report = Report.load(run.file("report.json"))
        if not report.shared:
            shown = Report({**report.facts, "privacy": {**report.facts["privacy"], "audit": facts}})
            shown.save(run.file("report.json"))
            write_text(run.file("report.html"), render(shown))
    write_text(out / "audit.json", json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
