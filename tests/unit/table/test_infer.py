"""Inference: the kinds, the reasons, and above all no false alarms."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from faker import Faker

from synthdata.errors import TableError
from synthdata.table.evidence import Guess
from synthdata.table.infer import guess_column, infer
from synthdata.table.storage import from_cells
from synthdata.table.table import Table

N = 400


@pytest.fixture(scope="module")
def fake() -> Faker:
    faker = Faker("en_US")
    faker.seed_instance(1)
    return faker


def chance() -> np.random.Generator:
    return np.random.default_rng(3)


def guess(cells: Any, name: str = "x", dtype: Any = None) -> Guess:
    return guess_column(name, pd.Series(cells, dtype=dtype))


def many(*values: Any) -> list[Any]:
    return [values[k] for k in chance().integers(0, len(values), N)]


def test_every_guess_has_a_reason_and_a_confidence(every_kind_of_column: pd.DataFrame) -> None:
    for found in infer(every_kind_of_column).guesses:
        assert found.reason.endswith(".")
        assert any(letter.isdigit() for letter in found.reason) or "storage" in found.reason
        assert 0 <= found.confidence <= 1


def test_the_kinds_of_every_storage(every_kind_of_column: pd.DataFrame) -> None:
    kinds = {column.name: column.kind for column in infer(every_kind_of_column).schema}
    assert kinds == {
        **dict.fromkeys(["key"], "id"),
        **dict.fromkeys(["integer", "small", "nullable", "real", "single", "money", "gap", "decimal"], "numerical"),
        "price_text": "numerical",
        **dict.fromkeys(["truth", "truth_or_null"], "boolean"),
        **dict.fromkeys(["words", "string", "arrow", "ordered", "empty"], "categorical"),
        **dict.fromkeys(["moment", "zoned", "day", "day_text", "day_digits"], "datetime"),
        **dict.fromkeys(["clock", "span"], "timedelta"),
    }


def test_no_cell_of_the_table_stands_in_a_reason(fake: Faker) -> None:
    frame = pd.DataFrame(
        {
            "name": [fake.name() for _ in range(N)],
            "note": [fake.sentence() for _ in range(N)],
            "code": [fake.bothify("??####") for _ in range(N)],
            "amount": chance().integers(10**6, 10**7, N),
        }
    )
    said = " ".join(f"{found.reason} {found.advice} {found.column}" for found in infer(frame).guesses)
    for column in frame:
        assert not any(str(value) in said for value in frame[column])


# Numbers: amounts or codes?


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("SEX", many(1, 2)),
        ("EDUCATION", many(0, 1, 2, 3, 4, 5, 6)),
        ("PAY_0", many(*range(-2, 9))),
        ("OperatingSystems", many(*range(1, 9))),
        ("TrafficType", many(*range(1, 21))),
        ("Store", many(*range(1, 46))),
        ("month", many(*range(1, 13))),
        ("hour", many(*range(24))),
        ("Holiday_Flag", many(0.0, 1.0, None)),
        ("rating", many(1, 2, 3, 4, 5)),
        ("zip", many(*range(10115, 10235))),
        ("district_id", many(*range(1, 60))),
        ("constant", [7] * N),
    ],
)
def test_numbers_that_are_codes(name: str, cells: list[Any]) -> None:
    found = guess(cells, name)
    assert found.column.kind == "categorical", found
    assert found.column.pii is None


@pytest.mark.parametrize(
    ("name", "cells", "decimals"),
    [
        ("education.num", many(*range(1, 17)), 0),
        ("age", many(*range(17, 90)), 0),
        ("hours.per.week", many(*range(1, 99)), 0),
        ("Weekly_Sales", (chance().permutation(10**6)[:N] / 100).tolist(), 2),
        ("number of rooms", many(1, 2, 3, 4, 5), 0),
        ("Informational", chance().geometric(0.5, N) - 1, 0),
        ("population", chance().permutation(10**6)[:N], 0),
        ("SpecialDay", many(0.0, 0.2, 0.4, 0.6, 0.8, 1.0), 1),
        ("third", many(1 / 3, 2 / 3), None),
        ("paid", chance().permutation(N) * 7, 0),
        ("year", many(*range(1950, 2020)), 0),
        ("weight", many(80.0, 81.0, 90.0, None, 99.0), 0),
        ("tiny", [1, 2, 3], 0),
    ],
)
def test_numbers_that_are_amounts(name: str, cells: Any, decimals: int | None) -> None:
    found = guess(cells, name)
    assert found.column.kind == "numerical", found
    assert found.column.decimals == decimals
    assert found.column.role is None


def test_decimals_hold_for_every_row_and_not_for_a_sample_alone() -> None:
    cells = np.round(chance().random(20_000) * 100, 2)
    cells[12_345] = 99.1234
    assert guess(cells).column.decimals == 4
    assert guess(cells.astype("float32")).column.decimals == 4


def test_float32_decimals() -> None:
    assert guess(np.array(many(0.1, 0.25, 3.75), dtype="float32")).column.decimals == 2


# Identifiers.


@pytest.mark.parametrize(
    ("name", "cells", "layout"),
    [
        ("id", np.arange(1, N + 1), None),
        ("row", np.arange(N), None),
        ("order_no", 10**6 + chance().permutation(10**5)[:N], r"[1-9]\d{6}"),
        ("customerid", chance().permutation(10**5)[:N] + 10, None),
        ("uuid", [f"{k:08x}-0000-4000-8000-000000000000" for k in range(N)], "uuid"),
        ("code", [f"P-{k:04d}" for k in range(1000, 1000 + N)], r"P-1\d{3}"),
        ("hash", [f"{k:032x}" for k in chance().integers(0, 2**62, N)], None),
    ],
)
def test_keys(name: str, cells: Any, layout: str | None) -> None:
    found = guess(cells, name)
    assert (found.column.kind, found.column.role) == ("id", "key"), found
    if layout:
        assert found.column.format == layout


def test_an_identifier_that_repeats_is_no_key_and_says_so() -> None:
    found = guess(chance().integers(1, 10**6, N).tolist() * 2, "account_id")
    assert (found.column.kind, found.column.role) == ("id", None)
    assert "more" in found.advice or "several rows" in found.advice


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("country_code", many("DE", "FR", "IT")),
        ("postal district", many("North", "South")),
        ("valid", chance().integers(0, 500, N)),
        ("teamID", many(*(f"T{k}" for k in range(90)))),
    ],
)
def test_what_only_sounds_like_an_identifier(name: str, cells: Any) -> None:
    assert guess(cells, name).column.kind != "id"


# Personal data.

PERSONAL: dict[str, tuple[str, str]] = {
    "email": ("email", "email"),
    "contact": ("email", "email"),
    "Phone No.": ("phone", "phone_number"),
    "name": ("name", "name"),
    "customer_name": ("name", "name"),
    "nameFirst": ("first_name", "first_name"),
    "LASTNAME": ("last_name", "last_name"),
    "street": ("street_address", "street_address"),
    "home address": ("address", "address"),
    "SSN": ("ssn", "ssn"),
    "iban": ("iban", "iban"),
    "col7": ("iban", "iban"),
    "card": ("credit_card", "credit_card_number"),
    "src": ("ip_address", "ipv4"),
    "ip_address": ("ip_address", "ipv6"),
    "device": ("mac_address", "mac_address"),
    "website": ("url", "url"),
    "username": ("username", "user_name"),
    "license_plate": ("licence_plate", "license_plate"),
    "city": ("city", "city"),
    "company": ("company", "company"),
}


@pytest.mark.parametrize("name", PERSONAL)
@pytest.mark.parametrize("dtype", [object, "string[pyarrow]", "category"])
def test_personal_data(name: str, dtype: Any, fake: Faker) -> None:
    pii, maker = PERSONAL[name]
    cells = list(dict.fromkeys(str(getattr(fake, maker)()) for _ in range(4 * N)))[:N]
    found = guess(pd.Series(cells).astype(dtype), name)
    assert found.column.pii == pii, found
    assert found.column.generated


def test_personal_numbers_keep_their_dtype() -> None:
    found = guess(chance().integers(2 * 10**9, 9 * 10**9, N), "mobile")
    assert (found.column.pii, found.column.dtype, found.column.format) == ("phone", "int64", r"\d{10}")


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("country", many("Norway", "Chad")),
        ("city", many("Oslo", "Bergen", "Bodø")),
        ("native.country", many(*(f"Land {letter}" for letter in "abcdefghijklmnop"))),
        ("phone_type", many("iPhone", "Android")),
        ("email_opt_in", many("yes", "no")),
        ("address_type", many("home a", "work b")),
        ("mail", many("spam", "ham")),
        ("ip", chance().random(N)),
        ("version", many("1.0.0.1", "1.2.3.4")),
        ("product_name", many("Blue chair", "Red table")),
        ("drug_name", [f"Substance {k}" for k in range(N)]),
        ("district", [f"Hl.m. {'abcdefghij'[k % 10]}{'abcdefghij'[k // 10 % 10]}" for k in range(77)]),
        ("car name", [f"ford {k} gt" for k in range(N)]),
        ("last_contact", many("May", "June")),
        ("first_name", many("Anna", "Ben")),
        ("email", many("sales@example.com", "help@example.com")),
        ("remark", ["none"] * 5000 + [f"a{k}@example.com" for k in range(60)]),
        ("cell", many("B", "T")),
        ("age_group", many("18-25", "26-40")),
        ("isbn", chance().integers(10**12, 10**13, N)),
        ("balance", np.round(chance().random(N) * 1e5, 2)),
    ],
)
def test_no_false_alarm(name: str, cells: Any) -> None:
    assert guess(cells, name).column.pii is None


# Dates.

START = dt.datetime(2020, 1, 1)
MOMENTS = [START + dt.timedelta(seconds=int(k)) for k in chance().integers(0, 10**8, N)]


@pytest.mark.parametrize(
    ("layout", "unit"),
    [
        ("%Y-%m-%d", "day"),
        ("%d.%m.%Y", "day"),
        ("%m/%d/%Y", "day"),
        ("%d/%m/%Y %H:%M", "minute"),
        ("%Y-%m-%dT%H:%M:%S", "second"),
        ("%Y-%m-%dT%H:%M:%SZ", "second"),
        ("%Y-%m-%d %H:%M:%S+02:00", "second"),
        ("%y%m%d %H:%M:%S", "second"),
        ("%d %b %Y", "day"),
        ("%m/%d/%Y %I:%M %p", "minute"),
        ("%-d/%-m/%Y", "day"),
    ],
)
def test_dates_in_text(layout: str, unit: str) -> None:
    found = guess([moment.strftime(layout) for moment in MOMENTS])
    assert (found.column.kind, found.column.format, found.column.unit) == ("datetime", layout, unit), found
    assert found.confidence >= 0.9


def test_one_day_above_twelve_among_thousands_decides_the_order() -> None:
    order = chance().permutation(5000)
    cells = [f"{1 + k % 12:02d}/{1 + k // 12 % 12:02d}/{1980 + k // 144}" for k in order]
    assert guess(cells).column.format == "%m/%d/%Y"
    for place in range(5):
        assert guess([*cells[:place], "13/01/2020", *cells[place:]]).column.format == "%d/%m/%Y"
    assert guess([*cells, "01/13/2020"]).column.format == "%m/%d/%Y"


def test_the_order_of_the_rows_decides_where_the_numbers_do_not() -> None:
    days = [dt.date(2020, month, day) for month in range(1, 13) for day in range(1, 13)]
    for layout in ("%d/%m/%Y", "%m/%d/%Y"):
        found = guess([day.strftime(layout) for day in days])
        assert found.column.format == layout
        assert "order of time" in found.reason
        assert "format" in found.advice


@pytest.mark.parametrize(
    ("layout", "name", "dtype"),
    [("%Y%m%d", "x", "int64"), ("%y%m%d", "date", "int64"), ("%Y%m", "period", "int64"), ("%Y%m%d", "day", "float64")],
)
def test_dates_in_digits(layout: str, name: str, dtype: str) -> None:
    found = guess(pd.Series([int(moment.strftime(layout)) for moment in MOMENTS], dtype=dtype), name)
    assert (found.column.kind, found.column.format, found.column.dtype) == ("datetime", layout, dtype)
    assert "dates" in found.reason


def test_one_impossible_date_makes_them_numbers_again() -> None:
    cells = [int(moment.strftime("%Y%m%d")) for moment in MOMENTS]
    assert guess([*cells, 20241399], "x").column.kind == "numerical"


def test_mixed_offsets_are_refused_with_advice() -> None:
    found = guess([f"2024-01-01T00:00:0{k % 9}+0{k % 2}:00" for k in range(50)])
    assert found.column.kind == "text"
    assert "utc=True" in found.advice


def test_units_and_zones() -> None:
    days = pd.Series(pd.date_range("2020-01-01", periods=50, tz="Europe/Paris"))
    assert (guess(days).column.unit, guess(days).column.timezone) == ("day", "Europe/Paris")
    assert guess(days + pd.Timedelta("5min")).column.unit == "minute"
    assert guess(days + pd.Timedelta(1, "ns")).column.unit == "nanosecond"


def test_a_date_of_birth_is_said_to_be_telling() -> None:
    assert "single out" in guess([day.isoformat() for day in MOMENTS], "birthDate").advice


# Text.


def test_numbers_in_text() -> None:
    assert guess([f"{k / 100:.2f}" for k in range(N)], "price").column.format == "%.2f"
    assert guess([str(k / 100) for k in range(N)], "price").column.format == "shortest with point"
    assert guess([f"{k:03d}" for k in chance().integers(0, 99, N)], "x").column.kind == "categorical"
    assert guess(many("1,234.50", "2,000.00"), "x").column.kind == "categorical"


def test_free_text_is_never_a_category(fake: Faker) -> None:
    for cells in ([fake.sentence() for _ in range(N)], [fake.paragraph() for _ in range(50)] * 4):
        assert guess(cells, "remarks").column.kind == "text"


def test_a_thousand_categories_stay_categories() -> None:
    cells = [f"c{k}" for k in chance().integers(0, 1000, 3000)]
    found = guess(cells, "level")
    assert found.column.kind == "categorical"
    assert "distinct" in found.reason


def test_signs_for_missing_are_pointed_out() -> None:
    assert "missing" in guess(many("Private", " ?", "State"), "workclass").advice


def test_personal_categories_are_seen_through_the_category_dtype() -> None:
    series = pd.Series(pd.Categorical(many("low", "high"), categories=["low", "mid", "high"], ordered=True))
    found = guess(series)
    assert found.column.ordered
    assert found.confidence == 1.0


# Cells that are no values.


@pytest.mark.parametrize(
    "cells",
    [
        [[1, 2]] * 30,
        [{"a": 1}] * 30,
        [b"x"] * 30,
        [1, "a"] * 15,
        [Decimal("1.5"), 2.5] * 15,
        [dt.date(2020, 1, 1), "2020-01-02"] * 15,
        [True, 1] * 15,
        pd.cut(np.arange(30.0), 3),
        pd.period_range("2020", periods=30, freq="M"),
        np.arange(30) + 1j,
        pd.arrays.SparseArray(np.zeros(30)),
        pd.Categorical([dt.date(2020, 1, 1)] * 30),
    ],
    ids=str,
)
def test_cells_that_are_no_plain_values_are_kept_apart_with_advice(cells: Any) -> None:
    found = guess(cells)
    assert found.column.kind == "text"
    assert "drop" in found.advice
    Table.of(pd.DataFrame({"x": pd.Series(cells)}))


def test_tables_that_are_no_tables() -> None:
    with pytest.raises(TableError):
        infer(pd.DataFrame())


@pytest.mark.parametrize(
    "series",
    [
        pd.Series([], dtype=dtype)
        for dtype in ("int64", "object", "category", "datetime64[ns]", "timedelta64[ns]", "bool", "string[pyarrow]")
    ],
    ids=lambda series: str(series.dtype),
)
def test_empty_columns(series: pd.Series) -> None:
    assert guess(series).reason
    assert guess(pd.Series([None] * 3).astype(series.dtype) if series.dtype not in ("int64", "bool") else series).reason


def test_texts_of_which_hardly_any_could_be_kept_are_no_categories():
    generator = np.random.default_rng(0)
    pressure = pd.Series([f"{a}/{b}" for a, b in generator.integers(70, 200, (3_000, 2))])
    guess = infer(pd.DataFrame({"bp": pressure}))
    assert guess.schema["bp"].kind == "text"
    assert "only 0 cells hold one that 5 rows share" in guess.guesses[0].reason
    assert "several numbers" in guess.guesses[0].advice
    towns = pd.Series(generator.choice([f"town {n}" for n in range(900)], 3_000, p=np.arange(1, 901)[::-1] / 405_450))
    assert infer(pd.DataFrame({"lives in": towns})).schema["lives in"].kind == "categorical"


@pytest.mark.parametrize(("digits", "kind"), [(18, "numerical"), (19, "id"), (25, "id"), (400, "text")])
def test_whole_numbers_of_many_digits_that_are_as_long_everywhere_tell_rows_apart(digits: int, kind: str) -> None:
    rest = np.random.default_rng(0).integers(10**8, 10**9, 200)
    numbers = pd.Series([("9" * (digits - 9)) + str(number) for number in rest])
    found = guess(numbers).column
    assert found.kind == kind


def test_amounts_beyond_integers_of_64_bits_are_numbers_written_without_an_exponent() -> None:
    amounts = pd.Series([str(int(x)) for x in np.exp(np.random.default_rng(0).normal(44, 3, 500))])
    assert amounts.str.len().max() > 20
    table = Table.of(pd.DataFrame({"wei": amounts}))
    column = table.schema["wei"]
    assert (column.kind, column.format) == ("numerical", "%.0f")
    cells = table.cells("wei")
    np.testing.assert_allclose(cells.values, amounts.astype(float))
    assert from_cells(cells, column).str.fullmatch(r"\d+").all()


def test_decimals_beyond_integers_of_64_bits_are_numbers() -> None:
    amounts = pd.Series([Decimal(10**25 + int(i) * 10**21) for i in np.random.default_rng(0).integers(0, 10**4, 200)])
    found = guess(amounts).column
    assert (found.kind, found.dtype) == ("numerical", "decimal")
