"""Is this a report? Checks the shape of the facts once, so that no view has to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from synthdata.errors import SynthdataError

VERSION = 1
VERDICTS = ("pass", "warn", "fail")
STATES = ("leak found", "no leak found", "cannot tell")

_ADVICE = "The file was changed or cut short: write it again with `synthdata run` or `synthdata evaluate`."


def normal(value: Any) -> Any:
    """The value as JSON has it: numpy scalars become numbers, tuples lists, and what is not finite null.

    >>> normal({"a": (1, float("nan"))})
    {'a': [1, None]}
    """
    if isinstance(value, Mapping):
        return {str(key): normal(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [normal(part) for part in value]
    if isinstance(value, str | bool | int) or value is None:
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if hasattr(value, "tolist"):
        return normal(value.tolist())
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"A report holds JSON only, found {type(value).__name__}.")


def check(facts: Any, where: str = "The report") -> None:
    """Refuse what is not a report of a version that this program reads.

    Raises:
        SynthdataError: names the place inside the report that is wrong.
    """
    if not isinstance(facts, dict):
        raise SynthdataError(f"{where} is not a JSON object.", _ADVICE)
    version = facts.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise SynthdataError(f"{where} has no version number.", _ADVICE)
    if version > VERSION:
        raise SynthdataError(
            f"{where} is of version {version}, and this synthdata reads up to version {VERSION}.",
            "Open it with the synthdata that wrote it, or a newer one.",
        )
    checker = _Checker(where)
    checker.member(facts, "verdict", str, options=VERDICTS)
    run = checker.member(facts, "run", dict)
    checker.member(run, "rows", dict, "run.")
    for dimension in ("fidelity", "utility", "privacy"):
        for name, figure in checker.member(facts, dimension, dict).items():
            if name in ("verdict", "details", "attacks", "dp", "audit"):
                continue
            checker.figure(figure, f"{dimension}.{name}")
    verdict = checker.member(facts["privacy"], "verdict", dict, "privacy.", required=False)
    if verdict:
        checker.member(verdict, "state", str, "privacy.verdict.", options=STATES)
    checker.columns(checker.member(facts, "columns", list))
    checker.pairs(checker.member(facts, "pairs", dict, required=False))
    for name in ("alerts", "notes"):
        checker.member(facts, name, list, required=False)
    for name in ("checks", "policy", "detection", "utility_details"):
        checker.member(facts, name, dict, required=False)


_KINDS = {"dict": "an object", "list": "a list", "str": "text"}


class _Checker:
    """Checks parts of the facts and names the place of the first that is wrong."""

    def __init__(self, where: str) -> None:
        self.where = where

    def wrong(self, place: str, expected: str) -> SynthdataError:
        return SynthdataError(f"{self.where} is damaged: {place} should be {expected}.", _ADVICE)

    def member(
        self,
        parent: dict[str, Any],
        name: str,
        kind: type,
        prefix: str = "",
        *,
        options: tuple[str, ...] = (),
        required: bool = True,
    ) -> Any:
        value = parent.get(name)
        if value is None and not required:
            return kind()
        if not isinstance(value, kind):
            raise self.wrong(prefix + name, _KINDS[kind.__name__])
        if options and value not in options:
            raise self.wrong(prefix + name, f"one of {', '.join(options)}")
        return value

    def number(self, value: Any, place: str, *, required: bool = False) -> None:
        if value is None and not required:
            return
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(place, "a number")

    def figure(self, figure: Any, place: str) -> None:
        if not isinstance(figure, dict):
            raise self.wrong(place, "a figure with a value")
        for key in ("value", "reference", "target", "matched"):
            self.number(figure.get(key), f"{place}.{key}")
        interval = figure.get("interval")
        if interval is not None:
            if not isinstance(interval, list) or len(interval) != 2:
                raise self.wrong(f"{place}.interval", "two numbers")
            for end in interval:
                self.number(end, f"{place}.interval", required=True)

    def columns(self, columns: list[Any]) -> None:
        for position, column in enumerate(columns):
            place = f"columns[{position}]"
            if not isinstance(column, dict):
                raise self.wrong(place, "an object")
            self.member(column, "name", str, f"{place}.")
            if column.get("shape") is not None:
                self.figure(column["shape"], f"{place}.shape")
            chart = column.get("chart")
            if chart is not None:
                self.chart(chart, f"{place}.chart")

    def chart(self, chart: Any, place: str) -> None:
        if not isinstance(chart, dict) or chart.get("type") not in ("histogram", "bars"):
            raise self.wrong(f"{place}.type", "histogram or bars")
        if chart["type"] == "histogram":
            expected = max(len(self.member(chart, "edges", list, f"{place}.")) - 1, 0)
        else:
            expected = len(self.member(chart, "categories", list, f"{place}."))
        for sample in ("real", "synthetic", "holdout"):
            shares = chart.get(sample)
            if shares is None:
                continue
            if not isinstance(shares, list) or len(shares) != expected:
                raise self.wrong(f"{place}.{sample}", f"a list of {expected} shares")
            for share in shares:
                self.number(share, f"{place}.{sample}")

    def pairs(self, pairs: dict[str, Any]) -> None:
        size = len(self.member(pairs, "columns", list, "pairs.", required=False))
        for name in ("real", "synthetic", "difference", "error"):
            matrix = pairs.get(name)
            if matrix is None:
                continue
            if not isinstance(matrix, list) or len(matrix) != size:
                raise self.wrong(f"pairs.{name}", f"a matrix of {size} rows")
            for row in matrix:
                if not isinstance(row, list) or len(row) != size:
                    raise self.wrong(f"pairs.{name}", f"a matrix of {size} columns")
                for cell in row:
                    self.number(cell, f"pairs.{name}")
        for place, table in enumerate(self.member(pairs, "tables", list, "pairs.", required=False)):
            where = f"pairs.tables[{place}]"
            if not isinstance(table, dict):
                raise self.wrong(where, "an object")
            for name in ("columns", "labels"):
                if len(self.member(table, name, list, f"{where}.")) != 2:
                    raise self.wrong(f"{where}.{name}", "a list of two")
            high, wide = (len(labels) if isinstance(labels, list) else -1 for labels in table["labels"])
            for name in ("real", "synthetic"):
                rows = self.member(table, name, list, f"{where}.")
                if len(rows) != high or not all(isinstance(row, list) and len(row) == wide for row in rows):
                    raise self.wrong(f"{where}.{name}", f"a table of {high} by {wide}")
                for cell in (cell for row in rows for cell in row):
                    self.number(cell, f"{where}.{name}", required=True)
