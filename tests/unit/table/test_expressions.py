"""The language of rules: what it says, what is unknown in it, and that nothing but it is carried out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthdata.errors import SchemaError
from synthdata.table.expressions import LONGEST, parse_expression
from synthdata.table.schema import Column
from synthdata.table.storage import to_cells

COLUMNS = {
    column.name: column
    for column in (
        Column(name="age", kind="numerical", dtype="int64", decimals=0),
        Column(name="pay", kind="numerical", dtype="float64"),
        Column(name="hours-per-week", kind="numerical", dtype="Int64", decimals=0),
        Column(name="sex", kind="categorical"),
        Column(name="code", kind="categorical", dtype="int64"),
        Column(name="on", kind="boolean", dtype="bool"),
        Column(name="start", kind="datetime", dtype="datetime64[s]", unit="day"),
        Column(name="end", kind="datetime", dtype="datetime64[ns]"),
        Column(name="seen", kind="datetime", dtype="datetime64[us, Europe/Paris]", timezone="Europe/Paris"),
        Column(name="wait", kind="timedelta", dtype="timedelta64[ns]"),
    )
}
FRAME = pd.DataFrame(
    {
        "age": [10, 40, 9_007_199_254_740_993],
        "pay": [1.5, np.nan, 0.0],
        "hours-per-week": pd.array([40, None, 20], "Int64"),
        "sex": ["f", "m", None],
        "code": [1, 2, 3],
        "on": [True, False, True],
        "start": pd.to_datetime(["2024-01-30", "2024-02-01", "2024-03-01"]).astype("datetime64[s]"),
        "end": pd.to_datetime(["2024-01-31", None, "2024-03-01"]).astype("datetime64[ns]"),
        "seen": pd.to_datetime(["2023-12-31 23:30", "2024-06-01 00:00", None], utc=True).astype(
            "datetime64[us, Europe/Paris]"
        ),
        "wait": pd.to_timedelta(["1h", "30h", None]),
    }
)


def answers(text: str) -> str:
    """For each row: t(rue), f(alse), or ? for unknown."""
    expression = parse_expression(text, COLUMNS, "Rule 1")
    true, unknown = expression.truth(*(to_cells(FRAME[column.name], column) for column in expression.columns))
    assert not (true & unknown).any()
    return "".join("?" if u else "t" if t else "f" for t, u in zip(true, unknown, strict=True))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("age >= 18", "ftt"),
        ("age == 9007199254740993", "fft"),
        ("age == 9007199254740992", "fff"),
        ("18 <= age < 100", "ftf"),
        ("pay > 1", "t?f"),
        ("pay > 1 or age == 40", "ttf"),
        ("pay > 1 and age == 40", "f?f"),
        ("not pay > 1", "f?t"),
        ("1 / pay > 0", "t??"),
        ("pay is None", "ftf"),
        ("pay is not None", "tft"),
        ("pay is None or pay >= 0", "ttt"),
        ('column("hours-per-week") <= 30', "f?t"),
        ("sex == 'f'", "tf?"),
        ("sex != 'f'", "ft?"),
        ("sex in ('f', 'x')", "tf?"),
        ("sex not in ['f']", "ft?"),
        ("length(sex) == 1", "tt?"),
        ("code + 1 == 3", "ftf"),
        ("on", "tft"),
        ("on == False", "ftf"),
        ("start <= end", "t?t"),
        ("start < '2024-02-01'", "tff"),
        ("days(end - start) == 1", "t?f"),
        ("month(start) == 3", "fft"),
        ("weekday(start) == 1", "tff"),
        ("year(seen) == 2024", "tt?"),
        ("seen >= '2024-01-01'", "tt?"),
        ("wait <= '1 days'", "tf?"),
        ("start + wait >= '2024-02-02'", "ft?"),
        ("max(age, code) == age", "ttt"),
        ("abs(-code) + round(2.4) - floor(1.9) == code + 1", "ttt"),
        ("(age // 10) ** 2 % 7 == 1", "tff"),
    ],
)
def test_what_holds_in_each_row(text: str, expected: str) -> None:
    assert answers(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "an expression is a text"),
        (5, "an expression is a text"),
        ("age >=", "cannot be read"),
        ("agee > 3", "Did you mean 'age'"),
        ("1 < 2", "names no column"),
        ("age", "neither true nor false"),
        ("age > 'old'", "cannot be compared"),
        ("sex > 'a'", "cannot be ordered"),
        ("sex + 1 == 2", "do not go together"),
        ("start < 'soon'", "not of that kind"),
        ("start < seen", "cannot be ordered"),
        ("age is 3", "only None"),
        ("age in 3", "a list must stand"),
        ("ab(age) > 1", "Did you mean 'abs'"),
        ("column(age) > 1", "one name in quotes"),
        ("age.__class__ == 1", "not known in a rule"),
        ("__import__('os').system('true') or age > 1", "not known in a rule"),
        ("eval('1') == age", "There is no function 'eval'"),
        ("(lambda: age)() == 1", "not known in a rule"),
        ("[age for _ in (1,)] == 1", "not known in a rule|no column '_'"),
        ("age > 1 if on else age > 2", "not known in a rule"),
        ("age" + " + age" * 300 + " > 1", "longer than|parts"),
        ("-" * (LONGEST - 10) + "age > 1", "cannot be read|parts"),
        ("(" * 500 + "age" + ")" * 490 + " > 1", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said(text: object, said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        parse_expression(text, COLUMNS, "Rule 1")
