"""Shape and trend equal sdmetrics where the definitions coincide, and hand-written ones everywhere."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest

from synthdata.random import SeedTree
from synthdata.table.schema import Column, Schema
from synthdata.table.table import Table
from synthdata.validation.base import Comparison
from synthdata.validation.fidelity.shape import shape
from synthdata.validation.fidelity.trend import trend

pytestmark = pytest.mark.sdv
EXACT = 1e-9
SCHEMA = Schema(
    columns=(
        Column(name="amount", kind="numerical", dtype="float64", nullable=True),
        Column(name="age", kind="numerical", dtype="int64"),
        Column(name="city", kind="categorical", nullable=True),
        Column(name="member", kind="boolean", dtype="bool"),
        Column(name="since", kind="datetime", dtype="datetime64[ns]"),
    )
)
NUMBERS = ("amount", "age", "since")


def frame(rows: int, seed: int, shift: float) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    age = generator.integers(18, 80, rows)
    return pd.DataFrame(
        {
            "amount": np.round(generator.lognormal(3 + age / 100 + shift, 1, rows), 2),
            "age": age,
            "city": generator.choice(
                np.array(["Rome", "Oslo", "Łódź", "rare"], object), rows, p=[0.5, 0.3, 0.19, 0.01]
            ),
            "member": generator.random(rows) < 0.3 + shift,
            "since": pd.Timestamp("2015-01-01") + pd.to_timedelta(generator.integers(0, 3000, rows) + age, unit="D"),
        }
    )


@pytest.fixture(scope="module")
def frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    return frame(3000, 1, 0.0), frame(2000, 2, 0.2)


@pytest.fixture(scope="module")
def compared(frames: tuple[pd.DataFrame, pd.DataFrame]) -> Comparison:
    return Comparison.of(Table(frames[0], SCHEMA), None, Table(frames[1], SCHEMA))


def test_columns_equal_sdmetrics(compared: Comparison, frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    from sdmetrics.single_column import KSComplement, TVComplement

    columns = shape(compared, SeedTree(0)).columns
    for name, figure in columns.items():
        metric = KSComplement if name in NUMBERS else TVComplement
        theirs = metric.compute(real_data=frames[0][name], synthetic_data=frames[1][name])
        assert figure.value == pytest.approx(1 - theirs, abs=EXACT), name


def test_pairs_equal_sdmetrics(compared: Comparison, frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    from sdmetrics.column_pairs import ContingencySimilarity, CorrelationSimilarity

    error = trend(compared, SeedTree(0)).error
    names = list(compared.names)
    for a, b in itertools.combinations(names, 2):
        pair = [part.assign(since=part["since"].astype("int64"))[[a, b]] for part in frames]  # it cannot bin dates
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if a in NUMBERS and b in NUMBERS:
                theirs = CorrelationSimilarity.compute(*pair)
            else:
                continuous = [name for name in (a, b) if name in NUMBERS]
                theirs = ContingencySimilarity.compute(*pair, continuous_column_names=continuous or None)
        assert error[names.index(a), names.index(b)] == pytest.approx(1 - theirs, abs=EXACT), (a, b)


def test_the_scores_equal_a_quality_report(compared: Comparison, frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sdmetrics.reports.single_table import QualityReport

    kinds = {"amount": "numerical", "age": "numerical", "city": "categorical", "member": "boolean", "since": "datetime"}
    metadata = {"columns": {name: {"sdtype": kind} for name, kind in kinds.items()}}
    report = QualityReport()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report.generate(*frames, metadata, verbose=False)
    scores = report.get_properties().set_index("Property")["Score"]
    assert 1 - (shape(compared, SeedTree(0)).figure.value or 0) == pytest.approx(scores["Column Shapes"], abs=EXACT)


def test_with_nulls_ours_differs_as_documented() -> None:
    """sdmetrics drops nulls; here a null is a value, so a column that is all there and half there differ by a half."""
    from sdmetrics.single_column import KSComplement

    full = pd.DataFrame({"x": np.arange(100.0)})
    half = full.assign(x=np.where(full.index % 2 == 0, full["x"], np.nan))
    schema = Schema(columns=(Column(name="x", kind="numerical", dtype="float64", nullable=True),))
    value = shape(Comparison.of(Table(full, schema), None, Table(half, schema)), SeedTree(0)).figure.value
    assert 1 - KSComplement.compute(full["x"], half["x"]) < 0.02
    assert value == pytest.approx(0.5)
