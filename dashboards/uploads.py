"""Files that people hand in: in a folder that only this account may enter, gone with their run or after some days.

runs/.uploads/<token>/table.csv   the file, under a name of our own
runs/.uploads/<token>/run         the name of the run that was made from it, once there is one
"""

from __future__ import annotations

import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path

from dashboards import starting
from dashboards.launch import runs_folder
from synthdata.connectors.files import FORMATS
from synthdata.errors import SourceError

FOLDER = ".uploads"
DAYS = 7
#: the most that a file may have, in MiB
MOST = 200
#: endings that may be uploaded
ENDINGS = tuple(sorted(FORMATS))
_RUN = "run"


def keep(name: str, content: bytes) -> Path:
    """Write an uploaded file into a folder of its own that nobody else can read, and return its path.

    Raises:
        SourceError: it is empty, too large, or of a format that is not read here.
    """
    ending = _ending(name)
    if not content:
        raise SourceError("The file is empty.", "Choose one with rows in it.")
    if len(content) > MOST << 20:
        raise SourceError(
            f"The file has {len(content) / 2**20:,.0f} MiB; at most {MOST} may be uploaded.",
            "Put it where this machine can read it, and name it as a source.",
        )
    root = runs_folder() / FOLDER
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    root.chmod(0o700)
    folder = root / secrets.token_hex(8)
    folder.mkdir(mode=0o700)
    path = folder / f"{_stem(name)}{ending}"
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path


def hand_over(path: Path, run: str) -> None:
    """Note which run was made from a file, so that it goes with the run."""
    (path.parent / _RUN).write_text(run, encoding="utf-8")


def forget(path: Path) -> None:
    """Remove an uploaded file at once."""
    if path.parent.parent == runs_folder() / FOLDER:
        shutil.rmtree(path.parent, ignore_errors=True)


def sweep(runs: Path | None = None, now: float | None = None) -> None:
    """Remove what is older than `DAYS`, and what was handed to a run that is no longer there.

    ``runs`` is the folder of runs, by default the one that is served.
    """
    runs = runs or runs_folder()
    root = runs / FOLDER
    if not root.is_dir():
        return
    oldest = (time.time() if now is None else now) - DAYS * 86_400
    for folder in root.iterdir():
        with suppress(OSError):
            run = folder / _RUN
            gone = run.is_file() and _is_gone(run.read_text(encoding="utf-8"), runs)
            if gone or folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)


def _is_gone(name: str, runs: Path) -> bool:
    """Whether there is no run of this name in a folder of runs, and none on its way."""
    return not (runs / name).exists() and all(run.name != name for run in starting.begun(runs))


def _ending(name: str) -> str:
    lower = name.lower()
    packed = next((ending for ending in (".gz", ".zst") if lower.endswith(ending)), "")
    ending = Path(lower.removesuffix(packed)).suffix
    form = FORMATS.get(ending.removeprefix("."))
    if form is None or (packed and not form.compressible):
        raise SourceError("Files of this kind cannot be read.", f"Known endings: {', '.join(ENDINGS)}.")
    return ending + packed


def _stem(name: str) -> str:
    """A file's name without its endings, of letters and digits alone: it is shown, and part of a path."""
    stem = Path(name.replace("\\", "/")).name.partition(".")[0]
    kept = "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in stem).strip("-")
    return kept[:60] or "table"
