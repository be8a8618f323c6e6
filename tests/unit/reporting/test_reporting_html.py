"""The page: self-contained, escaped, small, and whole whatever is missing."""

from __future__ import annotations

import copy
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from unit.reporting.sample_report import sample_facts

from synthdata.reporting.html import part_styles, render, render_part
from synthdata.reporting.report import Report

MOST_BYTES = 3_000_000
EVIL = "</script><script>alert('x')</script>"


class Page(HTMLParser):
    """What a browser would find: tags, addresses, ids and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.identifiers: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.hidden = False
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.hidden = tag in ("script", "style")
        for name, value in attributes:
            if name in ("src", "href", "srcset", "action", "data", "poster", "xlink:href", "formaction"):
                self.addresses.append(value or "")
            elif name == "id":
                self.identifiers.append(value or "")
            assert not name.startswith("on"), f"{tag} has {name}"

    def handle_endtag(self, tag: str) -> None:
        self.hidden = False

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def page(**changes: Any) -> Page:
    return Page(render(Report(sample_facts(**changes))))


@pytest.mark.parametrize("columns", [50, 150])
def test_size_stays_below_the_cap(columns: int) -> None:
    text = render(Report(sample_facts(columns)))
    assert len(text.encode()) < MOST_BYTES
    assert text.count('class="card"') == columns - 1


def test_nothing_is_fetched() -> None:
    text = render(Report(sample_facts(verdict="warn")))
    found = Page(text)
    assert all(address.startswith("#") for address in found.addresses)
    assert not re.search(r"@import|url\(|https?://|//cdn|fetch\(|XMLHttpRequest|import\(", text)
    assert "default-src 'none'" in text
    assert not {"link", "iframe", "img", "object", "embed", "form"} & set(found.tags)


def named(name: str) -> Page:
    """A page with this text wherever a table's owner may write one."""
    facts = copy.deepcopy(sample_facts(verdict="warn"))
    facts["columns"][1]["name"] = name
    facts["columns"][2]["chart"]["categories"][0] = name
    facts["pairs"]["columns"][0] = name
    facts["pairs"]["worst"][0]["columns"] = [name, name]
    facts["alerts"][1]["columns"] = [name]
    facts["alerts"][1]["text"] = facts["notes"][0] = name
    facts["run"]["source"] = f"table://{name}"
    facts["run"]["parameters"] = {name: name}
    facts["checks"]["source"][0] = {"column": name, "check": name, "passed": False, "detail": name, "advice": name}
    facts["model"].pop("graph")  # names are cut short in it
    return Page(render(Report(facts)))


@pytest.mark.parametrize(
    "evil",
    [
        EVIL,
        "<img src=x onerror=alert(1)>",
        '" onmouseover="x',
        "a & b",
        "naïve ß 身長 🙂",
        "\u202eabc",
        "{{ 7 * 7 }}",
        "<!--",
    ],
)
def test_names_are_shown_as_they_are(evil: str) -> None:
    found, plain = named(evil), named("harmless")
    assert found.tags == plain.tags
    assert found.text.count(evil) == plain.text.count("harmless") > 10


def test_links_lead_somewhere_and_identifiers_are_unique() -> None:
    found = page(verdict="fail")
    assert len(found.identifiers) == len(set(found.identifiers))
    assert {address[1:] for address in found.addresses} <= set(found.identifiers)


def test_columns_of_one_name_apart_stay_apart() -> None:
    facts = sample_facts()
    facts["columns"][1]["name"] = facts["columns"][3]["name"]
    found = Page(render(Report(facts)))
    assert len(found.identifiers) == len(set(found.identifiers))


def test_without_a_holdout_nothing_is_compared_with_one() -> None:
    found = page(holdout=False, model=None)
    assert "Not on this evidence." in found.text
    assert "There is no holdout to read it against." in found.text
    assert "Holdout Find a column" not in found.text
    assert "made by another generator" in found.text


def test_a_report_of_nothing_but_the_required_parts_renders() -> None:
    facts = {
        "version": 1,
        "verdict": "warn",
        "run": {"rows": {}},
        "fidelity": {},
        "utility": {},
        "privacy": {},
        "columns": [],
    }
    found = Page(render(Report(facts)))
    for part in (
        "Nothing was measured.",
        "No column could be compared.",
        "too few columns",
        "Usefulness was not measured.",
    ):
        assert part in found.text


def strip(value: Any) -> Any:
    """The facts with every optional figure, text and list emptied."""
    if isinstance(value, dict):
        return {key: strip(part) for key, part in value.items()}
    if isinstance(value, list):
        return [strip(part) for part in value]
    return None if isinstance(value, float) else value


def test_figures_that_could_not_be_computed_are_said_to_be_missing() -> None:
    facts = sample_facts()
    for dimension in ("fidelity", "utility", "privacy"):
        for name, figure in facts[dimension].items():
            if name not in ("verdict", "details"):
                figure |= {"value": None, "interval": None, "reference": None, "text": f"No {name} here."}
    for column in facts["columns"]:
        if column["shape"]:
            column["shape"] = strip(column["shape"]) | {"interval": None, "text": "Too few rows."}
            column["chart"] = None
            column["summary"] = None
    facts["pairs"] = {"columns": [], "worst": []}
    facts["privacy"]["details"] = {}
    facts["utility_details"] = {"target": None, "reason": "No target."}
    found = Page(render(Report(facts)))
    for name in ("shape", "trend", "detection", "tstr", "dcr_share", "copies"):
        assert f"No {name} here." in found.text
    assert found.text.count("Too few rows.") == len(facts["columns"]) - 1
    assert not re.search(r"\bNone\b(?! of them)", found.text)
    assert "nan" not in found.text.split()


def test_the_verdict_comes_before_the_figures() -> None:
    text = page(verdict="fail").text
    assert "Internal edition" in text
    text = text[text.index("Internal edition") :]
    places = [
        text.index(part) for part in ("No: real rows", "Must be mended", "Three scores", "Column by column", "Glossary")
    ]
    assert places == sorted(places)


def test_parts_for_the_dashboard_link_nowhere() -> None:
    report = Report(sample_facts(verdict="warn"))
    for part in (
        "masthead",
        "verdict",
        "alerts",
        "scores",
        "finding",
        "tests",
        "usefulness",
        "checks",
        "model",
        "provenance",
        "methods",
        "glossary",
    ):
        found = Page(render_part(report, part))
        assert [each for each in found.addresses if not each.startswith("data:image/svg+xml;")] == []
        assert "script" not in found.tags
        assert found.text
    for theme in ("light", "dark"):
        assert part_styles(theme).startswith("<style>.synthdata-view {")  # type: ignore[arg-type]
