"""What a comparison is to do: which table, split and seeds, and which models with which settings."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

from synthdata.errors import MissingExtraError, ModelError, SynthdataError, did_you_mean
from synthdata.models.registry import make_model, model_class, model_names
from synthdata.reporting.report import Report
from synthdata.runs.store import RunFolder

PLAN = "plan.json"
PLAN_VERSION = 1

#: what is compared when nobody says what: from the baseline to the best, all of which need minutes at most
USUAL = ("independent", "bayesnet", "trees", "gmm", "boosted")
#: the same where they have to be private
USUAL_PRIVATE = ("independent", "mst", "aim", "bayesnet")


@dataclass(frozen=True)
class Trial:
    """One model with one seed; its run folder is called ``name``."""

    model: str
    settings: tuple[str, ...]
    seed: int

    @property
    def name(self) -> str:
        """The name of its run folder.

        >>> Trial("sdv:ctgan", (), 3).name
        'sdv-ctgan-seed-3'
        """
        return f"{re.sub(r'[^A-Za-z0-9_.]+', '-', self.model)}-seed-{self.seed}"


def chosen(names: str | Iterable[str] | None, usual: Sequence[str] = USUAL) -> list[str]:
    """The models to compare, each once; a text is split at its commas.

    Raises:
        ModelError: the list is empty, or names a model that there is not.
    """
    if names is None:
        return [name for name in usual if name in model_names()]
    parts = names.split(",") if isinstance(names, str) else [str(name) for name in names]
    found = list(dict.fromkeys(part.strip() for part in parts if part.strip()))
    if not found:
        raise ModelError("There is no model to compare.", f"Name some, such as --models {','.join(usual)}.")
    for name in found:
        if name not in model_names():
            raise ModelError(f"There is no model {name!r}.", did_you_mean(name, model_names()))
    return found


def settings_for(
    models: Sequence[str], settings: Iterable[str], time_budget: float | None, device: str = "auto"
) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Each model's own settings, and for each that cannot be had here the reason.

    ``MODEL.KEY=VALUE`` is a setting of one model; ``KEY=VALUE`` of all that have the parameter.

    Raises:
        ModelError: a setting names no model compared, no parameter that any has, or a wrong value.
    """
    own: dict[str, list[str]] = {name: [] for name in models}
    missing: dict[str, str] = {}
    parameters: dict[str, set[str]] = {}
    for name in models:
        try:
            parameters[name] = set(signature(model_class(name).__init__).parameters) - {"self"}
        except MissingExtraError as error:
            missing[name] = str(error)
    for text in settings:
        key = text.partition("=")[0].strip()
        model, dot, bare = key.rpartition(".")
        if dot and model not in own:
            raise ModelError(f"The setting {key!r} is of a model that is not compared.", did_you_mean(model, own))
        if dot:
            own[model].append(text.strip()[len(model) + 1 :])
            continue
        having = [name for name in models if bare in parameters.get(name, ())]
        if not having and not missing:
            every = {parameter for known in parameters.values() for parameter in known}
            raise ModelError(f"None of the models has a parameter {bare!r}.", did_you_mean(bare, every))
        for name in having:
            own[name].append(text)
    for name, known in parameters.items():
        own[name] += [f"device={device}"] if "device" in known and device != "auto" else []
        own[name] += [f"time_budget={time_budget}"] if "time_budget" in known and time_budget is not None else []
        make_model(name, own[name])
    return {name: tuple(texts) for name, texts in own.items()}, missing


def settle(folder: Path, plan: dict[str, Any], seed: int | None, *, overwrite: bool) -> dict[str, Any]:
    """What the comparison in ``folder`` is of, having checked that an earlier start there was of the same.

    The seed of an earlier start is taken over where none is asked for. Models and the number of seeds may differ.

    Raises:
        SynthdataError: the folder holds something else, or a comparison of another table or with other settings.
    """
    path = folder / PLAN
    if folder.exists() and not folder.is_dir():
        raise SynthdataError(f"{folder} is a file.", "Choose another folder with -o.")
    known = None
    if path.exists() and not overwrite:
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise SynthdataError(f"{path} is damaged.", "Choose another folder, or pass --overwrite.") from None
    elif folder.is_dir() and any(folder.iterdir()) and not path.exists():
        raise SynthdataError(f"{folder} exists already and holds no comparison.", "Choose another folder with -o.")
    if known is not None:
        wanted = {**plan, "seed": known.get("seed") if seed is None else seed}
        differing = [key for key in {**known, **wanted} if known.get(key) != wanted.get(key)]
        if differing:
            raise SynthdataError(
                f"{folder} holds a comparison that differs in: {', '.join(differing)}.",
                "Choose another folder with -o, or pass --overwrite to start afresh there.",
            )
        return wanted
    return plan


def digest(text: str) -> str:
    """A short fingerprint of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def finished(folder: Path, trial: Trial, plan: dict[str, Any]) -> bool:
    """Whether an earlier start did this very trial to its end."""
    try:
        record = RunFolder(folder / trial.name).record()
        report = Report.load(folder / trial.name / "report.json")
    except SynthdataError:
        return False
    parameters = json.loads(json.dumps(make_model(trial.model, trial.settings).parameters()))
    return (
        record.get("status") == "done"
        and record.get("fingerprint") == plan["fingerprint"]
        and record.get("parameters") == parameters
        and record.get("seed") == trial.seed
        and record.get("split_seed") == plan["seed"]
        and (report.run.get("versions") or {}).get("synthdata") == plan["synthdata"]
    )
