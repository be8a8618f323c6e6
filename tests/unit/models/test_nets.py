"""Densities on the unit interval: they integrate to one, and draws follow them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from synthdata.encoders.base import Slot
from synthdata.models.networks.nets import EDGE, CellVectors, ColumnLinear, UnitDensity, scores, shares


@pytest.fixture
def density() -> UnitDensity:
    return UnitDensity(pieces=8, bumps=3)


def parameters(density: UnitDensity, seed: int) -> torch.Tensor:
    return torch.randn(1, density.size, generator=torch.Generator().manual_seed(seed)) * 1.5


def on_grid(density: UnitDensity, raw: torch.Tensor, points: int = 200_001) -> tuple[torch.Tensor, torch.Tensor]:
    u = torch.linspace(0, 1, points, dtype=torch.float64).float()
    return u, density.log_density(raw.expand(points, -1), u).exp().double()


@pytest.mark.parametrize("seed", range(5))
def test_a_density_integrates_to_one(density, seed):
    u, p = on_grid(density, parameters(density, seed))
    assert float(torch.trapezoid(p, u)) == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("seed", range(3))
def test_the_mass_of_a_range_is_the_integral(density, seed):
    raw = parameters(density, seed)
    u, p = on_grid(density, raw)
    inside = (u >= 0.2) & (u <= 0.55)
    found = float(density.probability(raw, 0.2, 0.55)[0])
    assert found == pytest.approx(float(torch.trapezoid(p[inside], u[inside])), abs=1e-3)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.2, 0.55), (0.9, 1.0)])
def test_draws_follow_the_density(density, low, high):
    raw, n = parameters(density, 1), 5_000
    generator = torch.Generator().manual_seed(2)
    which, where = torch.rand(2, n, generator=generator)
    drawn = density.draw(raw.expand(n, -1), which, where, low, high).numpy()
    assert drawn.min() >= low
    assert drawn.max() <= high
    mass = float(density.probability(raw, low, high)[0])
    grid = np.linspace(low, high, 60)
    share = np.array([float(density.probability(raw, low, x)[0]) for x in grid]) / mass
    assert kstest(drawn, lambda x: np.interp(x, grid, share)).pvalue > 1e-3


def test_scores_and_shares_are_inverse():
    u = torch.linspace(0, 1, 11)
    torch.testing.assert_close(shares(scores(u)), u, atol=1e-5, rtol=0)
    assert float(scores(torch.tensor(1.0))) == pytest.approx(EDGE, abs=1e-4)


def test_one_group_is_the_same_as_all_at_once():
    layer = ColumnLinear(3, 4, 5, torch.Generator().manual_seed(0))
    x = torch.rand(3, 7, 4)
    torch.testing.assert_close(layer(x)[1], layer.of_one(x[1], 1))


def test_vectors_move_continuously_along_the_number_line_and_know_missing_cells():
    slots = [Slot("a", 2, True, missing_code=1, positions=np.array([np.nan, np.nan])), Slot("b", 3, False)]
    cells = CellVectors(slots, 4, knots=8, harmonics=2, generator=torch.Generator().manual_seed(0))
    codes = torch.tensor([[0, 2], [0, 2], [1, 0]])
    values = torch.tensor([[0.25, np.nan], [0.2501, np.nan], [np.nan, np.nan]], dtype=torch.float32)
    vectors = cells(codes, values)
    assert torch.isfinite(vectors).all()
    torch.testing.assert_close(vectors[0], vectors[1], atol=1e-2, rtol=0)
    assert not torch.allclose(vectors[0, 0], vectors[2, 0])
    torch.testing.assert_close(vectors[:, 0], cells(codes[:, 0], values[:, 0], 0))


def test_codes_with_a_place_start_from_it_mostly():
    slots = [Slot("x", 40, False, positions=np.repeat([0.2, 0.7], 20)), Slot("c", 40, False)]
    cells = CellVectors(slots, 4, 8, 3, torch.Generator().manual_seed(0))
    with torch.no_grad():
        placed, free = (cells(torch.arange(40), torch.full((40,), torch.nan), column) for column in (0, 1))
    # Codes at one place differ by a fifth of what codes without a place do, and less than places do.
    assert float(placed[:20].std(0).mean()) == pytest.approx(0.2 * float(free.std(0).mean()), rel=0.3)
    assert float((placed[:20].mean(0) - placed[20:].mean(0)).norm()) > 2 * float(placed[:20].std(0).norm())


@pytest.mark.parametrize("rows", [3, 400])
def test_cells_of_one_column_are_looked_up_as_they_are_computed(rows):
    generator = torch.Generator().manual_seed(0)
    slots = [
        Slot("x", 6, True, positions=np.array([np.nan, 0.1, 0.4, 0.5, np.nan, np.nan]), missing_code=5),
        Slot("c", 9, False),
    ]
    cells = CellVectors(slots, 4, 8, 3, generator)
    for column, slot in enumerate(slots):
        codes = torch.randint(slot.cardinality, (rows,), generator=generator)
        values = torch.where(codes == 0, torch.rand(rows, generator=generator), torch.nan)
        if not slot.continuous:
            values = torch.full((rows,), torch.nan)
        torch.testing.assert_close(cells.of_one(codes, values, column), cells(codes, values, column))
