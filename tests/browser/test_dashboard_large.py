"""The dashboard over very many runs and columns, in a real browser: it lists, finds, and fits the screen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from browser.serving import choose, has_count, served
from browser.watched_page import Watched
from unit.dashboards.sample_runs import make_run
from unit.reporting.sample_report import sample_facts

pytest.importorskip("streamlit")

from dashboards.home import PAGE_SIZE
from dashboards.report_page import TABS

pytestmark = pytest.mark.browser

RUNS = 200


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    runs = tmp_path_factory.mktemp("large") / "runs"
    first = make_run(runs, "run-000", facts=sample_facts())
    for number in range(1, RUNS - 1):
        shutil.copytree(first, runs / f"run-{number:03}")
    make_run(runs, "wide", facts=sample_facts(150, verdict="warn"), started="2026-04-01T00:00:00+00:00")
    with served(runs) as address:
        yield address


def test_two_hundred_runs_come_a_page_at_a_time_and_are_found(seen: Watched, address: str) -> None:
    page = seen.page
    page.goto(address)
    page.get_by_text("200 runs, the newest first").wait_for()
    has_count(page, "article.run", PAGE_SIZE)
    page.get_by_role("button", name=f"Show {PAGE_SIZE} more").click()
    has_count(page, "article.run", 2 * PAGE_SIZE)
    page.get_by_text("More filters").click()
    seen.rerun()
    choose(page, "Verdict", "With care")
    page.get_by_text("1 run, the newest first").wait_for()
    has_count(page, "article.run", 1)
    page.goto(address + "/?verdict=pass")
    page.get_by_text("199 runs, the newest first").wait_for()
    chosen = page.get_by_role("combobox", name="Verdict")
    chosen.wait_for()
    assert chosen.input_value() == "May be shared"
    page.get_by_label("Find a run").fill("run-177")
    page.get_by_label("Find a run").press("Enter")
    page.get_by_text("1 run, the newest first").wait_for()
    # Cards that are about to go may still stand beside the one that was found.
    has_count(page, "article.run", 1)
    page.get_by_role("link", name="Open run-177").click()
    page.get_by_role("heading", name="Yes, under the policy applied.").wait_for()
    assert seen.errors == []


def test_a_hundred_and_fifty_columns_fit_every_part(seen: Watched, address: str) -> None:
    landmarks = {
        "verdict": "May it be shared?",
        "fidelity": "What gives synthetic rows away",
        "relations": "Pairs that came out worst",
        "privacy": "How far is the closest real row?",
        "checks": "857 of 48,842 rows are null",
        "model": "smoothing = 0.5",
        "provenance": "fit 2.9 s",
    }
    page = seen.page
    page.goto(f"{address}/?run=wide")
    for part, landmark in landmarks.items():
        page.get_by_role("radio", name=TABS[part][0], exact=True).click()
        page.get_by_text(landmark).first.wait_for()
        seen.settle()
        for width in (400, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_function("innerWidth === document.documentElement.clientWidth")
            assert seen.overflow() <= 0, f"{part} at {width}"
        seen.picture(f"dashboard-wide-{part}")
    assert seen.errors == []
