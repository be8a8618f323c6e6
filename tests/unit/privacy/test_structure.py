"""Kinds of columns under a budget: what they cost, what comes out, and that no single row decides them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthdata import connectors
from synthdata.errors import PrivacyError, SchemaError
from synthdata.models.registry import make_model
from synthdata.privacy.ledger import Ledger, Privacy
from synthdata.privacy.structure import STAGE, decide, understood
from synthdata.table.conform import with_room_for_nulls
from synthdata.table.forms import FORMS, form_counts

N = 3000


def visits(rows: int = N) -> pd.DataFrame:
    generator = np.random.default_rng(3)
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(generator.integers(0, 900, rows), unit="D")
    return pd.DataFrame(
        {
            "visit_id": np.arange(rows) + 10_000,
            "age": generator.integers(18, 90, rows),
            "weight": generator.normal(70, 9, rows).round(1),
            "smoker": generator.integers(0, 2, rows),
            "ward": generator.choice(["A", "B", "C"], rows),
            "day": days.strftime("%d.%m.%Y"),
            "seen": generator.choice(["true", "false"], rows),
            "e_mail": [f"p{i}@example.com" for i in range(rows)],
        }
    )


def written(frame: pd.DataFrame, folder: Path) -> connectors.Loaded:
    """A file as a private run reads it: every cell as text."""
    frame.to_csv(folder / "visits.csv", index=False)
    text = connectors.read_text(folder / "visits.csv")
    assert text is not None
    return replace(connectors.read(folder / "visits.csv"), frame=text)


def kinds(loaded: connectors.Loaded, declared: dict[str, object] | None = None, epsilon: float = 2.0) -> dict[str, str]:
    ledger = Ledger(Privacy(epsilon, seed=0))
    table = understood(loaded.frame, declared, ledger, typed=loaded.typed)
    return {column.name: f"{column.kind} {column.dtype}" for column in table.schema}


EXPECTED = {
    "visit_id": "id Int64",
    "age": "numerical Int64",
    "weight": "numerical float64",
    "smoker": "categorical Int64",
    "ward": "categorical object",
    "day": "datetime object",
    "seen": "boolean boolean",
    "e_mail": "id object",
}


def test_a_file_of_text_is_understood_from_noisy_counts(tmp_path: Path) -> None:
    loaded = written(visits(), tmp_path)
    assert not loaded.typed
    ledger = Ledger(Privacy(2.0))
    table = understood(loaded.frame, None, ledger, typed=False)
    assert {column.name: f"{column.kind} {column.dtype}" for column in table.schema} == EXPECTED
    assert table.schema["day"].format == "%d.%m.%Y"
    assert [charge.stage for charge in ledger.charges] == [STAGE]
    # Eight columns' forms, and the distinct values of the one that is named like an identifier.
    assert ledger.charges[0].sensitivity == pytest.approx(9**0.5)
    assert ledger.charges[0].mu ** 2 == pytest.approx(0.02 / 0.005 * ledger.mu_of("rows") ** 2, rel=1e-6)
    assert ledger.structure["day"] == "%d.%m.%Y"


def test_one_row_that_fits_nowhere_changes_nothing_but_nulls(tmp_path: Path) -> None:
    """Without noise this row would make text of every column, and the reading of the file does."""
    strange = pd.DataFrame([dict.fromkeys(visits(1).columns, "unknown, ask Ann")])
    loaded = written(pd.concat([visits(), strange]), tmp_path)
    assert connectors.read(tmp_path / "visits.csv").frame["age"].dtype == object
    assert kinds(loaded) == EXPECTED
    table = understood(loaded.frame, None, Ledger(Privacy(2.0)), typed=False)
    plain = understood(written(visits(), tmp_path).frame, None, Ledger(Privacy(2.0)), typed=False)
    pd.testing.assert_frame_equal(table.frame.iloc[:N], plain.frame, check_dtype=False)
    assert table.frame.iloc[N].drop(["ward", "e_mail", "visit_id"]).isna().all()


def test_a_row_changes_the_counts_of_a_file_by_one_however_it_is_read(tmp_path: Path) -> None:
    """Types of columns depend on all cells; here separators go and zeros after the point are read, cell by cell."""
    frame = pd.DataFrame(
        {"cost": ["1,234", "2,500.0", "7.5"] * 5, "n": ["1", "2.0", "30"] * 5, "id": [str(2**62)] * 15}
    )
    strange = pd.DataFrame([dict.fromkeys(frame.columns, "unknown")])
    before, after = written(frame, tmp_path).frame, written(pd.concat([frame, strange]), tmp_path).frame
    for name in frame.columns:
        difference = form_counts(after[name]) - form_counts(before[name])
        assert difference.sum() == 1
        assert np.count_nonzero(difference) == 1
    assert before["cost"].tolist()[:3] == ["1234", "2500.0", "7.5"]


def test_durations_in_words_are_read_without_a_format(tmp_path: Path) -> None:
    frame = pd.DataFrame({"stay": [f"{days} days, 4:05:06" for days in range(2, 12)] * 300})
    table = understood(written(frame, tmp_path).frame, None, Ledger(Privacy(2.0)), typed=False)
    assert table.schema["stay"].kind == "timedelta"
    assert not table.cells("stay").missing.any()


def test_words_for_nulls_are_nulls_in_every_column_of_text(tmp_path: Path) -> None:
    frame = visits().astype(object)
    frame.loc[:9, ["age", "ward"]] = "?"
    table = understood(written(frame, tmp_path).frame, None, Ledger(Privacy(2.0)), typed=False)
    assert table.frame["ward"].isna().sum() == table.frame["age"].isna().sum() == 10


def test_a_source_with_types_pays_only_for_what_they_do_not_say() -> None:
    frame = visits()[["age", "weight"]].assign(day=pd.to_datetime("2020-01-05"), sex=pd.Categorical(["f"] * N))
    ledger = Ledger(Privacy(2.0))
    table = understood(frame, None, ledger)
    assert set(ledger.structure) == {"age", "day"}
    assert table.schema["day"].unit == "day"
    assert table.schema["weight"].dtype == "float64"
    ledger = Ledger(Privacy(2.0))
    understood(frame[["weight", "sex"]], None, ledger)
    assert not ledger.charges


def test_what_is_declared_is_not_bought(tmp_path: Path) -> None:
    loaded = written(visits()[["age", "ward", "day"]], tmp_path)
    declared = {
        "columns": [
            {"name": "age", "kind": "numerical", "dtype": "Int64"},
            {"name": "ward", "dtype": "object", "public": {"categories": ["A", "B", "C"]}},
            {"name": "day", "kind": "datetime", "dtype": "object", "format": "%d.%m.%Y"},
        ]
    }
    ledger = Ledger(Privacy(1.0))
    table = understood(loaded.frame, declared, ledger, typed=False)
    assert not ledger.charges
    assert [column.kind for column in table.schema] == ["numerical", "categorical", "datetime"]
    ledger = Ledger(Privacy(1.0))
    understood(loaded.frame, {"columns": declared["columns"][:2]}, ledger, typed=False)
    assert set(ledger.structure) == {"day"}


def test_few_rows_that_nothing_can_be_said_of_are_words(tmp_path: Path) -> None:
    found = kinds(written(visits(60), tmp_path), epsilon=0.1)
    # A name may still say that a column holds personal data.
    assert found == {name: "id object" if name == "e_mail" else "categorical object" for name in found}


def test_mistakes_of_the_declaration_cost_nothing(tmp_path: Path) -> None:
    loaded = written(visits(), tmp_path)
    for declared in ({"columns": [{"name": "agee"}]}, {"columns": [{"name": "age", "kind": "number"}]}):
        ledger = Ledger(Privacy(1.0))
        with pytest.raises(SchemaError):
            understood(loaded.frame, declared, ledger, typed=False)
        assert not ledger.charges
    split = {"rows": 0.1, "domain": 0.1, "training": 0.8}
    ledger = Ledger(Privacy(1.0, split=split))
    with pytest.raises(PrivacyError, match="nothing for the stage 'structure'"):
        understood(loaded.frame, None, ledger, typed=False)
    assert not ledger.charges


def test_a_name_makes_no_identifier_of_what_many_rows_share() -> None:
    frame = pd.DataFrame({"team_id": ["ABC", "DEF", "GHI"] * 1000, "player_id": [f"p{i}" for i in range(3000)]})
    ledger = Ledger(Privacy(2.0))
    table = understood(frame, None, ledger)
    assert [column.kind for column in table.schema] == ["categorical", "id"]
    assert ledger.structure == {"team_id": "words", "player_id": "words, hardly repeated"}


def test_days_and_months_are_told_apart_by_the_cells_that_can_tell() -> None:
    for day_first in (True, False):
        counts = np.zeros(len(FORMS))
        counts[FORMS.index("%m/%d/%Y")] = 390 if day_first else 1000
        counts[FORMS.index("%d/%m/%Y")] = 610 if day_first else 0
        assert decide(counts, 5.0) == ("%d/%m/%Y" if day_first else "%m/%d/%Y")


def test_a_few_fractions_that_noise_hides_leave_whole_numbers_whole() -> None:
    counts = np.zeros(len(FORMS))
    counts[FORMS.index("whole number")], counts[FORMS.index("number")] = 1000, 20
    assert decide(counts, 10.0) == "whole number"
    assert decide(counts, 1.0) == "number"


def test_a_model_fitted_to_a_frame_buys_its_kinds_and_keeps_the_budget() -> None:
    model = make_model("independent").fit(visits(), privacy=Privacy(1.0))
    assert model.ledger_ is not None
    assert model.ledger_["charges"][0]["stage"] == STAGE
    assert model.ledger_["epsilon_spent"] <= 1.0
    made = model.sample(200, seed=1)
    assert made["day"].str.fullmatch(r"\d\d\.\d\d\.\d{4}").all()
    assert set(made["smoker"]) <= {0, 1}


def test_the_only_null_of_a_column_changes_no_storage(tmp_path: Path) -> None:
    frame = visits()[["age", "smoker"]]
    with_null = frame.astype({"age": "Int64"})
    with_null.loc[0, "age"] = None
    found = []
    for number, each in enumerate((frame, with_null)):
        each.to_parquet(tmp_path / f"{number}.parquet")
        loaded = connectors.read(tmp_path / f"{number}.parquet")
        table = understood(with_room_for_nulls(loaded.frame), None, Ledger(Privacy(2.0)), typed=loaded.typed)
        found.append([(column.kind, column.dtype) for column in table.schema])
    assert found[0] == found[1] == [("numerical", "Int64"), ("categorical", "Int64")]
