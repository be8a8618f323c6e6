"""Number columns in the same unit that often hold nearly the same number."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from synthdata.encoders.base import Encoded
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.models.networks.nets import EDGE, scores
from synthdata.models.networks.same_scale import POINTS, lead_table, same_scale_pairs
from synthdata.table.table import Table

NAMES = ["bill", "other", "payment", "weight"]


@pytest.fixture(scope="module")
def learnt() -> tuple[TableEncoder, Encoded, pd.DataFrame]:
    """A third of the payments are the bill; weights have nothing to do with either, and lie elsewhere."""
    generator = np.random.default_rng(0)
    bill = generator.lognormal(7, 1, 5_000)
    payment = np.where(generator.random(5_000) < 0.35, bill, generator.lognormal(5, 1.5, 5_000))
    columns = (bill, generator.lognormal(7, 1, 5_000), payment, generator.normal(70, 10, 5_000))
    frame = pd.DataFrame(dict(zip(NAMES, np.round(columns, 2), strict=True)))
    table = Table.of(frame, {"columns": [{"name": name, "kind": "numerical", "decimals": 2} for name in NAMES]})
    encoder = TableEncoder(transform="uniform").fit(table, generator)
    return encoder, encoder.encode(table, generator), frame


def test_only_what_is_often_equal_makes_a_pair(learnt):
    encoder, encoded, _ = learnt
    pairs = same_scale_pairs(encoder, encoded, np.random.default_rng(1))
    assert pairs.tolist() == [[0, 2]]


def test_a_table_leads_from_one_scale_to_the_other(learnt):
    encoder, encoded, frame = learnt
    table = lead_table(encoder, 0, 2)
    assert table.shape == (POINTS,)
    assert (np.diff(table) >= 0).all()
    z = scores(torch.from_numpy(encoded.values)).numpy()
    led = np.interp(z[:, 0], np.linspace(-EDGE, EDGE, POINTS), table)
    equal = (frame["bill"] == frame["payment"]).to_numpy()
    assert np.median(np.abs(led - z[:, 2])[equal]) < 0.01
    assert np.median(np.abs(led - z[:, 2])[~equal]) > 0.3


def test_a_table_without_numbers_has_no_pairs():
    table = Table.of(pd.DataFrame({"a": list("xy") * 50, "b": list("uv") * 50}))
    encoder = TableEncoder(transform="uniform").fit(table, np.random.default_rng(0))
    pairs = same_scale_pairs(encoder, encoder.encode(table, np.random.default_rng(0)), np.random.default_rng(0))
    assert pairs.shape == (0, 2)
