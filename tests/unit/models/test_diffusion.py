"""What is particular to diffusion: odd tables, settings, checkpoints, even numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import kstest, norm

from synthdata.errors import ModelError
from synthdata.models.diffusion import Diffusion

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
    assert sum(model.network_.sizes) <= 102
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
    model = Diffusion(epochs=20, **{**SMALL, "width": 96}, learning_rate=4e-3)
    model.fit(table, schema=numbers(["bill", "paid", "age"]), seed=0)
    assert [cutting.count for cutting in model.cuts_] == [40, 40, 1]
    drawn = model.sample(2_000, seed=0)
    near = [(np.abs(np.log(rows["paid"] / rows["bill"])) < 0.1).mean() for rows in (table, drawn)]
    assert 0.15 < near[1] < near[0] + 0.05
    drawn = model.sample(200, given={"paid": (900, 1100)}, seed=1)
    assert drawn["paid"].between(900, 1100).all()
    assert drawn["bill"].between(850, 1150).mean() > 0.3
    assert np.isfinite(model.log_prob(table.head(50))).all()


def test_number_lines_are_cut_where_there_are_as_many_other_columns():
    generator = np.random.default_rng(0)
    table = pd.DataFrame({"x": generator.normal(size=600), "y": generator.normal(size=600), "a": list("xyz") * 200})
    cuts = Diffusion(epochs=1, **SMALL).fit(table[["x", "a"]], schema=numbers(["x"]), seed=0).cuts_
    assert [cutting.count for cutting in cuts] == [2, 0]
    cuts = Diffusion(epochs=1, **SMALL).fit(table, schema=numbers(["x", "y"]), seed=0).cuts_
    assert [cutting.count for cutting in cuts] == [1, 1, 0]


def test_the_codes_of_one_column_are_computed_as_those_of_all():
    generator = np.random.default_rng(0)
    table = pd.DataFrame({"a": generator.choice(list("xyz"), 400), "n": generator.integers(0, 9, 400)})
    network = Diffusion(epochs=1, **SMALL).fit(table, schema=numbers(["n"]), seed=0).network_
    hidden = torch.randn(5, SMALL["width"], generator=torch.Generator().manual_seed(0))
    assert len(network.coded) == 2
    for k, logits in enumerate(network.split(network.logits(hidden))):
        torch.testing.assert_close(network.codes_head.of_one(hidden, k), logits)


def test_rows_without_values_need_no_features():
    table = pd.DataFrame({"x": np.random.default_rng(0).normal(size=300), "a": list("xyz") * 100})
    network = Diffusion(epochs=1, **SMALL).fit(table, schema=numbers(["x"]), seed=0).network_
    codes, none = torch.tensor([[0, -1], [-1, 2]]), torch.zeros(2, 1)
    with torch.no_grad():
        network.inward.bias += 1.0
    torch.testing.assert_close(
        network.hidden(codes, none, None, none[:, 0]), network.hidden(codes, none, none.long(), none[:, 0])
    )
