"""Pruned trees: what they find, that they do not follow noise, and how rows reach their leaves."""

from __future__ import annotations

import numpy as np

from synthdata.models.partition import grow


def grown(x: np.ndarray, y: np.ndarray, min_leaf: int = 20, trees: int = 3):
    return grow(x, y[:, None].astype(float), y, min_leaf, trees, np.random.default_rng(1))


def test_noise_is_not_split():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(4000, 8)), generator.integers(0, 3, 4000)
    splits = grown(x, y)
    assert splits.leaf[-1] + 1 <= 3 + 4  # one leaf a tree but for the odd chance finding


def test_steps_are_found_by_every_tree():
    generator = np.random.default_rng(0)
    x = generator.uniform(size=(4000, 3))
    y = (x[:, 1] > 0.3).astype(np.int64) + (x[:, 2] > 0.6)
    splits = grown(x, y)
    for tree in range(3):
        leaves = splits.leaves(x, np.full(len(x), tree))
        shares = np.array([np.bincount(y[leaves == leaf], minlength=3).max() for leaf in np.unique(leaves)])
        assert shares.sum() > 0.98 * len(x)


def test_leaves_hold_as_many_rows_as_asked_for_and_belong_to_one_tree():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(3000, 2))
    y = np.digitize(x[:, 0] + 0.3 * generator.normal(size=3000), [-1, 0, 1])
    splits = grown(x, y, min_leaf=50)
    seen = [np.unique(splits.leaves(x, np.full(len(x), tree)), return_counts=True) for tree in range(3)]
    assert min(counts.min() for _, counts in seen) >= 50
    assert len(np.unique(np.concatenate([leaves for leaves, _ in seen]))) == splits.leaf[-1] + 1


def test_rows_may_go_down_different_trees():
    generator = np.random.default_rng(0)
    x = generator.uniform(size=(2000, 1))
    splits = grown(x, (x[:, 0] > 0.5).astype(np.int64))
    mixed = np.arange(len(x)) % 3
    each = np.column_stack([splits.leaves(x, np.full(len(x), tree)) for tree in range(3)])
    assert (splits.leaves(x, mixed) == each[np.arange(len(x)), mixed]).all()


def test_too_few_rows_and_constant_targets_stay_whole():
    x = np.arange(30.0)[:, None]
    assert grown(x, (x[:, 0] > 14).astype(np.int64), min_leaf=20).leaf[-1] + 1 == 3
    assert grown(np.tile(x, (10, 1)), np.zeros(300, dtype=np.int64)).leaf[-1] + 1 == 3
