"""Folders that take the place of others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from synthdata import atomic
from synthdata.errors import SynthdataError


def write(folder: Path, text: str) -> None:
    with atomic.replacing(folder) as beside:
        beside.mkdir()
        (beside / "part").write_text(text, encoding="utf-8")


def test_a_folder_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    for text in ("old", "new"):
        write(tmp_path / "kept", text)
    assert (tmp_path / "kept" / "part").read_text(encoding="utf-8") == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_an_older_folder_comes_back_where_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "kept", "old")
    replace = os.replace

    def refuses(source: Path, target: Path) -> None:
        if "partial" in source.name:
            raise OSError(5, "no")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuses)
    with pytest.raises(SynthdataError, match="Cannot write"):
        write(tmp_path / "kept", "new")
    assert (tmp_path / "kept" / "part").read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
