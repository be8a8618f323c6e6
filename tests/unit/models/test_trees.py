"""Sequential trees: what they keep of a table, and what they do not keep of its rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthdata.models.trees import CHOOSING, Trees


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    n = 6000
    kind = generator.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2])
    copy = np.where(generator.random(n) < 0.95, kind, "a")
    x = generator.normal(size=n) + 5.0 * (kind == "b")
    spike = np.where(generator.random(n) < 0.6, 0.0, np.exp(generator.normal(size=n)))
    y = np.where(kind == "c", np.nan, 2 * x + generator.normal(size=n))
    return pd.DataFrame({"kind": kind, "copy": copy, "x": x, "spike": spike, "y": y})


@pytest.fixture(scope="module")
def drawn(table) -> pd.DataFrame:
    return Trees().fit(table, seed=1).sample(6000, seed=2)


def test_marginals_are_even(table, drawn):
    shares = table["kind"].value_counts(normalize=True) - drawn["kind"].value_counts(normalize=True)
    assert shares.abs().max() < 0.001
    assert (drawn["spike"] == 0).mean() == pytest.approx((table["spike"] == 0).mean(), abs=0.01)
    assert drawn["x"].quantile([0.1, 0.5, 0.9]).to_numpy() == pytest.approx(
        table["x"].quantile([0.1, 0.5, 0.9]).to_numpy(), abs=0.1
    )


def test_relations_are_kept(table, drawn):
    assert (drawn["kind"] == drawn["copy"]).mean() == pytest.approx((table["kind"] == table["copy"]).mean(), abs=0.02)
    assert drawn.groupby("kind")["x"].mean().to_numpy() == pytest.approx(
        table.groupby("kind")["x"].mean().to_numpy(), abs=0.2
    )
    assert drawn["x"].corr(drawn["y"]) == pytest.approx(table["x"].corr(table["y"]), abs=0.02)
    assert (drawn.loc[drawn["kind"] == "c", "y"].isna()).mean() > 0.98
    assert (drawn.loc[drawn["kind"] == "a", "y"].isna()).mean() < 0.02


def test_numbers_are_not_those_of_rows(table, drawn):
    real = set(table.loc[table["spike"] > 0, "spike"]) | set(table["x"])
    assert not [value for name in ("x", "spike") for value in drawn[name] if value and value in real]


def test_a_leaf_never_holds_fewer_rows_than_asked_for(table):
    model = Trees(min_leaf=40).fit(table, seed=1)
    for tree in model.trees_:
        rows = np.add.reduceat(tree.counts, tree.start[:-1])
        assert rows.min() >= 40
        assert rows.sum() == len(table)


def test_rows_that_choose_no_splits_come_on_top():
    generator = np.random.default_rng(5)
    noise = pd.DataFrame({"a": generator.normal(size=4000), "b": generator.normal(size=4000)})
    model = Trees(min_leaf=40).fit(noise, seed=1)
    rows = np.add.reduceat(model.trees_[1].counts, model.trees_[1].start[:-1])
    assert len(rows) <= CHOOSING * len(noise) / 40
    assert rows.mean() >= 40 / CHOOSING


def test_small_tables_have_one_leaf_a_column(table):
    assert all(tree.splits.leaf[-1] == 0 for tree in Trees().fit(table[:150], seed=1).trees_)


def test_gaps_between_values_stay(drawn):
    generator = np.random.default_rng(1)
    x = np.concatenate([generator.uniform(0, 1, 3000), generator.uniform(9, 10, 3000)])
    made = Trees().fit(pd.DataFrame({"x": x}), seed=1).sample(6000, seed=1)["x"]
    assert ((made > 1.2) & (made < 8.8)).mean() < 0.01


def test_conditions_are_drawn_natively(table):
    model = Trees().fit(table, seed=1)
    made = model.sample(2000, given="kind=c; x>=0.5", seed=3)
    assert (made["kind"] == "c").all()
    assert (made["x"] >= 0.5).all()
    assert made["y"].isna().mean() > 0.98
    real = table[(table["kind"] == "c") & (table["x"] >= 0.5)]
    assert made["x"].mean() == pytest.approx(real["x"].mean(), abs=0.1)
