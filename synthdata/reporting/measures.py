"""The words for measures that stand in details: of a single column, of a pair, of a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthdata.reporting import numbers

if TYPE_CHECKING:
    from synthdata.reporting.report import ColumnFacts

#: the further measures of a single column: label, and what it is with what good looks like
LIKENESS: dict[str, tuple[str, str]] = {
    "wasserstein": (
        "distance (Wasserstein)",
        "How far values would have to be moved to lie as the real ones do, in percent of the real standard deviation. "
        "Low is good.",
    ),
    "jensen_shannon": (
        "distance (Jensen–Shannon)",
        "How different the shares of bins or categories are, 0% for equal and 100% for nothing in common. Low is good.",
    ),
    "range_coverage": (
        "range covered",
        "The part of the real range, but for half a percent of the rows at each end, that synthetic values reach. High "
        "is good.",
    ),
    "inside_range": (
        "inside the real range",
        "The share of values between the real lowest and highest. High is good.",
    ),
    "category_coverage": (
        "categories covered",
        "The share of categories with at least five real rows that occur. High is good.",
    ),
    "rare_recall": (
        "rare categories kept",
        "How much is kept of the shares of categories that make up 1% to 5% of the real rows each. High is good.",
    ),
    "known_categories": ("known categories", "The share of values that occur in the real table. High is good."),
    "decimals": (
        "decimals as in reality",
        "How far the numbers of decimals agree, 100% for equal shares. A low figure gives rows away: round the column.",
    ),
    "rounding": (
        "rounding habit",
        "How far the habit of rounding to fives, tens, hundreds and the like agrees, 100% for equal shares.",
    ),
    "missing": ("difference in empty cells", "The difference in the share of empty cells. Low is good."),
}
#: what mutual information is
INFORMATION = (
    "How much one column tells about the other, whatever the form of their relation, on the scale of a correlation: 0 "
    "for nothing, 1 for everything."
)
#: what the error rates of a group are
RATES = {
    "true_positives": "Of the real rows of the group that have the outcome, the share for which the model says so.",
    "false_positives": "Of the real rows of the group that do not have the outcome, the share for which it says so.",
}


def likeness_rows(column: ColumnFacts) -> list[tuple[str, str, float | None, float | None, str]]:
    """The further measures of a card: label, what it is, synthetic, fresh real rows, and why there is no value."""
    rows = []
    for name, facts in (column.facts.get("fidelity") or {}).items():
        label, what = LIKENESS.get(name, (name.replace("_", " "), ""))
        # At the holdout's size, where there is that, so that the two can be compared.
        value = facts["value"] if facts.get("matched") is None else facts["matched"]
        if facts.get("interval"):
            low, high = (numbers.percent(end) for end in facts["interval"])
            whole = f"Of all synthetic rows: {numbers.percent(facts['value'])}, 95% interval {low} to {high}."
            what = f"{what} {whole}".strip()
        rows.append((label, what, value, facts.get("reference"), "" if value is not None else facts.get("text") or ""))
    return rows
