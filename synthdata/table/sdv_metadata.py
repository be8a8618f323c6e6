"""SDV's metadata JSON in and out (specification V1; of V2 what it shares with V1, and ``decimal_places``).

Ranges and lists of values that newer files carry are left aside: they are statistics of the real table, and taking
them for declared bounds would make public what nobody declared to be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthdata.errors import SchemaError, did_you_mean
from synthdata.table.dtypes import TEXTS, is_integer
from synthdata.table.patterns import parse_pattern
from synthdata.table.schema import Column, Schema, complete
from synthdata.table.stored_moments import ISO

VERSION_KEY = "METADATA_SPEC_VERSION"
TABLE = "table"
#: SDV's name of a kind of personal data, and ours
PERSONAL = {
    "name": "name",
    "first_name": "first_name",
    "last_name": "last_name",
    "email": "email",
    "phone_number": "phone",
    "address": "address",
    "street_address": "street_address",
    "city": "city",
    "postcode": "postcode",
    "administrative_unit": "state",
    "country": "country",
    "company": "company",
    "job": "job",
    "user_name": "username",
    "password": "password",
    "ssn": "ssn",
    "passport_number": "passport",
    "license_plate": "licence_plate",
    "iban": "iban",
    "bban": "bank_account",
    "credit_card_number": "credit_card",
    "ipv4_address": "ip_address",
    "mac_address": "mac_address",
    "url": "url",
}
ALSO_PERSONAL = {
    **PERSONAL,
    "state": "state",
    "ipv6_address": "ip_address",
    "safe_email": "email",
    "free_email": "email",
}
BACK = {ours: theirs for theirs, ours in PERSONAL.items()}
PLACES = ("latitude", "longitude")


def is_sdv(data: Mapping[str, Any]) -> bool:
    """Whether a JSON object is SDV's metadata rather than our schema."""
    columns = data.get("columns")
    typed = isinstance(columns, Mapping) and any(isinstance(e, Mapping) and "sdtype" in e for e in columns.values())
    return VERSION_KEY in data or isinstance(data.get("tables"), Mapping) or typed


def from_sdv(data: Mapping[str, Any], where: str = "metadata") -> Schema:
    """The schema that SDV's metadata of one table describes.

    SDV says nothing about storage, so every dtype is ``object`` here; `partial_from_sdv` laid over what was inferred
    from the table (`complete`) gives the whole.

    >>> from_sdv({"columns": {"age": {"sdtype": "numerical"}}, "METADATA_SPEC_VERSION": "SINGLE_TABLE_V1"})["age"].kind
    'numerical'

    Raises:
        SchemaError: several tables, or a wrong key or value, with its column.
    """
    partial = partial_from_sdv(data, where)
    blank = Schema(columns=tuple(Column(name=entry["name"], kind="text") for entry in partial["columns"]))
    return complete(blank, partial, where)


def partial_from_sdv(data: Mapping[str, Any], where: str = "metadata") -> dict[str, Any]:
    """What SDV's metadata says about each column, in the form of a partial schema.

    Raises:
        SchemaError: as `from_sdv`.
    """
    table = _only_table(data, where)
    columns = table.get("columns")
    if not isinstance(columns, Mapping) or not columns:
        raise SchemaError(f"{where}: the table has no 'columns'.", "Each column needs an entry with its 'sdtype'.")
    entries: dict[str, dict[str, Any]] = {}
    for name, entry in columns.items():
        if not isinstance(entry, Mapping) or not isinstance(entry.get("sdtype"), str):
            raise SchemaError(
                f"{where}: column {name!r} has no 'sdtype'.", 'Write for example {"sdtype": "numerical"}.'
            )
        entries[name] = {"name": name, **_column(name, entry, where)}
    _set_role(entries, table.get("sequence_key"), "sequence key", where)
    _set_role(entries, table.get("sequence_index"), "order", where)
    for key in [table.get("primary_key"), *(table.get("alternate_keys") or [])]:
        if isinstance(key, str):
            _set_role(entries, key, "key", where)
    return {"columns": list(entries.values())}


def _only_table(data: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    tables = data.get("tables")
    if not isinstance(tables, Mapping):
        return data
    if len(tables) != 1:
        raise SchemaError(
            f"{where}: it describes {len(tables)} tables ({', '.join(map(str, list(tables)[:5]))}).",
            "Only one table at a time can be read; keep one of them under 'tables'.",
        )
    table = next(iter(tables.values()))
    if not isinstance(table, Mapping):
        raise SchemaError(f"{where}: the table under 'tables' must be an object with 'columns'.")
    return table


def _column(name: str, entry: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The keys of one column; those that SDV leaves open stay as inferred."""
    sdtype, layout = entry["sdtype"], entry.get("regex_format")
    if sdtype == "numerical":
        decimals = entry.get("decimal_places")
        whole = str(entry.get("computer_representation", "")).lower().startswith(("int", "uint"))
        known = {"decimals": decimals} if decimals is not None else {"decimals": 0} if whole else {}
        return {"kind": "numerical", "pii": None, **known}
    if sdtype == "datetime":
        layout = entry.get("datetime_format")
        return {"kind": "datetime", "pii": None, **({"format": layout} if layout else {})}
    if sdtype in ("categorical", "boolean"):
        return {"kind": sdtype, "pii": None}
    if sdtype == "ordinal":
        return {"kind": "categorical", "pii": None}
    if sdtype == "id" or (sdtype == "text" and layout):
        return {"kind": "id", "pii": None, **({"format": _pattern(name, layout, where)} if layout else {})}
    if sdtype == "text":
        return {"kind": "text", "pii": None}
    if entry.get("pii", True) is False:
        return {} if sdtype in ("unknown", *PLACES) else {"kind": "categorical", "pii": None}
    if sdtype in ALSO_PERSONAL:
        return {"kind": "text", "pii": ALSO_PERSONAL[sdtype]}
    # Any function of Faker can be an sdtype: what we have no fakes for becomes a made-up code.
    return {} if sdtype in PLACES else {"kind": "id", "pii": None}


def _pattern(name: str, layout: Any, where: str) -> str:
    try:
        parse_pattern(str(layout))
    except SchemaError as error:
        raise SchemaError(f"{where}: column {name!r}, key 'regex_format': {error}") from None
    return str(layout)


def _set_role(entries: dict[str, dict[str, Any]], name: Any, role: str, where: str) -> None:
    if name is None:
        return
    if name not in entries:
        raise SchemaError(f"{where}: the {role} {name!r} is not among the columns.", did_you_mean(str(name), entries))
    entries[name].setdefault("role", role)


def to_sdv(schema: Schema) -> dict[str, Any]:
    """SDV's metadata of the table, in the form for several tables with a single one called ``table``.

    Durations have no place there and become ``unknown``, as do free text and columns left out; rules, bounds and
    categories are not said.

    >>> to_sdv(Schema(columns=(Column(name="sex", kind="categorical"),)))["tables"]["table"]["columns"]
    {'sex': {'sdtype': 'categorical'}}
    """
    table: dict[str, Any] = {"columns": {column.name: _entry(column) for column in schema}}
    keys = [column.name for column in schema if column.role == "key" and not column.drop]
    if keys:
        table["primary_key"] = keys[0]
    if keys[1:]:
        table["alternate_keys"] = keys[1:]
    for role, key in (("sequence key", "sequence_key"), ("order", "sequence_index")):
        found = [column.name for column in schema if column.role == role and not column.drop]
        if found:
            table[key] = found[0]
    return {"tables": {TABLE: table}, "relationships": [], VERSION_KEY: "V1"}


def _entry(column: Column) -> dict[str, Any]:
    if column.drop:
        return {"sdtype": "unknown", "pii": True}
    if column.pii is not None:
        return {"sdtype": BACK.get(column.pii, "unknown"), "pii": True}
    if column.role == "sequence key":
        return {"sdtype": "id"}
    if column.kind == "numerical":
        return {"sdtype": "numerical", "computer_representation": _representation(column.dtype)}
    if column.kind == "datetime":
        layout = column.format if column.format != ISO else None
        return {"sdtype": "datetime", **({"datetime_format": layout.replace("%-", "%")} if layout else {})}
    if column.kind == "id":
        written = column.dtype in TEXTS and column.format not in (None, "uuid")
        return {"sdtype": "id", **({"regex_format": column.format} if written else {})}
    if column.kind in ("categorical", "boolean"):
        return {"sdtype": column.kind}
    return {"sdtype": "unknown", "pii": column.kind == "text"}


def _representation(dtype: str) -> str:
    """SDV's name of a numerical storage."""
    plain = dtype.lower().removesuffix("[pyarrow]")
    if is_integer(plain):
        return f"UInt{plain[4:]}" if plain.startswith("u") else f"Int{plain[3:]}"
    return "Float"
