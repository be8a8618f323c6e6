"""Boosted sequential trees: what they learn, what is exact about them, and that no row gets into the file."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthdata.errors import ModelError
from synthdata.models.boosted import BoostedTrees
from synthdata.models.registry import load
from synthdata.models.splits.boosting import Answers, Settings, boost


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    n = 3000
    group = rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2])
    base = rng.normal(size=n) + 3.0 * (group == "b")
    spent = np.where(rng.random(n) < 0.4, 0.0, np.round(np.exp(base), 2))
    amount = np.where(group == "c", np.nan, np.round(10 * base + rng.normal(size=n), 1))
    return pd.DataFrame({"group": group, "base": base, "spent": spent, "amount": amount, "flag": base > 1})


@pytest.fixture(scope="module")
def model(frame: pd.DataFrame) -> BoostedTrees:
    return BoostedTrees().fit(frame, seed=1)


def test_dependence_spikes_and_nulls_are_learnt(frame: pd.DataFrame, model: BoostedTrees) -> None:
    made = model.sample(3000, seed=2)
    assert list(made.dtypes) == list(frame.dtypes)
    assert abs((made["spent"] == 0).mean() - (frame["spent"] == 0).mean()) < 0.02
    assert (made["amount"].isna() == (made["group"] == "c")).mean() > 0.98
    assert made[["base", "amount"]].corr().iloc[0, 1] > 0.97
    assert (made["flag"] == (made["base"] > 1)).mean() > 0.98
    means = made.groupby("group")["base"].mean()
    assert means["b"] - means["a"] == pytest.approx(3.0, abs=0.25)


def test_no_real_number_comes_back(frame: pd.DataFrame, model: BoostedTrees) -> None:
    made = model.sample(3000, seed=2)
    assert not set(made["base"]) & set(frame["base"])


def test_equal_seeds_give_equal_models_and_rows(frame: pd.DataFrame, model: BoostedTrees) -> None:
    again = BoostedTrees().fit(frame, seed=1)
    pd.testing.assert_frame_equal(again.sample(50, seed=5), model.sample(50, seed=5))


def test_a_saved_model_draws_and_scores_the_same(frame: pd.DataFrame, model: BoostedTrees, tmp_path: object) -> None:
    folder = f"{tmp_path}/model"
    model.save(folder)
    loaded = load(folder)
    pd.testing.assert_frame_equal(loaded.sample(200, seed=4), model.sample(200, seed=4))
    np.testing.assert_array_equal(loaded.log_prob(frame[:50]), model.log_prob(frame[:50]))


def test_probabilities_of_all_combinations_add_up_to_one() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, 1500)
    y = (x + (rng.random(1500) < 0.3)) % 3
    z = rng.random(1500) < 0.2 + 0.2 * y
    table = pd.DataFrame({"x": pd.Categorical(x), "y": y.astype(str), "z": z})
    model = BoostedTrees().fit(table, seed=0)
    every = pd.DataFrame(
        [(a, str(b), c) for a in range(3) for b in range(3) for c in (False, True)], columns=["x", "y", "z"]
    ).astype(table.dtypes.to_dict())
    chances = np.exp(model.log_prob(every))
    assert chances.sum() == pytest.approx(1.0, abs=1e-9)
    drawn = model.sample(20_000, seed=1).value_counts(normalize=True)
    for row, chance in zip(every.itertuples(index=False), chances, strict=True):
        assert drawn.get(tuple(row), 0.0) == pytest.approx(chance, abs=0.012)


def test_a_density_integrates_to_one() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=2000)
    table = pd.DataFrame({"label": np.where(x + rng.normal(size=2000) > 0, "p", "q"), "x": x})
    model = BoostedTrees().fit(table, seed=0)
    # Numbers beyond the outermost ones that are drawn count as if they were those.
    made = model.sample(20_000, seed=0)["x"]
    grid = np.linspace(made.min(), made.max(), 40_001)
    total = sum(
        np.trapezoid(np.exp(model.log_prob(pd.DataFrame({"label": name, "x": grid}))), grid) for name in ("p", "q")
    )
    assert total == pytest.approx(1.0, abs=0.01)


def test_conditions_are_met_by_steering_not_by_luck(model: BoostedTrees) -> None:
    rare = model.sample(400, given="base>=5; group=b", seed=3)
    assert len(rare) == 400
    assert (rare["base"] >= 5).all()
    assert (rare["group"] == "b").all()
    freely = model.sample(60_000, seed=9)
    same = freely[(freely["base"] >= 5) & (freely["group"] == "b")]
    assert (rare["spent"] == 0).mean() == pytest.approx((same["spent"] == 0).mean(), abs=0.09)
    assert rare["base"].mean() == pytest.approx(same["base"].mean(), abs=0.1)


def test_a_condition_on_a_later_column_moves_the_earlier_ones(model: BoostedTrees) -> None:
    drawn = model.sample(600, given="amount>=20", seed=3)
    assert (drawn["amount"] >= 20).all()
    freely = model.sample(40_000, seed=9)
    same = freely[freely["amount"] >= 20]
    assert (drawn["group"] == "b").mean() == pytest.approx((same["group"] == "b").mean(), abs=0.06)


def test_nulls_are_filled_given_the_row(frame: pd.DataFrame, model: BoostedTrees) -> None:
    gaps = frame[frame["group"] != "c"][:300].copy()
    truth = gaps["amount"].to_numpy(copy=True)
    gaps["amount"] = np.nan
    filled = model.impute(gaps, seed=0)
    assert filled["amount"].notna().all()
    assert np.corrcoef(filled["amount"], truth)[0, 1] > 0.9
    pd.testing.assert_frame_equal(filled.drop(columns="amount"), gaps.drop(columns="amount"))


def test_an_unlikely_row_has_a_higher_anomaly_score(frame: pd.DataFrame, model: BoostedTrees) -> None:
    odd = frame[frame["flag"]][:200].copy()
    usual = model.anomaly_score(odd)
    odd["flag"] = False
    assert (model.anomaly_score(odd) > usual).mean() > 0.95


@pytest.mark.parametrize("rows", [1, 5, 39, 60])
def test_few_rows_are_learnt_column_by_column_or_carefully(rows: int) -> None:
    rng = np.random.default_rng(rows)
    table = pd.DataFrame({"x": rng.integers(0, 2, rows), "y": rng.integers(0, 2, rows)})
    made = BoostedTrees(rare_threshold=1).fit(table, seed=0).sample(30, seed=0)
    assert len(made) == 30


def test_more_categories_than_stretches() -> None:
    rng = np.random.default_rng(2)
    city = rng.integers(0, 1000, 20_000)
    table = pd.DataFrame(
        {"city": [f"c{k}" for k in city], "north": np.where(rng.random(20_000) < 0.9, city < 500, city >= 500)}
    )
    model = BoostedTrees().fit(table, seed=0)
    made = model.sample(20_000, seed=0)
    assert made["city"].nunique() > 950
    assert ((made["city"].str[1:].astype(int) < 500) == made["north"]).mean() > 0.8
    assert (model.sample(50, given={"city": {"c3", "c4"}}, seed=0)["city"].isin(["c3", "c4"])).all()


def test_what_is_stored_has_no_leaf_of_few_answers_and_no_table_row(model: BoostedTrees, frame: pd.DataFrame) -> None:
    arrays = model._state().arrays
    assert (
        max(
            array.size
            for name, array in arrays.items()
            if name.split("/")[-1] not in ("feature", "threshold", "left", "right", "value")
        )
        < 300
    )
    assert not any(
        np.isin(frame["base"].to_numpy(), array).any() for array in arrays.values() if array.dtype.kind == "f"
    )


def test_drawn_rows_have_the_table_s_frequencies(frame: pd.DataFrame, model: BoostedTrees) -> None:
    made = model.sample(3000, seed=2)
    for name in ("group", "flag"):
        assert (made[name].value_counts() / 3000).sub(frame[name].value_counts() / 3000).abs().max() < 0.01


def test_a_target_is_drawn_last_and_an_unknown_order_is_refused(frame: pd.DataFrame) -> None:
    schema = {"version": 1, "columns": [{"name": "base", "role": "target"}]}
    for order in ("ascending", "descending"):
        fitted = BoostedTrees(order=order, rounds=2).fit(frame, schema=schema, seed=0)  # type: ignore[arg-type]
        assert fitted.order_[-1] == list(frame.columns).index("base")
    with pytest.raises(ModelError, match="sideways"):
        BoostedTrees(order="sideways").fit(frame, seed=0)  # type: ignore[arg-type]


def test_leaves_are_valued_by_all_rows_though_some_choose_the_splits() -> None:
    rng = np.random.default_rng(0)
    side = rng.integers(0, 2, 3000)
    answers = Answers(
        side[:, None].astype(np.uint8), np.zeros(3000), rng.random(3000) < 0.2 + 0.6 * side, np.arange(3000)
    )
    settings = Settings(rounds=1, leaves=2, learning_rate=0.5, shrinkage=4.0, choosing=0.3)
    grown = boost(answers, answers, settings, np.random.default_rng(1))
    for value in (0, 1):
        yes = answers.yes[side == value]
        step = 0.5 * (yes.sum() - len(yes) / 2) / (len(yes) / 4 + 4.0)
        assert grown.log_odds(np.array([[value]], dtype=np.uint8))[0] == pytest.approx(step, rel=1e-5)


def test_noise_is_hardly_followed() -> None:
    rng = np.random.default_rng(0)
    features = rng.integers(0, 255, (4000, 6)).astype(np.uint8)
    answers = [
        Answers(features[part], np.zeros(2000), rng.random(2000) < 0.5, np.arange(2000))
        for part in (slice(2000), slice(2000, 4000))
    ]
    grown = boost(answers[0], answers[1], Settings(), rng)
    assert np.abs(grown.log_odds(features)).mean() < 0.1
