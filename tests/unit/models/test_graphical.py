"""Beliefs passed along a junction tree are the probabilities of the brute-force joint distribution."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthdata.models.marginal.fit import Measurement, estimate_total, fit_marginals, made_consistent
from synthdata.models.marginal.graphical import GraphicalModel, draw_by_table
from synthdata.models.marginal.junction_tree import TreeCells, junction_tree

SIZES = (2, 3, 2, 4, 3)
GROUPS = st.lists(
    st.lists(st.integers(0, 4), min_size=1, max_size=3, unique=True).map(lambda group: tuple(sorted(group))),
    min_size=1,
    max_size=6,
    unique=True,
)


def joint(potentials: dict[tuple[int, ...], np.ndarray]) -> np.ndarray:
    """The whole distribution, cell by cell."""
    out = np.zeros(SIZES)
    for cell in itertools.product(*map(range, SIZES)):
        out[cell] = sum(array[tuple(cell[j] for j in group)] for group, array in potentials.items())
    return np.exp(out)


def some_potentials(groups: list[tuple[int, ...]], seed: int) -> dict[tuple[int, ...], np.ndarray]:
    generator = np.random.default_rng(seed)
    return {group: generator.normal(size=[SIZES[j] for j in group]) for group in groups}


@settings(max_examples=60)
@given(GROUPS, st.integers(0, 2**32 - 1))
def test_marginals_and_total_are_those_of_the_joint_distribution(groups: list[tuple[int, ...]], seed: int) -> None:
    potentials = some_potentials(groups, seed)
    model, whole = GraphicalModel(SIZES, potentials), joint(potentials)
    assert model.log_total == pytest.approx(np.log(whole.sum()))
    for width in (1, 2, 3):
        for group in itertools.combinations(range(5), width):
            found = model.marginal(group)
            if found is None:
                assert group not in groups
                continue
            axes = tuple(j for j in range(5) if j not in group)
            assert np.allclose(found, whole.sum(axis=axes) / whole.sum())


@settings(max_examples=60)
@given(GROUPS)
def test_a_junction_tree_holds_every_group_and_keeps_columns_together(groups: list[tuple[int, ...]]) -> None:
    tree = junction_tree(SIZES, groups)
    assert all(tree.holder(group) is not None for group in groups)
    assert sum(np.prod([SIZES[j] for j in clique]) for clique in tree.cliques) == TreeCells(SIZES, groups).now
    for place, (parent, shared) in enumerate(zip(tree.parents, tree.separators, strict=True)):
        assert parent < place
        before = {j for clique in tree.cliques[:place] for j in clique}
        # What was seen before is shared with the parent: the running intersection property.
        assert set(shared) == set(tree.cliques[place]) & before
        if parent >= 0:
            assert set(shared) <= set(tree.cliques[parent])


@settings(max_examples=60)
@given(GROUPS, GROUPS)
def test_cells_with_one_more_group_are_those_of_the_tree_with_it(
    groups: list[tuple[int, ...]], more: list[tuple[int, ...]]
) -> None:
    cells = TreeCells(SIZES, groups)
    for group in more:
        assert cells.with_group(group) == TreeCells(SIZES, [*groups, group]).now


def test_impossible_cells_are_never_drawn_and_an_impossible_model_says_so() -> None:
    potentials = some_potentials([(0, 1), (1, 2), (3, 4)], 1)
    potentials[(1,)] = np.array([-np.inf, 0.0, -np.inf])
    rows = GraphicalModel(SIZES, potentials).draw(500, np.random.default_rng(2))
    assert set(rows[:, 1]) == {1}
    potentials[(1,)] = np.full(3, -np.inf)
    assert not GraphicalModel(SIZES, potentials).possible


def test_drawn_rows_have_the_probabilities_of_the_model() -> None:
    potentials = some_potentials([(0, 1, 2), (2, 3), (3, 4)], 5)
    whole = joint(potentials)
    whole /= whole.sum()
    rows = GraphicalModel(SIZES, potentials).draw(200_000, np.random.default_rng(3))
    shares = np.bincount(np.ravel_multi_index(rows.T, SIZES), minlength=whole.size) / len(rows)
    assert np.abs(shares - whole.ravel()).sum() / 2 < 0.012


def test_draws_by_a_table_come_as_often_as_expected_up_to_a_row() -> None:
    table = np.array([[0.5, 0.25, 0.25], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    given_rows = np.repeat([0, 1, 2], [400, 50, 30])
    drawn = draw_by_table(table, given_rows, np.random.default_rng(1))
    counts = np.bincount(drawn[:400], minlength=3)
    assert np.abs(counts - [200, 100, 100]).max() <= 1
    assert set(drawn[400:450]) == {2}
    assert set(drawn[450:]) == {0, 1, 2}


def test_exact_marginals_are_met() -> None:
    """A distribution that such a model can have is found again from its own marginals."""
    groups = [(0, 1), (1, 2), (2, 3), (3, 4)]
    whole = joint(some_potentials(groups, 8))
    whole *= 10_000 / whole.sum()
    measured = {}
    for group in [*((j,) for j in range(5)), *groups]:
        axes = tuple(j for j in range(5) if j not in group)
        measured[group] = Measurement(whole.sum(axis=axes), 1.0)
    model, _ = fit_marginals(SIZES, measured, estimate_total(measured), iterations=200, tolerance=1e-3)
    for group, measurement in measured.items():
        assert np.abs(np.asarray(model.marginal(group)) * 10_000 - measurement.counts).max() < 3.0
    axes = (1, 2, 3)
    far = whole.sum(axis=axes)
    drawn = model.draw(200_000, np.random.default_rng(1))
    shares = np.bincount(drawn[:, 0] * 3 + drawn[:, 4], minlength=6).reshape(2, 3) / 200_000
    assert np.abs(shares - far / far.sum()).max() < 0.01


def test_noisy_marginals_are_averaged_by_their_precision() -> None:
    generator = np.random.default_rng(2)
    truth = generator.dirichlet(np.ones(12)).reshape(3, 4) * 5000
    measured = {
        (1,): Measurement(truth.sum(axis=1) + generator.normal(0, 5, 3), 5.0),
        (3,): Measurement(truth.sum(axis=0) + generator.normal(0, 5, 4), 5.0),
        (1, 3): Measurement(truth + generator.normal(0, 50, (3, 4)), 50.0),
    }
    consistent = made_consistent(measured, 5000.0, 5)
    assert np.allclose(consistent[1, 3].sum(axis=1), consistent[1,])
    assert np.allclose(consistent[1, 3].sum(axis=0), consistent[3,])
    assert all(counts.sum() == pytest.approx(5000) for counts in consistent.values())
    # The columns are known better from their own counts than from the pair's.
    assert np.abs(consistent[1,] - truth.sum(axis=1)).max() < 20
    assert estimate_total(measured) == pytest.approx(5000, abs=30)


def test_measuring_again_is_measuring_better() -> None:
    both = Measurement(np.array([10.0]), 1.0).and_again(np.array([20.0]), 2.0)
    assert both.counts[0] == pytest.approx(12.0)
    assert both.sigma == pytest.approx(0.8**0.5)
