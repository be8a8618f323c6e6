"""What a reader is told in words follows from the facts."""

from __future__ import annotations

import copy
import io

import pytest
from rich.console import Console
from unit.reporting.sample_report import sample_facts

from synthdata.reporting import words
from synthdata.reporting.figure import Figure
from synthdata.reporting.report import Report, terminal_summary


def facts_with(state: str, verdict: str) -> dict[str, object]:
    facts = sample_facts()
    facts["verdict"] = verdict
    facts["privacy"]["verdict"]["state"] = state
    if verdict != "pass":
        facts["policy"]["rules"][0] |= {"met": False, "level": verdict}
    return facts


@pytest.mark.parametrize("verdict", ["pass", "warn", "fail"])
def test_a_leak_is_a_no_whatever_else_holds(verdict: str) -> None:
    report = Report(facts_with("leak found", verdict))
    assert words.opening(report).answer.startswith("No")
    assert words.tone(report) == "fail"


@pytest.mark.parametrize("verdict", ["pass", "warn"])
def test_what_could_not_be_judged_is_no_yes(verdict: str) -> None:
    report = Report(facts_with("cannot tell", verdict))
    assert "yes" not in words.opening(report).answer.lower()
    assert words.tone(report) == "warn"


def test_pass_warn_and_fail_read_differently() -> None:
    answers = [
        words.opening(Report(facts_with("no leak found", verdict))).answer for verdict in ("pass", "warn", "fail")
    ]
    assert answers[0].startswith("Yes")
    assert answers[1].startswith("Yes, with care")
    assert answers[2].startswith("Not")


def test_caveats_name_what_was_not_done() -> None:
    alone = " ".join(words.caveats(Report(sample_facts(holdout=False, model=None))))
    assert "no holdout" in alone
    assert "nearness to training rows" in alone
    assert "predictive score" in alone.lower()
    private = sample_facts()
    private["privacy"]["dp"] = {"epsilon": 1.0, "delta": 1e-6}
    report = Report(private)
    assert "No mathematical guarantee" not in " ".join(words.caveats(report))
    assert "ε = 1" in " ".join(words.promises(report))


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("/srv/data/adult.csv", "adult.csv"),
        ("data/parts/", "parts"),
        ("C:\\data\\a.csv", "a.csv"),
        ("sklearn:wine", "sklearn:wine"),
        ("postgresql://ann:***@db/shop", "postgresql://ann:***@db/shop"),
        ("/", "/"),
        ("", "census-trees"),
    ],
)
def test_the_title_is_the_file_alone(source: str, title: str) -> None:
    facts = sample_facts()
    facts["run"]["source"] = source
    assert words.title(Report(facts)) == title


def test_methods_tell_what_was_done() -> None:
    text = " ".join(words.methods(Report(sample_facts())))
    for part in ("census.csv", "48,842 rows", "9,768 rows were set aside", "“trees”", "seed 20260301", "numpy 2.4.6"):
        assert part in text
    assert "outside this program" in " ".join(words.methods(Report(sample_facts(model=None))))


@pytest.mark.parametrize(
    ("figure", "reading"),
    [
        (Figure("fidelity.shape", 0.01), "There is no holdout to read it against."),
        (Figure("fidelity.shape", 0.01, reference=0.0), "1.0 percentage points further off"),
        (Figure("fidelity.shape", 0.01, reference=0.001, matched=0.001), "As close as fresh real rows."),
        (Figure("fidelity.detection", -0.1, reference=0.0, direction="higher"), "0.10 below fresh real rows."),
        (
            Figure("privacy.dcr_share", 0.6, 0.58, 0.62, direction="target", target=0.5),
            "Above the ideal: the rows lean",
        ),
        (Figure("privacy.dcr_share", 0.4, 0.38, 0.42, direction="target", target=0.5), "Below the ideal"),
        (Figure("privacy.copies", 0.001, reference=0.0), "More often than rows that the model never saw."),
        (Figure("privacy.copies", 0.003, reference=0.001), "3.0 times as often"),
        (Figure("privacy.copies", 0.003, reference=0.001, rows=30_000), "3.0 times as often"),
        (
            Figure("privacy.copies", 0.003, reference=0.001, rows=2_000),
            "No more often than rows that the model never saw, as chance goes.",
        ),
    ],
)
def test_figures_are_read_against_their_marks(figure: Figure, reading: str) -> None:
    assert figure.reading().startswith(reading)


def printed(facts: dict[str, object]) -> str:
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(terminal_summary(Report(facts)))
    return console.export_text()


def test_the_terminal_shows_verdict_alerts_and_figures() -> None:
    text = printed(sample_facts(verdict="fail"))
    assert (
        text.index("No: real rows shine through.")
        < text.index("Training rows were repeated")
        < text.index("Shape error")
    )
    assert "0.62%" in text


def test_the_terminal_reads_no_markup_in_names() -> None:
    facts = copy.deepcopy(sample_facts(verdict="warn"))
    facts["alerts"][0]["title"] = "[red]a[/red] [/] is odd"
    facts["columns"][6]["name"] = "[bold]country"
    text = printed(facts)
    assert "[red]a[/red] [/] is odd" in text
    assert "[bold]country" in text


def test_the_management_is_told_the_answer_and_what_to_do() -> None:
    for verdict, answer, last in (
        ("pass", "Yes, under the policy applied.", "Nothing has to be mended"),
        ("fail", "No: real rows shine through.", "To be looked at: Training rows were repeated"),
    ):
        told = words.summary(Report(sample_facts(verdict=verdict)))
        assert f"May it be shared? {answer}" in told[1]
        assert last in told[-1]
        assert any("Detection score 0.88" in sentence for sentence in told)
        assert any("No mathematical guarantee" in sentence for sentence in told)
    judged = words.summary(Report(sample_facts(holdout=False, model=None)))
    assert judged[0] == "A table of 48,842 invented rows was made by another generator."


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (".uploads/0123456789abcdef/a.csv", "a.csv"),
        ("../data/a.csv", "../data/a.csv"),
        ("./a.csv", "./a.csv"),
        (".hidden.csv", ".hidden.csv"),
        ("postgresql://db/shop", "postgresql://db/shop"),
    ],
)
def test_where_an_upload_lies_is_not_told(source: str, told: str) -> None:
    facts = sample_facts()
    facts["run"]["source"] = source
    assert words.source(Report(facts)) == told
