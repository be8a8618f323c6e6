"""Which model to take, and why, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synthdata.reporting import numbers
from synthdata.reporting.glossary import term

#: figures that the sentence quotes
QUOTED = ("fidelity.detection", "utility.tstr")


def recommend(models: Sequence[dict[str, Any]], reference: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The model to take, as ``model`` (None where none can be recommended) and ``sentence``.

    A model with a leak in any of its tables is never taken. Of the others come first those in whose tables no leak was
    found and whose policy is kept, then those that only break the policy, then those of which privacy could not be
    judged. Within the first of these groups that is not empty the best mean of the ranks in fidelity and usefulness
    decides, and where two are level, the time.
    """
    done = [model for model in models if model["status"] != "failed"]
    if not done:
        return {"model": None, "sentence": "No model is recommended: none of them made a table."}
    safe = [model for model in done if model["privacy"]["state"] != "leak found"]
    if not safe:
        return {
            "model": None,
            "sentence": "No model is recommended: the privacy tests found a leak in the tables of each that made one.",
        }
    group, of = _first_group(safe)
    ranked = sorted(group, key=lambda model: (_rank(model), model["seconds"]["value"] or 0.0))
    best = ranked[0]
    level = [model["model"] for model in ranked[1:] if _rank(model) == _rank(best)]
    quoted = [
        _quote(metric, best, reference) for metric in QUOTED if best["figures"].get(metric, {}).get("value") is not None
    ]
    why = f"{of}, it "
    if len(group) == 1:
        why += "is the only one"
    elif level:
        why += f"ranks level with {numbers.listing(level)} in fidelity and usefulness and is the quickest of them"
    else:
        why += "ranks best in fidelity and usefulness together"
    spent = numbers.seconds(best["seconds"]["value"])
    more = []
    if best["privacy"]["state"] == "cannot tell":
        more.append("whether its table leaks could not be judged")
    if best["verdict"] == "fail":
        more.append("its report breaks the policy")
    if best["status"] == "partly":
        more.append("it failed for some seeds")
    but = f"; but {numbers.listing(more)}" if more else ""
    sentence = f"{best['model']} is recommended: {why} ({', '.join([*quoted, spent])}){but}."
    return {"model": best["model"], "sentence": sentence}


def _first_group(safe: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    none_found = [model for model in safe if model["privacy"]["state"] == "no leak found"]
    kept = [model for model in none_found if model["verdict"] != "fail"]
    if kept:
        return kept, f"of the {numbers.plural(len(kept), 'model')} without a leak found that keep the policy"
    if none_found:
        return (
            none_found,
            f"of the {numbers.plural(len(none_found), 'model')} without a leak found, none of which keeps the policy",
        )
    return list(
        safe
    ), f"of the {numbers.plural(len(safe), 'model')} in whose tables no leak was found, though none could be excluded"


def _rank(model: Mapping[str, Any]) -> float:
    return float("inf") if model.get("rank") is None else float(model["rank"])


def _quote(metric: str, model: Mapping[str, Any], reference: Mapping[str, Mapping[str, Any]]) -> str:
    about = term(metric)
    text = f"{about.label.lower()} {numbers.score(model['figures'][metric]['value'], about.digits)}"
    if metric in reference:
        whose = "training on real rows" if metric == "utility.tstr" else "fresh real rows"
        text += f" beside {numbers.score(reference[metric]['value'], about.digits)} for {whose}"
    return text
