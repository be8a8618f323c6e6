"""What the schema does not declare is bought; what it declares costs nothing."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthdata.encoders.private_encoder import PrivateDomain, bin_counts, encode_privately
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.errors import PrivacyError
from synthdata.models.registry import make_model
from synthdata.privacy.bounds import Look, bin_edges, bounds, decimals
from synthdata.privacy.ledger import Ledger, Privacy
from synthdata.privacy.private_table import Guarded
from synthdata.table.schema import Schema
from synthdata.table.storage import Cells
from synthdata.table.table import Table

N = 4000


def people(n: int = N, seed: int = 1) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    gain = np.where(generator.random(n) < 0.9, 0, generator.integers(1000, 60_000, n))
    return pd.DataFrame(
        {
            "age": generator.integers(18, 90, n),
            "gain": gain,
            "price": np.round(generator.lognormal(2, 1, n), 2),
            "city": generator.choice(["Rome", "Oslo", "Bonn"], n, p=[0.6, 0.3, 0.1]),
            "married": generator.random(n) < 0.5,
            "score": np.where(generator.random(n) < 0.3, np.nan, generator.normal(size=n)),
            "born": pd.Timestamp("1950-01-01") + pd.to_timedelta(generator.integers(0, 20_000, n), unit="D"),
        }
    )


PUBLIC: dict[str, dict[str, Any]] = {
    "age": {"bounds": [18, 90], "nullable": False},
    "gain": {"bounds": [0, 60_000], "nullable": False},
    "price": {"bounds": [0, 500], "decimals": 2, "nullable": False},
    "city": {"categories": ["Bonn", "Oslo", "Rome"], "nullable": False},
    "married": {"nullable": False},
    "score": {"bounds": [-5, 5], "decimals": 3, "nullable": True},
    "born": {"bounds": ["1950-01-01", "2005-01-01"], "nullable": False},
}


def bought(
    frame: pd.DataFrame, epsilon: float = 10.0, schema: dict[str, Any] | None = None, seed: int = 5
) -> tuple[TableEncoder, Ledger, Table]:
    table = Table.of(frame, schema, strict=False)
    ledger = Ledger(Privacy(epsilon, seed=seed))
    encoder = PrivateDomain(Guarded(table, ledger), table.schema, bins=24).encoder()
    return encoder, ledger, table


def declared(**changes: dict[str, Any]) -> dict[str, Any]:
    return {
        "columns": [{"name": name, "public": {**public, **changes.get(name, {})}} for name, public in PUBLIC.items()]
    }


def test_the_domain_is_found_about_right() -> None:
    encoder, ledger, _ = bought(people())
    assert encoder.rows == pytest.approx(N, abs=200)
    schema = encoder.schema
    assert schema["price"].decimals == 2
    assert schema["score"].decimals is None
    assert schema["score"].nullable
    assert not schema["age"].nullable
    slots = {slot.name: slot for slot in encoder.slots}
    assert slots["city"].cardinality == 3
    assert slots["married"].cardinality == 2
    lines = {column.slot.name: getattr(column, "line", None) for column in encoder.columns}
    low, high = lines["age"].numbers(np.array([0.0, 1.0]))
    assert 0 <= low <= 18
    assert 89 <= high <= 128
    # Nine in ten have no gain: 0 has a bin of its own.
    zero = np.full(2000, encoder.columns[1].encode(Table.of(people()).cells("gain").take(np.arange(1)), None)[1][0])
    assert set(lines["gain"].numbers(zero)) == {0}
    assert ledger.epsilon_spent < ledger.privacy.epsilon * 0.5


def test_every_look_is_on_the_ledger() -> None:
    _, ledger, _ = bought(people())
    looks = Counter(charge.stage for charge in ledger.charges)
    assert looks["row count"] == 1
    assert looks["nulls"] == 7
    assert looks["categories"] == 1
    assert looks["decimals"] == 2
    assert looks["bounds"] == 5
    assert 5 < looks["bins"] <= 55
    paid = [charge for charge in ledger.charges if charge.part_of is None]
    assert [charge.stage for charge in paid] == ["row count", "domain"]
    assert paid[1].delta == pytest.approx(ledger.privacy.delta / 4)


def test_what_is_public_costs_nothing() -> None:
    encoder, ledger, _ = bought(people(), schema=declared())
    looks = Counter(charge.stage for charge in ledger.charges)
    # Prices, gains, scores and days have too many steps to give each a bin, so their bins are bought.
    assert set(looks) == {"row count", "domain", "bins"}
    assert {charge.note for charge in ledger.charges if charge.stage == "bins"} == {"gain", "price", "score", "born"}
    assert ledger.public["city"]["declared"] == {"categories": ["Bonn", "Oslo", "Rome"], "nullable": False}
    assert dict(zip([slot.name for slot in encoder.slots], bin_counts(encoder), strict=True))["age"] == 73


def test_nothing_is_bought_where_all_is_public() -> None:
    frame = people()[["age", "city", "married"]]
    schema = {"columns": [{"name": name, "public": PUBLIC[name]} for name in frame.columns]}
    _, ledger, _ = bought(frame, schema=schema)
    assert [charge.stage for charge in ledger.charges] == ["row count"]


def test_what_was_inferred_is_not_taken_for_public() -> None:
    """Decimals and nullability of the schema come from the rows; only `public` counts."""
    frame = people()
    frame["price"] = np.round(frame["price"], 4)
    table = Table.of(frame)
    told = table.schema.replace("price", decimals=0).replace("score", nullable=True)
    ledger = Ledger(Privacy(10.0, seed=2))
    encoder = PrivateDomain(Guarded(Table(frame, told), ledger), told, bins=8).encoder()
    assert encoder.schema["price"].decimals == 2
    assert "nulls" in [charge.stage for charge in ledger.charges if charge.note == "score"]


def test_a_split_without_a_domain_is_refused_where_one_must_be_bought() -> None:
    split = {"rows": 0.1, "domain": 0.0, "training": 0.9}
    table = Table.of(people())
    ledger = Ledger(Privacy(1.0, split=split))
    with pytest.raises(PrivacyError, match="nothing for the domain"):
        PrivateDomain(Guarded(table, ledger), table.schema, bins=8)
    assert not ledger.charges
    frame = people()[["age", "city"]]
    schema = {"columns": [{"name": name, "public": PUBLIC[name]} for name in frame.columns]}
    table = Table.of(frame, schema)
    PrivateDomain(Guarded(table, ledger), table.schema, bins=8)
    assert len(ledger.charges) == 1


def test_persons_of_several_rows_are_not_promised_what_is_kept_for_rows_only() -> None:
    table = Table.of(people().assign(person=[f"P{i % 400}" for i in range(N)]))
    ledger = Ledger(Privacy(1.0))
    schema = table.schema.replace("person", kind="id", role="sequence key")
    with pytest.raises(PrivacyError, match="'person' says which rows belong together"):
        PrivateDomain(Guarded(table, ledger), schema, bins=8)
    assert not ledger.charges


def test_one_person_does_not_get_a_category_or_a_bound() -> None:
    frame = people()
    frame.loc[0, "city"] = "Atlantis"
    frame.loc[0, "age"] = 10**6
    encoder, _, _ = bought(frame, seed=9)
    text = str(encoder.state().config) + str(
        [array.tobytes() for name, array in encoder.state().arrays.items() if "categories" in name]
    )
    assert "Atlantis" not in text
    column = next(column for column in encoder.columns if column.slot.name == "age")
    assert column.line.numbers(np.array([1.0]))[0] <= 128


def test_values_beyond_declared_bounds_are_drawn_in_without_a_word() -> None:
    frame = people()
    encoder, _, table = bought(frame, schema=declared(age={"bounds": [30, 60]}, city={"categories": ["Oslo", "Rome"]}))
    encoded = encode_privately(encoder, table, np.random.default_rng(1))
    assert (encoded.codes >= 0).all()
    decoded = encoder.decode(encoded)
    assert decoded["age"].between(30, 60).all()
    assert set(decoded["city"]) == {"Oslo", "Rome"}


def test_rows_are_encoded_one_by_one() -> None:
    encoder, _, table = bought(people())
    whole = encode_privately(encoder, table, np.random.default_rng(4)).codes
    part = encode_privately(encoder, table.take(np.arange(500)), np.random.default_rng(4)).codes
    same = [j for j, slot in enumerate(encoder.slots) if not slot.continuous]
    assert np.array_equal(whole[:500, same], part[:, same])


def test_a_column_in_which_no_category_is_common_becomes_null() -> None:
    frame = pd.DataFrame({"code": [f"c{i}" for i in range(500)], "age": np.arange(500) % 60})
    encoder, _, table = bought(frame, schema={"columns": [{"name": "code", "kind": "categorical"}]})
    decoded = encoder.decode(encode_privately(encoder, table, np.random.default_rng(1)))
    assert decoded["code"].isna().all()


@pytest.mark.parametrize("numbers", [np.zeros(1000, np.int64), np.full(1000, -7), np.array([], np.int64)])
def test_bounds_of_columns_that_say_little(numbers: np.ndarray) -> None:
    guarded = Guarded(numbers, Ledger(Privacy(20.0, seed=1)))
    guarded.ledger.reserve("domain", 2.0)
    look = Look("domain", 10.0, "x")
    found = bounds(guarded, look)
    assert (found is None) == (not len(numbers))
    low, high = found or (0.0, 0.0)
    assert low <= high
    if len(numbers):
        assert low <= numbers.min()
        assert high >= numbers.max()
    edges, counts = bin_edges(guarded, low, max(high, low + 1), look, 1000.0, 10, True)
    assert (np.diff(edges) > 0).all()
    assert len(counts) == len(edges) - 1


def test_magnitudes_stand_out_together_where_none_does_alone() -> None:
    """Nine tenths are 0, the rest spread over eight magnitudes of which each is lost in the noise: half are found."""
    numbers = np.concatenate([np.zeros(9000), 2.0 ** np.repeat(np.arange(1, 9), 150)])
    guarded = Guarded(numbers, Ledger(Privacy(20.0, seed=1)))
    guarded.ledger.reserve("domain", 2.0)
    low, high = bounds(guarded, Look("domain", 60.0, "x")) or (1.0, 0.0)
    assert low == 0
    assert 32 <= high <= 2**12


def test_noise_alone_is_seldom_taken_for_magnitudes_or_decimals() -> None:
    empty = Guarded(np.empty(0), Ledger(Privacy(20.0, seed=2)))
    empty.ledger.reserve("domain", 3.0)
    look = Look("domain", 10.0, "x")
    assert sum(bounds(empty, look) is not None for _ in range(50)) <= 1
    whole = Cells(np.arange(5000.0), np.zeros(5000, dtype=bool))
    guarded = Guarded(whole, Ledger(Privacy(20.0, seed=3)))
    guarded.ledger.reserve("domain", 3.0)
    assert sum(decimals(guarded, look, 5000.0) != 0 for _ in range(50)) <= 1


def test_decimals_of_a_few_numbers_among_many_zeros_are_found() -> None:
    """As of rates of which four fifths are 0: the rest does not stand out of the sum of all counts, but of one."""
    rates = np.where(np.arange(9000) % 5, 0.0, np.arange(9000) / 9001)
    guarded = Guarded(Cells(rates.round(6), np.zeros(9000, dtype=bool)), Ledger(Privacy(20.0, seed=1)))
    guarded.ledger.reserve("domain", 2.0)
    assert decimals(guarded, Look("domain", 240.0, "x"), 9000.0) == 6


@pytest.mark.parametrize("spike", [0, 250_000, -1000])
def test_a_round_number_that_many_rows_share_comes_out_exactly(spike: int) -> None:
    """Ten cuts in four leave hundreds of numbers in the fullest bin; its roundest one is looked at by itself."""
    generator = np.random.default_rng(4)
    spread = generator.integers(-(2**29), 2**29, 4000)
    guarded = Guarded(np.concatenate([np.full(4000, spike), spread]), Ledger(Privacy(20.0, seed=1)))
    guarded.ledger.reserve("domain", 2.0)
    edges, counts = bin_edges(guarded, -(2**29), 2**29, Look("domain", 10.0, "x"), 8000.0, 20, True)
    place = int(np.argmax(counts))
    assert (edges[place], edges[place + 1]) == (spike - 0.5, spike + 0.5)
    assert counts[place] == pytest.approx(4000, abs=200)


def test_bins_hold_about_as_many_rows() -> None:
    numbers = np.random.default_rng(3).exponential(1000, 20_000)
    guarded = Guarded(numbers, Ledger(Privacy(20.0, seed=1)))
    guarded.ledger.reserve("domain", 2.0)
    edges, _ = bin_edges(guarded, 0.0, 2.0**14, Look("domain", 10.0, "x"), 20_000.0, 20, False)
    held = np.histogram(numbers, edges)[0]
    assert 15 <= len(held) <= 60
    assert held.max() <= 2 * 20_000 / 20


def test_the_plan_depends_on_the_schema_alone() -> None:
    """Noise is shared out before anything is looked at, so it is the same for any rows."""

    def plan(frame: pd.DataFrame) -> list[tuple[str, float | None, float]]:
        schema: Schema = Table.of(people()).schema
        ledger = Ledger(Privacy(1.0))
        PrivateDomain(Guarded(Table(frame, schema), ledger), schema, bins=8)
        return [(charge.stage, charge.sigma, charge.delta) for charge in ledger.charges]

    assert plan(people()) == plan(people(60, seed=3))


def with_rows(rows: int) -> tuple[Table, dict[str, Any]]:
    frame = people()[["age", "city", "married"]]
    schema = {"columns": [{"name": name, "public": PUBLIC[name]} for name in frame.columns], "public": {"rows": rows}}
    return Table.of(frame, schema), schema


def test_a_public_number_of_rows_is_not_bought() -> None:
    table, _ = with_rows(4321)
    ledger = Ledger(Privacy(1.0))
    domain = PrivateDomain(Guarded(table, ledger), table.schema, bins=8)
    assert domain.count == 4321
    assert not ledger.charges
    assert ledger.to_dict()["public_rows"] == 4321
    assert domain.encoder().rows == 4321


def test_a_delta_of_one_over_the_public_rows_is_refused_and_nothing_is_spent() -> None:
    table, _ = with_rows(4000)
    ledger = Ledger(Privacy(1.0, delta=1 / 4000))
    with pytest.raises(PrivacyError, match=r"not below one over the number of rows \(about 4,000\)"):
        PrivateDomain(Guarded(table, ledger), table.schema, bins=8)
    assert not ledger.charges
    PrivateDomain(Guarded(table, Ledger(Privacy(1.0, delta=0.9 / 4000))), table.schema, bins=8)


def test_a_delta_of_one_over_the_bought_rows_is_refused_and_the_message_tells_its_price() -> None:
    ledger = Ledger(Privacy(1.0, delta=9e-4, seed=1))
    with pytest.raises(PrivacyError, match=r"Counting them has cost epsilon = 0\.\d+\. Choose one far below"):
        PrivateDomain(Guarded(Table.of(people()), ledger), Table.of(people()).schema, bins=8)
    assert [charge.stage for charge in ledger.charges] == ["row count"]


def test_columns_of_which_nothing_is_found_are_named() -> None:
    frame = people(60)[["age", "city", "married"]]
    schema = {"columns": [{"name": "age", "public": {"bounds": [18, 90]}}]}
    model = make_model("mst").fit(frame, schema=schema, privacy=Privacy(0.1))
    assert model.ledger_ is not None
    assert model.ledger_["unknown"] == ["city"]
    assert "Of the values of 'city' nothing stood out of the noise" in model.notes[-1]
    assert model.sample(20, seed=1)["city"].isna().all()
    assert make_model("mst").fit(people()[["age", "city"]], privacy=Privacy(5.0)).ledger_["unknown"] == []  # type: ignore[index]


def towns(n: int = 6000) -> pd.DataFrame:
    """Three towns that most live in, and hundreds that a few people do."""
    generator = np.random.default_rng(2)
    common = generator.choice(["Rome", "Oslo", "Bonn"], n, p=[0.6, 0.3, 0.1])
    rare = np.array([f"village {k}" for k in generator.integers(0, 600, n)])
    return pd.DataFrame({"town": np.where(generator.random(n) < 0.3, rare, common)})


def test_values_too_rare_to_be_named_are_told_of_and_come_out_like_the_others() -> None:
    encoder, ledger, table = bought(towns())
    (share,) = ledger.to_dict()["unnamed"].values()
    assert share == pytest.approx(0.3, abs=0.05)
    encoded = encode_privately(encoder, table, np.random.default_rng(1))
    drawn = np.bincount(encoded.codes[:, 0])[:3] / len(encoded)
    # As many in each as among the named: the rare ones do not even them out.
    assert drawn == pytest.approx([0.6, 0.3, 0.1], abs=0.03)
    model = make_model("independent").fit(towns(), privacy=Privacy(10.0, seed=5))
    assert any("too rare to be told from noise, those of 'town' (about 3" in note for note in model.notes)


def test_where_every_value_is_named_nothing_is_told() -> None:
    _, ledger, _ = bought(people())
    assert ledger.unnamed == {}


def test_a_null_is_never_drawn_for_a_value_without_a_name() -> None:
    frame = towns()
    frame.loc[::4, "town"] = None
    encoder, _, table = bought(frame)
    slot = encoder.slots[0]
    assert slot.missing_code is not None
    encoded = encode_privately(encoder, table, np.random.default_rng(1))
    assert (encoded.codes[:, 0] == slot.missing_code).sum() == frame["town"].isna().sum()
