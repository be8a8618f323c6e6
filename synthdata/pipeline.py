"""The straight line: source → table → train and holdout → synthesizer → synthetic table → report.

Every stage is one call into its room; read this page to know what happens, and the rooms to know how.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthdata import connectors
from synthdata.accounts import Purse, bought_figures, figures_budget
from synthdata.atomic import write_text
from synthdata.connectors import Loaded
from synthdata.errors import Cancelled, SchemaError, SynthdataError, TableError, did_you_mean
from synthdata.models.abilities import HasLogProb
from synthdata.models.base import Synthesizer
from synthdata.models.registry import make_model
from synthdata.privacy.ledger import Ledger, Privacy
from synthdata.privacy.persons import numbered_persons, person_key
from synthdata.privacy.structure import understood
from synthdata.progress import EventLog, Progress, silent
from synthdata.random import SeedTree
from synthdata.reporting.html import render
from synthdata.reporting.model_facts import model_facts
from synthdata.reporting.report import Report
from synthdata.runs.budget_store import Account, BudgetStore
from synthdata.runs.resuming import beside, kept, seeds_to_resume, unfinished_fit
from synthdata.runs.store import RunFolder, new_name, now
from synthdata.table.conform import with_room_for_nulls
from synthdata.table.constraints import check_rules
from synthdata.table.foreign import adopt, require_columns, with_fractions
from synthdata.table.infer import infer
from synthdata.table.schema import Column, PublicTable, Schema, complete, read_partial
from synthdata.table.table import Table, check_names, refuse_text, require_rows
from synthdata.validation.expectations import check_source, suite_json
from synthdata.validation.fairness.groups import protected_columns
from synthdata.validation.noised import NoisedFigures, with_noised
from synthdata.validation.policy import check_columns, load_policy
from synthdata.validation.share import shareable
from synthdata.validation.suite import validate

#: in how many rows the commonest category must occur, so that five or more are likely to be among the training rows
ENOUGH = 8

Source = str | Path | pd.DataFrame
SchemaLike = str | Path | Schema | Mapping[str, Any] | None


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
    model: str | Synthesizer = "boosted",
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

    ``out`` is the run folder (by default a new one below ``runs/``); ``rows`` the size of the synthetic table (by
    default that of the source); ``protected`` the columns whose groups are compared for fairness (by default those
    called sex, race and the like); ``holdout`` the fraction of rows that the model never sees; runs with the same
    ``split_seed`` (by default the ``seed``) set the same rows aside. With ``share`` the report that is written holds no
    statistic of real rows; the one that is handed back does. With ``share_epsilon`` it holds noised shares of the real
    columns as well, at a budget of their own that the source's account pays for. ``resume`` goes on with a run in
    ``out`` that was stopped, by its seeds, and with the fit of a network from where that was.

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
    synthesizer = make_model(model, settings) if isinstance(model, str) else model
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
    # What names alone can tell is told before a look at the columns is paid for.
    RunFolder(path).require_place(record, overwrite=overwrite, resume=resume)
    check_names(loaded.frame)
    by_name = Schema(columns=tuple(Column(name=name, kind="categorical") for name in loaded.frame.columns))
    protected_columns(by_name, protected)
    check_columns(rules, by_name)
    ledger = Ledger(budget) if budget else None
    with Purse(ledger, loaded, synthesizer.name, reservation) as purse:
        real = read_columns(source, loaded, schema, ledger, target, drop_text, progress)
        check_columns(rules, real.schema)
        folder = RunFolder.create(path, record, overwrite=overwrite, resume=resume)
        with recorded(folder, progress):
            with progress.stage("check", "Checking the source"):
                source_checks = check_source(real)
                write_text(folder.file("schema.json"), real.schema.to_json())
                write_text(folder.file("expectations.json"), suite_json(real.schema))
            split = (seeds if split_seed is None else SeedTree(split_seed)).generator("split")
            train, held = real.split(holdout, split) if budget is None else split_by_coins(real, holdout, split)
            with progress.stage("fit", f"Fitting {synthesizer.name}"):
                with kept(synthesizer, folder):
                    synthesizer.fit(train, privacy=ledger, seed=seeds.integer("fit"), progress=progress)
                purse.settle()
                if synthesizer.savable:
                    synthesizer.save(folder.file("model"))
                if synthesizer.ledger_ is not None:
                    write_text(
                        folder.file("ledger.json"), json.dumps(synthesizer.ledger_, indent=1, ensure_ascii=False)
                    )
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
                notes = [*loaded.notes, *synthesizer.notes]
                if synthesizer.ledger_ is not None:
                    dp = {
                        **synthesizer.ledger_,
                        **COVERED,
                        "account": BudgetStore().account(loaded.fingerprint).facts(),
                    }
                    facts["privacy"] = {**facts["privacy"], "dp": dp}
                noised = bought_figures(real, made, shown, seeds, loaded) if shown else None
                facts |= {"run": about, "notes": notes}
                report = write_report(facts, folder.path, made if share else None, noised)
        return Run(folder.path, report, synthetic)


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
    model: str | Synthesizer = "boosted",
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

    With ``privacy`` within that budget, which the source's account in the store of budgets pays for. ``resume`` goes on
    with a fit for ``save`` that was stopped.

    Raises:
        SynthdataError: the input cannot be used.
        PrivacyError: the model cannot keep the privacy asked for, or the source's budget is used up.
    """
    progress = progress or silent()
    synthesizer = make_model(model, settings) if isinstance(model, str) else model
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


def open_source(
    source: Source, *, table: str | None = None, query: str | None = None, progress: Progress | None = None
) -> Loaded:
    """Read a path or URL; a DataFrame is taken as it is."""
    if isinstance(source, pd.DataFrame):
        return Loaded(source, "a DataFrame in memory", "table", ())
    return connectors.read(source, table=table, query=query, progress=progress)


def opened(
    source: Source,
    schema: SchemaLike,
    *,
    table: str | None,
    query: str | None,
    target: str | None,
    drop_text: bool,
    strict: bool = True,
    progress: Progress,
) -> tuple[Loaded, Table]:
    """A source as it was read, and the checked table (`prepare`) that a model can be fitted on.

    Raises:
        SynthdataError: the source cannot be read, the table and the schema do not fit, or there are too few rows.
    """
    loaded = open_source(source, table=table, query=query, progress=progress)
    return loaded, read_columns(source, loaded, schema, None, target, drop_text, progress, strict=strict)


def read_columns(
    source: Source,
    loaded: Loaded,
    schema: SchemaLike,
    ledger: Ledger | None,
    target: str | None,
    drop_text: bool,
    progress: Progress,
    *,
    strict: bool = True,
) -> Table:
    """The checked table (`prepare`) of a source; with a ledger, what is not declared of its columns is bought.

    A file of delimited text is read again then, as text: which type its columns get depends on all of their cells. Of
    other files whole numbers and truth values are stored alike, with nulls or without.

    Raises:
        SynthdataError: the table and the schema do not fit, or there are too few rows.
        PrivacyError: the budget does not suffice.
    """
    with progress.stage("infer", "Understanding the columns"):
        if ledger is None:
            real = prepare(loaded.frame, schema, target=target, drop_text=drop_text, strict=strict)
        else:
            if not isinstance(source, pd.DataFrame):
                text = None if loaded.typed else connectors.read_text(source)
                loaded = replace(loaded, frame=with_room_for_nulls(loaded.frame) if text is None else text)
            real = prepare_privately(loaded, schema, ledger, target=target, drop_text=drop_text)
        require_rows(real)
    return real


def account(
    source: Source,
    store: BudgetStore | None = None,
    *,
    cap: float | None = None,
    table: str | None = None,
    query: str | None = None,
    progress: Progress | None = None,
) -> Account:
    """What all private runs on a source have spent together; with ``cap``, the most they may from now on.

    Raises:
        SynthdataError: the source cannot be read, or the cap is not above 0.
    """
    store = store or BudgetStore()
    loaded = open_source(source, table=table, query=query, progress=progress)
    check_names(loaded.frame)
    fingerprint = loaded.fingerprint
    if cap is not None:
        store.set_cap(fingerprint, cap)
    return store.account(fingerprint)


def split_by_coins(table: Table, fraction: float, generator: np.random.Generator) -> tuple[Table, Table]:
    """Two parts, each row by a coin of its own, so that one row more or less moves no other.

    Where the schema says whose a row is, each person has a coin, for all of their rows. Where it declares how many
    rows there are, it declares of each part how many are expected there.

    Raises:
        TableError: all rows fell on one side.
    """
    held = generator.random(len(table)) < fraction
    if key := person_key(table.schema):
        held = held[numbered_persons(table.frame[key])]
    if held.all() or not held.any():
        raise TableError("The table is too small to set rows aside one by one.", "Give more rows, or use `fit`.")
    parts = table.take(np.flatnonzero(~held)), table.take(np.flatnonzero(held))
    if table.schema.public and table.schema.public.rows:
        for part, share in zip(parts, (1 - fraction, fraction), strict=True):
            expected = PublicTable(rows=max(round(share * table.schema.public.rows), 1))
            part.schema = part.schema.model_copy(update={"public": expected})
    return parts


def prepare(
    frame: pd.DataFrame,
    schema: SchemaLike,
    *,
    target: str | None = None,
    drop_text: bool = False,
    strict: bool = True,
    learn: bool = True,
) -> Table:
    """A checked table: what is inferred, overruled by what the caller says of it.

    Without ``strict`` cells out of the declared bounds or categories are not complained of: under privacy even how many
    there are must be paid for. With ``drop_text`` a table to be learnt also loses categories that hardly repeat.

    Raises:
        TableError, SchemaError: the table and the schema do not fit; free text that nobody asked to drop.
    """
    check_names(frame)
    inferred = infer(frame).schema
    declared, where = declared_in(schema)
    if not isinstance(declared, Schema):
        declared = complete(inferred, declared, where) if declared else inferred
    known = declared.with_target(target)
    if drop_text:
        for column in known:
            if column.kind == "text" or (learn and _hardly_repeats(frame[column.name], column)):
                known = known.replace(column.name, drop=True)
    refuse_text(known)
    table = Table.of(frame, known, strict=strict)
    if strict:
        check_rules(table)
    return table


def prepare_privately(
    loaded: Loaded, schema: SchemaLike, ledger: Ledger, *, target: str | None, drop_text: bool
) -> Table:
    """A table whose kinds of columns are declared, or bought from the ledger; no cell is complained of.

    Raises:
        TableError, SchemaError: the names and the schema do not fit; free text that nobody asked to drop.
        PrivacyError: the budget does not suffice.
    """
    declared, where = declared_in(schema)
    if target is not None and target not in loaded.frame.columns:
        raise SchemaError(f"There is no column {target!r}.", did_you_mean(target, loaded.frame.columns))
    real = understood(loaded.frame, declared, ledger, typed=loaded.typed, where=where)
    known = real.schema.with_target(target)
    if drop_text:
        for column in known:
            if column.kind == "text" and not column.pii:
                known = known.replace(column.name, drop=True)
    refuse_text(known)
    return Table.of(real, known, strict=False)


def declared_in(schema: SchemaLike) -> tuple[Schema | Mapping[str, Any] | None, str]:
    """What a person says of the columns, a file read, and what it is called in messages.

    Raises:
        SchemaError: the file is missing or no JSON.
    """
    if isinstance(schema, str | Path):
        return read_partial(schema), str(schema)
    return schema, "schema"


def _hardly_repeats(series: pd.Series, column: Column) -> bool:
    """Whether a column of categories has none that enough rows share for it to be learnt."""
    if column.kind != "categorical" or column.drop or column.generated or column.public or column.role:
        return False
    return bool(series.notna().any() and series.value_counts().iloc[0] < ENOUGH)


def match(frame: pd.DataFrame, schema: Schema, what: str) -> tuple[Table, list[str]]:
    """A frame under another table's schema, for tables made elsewhere, and notes on cells that could not be read.

    Raises:
        TableError, SchemaError: no rows, a column that is not there, or one of which most cells cannot be read.
    """
    check_names(frame)
    if not len(frame):
        raise TableError(f"The {what} has no rows.")
    kept = schema.kept
    require_columns(frame.columns, kept.names, schema, what)
    kept = with_fractions(frame, kept)
    try:
        readable, notes = adopt(frame[list(kept.names)], kept, what)
        return Table.of(readable, kept, strict=False), notes
    except SchemaError as error:
        raise SchemaError(f"The {what} does not fit the real table: {error}") from None


def describe_run(
    name: str,
    loaded: Loaded,
    real: Table,
    rows: tuple[int, int, int],
    synthesizer: Synthesizer | None,
    seeds: SeedTree,
    progress: Progress,
) -> dict[str, Any]:
    """The ``run`` part of a report: where everything came from."""
    libraries = ("synthdata", "numpy", "pandas", "scikit-learn")
    train, held, synthetic = rows
    return {
        "name": name,
        "title": loaded.name,
        "source": loaded.display,
        "model": synthesizer.name if synthesizer else None,
        "model_summary": synthesizer.summary if synthesizer else "",
        "parameters": synthesizer.parameters() if synthesizer else {},
        "seed": seeds.seed,
        "device": "cpu",
        "rows": {"source": train + held, "train": train, "holdout": held, "synthetic": synthetic},
        "columns": len(real.schema),
        "target": real.schema.target,
        "created": now(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in libraries}},
        "durations": {stage: round(seconds, 3) for stage, seconds in progress.durations.items()},
    }


def write_report(
    facts: Mapping[str, Any], folder: Path, share: Table | None = None, noised: NoisedFigures | None = None
) -> Report:
    """Write a report as JSON and HTML, and hand back the whole one.

    Where the synthetic table is given as ``share``, what is written says nothing of real rows but the ``noised``
    figures.
    """
    report = Report({"version": 1, "edition": "internal", **facts})
    written = report if share is None else share_edition(report, share, noised)
    written.save(folder / "report.json")
    write_text(folder / "report.html", render(written))
    return report


def share_edition(report: Report, made: Table, noised: NoisedFigures | None = None) -> Report:
    """The edition that says nothing of real rows but the ``noised`` figures; ``made`` is the synthetic table."""
    shared = shareable(report.facts, made, SeedTree(report.run["seed"]).child("share"))
    return Report(with_noised(shared, noised) if noised else shared)


@contextmanager
def recorded(folder: RunFolder, progress: Progress) -> Iterator[None]:
    """Log events into the run folder while the block works, and close ``run.json`` with how it ended."""
    log = EventLog(folder.file("events.jsonl"))
    progress.observers.append(log)
    try:
        yield
    except (Cancelled, KeyboardInterrupt):
        folder.finish("cancelled", "Stopped by the user.")
        raise
    except SynthdataError as error:
        folder.finish("failed", str(error))
        raise
    except BaseException as error:
        # The text of an unforeseen error may quote a cell, so only its type is kept.
        folder.finish("failed", f"Unexpected {type(error).__name__}.")
        raise
    else:
        folder.finish("done")
    finally:
        progress.observers.remove(log)
