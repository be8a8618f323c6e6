"""What a column of numbers probably is: an amount, a code for a category, an identifier, or a date in digits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np

from synthdata.table.dtypes import is_float
from synthdata.table.evidence import Evidence, Guess, figure
from synthdata.table.guess_moments import guess_date_digits
from synthdata.table.patterns import learn_pattern
from synthdata.table.personal import guess_personal, is_titled
from synthdata.table.stored_numbers import rounded


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: words of a name that speak for an amount
MEASURES = _words(
    """
    age ages count counts num n number amount amt total sum price cost income salary balance hours minutes seconds days
    weeks months years duration length height weight width depth size distance score points visits children rooms
    bedrooms quantity qty temperature temp rate speed volume area mass pressure humidity sales revenue profit discount
    percent percentage ratio average avg mean min max median
    """
)
#: words of a name that speak for a code
CODES = _words(
    """
    type types code codes class category cat group region zone status state flag gender sex race ethnicity education
    marital marriage religion language browser system systems os device channel segment store shop branch department
    dept district county country cluster label target outcome stage tier plan mode method id occupation relationship
    default churn kind variant version treatment arm ward route gate port platform provider supplier carrier
    """
)
#: words of a name that speak for an identifier
KEYS = _words("id ids key uuid guid pk no nr number code ref reference account acct index idx sku isbn ean serial")
#: those of them that also name categories and counts, so that only a column without repeats is an identifier
WEAK_KEYS = _words("no nr number code ref reference index idx key")
WRITTEN_TOGETHER = tuple(
    f"{thing}id"
    for thing in (
        *(
            "customer",
            "account",
            "user",
            "client",
            "patient",
            "order",
            "employee",
            "product",
            "store",
            "session",
            "person",
        ),
        *(
            "transaction",
            "record",
            "member",
            "device",
            "row",
            "item",
            "invoice",
            "student",
            "policy",
            "passenger",
            "event",
        ),
    )
)
POSTAL = ("zip", "zip code", "zipcode", "postcode", "postal code", "post code", "plz", "area code")
#: calendar parts: the words of their names and the values they may take
CALENDAR = {
    "month": (1, 12),
    "quarter": (1, 4),
    "weekday": (0, 7),
    "day of week": (0, 7),
    "dayofweek": (0, 7),
    "day": (1, 31),
    "hour": (0, 24),
    "minute": (0, 59),
    "week": (0, 54),
    "year": (1000, 2200),
}
#: up to so many distinct whole numbers are taken for codes where nothing else speaks for amounts
FEW = 12
#: and up to so many where the name says that they are codes
SOME = 100
#: digits after the point beyond which a column counts as unrounded
MOST_DECIMALS = 8


def is_key_name(e: Evidence) -> bool:
    """Whether a column's name ends like that of an identifier."""
    last = e.words[-1] if e.words else ""
    return last in KEYS or last in WRITTEN_TOGETHER or (len(e.words) > 1 and e.words[0] in ("id", "account", "acct"))


def is_entity_name(e: Evidence) -> bool:
    """Whether a name ends like that of an identifier that several rows may share: one of a customer, an account."""
    last = e.words[-1] if e.words else ""
    return is_key_name(e) and last not in WEAK_KEYS


def guess_numbers(e: Evidence) -> Guess:
    """The guess for a column of integers, floats, Decimals or Python numbers."""
    if e.n == 0:
        return e.guess(
            "numerical", "no cell is filled, so only the storage speaks: numbers", 0.1, "Consider leaving it out."
        )
    numbers = e.values.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    if len(finite) < len(numbers):
        advice = "Replace infinite numbers with a null before fitting."
        return e.guess("numerical", f"numbers, {figure(len(numbers) - len(finite))} of them infinite", 0.5, advice)
    decimals = count_decimals(e.values)
    if decimals != 0 or (numbers != np.round(numbers)).any():
        return _amount(e, decimals)
    return _personal_digits(e) or guess_date_digits(e) or _identifier(e) or _code_or_amount(e, numbers)


def count_decimals(values: np.ndarray) -> int | None:
    """The digits after the point that distinct numbers have, None where more than `MOST_DECIMALS`.

    >>> count_decimals(np.array([0.5, 12.25])), count_decimals(np.array([1 / 3]))
    (2, None)
    """
    if values.dtype.kind in "iu":
        return 0
    if values.dtype == object and all(isinstance(value, Decimal) for value in values):
        digits = max((-int(value.as_tuple().exponent) for value in values if value.is_finite()), default=0)
        return min(max(digits, 0), 18)
    single = values.dtype == np.float32
    numbers = values.astype(np.float64)
    start = 0
    for part in (numbers[:1000], numbers):
        for decimals in range(start, MOST_DECIMALS + 1):
            candidate = rounded(part, decimals)
            if (candidate.astype(np.float32) == part.astype(np.float32)).all() if single else (candidate == part).all():
                start = decimals
                break
        else:
            return None
    return start


def _amount(e: Evidence, decimals: int | None) -> Guess:
    digits = "unrounded" if decimals is None else f"{decimals} digit{'' if decimals == 1 else 's'} after the point"
    reason = f"{figure(e.distinct)} distinct numbers in {figure(e.n)} cells, {digits}"
    if e.distinct == 1 and e.n >= 20:
        return e.guess(
            "numerical",
            f"one number in all {figure(e.n)} cells",
            0.6,
            "A constant: consider leaving it out.",
            decimals=decimals,
        )
    return e.guess("numerical", reason, 0.97 if e.distinct > FEW else 0.85, decimals=decimals)


def _personal_digits(e: Evidence) -> Guess | None:
    """Phone, card and national numbers stored as numbers; only where the name says so as well."""
    high, low = float(np.max(e.values)), float(np.min(e.values))
    if e.distinct < 2 or high < 1e4 or low < 0 or not (is_titled(e) or low >= 1e11):
        return None
    # Decimals of a database may be whole numbers of more digits than any integer holds.
    whole = e.present.astype("int64") if high < 2**63 else e.present.map(int)
    digits = Evidence(e.name, whole.astype(str))
    found = guess_personal(digits)
    if found is None:
        return None
    pattern = learn_pattern([str(int(value)) for value in e.values[:100_000]])
    return e.guess(
        "id",
        found.reason.rstrip("."),
        found.confidence,
        found.advice,
        pii=found.column.pii,
        role=found.column.role,
        format=pattern,
    )


def _identifier(e: Evidence) -> Guess | None:
    """Whole numbers that only tell rows apart, or tell which entity a row belongs to."""
    named = is_key_name(e)
    low, high = int(np.min(e.values)), int(np.max(e.values))
    if e.unique and high - low == e.n - 1:
        steady = bool(e.present.is_monotonic_increasing)
        reason = f"all {figure(e.n)} whole numbers differ and run without a gap{', in order' if steady else ''}"
        return e.guess("id", f"{reason}{_says(e, named)}", 0.95 if named else 0.75 if steady else 0.55, role="key")
    if not named or e.n < 20 or low < 0:
        return None
    if e.unique:
        reason = f"all {figure(e.n)} whole numbers differ{_says(e, True)}"
        return e.guess("id", reason, 0.95, role="key", format=_digits_pattern(e))
    per_value = e.n / max(e.distinct, 1)
    if is_entity_name(e) and e.distinct > SOME and per_value < 200:
        reason = f"{figure(e.distinct)} distinct whole numbers in {figure(e.n)} cells{_says(e, True)}"
        advice = (
            "Each value stands for an entity with several rows; links between rows are not kept. "
            'If the numbers are codes, declare the kind "categorical".'
            if per_value >= 2
            else f"Not a key: {figure(e.n - e.distinct)} cells repeat an earlier one."
        )
        return e.guess("id", reason, 0.7 if per_value < 20 else 0.55, advice, format=_digits_pattern(e))
    return None


def _says(e: Evidence, named: bool) -> str:
    return f", and the name {e.name!r} says identifier" if named else ""


def _digits_pattern(e: Evidence) -> str | None:
    values = e.values[:: max(1, e.distinct // 100_000)]
    sizes = [len(str(int(value))) for value in values]
    low, high = min(sizes), max(sizes)
    return r"[1-9]" + (rf"\d{{{low - 1}}}" if low == high else rf"\d{{{low - 1},{high - 1}}}") if high > 1 else None


def _code_or_amount(e: Evidence, numbers: np.ndarray) -> Guess:
    """The hard case: few distinct whole numbers may be sizes or names."""
    k, low, high = e.distinct, int(numbers.min()), int(numbers.max())
    # A float column of codes keeps 0 decimals, so that it stays whole if somebody declares it numerical.
    whole: dict[str, Any] = {"decimals": 0} if is_float(e.dtype) else {}
    found = f"{figure(k)} distinct whole number{'' if k == 1 else 's'} in {figure(e.n)} cells"
    amount = 'If they are amounts, declare the kind "numerical".'
    code = 'If they are codes, declare the kind "categorical".'
    if k == 1 and e.n >= 20:
        return e.guess(
            "categorical", f"one number in all {figure(e.n)} cells", 0.6, "A constant: consider leaving it out."
        )
    if e.has_title(*POSTAL) and e.n >= 20:
        return e.guess(
            "categorical",
            f"{found}, and the name says postal code",
            0.8,
            "Postal codes narrow down where a person lives.",
            **whole,
        )
    part = next((title for title in CALENDAR if e.has_title(title)), None)
    if part and CALENDAR[part][0] <= low and high <= CALENDAR[part][1] and k <= 60 and e.n >= max(20, 2 * k):
        return e.guess(
            "categorical", f"{found} within the range of a calendar's {part}, which the name says", 0.8, amount
        )
    if k == 2 and (e.n >= 20 or (low, high) == (0, 1)):
        return e.guess("categorical", f"{found}: a yes or no, or two classes", 0.9, **whole)
    if e.n < 20:
        return e.guess("numerical", f"{found}, too few to tell codes from amounts", 0.4, code, decimals=0)
    measure, coded = not MEASURES.isdisjoint(e.words), not CODES.isdisjoint(e.words)
    if coded and not measure and k <= SOME and e.n >= 5 * k:
        return e.guess(
            "categorical", f"{found}, and the name {e.name!r} says code", 0.85 if k <= 30 else 0.7, amount, **whole
        )
    if measure and not coded:
        return e.guess(
            "numerical", f"{found}, and the name {e.name!r} says amount", 0.9 if k > FEW else 0.75, decimals=0
        )
    if k <= FEW and e.n >= 10 * k and not _counts_down(e):
        return e.guess("categorical", f"{found}, few enough to be codes", 0.65, amount, **whole)
    shape = ", growing rarer with size as counts do" if _counts_down(e) else ""
    sure = 0.95 if k > SOME else 0.8 if k > 20 or shape else 0.6
    return e.guess("numerical", f"{found}{shape}", sure, "" if k > SOME or e.ratio > 0.5 else code, decimals=0)


def _counts_down(e: Evidence) -> bool:
    """Whether larger numbers are steadily rarer, starting at 0 or 1, as counts of events are."""
    if e.distinct < 6 or int(np.min(e.values)) not in (0, 1):
        return False
    order = np.argsort(e.values.astype(np.float64), kind="stable")
    counts = e.counts[order].astype(np.float64)
    ranks = np.argsort(np.argsort(-counts, kind="stable"), kind="stable")
    steady = np.corrcoef(np.arange(len(ranks)), ranks)[0, 1]
    return bool(counts.argmax() == 0 and counts[0] >= 2 * counts[-1] and steady > 0.85)
