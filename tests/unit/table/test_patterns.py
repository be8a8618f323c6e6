"""Patterns of identifiers: learnt without keeping a value, drawn from, counted."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthdata.errors import SchemaError
from synthdata.table.patterns import capacity, draw, learn_pattern, parse_pattern, spread


@pytest.mark.parametrize(
    ("values", "pattern"),
    [
        ([f"P{k:06d}" for k in range(0, 10**6, 1001)], r"P\d{6}"),
        ([f"AB-{k}" for k in range(5, 500)], r"AB-[1-9]\d{0,2}"),
        ([f"{chr(65 + k % 26)}{k % 10}" for k in range(60)], r"[A-Z]\d"),
        ([f"{k * 40503 % 2**16:04x}" for k in range(1000)], "[0-9a-f]{4}"),
        (["AB1", "CD2"], r"[A-Z]{2}\d"),
        (["x.1", "y.2"], r"[a-z]\.\d"),
        (["a b!", "ü"], None),
        ([], None),
        ([""], None),
    ],
)
def test_learning(values: list[str], pattern: str | None) -> None:
    assert learn_pattern(values) == pattern


def test_a_literal_that_few_share_is_not_kept() -> None:
    assert "MILLER" not in str(learn_pattern(["MILLER1", "MILLER2"]))
    assert "MILLER" in str(learn_pattern([f"MILLER{k}" for k in range(10, 40)]))


def test_one_value_that_breaks_the_pattern_is_noticed_among_many() -> None:
    values = [f"P{k:06d}" for k in range(100_000)] + ["Q-999"]
    assert learn_pattern(values) is None or all(re.fullmatch(str(learn_pattern(values)), value) for value in values)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("aB3-_.", min_size=1, max_size=5), min_size=1, max_size=30), st.integers(0, 2**32))
def test_what_is_drawn_matches_what_was_learnt(values: list[str], seed: int) -> None:
    pattern = learn_pattern(values)
    if pattern is not None:
        assert all(re.fullmatch(pattern, value) for value in values)
        assert all(
            re.fullmatch(pattern, value) for value in draw(parse_pattern(pattern), 20, np.random.default_rng(seed))
        )


@pytest.mark.parametrize("pattern", [r"P\d{2}", "[A-C]{1,2}", "[ab]?x", "ID_[0-9]"])
def test_spread_makes_each_text_once(pattern: str) -> None:
    pieces = parse_pattern(pattern)
    made = spread(pieces, np.arange(capacity(pieces)))
    assert len(set(made)) == capacity(pieces)
    assert all(re.fullmatch(pattern, text) for text in made)


@pytest.mark.parametrize("pattern", ["", "(a|b)", "a{2", "[^a]", "^a$", "a.b", r"\bx", "[z-a]", "[]", "a{5,2}"])
def test_patterns_that_cannot_be_drawn_from(pattern: str) -> None:
    with pytest.raises(SchemaError, match="cannot be drawn from"):
        parse_pattern(pattern)
