"""What an attack comes to: successes on members and on others, with intervals and tests. All its arithmetic is here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from synthdata.validation.base import Figure
from synthdata.validation.privacy.pool import Pool
from synthdata.validation.statistics import NORMAL_95, around, auc_with_deviation, wilson

#: how many others an attacker who must be sure may take for members
FEW_FALSE = 0.01


@dataclass(frozen=True)
class Test:
    """One test of an attack, for the verdict: ``found`` of members against ``expected`` by chance."""

    name: str
    p_value: float
    found: float
    expected: float
    rows: int

    def to_json(self) -> dict[str, Any]:
        """The test as plain data."""
        return {
            "test": self.name,
            "p_value": self.p_value,
            "found": self.found,
            "expected": self.expected,
            "rows": self.rows,
        }


@dataclass(frozen=True)
class Attack:
    """An attack's outcome.

    ``metric`` is the metric that ``figure`` is a value of; ``facts`` the counts behind it; ``suspects``
    (k,), where an attack ranks rows, the members by their position in train, the most suspicious first.
    """

    metric: str
    name: str
    how: str
    figure: Figure
    tests: tuple[Test, ...]
    facts: dict[str, Any]
    suspects: np.ndarray | None = None
    #: whether the attacker holds the model itself and not only the table that was drawn from it
    holds_model: bool = False

    def to_json(self) -> dict[str, Any]:
        """The attack as plain data, without single rows."""
        return {
            "metric": self.metric,
            "holds_model": self.holds_model,
            "name": self.name,
            "how": self.how,
            "value": self.figure.value,
            "interval": self.figure.interval,
            "reference": self.figure.reference,
            "tests": [test.name for test in self.tests],
            **self.facts,
        }


def by_score(
    name: str, how: str, scores: np.ndarray, pool: Pool, *, on_average: bool, holds_model: bool = False
) -> Attack:
    """Judge an attack that gives every row of the pool a score (m,), higher where it takes the row for a member.

    The figure is the area under the ROC curve, .5 for guessing, with DeLong's interval (1988). One test asks whether
    members are more than their share among the most suspicious hundredth: what single persons have to fear (Carlini
    et al. 2022, section 4). Another, ``on_average``, asks whether members rank higher (Mann and Whitney 1947). Scores
    that see all columns at once must leave that one out: train's shares of values differ a little from the
    population's, any faithful table repeats them, and on average over many rows that shows without anybody's row
    being known (Homer et al. 2008). Of an attack that ``holds_model`` the most suspicious tenth is looked at as well: a
    hundredth of a few hundred rows is too few to tell anything.
    """
    member = pool.member
    members, others = int(member.sum()), int((~member).sum())
    auc, deviation = auc_with_deviation(member, scores)
    rank_p = float(stats.mannwhitneyu(scores[member], scores[~member], alternative="greater", method="asymptotic")[1])
    order = np.argsort(-scores, kind="stable")
    tests = [_on_top(f"{name}: members among the most suspicious rows", order, max(10, len(scores) // 100), pool)]
    if holds_model:
        tests.append(_on_top(f"{name}: members among the most suspicious tenth", order, len(scores) // 10, pool))
    if on_average:
        tests.append(Test(f"{name}: members rank higher", rank_p, auc, 0.5, len(pool)))
    figure = Figure(
        auc,
        around(auc, deviation),
        0.5,
        "lower",
        n=len(pool.synthetic),
    )
    facts = {
        "members": members,
        "others": others,
        "p_value": rank_p,
        "true_positive_rates": [true_positive_rate(scores, member, rate) for rate in (0.01, 0.1)],
        "recognised": recognised(scores, member).to_json(),
    }
    suspects = pool.positions[order[member[order]]]
    return Attack("membership", name, how, figure, tuple(tests), facts, suspects, holds_model)


def _on_top(name: str, order: np.ndarray, count: int, pool: Pool) -> Test:
    """Whether members are more than their share among the first ``count`` of rows in ``order``, ties at random."""
    top = np.zeros(len(order), bool)
    top[order[:count]] = True
    return Test(name, pool.excess(top), float(pool.member[top].mean()), pool.chance, count)


def true_positive_rate(scores: np.ndarray, member: np.ndarray, false_positive_rate: float) -> dict[str, Any]:
    """The share of members above the score that at most ``false_positive_rate`` of the others exceed."""
    others = np.sort(scores[~member])
    allowed = int(np.floor(false_positive_rate * len(others)))
    threshold = others[len(others) - allowed - 1]
    above = int((scores[member] > threshold).sum())
    return {
        "false_positive_rate": false_positive_rate,
        "others_above": int((others > threshold).sum()),
        "members_above": above,
        "value": above / int(member.sum()),
        "interval": list(wilson(above, int(member.sum()))),
    }


def recognised(scores: np.ndarray, member: np.ndarray, rate: float = FEW_FALSE) -> Figure:
    """The size of a membership leak: were this share of the members known for certain, and of the rest nothing.

    An attacker who takes ``rate`` of the others for members finds that share beyond it, ``(TPR - FPR) / (1 - FPR)``.
    The interval allows for the chance in both rates: the threshold lies at a quantile of the others' scores, and how
    much moving it changes the members above it is read off half and double the rate.
    """
    inside, outside = np.sort(scores[member]), np.sort(scores[~member])
    m, n = len(inside), len(outside)

    def above(share: float) -> float:
        threshold = outside[n - 1 - int(np.floor(share * n))]
        return float((m - np.searchsorted(inside, threshold, "right")) / m)

    true, false = above(rate), int(np.floor(rate * n)) / n
    slope = max(0.0, above(2 * rate) - above(rate / 2)) / (1.5 * rate)
    # a rate of 0 or 1 is uncertain, too: Agresti and Coull's two more successes and failures
    soft = (true * m + 2) / (m + 4)
    spread = float(np.sqrt(soft * (1 - soft) / m + slope**2 * rate * (1 - rate) / n)) / (1 - rate)
    value = (true - false) / (1 - false)
    return Figure(max(0.0, value), around(value, spread), 0.0, "lower", n=m)


def by_success(metric: str, how: str, success: np.ndarray, pool: Pool, baseline: float | None, **facts: Any) -> Attack:
    """Judge an attack that succeeds or fails on every row of the pool (m,), as shares from 0 to 1.

    The figure is the rate on members, its reference the rate on others: the second is what anybody can know of a
    person who is not in the table, so only the surplus is a leak. ``baseline`` is the rate of guessing without the
    rows' relations.
    """
    hits, misses = success[pool.member], success[~pool.member]
    value = float(hits.mean())
    reference = float(misses.mean())
    spread = NORMAL_95 * np.sqrt(hits.var() / len(hits) + misses.var() / len(misses))
    surplus = value - reference
    name = metric.replace("_", " ")
    binary = bool(np.isin(success, (0.0, 1.0)).all())
    p_value = pool.excess(success == 1.0) if binary and success.any() else pool.surplus(success)
    test = Test(f"{name}: more on members", p_value, value, reference, len(pool))
    counts = {
        "members": len(hits),
        "members_hit": float(hits.sum()),
        "others": len(misses),
        "others_hit": float(misses.sum()),
        "baseline": baseline,
        "surplus": surplus,
        "surplus_interval": [surplus - spread, surplus + spread],
    }
    figure = Figure(value, wilson(float(hits.sum()), len(hits)), reference, "lower", n=len(pool.synthetic))
    return Attack(metric, name, how, figure, (test,), counts | facts)
