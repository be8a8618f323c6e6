"""SDV's metadata in and out, held against the real package where it is installed."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from synthdata.errors import SchemaError
from synthdata.table.infer import infer
from synthdata.table.schema import Column, Schema, complete, read_partial
from synthdata.table.sdv_metadata import from_sdv, is_sdv, partial_from_sdv, to_sdv
from synthdata.table.table import Table

SINGLE: dict[str, Any] = {
    "METADATA_SPEC_VERSION": "SINGLE_TABLE_V1",
    "primary_key": "guest",
    "sequence_key": "hotel",
    "sequence_index": "day",
    "columns": {
        "guest": {"sdtype": "id", "regex_format": "G[0-9]{4}"},
        "hotel": {"sdtype": "id"},
        "day": {"sdtype": "datetime", "datetime_format": "%d %b %Y"},
        "rate": {"sdtype": "numerical", "computer_representation": "Float"},
        "nights": {"sdtype": "numerical", "computer_representation": "Int64"},
        "room": {"sdtype": "categorical"},
        "vip": {"sdtype": "boolean"},
        "mail": {"sdtype": "email", "pii": True},
        "phone": {"sdtype": "phone_number"},
        "town": {"sdtype": "city", "pii": False},
        "odd": {"sdtype": "swift11", "pii": True},
    },
}
N = 40
FRAME = pd.DataFrame(
    {
        "guest": [f"G{k:04d}" for k in range(N)],
        "hotel": [f"H{k % 4}" for k in range(N)],
        "day": [f"{1 + k % 28:02d} Mar 2024" for k in range(N)],
        "rate": [80 + k / 4 for k in range(N)],
        "nights": [1 + k % 30 for k in range(N)],
        "room": ["suite", "single"] * (N // 2),
        "vip": [True, False] * (N // 2),
        "mail": [f"a{k}@example.com" for k in range(N)],
        "phone": [f"+49 30 {k:07d}" for k in range(N)],
        "town": ["Oslo", "Bergen"] * (N // 2),
        "odd": [f"XX{k}" for k in range(N)],
    }
)


def test_every_sdtype_is_understood() -> None:
    schema = from_sdv(SINGLE)
    assert {column.name: (column.kind, column.pii, column.role) for column in schema} == {
        "guest": ("id", None, "key"),
        "hotel": ("id", None, "sequence key"),
        "day": ("datetime", None, "order"),
        "rate": ("numerical", None, None),
        "nights": ("numerical", None, None),
        "room": ("categorical", None, None),
        "vip": ("boolean", None, None),
        "mail": ("text", "email", None),
        "phone": ("text", "phone", None),
        "town": ("categorical", None, None),
        "odd": ("id", None, None),
    }
    assert schema["guest"].format == "G[0-9]{4}"
    assert schema["day"].format == "%d %b %Y"
    assert schema["nights"].decimals == 0


@pytest.mark.parametrize("several", [False, True])
def test_a_metadata_file_is_known_by_its_look(several: bool, tmp_path: Path) -> None:
    table = {key: value for key, value in SINGLE.items() if key != "METADATA_SPEC_VERSION"}
    data = {"METADATA_SPEC_VERSION": "V1", "tables": {"guests": table}, "relationships": []} if several else SINGLE
    path = tmp_path / "metadata.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    schema = complete(infer(FRAME).schema, read_partial(path))
    assert schema["nights"].dtype == "int64"
    assert schema["town"].kind == "categorical"
    assert len(Table.of(FRAME, schema)) == N


def test_ours_is_not_taken_for_theirs() -> None:
    assert not is_sdv(json.loads(infer(FRAME).schema.to_json()))
    assert is_sdv(SINGLE)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"tables": {"a": {}, "b": {}}}, "2 tables"),
        ({"tables": {}}, "0 tables"),
        ({"tables": {"a": 5}}, "must be an object"),
        ({"columns": {}}, "no 'columns'"),
        ({"columns": {"a": {}}}, "column 'a' has no 'sdtype'"),
        ({"columns": {"a": {"sdtype": "id", "regex_format": "(a|b)"}}}, "cannot be drawn from"),
        ({"columns": {"guest": {"sdtype": "id"}}, "primary_key": "gest"}, "Did you mean 'guest'"),
    ],
)
def test_broken_metadata(data: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        partial_from_sdv(data)
    assert message in str(caught.value)


def test_out_and_in_again_keeps_kinds_roles_and_personal_data() -> None:
    schema = infer(FRAME).schema
    again = from_sdv(to_sdv(schema))
    for column in schema:
        assert again[column.name].pii == column.pii
        assert again[column.name].role == column.role
        if column.pii is None:
            assert again[column.name].kind == column.kind


def test_statistics_in_newer_files_are_not_taken_for_public_bounds() -> None:
    data = {"columns": {"age": {"sdtype": "numerical", "range_min": 17, "range_max": 90, "decimal_places": 1}}}
    column = from_sdv(data)["age"]
    assert column.public is None
    assert column.decimals == 1


def test_sdv_itself_reads_what_we_write(every_kind_of_column: pd.DataFrame) -> None:
    metadata = pytest.importorskip("sdv.metadata", reason="the package sdv is not installed").Metadata
    for frame in (FRAME, every_kind_of_column):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded = metadata.load_from_dict(to_sdv(infer(frame).schema))
            loaded.validate()
        assert set(loaded.to_dict()["tables"]["table"]["columns"]) == set(frame.columns)


def test_sdv_s_own_data_check_agrees_with_our_reading() -> None:
    metadata = pytest.importorskip("sdv.metadata", reason="the package sdv is not installed").Metadata
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metadata.load_from_dict(to_sdv(infer(FRAME).schema)).validate_data({"table": FRAME})


def test_a_schema_made_in_code_is_written() -> None:
    schema = Schema(
        columns=(
            Column(name="n", kind="numerical", dtype="UInt8"),
            Column(name="span", kind="timedelta", dtype="timedelta64[ns]"),
            Column(name="gone", kind="text", drop=True),
            Column(name="at", kind="datetime", dtype="object", format="%-d/%-m/%Y", role="order"),
        )
    )
    written = to_sdv(schema)["tables"]["table"]
    assert written["columns"]["n"]["computer_representation"] == "UInt8"
    assert written["columns"]["span"] == {"sdtype": "unknown", "pii": False}
    assert written["columns"]["gone"] == {"sdtype": "unknown", "pii": True}
    assert written["columns"]["at"]["datetime_format"] == "%d/%m/%Y"
    assert written["sequence_index"] == "at"
