"""The attack on a model's own loss sees rows that were repeated in training, and says nothing where none were.

How often, over 59 runs on two tables, is measured by tests/benchmarks/own_models_power.py.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import synthdata
from synthdata.intake import prepare
from synthdata.random import SeedTree
from synthdata.table.table import Table
from synthdata.validation.base import Comparison
from synthdata.validation.privacy.membership import by_loss
from synthdata.validation.privacy.pool import Pool
from synthdata.validation.privacy.verdict import FORGETS, LEANS, REMEMBERS, verdict

ROWS, REPEATED, TIMES = 1_500, 75, 20


@pytest.fixture(scope="module")
def table(admissions: pd.DataFrame) -> Table:
    return prepare(admissions.drop(columns=["admission_id", "patient_name", "admitted", "discharged"]), None)


def remembered(table: Table, model: str, often: int, seed: int, *, strange: bool = False) -> str:
    """What the verdict says of the model itself; ``often`` is how often a twentieth of its rows stood in training.

    With ``strange`` the model was fitted on other rows than those that are judged.
    """
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(table))
    train, holdout, others = (table.take(np.sort(order[i * ROWS : (i + 1) * ROWS])) for i in range(3))
    times = np.where(np.arange(ROWS) < REPEATED, often, 1)
    learnt = (others if strange else train).take(generator.permutation(np.repeat(np.arange(ROWS), times)))
    fitted = synthdata.make_model(model).fit(learnt, seed=seed)
    made = Table.of(fitted.sample(ROWS, seed=seed + 1), table.schema.kept)
    compared, seeds = Comparison.of(train, holdout, made), SeedTree(seed)
    attack = by_loss(Pool.draw(compared, seeds.child("pool")), fitted.log_prob, seeds)
    return str(verdict(compared, None, None, [], [attack]).model)


@pytest.mark.parametrize("seed", [1, 2])
def test_rows_that_stood_in_training_twenty_times_are_seen(table: Table, seed: int) -> None:
    assert remembered(table, "bayesnet", TIMES, seed) == REMEMBERS


@pytest.mark.parametrize("model", ["independent", "bayesnet"])
def test_a_model_is_not_accused_of_rows_that_it_never_saw(table: Table, model: str) -> None:
    assert remembered(table, model, 1, 1, strange=True) == FORGETS


def test_shares_of_single_columns_are_no_memory(table: Table) -> None:
    """The rows that were counted are a little likelier by their own counts; that is a lean, and no row is kept."""
    assert remembered(table, "independent", 1, 1) in (FORGETS, LEANS)
