"""report.html in a real browser, opened from disk: it fetches nothing, works by hand or without JavaScript, prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser.accessibility import MISSING, axe_text, grave_findings
from browser.watched_page import watched
from unit.reporting.sample_report import sample_facts

from synthdata.reporting.html import render
from synthdata.reporting.report import Report

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Reports on disk by what they are of; their addresses."""
    folder = tmp_path_factory.mktemp("reports")
    kinds = {
        "pass": sample_facts(),
        "fail": sample_facts(verdict="fail"),
        "alone": sample_facts(holdout=False, model=None),
        "many": sample_facts(50, verdict="warn"),
    }
    addresses = {}
    for kind, facts in kinds.items():
        path: Path = folder / f"{kind}.html"
        path.write_text(render(Report(facts)), encoding="utf-8")
        addresses[kind] = path.as_uri()
    return addresses


@pytest.mark.parametrize("kind", ["pass", "fail", "alone", "many"])
@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 400)])
def test_it_opens_from_disk_without_a_fetch(
    browser: Browser, pages: dict[str, str], kind: str, theme: str, width: int
) -> None:
    with watched(browser, width=width, theme=theme) as seen:  # type: ignore[arg-type]
        seen.page.goto(pages[kind])
        assert seen.requests == [pages[kind]]
        assert seen.errors == []
        assert seen.overflow() <= 0
        assert seen.page.get_by_role("heading", level=1).inner_text() == "census.csv"
        seen.picture(f"report-{kind}-{theme}-{width}")


@pytest.mark.parametrize(("kind", "theme"), [("pass", "light"), ("many", "dark"), ("fail", "light"), ("fail", "dark")])
def test_it_has_no_serious_finding(browser: Browser, pages: dict[str, str], kind: str, theme: str) -> None:
    axe = axe_text()
    if axe is None:
        pytest.skip(MISSING)
    with watched(browser, theme=theme) as seen:  # type: ignore[arg-type]
        seen.page.goto(pages[kind])
        assert grave_findings(seen.page, axe) == []


def test_axe_sees_what_is_wrong(browser: Browser) -> None:
    axe = axe_text()
    if axe is None:
        pytest.skip(MISSING)
    with watched(browser) as seen:
        seen.page.set_content('<html lang="en"><title>T</title><main><h1>A</h1><button></button></main></html>')
        assert any(finding.startswith("button-name") for finding in grave_findings(seen.page, axe))


def test_columns_are_found_and_sorted(browser: Browser, pages: dict[str, str]) -> None:
    with watched(browser) as seen:
        seen.page.goto(pages["many"])
        cards = seen.page.locator(".card:visible")
        assert cards.count() == 49
        seen.page.get_by_label("Find a column").fill("Größe")
        assert cards.count() == 1
        assert cards.locator("h3").inner_text() == "<b>sex</b> & größe"
        seen.page.get_by_label("Find a column").fill("nothing like it")
        assert cards.count() == 0
        assert seen.page.get_by_text("No column has that in its name.").is_visible()
        seen.page.get_by_label("Find a column").fill("")
        for order, first in (("position", "age"), ("name", "<b>sex</b> & größe")):
            seen.page.get_by_label("Order of the columns").select_option(order)
            assert cards.first.locator("h3").inner_text() == first
        seen.page.get_by_label("Order of the columns").select_option("error")
        shown = [float(text.strip("%")) for text in cards.locator(".error").all_inner_texts()]
        assert shown == sorted(shown, reverse=True)


def test_an_alert_leads_to_its_column(browser: Browser, pages: dict[str, str]) -> None:
    with watched(browser) as seen:
        seen.page.goto(pages["fail"])
        link = seen.page.locator(".alert a").first
        name = link.inner_text()
        link.click()
        assert seen.page.locator(".card:target h3").inner_text() == name


def test_the_theme_can_be_turned_and_is_remembered(browser: Browser, pages: dict[str, str]) -> None:
    with watched(browser, theme="light") as seen:
        seen.page.goto(pages["pass"])
        ground = "getComputedStyle(document.body).backgroundColor"
        light = seen.page.evaluate(ground)
        seen.page.get_by_role("button", name="Dark").click()
        dark = seen.page.evaluate(ground)
        assert dark != light
        seen.page.reload()
        assert seen.page.evaluate(ground) == dark
        seen.page.get_by_role("button", name="Light").click()
        assert seen.page.evaluate(ground) == light


def test_a_pair_is_named_under_the_pointer(browser: Browser, pages: dict[str, str]) -> None:
    with watched(browser) as seen:
        seen.page.goto(pages["pass"])
        heatmap = seen.page.locator("svg.heatmap").first
        heatmap.scroll_into_view_if_needed()
        box = heatmap.bounding_box()
        assert box is not None
        cell = box["width"] / 14
        seen.page.mouse.move(box["x"] + 1.5 * cell, box["y"] + 0.5 * cell)
        assert seen.page.locator("#pair-reading").inner_text().startswith("age with education: real ")


def test_explanations_open_without_javascript(browser: Browser, pages: dict[str, str]) -> None:
    with watched(browser, java_script_enabled=False) as seen:
        seen.page.goto(pages["pass"])
        assert seen.page.locator(".card").count() == 14
        assert not seen.page.locator("#column-controls").is_visible()
        assert not seen.page.locator("#theme").is_visible()
        hint = seen.page.locator(".hint").first
        hint.locator("summary").click()
        assert hint.get_by_text("What good looks like.").is_visible()


def test_keyboard_users_can_skip_to_the_verdict(browser: Browser, pages: dict[str, str]) -> None:
    with watched(browser) as seen:
        seen.page.goto(pages["pass"])
        seen.page.keyboard.press("Tab")
        assert seen.page.evaluate("document.activeElement.textContent") == "Skip to the verdict"


def test_it_prints_on_paper(browser: Browser, pages: dict[str, str], tmp_path: Path) -> None:
    with watched(browser, theme="dark") as seen:
        seen.page.goto(pages["pass"])
        seen.page.emulate_media(media="print")
        assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not seen.page.locator(".rail").is_visible()
        printed = seen.page.pdf(prefer_css_page_size=True, print_background=True)
        assert printed.startswith(b"%PDF")
        assert b"/MediaBox [0 0 594" in printed  # A4 is 595 points wide
        seen.picture("report-print")
