"""Parquet, Feather, JSON, Excel; writing whole or not at all; what write() wrote read() brings back."""

from __future__ import annotations

import datetime
import errno
import os
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from synthdata import connectors
from synthdata.errors import SourceError

FULL = pd.DataFrame(
    {
        "whole": np.array([1, -2, 2**60]),
        "small": np.array([1, 2, 3], dtype="int8"),
        "gaps": pd.array([1, None, 3], dtype="Int32"),
        "real": [0.1, np.nan, 1e-300],
        "flag": [True, False, True],
        "maybe": pd.array([True, None, False], dtype="boolean"),
        "text": ['a,"b"\n', None, "ü"],
        "kind": pd.Categorical(["low", None, "high"], categories=["low", "mid", "high"], ordered=True),
        "at": pd.to_datetime(["2024-01-02 03:04:05.123456", None, "1999-12-31"], format="ISO8601").as_unit("us"),
        "zoned": pd.to_datetime(["2024-01-02", None, "2024-07-01"]).tz_localize("Europe/Paris"),
        "span": pd.to_timedelta(["1 day", None, "00:00:01"]),
        "money": [Decimal("1.10"), None, Decimal("-2.00")],
        'ünï cödé ;,"': [1, 2, 3],
    }
)


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_typed_formats_bring_everything_back(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"full.{ending}"
    connectors.write(FULL, path)
    loaded = connectors.read(path)
    pd.testing.assert_frame_equal(loaded.frame, FULL)
    assert loaded.name == "full"
    assert loaded.notes == ()


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "csv.zst", "tsv", "json", "jsonl", "jsonl.gz", "json.zst", "xlsx"])
def test_other_formats_bring_back_what_they_can_hold(tmp_path: Path, ending: str) -> None:
    frame = FULL[["whole", "real", "flag", "maybe", "text", 'ünï cödé ;,"']].assign(
        gaps=pd.array([1, None, 3], dtype="Int64"), whole=[1, -2, 2**53]
    )
    path = tmp_path / f"full.{ending}"
    connectors.write(frame, path)
    pd.testing.assert_frame_equal(connectors.read(path).frame, frame)
    assert os.listdir(tmp_path) == [path.name]


def columns(text: st.SearchStrategy[str], whole: int, minimum: str, maximum: str) -> st.SearchStrategy[pd.DataFrame]:
    times = st.datetimes(datetime.datetime.fromisoformat(minimum), datetime.datetime.fromisoformat(maximum))
    row = st.fixed_dictionaries(
        {
            "whole": st.integers(-whole, whole),
            "gaps": st.none() | st.integers(-whole, whole),
            "real": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "flag": st.booleans(),
            "maybe": st.none() | st.booleans(),
            "text": st.none() | text,
            "at": st.none() | times,
        }
    )

    def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
        made = pd.DataFrame(rows, columns=list(rows[0]), dtype=object)
        dtypes = {"whole": "int64", "gaps": "Int64", "real": "float64", "flag": "bool", "maybe": "boolean"}
        made = made.astype(dtypes)
        made["at"] = pd.to_datetime(pd.Series(made["at"].tolist(), dtype="datetime64[us]"))
        return made

    return st.lists(row, min_size=1, max_size=8).map(frame)


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PLAIN_TEXT = (
    st.text("abc xyzé\",;'|\t\n\r", min_size=1, max_size=9).filter(lambda text: text.strip() == text).map("q".__add__)
)
XML_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20)


def brings_back(folder: Path, frame: pd.DataFrame, ending: str) -> None:
    path = folder / f"table.{ending}"
    connectors.write(frame, path)
    back = connectors.read(path).frame
    assert list(back.columns) == list(frame.columns)
    for name in frame.columns:
        if frame[name].isna().all():
            assert back[name].isna().all()
        else:
            expected = frame[name]
            if str(expected.dtype) in ("Int64", "boolean") and not expected.isna().any():
                expected = expected.astype(back[name].dtype) if ending not in ("parquet", "feather") else expected
            pd.testing.assert_series_equal(back[name], expected)


SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SLOW
@given(frame=columns(ANY_TEXT, 2**63 - 1, "0001-01-01", "9999-12-31"), ending=st.sampled_from(["parquet", "feather"]))
def test_property_typed_formats(tmp_path: Path, frame: pd.DataFrame, ending: str) -> None:
    brings_back(tmp_path, frame, ending)


@SLOW
@given(
    frame=columns(ANY_TEXT, 2**63 - 1, "0001-01-01", "9999-12-31"),
    ending=st.sampled_from(["json", "jsonl", "jsonl.zst"]),
)
def test_property_json(tmp_path: Path, frame: pd.DataFrame, ending: str) -> None:
    brings_back(tmp_path, frame.drop(columns="at"), ending)


@SLOW
@given(
    frame=columns(PLAIN_TEXT, 2**63 - 1, "0001-01-01", "9999-12-31"), ending=st.sampled_from(["csv", "csv.gz", "tsv"])
)
def test_property_delimited(tmp_path: Path, frame: pd.DataFrame, ending: str) -> None:
    real = frame["real"].map(lambda value: value + 0.5 if value == int(value) else value, na_action="ignore")
    frame = frame.drop(columns="at").assign(real=real)
    if (frame["real"].dropna() % 1 == 0).all():
        frame = frame.drop(columns="real")  # 1e300 is written as a whole number would be
    brings_back(tmp_path, frame, ending)


@SLOW
@given(frame=columns(XML_TEXT.filter(len), 2**53, "1900-03-01", "9999-12-31"))
def test_property_workbook(tmp_path: Path, frame: pd.DataFrame) -> None:
    faults = {"#N/A", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!"}
    if not set(frame["text"]) & faults:
        brings_back(tmp_path, frame.drop(columns=["at", "real"]), "xlsx")


def test_types_from_other_programs_parquet(tmp_path: Path) -> None:
    table = pa.table(
        {
            "gaps": pa.array([2**53 + 1, None], pa.int64()),
            "unsigned": pa.array([200, None], pa.uint8()),
            "maybe": pa.array([True, None]),
            "day": pa.array([datetime.date(2024, 2, 29), None]),
            "hour": pa.array([datetime.time(1, 2, 3), None], pa.time64("us")),
            "list": pa.array([[1, 2], None]),
            "raw": pa.array([b"\x01\xff", None]),
            "kind": pa.array(["x", None]).dictionary_encode(),
            "at": pa.array([datetime.datetime(9999, 12, 31), None], pa.timestamp("ms", tz="UTC")),
        }
    )
    parquet.write_table(table, tmp_path / "a.parquet")
    loaded = connectors.read(tmp_path / "a.parquet")
    frame = loaded.frame
    assert frame.dtypes.astype(str).tolist() == [
        "Int64", "UInt8", "boolean", "datetime64[s]", "timedelta64[us]", "object", "object", "category",
        "datetime64[ms, UTC]",
    ]  # fmt: skip
    assert frame["gaps"][0] == 2**53 + 1
    assert frame["list"].tolist() == ["[1, 2]", None]
    assert frame["raw"].tolist() == ["01ff", None]
    assert any("times of day" in note for note in loaded.notes)
    assert any("nested values" in note for note in loaded.notes)


def test_a_named_index_becomes_a_column_and_any_other_is_left(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index([7, 8], name="key"))
    frame.to_parquet(tmp_path / "a.parquet")
    assert connectors.read(tmp_path / "a.parquet").frame.to_dict("list") == {"key": [7, 8], "a": [1, 2]}
    frame.rename_axis(None).to_parquet(tmp_path / "b.parquet")
    assert connectors.read(tmp_path / "b.parquet").frame.to_dict("list") == {"a": [1, 2]}
    connectors.write(frame, tmp_path / "c.parquet")
    assert list(connectors.read(tmp_path / "c.parquet").frame.columns) == ["a"]


def test_a_folder_of_parquet_files(tmp_path: Path) -> None:
    folder = tmp_path / "sales"
    for year, rows in ((2023, [1, 2]), (2024, [3, None])):
        (folder / f"year={year}").mkdir(parents=True)
        connectors.write(pd.DataFrame({"n": pd.array(rows, dtype="Int64")}), folder / f"year={year}" / "part.parquet")
    (folder / "_SUCCESS").touch()
    loaded = connectors.read(folder)
    assert loaded.name == "sales"
    assert loaded.frame["year"].tolist() == [2023, 2023, 2024, 2024]
    assert loaded.frame["n"].isna().tolist() == [False, False, False, True]
    connectors.write(pd.DataFrame({"m": [1]}), folder / "year=2024" / "other.parquet")
    with pytest.raises(SourceError, match=r"lacks the column 'n'|lacks the column 'm'"):
        connectors.read(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="holds no Parquet files"):
        connectors.read(tmp_path / "empty")


def test_files_of_a_folder_whose_types_clash(tmp_path: Path) -> None:
    connectors.write(pd.DataFrame({"n": [1]}), tmp_path / "a.parquet")
    connectors.write(pd.DataFrame({"n": ["x"]}), tmp_path / "b.parquet")
    with pytest.raises(SourceError, match=r"Column 'n' is int64 in .*a\.parquet but (large_)?string in .*b\.parquet"):
        connectors.read(tmp_path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('[{"a": 1, "b": "x"}, {"a": null}]', {"a": [1, None], "b": ["x", None]}),
        ('{"columns": ["a", "b"], "index": [0], "data": [[1, "x"]]}', {"a": [1], "b": ["x"]}),
        ('{"schema": {}, "data": [{"a": 1}]}', {"a": [1]}),
        ('{"a": [1, 2.5], "b": [true, null]}', {"a": [1.0, 2.5], "b": [True, None]}),
        ('{"a": {"0": 1, "1": 2}, "b": {"1": "x"}}', {"a": [1, 2], "b": [None, "x"]}),
        ('{"a": 1}\n\n{"a": 2}\n', {"a": [1, 2]}),
        ('[{"a": {"k": [1]}}, {"a": 7}]', {"a": ['{"k": [1]}', "7"]}),
        ('\ufeff[{"a": "NA"}]', {"a": ["NA"]}),
    ],
)
def test_json_forms(tmp_path: Path, content: str, expected: dict[str, list[Any]]) -> None:
    path = tmp_path / "a.json"
    path.write_text(content, encoding="utf-8")
    frame = connectors.read(path).frame
    assert {name: [None if pd.isna(value) else value for value in frame[name]] for name in frame} == expected


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", b"", "is empty"),
        ("a.json", b"[]", "no columns"),
        ("a.json", b'[{"a": 1},\n{"a": }]', "line 2, column 7: not JSON"),
        ("a.json", b'[{"a": 1}, 5]', "record 2: a number where an object was expected"),
        ("a.json", b'{"a": 1}', "no table that could be recognised"),
        ("a.json", b'[{"a": 1, "a": 2}]', "names 'a' twice"),
        ("a.json", b'[{"a": "\xff"}]', "line 1: byte offset 8 is not valid UTF-8"),
        ("a.json", b"[" * 100_000, "nested too deeply"),
        ("a.jsonl", b'{"a": 1}\n{"a": \n', "line 2, column 7: not JSON"),
        ("a.jsonl", b'{"a": 1}\n[1]\n', "line 2: a list where an object was expected"),
        ("a.jsonl", b'{"a": 1}\n{"b": 1, "b": 2}\n', "line 2: the record names 'b' twice"),
        ("a.jsonl", b"", "no columns"),
        ("a.parquet", b"PAR1 and then nothing", "not a whole Parquet file"),
        ("a.parquet", b"", "not a whole Parquet file"),
        ("a.feather", b"junk", "not a whole Feather file"),
        ("a.xlsx", b"junk", "not a readable Excel workbook"),
        ("a.cvs", b"a", "Did you mean 'csv'?"),
        ("a", b"a", "no ending"),
        ("a.parquet.gz", b"a", "compressed within"),
    ],
)
def test_refusals(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError) as caught:
        connectors.read(path)
    assert said in str(caught.value)
    assert caught.value.__context__ is None


def workbook(path: Path, **sheets: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_workbook_sheets_and_types(tmp_path: Path) -> None:
    day = datetime.datetime(2024, 2, 29, 12, 30)
    rows = [
        [None],
        ["n", "name", None, "at"],
        [1, "NA", True, day],
        [],
        [None, "#N/A", None, None],
        [2.5, "x", False, day],
    ]
    path = workbook(tmp_path / "a.xlsx", cover=[], people=rows, other=[["a"], [1]])
    loaded = connectors.read(path)
    assert list(loaded.frame.columns) == ["n", "name", "column_3", "at"]
    assert loaded.frame["name"].tolist() == ["NA", None, "x"]
    assert str(loaded.frame["column_3"].dtype) == "boolean"
    assert loaded.frame["at"][0] == pd.Timestamp(day)
    assert "1 blank row skipped" in loaded.notes
    assert any("sheet 'people' of 3" in note for note in loaded.notes)
    assert any("error such as #N/A" in note for note in loaded.notes)
    assert connectors.read(path, table="other").frame["a"].tolist() == [1]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "is empty"),
        ([["a", "b"]], "no rows"),
        ([["a", "a"], [1, 2]], "sheet 'people', row 1: the column name 'a' occurs twice"),
        ([["a"], [1], [1, 2]], "sheet 'people', row 3: a cell right of the header's last column"),
        ([["a", "b"], [1, "=A2*2"], [2, "=A3*2"]], "row 2: column 'b' holds formulas"),
    ],
)
def test_workbook_refusals(tmp_path: Path, rows: list[list[Any]], said: str) -> None:
    path = workbook(tmp_path / "a.xlsx", people=rows)
    with pytest.raises(SourceError) as caught:
        connectors.read(path)
    assert said in str(caught.value)
    with pytest.raises(SourceError, match="Did you mean 'people'"):
        connectors.read(path, table="peeple")


def test_workbook_text_is_never_a_formula(tmp_path: Path) -> None:
    frame = pd.DataFrame({"=a": ["=1+1", "x"]})
    connectors.write(frame, tmp_path / "a.xlsx")
    pd.testing.assert_frame_equal(connectors.read(tmp_path / "a.xlsx").frame, frame)
    with pytest.raises(SourceError, match="Column 'a' holds control characters"):
        connectors.write(pd.DataFrame({"a": ["\x00"]}), tmp_path / "a.xlsx")
    pd.testing.assert_frame_equal(connectors.read(tmp_path / "a.xlsx").frame, frame)


def test_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("people.csv").write_text("a\n1\n2\n")
    Path("odd:name.csv").write_text("a\n1\n2\n")
    for source in ("people.csv", Path("people.csv"), f"file://{tmp_path}/people.csv", "odd:name.csv"):
        assert len(connectors.read(source).frame) == 2
    for source, said in [
        ("peple.csv", r"No such file: peple.csv. Did you mean 'people.csv'\?"),
        ("nowhere/people.csv", "The folder nowhere does not exist"),
        ("people.csv/a.csv", "No such file"),
        ("  ", "The source is empty"),
        ("other:name.csv", "No such file: other:name.csv"),
        ("a\0b.csv", "cannot be read"),
        ("x" * 5000 + ".csv", "cannot be read"),
    ]:
        with pytest.raises(SourceError, match=said):
            connectors.read(source)
    with pytest.raises(SourceError, match="takes no query"):
        connectors.read("people.csv", query="SELECT 1")
    with pytest.raises(SourceError, match="takes no table name"):
        connectors.read("people.csv", table="people")


def test_writing_refuses_before_it_touches_anything(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1]})
    for target, said in [
        (tmp_path / "a.cvs", "Did you mean 'csv'"),
        (tmp_path, "is a folder"),
        (tmp_path / "no" / "a.csv", "does not exist"),
        ("sklearn:iris", "cannot be written"),
        ("http://localhost/a.csv", "cannot be written"),
    ]:
        with pytest.raises(SourceError, match=said):
            connectors.write(frame, target)
    with pytest.raises(SourceError, match="More than one column is named 'a'"):
        connectors.write(pd.DataFrame([[1, 2]], columns=["a", "a"]), tmp_path / "a.csv")
    with pytest.raises(SourceError, match="Column 'mix' holds values of several kinds"):
        connectors.write(pd.DataFrame({"mix": [1, "Smith"]}), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match="takes no table name"):
        connectors.write(frame, tmp_path / "a.csv", table="t")
    with pytest.raises(SourceError, match="cannot be appended"):
        connectors.write(frame, tmp_path / "a.csv", if_exists="append")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "csv.zst", "parquet", "feather", "json", "jsonl", "xlsx"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"table.{ending}"
    path.write_bytes(b"old")
    real_open = Path.open

    def open_full(self: Path, *words: Any, **named: Any) -> Any:
        stream = real_open(self, *words, **named)
        if ".partial." not in self.name:
            return stream

        class Full:
            def __getattr__(self, name: str) -> Any:
                return getattr(stream, name)

            def __enter__(self) -> Full:
                return self

            def __exit__(self, *error: object) -> None:
                stream.close()

            def write(self, block: bytes) -> int:
                raise OSError(errno.ENOSPC, "No space left on device")

        return Full()

    monkeypatch.setattr(Path, "open", open_full)
    with pytest.raises(SourceError, match="The disk is full"):
        connectors.write(pd.DataFrame({"a": range(1000)}), path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == [path.name]


@pytest.fixture
def tiny_disk(tmp_path: Path):  # type: ignore[no-untyped-def]
    place = tmp_path / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(words, capture_output=True).returncode != 0:
        pytest.skip("a small disk can be mounted by root only")
    yield place
    subprocess.run(["umount", str(place)], check=True, capture_output=True)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "csv.zst", "parquet", "feather", "json", "jsonl", "xlsx"])
def test_a_disk_that_is_really_full(tiny_disk: Path, ending: str) -> None:
    frame = pd.DataFrame({"a": np.random.default_rng(0).random(50_000)})
    with pytest.raises(SourceError, match="The disk is full"):
        connectors.write(frame, tiny_disk / f"table.{ending}")
    assert os.listdir(tiny_disk) == []


def test_a_database_on_a_disk_that_is_really_full(tiny_disk: Path) -> None:
    frame = pd.DataFrame({"a": np.random.default_rng(0).random(50_000)})
    url = f"sqlite:///{tiny_disk}/a.db"
    with pytest.raises(SourceError):
        connectors.write(frame, url, table="t")
    if (tiny_disk / "a.db").exists():
        with pytest.raises(SourceError, match=r"no tables|not a database"):
            connectors.read(url)
    with pytest.raises(SourceError):
        connectors.write(frame, f"duckdb:///{tiny_disk}/a.duckdb", table="t")
    assert not [name for name in os.listdir(tiny_disk) if "duckdb" in name]


WORDS = """a,b\n|1,2\n|"|,|;|\n|\r|\t|\0|\\|'|NA|{|}|[|]|{"a": 1}|PAR1|PK\x03\x04|1e400|-|sep=;\n| |é|\ufeff"""
PIECES = st.sampled_from(
    [*(word.encode() for word in WORDS.split("|")), b"\xff", b"\xe9", b"\xff\xfe", b"\x1f\x8b", b"|"]
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(PIECES | st.binary(max_size=12), max_size=25),
    ending=st.sampled_from(["csv", "tsv", "csv.gz", "csv.zst", "json", "jsonl", "parquet", "feather", "xlsx"]),
)
def test_property_no_bytes_end_in_a_traceback(tmp_path: Path, pieces: list[bytes], ending: str) -> None:
    path = tmp_path / f"table.{ending}"
    path.write_bytes(b"".join(pieces))
    said = str(path)
    try:
        assert len(connectors.read(path).frame) > 0
    except SourceError as error:
        said = str(error)
    assert said.startswith(str(path))
