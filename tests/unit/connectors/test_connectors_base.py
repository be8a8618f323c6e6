"""Dispatch, masking, plug-ins, bundled tables, and that importing the room costs little."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

import pandas as pd
import pytest

from synthdata import connectors
from synthdata.connectors import base
from synthdata.connectors.masking import scrub
from synthdata.errors import SourceError
from synthdata.progress import Progress


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("people.csv", "people.csv"),
        ("postgresql://ann:pw@host:5432/shop", "postgresql://ann:***@host:5432/shop"),
        ("postgresql+psycopg://ann:p/w?#x@host/shop", "postgresql+psycopg://ann:***@host/shop"),
        ("postgresql://ann:p@w@host/shop?email=a@b", "postgresql://ann:***@host/shop?email=a@b"),
        ("postgresql://ann:p?w@host/shop", "postgresql://ann:***@host/shop"),
        ("postgresql://ann@host/shop", "postgresql://ann@host/shop"),
        ("postgresql://host/shop?user=ann&password=pw&sslmode=off", "postgresql://host/shop?user=ann&password=***&sslmode=off"),
        ("mssql+pyodbc:///?odbc_connect=PWD%3Dpw", "mssql+pyodbc:///?odbc_connect=***"),
        ("https://host/a.csv?X-Amz-Credential=c&X-Amz-Signature=s&v=1", "https://host/a.csv?X-Amz-Credential=***&X-Amz-Signature=***&v=1"),
        ("https://host/a.csv?sig=s&se=2024", "https://host/a.csv?sig=***&se=2024"),
        ("https://tok3n@host/a.csv", "https://***@host/a.csv"),
        ("http://host:8080/a@1/b.csv?mail=a@b", "http://host:***@1/b.csv?mail=a@b"),
        ("http://host:8080/b.csv?mail=a@b", "http://host:8080/b.csv?mail=a@b"),
        ("s3://bucket/a@1.csv", "s3://bucket/a@1.csv"),
    ],
)  # fmt: skip
def test_mask(source: str, shown: str) -> None:
    assert connectors.mask(source) == shown


def test_scrub_finds_decoded_secrets_too() -> None:
    source = "postgresql://ann:a%40b+c@host/shop"
    assert scrub(f"a%40b+c, a@b+c, a@b c, {source}", source) == "***, ***, ***, postgresql://ann:***@host/shop"
    assert scrub("no host word", "postgresql://ann:pass@word@host/shop") == "no host ***"


def test_mistyped_schemes() -> None:
    for source, near in [
        ("sklern:iris", "sklearn"),
        ("postgress://ann:pw@host/shop", "postgres"),
        ("htps://x/a.csv", "https"),
    ]:
        with pytest.raises(SourceError, match=f"Did you mean '{near}") as caught:
            connectors.read(source)
        assert "pw" not in str(caught.value)
    with pytest.raises(SourceError, match=r"Known: .*sqlite"):
        connectors.read("zzzzzz://x")


def fake_entry_points(monkeypatch: pytest.MonkeyPatch, **objects: str) -> None:
    points = [EntryPoint(name, value, base.ENTRY_POINTS) for name, value in objects.items()]
    real = base.entry_points
    monkeypatch.setattr(base, "entry_points", lambda group: points if group == base.ENTRY_POINTS else real(group=group))


class Warehouse:
    """A third party's connector."""

    written: ClassVar[list[tuple[str, str | None]]] = []

    @staticmethod
    def read(source: str, *, table: str | None, query: str | None, progress: Progress) -> Any:
        progress.step(0.5)
        if source.endswith("boom"):
            raise RuntimeError(f"cannot reach {source}")
        if source.endswith("frame"):
            return pd.DataFrame({"a": [1]})
        if source.endswith("empty"):
            return connectors.Loaded(pd.DataFrame({"a": []}), "warehouse", "t")
        return connectors.Loaded(pd.DataFrame({"a": [1]}), "warehouse", table or "t", ("hello",))

    @classmethod
    def write(cls, frame: pd.DataFrame, target: str, *, table: str | None, if_exists: str) -> None:
        cls.written.append((target, table))


class ReadOnly:
    read = Warehouse.read


def test_third_parties_register_connectors(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_entry_points(
        monkeypatch, warehouse=f"{__name__}:Warehouse", archive=f"{__name__}:ReadOnly", broken="no_such_module:thing"
    )
    loaded = connectors.read("warehouse:x", table="orders")
    assert (loaded.name, loaded.notes) == ("orders", ("hello",))
    connectors.write(loaded.frame, "warehouse://x", table="copy")
    assert Warehouse.written == [("warehouse://x", "copy")]
    assert {"warehouse", "archive"} <= {kind.name for kind in connectors.known_sources()}
    with pytest.raises(SourceError, match="failed on warehouse://ann:\\*\\*\\*@boom: RuntimeError") as caught:
        connectors.read("warehouse://ann:pw@boom")
    assert caught.value.__context__ is None
    with pytest.raises(SourceError, match="returned a DataFrame, not a Loaded"):
        connectors.read("warehouse:frame")
    with pytest.raises(SourceError, match="columns but no rows"):
        connectors.read("warehouse:empty")
    with pytest.raises(SourceError, match="cannot be written"):
        connectors.write(loaded.frame, "archive:x")
    with pytest.raises(SourceError, match="cannot be loaded: ModuleNotFoundError"):
        connectors.read("broken:x")
    with pytest.raises(SourceError, match="Did you mean 'warehouse'"):
        connectors.read("warehose:x")


@pytest.mark.parametrize(
    ("name", "shape", "categories"),
    [
        ("breast_cancer", (569, 31), ["malignant", "benign"]),
        ("iris", (150, 5), ["setosa", "versicolor", "virginica"]),
        ("wine", (178, 14), ["class_0", "class_1", "class_2"]),
        ("digits", (1797, 65), [str(digit) for digit in range(10)]),
        ("diabetes", (442, 11), None),
    ],
)
def test_bundled_tables(name: str, shape: tuple[int, int], categories: list[str] | None) -> None:
    from sklearn import datasets

    loaded = connectors.read(f"sklearn:{name}")
    assert loaded.frame.shape == shape
    target = loaded.frame["target"]
    assert (list(target.cat.categories) if categories else None) == categories
    codes = target.cat.codes if categories else target
    assert (codes.to_numpy() == getattr(datasets, f"load_{name}")().target).all()
    with pytest.raises(SourceError, match="neither a table nor a query"):
        connectors.read(f"sklearn:{name}", table="t")
    with pytest.raises(SourceError, match=f"Did you mean '{name}'"):
        connectors.read(f"sklearn:{name}x")


def test_openml_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    with pytest.raises(SourceError, match=r"openml\.org cannot be reached"):
        connectors.read("openml:adult")
    with pytest.raises(SourceError, match="names no OpenML table"):
        connectors.read("openml:a b")


def test_openml_asks_for_what_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.utils import Bunch

    asked: list[dict[str, Any]] = []

    def fetch(**wanted: Any) -> Bunch:
        asked.append(wanted)
        return Bunch(
            frame=pd.DataFrame({"a": [1]}, index=[5]), details={"id": "2", "version": "1", "licence": "Public"}
        )

    monkeypatch.setattr("synthdata.connectors.datasets._reach_openml", lambda: None)
    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
    loaded = connectors.read("openml:adult@2")
    connectors.read("openml:1590")
    assert (asked[0]["name"], asked[0]["version"], asked[0]["cache"]) == ("adult", 2, False)
    assert asked[1]["data_id"] == 1590
    assert (loaded.name, loaded.display) == ("adult", "openml:adult@2")
    assert "licence: Public" in loaded.notes


def test_every_kind_of_source_is_known() -> None:
    names = {kind.name for kind in connectors.known_sources()}
    assert {"csv", "parquet", "json", "jsonl", "xlsx", "feather", "s3", "https", "sqlite", "duckdb", "openml"} <= names


def test_importing_the_room_loads_nothing_heavy() -> None:
    heavy = [
        "pandas",
        "numpy",
        "pyarrow",
        "sqlalchemy",
        "duckdb",
        "sklearn",
        "fsspec",
        "openpyxl",
        "charset_normalizer",
    ]
    code = f"import sys, synthdata.connectors as c; c.mask('a'); print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
