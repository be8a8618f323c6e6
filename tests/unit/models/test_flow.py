"""What is particular to the flow: each column sees those before it only, odd tables, latent order, settings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from synthdata.encoders.base import Slot
from synthdata.errors import ModelError
from synthdata.models.flow import Flow
from synthdata.models.networks.flow import FlowNetwork, Shape

SLOTS = (
    Slot("a", 3, False),
    Slot("x", 2, True, positions=np.array([np.nan, 0.5])),
    Slot("b", 4, False),
    Slot("y", 1, True, positions=np.array([np.nan])),
)


def cells(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    codes = torch.stack([torch.randint(slot.cardinality, (n,), generator=generator) for slot in SLOTS], dim=1)
    values = torch.rand(n, len(SLOTS), generator=generator)
    continuous = torch.tensor([slot.continuous for slot in SLOTS])
    return codes, torch.where(continuous & (codes == 0), values, torch.nan)


@pytest.mark.parametrize("changed", range(4))
def test_a_column_depends_on_those_before_it_only(changed):
    network = FlowNetwork(SLOTS, Shape(24, 2, 6, 5, 0.0), torch.Generator().manual_seed(1))
    for parameter in network.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2))
    codes, values = cells(60)
    before = network.log_probs(codes, values, exact=True)
    codes[:, changed] = (codes[:, changed] + 1) % SLOTS[changed].cardinality
    values[:, changed] = torch.where(
        torch.tensor(SLOTS[changed].continuous) & (codes[:, changed] == 0),
        1 - values[:, changed].nan_to_num(0.2),
        torch.nan,
    )
    after = network.log_probs(codes, values, exact=True)
    same = (before == after).all(0).tolist()
    assert all(same[:changed])
    assert not any(same[changed + 1 :])


def test_what_is_drawn_column_by_column_has_the_density_of_the_whole_row():
    network = FlowNetwork(SLOTS, Shape(24, 1, 6, 5, 0.0), torch.Generator().manual_seed(1)).eval()
    codes, values = cells(40)
    with torch.no_grad():
        log_weight = network.draw(codes, values, {}, torch.Generator().manual_seed(0))
        whole = network.log_probs(codes, values, exact=True).sum(1)
    torch.testing.assert_close(log_weight, whole, atol=0.05, rtol=0.02)


@pytest.mark.parametrize("changes", [{"epochs": 0}, {"learning_rate": -1.0}, {"time_budget": 0.0}])
def test_settings_that_make_no_sense_are_refused(changes):
    with pytest.raises(ModelError, match=next(iter(changes))):
        Flow(device="cpu", **changes).fit(pd.DataFrame({"a": list("xy") * 20}), seed=0)


def test_a_column_of_very_many_levels_takes_no_layer_of_its_width():
    generator = np.random.default_rng(0)
    code = np.minimum((5_000 * generator.random(40_000) ** 1.5).astype(int), 4_999)
    frame = pd.DataFrame({"city": [f"c{k}" for k in code], "even": code % 2 == 0})
    schema = {"columns": [{"name": "city", "kind": "categorical"}, {"name": "even", "kind": "boolean"}]}
    model = Flow(epochs=1, width=16, blocks=1, most_levels=100, device="cpu").fit(frame, schema=schema, seed=0)
    assert sum(model.network_.sizes) <= 102
    drawn = model.sample(20_000, seed=1)
    assert drawn["city"].nunique() > 3_000
    shares = [table["city"].value_counts(normalize=True) for table in (frame, drawn)]
    assert shares[0].sub(shares[1], fill_value=0).abs().sum() / 2 < 0.3
    assert np.isfinite(model.log_prob(frame.head(200))).all()
    assert (model.sample(50, given={"city": "c4321"}, seed=2)["city"] == "c4321").all()


def test_many_columns_are_learnt():
    generator = np.random.default_rng(0)
    base = generator.normal(size=(300, 1))
    table = pd.DataFrame(base + 0.3 * generator.normal(size=(300, 200)), columns=[f"x{j}" for j in range(200)])
    schema = {"columns": [{"name": name, "kind": "numerical"} for name in table]}
    drawn = (
        Flow(epochs=2, width=64, blocks=1, pieces=8, device="cpu").fit(table, schema=schema, seed=0).sample(20, seed=0)
    )
    assert drawn.shape == (20, 200)
    assert drawn.notna().all(axis=None)
