"""What is particular to the autoregressive family: wide tables, settings, budgets, checkpoints."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthdata.encoders.base import Encoded, Slot
from synthdata.errors import ModelError
from synthdata.models.autoregressive import Autoregressive
from synthdata.models.column_networks import _even, choose_contexts


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
    import torch

    generator = torch.Generator().manual_seed(0)
    key = torch.linspace(0, 1, 3_200)
    hits = torch.stack([(_even(key, generator) < 0.3).sum() for _ in range(50)]).double()
    assert abs(float(hits.mean()) - 960) < 5
    # Independent numbers would vary with a standard deviation of 26.
    assert float(hits.std()) < 8


def test_evenly_spread_numbers_of_two_columns_do_not_depend_on_each_other():
    import torch

    generator = torch.Generator().manual_seed(0)
    key = torch.linspace(0, 1, 20_000)
    both = torch.stack([_even(key, generator), _even(key, generator)])
    assert abs(float(torch.corrcoef(both)[0, 1])) < 0.03
    assert abs(float(((both[0] - both[1]).abs() < 0.1).double().mean()) - 0.19) < 0.015
