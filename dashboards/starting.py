"""Runs as processes of their own: started here, and going on when the page, or the dashboard, is closed.

    runs/.starts/<name>/start.json    what was started, and by which process
    runs/.starts/<name>/schema.json   the schema as the person has it
    runs/.starts/<name>/log.txt       what the process said

A run's own folder appears once its source has been read; what goes wrong before is told by the log.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from dashboards.launch import environment
from synthdata.connectors import mask
from synthdata.errors import SynthdataError
from synthdata.runs.store import RunInfo, new_name, now

FOLDER = ".starts"
DAYS = 7


def start(root: Path, source: str, model: str, title: str, options: Mapping[str, Any], schema: str) -> str:
    """Start a run and return its name; ``options`` are those of `synthdata run`, None and False left out.

    Raises:
        SynthdataError: the place cannot be written to.
    """
    root = root.resolve()
    path = new_name(root, title, model)
    while True:
        place = root / FOLDER / path.name
        try:
            place.mkdir(mode=0o700, parents=True)
            break
        except FileExistsError:
            path = _next(root, path)
        except OSError as error:
            raise SynthdataError(f"The folder of runs cannot be written to: {error.strerror}.") from None
    (place / "schema.json").write_text(schema, encoding="utf-8")
    arguments = ["run", source, "--model", model, "--out", path.name, "--schema", f"{FOLDER}/{path.name}/schema.json"]
    for name, value in options.items():
        if value is True:
            arguments.append(f"--{name}")
        elif value is not None and value is not False:
            arguments += [f"--{name}", str(value)]
    begin(root, arguments, place, {"source": mask(source), "model": model})
    return path.name


def begin(root: Path, arguments: list[str], place: Path, about: Mapping[str, Any]) -> None:
    """Start a command of `synthdata` in the folder of runs; its log and a note of it lie in ``place``."""
    with (place / "log.txt").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "synthdata", *arguments],
            cwd=root,
            env=environment(root),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # Its words, by which it is known, can be read a moment after it was started.
    for _ in range(100):
        if words_of(process.pid) or process.poll() is not None:
            break
        time.sleep(0.01)
    # A child that nobody waits for would count as alive after its end.
    threading.Thread(target=process.wait, daemon=True).start()
    note = {**about, "process": process.pid, "started": now()}
    (place / "start.json").write_text(json.dumps(note), encoding="utf-8")


def begun(root: Path) -> list[RunInfo]:
    """Runs that were started and have no folder yet: still reading, or ended before they had one."""
    found = []
    for path in _starts(root):
        if not (root / path.name).exists():
            about = _about(path)
            alive = works_on(about.get("process"), path.name)
            told = last_word(path / "log.txt") or "The process ended before it had read the table."
            message = "" if alive else told
            found.append(
                RunInfo(
                    root / path.name,
                    path.name,
                    "running" if alive else "failed",
                    str(about.get("source", "")),
                    about.get("model"),
                    str(about.get("started", "")),
                    None,
                    message,
                    about,
                )
            )
    return found


def cancel(run: RunInfo) -> None:
    """Ask a run's process to stop, as Ctrl-C would.

    Raises:
        SynthdataError: the process is not one of `synthdata run`, or not ours.
    """
    process = run.record.get("process")
    if not isinstance(process, int) or not works_on(process, run.name):
        raise SynthdataError(
            "This run’s process is not a `synthdata run` of this account, so it is not stopped from here.",
            "Stop it where it was started.",
        )
    try:
        # A shell that starts the dashboard in the background has it ignore SIGINT; a run takes both alike.
        os.kill(process, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError:
        raise SynthdataError("This run belongs to another account.", "Stop it where it was started.") from None


def works_on(process: Any, name: str) -> bool:
    """Whether a process is a `synthdata run` that fills the run folder of this name."""
    if not isinstance(process, int) or process <= 1:
        return False
    words = words_of(process)
    at = next((place for place, word in enumerate(words) if word in ("--out", "-o")), None)
    if at is None or at + 1 >= len(words) or "run" not in words:
        return False
    return Path(words[at + 1]).name == name and any("synthdata" in word for word in words[: words.index("run")])


def sweep(root: Path) -> None:
    """Remove the notes of starts that are older than `DAYS` and no longer needed."""
    for path in _starts(root):
        with suppress(OSError):
            old = path.stat().st_mtime < time.time() - DAYS * 86_400
            if old and not works_on(_about(path).get("process"), path.name):
                shutil.rmtree(path, ignore_errors=True)


def _starts(root: Path) -> list[Path]:
    try:
        return [path for path in (root / FOLDER).iterdir() if path.is_dir()]
    except OSError:
        return []


def _about(path: Path) -> dict[str, Any]:
    return noted(path / "start.json")


def noted(path: Path) -> dict[str, Any]:
    """The object in a JSON file, empty where there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def last_word(log: Path) -> str:
    """The message that a process ended with, empty where it left none; the command line has no cell in it."""
    try:
        lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    except OSError:
        return ""
    return next((line for line in reversed(lines) if line.startswith("Error: ")), "").removeprefix("Error: ")


def words_of(process: int) -> list[str]:
    """The words that a process was started with; none where it is gone, dead or somebody else's secret."""
    proc = Path("/proc")
    if (proc / "self").exists():
        try:
            return [word for word in (proc / str(process) / "cmdline").read_bytes().decode().split("\0") if word]
        except (OSError, UnicodeDecodeError):
            return []
    told = subprocess.run(["/bin/ps", "-o", "args=", "-p", str(process)], capture_output=True, text=True, check=False)  # noqa: S603
    return told.stdout.split()


def _next(root: Path, path: Path) -> Path:
    stem, _, number = path.name.rpartition("-")
    return root / (f"{stem}-{int(number) + 1}" if stem and number.isdigit() else f"{path.name}-2")
