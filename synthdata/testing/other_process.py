"""Saved models loaded in a process of its own, which stays for the next one: starting it takes seconds."""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

# Loads a model by its class, so that it need not be registered to be checked.
_LOADER = """
import importlib, json, sys, traceback
from pathlib import Path
from synthdata.runs import artifact
from synthdata.testing.basics import digest
answers, sys.stdout = sys.stdout, sys.stderr
for line in sys.stdin:
    sys.path[:], module, name, path, rows, seed = json.loads(line)
    try:
        model = getattr(importlib.import_module(module), name)._load(*artifact.load(Path(path)))
        answer = {"digest": digest(model.sample(rows, seed=seed))}
    except Exception:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer), file=answers, flush=True)
"""


def digest_elsewhere(model: type, path: Path, rows: int, seed: int) -> str:
    """The digest of rows that another process draws from a model saved at ``path``.

    Raises:
        RuntimeError: it cannot be loaded there; the message is the other process's traceback.
    """
    asked = [sys.path, model.__module__, model.__qualname__, str(path), rows, seed]
    process = _loader()
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the other process has no pipes")
    process.stdin.write(json.dumps(asked) + "\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the other process ended with {process.wait()}")
    answer = json.loads(line)
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return str(answer["digest"])


@cache
def _loader() -> subprocess.Popen[str]:
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", _LOADER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(_end, process)
    return process


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
