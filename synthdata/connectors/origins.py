"""The bytes behind a file, wherever they lie: opened afresh for each pass, decompressed on the way."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from synthdata.errors import SourceError, did_you_mean

COMPRESSIONS = (".gz", ".zst")
BLOCK = 4 << 20


@dataclass(frozen=True)
class Origin:
    """A file to be read: how it is shown, its name (whose ending decides), its size in bytes, how to open it."""

    display: str
    path: str
    size: int
    opener: Callable[[], BinaryIO]

    @property
    def compression(self) -> str:
        """``.gz``, ``.zst`` or nothing."""
        return next((ending for ending in COMPRESSIONS if self.path.lower().endswith(ending)), "")

    @property
    def ending(self) -> str:
        """The ending that says the format, in lower case and without the compression's: ``.csv`` of ``a.csv.gz``."""
        name = self.path.lower().removesuffix(self.compression) if self.compression else self.path.lower()
        return os.path.splitext(name)[1]

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The decompressed bytes, from the start.

        Raises:
            SourceError: the file cannot be opened or its compression is broken.
        """
        try:
            with self.opener() as raw:
                yield self._decompressed(raw)
        except (gzip.BadGzipFile, zlib.error, EOFError):
            raise SourceError(f"{self.display} is not a whole gzip file.", "Was it cut short or misnamed?") from None
        except OSError as error:
            if self.compression == ".zst" and error.errno is None:
                raise SourceError(
                    f"{self.display} is not a whole zstd file.", "Was it cut short or misnamed?"
                ) from None
            raise SourceError(f"{self.display} cannot be read: {error.strerror or type(error).__name__}.") from None

    def blocks(self) -> Iterator[bytes]:
        """The decompressed bytes, block by block."""
        with self.open() as stream:
            while block := stream.read(BLOCK):
                yield block

    def _decompressed(self, raw: BinaryIO) -> BinaryIO:
        if self.compression == ".gz":
            return cast(BinaryIO, gzip.GzipFile(fileobj=raw))
        if self.compression == ".zst":
            import pyarrow as pa

            return cast(BinaryIO, pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd"))
        return raw


def local(path: Path, display: str | None = None) -> Origin:
    """A file on this machine.

    Raises:
        SourceError: it is missing, a folder, or may not be read.
    """
    display = display or str(path)
    try:
        size = path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        raise SourceError(f"No such file: {display}.", _nearest(path) or "Check the path.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the path is not usable"
        raise SourceError(f"{display} cannot be read: {reason}.") from None
    if not path.is_dir() and not path.is_file():
        raise SourceError(f"{display} is not a regular file.", "Save the table in a file first.")
    return Origin(display, str(path), size, lambda: path.open("rb"))


def in_memory(content: bytes, path: str, display: str) -> Origin:
    """Bytes that were fetched already."""
    return Origin(display, path, len(content), lambda: io.BytesIO(content))


def _nearest(path: Path) -> str:
    """A suggestion from the same folder, or nothing."""
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return f"The folder {path.parent} does not exist." if not path.parent.exists() else ""
    advice = did_you_mean(path.name, names) if names else ""
    return advice if advice.startswith("Did") else ""
