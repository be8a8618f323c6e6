"""The sample table of admissions follows the distribution that truth.py works out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import truth
from scipy import stats

DISCRETE = (
    "sex", "age", "region", "insurance", "emergency", "triage",
    "ward", "diagnosis", "previous_admissions", "readmitted",
)  # fmt: skip
CONTINUOUS = ("systolic", "temperature", "weight", "crp", "cost", "copay")
UNLIKELY = 1e-4  # the table is fixed, so each test below either always passes or always fails


@pytest.fixture(scope="module")
def table(admissions: pd.DataFrame) -> pd.DataFrame:
    return admissions.assign(weekend=admissions["admitted"].dt.dayofweek >= 5)


def goodness(counts: np.ndarray, probability: np.ndarray) -> float:
    """The p-value of a chi-square test, with rare values put together."""
    expected = probability * counts.sum()
    assert counts[expected == 0].sum() == 0, "a value that cannot occur"
    rare = expected < 10
    counts = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    return float(stats.chisquare(counts[expected > 0], expected[expected > 0], sum_check=False).pvalue)


def test_the_core_is_a_distribution() -> None:
    assert truth.core()["probability"].sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("column", [*DISCRETE, "admitted"])
def test_marginals(table: pd.DataFrame, column: str) -> None:
    true = truth.probabilities(column)
    assert true.sum() == pytest.approx(1, abs=1e-9)
    counts = table[column].value_counts().reindex(true.index).fillna(0)
    assert counts.sum() == len(table), "a value that the truth does not know"
    assert goodness(counts.to_numpy(), true.to_numpy()) > UNLIKELY


@pytest.mark.parametrize(
    ("column", "given"),
    [("ward", "sex"), ("triage", "emergency"), ("insurance", "ward"), ("diagnosis", "ward"), ("readmitted", "triage"),
     ("emergency", "weekend"), ("previous_admissions", "ward"), ("ward", "insurance")],
)  # fmt: skip
def test_conditionals(table: pd.DataFrame, column: str, given: str) -> None:
    true = truth.probabilities(column, given)
    for value, row in true.iterrows():
        counts = table.loc[table[given] == value, column].value_counts().reindex(true.columns).fillna(0)
        assert goodness(counts.to_numpy(), row.to_numpy()) > UNLIKELY, f"{column} given {given} = {value}"


@pytest.mark.parametrize(
    ("column", "given"), [("discharged", "triage"), ("crp", "emergency"), ("weight", "group"), ("copay", "ward")]
)
def test_nulls(table: pd.DataFrame, column: str, given: str) -> None:
    table = table.assign(group=np.array(truth.generator.AGE_GROUPS)[truth.generator.age_group(table["age"])])
    total = truth.null_probability(column)
    assert stats.binomtest(int(table[column].isna().sum()), len(table), total).pvalue > UNLIKELY
    for value, probability in truth.null_probability(column, given).items():
        null = table.loc[table[given] == value, column].isna()
        assert stats.binomtest(int(null.sum()), len(null), probability).pvalue > UNLIKELY, f"{given} = {value}"


@pytest.mark.parametrize("column", CONTINUOUS)
def test_continuous(table: pd.DataFrame, column: str) -> None:
    present = np.sort(table[column].dropna().to_numpy(dtype=float))
    at = np.unique(present)[:: max(1, len(np.unique(present)) // 500)]
    empirical = np.searchsorted(present, at + 1e-9, side="right") / len(present)
    # The quantile of the Kolmogorov distribution is too large for rounded values, so this errs on the lenient side.
    limit = stats.kstwobign.isf(UNLIKELY) / np.sqrt(len(present))
    assert np.abs(empirical - truth.below(column, at)).max() < limit


def test_rules(table: pd.DataFrame) -> None:
    gone = table["discharged"].notna()
    assert (table["discharged"] >= table["admitted"])[gone].all()
    assert (table["cost"].isna() == ~gone).all()
    assert (table["copay"].isna() == ~gone).all()
    assert (table.loc[table["ward"] == "Obstetrics", "sex"] != "M").all()
    assert table["copay"].max() == truth.generator.COPAY_CAP
    assert table["admission_id"].is_unique


def test_the_file_is_what_the_generator_makes(admissions: pd.DataFrame) -> None:
    made = truth.sample(truth.generator.ROWS, truth.generator.SEED)
    made["triage"] = made["triage"].astype(str)
    pd.testing.assert_frame_equal(admissions, made, check_dtype=False)
