"""The encoder of whole tables: round trips, state, and what it says of itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthdata.encoders.base import UNSEEN, State
from synthdata.encoders.table_encoder import TableEncoder
from synthdata.errors import ModelError, SchemaError
from synthdata.table.table import Table
from synthdata.testing.tables import MIXED_SCHEMA, mixed, storages


def encoded(frame: pd.DataFrame, schema: object, **options: object) -> tuple:
    table = Table.of(frame, schema)  # type: ignore[arg-type]
    encoder = TableEncoder(**options).fit(table, np.random.default_rng(0))  # type: ignore[arg-type]
    return table, encoder, encoder.encode(table, np.random.default_rng(1))


@pytest.mark.parametrize("transform", ["quantile", "uniform", "standard"])
def test_there_and_back(transform: str) -> None:
    table, encoder, rows = encoded(mixed(1000), MIXED_SCHEMA, transform=transform)
    back = encoder.decode(rows)
    pd.testing.assert_series_equal(back.dtypes, table.frame.dtypes)
    assert (back.isna() == table.frame.isna()).all(axis=None)
    for name in ("sex", "grade", "member", "answer", "age", "children"):
        assert (back[name].astype(object) == table.frame[name].astype(object))[table.frame[name].notna()].mean() > 0.98
    assert (back["weight"] - table.frame["weight"]).abs().max() < 5
    assert (rows.codes >= 0).all()
    assert (np.isnan(rows.values) == (rows.codes != 0) | ~np.array([s.continuous for s in rows.slots])).all()


def test_uniform_values_stay_in_the_unit_interval() -> None:
    _, _, rows = encoded(mixed(1000), MIXED_SCHEMA, transform="uniform")
    values = rows.values[~np.isnan(rows.values)]
    assert values.min() >= 0
    assert values.max() <= 1


def test_the_number_line_orders_cells_as_the_table_does() -> None:
    table, encoder, rows = encoded(mixed(1000), MIXED_SCHEMA)
    line = rows.number_line()
    for name in ("age", "amount", "joined"):
        cells = table.frame[name].astype("int64") if name == "joined" else table.frame[name]
        assert cells.corr(pd.Series(line[:, encoder.position(name)]), method="spearman") > 0.999
    assert np.isnan(line[:, encoder.position("sex")]).all()
    assert not np.isnan(line[:, encoder.position("grade")]).any()


def test_state_and_back_encodes_and_decodes_alike() -> None:
    for frame, schema in (storages(), (mixed(), MIXED_SCHEMA)):
        table, encoder, rows = encoded(frame, schema)
        state = encoder.state()
        again = TableEncoder.from_state(State(state.config, {k: v.copy() for k, v in state.arrays.items()}))
        pd.testing.assert_frame_equal(again.decode(rows), encoder.decode(rows))
        other = again.encode(table, np.random.default_rng(1))
        np.testing.assert_array_equal(other.codes, rows.codes)
        np.testing.assert_array_equal(other.values, rows.values)
        assert again.describe() == encoder.describe()


def test_notes_speak_of_rare_cells_in_counts_only() -> None:
    frame = mixed(600)
    frame.loc[3, "sex"] = "Zyzzogeton"
    _, encoder, _ = encoded(frame, MIXED_SCHEMA)
    note = next(note for note in encoder.notes if "'sex'" in note)
    assert "1 more" in note
    assert "Zyzzogeton" not in "".join(encoder.notes)


def test_what_is_not_modelled_is_described_too() -> None:
    frame = mixed().assign(key=np.arange(400))
    schema = {"columns": [*MIXED_SCHEMA["columns"], {"name": "key", "kind": "id", "role": "key"}]}
    _, encoder, _ = encoded(frame, schema)
    assert encoder.describe()[-1]["note"] == "made up afresh, not learnt"
    assert [row["name"] for row in encoder.describe()] == list(frame.columns)
    with pytest.raises(SchemaError, match="no modelled column 'key'"):
        encoder.position("key")


def test_without_a_generator_nothing_is_random_or_invented() -> None:
    table, encoder, _ = encoded(mixed(1000), MIXED_SCHEMA)
    frame = table.frame.copy()
    frame.loc[0, "sex"] = "unknown"
    first, second = (encoder.encode(Table(frame, table.schema), None) for _ in range(2))
    np.testing.assert_array_equal(first.values, second.values)
    assert first.codes[0, encoder.position("sex")] == UNSEEN
    assert encoder.log_unseen(first)[0] == pytest.approx(np.log(1 / 1002))
    assert ((encoder.log_unseen(first) == 0) == (first.codes >= 0).all(axis=1)).all()


def test_a_threshold_below_one_is_refused() -> None:
    with pytest.raises(ModelError, match="rare_threshold"):
        TableEncoder(rare_threshold=0)


def test_nulls_of_personal_data_come_as_often_as_they_were() -> None:
    mails = pd.Series([f"a{i}@real.example" if i % 4 else None for i in range(400)], dtype=object)
    schema = {"columns": [*MIXED_SCHEMA["columns"], {"name": "mail", "kind": "text", "pii": "email", "nullable": True}]}
    _, encoder, rows = encoded(mixed().assign(mail=mails), schema)
    whole = encoder.add_generated(encoder.decode(rows), np.random.default_rng(2))
    assert list(whole.columns)[-1] == "mail"
    assert abs(whole["mail"].isna().mean() - 0.25) < 0.08
    assert not whole["mail"].isin(mails.dropna()).any()
