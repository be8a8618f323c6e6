"""Fakes of personal data: small pools of names and places drawn by Faker once, combined afresh for every row."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from synthdata.errors import SchemaError, did_you_mean
from synthdata.table.patterns import draw, parse_pattern

#: how many words of a sort are drawn by Faker
POOL = 2_000
#: how many layouts (of phone numbers, streets) are drawn by Faker; their digits are drawn for every row
LAYOUTS = 200
DOMAINS = ("example.com", "example.org", "example.net")


class Words:
    """Pools of words of one language and country, drawn when first asked for.

    Raises:
        SchemaError: Faker does not know the locale.
    """

    def __init__(self, locale: str, seed: int) -> None:
        self.locale = locale
        self.seed = seed
        self._pools: dict[str, np.ndarray] = {}

    @cached_property
    def _faker(self) -> Any:
        from faker import Faker
        from faker.config import AVAILABLE_LOCALES

        if self.locale not in AVAILABLE_LOCALES:
            raise SchemaError(
                f"There are no fakes for the locale {self.locale!r}.", did_you_mean(self.locale, AVAILABLE_LOCALES)
            )
        faker = Faker([self.locale, "en_US"] if self.locale != "en_US" else "en_US", use_weighting=False)
        faker.seed_instance(self.seed)
        return faker if self.locale == "en_US" else faker[self.locale]

    @cached_property
    def _plain(self) -> Any:
        from faker import Faker

        faker = Faker("en_US", use_weighting=False)
        faker.seed_instance(self.seed)
        return faker

    def pool(self, sort: str, size: int = POOL) -> np.ndarray:
        """Different words of a sort (``first_name``, ``city``), (k,) object."""
        if sort not in self._pools:
            make = getattr(self._faker, sort, None) or getattr(self._plain, sort)
            self._pools[sort] = np.array(list(dict.fromkeys(str(make()) for _ in range(size))), dtype=object)
        return self._pools[sort]


class Persons:
    """Invented persons, one a row: what is asked for in several columns is the same in each."""

    def __init__(self, n: int, locale: str, generator: np.random.Generator) -> None:
        self.n = n
        self.generator = generator
        self.words = Words(locale, int(generator.integers(2**32)))
        self._drawn: dict[str, np.ndarray] = {}

    def __getitem__(self, sort: str) -> np.ndarray:
        """The persons' words of a sort, (n,) object."""
        if sort not in self._drawn:
            pool = self.words.pool(sort)
            self._drawn[sort] = pool[self.generator.integers(0, len(pool), self.n)]
        return self._drawn[sort]

    def part(self, rows: np.ndarray) -> Persons:
        """All persons when all rows are asked for; else new ones for a few rows (those before were taken)."""
        if len(rows) == self.n:
            return self
        fewer = Persons.__new__(Persons)
        fewer.n, fewer.generator, fewer.words, fewer._drawn = len(rows), self.generator, self.words, {}
        return fewer


Maker = Callable[[Persons, str | None, np.random.Generator], np.ndarray]


def _word(sort: str) -> Maker:
    return lambda persons, layout, generator: persons[sort].copy()


def _pattern(default: str) -> Maker:
    def make(persons: Persons, layout: str | None, generator: np.random.Generator) -> np.ndarray:
        return draw(parse_pattern(layout or default), persons.n, generator)

    return make


def _layouts(sort: str) -> Maker:
    """Fakes whose layout is Faker's and whose digits are drawn afresh: phone numbers, streets, post codes."""

    def make(persons: Persons, layout: str | None, generator: np.random.Generator) -> np.ndarray:
        if layout:
            return draw(parse_pattern(layout), persons.n, generator)
        pool = persons.words.pool(sort, LAYOUTS if sort in ("phone_number", "postcode") else POOL)
        chosen = generator.integers(0, len(pool), persons.n)
        made = np.empty(persons.n, dtype=object)
        order = np.argsort(chosen, kind="stable")
        bounds = np.searchsorted(chosen[order], np.arange(len(pool) + 1))
        for k, text in enumerate(pool):
            rows = order[bounds[k] : bounds[k + 1]]
            if len(rows):
                made[rows] = _redrawn(text.replace("\n", ", "), len(rows), generator)
        return made

    return make


def _redrawn(text: str, n: int, generator: np.random.Generator) -> np.ndarray:
    """A text ``n`` times, each digit but a leading 0 or 1 drawn anew."""
    grid = np.tile(np.array(list(text), dtype="<U1"), (n, 1))
    for position, letter in enumerate(text):
        if letter in "23456789":
            low = 0 if text[position - 1 : position].isdigit() else 1
            grid[:, position] = generator.integers(low, 10, n).astype("<U1")
    return np.ascontiguousarray(grid).view(f"<U{len(text)}").reshape(n).astype(object)


def _ascii(words: np.ndarray) -> np.ndarray:
    """Words in the letters of an e-mail address; a word that has none becomes ``user``."""
    known: dict[str, str] = {}
    for word in set(words):
        plain = unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode().lower()
        known[word] = "".join(letter for letter in plain if letter.isalnum()) or "user"
    return np.array([known[word] for word in words], dtype=object)


def _numbered(names: np.ndarray, most: int, generator: np.random.Generator) -> np.ndarray:
    return names + generator.integers(1, most, len(names)).astype(str).astype(object)


def _name(persons: Persons, layout: str | None, generator: np.random.Generator) -> np.ndarray:
    return persons["first_name"] + " " + persons["last_name"]


def _email(persons: Persons, layout: str | None, generator: np.random.Generator) -> np.ndarray:
    names = _numbered(_ascii(persons["first_name"]) + "." + _ascii(persons["last_name"]), 100, generator)
    return names + "@" + np.array(DOMAINS, dtype=object)[generator.integers(0, len(DOMAINS), persons.n)]


def _username(persons: Persons, layout: str | None, generator: np.random.Generator) -> np.ndarray:
    initials = np.array([name[:1] for name in _ascii(persons["first_name"])], dtype=object)
    return _numbered(initials + _ascii(persons["last_name"]), 1000, generator)


def _address(persons: Persons, layout: str | None, generator: np.random.Generator) -> np.ndarray:
    street = _layouts("street_address")(persons, None, generator)
    return street + ", " + persons["city"] + " " + _layouts("postcode")(persons, None, generator)


def _url(persons: Persons, layout: str | None, generator: np.random.Generator) -> np.ndarray:
    return "https://www.example.com/" + _numbered(_ascii(persons["last_name"]), 100_000, generator)


def _ssn(persons: Persons, layout: str | None, generator: np.random.Generator) -> np.ndarray:
    """Social security numbers from 900 on, which are never issued."""
    made = draw(parse_pattern(layout or r"\d{3}-\d{2}-\d{4}"), persons.n, generator)
    return np.array([f"9{text[1:]}" if text[:1].isdigit() else text for text in made], dtype=object)


def _credit_card(persons: Persons, layout: str | None, generator: np.random.Generator) -> np.ndarray:
    """Card numbers with a right check digit (Luhn, ISO/IEC 7812)."""
    made = draw(parse_pattern(layout or r"4\d{15}"), persons.n, generator)
    return np.array([_with_check_digit(text) for text in made], dtype=object)


def _with_check_digit(text: str) -> str:
    places = [place for place, letter in enumerate(text) if letter.isdigit()]
    if len(places) < 2:
        return text
    digits = [int(text[place]) for place in places]
    digits[0] = digits[0] if digits[0] in (3, 4, 5, 6) else 4
    doubled = [sum(divmod(2 * digit, 10)) if k % 2 == 0 else digit for k, digit in enumerate(reversed(digits[:-1]))]
    letters = list(text)
    letters[places[0]] = str(digits[0])
    letters[places[-1]] = str(-sum(doubled) % 10)
    return "".join(letters)


def _iban(persons: Persons, layout: str | None, generator: np.random.Generator) -> np.ndarray:
    """IBANs of the locale's country with a right check number (ISO 13616)."""
    models = persons.words.pool("iban", LAYOUTS)
    spaced = layout is not None and " " in layout
    model = models[0]
    account = draw(
        parse_pattern("".join(r"\d" if letter.isdigit() else letter for letter in model[4:])), persons.n, generator
    )
    made = []
    for body in account:
        number = "".join(str(int(letter, 36)) for letter in f"{body}{model[:2]}00")
        text = f"{model[:2]}{98 - int(number) % 97:02d}{body}"
        made.append(" ".join(text[k : k + 4] for k in range(0, len(text), 4)) if spaced else text)
    return np.array(made, dtype=object)


def _ip_address(persons: Persons, layout: str | None, generator: np.random.Generator) -> np.ndarray:
    parts = [
        generator.integers(low, high, persons.n).astype(str).astype(object) for low, high in ((1, 224), *[(0, 256)] * 3)
    ]
    return parts[0] + "." + parts[1] + "." + parts[2] + "." + parts[3]


#: how each kind of personal data is made
FAKES: dict[str, Maker] = {
    "name": _name,
    "first_name": _word("first_name"),
    "last_name": _word("last_name"),
    "email": _email,
    "phone": _layouts("phone_number"),
    "address": _address,
    "street_address": _layouts("street_address"),
    "city": _word("city"),
    "postcode": _layouts("postcode"),
    "state": _word("state"),
    "country": _word("country"),
    "company": _word("company"),
    "job": _word("job"),
    "username": _username,
    "password": _pattern(r"[0-9A-Za-z]{12}"),
    "ssn": _ssn,
    "national_id": _pattern(r"[1-9]\d{9}"),
    "passport": _pattern(r"[A-Z]{2}\d{7}"),
    "licence_plate": _pattern(r"[A-Z]{3}-\d{4}"),
    "iban": _iban,
    "bank_account": _pattern(r"[1-9]\d{9}"),
    "credit_card": _credit_card,
    "ip_address": _ip_address,
    "mac_address": _pattern("02" + ":[0-9a-f]{2}" * 5),
    "url": _url,
}
