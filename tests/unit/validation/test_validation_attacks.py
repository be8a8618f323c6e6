"""Attacks: their arithmetic against other libraries, their calibration on fresh rows, and leaks that each sees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.neighbors import NearestNeighbors

from synthdata.random import SeedTree
from synthdata.table.schema import Column, Schema
from synthdata.table.table import Table
from synthdata.validation.base import Comparison, NotComputable
from synthdata.validation.privacy.attack import Attack, by_score, by_success, recognised, true_positive_rate
from synthdata.validation.privacy.attacks import all_attacks, rows_at_risk
from synthdata.validation.privacy.k_map import k_map
from synthdata.validation.privacy.membership import by_loss
from synthdata.validation.privacy.panel import privacy_part
from synthdata.validation.privacy.pool import Pool
from synthdata.validation.privacy.space import Space, nearest_distances, nearest_without
from synthdata.validation.privacy.verdict import FORGETS, LEANS, REMEMBERS, verdict

SCHEMA = Schema(
    columns=(
        *(Column(name=f"n{i}", kind="numerical", dtype="float64", nullable=True) for i in range(4)),
        *(Column(name=f"c{i}", kind="categorical", nullable=True) for i in range(3)),
    )
)


def rows(count: int, generator: np.random.Generator) -> pd.DataFrame:
    base = generator.normal(size=count)
    numbers = {f"n{i}": np.exp(base + generator.normal(size=count)) for i in range(4)}
    letters = {f"c{i}": generator.choice(list("abcde"), count).astype(object) for i in range(3)}
    frame = pd.DataFrame({**numbers, **letters})
    frame.loc[generator.random(count) < 0.1, "n0"] = np.nan
    frame.loc[generator.random(count) < 0.1, "c0"] = None
    return frame


def compared(seed: int, copied: float = 0.0, count: int = 800) -> Comparison:
    """Fresh rows on all sides, but for a share of the synthetic rows that are train rows."""
    generator = np.random.default_rng(seed)
    train, holdout, synthetic = (rows(count, generator) for _ in range(3))
    planted = int(copied * count)
    synthetic = pd.concat([train.iloc[:planted], synthetic.iloc[planted:]], ignore_index=True)
    return Comparison.of(*(Table(frame, SCHEMA) for frame in (train, holdout, synthetic)))


def attacks_on(comparison: Comparison, **options: Any) -> dict[str, Any]:
    found, missing = all_attacks(comparison, SeedTree(0), lambda *_: None, options.get("log_prob"))
    assert not missing
    return {attack.name: attack for attack in found}


def test_a_score_is_judged_as_other_libraries_do() -> None:
    pool = Pool.draw(compared(0), SeedTree(1))
    generator = np.random.default_rng(3)
    scores = np.round(generator.normal(size=len(pool)) + 0.2 * pool.member, 1)  # with ties
    attack = by_score("x", "", scores, pool, on_average=True)
    assert attack.figure.value == pytest.approx(roc_auc_score(pool.member, scores), abs=1e-12)
    draws = []
    for _ in range(400):
        again = generator.integers(0, len(pool), len(pool))
        draws.append(roc_auc_score(pool.member[again], scores[again]))
    low, high = attack.figure.interval or (0, 0)
    assert (high - low) / 2 / 1.96 == pytest.approx(np.std(draws), rel=0.15)
    false, true, _ = roc_curve(pool.member, scores)
    for rate in (0.01, 0.1):
        expected = true[false <= rate + 1e-12].max()
        assert true_positive_rate(scores, pool.member, rate)["value"] == pytest.approx(expected)


def test_successes_are_judged_as_fishers_exact_test_does() -> None:
    pool = Pool.draw(compared(1), SeedTree(1))
    success = (np.random.default_rng(0).random(len(pool)) < 0.1 + 0.05 * pool.member).astype(float)
    attack = by_success("linkability", "", success, pool, None)
    counts = [[int((success[part] == hit).sum()) for hit in (1, 0)] for part in (pool.member, ~pool.member)]
    assert attack.tests[0].p_value == pytest.approx(stats.fisher_exact(counts, "greater").pvalue)
    shares = success * 0.5 + 0.1  # no longer 0 or 1: the normal law of a simple random sample's mean
    assert by_success("x", "", shares, pool, None).tests[0].p_value == pytest.approx(attack.tests[0].p_value, rel=0.5)


def test_distances_equal_those_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    points, others = (generator.normal(size=(n, 5)).astype(np.float32) for n in (30, 50))
    expected = NearestNeighbors(n_neighbors=3).fit(others).kneighbors(points)[0]
    np.testing.assert_allclose(nearest_distances(points, others, 3), expected, rtol=1e-5)
    own = NearestNeighbors(n_neighbors=3).fit(points).kneighbors(points)[0]
    np.testing.assert_allclose(nearest_distances(points, points, 2, skip=1), own[:, 1:], rtol=1e-5)
    assert nearest_distances(points[:2], points[:2], 3, skip=1).shape == (2, 3)


def test_the_nearest_by_all_but_some_coordinates_is_that_by_the_rest() -> None:
    generator = np.random.default_rng(0)
    points, others = (generator.normal(size=(n, 6)).astype(np.float32) for n in (40, 70))
    spans = [slice(0, 1), slice(1, 4), slice(4, 6)]
    found = nearest_without(points, others, spans)
    for column, span in enumerate(spans):
        rest = np.delete(np.arange(6), span)
        expected = NearestNeighbors(n_neighbors=1).fit(others[:, rest]).kneighbors(points[:, rest])[1][:, 0]
        assert found[:, column].tolist() == expected.tolist()


def test_every_attack_sees_a_table_of_copies() -> None:
    found = attacks_on(compared(0, copied=1.0))
    for name in (
        "membership by density",
        "membership by classifier",
        "singling out",
        "linkability",
        "attribute inference",
    ):
        assert min(found[name].facts.get("p_value", 1.0), *(test.p_value for test in found[name].tests)) < 1e-4, name
        assert found[name].figure.value > found[name].figure.reference, name
    assert found["attribute inference"].figure.value == 1.0
    assert found["attribute inference"].facts["baseline"] < 0.5
    assert found["linkability"].figure.value > 0.95


def test_p_values_are_fair_on_fresh_rows() -> None:
    """Over 12 tables no test has a surplus of small p-values: at most 4 of 12 below .1 has a chance of .996 each."""
    small: dict[str, int] = {}
    for seed in range(12):
        for attack in attacks_on(compared(100 + seed, count=200)).values():
            for test in attack.tests:
                small[test.name] = small.get(test.name, 0) + (test.p_value < 0.1)
    assert len(small) == 6
    assert max(small.values()) <= 4, small


def test_the_models_own_loss_tells_what_it_remembers() -> None:
    comparison = compared(2)
    remembered = set(comparison.train.frame["n1"].iloc[:80])

    def log_prob(frame: pd.DataFrame) -> np.ndarray:
        usual = -frame[["n1", "n2"]].to_numpy().sum(axis=1)  # common rows are more probable
        return usual + 12.0 * frame["n1"].isin(remembered).to_numpy()

    found = attacks_on(comparison, log_prob=log_prob)["membership by the model's own loss"]
    assert min(test.p_value for test in found.tests) < 1e-3
    risk = rows_at_risk(comparison, [found])
    assert risk is not None
    assert np.mean([row < 80 for row in risk["rows"]]) > 0.8
    fair = attacks_on(comparison, log_prob=lambda frame: -frame[["n1", "n2"]].to_numpy().sum(axis=1))
    assert min(test.p_value for test in fair["membership by the model's own loss"].tests) > 0.001
    with pytest.raises(NotComputable, match="log-density"):
        by_loss(Pool.draw(comparison, SeedTree(0)), lambda frame: np.full(len(frame), np.nan), SeedTree(0))


def test_what_the_model_remembers_is_no_finding_on_the_table() -> None:
    comparison = compared(2)
    remembered = set(comparison.train.frame["n1"].iloc[:200])

    def log_prob(frame: pd.DataFrame) -> np.ndarray:
        return -frame[["n1", "n2"]].to_numpy().sum(axis=1) + 30.0 * frame["n1"].isin(remembered).to_numpy()

    part = privacy_part(comparison, SeedTree(0), [], lambda *_: None, log_prob)
    assert part["verdict"]["model"] == "remembers rows"
    assert part["verdict"]["state"] == "no leak found"
    size = part["recognised_rows"]
    assert 0.05 < size["interval"][0] < size["value"] < 200 / len(comparison.train) + 0.02
    own = [test for test in part["details"]["tests"] if "own loss" in test["test"]]
    assert [test["leak"] for test in own] == [True, True]
    without = privacy_part(comparison, SeedTree(0), [], lambda *_: None)
    assert without["verdict"]["model"] is None
    assert without["recognised_rows"]["value"] is None
    assert "model itself" in without["recognised_rows"]["text"]


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 1.0])
def test_the_size_of_a_membership_leak_is_the_share_of_rows_known_for_certain(share: float) -> None:
    generator = np.random.default_rng(1)
    member = np.repeat([True, False], 4000)
    sizes = []
    for _ in range(40):
        scores = generator.normal(size=8000)
        scores[: round(share * 4000)] += 20
        sizes.append(recognised(scores, member))
    assert np.mean([size.value for size in sizes]) == pytest.approx(share, abs=0.002)
    held = [size.interval[0] <= share <= size.interval[1] for size in sizes if size.interval]
    assert sum(held) >= 36


def test_a_model_leans_where_what_it_gives_away_may_be_next_to_nothing() -> None:
    member = np.repeat([True, False], 4000)
    generator = np.random.default_rng(2)
    attack = {lift: own_loss(generator.normal(size=8000) + lift * member) for lift in (0.0, 0.3, 1.5)}
    found = {lift: verdict(compared(2), None, None, [], [each]).model for lift, each in attack.items()}
    assert found == {0.0: FORGETS, 0.3: LEANS, 1.5: REMEMBERS}


def own_loss(scores: np.ndarray) -> Attack:
    """An attack on the model itself that gives 4,000 members and then 4,000 others these scores."""
    comparison = compared(2)
    space = Space.of(comparison, np.random.default_rng(0))
    pool = Pool(comparison, space, np.repeat([True, False], 4000), np.arange(8000), np.arange(10))
    return by_score("own loss", "", scores, pool, on_average=False, holds_model=True)


def test_what_cannot_be_attacked_says_why() -> None:
    comparison = compared(0, count=30)
    without = Comparison.of(comparison.train, None, comparison.synthetic)
    found, missing = all_attacks(without, SeedTree(0), lambda *_: None, None)
    assert not found
    assert "no holdout" in missing["membership"]
    one = Schema(columns=SCHEMA.columns[:1])
    tables = [
        Table(part.frame[["n0"]], one) for part in (comparison.train, comparison.holdout, comparison.synthetic) if part
    ]
    _, missing = all_attacks(Comparison.of(*tables), SeedTree(0), lambda *_: None, None)
    assert set(missing) == {"linkability", "attribute_inference"}
    few = [Table(part.frame[:5], part.schema) for part in (comparison.train, comparison.synthetic)]
    _, missing = all_attacks(Comparison.of(few[0], few[0], few[1]), SeedTree(0), lambda *_: None, None)
    assert "at least 20" in missing["membership"]


def test_k_map_counts_groups() -> None:
    schema = Schema(columns=(Column(name="c", kind="categorical"), Column(name="x", kind="numerical", dtype="float64")))

    def table(letters: str) -> Table:
        return Table(pd.DataFrame({"c": list(letters), "x": np.linspace(0, 1, len(letters))}), schema)

    mapped = k_map(Comparison.of(table("aaaaaabb"), table("ab"), table("abbd")))
    assert mapped.figure.value == 0.5  # the two "b": "d" is no real row's, "a" is six rows'
    assert mapped.figure.reference == 0.5
    assert mapped.facts["columns"] == ["c"]
    assert mapped.facts["smallest_group"] == 2
