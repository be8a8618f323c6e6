"""Associations against scipy, and attacks against scikit-learn's neighbours and plain counting."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.neighbors import NearestNeighbors

from synthdata.random import SeedTree
from synthdata.table.table import Table
from synthdata.validation.associations import correlation_ratio, cramers_v
from synthdata.validation.base import Comparison
from synthdata.validation.privacy.attribute_inference import attribute_inference
from synthdata.validation.privacy.linkability import linkability
from synthdata.validation.privacy.pool import Pool


@pytest.mark.parametrize("seed", range(4))
def test_cramers_v_is_scipys_with_bergsmas_correction(seed: int) -> None:
    generator = np.random.default_rng(seed)
    a = generator.integers(0, 4, 500)
    b = np.where(generator.random(500) < 0.3, a, generator.integers(0, 6, 500))
    table = pd.crosstab(a, b).to_numpy()
    n, (r, k) = table.sum(), table.shape
    phi2 = stats.chi2_contingency(table, correction=False).statistic / n
    corrected = max(0.0, phi2 - (r - 1) * (k - 1) / (n - 1))
    least = min(r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)) - 1
    assert cramers_v(a, b) == pytest.approx(np.sqrt(corrected / least), abs=1e-12)
    assert cramers_v(a, b) == pytest.approx(cramers_v(b, a), abs=1e-12)
    # Without the correction it is scipy's own, which is a little larger.
    assert cramers_v(a, b) < stats.contingency.association(table, method="cramer")


@pytest.mark.parametrize("seed", range(4))
def test_the_correlation_ratio_is_that_of_scipys_analysis_of_variance(seed: int) -> None:
    generator = np.random.default_rng(seed)
    codes = generator.integers(0, 5, 400)
    numbers = generator.normal(size=400) + 0.4 * codes
    f = stats.f_oneway(*(numbers[codes == code] for code in range(5))).statistic
    share = f * 4 / (f * 4 + 395)
    assert correlation_ratio(codes, numbers) == pytest.approx(np.sqrt(share), abs=1e-12)


def people(n: int, seed: int) -> Table:
    generator = np.random.default_rng(seed)
    age = generator.integers(18, 90, n)
    income = np.exp(generator.normal(8 + age / 50, 0.5))
    smokes = np.where(generator.random(n) < 0.3, "yes", "no").astype(object)
    grade = pd.cut(income, 4, labels=list("dcba")).astype(object)
    city = generator.choice(["Rome", "Oslo", "Paris"], n).astype(object)
    return Table.of(pd.DataFrame({"age": age, "income": income, "smokes": smokes, "grade": grade, "city": city}))


@pytest.fixture(scope="module")
def pool() -> Pool:
    return Pool.draw(Comparison.of(people(300, 1), people(200, 2), people(300, 3)), SeedTree(0))


def nearest(pool: Pool, only: list[str]) -> np.ndarray:
    """The positions of the nearest synthetic rows, by scikit-learn, in double precision."""
    points = (side(only).astype(np.float64) for side in (pool.synthetic_points, pool.real_points))
    made, real = points
    return NearestNeighbors(n_neighbors=1, algorithm="brute").fit(made).kneighbors(real)[1][:, 0]


def test_attribute_inference_is_counted_by_scikit_learns_neighbours(pool: Pool) -> None:
    found = attribute_inference(pool, SeedTree(1))
    by_name = {view.name: (index, view) for index, view in enumerate(pool.comparison.views)}
    for column in found.facts["columns"]:
        index, view = by_name[column["name"]]
        if view.continuous:
            continue
        at = nearest(pool, [name for name in by_name if name != view.name])
        right = view.values("synthetic", pool.synthetic)[at] == pool.real_values(index)
        # Equally near rows are taken in another order: a few rows in a hundred at most.
        assert column["members"] == pytest.approx(right[pool.member].mean(), abs=0.03)
        assert column["others"] == pytest.approx(right[~pool.member].mean(), abs=0.03)


def test_linkability_is_counted_by_scikit_learns_neighbours(pool: Pool) -> None:
    found = linkability(pool, SeedTree(1))
    first, second = (nearest(pool, half) for half in found.facts["columns"])
    linked = first == second
    assert found.facts["members"] == pool.member.sum()
    assert found.facts["members_hit"] / pool.member.sum() == pytest.approx(linked[pool.member].mean(), abs=0.03)
    assert found.facts["others_hit"] / (~pool.member).sum() == pytest.approx(linked[~pool.member].mean(), abs=0.03)
