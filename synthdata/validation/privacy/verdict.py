"""The verdict on privacy in three states, with what the tests would have been able to see.

All tests share a family-wise error of 1 % (Holm): fresh real rows are called a leak once in a hundred times at most. "No leak found" is only
said where copying of `WORTH_SEEING` of the rows would have been seen with probability `PROBABILITY`; otherwise it is "cannot tell".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from synthdata.validation.base import Comparison
from synthdata.validation.privacy.copies import Copies, Excess
from synthdata.validation.privacy.dcr import Nearness
from synthdata.validation.statistics import binomial_excess, holm

ALPHA = 0.01
PROBABILITY = 0.95
#: the share of copied rows that the tests must be able to see before "no leak found" is said
WORTH_SEEING = 0.05


@dataclass(frozen=True)
class Verdict:
    """The state, a plain sentence, the power behind it, and every test with its corrected p-value."""

    state: str
    text: str
    power: dict[str, Any]
    tests: list[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """The verdict as plain data."""
        return {"state": self.state, "text": self.text, "power": self.power, "tests": self.tests}


def verdict(
    comparison: Comparison,
    copies: Copies | None,
    near: Nearness | None,
    replayed: list[Excess],
    holdout_differs: Sequence[str] = (),
) -> Verdict:
    """Bring the tests together; a test that could not be made is None or absent.

    ``holdout_differs`` names columns in which the holdout is not like train: that can look like a leak, and is said.
    """
    excesses = [*(copies.tests if copies else ()), *replayed]
    tests = [test.to_json() for test in excesses] + ([near.to_json()] if near else [])
    for test, corrected in zip(tests, holm([test["p_value"] for test in tests]), strict=True):
        test["p_corrected"] = corrected
        test["leak"] = corrected < ALPHA
    found = [test for test in tests if test["leak"]]
    level = ALPHA / max(1, len(tests))
    power = _power(comparison, copies, near, level)
    if found:
        text = " ".join(map(_say, found))
        if holdout_differs:
            text += " The holdout is not a random part of the real table, which alone can look like this: split it off at random and judge again."
        return Verdict("leak found", text, power, tests)
    if comparison.holdout is None:
        text = (
            "There is no holdout (real rows that the generator never saw), so a chance resemblance cannot be told from a copied row. "
            "Split one off before fitting, or hand one in."
        )
        return Verdict("cannot tell", text, power, tests)
    seen = power["copies_share"]
    if seen is None:
        text = (
            "Too many real rows are alike: a copied row cannot be told from a row that happens to be the same. "
            "Judge the table with more of its columns, or ask whether its rows say anything about a single person at all."
        )
        return Verdict("cannot tell", text, power, tests)
    if seen > WORTH_SEEING:
        text = (
            f"Too few rows: copying of {_percent(seen)} of the synthetic rows would be the least that the tests could see. About "
            f"{power['rows_needed']:,} synthetic rows, from a real table larger in proportion, are needed to see {_percent(WORTH_SEEING)}."
        )
        return Verdict("cannot tell", text, power, tests)
    text = (
        f"No leak found. Had {_percent(seen)} of the synthetic rows been exact copies of train rows, "
        f"it would have been seen with a probability of at least {_percent(PROBABILITY)}."
    )
    if power["near_copies_share"] is not None:
        text += f" For rows that are only nearly copied the share is {_percent(power['near_copies_share'])}."
    return Verdict("no leak found", text, power, tests)


def _say(test: dict[str, Any]) -> str:
    odds = test["p_corrected"]
    chance = "less than one in a million" if odds < 1e-6 else f"about {odds:.1g}"
    if test["test"].startswith("nearest"):
        return (
            f"{_percent(test['share'])} of the synthetic rows have a train row as their nearest real row, where "
            f"{_percent(test['expected'])} is what fresh rows would have; the probability of that by chance is {chance}."
        )
    what = test["test"][0].upper() + test["test"][1:]
    return (
        f"{what}: {test['found']:,} found among the train rows alone, where about {test['expected']:.1f} would be chance; "
        f"the probability of that by chance is {chance}."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"


def _power(comparison: Comparison, copies: Copies | None, near: Nearness | None, level: float) -> dict[str, Any]:
    """The smallest shares of copied rows that would be seen with `PROBABILITY`; None where not even all copied would."""
    n = comparison.rows("synthetic")
    shares, needed = [], None
    for test in copies.tests if copies and comparison.holdout is not None else ():
        rows = rows_to_see(test, level)
        if test.distinguishable > 0:
            share = rows / test.distinguishable / n
            needed = min(needed or np.inf, rows / test.distinguishable / WORTH_SEEING)
            if rows <= test.distinguishable * min(n, comparison.rows("train")):
                shares.append(share)
    nearly = None
    if near and near.chance < 1:
        least = (stats.norm.isf(level) + stats.norm.ppf(PROBABILITY)) * near.deviation / (1 - near.chance)
        covered = near.real_rows / (comparison.rows("train") + comparison.rows("holdout"))
        nearly = least / covered if least / covered <= 1 else None
    return {
        "copies_share": min(shares, default=None if needed is None or not np.isfinite(needed) else 1.0),
        "near_copies_share": nearly,
        "probability": PROBABILITY,
        "alpha": ALPHA,
        "rows_needed": None if needed is None else int(np.ceil(needed)),
        "tests": 0 if copies is None else len(copies.tests) + (near is not None),
    }


def rows_to_see(test: Excess, level: float) -> int:
    """The fewest copied rows, each a different train row, that the test would see with `PROBABILITY` at ``level``.

    Chance matches are taken as they were: as many in all, dealt out at random.
    """
    by_chance = test.train_only + test.holdout_only

    def sees(copied: int) -> bool:
        draws = stats.binom(by_chance, test.chance)
        low = int(draws.ppf(1 - PROBABILITY)) if by_chance else 0
        return binomial_excess(low + copied, by_chance + copied, test.chance) < level

    high = 8
    while not sees(high):
        high *= 2
        if high > 2**40:
            return high
    low = high // 2
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if sees(middle) else (middle, high)
    return high
