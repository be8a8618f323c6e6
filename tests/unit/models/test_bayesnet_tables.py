"""Tables that fall back on fewer parents where few rows have a combination."""

from __future__ import annotations

import numpy as np
import pytest

from synthdata.models.bayesnet_tables import ColumnTables, backed_off, choose_parents


def test_without_smoothing_a_table_is_the_frequencies() -> None:
    child, parent = np.array([0, 0, 1, 1, 1, 0]), np.array([0, 0, 0, 1, 1, 1])
    table = backed_off(child, [parent], [2], 2, 0.0, 1)
    np.testing.assert_allclose(table, [[2 / 3, 1 / 3], [1 / 3, 2 / 3]])


def test_a_combination_of_few_rows_has_no_figure_of_its_own() -> None:
    child, parent = np.array([0] * 50 + [1] * 50 + [1] * 3), np.array([0] * 100 + [1] * 3)
    table = backed_off(child, [parent], [2], 2, 0.0, 5)
    np.testing.assert_allclose(table[1], [50 / 103, 53 / 103])
    np.testing.assert_allclose(backed_off(child, [parent], [2], 2, 0.0, 3)[1], [0.0, 1.0])


def test_a_parent_is_taken_only_where_it_predicts_rows_not_counted() -> None:
    generator = np.random.default_rng(0)
    telling, noise = generator.integers(0, 4, 2000), generator.integers(0, 4, 2000)
    child = np.where(generator.random(2000) < 0.8, telling // 2, generator.integers(0, 2, 2000))
    grouped = np.column_stack([noise, telling])
    assert choose_parents(child, 2, [], grouped, [4, 4], [0, 1], 2, 5.0, 5) == [1]


@pytest.fixture
def tables() -> ColumnTables:
    """Four cells in two groups; the group follows one parent, the cell within it another."""
    fine = np.array([[0.9, 0.1, 0, 0], [0.2, 0.8, 0, 0], [0, 0, 0.5, 0.5], [0, 0, 0.3, 0.7]])
    return ColumnTables(np.array([0, 0, 1, 1]), [0], [1], np.array([[0.7, 0.3], [0.1, 0.9]]), fine)


def test_probabilities_are_those_of_both_steps(tables: ColumnTables) -> None:
    for combo in (0, 1):
        for fine in (0, 1):
            found = np.exp(tables.log_probability(np.arange(4), np.full(4, combo), np.full(4, fine)))
            assert found.sum() == pytest.approx(1.0)
            drawn, weight = tables.draw(np.full(20_000, combo), np.full(20_000, fine), None, np.random.default_rng(1))
            np.testing.assert_allclose(np.bincount(drawn, minlength=4) / 20_000, found, atol=2e-3)
            assert not weight.any()


def test_a_mask_conditions_both_steps(tables: ColumnTables) -> None:
    mask = np.array([False, True, True, False])
    share = np.exp(tables.log_probability(np.arange(4), np.zeros(4, int), np.ones(4, int)))
    drawn, weight = tables.draw(np.zeros(9000, int), np.ones(9000, int), mask, np.random.default_rng(2))
    np.testing.assert_allclose(np.exp(weight), share[mask].sum())
    np.testing.assert_allclose((drawn == 1).mean(), share[1] / share[mask].sum(), atol=2e-3)
    assert mask[drawn].all()
