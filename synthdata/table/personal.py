"""Which columns hold personal data: by the words of the name, by the pattern of the values, best by both."""

from __future__ import annotations

from synthdata.table.evidence import Evidence, Guess, figure
from synthdata.table.patterns import learn_pattern
from synthdata.table.personal_signs import BARE_NAME, LONELY, SIGNS, Sign

#: every kind of personal data that a column can be declared as, and that fakes are made for
PERSONAL = (
    "name",
    "first_name",
    "last_name",
    "email",
    "phone",
    "address",
    "street_address",
    "city",
    "postcode",
    "state",
    "country",
    "company",
    "job",
    "username",
    "password",
    "ssn",
    "national_id",
    "passport",
    "licence_plate",
    "iban",
    "bank_account",
    "credit_card",
    "ip_address",
    "mac_address",
    "url",
)

#: kinds of personal data that are identifiers rather than words
CODED = ("email", "username", "ssn", "national_id", "passport", "licence_plate", "iban", "bank_account", "credit_card")
#: kinds of which the pattern is kept, so that fakes are written in the same way
PATTERNED = ("phone", "ssn", "national_id", "passport", "licence_plate", "bank_account", "credit_card", "postcode")
#: kinds that can also be stored as whole numbers
IN_DIGITS = ("phone", "ssn", "national_id", "passport", "bank_account", "credit_card", "postcode")
#: how many distinct values make a column of names one of persons rather than a category
MANY = 20


def guess_personal(e: Evidence) -> Guess | None:
    """Whether a column of text or whole numbers holds personal data; None where nothing speaks for it.

    A column where many rows share each value is not personal data, whatever its name: no cell points at anybody.
    """
    texts = [str(value) for value in e.sample]
    for sign in (*SIGNS, *LONELY, BARE_NAME):
        if e.has_word(*sign.but_not):
            continue
        bare = sign is BARE_NAME
        titled = e.title == "name" if bare else e.has_title(*sign.titles)
        looks = sign.fits if titled else sign.alone
        if looks is None or not texts or not _clearly_personal(e, sign, titled):
            continue
        if sum(map(looks, texts)) < 0.9 * len(texts):
            continue
        fitting = sum(int(count) for value, count in zip(e.values, e.counts, strict=True) if looks(str(value)))
        if fitting < 0.9 * e.n:
            continue
        patterned = sign.alone is not None and sum(map(sign.alone, texts)) >= 0.9 * len(texts)
        return _said(e, sign, titled, patterned, fitting)
    return None


def is_titled(e: Evidence) -> bool:
    """Whether a column's name speaks of any kind of personal data."""
    return any(e.has_title(*sign.titles) and not e.has_word(*sign.but_not) for sign in (*SIGNS, *LONELY))


def _clearly_personal(e: Evidence, sign: Sign, titled: bool) -> bool:
    """Whether enough values differ for the column to point at persons."""
    if e.distinct < 2 and e.n >= MANY:
        return False
    enough = e.distinct >= MANY or e.ratio >= 0.5
    if sign.pii in ("first_name", "last_name", "name") and not sign.rare:
        return enough
    if sign in LONELY:
        return e.distinct >= 50 and e.ratio >= sign.rare
    return enough and (e.ratio >= sign.rare or (titled and e.distinct >= 1000))


def _said(e: Evidence, sign: Sign, titled: bool, patterned: bool, fitting: int) -> Guess:
    label = sign.pii.replace("_", " ")
    name = f"the name {e.name!r} says {label}" if titled else ""
    look = f"{figure(fitting)} of {figure(e.n)} cells look like it" if patterned or not titled else ""
    values = look or f"{figure(e.distinct)} distinct values in {figure(e.n)} cells have the right look"
    confidence = 0.98 if titled and patterned else 0.9 if patterned else 0.6 if sign is BARE_NAME else 0.8
    reason = f"personal data ({label}): {', and '.join(part for part in (name, values) if part)}"
    key = e.unique and sign.pii in ("email", "username", "ssn", "national_id", "passport")
    advice = f'Replaced by fakes. If it is no {label}, declare its kind and "pii": null.'
    coded = sign.pii in CODED or not isinstance(e.values[0], str)
    pattern = learn_pattern([str(value) for value in e.values]) if sign.pii in PATTERNED else None
    role = "key" if key else None
    return e.guess("id" if coded else "text", reason, confidence, advice, pii=sign.pii, role=role, format=pattern)
