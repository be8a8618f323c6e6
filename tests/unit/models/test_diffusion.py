"""What is particular to diffusion: odd tables, settings, checkpoints, even numbers."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import kstest, norm

from synthdata.encoders.base import Encoded, Slot
from synthdata.errors import ModelError
from synthdata.models.diffusion import Diffusion
from synthdata.models.networks.column_records import ColumnRecords
from synthdata.models.networks.columns import ColumnNetworks
from synthdata.models.networks.first_layer import Shape
from synthdata.models.networks.nets import CellVectors

SMALL = {"width": 32, "blocks": 1, "sampling_steps": 6, "device": "cpu"}


def numbers(names: list[str]) -> dict[str, list[dict[str, str]]]:
    return {"columns": [{"name": name, "kind": "numerical"} for name in names]}


@pytest.mark.parametrize("changes", [{"epochs": 0}, {"learning_rate": -1.0}, {"time_budget": 0.0}])
def test_settings_that_make_no_sense_are_refused(changes):
    with pytest.raises(ModelError, match=next(iter(changes))):
        Diffusion(device="cpu", **changes).fit(pd.DataFrame({"a": list("xy") * 20}), seed=0)


def test_training_writes_a_checkpoint_and_takes_it_up_again(tmp_path):
    table = pd.DataFrame({"a": list("xyz") * 40, "b": list("uv") * 60})
    place = str(tmp_path / "state")
    first = Diffusion(epochs=4, checkpoint=place, **SMALL).fit(table, seed=0)
    again = Diffusion(epochs=4, checkpoint=place, **SMALL).fit(table, seed=0)
    assert again.history_.steps == first.history_.steps
    pd.testing.assert_frame_equal(first.sample(50, seed=1), again.sample(50, seed=1))


def test_a_column_of_very_many_levels_takes_no_layer_of_its_width():
    generator = np.random.default_rng(0)
    code = np.minimum((5_000 * generator.random(40_000) ** 1.5).astype(int), 4_999)
    frame = pd.DataFrame({"city": [f"c{k}" for k in code], "even": code % 2 == 0})
    schema = {"columns": [{"name": "city", "kind": "categorical"}, {"name": "even", "kind": "boolean"}]}
    model = Diffusion(epochs=1, most_levels=100, **SMALL).fit(frame, schema=schema, seed=0)
    assert sum(model.columns_.sizes) <= 102
    drawn = model.sample(20_000, seed=1)
    assert drawn["city"].nunique() > 3_000
    assert (model.sample(50, given={"city": "c4321"}, seed=2)["city"] == "c4321").all()


def test_many_columns_are_learnt():
    generator = np.random.default_rng(0)
    table = pd.DataFrame(
        generator.normal(size=(300, 1)) + generator.normal(size=(300, 150)), columns=[f"x{j}" for j in range(150)]
    )
    drawn = Diffusion(epochs=2, **SMALL).fit(table, schema=numbers(list(table)), seed=0).sample(20, seed=0)
    assert drawn.shape == (20, 150)
    assert drawn.notna().all(axis=None)


def test_a_column_of_nulls_but_few():
    generator = np.random.default_rng(0)
    x = np.where(generator.random(3_000) < 0.99, np.nan, generator.normal(size=3_000))
    table = pd.DataFrame({"x": x, "y": generator.normal(size=3_000)})
    model = Diffusion(epochs=2, **SMALL).fit(table, schema=numbers(["x", "y"]), seed=0)
    drawn = model.sample(3_000, seed=0)
    assert drawn["x"].isna().mean() == pytest.approx(0.99, abs=0.01)
    assert model.impute(table.head(50), seed=0)["x"].notna().all()


def test_numbers_are_spread_evenly_over_their_line():
    """However little was learnt, many rows have each column's own distribution."""
    table = pd.DataFrame({"x": np.random.default_rng(0).normal(size=4_000)})
    model = Diffusion(epochs=1, **SMALL).fit(table, schema=numbers(["x"]), seed=0)
    assert kstest(model.sample(4_000, seed=1)["x"], norm.cdf).statistic < 0.03


def test_a_bill_and_its_payment_are_nearly_the_same_as_often():
    generator = np.random.default_rng(0)
    bill = generator.lognormal(7, 1, 2_000)
    paid = np.where(generator.random(2_000) < 0.4, bill, generator.lognormal(5, 1.5, 2_000))
    table = pd.DataFrame({"bill": bill, "paid": paid})
    table["age"] = generator.normal(50, 10, 2_000)
    model = Diffusion(epochs=40, **{**SMALL, "width": 256}, learning_rate=4e-3)
    model.fit(table, schema=numbers(["bill", "paid", "age"]), seed=0)
    assert [cutting.count for cutting in model.cuts_] == [40, 40, 1]
    drawn = model.sample(2_000, seed=0)
    near = [(np.abs(np.log(rows["paid"] / rows["bill"])) < 0.1).mean() for rows in (table, drawn)]
    assert 0.15 < near[1] < near[0] + 0.05
    drawn = model.sample(200, given={"paid": (900, 1100)}, seed=1)
    assert drawn["paid"].between(900, 1100).all()
    assert drawn["bill"].between(850, 1150).mean() > 0.2
    assert np.isfinite(model.log_prob(table.head(50))).all()


def test_number_lines_are_cut_where_there_are_as_many_other_columns():
    generator = np.random.default_rng(0)
    table = pd.DataFrame({"x": generator.normal(size=600), "y": generator.normal(size=600), "a": list("xyz") * 200})
    cuts = Diffusion(epochs=1, **SMALL).fit(table[["x", "a"]], schema=numbers(["x"]), seed=0).cuts_
    assert [cutting.count for cutting in cuts] == [2, 0]
    cuts = Diffusion(epochs=1, **SMALL).fit(table, schema=numbers(["x", "y"]), seed=0).cuts_
    assert [cutting.count for cutting in cuts] == [1, 1, 0]


def codes_alone(values: torch.Tensor, ordered: float) -> torch.Tensor:
    """Losses of rows that are told by networks that learn no densities, which are the same at every call."""
    slots = (Slot("x", 2, True, positions=np.array([np.nan, 0.0])), Slot("a", 3, False))
    codes = np.stack([np.zeros(len(values)), np.arange(len(values)) % 3], axis=1).astype(np.int32)
    places = np.stack([values.numpy(), np.full(len(values), np.nan)], axis=1).astype(np.float64)
    generator = torch.Generator().manual_seed(0)
    networks = ColumnNetworks(slots, np.tile(np.arange(2), (2, 1)), Shape(8, 1, 4, 0.0), generator, densities=False)
    with torch.no_grad():
        for parameter in networks.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
        records = ColumnRecords(networks, Encoded(slots, codes, places), ordered)
        return records.losses(torch.arange(len(values)), torch.Generator().manual_seed(1))


def test_codes_are_learnt_without_values_in_the_fixed_order_and_with_some_in_any_other():
    low, high = torch.full((300,), 0.1), torch.full((300,), 0.9)
    torch.testing.assert_close(codes_alone(low, 1.0), codes_alone(high, 1.0))
    moved = (codes_alone(low, 0.0) - codes_alone(high, 0.0)).abs() > 1e-6
    # Of two columns the second is told of the first in half of the rows, and of its value in three quarters of those.
    assert 0.3 < float(moved.double().mean()) < 0.45


def test_a_number_without_its_value_is_a_code_like_others():
    slots = (Slot("x", 2, True, positions=np.array([np.nan, 0.0])),)
    cells = CellVectors(slots, 4, 8, 3, torch.Generator().manual_seed(0))
    codes, values = torch.tensor([[0], [0], [1]]), torch.tensor([[math.nan], [0.5], [math.nan]])
    with torch.no_grad():
        unknown, known, spike = cells(codes, values)[:, 0]
    torch.testing.assert_close(unknown, cells.embedding[0].detach())
    assert float((unknown - known).abs().max()) > 0.1
    assert float((unknown - spike).abs().max()) > 0.1


def test_a_class_is_found_by_numbers_left_whole():
    generator = np.random.default_rng(0)
    table = pd.DataFrame(generator.normal(size=(2_000, 3)), columns=list("xyz"))
    table["up"] = table["x"] + table["y"] > 0
    model = Diffusion(**{**SMALL, "width": 128}, learning_rate=5e-3)
    model.fit(table, schema={"columns": [*numbers(list("xyz"))["columns"], {"name": "up", "kind": "boolean"}]}, seed=0)
    assert [cutting.count for cutting in model.cuts_] == [1, 1, 1, 0]
    asked = table.head(400).assign(up=pd.NA)
    found = model.impute(asked, seed=0)["up"].astype(bool)
    assert (found == table["up"].head(400)).mean() > 0.9
