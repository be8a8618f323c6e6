"""Shape, trend and detection: definitions by hand, symmetry, nulls, and figures that mean what they say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from synthdata.random import SeedTree
from synthdata.table.schema import Column, Schema
from synthdata.table.table import Table
from synthdata.validation.base import Comparison, NotComputable
from synthdata.validation.fidelity.detection import auc_with_deviation, detection, score
from synthdata.validation.fidelity.shape import shape, shape_distances
from synthdata.validation.fidelity.trend import PairCodes, correlations, pair_errors, trend

SEED = SeedTree(0)


def everything(comparison: Comparison, side: str = "synthetic") -> np.ndarray:
    rows = [np.arange(comparison.rows(s)) for s in ("train", side)]
    return pair_errors(PairCodes.of(comparison.views), side, *rows)  # type: ignore[arg-type]


def test_equal_tables_have_no_error(mixed: Callable[[int, int], Table]) -> None:
    table = mixed(200, 1)
    compared = Comparison.of(table, table, table)
    assert shape(compared, SEED).figure.value == 0
    assert trend(compared, SEED).figure.value == pytest.approx(0, abs=1e-12)


def test_shape_is_symmetric(mixed: Callable[[int, int], Table]) -> None:
    a, b = mixed(200, 1), mixed(150, 2)
    one, other = (shape_distances(Comparison.of(x, None, y), "synthetic") for x, y in ((a, b), (b, a)))
    assert np.allclose(one, other)


def test_shape_counts_a_null_as_a_category(compare: Callable[..., Comparison]) -> None:
    schema = Schema(columns=(Column(name="c", kind="categorical", nullable=True),))
    frames = [pd.DataFrame({"c": v}, dtype=object) for v in (["a", "a", "b", "b"], ["a", "a", None, None])]
    assert shape_distances(compare(*frames, schema=schema), "synthetic") == pytest.approx([0.5])


def test_the_interval_is_about_as_wide_as_the_figure_varies(mixed: Callable[[int, int], Table]) -> None:
    values = [shape(Comparison.of(mixed(600, 2 * i), None, mixed(600, 2 * i + 1)), SEED).figure for i in range(30)]
    spread = np.std([figure.value for figure in values])
    widths = [(figure.interval[1] - figure.value) / 1.96 for figure in values if figure.interval and figure.value]
    assert 0.5 < np.mean(widths) / spread < 2


def test_the_reference_is_the_holdouts_own_figure(mixed: Callable[[int, int], Table]) -> None:
    train, holdout, synthetic = mixed(400, 1), mixed(100, 2), mixed(400, 3)
    figure = shape(Comparison.of(train, holdout, synthetic), SEED).figure
    assert figure.reference == shape(Comparison.of(train, None, holdout), SEED).figure.value
    assert figure.matched is not None
    assert figure.matched > (figure.value or 0)  # fewer rows are noisier
    assert shape(Comparison.of(train, None, synthetic), SEED).figure.text is not None


def test_trend_sees_what_shape_does_not(mixed: Callable[[int, int], Table]) -> None:
    real = mixed(2000, 1)
    generator = np.random.default_rng(0)
    shuffled = pd.DataFrame({name: real.frame[name].to_numpy()[generator.permutation(2000)] for name in real.frame})
    compared = Comparison.of(real, None, Table.of(shuffled, real.schema))
    assert shape(compared, SEED).figure.value == 0
    found = trend(compared, SEED)
    names = list(compared.names)
    assert found.error[names.index("income"), names.index("grade")] > 0.15
    assert found.error[names.index("income"), names.index("smoker")] > 0.05  # lies in the nulls alone
    assert np.allclose(found.error, found.error.T)


def test_numbers_whose_nulls_hang_together_are_compared_by_their_nulls() -> None:
    generator = np.random.default_rng(0)
    schema = Schema(columns=tuple(Column(name=n, kind="numerical", dtype="float64", nullable=True) for n in "ab"))
    both = generator.random(1000) < 0.5
    real = pd.DataFrame({n: np.where(both, np.nan, generator.normal(size=1000)) for n in "ab"})
    apart = pd.DataFrame({n: np.where(generator.random(1000) < 0.5, np.nan, generator.normal(size=1000)) for n in "ab"})
    compared = Comparison.of(Table(real, schema), None, Table(apart, schema))
    assert everything(compared)[0, 1] == pytest.approx(0.5, abs=0.05)


def test_a_constant_column_has_correlation_zero() -> None:
    schema = Schema(columns=tuple(Column(name=n, kind="numerical", dtype="float64") for n in "ab"))
    x = np.arange(50.0)
    real = Table(pd.DataFrame({"a": x, "b": x}), schema)
    made = Table(pd.DataFrame({"a": x, "b": np.ones(50)}), schema)
    assert everything(Comparison.of(real, None, made))[0, 1] == pytest.approx(0.5)


def test_correlations_with_nulls_are_pandas() -> None:
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(generator.normal(size=(300, 4)) @ generator.normal(size=(4, 4)) + 1e6)
    frame = frame.mask(generator.random(frame.shape) < 0.2)
    assert np.allclose(correlations([frame[c].to_numpy() for c in frame]), frame.corr(), atol=1e-9)


def test_correlations_survive_huge_numbers() -> None:
    x = np.array([1e300, -1e300, 5e299])
    assert correlations([x, x])[0, 1] == pytest.approx(1)


def test_many_categories_are_counted_alike_dense_or_sparse(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    schema = Schema(columns=tuple(Column(name=n, kind="categorical") for n in "ab"))
    tables = [
        Table(pd.DataFrame({n: generator.integers(0, 40, 500).astype(str) for n in "ab"}), schema) for _ in range(2)
    ]
    compared = Comparison.of(tables[0], None, tables[1])
    dense = everything(compared)
    monkeypatch.setattr("synthdata.validation.fidelity.trend.DENSE_CELLS", 10)
    assert np.allclose(dense, everything(compared))


def test_one_column_has_no_pairs(compare: Callable[..., Comparison]) -> None:
    frame = pd.DataFrame({"x": np.arange(30.0)})
    with pytest.raises(NotComputable, match="no pair"):
        trend(compare(frame, frame), SEED)


def test_detection_finds_nothing_in_fresh_rows_and_all_in_others(mixed: Callable[[int, int], Table]) -> None:
    train, holdout, fresh = mixed(800, 1), mixed(400, 2), mixed(800, 3)
    found = detection(Comparison.of(train, holdout, fresh), SEED)
    assert (found.figure.value or 0) > 0.85
    assert (found.figure.reference or 0) > 0.8
    assert found.figure.interval is not None
    shifted = Table.of(fresh.frame.assign(age=fresh.frame["age"] + 40), fresh.schema)
    told = detection(Comparison.of(train, holdout, shifted), SEED)
    assert (told.figure.value or 0) < 0.6
    assert told.columns[0][0] == "age"
    assert {name for name, _ in told.columns} == {"age", "income", "city", "smoker", "seen", "grade"}


def test_detection_says_why_it_cannot(mixed: Callable[[int, int], Table]) -> None:
    with pytest.raises(NotComputable, match="at least 20 rows"):
        detection(Comparison.of(mixed(100, 1), None, mixed(10, 2)), SEED)


def test_auc_is_scikit_learns() -> None:
    generator = np.random.default_rng(0)
    label, guess = generator.random(300) < 0.4, np.round(generator.normal(size=300), 1)
    auc, deviation = auc_with_deviation(label, guess)
    assert auc == pytest.approx(roc_auc_score(label, guess), abs=1e-12)
    draws = [np.random.default_rng(i).integers(0, 300, 300) for i in range(300)]
    assert deviation == pytest.approx(np.std([roc_auc_score(label[d], guess[d]) for d in draws]), rel=0.2)
    assert [score(0.3), score(0.5), score(1.0)] == [1.0, 1.0, 0.0]
