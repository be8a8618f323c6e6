"""Which marginals are measured."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from odd_tables import wide
from scipy.sparse import csr_array
from scipy.sparse.csgraph import minimum_spanning_tree

from synthdata.errors import ModelError
from synthdata.models.aim import AIM, MOST_COLUMNS
from synthdata.models.marginal.adaptive import spanning_tree
from synthdata.models.marginal.measured_cells import Comparison, ExactCells
from synthdata.models.registry import make_model
from synthdata.privacy.ledger import Privacy
from synthdata.progress import silent


def chained(n: int = 2000, d: int = 7) -> np.ndarray:
    """Cells (n, d) of three values each, in which every column follows an earlier one."""
    generator = np.random.default_rng(4)
    cells = generator.integers(3, size=(n, d))
    for j in range(1, d):
        same = generator.random(n) < 0.3 + 0.08 * j
        cells[same, j] = cells[same, generator.integers(j)]
    return cells


def test_without_noise_the_tree_is_the_largest_spanning_tree_of_the_dependences() -> None:
    cells = chained()
    n, d = cells.shape
    _, _, measured = spanning_tree(
        ExactCells(cells, [3] * d, 1.0), 1.0, np.random.default_rng(0), silent(), iterations=5
    )
    weights = np.zeros((d, d))
    for a, b in itertools.combinations(range(d), 2):
        counts = np.bincount(3 * cells[:, a] + cells[:, b], minlength=9).reshape(3, 3)
        weights[a, b] = np.abs(counts - np.outer(counts.sum(axis=1), counts.sum(axis=0)) / n).sum()
    best = minimum_spanning_tree(csr_array(-weights)).nonzero()
    expected = {(int(a), int(b)) for a, b in zip(*best, strict=True)}
    assert {group for group in measured if len(group) == 2} == expected


def test_a_comparison_is_made_once_however_often_it_is_asked() -> None:
    asked: list[tuple[int, ...]] = []

    def even(group: tuple[int, ...]) -> np.ndarray:
        asked.append(group)
        return np.full(3, 2000 / 3)

    cells = ExactCells(np.repeat([[0, 0, 1]], 2000, axis=0), [3, 3, 3], 1.0)
    comparison = Comparison([(0,), (1,), (2,)], even, np.zeros(3), np.array([1.0, 2.0, 1.5]))
    assert cells.choose(comparison, 1.0) == 1
    assert cells.choose(comparison, 1.0, among=np.array([0, 2])) == 2
    assert asked == [(0,), (1,), (2,)]


def test_aim_declines_more_columns_than_it_can_weigh_up_and_says_what_to_take() -> None:
    frame, schema = wide(MOST_COLUMNS + 1)
    with pytest.raises(ModelError, match="201 columns are more") as refused:
        AIM().fit(frame, schema=schema)
    assert "mst" in str(refused.value)
    model = make_model("gmm", max_components=1)
    model.fit(frame, schema=schema, privacy=Privacy(5.0, seed=1))
    assert "gmm was then fitted" in model.ledger_["method"]
