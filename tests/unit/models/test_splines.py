"""Monotone splines of the unit interval: inverse, slope and ends."""

from __future__ import annotations

import pytest
import torch

from synthdata.models.networks.splines import Spline

PIECES = 12


@pytest.fixture(params=[0.0, 1.0, 4.0], ids=["even", "bent", "steep"])
def raw(request) -> torch.Tensor:
    return request.param * torch.randn(200, 3 * PIECES + 1, generator=torch.Generator().manual_seed(0))


def test_zeros_give_the_identity():
    spline = Spline.of(torch.zeros(50, 3 * PIECES + 1))
    u = torch.linspace(0, 1, 50)
    y, log_density = spline.forward(u)
    torch.testing.assert_close(y, u, atol=1e-6, rtol=0)
    torch.testing.assert_close(log_density, torch.zeros(50), atol=1e-5, rtol=0)


def test_the_inverse_leads_back(raw):
    spline = Spline.of(raw)
    y = torch.rand(200, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(spline.forward(spline.inverse(y))[0], y, atol=2e-4, rtol=0)


def test_the_ends_stay_where_they_are(raw):
    spline = Spline.of(raw)
    for end in (0.0, 1.0):
        at = torch.full((200,), end)
        torch.testing.assert_close(spline.forward(at)[0], at, atol=1e-6, rtol=0)
        torch.testing.assert_close(spline.inverse(at), at, atol=1e-4, rtol=0)


def test_the_density_is_the_slope(raw):
    spline = Spline.of(raw[:1].expand(2001, -1))
    u = torch.linspace(0, 1, 2001)
    y, log_density = spline.forward(u)
    assert (y.diff() >= 0).all()
    between = 0.5 * (log_density.exp()[1:] + log_density.exp()[:-1]) / 2000
    torch.testing.assert_close(y.diff(), between, atol=2e-3, rtol=0.1)
    torch.testing.assert_close(between.sum(), torch.tensor(1.0), atol=1e-3, rtol=0)
