"""What every column is: frozen, with a JSON form that a person can read and edit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from synthdata.errors import SchemaError, did_you_mean

Kind = Literal["numerical", "categorical", "boolean", "datetime", "timedelta", "id", "text"]
Role = Literal["target", "key", "sequence key", "order"]

SCHEMA_VERSION = 1
KINDS: tuple[str, ...] = get_args(Kind)


class Public(BaseModel):
    """What is known about a column without looking at a row: declared by the owner, never inferred.

    ``bounds`` are in the column's own units (a number, or an ISO date as text). ``decimals`` and ``nullable`` say that
    the digits after the point, and whether there are nulls, are known as well; under differential privacy they are
    bought where they are not declared here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bounds: tuple[float | int | str, float | int | str] | None = None
    categories: tuple[bool | int | float | str, ...] | None = None
    decimals: int | None = Field(default=None, ge=0, le=18)
    nullable: bool | None = None


class PublicTable(BaseModel):
    """What is known about the whole table without looking at a row: declared by the owner, never inferred.

    ``rows`` is how many there are, which then need not be bought under differential privacy.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int | None = Field(default=None, ge=1)


class Column(BaseModel):
    """One column: its name, what it means, and how it is stored.

    ``dtype`` is the pandas dtype that goes in and comes out (``int64``, ``Int64``, ``float64``, ``boolean``,
    ``category``, ``object``, ``datetime64[ns, Europe/Paris]``); a few more names stand for objects that pandas has no
    dtype for, such as ``decimal`` and ``date`` (see `synthdata.table.dtypes`).

    >>> Column(name="age", kind="numerical", dtype="int64", decimals=0).decimals
    0
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Kind
    dtype: str = "object"
    nullable: bool = False
    #: digits after the decimal point that a numerical column keeps; 0 for integers, None for unlimited
    decimals: int | None = Field(default=None, ge=0, le=18)
    #: the step of a datetime or timedelta column: day, hour, minute, second, millisecond, microsecond or nanosecond
    unit: str | None = None
    #: strptime format of dates stored as text or digits; of durations in text their layout, such as ``[%-d]d %-Hh``; of
    #: numbers stored as text ``%d``, ``%.2f`` or ``shortest``; the pattern of generated ids, such as ``P[0-9]{6}``
    format: str | None = None
    timezone: str | None = None
    #: whether the categories have an order (the order of the pandas category dtype, or of ``public.categories``)
    ordered: bool = False
    role: Role | None = None
    #: which kind of personal data this is (``name``, ``email``, ...); such a column is replaced by fakes
    pii: str | None = None
    #: leave this column out of the synthetic table
    drop: bool = False
    public: Public | None = None

    @property
    def generated(self) -> bool:
        """Whether the column is made up afresh (keys, ids, personal data) rather than modelled."""
        return self.kind == "id" or self.pii is not None

    @property
    def continuous(self) -> bool:
        """Whether the column lies on a number line (numbers, dates, durations)."""
        return self.kind in ("numerical", "datetime", "timedelta") and not self.generated


class Schema(BaseModel):
    """All columns of a table in order, and the rules between them.

    >>> schema = Schema(columns=(Column(name="age", kind="numerical", dtype="int64"),))
    >>> schema["age"].kind
    'numerical'
    >>> Schema.from_json(schema.to_json()) == schema
    True
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    columns: tuple[Column, ...]
    rules: tuple[dict[str, Any], ...] = ()
    public: PublicTable | None = None

    def __iter__(self) -> Iterator[Column]:  # type: ignore[override]
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __contains__(self, name: object) -> bool:
        return any(column.name == name for column in self.columns)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise SchemaError(f"There is no column {name!r}.", did_you_mean(name, self.names))

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def target(self) -> str | None:
        """The name of the column with the role ``target``, if there is one."""
        return next((column.name for column in self.columns if column.role == "target"), None)

    @property
    def modelled(self) -> tuple[Column, ...]:
        """The columns that a model learns: neither generated, nor dropped, nor free text."""
        return tuple(c for c in self.columns if not (c.generated or c.drop or c.kind == "text"))

    @property
    def kept(self) -> Schema:
        """The schema without the columns that are left out (``drop``): that of a synthetic table."""
        if not any(column.drop for column in self.columns):
            return self
        return self.model_copy(update={"columns": tuple(column for column in self.columns if not column.drop)})

    def replace(self, name: str, **changes: Any) -> Schema:
        """The same schema with some keys of one column changed.

        >>> schema = Schema(columns=(Column(name="zip", kind="numerical"),))
        >>> schema.replace("zip", kind="categorical")["zip"].kind
        'categorical'
        """
        known = self[name]
        try:
            changed = Column.model_validate({**known.model_dump(), **changes})
        except ValidationError as error:
            said = explain(error, {"columns": [{"name": name}]}, ("columns", 0))
            raise SchemaError(said[0].upper() + said[1:]) from None
        return self.model_copy(update={"columns": tuple(changed if c is known else c for c in self.columns)})

    def with_target(self, name: str | None) -> Schema:
        """The same schema with ``name`` as its only target."""
        if name is None:
            return self
        self[name]
        columns = tuple(
            c.model_copy(update={"role": "target" if c.name == name else (None if c.role == "target" else c.role)})
            for c in self.columns
        )
        return self.model_copy(update={"columns": columns})

    def to_json(self) -> str:
        """The schema as JSON text, keys that say nothing left out."""
        data = self.model_dump(mode="json")
        if self.public is None:
            del data["public"]
        default = Column(name="", kind="text").model_dump(mode="json")
        keep = ("name", "kind", "dtype", "nullable")
        data["columns"] = [
            {key: value for key, value in column.items() if key in keep or value != default[key]}
            for column in data["columns"]
        ]
        return json.dumps(data, indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, *, where: str = "schema") -> Schema:
        """Read a complete schema.

        Raises:
            SchemaError: the text is not JSON, or a key or value is wrong; the message names it.
        """
        return parse_schema(read_json(text, where), where)


def read_json(text: str, where: str) -> dict[str, Any]:
    """Parse JSON text that must hold an object.

    Raises:
        SchemaError: it does not.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise SchemaError(
            f"{where}: not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}.",
            "Mend that line; `synthdata inspect SOURCE --schema-out FILE` writes a correct schema to start from.",
        ) from None
    if not isinstance(data, dict):
        raise SchemaError(f"{where}: expected a JSON object with the key 'columns', found {type(data).__name__}.")
    return data


def parse_schema(data: Mapping[str, Any], where: str = "schema") -> Schema:
    """Check a schema given as plain data.

    Raises:
        SchemaError: the first wrong key or value, with the column it belongs to.
    """
    if data.get("version", SCHEMA_VERSION) != SCHEMA_VERSION:
        raise SchemaError(
            f"{where}: version {data['version']!r} is not known here (this synthdata reads version {SCHEMA_VERSION})."
        )
    try:
        schema = Schema.model_validate(data)
    except ValidationError as error:
        raise SchemaError(f"{where}: {explain(error, data)}") from None
    from synthdata.table.schema_checks import check_schema

    try:
        check_schema(schema)
    except SchemaError as error:
        raise SchemaError(f"{where}: {error}") from None
    return schema


def explain(error: ValidationError, data: Mapping[str, Any], inside: tuple[str | int, ...] = ()) -> str:
    """The first problem that pydantic found ``inside`` a schema given as plain data, said as a person would."""
    first = error.errors()[0]
    path = [part for part in (*inside, *first["loc"]) if part != "columns"]
    place = ""
    if path and isinstance(path[0], int):
        columns = data.get("columns", ())
        entry = columns[path[0]] if path[0] < len(columns) else {}
        name = entry.get("name", f"number {path[0] + 1}") if isinstance(entry, Mapping) else f"number {path[0] + 1}"
        place, path = f"column {name!r}, ", path[1:]
    key = ".".join(str(part) for part in path) or "columns"
    if first["type"] == "extra_forbidden":
        table, column = (PublicTable, Schema), (Public, Column)
        known = (column if place else table)[len(path) == 1].model_fields
        return f"{place}unknown key {key!r}. {did_you_mean(str(path[-1]), known)}"
    if key == "kind" and isinstance(first.get("input"), str):
        return f"{place}unknown kind {first['input']!r}. {did_you_mean(first['input'], KINDS)}"
    return f"{place}key {key!r}: {first['msg']}."


def complete(inferred: Schema, partial: Mapping[str, Any], where: str = "schema") -> Schema:
    """Lay what a person wrote (some columns, some keys; or SDV's metadata) over what was inferred.

    >>> inferred = Schema(columns=(Column(name="zip", kind="numerical", dtype="int64"),))
    >>> complete(inferred, {"columns": [{"name": "zip", "kind": "categorical"}]})["zip"].dtype
    'int64'

    Raises:
        SchemaError: it names a column that the table does not have, or a wrong key or value.
    """
    from synthdata.table.sdv_metadata import is_sdv, partial_from_sdv

    if is_sdv(partial):
        partial = partial_from_sdv(partial, where)
    known = {column.name: column.model_dump() for column in inferred}
    entries = partial.get("columns", [])
    if not isinstance(entries, Iterable) or isinstance(entries, str | Mapping):
        raise SchemaError(f"{where}: 'columns' must be a list of objects, each with a 'name'.")
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
            raise SchemaError(f"{where}: column number {number} has no 'name'.")
        name = entry["name"]
        if name not in known:
            raise SchemaError(f"{where}: column {name!r} is not in the table.", did_you_mean(str(name), known))
        changed = {**known[name], **entry}
        if "kind" in entry and entry["kind"] != known[name]["kind"]:
            # What was inferred for another kind says nothing about this one.
            changed = {**changed, **{key: None for key in ("pii", "unit", "format", "role") if key not in entry}}
        known[name] = changed
    rest = {"rules": list(inferred.rules), **{key: value for key, value in partial.items() if key != "columns"}}
    return parse_schema({**rest, "columns": list(known.values())}, where)


def read_partial(path: str | Path) -> dict[str, Any]:
    """What a whole or partial schema file, or one of SDV's metadata, says.

    Raises:
        SchemaError: it is missing, or no JSON object.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SchemaError(
            f"No such schema file: {path}.", "`synthdata inspect SOURCE --schema-out FILE` makes one."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SchemaError(f"The schema file {path} cannot be read: {type(error).__name__}.") from None
    return read_json(text, str(path))
