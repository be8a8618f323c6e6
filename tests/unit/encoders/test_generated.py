"""Keys, identifiers and fakes: of the right look and dtype, all different where they must be, never stored."""

from __future__ import annotations

import random
import re
import uuid
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthdata.encoders.fakes import FAKES
from synthdata.encoders.generated import generate, generate_columns
from synthdata.errors import SchemaError
from synthdata.table.infer import guess_column
from synthdata.table.personal import PERSONAL
from synthdata.table.personal_signs import is_credit_card, is_iban
from synthdata.table.schema import Column
from synthdata.table.storage import Cells, from_cells


def made(n: int = 500, seed: int = 0, locale: str = "en_US", **column: Any) -> np.ndarray:
    known = Column.model_validate({"name": "x", "kind": "id", **column})
    return generate(known, n, np.random.default_rng(seed), locale=locale)


def test_there_are_fakes_for_every_kind_of_personal_data() -> None:
    assert set(FAKES) == set(PERSONAL)


@pytest.mark.parametrize("pii", PERSONAL)
def test_fakes_are_text_seeded_and_various(pii: str) -> None:
    values = made(pii=pii)
    assert values.shape == (500,)
    assert values.dtype == object
    assert all(isinstance(value, str) and value.strip() for value in values)
    assert values.tolist() == made(pii=pii).tolist()
    assert values.tolist() != made(pii=pii, seed=1).tolist()
    assert len(set(values)) > 20


@pytest.mark.parametrize("pii", PERSONAL)
def test_personal_keys_are_all_different(pii: str) -> None:
    values = made(3000, pii=pii, role="key")
    assert len(set(values)) == 3000


@pytest.mark.parametrize("pii", PERSONAL)
@pytest.mark.parametrize("locale", ["de_DE", "ja_JP", "fr_FR"])
def test_other_locales(pii: str, locale: str) -> None:
    assert len(made(5, pii=pii, locale=locale)) == 5


@pytest.mark.parametrize(
    "pii",
    [
        *("email", "phone", "iban", "credit_card", "ip_address", "mac_address", "url", "first_name", "last_name"),
        *("street_address", "address", "username"),
    ],
)
def test_fakes_look_like_what_they_stand_for(pii: str) -> None:
    assert guess_column(pii, pd.Series(made(pii=pii))).column.pii == pii


def test_check_digits_are_right() -> None:
    assert all(map(is_credit_card, made(pii="credit_card")))
    assert all(map(is_credit_card, made(pii="credit_card", format=r"\d{4} \d{4} \d{4} \d{4}")))
    for locale in ("en_GB", "de_DE", "en_US", "fr_FR"):
        assert all(map(is_iban, made(20, pii="iban", locale=locale)))


def test_e_mail_addresses_and_social_security_numbers_reach_nobody() -> None:
    assert all(re.fullmatch(r"\S+@example\.(com|org|net)", value) for value in made(pii="email"))
    assert all(value.startswith("9") for value in made(pii="ssn"))


def test_one_row_speaks_of_one_person() -> None:
    names = ("name", "first_name", "last_name", "email", "username")
    columns = [Column(name=name, kind="text", pii=name) for name in names]
    table = generate_columns(columns, 50, np.random.default_rng(0))
    for name, first, last, email, username in zip(*(table[name] for name in names), strict=True):
        assert name == f"{first} {last}"
        assert email.startswith(f"{first}.{last}".lower().replace("'", ""))
        assert username.startswith(first[0].lower())


def test_personal_numbers_are_numbers() -> None:
    column = Column(name="x", kind="id", dtype="int64", pii="phone", format=r"[1-9]\d{8}")
    values = generate(column, 50, np.random.default_rng(0))
    series = from_cells(Cells(values, np.zeros(50, dtype=bool)), column)
    assert str(series.dtype) == "int64"
    assert series.between(10**8, 10**9 - 1).all()


def test_keys_without_a_pattern_count_upwards() -> None:
    assert made(4, dtype="int64", role="key").tolist() == [1, 2, 3, 4]
    assert made(4, dtype="float64", role="key").tolist() == [1, 2, 3, 4]


def test_a_dtype_too_narrow_for_so_many_keys() -> None:
    with pytest.raises(SchemaError, match="Declare a wider dtype"):
        made(500, dtype="int8", role="key")


@pytest.mark.parametrize(
    ("layout", "n"),
    [(r"P\d{6}", 5000), (r"[A-Z]{2}-\d{2}", 5000), (r"P-00\d{2}", 100), (r"P-00\d{2}", 60)],
)
def test_keys_of_a_pattern_are_different_and_fit_it(layout: str, n: int) -> None:
    values = made(n, format=layout, role="key")
    assert len(set(values)) == n
    assert all(re.fullmatch(layout, value) for value in values)


def test_a_pattern_with_too_little_room_grows() -> None:
    values = made(2000, format=r"P\d{2}", role="key")
    assert len(set(values)) == 2000
    assert all(re.fullmatch(r"P\d{2,4}", value) for value in values)
    assert len({value[-2:] for value in values if len(value) == 5}) > 90
    assert len(set(made(50, format="same", role="key"))) == 50


def test_identifiers_that_are_no_keys_may_repeat() -> None:
    values = made(1000, format=r"\d{2}")
    assert len(set(values)) <= 100


@pytest.mark.parametrize("dtype", ["object", "uuid"])
def test_uuids(dtype: str) -> None:
    values = made(dtype=dtype, format="uuid", role="key")
    assert len(set(values)) == 500
    assert all(uuid.UUID(str(value)).version == 4 for value in values)


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize(
    "column", [{"pii": "name"}, {"pii": "phone"}, {"pii": "iban"}, {"format": "uuid"}, {"dtype": "int64"}, {}]
)
def test_no_row_and_one_row(n: int, column: dict[str, Any]) -> None:
    assert made(n, **column).shape == (n,)
    assert made(n, role="key", **column).shape == (n,)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"pii": "e_mail"}, "Did you mean 'email'"),
        ({"pii": "email", "dtype": "int64"}, "'email' is text"),
        ({"format": "(a|b)"}, "cannot be drawn from"),
        ({"dtype": "datetime64[ns]"}, "is stored as 'datetime64[ns]'"),
        ({"dtype": "bool"}, "is stored as 'bool'"),
    ],
)
def test_what_cannot_be_made_up(column: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        made(**column)
    assert message in str(caught.value)


def test_an_unknown_locale() -> None:
    with pytest.raises(SchemaError, match="Did you mean 'de_DE'"):
        made(pii="name", locale="de_De")


def test_the_global_state_is_left_alone() -> None:
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002 - the state that must not be moved
    before = (random.getstate(), np.random.get_state()[1].tolist())  # noqa: NPY002
    for pii in ("name", "phone", "iban"):
        made(pii=pii)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002


def test_real_values_play_no_part() -> None:
    """A column carries its pattern alone; what is drawn from it hits real values only as often as chance does."""
    real = pd.Series([f"K{k:08d}" for k in np.random.default_rng(4).permutation(10**8)[:2000]])
    column = guess_column("code", real).column
    values = generate(column, 2000, np.random.default_rng(5))
    assert not any(value in column.model_dump_json() for value in real)
    assert len(set(values) & set(real)) <= 3
