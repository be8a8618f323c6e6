"""CSV: what is read, what is said about it, and what is refused with which line."""

from __future__ import annotations

import gzip
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from synthdata import connectors
from synthdata.connectors import delimited
from synthdata.connectors.text_columns import plain, typed
from synthdata.errors import Cancelled, SourceError
from synthdata.progress import Progress


@pytest.fixture
def read(tmp_path: Path):  # type: ignore[no-untyped-def]
    def read(content: str | bytes, name: str = "people.csv") -> connectors.Loaded:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return connectors.read(path)

    return read


@pytest.fixture
def refused(read):  # type: ignore[no-untyped-def]
    def refused(content: str | bytes, name: str = "people.csv") -> str:
        with pytest.raises(SourceError) as caught:
            read(content, name)
        return str(caught.value).partition(f"{name}")[2]

    return refused


def noted(loaded: connectors.Loaded, pattern: str) -> bool:
    return any(re.search(pattern, note) for note in loaded.notes)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(read, delimiter: str, line_end: str) -> None:  # type: ignore[no-untyped-def]
    lines = ["id,name,score", '1,"a;,|\t ""b""\nc",1.5', "2,,2"]
    content = line_end.join(re.sub(r',(?=[^"]*$|")', delimiter, line) for line in lines) + line_end
    content = content.replace(f'1{delimiter}"', f'1{delimiter}"')
    loaded = read(content)
    assert loaded.frame["name"].tolist() == ['a;,|\t "b"\nc', None]
    assert loaded.frame["score"].tolist() == [1.5, 2.0]
    assert noted(loaded, "delimiter") == (delimiter != ",")


def test_types(read) -> None:  # type: ignore[no-untyped-def]
    frame = read(
        "zip,whole,gaps,real,flag,maybe,day,big\n"
        "01234,1,1,0.10,true,True,2024-01-01,9007199254740993\n"
        "99999,-2,,1e-3,false,,2024-01-02,1\n"
    ).frame
    assert frame["zip"].tolist() == ["01234", "99999"]
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        "zip": "object",
        "whole": "int64",
        "gaps": "Int64",
        "real": "float64",
        "flag": "bool",
        "maybe": "boolean",
        "day": "object",
        "big": "int64",
    }
    assert frame["big"][0] == 9007199254740993


@pytest.mark.parametrize(
    "cells",
    [["0x1F", "1"], ["1_000", "2"], ["123456789012345678901", "1"], ["+491701234567", "+491701234568"], ["1e", "2"]],
)
def test_what_only_resembles_numbers_stays_text(read, cells: list[str]) -> None:  # type: ignore[no-untyped-def]
    assert read("a,b\n" + "".join(f"{cell},1\n" for cell in cells)).frame["a"].tolist() == cells


def test_numbers_as_people_write_them(read) -> None:  # type: ignore[no-untyped-def]
    loaded = read('n,m\n"1,234.50",+5\n"12",-7\n')
    assert loaded.frame["n"].tolist() == [1234.5, 12]
    assert loaded.frame["m"].tolist() == [5, -7]
    assert noted(loaded, "thousands separators removed: n")
    loaded = read("n;m\n1.234,50;3,25\n12;0,5\n")
    assert loaded.frame["n"].tolist() == [1234.5, 12]
    assert noted(loaded, "decimal commas read: n, m")
    loaded = read("n;m\n1,234;1\n5,678;2\n")
    assert loaded.frame["n"].tolist() == ["1,234", "5,678"]
    assert noted(loaded, "may mean 1234 or 1.234: n")
    # What says both how thousands are set apart and what the point is needs no help from the delimiter.
    assert read('n,m\n"1.234,50",1\n"12,5",2\n').frame["n"].tolist() == [1234.5, 12.5]
    assert read('n,m\n"1,2",1\n"3",2\n').frame["n"].tolist() == ["1,2", "3"]
    assert read("n;m\n1,234.50;1\n12;2\n").frame["n"].tolist() == [1234.5, 12]


def test_a_cell_alone_is_read_like_its_column() -> None:
    cells = ["1,234.5", "1.234,5", "1,234", "0,5", "$5", "5 %", "€1.234,5", "word, word", "1,2,3"]
    table = pa.table({"a": cells})
    rest = ["5", "5", "1234.5", "word, word", "1,2,3"]
    assert plain(table, ",")["a"].to_pylist() == ["1234.5", "1234.5", "1234", "0,5", *rest]
    assert plain(table, ";")["a"].to_pylist() == ["1234.5", "1234.5", "1.234", "0.5", *rest]


def test_numbers_with_a_unit_lose_it_and_that_is_said(read) -> None:  # type: ignore[no-untyped-def]
    loaded = read('pay,share,fee\n"$1,200.50",12.5%,10 EUR\n-$3,5%,\n"$ 7",NA,-2 EUR\n')
    assert loaded.frame["pay"].tolist() == [1200.5, -3, 7]
    assert loaded.frame["share"].tolist()[:2] == [12.5, 5]
    assert loaded.frame["share"].isna().tolist() == [False, False, True]
    assert loaded.frame["fee"].tolist()[::2] == [10, -2]
    for said in (
        r"'\$' before numbers dropped: pay",
        "'%' behind numbers dropped: share",
        "'EUR' behind numbers dropped",
    ):
        assert noted(loaded, said)
    loaded = read("price;share\n1.234,50 €;5,5\u00a0%\n12 €;7 %\n")
    assert loaded.frame["price"].tolist() == [1234.5, 12]
    assert loaded.frame["share"].tolist() == [5.5, 7]
    assert noted(loaded, "decimal commas read: price, share")
    loaded = read("temperature,weight,speed\n-3.5°C,75 kg,50 km/h\n20°C,80.5 kg,7 km/h\n")
    assert loaded.frame.to_numpy().tolist() == [[-3.5, 75, 50], [20, 80.5, 7]]


@pytest.mark.parametrize(
    "cells",
    [
        ["$5", "€6"],
        ["$5", "6"],
        ["5%", "%6"],
        ["$01", "$02"],
        ["$true", "$false"],
        ["$inf", "$1"],
        ["%", "5%"],
        ["%5", "%6"],
        ["12 months", "24 months"],
        ["5m", "6m"],
        ["EURO 5", "EURO 6"],
    ],
)
def test_units_that_differ_or_stand_by_no_number_are_kept(read, cells: list[str]) -> None:  # type: ignore[no-untyped-def]
    loaded = read("a,b\n" + "".join(f"{cell},1\n" for cell in cells))
    assert loaded.frame["a"].tolist() == cells
    assert not noted(loaded, "dropped")


@pytest.mark.parametrize("cells", [["00.5", "01.5"], ["-007", "-008"], ["00,5", "01,25"], ["$00.5", "$01.5"]])
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_numbers_with_zeros_before_them_stay_text(read, cells: list[str], delimiter: str) -> None:  # type: ignore[no-untyped-def]
    loaded = read(f"a{delimiter}b\n" + "".join(f'"{cell}"{delimiter}1\n' for cell in cells))
    assert loaded.frame["a"].tolist() == cells


PIECES = ["0", "1", "25", "345", "00", ".", ",", "-", "+", "$", "%", " ", "€", "e", "EUR", "kg", "inf", "NA"]


@given(
    st.lists(st.lists(st.sampled_from(PIECES), max_size=6).map("".join), min_size=1, max_size=3), st.sampled_from(",;")
)
def test_whatever_cells_look_like_they_are_read(cells: list[str], delimiter: str) -> None:
    table = pa.table({"a": cells})
    for made in (typed(table, delimiter)[0]["a"], plain(table, delimiter)["a"]):
        assert len(made) == len(cells)
    numbers = typed(table, delimiter)[0]["a"]
    if pa.types.is_floating(numbers.type) or pa.types.is_integer(numbers.type):
        # A number has the digits of its cell, and neither more nor fewer.
        for number, cell in zip(numbers.to_pylist(), cells, strict=True):
            if number is not None and "e" not in cell and "inf" not in cell:
                digits = [re.sub(r"\D", "", text).strip("0") for text in (f"{number:.12f}", cell)]
                assert digits[0] == digits[1]


def test_country_codes_survive(read) -> None:  # type: ignore[no-untyped-def]
    loaded = read("country,age\nNA,31\nDE,NA\nFR,NULL\n")
    assert loaded.frame["country"].tolist() == ["NA", "DE", "FR"]
    assert loaded.frame["age"].isna().tolist() == [False, True, True]
    assert noted(loaded, "'NA' read as null: age")
    assert noted(loaded, "'NA' kept as a value of text columns: country")


def test_a_word_that_means_null_among_numbers_means_it_in_text_too(read) -> None:  # type: ignore[no-untyped-def]
    loaded = read("city,age\n?,31\nParis,?\n")
    assert loaded.frame["city"].tolist() == [None, "Paris"]
    assert read("city,age\n?,31\nParis,32\n").frame["city"].tolist() == ["?", "Paris"]
    assert read("city,age\nnull,31\nN/A,32\n\\N,33\nRome,34\n").frame["city"].isna().sum() == 3


def test_r_writes_null_bare_and_text_quoted(read) -> None:  # type: ignore[no-untyped-def]
    loaded = read('"code","n"\n"NA",1\nNA,NA\n"x",3\n')
    assert loaded.frame["code"].tolist() == ["NA", None, "x"]
    assert noted(loaded, "unquoted NA is null")


def test_empty_text_and_null_are_told_apart_where_the_file_does(read) -> None:  # type: ignore[no-untyped-def]
    assert read('a,b\n"",1\n,2\nx,3\n').frame["a"].tolist() == ["", None, "x"]
    assert read('"a","b"\n"","1"\n"x",""\n').frame.isna().sum().tolist() == [1, 1]


@pytest.mark.parametrize(
    ("encoding", "text", "note"),
    [
        ("utf-8", "é", None),
        ("utf-8-sig", "é", None),
        ("utf-16", "é", None),
        ("utf-16-le", "é", None),
        ("utf-16-be", "é", None),
        ("utf-32", "é", None),
        ("cp1252", "René Müller, façade “quoted” – 5 €", "read as cp1252"),
        ("cp1251", "Мария Ивановна живёт в Москве", "read as cp1251"),
    ],
)
def test_encodings(read, encoding: str, text: str, note: str | None) -> None:  # type: ignore[no-untyped-def]
    loaded = read(f'name,n\n"{text}",1\nAnn,2\n'.encode(encoding))
    assert loaded.frame["name"].tolist() == [text, "Ann"]
    assert list(loaded.frame.columns) == ["name", "n"]
    assert noted(loaded, note or "UTF-8") == (note is not None)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "csv.zst"])
def test_compression(read, ending: str) -> None:  # type: ignore[no-untyped-def]
    plain = b"a,b\n1,x\n2,y\n"
    packed = {"csv": plain, "csv.gz": gzip.compress(plain), "csv.zst": zstandard.compress(plain)}[ending]
    loaded = read(packed, f"people.{ending}")
    assert loaded.frame["a"].tolist() == [1, 2]
    assert loaded.name == "people"


@pytest.mark.parametrize("ending", ["csv.gz", "csv.zst"])
def test_broken_compression(refused, ending: str) -> None:  # type: ignore[no-untyped-def]
    whole = b"a,b\n" + np.random.default_rng(0).integers(0, 9, 200_000).astype("S1").tobytes() + b",1\n"
    packed = gzip.compress(whole) if ending == "csv.gz" else zstandard.compress(whole)
    for content in (packed[: len(packed) // 2], b"not compressed at all"):
        assert "is not a whole" in refused(content, f"people.{ending}")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", " is empty"),
        (b"\n\n  \n", " is empty"),
        (b"a,b\n", " has a header but no rows"),
        (b"a,b", " has a header but no rows"),
        (b"a,b\n1,2\n1,2,3\n", ", line 3: 3 fields, but the header has 2"),
        (b"a,b\n1,2\n\n3\n", ", line 4: 1 field, but the header has 2"),
        (b'a,b\n"x\ny",2\n1,2,3\n', ", line 4: 3 fields, but the header has 2"),
        (b"\n\na,b\n1,2\n1\n", ", line 5: 1 field, but the header has 2"),
        (b'a,b\n1,"x\n2,y\n', ", line 2: a quote is opened and never closed"),
        (b"a,b, a\n1,2,3\n", ", line 1: the column name 'a' occurs twice (fields 1 and 3)"),
        (b"Sales of the year\na,b\n1,2\n", ", line 2: 2 fields, but the header has 1"),
        (bytes(range(256)) * 40, " is binary, not text (byte offset 0)"),
        (b"\x89PNG\r\n\x1a\n" + b"a" * 99, " is not delimited text but an image"),
        (b"PAR1abcd", " is not delimited text but a Parquet file"),
        (b"<!DOCTYPE html><html></html>", " is a web page"),
        ("né,b\n1,2\n".encode() + b"\xff,2\n", ", line 3: byte offset 10 is not valid UTF-8"),
        (b"a,b\n1,2\n3,\x004\n" + b"1,2\n" * 30_000, " is binary, not text (byte offset 10)"),
        (b"a,b\n" + b"1,2\n" * 30_000 + b"3,\x004\n", ", line 30002: a zero byte"),
        (b"39,State-gov,1.5\n40,State-gov,2\n41,Private,3\n", ", line 1: this looks like a row of data"),
        (b"1.5,2.5\n3,4\n", ", line 1: this looks like a row of data"),
    ],
)
def test_refusals_say_where(refused, content: bytes, said: str) -> None:  # type: ignore[no-untyped-def]
    assert refused(content).startswith(said)


def test_refusals_hold_no_value(refused) -> None:  # type: ignore[no-untyped-def]
    for content in (
        "Smith,Smith,3\nSmith,Smith,4\n",
        "a,b\nSmith,2\nSmith,2,3\n",
        'a,b\nSmith,"Smith\n',
        "Smith,1.5\nSmith,2.5\n",
    ):
        assert "Smith" not in refused(content)


def test_a_fault_far_into_a_file_has_its_exact_line(refused) -> None:  # type: ignore[no-untyped-def]
    rows = ['1,"two\nlines"\n' if number % 1000 == 0 else "1,x\n" for number in range(300_000)]
    rows[250_000] = "1,x,y\n"
    expected = 2 + 250_000 + sum(number % 1000 == 0 for number in range(250_000))
    assert refused("a,b\n" + "".join(rows)).startswith(f", line {expected}: 3 fields")


def test_years_and_numbers_may_name_columns(read) -> None:  # type: ignore[no-untyped-def]
    assert list(read("country,2019,2020\nPeru,1,2\nChile,3,4\n").frame.columns) == ["country", "2019", "2020"]
    assert list(read("0,1\n5.5,6\n7,8\n").frame.columns) == ["0", "1"]


def test_what_is_dropped_or_named_is_noted(read) -> None:  # type: ignore[no-untyped-def]
    loaded = read("\nid, a ,\n1,x,\n\n\n2,y,\n\n")
    assert loaded.frame.to_dict("list") == {"id": [1, 2], "a": ["x", "y"]}
    assert noted(loaded, "^3 blank lines skipped")
    assert noted(loaded, "header is on line 2")
    assert noted(loaded, "empty last column is dropped")
    loaded = read(",a\n0,x\n1,y\n")
    assert list(loaded.frame.columns) == ["column_1", "a"]
    assert noted(loaded, "field 1 has no name")
    loaded = read("sep=;\na;b\n1;2\n")
    assert loaded.frame.to_dict("list") == {"a": [1], "b": [2]}


def test_spaces_after_the_delimiter(read) -> None:  # type: ignore[no-untyped-def]
    loaded = read("age, work, pay\n39, State-gov, 5\n50, Private, 6\n")
    assert loaded.frame["work"].tolist() == ["State-gov", "Private"]
    assert loaded.frame["pay"].tolist() == [5, 6]
    assert noted(loaded, "spaces after the delimiter dropped: work")
    assert read('a, b\n1, "x, y"\n2, z\n').frame["b"].tolist() == ["x, y", "z"]


def test_other_quoting(read) -> None:  # type: ignore[no-untyped-def]
    assert read('a,b\n1,"he said \\"hi, you\\" twice"\n').frame["b"].tolist() == ['he said "hi, you" twice']
    assert read("'a','b'\n'x, y',1\n").frame["a"].tolist() == ["x, y"]
    assert read('a,b\n5" pipe,1\n').frame["a"].tolist() == ['5" pipe']


def test_a_cell_longer_than_a_block(read, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(delimited, "_BLOCK", 1 << 10)
    assert read("a,b\n1," + "x" * 9000 + "\n2,y\n").frame["b"].str.len().tolist() == [9000, 1]


def test_mostly_numbers_is_noted(read) -> None:  # type: ignore[no-untyped-def]
    loaded = read("n,m\n" + "1,2\n" * 30 + "unknown,3\n")
    assert noted(loaded, "text because a few of its values are no numbers: n")
    assert not noted(loaded, "unknown")


def test_null_words_late_in_a_column(read) -> None:  # type: ignore[no-untyped-def]
    frame = read("n,t\n" + "1,a\n" * 5000 + "NA,a\nx,a\n").frame
    assert frame["n"].iloc[-1] == "x"
    assert str(read("n,t\n" + "1,a\n" * 5000 + "NA,a\n").frame["n"].dtype) == "Int64"


def test_all_null_column(read) -> None:  # type: ignore[no-untyped-def]
    assert read("a,b\n1,\n2,\n").frame["b"].isna().all()


def test_cancel_is_heard(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "1,2\n" * 1000)
    progress = Progress()
    progress.observers.append(lambda event: progress.cancel() if "rows" in event.message else None)
    with pytest.raises(Cancelled):
        connectors.read(path, progress=progress)


def test_memory_stays_near_the_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    generator = np.random.default_rng(0)
    frame = pd.DataFrame({f"n{i}": generator.integers(0, 1000, 50_000) for i in range(10)})
    frame["c"] = generator.choice(["red", "green", "blue"], 50_000)
    connectors.write(frame, path)
    tracemalloc.start()
    loaded = connectors.read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    pd.testing.assert_frame_equal(loaded.frame, frame)
    assert peak < 40e6  # Python's own share: no list of cells


def test_cells_of_spaces_are_null_and_it_is_said(read) -> None:  # type: ignore[no-untyped-def]
    loaded = read('a,b,n\n" ",x,1\ny,"",2\n')
    assert loaded.frame["a"].tolist() == [None, "y"]
    assert loaded.frame["b"].tolist() == ["x", None]
    assert noted(loaded, "nothing but spaces read as null: a")
    assert noted(loaded, "empty quoted cells read as null: b")
