"""The map of whole rows: densities only, nobody alone on it, and what is missing is seen."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthdata.random import SeedTree
from synthdata.table.infer import infer
from synthdata.table.table import Table
from synthdata.validation.base import Comparison
from synthdata.validation.fidelity.landscape import LEAST, landscape


def rows(n: int, seed: int, *, kinds: str = "ab") -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    kind = generator.choice(list(kinds), n)
    x = generator.normal(0, 1, n) + 4 * (kind == "b")
    gaps = generator.random(n) < 0.1
    return pd.DataFrame({"kind": kind, "x": np.where(gaps, np.nan, x), "y": x + generator.normal(0, 0.3, n)})


def compared(train: pd.DataFrame, synthetic: pd.DataFrame, holdout: pd.DataFrame | None = None) -> Comparison:
    schema = infer(train).schema
    tables = [None if frame is None else Table.of(frame, schema) for frame in (train, holdout, synthetic)]
    assert tables[0] is not None
    assert tables[2] is not None
    return Comparison.of(tables[0], tables[1], tables[2])


def test_alike_tables_have_alike_maps_and_a_missing_kind_is_seen() -> None:
    train = rows(4_000, 0)
    for synthetic, alike in ((rows(4_000, 1), True), (rows(4_000, 1, kinds="a"), False)):
        found = landscape(compared(train, synthetic, rows(2_000, 2)), SeedTree(0))
        maps = {side: np.array(found[side]) for side in ("train", "synthetic", "holdout")}
        assert all(part.shape == maps["train"].shape for part in maps.values())
        assert all(0.8 < part.sum() <= 1 for part in maps.values())
        apart = np.abs(maps["train"] - maps["synthetic"]).sum() / 2
        assert apart < 0.12 if alike else apart > 0.4
    assert {each["name"] for each in found["axes"][0]} == {"kind", "x", "y"}


def test_no_cell_tells_of_fewer_than_five_rows() -> None:
    train = rows(300, 0)
    found = landscape(compared(train, rows(300, 1), rows(60, 2)), SeedTree(0))
    for side, count in (("train", 300), ("holdout", 60), ("synthetic", 300)):
        counts = np.array(found[side]) * count
        assert counts[counts > 0].min() >= LEAST - 0.1


def test_one_column_or_no_variation_has_no_map() -> None:
    train = rows(100, 0)
    assert landscape(compared(train[["x"]], train[["x"]]), SeedTree(0)) == {}
    still = pd.DataFrame({"a": ["x"] * 50, "b": ["y"] * 50})
    assert landscape(compared(still, still), SeedTree(0)) == {}
