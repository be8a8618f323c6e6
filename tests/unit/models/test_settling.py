"""Constants that put drawn marginals right."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from synthdata.encoders.base import UNSEEN, Slot
from synthdata.models.networks.columns import ColumnNetworks
from synthdata.models.networks.first_layer import Shape
from synthdata.models.networks.settling import _constants, settle

SLOTS = (Slot("a", 3, False), Slot("b", 2, True), Slot("c", 1, True), Slot("d", 5, False))
SHARES = [np.array(shares) for shares in ([0.5, 0.3, 0.2], [0.9, 0.1], [1.0], [0.6, 0.2, 0.1, 0.1, 0.0])]


def networks() -> ColumnNetworks:
    generator = torch.Generator().manual_seed(0)
    made = ColumnNetworks(SLOTS, np.tile(np.arange(4), (4, 1)), Shape(8, 1, 4, 0.0), generator)
    with torch.no_grad():
        for j in (0, 1, 3):
            made.code_bias(j).add_(torch.randn(SLOTS[j].cardinality, generator=generator))
        made.code_bias(3)[4] = -30.0
    return made


def drawn(made: ColumnNetworks) -> torch.Tensor:
    codes, values = torch.full((20_000, 4), UNSEEN), torch.full((20_000, 4), torch.nan)
    with torch.no_grad():
        made.draw(codes, values, made.order, {}, torch.Generator().manual_seed(1))
    return codes


def furthest(made: ColumnNetworks) -> float:
    codes = drawn(made)
    seen = [torch.bincount(codes[:, j], minlength=slot.cardinality).numpy() / 20_000 for j, slot in enumerate(SLOTS)]
    return max(float(np.abs(found - wanted).max()) for found, wanted in zip(seen, SHARES, strict=True))


def test_drawn_codes_become_as_frequent_as_in_the_table() -> None:
    made = networks()
    assert furthest(made) > 0.1
    settle(made, SHARES, 40_000, torch.Generator().manual_seed(2))
    assert furthest(made) < 0.006


def test_a_code_that_never_occurred_is_not_made_more_likely() -> None:
    made = networks()
    settle(made, SHARES, 40_000, torch.Generator().manual_seed(2))
    assert made.code_bias(3)[4] == -30.0
    assert not (drawn(made)[:, 3] == 4).any()


def test_constants_give_the_shares_asked_for() -> None:
    logits = torch.randn(5_000, 4, generator=torch.Generator().manual_seed(0))
    shares = torch.tensor([0.7, 0.2, 0.06, 0.04])
    found = torch.softmax(logits + _constants(logits, shares), dim=-1).mean(0)
    assert found.tolist() == pytest.approx(shares.tolist(), abs=2e-3)
