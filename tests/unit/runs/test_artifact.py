"""Model files: whole, checked, versioned, and without anything that could be executed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from synthdata.errors import ModelError, SynthdataError
from synthdata.runs import artifact

ARRAYS = {
    "a": np.arange(5.0),
    "deep/er": np.array([[1, 2]], dtype=np.int32),
    "none": np.empty((0, 3)),
    "t": np.ones((3, 2)).T,
}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    artifact.save(tmp_path / "model", {"model": "gmm", "größe": [1, None]}, ARRAYS)
    return tmp_path / "model"


def test_there_and_back(saved: Path) -> None:
    manifest, arrays = artifact.load(saved)
    assert manifest["größe"] == [1, None]
    assert manifest["libraries"]["synthdata"]
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype
    assert sorted(file.name for file in saved.iterdir()) == ["arrays.safetensors", "manifest.json"]
    assert [file.name for file in saved.parent.iterdir()] == ["model"]


def test_an_earlier_model_is_replaced_whole(saved: Path) -> None:
    artifact.save(saved, {"model": "gmm"}, {"b": np.zeros(2)})
    assert set(artifact.load(saved)[1]) == {"b"}


def test_something_else_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "diary.txt").write_text("dear")
    with pytest.raises(ModelError, match="not a model folder"):
        artifact.save(tmp_path / "notes", {"model": "gmm"}, ARRAYS)
    assert (tmp_path / "notes" / "diary.txt").read_text() == "dear"
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match="not a model folder"):
        artifact.save(tmp_path / "file", {"model": "gmm"}, ARRAYS)


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        artifact.save(tmp_path / "model", {"model": object()}, ARRAYS)
    assert not list(tmp_path.iterdir())


def test_an_unwritable_place_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SynthdataError, match="Cannot write"):
        artifact.save(tmp_path / "file" / "model", {"model": "gmm"}, ARRAYS)


def change_manifest(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


def damage(folder: Path, kind: str) -> None:
    arrays, manifest = folder / "arrays.safetensors", folder / "manifest.json"
    match kind:
        case "a flipped bit":
            content = bytearray(arrays.read_bytes())
            content[-1] ^= 1
            arrays.write_bytes(bytes(content))
        case "a cut file":
            arrays.write_bytes(arrays.read_bytes()[:-7])
        case "no arrays":
            arrays.unlink()
        case "no manifest":
            manifest.unlink()
        case "half a manifest":
            manifest.write_text(manifest.read_text(encoding="utf-8")[:40], encoding="utf-8")
        case "binary manifest":
            manifest.write_bytes(b"\xff\xfe\x00")
        case "a newer version":
            change_manifest(folder, version=2)
        case "a foreign manifest":
            manifest.write_text('{"name": "something"}')
        case "a list":
            manifest.write_text("[]")
        case "no list of files":
            change_manifest(folder, files=None)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("a flipped bit", "checksum"),
        ("a cut file", "checksum"),
        ("no arrays", "cannot be read"),
        ("no manifest", "no manifest.json"),
        ("half a manifest", "not JSON"),
        ("binary manifest", "not JSON"),
        ("a newer version", "version 2"),
        ("a foreign manifest", "not the manifest of a synthdata model"),
        ("a list", "not the manifest of a synthdata model"),
        ("no list of files", "damaged"),
    ],
)
def test_damage_is_found_and_named(saved: Path, kind: str, said: str) -> None:
    damage(saved, kind)
    with pytest.raises(ModelError, match=said):
        artifact.load(saved)


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model at"):
        artifact.load(tmp_path / "nowhere")
