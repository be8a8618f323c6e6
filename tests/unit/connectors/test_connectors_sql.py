"""Databases: types kept, nothing written while reading, no password anywhere, and messages that help."""

from __future__ import annotations

import socket
import sqlite3
import traceback
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from synthdata import connectors
from synthdata.errors import Cancelled, SourceError
from synthdata.progress import Event, Progress

PASSWORD = "s3cr3t-pa55"


def everything_said(error: BaseException) -> str:
    """All text a person could get to see of an error, chained ones included."""
    said, seen = "", [error]
    while seen:
        current = seen.pop()
        said += "".join(traceback.format_exception(current)) + repr(current) + repr(current.__dict__)
        seen += [chained for chained in (current.__cause__, current.__context__) if chained is not None]
    return said


def refusal(source: str, **options: Any) -> str:
    with pytest.raises(SourceError) as caught:
        connectors.read(source, **options)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def shop(tmp_path: Path) -> str:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            """
            CREATE TABLE orders (id INTEGER PRIMARY KEY, amount NUMERIC(10, 2), paid BOOLEAN, at DATETIME, note TEXT);
            INSERT INTO orders VALUES (1, 10.5, 1, '2024-01-02 03:04:05', 'a:b %s'), (2, NULL, NULL, NULL, NULL);
            CREATE TABLE "odd "" name" ("select" INTEGER, "a b" TEXT);
            INSERT INTO "odd "" name" VALUES (1, 'x'), (NULL, 'y');
            CREATE TABLE void (a INTEGER);
            CREATE VIEW big AS SELECT id FROM orders;
            """
        )
    connection.close()
    return f"sqlite:///{path}"


def test_sqlite_types_come_from_the_declaration(shop: str) -> None:
    loaded = connectors.read(shop, table="orders")
    frame = loaded.frame
    assert loaded.name == "orders"
    assert frame["amount"].tolist()[0] == Decimal("10.50")
    assert frame["amount"].isna().tolist() == [False, True]
    assert str(frame["paid"].dtype) == "boolean"
    assert frame["at"].dtype.kind == "M"
    assert frame["at"][0] == pd.Timestamp("2024-01-02 03:04:05")


def test_sqlite_quotes_names_and_reads_views(shop: str) -> None:
    frame = connectors.read(shop, table='odd " name').frame
    assert list(frame.columns) == ["select", "a b"]
    assert str(frame["select"].dtype) == "Int64"
    assert connectors.read(shop, table="big").frame["id"].tolist() == [1, 2]


def test_a_query_reaches_the_driver_as_it_is(shop: str) -> None:
    loaded = connectors.read(shop, query="SELECT id, note FROM orders WHERE note LIKE 'a:b %' -- :x")
    assert loaded.frame["note"].tolist() == ["a:b %s"]
    assert loaded.name == "shop_query"


@pytest.mark.parametrize("query", ["DROP TABLE orders", "DELETE FROM orders", "SELECT 1; DROP TABLE orders"])
def test_sqlite_is_read_only(shop: str, query: str) -> None:
    refusal(shop, query=query)
    assert len(connectors.read(shop, table="orders").frame) == 2


def test_sqlite_a_table_name_is_never_sql(shop: str) -> None:
    assert "no table" in refusal(shop, table="orders; DROP TABLE orders")
    assert len(connectors.read(shop, table="orders").frame) == 2


def test_sqlite_messages(shop: str, tmp_path: Path) -> None:
    assert 'Tables: big, odd " name, orders, void' in refusal(shop)
    assert "Did you mean 'orders'?" in refusal(shop, table="ordrs")
    assert "no rows" in refusal(shop, table="void")
    assert "no such column: nme" in refusal(shop, query="SELECT nme FROM orders")
    assert "syntax" in refusal(shop, query="SELEC 1")
    assert "named 'id'" in refusal(shop, query="SELECT id, id FROM orders")
    assert "Give one of the two" in refusal(shop, table="orders", query="SELECT 1")
    assert "No such file" in refusal(f"sqlite:///{tmp_path}/none.db", table="a")
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "junk.db").write_bytes(b"junk" * 1000)
    assert "not a database" in refusal(f"sqlite:///{tmp_path}/junk.db", table="a")


def test_sqlite_values_that_do_not_fit_their_type_are_read_as_stored(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE t (day DATE, n INTEGER)")
        connection.execute("INSERT INTO t VALUES ('2024-01-01', 1), ('unknown', 'many')")
    loaded = connectors.read(f"sqlite:///{tmp_path}/a.db", table="t")
    assert loaded.frame["day"].tolist() == ["2024-01-01", "unknown"]
    assert loaded.frame["n"].tolist() == ["1", "many"]
    assert any("declared types" in note for note in loaded.notes)
    assert any("several kinds" in note for note in loaded.notes)


def test_text_that_is_no_utf8_is_refused_without_showing_it(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE t (name TEXT)")
        connection.execute("INSERT INTO t VALUES (CAST(x'4d616e6e6568ff' AS TEXT))")
    assert "Manneh" not in refusal(f"sqlite:///{tmp_path}/a.db", table="t")


def test_chunks_report_progress_and_hear_a_cancel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from synthdata.connectors import sql

    monkeypatch.setattr(sql, "_ROWS", 10)
    url = f"sqlite:///{tmp_path}/a.db"
    connectors.write(pd.DataFrame({"n": range(95)}), url, table="t")
    events: list[Event] = []
    frame = connectors.read(url, table="t", progress=Progress([events.append])).frame
    assert frame["n"].tolist() == list(range(95))
    assert {event.stage for event in events} == {"read"}
    assert len(events) == 12
    progress = Progress()
    progress.observers.append(lambda event: progress.cancel() if "30 rows" in event.message else None)
    with pytest.raises(Cancelled):
        connectors.read(url, query="SELECT * FROM t", progress=progress)


MIXED = pd.DataFrame(
    {
        "whole": pd.array([1, None, -(2**60)], dtype="Int64"),
        "real": [0.1, float("nan"), 1e300],
        "flag": pd.array([True, None, False], dtype="boolean"),
        "text": ["a'b\"c", None, "ü %s :x"],
        "kind": pd.Categorical(["x", None, "y"]),
        "at": pd.to_datetime(["2024-01-02 03:04:05.000006", None, "1700-01-01"], format="ISO8601").as_unit("us"),
        "money": [Decimal("1.10"), None, Decimal("-99999999999.01")],
    }
)


def same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    kind = left["kind"].astype(object).where(left["kind"].notna(), None)
    pd.testing.assert_frame_equal(left.assign(kind=kind), right)


def test_sqlite_gives_back_what_was_written(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    wide = MIXED.assign(money=[Decimal("1.10"), None, Decimal("-9.01")])
    connectors.write(wide, url, table="t")
    same(wide, connectors.read(url, table="t").frame)


def test_sqlite_write_choices(tmp_path: Path) -> None:
    url, frame = f"sqlite:///{tmp_path}/new.db", pd.DataFrame({"n": [1, 2]})
    connectors.write(frame, url, table="t")
    with pytest.raises(SourceError, match="already has a table 't'"):
        connectors.write(frame, url, table="t")
    connectors.write(frame, url, table="t", if_exists="append")
    assert connectors.read(url, table="t").frame["n"].tolist() == [1, 2, 1, 2]
    connectors.write(frame.assign(m=3), url, table="t", if_exists="replace")
    assert list(connectors.read(url, table="t").frame.columns) == ["n", "m"]
    with pytest.raises(SourceError, match="no column 'other'"):
        connectors.write(pd.DataFrame({"other": [1]}), url, table="t", if_exists="append")
    with pytest.raises(SourceError, match="name of the table"):
        connectors.write(frame, url)
    with pytest.raises(SourceError, match="Did you mean 'append'"):
        connectors.write(frame, url, table="t", if_exists="apend")


def test_a_write_that_fails_leaves_no_table(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    connectors.write(pd.DataFrame({"n": [1]}), url, table="old")
    frame = pd.DataFrame({"n": pd.array([1] * 6000 + [2**64 - 1], dtype="UInt64")})
    with pytest.raises(SourceError):
        connectors.write(frame, url, table="new")
    with pytest.raises(SourceError):
        connectors.write(frame, url, table="old", if_exists="replace")
    assert "Tables: old." in refusal(url)
    assert connectors.read(url, table="old").frame["n"].tolist() == [1]


def test_postgres_gives_back_what_was_written(postgres: str) -> None:
    connectors.write(MIXED, postgres, table="mixed", if_exists="replace")
    loaded = connectors.read(postgres, table="mixed")
    same(MIXED, loaded.frame)
    assert loaded.display == postgres.replace(PASSWORD, "***")
    zoned = pd.DataFrame({"at": pd.to_datetime(["2024-07-01 12:00", None]).tz_localize("Europe/Paris")})
    zoned["span"] = pd.to_timedelta(["1 day 00:00:01", None])
    connectors.write(zoned, postgres, table="zoned", if_exists="replace")
    back = connectors.read(postgres, table="zoned").frame
    assert back["at"].dt.tz is not None
    assert back["at"][0] == zoned["at"][0]
    assert back["span"][0] == zoned["span"][0]


POSTGRES_TABLE = """
CREATE SCHEMA IF NOT EXISTS sales;
DROP TABLE IF EXISTS sales."Odd Name";
CREATE TABLE sales."Odd Name" (
    id uuid, small smallint, whole bigint, money numeric(12, 2), real double precision, flag boolean, day date,
    at timestamp, zoned timestamptz, hour time, span interval, tags text[], doc jsonb, raw bytea, host inet,
    "Mixed Case" varchar(10), empty integer
);
INSERT INTO sales."Odd Name" VALUES
('00000000-0000-0000-0000-000000000001', 1, 9007199254740993, 12.30, 0.1, true, '2024-02-29', '2024-02-29 12:00',
 '2024-07-01 12:00+02', '13:14', '2 days', '{a,b}', '{"k": 1}', '\\x00ff', '10.0.0.1', 'x', NULL),
(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
"""


@pytest.fixture
def sales(postgres: str) -> str:
    import psycopg

    with psycopg.connect(postgres) as connection:
        connection.execute(POSTGRES_TABLE.encode())
    return postgres


def test_postgres_types(sales: str) -> None:
    loaded = connectors.read(sales, table="sales.Odd Name")
    frame, first = loaded.frame, loaded.frame.iloc[0]
    assert loaded.name == "Odd_Name"
    assert str(frame["small"].dtype) == str(frame["whole"].dtype) == "Int64"
    assert first["whole"] == 9007199254740993
    assert first["money"] == Decimal("12.30")
    assert str(frame["real"].dtype) == "float64"
    assert str(frame["flag"].dtype) == "boolean"
    assert frame["day"].dtype.kind == frame["at"].dtype.kind == "M"
    assert frame["zoned"].dt.tz is not None
    assert first["zoned"] == pd.Timestamp("2024-07-01 10:00", tz="UTC")
    assert first["hour"] == pd.Timedelta(hours=13, minutes=14)
    assert first["span"] == pd.Timedelta(days=2)
    assert first["tags"] == '["a", "b"]'
    assert first["doc"] == '{"k": 1}'
    assert first["raw"] == "00ff"
    assert first["host"] == "10.0.0.1"
    assert first["id"] == "00000000-0000-0000-0000-000000000001"
    assert first["Mixed Case"] == "x"
    assert frame.iloc[1].isna().all()


def test_postgres_query_is_streamed_and_typed(sales: str) -> None:
    query = "SELECT i AS n, '12:30'::text || '%s' AS t, i::numeric / 3 AS r FROM generate_series(1, 45000) i;"
    events: list[Event] = []
    loaded = connectors.read(sales, query=query, progress=Progress([events.append]))
    assert loaded.frame["n"].tolist() == list(range(1, 45001))
    assert loaded.frame["t"][0] == "12:30%s"
    assert isinstance(loaded.frame["r"][0], Decimal)
    assert [event.message for event in events if "rows" in event.message] == [
        "20,000 rows",
        "40,000 rows",
        "45,000 rows",
    ]


@pytest.mark.parametrize(
    "query",
    [
        'DROP TABLE sales."Odd Name"',
        'SELECT 1; DROP TABLE sales."Odd Name"',
        'SELECT 1; COMMIT; DROP TABLE sales."Odd Name"',
        'DELETE FROM sales."Odd Name" RETURNING 1',
        'WITH gone AS (DELETE FROM sales."Odd Name" RETURNING 1) SELECT * FROM gone',
        "SELECT nextval('counter')",
    ],
)
def test_postgres_is_read_only(sales: str, query: str) -> None:
    import psycopg

    with psycopg.connect(sales) as connection:
        connection.execute("CREATE SEQUENCE IF NOT EXISTS counter")
    refusal(sales, query=query)
    assert len(connectors.read(sales, table="sales.Odd Name").frame) == 2


def test_postgres_messages(sales: str) -> None:
    assert "sales.Odd Name" in refusal(sales)
    assert "Did you mean 'sales.Odd Name'?" in refusal(sales, table="sales.Odd Nam")
    assert 'column "nme" does not exist' in refusal(sales, query='SELECT nme FROM sales."Odd Name"')
    said = refusal(
        sales, query="""SELECT "Mixed Case" || 'Smith' FROM sales."Odd Name" WHERE ("Mixed Case" || 'Smith')::int > 1"""
    )
    assert "Smith" not in said
    assert "22P02" in said


def test_postgres_down_or_denied_never_shows_the_password(postgres: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"postgresql://ann:{PASSWORD}@127.0.0.1:{probe.getsockname()[1]}/shop"
        assert "Is the server running" in refusal(nobody, table="t")
    wrong = postgres.replace(PASSWORD, PASSWORD + "x")
    with pytest.raises(SourceError) as caught:
        connectors.read(wrong, table="t")
    assert "password authentication failed" in str(caught.value)
    with pytest.raises(SourceError) as caught:
        connectors.read(postgres.replace("@", "/x@"), table="t")
    for source in (nobody, wrong):
        for call in (
            lambda source=source: connectors.read(source, table="t"),
            lambda source=source: connectors.write(pd.DataFrame({"a": [1]}), source, table="t"),
        ):
            with pytest.raises(SourceError) as caught:
                call()
            lines = [line for line in everything_said(caught.value).splitlines() if PASSWORD in line]
            assert lines == []


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://ann:{PASSWORD}@{PASSWORD}@localhost/shop",
        f"postgresql://ann:{PASSWORD}@localhost:port/shop",
        f"postgresql://localhost/shop?password={PASSWORD}&nonsense=1",
        f"nosuchdialect://ann:{PASSWORD}@localhost/shop",
        f"postgresql+nosuchdriver://ann:{PASSWORD}@localhost/shop",
        f"oracle://ann:{PASSWORD}@localhost/shop",
        f"mysql://ann:{PASSWORD}@127.0.0.1:1/shop",
        f"postgresql://ann:pa/{PASSWORD}@127.0.0.1:1/shop",
    ],
)
def test_urls_that_cannot_work_never_show_the_password(url: str) -> None:
    with pytest.raises(SourceError) as caught:
        connectors.read(url, table="t")
    assert PASSWORD not in everything_said(caught.value)


def test_postgres_write_fails_whole(postgres: str) -> None:
    frame = pd.DataFrame({"n": pd.array([1] * 6000 + [2**64 - 1], dtype="UInt64")})
    with pytest.raises(SourceError):
        connectors.write(frame, postgres, table="half")
    assert "no table 'half'" in refusal(postgres, table="half")
