"""Model files: a folder with ``manifest.json`` and ``arrays.safetensors``, nothing in it that could be executed."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

import synthdata
from synthdata.atomic import replacing
from synthdata.errors import ModelError

FORMAT = "synthdata-model"
FORMAT_VERSION = 1
MANIFEST, ARRAYS = "manifest.json", "arrays.safetensors"


def save(
    folder: Path,
    manifest: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    texts: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write a model folder whole or not at all; an earlier model there is replaced. ``texts`` are files beside it.

    ``manifest`` must be plain JSON data without the keys ``format``, ``version``, ``libraries``, ``created`` and
    ``files``, which are added here.

    Raises:
        ModelError: something else than a model is at that place.
        SynthdataError: the place cannot be written to.
    """
    from safetensors.numpy import save_file

    folder = Path(folder)
    if folder.exists() and not (folder.is_dir() and (_is_model(folder) or not any(folder.iterdir()))):
        raise ModelError(f"{folder} exists already and is not a model folder.", "Choose another place to save to.")
    with replacing(folder) as beside:
        beside.mkdir(parents=True)
        # safetensors keeps neither zero-dimensional nor strided arrays apart from their buffers.
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, beside / ARRAYS)
        content = (beside / ARRAYS).read_bytes()
        full = {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "libraries": _libraries(),
            "files": {ARRAYS: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}},
            **manifest,
        }
        text = json.dumps(full, indent=1, ensure_ascii=False, allow_nan=False)
        (beside / MANIFEST).write_text(text, encoding="utf-8")
        for name, content_of in texts.items():
            (beside / name).write_text(content_of, encoding="utf-8")


def load(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The manifest and the arrays of a model folder.

    Raises:
        ModelError: there is no model, it is damaged, or a newer synthdata wrote it.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as load_arrays

    folder = Path(folder)
    manifest = _read_manifest(folder)
    try:
        content = (folder / ARRAYS).read_bytes()
    except OSError as error:
        raise ModelError(f"{folder / ARRAYS} cannot be read: {error.strerror}.", "Save the model again.") from None
    recorded = manifest["files"].get(ARRAYS, {})
    if len(content) != recorded.get("bytes") or hashlib.sha256(content).hexdigest() != recorded.get("sha256"):
        raise ModelError(
            f"{folder / ARRAYS} is damaged: its checksum is not the one in {MANIFEST}.", "Save or copy the model again."
        )
    try:
        return manifest, dict(load_arrays(content))
    except (SafetensorError, ValueError, KeyError) as error:
        raise ModelError(f"{folder / ARRAYS} is damaged: {type(error).__name__}.", "Save the model again.") from None


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(
            f"There is no model at {folder}: it has no {MANIFEST}.", "Name the folder of a saved model or a run."
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise ModelError(f"{path} is damaged: it is not JSON.", "Save or copy the model again.") from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelError(
            f"{path} is not the manifest of a synthdata model.", "Name the folder of a saved model or a run."
        )
    if manifest.get("version") != FORMAT_VERSION:
        raise ModelError(
            f"{path} has the format version {manifest.get('version')!r}; here version {FORMAT_VERSION} is read.",
            "Install the synthdata that wrote it.",
        )
    if not isinstance(manifest.get("files"), dict) or not isinstance(manifest.get("model"), str):
        raise ModelError(f"{path} is damaged: 'files' or 'model' is missing.", "Save or copy the model again.")
    return manifest


def _is_model(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / MANIFEST).read_text(encoding="utf-8")).get("format") == FORMAT)
    except (OSError, ValueError, AttributeError):
        return False


def _libraries() -> dict[str, str]:
    found = {"python": platform.python_version(), "synthdata": synthdata.__version__}
    for name in ("numpy", "pandas", "safetensors"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
