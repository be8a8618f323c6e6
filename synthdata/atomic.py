"""Files that are either whole or not there: written beside, then renamed into place."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from synthdata.errors import SynthdataError


@contextmanager
def replacing(target: str | Path) -> Iterator[Path]:
    """A path beside ``target`` to write a file or folder to; it takes the target's place when the block ends well.

    If the block fails or is interrupted, nothing is left behind and an older target stays as it was.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with replacing(folder / "a.txt") as path:
    ...     _ = path.write_text("whole")
    >>> [file.name for file in folder.iterdir()]
    ['a.txt']

    Raises:
        SynthdataError: the folder is missing or not writable, or the disk is full.
    """
    target = Path(target)
    # The ending is kept, since writers choose a format by it.
    beside = target.with_name(f".{os.getpid()}.partial.{target.name}")
    before = target.with_name(f".{os.getpid()}.before.{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        if target.is_dir() and beside.is_dir():
            # A folder cannot be replaced at once, but it can be moved away much sooner than it is removed.
            os.replace(target, before)
        os.replace(beside, target)
    except OSError as error:
        reason = (
            "the disk is full" if error.errno == errno.ENOSPC else (os.strerror(error.errno) if error.errno else "")
        )
        raise SynthdataError(
            f"Cannot write {target}: {reason or type(error).__name__}.",
            "Nothing half-written was left; free some space or choose another place.",
        ) from None
    finally:
        if before.is_dir() and not target.exists():
            os.replace(before, target)
        shutil.rmtree(before, ignore_errors=True)
        if beside.is_dir():
            shutil.rmtree(beside, ignore_errors=True)
        else:
            # The folder itself may be what was wrong; that has been said already.
            with suppress(OSError):
                beside.unlink(missing_ok=True)


def write_text(target: str | Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with replacing(target) as beside:
        beside.write_text(text, encoding="utf-8")
