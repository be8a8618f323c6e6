"""What kind each column is, under differential privacy: by its name, its storage, and counts of forms with noise.

How a source stores its columns counts as public where the source itself says so: a Parquet file, a database, a frame in
memory. In a file of text every cell says it, so there each column's storage is bought; and so is, in any source, in
which layout text holds dates, how fine stored moments are, and whether whole numbers are a yes or no.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from synthdata.errors import PrivacyError
from synthdata.privacy.ledger import Ledger
from synthdata.privacy.persons import bounded
from synthdata.privacy.private_table import Guarded
from synthdata.table.conform import conform
from synthdata.table.dtypes import TEXTS, dtype_name, is_boolean, is_float, is_integer
from synthdata.table.evidence import Evidence
from synthdata.table.forms import (
    BIT,
    CLOCKS,
    DURATION_FORM,
    EMAIL_FORM,
    FORMS,
    FRACTION,
    LAYOUTS,
    NUMBERS,
    TRUTH,
    UNIT_FORMS,
    UUID_FORM,
    WHOLE,
    WORDS,
    form_counts,
)
from synthdata.table.guess_moments import customary
from synthdata.table.guess_numbers import CODES, MEASURES, POSTAL, SOME, is_entity_name
from synthdata.table.personal import CODED, IN_DIGITS
from synthdata.table.personal_signs import SIGNS
from synthdata.table.schema import Column, Schema, complete
from synthdata.table.schema_checks import UUID_PATTERN
from synthdata.table.stored_moments import ISO
from synthdata.table.stored_numbers import SHORTEST
from synthdata.table.table import Table, check_names

#: the stage of the budget
STAGE = "structure"
#: how many σ a count must be above 0 to say anything, among some hundred counts
CLEAR = 4.5
#: of an identifier each value has fewer cells than this, on average
MOST_OF_EACH = 200
#: the share of a column's cells up to which another form counts as a slip
SLIP = 0.01


@dataclass(frozen=True)
class Found:
    """What was bought of a column: the form of its cells, and whether its values tell things apart by the hundred."""

    form: str
    identifies: bool = False

    def __str__(self) -> str:
        """In words, as the ledger has it."""
        return f"{self.form}, hardly repeated" if self.identifies else self.form


def understood(
    frame: pd.DataFrame,
    declared: Mapping[str, Any] | Schema | None,
    ledger: Ledger,
    *,
    typed: bool = True,
    where: str = "schema",
) -> Table:
    """The table (n, d) under a schema that is declared, or else bought from the ledger's stage ``structure``.

    Cells that a column's kind cannot read count as null. A whole `Schema` leaves nothing to buy; of a partial one what
    is not declared is bought. ``typed`` says that the source stores types; ``where`` is what messages call the schema.

    Raises:
        TableError, SchemaError: names that are no names, or a declaration that makes no sense; nothing is spent.
        PrivacyError: the budget does not suffice.
    """
    check_names(frame)
    if isinstance(declared, Schema):
        schema = declared
    else:
        said = _said(declared, where)
        schema = complete(_by_name(frame, {}, typed), said, where) if said else _by_name(frame, {}, typed)
        entries = {entry["name"]: entry for entry in said.get("columns", [])}
        wanted = [name for name in frame.columns if _must_ask(frame[name], entries.get(name, {}), typed)]
        if wanted and (forms := _bought(frame, wanted, schema, ledger, typed)):
            schema = complete(_by_name(frame, forms, typed), said, where)
            ledger.structure = {name: str(found) for name, found in forms.items()}
    conformed, schema = conform(frame, schema, typed=typed)
    return Table.of(conformed, schema, strict=False)


def _said(declared: Mapping[str, Any] | None, where: str) -> dict[str, Any]:
    """What a person wrote, with the kinds that declared bounds and categories imply."""
    from synthdata.table.sdv_metadata import is_sdv, partial_from_sdv

    said = dict(declared or {})
    if is_sdv(said):
        said = partial_from_sdv(said, where)
    columns = said.get("columns", [])
    if isinstance(columns, Sequence) and all(isinstance(entry, Mapping) and "name" in entry for entry in columns):
        said["columns"] = [{**_implied(entry), **entry} for entry in columns]
    return said


def _implied(entry: Mapping[str, Any]) -> dict[str, Any]:
    public = entry.get("public")
    bounds = public.get("bounds") if isinstance(public, Mapping) else None
    if isinstance(public, Mapping) and public.get("categories"):
        return {"kind": "categorical"}
    if bounds:
        return {"kind": "datetime" if any(isinstance(bound, str) for bound in bounds) else "numerical"}
    return {}


def _must_ask(series: pd.Series, entry: Mapping[str, Any], typed: bool) -> bool:
    """Whether cells must say what neither the source nor its owner does."""
    if entry.get("drop"):
        return False
    stored = dtype_name(series)
    if not typed and not entry.get("dtype"):
        return True
    kind = entry.get("kind")
    if stored in TEXTS:
        return kind is None or (kind in ("datetime", "timedelta") and not entry.get("format"))
    if stored.startswith(("datetime64", "timedelta64")):
        return not entry.get("unit") and kind in (None, "datetime", "timedelta")
    return is_integer(stored) and kind is None


def _bought(frame: pd.DataFrame, wanted: list[str], known: Schema, ledger: Ledger, typed: bool) -> dict[str, Found]:
    """The form of each of some columns, by noisy counts."""
    frame = bounded(Table(frame, known), ledger).frame
    if known.public and known.public.rows and ledger.unit == "row":
        ledger.require_small_delta(known.public.rows)
    mu = ledger.mu_of(STAGE)
    if mu <= 0:
        if typed:
            return {}
        raise PrivacyError(
            f"The budget's split has nothing for the stage {STAGE!r}, but the source does not say how "
            f"{len(wanted)} of its columns are stored.",
            "Give it a share, or declare kind and dtype of these columns in a schema.",
        )
    named = [name for name in wanted if is_entity_name(_named(name))]
    # A row changes one count of forms in each column, and may be the only one with its value.
    sensitivity = float(np.sqrt(len(wanted) + len(named)))
    sigma = ledger.noise_for(mu**2) * sensitivity
    noisy = Guarded(frame, ledger).counts(
        partial(_all_counts, wanted=wanted, named=named, null_words=not typed),
        STAGE,
        sigma=sigma,
        sensitivity=sensitivity,
        note=f"forms of the cells of {len(wanted)} columns"
        + (f", distinct values of {len(named)} named like identifiers" if named else ""),
    )
    return {
        name: _found(counts[:-1], float(counts[-1]) if name in named else 0.0, sigma)
        for name, counts in zip(wanted, noisy, strict=True)
    }


def _all_counts(frame: pd.DataFrame, wanted: list[str], named: list[str], null_words: bool) -> np.ndarray:
    """Per column (d, f + 1) how many cells have each form, and how many values differ where the name asks for it."""
    forms = [form_counts(frame[name], null_words=null_words) for name in wanted]
    distinct = [[frame[name].astype(object).nunique() if name in named else 0] for name in wanted]
    return np.hstack([np.stack(forms), np.array(distinct, dtype=np.int64)])


def _found(counts: np.ndarray, distinct: float, sigma: float) -> Found:
    form = decide(counts, sigma)
    cells = sum(max(float(counts[FORMS.index(one)]), 0.0) for one in (NUMBERS if form in NUMBERS else (form,)))
    many = distinct > max(CLEAR * sigma, SOME)
    return Found(form, many and (distinct > 0.5 * cells or cells < MOST_OF_EACH * distinct))


def decide(counts: np.ndarray, sigma: float) -> str:
    """The form of a column from noisy counts (f,) of its cells' forms; words where nothing is clear.

    >>> counts = np.zeros(len(FORMS))
    >>> counts[FORMS.index("whole number")], counts[FORMS.index("words")] = 900, 80
    >>> decide(counts, 10.0)
    'whole number'
    """
    of = dict(zip(FORMS, np.asarray(counts, dtype=np.float64), strict=True))
    clear = CLEAR * sigma
    for day, month in _twins():
        # A cell that reads both ways counts for the customary one; one that does not, for the other.
        usual, other = (day, month) if customary(day, "day first") else (month, day)
        if of[other] > max(clear, 0.5 * of[usual]):
            of[other], of[usual] = of[other] + of[usual], 0.0
        else:
            of[usual] += max(of[other], 0.0) if of[usual] > clear else 0.0
    totals = {form: of[form] for form in FORMS if form not in NUMBERS}
    totals[WHOLE] = sum(max(of[form], 0.0) for form in NUMBERS)
    best = max(totals, key=lambda form: totals[form])
    if totals[best] <= clear:
        return WORDS
    if best == WHOLE:
        return _number(of, clear)
    if best in UNIT_FORMS.values():
        return _finest(of, clear)
    others = [layout for layout in LAYOUTS if layout != best and _iso_like(layout) and of[layout] > clear]
    return ISO if _iso_like(best) and others else best


def _number(of: Mapping[str, float], clear: float) -> str:
    total = sum(max(of[form], 0.0) for form in NUMBERS)
    if of[FRACTION] > max(clear, SLIP * total):
        return FRACTION
    return WHOLE if of[WHOLE] > max(clear, SLIP * total) or of[BIT] <= clear else BIT


def _finest(of: Mapping[str, float], clear: float) -> str:
    units = list(UNIT_FORMS.values())
    total = sum(max(of[unit], 0.0) for unit in units)
    return next(unit for unit in reversed(units) if of[unit] > max(clear, SLIP * total) or unit == units[0])


def _iso_like(layout: str) -> bool:
    return layout == ISO or layout.startswith("%Y-%m-%d")


def _twins() -> list[tuple[str, str]]:
    """Layouts that differ in nothing but whether the day or the month comes first."""
    days = [layout for layout, order in LAYOUTS.items() if order == "day first"]
    swapped = {layout: layout.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m") for layout in days}
    return [(day, month) for day, month in swapped.items() if month in LAYOUTS]


def _by_name(frame: pd.DataFrame, forms: Mapping[str, Found], typed: bool) -> Schema:
    """What names, storage and forms say of each column."""
    return Schema(
        columns=tuple(_column(name, dtype_name(frame[name]), forms.get(name), typed) for name in map(str, frame))
    )


def _column(name: str, stored: str, found: Found | None, typed: bool) -> Column:
    form = found.form if found else None
    identifies = found is not None and found.identifies
    dtype = stored if typed else _stored_as(stored, form)
    e = _named(name)
    if is_boolean(dtype):
        return Column(name=name, kind="boolean", dtype=dtype)
    if dtype == "category":
        return Column(name=name, kind="categorical", dtype=dtype)
    if dtype == "uuid" or form == UUID_FORM:
        return Column(name=name, kind="id", dtype=dtype, format=UUID_PATTERN if dtype != "uuid" else None)
    if dtype.startswith(("datetime", "timestamp", "date")):
        return Column(name=name, kind="datetime", dtype=dtype, unit=_unit(form), timezone=_zone(dtype))
    if dtype.startswith(("timedelta", "duration", "time")):
        return Column(name=name, kind="timedelta", dtype=dtype, unit=_unit(form))
    personal = _personal(e, form, is_integer(dtype))
    if personal:
        kind = "id" if personal in CODED or is_integer(dtype) else "text"
        return Column(name=name, kind=kind, dtype=dtype, pii=personal)
    if is_integer(dtype):
        return Column(name=name, kind="id", dtype=dtype) if identifies else _whole_numbers(e, dtype, form)
    if is_float(dtype) or dtype.startswith("decimal") or dtype == "number":
        return Column(name=name, kind="numerical", dtype=dtype)
    return Column(name=name, kind="id", dtype=dtype) if identifies else _text(e, dtype, form)


def _named(name: str) -> Evidence:
    """A column's name as evidence, without a cell."""
    return Evidence(name, pd.Series([], dtype=object))


def _whole_numbers(e: Evidence, dtype: str, form: str | None) -> Column:
    coded = not CODES.isdisjoint(e.words) and MEASURES.isdisjoint(e.words)
    if form == BIT or e.has_title(*POSTAL) or coded:
        return Column(name=e.name, kind="categorical", dtype=dtype)
    return Column(name=e.name, kind="numerical", dtype=dtype, decimals=0)


def _text(e: Evidence, dtype: str, form: str | None) -> Column:
    if form in LAYOUTS:
        unit = "second" if form == ISO else _unit_of_layout(str(form))
        return Column(name=e.name, kind="datetime", dtype=dtype, format=form, unit=unit)
    if form in CLOCKS:
        return Column(name=e.name, kind="timedelta", dtype=dtype, format=form, unit=CLOCKS[str(form)])
    if form == DURATION_FORM:
        return Column(name=e.name, kind="timedelta", dtype=dtype, unit="second")
    if form in (WHOLE, FRACTION) and not e.has_title(*POSTAL):
        written = {"format": "%d", "decimals": 0} if form == WHOLE else {"format": SHORTEST}
        return Column(name=e.name, kind="numerical", dtype=dtype, **written)
    return Column(name=e.name, kind="categorical", dtype=dtype)


def _stored_as(stored: str, form: str | None) -> str:
    """The storage that a column of a file of text gets by the form of its cells."""
    if stored.startswith(("datetime", "timedelta")):
        return stored
    return {BIT: "Int64", WHOLE: "Int64", FRACTION: "float64", TRUTH: "boolean"}.get(form or WORDS, "object")


def _personal(e: Evidence, form: str | None, whole: bool) -> str | None:
    """The kind of personal data that a name, or the look of the cells, speaks of."""
    named = next((sign.pii for sign in SIGNS if e.has_title(*sign.titles) and not e.has_word(*sign.but_not)), None)
    if form == EMAIL_FORM:
        return "email"
    return named if named and (not whole or named in IN_DIGITS) else None


def _unit(form: str | None) -> str | None:
    return next((unit for unit, known in UNIT_FORMS.items() if known == form), None)


def _unit_of_layout(layout: str) -> str:
    for part, unit in (("%f", "microsecond"), ("%S", "second"), ("%M", "minute"), ("%d", "day")):
        if part in layout:
            return unit
    return "day"


def _zone(dtype: str) -> str | None:
    inside = dtype.partition("[")[2].rstrip("]")
    return inside.partition(", ")[2].removeprefix("tz=") or None
