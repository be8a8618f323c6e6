"""Great Expectations: a suite made from the schema, run on the source and on the synthetic table, and exported.

The only file that imports great_expectations. Nothing is written to disk and nothing is sent anywhere: the context
lives in memory and analytics are off. Results keep counts, never values.
"""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from synthdata.table.schema import Column, Schema
from synthdata.table.storage import to_cells
from synthdata.table.table import Table
from synthdata.validation.checks import check
from synthdata.validation.rule_expectations import rule_expectations
from synthdata.validation.source_checks import source_warnings
from synthdata.validation.structure_checks import structure_checks

#: rows that a suite is run on; structure and rules are checked on all rows
ROWS = 100_000
#: categories up to which a learnt list is checked, and the share of rows that may lie outside a learnt list or range
LEARNT_CATEGORIES, OUTSIDE = 1_000, 0.005

Expectation = dict[str, Any]


def suite(schema: Schema) -> list[Expectation]:
    """What the schema promises of its columns, as expectations in Great Expectations' own JSON form.

    >>> schema = Schema(columns=(Column(name="age", kind="numerical", dtype="int64"),))
    >>> [entry["type"] for entry in suite(schema)]
    ['expect_table_columns_to_match_ordered_list', 'expect_column_values_to_be_of_type',
    'expect_column_values_to_not_be_null']
    """
    kept = [column for column in schema if not column.drop]
    entries = [_entry("expect_table_columns_to_match_ordered_list", column_list=[column.name for column in kept])]
    for column in kept:
        entries += _of_column(column)
    return entries


def suite_json(schema: Schema) -> str:
    """The suite, the schema's rules included, as JSON text that a team can load into its own project.

    Rules that Great Expectations has no words for are listed under ``meta``.
    """
    import importlib.metadata

    rules, left_out = rule_expectations(schema)
    meta = {"great_expectations_version": importlib.metadata.version("great_expectations"), "edition": "internal"}
    meta["epsilon"] = "not covered: the schema was read off real rows"
    whole = {
        "name": "synthdata",
        "expectations": [*suite(schema), *rules],
        "meta": {**meta, "rules_left_out": left_out},
    }
    return json.dumps(whole, indent=2, ensure_ascii=False, default=str)


def check_source(table: Table) -> list[dict[str, Any]]:
    """The suite on the real table, and what a person should look at before fitting; counts only, no values."""
    kept = Table(table.frame[list(table.schema.kept.names)], table.schema.kept)  # dropped columns are not asked about
    return [*structure_checks(kept, kept.schema), *run_suite(kept, _own(kept.schema)), *source_warnings(kept)]


def check_synthetic(table: Table, schema: Schema, train: Table | None = None) -> list[dict[str, Any]]:
    """The schema's suite on the synthetic table; with ``train``, also whether it stays within what train holds."""
    learnt = [] if train is None else _learnt(train, table)
    return [*structure_checks(table, schema, train), *run_suite(table, [*_own(schema), *learnt])]


def _own(schema: Schema) -> list[Expectation]:
    """The suite without storage, which `structure_checks` looks at: a nullable dtype holds the same values."""
    return [entry for entry in suite(schema) if entry["type"] != "expect_column_values_to_be_of_type"]


def run_suite(table: Table, entries: list[Expectation]) -> list[dict[str, Any]]:
    """Run expectations on a table (on `ROWS` rows spread over it where it is longer), one check for each."""
    known = set(table.frame.columns)
    runnable = [entry for entry in entries if _columns(entry) <= known]
    frame = _readable(table)
    results = _validate(frame, runnable)
    part = "" if len(table) == len(frame) else f" (of {len(frame):,} rows spread over the table)"
    return [_to_check(entry, result, part) for entry, result in zip(runnable, results, strict=True)]


def _entry(kind: str, *, level: str = "fail", **settings: Any) -> Expectation:
    severity = "critical" if level == "fail" else "warning"
    return {"type": kind, "kwargs": settings, "meta": {}, "severity": severity}


def _columns(entry: Expectation) -> set[str]:
    return {entry["kwargs"]["column"]} if "column" in entry["kwargs"] else set()


def _of_column(column: Column) -> Iterator[Expectation]:
    name = column.name
    if numpy_dtype(column.dtype):
        yield _entry("expect_column_values_to_be_of_type", level="warn", column=name, type_=column.dtype)
    if not column.nullable:
        yield _entry("expect_column_values_to_not_be_null", column=name)
    if column.role == "key":
        yield _entry("expect_column_values_to_be_unique", column=name)
    public = column.public
    if public and public.categories is not None and not column.generated:
        yield _entry("expect_column_values_to_be_in_set", column=name, value_set=list(public.categories))
    if public and public.bounds is not None and column.kind == "numerical":
        yield _entry(
            "expect_column_values_to_be_between", column=name, min_value=public.bounds[0], max_value=public.bounds[1]
        )
    if (
        column.kind == "datetime"
        and column.format
        and "%" in column.format
        and column.dtype in ("object", "str", "string")
    ):
        yield _entry(
            "expect_column_values_to_match_strftime_format",
            column=name,
            strftime_format=column.format.replace("%-", "%"),
        )


def numpy_dtype(dtype: str) -> bool:
    """Whether Great Expectations knows a dtype by its name: plain numpy numbers and booleans."""
    return dtype in {
        "bool",
        "float32",
        "float64",
        *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    }


def _learnt(train: Table, synthetic: Table) -> list[Expectation]:
    """Categories and ranges of train, for the check of the synthetic table only: they are never exported.

    As fresh real rows do, a few synthetic ones may lie outside.
    """
    entries = []
    for column in train.schema.modelled:
        declared = column.public and (column.public.categories is not None or column.public.bounds is not None)
        if declared or column.name not in synthetic.frame.columns:
            continue
        settings: dict[str, Any] = {"level": "warn", "column": column.name, "mostly": 1 - OUTSIDE}
        present = train.frame[column.name].dropna()
        if column.kind in ("categorical", "boolean"):
            values = list(pd.unique(present.astype(object)))
            if 0 < len(values) <= LEARNT_CATEGORIES:
                entries.append(_entry("expect_column_values_to_be_in_set", value_set=values, **settings))
        elif column.kind == "numerical" and len(present):
            numbers = to_cells(present, column).floats
            low, high = float(numbers.min()), float(numbers.max())
            entries.append(_entry("expect_column_values_to_be_between", min_value=low, max_value=high, **settings))
    return [{**entry, "meta": {"learnt": True}} for entry in entries]


def _readable(table: Table) -> pd.DataFrame:
    """At most `ROWS` rows, with storage that Great Expectations cannot compare brought to plain numbers and objects."""
    count = len(table)
    rows = np.arange(count) if count <= ROWS else np.linspace(0, count - 1, ROWS).astype(int)
    frame = table.frame.iloc[rows].reset_index(drop=True)
    plain = {}
    for column in table.schema:
        if column.name not in frame.columns:
            continue
        series = frame[column.name]
        if column.kind == "numerical" and not column.generated and not numpy_dtype(str(series.dtype)):
            series = pd.Series(to_cells(series, column).floats)
        elif isinstance(series.dtype, pd.api.extensions.ExtensionDtype) and not isinstance(
            series.dtype, pd.DatetimeTZDtype
        ):
            series = series.astype(object).where(series.notna(), None)
        plain[column.name] = series
    return pd.DataFrame(plain, columns=list(frame.columns))


def _validate(frame: pd.DataFrame, entries: list[Expectation]) -> list[Mapping[str, Any]]:
    """Great Expectations' results in the order of ``entries``."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read when the package is first imported
    with _quiet():
        import great_expectations as gx

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
        definition = (
            context.data_sources.add_pandas("table")
            .add_dataframe_asset("rows")
            .add_batch_definition_whole_dataframe("all")
        )
        batch = definition.get_batch(batch_parameters={"dataframe": frame})
        marked = [{**entry, "meta": {**entry["meta"], "position": position}} for position, entry in enumerate(entries)]
        result = batch.validate(
            gx.ExpectationSuite(name="schema", expectations=marked),
            result_format={"result_format": "BASIC", "partial_unexpected_count": 0},
        )
    results: list[dict[str, Any]] = [dict(outcome.to_json_dict()) for outcome in result.results]
    found = {outcome["expectation_config"]["meta"]["position"]: outcome for outcome in results}
    return [found[position] for position in range(len(entries))]


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back the library's own log lines and warnings: what matters is in the results."""
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _to_check(entry: Expectation, result: Mapping[str, Any], part: str) -> dict[str, Any]:
    settings = entry["kwargs"]
    column = settings.get("column")
    level = "fail" if entry["severity"] == "critical" else "warn"
    text, advice = _words(entry)
    if result.get("exception_info", {}).get("raised_exception"):
        return check(
            column,
            text,
            False,
            "warn",
            "this could not be evaluated on the column's storage",
            "Check the column by hand.",
        )
    outcome = result.get("result", {})
    count = outcome.get("unexpected_count")
    if result["success"] and not count:
        detail = f"holds in all rows{part}" if count is not None else "holds"
    elif count is None:
        detail = "does not hold"
    else:
        detail = f"{count:,} of {outcome.get('element_count', 0):,} rows do not keep it{part}"
        detail += ", which is within what is allowed" if result["success"] else ""
    return check(column, text, bool(result["success"]), level, detail, advice)


def _words(entry: Expectation) -> tuple[str, str]:
    """What an expectation asks, and what to do when it is not met."""
    settings = entry["kwargs"]
    learnt = entry["meta"].get("learnt", False)
    kind = entry["type"]
    if kind == "expect_table_columns_to_match_ordered_list":
        return "has the schema's columns in the schema's order", "Rename, add or reorder columns."
    if kind == "expect_column_values_to_be_of_type":
        return f"is stored as {settings['type_']}", "Convert the column, or correct its dtype in the schema."
    if kind == "expect_column_values_to_not_be_null":
        return "has no empty cells", "Fill them, or declare the column nullable in the schema."
    if kind == "expect_column_values_to_be_unique":
        return "has no value twice, being a key", "Remove repeated keys, or take the role 'key' from the column."
    if kind == "expect_column_values_to_be_in_set":
        if learnt:
            return (
                "holds only categories that the real table has",
                "Check the spelling and storage of the column's values.",
            )
        return (
            f"holds only the {len(settings['value_set'])} declared categories",
            "Correct the values, or the list in the schema.",
        )
    if kind == "expect_column_values_to_be_between":
        if learnt:
            return (
                "stays within the real table's range",
                "A few values beyond are natural; many mean that the model exaggerates.",
            )
        return "stays within the declared bounds", "Correct the values, or the bounds in the schema."
    return f"holds dates written as {settings['strftime_format']}", "Write all dates in one format."
