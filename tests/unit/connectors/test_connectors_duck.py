"""DuckDB: read-only, shut off from everything but its file, and what was written comes back."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from synthdata import connectors
from synthdata.errors import Cancelled, SourceError
from synthdata.progress import Progress


@pytest.fixture
def shop(tmp_path: Path) -> str:
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        connection.execute(
            """
            CREATE TYPE mood AS ENUM ('low', 'high');
            CREATE TABLE orders (id BIGINT, amount DECIMAL(10, 2), paid BOOLEAN, made TIMESTAMP, zoned TIMESTAMPTZ,
                day DATE, mood mood, big HUGEINT, list INTEGER[], key UUID);
            INSERT INTO orders VALUES (9007199254740993, 1.10, true, '2024-01-02 03:04:05', '2024-01-02 00:00+00',
                '2024-02-29', 'high', 1, [1, 2], '00000000-0000-0000-0000-000000000001');
            INSERT INTO orders (id) VALUES (NULL);
            CREATE SCHEMA "odd.schema";
            CREATE TABLE "odd "" name" AS SELECT 1 AS "select";
            CREATE VIEW big AS SELECT id FROM orders;
            """
        )
    return f"duckdb:///{tmp_path}/shop.duckdb"


def refusal(source: str, **options: Any) -> str:
    with pytest.raises(SourceError) as caught:
        connectors.read(source, **options)
    assert caught.value.__context__ is None
    return str(caught.value)


def test_types(shop: str) -> None:
    loaded = connectors.read(shop, table="orders")
    frame, first = loaded.frame, loaded.frame.iloc[0]
    assert loaded.name == "orders"
    assert first["id"] == 9007199254740993
    assert [str(frame[name].dtype) for name in ("id", "paid", "mood")] == ["Int64", "boolean", "category"]
    assert first["amount"] == Decimal("1.10")
    assert frame["zoned"].dt.tz is not None
    assert first["day"] == pd.Timestamp("2024-02-29")
    assert first["list"] == "[1, 2]"
    assert first["key"] == "00000000-0000-0000-0000-000000000001"
    assert frame.iloc[1].isna().all()
    assert connectors.read(shop, table='odd " name').frame["select"].tolist() == [1]
    assert len(connectors.read(shop, table="big").frame) == 2


def test_a_query(shop: str) -> None:
    loaded = connectors.read(shop, query="SELECT id FROM orders WHERE id IS NOT NULL;")
    assert loaded.frame["id"].tolist() == [9007199254740993]
    assert loaded.name == "shop_query"


@pytest.mark.parametrize(
    "query",
    [
        "DROP TABLE orders",
        "SELECT 1; DROP TABLE orders",
        "COPY orders TO 'stolen.csv'",
        "SELECT * FROM 'secret.csv'",
        "SELECT * FROM read_csv('secret.csv')",
        "ATTACH 'other.duckdb'",
        "SET enable_external_access = true",
        "SELECT * FROM shown",
    ],
)
def test_a_query_can_neither_write_nor_reach_further(
    shop: str, query: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("secret.csv").write_text("a\n1\n")
    shown = pd.DataFrame({"a": [1]})
    refusal(shop, query=query)
    assert len(shown) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret.csv", "shop.duckdb"]
    assert len(connectors.read(shop, table="orders").frame) == 2


def test_messages(shop: str, tmp_path: Path) -> None:
    assert 'Tables: big, odd " name, orders.' in refusal(shop)
    assert "Did you mean 'orders'?" in refusal(shop, table="ordrs")
    assert "nme" in refusal(shop, query="SELECT nme FROM orders")
    assert "No such file" in refusal(f"duckdb:///{tmp_path}/none.duckdb", table="a")
    assert not (tmp_path / "none.duckdb").exists()
    (tmp_path / "junk.duckdb").write_bytes(b"junk" * 5000)
    assert "not a DuckDB file" in refusal(f"duckdb:///{tmp_path}/junk.duckdb", table="a")
    assert "Smith" not in refusal(shop, query="SELECT CAST(concat('Smi', 'th') AS INTEGER)")
    assert "names no file" in refusal("duckdb://", table="a")


def test_writing(tmp_path: Path) -> None:
    url = f"duckdb:///{tmp_path}/new.duckdb"
    frame = pd.DataFrame({"n": pd.array([1, None], dtype="Int64"), "t": ["a'b", None]})
    connectors.write(frame, url, table="odd ; name")
    pd.testing.assert_frame_equal(connectors.read(url, table="odd ; name").frame, frame)
    with pytest.raises(SourceError, match="already has a table"):
        connectors.write(frame, url, table="odd ; name")
    connectors.write(frame[["t"]], url, table="odd ; name", if_exists="append")
    assert connectors.read(url, table="odd ; name").frame["n"].isna().sum() == 3
    connectors.write(frame[["n"]], url, table="odd ; name", if_exists="replace")
    assert list(connectors.read(url, table="odd ; name").frame.columns) == ["n"]
    with pytest.raises(SourceError, match="no column 'x'"):
        connectors.write(pd.DataFrame({"x": [1]}), url, table="odd ; name", if_exists="append")
    with pytest.raises(SourceError):
        connectors.write(pd.DataFrame({"n": ["Smith"]}), url, table="odd ; name", if_exists="append")
    assert len(connectors.read(url, table="odd ; name").frame) == 2
    with pytest.raises(SourceError, match="name of the table"):
        connectors.write(frame, url)


def test_cancel_is_heard(shop: str) -> None:
    progress = Progress()
    progress.observers.append(lambda event: progress.cancel() if "rows" in event.message else None)
    with pytest.raises(Cancelled):
        connectors.read(shop, table="orders", progress=progress)
