"""Checks that no row, rare value or extreme gets out, in a file, a sample or a message."""

# Checks are assertions, whoever runs them; pytest is not needed for it.
# ruff: noqa: S101, PT017
from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from synthdata.errors import SynthdataError
from synthdata.models.base import Synthesizer
from synthdata.testing.basics import Factory, fitted
from synthdata.testing.tables import MIXED_SCHEMA, mixed

RARE = "Zyzzogeton haenschi"
#: numbers that one row each has: extremes and one in the middle
PLANTED = {"amount": 9_876_543.21, "weight": 71.234567890123, "age": 113}


def planted() -> pd.DataFrame:
    """The mixed table with a category, numbers and a date that one row each has."""
    table = mixed(600)
    table["sex"] = table["sex"].where(table.index != 7, RARE)
    table["amount"] = table["amount"].where(table.index != 8, PLANTED["amount"])
    table["weight"] = table["weight"].where(table.index != 9, PLANTED["weight"])
    table["age"] = table["age"].where(table.index != 10, PLANTED["age"])
    table.loc[11, "joined"] = pd.Timestamp("1931-07-13")
    table["mail"] = [f"person{number}@real.example" for number in range(len(table))]
    return table


def schema() -> dict[str, object]:
    """What the columns of `planted` are."""
    return {"columns": [*MIXED_SCHEMA["columns"], {"name": "mail", "kind": "text", "pii": "email"}]}


def files(model: Synthesizer) -> dict[str, bytes]:
    """The files of a saved model by name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        model.save(path)
        return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def arrays(content: bytes) -> dict[str, np.ndarray]:
    """The arrays of a model file."""
    from safetensors.numpy import load

    return dict(load(content))


def check_model_files(factory: Factory) -> None:
    """A model is a manifest and arrays, nothing that could be executed."""
    found = files(fitted(factory))
    assert set(found) == {"manifest.json", "arrays.safetensors"}
    assert found["manifest.json"].lstrip().startswith(b"{")
    assert all(array.dtype.kind in "iufb" for array in arrays(found["arrays.safetensors"]).values())


def check_rare_values_stay_out_of_files(factory: Factory) -> None:
    """Neither a category nor a number of one row, nor personal data, is in the files, as text or in any array."""
    found = files(factory().fit(planted(), schema=schema(), seed=0))
    day = pd.Timestamp("1931-07-13")
    for content in found.values():
        for text in (RARE, "real.example", "9876543.21", "71.2345678", "1931-07-13"):
            assert text.encode() not in content, text
            assert text.encode("utf-16-le") not in content, text
    # Whole numbers in the model's own part are positions and counts, which may equal a number of the table by chance.
    stored = arrays(found["arrays.safetensors"])
    telling = [a for name, a in stored.items() if name.startswith("encoder/") or np.issubdtype(a.dtype, np.floating)]
    numbers = np.concatenate([a.ravel().astype(float) for a in telling])
    days = (day - pd.Timestamp(0)) / pd.Timedelta("1D")
    ticks = [days * per_day for per_day in (1, 86_400, 86_400_000, 86_400_000_000, 86_400_000_000_000)]
    for number in (*PLANTED.values(), PLANTED["amount"] * 100, *ticks):
        assert not np.isclose(numbers, number, rtol=1e-9, atol=0).any(), number


def check_rare_values_stay_out_of_samples(factory: Factory) -> None:
    """Neither a category of one row nor the extremes nor personal data come out again."""
    table = planted()
    sample = factory().fit(table, schema=schema(), seed=0).sample(5000, seed=1)
    assert RARE not in set(sample["sex"])
    assert sample["amount"].max() < PLANTED["amount"]
    assert sample["joined"].min() > pd.Timestamp("1931-07-13")
    assert not sample["mail"].isin(table["mail"]).any()


def check_rows_are_not_in_files(factory: Factory) -> None:
    """The files are no home for the training rows: no array holds a column's cells, in any order."""
    table = mixed(600)
    table["weight"] = table["weight"].fillna(70.0) + np.arange(600) * 1e-7
    found = arrays(files(factory().fit(table, schema=MIXED_SCHEMA, seed=0))["arrays.safetensors"])
    stored = [np.unique(a.astype(float)) for a in found.values() if a.size > 1]
    cells = table["weight"].to_numpy()
    assert _share_found(cells, np.concatenate(stored)) < 0.02
    # Moved and scaled they would still be the rows: compare again with each array's ends laid on the column's.
    for array in stored:
        if array[-1] > array[0]:
            assert _share_found(_between_ends(cells), _between_ends(array)) < 0.02


def _between_ends(numbers: np.ndarray) -> np.ndarray:
    return np.asarray((numbers - numbers.min()) / (numbers.max() - numbers.min()))


def _share_found(cells: np.ndarray, stored: np.ndarray) -> float:
    """Which share of cells is among stored numbers, up to rounding."""
    stored = np.unique(stored)
    at = np.clip(np.searchsorted(stored, cells), 1, max(len(stored) - 1, 1))
    right, left = stored[np.minimum(at, len(stored) - 1)], stored[at - 1]
    return float((np.minimum(np.abs(right - cells), np.abs(left - cells)) < 1e-9).mean())


def check_copies_are_no_habit(factory: Factory) -> None:
    """Whole rows of the real table come out no more often than a fresh table like it would have them."""
    table, fresh = mixed(2000), mixed(2000, seed=99)
    sample = factory().fit(table, schema=MIXED_SCHEMA, seed=0).sample(2000, seed=1)

    def keys(frame: pd.DataFrame) -> set[str]:
        return {repr(row) for row in frame.astype(object).itertuples(index=False)}

    known = keys(table)
    assert len(keys(sample) & known) <= len(keys(fresh) & known) + 5


def check_messages_hold_no_cells(factory: Factory) -> None:
    """A table that contradicts its schema is refused without a word of what stands in its cells."""
    table = planted()
    others = [column for column in MIXED_SCHEMA["columns"] if column["name"] != "sex"]
    wrong = {"columns": [*others, {"name": "sex", "kind": "numerical"}]}
    try:
        factory().fit(table, schema=wrong, seed=0)
    except SynthdataError as error:
        assert "sex" in str(error)
        assert RARE not in str(error)
    else:
        raise AssertionError("a column of words was taken for numbers")
