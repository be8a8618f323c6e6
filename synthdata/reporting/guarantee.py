"""Differential privacy in plain words: what the ledger of a run promises, to whom, and what it does not.

The questions are those that NIST SP 800-226 (guidelines for evaluating differential privacy) asks of a claim.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from synthdata.reporting import numbers

if TYPE_CHECKING:
    from synthdata.reporting.report import Report


@dataclass(frozen=True)
class Looks:
    """All looks of one kind at the rows: how many, by which mechanism, what for, and what they were paid from."""

    stage: str
    count: int
    mechanism: str
    strength: str
    purpose: str
    paid_from: str


@dataclass(frozen=True)
class Guarantee:
    """What a reader is told of the ledger."""

    epsilon: str
    delta: str
    spent: str
    factor: str
    private: bool
    unit: str
    bound: str
    adjacency: str
    public: tuple[tuple[str, str], ...]
    looks: tuple[Looks, ...]
    questions: tuple[tuple[str, str], ...]
    facts: dict[str, Any]


#: what a look at the rows is for
PURPOSES = {
    "structure": "what the cells of each column look like, which tells its kind",
    "row count": "how many rows there are, up to noise",
    "domain": "set aside for finding out what values the columns have",
    "training": "set aside for learning how the columns hang together",
    "bounds": "between which values a column of numbers lies",
    "bins": "how a column's values are spread",
    "categories": "which categories a column has; rare ones stay unknown",
    "decimals": "how many decimals a column has",
    "nulls": "how many cells of a column are empty",
    "marginal": "how often values of columns occur together",
    "choice of a marginal": "which columns to look at next",
}


def guarantee(report: Report) -> Guarantee | None:
    """The promise behind a report's table, or None where there is none."""
    facts = report.facts["privacy"].get("dp")
    if not facts:
        return None
    epsilon = float(facts.get("epsilon") or 0.0)
    return Guarantee(
        numbers.plain(facts.get("epsilon")),
        _chance(facts.get("delta")),
        numbers.plain(facts.get("epsilon_spent")),
        f"{math.exp(epsilon):.3g}" if epsilon < 50 else "more than a sextillion",
        bool(facts.get("private", True)),
        str(facts.get("unit") or "row"),
        str(facts.get("unit_bound") or ""),
        str(facts.get("adjacency") or ""),
        tuple((name, _public(known, (facts.get("forms") or {}).get(name))) for name, known in _known(facts)),
        _looks(facts.get("charges") or []),
        tuple((question, " ".join(answer.split())) for question, answer in questions(facts)),
        facts,
    )


def questions(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """What NIST SP 800-226 (Near et al. 2025) tells a reader to ask of a claim, with the answers of a ledger."""
    return [*_about_the_promise(facts), *_about_the_looks(facts), *_about_the_result(facts)]


def _about_the_promise(facts: dict[str, Any]) -> list[tuple[str, str]]:
    unit = str(facts.get("unit") or "row")
    return [
        (
            "How strong is the promise?",
            f"ε = {numbers.plain(facts.get('epsilon'))} and δ = {_chance(facts.get('delta'))} for the whole fit, from "
            "the first look to the model; approximate differential privacy, by privacy loss distributions.",
        ),
        ("Who is protected?", f"Each {unit} by itself. {_sentence(facts.get('unit_bound'))}".rstrip()),
        (
            "Which tables count as neighbours?",
            f"Those that differ in one {unit} added or removed ({facts.get('adjacency')}). For one {unit} exchanged "
            "for another the promise is that of at most twice the ε.",
        ),
        (
            "What else was released from this source?",
            f"{_account(facts.get('account'))} What was released by other means is not counted.",
        ),
        (
            "Who sees the real rows?",
            "Whoever runs this program (the central model of trust). Nothing hides the rows from this machine: access "
            "to the source, to the run folder's internal files and to the machine is the owner's to guard.",
        ),
    ]


def _about_the_looks(facts: dict[str, Any]) -> list[tuple[str, str]]:
    bought = sorted({str(charge.get("stage")) for charge in facts.get("charges") or [] if charge.get("part_of")})
    declared = [name for name, known in _known(facts) if known.get("declared")]
    return [
        (
            "What was not looked at, since it was known?",
            ("The number of rows. " if facts.get("public_rows") else "")
            + (
                f"What the owner declared public of {numbers.listing(declared, 12)}; it is listed below, and is the "
                "owner's word. "
                if declared
                else "The owner declared nothing public of any column's values. "
            )
            + str(facts.get("structure") or ""),
        ),
        (
            "What was paid for?",
            ("What the cells of columns look like, by noisy counts. " if facts.get("forms") else "")
            + f"The number of rows, if it is not public, and: {numbers.listing(bought, 12) or 'nothing'}; every charge "
            "with its noise is in the table above and in ledger.json. How much a row can change an answer (its "
            "sensitivity) stands beside each.",
        ),
        (
            "Was anything chosen by looking at the rows?",
            "Nothing outside the charges: no setting is tuned and no training stopped on real rows. Where a person "
            "chose model, settings or this very run in sight of an internal report, that look is not covered.",
        ),
        (
            "Where does the noise come from?",
            f"{_sentence(facts.get('random_source'))} {facts.get('floating_point') or ''}",
        ),
        (
            "What can leak besides?",
            "Time and memory of the fit are not hidden: who can measure them on this machine may learn from them.",
        ),
    ]


def _about_the_result(facts: dict[str, Any]) -> list[tuple[str, str]]:
    unknown, unnamed = facts.get("unknown"), facts.get("unnamed")
    return [
        (
            "What does it cost in accuracy?",
            "Small groups and rare values are drowned or left out, so that the table is wrong about them in one "
            "direction; the larger the ε, the less. "
            + (f"Nothing was found out of the values of {numbers.listing(list(unknown), 12)}. " if unknown else "")
            + (f"{_unnamed(unnamed)} " if unnamed else "")
            + "How wrong is for the internal report to say.",
        ),
        (
            "What may be released?",
            f"{_sentence(facts.get('covers') or 'the synthetic table and the model')} "
            f"Internal, {facts.get('internal') or 'not covered by epsilon: all the rest'}.",
        ),
    ]


def promise(report: Report) -> str:
    """The guarantee in two sentences for the terminal; nothing where there is none."""
    facts = report.facts["privacy"].get("dp")
    if not facts:
        return ""
    if not facts.get("private", True):
        return "Not private: a fixed seed was used, so that the noise can be computed again. Do not release the table."
    return (
        f"Differential privacy: each {facts.get('unit') or 'row'} is protected with ε = "
        f"{numbers.plain(facts.get('epsilon'))} ({numbers.plain(facts.get('epsilon_spent'))} spent) and δ = "
        f"{_chance(facts.get('delta'))}. That holds for {facts.get('covers') or 'the synthetic table and the model'}; "
        "what stands here looks at real rows (internal: not covered by ε)."
    )


def _chance(delta: float | None) -> str:
    """A probability, as a number and in words.

    >>> _chance(1e-6)
    '1e-06, one in 1,000,000'
    """
    return numbers.UNKNOWN if delta is None else f"{delta:g}, one in {1 / delta:,.0f}"


def _account(account: dict[str, Any] | None) -> str:
    """What all private runs on the source have spent together."""
    if not account:
        return "Not on record here; `synthdata budget SOURCE` tells it."
    cap = "no cap is set" if account.get("cap") is None else f"the cap is {numbers.plain(account['cap'])}"
    return (
        f"All private runs on this source: ε = {numbers.plain(account['epsilon'])}, δ = {account['delta']:.3g} in "
        f"{numbers.plural(account['runs'], 'run')}, by simple addition; {cap}."
    )


def _known(facts: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What was taken as known about each column."""
    return [(name, known) for name, known in (facts.get("public") or {}).items() if isinstance(known, dict)]


def _public(known: dict[str, Any], form: str | None = None) -> str:
    """What was taken as known about a column, in words; ``form`` is what a noisy count says that its cells look like.

    >>> _public({"kind": "numerical", "dtype": "int64", "declared": {"bounds": [0, 9], "nullable": False}})
    'numerical, stored as int64; declared by the owner: bounds 0, 9; nullable no'
    """
    more = [f"{key} {numbers.plain(known[key])}" for key in ("format", "unit") if known.get(key)]
    bought = [f"by a noisy count its cells look like: {form}"] if form else []
    said = ", ".join([str(known.get("kind")), f"stored as {known.get('dtype')}", *more, *bought])
    declared = "; ".join(f"{key} {numbers.plain(value)}" for key, value in (known.get("declared") or {}).items())
    return f"{said}; declared by the owner: {declared}" if declared else f"{said}; nothing declared"


def _unnamed(shares: dict[str, float]) -> str:
    """Which share of the rows has values that were too rare to be named.

    >>> _unnamed({"ward": 0.31})
    'Values too rare to be named, which come out as others: those of about 31.0% of the rows in “ward”.'
    """
    said = [f"about {numbers.percent(share)} of the rows in “{name}”" for name, share in shares.items()]
    return f"Values too rare to be named, which come out as others: those of {numbers.listing(said, 12)}."


def _sentence(words: Any) -> str:
    """Words with a capital and a full stop; nothing for nothing."""
    text = str(words or "")
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


def _looks(charges: list[dict[str, Any]]) -> tuple[Looks, ...]:
    """The charges by kind, in the order in which each kind was first made."""
    kinds: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for charge in charges:
        kind = (str(charge.get("stage")), str(charge.get("mechanism")), str(charge.get("part_of") or ""))
        kinds.setdefault(kind, []).append(charge)
    return tuple(
        Looks(
            stage,
            len(alike),
            mechanism,
            _strength(alike),
            PURPOSES.get(stage, ""),
            f"part of “{part}”" if part else "the budget",
        )
        for (stage, mechanism, part), alike in kinds.items()
    )


def _strength(charges: list[dict[str, Any]]) -> str:
    """How much noise looks of one kind had: σ or ε, by what a row changes, and how rows were sampled into steps."""
    said = []
    for key, sign in (("sigma", "σ"), ("epsilon", "ε"), ("sensitivity", "sensitivity"), ("rate", "sampling rate")):
        values = sorted({float(charge[key]) for charge in charges if isinstance(charge.get(key), int | float)})
        if not values or (key == "rate" and values == [1.0]):
            continue
        ends = [f"{value:.3g}" for value in dict.fromkeys((values[0], values[-1]))]
        said.append(f"{sign} {' to '.join(dict.fromkeys(ends))}")
    steps = sum(int(charge.get("steps") or 1) for charge in charges)
    return ", ".join([*said, f"{steps:,} steps"] if steps > len(charges) else said)
