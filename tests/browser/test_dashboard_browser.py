"""The dashboard in a real browser, started as its users start it: list, run, every part, and back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from browser.serving import PATIENCE, has_count, served
from browser.watched_page import watched
from unit.dashboards.sample_runs import STRANGE, make_runs

pytest.importorskip("streamlit")

from dashboards.report_page import TABS

sync_api = pytest.importorskip("playwright.sync_api")

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard over one run of every fate."""
    with served(make_runs(tmp_path_factory.mktemp("dashboard") / "runs")) as address:
        yield address


def test_a_reviewer_walks_from_the_list_through_a_report_and_back(browser: Browser, address: str) -> None:
    with watched(browser, height=1200) as seen:
        page = seen.page
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        page.get_by_role("link", name="Open good").wait_for()
        has_count(page, "article.run", 11)
        seen.picture("dashboard-list")
        page.get_by_role("link", name="Open good").click()
        page.get_by_role("heading", name="Yes, under the policy applied.").wait_for()
        page.wait_for_url("**run=good*")
        landmarks = {
            "fidelity": page.locator(".js-plotly-plot").first,
            "relations": page.get_by_role("heading", name="Pairs that came out worst"),
            "privacy": page.get_by_text("No leak found", exact=False).first,
            "usefulness": page.get_by_text("Trained on synthetic rows", exact=True),
            "data": page.get_by_text("The first 60 of 60 rows"),
            "checks": page.get_by_text("857 of 48,842 rows are null"),
            "review": page.get_by_text("Nobody has decided on this run yet."),
            "model": page.get_by_text("smoothing = 0.5"),
            "provenance": page.get_by_text("fit 2.9 s"),
            "verdict": page.get_by_text("May it be shared?"),
        }
        assert set(landmarks) == set(TABS)
        for tab, landmark in landmarks.items():
            page.get_by_role("radio", name=TABS[tab][0], exact=True).click()
            landmark.wait_for()
            page.wait_for_url(f"**tab={tab}*")
            page.wait_for_load_state("networkidle")
            seen.picture(f"dashboard-{tab}")
        page.go_back()
        page.get_by_text("fit 2.9 s").wait_for()
        page.get_by_role("link", name="All runs").click()
        page.get_by_role("link", name="Open leaky").wait_for()
        page.wait_for_url(lambda url: "run=" not in url)
        assert seen.errors == []
        assert seen.foreign(address.removeprefix("http://")) == []


def test_a_link_leads_to_a_run_a_part_and_a_column(browser: Browser, address: str) -> None:
    with watched(browser) as seen:
        page = seen.page
        page.set_default_timeout(PATIENCE)
        page.goto(f"{address}/?run=leaky&tab=fidelity&column=age")
        page.locator(".js-plotly-plot").first.wait_for()
        sync_api.expect(page.get_by_role("radio", name="Columns", exact=True)).to_be_checked()
        column = page.locator("[data-testid=stSelectbox]").get_by_role("combobox")
        sync_api.expect(column).to_have_value(re.compile("^age"))
        page.goto(f"{address}/?run=leaky&tab=privacy")
        page.get_by_text("✕ Leak found").wait_for()
        assert seen.errors == []


def test_a_pair_that_is_clicked_is_drawn(browser: Browser, address: str) -> None:
    with watched(browser) as seen:
        page = seen.page
        page.set_default_timeout(PATIENCE)
        page.goto(f"{address}/?run=good&tab=relations&pair=education+with+income")
        pair = page.get_by_role("combobox", name="Pair, the worst first")
        sync_api.expect(pair).to_have_value(re.compile("^education with income"))
        page.locator(".js-plotly-plot").nth(5).wait_for()
        marks = page.locator(".js-plotly-plot").first.locator(".scatterlayer .point")
        # The first row is that of age, where no mark lies on the diagonal.
        sync_api.expect(marks).to_have_count(14 * 13)
        box = marks.nth(3).bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_url("**pair=age+with+*sex*")
        sync_api.expect(pair).to_have_value(re.compile("^age with <b>sex</b> & größe"))
        seen.picture("dashboard-pair")
        assert seen.errors == []


def test_search_narrows_the_list(browser: Browser, address: str) -> None:
    with watched(browser) as seen:
        seen.page.set_default_timeout(PATIENCE)
        seen.page.goto(address)
        seen.page.get_by_label("Find a run").fill("gmm")
        seen.page.get_by_label("Find a run").press("Enter")
        seen.page.get_by_text("1 run, the newest first").wait_for()
        has_count(seen.page, "article.run", 1)
        assert seen.errors == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("torn", "torn/report.json is damaged"),
        ("going", "You may close this page"),
        ("failed", "the disk is full"),
        ("stopped", "Stopped by the user"),
        ("junk", "is damaged"),
        ("nowhere", "No such run"),
    ],
)
def test_a_run_without_a_report_is_no_dead_end(browser: Browser, address: str, name: str, said: str) -> None:
    with watched(browser) as seen:
        seen.page.set_default_timeout(PATIENCE)
        seen.page.goto(f"{address}/?run={name}")
        seen.page.get_by_text(said, exact=False).first.wait_for()
        seen.page.get_by_role("link", name="All runs").wait_for()
        assert "/home/ann" not in seen.page.content()
        assert seen.errors == []
        seen.picture(f"dashboard-run-{name}")


def test_markup_in_names_stays_text(browser: Browser, address: str) -> None:
    with watched(browser) as seen:
        seen.page.set_default_timeout(PATIENCE)
        seen.page.goto(address)
        seen.page.get_by_role("link", name="Open good").wait_for()
        has_count(seen.page, "article.run", 11)
        shown = seen.page.locator("article.run h2").all_inner_texts()
        assert STRANGE.replace("/", "|") in shown
        seen.page.goto(f"{address}/?run=good&tab=fidelity&column=%3Cb%3Esex%3C%2Fb%3E+%26+gr%C3%B6%C3%9Fe")
        seen.page.locator(".js-plotly-plot").first.wait_for()
        assert seen.page.locator("b", has_text="sex").count() == 0
        assert seen.page.locator("b", has_text="bold").count() == 0
        assert seen.errors == []
