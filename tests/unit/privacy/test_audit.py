"""The audit's lower limit: right for mechanisms whose ε is known, and able to refute a false claim."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthdata.auditing import audit_model
from synthdata.cli import main
from synthdata.errors import InfeasibleError, PrivacyError, SynthdataError
from synthdata.privacy import audit as auditing
from synthdata.privacy import bounds, private_table
from synthdata.privacy.audit import audit, lower_bound, most_refutable, p_value
from synthdata.privacy.canaries import canaries
from synthdata.table.infer import infer
from synthdata.table.table import Table

CITIES, JOBS = list("ABCDEFGH"), list("uvwxyz")
SCHEMA: dict[str, Any] = {
    "columns": [
        {"name": "age", "public": {"bounds": [0, 119], "nullable": False}},
        {"name": "city", "public": {"categories": CITIES, "nullable": False}},
        {"name": "job", "public": {"categories": JOBS, "nullable": False}},
        {"name": "income", "public": {"bounds": [0, 200_000], "nullable": False, "decimals": 0}},
        {"name": "ill", "public": {"nullable": False}},
        {"name": "score", "public": {"bounds": [0, 100], "nullable": False, "decimals": 1}},
    ]
}


def people(n: int = 1500) -> pd.DataFrame:
    generator = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "age": generator.integers(18, 90, n),
            "city": generator.choice(CITIES, n, p=[0.4, 0.3, 0.1, 0.1, 0.05, 0.03, 0.01, 0.01]),
            "job": generator.choice(JOBS, n),
            "income": generator.lognormal(10, 0.5, n).round().clip(0, 200_000),
            "ill": generator.random(n) < 0.3,
            "score": generator.normal(50, 10, n).round(1).clip(0, 100),
        }
    )


@pytest.mark.parametrize(("canaries", "most"), [(20, 1.8), (50, 2.8), (100, 3.5), (1000, 5.8)])
def test_perfect_guesses_refute_what_the_paper_says(canaries: int, most: float) -> None:
    assert most_refutable(canaries) == pytest.approx(most, abs=0.06)
    assert lower_bound(canaries, canaries, canaries) == pytest.approx(most, abs=0.06)


@pytest.mark.parametrize("epsilon", [0.0, 1.0, 3.0])
def test_randomised_response_is_bounded_rightly_in_nearly_all_runs(epsilon: float) -> None:
    """Coins told with probability e^ε / (e^ε + 1) have that ε exactly; two looks at them are the worst for an audit."""
    generator = np.random.default_rng(round(epsilon * 10) + 1)
    truth, wrong, found = math.exp(epsilon) / (math.exp(epsilon) + 1), 0, []
    for _ in range(400):
        coins = generator.random(400) < 0.5
        scores = {}
        for name in ("black box", "white box"):
            told = np.where(generator.random(400) < truth, coins, ~coins)
            scores[name] = ("", told + generator.random(400) * 0.5)
        found.append(audit(scores, coins, epsilon, 0.0).lower)
        wrong += found[-1] > epsilon
    # 5 % of 400 are 20; 37 or more would come with a probability below 1e-3 if they were 5 %.
    assert wrong < 37
    assert float(np.median(found)) > 0.6 * epsilon - 0.01


def test_delta_makes_a_bound_more_careful_and_is_counted_once() -> None:
    assert p_value(100, 100, 90, 1.0, 0.0) < p_value(100, 100, 90, 1.0, 1e-4) < p_value(100, 100, 90, 1.0, 1e-2)
    # With i = 1 alone the term is 2 m δ P(v - 1 right).
    from scipy.stats import binom

    alone = binom.sf(89, 100, 0.5) + 2 * 100 * 1e-4 * binom.pmf(89, 100, 0.5)
    assert p_value(100, 100, 90, 0.0, 1e-4) >= alone
    assert lower_bound(100, 100, 90, 1e-3) < lower_bound(100, 100, 90)
    assert p_value(20, 20, 0, 1.0, 1e-6) == 1.0


def test_the_choice_among_attacks_and_numbers_of_guesses_is_paid_for() -> None:
    coins = np.arange(100) % 2 == 0
    single = audit({"black box": ("", coins.astype(float))}, coins, 1.0, 0.0)
    double = audit({name: ("", coins.astype(float)) for name in ("black box", "white box")}, coins, 1.0, 0.0)
    assert single.refuted
    assert single.lower == pytest.approx(lower_bound(100, 100, 100, alpha=0.05 / 3))
    assert double.lower == double.refutable == pytest.approx(lower_bound(100, 100, 100, alpha=0.05 / 6))
    assert len(double.attacks) * len(auditing.SHARES) == double.to_dict()["tests"] == 6


def test_canaries_are_in_the_domain_and_no_real_rows() -> None:
    table = Table.of(people(), SCHEMA)
    made = canaries(table, 100, np.random.default_rng(1))
    Table.of(made.frame, made.schema)  # strict: bounds and categories hold
    assert len(made) == 100
    assert len(made.frame.drop_duplicates()) == 100
    assert not len(made.frame.merge(table.frame))
    assert list(made.frame.dtypes) == list(table.frame.dtypes)


def test_canaries_keep_rules_or_the_audit_says_it_cannot() -> None:
    frame = people(300)
    inferred = infer(frame).schema
    within = {"type": "range", "column": "age", "minimum": 30, "maximum": 60}
    made = canaries(Table(frame, inferred.model_copy(update={"rules": (within,)})), 20, np.random.default_rng(1))
    assert made.frame["age"].between(30, 60).all()
    never = {"type": "range", "column": "age", "minimum": 300, "maximum": 400}
    with pytest.raises(InfeasibleError, match="keep the table's rules"):
        canaries(Table(frame, inferred.model_copy(update={"rules": (never,)})), 20, np.random.default_rng(1))


@pytest.mark.parametrize("model", ["mst", "independent", "aim"])
def test_missing_noise_is_found_by_the_white_box(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(sigma: float, n: int, entropy: Any) -> np.ndarray:
        return np.zeros(n, dtype=np.int64)

    monkeypatch.setattr(private_table, "discrete_gaussian", none)
    monkeypatch.setattr(bounds, "discrete_gaussian", none)
    found = [audit_model(people(), model, 1.0, canary_count=200, schema=SCHEMA, seed=s).result for s in range(3)]
    assert all(result.lower > 1.0 and result.refuted for result in found), [result.lower for result in found]


def test_missing_noise_of_gradients_alone_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from synthdata.models.registry import make_model
    from synthdata.privacy.dpsgd import NoisySteps

    def none(steps: Any, weights: Any, device: Any) -> list[Any]:
        return [weight.new_zeros(weight.shape) for weight in weights]

    monkeypatch.setattr(NoisySteps, "_noise", none)
    model = make_model("autoregressive", ["epochs=3", "width=8", "cell_width=8", "device=cpu"])
    found = audit_model(people(400), model, 1.0, canary_count=200, schema=SCHEMA, seed=1).result
    assert {attack.name: attack.epsilon > 1.0 for attack in found.attacks}["white box, gradients"]


@pytest.mark.parametrize("model", ["mst", "independent"])
def test_an_honest_model_is_not_refuted(model: str) -> None:
    found = [audit_model(people(600), model, 1.0, canary_count=100, schema=SCHEMA, seed=s).result for s in range(4)]
    assert all({attack.name for attack in result.attacks} == {"black box", "white box"} for result in found)
    assert sum(result.refuted for result in found) <= 1


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SYNTHDATA_BUDGET", str(tmp_path / "accounts" / "budget.sqlite"))
    monkeypatch.delenv("SYNTHDATA_DEBUG", raising=False)
    people(800).to_csv("people.csv", index=False)
    Path("schema.json").write_text(json.dumps({"version": 1, **SCHEMA}))

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["synthdata", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr()
        return int(stopped.value.code or 0), said.out, said.err

    return call


def test_the_command_writes_counts_and_nothing_else(command: Any, tmp_path: Path) -> None:
    options = ["--schema", "schema.json", "--model", "mst", "--epsilon", "2", "--canaries", "50", "--seed", "3"]
    code, said, message = command("audit", "people.csv", *options, "-o", "audited")
    assert code in (0, 1), message
    assert "could have been shown" in said or "Refuted" in said
    assert [path.name for path in (tmp_path / "audited").iterdir()] == ["audit.json"]
    facts = json.loads((tmp_path / "audited" / "audit.json").read_text())
    assert (facts["version"], facts["edition"], facts["canaries"]) == (1, "internal", 50)
    assert facts["claimed"] == {"epsilon": 2.0, "delta": 1e-6}
    assert facts["ledger"]["epsilon_spent"] <= 2.0
    assert facts["refutable"] == pytest.approx(most_refutable(50, 1e-6, 0.05 / 6))
    # Thrown away: no account was charged.
    assert not (tmp_path / "accounts").exists()


def test_the_report_of_a_run_shows_its_audit(command: Any, tmp_path: Path) -> None:
    options = ["--schema", "schema.json", "--model", "mst", "--epsilon", "2"]
    code, _, message = command("run", "people.csv", *options, "--out", "made", "--seed", "1")
    assert code in (0, 1), message
    code, _, message = command("audit", "people.csv", *options, "--canaries", "20", "-o", "made")
    assert code in (0, 1), message
    report = json.loads((tmp_path / "made" / "report.json").read_text())
    assert report["privacy"]["audit"] == json.loads((tmp_path / "made" / "audit.json").read_text())
    page = (tmp_path / "made" / "report.html").read_text()
    assert "an attempt to refute" in page
    assert "which ε does not cover" in page
    code, _, message = command("audit", "people.csv", *options[:-1], "1", "-o", "made")
    assert code == 2
    assert "does not claim epsilon = 1" in message


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model", "mst", "--epsilon", "0"], "epsilon above 0"),
        (["--model", "mst", "--epsilon", "1", "--delta", "0.1"], "delta below 0.001"),
        (["--model", "mst", "--epsilon", "1", "--canaries", "3"], "10 canaries or more"),
        (["--model", "trees", "--epsilon", "1"], "no differentially private form"),
        (["--model", "mst", "--epsilon", "1", "-o", "people.csv"], "is a file"),
    ],
)
def test_bad_input_of_an_audit_is_refused(command: Any, options: list[str], words: str) -> None:
    code, _, message = command("audit", "people.csv", *options)
    assert code == 2
    assert words in message


def test_an_audit_is_refused_for_another_tables_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = {"version": 1, "model": "mst", "fingerprint": "another"}
    (tmp_path / "run.json").write_text(json.dumps(record))
    with pytest.raises(SynthdataError, match="of another table"):
        audit_model(people(100), "mst", 1.0, out=tmp_path)
    with pytest.raises(PrivacyError, match="canaries or more"):
        audit_model(people(100), "mst", 1.0, canary_count=2)
