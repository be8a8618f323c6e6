"""What is particular to the autoregressive family: wide tables, settings, budgets, checkpoints."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import torch

import synthdata
from synthdata.encoders.base import Encoded, Slot
from synthdata.errors import ModelError
from synthdata.models.autoregressive import Autoregressive
from synthdata.models.networks.column_rows import rows_at_once
from synthdata.models.networks.columns import ColumnNetworks, _kept
from synthdata.models.networks.contexts import choose_contexts
from synthdata.models.networks.even import even_out, even_uniform
from synthdata.models.networks.first_layer import Shape


def pairs(columns: int, n: int = 600) -> pd.DataFrame:
    """Columns of which each second one copies the one before in nine of ten rows."""
    generator = np.random.default_rng(0)
    table = {}
    for k in range(0, columns, 2):
        table[f"c{k}"] = generator.integers(0, 3, n)
        copied = generator.random(n) < 0.9
        table[f"c{k + 1}"] = np.where(copied, table[f"c{k}"], generator.integers(0, 3, n))
    return pd.DataFrame(table).astype(str)


def test_a_column_is_predicted_from_those_that_say_most_about_it():
    table = pairs(20)
    slots = tuple(Slot(name, 3, False) for name in table)
    codes = table.astype(int).to_numpy().astype(np.int32)
    encoded = Encoded(slots, codes, np.full(codes.shape, np.nan))
    contexts = choose_contexts(encoded, 4, np.random.default_rng(0))
    assert contexts.shape == (20, 4)
    for j in range(20):
        assert j ^ 1 in contexts[j]
        assert j not in contexts[j]


def test_numbers_and_spikes_count_in_choosing_contexts():
    generator = np.random.default_rng(0)
    x = generator.random((2_000, 6))
    x[:, 1] = np.clip(x[:, 0] + 0.05 * generator.normal(size=2_000), 0, 1)
    slots = tuple(Slot(f"x{j}", 2, True) for j in range(6))
    codes = (generator.random(x.shape) < 0.1).astype(np.int32)
    encoded = Encoded(slots, codes, np.where(codes == 0, x, np.nan))
    contexts = choose_contexts(encoded, 1, generator)
    assert contexts[0].tolist() == [1]
    assert contexts[1].tolist() == [0]


def test_the_target_may_be_drawn_before_all_others(tmp_path):
    table = pairs(4)
    schema = {"columns": [{"name": name, "kind": "categorical"} for name in table]}
    schema["columns"][3]["role"] = "target"
    model = Autoregressive(epochs=30, width=16, target_first=True, device="cpu").fit(table, schema=schema, seed=0)
    assert model.networks_.order == [3, 0, 1, 2]
    drawn = model.sample(600, seed=1)
    assert list(drawn) == list(table)
    assert (drawn["c2"] == drawn["c3"]).mean() > 0.75
    model.save(tmp_path / "model")
    again = synthdata.load(tmp_path / "model")
    pd.testing.assert_frame_equal(again.sample(50, seed=2), model.sample(50, seed=2))
    # Whatever the order, the probabilities of all rows add up to one.
    whole = pd.DataFrame(list(itertools.product("012", repeat=4)), columns=list(table))
    assert np.exp(model.log_prob(whole)).sum() == pytest.approx(1.0, abs=1e-4)
    # Without a target, and by default, the order is the table's.
    for first, known in ((True, None), (False, schema)):
        other = Autoregressive(epochs=1, width=16, target_first=first, device="cpu").fit(table, schema=known)
        assert other.networks_.order == [0, 1, 2, 3]


def test_a_wide_table_keeps_its_pairs():
    table = pairs(30)
    model = Autoregressive(epochs=30, width=16, context=6, device="cpu").fit(table, seed=0)
    drawn = model.sample(600, seed=1)
    agreement = np.mean([(drawn[f"c{k}"] == drawn[f"c{k + 1}"]).mean() for k in range(0, 30, 2)])
    assert agreement > 0.75


@pytest.mark.parametrize("changes", [{"epochs": 0}, {"learning_rate": -1.0}, {"time_budget": 0.0}])
def test_settings_that_make_no_sense_are_refused(changes):
    with pytest.raises(ModelError, match=next(iter(changes))):
        Autoregressive(device="cpu", **changes).fit(pairs(4), seed=0)


def test_history_tells_how_training_went():
    model = Autoregressive(epochs=10, width=16, device="cpu").fit(pairs(4), seed=0)
    assert model.history_.figures[-1] < model.history_.figures[0]
    assert model.history_.steps > 0


def test_training_writes_a_checkpoint_and_takes_it_up_again(tmp_path):
    place = str(tmp_path / "state")
    first = Autoregressive(epochs=10, width=16, device="cpu", checkpoint=place).fit(pairs(4), seed=0)
    again = Autoregressive(epochs=10, width=16, device="cpu", checkpoint=place).fit(pairs(4), seed=0)
    assert again.history_.steps == first.history_.steps
    pd.testing.assert_frame_equal(first.sample(50, seed=1), again.sample(50, seed=1))


def test_evenly_spread_numbers_are_uniform_and_steadier_than_independent_ones():
    generator = torch.Generator().manual_seed(0)
    key = torch.linspace(0, 1, 3_200)
    hits = torch.stack([(even_uniform(key, generator) < 0.3).sum() for _ in range(50)]).double()
    assert abs(float(hits.mean()) - 960) < 5
    # Independent numbers would vary with a standard deviation of 26.
    assert float(hits.std()) < 8


def test_evenly_spread_numbers_of_two_columns_do_not_depend_on_each_other():
    generator = torch.Generator().manual_seed(0)
    key = torch.linspace(0, 1, 20_000)
    both = torch.stack([even_uniform(key, generator), even_uniform(key, generator)])
    assert abs(float(torch.corrcoef(both)[0, 1])) < 0.03
    assert abs(float(((both[0] - both[1]).abs() < 0.1).double().mean()) - 0.19) < 0.015


def test_places_are_evened_out_in_their_order_and_gaps_stay():
    generator = torch.Generator().manual_seed(0)
    places = torch.rand(4_000, generator=generator) ** 1.1
    places[::4] = torch.nan
    moved = even_out(places)
    assert torch.equal(torch.isnan(moved), torch.isnan(places))
    before, after = places[~torch.isnan(places)], moved[~torch.isnan(moved)]
    assert bool((after[before.argsort()].diff() >= 0).all())
    assert float(after.min()) >= 0
    assert float(after.max()) <= 1
    # Independent places would be off by about .02, and these, which lean to the left, by .04.
    even = (torch.arange(len(after)) + 0.5) / len(after)
    assert float((after.sort().values - even).abs().max()) < 0.006


def test_few_places_stay_where_they_are():
    places = torch.rand(60, generator=torch.Generator().manual_seed(0))
    assert torch.equal(even_out(places), places)


def test_free_draws_have_even_places_and_draws_under_conditions_their_own():
    rows = np.random.default_rng(0).normal(size=(2_000, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]])
    model = Autoregressive(epochs=5, batch_size=64, width=16, device="cpu")
    model.fit(pd.DataFrame(rows, columns=["a", "b"]), seed=0)
    free = model._sample(2_000, np.random.default_rng(1)).values
    assert np.abs(np.sort(free, axis=0) - (np.arange(2_000)[:, None] + 0.5) / 2_000).max() < 0.01
    high = model.sample(2_000, given="a>=1", seed=1)
    assert high["b"].mean() > rows[:, 1].mean() + 0.5


def networks(generator: torch.Generator, most: int = 48) -> tuple[ColumnNetworks, torch.Tensor, torch.Tensor]:
    """Networks with random weights of three kinds of columns, and codes and values (40, 4) for them."""
    slots = (Slot("a", 3, False), Slot("b", 2, True), Slot("c", 1, True), Slot("d", 40, False))
    codes = torch.stack([torch.randint(slot.cardinality, (40,), generator=generator) for slot in slots], dim=1)
    values = torch.rand(40, 4, generator=generator)
    values[:, [0, 3]] = torch.nan
    encoded = Encoded(slots, codes.numpy().astype(np.int32), values.double().numpy())
    contexts = choose_contexts(encoded, most, np.random.default_rng(0))
    made = ColumnNetworks(slots, contexts, Shape(8, 1, 4, 0.2), generator)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return made, codes, values


@pytest.mark.parametrize("most", [48, 2])
def test_rows_in_the_fixed_order_are_rows_of_which_the_columns_before_are_known(most):
    made, codes, values = networks(torch.Generator().manual_seed(0), most)
    known = made.seen_before(made.places.expand(40, -1))
    one_by_one = made.log_probs(codes, values, known, exact=True)
    torch.testing.assert_close(made.log_probs(codes, values, known[:0], exact=True), one_by_one)
    torch.testing.assert_close(made.log_probs(codes, values, known[:15], exact=True), one_by_one)


def test_units_left_out_at_random_keep_their_mean():
    kept = _kept(torch.Size([40, 50, 50]), 0.2, torch.Generator().manual_seed(0), torch.float32)
    assert float((kept == 0).double().mean()) == pytest.approx(51 / 256, abs=0.005)
    assert float(kept.double().mean()) == pytest.approx(1.0, abs=0.006)
    assert float(torch.corrcoef(kept.flatten(1)[:2]).abs()[0, 1]) < 0.06


def test_a_very_wide_table_and_a_column_of_very_many_levels_are_taken_in_smaller_parts():
    generator = np.random.default_rng(0)
    table = pd.DataFrame(generator.integers(0, 3, (60, 500)).astype(str), columns=[f"c{j}" for j in range(500)])
    wide = Autoregressive(epochs=1, width=8, device="cpu").fit(table, seed=0)
    assert wide.networks_.contexts.shape == (500, 16)
    assert wide.sample(5, seed=0).shape == (5, 500)
    assert rows_at_once([3, 7]) == 2048
    assert rows_at_once([100_000]) * 100_000 < 2**26


def test_a_column_of_thousands_of_levels_is_learnt():
    levels = np.repeat(np.arange(4_000), 5)
    table = pd.DataFrame({"level": levels.astype(str), "half": np.where(levels < 2_000, "low", "high")})
    schema = {"columns": [{"name": name, "kind": "categorical"} for name in table]}
    model = Autoregressive(epochs=1, width=8, device="cpu").fit(table, schema=schema, seed=0)
    drawn = model.sample(2_000, seed=1)
    assert drawn["level"].nunique() > 1_000
    assert np.isfinite(model.log_prob(table.iloc[:100])).all()
