"""One check as report.json has it."""

from __future__ import annotations

from typing import Any


def check(column: str | None, text: str, passed: bool, level: str, detail: str, advice: str) -> dict[str, Any]:
    """A check of a column (None: of the table): what is asked in plain words, and how it came out, in counts.

    >>> check("age", "has no empty cells", True, "fail", "holds in all rows", "")["passed"]
    True
    """
    return {"column": column, "check": text, "passed": passed, "level": level, "detail": detail, "advice": advice}
