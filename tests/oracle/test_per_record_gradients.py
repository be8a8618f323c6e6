"""Gradients of single records, their norms and clipped sums, against Opacus and against one backward pass a record."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from synthdata.errors import PrivacyError
from synthdata.models.neural import NeuralSynthesizer
from synthdata.models.registry import make_model
from synthdata.privacy.ledger import Privacy
from synthdata.privacy.per_record import clipped_sums, recording, require_layers
from synthdata.training.history import History

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from opacus import GradSampleModule

FAMILIES = {
    "autoregressive": {"width": 8, "cell_width": 4},
    "tvae": {"width": 8, "latent_width": 3, "components": 5},
    "ctgan": {"width": 8, "noise": 4},
    "diffusion": {"width": 8, "blocks": 2},
    "flow": {"width": 12, "cell_width": 4},
    "rbm": {"hidden": 6, "chains": 4},
}


class Words(nn.Module):
    """Every kind of layer that has a rule of its own, and one that has none."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(7, 6)
        self.level = nn.LayerNorm(6)
        self.inner = nn.Linear(6, 5)
        self.groups = nn.GroupNorm(2, 4)
        self.outer = nn.Linear(25, 4)
        self.along = nn.Conv1d(1, 2, 2)
        self.last = nn.Linear(6, 1, bias=False)

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        h = torch.tanh(self.inner(self.level(self.words(index))))
        h = self.groups(self.outer(h.flatten(1)))
        return self.last(torch.tanh(self.along(h[:, None])).flatten(1))[:, 0].square()


def gradients_one_by_one(losses: torch.Tensor, weights: list[nn.Parameter]) -> list[torch.Tensor]:
    rows = [torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True) for loss in losses]
    zero = [torch.zeros_like(weight) for weight in weights]
    return [torch.stack([z if row[k] is None else row[k] for row in rows]) for k, z in enumerate(zero)]


def agree(networks: nn.Module, losses: Callable[[], torch.Tensor], true: list[torch.Tensor], rounding: float) -> None:
    """Norms, gradients and clipped sums are those that the true gradients (b, …) of all weights give."""
    weights = list(networks.parameters())
    norms = torch.stack([each.flatten(1).square().sum(1) for each in true]).sum(0).sqrt()
    clip = float(norms.median())
    sums, found = clipped_sums(networks, losses, clip)
    scale = float(norms.max())
    assert torch.allclose(found, norms, rtol=rounding, atol=rounding * scale)
    factors = clip / (norms * (1 + 1e-5)).clamp(min=clip)
    for weight, each in zip(weights, true, strict=True):
        wanted = torch.einsum("b,b...->...", factors, each)
        got = sums.get(weight, torch.zeros_like(weight))
        assert torch.allclose(got, wanted, rtol=rounding, atol=rounding * scale)
    # With one factor above 0 at a time, sums are the gradients of single records.
    with recording(networks) as record:
        parts = record.parts(losses())
    for i in range(len(norms)):
        one = torch.zeros_like(norms)
        one[i] = 1.0
        single = {weight: total for part in parts for weight, total in part.sums(one)}
        for weight, each in zip(weights, true, strict=True):
            assert torch.allclose(
                single.get(weight, torch.zeros_like(weight)), each[i], rtol=rounding, atol=rounding * scale
            )


def test_every_kind_of_layer_is_as_opacus_has_it() -> None:
    torch.manual_seed(1)
    networks = Words().double()
    index = torch.randint(7, (9, 5))
    index[0] = 3
    wrapped = GradSampleModule(Words().double(), loss_reduction="sum")
    wrapped._module.load_state_dict(networks.state_dict())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrapped(index).sum().backward()
    true = [weight.grad_sample for weight in wrapped._module.parameters()]
    agree(networks, lambda: networks(index), true, 1e-6)


def objective_of(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The objective that a family would train privately on a small table."""
    caught: list[Any] = []

    def catch(self: Any, objective: Any, *_: Any, **__: Any) -> History:
        caught.append(objective)
        return History(figures=[0.0], parts=[[0.0] * 9])

    monkeypatch.setattr(NeuralSynthesizer, "_train", catch)
    generator = np.random.default_rng(5)
    n = 300
    frame = pd.DataFrame(
        {
            "age": generator.integers(18, 90, n),
            "weight": np.where(generator.random(n) < 0.2, np.nan, np.round(generator.normal(70, 12, n), 1)),
            "city": generator.choice(["Rome", "Oslo", "Bonn"], n),
            "ill": generator.random(n) < 0.3,
        }
    )
    make_model(name, device="cpu", **FAMILIES[name]).fit(frame, privacy=Privacy(20.0, seed=1))
    return caught[0]


def made_lively(networks: nn.Module, generator: torch.Generator) -> None:
    """Weights that start at nothing would hide faults."""
    with torch.no_grad():
        for weight in networks.parameters():
            weight.add_(0.1 * torch.randn(weight.shape, generator=generator))


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_as_one_record_at_a_time(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    objective = objective_of(name, monkeypatch)
    player = next(player for player in objective.players if player.sees_real_rows)
    networks, rows = player.modules, torch.arange(12)
    made_lively(networks, torch.Generator().manual_seed(3))

    def losses() -> torch.Tensor:
        return player.private_losses(rows, torch.Generator().manual_seed(4), 0.1)[0]

    monkeypatch.setattr("torch.autocast", _no_autocast)
    require_layers(networks, losses)
    true = gradients_one_by_one(losses(), list(networks.parameters()))
    agree(networks, losses, true, 3e-5)


class _no_autocast:  # noqa: N801
    """Half precision would hide small differences."""

    def __init__(self, *_: Any, **__: Any) -> None: ...
    def __enter__(self) -> None: ...
    def __exit__(self, *_: Any) -> None: ...


@pytest.mark.parametrize("name", FAMILIES)
def test_no_record_enters_the_loss_of_another(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The losses of a batch whose records are all alike but one differ from those of alike ones in that one alone."""
    objective = objective_of(name, monkeypatch)
    player = next(player for player in objective.players if player.sees_real_rows)

    def losses(rows: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return player.private_losses(rows, torch.Generator().manual_seed(4), 0.1)[0].sort().values

    alike = losses(torch.zeros(64, dtype=torch.long))
    rows = torch.zeros(64, dtype=torch.long)
    rows[-1] = 7
    other = losses(rows)
    kept = sum(bool((other - loss).abs().min() < 1e-4) for loss in alike)
    assert kept >= 63


def test_a_weight_that_no_layer_tells_of_is_refused() -> None:
    class Loose(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(2, 2)
            self.loose = nn.ParameterDict({"bias": nn.Parameter(torch.zeros(2))})

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (self.inner(x) + self.loose["bias"]).sum(1)

    networks = Loose()
    with pytest.raises(PrivacyError, match=r"weight 'loose\.bias'"):
        require_layers(networks, lambda: networks(torch.ones(3, 2)))


def test_layers_used_twice_or_shared_are_refused() -> None:
    layer = nn.Linear(2, 2)
    with pytest.raises(PrivacyError, match="used twice"):
        clipped_sums(layer, lambda: layer(layer(torch.ones(3, 2))).sum(1), 1.0)
    other = nn.Linear(2, 2)
    other.weight = layer.weight
    both = nn.Sequential(layer, other)
    with pytest.raises(PrivacyError, match="belongs to two layers"):
        clipped_sums(both, lambda: both(torch.ones(3, 2)).sum(1), 1.0)


def test_a_layer_that_mixes_records_is_refused() -> None:
    networks = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    with pytest.raises(PrivacyError, match="mixes records"):
        clipped_sums(networks, lambda: networks(torch.randn(3, 2)).sum(1), 1.0)


def test_a_record_without_a_finite_gradient_counts_nothing() -> None:
    layer = nn.Linear(2, 1)
    rows = torch.tensor([[1.0, 2.0], [float("inf"), 0.0], [float("nan"), 1.0]])
    sums, norms = clipped_sums(layer, lambda: layer(rows)[:, 0], 0.5)
    alone, _ = clipped_sums(layer, lambda: layer(rows[:1])[:, 0], 0.5)
    assert torch.equal(sums[layer.weight], alone[layer.weight])
    assert torch.isfinite(norms).tolist() == [True, False, False]
