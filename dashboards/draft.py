"""A run that is being prepared: the table that was read, and the schema as the person has it so far."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from dashboards import uploads
from dashboards.access import Person
from synthdata import estimates
from synthdata.comparison.compare import BASE_MEMORY, COPIES
from synthdata.connectors import mask
from synthdata.encoders.fakes import FAKES
from synthdata.errors import SchemaError, SourceError
from synthdata.intake import open_source, prepare
from synthdata.random import SeedTree
from synthdata.reporting.html import KINDS
from synthdata.table.constraints import parse_rules
from synthdata.table.infer import Guess, infer
from synthdata.table.schema import Column, Schema, complete
from synthdata.table.table import require_rows

ROLES = ("key", "sequence key", "order")
PERSONAL = tuple(sorted(FAKES))


@dataclass(frozen=True)
class Draft:
    """What is known of a table that was read; its rows are not among it. ``size`` is in bytes of memory."""

    source: str
    table: str | None
    title: str
    uploaded: Path | None
    guesses: tuple[Guess, ...]
    rows: int
    size: int
    notes: tuple[str, ...]

    @property
    def inferred(self) -> Schema:
        """The schema as it was guessed, free text left out."""
        columns = (guess.column for guess in self.guesses)
        return Schema(
            columns=tuple(
                column.model_copy(update={"drop": True}) if column.kind == "text" and not column.pii else column
                for column in columns
            )
        )


def read(source: str, table: str | None = None, *, title: str = "", uploaded: Path | None = None) -> Draft:
    """Read a table and guess what its columns are.

    Raises:
        SynthdataError: it cannot be read, or is too small.
    """
    loaded = open_source(source, table=table)
    inference = infer(loaded.frame)
    require_rows(prepare(loaded.frame, inference.schema, drop_text=True))
    size = int(loaded.frame.memory_usage(deep=True).sum())
    name = title or loaded.name
    return Draft(source, table, name, uploaded, inference.guesses, len(loaded.frame), size, tuple(loaded.notes))


def upload(name: str, content: bytes) -> Draft:
    """Keep an uploaded file and read it; one that cannot be read is not kept.

    Raises:
        SynthdataError: see `uploads.keep` and `read`; the message does not say where the file lies.
    """
    path = uploads.keep(name, content)
    with ExitStack() as unread:
        unread.callback(uploads.forget, path)
        draft = read(str(path), title=path.name.partition(".")[0], uploaded=path)
        unread.pop_all()
    return draft


def named(text: str, table: str | None, person: Person) -> Draft:
    """Read a source that the person named.

    Raises:
        SynthdataError: it has a password, is not one that this person may name, or cannot be read.
    """
    source = text.strip()
    if not source:
        raise SourceError("No source is named.", "Such as sklearn:breast_cancer or a path on this machine.")
    if mask(source) != source:
        raise SourceError(
            "A source that is named here must not hold a password.",
            "Others could see it among the processes of this machine: put it where the database's driver looks for it.",
        )
    if "://" not in source and Path(source).expanduser().exists():
        source = str(Path(source).expanduser().resolve())
    if not person.may_read(source) or (person.known and ".." in source):
        raise SourceError("You may not name this source.", "The owner of this dashboard lists those that you may.")
    return read(source, table)


def grid(draft: Draft) -> list[dict[str, Any]]:
    """The schema as rows of an editable table."""
    return [
        {
            "Column": column.name,
            "Kind": column.kind,
            "Role": column.role if column.role in ROLES else None,
            "Personal data": column.pii,
            "Leave out": column.drop,
            "Lowest": "",
            "Highest": "",
            "Categories": "",
            "Why": " ".join(filter(None, [guess.reason, guess.advice])),
            "Sure": guess.confidence,
        }
        for column, guess in zip(draft.inferred, draft.guesses, strict=True)
    ]


def schema_of(draft: Draft, rows: Sequence[Mapping[str, Any]], rules: str, target: str | None) -> Schema:
    """The schema as the person has it: what was guessed, overruled by the grid, the rules and the target.

    Raises:
        SchemaError: something in it does not fit; the message says what.
    """
    entries = [_entry(column, row) for column, row in zip(draft.inferred, rows, strict=True)]
    partial = {"columns": [entry for entry in entries if len(entry) > 1], "rules": _rules(rules)}
    schema = complete(draft.inferred, partial, "The schema").with_target(target)
    parse_rules(schema)
    if not schema.modelled:
        raise SchemaError("No column is left that a model could learn.", "Leave fewer of them out.")
    return schema


def check(draft: Draft, schema: Schema, *, private: bool) -> None:
    """Hold the schema against the table, as the run will do first; under privacy without looking at the cells.

    Raises:
        SynthdataError: they do not fit.
    """
    prepare(open_source(draft.source, table=draft.table).frame, schema, strict=not private)


@st.cache_data(show_spinner=False, max_entries=200)
def expected(source: str, table: str | None, schema: str, model: str, size: int) -> tuple[str, str]:
    """How long a model will take on this machine and how much memory it needs, in words.

    Raises:
        SynthdataError: the table does not fit the schema.
    """
    real = prepare(open_source(source, table=table).frame, Schema.from_json(schema))
    cost = estimates.estimate(model, real, SeedTree(0).child("inspect"))
    told = "" if cost.seconds is None else f"{estimates.spoken(cost.seconds)} to fit and draw"
    memory = (BASE_MEMORY + COPIES * size) / 2**20
    return "; ".join(filter(None, [told, cost.reason])), f"about {memory:,.0f} MiB of memory"


def _entry(column: Column, row: Mapping[str, Any]) -> dict[str, Any]:
    """What a row of the grid says otherwise than the guess."""
    entry: dict[str, Any] = {"name": column.name}
    kind = row["Kind"] or column.kind
    other = kind != column.kind
    if other:
        entry["kind"] = kind
    pii, role = row["Personal data"] or None, row["Role"] or None
    if pii != column.pii or (other and pii):
        entry["pii"] = pii
    if role != (column.role if column.role in ROLES else None) or (other and role):
        entry["role"] = role
    # Free text that becomes something else is no longer to be left out.
    dropped = bool(row["Leave out"]) and not (other and column.kind == "text" and column.drop)
    if dropped != column.drop:
        entry["drop"] = dropped
    public = _public(column, row)
    if public:
        entry["public"] = public
    return entry


def _public(column: Column, row: Mapping[str, Any]) -> dict[str, Any]:
    low, high = (str(row[key] or "").strip() for key in ("Lowest", "Highest"))
    listed = [part.strip() for part in str(row["Categories"] or "").split(",") if part.strip()]
    if bool(low) != bool(high):
        raise SchemaError(f"Column {column.name!r} has only one public bound.", "Give the lowest and the highest.")
    public: dict[str, Any] = {}
    if low:
        public["bounds"] = [_value(low, column), _value(high, column)]
    if listed:
        public["categories"] = [_value(part, column) for part in listed]
    return public


def _value(text: str, column: Column) -> Any:
    """A text as a value of the column: a number for columns of numbers, otherwise as it is."""
    stored = column.dtype.lower()
    if column.kind == "boolean" or stored.startswith("bool"):
        return {"true": True, "false": False}.get(text.lower(), text)
    if stored.startswith(("int", "uint", "float")):
        for number in (int, float):
            try:
                return number(text)
            except ValueError:
                continue
    return text


def _rules(text: str) -> list[dict[str, Any]]:
    """Rules, one a line: an expression such as ``low <= high``, or a rule as the schema's JSON has it."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line:
            continue
        if line.startswith("{"):
            try:
                found.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise SchemaError(f"Line {number} of the rules is not valid JSON: {error.msg}.") from None
        else:
            found.append({"type": "expression", "expression": line})
    return found


def kind_label(kind: object) -> str:
    """A kind in plain words."""
    return KINDS.get(str(kind), str(kind))
