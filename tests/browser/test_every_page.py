"""Every page, wide and light, narrow and dark: it fits the screen, is kept as a picture, and axe-core is content."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from browser.accessibility import MISSING, axe_text, grave_findings
from browser.serving import PATIENCE, served
from browser.watched_page import watched
from unit.dashboards.sample_runs import make_run
from unit.reporting.sample_report import sample_facts

from synthdata.reporting.html import render
from synthdata.reporting.report import Report

pytest.importorskip("streamlit")
expect = pytest.importorskip("playwright.sync_api").expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

# By address: a text that is there once the page is drawn.
PAGES = {
    "": "Open leaky",
    "?run=leaky": "No: real rows shine through.",
    "?run=leaky&tab=fidelity": "What gives synthetic rows away",
    "?run=leaky&tab=relations": "Pairs that came out worst",
    "?run=leaky&tab=privacy": "How far is the closest real row?",
    "?run=leaky&tab=usefulness": "Trained on synthetic rows",
    "?run=leaky&tab=data": "The first 60 of 60 rows",
    "?run=leaky&tab=checks": "857 of 48,842 rows are null",
    "?run=leaky&tab=model": "smoothing = 0.5",
    "?run=leaky&tab=provenance": "fit 2.9 s",
    "?run=leaky&tab=review": "Your decision",
    "?run=going": "You may close this page",
    "?run=failed": "the disk is full",
    "?run=nowhere": "No such run",
    "compare": "What changed between two",
    "generate": "There is no saved model yet",
    "new-run": "Where is it?",
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    runs = tmp_path_factory.mktemp("accessible") / "runs"
    make_run(runs, "good", facts=sample_facts())
    make_run(runs, "leaky", facts=sample_facts(verdict="fail"), model="gmm")
    make_run(runs, "going", "running")
    make_run(runs, "failed", "failed", message="the disk is full")
    with served(runs) as address:
        yield address


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 400)])
def test_every_page_of_the_dashboard_can_be_used_by_everybody(
    browser: Browser, address: str, theme: Literal["light", "dark"], width: int
) -> None:
    axe = axe_text()
    found: dict[str, list[str]] = {}
    with watched(browser, theme=theme, width=width) as seen:
        page = seen.page
        page.set_default_timeout(PATIENCE)
        for path, landmark in PAGES.items():
            page.goto(f"{address}/{path}")
            settled(page, landmark)
            if path.endswith(("tab=model", "tab=relations")):
                drawings = page.locator(".maps img")
                expect(drawings).to_have_count(1 if path.endswith("model") else 4)
                page.wait_for_function("[...document.querySelectorAll('.maps img')].every(each => each.naturalWidth)")
            if axe is not None:
                found[path] = grave_findings(page, axe)
            assert seen.overflow() <= 0, path
            name = path.replace("?run=", "").replace("&tab=", "-") or "runs"
            seen.picture(f"page-{name}-{theme}-{width}")
        assert {path: findings for path, findings in found.items() if findings} == {}
        assert seen.errors == []
    if axe is None:
        pytest.skip(MISSING)


def settled(page: Page, landmark: str) -> None:
    """Wait until a page is drawn and nothing on it is still fading in."""
    page.get_by_text(landmark).first.wait_for()
    page.wait_for_load_state("networkidle")
    page.locator("[data-testid=stStatusWidget]").wait_for(state="detached")
    page.wait_for_timeout(300)


@pytest.mark.parametrize(
    ("verdict", "theme"), [("pass", "light"), ("warn", "dark"), ("fail", "light"), ("fail", "dark")]
)
def test_the_report_has_no_serious_finding(browser: Browser, tmp_path: Path, theme: str, verdict: str) -> None:
    axe = axe_text()
    if axe is None:
        pytest.skip(MISSING)
    page = tmp_path / "report.html"
    page.write_text(render(Report(sample_facts(verdict=verdict))), encoding="utf-8")
    with watched(browser, theme=theme) as seen:  # type: ignore[arg-type]
        seen.page.goto(page.as_uri())
        assert grave_findings(seen.page, axe) == []


def test_axe_sees_what_is_wrong(browser: Browser) -> None:
    axe = axe_text()
    if axe is None:
        pytest.skip(MISSING)
    with watched(browser) as seen:
        seen.page.set_content('<html lang="en"><title>T</title><main><h1>A</h1><button></button></main></html>')
        assert any(finding.startswith("button-name") for finding in grave_findings(seen.page, axe))
