"""Web servers and S3 stores, real ones on this machine: every format, and servers that misbehave."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from synthdata import connectors
from synthdata.connectors import remote
from synthdata.errors import Cancelled, SourceError
from synthdata.progress import Progress

FRAME = pd.DataFrame({"n": [1, 2, 3], "name": ["Ann", "Zoë", "x,y"]})
# One store round trip for each family of formats; the web server serves them all.
STORED = ["csv.gz", "parquet", "xlsx"]
ENDINGS = ["csv", "csv.gz", "csv.zst", "tsv", "parquet", "feather", "json", "jsonl", "xlsx"]


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A web server with the table in every format, and some paths that misbehave."""
    monkeypatch.setenv("no_proxy", "*")
    for ending in ENDINGS:
        connectors.write(FRAME, tmp_path / f"table.{ending}")
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.split("?")[0].strip("/")
            if name == "slow.csv":
                released.wait(30)
                return
            if name == "short.csv":
                self.answer(200, b"n,name\n1,Ann\n", length=1000)
            elif name.startswith("status"):
                self.answer(int(name[6:9]), b"no")
            elif name == "moved.csv":
                self.send_response(302)
                self.send_header("Location", "/table.csv")
                self.end_headers()
            elif name == "download":
                self.answer(200, (tmp_path / "table.csv").read_bytes(), kind="text/csv; charset=utf-8")
            elif (tmp_path / name).is_file():
                self.answer(200, (tmp_path / name).read_bytes())
            else:
                self.answer(404, b"no")

        def do_HEAD(self) -> None:
            self.do_GET()

        def answer(self, status: int, content: bytes, length: int | None = None, kind: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(length or len(content)))
            if kind:
                self.send_header("Content-Type", kind)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    released.set()
    server.shutdown()
    server.server_close()
    thread.join()


def refusal(source: str, **options: Any) -> str:
    with pytest.raises(SourceError) as caught:
        connectors.read(source, **options)
    assert caught.value.__context__ is None
    assert "s3cr3t" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("ending", ENDINGS)
def test_web_every_format(web: str, ending: str) -> None:
    loaded = connectors.read(f"{web}/table.{ending}?token=s3cr3t")
    pd.testing.assert_frame_equal(loaded.frame, FRAME)
    assert loaded.name == "table"
    assert loaded.display == f"{web}/table.{ending}?token=***"
    text = connectors.read_text(f"{web}/table.{ending}")
    assert (text is None) == ("csv" not in ending and ending != "tsv")
    assert text is None or text["n"].tolist() == ["1", "2", "3"]


def test_web_redirects_and_content_types(web: str) -> None:
    assert len(connectors.read(f"{web}/moved.csv").frame) == 3
    assert len(connectors.read(f"{web}/download?id=7").frame) == 3


def test_web_refusals(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No such file" in refusal(f"{web}/none.csv?token=s3cr3t")
    assert "the server answered 503" in refusal(f"{web}/status503.csv?token=s3cr3t")
    assert "is denied" in refusal(f"{web}/status403.csv")
    assert "cannot be fetched" in refusal(f"{web}/short.csv?token=s3cr3t")
    assert "cannot be fetched" in refusal("http://ann:s3cr3t@127.0.0.1:1/a.csv")
    assert "takes no query" in refusal(f"{web}/table.csv", query="SELECT 1")
    assert "takes no table name" in refusal(f"{web}/table.csv", table="t")
    monkeypatch.setattr(remote, "READ_SECONDS", 0.3)
    assert "in time" in refusal(f"{web}/slow.csv?token=s3cr3t")


def test_web_cancel_is_heard(web: str) -> None:
    progress = Progress()
    progress.observers.append(lambda event: progress.cancel() if "fetched" in event.message else None)
    with pytest.raises(Cancelled):
        connectors.read(f"{web}/table.csv", progress=progress)


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """The address of an S3 store on this machine."""
    server_module = pytest.importorskip("moto.server", reason="moto is not installed")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(store: str, monkeypatch: pytest.MonkeyPatch) -> str:
    boto3 = pytest.importorskip("boto3")
    for name, value in {
        "AWS_ENDPOINT_URL": store,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "s3cr3t",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "no_proxy": "*",
    }.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket="tables")
    return "s3://tables"


@pytest.mark.parametrize("ending", STORED)
def test_store_every_format_there_and_back(bucket: str, ending: str) -> None:
    connectors.write(FRAME, f"{bucket}/deep/table.{ending}")
    loaded = connectors.read(f"{bucket}/deep/table.{ending}")
    pd.testing.assert_frame_equal(loaded.frame, FRAME)
    assert loaded.name == "table"


def test_store_folder(bucket: str) -> None:
    for year in (2023, 2024):
        connectors.write(FRAME, f"{bucket}/sales/year={year}/part.parquet")
    for source in (f"{bucket}/sales", f"{bucket}/sales/"):
        loaded = connectors.read(source)
        assert loaded.frame["year"].tolist() == [2023] * 3 + [2024] * 3
        assert loaded.name == "sales"


def test_store_refusals(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    assert "No such file" in refusal(f"{bucket}/none.csv")
    assert "no such bucket" in refusal("s3://nobucket/none.csv")
    assert "No such file" in refusal(f"{bucket}/nofolder/")
    boto3.client("s3").upload_fileobj(io.BytesIO(b"a,b\n1\n"), "tables", "bad.csv")
    assert "s3://tables/bad.csv, line 2: 1 field" in refusal(f"{bucket}/bad.csv")
    with pytest.raises(SourceError, match="Did you mean 'csv'"):
        connectors.write(FRAME, f"{bucket}/a.cvs")
    with pytest.raises(SourceError, match="cannot be appended"):
        connectors.write(FRAME, f"{bucket}/a.csv", if_exists="append")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert "cannot be fetched" in refusal(f"{bucket}/a.csv")
    with pytest.raises(SourceError, match="cannot be"):
        connectors.write(FRAME, f"{bucket}/a.csv")
