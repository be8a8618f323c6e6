"""How personal data is known: the words of a column's name, and what its values look like."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[A-Za-z]{2,}")
PHONE = re.compile(r"(?=(?:\D*\d){7,20}\D*$)\+?[\d\s().\-/]+(?:\s?(?:x|ext\.?)\s?\d{1,6})?")
CLEAR_PHONE = re.compile(r"\+\d[\d\s().\-]{7,18}|\(\d{3}\)[-. ]?\d{3}[-. ]\d{4}|\d{3}([-. ])\d{3}\1\d{4}")
SSN = re.compile(r"(?!000|666)[0-8]\d{2}-\d{2}-\d{4}")
SSN_LIKE = re.compile(r"\d{3}-?\d{2}-?\d{4}|[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-Z]")
CODE = re.compile(r"(?=.*\d)[A-Za-z0-9][A-Za-z0-9 ./\-]{2,24}")
PLATE = re.compile(r"(?=.*\d)(?=.*[A-Z])[A-Z0-9][A-Z0-9 \-]{2,10}")
IP = re.compile(
    r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)|(?=.*::|(?:[^:]*:){7})[0-9A-Fa-f:]{2,39}"
)
MAC = re.compile(r"[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}")
URL = re.compile(r"(?:https?://|www\.)\S+\.\S+")
PERSON = re.compile(r"[^\W\d_][^\d_@/\\<>=#]*")
STREET = re.compile(r"(?s)(?=.*[^\W\d_])(?=.*\s)[^@<>=]{5,}")
CARD_LIKE = re.compile(r"[\d -]{12,24}")
CAPITALISED = re.compile(r"[^\W\d_a-z][^\d_@/\\<>=#]*")
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
    if not re.fullmatch(r"[2-6]\d{11,18}", compact):
        return False
    digits = [int(digit) for digit in reversed(compact)]
    return sum(digits[::2]) % 10 == sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2]) % 10 * 9 % 10


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(phrase.strip() for phrase in text.split(","))


@dataclass(frozen=True)
class Sign:
    """How one kind of personal data is known.

    ``titles`` are phrases in the column's name; ``fits`` is what values must then look like; ``alone`` is a look that
    is enough without the name. ``but_not`` are words of the name that speak against it. ``rare`` is the least number
    of distinct values per cell, since a value that many rows share tells little about a person.
    """

    pii: str
    titles: tuple[str, ...]
    fits: Callable[[str], bool]
    alone: Callable[[str], bool] | None = None
    but_not: tuple[str, ...] = ()
    rare: float = 0.0


THINGS = _phrases(
    """product, item, file, country, district, city, town, region, state, county, store, shop, brand, company, model,
    category, class, type, team, school, department, column, table, field, drug, species, variable, project, event,
    game, movie, film, song, album, book, host, domain, server, street, car, ship, vehicle, device, browser, genre,
    group, plan, common, scientific"""
)
NOT_POSTAL = _phrases("ip, mac, email, mail, web, url, wallet, memory, type, kind, changes, changed, length")
PEOPLE = _phrases(
    """customer, client, patient, person, employee, owner, contact, student, member, player, passenger, holder,
    cardholder, doctor, physician, nurse, author, guest, driver, agent, user, applicant, candidate, teacher, borrower,
    insured, beneficiary, parent, mother, father, child, spouse, staff"""
)
FIRST = "first name, firstname, given name, givenname, forename, name first, middle name, fname, vorname, prenom"
LAST = "last name, lastname, surname, family name, name last, maiden name, lname, nachname, second name, nom de famille"
NATIONAL = """national id, personal number, birth number, identity number, identity card, tax id, taxpayer id, cpf,
    pesel, aadhaar, personnummer, codice fiscale, nie, dni, nhs number, national number, driving licence,
    driver license,
    drivers license, driving license, medicare number"""
CARD = "credit card, card number, cc number, ccnum, cardno, creditcard, credit card number, pan"

#: in the order in which they are tried
SIGNS = (
    Sign("email", _phrases("email, e mail, mail, email address"), _matches(EMAIL), _matches(EMAIL)),
    Sign("iban", ("iban",), is_iban, is_iban),
    Sign("credit_card", _phrases(CARD), _matches(CARD_LIKE), is_credit_card),
    Sign("mac_address", _phrases("mac, mac address"), _matches(MAC), _matches(MAC)),
    Sign("ip_address", _phrases("ip, ip address, ipv4, ipv6, remote addr"), _matches(IP), _matches(IP), rare=0.02),
    Sign(
        "ssn",
        _phrases("ssn, social security, social security number, nino, national insurance"),
        _matches(SSN_LIKE),
        _matches(SSN),
    ),
    Sign(
        "phone",
        _phrases("phone, telephone, mobile, cell, fax, phone number, tel, msisdn, cellphone, telefon"),
        _matches(PHONE),
        _matches(CLEAR_PHONE),
        rare=0.05,
    ),
    Sign(
        "url", _phrases("url, website, homepage, web page, link, profile url"), _matches(URL), _matches(URL), rare=0.2
    ),
    Sign(
        "passport",
        _phrases("passport, passport number, passport no"),
        _matches(CODE),
        but_not=("country", "type", "date"),
        rare=0.2,
    ),
    Sign("national_id", _phrases(NATIONAL), _matches(CODE), rare=0.2),
    Sign(
        "licence_plate",
        _phrases("licence plate, license plate, plate, number plate, plate number"),
        _matches(PLATE),
        rare=0.2,
    ),
    Sign("bank_account", _phrases("account number, bank account, bank account number"), _matches(CODE), rare=0.2),
    Sign("password", _phrases("password, passwd, pwd, pin code, api key, secret key"), _matches(ANY), rare=0.2),
    Sign(
        "username",
        _phrases("username, user name, login, nickname, screen name, twitter handle, user handle"),
        _matches(SINGLE),
        rare=0.1,
    ),
    Sign("first_name", _phrases(FIRST), _matches(PERSON)),
    Sign("last_name", _phrases(LAST), _matches(PERSON)),
    Sign(
        "name",
        (
            "full name",
            "fullname",
            *(f"{person} name" for person in PEOPLE),
            *(f"name of {person}" for person in PEOPLE),
        ),
        _matches(PERSON),
        but_not=THINGS,
    ),
    Sign(
        "street_address",
        _phrases("street, street address, address line, address line 1, address 1, strasse"),
        _matches(STREET),
        but_not=(*NOT_POSTAL, "name"),
        rare=0.1,
    ),
    Sign(
        "address",
        _phrases("address, addr, home address, mailing address, postal address, residence, adresse"),
        _matches(STREET),
        but_not=NOT_POSTAL,
        rare=0.1,
    ),
)
#: words that many rows usually share; where hardly any does, they can only be made up
LONELY = (
    Sign(
        "postcode", _phrases("zip, zip code, zipcode, postcode, postal code, post code, plz"), _matches(CODE), rare=0.5
    ),
    Sign("city", _phrases("city, town, birthplace, place of birth"), _matches(PERSON), rare=0.9),
    Sign("company", _phrases("company, company name, employer, organisation, organization"), _matches(ANY), rare=0.9),
    Sign("job", _phrases("job, job title, profession"), _matches(PERSON), rare=0.9),
)
#: a title that is a person's only where the values look like persons' names
BARE_NAME = Sign("name", ("name",), _matches(CAPITALISED), but_not=THINGS, rare=0.3)
