"""One figure of a report, how it is written and how it reads beside its mark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from synthdata.reporting import numbers
from synthdata.reporting.glossary import Term, term


@dataclass(frozen=True)
class Figure:
    """A metric's value with its interval and the same figure for fresh real rows; fractions, not percent.

    ``matched`` is the value at the reference's sample size, where that differs: the two to be compared.
    """

    metric: str
    value: float | None
    low: float | None = None
    high: float | None = None
    reference: float | None = None
    direction: str = "lower"
    target: float | None = None
    rows: int | None = None
    text: str = ""
    matched: float | None = None

    @classmethod
    def of(cls, metric: str, facts: dict[str, Any]) -> Figure:
        """Read the mapping that report.json has for a figure."""
        low, high = facts.get("interval") or (None, None)
        return cls(
            metric,
            facts.get("value"),
            low,
            high,
            facts.get("reference"),
            facts.get("direction") or "lower",
            facts.get("target"),
            facts.get("n"),
            facts.get("text") or "",
            facts.get("matched"),
        )

    @property
    def known(self) -> bool:
        """Whether it could be computed."""
        return self.value is not None

    @property
    def term(self) -> Term:
        """The words that explain its metric."""
        return term(self.metric)

    @property
    def mark(self) -> float | None:
        """What to read it against: the target where there is one, otherwise the figure of fresh real rows."""
        return self.target if self.direction == "target" else self.reference

    def show(self, value: float | None) -> str:
        """A value in this metric's unit."""
        return numbers.percent(value) if self.term.unit == "percent" else numbers.score(value, self.term.digits)

    @property
    def shown(self) -> str:
        """The value as text."""
        return self.show(self.value)

    @property
    def interval(self) -> str:
        """The interval as text, empty where there is none.

        >>> Figure("fidelity.shape", 0.006, 0.005, 0.007).interval
        '0.50% to 0.70%'
        """
        return f"{self.show(self.low)} to {self.show(self.high)}" if self.low is not None else ""

    @property
    def against(self) -> str:
        """What the mark is, as text.

        >>> Figure("fidelity.shape", 0.006, reference=0.008).against
        'fresh real rows: 0.80%'
        """
        if self.mark is None:
            return ""
        what = "ideal" if self.direction == "target" else "real training rows" if self._trained else "fresh real rows"
        return f"{what}: {self.show(self.mark)}"

    @property
    def _trained(self) -> bool:
        """Whether its mark is a model trained on real rows."""
        return self.metric.startswith("utility.") or self.metric == "fairness.errors"

    def reading(self) -> str:
        """The figure beside its mark, in words.

        >>> Figure("fidelity.shape", 0.006, reference=0.008).reading()
        'As close as fresh real rows.'
        >>> Figure("fidelity.shape", 0.024, reference=0.008).reading()
        '1.6 percentage points further off than fresh real rows.'
        >>> Figure("fidelity.detection", 0.88, reference=0.99, direction="higher").reading()
        '0.11 below fresh real rows.'
        >>> Figure("fidelity.shape", None, text="No column to compare.").reading()
        'No column to compare.'
        """
        if self.value is None:
            return self.text or "Could not be computed."
        if self.mark is None:
            return "There is no holdout to read it against."
        value = self.value if self.matched is None else self.matched
        if self.direction == "target":
            return _near_target(self.value, self.mark, self.low, self.high)
        if self.direction == "lower" and self._trained:
            more = "No more than" if value <= self.mark else f"{self.show(value - self.mark)} more than"
            return f"{more} with a model trained on real rows."
        if self.direction == "lower":
            if self.metric == "privacy.copies":
                return _copies(value, self.mark, self.rows)
            return _lower(value, self.mark, self.matched is not None)
        return _higher(value, self.mark, self.show(self.mark - value), self._trained)


def _near_target(value: float, target: float, low: float | None, high: float | None) -> str:
    if low is not None and high is not None and low <= target <= high:
        return "Not to be told apart from the ideal."
    if (value if low is None else low) > target:
        return "Above the ideal: the rows lean towards those the model was trained on."
    return "Below the ideal, which is no sign of a leak."


def _copies(value: float, mark: float, rows: int | None) -> str:
    """Copies of rows seen beside those of rows never seen, with room for what two counts differ by chance."""
    chance = 2 * ((value + mark) / rows) ** 0.5 if rows else 0.0
    if value <= mark + chance:
        return f"No more often than rows that the model never saw{', as chance goes' if value > mark else ''}."
    if mark == 0:
        return "More often than rows that the model never saw."
    return f"{value / mark:.1f} times as often as rows that the model never saw."


def _lower(value: float, mark: float, matched: bool) -> str:
    excess = value - mark
    if excess <= max(0.1 * mark, 0.0025):
        return "As close as fresh real rows."
    points = f"{100 * excess:.2f}" if excess < 0.01 else f"{100 * excess:.1f}"
    return f"{points} percentage points further off than fresh real rows{', at equal size' if matched else ''}."


def _higher(value: float, mark: float, shown: str, trained: bool) -> str:
    what = "real training rows" if trained else "fresh real rows"
    if value >= mark - 0.005:
        return f"As good as {what}."
    return f"{shown} below {what}."
