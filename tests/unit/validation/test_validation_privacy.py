"""The privacy tests' arithmetic against brute force, and the three states of the verdict."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from synthdata.random import SeedTree
from synthdata.table.schema import Column, Schema
from synthdata.table.table import Table
from synthdata.validation.base import Comparison, NotComputable
from synthdata.validation.privacy.copies import copies, excess, row_keys
from synthdata.validation.privacy.dcr import nearness
from synthdata.validation.privacy.neighbour_tests import neighbour_tests
from synthdata.validation.privacy.record_linkage import link_weights
from synthdata.validation.privacy.replay import replays
from synthdata.validation.privacy.space import Space, nearest, nearest_by_part
from synthdata.validation.privacy.verdict import rows_to_see, verdict

SEED = SeedTree(0)
LETTERS = Schema(columns=tuple(Column(name=name, kind="categorical", nullable=True) for name in "ab"))


def letters(*rows: str) -> Table:
    return Table(
        pd.DataFrame([list(row.replace("-", "")) or [None, None] for row in rows], columns=["a", "b"]), LETTERS
    )


def judged(comparison: Comparison) -> str:
    return verdict(comparison, copies(comparison), nearness(comparison, SEED), replays(comparison)).state


def test_copies_are_counted_by_hand() -> None:
    compared = Comparison.of(
        letters("xx", "xx", "xy", "yy"), letters("yy", "zz"), letters("xx", "xx", "yy", "zz", "qq")
    )
    figure = copies(compared).figure
    assert figure.value == 3 / 5
    assert figure.reference == 2 / 5
    # two of four train rows: xx is there in 5 of 6 draws, yy in 3 of 6
    assert figure.matched == pytest.approx((2 * 5 / 6 + 3 / 6) / 5)


def test_nulls_and_negative_zero_are_equal_in_keys() -> None:
    schema = Schema(columns=(Column(name="x", kind="numerical", dtype="float64", nullable=True),))
    real = Table(pd.DataFrame({"x": [0.0, np.nan, 1.0]}), schema)
    made = Table(pd.DataFrame({"x": [-0.0, np.nan, 1.0 + 1e-9]}), schema)
    compared = Comparison.of(real, None, made)
    equal = row_keys(compared.views, "train") == row_keys(compared.views, "synthetic")
    assert equal.tolist() == [True, True, False]


def test_rounding_to_the_schemas_decimals_finds_copies() -> None:
    schema = Schema(columns=(Column(name="x", kind="numerical", dtype="float64", decimals=1),))
    real, made = (Table(pd.DataFrame({"x": [x]}), schema) for x in (0.3, 0.1 + 0.2))
    assert copies(Comparison.of(real, None, made)).figure.value == 1


def test_excess_is_a_coin_of_known_bias() -> None:
    in_train, in_holdout = np.array([1, 1, 1, 0, 2, 1]), np.array([0, 0, 0, 1, 0, 1])
    found = excess("x", in_train, in_holdout, np.arange(6))
    assert (found.train_only, found.holdout_only) == (4, 1)
    assert found.chance == pytest.approx(6 / 8)
    once = excess("x", in_train, in_holdout, np.arange(6), once=True)
    assert (once.train_only, once.holdout_only) == (3, 1)
    assert once.p_value == pytest.approx(4 * 0.75**3 * 0.25 + 0.75**4)
    assert excess("x", in_train, in_holdout, np.array([], int)).p_value == 1


def test_rows_to_see_is_where_the_test_begins_to_see() -> None:
    silent = excess("x", np.ones(4000, int), np.zeros(4000, int), np.array([], int))
    assert silent.chance == 1
    half = excess("x", np.repeat([1, 0], 100), np.repeat([0, 1], 100), np.array([], int))
    rows = rows_to_see(half, 0.0025)
    assert 0.5**rows < 0.0025 <= 0.5 ** (rows - 1)


def test_nearest_is_brute_force() -> None:
    generator = np.random.default_rng(0)
    points, others = (
        generator.normal(size=(70, 5)).astype(np.float32),
        generator.normal(size=(50, 5)).astype(np.float32),
    )
    group = np.arange(10, 30)
    distances = np.linalg.norm(points[:, None].astype(float) - others[None], axis=2)
    first, second, within = nearest(points, others, [group])
    assert np.allclose(first.distances, distances.min(axis=1), atol=1e-6)
    assert np.allclose(second.distances, np.sort(distances, axis=1)[:, 1], atol=1e-6)
    assert np.allclose(within.distances, distances[:, group].min(axis=1), atol=1e-6)
    assert (within.positions == group[distances[:, group].argmin(axis=1)]).all()


def test_different_categories_are_one_apart_and_nulls_are_seen() -> None:
    compared = Comparison.of(letters("xx", "xy", "-"), None, letters("yy"))
    space = Space.of(compared, np.random.default_rng(0))
    points = space.encode("train", np.arange(3)).astype(float)
    assert np.linalg.norm(points[0] - points[1]) == pytest.approx(1)
    assert np.linalg.norm(points[0] - points[2]) == pytest.approx(np.sqrt(2))


def test_many_categories_stay_narrow_and_about_one_apart() -> None:
    generator = np.random.default_rng(0)
    schema = Schema(columns=(Column(name="c", kind="categorical"),))
    table = Table(pd.DataFrame({"c": generator.integers(0, 1000, 5000).astype(str)}), schema)
    space = Space.of(Comparison.of(table, None, table), generator)
    assert space.width <= 16
    points = space.encode("train", np.arange(200))
    code = table.frame["c"].to_numpy()[:200]
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)[code[:, None] != code[None]]
    assert apart.min() > 0.4
    assert apart.mean() == pytest.approx(1, abs=0.05)


def test_membership_is_all_that_is_random() -> None:
    generator = np.random.default_rng(0)
    first, distance = generator.integers(0, 60, 500), generator.random(500)
    values = []
    for _ in range(2000):
        member = np.zeros(80, bool)
        member[generator.permutation(80)[:60]] = True
        tests = neighbour_tests(first, distance, distance + generator.random(500), member)
        values.append([(t.share - t.expected) / t.deviation for t in tests])
    assert np.abs(np.mean(values, axis=0)).max() < 0.08
    assert np.allclose(np.std(values, axis=0), 1, atol=0.06)


def test_dcr_share_of_fresh_rows_is_a_half_and_of_copies_is_not(mixed: Callable[[int, int], Table]) -> None:
    train, holdout, fresh = mixed(600, 1), mixed(300, 2), mixed(600, 3)
    figure = nearness(Comparison.of(train, holdout, fresh), SEED).figure
    assert figure.interval is not None
    assert figure.interval[0] <= 0.5 <= figure.interval[1]
    assert figure.reference is not None
    assert abs(figure.reference - 0.5) < 0.2
    copied = nearness(Comparison.of(train, holdout, train), SEED)
    assert (copied.figure.value or 0) > 0.7  # half of train is drawn, and all of its rows are at distance 0
    assert all(test.p_value < 1e-6 for test in copied.tests if test.whole)


def test_equally_near_rows_count_half() -> None:
    compared = Comparison.of(letters(*["xx"] * 30), letters(*["xx"] * 30), letters(*["xy"] * 30))
    assert nearness(compared, SEED).figure.value == 0.5


def test_the_three_states(mixed: Callable[[int, int], Table]) -> None:
    train, holdout = mixed(2000, 1), mixed(1000, 2)
    assert judged(Comparison.of(train, holdout, mixed(2000, 3))) == "no leak found"
    assert judged(Comparison.of(train, holdout, train)) == "leak found"
    assert judged(Comparison.of(mixed(60, 1), mixed(20, 2), mixed(60, 3))) == "cannot tell"


def test_what_was_found_and_what_could_have_been_is_said(mixed: Callable[[int, int], Table]) -> None:
    def say(comparison: Comparison) -> str:
        return verdict(comparison, copies(comparison), nearness(comparison, SEED), []).text

    train, holdout = mixed(1000, 1), mixed(500, 2)
    assert "exact copies of train rows" in say(Comparison.of(train, holdout, train))
    assert "with a probability of at least 95%" in say(Comparison.of(train, holdout, mixed(1000, 3)))
    assert "Too few rows" in say(Comparison.of(mixed(60, 1), mixed(20, 2), mixed(60, 3)))
    alike = letters(*["xx", "xy"] * 500)
    assert "alike" in say(Comparison.of(alike, alike, alike))


def test_without_a_holdout_copies_are_still_seen(mixed: Callable[[int, int], Table]) -> None:
    train = mixed(1000, 1)
    for made, state in ((train, "leak found"), (mixed(1000, 2), "cannot tell")):
        compared = Comparison.of(train, None, made)
        with pytest.raises(NotComputable, match="no holdout"):
            nearness(compared, SEED)
        assert verdict(compared, copies(compared), None, replays(compared)).state == state


def test_without_a_holdout_coincidences_are_no_leak() -> None:
    generator = np.random.default_rng(0)
    rows = ["".join(pair) for pair in generator.choice(list("abcdefgh"), (3000, 2))]
    compared = Comparison.of(letters(*rows[:1500]), None, letters(*rows[1500:]))
    assert copies(compared).figure.value == pytest.approx(1, abs=0.01)
    assert copies(compared).tests[0].p_value == 1


def with_mail(seed: int, mails: list[str]) -> Table:
    schema = Schema(
        columns=(Column(name="x", kind="numerical", dtype="float64"), Column(name="m", kind="text", pii="email"))
    )
    return Table(pd.DataFrame({"x": np.random.default_rng(seed).normal(size=len(mails)), "m": mails}), schema)


def test_real_mail_addresses_used_again_are_a_leak() -> None:
    own, others = [f"person{7919 * i % 997:04}@here" for i in range(400)], [f"fake{i}@there" for i in range(400)]
    train, holdout = with_mail(1, own[:300]), with_mail(2, own[300:])
    replayed = Comparison.of(train, holdout, with_mail(3, own[:60] + others[:240]))
    assert verdict(replayed, copies(replayed), None, replays(replayed)).state == "leak found"
    assert "'m'" in verdict(replayed, copies(replayed), None, replays(replayed)).text
    invented = Comparison.of(train, holdout, with_mail(3, others[:300]))
    assert all(test.p_value == 1 for test in replays(invented))


def test_counted_keys_of_rows_split_in_order_are_not_tested() -> None:
    def keyed(first: int, count: int) -> Table:
        schema = Schema(columns=(Column(name="k", kind="id", dtype="int64", role="key"),))
        return Table(pd.DataFrame({"k": np.arange(first, first + count)}), schema)

    (test,) = replays(Comparison.of(keyed(0, 800), keyed(800, 200), keyed(0, 800)))
    assert "not tested" in test.name
    assert test.p_value == 1


def test_no_sentence_says_anonymous(mixed: Callable[[int, int], Table]) -> None:
    for made in (mixed(500, 1), mixed(500, 3)):
        compared = Comparison.of(mixed(500, 1), mixed(200, 2), made)
        assert "anonym" not in verdict(compared, copies(compared), nearness(compared, SEED), []).text.lower()


def test_a_disturbed_copy_is_linked_to_its_original_and_a_fresh_row_to_none() -> None:
    generator = np.random.default_rng(0)
    count = 400
    names = [f"c{i}" for i in range(8)]
    number = Column(name="n", kind="numerical", dtype="float64", nullable=True)
    schema = Schema(columns=(*(Column(name=name, kind="categorical") for name in names), number))

    def drawn() -> pd.DataFrame:
        cells = {name: generator.choice(list("abcdefgh"), count) for name in names}
        return pd.DataFrame({**cells, "n": np.where(generator.random(count) < 0.1, np.nan, generator.random(count))})

    train, fresh = drawn(), drawn()
    made = fresh.copy()
    made.iloc[:50] = train.iloc[100:150].to_numpy()
    made.loc[:24, "c0"] = "a"  # one cell changed
    made["n"] = made["n"].astype(float)
    compared = Comparison.of(Table(train, schema), None, Table(made, schema))
    space = Space.of(compared, generator)
    points = {side: space.encode(side, np.arange(count)) for side in ("train", "synthetic")}
    among_real = nearest_by_part(points["synthetic"], points["train"], 8)
    among_made = nearest_by_part(points["synthetic"], points["synthetic"], 8, same=True)
    assert (among_made != np.arange(count)[:, None]).all()
    cells = {side: [view.values(side) for view in compared.views] for side in ("train", "synthetic")}
    weights = link_weights(compared.views, cells["train"], cells["synthetic"], among_real, among_made)
    best = among_real[np.arange(count), weights.argmax(axis=1)]
    assert (best[:50] == np.arange(100, 150)).all()
    assert np.median(weights[:50].max(axis=1)) > 0.9
    assert np.median(weights[50:].max(axis=1)) < 0.05


def test_the_nearest_of_all_is_among_the_nearest_by_part() -> None:
    generator = np.random.default_rng(1)
    points, others = generator.random((30, 3)).astype(np.float32), generator.random((101, 3)).astype(np.float32)
    parts = nearest_by_part(points, others, 4)
    assert parts.shape == (30, 4)
    assert (parts == nearest(points, others)[0].positions[:, None]).any(axis=1).all()
    assert (np.diff(parts, axis=1) > 0).all()
