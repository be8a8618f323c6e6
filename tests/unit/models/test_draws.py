"""Even draws: each code as often as expected up to a row, and each draw by itself with its own distribution."""

from __future__ import annotations

import numpy as np
import pytest

from synthdata.models.draws import even_draws, even_draws_by_group, even_places, even_places_in_groups


def test_places_fall_into_every_part_once() -> None:
    places = even_places(1000, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort((places * 1000).astype(int)), np.arange(1000))
    assert np.abs(np.diff(places)).mean() > 0.2  # in random order


@pytest.mark.parametrize("n", [0, 1, 7, 1000])
def test_codes_come_as_often_as_expected_up_to_a_row_at_either_end(n: int) -> None:
    shares = np.array([0.0, 0.2, 0.5, 0.0, 0.3, 0.0])
    counts = np.bincount(even_draws(shares * 7, n, np.random.default_rng(n)), minlength=6)
    assert counts.sum() == n
    assert (np.abs(counts - shares * n) < 2).all()
    assert counts[[0, 3, 5]].sum() == 0


def test_one_draw_has_the_distribution_asked_for() -> None:
    generator = np.random.default_rng(1)
    drawn = [even_draws(np.array([0.25, 0.75]), 1, generator)[0] for _ in range(4000)]
    assert np.mean(drawn) == pytest.approx(0.75, abs=0.03)


def test_shares_of_nothing_are_all_alike() -> None:
    assert np.bincount(even_draws(np.zeros(4), 8, np.random.default_rng(2))).tolist() == [2, 2, 2, 2]


def test_places_are_even_in_each_group() -> None:
    groups = np.random.default_rng(3).integers(0, 5, 500)
    places = even_places_in_groups(groups, np.random.default_rng(4))
    for group in range(5):
        own = places[groups == group]
        np.testing.assert_array_equal(np.sort((own * len(own)).astype(int)), np.arange(len(own)))


def test_each_group_draws_by_its_own_shares() -> None:
    generator = np.random.default_rng(5)
    shares = np.vstack([generator.dirichlet(np.ones(6), size=40), np.eye(6)])
    shares[:, 2] = 0.0
    shares[42, 2] = 1.0
    groups = generator.integers(0, 46, 20_000)
    codes = even_draws_by_group(shares, groups, generator)
    for group in range(46):
        counts = np.bincount(codes[groups == group], minlength=6)
        expected = shares[group] / shares[group].sum() * counts.sum()
        assert (np.abs(counts - expected) < 2).all()
        assert counts[shares[group] == 0].sum() == 0
    assert len(even_draws_by_group(shares, np.zeros(0, dtype=int), generator)) == 0
