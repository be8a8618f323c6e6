"""The schema: its JSON form, what is laid over what, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthdata.errors import SchemaError
from synthdata.table.schema import KINDS, Column, Public, Schema, complete, parse_schema, read_partial

INFERRED = Schema(
    columns=(
        Column(name="age", kind="numerical", dtype="int64", decimals=0),
        Column(name="day", kind="datetime", dtype="object", format="%Y-%m-%d", unit="day"),
        Column(name="mail", kind="id", pii="email", role="key"),
    )
)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.builds(
            Column,
            name=st.text("äb c", min_size=1, max_size=4),
            kind=st.sampled_from(["numerical", "categorical", "boolean"]),
            dtype=st.sampled_from(["int64", "object", "Float64"]),
            nullable=st.booleans(),
            decimals=st.none() | st.integers(0, 5),
            drop=st.booleans(),
        ),
        unique_by=lambda column: column.name,
    )
)
def test_json_round_trip(columns: list[Column]) -> None:
    schema = Schema(columns=tuple(columns), rules=())
    assert Schema.from_json(schema.to_json()) == schema


def test_json_leaves_out_what_says_nothing() -> None:
    text = json.loads(Schema(columns=(Column(name="a", kind="boolean", dtype="bool"),)).to_json())
    assert text["columns"] == [{"name": "a", "kind": "boolean", "dtype": "bool", "nullable": False}]


def test_declared_bounds_and_categories_survive() -> None:
    public = Public(bounds=(0, 120))
    schema = Schema(columns=(Column(name="age", kind="numerical", dtype="int64", public=public),))
    assert Schema.from_json(schema.to_json())["age"].public == public


def test_complete_keeps_what_is_not_said_and_forgets_what_belongs_to_another_kind() -> None:
    whole = complete(INFERRED, {"columns": [{"name": "day", "kind": "categorical"}, {"name": "age", "nullable": True}]})
    assert whole["day"].format is None
    assert whole["day"].unit is None
    assert whole["age"].nullable
    assert whole["age"].kind == "numerical"
    assert whole.names == INFERRED.names


def test_a_guess_of_personal_data_can_be_overruled() -> None:
    whole = complete(INFERRED, {"columns": [{"name": "mail", "kind": "categorical", "pii": None}]})
    assert not whole["mail"].generated
    assert whole["mail"].role is None


def test_kept_leaves_out_dropped_columns() -> None:
    assert INFERRED.replace("day", drop=True).kept.names == ("age", "mail")
    assert INFERRED.kept is INFERRED


def test_with_target_moves_the_role() -> None:
    schema = INFERRED.with_target("age").with_target("day")
    assert schema.target == "day"
    assert schema["age"].role is None
    with pytest.raises(SchemaError, match="Did you mean 'age'"):
        INFERRED.with_target("agee")


@pytest.mark.parametrize(
    ("partial", "message"),
    [
        ({"columns": [{"name": "agee", "kind": "numerical"}]}, "Did you mean 'age'"),
        ({"columns": [{"kind": "numerical"}]}, "number 1 has no 'name'"),
        ({"columns": [{"name": ["age"]}]}, "number 1 has no 'name'"),
        ({"columns": {"age": {}}}, "must be a list"),
        ({"columns": ["age"]}, "number 1 has no 'name'"),
        ({"columns": [{"name": "age", "kind": "numerica"}]}, "Did you mean 'numerical'"),
        ({"columns": [{"name": "age", "knd": "numerical"}]}, "unknown key 'knd'. Did you mean 'kind'"),
        ({"colums": []}, "unknown key 'colums'. Did you mean 'columns'"),
        ({"columns": [{"name": "age", "public": {"bound": [0, 1]}}]}, "Did you mean 'bounds'"),
        ({"columns": [{"name": "age", "public": {"bounds": [9, 1]}}]}, "lower of public.bounds is above"),
        ({"columns": [{"name": "age", "public": {"bounds": ["young", "old"]}}]}, "'young' is not of that kind"),
        ({"columns": [{"name": "day", "public": {"bounds": ["2024-13-01", "2025-01-01"]}}]}, "ISO date"),
        ({"columns": [{"name": "age", "public": {"categories": []}}]}, "public.categories is empty"),
        (
            {"columns": [{"name": "age", "kind": "categorical", "public": {"categories": [1, 1]}}]},
            "lists a value twice",
        ),
        ({"columns": [{"name": "mail", "pii": "e-mail"}]}, "Did you mean 'email'"),
        ({"columns": [{"name": "age", "dtype": "int46"}]}, "no dtype 'int46'. Did you mean 'int64'"),
        ({"columns": [{"name": "age", "kind": "timedelta"}]}, "stored as 'int64'"),
        (
            {"columns": [{"name": "age", "role": "target"}, {"name": "day", "role": "target"}]},
            "Two columns have the role",
        ),
        ({"columns": [{"name": "mail", "role": "target"}]}, "made up or free text"),
        ({"columns": [{"name": "mail", "pii": None, "format": "("}]}, "cannot be drawn from"),
        ({"columns": [{"name": "age", "decimals": -1}]}, "column 'age', key 'decimals'"),
        ({"rules": [{"type": "inequalty", "low": "age", "high": "day"}]}, "Did you mean 'inequality'"),
        ({"version": 2}, "version 2 is not known"),
    ],
)
def test_wrong_schemas_name_the_place_and_the_remedy(partial: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        complete(INFERRED, partial, "my.json")
    assert message in str(caught.value)
    assert "my.json" in str(caught.value)


def test_replace_refuses_what_is_no_column() -> None:
    with pytest.raises(SchemaError, match="Did you mean 'numerical'"):
        INFERRED.replace("age", kind="numeric")
    with pytest.raises(SchemaError, match="unknown key 'knd'"):
        INFERRED.replace("age", knd="numerical")


def test_a_column_listed_twice() -> None:
    with pytest.raises(SchemaError, match="'a' is listed twice"):
        parse_schema({"columns": [{"name": "a", "kind": "text"}, {"name": "a", "kind": "text"}]})


@pytest.mark.parametrize("text", ["", "{", "[]", "nul", '{"columns": 5}', '{"columns": [5]}', "{}"])
def test_broken_files(text: str, tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text(text, encoding="utf-8")
    if text == "{}":
        assert complete(INFERRED, read_partial(path), str(path)) == INFERRED
        return
    with pytest.raises(SchemaError, match=r"schema\.json"):
        complete(INFERRED, read_partial(path), str(path))


def test_missing_and_binary_files(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="No such schema file"):
        read_partial(tmp_path / "none.json")
    (tmp_path / "junk.json").write_bytes(b"\xff\xfe\x00junk")
    with pytest.raises(SchemaError, match="cannot be read"):
        read_partial(tmp_path / "junk.json")


def test_every_kind_is_parsed() -> None:
    for kind in KINDS:
        assert parse_schema({"columns": [{"name": "a", "kind": kind}]})["a"].kind == kind


def test_the_number_of_rows_may_be_public() -> None:
    schema = complete(Schema(columns=(Column(name="a", kind="numerical"),)), {"public": {"rows": 500}})
    assert schema.public is not None
    assert schema.public.rows == 500
    assert Schema.from_json(schema.to_json()) == schema
    assert "public" not in json.loads(Schema(columns=(Column(name="a", kind="numerical"),)).to_json())
    with pytest.raises(SchemaError, match="rows"):
        complete(schema, {"public": {"rows": 0}})
    with pytest.raises(SchemaError, match="Did you mean 'rows'"):
        complete(schema, {"public": {"row": 5}})
