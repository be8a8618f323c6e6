"""Columns of very many levels made narrow, and widened again."""

from __future__ import annotations

import numpy as np
import pytest

from synthdata.encoders.base import UNSEEN, AllowedCells, Encoded, Slot
from synthdata.models.networks.level_groups import (
    group_levels,
    groups_from_state,
    groups_state,
    log_within,
    narrow_rows,
    widen_rows,
)

LEVELS = 2_000


@pytest.fixture(scope="module")
def rows() -> Encoded:
    """A column of many levels, the commonest first and nulls last, of which a second column tells the half."""
    generator = np.random.default_rng(0)
    codes = np.minimum((LEVELS * generator.random(30_000) ** 2).astype(np.int32), LEVELS - 1)
    slots = (Slot("city", LEVELS, False, missing_code=LEVELS - 1), Slot("half", 2, False))
    both = np.column_stack([codes, codes % 2]).astype(np.int32)
    return Encoded(slots, both, np.full(both.shape, np.nan))


def counts(rows: Encoded) -> list[np.ndarray]:
    return [np.bincount(rows.codes[:, j], minlength=slot.cardinality) for j, slot in enumerate(rows.slots)]


@pytest.fixture(scope="module")
def groups(rows):
    return group_levels(rows, counts(rows), 100, np.random.default_rng(1))


def test_only_wide_columns_are_grouped(groups, rows):
    assert groups[0].slot.cardinality == 100
    assert groups[1].slot is rows.slots[1]
    assert np.bincount(groups[0].group[[0, 1, 2, LEVELS - 1]]).max() == 1


def test_the_missing_code_stands_alone(groups):
    missing = groups[0].slot.missing_code
    assert (groups[0].group == missing).sum() == 1
    assert groups[0].group[LEVELS - 1] == missing


def test_there_and_back_keeps_what_stands_alone_and_the_frequencies(groups, rows):
    narrow = narrow_rows(rows, groups)
    wide = widen_rows(narrow, groups, np.random.default_rng(2))
    np.testing.assert_array_equal(narrow_rows(wide, groups).codes, narrow.codes)
    common = rows.codes[:, 0] < 10
    np.testing.assert_array_equal(wide.codes[common], rows.codes[common])
    before, after = counts(rows)[0], counts(wide)[0]
    assert np.abs(before - after).sum() / before.sum() < 0.35
    assert np.corrcoef(before, after)[0, 1] > 0.97


def test_like_levels_share_a_group(groups):
    """Where a second column tells even from odd levels, groups of several levels are nearly all of one kind."""
    group = groups[0].group
    shared = [np.flatnonzero(group == k) for k in range(100) if (group == k).sum() > 1]
    purity = [max((levels % 2).mean(), 1 - (levels % 2).mean()) for levels in shared]
    assert np.mean(purity) > 0.9


def test_shares_inside_a_group_add_up_to_one(groups, rows):
    np.testing.assert_allclose(np.bincount(groups[0].group, weights=groups[0].shares), 1)
    every = Encoded(rows.slots, np.zeros((LEVELS, 2), dtype=np.int32), np.full((LEVELS, 2), np.nan))
    every.codes[:, 0] = np.arange(LEVELS)
    total = np.bincount(groups[0].group, weights=np.exp(log_within(every, groups)))
    np.testing.assert_allclose(total, 1)


def test_unknown_cells_stay_unknown(groups):
    assert groups[0].narrow(np.array([UNSEEN, 0])).tolist() == [UNSEEN, groups[0].group[0]]


def test_conditions_hold_inside_groups(groups, rows):
    wanted = AllowedCells(np.arange(LEVELS) % 3 == 0)
    share = groups[0].allowed(wanted)
    assert share.shape == (100,)
    assert ((share > 0) & (share < 1)).any()
    met = share > 0
    narrow = np.flatnonzero(met).astype(np.int32)
    codes = groups[0].widen(np.tile(narrow, 50), np.random.default_rng(3), wanted.codes)
    assert (codes % 3 == 0).all()
    np.testing.assert_array_equal(groups[0].narrow(codes), np.tile(narrow, 50))


def test_groups_survive_a_file(groups, rows):
    again = groups_from_state(groups_state(groups), rows.slots)
    for before, after in zip(groups, again, strict=True):
        np.testing.assert_array_equal(before.group, after.group)
        np.testing.assert_array_equal(before.shares, after.shares)
    assert not any(name.startswith("1/") for name in groups_state(groups).arrays)
