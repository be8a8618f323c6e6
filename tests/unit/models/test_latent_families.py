"""What is particular to tvae, ctgan and rbm: modes, heads, calibration, odd tables, and what they say of themselves."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from synthdata.encoders.base import AllowedCells, Encoded, Slot
from synthdata.errors import ModelError
from synthdata.models.ctgan import ConditionalGAN
from synthdata.models.networks.adversarial import Discriminator, Generator
from synthdata.models.networks.adversarial_objective import Game
from synthdata.models.networks.boltzmann import _between
from synthdata.models.networks.conditional_rows import Conditions
from synthdata.models.networks.marks import Layout
from synthdata.models.networks.modes import Modes, find_modes, join_rows, split_rows
from synthdata.models.networks.pair_error import PairError
from synthdata.models.networks.row_heads import RowHeads
from synthdata.models.rbm import RestrictedBoltzmann
from synthdata.models.tvae import VariationalAutoencoder

QUICK = {
    "tvae": partial(
        VariationalAutoencoder, epochs=1, width=16, components=4, latent_width=4, max_levels=300, device="cpu"
    ),
    "ctgan": partial(ConditionalGAN, epochs=1, width=16, noise=8, max_levels=300, device="cpu"),
    "rbm": partial(RestrictedBoltzmann, epochs=1, hidden=8, chains=32, burn_in=10, max_levels=300, device="cpu"),
}


def two_columns(n: int = 600) -> Encoded:
    """A number with two clusters, a spike and nulls, and a category."""
    generator = np.random.default_rng(0)
    slots = (Slot("x", 3, True, positions=np.array([np.nan, 0.1, np.nan]), missing_code=2), Slot("c", 4, False))
    codes = np.column_stack([generator.choice(3, n, p=[0.7, 0.2, 0.1]), generator.integers(0, 4, n)]).astype(np.int32)
    values = np.full((n, 2), np.nan)
    on_line = codes[:, 0] == 0
    values[on_line, 0] = generator.choice([-1.5, 1.0], on_line.sum()) + 0.1 * generator.normal(size=on_line.sum())
    return Encoded(slots, codes, values)


def test_modes_are_found_where_rows_are_and_taken_apart_without_loss():
    rows = two_columns()
    modes = find_modes(rows, 8, 5, np.random.default_rng(0))
    assert modes[0].shares[modes[0].centres < 0].sum() == pytest.approx(0.5, abs=0.08)
    assert np.abs(np.abs(modes[0].centres) - np.where(modes[0].centres < 0, 1.5, 1.0)).max() < 0.3
    codes, places = split_rows(rows, modes, np.random.default_rng(1))
    again = join_rows(codes, places, modes)
    np.testing.assert_array_equal(again.codes, rows.codes)
    np.testing.assert_allclose(again.values, rows.values)
    assert modes[1].count == 0


def test_the_mode_of_a_number_is_drawn_by_how_likely_it_is():
    mode = Modes(Slot("x", 1, True), np.array([0.0, 1.0]), np.array([1.0, 1.0]), np.array([0.5, 0.5]))
    codes, _ = mode.split(np.zeros(4_000, dtype=np.int32), np.full(4_000, 1.0), np.random.default_rng(0))
    expected = np.exp(mode.log_chosen(np.array([1]), np.array([0.0])))[0]
    assert expected == pytest.approx(1 / (1 + np.exp(-0.5)))
    assert codes.mean() == pytest.approx(expected, abs=0.03)


def heads() -> tuple[RowHeads, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    made = RowHeads((Slot("x", 2, True), Slot("c", 3, False), Slot("d", 3, False)), 8, generator)
    with torch.no_grad():
        for layer, spread in ((made.codes, 1.0), (made.line, 0.3)):
            layer.weight.copy_(spread * torch.randn(layer.weight.shape, generator=generator))
    return made, torch.randn(500, 8, generator=generator)


def test_calibrated_heads_have_the_marginals_asked_for_and_still_add_up_to_one():
    made, h = heads()
    wanted = [np.array([0.6, 0.4]), np.array([0.2, 0.3, 0.5]), np.array([0.98, 0.01, 0.01])]
    made.calibrate(h, wanted)
    with torch.no_grad():
        for j in range(3):
            np.testing.assert_allclose(made.probabilities(h, j).mean(0).numpy(), wanted[j], atol=2e-3)
        codes, values = made.draw(h.repeat(20, 1), {}, torch.Generator().manual_seed(1))
        placed = values[codes[:, 0] == 0, 0].numpy()
        np.testing.assert_allclose(np.quantile(placed, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.03)
        grid = torch.linspace(0, 1, 20_001)[:-1] + 0.5 / 20_000
        line = torch.zeros(len(grid), 3, dtype=torch.long)
        place = torch.full((len(grid), 3), torch.nan)
        place[:, 0] = grid
        density = made.log_probs(h[:1].expand(len(grid), -1), line, place)[:, 0].exp().mean()
        assert float(density) == pytest.approx(float(made.probabilities(h[:1], 0)[0, 0]), rel=1e-2)


def test_a_range_has_the_probability_with_which_free_draws_meet_it():
    made, h = heads()
    made.calibrate(h, [np.array([0.6, 0.4]), np.ones(3) / 3, np.ones(3) / 3])
    wanted = {0: AllowedCells(np.array([True, False]), 0.2, 0.5)}
    with torch.no_grad():
        meets = made.log_meets(h, wanted).exp().mean()
        codes, values = made.draw(h.repeat(20, 1), {}, torch.Generator().manual_seed(1))
        free = ((codes[:, 0] == 0) & (values[:, 0] >= 0.2) & (values[:, 0] <= 0.5)).float().mean()
        assert float(meets) == pytest.approx(float(free), abs=0.02)
        codes, values = made.draw(h, wanted, torch.Generator().manual_seed(2))
    assert bool((codes[:, 0] == 0).all())
    assert float(values[:, 0].min()) >= 0.2
    assert float(values[:, 0].max()) <= 0.5


def test_pair_error_sees_lost_relations_and_lost_variety():
    rows = two_columns(3_000)
    rows.codes[:, 1] = rows.codes[:, 0]
    pairs = PairError(rows)
    real = pairs.joint(rows)
    assert pairs.compare(real, real) == (0.0, 1.0)
    shuffled = Encoded(rows.slots, np.column_stack([rows.codes[:, 0], rows.codes[::-1, 1]]), rows.values)
    error, covered = pairs.compare(real, pairs.joint(shuffled))
    assert error > 0.2
    assert covered < 1.0
    collapsed = rows.take(np.flatnonzero(rows.codes[:, 0] == 0))
    assert pairs.compare(real, pairs.joint(collapsed))[1] < 0.9


def game(**changes: object) -> tuple[Game, Encoded]:
    rows = two_columns()
    modes = find_modes(rows, 4, 5, np.random.default_rng(0))
    split = split_rows(rows, modes, np.random.default_rng(0))
    layout, noise = Layout(modes), torch.Generator().manual_seed(0)
    counts = [np.bincount(split[0][:, j], minlength=m.cardinality).astype(float) for j, m in enumerate(modes)]
    made = Generator(layout, 4, 16, noise)
    pack = int(changes.pop("pack", 5))  # type: ignore[call-overload]
    critic = Discriminator(layout, 16, pack, 0.0, noise)
    settings = {"penalty": 10.0, "temperature": 0.5, "by_sampling": True, **changes}
    return Game(made, critic, Conditions(layout, counts), rows, rows, split, modes, **settings), rows  # type: ignore[arg-type]


def test_only_the_discriminator_sees_real_rows_in_one_forward_pass():
    made, _ = game()
    critic, maker = made.players
    assert critic.sees_real_rows
    assert not maker.sees_real_rows
    calls: list[int] = []
    made.discriminator.register_forward_hook(lambda *call: calls.append(len(call[1][0])))
    made.penalty = 0.0
    assert critic.losses(torch.arange(100), torch.Generator().manual_seed(0)).shape == (20,)
    assert calls == [200]
    # The generator's loss does not change with the rows of its turn.
    losses = [maker.losses(torch.arange(k, k + 100), torch.Generator().manual_seed(0)) for k in (0, 100)]
    torch.testing.assert_close(*losses)


def test_without_packs_penalty_and_sampling_each_record_enters_its_own_term():
    made, _ = game(pack=1, penalty=0.0, by_sampling=False)
    made.generator.eval()
    rows = torch.arange(64)
    first = made.players[0].losses(rows, torch.Generator().manual_seed(0))
    swapped = rows.clone()
    swapped[7] = 200
    second = made.players[0].losses(swapped, torch.Generator().manual_seed(0))
    assert torch.nonzero(~torch.isclose(first, second))[:, 0].tolist() in ([7], [])
    assert not torch.isclose(first[7], second[7]) or torch.equal(made.codes[7], made.codes[200])


def test_training_by_sampling_prefers_rare_cells():
    made, rows = game()
    critic = made.players[0]
    chosen, column = critic._choose(torch.arange(600), torch.Generator().manual_seed(0))  # type: ignore[attr-defined]
    missing = rows.codes[chosen.numpy()[column.numpy() == 0], 0] == 2
    assert missing.mean() > 1.2 * (rows.codes[:, 0] == 2).mean()


def test_normal_numbers_between_bounds_stay_there_far_out_too():
    low, high = torch.tensor([5.0, -9.0, 0.5, -40.0]), torch.tensor([5.5, -8.0, 0.5, -39.0])
    drawn = _between(torch.zeros(4), low, high, torch.Generator().manual_seed(0))
    assert bool(((drawn >= low) & (drawn <= high)).all())


def test_ctgan_says_how_much_variety_it_kept():
    table = pd.DataFrame({"a": np.tile(["x", "y", "z"], 200), "b": np.tile(["u", "v"], 300)})
    model = QUICK["ctgan"]().fit(table, seed=0)
    assert 0 <= model.coverage_[-1] <= 1
    assert any("mode collapse" in note for note in model.notes)
    model.coverage_ = [0.5]
    assert model.collapsed
    assert any("lost" in note for note in model.notes)


def odd(name: str) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    if name == "many levels":
        return pd.DataFrame({"c": np.repeat(np.arange(600), 5).astype(str), "d": generator.choice(["u", "v"], 3_000)})
    if name == "wide":
        return pd.DataFrame({f"c{j}": generator.choice(["u", "v"], 120) for j in range(100)})
    if name == "nearly all null":
        return pd.DataFrame({"x": np.where(generator.random(2_000) < 0.99, np.nan, 1.0 + generator.random(2_000))})
    return pd.DataFrame({"x": generator.standard_cauchy(50), "big": 2**60 + generator.integers(0, 999, 50)})


@pytest.mark.parametrize("table", ["many levels", "wide", "nearly all null", "fifty rows"])
@pytest.mark.parametrize("name", QUICK)
def test_odd_tables_are_coped_with(name, table):
    frame = odd(table)
    kinds = {"c": "categorical", "d": "categorical", "x": "numerical", "big": "numerical"}
    schema = {"columns": [{"name": c, "kind": kinds.get(c, "categorical")} for c in frame.columns]}
    drawn = QUICK[name]().fit(frame, schema=schema, seed=0).sample(200, seed=1)
    pd.testing.assert_series_equal(drawn.dtypes, frame.dtypes)
    if table == "fifty rows":
        assert drawn["big"].between(frame["big"].min(), frame["big"].max()).all()
        assert np.isfinite(drawn["x"]).all()


@pytest.mark.parametrize("name", QUICK)
def test_a_level_among_thousands_can_be_asked_for(name):
    drawn = QUICK[name]().fit(odd("many levels"), seed=0).sample(3, given={"c": "500"}, seed=1)
    assert (drawn["c"] == "500").all()


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("tvae", {"latent_width": 0}),
        ("ctgan", {"pack": 0}),
        ("ctgan", {"temperature": 0.0}),
        ("rbm", {"hidden": 0}),
    ],
)
def test_settings_that_make_no_sense_are_refused(name, changes):
    with pytest.raises(ModelError, match=next(iter(changes))):
        QUICK[name](**changes).fit(odd("fifty rows"), seed=0)


def test_a_conditional_network_without_penalty_and_packs_learns():
    table = pd.DataFrame({"a": np.repeat(["x", "y"], [400, 200])})
    table["b"] = np.where(table["a"] == "x", "u", "v")
    model = QUICK["ctgan"](epochs=20, penalty=0.0, pack=1, by_sampling=False, learning_rate=1e-2).fit(table, seed=0)
    drawn = model.sample(500, seed=1)
    assert ((drawn["a"] == "x") == (drawn["b"] == "u")).mean() > 0.9
