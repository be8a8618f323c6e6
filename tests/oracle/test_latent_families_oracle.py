"""tvae, ctgan and rbm on tables of known distribution: draws, conditions, gaps and densities against the truth."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import chisquare

from synthdata.models.base import Synthesizer
from synthdata.models.ctgan import ConditionalGAN
from synthdata.models.networks.boltzmann import BoltzmannMachine, log_partition
from synthdata.models.networks.modes import Modes
from synthdata.models.rbm import RestrictedBoltzmann
from synthdata.models.tvae import VariationalAutoencoder

NAMES = ["rain", "sprinkler", "wet"]
RAIN, SPRINKLER, WET = 0.3, {0: 0.5, 1: 0.1}, {(0, 0): 0.05, (0, 1): 0.8, (1, 0): 0.85, (1, 1): 0.97}
MODELS = ["tvae", "rbm", "ctgan"]
#: how far the learnt distribution may be from the true one, in total variation; adversarial training is coarser
NEAR = {"tvae": 0.06, "rbm": 0.03, "ctgan": 0.15}


def truth() -> np.ndarray:
    """The probabilities (8,) of all rows."""
    out = []
    for rain, sprinkler, wet in itertools.product((0, 1), repeat=3):
        p = (RAIN if rain else 1 - RAIN) * (SPRINKLER[rain] if sprinkler else 1 - SPRINKLER[rain])
        out.append(p * (WET[rain, sprinkler] if wet else 1 - WET[rain, sprinkler]))
    return np.array(out)


def every_row() -> pd.DataFrame:
    return pd.DataFrame(list(itertools.product(("no", "yes"), repeat=3)), columns=NAMES)


def make(name: str) -> Synthesizer:
    if name == "tvae":
        return VariationalAutoencoder(
            epochs=20, batch_size=256, width=32, latent_width=3, components=8, learning_rate=1e-2, device="cpu"
        )
    if name == "rbm":
        return RestrictedBoltzmann(
            epochs=25, batch_size=256, hidden=8, learning_rate=3e-2, weight_decay=0.0, burn_in=60, device="cpu"
        )
    settings = {"penalty": 1.0, "dropout": 0.0, "temperature": 0.3, "pack": 5, "noise": 8}
    return ConditionalGAN(epochs=25, batch_size=250, width=64, learning_rate=5e-3, device="cpu", **settings)


@pytest.fixture(scope="module")
def fitted() -> dict[str, Synthesizer]:
    rows = np.random.default_rng(0).choice(8, size=6_000, p=truth())
    frame = every_row().iloc[rows].reset_index(drop=True)
    return {name: make(name).fit(frame, seed=1) for name in MODELS}


def shares(frame: pd.DataFrame) -> np.ndarray:
    """How often (8,) each possible row occurs."""
    counts = frame.value_counts()
    return np.array([counts.get(tuple(row), 0) for row in every_row().to_numpy()])


@pytest.mark.parametrize("name", MODELS)
def test_draws_follow_the_truth(fitted, name):
    seen = shares(fitted[name].sample(20_000, seed=3)) / 20_000
    assert np.abs(seen - truth()).sum() / 2 < NEAR[name]


def test_draws_of_the_machine_follow_its_exact_density(fitted):
    density = np.exp(fitted["rbm"].log_prob(every_row()))
    assert density.sum() == pytest.approx(1, abs=1e-6)
    assert chisquare(shares(fitted["rbm"].sample(5_000, seed=4)), density * 5_000).pvalue > 1e-3


def test_draws_of_the_autoencoder_follow_its_density_which_the_bound_stays_below(fitted):
    model = fitted["tvae"]
    rows = model.encoder_.encode(model._rows_of(every_row()), None)
    codes = torch.from_numpy(rows.codes.astype(np.int64))
    with torch.no_grad():
        # So many places for each row that importance sampling leaves no doubt.
        noise = torch.Generator().manual_seed(1)
        _, log_p, log_ratio = model.networks_.log_weights(codes, torch.full(codes.shape, torch.nan), 10_000, noise)
    density = torch.exp((log_p + log_ratio).double()).mean(1).numpy()
    assert density.sum() == pytest.approx(1, abs=0.01)
    bound = np.exp(model.log_prob(every_row()))
    assert (bound < 1.01 * density).all()
    assert 0.85 < bound.sum() <= 1
    assert chisquare(shares(model.sample(5_000, seed=4)), density / density.sum() * 5_000).pvalue > 1e-3


@pytest.mark.parametrize("name", MODELS)
def test_conditions_follow_bayes_rule(fitted, name):
    rows = every_row()
    chosen = ((rows["wet"] == "yes") & (rows["rain"] == "no")).to_numpy()
    expected = np.where(chosen, truth(), 0) / truth()[chosen].sum()
    seen = shares(fitted[name].sample(4_000, given="wet=yes; rain=no", seed=5)) / 4_000
    assert seen[~chosen].sum() == 0
    assert np.abs(seen - expected).sum() / 2 < NEAR[name] + 0.04


@pytest.mark.parametrize("name", ["tvae", "rbm"])
def test_gaps_are_filled_by_their_conditional_distribution(fitted, name):
    table = pd.DataFrame({"rain": [None] * 3_000, "sprinkler": ["yes"] * 3_000, "wet": ["yes"] * 3_000})
    share = (fitted[name].impute(table, seed=6)["rain"] == "yes").mean()
    p = truth().reshape(2, 2, 2)[:, 1, 1]
    assert share == pytest.approx(p[1] / p.sum(), abs=0.05)


def test_each_half_of_a_mixture_gets_its_share_and_shape():
    """Two clusters of two numbers: how many rows each has, and how the numbers hang together inside."""
    generator = np.random.default_rng(0)
    first = generator.random(6_000) < 0.3
    x = np.where(first, -3.0, 2.0) + 0.5 * generator.normal(size=6_000)
    y = np.where(first, -x, x) + 0.3 * generator.normal(size=6_000)
    table = pd.DataFrame({"x": x, "y": y})
    schema = {"columns": [{"name": name, "kind": "numerical"} for name in ("x", "y")]}
    # If the columns knew nothing of each other, the median would be about 1.
    near = {"tvae": 0.1, "rbm": 0.4}
    for name, error in near.items():
        drawn = make(name).fit(table, schema=schema, seed=0).sample(6_000, seed=1)
        left = drawn["x"] < -0.5
        assert left.mean() == pytest.approx(0.3, abs=0.02), name
        for part, sign in ((drawn[left], -1), (drawn[~left], 1)):
            assert np.median(np.abs(part["y"] - sign * part["x"])) < 0.3 + error, name
            assert part["x"].std() == pytest.approx(0.5, rel=0.25), name


def machine(modes: list[Modes], hidden: int) -> BoltzmannMachine:
    generator = torch.Generator().manual_seed(0)
    made = BoltzmannMachine(modes, hidden, generator)
    made.start_from_frequencies([np.full(each.cardinality, 1 / each.cardinality) for each in modes])
    with torch.no_grad():
        for parameter in (made.weight, made.lines["weight"], made.inner["bias"]):
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.7)
    return made


def discrete(*sizes: int) -> list[Modes]:
    from synthdata.encoders.base import Slot

    empty = np.empty(0)
    return [Modes(Slot(f"c{j}", size, False), empty, empty, empty) for j, size in enumerate(sizes)]


def test_three_ways_to_the_sum_over_all_states_agree(monkeypatch):
    """By all rows, by all hidden states, and by annealing."""
    import synthdata.models.networks.boltzmann as module

    made = machine(discrete(3, 2, 4), 5)
    noise = torch.Generator().manual_seed(1)
    by_rows = log_partition(made, noise)
    # Enumerate hidden states in float64 by hand.
    h = torch.tensor(list(itertools.product((0.0, 1.0), repeat=5)), dtype=torch.float64)
    logits = h @ made.weight.double().T + made.visible["bias"].double()
    total = h @ made.inner["bias"].double()
    for start, size in zip(made.layout.starts, made.layout.sizes, strict=True):
        total = total + torch.logsumexp(logits[:, start : start + size], dim=1)
    assert by_rows == pytest.approx(float(torch.logsumexp(total, 0).detach()), abs=1e-6)
    with torch.no_grad():
        assert module._annealed(made, noise, 500, 400) == pytest.approx(by_rows, abs=0.05)


def test_the_density_of_a_machine_with_a_number_integrates_to_one():
    from synthdata.encoders.base import Slot

    number = Modes(Slot("x", 1, True), np.array([-1.0, 1.0]), np.array([0.5, 0.7]), np.array([0.4, 0.6]))
    made = machine([number, *discrete(2)], 4)
    log_z = log_partition(made, torch.Generator().manual_seed(0))
    places = torch.linspace(-12, 12, 4001, dtype=torch.float64)
    total = 0.0
    with torch.no_grad():
        for mode, code in itertools.product((0, 1), (0, 1)):
            codes = torch.tensor([[mode, code]]).expand(len(places), 2)
            total += float(torch.trapezoid(torch.exp(made.log_weight(codes, places[:, None]) - log_z), places))
    assert total == pytest.approx(1, abs=1e-3)
