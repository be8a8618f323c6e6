"""How a column's cells are put into groups that parents are told apart by."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthdata.models.bayesnet import BayesNet
from synthdata.models.bayesnet_groups import even_runs


def test_a_cell_that_most_rows_have_leaves_the_other_groups_to_the_rest() -> None:
    counts = np.array([900, *[5] * 20])
    runs = even_runs(counts, 6)
    assert runs.max() == 5
    assert list(np.bincount(runs, weights=counts)) == [900, 20, 20, 20, 20, 20]


@pytest.mark.parametrize("most", [1, 2, 7, 24])
def test_runs_are_neighbours_and_no_more_than_asked_for(most: int) -> None:
    counts = np.random.default_rng(0).geometric(0.02, size=60)
    counts[[3, 30, 59]] = 2_000
    runs = even_runs(counts, most)
    assert set(np.diff(runs)) <= {0, 1}
    assert runs[0] == 0
    assert runs.max() + 1 <= most


def test_cells_without_rows_need_no_groups() -> None:
    assert set(even_runs(np.zeros(9), 3)) <= {0, 1, 2}


def test_a_column_is_a_parent_only_once_whatever_its_gradation() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=3_000)
    noise = generator.normal(size=(2, 3_000)) / 9
    frame = pd.DataFrame({"x": x, "y": x + noise[0], "z": x + noise[1]})
    model = BayesNet().fit(frame, seed=0)
    d = len(model.cuts_)
    for table in model.tables_:
        columns = [parent % d for parent in table.parents]
        assert len(columns) == len(set(columns))
    assert abs(model.sample(3_000, seed=0).corr().loc["y", "z"] - frame.corr().loc["y", "z"]) < 0.1


@pytest.mark.parametrize(("seed", "n"), [(11, 92), (14, 96), (27, 60)])
def test_a_group_at_the_end_of_the_line_may_have_no_rows(seed: int, n: int) -> None:
    generator = np.random.default_rng(seed)
    generator.integers(60, 300)
    hours = np.where(generator.random(n) < 0.5, 40, generator.normal(40, 12, n).round())
    gain = np.where(generator.random(n) < 0.9, 0, generator.integers(1, 40, n) * 100)
    frame = pd.DataFrame({"hours": hours, "gain": gain, "age": generator.integers(18, 80, n)})
    model = BayesNet().fit(frame, seed=seed)
    assert np.isfinite(model.log_prob(frame)).all()


@pytest.mark.parametrize("seed", [2, 8])
def test_no_number_that_the_table_holds_is_impossible(seed: int) -> None:
    # Numbers that several rows share are spread over bins in learning, and a bin between them may go empty.
    generator = np.random.default_rng(seed)
    some = [8, 10, 12, 15, 16, 20, 24, 25, 28, 30, 32, 35, 36, 38, 42, 43, 44, 45, 46, 48, 50, 52, 55, 60, 65, 70]
    weights = generator.random(26) ** 3
    other = generator.choice(some, 450, p=weights / weights.sum())
    hours = np.where(generator.random(450) < 0.5, 40, other)
    frame = pd.DataFrame({"hours": hours, "town": np.where(generator.random(450) < hours / 80, "a", "b")})
    model = BayesNet().fit(frame.assign(age=generator.integers(18, 80, 450)), seed=seed)
    assert np.isfinite(model.log_prob(frame.assign(age=50))).all()
