"""Outliers and rare strata: who they are, and the tests on them, which hold whoever was trained on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthdata.random import SeedTree
from synthdata.table.schema import Column, Schema
from synthdata.table.table import Table
from synthdata.validation.base import Comparison
from synthdata.validation.privacy.dcr import nearness
from synthdata.validation.privacy.neighbour_tests import NearCopies, apart_test
from synthdata.validation.privacy.record_linkage import disturbed
from synthdata.validation.privacy.unusual import outliers, rare_strata

SCHEMA = Schema(
    columns=(
        Column(name="x", kind="numerical", dtype="float64", nullable=True),
        Column(name="y", kind="numerical", dtype="float64"),
        Column(name="a", kind="categorical"),
        Column(name="b", kind="categorical"),
    )
)


def rows(n: int, seed: int) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    x = generator.standard_t(3, n)
    a = generator.choice(list("pqrs"), n, p=[0.7, 0.2, 0.09, 0.01])
    b = generator.choice(list("uv"), n, p=[0.95, 0.05])
    return pd.DataFrame({"x": x, "y": x + generator.standard_t(3, n), "a": a, "b": b})


def compared(train: pd.DataFrame, holdout: pd.DataFrame, made: pd.DataFrame) -> Comparison:
    return Comparison.of(*(Table(frame.reset_index(drop=True), SCHEMA) for frame in (train, holdout, made)))


def cells(comparison: Comparison) -> list[np.ndarray]:
    return [view.values("train") for view in comparison.views]


def test_outliers_are_the_least_likely_twentieth() -> None:
    frame = rows(1000, 0)
    frame.loc[:9, ["x", "y", "a"]] = [50.0, -50.0, "s"]
    compare = compared(frame, frame, frame)
    chosen = outliers(compare.views, cells(compare))
    assert chosen.sum() == 50
    assert chosen[:10].all()
    assert frame["x"].abs()[chosen].mean() > 3 * frame["x"].abs()[~chosen].mean()


def test_nulls_are_unusual_where_there_are_few() -> None:
    frame = rows(1000, 0)
    frame[["y", "a", "b"]] = [0.0, "p", "u"]
    frame["x"] = np.where(np.arange(1000) < 3, np.nan, np.arange(1000) % 10)
    compare = compared(frame, frame, frame)
    assert outliers(compare.views, cells(compare))[:3].all()


def test_rare_strata_by_hand() -> None:
    frame = rows(1000, 0)
    compare = compared(frame, frame, frame)
    size = frame.groupby(["a", "b"])["x"].transform("size")
    assert rare_strata(compare.views, cells(compare)).tolist() == (size < 10).tolist()


def test_without_two_columns_of_categories_there_are_no_strata() -> None:
    compare = compared(rows(100, 0), rows(100, 1), rows(100, 2))
    assert not rare_strata(compare.views[:3], cells(compare)[:3]).any()


def test_near_copies_are_counted_by_hand() -> None:
    member, chosen = np.array([True, True, False]), np.array([True, False, True])
    nearest, weight = np.array([0, 0, 1, 2, 2]), np.array([3.0, 2.5, 3.0, 2.0, 2.4])
    counted = NearCopies.count("outliers", chosen, nearest, weight, member)
    assert (counted.real_rows, counted.of_train, counted.of_holdout) == (2, 2, 1)
    assert counted.to_json()["expected"] == pytest.approx(2.0)


def test_the_test_keeps_its_error_whatever_the_weights() -> None:
    generator = np.random.default_rng(0)
    nearest = generator.choice(2000, 1500, p=generator.dirichlet(np.full(2000, 0.3)))
    weight = generator.exponential(size=1500)
    chosen = np.arange(2000) < 300
    found = []
    for _ in range(2000):
        member = generator.permutation(2000) < 1300
        found.append(apart_test("outliers", chosen, nearest, weight, member).p_value)
    for level in (0.05, 0.01):
        assert np.mean(np.array(found) < level) <= level + 3 * np.sqrt(level / 2000)
    assert 0.4 < np.mean(np.array(found) < 0.5) < 0.6


def test_too_few_rows_prove_nothing() -> None:
    member = np.arange(100) < 50
    few = apart_test("outliers", np.arange(100) < 5, np.array([0, 1, 2, 3]), np.ones(4), member)
    assert few.p_value == 1.0
    assert not few.whole
    assert few.share_to_see(0.01, 0.95) is few.as_copies is None


def test_disturbed_copies_of_outliers_are_seen_and_fresh_rows_are_not() -> None:
    train, holdout, fresh = rows(1500, 1), rows(1500, 2), rows(1500, 3)
    compare = compared(train, holdout, fresh)
    far = np.flatnonzero(outliers(compare.views, cells(compare)))
    copies = train.iloc[far][["x", "y", "a", "b"]]
    copies = copies.assign(x=copies["x"] + 0.01, y=copies["y"] - 0.01)
    planted = compared(train, holdout, pd.concat([copies, fresh.iloc[len(copies) :]]))
    by_where = {
        what: {test.name.split(":")[0]: test.p_value for test in nearness(each, SeedTree(0)).tests}
        for what, each in (("fresh", compare), ("planted", planted))
    }
    assert by_where["planted"]["outliers"] < 1e-6
    assert by_where["fresh"]["outliers"] > 1e-3
    counts = {each.where: each for each in nearness(planted, SeedTree(0)).near_copies}
    assert counts["outliers"].of_train > 4 * counts["outliers"].of_holdout
    assert counts["all rows"].of_train >= counts["outliers"].of_train


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2])
def test_the_share_of_disturbed_copies_is_found_again(share: float) -> None:
    found = []
    for seed in range(4):
        train, holdout, fresh = (rows(2000, 10 * seed + part) for part in (1, 2, 3))
        compare = compared(train, holdout, fresh)
        generator = np.random.default_rng(seed)
        cells_made = disturbed(compare.views, cells(compare), np.arange(int(share * 2000)), generator)
        copies = pd.DataFrame(
            {
                view.name: values if view.continuous else np.array(view.categories, dtype=object)[values]
                for view, values in zip(compare.views, cells_made, strict=True)
            }
        )
        made = pd.concat([copies, fresh.iloc[len(copies) :]]).astype(fresh.dtypes.to_dict())
        (test,) = (each for each in nearness(compared(train, holdout, made), SeedTree(seed)).tests if each.disturbed)
        assert test.as_copies is not None
        found.append(test.as_copies)
    values = np.array(found)
    spread = (values[:, 2] - values[:, 0]) / 2 / 1.96
    assert abs(values[:, 0].mean() - share) < 3 * np.sqrt((spread**2).mean() / 4) + 0.1 * share
