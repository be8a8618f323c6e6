"""Which columns hold personal data: by the words of the name, by the pattern of the values, best by both."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from synthdata.table.evidence import Evidence, Guess, figure

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

EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[A-Za-z]{2,}")
PHONE = re.compile(r"(?=(?:\D*\d){7,15}\D*$)\+?[\d\s().\-/]+(?:\s?(?:x|ext\.?)\s?\d{1,6})?")
CLEAR_PHONE = re.compile(r"\+\d[\d\s().\-]{7,18}|\(\d{3}\)[-. ]?\d{3}[-. ]\d{4}|\d{3}([-. ])\d{3}\1\d{4}")
SSN = re.compile(r"(?!000|666)[0-8]\d{2}-\d{2}-\d{4}")
SSN_LIKE = re.compile(r"\d{3}-?\d{2}-?\d{4}|[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-Z]")
CODE = re.compile(r"(?=.*\d)[A-Za-z0-9][A-Za-z0-9 ./\-]{3,24}")
PLATE = re.compile(r"(?=.*\d)(?=.*[A-Z])[A-Z0-9][A-Z0-9 \-]{2,10}")
IP = re.compile(
    r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)|(?=.*::|(?:[^:]*:){7})[0-9A-Fa-f:]{2,39}"
)
MAC = re.compile(r"[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}")
URL = re.compile(r"(?:https?://|www\.)\S+\.\S+")
PERSON = re.compile(r"[^\W\d_][^\d_@/\\<>=#]*")
STREET = re.compile(r"(?s)(?=.*[^\W\d_])(?=.*\s)[^@<>=]{5,}")
DIGITS = re.compile(r"\d{7,15}")
ANY = re.compile(r"\S.*", re.DOTALL)
SINGLE = re.compile(r"\S{2,40}")


def is_iban(text: str) -> bool:
    """Whether a text is an IBAN with a right check number (ISO 13616).

    >>> is_iban("GB82 WEST 1234 5698 7654 32"), is_iban("GB82 WEST 1234 5698 7654 33")
    (True, False)
    """
    compact = text.replace(" ", "").upper()
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", compact):
        return False
    return int("".join(str(int(letter, 36)) for letter in compact[4:] + compact[:4])) % 97 == 1


def is_credit_card(text: str) -> bool:
    """Whether a text is a card number with a right check digit (Luhn, ISO/IEC 7812).

    >>> is_credit_card("4111 1111 1111 1111"), is_credit_card("4111 1111 1111 1112")
    (True, False)
    """
    compact = re.sub(r"[ -]", "", text)
    if not re.fullmatch(r"[3-6]\d{12,18}", compact):
        return False
    digits = [int(digit) for digit in reversed(compact)]
    return sum(digits[::2]) % 10 == sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2]) % 10 * 9 % 10


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


@dataclass(frozen=True)
class Sign:
    """How one kind of personal data is known.

    ``titles`` are phrases in the column's name; ``fits`` is what values must then look like; ``alone`` is a look that is
    enough without the name. ``but_not`` are words of the name that speak against it. ``rare`` is the least number of
    distinct values per cell, since a value that many rows share tells little about a person.
    """

    pii: str
    titles: tuple[str, ...]
    fits: Callable[[str], bool]
    alone: Callable[[str], bool] | None = None
    but_not: tuple[str, ...] = ()
    rare: float = 0.0


THINGS = (
    *(
        "product",
        "item",
        "file",
        "country",
        "district",
        "city",
        "town",
        "region",
        "state",
        "county",
        "store",
        "shop",
        "brand",
    ),
    *(
        "company",
        "model",
        "category",
        "class",
        "type",
        "team",
        "school",
        "department",
        "column",
        "table",
        "field",
        "drug",
    ),
    *(
        "species",
        "variable",
        "project",
        "event",
        "game",
        "movie",
        "film",
        "song",
        "album",
        "book",
        "host",
        "domain",
        "server",
    ),
    *(
        "street",
        "car",
        "ship",
        "vehicle",
        "device",
        "browser",
        "genre",
        "group",
        "plan",
        "street",
        "common",
        "scientific",
    ),
)
NOT_POSTAL = (
    "ip",
    "mac",
    "email",
    "mail",
    "web",
    "url",
    "wallet",
    "memory",
    "type",
    "kind",
    "changes",
    "changed",
    "length",
)
PEOPLE = (
    *(
        "customer",
        "client",
        "patient",
        "person",
        "employee",
        "owner",
        "contact",
        "student",
        "member",
        "player",
        "passenger",
    ),
    *(
        "holder",
        "cardholder",
        "doctor",
        "physician",
        "nurse",
        "author",
        "guest",
        "driver",
        "agent",
        "user",
        "applicant",
    ),
    *(
        "candidate",
        "teacher",
        "borrower",
        "insured",
        "beneficiary",
        "parent",
        "mother",
        "father",
        "child",
        "spouse",
        "staff",
    ),
)

SIGNS = (
    Sign("email", ("email", "e mail", "mail", "email address"), _matches(EMAIL), _matches(EMAIL)),
    Sign("iban", ("iban",), is_iban, is_iban),
    Sign(
        "credit_card",
        ("credit card", "card number", "cc number", "ccnum", "cardno", "creditcard", "credit card number", "pan"),
        _matches(re.compile(r"[\d -]{12,24}")),
        is_credit_card,
    ),
    Sign("mac_address", ("mac", "mac address"), _matches(MAC), _matches(MAC)),
    Sign("ip_address", ("ip", "ip address", "ipv4", "ipv6", "remote addr"), _matches(IP), _matches(IP), rare=0.02),
    Sign(
        "ssn",
        ("ssn", "social security", "social security number", "nino", "national insurance"),
        _matches(SSN_LIKE),
        _matches(SSN),
    ),
    Sign(
        "phone",
        ("phone", "telephone", "mobile", "cell", "fax", "phone number", "tel", "msisdn", "cellphone", "telefon"),
        _matches(PHONE),
        _matches(CLEAR_PHONE),
        rare=0.05,
    ),
    Sign(
        "url", ("url", "website", "homepage", "web page", "link", "profile url"), _matches(URL), _matches(URL), rare=0.2
    ),
    Sign(
        "passport",
        ("passport", "passport number", "passport no"),
        _matches(CODE),
        None,
        ("country", "type", "date"),
        rare=0.2,
    ),
    Sign(
        "national_id",
        (
            *(
                "national id",
                "personal number",
                "birth number",
                "identity number",
                "identity card",
                "tax id",
                "taxpayer id",
            ),
            *(
                "cpf",
                "pesel",
                "aadhaar",
                "personnummer",
                "codice fiscale",
                "nie",
                "dni",
                "nhs number",
                "national number",
            ),
            *("driving licence", "driver license", "drivers license", "driving license", "medicare number"),
        ),
        _matches(CODE),
        None,
        rare=0.2,
    ),
    Sign(
        "licence_plate",
        ("licence plate", "license plate", "plate", "number plate", "plate number"),
        _matches(PLATE),
        rare=0.2,
    ),
    Sign("bank_account", ("account number", "bank account", "bank account number"), _matches(CODE), rare=0.2),
    Sign("password", ("password", "passwd", "pwd", "pin code", "api key", "secret key"), _matches(ANY), rare=0.2),
    Sign(
        "username",
        ("username", "user name", "login", "nickname", "screen name", "twitter handle", "user handle"),
        _matches(SINGLE),
        rare=0.1,
    ),
    Sign(
        "first_name",
        (
            *("first name", "firstname", "given name", "givenname", "forename", "name first", "middle name", "fname"),
            *("vorname", "prenom"),
        ),
        _matches(PERSON),
    ),
    Sign(
        "last_name",
        (
            *("last name", "lastname", "surname", "family name", "name last", "maiden name", "lname", "nachname"),
            *("second name", "nom de famille"),
        ),
        _matches(PERSON),
    ),
    Sign(
        "name",
        (
            "full name",
            "fullname",
            *(f"{person} name" for person in PEOPLE),
            *(f"name of {person}" for person in PEOPLE),
        ),
        _matches(PERSON),
        None,
        THINGS,
    ),
    Sign(
        "street_address",
        ("street", "street address", "address line", "address line 1", "address 1", "strasse"),
        _matches(STREET),
        None,
        (*NOT_POSTAL, "name"),
        rare=0.1,
    ),
    Sign(
        "address",
        ("address", "addr", "home address", "mailing address", "postal address", "residence", "adresse"),
        _matches(STREET),
        None,
        NOT_POSTAL,
        rare=0.1,
    ),
)
#: a title that is a person's only where the values look like persons' names
BARE_NAME = Sign("name", ("name",), _matches(re.compile(r"[^\W\d_a-z][^\d_@/\\<>=#]*")), None, THINGS, rare=0.3)
#: kinds of personal data that are identifiers rather than words
CODED = ("email", "username", "ssn", "national_id", "passport", "licence_plate", "iban", "bank_account", "credit_card")
#: how many distinct values make a column of names one of persons rather than a category
MANY = 20


def guess_personal(e: Evidence) -> Guess | None:
    """Whether a column of text or whole numbers holds personal data; None where nothing speaks for it.

    A column where few values are shared by many rows is not personal data, whatever its name: nothing in it points at a person.
    """
    texts = [str(value) for value in e.sample]
    for sign in (*SIGNS, BARE_NAME):
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


def _clearly_personal(e: Evidence, sign: Sign, titled: bool) -> bool:
    """Whether enough values differ for the column to point at persons."""
    if e.distinct < 2 and e.n >= MANY:
        return False
    enough = e.distinct >= MANY or e.ratio >= 0.5
    if sign.pii in ("first_name", "last_name", "name") and not sign.rare:
        return enough
    return enough and (e.ratio >= sign.rare or (titled and e.distinct >= 1000))


def _said(e: Evidence, sign: Sign, titled: bool, patterned: bool, fitting: int) -> Guess:
    label = sign.pii.replace("_", " ")
    name = f"the name {e.name!r} says {label}" if titled else ""
    look = f"{figure(fitting)} of {figure(e.n)} cells look like it" if patterned or not titled else ""
    values = look or f"{figure(e.distinct)} distinct values of the right look"
    confidence = 0.98 if titled and patterned else 0.9 if patterned else 0.6 if sign is BARE_NAME else 0.8
    reason = f"personal data ({label}): {', and '.join(part for part in (name, values) if part)}"
    key = e.unique and sign.pii in ("email", "username", "ssn", "national_id", "passport")
    advice = f'Replaced by fakes. If it is no {label}, declare its kind and "pii": null.'
    coded = sign.pii in CODED or not isinstance(e.values[0], str)
    return e.guess("id" if coded else "text", reason, confidence, advice, pii=sign.pii, role="key" if key else None)
