"""Files on web servers and in S3 stores, through fsspec: fetched into memory, never onto a disk, with time limits."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from synthdata.connectors.base import Loaded, scheme_of, short_name
from synthdata.connectors.columnar import read_folder
from synthdata.connectors.files import FORMATS, cells_of, finish, format_of, read_origin, refuse_query, refuse_table
from synthdata.connectors.masking import mask
from synthdata.connectors.origins import COMPRESSIONS, Origin, in_memory
from synthdata.connectors.writing import writer_for
from synthdata.errors import MissingExtraError, SourceError, SynthdataError
from synthdata.progress import Event, Progress

if TYPE_CHECKING:
    import pandas as pd

CONNECT_SECONDS = 10
READ_SECONDS = 30
_BLOCK = 1 << 20
_CONTENT_TYPES = {
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/json": "json",
    "application/x-ndjson": "jsonl",
    "application/vnd.apache.parquet": "parquet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}
# By OpenSSL's X509_V_ERR numbers: 9 and 10 are about dates, 62 and 64 about the name or address.
_UNTRUSTED = (
    "is signed by nobody whom this machine trusts",
    "If the authority is your own organisation's, name the file with its certificate: SSL_CERT_FILE=authority.pem.",
)
_MISNAMED = ("is made out to another name", "Check the address: this may not be the server that you mean.")
_CERTIFICATE_FAULTS = {
    9: ("is not valid yet", "Check this machine's clock."),
    10: ("has expired", "Tell whoever runs the server, and check this machine's clock."),
    62: _MISNAMED,
    64: _MISNAMED,
}


def read(source: str, *, table: str | None, query: str | None, progress: Progress) -> Loaded:
    """A file, or on S3 a folder of Parquet files, fetched and read as if it lay here.

    Raises:
        SourceError: no such file, no access, no answer in time, or the content cannot be read.
    """
    refuse_query(query, mask(source))
    display, path = mask(source), _path(source)
    with _translated(source):
        system = _file_system(source)
        if scheme_of(source) == "s3" and (source.endswith("/") or not _ending(path)) and not system.isfile(source):
            refuse_table(table, display)
            parts = _parts(system, source, progress)
            return finish(*read_folder(parts, display, progress), display, short_name(path), typed=True)
        origin = _file(system, source, progress)
    typed = format_of(origin.path, origin.display).typed
    return finish(*read_origin(origin, table, progress), display, short_name(origin.path), typed=typed)


def read_text(source: str, *, progress: Progress) -> pd.DataFrame | None:
    """A file of delimited text with every cell as text; None for other files.

    Raises:
        SourceError: as `read`.
    """
    if source.endswith("/"):
        return None
    with _translated(source):
        origin = _file(_file_system(source), source, progress)
    return cells_of(origin, progress)


def write(frame: pd.DataFrame, target: str, *, table: str | None, if_exists: str) -> None:
    """Write a file to an S3 store; it appears there whole.

    Raises:
        SourceError: a web server was named, access is denied, or the ending stands for no format.
    """
    display = mask(target)
    if scheme_of(target) != "s3":
        raise SourceError(f"Tables cannot be written to {display}.", "Write a file, to s3:// or to a database.")
    refuse_table(table, display)
    if if_exists == "append":
        raise SourceError(f"Rows cannot be appended to {display}.", "Write a new file or to a database.")
    content = io.BytesIO()
    writer_for(_path(target), display)(frame, content)
    with _translated(target):
        _file_system(target).pipe_file(target, content.getvalue())


def _file_system(source: str) -> Any:
    """A file system that gives up in time and keeps no cache of what it saw."""
    scheme = scheme_of(source)
    try:
        import fsspec

        if scheme == "s3":
            limits = {"connect_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS, "retries": {"max_attempts": 2}}
            options: dict[str, Any] = {"config_kwargs": limits, "anon": not _has_credentials()}
            return fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False, **options)
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS)
        kwargs = {"timeout": timeout, "trust_env": True}
        return fsspec.filesystem("http", skip_instance_cache=True, use_listings_cache=False, client_kwargs=kwargs)
    except ImportError as error:
        raise MissingExtraError(error.name or "s3fs", "s3") from None


def _has_credentials() -> bool:
    """Without credentials only public buckets can be read, and those only if asked anonymously."""
    import botocore.session  # type: ignore[import-untyped]

    return botocore.session.get_session().get_credentials() is not None


def _file(system: Any, source: str, progress: Progress) -> Origin:
    """The whole file; where its address has no ending, the server says what it is."""
    path = _path(source)
    return _fetched(
        system, source, path if _ending(path) else path + _ending_by_type(system, source), mask(source), progress
    )


def _fetched(system: Any, source: str, path: str, display: str, progress: Progress) -> Origin:
    """The whole file, block by block; the wish to cancel is heard between two."""
    content = bytearray()
    web = scheme_of(source) != "s3"
    # A block size of zero means one plain request on the web, which every server understands.
    with system.open(source, "rb", **({"block_size": 0} if web else {"cache_type": "readahead"})) as stream:
        size = getattr(stream, "size", None)
        while block := stream.read(_BLOCK if web else 8 * _BLOCK):
            content += block
            message = f"{len(content) / 1e6:,.1f} MB fetched"
            if size:
                progress.step(0.5 * min(1.0, len(content) / size), message)
            else:
                progress.emit(Event("read", message))
    return in_memory(bytes(content), path, display)


def _parts(system: Any, source: str, progress: Progress) -> list[tuple[str, Origin]]:
    """The Parquet files below a folder of a store, fetched."""
    root = source.removeprefix("s3://").strip("/")
    parts = []
    for key in sorted(system.find(root)):
        below = key.removeprefix(root).lstrip("/")
        if _ending(key) in ("parquet", "pq") and not any(part[0] in "._" for part in below.split("/")):
            parts.append((below, _fetched(system, f"s3://{key}", key, f"s3://{key}", progress)))
    if not parts and not system.exists(root):
        raise FileNotFoundError
    return parts


def _path(source: str) -> str:
    return unquote(urlsplit(source).path) if scheme_of(source) != "s3" else source.removeprefix("s3://")


def _ending(path: str) -> str:
    """The ending of a path that stands for a format, or nothing."""
    name = path.lower().rpartition("/")[2]
    for compression in COMPRESSIONS:
        name = name.removesuffix(compression)
    ending = name.rpartition(".")[2] if "." in name else ""
    return ending if ending in FORMATS else ""


def _ending_by_type(system: Any, source: str) -> str:
    """Where an address has no ending, what the server says the content is."""
    kind = str(system.info(source).get("mimetype", "")).partition(";")[0]
    ending = _CONTENT_TYPES.get(kind.strip().lower())
    return f".{ending}" if ending else ""


@contextmanager
def _translated(source: str) -> Iterator[None]:
    """Turn what the network raises into one message without secrets, and nothing chained to it."""
    display = mask(source)
    try:
        yield
        return
    except SynthdataError:
        raise
    except Exception as error:  # noqa: BLE001 - the libraries below raise dozens of kinds
        # fsspec calls whatever goes wrong on the web a missing file, and chains what it was.
        cause = error.__cause__ if isinstance(error, FileNotFoundError) and error.__cause__ else error
        complaint = _complaint(cause, display)
    raise complaint


def _complaint(error: BaseException, display: str) -> SourceError:
    status = getattr(error, "status", None)
    if isinstance(error, FileNotFoundError) or status in (404, 410):
        return SourceError(f"No such file: {display}.", "Check the address.")
    if isinstance(error, PermissionError) or status in (401, 403):
        return SourceError(f"Access to {display} is denied.", "Check your credentials.")
    if isinstance(error, TimeoutError):
        return SourceError(f"{display} did not answer in time.", "Try again, or fetch the file by hand.")
    if (code := _certificate_fault(error)) is not None:
        why, advice = _CERTIFICATE_FAULTS.get(code, _UNTRUSTED)
        return SourceError(f"{display} cannot be fetched: its certificate {why}.", advice)
    what = f"the server answered {status}" if status else _kind(error)
    return SourceError(f"{display} cannot be fetched: {what}.", "Check the address and the network.")


def _certificate_fault(error: BaseException) -> int | None:
    """OpenSSL's number for what is wrong with a server's certificate, or None where it is something else."""
    import ssl

    inner: BaseException | None = getattr(error, "certificate_error", error)
    return getattr(inner, "verify_code", None) if isinstance(inner, ssl.SSLCertVerificationError) else None


def _kind(error: BaseException) -> str:
    """The kind of an error in words: ``ClientConnectorError`` is a client connector error."""
    if "Timeout" in type(error).__name__:
        return "no answer in time"
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
