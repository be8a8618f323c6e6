"""The straight line: source → table → train and holdout → synthesizer → synthetic table → report.

Every stage is one call into its room; read this page to know what happens, and the rooms to know how.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from synthdata import connectors
from synthdata.accounts import Purse, bought_figures, figures_budget
from synthdata.atomic import write_text
from synthdata.errors import SynthdataError
from synthdata.intake import SchemaLike, Source, match, open_source, prepare, read_columns, split_by_coins
from synthdata.models.abilities import HasLogProb
from synthdata.models.base import Synthesizer
from synthdata.models.registry import make_model, usual_model
from synthdata.privacy.ledger import Ledger, Privacy
from synthdata.progress import Progress, silent
from synthdata.random import SeedTree
from synthdata.reporting.model_facts import model_facts
from synthdata.reporting.report import Report
from synthdata.reporting.written import describe_run, write_report
from synthdata.runs.budget_store import BudgetStore
from synthdata.runs.recording import recorded
from synthdata.runs.resuming import beside, kept, seeds_to_resume, unfinished_fit
from synthdata.runs.store import RunFolder, new_name, now
from synthdata.table.schema import Column, Schema
from synthdata.table.table import Table, check_names
from synthdata.validation.expectations import check_source, suite_json
from synthdata.validation.fairness.groups import protected_columns
from synthdata.validation.policy import Policy, check_columns, load_policy
from synthdata.validation.suite import validate

#: what the ledger of a run covers, and what it does not
COVERED = {
    "covers": "the synthetic table, the model and ledger.json",
    "internal": "not covered by epsilon: report, schema, expectations, run record and events look at real rows",
}


@dataclass(frozen=True)
class Run:
    """What a run leaves: its folder, the report, and the synthetic table."""

    folder: Path
    report: Report
    synthetic: pd.DataFrame


def run(
    source: Source,
    model: str | Synthesizer | None = None,
    *,
    out: str | Path | None = None,
    rows: int | None = None,
    holdout: float = 0.2,
    policy: str | Path | None = None,
    table: str | None = None,
    query: str | None = None,
    schema: SchemaLike = None,
    target: str | None = None,
    protected: Sequence[str] = (),
    drop_text: bool = False,
    seed: int | None = None,
    split_seed: int | None = None,
    settings: Sequence[str] = (),
    overwrite: bool = False,
    resume: bool = False,
    privacy: Privacy | float | None = None,
    reservation: int | None = None,
    share: bool = False,
    share_epsilon: float | None = None,
    progress: Progress | None = None,
) -> Run:
    """Fit a model on a table, draw a synthetic one, judge it, and leave everything in a run folder.

    ``model`` is by default `boosted`, under a privacy budget `auto`; ``out`` is the run folder (by default a new
    one below ``runs/``); ``rows`` the size of the synthetic table (by default that of the source); ``protected``
    the columns whose groups are compared for fairness (by default those called sex, race and the like); ``holdout``
    the fraction of rows that the model never sees; runs with the same ``split_seed`` (by default the ``seed``) set
    the same rows aside. With ``share`` the report that is written holds no statistic of real rows; the one that is
    handed back does. With ``share_epsilon`` it holds noised shares of the real columns as well, at a budget of
    their own that the source's account pays for. ``resume`` goes on with a run in ``out`` that was stopped, by its
    seeds, and with the fit of a network from where that was.

    With ``privacy`` the model is fitted within that budget; the source's account in the store of budgets pays for it,
    by a new entry or by one that somebody has reserved before, whose number is the ``reservation``. The report and the
    checks of the source still look at real rows: its ``privacy.dp`` says so.

    Raises:
        SynthdataError: the input cannot be used; the message says what to do.
        PrivacyError: the model cannot keep the privacy asked for, or the source's budget is used up.
    """
    progress = progress or silent()
    if not 0 < holdout < 1:
        raise SynthdataError(f"The holdout must be a fraction between 0 and 1, found {holdout}.", "Try --holdout 0.2.")
    if rows is not None and rows < 1:
        raise SynthdataError(f"The number of rows must be 1 or more, found {rows}.")
    synthesizer = _made(model, settings, private=privacy is not None)
    budget = Privacy.of(privacy) if privacy is not None else None
    if budget:
        synthesizer.require_private_form()
    shown = figures_budget(share, share_epsilon, budget)
    rules = load_policy(policy)
    if resume:
        seed, split_seed = seeds_to_resume(out, seed, split_seed, budget is not None)
    seeds = SeedTree(seed)

    loaded = open_source(source, table=table, query=query, progress=progress)
    if asked := sum(each.epsilon for each in (budget if reservation is None else None, shown) if each):
        BudgetStore().require_room(loaded.fingerprint, asked)
    path = Path(out) if out else new_name(Path("runs"), loaded.name, synthesizer.name)
    record = {
        "source": loaded.display,
        "table": table,
        "query": query,
        "fingerprint": loaded.fingerprint,
        "model": synthesizer.name,
        "parameters": synthesizer.parameters(),
        "seed": seeds.seed,
        "split_seed": seeds.seed if split_seed is None else split_seed,
        "holdout": holdout,
        "started": now(),
    }
    RunFolder(path).require_place(record, overwrite=overwrite, resume=resume)
    _require_names(loaded.frame, protected, rules)
    ledger = Ledger(budget) if budget else None
    with Purse(ledger, loaded, synthesizer.name, reservation) as purse:
        real = read_columns(source, loaded, schema, ledger, target, drop_text, progress)
        check_columns(rules, real.schema)
        folder = RunFolder.create(path, record, overwrite=overwrite, resume=resume)
        with recorded(folder, progress):
            with progress.stage("check", "Checking the source"):
                source_checks = check_source(real)
                _keep_schema(real.schema, folder)
            split = (seeds if split_seed is None else SeedTree(split_seed)).generator("split")
            train, held = real.split(holdout, split) if budget is None else split_by_coins(real, holdout, split)
            with progress.stage("fit", f"Fitting {synthesizer.name}"):
                with kept(synthesizer, folder):
                    synthesizer.fit(train, privacy=ledger, seed=seeds.integer("fit"), progress=progress)
                purse.settle()
                _keep_fitted(synthesizer, folder)
            # The exact number of rows was not paid for.
            usual = len(real) if budget is None else round(synthesizer.rows_ / (1 - holdout))
            with progress.stage("sample", "Drawing synthetic rows"):
                synthetic = synthesizer.sample(rows or usual, seed=seeds.integer("sample"), progress=progress)
                connectors.write(synthetic, folder.file("synthetic.parquet"))
            with progress.stage("validate", "Measuring fidelity, usefulness and privacy"):
                # With noise a column may come out that holds nulls which the real one has not: judged, not refused.
                made = Table.of(synthetic, real.schema.kept, strict=budget is None)
                facts = validate(
                    train,
                    held,
                    made,
                    seed=seeds.child("validate"),
                    target=real.schema.target,
                    protected=protected,
                    policy=rules,
                    progress=progress,
                    source_checks=source_checks,
                    log_prob=chosen.log_prob if isinstance(chosen := synthesizer.chosen, HasLogProb) else None,
                )
            with progress.stage("report", "Writing the report"):
                facts["model"] = model_facts(synthesizer.chosen, made, folder.events(), seeds.child("model facts"))
                sizes = (len(train), len(held), len(synthetic))
                about = describe_run(folder.path.name, loaded, real, sizes, synthesizer, seeds, progress)
                if synthesizer.ledger_ is not None:
                    spent = BudgetStore().account(loaded.fingerprint).facts()
                    facts["privacy"] |= {"dp": {**synthesizer.ledger_, **COVERED, "account": spent}}
                noised = bought_figures(real, made, shown, seeds, loaded) if shown else None
                facts |= {"run": about, "notes": [*loaded.notes, *synthesizer.notes]}
                report = write_report(facts, folder.path, made if share else None, noised)
        return Run(folder.path, report, synthetic)


def _made(model: str | Synthesizer | None, settings: Sequence[str], *, private: bool) -> Synthesizer:
    """The model to fit."""
    if isinstance(model, Synthesizer):
        return model
    return make_model(model or usual_model(private=private), settings)


def _require_names(frame: pd.DataFrame, protected: Sequence[str], rules: Policy) -> None:
    """Tell what names alone can tell, before a look at the columns is paid for.

    Raises:
        SynthdataError: two columns have one name, or one that was asked for is not there.
    """
    check_names(frame)
    by_name = Schema(columns=tuple(Column(name=name, kind="categorical") for name in frame.columns))
    protected_columns(by_name, protected)
    check_columns(rules, by_name)


def _keep_schema(schema: Schema, folder: RunFolder) -> None:
    write_text(folder.file("schema.json"), schema.to_json())
    write_text(folder.file("expectations.json"), suite_json(schema))


def _keep_fitted(synthesizer: Synthesizer, folder: RunFolder) -> None:
    if synthesizer.savable:
        synthesizer.save(folder.file("model"))
    if synthesizer.ledger_ is not None:
        write_text(folder.file("ledger.json"), json.dumps(synthesizer.ledger_, indent=1, ensure_ascii=False))


def evaluate(
    real: Source,
    synthetic: Source,
    *,
    out: str | Path,
    holdout: Source | None = None,
    policy: str | Path | None = None,
    schema: SchemaLike = None,
    target: str | None = None,
    protected: Sequence[str] = (),
    seed: int | None = None,
    share: bool = False,
    share_epsilon: float | None = None,
    progress: Progress | None = None,
) -> Report:
    """Judge any generator's table against the real one it was made from, and rows that the generator never saw.

    Writes ``report.json`` and ``report.html`` into the folder ``out``; with ``share``, without statistics of real rows
    but, with ``share_epsilon``, noised shares of its columns, which the real table's account pays for.

    Raises:
        SynthdataError: a table cannot be read, or columns do not match.
        PrivacyError: the account of the real table does not allow ``share_epsilon``.
    """
    progress = progress or silent()
    shown = figures_budget(share, share_epsilon)
    rules = load_policy(policy)
    seeds = SeedTree(seed)
    loaded = open_source(real, progress=progress)
    held = open_source(holdout, progress=progress).frame if holdout is not None else None
    made = open_source(synthetic, progress=progress)
    with progress.stage("check", "Checking the source"):
        train = prepare(loaded.frame, schema, target=target, drop_text=True, learn=False)
        protected_columns(train.schema, protected)
        check_columns(rules, train.schema)
        if shown:
            BudgetStore().require_room(loaded.fingerprint, shown.epsilon)
        source_checks = check_source(train)
    with progress.stage("validate", "Measuring fidelity, usefulness and privacy"):
        judged, notes = match(made.frame, train.schema, "synthetic table")
        unseen, unseen_notes = (None, []) if held is None else match(held, train.schema, "holdout")
        facts = validate(
            train,
            unseen,
            judged,
            seed=seeds.child("validate"),
            target=train.schema.target,
            protected=protected,
            policy=rules,
            progress=progress,
            source_checks=source_checks,
        )
    with progress.stage("report", "Writing the report"):
        rows = (len(train), 0 if held is None else len(held), len(made.frame))
        about = describe_run(made.name, loaded, train, rows, None, seeds, progress)
        facts |= {"run": about, "notes": [*loaded.notes, *made.notes, *notes, *unseen_notes]}
        noised = bought_figures(train, judged, shown, seeds, loaded) if shown else None
        return write_report(facts, Path(out), judged if share else None, noised)


def fit(
    source: Source,
    model: str | Synthesizer | None = None,
    *,
    save: str | Path | None = None,
    table: str | None = None,
    query: str | None = None,
    schema: SchemaLike = None,
    target: str | None = None,
    drop_text: bool = False,
    seed: int | None = None,
    settings: Sequence[str] = (),
    resume: bool = False,
    privacy: Privacy | float | None = None,
    progress: Progress | None = None,
) -> Synthesizer:
    """Fit a model on every row of a table, without a holdout, and save it into the folder ``save``.

    ``model`` is by default `boosted`, under a privacy budget `auto`. With ``privacy`` within that budget, which the
    source's account in the store of budgets pays for. ``resume`` goes on with a fit for ``save`` that was stopped.

    Raises:
        SynthdataError: the input cannot be used.
        PrivacyError: the model cannot keep the privacy asked for, or the source's budget is used up.
    """
    progress = progress or silent()
    synthesizer = _made(model, settings, private=privacy is not None)
    if save is not None:
        synthesizer.require_savable()
    budget = Privacy.of(privacy) if privacy is not None else None
    if budget:
        synthesizer.require_private_form()
    if resume and save is not None:
        seed, _ = seeds_to_resume(unfinished_fit(Path(save)), seed, None, budget is not None)
    loaded = open_source(source, table=table, query=query, progress=progress)
    seeds = SeedTree(seed)
    with ExitStack() as stack:
        ledger = Ledger(budget) if budget else None
        stack.enter_context(Purse(ledger, loaded, synthesizer.name))
        real = read_columns(source, loaded, schema, ledger, target, drop_text, progress)
        if save is not None and synthesizer.resumable and budget is None:
            about: dict[str, Any] = {"fingerprint": loaded.fingerprint, "model": synthesizer.name, "started": now()}
            about |= {"parameters": synthesizer.parameters(), "seed": seeds.seed}
            stack.enter_context(beside(Path(save), synthesizer, about, resume))
        with progress.stage("fit", f"Fitting {synthesizer.name}"):
            synthesizer.fit(real, privacy=ledger, seed=seeds.seed, progress=progress)
        if save is not None:
            synthesizer.save(save)
    return synthesizer
