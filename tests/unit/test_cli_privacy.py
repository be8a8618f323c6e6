"""--epsilon on the command line: what it refuses, what it leaves, and what it spends."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthdata.cli import main
from synthdata.models.registry import load
from synthdata.privacy.ledger import read_ledger
from synthdata.runs.budget_store import BudgetStore

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Runs the command line in a folder with people.csv; gives exit code, output and the error stream."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SYNTHDATA_DEBUG", raising=False)
    monkeypatch.setenv("SYNTHDATA_BUDGET", str(tmp_path / "accounts" / "budget.sqlite"))
    generator = np.random.default_rng(1)
    n = 900
    age = generator.integers(18, 90, n)
    table = {"age": age, "sex": generator.choice(["F", "M"], n), "ill": generator.random(n) < age / 100}
    pd.DataFrame(table).to_csv("people.csv", index=False)

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["synthdata", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        code = stopped.value.code
        said = capsys.readouterr()
        return (0 if code is None else int(code)), said.out, said.err

    return call


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--epsilon", "0"], ["epsilon above 0"]),
        (["--epsilon", "-1"], ["epsilon above 0"]),
        (["--epsilon", "nan"], ["epsilon above 0"]),
        (["--epsilon", "1", "--delta", "0"], ["delta above 0"]),
        (["--epsilon", "1", "--delta", "0.001"], ["delta below 0.001"]),
        (["--delta", "1e-6"], ["--epsilon"]),
        (["--epsilon", "1", "--model", "trees"], ["no differentially private form", "aim", "mst"]),
        (["--epsilon", "1", "--split", "rows=0.5"], ["add up to 1"]),
        (["--epsilon", "1", "--split", "rows:0.5"], ["STAGE=SHARE"]),
        (["--epsilon", "1", "--split", "row=0.1,training=0.9"], ["Did you mean 'rows'"]),
        (["--epsilon", "1", "--split", "rows=nan,training=0.9"], ["add up to 1"]),
        (["--split", "rows=0.1,training=0.9"], ["without --epsilon"]),
        (["--epsilon", "1", "--model", "ami"], ["Did you mean 'aim'"]),
    ],
)
@pytest.mark.parametrize("verb", ["run", "fit"])
def test_what_promises_nothing_is_refused_and_costs_nothing(
    command: Command, tmp_path: Path, verb: str, options: list[str], words: list[str]
) -> None:
    model = [] if "--model" in options else ["--model", "mst"]
    code, _, message = command(verb, "people.csv", *model, *options, "--save" if verb == "fit" else "--out", "made")
    assert code == 2, message
    for word in words:
        assert word in message
    assert [path.name for path in tmp_path.iterdir()] == ["people.csv"]


@pytest.mark.parametrize(("options", "family"), [(["--epsilon", "3"], "auto"), ([], "boosted")])
def test_where_no_model_is_named_one_is_taken_that_can_keep_the_budget(
    command: Command, tmp_path: Path, options: list[str], family: str
) -> None:
    code, said, message = command("fit", "people.csv", *options, "--save", "made")
    assert code == 0, message
    assert load(tmp_path / "made").name == family
    assert ("'aim' was chosen" in said) == bool(options)
    assert ("Spent: epsilon" in said) == bool(options)


def test_a_fit_leaves_its_ledger_and_is_paid_from_the_account(command: Command, tmp_path: Path) -> None:
    code, said, message = command("fit", "people.csv", "--model", "mst", "--epsilon", "2", "--save", "model")
    assert code == 0, message
    assert "Spent: epsilon = 1.9" in said or "Spent: epsilon = 2," in said
    assert "for each row" in said
    ledger = read_ledger(tmp_path / "model" / "ledger.json")
    assert (ledger["epsilon"], ledger["delta"]) == (2.0, 1e-6)
    assert 1.9 < ledger["epsilon_spent"] <= 2.0
    assert ledger["private"] is True
    assert "operating system" in ledger["random_source"]
    code, said, _ = command("budget", "people.csv", "--cap", "3")
    assert code == 0
    assert f"epsilon = {ledger['epsilon_spent']:.4g}" in said
    assert "a cap of 3" in said
    code, _, message = command("fit", "people.csv", "--model", "mst", "--epsilon", "2", "--save", "second")
    assert code == 2
    assert "used up" in message
    assert not (tmp_path / "second").exists()
    code, _, message = command("run", "people.csv", "--model", "mst", "--epsilon", "2", "--out", "third")
    assert code == 2
    assert "used up" in message
    assert not (tmp_path / "third").exists()
    code, _, message = command("fit", "people.csv", "--model", "mst", "--epsilon", "1", "--save", "second")
    assert code == 0, message
    assert len(BudgetStore().account(fingerprint(tmp_path)).spendings) == 2
    code, said, _ = command("sample", "model", "-n", "50", "--given", "sex=F", "-o", "rows.csv")
    assert code == 0
    assert set(pd.read_csv("rows.csv")["sex"]) == {"F"}


def fingerprint(folder: Path) -> str:
    from synthdata import connectors
    from synthdata.table.table import Table

    return Table.of(connectors.read(str(folder / "people.csv")).frame).fingerprint()


def test_a_budget_is_shared_out_as_asked(command: Command, tmp_path: Path) -> None:
    options = [
        "--model",
        "mst",
        "--epsilon",
        "2",
        "--split",
        "rows=0.1,structure=0.1,domain=0.4,training=0.4",
        "--save",
        "model",
    ]
    code, _, message = command("fit", "people.csv", *options)
    assert code == 0, message
    ledger = read_ledger(tmp_path / "model" / "ledger.json")
    assert ledger["split"] == {"rows": 0.1, "structure": 0.1, "domain": 0.4, "training": 0.4}
    mu = {charge["stage"]: charge["sensitivity"] / charge["sigma"] for charge in ledger["charges"] if "sigma" in charge}
    # In squares of the Gaussian parameter.
    assert mu["domain"] ** 2 == pytest.approx(4 * mu["row count"] ** 2, rel=0.02)
    assert mu["structure"] ** 2 == pytest.approx(mu["row count"] ** 2, rel=0.02)
    assert 1.9 < ledger["epsilon_spent"] <= 2.0


def test_a_public_number_of_rows_with_a_delta_above_one_over_it_spends_nothing(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / "schema.json").write_text(json.dumps({"columns": [], "public": {"rows": 900}}))
    options = ["--model", "mst", "--epsilon", "1", "--schema", "schema.json"]
    code, _, message = command("fit", "people.csv", *options, "--delta", "9.9e-4", "--save", "model")
    assert code == 0, message
    pd.concat([pd.read_csv("people.csv")] * 2).to_csv("people.csv", index=False)
    (tmp_path / "schema.json").write_text(json.dumps({"columns": [], "public": {"rows": 1800}}))
    code, _, message = command("fit", "people.csv", *options, "--delta", "9.9e-4", "--save", "second")
    assert code == 2
    assert "one over the number of rows (about 1,800)" in " ".join(message.split())
    assert not (tmp_path / "second").exists()
    assert BudgetStore().account(fingerprint(tmp_path)).epsilon == 0


def test_a_run_says_what_epsilon_covers_and_what_not(command: Command, tmp_path: Path) -> None:
    code, _, message = command(
        "run", "people.csv", "--model", "mst", "--epsilon", "3", "--out", "result", "--seed", "1"
    )
    assert code in (0, 1), message
    told = json.loads((tmp_path / "result" / "report.json").read_text())["privacy"]["dp"]
    ledger = read_ledger(tmp_path / "result" / "ledger.json")
    assert told["epsilon_spent"] == ledger["epsilon_spent"] <= 3.0
    assert "not covered by epsilon" in told["internal"]
    assert told["charges"] == ledger["charges"]
    assert (tmp_path / "result" / "model" / "ledger.json").exists()
    # As many rows as were bought, not as many as there are.
    assert abs(len(pd.read_parquet("result/synthetic.parquet")) - 900) < 300


def test_auto_under_a_budget_makes_the_whole_line(command: Command, tmp_path: Path) -> None:
    """The model that it chooses may lack abilities that others have."""
    code, _, message = command("run", "people.csv", "--model", "auto", "--epsilon", "3", "--out", "result")
    assert code in (0, 1), message
    assert read_ledger(tmp_path / "result" / "ledger.json")["epsilon_spent"] <= 3.0
    notes = json.loads((tmp_path / "result" / "report.json").read_text())["notes"]
    assert any("was chosen: it keeps the privacy budget" in note for note in notes)


VISITS = {"columns": [{"name": "person", "kind": "id", "role": "sequence key"}]}


def test_persons_are_protected_where_the_schema_names_them(command: Command, tmp_path: Path) -> None:
    frame = pd.read_csv("people.csv")
    frame.insert(0, "person", [f"P{i % 300:03d}" for i in range(len(frame))])
    frame.to_csv("people.csv", index=False)
    (tmp_path / "visits.json").write_text(json.dumps(VISITS))
    options = ["--model", "mst", "--epsilon", "3", "--schema", "visits.json", "--rows-per-person", "2"]
    code, _, message = command("run", "people.csv", *options, "--out", "result")
    assert code in (0, 1), message
    ledger = read_ledger(tmp_path / "result" / "ledger.json")
    assert (ledger["unit"], ledger["rows_per_unit"]) == ("person", 2)
    assert "at most 2 of them are kept, chosen at random" in ledger["unit_bound"]
    paid = [charge for charge in ledger["charges"] if charge["mechanism"] == "discrete gaussian"]
    assert paid
    assert all(charge["sensitivity"] == 2 for charge in paid if charge["stage"] != "structure")
    # One look tells the kinds of all four columns: each row changes four counts.
    assert [charge["sensitivity"] for charge in paid if charge["stage"] == "structure"] == [2 * 4**0.5]
    page = (tmp_path / "result" / "report.html").read_text()
    assert "any one person of the source" in page
    assert "at most 2 of them are kept" in page
    # Of each of 300 persons two of three rows count.
    assert 300 < len(pd.read_parquet("result/synthetic.parquet")) < 900


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--epsilon", "1", "--rows-per-person", "0"], "from 1 to 1000"),
        (["--rows-per-person", "2"], "without --epsilon"),
        (["--epsilon", "1", "--rows-per-person", "2"], "no column says whose a row is"),
    ],
)
def test_rows_per_person_that_mean_nothing_are_refused(
    command: Command, tmp_path: Path, options: list[str], words: str
) -> None:
    code, _, message = command("fit", "people.csv", "--model", "mst", *options, "--save", "made")
    assert code == 2
    assert words in " ".join(message.split())
    assert not (tmp_path / "made").exists()
    assert BudgetStore().account(fingerprint(tmp_path)).epsilon == 0


def test_a_fit_that_fails_has_spent_what_it_looked_at(command: Command, tmp_path: Path) -> None:
    options = ["--model", "mst", "--epsilon", "1", "--delta", "9e-4", "--save", "model"]
    pd.concat([pd.read_csv("people.csv")] * 4).to_csv("people.csv", index=False)
    code, _, message = command("fit", "people.csv", *options)
    assert code == 2
    assert "one over the number of rows" in message
    account = BudgetStore().account(fingerprint(tmp_path))
    assert [spending.state for spending in account.spendings] == ["spent"]
    # The number of rows was bought, and nothing else.
    assert 0 < account.epsilon < 0.2
    assert not (tmp_path / "model").exists()


def test_an_unknown_place_of_accounts_stops_the_fit(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("SYNTHDATA_BUDGET", str(tmp_path / "file" / "b.sqlite"))
    code, _, message = command("fit", "people.csv", "--model", "mst", "--epsilon", "1", "--save", "model")
    assert code == 2
    assert "without a record nothing is spent" in message
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    "options", [["--protected", "gender"], ["--target", "sexx"], ["--out", "taken"], ["--schema", "other.json"]]
)
def test_what_names_alone_can_tell_costs_nothing(command: Command, tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").write_text("mine")
    (tmp_path / "other.json").write_text(json.dumps({"columns": [{"name": "sexx", "kind": "categorical"}]}))
    code, _, message = command("run", "people.csv", "--model", "mst", "--epsilon", "1", *options)
    assert code == 2, message
    assert BudgetStore().account(fingerprint(tmp_path)).epsilon == 0
