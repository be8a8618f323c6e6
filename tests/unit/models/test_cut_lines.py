"""Number lines cut into bins, and joined again."""

from __future__ import annotations

import numpy as np
import pytest

from synthdata.encoders.base import UNSEEN, AllowedCells, Encoded, Slot
from synthdata.models.networks.cut_lines import (
    allowed_shares,
    counts_of,
    cut_lines,
    cut_rows,
    cut_slot,
    cuts_from,
    join_rows,
    log_bins,
    on_lines,
)

SLOTS = (
    Slot("x", 3, True, missing_code=2, positions=np.array([np.nan, 0.25, np.nan])),
    Slot("y", 1, True, positions=np.array([np.nan])),
    Slot("a", 4, False),
)
N = 1_000


@pytest.fixture
def rows() -> Encoded:
    generator = np.random.default_rng(0)
    codes = np.column_stack([generator.integers(0, slot.cardinality, N) for slot in SLOTS]).astype(np.int32)
    values = np.where((codes == 0) & [True, True, False], generator.random((N, 3)), np.nan)
    codes[:5, 0], values[:5, 0] = UNSEEN, np.nan
    return Encoded(SLOTS, codes, values)


@pytest.fixture
def cuts(rows):
    return cut_lines(SLOTS, {0: 50}, (~np.isnan(rows.values)).sum(axis=0).tolist(), 20)


def test_only_chosen_lines_are_cut_and_never_into_bins_of_few_rows(cuts, rows):
    x_rows = int((~np.isnan(rows.values[:, 0])).sum())
    assert [cutting.count for cutting in cuts] == [x_rows // 50, 1, 0]
    assert cut_slot(cuts[1]) is SLOTS[1]
    assert cut_slot(cuts[2]) is SLOTS[2]


def test_there_and_back_again(cuts, rows):
    inner = cut_rows(rows, cuts)
    assert ((inner.values >= 0) & (inner.values <= 1) | np.isnan(inner.values)).all()
    assert inner.codes[:, 0].max() == cut_slot(cuts[0]).missing_code
    again = join_rows(inner, cuts)
    np.testing.assert_array_equal(again.codes, rows.codes)
    np.testing.assert_allclose(again.values, rows.values, atol=1e-12)


def test_cells_on_a_line_are_told_from_others(cuts, rows):
    np.testing.assert_array_equal(on_lines(cut_rows(rows, cuts).codes, cuts), ~np.isnan(rows.values))


def test_places_of_bins_and_of_other_codes(cuts):
    slot = cut_slot(cuts[0])
    count = cuts[0].count
    np.testing.assert_allclose(slot.positions[:count], (np.arange(count) + 0.5) / count)
    assert slot.positions[count] == 0.25
    assert np.isnan(slot.positions[count + 1])


def test_a_bin_counts_as_far_as_a_condition_covers_it():
    cutting = cut_lines(SLOTS, {0: 50}, [500, 0, 0], 10)[0]
    shares = allowed_shares(np.ones(3), AllowedCells(np.ones(3, dtype=bool), 0.15, 0.4), cutting)
    np.testing.assert_allclose(shares, [0, 0.5, 1, 1, *np.zeros(6), 1, 1], atol=1e-12)
    point = allowed_shares(np.array([1.0, 0, 0]), AllowedCells(np.array([True, False, False]), 0.33, 0.33), cutting)
    assert np.flatnonzero(point).tolist() == [3]


def test_densities_count_the_bins(cuts, rows):
    expected = np.where(np.isnan(rows.values[:, 0]), 0.0, np.log(cuts[0].count))
    np.testing.assert_allclose(log_bins(cut_rows(rows, cuts), cuts), expected)


def test_cuts_survive_a_file(cuts):
    assert cuts_from(SLOTS, counts_of(cuts)) == cuts
