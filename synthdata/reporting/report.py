"""The report: facts as versioned JSON, and the accessors that its three views (HTML, dashboard, terminal) share."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthdata.atomic import write_text
from synthdata.errors import SynthdataError
from synthdata.reporting import shape
from synthdata.reporting.figure import Figure
from synthdata.reporting.glossary import DIMENSIONS, HEADLINES
from synthdata.reporting.series import folded
from synthdata.reporting.terminal import terminal_summary

__all__ = ["ColumnFacts", "Report", "Score", "terminal_summary"]

# Entries of a dimension that are not figures.
_NOT_FIGURES = ("verdict", "details", "attacks", "dp", "audit")


@dataclass(frozen=True)
class Score:
    """One of the three dimensions, with its figures; they are never blended into one number."""

    name: str
    label: str
    question: str
    figures: tuple[Figure, ...]
    headline: Figure | None


@dataclass(frozen=True)
class ColumnFacts:
    """What the report knows of one column; ``position`` is its place in the table."""

    position: int
    name: str
    kind: str
    shape: Figure | None
    reason: str
    facts: dict[str, Any]

    @property
    def judged(self) -> bool:
        """Whether its distribution was compared."""
        return self.shape is not None and self.shape.known

    @property
    def missing(self) -> dict[str, float | None]:
        """Shares of nulls in ``real``, ``synthetic`` and ``holdout``."""
        return self.facts.get("missing") or {}

    @property
    def chart(self) -> dict[str, Any] | None:
        """The histogram or bars to draw."""
        return folded(self.facts.get("chart"))


@dataclass(frozen=True)
class Report:
    """The facts of one run, or of one evaluation.

    Raises:
        SynthdataError: the facts do not have the shape of a report.
    """

    facts: dict[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "facts", shape.normal(self.facts))
        shape.check(self.facts)

    @classmethod
    def load(cls, path: str | Path) -> Report:
        """Read a ``report.json``.

        Raises:
            SynthdataError: there is none, it is damaged, or of a newer version; the message says which.
        """
        path = Path(path)
        where = f"{path.parent.name}/{path.name}" if path.parent.name else path.name
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise SynthdataError(f"There is no {where}.", "The run did not get as far as its report.") from None
        except OSError as error:
            raise SynthdataError(f"{where} cannot be read: {error.strerror}.", "Check its permissions.") from None
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
            raise SynthdataError(
                f"{where} is damaged: it is not JSON.", "Write it again with `synthdata run` or `synthdata evaluate`."
            ) from None
        shape.check(facts, where)
        return cls(facts)

    def save(self, path: str | Path) -> None:
        """Write the facts as JSON, whole or not at all."""
        write_text(path, json.dumps(self.facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n")

    @property
    def verdict(self) -> str:
        """``pass``, ``warn`` or ``fail``, as the policy has it."""
        return str(self.facts["verdict"])

    @property
    def run(self) -> dict[str, Any]:
        """Where everything came from."""
        return dict(self.facts["run"])

    @property
    def edition(self) -> str:
        """``internal`` (holds statistics of real rows) or ``share``."""
        return str(self.facts.get("edition") or "internal")

    @property
    def shared(self) -> bool:
        """Whether this is the edition without a statistic of real rows."""
        return self.edition == "share"

    @property
    def noised(self) -> bool:
        """Whether a share edition holds noised figures of real rows."""
        return bool(self.facts.get("noised"))

    @property
    def alerts(self) -> list[dict[str, Any]]:
        """What a reader must know first, worst first."""
        order = {"fail": 0, "warn": 1, "info": 2}
        return sorted(self.facts.get("alerts") or [], key=lambda alert: order.get(alert.get("level"), 3))

    @property
    def rules(self) -> list[dict[str, Any]]:
        """The policy's rules; broken ones first."""
        order = {False: 0, None: 1, True: 2}
        return sorted(
            (self.facts.get("policy") or {}).get("rules") or [], key=lambda rule: order.get(rule.get("met"), 1)
        )

    @property
    def privacy_state(self) -> str:
        """``leak found``, ``no leak found`` or ``cannot tell``."""
        return str((self.facts["privacy"].get("verdict") or {}).get("state", "cannot tell"))

    @property
    def has_holdout(self) -> bool:
        """Whether real rows were set aside for comparison."""
        return bool(self.run["rows"].get("holdout"))

    def figure(self, metric: str) -> Figure | None:
        """A figure by its full name, such as ``fidelity.shape``; None where the report has none."""
        dimension, _, name = metric.partition(".")
        facts = self.facts.get(dimension, {}).get(name)
        if name in _NOT_FIGURES or not isinstance(facts, dict):
            return None
        return Figure.of(metric, facts)

    def scores(self) -> list[Score]:
        """Fidelity, usefulness and privacy, in this order."""
        found = []
        for name, (label, question) in DIMENSIONS.items():
            figures = (self.figure(f"{name}.{key}") for key in self.facts[name])
            headline = self.figure(f"{name}.{HEADLINES[name]}")
            found.append(Score(name, label, question, tuple(each for each in figures if each), headline))
        return found

    def standing(self, metric: str) -> str | None:
        """How a figure stands with the policy: ``met``, the level of a broken rule, or None where no rule names it."""
        rules = [rule for rule in self.rules if rule.get("metric") == metric and rule.get("met") is not None]
        broken = [rule.get("level", "fail") for rule in rules if not rule["met"]]
        if broken:
            return "fail" if "fail" in broken else "warn"
        return "met" if rules else None

    def columns(self) -> list[ColumnFacts]:
        """All columns in table order."""
        return [
            ColumnFacts(
                position,
                facts["name"],
                str(facts.get("kind") or "unknown"),
                Figure.of("fidelity.shape", facts["shape"]) if facts.get("shape") else None,
                str(facts.get("reason") or ""),
                facts,
            )
            for position, facts in enumerate(self.facts["columns"])
        ]

    def worst_columns(self) -> list[ColumnFacts]:
        """The columns that were compared, the least faithful first."""
        if self.shared:  # nothing was compared in it, so columns stand as in the table
            return [column for column in self.columns() if column.chart]
        judged = [column for column in self.columns() if column.judged]
        return sorted(judged, key=lambda column: -(column.shape.value or 0.0) if column.shape else 0.0)

    def other_columns(self) -> list[ColumnFacts]:
        """The columns that were not compared: keys and fakes, made anew by design."""
        shown = {column.name for column in self.worst_columns()}
        return [column for column in self.columns() if column.name not in shown]

    @property
    def pairs(self) -> dict[str, Any]:
        """Associations between columns, or an empty mapping."""
        return self.facts.get("pairs") or {}

    def checks(self, table: str) -> list[dict[str, Any]]:
        """The checks of ``source`` or ``synthetic``, the broken ones first."""
        found = (self.facts.get("checks") or {}).get(table) or []
        return sorted(found, key=lambda check: bool(check.get("passed")))
