"""What a column of text probably is: dates, numbers, personal data, identifiers, free text or categories."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from synthdata.table.evidence import Evidence, Guess, figure, share
from synthdata.table.guess_moments import guess_text_moments
from synthdata.table.guess_numbers import SOME, guess_numbers, is_entity_name, is_key_name
from synthdata.table.measured_range import find_ends, split_ends, with_ends
from synthdata.table.patterns import learn_pattern
from synthdata.table.personal import guess_personal
from synthdata.table.stored_numbers import POINTED, SHORTEST, fits_integer

NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9A-F]{8}-(?:[0-9A-F]{4}-){3}[0-9A-F]{12}")
CODE = re.compile(r"(?=.*\d)[\w\-./:#]{1,64}")
DRESSED = re.compile(r"[€$£¥]? ?[+-]?\d[\d,.']*\d? ?[%€$£¥]?")
#: in how many rows a value must stand to be told: a category, or an end of what can be measured (``<5``)
_SHARED = 5
#: below which share of the cells that hold such a value it is no use to take a column's texts for categories
_FEW_SHARED = 0.25
_WAYS_OUT = 'Leave it out ("drop": true), or declare its kind: "categorical", "id", or personal data ("pii": "name").'
SEVERAL = re.compile(r"\d+(?:\.\d+)?(?: ?[/x×;|] ?\d+(?:\.\d+)?)+")
#: words that stand for a missing value
BLANKS = frozenset(("", "?", "-", "na", "n/a", "nan", "null", "none", "missing", "unknown", "."))


def guess_text(e: Evidence) -> Guess:
    """The guess for a column of text."""
    if e.n == 0:
        return e.guess("categorical", "no cell is filled", 0.1, "Consider leaving it out.")
    return (
        _uuid(e)
        or _numbers(e)
        or guess_text_moments(e)
        or guess_personal(e)
        or _free_text(e)
        or _identifier(e)
        or _category(e)
    )


def _uuid(e: Evidence) -> Guess | None:
    if share(e.sample, UUID) < 1 or not all(UUID.fullmatch(value) for value in e.values):
        return None
    role = "key" if e.unique else None
    return e.guess(
        "id", f"all {figure(e.n)} cells are UUIDs, {figure(e.distinct)} distinct", 0.98, role=role, format="uuid"
    )


def text_number_format(values: np.ndarray) -> tuple[str, int | None] | None:
    """How numbers are written as text, as (`Column.format`, decimals); None where some text is no plain number.

    >>> text_number_format(np.array(["12.50", "3.00"])), text_number_format(np.array(["007"]))
    (('%.2f', 2), None)
    """
    sample = values[:: max(1, len(values) // 1000)]
    if share(list(sample), NUMBER) < 1 or not all(NUMBER.fullmatch(value) for value in values):
        return None
    digits = {len(value.partition(".")[2]) for value in values}
    if any("e" in value.lower() for value in values):
        return SHORTEST, None
    if digits == {0}:
        if all(map(fits_integer, values)):
            return "%d", 0
        # Beyond integers of 64 bits: amounts are floats, and what has as many digits everywhere tells things apart.
        return ("%.0f", None) if len({len(value) for value in values}) > 1 else None
    most = max(digits)
    decimals = most if most <= 8 else None
    if len(digits) == 1 and most <= 18:
        return f"%.{most}f", most
    return POINTED if 0 not in digits else SHORTEST, decimals


def written_numbers(e: Evidence) -> tuple[str, int | None] | None:
    """How a column's numbers are written (`text_number_format`), with the ends of what can be measured, if any."""
    ends = find_ends(e.values, e.counts, _SHARED)
    if ends is None:
        return text_number_format(e.values)
    marks = {end.text for end in ends.known}
    plain = [value for value in e.values if value not in marks]
    found = text_number_format(np.array(plain, dtype=object))
    if found and found[1] is not None and max(end.decimals for end in ends.known) > found[1]:
        bounds = [f"{end.bound:.{end.decimals}f}" for end in ends.known]
        found = text_number_format(np.array([*plain, *bounds], dtype=object))
    return found and (with_ends(found[0], ends), found[1])


def _numbers(e: Evidence) -> Guess | None:
    """Numbers that are stored as text; they come back as text written in the same way."""
    found = written_numbers(e)
    if found is None:
        return None
    layout, decimals = found
    marks = split_ends(layout)[0].numbers(decimals)
    cells, beyond = e.present.astype(object), ""
    if marks:
        beyond = f", {figure(int(cells.isin(list(marks)).sum()))} of them only as being beyond what can be measured"
        cells = cells.replace(marks)
    guess = guess_numbers(Evidence(e.name, pd.to_numeric(cells) if decimals == 0 else cells.astype(float)))
    column = guess.column
    reason = f"numbers stored as text{beyond}: {guess.reason.rstrip('.')}"
    if column.kind == "numerical":
        return e.guess("numerical", reason, guess.confidence, guess.advice, decimals=decimals, format=layout)
    if column.kind == "categorical":
        return e.guess("categorical", reason, guess.confidence, guess.advice)
    role, layout_ = column.role, column.format
    if column.kind == "id" and not layout_:
        layout_ = learn_pattern(list(e.values))
    return e.guess(
        column.kind, reason, guess.confidence, guess.advice, role=role, format=layout_, pii=column.pii, unit=column.unit
    )


def _free_text(e: Evidence) -> Guess | None:
    words = float(np.mean([len(value.split()) for value in e.sample]))
    length = float(np.mean([len(value) for value in e.sample]))
    found = f"{figure(e.distinct)} distinct texts in {figure(e.n)} cells, "
    found += f"{words:.1f} words and {length:.0f} letters on average"
    long = words >= 5 or length >= 60
    if long and e.ratio >= 0.1 and e.distinct >= 3:
        return e.guess("text", f"free text: {found}", 0.95 if e.ratio > 0.5 else 0.7, _WAYS_OUT)
    if e.ratio > 0.9 and e.distinct >= 50 and not _coded(e):
        nearly = _nearly_numbers(e)
        return e.guess("text", f"hardly any value repeats: {found}", 0.6, f"{nearly} {_WAYS_OUT}".strip())
    return None


def _coded(e: Evidence) -> bool:
    """Whether the cells look like identifiers: words with digits that are no plain numbers, or a telling name."""
    if is_key_name(e):
        return True
    numbers = [
        NUMBER.fullmatch(value) is not None and (not value.isdecimal() or fits_integer(value)) for value in e.sample
    ]
    return share(e.sample, CODE) >= 0.9 and float(np.mean(numbers)) < 0.5


def _nearly_numbers(e: Evidence) -> str:
    """What keeps a column of text from being numerical, if it is little."""
    words = [value.strip().lower() for value in e.sample]
    rest = [word for word in words if word not in BLANKS]
    if rest and len(rest) < len(words) and all(NUMBER.fullmatch(word) for word in rest):
        return "All but a sign for missing are numbers: with nulls instead, the column can be numerical."
    if rest and all(DRESSED.fullmatch(word) for word in rest):
        return "These are numbers with signs or separators: without them, the column can be numerical."
    if rest and all(SEVERAL.fullmatch(word) for word in rest):
        return "Each cell holds several numbers: in columns of their own they can be learnt."
    return ""


def _identifier(e: Evidence) -> Guess | None:
    named = is_key_name(e)
    coded = _coded(e)
    says = f", and the name {e.name!r} says identifier" if named else ""
    if e.n < 20 or not coded:
        return None
    if e.unique or (is_entity_name(e) and e.ratio > 0.5) or e.ratio > 0.95:
        pattern = learn_pattern(list(e.values))
        look = f" of the pattern {pattern}" if pattern else ""
        repeats = "" if e.unique else f"Not a key: {figure(e.n - e.distinct)} cells repeat an earlier one."
        reason = f"{figure(e.distinct)} distinct codes{look} in {figure(e.n)} cells{says}"
        return e.guess("id", reason, 0.95 if named else 0.75, repeats, role="key" if e.unique else None, format=pattern)
    per_value = e.n / max(e.distinct, 1)
    if is_entity_name(e) and e.distinct > SOME and per_value < 200:
        reason = f"{figure(e.distinct)} distinct codes in {figure(e.n)} cells{says}"
        advice = (
            "Each value stands for an entity with several rows; links between rows are not kept. "
            'If the codes are categories, declare the kind "categorical".'
        )
        return e.guess("id", reason, 0.7 if per_value < 20 else 0.55, advice, format=learn_pattern(list(e.values)))
    return None


def _category(e: Evidence) -> Guess:
    once = int((e.counts == 1).sum())
    reason = f"{figure(e.distinct)} distinct value{'' if e.distinct == 1 else 's'} in {figure(e.n)} cells"
    advice = []
    blank = sum(int(c) for value, c in zip(e.values, e.counts, strict=True) if value.strip().lower() in BLANKS)
    if blank:
        advice.append(f"{figure(blank)} blank cells or signs for missing: make them nulls if that is what they mean.")
    if e.distinct > 12 and (nearly := _nearly_numbers(e)):
        advice.append(nearly)
    if e.distinct == 1 and e.n >= 20:
        return e.guess(
            "categorical", f"one value in all {figure(e.n)} cells", 0.6, "A constant: consider leaving it out."
        )
    if once:
        reason += f", {figure(once)} of them once"
    shared = int(e.counts[e.counts >= _SHARED].sum())
    if e.distinct > SOME and shared < _FEW_SHARED * e.n:
        reason += f", and only {figure(shared)} cells hold one that {_SHARED} rows share"
        return e.guess("text", reason, 0.6, " ".join([*advice, _WAYS_OUT]))
    if e.distinct > 1000 or (e.ratio > 0.5 and e.n >= 50):
        advice.append('Many categories: if they only tell rows apart, declare the kind "id".')
        return e.guess("categorical", reason, 0.5, " ".join(advice))
    return e.guess("categorical", reason, 0.7 if e.ratio > 0.2 else 0.95, " ".join(advice))
