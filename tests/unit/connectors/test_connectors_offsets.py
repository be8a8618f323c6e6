"""Moments as text with several offsets."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from synthdata import connectors
from synthdata.connectors.offsets import in_one_offset
from synthdata.table.infer import infer


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_clock_that_changes_with_the_seasons_is_read_and_said(tmp_path: Path, ending: str) -> None:
    moments = pd.date_range("2024-03-28", periods=60, freq="5h", tz="Europe/Berlin")
    frame = pd.DataFrame({"at": moments.astype(str), "n": range(60)})
    frame.loc[3, "at"] = None
    path = tmp_path / f"log.{ending}"
    frame.to_csv(path, index=False) if ending == "csv" else frame.to_json(path, orient="records", lines=True)
    loaded = connectors.read(path)
    assert any("2 different offsets: 'at'" in note for note in loaded.notes)
    assert loaded.frame["at"].isna().tolist() == frame["at"].isna().tolist()
    back = pd.to_datetime(loaded.frame["at"], utc=True)
    assert (back.drop(3) == pd.Series(moments.tz_convert("UTC")).drop(3)).all()
    assert infer(loaded.frame).schema["at"].kind == "datetime"


@pytest.mark.parametrize(
    "cells",
    [
        ["2024-03-30 12:00:00+01:00", "2024-03-31 12:00:00+01:00"],
        ["2024-03-30 12:00:00+01:00", "2024-03-31 12:00:00"],
        ["2024-03-30 12:00:00+01:00", "soon"],
        ["9999-12-31 12:00:00+01:00", "2024-03-31 12:00:00+02:00"],
        [None, None],
        [1, "2024-03-31 12:00:00+02:00"],
    ],
)
def test_other_columns_are_left_as_they_are(cells: list[object]) -> None:
    frame = pd.DataFrame({"at": pd.Series(cells, dtype=object)})
    changed, notes = in_one_offset(frame)
    assert changed is frame
    assert notes == []


def test_the_look_of_cells_stays() -> None:
    frame = pd.DataFrame({"at": ["2024-01-01T00:00:00.25Z", "2024-07-01T02:00:00+0200"]}, dtype="string")
    changed, _ = in_one_offset(frame)
    assert changed["at"].tolist() == ["2024-01-01T00:00:00.250000+00:00", "2024-07-01T00:00:00.000000+00:00"]
    assert changed["at"].dtype == frame["at"].dtype
