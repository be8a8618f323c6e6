"""Fairness: groups, their shares and outcomes, how models treat them, and what is left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import recall_score

from synthdata.errors import SchemaError
from synthdata.pipeline import run
from synthdata.random import SeedTree
from synthdata.reporting.html import render
from synthdata.reporting.report import Report
from synthdata.table.schema import Column, Schema
from synthdata.validation.base import Comparison, NotComputable
from synthdata.validation.column_alerts import fairness_alerts
from synthdata.validation.fairness.groups import groupings, protected_columns
from synthdata.validation.fairness.outcome import Outcome, predictions
from synthdata.validation.fairness.part import fairness_part
from synthdata.validation.suite import validate

SEED = SeedTree(4)
Compare = Callable[..., Comparison]


def people(rows: int, seed: int, *, unfair: float = 0.0) -> pd.DataFrame:
    """Hired by score alone, or with ``unfair`` taken off the score of women."""
    generator = np.random.default_rng(seed)
    sex = generator.choice(["F", "M"], rows, p=[0.4, 0.6])
    score = generator.normal(size=rows)
    chance = score - unfair * (sex == "F") + generator.normal(0, 0.3, rows)
    return pd.DataFrame(
        {
            "sex": sex.astype(object),
            "race": generator.choice(["a", "b", "c", "rare"], rows, p=[0.5, 0.3, 0.195, 0.005]).astype(object),
            "age": generator.integers(18, 80, rows).astype(float),
            "score": score,
            "hired": np.where(chance > 0.3, "yes", "no").astype(object),
        }
    )


def judged(compare: Compare, synthetic: pd.DataFrame, **more: Any) -> tuple[Comparison, dict[str, Any]]:
    compared = compare(people(1500, 1), synthetic, people(1200, 3))
    return compared, fairness_part(compared, SEED, "hired", **more)


def test_columns_are_known_by_name_or_named() -> None:
    names = ["Sex", "applicantGender", "race_time", "person-race", "age_group", "essex", "x"]
    schema = Schema(columns=tuple(Column(name=name, kind="categorical") for name in names))
    assert protected_columns(schema) == ("Sex", "applicantGender", "person-race", "age_group")
    assert protected_columns(schema, ("x", "x")) == ("x",)
    with pytest.raises(SchemaError, match=r"no column 'sex' to protect\. Did you mean"):
        protected_columns(schema, ("sex",))


def test_shares_and_rates_are_those_of_groupby(compare: Compare) -> None:
    made = people(1500, 2)
    compared, found = judged(compare, made)
    details = found["details"]
    assert details["columns"] == ["sex", "race"]
    assert details["outcome"] == "“hired” is “yes”"
    assert [entry["columns"] for entry in details["groupings"]] == [["sex"], ["race"], ["sex", "race"]]
    crossed = details["groupings"][2]
    for side, frame in (("real", compared.train.frame), ("synthetic", made)):
        yes = (frame["hired"] == "yes").groupby([frame["sex"], frame["race"]])
        for group in crossed["groups"]:
            key = tuple(group["group"].split(", "))
            assert group["share"][side] == pytest.approx(yes.size()[key] / len(frame), abs=1e-12)
            assert group["rate"][side] == pytest.approx(yes.mean()[key], abs=1e-12)
    rates = [group["rate"]["synthetic"] for group in crossed["groups"]]
    assert crossed["gaps"]["rate"]["synthetic"] == pytest.approx(max(rates) - min(rates))


def test_small_groups_are_left_out_and_said(compare: Compare) -> None:
    _, found = judged(compare, people(1500, 2))
    assert not any("rare" in group["group"] for entry in found["details"]["groupings"] for group in entry["groups"])
    assert any("“race” with fewer than 20 real rows" in note for note in found["details"]["notes"])


def test_small_groups_are_pooled_where_they_are_enough_together(compare: Compare) -> None:
    frame = pd.DataFrame(
        {"race": ["a"] * 50 + ["b"] * 40 + ["c"] * 12 + ["d"] * 11, "hired": ["yes", "no", "no"] * 37 + ["no"] * 2}
    )
    entry = fairness_part(compare(frame, frame, frame), SEED, "hired")["details"]["groupings"][0]
    assert [group["group"] for group in entry["groups"]] == ["a", "b", "2 others"]
    assert sum(group["share"]["real"] for group in entry["groups"]) == pytest.approx(1)


def test_fresh_rows_are_within_chance(compare: Compare) -> None:
    _, found = judged(compare, people(1500, 2))
    for name in ("representation", "outcome"):
        assert found[name]["value"] < 0.12
        low, high = found[name]["interval"]
        assert low <= found[name]["value"] <= high
        assert found[name]["reference"] is not None
        assert found[name]["matched"] is not None


def test_a_table_that_is_unfair_is_found_out(compare: Compare) -> None:
    _, fair = judged(compare, people(1500, 2))
    _, unfair = judged(compare, people(1500, 2, unfair=1.5))
    assert unfair["outcome"]["value"] > 0.25
    assert unfair["outcome"]["interval"][0] > unfair["outcome"]["reference"]
    assert unfair["errors"]["value"] > fair["errors"]["value"] + 0.2
    assert unfair["errors"]["value"] > unfair["errors"]["reference"] + 0.2
    told = fairness_alerts(unfair)
    assert told[0]["metric"] == "fairness.outcome"
    assert "“F" in told[0]["text"]
    assert fairness_alerts(fair) == []
    shrunk = people(1500, 2)
    shrunk.loc[(shrunk["sex"] == "F") & (np.arange(1500) % 2 == 0), "sex"] = "M"
    assert judged(compare, shrunk)[1]["representation"]["value"] == pytest.approx(0.2, abs=0.04)


def test_error_rates_are_scikit_learns(compare: Compare) -> None:
    compared, found = judged(compare, people(1500, 2))
    outcome = Outcome.of(compared, "hired")
    guesses = predictions(compared, outcome, SEED.child("predictions"))
    held = compared.holdout
    assert held is not None
    women = (held.frame["sex"] == "F").to_numpy()
    truth = (held.frame["hired"] == "yes").to_numpy()
    group = next(g for g in found["details"]["groupings"][0]["groups"] if g["group"] == "F")
    for side, label in (("train", "real"), ("synthetic", "synthetic")):
        guess = guesses[side]  # type: ignore[index]
        assert group["true_positives"][label] == pytest.approx(recall_score(truth[women], guess[women]))
        false = 1 - recall_score(truth[women], guess[women], pos_label=False)
        assert group["false_positives"][label] == pytest.approx(false)
        assert guess.mean() == pytest.approx((compared.train.frame["hired"] == "yes").mean(), abs=0.01)


def test_numbers_are_grouped_by_quarters_and_outcomes_may_be_numbers(compare: Compare) -> None:
    compared = compare(people(800, 1), people(800, 2), people(800, 3))
    found = fairness_part(compared, SEED, "score", ("age",))
    entry = found["details"]["groupings"][0]
    assert entry["groups"][0]["group"] == "lowest quarter"
    assert sum(group["share"]["real"] for group in entry["groups"]) == pytest.approx(1)
    assert found["details"]["outcome"] == "“score” is above its real median"
    assert found["outcome"]["value"] < 0.2


def test_what_cannot_be_told_is_said(compare: Compare) -> None:
    compared = compare(people(300, 1), people(300, 2))
    alone = fairness_part(compared, SEED, "hired")
    assert "no holdout" in alone["errors"]["text"]
    assert alone["outcome"]["value"] is not None
    assert "no holdout" in alone["outcome"]["text"]
    nobody = fairness_part(compare(people(300, 1)[["score", "hired"]], people(300, 2)), SEED, "hired")
    assert all("No column was named" in nobody[name]["text"] for name in ("representation", "outcome", "errors"))
    target = fairness_part(compared, SEED, "sex", ("sex", "race"))
    assert target["details"]["groupings"][0]["columns"] == ["race"]
    assert "is the target" in target["details"]["notes"][0]
    tiny = fairness_part(compare(people(15, 1), people(15, 2), people(15, 3)), SEED, "hired")
    assert "fewer than two groups" in tiny["outcome"]["text"]
    with pytest.raises(NotComputable, match="no holdout"):
        predictions(compared, Outcome.of(compared, "hired"), SEED)


def test_nulls_are_a_group_and_invented_groups_are_none(compare: Compare) -> None:
    real, made = people(400, 1), people(400, 2)
    real.loc[:39, "sex"] = None
    made.loc[:99, "sex"] = "new"
    schema = Schema(columns=tuple(Column(name=n, kind="categorical", nullable=True) for n in ("sex", "race", "hired")))
    compared = compare(real[list(schema.names)], made[list(schema.names)], schema=schema)
    found, _ = groupings(compared, ("sex",))
    assert found[0].names == ("M", "F", "no value")
    assert (found[0].codes["synthetic"][:100] == -1).all()
    assert found[0].note is not None


def test_the_page_shows_groups(compare: Compare) -> None:
    compared = compare(people(600, 1), people(600, 2), people(400, 3))
    facts = validate(compared.train, compared.holdout, compared.synthetic, seed=SEED, target="hired")
    rows = {"source": 1000, "train": 600, "holdout": 400, "synthetic": 600}
    page = render(Report({"version": 1, "run": {"name": "people", "source": "people.csv", "rows": rows}, **facts}))
    for text in ("Fairness", "Largest gap between groups", "“hired” is “yes”", "Two protected columns together",
                 "rounding habit", "Other columns as target", "Which columns matter", "more figures",
                 "Three columns at a time"):  # fmt: skip
        assert text in page, text
    without = validate(
        compared.train, compared.holdout, compared.synthetic, seed=SEED, target="hired", protected=["race"]
    )
    assert [entry["columns"] for entry in without["fairness"]["details"]["groupings"]] == [["race"]]


def test_a_mistyped_name_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="no column 'sx' to protect"):
        run(people(100, 1), "boosted", out=tmp_path / "run", protected=("sx",))
    assert not (tmp_path / "run").exists()
