"""Cross tables for people: their cells are the shares that counting gives, and none tells of fewer than five rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from synthdata.random import SeedTree
from synthdata.table.table import Table
from synthdata.validation.base import Comparison
from synthdata.validation.fidelity.cross_tables import CrossTables
from synthdata.validation.summaries import FEW


def tables(train: pd.DataFrame, synthetic: pd.DataFrame) -> CrossTables:
    real = Table.of(train)
    return CrossTables.of(Comparison.of(real, None, Table.of(synthetic, real.schema)), SeedTree(1))


def test_the_cells_are_those_of_pandas() -> None:
    generator = np.random.default_rng(3)
    sides = [
        pd.DataFrame(
            {"sex": generator.choice(["F", "M"], 500, p=[share, 1 - share]), "age": generator.integers(0, 4, 500)}
        )
        for share in (0.5, 0.2)
    ]
    found = tables(*sides).table(("sex", "age"))
    sexes, ages = found["labels"]
    for side, frame in zip(("real", "synthetic"), sides, strict=True):
        counted = pd.crosstab(frame["sex"], frame["age"]).loc[sexes].to_numpy() / 500
        assert counted.shape == (2, len(ages))
        np.testing.assert_allclose(found[side], counted, atol=1e-5)
    assert ages == ["0", "1", "2", "≥ 3"]


def test_three_columns_add_up_to_one(mixed: Callable[[int, int], Table]) -> None:
    made = CrossTables.of(Comparison.of(mixed(4000, 1), None, mixed(3000, 2)), SeedTree(1))
    found = made.table(("smoker", "city", "seen"))
    assert [len(labels) for labels in found["labels"]] == list(np.shape(found["real"]))
    assert "no value" in found["labels"][1]
    assert all(label[:5] == "from " for label in found["labels"][2][1:-1])
    for side, least in (("real", 0.98), ("synthetic", 0.98)):
        assert least < np.sum(found[side]) <= 1.0001


def test_the_column_that_gets_a_picture_a_value_has_few(mixed: Callable[[int, int], Table]) -> None:
    made = CrossTables.of(Comparison.of(mixed(4000, 1), None, mixed(3000, 2)), SeedTree(1))
    sizes = [len(labels) for labels in made.of_triple(("age", "seen", "income"))["labels"]]
    assert min(sizes) <= 4 < sorted(sizes)[1]
    assert [len(labels) for labels in made.of_triple(("age", "smoker", "seen"))["labels"]] == [7, 2, 7]


def test_a_value_that_most_rows_share_stands_alone() -> None:
    gains = np.where(np.arange(1000) % 10 == 0, np.arange(1000) * 10.0, 0.0)
    frame = pd.DataFrame({"gain": gains, "sex": np.where(np.arange(1000) % 3 == 0, "F", "M")})
    found = tables(frame, frame).table(("gain", "sex"))
    assert len(found["labels"][0]) >= 5
    assert max(np.sum(found["real"], axis=1)) == np.round((gains == 0).mean(), 5)


def test_what_few_rows_share_is_not_told() -> None:
    frame = pd.DataFrame(
        {"city": ["Oslo"] * 300 + ["Nowhere"] * (FEW - 1), "sex": ["F", "M"] * 150 + ["F"] * (FEW - 1)}
    )
    made = pd.DataFrame({"city": ["Oslo"] * 100, "sex": ["F"] * 97 + ["M"] * 3})
    found = tables(frame, made).table(("city", "sex"))
    assert found["labels"][0] == ["Oslo", "1 others"]
    assert [row for row, label in zip(found["real"], found["labels"][0], strict=True) if label != "Oslo"] == [
        [0.0, 0.0]
    ]
    assert sorted(found["synthetic"][0]) == [0.0, 0.97]


def test_the_worst_pairs_come_first(mixed: Callable[[int, int], Table]) -> None:
    comparison = Comparison.of(mixed(400, 1), None, mixed(300, 2))
    error = np.zeros((len(comparison.names),) * 2)
    error[1, 3] = error[3, 1] = 0.4
    found = CrossTables.of(comparison, SeedTree(1)).of_pairs(error)
    assert len(found) == 15
    assert found[0]["columns"] == [comparison.names[1], comparison.names[3]]
    assert found[0]["value"] == 0.4
