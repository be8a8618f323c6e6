"""The dashboard in a real browser, started as its users start it: every page and part, links, clicks, broken runs."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from browser.accessibility import MISSING, axe_text, grave_findings
from browser.serving import has_count, served
from browser.watched_page import Watched
from unit.dashboards.sample_runs import STRANGE, make_runs

pytest.importorskip("streamlit")

from dashboards.report_page import TABS

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.browser

# By part: a text that is there once it is drawn.
PARTS = {
    "fidelity": "What gives synthetic rows away",
    "relations": "Pairs that came out worst",
    "privacy": "How far is the closest real row?",
    "usefulness": "Trained on synthetic rows",
    "data": "The first 60 of 60 rows",
    "checks": "857 of 48,842 rows are null",
    "review": "Your decision",
    "model": "smoothing = 0.5",
    "provenance": "fit 2.9 s",
    "verdict": "May it be shared?",
}
PAGES = {
    "Compare": "What changed between two",
    "Generate": "There is no saved model yet",
    "New run": "Where is it?",
}
BROKEN = {
    "torn": "torn/report.json is damaged",
    "going": "You may close this page",
    "failed": "the disk is full",
    "stopped": "Stopped by the user",
    "junk": "is damaged",
    "nowhere": "No such run",
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard over one run of every fate."""
    with served(make_runs(tmp_path_factory.mktemp("dashboard") / "runs")) as address:
        yield address


class Look:
    """Looks at pages: each fits a wide and a narrow screen, as pictures keep, and axe-core finds nothing serious."""

    def __init__(self, seen: Watched, theme: str) -> None:
        self.seen, self.theme, self.axe = seen, theme, axe_text()
        self.found: dict[str, list[str]] = {}

    def at(self, what: str, landmark: str) -> None:
        """Look at the page once its landmark is there."""
        self.seen.page.get_by_text(landmark).first.wait_for()
        self.seen.settle()
        if self.axe is not None and (findings := grave_findings(self.seen.page, self.axe)):
            self.found[what] = findings
        own = self.seen.page.viewport_size or {}
        for width in (1280, 400) if own["width"] == 400 else (400, 1280):
            self.seen.page.set_viewport_size({"width": width, "height": 900})
            self.seen.page.wait_for_function("innerWidth === document.documentElement.clientWidth")
            self.seen.unfold()
            assert self.seen.overflow() <= 0, f"{what} at {width}, unfolded"
            self.seen.unfold(False)
            assert self.seen.overflow() <= 0, f"{what} at {width}"
            self.seen.picture(f"page-{what.replace(' ', '-').lower()}-{self.theme}-{width}")


@pytest.mark.parametrize(
    ("theme", "width", "run", "answer"),
    [("light", 1280, "good", "Yes, under the policy applied."), ("dark", 400, "leaky", "No: real rows shine through.")],
)
def test_every_page_can_be_walked_to_and_used_by_everybody(
    seen: Watched, address: str, theme: str, width: int, run: str, answer: str
) -> None:
    page, look = seen.page, Look(seen, theme)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.goto(address)
    has_count(page, "article.run", 11)
    look.at("runs", f"Open {run}")
    page.get_by_role("link", name=f"Open {run}").click()
    page.get_by_role("heading", name=answer).wait_for()
    page.wait_for_url(f"**run={run}*")
    assert set(PARTS) == set(TABS)
    for part, landmark in PARTS.items():
        page.get_by_role("radio", name=TABS[part][0], exact=True).click()
        page.wait_for_url(f"**tab={part}*")
        if part in ("model", "relations"):
            has_count(page, ".maps img", 1 if part == "model" else 4)
            page.wait_for_function("[...document.querySelectorAll('.maps img')].every(each => each.naturalWidth)")
        look.at(part, landmark)
    page.go_back()
    page.get_by_text(PARTS["provenance"]).wait_for()
    page.get_by_role("link", name="All runs").click()
    page.get_by_role("link", name="Open leaky").wait_for()
    page.wait_for_url(lambda url: "run=" not in url)
    for title, landmark in PAGES.items():
        page.get_by_role("link", name=title, exact=True).click()
        look.at(title, landmark)
    assert look.found == {}
    assert seen.errors == []
    assert seen.foreign(address.removeprefix("http://")) == []
    if look.axe is None:
        pytest.skip(MISSING)


def test_a_run_without_a_report_is_no_dead_end(seen: Watched, address: str) -> None:
    seen.page.set_viewport_size({"width": 400, "height": 900})
    look = Look(seen, "light")
    for name, said in BROKEN.items():
        seen.page.goto(f"{address}/?run={name}")
        if name == "going":
            seen.page.get_by_text("Held-out quality", exact=True).wait_for()
            seen.page.locator(".js-plotly-plot .point").nth(2).wait_for()
        look.at(f"run-{name}", said)
        seen.page.get_by_role("link", name="All runs").wait_for()
        assert "/home/ann" not in seen.page.content()
    assert look.found == {}
    assert seen.errors == []


def test_a_link_leads_to_a_run_a_part_and_a_column(seen: Watched, address: str) -> None:
    page = seen.page
    page.goto(f"{address}/?run=leaky&tab=fidelity&column=age")
    page.locator(".js-plotly-plot").first.wait_for()
    sync_api.expect(page.get_by_role("radio", name="Columns", exact=True)).to_be_checked()
    column = page.locator("[data-testid=stSelectbox]").get_by_role("combobox")
    sync_api.expect(column).to_have_value(re.compile("^age"))
    page.goto(f"{address}/?run=leaky&tab=privacy")
    page.get_by_text("✕ Leak found").wait_for()
    assert seen.errors == []


def test_a_pair_that_is_clicked_in_a_matrix_or_in_the_list_is_drawn(seen: Watched, address: str) -> None:
    page = seen.page
    page.goto(f"{address}/?run=good&tab=relations&pair=education+with+income")
    pair = page.get_by_role("combobox", name="Pair, the worst first")
    sync_api.expect(pair).to_have_value(re.compile("^education with income"))
    page.locator(".js-plotly-plot").nth(5).wait_for()
    marks = page.locator(".js-plotly-plot").first.locator(".scatterlayer .point")
    # The first row is that of age, where no mark lies on the diagonal.
    sync_api.expect(marks).to_have_count(14 * 13)
    seen.settle()
    box = marks.nth(3).bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url("**pair=age+with+*sex*")
    sync_api.expect(pair).to_have_value(re.compile("^age with <b>sex</b> & größe"))
    seen.settle()
    # The list is drawn on a canvas: the box to tick is at the left of each row, 35 pixels a row below the titles.
    page.locator("[data-testid=stDataFrame]").first.click(position={"x": 20, "y": 35 * 2.5})
    page.wait_for_url(lambda url: "pair=age+with" not in url)
    sync_api.expect(pair).not_to_have_value(re.compile("^age with"))
    seen.picture("dashboard-pair")
    assert seen.errors == []


def test_search_narrows_the_list_and_the_rows(seen: Watched, address: str) -> None:
    page = seen.page
    page.goto(address)
    page.get_by_label("Find a run").fill("gmm")
    page.get_by_label("Find a run").press("Enter")
    page.get_by_text("1 run, the newest first").wait_for()
    has_count(page, "article.run", 1)
    page.goto(f"{address}/?run=good&tab=data")
    page.get_by_label("Find rows").fill("47")
    page.get_by_label("Find rows").press("Enter")
    page.get_by_text("All 1 of 60 rows that hold it.").wait_for()
    page.wait_for_url("**holding=47*")
    assert seen.errors == []


def test_markup_in_names_stays_text(seen: Watched, address: str) -> None:
    page = seen.page
    page.goto(address)
    page.get_by_role("link", name="Open good").wait_for()
    has_count(page, "article.run", 11)
    assert STRANGE.replace("/", "|") in page.locator("article.run h2").all_inner_texts()
    page.goto(f"{address}/?run=good&tab=fidelity&column=%3Cb%3Esex%3C%2Fb%3E+%26+gr%C3%B6%C3%9Fe")
    page.locator(".js-plotly-plot").first.wait_for()
    assert page.locator("b", has_text="sex").count() == 0
    assert page.locator("b", has_text="bold").count() == 0
    assert seen.errors == []
