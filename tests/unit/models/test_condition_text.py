"""The text of conditions taken apart, quotes and all."""

from __future__ import annotations

import pytest

from synthdata.errors import SchemaError
from synthdata.models.condition_text import written_conditions

NAMES = ("age", "city", "a;b", " lead", "o'clock", "in", "a")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("age>=30; city=Rome", [("age", ">=", ["30"]), ("city", "=", ["Rome"])]),
        ("; age = 3 ;; ", [("age", "=", ["3"])]),
        ("city='Rome'", [("city", "=", ["Rome"])]),
        ('city = "Rome" ; age<3', [("city", "=", ["Rome"]), ("age", "<", ["3"])]),
        ("city='a;b'; age=1", [("city", "=", ["a;b"]), ("age", "=", ["1"])]),
        ("city=O'Brien; age=1", [("city", "=", ["O'Brien"]), ("age", "=", ["1"])]),
        ("city='s-Gravenhage; age=1", [("city", "=", ["'s-Gravenhage"]), ("age", "=", ["1"])]),
        ("city='O''Brien'", [("city", "=", ["O'Brien"])]),
        ("""city='say "no"'""", [("city", "=", ['say "no"'])]),
        ("city=''", [("city", "=", [""])]),
        ("city='a' b", [("city", "=", ["'a' b"])]),
        ("city in {'a, b', c,\"d;e\"}", [("city", "in", ["a, b", "c", "d;e"])]),
        ("city in {'s-Gravenhage, 's-Hertogenbosch}", [("city", "in", ["'s-Gravenhage", "'s-Hertogenbosch"])]),
        ("city in {O'Brien, D'Arcy}; age=1", [("city", "in", ["O'Brien", "D'Arcy"]), ("age", "=", ["1"])]),
        ("city in a, 'b' ; age=1", [("city", "in", ["a", "b"]), ("age", "=", ["1"])]),
        ("city in ['a', f(x)]", [("city", "in", ["a", "f(x)"])]),
        ("city in (a, ')' )", [("city", "in", ["a", ")"])]),
        ("'a;b'=1; a=2", [("a;b", "=", ["1"]), ("a", "=", ["2"])]),
        ('" lead" >= 3', [(" lead", ">=", ["3"])]),
        ("o'clock=12; 'o''clock'=1", [("o'clock", "=", ["12"]), ("o'clock", "=", ["1"])]),
        ("'a'in {1}", [("a", "in", ["1"])]),
        ("in in {1}", [("in", "in", ["1"])]),
        ("unknown = 3", [("unknown", "=", ["3"])]),
        ("'un;known' = 3", [("un;known", "=", ["3"])]),
        ("", []),
    ],
)
def test_names_operators_and_words(text: str, found: list[tuple[str, str, list[str]]]) -> None:
    read = [(part.name, part.operator, [word.text for word in part.words]) for part in written_conditions(text, NAMES)]
    assert read == found


def test_null_in_quotes_is_a_text() -> None:
    (part,) = written_conditions("city in {null, NULL, 'null', \"null\"}", NAMES)
    assert [word.null for word in part.words] == [True, True, False, False]


def test_each_condition_keeps_its_own_text() -> None:
    texts = [part.text for part in written_conditions(" city = 'a;b' ;age in {1, '2' } ", NAMES)]
    assert texts == ["city = 'a;b'", "age in {1, '2' }"]


@pytest.mark.parametrize(
    ("text", "part"),
    [("age", "age"), ("age=1; b", "b"), ("city in {a;b}", "b}"), ("= 3", "= 3")],
)
def test_what_cannot_be_read_is_said_with_a_way_out(text: str, part: str) -> None:
    with pytest.raises(SchemaError, match="stands in quotes") as caught:
        list(written_conditions(text, NAMES))
    assert f"The condition {part!r} cannot be read" in str(caught.value)
