"""Categories as codes, and what happens to rare ones."""

from __future__ import annotations

import numpy as np
import pytest

from synthdata.encoders.base import UNSEEN
from synthdata.encoders.categorical import CategoricalEncoder
from synthdata.errors import SchemaError
from synthdata.table.schema import Column, Public
from synthdata.table.storage import Cells

WORDS = Column(name="city", kind="categorical", dtype="object")


def cells(values: list) -> Cells:
    array = np.array([*values, None], dtype=object)[:-1]
    return Cells(array, np.array([value is None for value in values]))


def fit(values: list, column: Column = WORDS, order: list | None = None, least: int = 5) -> CategoricalEncoder:
    return CategoricalEncoder.fit(column, cells(values), order, least, "quantile")


def test_codes_run_from_the_most_frequent_down_whatever_the_rows_order() -> None:
    values = ["a"] * 6 + ["b"] * 9 + ["c"] * 6
    assert fit(values).categories == ["b", "a", "c"] == fit(values[::-1]).categories


def test_rare_categories_are_redrawn_counted_and_never_named() -> None:
    encoder = fit(["a"] * 60 + ["b"] * 40 + ["Solitaire"] * 4)
    assert encoder.categories == ["a", "b"]
    codes = encoder.encode(cells(["Solitaire"] * 1000), np.random.default_rng(0))
    assert 500 < (codes == 0).sum() < 700
    assert encoder.encode(cells(["Solitaire", "a"]), None).tolist() == [UNSEEN, 0]
    note = encoder.describe()["note"]
    assert "1 more" in note
    assert "4 cells" in note
    assert "Solitaire" not in note
    assert b"Solitaire" not in encoder.state().arrays["categories"].tobytes()


def test_declared_categories_are_kept_however_rare() -> None:
    column = Column(name="c", kind="categorical", public=Public(categories=("a", "b", "never")))
    encoder = fit(["a"] * 50 + ["b"], column)
    assert set(encoder.categories) == {"a", "b", "never"}


def test_nothing_frequent_is_declined_with_advice() -> None:
    with pytest.raises(SchemaError, match=r"none of its 30 categories.*kind 'id'.*--drop-text"):
        fit([f"word {i}" for i in range(30)])


def test_declared_order_wins() -> None:
    column = Column(name="size", kind="categorical", dtype="category", ordered=True)
    encoder = fit(["s"] * 5 + ["l"] * 9 + ["m"] * 7, column, ["s", "m", "l", "xl"])
    assert encoder.categories == ["s", "m", "l"]
    assert (np.diff(encoder.slot.positions) > 0).all()
    assert encoder.stored_categories() == ["s", "m", "l"]


def test_an_unordered_category_dtype_keeps_its_own_listing() -> None:
    column = Column(name="c", kind="categorical", dtype="category")
    encoder = fit(["z"] * 5 + ["a"] * 9, column, ["z", "q", "a"])
    assert encoder.categories == ["a", "z"]
    assert encoder.stored_categories() == ["z", "a"]
    assert np.isnan(encoder.slot.positions).all()


@pytest.mark.parametrize("values", [[1, 2], [1.5, 2.0], [True, False], ["1", "2"], ["ü 🙂", "\ud800"]])
def test_categories_keep_their_type_through_a_file(values: list) -> None:
    kind = "boolean" if isinstance(values[0], bool) else "categorical"
    column = Column(name="c", kind=kind, dtype="object")
    encoder = fit(values * 10, column)
    again = CategoricalEncoder.from_state(column, encoder.state(), "quantile")
    assert again.categories == encoder.categories
    assert [type(c) for c in again.categories] == [type(c) for c in encoder.categories]
    assert again.encode(cells(values), None).tolist() == encoder.encode(cells(values), None).tolist()


def test_booleans_have_both_values_even_where_one_was_seen() -> None:
    assert set(fit([True] * 20, Column(name="b", kind="boolean", dtype="bool")).categories) == {True, False}


def test_missing_is_the_last_code() -> None:
    encoder = fit(["a"] * 10 + [None] * 3)
    assert encoder.slot.missing_code == 1
    assert encoder.encode(cells([None, "a"]), None).tolist() == [1, 0]
    assert encoder.decode(np.array([1, 0])).missing.tolist() == [True, False]


def test_a_null_where_none_was_seen_is_unseen() -> None:
    assert fit(["a"] * 10).encode(cells([None]), None).tolist() == [UNSEEN]


def test_a_hundred_thousand_levels_stay_integer_codes() -> None:
    values = [f"level {i}" for i in range(100_000)] * 5
    encoder = fit(values)
    codes = encoder.encode(cells(values[:1000]), None)
    assert encoder.slot.cardinality == 100_000
    assert codes.dtype == np.int32
    assert encoder.decode(codes).values.tolist() == values[:1000]
