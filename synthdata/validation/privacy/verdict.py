"""The verdict on privacy in three states, with what the tests would have been able to see.

All tests share a family-wise error of 1 % (Holm): a generator that copies nothing is said to leak once in a hundred
times at most. How it is shared out is fixed beforehand (`error_shares`): the tests that see most get most. "No leak
found" is only said where copying of `WORTH_SEEING` of the rows would have been seen with probability `PROBABILITY`;
otherwise it is "cannot tell". No state says that a table is anonymous: no test can.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from synthdata.validation.base import Comparison, Figure
from synthdata.validation.privacy.attack import Attack
from synthdata.validation.privacy.copies import Copies, Excess
from synthdata.validation.privacy.dcr import Nearness
from synthdata.validation.statistics import binomial_excess, holm
from synthdata.validation.wording import percent

ALPHA = 0.01
PROBABILITY = 0.95
#: the share of copied rows that the tests must be able to see before "no leak found" is said
WORTH_SEEING = 0.05
#: how the family-wise error is shared out: between tests of exact copies; to those of nearness (rows alike, by
#: closeness, by linkage, outliers, rare strata); between the rest
COPIES_SHARE, NEAR_SHARES, OTHERS_SHARE = 0.2, (0.05, 0.2, 0.3, 0.05, 0.03), 0.17
#: what is said of the model itself
REMEMBERS, LEANS, FORGETS = "remembers rows", "leans towards its rows", "no sign that it remembers rows"
#: a model whose own loss gives away what may be less than this share of its rows leans, one above remembers
WORTH_A_WARNING = 0.01


@dataclass(frozen=True)
class Verdict:
    """The state, a plain sentence, the power behind it, and every test with its corrected p-value."""

    state: str
    text: str
    power: dict[str, Any]
    tests: list[dict[str, Any]]
    #: what the attacks on the model itself say, where there were any: whoever gets the table does not hold the model
    model: str | None = None


def verdict(
    comparison: Comparison,
    copies: Copies | None,
    near: Nearness | None,
    replayed: list[Excess],
    attacks: Sequence[Attack] = (),
    holdout_differs: Sequence[str] = (),
) -> Verdict:
    """Bring the tests together; a test that could not be made is None or absent.

    ``holdout_differs`` names columns in which the holdout is not like train: that can look like a leak, and is said.
    """
    tests = [test.to_json() for test in (copies.tests if copies else ())]
    tests += [test.to_json() for test in (near.tests if near else ())]
    tests += [test.to_json() for test in replayed]
    tests += [test.to_json() for attack in attacks if not attack.holds_model for test in attack.tests]
    shares = error_shares(copies, near, len(tests))
    _correct(tests, shares)
    on_model = [test.to_json() for attack in attacks if attack.holds_model for test in attack.tests]
    _correct(on_model)
    model = _of_model(on_model, attacks)
    power = _power(comparison, copies, near, [ALPHA * share for share in shares])
    if any(test["leak"] for test in tests):
        text = _say(tests, copies, near.as_copies if near else None)
        if holdout_differs:
            text += (
                " The holdout is not a random part of the real table, which alone can look like this: "
                "split it off at random and judge again."
            )
        return Verdict("leak found", text, power, tests + on_model, model)
    reason = _why_not_told(comparison, power)
    if reason is not None:
        return Verdict("cannot tell", reason, power, tests + on_model, model)
    text = (
        f"No leak found. Had {percent(power['copies_share'])} {_of_rows(comparison)}, "
        f"it would have been seen with a probability of at least {percent(PROBABILITY)}."
    )
    if power["near_copies_share"] is not None:
        text += (
            f" For copies with light noise (ten times nearer to their original than to the next real row) "
            f"the share is {percent(power['near_copies_share'])}."
        )
    if power["disturbed_copies_share"] is not None:
        text += (
            " For disturbed copies (numbers moved by a tenth of their standard deviation, one category in ten drawn "
            f"again) it is {percent(power['disturbed_copies_share'])}."
        )
    return Verdict("no leak found", text, power, tests + on_model, model)


def _of_model(tests: Sequence[Mapping[str, Any]], attacks: Sequence[Attack]) -> str | None:
    """What the attacks on the model itself say: whether they find anything, and whether that is much.

    With enough rows the loss of any model that was fitted without noise is a little lower on the rows it saw. So the
    size decides what it is called: the share of rows that are given away, of which the lower end counts.
    """
    if not tests:
        return None
    if not any(test["leak"] for test in tests):
        return FORGETS
    lows = [attack.facts["recognised"]["interval"][0] for attack in attacks if attack.holds_model]
    return REMEMBERS if max(lows) >= WORTH_A_WARNING else LEANS


def error_shares(copies: Copies | None, near: Nearness | None, count: int) -> list[float]:
    """Each test's share of the family-wise error, in the order of the verdict's ``count`` tests; 1 in all.

    Those of exact copies come first, then those of nearness; what is not there leaves its share to the others.
    """
    first = [COPIES_SHARE / len(copies.tests)] * len(copies.tests) if copies and copies.tests else []
    nearest = list(NEAR_SHARES[: len(near.tests)]) if near else []
    rest = count - len(first) - len(nearest)
    shares = [*first, *nearest, *([OTHERS_SHARE / rest] * rest if rest else [])]
    return [share / sum(shares) for share in shares]


def _correct(tests: list[dict[str, Any]], shares: Sequence[float] | None = None) -> None:
    """Write into each test its p-value corrected for the others (Holm), and whether that is a leak."""
    for test, corrected in zip(tests, holm([test["p_value"] for test in tests], shares), strict=True):
        test |= {"p_corrected": corrected, "leak": corrected < ALPHA}


def _why_not_told(comparison: Comparison, power: dict[str, Any]) -> str | None:
    """Why the tests, having found nothing, say nothing; None where they do."""
    if comparison.holdout is None:
        return (
            "There is no holdout (real rows that the generator never saw), so a chance resemblance cannot be told "
            "from a copied row. Split one off before fitting, or hand one in."
        )
    if not comparison.views:
        return "No column is judged, so rows cannot be compared."
    seen = power["copies_share"]
    if seen is None:
        return (
            "Too many real rows are alike: a copied row cannot be told from a row that happens to be the same. "
            "Judge the table with more of its columns, or ask whether its rows say anything about one person at all."
        )
    if seen > WORTH_SEEING:
        return (
            f"Too few rows: the tests could only have seen it had {percent(seen)} {_of_rows(comparison)}. "
            f"To see {percent(WORTH_SEEING)}, about {power['rows_needed']:,} train rows and as many synthetic ones are "
            "needed, with a holdout in proportion."
        )
    return None


def _of_rows(comparison: Comparison) -> str:
    """What a share of copies is a share of: the synthetic rows, or the train rows where those are fewer."""
    if comparison.rows("synthetic") <= comparison.rows("train"):
        return "of the synthetic rows been exact copies of train rows"
    return "of the train rows been copied into the synthetic table"


def _say(tests: list[dict[str, Any]], copies: Copies | None, near_figure: Figure | None) -> str:
    """What leaks, in plain sentences: exact copies first, then nearness, then replayed values."""
    found = {test["test"]: test for test in tests if test["leak"]}
    sentences = []
    exact = [test for name, test in found.items() if name.startswith("exact copies")]
    if exact and copies is not None:
        figure = copies.figure
        sentences.append(f"{percent(figure.value or 0.0)} of the synthetic rows are exact copies of train rows.")
        if figure.reference is not None and figure.matched is not None:
            sentences[-1] = (
                f"{sentences[-1][:-1]} ({percent(figure.matched)} of as many train rows as the holdout has); "
                f"{percent(figure.reference)} equal a holdout row, which the generator never saw."
            )
    near = [test for test in found.values() if "share" in test and test["whole"]]
    apart = [test for test in found.values() if "share" in test and not test["whole"]]
    if near:
        clearest = max(near, key=lambda test: test["share"] - test["expected"])
        how = ", weighted by how clear a case is" if clearest["weighted"] else ""
        sentences.append(
            f"The nearest real row of a synthetic row is a train row in {percent(clearest['share'])} of cases{how}; "
            f"for fresh rows that would be {percent(clearest['expected'])}."
        )
        sentences += _size(near_figure)
    elif apart:
        clearest = min(apart, key=lambda test: test["p_corrected"])
        sentences.append(
            f"Of the synthetic rows close to one real row alone among the {clearest['test'].split(':')[0]}, "
            f"{percent(clearest['share'])} (weighted by how close) are close to a train row, where "
            f"{percent(clearest['expected'])} would be chance."
        )
    for name, test in found.items():
        if name.startswith("real values"):
            sentences.append(
                f"{name[0].upper()}{name[1:]}: {test['found']:,}, where {test['expected']:,.0f} would be chance."
            )
    attacked = [test for name, test in found.items() if "rows" in test and "share" not in test]
    if attacked:
        clearest = min(attacked, key=lambda test: test["p_corrected"])
        sentences.append(
            f"An attack succeeds ({clearest['test']}): {percent(clearest['found'])}, where "
            f"{percent(clearest['expected'])} would be chance."
        )
    odds = min(test["p_corrected"] for test in found.values())
    chance = "less than one in a million" if odds < 1e-6 else f"about one in {float(f'{1 / odds:.1g}'):,.0f}"
    return " ".join([*sentences, f"That this is chance has a probability of {chance}."])


def _size(figure: Figure | None) -> list[str]:
    """How large a lean is, in copies that would give as much."""
    if figure is None or figure.value is None or figure.interval is None:
        return []
    low, high = figure.interval
    return [
        f"Record linkage finds as much as if {percent(figure.value)} of the rows ({percent(low)} to {percent(high)}) "
        "were disturbed copies, the others being fresh."
    ]


def only_nearness(tests: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a leak is found by tests of nearness alone: no exact copy, replayed value or attack."""
    leaking = [test for test in tests if test.get("leak")]
    return bool(leaking) and all("share" in test for test in leaking)


def _power(
    comparison: Comparison, copies: Copies | None, near: Nearness | None, levels: Sequence[float]
) -> dict[str, Any]:
    """The least shares of copied rows that would be seen with `PROBABILITY`; None where not even all copied would."""
    n = min(comparison.rows("synthetic"), comparison.rows("train"))
    shares, needed = [], []
    found = copies.tests if copies else ()
    for test, level in zip(found, levels, strict=False) if comparison.holdout is not None else ():
        if test.distinguishable > 0:
            rows = rows_to_see(test, level) / test.distinguishable
            shares.append(min(1.0, rows / n))
            needed.append(int(np.ceil(rows / WORTH_SEEING)))
    levelled = list(zip(near.tests if near else (), levels[len(found) :], strict=False))
    covered = near.covered if near else 1.0  # a copy of a row that was not drawn cannot be seen

    def least(disturbed: bool) -> float | None:
        seen = [test.share_to_see(level, PROBABILITY) for test, level in levelled if test.disturbed == disturbed]
        return min((share / covered for share in seen if share is not None and share <= covered), default=None)

    return {
        "copies_share": min(shares, default=None),
        "near_copies_share": least(False),
        "disturbed_copies_share": least(True),
        "probability": PROBABILITY,
        "alpha": ALPHA,
        "rows_needed": min(needed, default=None),
    }


def rows_to_see(test: Excess, level: float) -> int:
    """The fewest copied rows, each a different train row, that the test would see with `PROBABILITY` at ``level``.

    Chance matches are taken as they were: as many in all, dealt out at random.
    """
    by_chance = test.train_only + test.holdout_only
    low = int(stats.binom(by_chance, test.chance).ppf(1 - PROBABILITY)) if by_chance else 0

    def sees(copied: int) -> bool:
        return binomial_excess(low + copied, by_chance + copied, test.chance) < level

    high = 8
    while not sees(high) and high < 2**40:
        high *= 2
    least = high // 2
    while least + 1 < high:
        middle = (least + high) // 2
        least, high = (least, middle) if sees(middle) else (middle, high)
    return high
