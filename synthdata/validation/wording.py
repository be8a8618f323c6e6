"""How alerts are made and how numbers are written in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def alert(
    level: str, title: str, text: str, advice: str, metric: str | None = None, columns: Sequence[str] = ()
) -> dict[str, Any]:
    """One alert as report.json has it; ``level`` is fail, warn or info."""
    return {"level": level, "title": title, "text": text, "advice": advice, "metric": metric, "columns": list(columns)}


def percent(share: float) -> str:
    """A share as people read it.

    >>> percent(0.123), percent(0.0042), percent(0.99996)
    ('12%', '0.42%', '100%')
    """
    return f"{100 * share:.0f}%" if abs(share) >= 0.1 else f"{100 * share:.2g}%"


def listed(names: Sequence[str]) -> str:
    """At most five names in quotation marks, and how many more.

    >>> listed(["a", "b"])
    '“a”, “b”'
    """
    text = ", ".join(f"“{name}”" for name in names[:5])
    return text + (f" and {len(names) - 5} more" if len(names) > 5 else "")
