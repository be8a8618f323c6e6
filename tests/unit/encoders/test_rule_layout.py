"""Columns learnt in another form for a rule's sake: exact both ways, private, and of Jacobian 1."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from rule_tables import COLUMNS, RULES, SCHEMA, ruled

from synthdata.encoders.rule_layout import RuleLayout
from synthdata.encoders.rule_lookups import Follows, Joint
from synthdata.encoders.rule_steps import Gap, Remainder
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.table.table import Table


def table_of(frame: pd.DataFrame, rules: list[dict[str, Any]], columns: list[dict[str, Any]] | None = None) -> Table:
    known = [column for column in columns or COLUMNS if column["name"] in frame]
    return Table.of(frame, {"columns": known, "rules": rules})


def round_trip(table: Table, least: int = 1) -> pd.DataFrame:
    encoder = TableEncoder(rare_threshold=least, exact_values=10**6).fit(table, np.random.default_rng(0))
    frame, sound = encoder.decode_sound(encoder.encode(table, np.random.default_rng(1)))
    assert sound.all()
    return frame


def test_each_rule_gets_its_part() -> None:
    layout = RuleLayout.fit(table_of(ruled(), SCHEMA["rules"]), 5)
    kinds = {name: type(part) for part in layout.parts for name in part.replaced}
    assert kinds == {"end": Gap, "high": Gap, "gross": Remainder, "country": Follows, "kind": Joint, "ticket": Joint}
    assert [column.name for column in layout.columns] == [c["name"] for c in COLUMNS if c["name"] != "ticket"]


def test_what_goes_in_comes_out() -> None:
    pd.testing.assert_frame_equal(round_trip(table_of(ruled(), SCHEMA["rules"])), ruled())


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    ("low", "high", "kinds"),
    [
        (pd.array([1, 2, None, 4], "Int64"), np.array([2, 3, -1, 9]), {}),
        (np.array([0.5, 2.0, np.nan, -4.25]), np.array([1, 3, -7, -4]), {}),
        (np.array([0.1, 0.2, 0.3, np.nan]), np.array([0.3, 0.3, np.nan, 0.1]), {"decimals": 1}),
        (np.array([0.5, 2.0, np.nan, -4.25]), np.array([0.75, 2.5, 1e-9, -4.0]), {}),
        (
            np.array([2**60, 2**60 + 1, 2**60 + 2, 5 + 2**60]),
            np.array([2**60 + 3, 2**60 + 2, 2**60 + 9, 2**60 + 6]),
            {},
        ),
        (
            ["2024-01-01", "2024-01-31", None, "2023-02-28"],
            ["2024-02-01", "2024-02-01", "2020-01-01", "2024-01-01"],
            "date",
        ),
        (
            pd.to_datetime(["2024-01-01 13:30", "2024-01-31 00:00", None, "2023-02-28 00:01"], format="mixed"),
            pd.to_datetime(["2024-01-02", "2024-02-01", "2020-01-01", "2023-03-01"]).astype("datetime64[s]"),
            "date",
        ),
        (pd.to_timedelta(["1h", None, "3h", "5h"]), pd.to_timedelta(["2h", "30min", "4h", None]), "span"),
    ],
)
def test_gaps_of_every_storage(low: Any, high: Any, kinds: Any, strict: bool) -> None:
    frame = pd.DataFrame({"low": low, "high": high})
    extra = kinds if isinstance(kinds, dict) else {}
    kind = {"date": "datetime", "span": "timedelta"}.get(kinds, "numerical") if isinstance(kinds, str) else "numerical"
    columns = [{"name": name, "kind": kind, **extra} for name in ("low", "high")]
    rule = {"type": "inequality", "low": "low", "high": "high", "strict": strict}
    table = table_of(frame, [rule], columns)
    (part,) = RuleLayout.fit(table, 1).parts
    outer = {name: table.cells(name) for name in ("low", "high")}
    inner = part.forward(outer)
    both = ~table.cells("low").missing & ~table.cells("high").missing
    assert (inner.values[both] >= 0).all()
    back, sound = part.inverse(inner, outer)
    there = ~outer["high"].missing
    assert sound.all()
    assert np.allclose(back["high"].values[there].astype(float), outer["high"].values[there].astype(float), rtol=1e-15)
    # A distance below zero is drawn in to the limit itself.
    below, _ = part.inverse(type(inner)(inner.values * 0 - 5, inner.missing), outer)
    from synthdata.table.constraints import parse_rules

    (parsed,) = parse_rules(table.schema)
    assert not parsed.broken(outer["low"], below["high"]).any()


def test_chains_and_several_limits() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.integers(0, 9, 200), generator.integers(0, 9, 200)
    frame = pd.DataFrame({"d": np.maximum(a, b) + 3, "c": np.maximum(a, b) + 1, "a": a, "b": b})
    pairs = [("a", "c"), ("b", "c"), ("c", "d"), ("a", "d")]
    rules = [{"type": "inequality", "low": low, "high": high} for low, high in pairs]
    columns = [{"name": name, "kind": "numerical"} for name in "dcab"]
    table = table_of(frame, rules, columns)
    layout = RuleLayout.fit(table, 5)
    assert [part.replaced for part in layout.parts] == [("c",), ("d",)]
    pd.testing.assert_frame_equal(round_trip(table, 5), frame)


def test_rules_that_go_round_in_a_circle_leave_one_column_as_it_is() -> None:
    frame = pd.DataFrame({"a": np.arange(60) % 7, "b": np.arange(60) % 7})
    rules = [{"type": "inequality", "low": low, "high": high} for low, high in ("ab", "ba")]
    columns = [{"name": name, "kind": "numerical"} for name in "ab"]
    assert len(RuleLayout.fit(table_of(frame, rules, columns), 5).parts) == 1


def test_total_with_nulls_and_tolerance() -> None:
    frame = pd.DataFrame(
        {
            "net": pd.array([10, 20, None, 40, None], "Int64"),
            "tax": pd.array([1, None, 3, 4, None], "Int64"),
            "gross": pd.array([12, 99, 5, None, 7], "Int64"),
        }
    )
    rule = {**RULES["sum"], "tolerance": 1}
    table = table_of(frame, [rule])
    pd.testing.assert_frame_equal(round_trip(table), frame)
    (part,) = RuleLayout.fit(table, 1).parts
    outer = {name: table.cells(name) for name in frame}
    left = part.forward(outer)
    assert left.values[0] == 1
    far, _ = part.inverse(type(left)(left.values + 50, left.missing), outer)
    assert far["gross"].values[0] == 12  # 11, and at most the tolerance


def test_a_value_that_no_longer_follows_is_unseen_and_rare_ones_are_not_stored() -> None:
    frame = ruled(400)[["city", "country"]].dropna(ignore_index=True)
    frame.loc[0, ["city", "country"]] = ["Atlantis", "Nowhere"]
    encoder = TableEncoder().fit(table_of(frame, [RULES["dependence"]]), np.random.default_rng(0))
    stored = (
        b"".join(array.tobytes() for array in encoder.state().arrays.values()) + str(encoder.state().config).encode()
    )
    assert b"Oslo" in stored
    assert b"Atlantis" not in stored
    assert b"Nowhere" not in stored
    wrong = pd.DataFrame({"city": ["Rome", "Rome"], "country": ["IT", "NO"]})
    codes = encoder.encode(Table.of(wrong, {"columns": COLUMNS[:2]}), None).codes
    assert codes[0, 1] >= 0 > codes[1, 1]


def test_declared_combinations_may_be_drawn_although_the_table_holds_none() -> None:
    frame = ruled(400)[["kind", "ticket"]]
    allowed = [["child", "half"], ["child", "free"], ["adult", "full"], ["adult", "season"], ["adult", "guest"]]
    with pytest.raises(Exception, match="fixed combinations\\) is broken by"):
        TableEncoder().fit(
            table_of(frame, [{**RULES["combinations"], "allowed": allowed[:3]}]), np.random.default_rng(0)
        )
    layout = RuleLayout.fit(table_of(frame, [{**RULES["combinations"], "allowed": allowed}]), 5)
    (part,) = layout.parts
    assert isinstance(part, Joint)
    assert part.values("ticket") == {"half", "free", "full", "season", "guest"}


def test_a_category_dtype_comes_back_with_its_order() -> None:
    frame = ruled(300)[["kind", "ticket", "city", "country"]]
    order = ["season", "half", "full", "free"]
    frame["ticket"] = pd.Categorical(frame["ticket"], order, ordered=True)
    frame["country"] = pd.Categorical(frame["country"], ["NO", "IT", "FR"])
    pd.testing.assert_frame_equal(round_trip(table_of(frame, [RULES["combinations"], RULES["dependence"]]), 5), frame)


def test_without_rules_nothing_changes() -> None:
    table = table_of(ruled(), [])
    layout = RuleLayout.fit(table, 5)
    assert layout.forward(table) is table
    assert layout.columns == table.schema.modelled
